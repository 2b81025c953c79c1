//! One file by its address.

use std::path::Path;

use super::HubError;
use super::client::{Client, Task};
use super::{keep, try_again};
use crate::progress::Progress;

/// Downloads `url` to `path`, whole or not at all; what a broken download leaves in `path.part` is
/// gone on with. Its SHA-256 must begin with `sha256`.
///
/// # Errors
/// The server cannot be reached or says no, the file is another, or cannot be written.
pub(crate) fn download(
    url: &str,
    path: &Path,
    sha256: &str,
    progress: &dyn Progress,
) -> Result<(), HubError> {
    let unusable = |source| HubError::Cache { path: path.to_owned(), source };
    let failed = |why: String| HubError::Url { url: url.to_owned(), why };
    let client = Client::new("", None);
    let address = url.parse().map_err(|_| failed("it is no address".to_owned()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(unusable)?;
    let part = path.with_added_extension("part");
    let mut task = Task::new(name.clone(), progress);
    try_again(|| client.download(&address, &part, &mut task))
        .map_err(|failure| failed(failure.to_string()))?;
    keep(&part, path, sha256, |found| HubError::Damaged {
        id: url.to_owned(),
        file: name,
        found,
        expected: format!("{sha256}…"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::progress::Silent;

    /// Serves `status` and `body` to whoever asks, until the test ends.
    fn serve(status: &'static str, body: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/w.pth", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let lines = BufReader::new(&stream).lines();
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
                let len = body.len();
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\n\r\n");
                // A client that goes away is none of the server's business.
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        address
    }

    #[test]
    fn a_file_is_there_whole_and_right_or_not_at_all() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().join("cache/w.pth");
        // sha256 of "weights"
        let (right, wrong) = ("9a129038", "00000000");
        let address = serve("200 OK", b"weights");
        let error = download(&address, &path, wrong, &Silent).expect_err("another file");
        assert!(matches!(error, HubError::Damaged { .. }), "{error}");
        let left = std::fs::read_dir(place.path().join("cache")).expect("made").count();
        assert_eq!(left, 0, "nothing is left of a wrong file");
        download(&address, &path, right, &Silent).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(std::fs::read(&path).expect("there"), b"weights");

        let gone = serve("404 Not Found", b"");
        let error = download(&gone, &path, right, &Silent).expect_err("not there");
        assert!(error.to_string().contains("status 404"), "{error}");
    }
}
