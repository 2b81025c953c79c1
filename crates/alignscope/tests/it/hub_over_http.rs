//! The hub's protocol, spoken by a small server on this machine: which files are fetched, how a
//! broken download goes on, what is said when the answer is no, and a cache as `huggingface_hub`
//! lays it out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alignscope::encoder::Checkpoint;
use alignscope::hub::HubError;
use alignscope::{Hub, HubModel, HubSettings, Silent};
use sha2::{Digest, Sha256};

const ID: &str = "someone/small-clip";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "hf_secret";

/// A file larger than this is kept as the hub keeps large ones: elsewhere, named by its hash.
const LARGE: usize = 2000;

#[derive(Debug, Default)]
struct Server {
    files: BTreeMap<String, Vec<u8>>,
    /// Ask for the token.
    gated: bool,
    /// Of large files, break the connection off after this many bytes of an answer, so often.
    break_off: Mutex<(usize, usize)>,
    /// Of large files, send another byte at the end.
    damaged: bool,
    /// Send the whole file whatever range is asked for.
    whole: bool,
    /// Of large files, say nothing for a while.
    silent: bool,
    /// What was asked: path, range, whether with the token.
    asked: Mutex<Vec<(String, String, bool)>>,
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl Server {
    fn of_folder(folder: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(folder).expect("the golden files") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                files.insert(name, std::fs::read(path).expect("read"));
            }
        }
        Self { files, ..Self::default() }
    }

    /// Starts to serve, on threads that end with the test; returns the address. Large files are on
    /// another server, as on the hub.
    fn start(self) -> (String, Arc<Self>) {
        let server = Arc::new(self);
        let elsewhere = Self::listen(&server, String::new());
        (Self::listen(&server, elsewhere), server)
    }

    fn listen(server: &Arc<Self>, elsewhere: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = Arc::clone(server);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away is none of the server's business.
                let _ = serving.answer(&stream.expect("a connection"), &elsewhere);
            }
        });
        address
    }

    fn answer(&self, stream: &TcpStream, elsewhere: &str) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().unwrap_or(Ok(String::new()))?;
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut range, mut token) = (String::new(), false);
        for line in lines {
            let line = line?.to_lowercase();
            match line.split_once(": ") {
                Some(("range", value)) => range = value.to_owned(),
                Some(("authorization", value)) => token = value == format!("bearer {TOKEN}"),
                Some(_) => {}
                None => break,
            }
        }
        self.asked.lock().expect("no panic").push((path.clone(), range.clone(), token));
        if let Some(hash) = path.strip_prefix("/cdn/") {
            let found = self.files.values().find(|bytes| sha256(bytes) == hash);
            return match found {
                Some(bytes) => self.send(stream, bytes, &range, &[], true),
                None => head(stream, 404, &[], 0),
            };
        }
        if self.gated && !token {
            return head(stream, 401, &[], 0);
        }
        for (id, revision) in [(ID, "main"), (ID, COMMIT), ("someone/old-name", "main")] {
            if path == format!("/api/models/{id}/revision/{revision}") {
                let siblings: Vec<_> =
                    self.files.keys().map(|name| format!(r#"{{"rfilename":"{name}"}}"#)).collect();
                let siblings = siblings.join(",");
                let body = format!(r#"{{"sha":"{COMMIT}","siblings":[{siblings}]}}"#);
                head(stream, 200, &[], body.len())?;
                return (&*stream).write_all(body.as_bytes());
            }
        }
        // The hub moves repositories that were renamed.
        if let Some(rest) = path.strip_prefix("/someone/old-name/resolve/") {
            let location = format!("Location: /{ID}/resolve/{rest}");
            return head(stream, 307, &[location], 0);
        }
        let name = path.strip_prefix(&format!("/{ID}/resolve/{COMMIT}/")).unwrap_or_default();
        let Some(bytes) = self.files.get(name) else { return head(stream, 404, &[], 0) };
        let commit = format!("X-Repo-Commit: {COMMIT}");
        let hash = sha256(bytes);
        match bytes.len() > LARGE {
            true => {
                let linked = format!("X-Linked-Etag: \"{hash}\"");
                let location = format!("Location: {elsewhere}/cdn/{hash}");
                head(stream, 302, &[commit, linked, location], 0)
            }
            false => {
                let etag = format!("ETag: \"{}\"", &hash[..40]);
                self.send(stream, bytes, &range, &[commit, etag], false)
            }
        }
    }

    /// Sends the range of `bytes` that is asked for.
    fn send(
        &self,
        mut stream: &TcpStream,
        bytes: &[u8],
        range: &str,
        headers: &[String],
        large: bool,
    ) -> std::io::Result<()> {
        if self.whole && range != "bytes=0-0" {
            head(stream, 200, headers, bytes.len())?;
            return stream.write_all(bytes);
        }
        let (first, last) =
            range.strip_prefix("bytes=").expect("a range").split_once('-').expect("-");
        let first: usize = first.parse().expect("a number");
        let last = last.parse().unwrap_or(bytes.len() - 1);
        if first >= bytes.len() {
            return head(stream, 416, &[], 0);
        }
        let mut part = bytes[first..=last].to_vec();
        let content_range = format!("Content-Range: bytes {first}-{last}/{}", bytes.len());
        head(stream, 206, &[headers, &[content_range]].concat(), part.len())?;
        if large && part.len() > 1 {
            if self.damaged {
                *part.last_mut().expect("more than one") ^= 1;
            }
            if self.silent {
                std::thread::sleep(Duration::from_secs(3));
            }
            let mut break_off = self.break_off.lock().expect("no panic");
            if break_off.1 > 0 {
                break_off.1 -= 1;
                part.truncate(break_off.0);
            }
        }
        stream.write_all(&part)
    }

    fn asked(&self) -> Vec<(String, String, bool)> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn head(
    mut stream: &TcpStream,
    status: u16,
    headers: &[String],
    len: usize,
) -> std::io::Result<()> {
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    write!(
        stream,
        "HTTP/1.1 {status} x\r\n{headers}Content-Length: {len}\r\nConnection: close\r\n\r\n"
    )
}

fn settings(endpoint: &str, cache: &Path) -> HubSettings {
    HubSettings {
        endpoint: endpoint.to_owned(),
        cache: cache.to_owned(),
        token: None,
        offline: false,
    }
}

fn hub(endpoint: &str, cache: &Path) -> Hub {
    Hub::new(settings(endpoint, cache))
}

fn model() -> HubModel {
    HubModel { id: ID.to_owned(), revision: None }
}

fn cache() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Every file below a folder, relative to it, in order of name.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).expect("below").to_owned()),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_model_is_fetched_once_and_laid_out_as_huggingface_hub_does() {
    let mut server = Server::of_folder("clip/base");
    server.files.insert("pytorch_model.bin".to_owned(), vec![0; 9000]);
    server.files.insert("tokenizer.json".to_owned(), vec![0; 90]);
    let weights = sha256(&server.files["model.safetensors"]);
    let (address, server) = server.start();
    let cache = cache();
    let hub = hub(&address, cache.path());
    let folder = hub.model(&model(), &Silent).expect("fetched");
    Checkpoint::open(&folder).expect("a model");

    let home = cache.path().join("models--someone--small-clip");
    assert_eq!(std::fs::read_to_string(home.join("refs/main")).expect("a note"), COMMIT);
    let snapshot = tree(&home.join("snapshots").join(COMMIT));
    let needed = ["config.json", "model.safetensors", "preprocessor_config.json"];
    assert_eq!(snapshot, needed.map(PathBuf::from));
    let link = std::fs::read_link(folder.join("model.safetensors")).expect("a link");
    assert_eq!(link, Path::new("../../blobs").join(&weights));
    assert_eq!(tree(&home.join("refs")), [PathBuf::from("main")]);

    let asked = server.asked().len();
    assert_eq!(hub.model(&model(), &Silent).expect("kept"), folder);
    let commit = HubModel { revision: Some(COMMIT.to_owned()), ..model() };
    assert_eq!(hub.model(&commit, &Silent).expect("kept"), folder);
    assert_eq!(server.asked().len(), asked, "what is in the cache is not asked for again");
    hub.fetch(&model(), &Silent).expect("looked for something newer");
    assert_eq!(server.asked().len(), asked + 1, "nothing is downloaded twice");
}

