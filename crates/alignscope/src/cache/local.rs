//! Entries in a folder, which may be shared: NFS promises that a rename is whole and that a file
//! which is opened is as it was last closed elsewhere, and nothing more is asked of it. There are
//! no locks.

use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{CacheError, is_gone};
use super::store::{Bytes, Contents, Draft, DraftBytes, EntryFiles, Store, StoredFile};
use crate::{atomic_write, input_file, user_folders};

/// How often something is done again while others make and remove what it needs.
const ATTEMPTS: usize = 100;

/// Entries in a folder, which need not exist.
#[derive(Debug)]
pub(super) struct LocalStore {
    path: PathBuf,
}

impl LocalStore {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Store for LocalStore {
    fn keys(&self) -> Result<Vec<String>, CacheError> {
        let of = |entry: &DirEntry| Ok(entry.file_name().to_string_lossy().into_owned());
        listing(&self.path, of)
    }

    fn entry(&self, key: &str) -> Arc<dyn EntryFiles> {
        Arc::new(LocalEntry { folder: self.path.join(key) })
    }
}

/// An entry: a folder.
#[derive(Debug)]
struct LocalEntry {
    folder: PathBuf,
}

impl EntryFiles for LocalEntry {
    fn place(&self) -> &Path {
        &self.folder
    }

    fn list(&self) -> Result<Vec<StoredFile>, CacheError> {
        self.check_folder()?;
        let stored = |entry: &DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            stored(name, &entry.metadata()?)
        };
        let mut files = listing(&self.folder, stored)?;
        // NFS keeps a file that was removed here while it was open under such a name, until it is
        // closed.
        files.retain(|file| !file.name.starts_with(".nfs"));
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    fn find(&self, name: &str) -> Result<Option<StoredFile>, CacheError> {
        let path = self.folder.join(name);
        match std::fs::symlink_metadata(&path).and_then(|m| stored(name.to_owned(), &m)) {
            Err(error) if is_gone(&error) => Ok(None),
            other => other.map(Some).map_err(CacheError::read(&path)),
        }
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, CacheError> {
        let is_folder = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
        if !is_folder(&self.folder) || !self.find(name)?.is_some_and(|file| file.is_file) {
            return Ok(None);
        }
        Ok(input_file::read(&self.folder.join(name), limit).ok())
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        let path = self.folder.join(name);
        self.in_folder(&path, || std::fs::write(&path, bytes))
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        let path = self.folder.join(name);
        match self.find(name)? {
            Some(file) if file.is_file => Ok(()),
            Some(_) => {
                let source = io::Error::other("it is a link, or no file, expected a regular file");
                Err(CacheError::Read { path, source })
            }
            None => self.in_folder(&path, || match atomic_write::write(&path, bytes) {
                // Another run wrote it at the same moment.
                Err(_) if atomic_write::is_there(&path) => Ok(()),
                other => other,
            }),
        }
    }

    fn open(&self, file: &StoredFile) -> Result<Contents, CacheError> {
        Ok(Contents { path: self.folder.join(&file.name), bytes: Bytes::File })
    }

    fn begin(&self, name: &str, bytes: u64) -> Result<Draft, CacheError> {
        let path = self.folder.join(name);
        let file = self.in_folder(&path, || atomic_write::beside(&path))?;
        Ok(Draft { path, bytes: DraftBytes::Beside(file), len: bytes })
    }

    fn finish(&self, draft: Draft, name: &str) -> Result<Contents, CacheError> {
        let path = self.folder.join(name);
        let DraftBytes::Beside(file) = draft.bytes else {
            unreachable!("a draft of a folder is a file beside its place")
        };
        match atomic_write::keep(file, &path) {
            // The answer to a rename may be lost, and the question asked again, when the file has
            // its name already; what is there is checked by whoever opens it.
            Err(error) if is_gone(&error) && self.find(name)?.is_some_and(|f| f.is_file) => {}
            other => other.map_err(CacheError::write(&path))?,
        }
        Ok(Contents { path, bytes: Bytes::File })
    }

    fn remove(&self, name: &str) -> Result<(), CacheError> {
        let path = self.folder.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if is_gone(&error) => Ok(()),
            other => other.map_err(CacheError::write(&path)),
        }
    }

    fn remove_place(&self) -> Result<(), CacheError> {
        match std::fs::remove_dir(&self.folder) {
            // Another run is about to keep something there, or was first.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            other => other.map_err(CacheError::write(&self.folder)),
        }
    }
}

impl LocalEntry {
    /// Refuses a link: what lies elsewhere is nobody's here.
    fn check_folder(&self) -> Result<(), CacheError> {
        match std::fs::symlink_metadata(&self.folder) {
            Err(error) if is_gone(&error) => Ok(()),
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => {
                let source = io::Error::other("it is a link, or no folder; remove it yourself");
                Err(CacheError::Write { path: self.folder.clone(), source })
            }
            Err(source) => Err(CacheError::Read { path: self.folder.clone(), source }),
        }
    }

    /// Does something in the entry's folder, which is made; others may remove it at any moment.
    fn in_folder<T>(&self, path: &Path, work: impl Fn() -> io::Result<T>) -> Result<T, CacheError> {
        let folder = &self.folder;
        user_folders::refuse_tilde(folder).map_err(CacheError::write(folder))?;
        for _ in 0..ATTEMPTS {
            match std::fs::create_dir_all(folder) {
                // Between looking for it and making it.
                Err(error) if is_gone(&error) => continue,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                other => other.map_err(CacheError::write(folder))?,
            }
            self.check_folder()?;
            match work() {
                Err(error) if is_gone(&error) => {}
                other => return other.map_err(CacheError::write(path)),
            }
        }
        let source = io::Error::other("it is removed again and again");
        Err(CacheError::Write { path: folder.clone(), source })
    }
}

/// What lies in a folder, of what is still there when it is looked at; nothing where the folder is
/// not there.
fn listing<T>(
    folder: &Path,
    of: impl Fn(&DirEntry) -> io::Result<T>,
) -> Result<Vec<T>, CacheError> {
    let list = || {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            match of(&entry?) {
                Err(error) if is_gone(&error) => {}
                other => found.push(other?),
            }
        }
        Ok::<_, io::Error>(found)
    };
    for _ in 0..ATTEMPTS {
        match list() {
            // Removed, and perhaps made again, while it was read.
            Err(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            other => return other.map_err(CacheError::read(folder)),
        }
    }
    Ok(vec![])
}

fn stored(name: String, metadata: &Metadata) -> io::Result<StoredFile> {
    #[cfg(unix)]
    let version = {
        use std::os::unix::fs::MetadataExt;
        format!("{}-{}", metadata.dev(), metadata.ino())
    };
    #[cfg(not(unix))]
    let version = String::new();
    let (bytes, written) = (metadata.len(), metadata.modified()?);
    Ok(StoredFile { name, bytes, written, version, is_file: metadata.is_file() })
}
