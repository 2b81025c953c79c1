//! One file by its address.

use std::path::Path;

use super::HubError;
use super::client::{Client, Task};
use super::try_again;
use crate::progress::Progress;
use crate::weights::file_sha256;

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
    let found = file_sha256(&part).map_err(unusable)?;
    if !found.starts_with(sha256) {
        std::fs::remove_file(&part).map_err(unusable)?;
        let expected = format!("{sha256}…");
        return Err(HubError::Damaged { id: url.to_owned(), file: name, found, expected });
    }
    std::fs::rename(&part, path).map_err(unusable)
}