#[test]
fn a_bin_and_shards_are_fetched_where_there_is_nothing_better() {
    let mut server = Server::of_folder("clip/base");
    let safetensors = server.files.remove("model.safetensors").expect("weights");
    let index = br#"{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}"#;
    server.files.insert("model.safetensors.index.json".to_owned(), index.to_vec());
    server.files.insert("model-00001-of-00002.safetensors".to_owned(), safetensors.clone());
    server.files.insert("model-00002-of-00002.safetensors".to_owned(), safetensors);
    let (address, _) = server.start();
    let cache = cache();
    let folder = hub(&address, cache.path()).model(&model(), &Silent).expect("fetched");
    assert_eq!(tree(&folder).len(), 5, "{:?}", tree(&folder));

    let mut server = Server::of_folder("clip/base");
    server.files.remove("model.safetensors");
    let index = br#"{"weight_map":{"a":"../../../../somewhere.safetensors"}}"#;
    server.files.insert("model.safetensors.index.json".to_owned(), index.to_vec());
    let (address, _) = server.start();
    let cache = self::cache();
    let error = hub(&address, cache.path()).model(&model(), &Silent).expect_err("outside");
    assert!(matches!(error, HubError::Index { .. }), "{error}");
}

#[test]
fn a_connection_that_drops_is_taken_up_again() {
    let mut server = Server::of_folder("clip/base");
    server.break_off = Mutex::new((1000, 2));
    let size = server.files["model.safetensors"].len();
    let (address, server) = server.start();
    let cache = cache();
    let folder = hub(&address, cache.path()).model(&model(), &Silent).expect("fetched");
    Checkpoint::open(&folder).expect("a model");
    let ranges: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|(path, range, _)| path.starts_with("/cdn/") && range != "bytes=0-0")
        .map(|(_, range, _)| range)
        .collect();
    assert_eq!(ranges, ["bytes=0-", "bytes=1000-", "bytes=2000-"], "{size}");
}

