//! One run at a time writes to a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::ResultsError;
use crate::locks::is_at;

/// A lock that a run holds on its folder; the system gives it up when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct RunLock {
    path: PathBuf,
    /// None where the file system has no locks.
    file: Option<File>,
}

/// Name of the file that is locked.
pub(super) const LOCK: &str = "run.lock";

impl RunLock {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// Another process holds it, or its file cannot be written.
    pub(super) fn take(folder: &Path) -> Result<Self, ResultsError> {
        let path = folder.join(LOCK);
        let error = |source| ResultsError::Write { path: path.clone(), source };
        // A holder that ends removes the file: then the lock that was taken is on nothing.
        for _ in 0..100 {
            let mut file = open(&path).map_err(error)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    // What cannot be read is not said.
                    let _ = file.take(500).read_to_string(&mut holder);
                    let holder = holder.trim().to_owned();
                    return Err(ResultsError::Locked { path: folder.to_owned(), holder });
                }
                Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { path, file: None });
                }
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
            if !is_at(&file, &path) {
                continue;
            }
            let text = format!("process {}\n", std::process::id());
            file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).map_err(error)?;
            return Ok(Self { path, file: Some(file) });
        }
        Err(error(io::Error::other("it is removed again and again")))
    }

    /// Whether the file system has locks.
    pub(super) fn is_held(&self) -> bool {
        self.file.is_some()
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // Removed while it is held, so that nobody loses a file that he holds; nor where another stands in its place.
        if self.file.as_ref().is_some_and(|file| is_at(file, &self.path)) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens the file of a lock, or makes it. What is locked is written to: so a link, which may lead
/// to any file of the user's, is not followed.
fn open(path: &Path) -> io::Result<File> {
    let regular = |metadata: io::Result<std::fs::Metadata>| match metadata {
        Ok(metadata) if !metadata.is_file() => {
            let what = "it is a link, or no file, expected a regular file; remove it";
            Err(io::Error::other(what))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    regular(std::fs::symlink_metadata(path))?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        // Also where another file takes the name meanwhile.
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    regular(file.metadata())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_by_one_at_a_time() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lock = RunLock::take(folder.path()).expect("free");
        let message = RunLock::take(folder.path()).expect_err("held").to_string();
        assert!(message.contains(&format!("process {}", std::process::id())), "{message}");
        drop(lock);
        assert!(!folder.path().join(LOCK).exists());
        RunLock::take(folder.path()).expect("free again");
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_is_a_link_or_no_file_is_refused_and_nothing_is_written_through_it() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let mine = place.path().join("mine");
        std::fs::write(&mine, "mine").expect("written");
        let folder = place.path().join("out");
        std::fs::create_dir(&folder).expect("made");
        let lock = folder.join(LOCK);
        for target in [mine.as_path(), Path::new("nowhere"), Path::new("/dev/null"), &lock] {
            std::os::unix::fs::symlink(target, &lock).expect("linked");
            RunLock::take(&folder).expect_err("a link");
            std::fs::remove_file(&lock).expect("still there");
        }
        std::fs::create_dir(&lock).expect("made");
        RunLock::take(&folder).expect_err("a folder");
        assert_eq!(std::fs::read_to_string(&mine).expect("read"), "mine");
        assert!(!folder.join("nowhere").exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_lock_of_another_is_not_removed() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().join("out");
        std::fs::create_dir(&folder).expect("made");
        let first = RunLock::take(&folder).expect("free");
        std::fs::remove_dir_all(&folder).expect("removed");
        std::fs::create_dir(&folder).expect("made");
        let second = RunLock::take(&folder).expect("a new folder is free");
        drop(first);
        assert!(RunLock::take(&folder).is_err(), "the second holds it");
        drop(second);
    }
}
