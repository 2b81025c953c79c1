//! One file by its address.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::HubError;
use crate::progress::Progress;
use crate::weights::hex;
use sha2::{Digest, Sha256};

/// A server that says nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Downloads `url` to `path`, whole or not at all. Its SHA-256 must begin with `sha256`.
///
/// # Errors
/// The server cannot be reached or says no, the file is another, or cannot be written.
pub(crate) fn download(
    url: &str,
    path: &Path,
    sha256: &str,
    progress: &dyn Progress,
) -> Result<(), HubError> {
    let failed = |why: String| HubError::Url { url: url.to_owned(), why };
    let unusable = |source| HubError::Cache { path: path.to_owned(), source };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(|error| failed(error.to_string()))?;
    let size = response.body().content_length().unwrap_or(0);
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unusable)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    progress.begin(&name, size);
    let mut reader = response.body_mut().as_reader();
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) => {
                progress.end();
                return Err(failed(error.to_string()));
            }
        };
        hasher.update(&buffer[..n]);
        file.write_all(&buffer[..n]).map_err(unusable)?;
        progress.advance(n as u64);
    }
    progress.end();
    let found = hex(&hasher.finalize());
    if !found.starts_with(sha256) {
        let expected = format!("{sha256}…");
        return Err(HubError::Damaged { id: url.to_owned(), file: name, found, expected });
    }
    file.persist(path).map_err(|error| unusable(error.error))?;
    Ok(())
}