#[test]
fn a_download_that_was_given_up_goes_on_at_the_next_call() {
    let mut server = Server::of_folder("clip/base");
    server.break_off = Mutex::new((500, 4));
    let (address, server) = server.start();
    let cache = cache();
    let hub = hub(&address, cache.path());
    let error = hub.model(&model(), &Silent).expect_err("broken off four times");
    assert!(matches!(&error, HubError::Download { file, .. } if file == "model.safetensors"));
    assert_eq!(hub.cached(&model()), None, "half a model is none");
    let folder = hub.model(&model(), &Silent).expect("gone on");
    Checkpoint::open(&folder).expect("a model");
    let last = server.asked().last().expect("asked").1.clone();
    assert_eq!(last, "bytes=2000-", "what was there was kept");
}

#[test]
fn remains_as_long_as_the_file_are_thrown_away() {
    let server = Server::of_folder("clip/base");
    let bytes = server.files["model.safetensors"].clone();
    let (address, _) = server.start();
    let cache = cache();
    let blobs = cache.path().join("models--someone--small-clip/blobs");
    std::fs::create_dir_all(&blobs).expect("made");
    for len in [bytes.len(), bytes.len() + 1] {
        let part = blobs.join(sha256(&bytes)).with_extension("part");
        std::fs::write(part, vec![7; len]).expect("written");
        let folder = hub(&address, cache.path()).model(&model(), &Silent).expect("fetched");
        Checkpoint::open(&folder).expect("a model");
        std::fs::remove_file(folder.join("model.safetensors")).expect("removed");
        std::fs::remove_file(blobs.join(sha256(&bytes))).expect("removed");
    }
}

