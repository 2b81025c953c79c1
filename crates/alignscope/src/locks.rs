//! Locks on files that others may remove meanwhile.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// A lock beside others, until the file is dropped; none where the file system has no locks.
///
/// # Errors
/// The file is not there, or no longer, or cannot be opened, or is no regular file.
pub(crate) fn beside_others(path: &Path) -> io::Result<Option<File>> {
    let file = crate::input_file::open(path)?;
    match file.lock_shared() {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
        other => other?,
    }
    // Who waited may have got the lock of a file that was removed.
    match is_at(&file, path) {
        true => Ok(Some(file)),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// A lock that nobody else has, without waiting; none where the file system has no locks.
///
/// # Errors
/// Somebody has one ([`io::ErrorKind::WouldBlock`]); or as above.
pub(crate) fn alone(path: &Path) -> io::Result<Option<File>> {
    let file = crate::input_file::open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the file that is open is still the one at the path.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |metadata: io::Result<std::fs::Metadata>| metadata.map(|m| (m.dev(), m.ino())).ok();
    let opened = of(file.metadata());
    opened.is_some() && opened == of(std::fs::metadata(path))
}

/// An open file cannot be removed.
#[cfg(not(unix))]
pub(crate) fn is_at(_file: &File, _path: &Path) -> bool {
    true
}
