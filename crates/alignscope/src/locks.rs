//! Locks on files that others may remove meanwhile.

use std::fs::File;
use std::path::Path;

/// Whether the file that is open is still the one at the path.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of =
        |metadata: std::io::Result<std::fs::Metadata>| metadata.map(|m| (m.dev(), m.ino())).ok();
    let opened = of(file.metadata());
    opened.is_some() && opened == of(std::fs::metadata(path))
}

/// An open file cannot be removed.
#[cfg(not(unix))]
pub(crate) fn is_at(_file: &File, _path: &Path) -> bool {
    true
}