#[test]
fn a_file_that_is_not_what_the_hub_has_is_removed() {
    let mut server = Server::of_folder("clip/base");
    server.damaged = true;
    let (address, _) = server.start();
    let cache = cache();
    let hub = hub(&address, cache.path());
    let error = hub.model(&model(), &Silent).expect_err("damaged");
    assert!(matches!(&error, HubError::Damaged { file, .. } if file == "model.safetensors"));
    assert_eq!(hub.cached(&model()), None);
    let left = tree(cache.path());
    assert!(left.iter().all(|p| !p.to_string_lossy().contains("safetensors")), "{left:?}");
}

#[test]
fn a_gated_model_needs_the_token_and_nobody_else_gets_it() {
    let mut server = Server::of_folder("clip/base");
    server.gated = true;
    let (address, server) = server.start();
    let cache = cache();
    let error = hub(&address, cache.path()).model(&model(), &Silent).expect_err("no token");
    assert!(matches!(error, HubError::Denied { status: 401, has_token: false, .. }), "{error}");
    let hub =
        Hub::new(HubSettings { token: Some(TOKEN.to_owned()), ..settings(&address, cache.path()) });
    hub.model(&model(), &Silent).expect("fetched");
    let asked = server.asked();
    assert!(asked.iter().any(|(path, _, token)| *token && path.contains("/resolve/")));
    let elsewhere: Vec<_> = asked.iter().filter(|(path, _, _)| path.starts_with("/cdn/")).collect();
    assert!(!elsewhere.is_empty() && elsewhere.iter().all(|(_, _, token)| !token), "{asked:?}");
}

