//! Where entries are, as the rest of the cache sees it: names, and bytes that appear whole.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::error::CacheError;
use super::local_copies::LocalCopies;
use crate::input_file;
use crate::spill::{read_at, write_at};

/// A place of entries: a folder, or a prefix of an object store.
pub(super) trait Store: Debug + Send + Sync {
    /// The names of all that may be an entry; none where the place is not there.
    fn keys(&self) -> Result<Vec<String>, CacheError>;

    /// The files of an entry, which need not be there.
    fn entry(&self, key: &str) -> Arc<dyn EntryFiles>;

    /// Where notes go about what the user waits for; nowhere by default.
    fn tell(&self, listener: Option<Sender<String>>) {
        drop(listener);
    }
}

/// The files of an entry. Several runs, also of other machines, may write and remove them
/// meanwhile: whatever is not there (any more) is no error, but where a call says so.
pub(super) trait EntryFiles: Debug + Send + Sync {
    /// The entry, as people name it: a folder, or an address.
    fn place(&self) -> &Path;

    /// What lies directly in the entry, in order of names; nothing where the entry is not there.
    fn list(&self) -> Result<Vec<StoredFile>, CacheError>;

    /// One of them.
    fn find(&self, name: &str) -> Result<Option<StoredFile>, CacheError>;

    /// The bytes of a small file; `None` where there is none, or no regular one of at most `limit`
    /// bytes.
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, CacheError>;

    /// Writes a small file, in the place of one that is there.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError>;

    /// Writes a small file, unless there is one.
    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError>;

    /// A file that was listed.
    fn open(&self, file: &StoredFile) -> Result<Contents, CacheError>;

    /// Begins a file of so many bytes that nobody sees before it is finished.
    fn begin(&self, name: &str, bytes: u64) -> Result<Draft, CacheError>;

    /// Lets everybody see a file, whole. Where another run was first, either stays: their bytes are
    /// the same.
    fn finish(&self, draft: Draft, name: &str) -> Result<Contents, CacheError>;

    /// Removes a file.
    fn remove(&self, name: &str) -> Result<(), CacheError>;

    /// Whether there was an answer when something was asked last.
    fn is_answering(&self) -> bool {
        true
    }

    /// Removes the entry, if nothing is in it.
    fn remove_place(&self) -> Result<(), CacheError>;

    /// Removes a file if it is still the one that was listed; says whether it was.
    fn discard(&self, file: &StoredFile) -> Result<bool, CacheError> {
        let is_same = self.find(&file.name)?.is_some_and(|found| found.is_same(file));
        if is_same {
            self.remove(&file.name)?;
        }
        Ok(is_same)
    }
}

/// What lies in an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// By the clock of whoever stores it, which need not be that of this machine.
    pub(super) written: SystemTime,
    /// Tells a file from another that took its name.
    pub(super) version: String,
    /// A regular file: neither a folder nor a link.
    pub(super) is_file: bool,
}

impl StoredFile {
    /// Whether it is the very file that was seen before. A list may have finer times than what is
    /// said of one file, and no version of it.
    fn is_same(&self, other: &Self) -> bool {
        let second = |file: &Self| {
            let since = file.written.duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs())
        };
        let same_version = match self.version.is_empty() || other.version.is_empty() {
            true => second(self) == second(other),
            false => self.version == other.version,
        };
        self.bytes == other.bytes && same_version
    }
}

/// A file that is whole, opened for each reading: there may be many.
#[derive(Debug, Clone)]
pub(super) struct Contents {
    /// Its name for people.
    pub(super) path: PathBuf,
    pub(super) bytes: Bytes,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    /// In that file.
    File,
    /// In a copy on this machine.
    Copied { copies: Arc<LocalCopies>, offset: u64, len: u64 },
}

impl Contents {
    /// Opens it: all that is read of it then is of one file, whoever takes its name meanwhile.
    pub(super) fn reader(&self) -> Result<Reader<'_>, CacheError> {
        let path = &self.path;
        Ok(match &self.bytes {
            Bytes::File => {
                let file = input_file::open(path).map_err(CacheError::read(path))?;
                let len = file.metadata().map_err(CacheError::read(path))?.len();
                Reader { path, bytes: OpenBytes::File(file), len }
            }
            Bytes::Copied { copies, offset, len } => {
                Reader { path, bytes: OpenBytes::Copied(copies, *offset), len: *len }
            }
        })
    }

    /// Whether a network file system may show it as it was a moment ago.
    pub(super) fn may_lag(&self) -> bool {
        matches!(self.bytes, Bytes::File)
    }
}

/// A file that is open.
pub(super) struct Reader<'a> {
    path: &'a Path,
    bytes: OpenBytes<'a>,
    pub(super) len: u64,
}

enum OpenBytes<'a> {
    File(File),
    Copied(&'a LocalCopies, u64),
}

impl Reader<'_> {
    /// Reads bytes from `offset` on; `None` where the file ends before.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<Option<()>, CacheError> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        match &self.bytes {
            OpenBytes::File(file) => match read_at(file, bytes, offset) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                other => other.map(Some).map_err(CacheError::read(self.path)),
            },
            OpenBytes::Copied(copies, start) => Ok(Some(copies.read(start + offset, bytes)?)),
        }
    }
}

/// A file that nobody sees yet.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its name for people, once it is finished.
    pub(super) path: PathBuf,
    pub(super) bytes: DraftBytes,
    pub(super) len: u64,
}

/// Where the bytes of a draft are.
#[derive(Debug)]
pub(super) enum DraftBytes {
    /// In a file beside its place.
    Beside(NamedTempFile),
    /// On this machine, from `offset` on.
    Copied { copies: Arc<LocalCopies>, offset: u64 },
}

impl Draft {
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), CacheError> {
        match &self.bytes {
            DraftBytes::Beside(file) => {
                write_at(file.as_file(), bytes, offset).map_err(CacheError::write(&self.path))
            }
            DraftBytes::Copied { copies, offset: start } => {
                Ok(copies.write(start + offset, bytes)?)
            }
        }
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), CacheError> {
        match &self.bytes {
            DraftBytes::Beside(file) => {
                read_at(file.as_file(), bytes, offset).map_err(CacheError::read(&self.path))
            }
            DraftBytes::Copied { copies, offset: start } => Ok(copies.read(start + offset, bytes)?),
        }
    }
}
