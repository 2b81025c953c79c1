//! The folder of all kept entries.

use std::collections::BTreeMap;
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::entry::is_ours;
use super::{About, CacheEntry, CacheError, Fingerprint};
use crate::atomic_write::{self, is_there};
use crate::{input_file, locks, user_folders};

/// What an entry is, for people; a folder whose name is the hash of what it says is ours.
const ABOUT: &str = "entry.json";
const MAX_ABOUT_BYTES: u64 = 1 << 20;

/// A folder in which entries are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheFolder {
    path: PathBuf,
}

/// An entry as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheListing {
    /// What it is.
    pub about: About,
    /// Its folder.
    pub path: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// When something was last written to it.
    pub written: SystemTime,
}

impl CacheFolder {
    /// Pieces in this folder, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where entries are kept unless said otherwise: `$ALIGNSCOPE_CACHE`, else `alignscope/cells` in `$XDG_CACHE_HOME` or
    /// `~/.cache`.
    ///
    /// # Errors
    /// None of the variables is set.
    pub fn of_user() -> Result<Self, CacheError> {
        let default = || Some(user_folders::of_user()?.join("alignscope/cells"));
        let path = user_folders::variable("ALIGNSCOPE_CACHE").or_else(default);
        path.map(|path| Self { path }).ok_or(CacheError::NoPlace)
    }

    /// Where data sets are kept that are made of arrays: `$ALIGNSCOPE_CACHE/datasets`, else
    /// `alignscope/datasets` in `$XDG_CACHE_HOME` or `~/.cache`. They are no entries: none is
    /// listed or removed here.
    ///
    /// # Errors
    /// None of the variables is set.
    pub fn of_datasets() -> Result<PathBuf, CacheError> {
        let default = || Some(user_folders::of_user()?.join("alignscope"));
        let folder = user_folders::variable("ALIGNSCOPE_CACHE").or_else(default);
        folder.map(|folder| folder.join("datasets")).ok_or(CacheError::NoPlace)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entry of this fingerprint, as far as it is kept.
    ///
    /// # Errors
    /// Its folder cannot be made or read.
    pub fn entry(
        &self,
        fingerprint: &Fingerprint,
        about: &About,
    ) -> Result<CacheEntry, CacheError> {
        let folder = self.path.join(fingerprint.key());
        user_folders::refuse_tilde(&folder).map_err(CacheError::write(&folder))?;
        let path = folder.join(ABOUT);
        let text = serde_json::json!({
            "model": about.model,
            "name": about.name,
            "dataset": about.dataset,
            "pairs": about.pairs,
            "fingerprint": fingerprint.0,
        });
        let text = format!("{text:#}\n");
        // Between any two of these steps somebody may remove the folder.
        for _ in 0..100 {
            std::fs::create_dir_all(&folder).map_err(CacheError::write(&folder))?;
            if !is_there(&path) {
                match atomic_write::write(&path, text.as_bytes()) {
                    // Another run wrote it at the same moment.
                    Err(_) if is_there(&path) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    other => other.map_err(CacheError::write(&path))?,
                }
            }
            match locks::beside_others(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => {
                    let lock = other.map_err(CacheError::read(&path))?;
                    return CacheEntry::open(folder, about.pairs, lock);
                }
            }
        }
        let source = io::Error::other("it is removed again and again");
        Err(CacheError::Write { path: folder, source })
    }

    /// Whether there is an entry of this fingerprint.
    pub(crate) fn has(&self, fingerprint: &Fingerprint) -> bool {
        is_there(&self.path.join(fingerprint.key()).join(ABOUT))
    }

    /// Forgets what is kept of this fingerprint. Files in its folder that are not alignscope's stay.
    ///
    /// # Errors
    /// A run is at work with it ([`CacheError::InUse`]), or a file cannot be removed.
    pub fn forget(&self, fingerprint: &Fingerprint) -> Result<(), CacheError> {
        remove(&self.path.join(fingerprint.key())).map(drop)
    }

    /// All entries, in order of model and data set.
    ///
    /// # Errors
    /// The folder cannot be read; that it is not there means that there are none.
    pub fn list(&self) -> Result<Vec<CacheListing>, CacheError> {
        let folders = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(source) => return Err(CacheError::Read { path: self.path.clone(), source }),
        };
        let mut found = Vec::new();
        for folder in folders {
            let path = folder.map_err(CacheError::read(&self.path))?.path();
            // What is not ours is not listed, and not removed.
            let Some(about) = about(&path) else { continue };
            let (mut bytes, mut written) = (0_u64, SystemTime::UNIX_EPOCH);
            let files = std::fs::read_dir(&path).map_err(CacheError::read(&path))?;
            for file in files.flatten().filter(is_of_entry) {
                // A run that is at work may have renamed or removed it.
                let Ok(metadata) = file.metadata() else { continue };
                bytes = bytes.saturating_add(metadata.len());
                written = written.max(metadata.modified().map_err(CacheError::read(&path))?);
            }
            found.push(CacheListing { about, path, bytes, written });
        }
        found.sort_by(|a, b| {
            let key =
                |e: &CacheListing| (e.about.model.clone(), e.about.dataset.clone(), e.path.clone());
            key(a).cmp(&key(b))
        });
        Ok(found)
    }
}