#[test]
fn a_model_that_is_not_there_is_an_error_that_says_so() {
    let (address, _) = Server::of_folder("clip/base").start();
    let cache = cache();
    let other = HubModel { id: "someone/other".to_owned(), revision: None };
    let error = hub(&address, cache.path()).model(&other, &Silent).expect_err("no such model");
    assert!(matches!(error, HubError::NotFound { .. }), "{error}");
    let revision = HubModel { revision: Some("v9".to_owned()), ..model() };
    let error = hub(&address, cache.path()).model(&revision, &Silent).expect_err("no revision");
    assert!(matches!(&error, HubError::NotFound { id, .. } if id.ends_with("@v9")), "{error}");
    assert_eq!(tree(cache.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_repository_without_a_model_is_an_error_with_what_is_there() {
    let mut server = Server::default();
    server.files.insert("README.md".to_owned(), vec![0; 10]);
    let (address, _) = server.start();
    let cache = cache();
    let error = hub(&address, cache.path()).model(&model(), &Silent).expect_err("no model");
    assert!(matches!(&error, HubError::NoModel { found, .. } if found == "README.md"), "{error}");
}

#[test]
fn without_a_network_the_error_says_what_else_to_do() {
    let cache = cache();
    // A port that was free a moment ago: nobody answers there.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let error = hub(&format!("http://{free}"), cache.path()).model(&model(), &Silent);
    let error = error.expect_err("nobody there");
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    // There is a control of the models of the catalogue alone.
    let control = "`random:ID` with an id of `alignscope list models`";
    assert!(error.to_string().contains(control), "{error}");

    let offline =
        HubSettings { offline: true, ..settings(&format!("http://{free}"), cache.path()) };
    let error = Hub::new(offline).model(&model(), &Silent).expect_err("offline");
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.to_string().contains(control), "{error}");
}

#[test]
fn a_repository_with_an_adapter_is_an_error_that_names_it() {
    for alone in [true, false] {
        let mut server = match alone {
            true => Server::default(),
            false => Server::of_folder("clip/base"),
        };
        server.files.insert("adapter_config.json".to_owned(), b"{}".to_vec());
        server.files.insert("adapter_model.safetensors".to_owned(), vec![0; 10]);
        let (address, _) = server.start();
        let cache = cache();
        let error = hub(&address, cache.path()).model(&model(), &Silent).expect_err("an adapter");
        assert!(matches!(error, HubError::Adapter { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("(adapter_config.json)"), "{message}");
        assert!(message.contains("merge_and_unload"), "{message}");
        assert_eq!(tree(cache.path()), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_repository_of_sentence_transformers_says_so() {
    let mut server = Server::default();
    for name in ["modules.json", "0_CLIPModel/config.json", "0_CLIPModel/pytorch_model.bin"] {
        server.files.insert(name.to_owned(), vec![0; 10]);
    }
    let (address, _) = server.start();
    let cache = cache();
    let error = hub(&address, cache.path()).model(&model(), &Silent).expect_err("no model");
    assert!(error.to_string().contains("found one of sentence-transformers"), "{error}");
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let mut server = Server::of_folder("clip/base");
    server.silent = true;
    let (address, _) = server.start();
    let cache = cache();
    let hub = Hub::with_patience(settings(&address, cache.path()), Duration::from_millis(200));
    let error = hub.model(&model(), &Silent).expect_err("it says nothing");
    assert!(matches!(error, HubError::Download { .. }), "{error}");
    assert!(error.to_string().contains("nothing came for"), "{error}");
}

#[test]
fn a_server_that_sends_the_whole_file_again_is_believed() {
    let mut server = Server::of_folder("clip/base");
    server.whole = true;
    let weights = sha256(&server.files["model.safetensors"]);
    let (address, _) = server.start();
    let cache = cache();
    let blobs = cache.path().join("models--someone--small-clip/blobs");
    std::fs::create_dir_all(&blobs).expect("made");
    std::fs::write(blobs.join(weights).with_extension("part"), vec![7; 100]).expect("written");
    let folder = hub(&address, cache.path()).model(&model(), &Silent).expect("fetched");
    Checkpoint::open(&folder).expect("a model");
}

#[test]
fn a_model_that_was_renamed_is_found_under_its_old_name() {
    let (address, _) = Server::of_folder("clip/base").start();
    let cache = cache();
    let old = HubModel { id: "someone/old-name".to_owned(), revision: None };
    let folder = hub(&address, cache.path()).model(&old, &Silent).expect("fetched");
    Checkpoint::open(&folder).expect("a model");
}

#[test]
fn a_cache_that_lacks_the_preprocessing_is_completed() {
    let (address, _) = Server::of_folder("clip/base").start();
    let cache = cache();
    let hub = hub(&address, cache.path());
    let folder = hub.model(&model(), &Silent).expect("fetched");
    // As after Python's `CLIPModel.from_pretrained`.
    std::fs::remove_file(folder.join("preprocessor_config.json")).expect("removed");
    assert_eq!(hub.cached(&model()), None);
    hub.model(&model(), &Silent).expect("completed");
    Checkpoint::open(&folder).expect("a model");
}

#[test]
fn a_cache_that_cannot_be_written_is_no_fault_of_the_network() {
    let (address, _) = Server::of_folder("clip/base").start();
    let place = cache();
    let file = place.path().join("a-file");
    std::fs::write(&file, "x").expect("written");
    let error = hub(&address, &file.join("cache")).model(&model(), &Silent).expect_err("no folder");
    assert!(matches!(error, HubError::Cache { .. }), "{error}");
}

#[test]
fn offline_a_fetch_is_content_with_what_is_there() {
    let (address, _) = Server::of_folder("clip/base").start();
    let cache = cache();
    let folder = hub(&address, cache.path()).model(&model(), &Silent).expect("fetched");
    let offline = Hub::new(HubSettings { offline: true, ..settings(&address, cache.path()) });
    assert_eq!(offline.fetch(&model(), &Silent).expect("kept"), folder);
}
