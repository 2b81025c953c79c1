//! Servers on this machine: a real S3, one between that cuts connections, one that answers as it is
//! told.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The bucket that is there.
pub const BUCKET: &str = "cache";
/// The credentials that are let in.
pub const KEY: &str = "AKIAEXAMPLE";
/// The secret that belongs to them.
pub const SECRET: &str = "a-secret-of-the-test";

/// A server that speaks S3, and keeps objects as files of a folder.
pub struct S3Server {
    folder: TempDir,
    address: SocketAddr,
    /// Ends with the server.
    _runtime: Runtime,
}

impl S3Server {
    /// A server with one empty bucket.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join(BUCKET)).expect("made");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a folder"));
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listen = tokio::net::TcpListener::bind("127.0.0.1:0");
        let listener = runtime.block_on(listen).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let service = service.clone();
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    // A connection that is cut is the matter of whoever cuts it.
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { folder, address, _runtime: runtime }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The files of the objects whose names end so, in order.
    pub fn objects(&self, ending: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files_below(&self.folder.path().join(BUCKET), &mut found);
        found.retain(|path| path.to_string_lossy().ends_with(ending));
        found.sort();
        found
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

/// Stands before a server, and cuts connections in their middle.
pub struct CuttingProxy {
    address: SocketAddr,
    left: Arc<AtomicUsize>,
}

impl CuttingProxy {
    /// Cuts the first `cuts` connections over which `bytes` have gone, both ways together.
    pub fn start(server: SocketAddr, cuts: usize, bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let left = Arc::new(AtomicUsize::new(cuts));
        let of_thread = left.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let Ok(server) = TcpStream::connect(server) else { continue };
                let gone = Arc::new(AtomicUsize::new(0));
                let ways = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
                for (from, to) in ways {
                    let (from, to) = (from.expect("a handle"), to.expect("a handle"));
                    let (gone, left) = (gone.clone(), of_thread.clone());
                    std::thread::spawn(move || carry(from, to, &gone, &left, bytes));
                }
            }
        });
        Self { address, left }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts that were not made yet.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

/// Carries bytes one way, until one end closes or it is cut.
fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    gone: &AtomicUsize,
    left: &AtomicUsize,
    limit: usize,
) {
    let mut bytes = [0; 4096];
    loop {
        let read = from.read(&mut bytes).unwrap_or(0);
        if read == 0 || to.write_all(&bytes[..read]).is_err() {
            break;
        }
        let before = gone.fetch_add(read, Ordering::SeqCst);
        let passes = before < limit && before + read >= limit;
        let take = |left: usize| left.checked_sub(1);
        if passes && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            break;
        }
    }
    for end in [from, to] {
        // It may be closed already.
        let _ = end.shutdown(Shutdown::Both);
    }
}

/// A server that gives every request the same answer; gives its address.
pub fn answering(status: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    let body = body.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a connection");
            let mut request = [0; 1 << 16];
            let wait = client.set_read_timeout(Some(Duration::from_secs(5)));
            wait.expect("a timeout");
            // Of a HEAD request the body is not sent.
            let read = client.read(&mut request).unwrap_or(0);
            let body = if request[..read].starts_with(b"HEAD") { "" } else { &body };
            // Whoever asked may be gone.
            let _ = client.write_all(format!("{answer}{body}").as_bytes());
        }
    });
    address
}