impl CacheListing {
    /// Time since something was last written to it.
    pub fn age(&self) -> Duration {
        self.written.elapsed().unwrap_or_default()
    }

    /// Removes its files, and its folder if nothing else is in it; gives the names of what else is
    /// there, which is left.
    ///
    /// # Errors
    /// A run is at work with it ([`CacheError::InUse`]), or a file cannot be removed.
    pub fn remove(&self) -> Result<Vec<String>, CacheError> {
        remove(&self.path)
    }
}

/// What an entry is, if the folder is one: no link, with a record of which it has its name.
fn about(folder: &Path) -> Option<About> {
    #[derive(serde::Deserialize)]
    struct Record {
        #[serde(flatten)]
        about: About,
        fingerprint: BTreeMap<String, Value>,
    }
    let is_folder = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    let is_file = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|m| m.is_file());
    let record = folder.join(ABOUT);
    if !is_folder(folder) || !is_file(&record) {
        return None;
    }
    let record = input_file::read(&record, MAX_ABOUT_BYTES).ok()?;
    let Record { about, fingerprint } = serde_json::from_slice(&record).ok()?;
    let key = Fingerprint::new(fingerprint).key();
    (folder.file_name()?.to_str()? == key).then_some(about)
}

/// Whether an entry of an entry's folder is alignscope's: its record, or a file of differences.
fn is_of_entry(entry: &DirEntry) -> bool {
    is_ours(entry)
        || entry.file_name() == ABOUT && entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// Removes the files of an entry; gives the names of what is left, which is not alignscope's.
fn remove(folder: &Path) -> Result<Vec<String>, CacheError> {
    match std::fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Ok(metadata) if !metadata.is_dir() => {
            let source = io::Error::other("it is a link, or no folder; remove it yourself");
            return Err(CacheError::Write { path: folder.to_owned(), source });
        }
        Err(source) => return Err(CacheError::Read { path: folder.to_owned(), source }),
        Ok(_) => {}
    }
    let record = folder.join(ABOUT);
    let lock = match locks::alone(&record) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(CacheError::InUse { path: folder.to_owned() });
        }
        // What has no such file, nobody is at work with.
        other => other.ok().flatten(),
    };
    // Elsewhere an open file keeps its folder from being removed.
    let _held = lock.filter(|_| cfg!(unix));
    let mut left = Vec::new();
    let mut others = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(CacheError::read(folder))? {
        let entry = entry.map_err(CacheError::read(folder))?;
        match is_of_entry(&entry) {
            true => others.push(entry.path()),
            false => left.push(entry.file_name().to_string_lossy().into_owned()),
        }
    }
    // The record goes last: as long as it is there, the folder is known as an entry.
    others.sort_by_key(|path| *path == record);
    for path in others {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(CacheError::write(&path))?,
        }
    }
    if left.is_empty() {
        match std::fs::remove_dir(folder) {
            // Another run is about to keep something there.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(CacheError::write(folder))?,
        }
    }
    left.sort();
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_listed_and_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("mine")).expect("made");
        let kept = CacheFolder::new(folder.path());
        for model in ["b", "a"] {
            let fingerprint =
                Fingerprint::new([(model.to_owned(), 1.into())].into_iter().collect());
            let about = About {
                model: model.into(),
                name: model.into(),
                dataset: "things".into(),
                pairs: 2,
            };
            kept.entry(&fingerprint, &about)
                .expect("made")
                .keep_values(&[0, 1], &[1.0, 2.0])
                .expect("kept");
        }
        let listed = kept.list().expect("listed");
        assert_eq!(listed.iter().map(|e| e.about.model.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(listed[0].bytes > 16);
        listed[0].remove().expect("removed");
        assert_eq!(kept.list().expect("listed").len(), 1);
        assert!(folder.path().join("mine").exists());
        let fingerprint = Fingerprint::new([("b".to_owned(), 1.into())].into_iter().collect());
        let about =
            About { model: "b".into(), name: "b".into(), dataset: "things".into(), pairs: 2 };
        let in_use = kept.entry(&fingerprint, &about).expect("opened");
        let beside = kept.entry(&fingerprint, &about).expect("two runs may share it");
        drop(in_use);
        let refused = kept.list().expect("listed")[0].remove().expect_err("in use").to_string();
        assert!(refused.contains("another run is at work"), "{refused}");
        drop(beside);
        kept.forget(&fingerprint).expect("removed");
        assert_eq!(CacheFolder::new(&folder.path().join("none")).list().expect("none"), []);
    }

    #[test]
    fn a_folder_of_somebody_else_is_no_piece_whatever_it_holds() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let kept = CacheFolder::new(place.path());
        let fingerprint = |name: &str| Fingerprint::new([(name.into(), 1.5.into())].into());
        let about =
            About { model: "m".into(), name: "m".into(), dataset: "things".into(), pairs: 2 };
        let entry = kept.entry(&fingerprint("a"), &about).expect("made");
        entry.keep_values(&[0, 1], &[1.0, 2.0]).expect("kept");
        let folder = entry.folder().to_owned();
        drop(entry);
        // The record of an entry, but in a folder of another name; and another record in ours.
        let stranger = place.path().join("thesis");
        std::fs::create_dir(&stranger).expect("made");
        std::fs::copy(folder.join(ABOUT), stranger.join(ABOUT)).expect("copied");
        std::fs::write(stranger.join("thesis.tex"), "mine").expect("written");
        let other = place.path().join(fingerprint("b").key());
        std::fs::create_dir(&other).expect("made");
        std::fs::copy(folder.join(ABOUT), other.join(ABOUT)).expect("copied");
        assert_eq!(kept.list().expect("listed").len(), 1);

        // Files of a stranger in an entry, and links, are left.
        std::fs::write(folder.join("notes.txt"), "mine").expect("written");
        std::fs::create_dir(folder.join("more.set")).expect("made");
        let mut expected = vec!["more.set".to_owned(), "notes.txt".to_owned()];
        #[cfg(unix)]
        {
            let mine = stranger.join("thesis.tex");
            let link = "0123456789abcdef.set";
            std::os::unix::fs::symlink(&mine, folder.join(link)).expect("linked");
            expected.insert(0, link.to_owned());
        }
        std::fs::write(folder.join("paper.values"), "mine").expect("written");
        expected.push("paper.values".to_owned());
        let entry = kept.entry(&fingerprint("a"), &about).expect("opened");
        assert_eq!(entry.damaged(), [], "what is a stranger's is neither read nor removed");
        assert_eq!(entry.all_values(2), Some(vec![1.0, 2.0]));
        drop(entry);
        let listed = kept.list().expect("listed");
        assert_eq!(listed[0].remove().expect("removed"), expected);
        assert!(folder.join("notes.txt").exists() && !folder.join(ABOUT).exists());
        assert_eq!(std::fs::read_to_string(stranger.join("thesis.tex")).expect("read"), "mine");
        assert_eq!(kept.list().expect("listed"), []);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_what_is_no_file_are_neither_followed_nor_waited_for() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let (cache, elsewhere) = (place.path().join("cache"), place.path().join("elsewhere"));
        let about =
            About { model: "m".into(), name: "m".into(), dataset: "things".into(), pairs: 2 };
        let fingerprint = Fingerprint::new([("a".to_owned(), 1.into())].into());
        let entry = CacheFolder::new(&elsewhere).entry(&fingerprint, &about).expect("made");
        entry.keep_values(&[0, 1], &[1.0, 2.0]).expect("kept");
        let folder = entry.folder().to_owned();
        drop(entry);
        std::fs::create_dir(&cache).expect("made");
        std::os::unix::fs::symlink(&folder, cache.join(fingerprint.key())).expect("linked");
        let kept = CacheFolder::new(&cache);
        assert_eq!(kept.list().expect("listed"), []);
        let message = kept.forget(&fingerprint).expect_err("a link").to_string();
        assert!(message.contains(&fingerprint.key()), "{message}");
        assert!(folder.join(ABOUT).exists());

        let fifo = |path: &Path| {
            let name = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL");
            rustix::fs::mkfifoat(rustix::fs::CWD, &name, rustix::fs::Mode::RWXU).expect("made");
        };
        let kept = CacheFolder::new(&elsewhere);
        for name in ["0123456789abcdef.set", "0123456789abcdef.values"] {
            fifo(&folder.join(name));
            let entry = kept.entry(&fingerprint, &about).expect("what is no file is none of ours");
            assert_eq!(entry.all_values(2), Some(vec![1.0, 2.0]), "{name}");
            drop(entry);
            std::fs::remove_file(folder.join(name)).expect("removed");
        }
        fifo(&folder.join(".alignscope-x"));
        kept.entry(&fingerprint, &about).expect("a leftover that nobody reads");
        std::fs::remove_file(folder.join(ABOUT)).expect("removed");
        fifo(&folder.join(ABOUT));
        assert!(kept.entry(&fingerprint, &about).is_err());
        assert_eq!(kept.list().expect("listed"), []);
    }

    #[test]
    fn the_key_does_not_depend_on_the_order_of_values() {
        let fingerprint = |names: [&str; 2]| {
            Fingerprint::new(names.into_iter().map(|n| (n.to_owned(), n.into())).collect()).key()
        };
        assert_eq!(fingerprint(["a", "b"]), fingerprint(["b", "a"]));
        assert_ne!(fingerprint(["a", "b"]), fingerprint(["a", "c"]));
    }
}
