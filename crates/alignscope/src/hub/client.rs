//! The requests that the hub answers, and downloads that go on where they stopped.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::progress::Progress;

/// A server that says nothing for so long is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Speaks to servers; the token goes to one of them alone.
#[derive(Debug, Clone)]
pub(super) struct Client {
    agent: Agent,
    /// The server that is told the token, and the token.
    token: Option<(Uri, String)>,
    patience: Duration,
}

/// Why there is no answer, or none that will do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server cannot be reached, or went away: worth another try.
    #[error("{0}")]
    Network(String),
    #[error("it answered status {0}")]
    Status(u16),
    #[error("{0}")]
    Answer(String),
    /// This machine's disk, not the network.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

/// What the hub knows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located {
    /// Its name among the blobs: for large files their SHA-256.
    pub(super) etag: String,
    /// Where its bytes are.
    pub(super) address: Uri,
}

impl Client {
    /// A client that tells `token` to the server of `endpoint`.
    pub(super) fn new(endpoint: &str, token: Option<&str>) -> Self {
        Self::with_patience(endpoint, token, PATIENCE)
    }

    pub(super) fn with_patience(endpoint: &str, token: Option<&str>, patience: Duration) -> Self {
        let agent = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .user_agent(concat!("alignscope/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let token = endpoint.parse().ok().zip(token.map(ToOwned::to_owned));
        Self { agent, token, patience }
    }

    fn get(&self, address: &Uri, range: Option<&str>) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(address);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        if let Some((host, token)) = &self.token
            && (host.scheme(), host.authority()) == (address.scheme(), address.authority())
        {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call().map_err(|error| Failure::Network(error.to_string()))
    }

    /// The text at an address, at most `limit` bytes.
    pub(super) fn text(&self, address: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut at = uri(address)?;
        for _ in 0..MAX_REDIRECTS {
            let mut response = self.get(&at, None)?;
            match redirect(&at, &response)? {
                Some(next) => at = next,
                None if response.status() == StatusCode::OK => {
                    let body = response.body_mut().with_config().limit(limit);
                    return body.read_to_vec().map_err(|e| Failure::Network(e.to_string()));
                }
                None => return Err(Failure::Status(response.status().as_u16())),
            }
        }
        Err(Failure::Answer("it redirects without end".to_owned()))
    }

    /// Asks where a file of the hub is. Redirects within the hub are followed; one that leads
    /// elsewhere is where the bytes are.
    pub(super) fn locate(&self, address: &str) -> Result<Located, Failure> {
        let mut at = uri(address)?;
        for _ in 0..MAX_REDIRECTS {
            let response = self.get(&at, Some("bytes=0-0"))?;
            let next = redirect(&at, &response)?;
            let status = response.status();
            if next.is_none() && !status.is_success() {
                return Err(Failure::Status(status.as_u16()));
            }
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
            let etag = header("x-linked-etag").or_else(|| header("etag"));
            match (next, etag) {
                (Some(next), etag) if etag.is_none() || next.authority() == at.authority() => {
                    at = next;
                }
                (next, Some(etag)) => {
                    let etag = etag.trim_start_matches("W/").replace('"', "");
                    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                    if etag.is_empty() || !etag.chars().all(plain) {
                        return Err(Failure::Answer(format!("its etag is `{etag}`")));
                    }
                    return Ok(Located { etag, address: next.unwrap_or(at) });
                }
                (_, None) => return Err(Failure::Answer("it gives no etag".to_owned())),
            }
        }
        Err(Failure::Answer("it redirects without end".to_owned()))
    }

    /// Appends to `part` what it lacks of the file at `address`, all of it where it is empty.
    /// Remains that are longer than the file, or that the server cannot continue, are thrown away.
    pub(super) fn download(
        &self,
        address: &Uri,
        part: &Path,
        task: &mut Task<'_>,
    ) -> Result<(), Failure> {
        let mut file = File::options().create(true).append(true).read(true).open(part)?;
        if file.try_lock().is_err() {
            let busy = "another download of the same file is under way";
            return Err(Failure::Disk(io::Error::new(io::ErrorKind::ResourceBusy, busy)));
        }
        let mut at = address.clone();
        for _ in 0..MAX_REDIRECTS {
            let start = file.seek(SeekFrom::End(0))?;
            let response = self.get(&at, Some(&format!("bytes={start}-")))?;
            if let Some(next) = redirect(&at, &response)? {
                at = next;
                continue;
            }
            match response.status() {
                StatusCode::PARTIAL_CONTENT => {
                    let total = total(&response, start)?;
                    return self.receive(response, &mut file, start, total, task);
                }
                // The whole file, whatever was asked for.
                StatusCode::OK => {
                    file.set_len(0)?;
                    let total = response.body().content_length();
                    return self.receive(response, &mut file, 0, total, task);
                }
                StatusCode::RANGE_NOT_SATISFIABLE if start > 0 => file.set_len(0)?,
                status => return Err(Failure::Status(status.as_u16())),
            }
        }
        Err(Failure::Answer("it redirects without end".to_owned()))
    }

    /// Writes what comes, until the file has `total` bytes. A thread reads, so that a server that
    /// falls silent can be given up.
    fn receive(
        &self,
        response: Response<Body>,
        file: &mut File,
        start: u64,
        total: Option<u64>,
        task: &mut Task<'_>,
    ) -> Result<(), Failure> {
        task.at(start, total);
        let mut reader = response.into_body().into_reader();
        let (sender, receiver) = sync_channel::<io::Result<Vec<u8>>>(4);
        std::thread::spawn(move || {
            loop {
                let mut piece = vec![0; 1 << 16];
                let read = reader.read(&mut piece).map(|n| {
                    piece.truncate(n);
                    piece
                });
                let ends = !matches!(&read, Ok(piece) if !piece.is_empty());
                // Nobody listens where the download was given up.
                if sender.send(read).is_err() || ends {
                    return;
                }
            }
        });
        let mut len = start;
        loop {
            match receiver.recv_timeout(self.patience) {
                Ok(Ok(piece)) if piece.is_empty() => break,
                Ok(Ok(piece)) => {
                    file.write_all(&piece)?;
                    len += piece.len() as u64;
                    task.at(len, total);
                }
                Ok(Err(error)) => return Err(Failure::Network(error.to_string())),
                Err(RecvTimeoutError::Timeout) => {
                    let seconds = self.patience.as_secs();
                    return Err(Failure::Network(format!("nothing came for {seconds} s")));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        match total {
            Some(total) if len != total => {
                Err(Failure::Network(format!("it ended after {len} of {total} bytes")))
            }
            _ => Ok(file.sync_all()?),
        }
    }
}

fn uri(address: &str) -> Result<Uri, Failure> {
    address.parse().map_err(|_| Failure::Answer(format!("`{address}` is no address")))
}

/// Where a redirect leads.
fn redirect(at: &Uri, response: &Response<Body>) -> Result<Option<Uri>, Failure> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let location = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok());
    let location = location.ok_or_else(|| Failure::Answer("it redirects nowhere".to_owned()))?;
    let next = uri(location)?;
    if next.authority().is_some() {
        return Ok(Some(next));
    }
    let mut parts = at.clone().into_parts();
    parts.path_and_query = next.into_parts().path_and_query;
    let next = Uri::from_parts(parts);
    next.map(Some).map_err(|_| Failure::Answer(format!("it redirects to `{location}`")))
}

/// The length of the file of which a part from `start` on comes.
fn total(response: &Response<Body>, start: u64) -> Result<Option<u64>, Failure> {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|v| v.to_str().ok());
    let range = range.unwrap_or_default();
    let parsed = range.strip_prefix("bytes ").and_then(|rest| {
        let (from_to, total) = rest.split_once('/')?;
        let (from, _) = from_to.split_once('-')?;
        Some((from.parse::<u64>().ok()?, total.parse().ok()))
    });
    match parsed {
        Some((from, total)) if from == start => Ok(total),
        _ => Err(Failure::Answer(format!("it sends the range `{range}` for that from {start} on"))),
    }
}

/// A download as the user sees it: one task, also where it is taken up again.
pub(super) struct Task<'a> {
    name: String,
    progress: &'a dyn Progress,
    begun: bool,
    shown: u64,
}

impl<'a> Task<'a> {
    pub(super) fn new(name: String, progress: &'a dyn Progress) -> Self {
        Self { name, progress, begun: false, shown: 0 }
    }

    fn at(&mut self, len: u64, total: Option<u64>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.progress.begin(&self.name, total.unwrap_or(0));
        }
        if len > self.shown {
            self.progress.advance(len - self.shown);
            self.shown = len;
        }
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        if self.begun {
            self.progress.end();
        }
    }
}
