//! The folder of all kept entries, or their place in an object store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::entry::{ABOUT, is_ours};
use super::error::CacheError;
use super::local::LocalStore;
use super::objects::ObjectStoreEntries;
use super::store::{EntryFiles, Store};
use super::{About, CacheEntry, Fingerprint, lease};
use crate::progress::Progress;
use crate::user_folders;

const MAX_ABOUT_BYTES: u64 = 1 << 20;

/// A folder in which entries are kept, or a place in an object store. Runs on many machines may use
/// one at once.
#[derive(Debug, Clone)]
pub struct CacheFolder {
    path: PathBuf,
    store: Arc<dyn Store>,
}

impl PartialEq for CacheFolder {
    /// Whether they are at one place.
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for CacheFolder {}

/// An entry as a list shows it.
#[derive(Debug, Clone)]
pub struct CacheListing {
    /// What it is.
    pub about: About,
    /// Its folder, or its address in an object store.
    pub path: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// When something was last written to it, by the clock of whoever stores it.
    pub written: SystemTime,
    files: Arc<dyn EntryFiles>,
}

impl CacheFolder {
    /// Entries in this folder, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), store: Arc::new(LocalStore::new(path)) }
    }

    /// Entries at the place that a user names: a folder, or `s3://BUCKET/PREFIX`. What an object
    /// store needs beside that, credentials and region and where the server is, is in the
    /// environment, under the names that Amazon's own tools use (`AWS_ACCESS_KEY_ID`,
    /// `AWS_ENDPOINT_URL`, …).
    ///
    /// # Errors
    /// The address is of no kind of store that is known, or the environment says what cannot be.
    /// Nothing is asked of the store yet.
    pub fn at(place: &Path) -> Result<Self, CacheError> {
        Self::at_with(place, std::iter::empty())
    }

    /// The same, with some variables taken from here instead of the environment, such as
    /// `("AWS_ENDPOINT_URL", "http://localhost:9000")`.
    ///
    /// # Errors
    /// As for [`at`](Self::at).
    pub fn at_with<'a>(
        place: &Path,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CacheError> {
        match address(place) {
            None => Ok(Self::new(place)),
            Some(url) => {
                let store = ObjectStoreEntries::new(url, variables)?;
                Ok(Self { path: PathBuf::from(store.url()), store: Arc::new(store) })
            }
        }
    }

    /// Whether a place is an address in an object store, rather than a folder.
    pub fn is_address(place: &Path) -> bool {
        address(place).is_some()
    }

    /// Where entries are kept by default: `$ALIGNSCOPE_CACHE`, else `alignscope/cells` in
    /// `$XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    /// None of the variables is set; or as for [`at`](Self::at).
    pub fn of_user() -> Result<Self, CacheError> {
        let default = || Some(user_folders::of_user()?.join("alignscope/cells"));
        let path = user_folders::variable("ALIGNSCOPE_CACHE").or_else(default);
        Self::at(&path.ok_or(CacheError::NoPlace)?)
    }

    /// Where data sets are kept that are made of arrays: `$ALIGNSCOPE_CACHE/datasets`, else
    /// `alignscope/datasets` in `$XDG_CACHE_HOME` or `~/.cache`; so also where `$ALIGNSCOPE_CACHE`
    /// is in an object store, since images are read from files. They are no entries: none is listed
    /// or removed here.
    ///
    /// # Errors
    /// None of the variables is set.
    pub fn of_datasets() -> Result<PathBuf, CacheError> {
        let default = || Some(user_folders::of_user()?.join("alignscope"));
        let named = user_folders::variable("ALIGNSCOPE_CACHE");
        let folder = named.filter(|place| !Self::is_address(place)).or_else(default);
        folder.map(|folder| folder.join("datasets")).ok_or(CacheError::NoPlace)
    }

    /// Where it is: a folder, or an address.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does some work with the cache, during which the user is told what is waited for: an object
    /// store that does not answer, files that are fetched.
    pub fn telling<T>(&self, progress: &dyn Progress, work: impl FnOnce() -> T) -> T {
        /// Lets the thread that tells end, also at a panic.
        struct Telling<'a>(&'a dyn Store);
        impl Drop for Telling<'_> {
            fn drop(&mut self) {
                self.0.tell(None);
            }
        }
        let (sender, receiver) = channel::<String>();
        std::thread::scope(|scope| {
            let telling = Telling(&*self.store);
            telling.0.tell(Some(sender));
            scope.spawn(move || receiver.iter().for_each(|note| progress.note(&note)));
            work()
        })
    }

    /// The entry of this fingerprint, as far as it is kept.
    ///
    /// # Errors
    /// It cannot be made or read.
    pub fn entry(
        &self,
        fingerprint: &Fingerprint,
        about: &About,
    ) -> Result<CacheEntry, CacheError> {
        let text = serde_json::json!({
            "model": about.model,
            "name": about.name,
            "dataset": about.dataset,
            "pairs": about.pairs,
            "fingerprint": fingerprint.0,
        });
        let files = self.store.entry(&fingerprint.key());
        CacheEntry::open(files, format!("{text:#}\n").into_bytes(), about.pairs)
    }

    /// Whether there is an entry of this fingerprint.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub(crate) fn has(&self, fingerprint: &Fingerprint) -> Result<bool, CacheError> {
        Ok(self.store.entry(&fingerprint.key()).find(ABOUT)?.is_some())
    }

    /// Forgets what is kept of this fingerprint. Files in its folder that are not alignscope's
    /// stay.
    ///
    /// # Errors
    /// A run is at work with it ([`CacheError::InUse`]), or a file cannot be removed.
    pub fn forget(&self, fingerprint: &Fingerprint) -> Result<(), CacheError> {
        remove(&*self.store.entry(&fingerprint.key())).map(drop)
    }

    /// All entries, in order of model and data set.
    ///
    /// # Errors
    /// They cannot be read; that the folder is not there means that there are none.
    pub fn list(&self) -> Result<Vec<CacheListing>, CacheError> {
        let mut found = Vec::new();
        for key in self.store.keys()? {
            let files = self.store.entry(&key);
            // What is not ours is not listed, and not removed.
            let Some(about) = about(&*files, &key)? else { continue };
            let (mut bytes, mut written) = (0_u64, SystemTime::UNIX_EPOCH);
            for file in files.list()?.iter().filter(|file| is_ours(file)) {
                bytes = bytes.saturating_add(file.bytes);
                written = written.max(file.written);
            }
            let path = files.place().to_owned();
            found.push(CacheListing { about, path, bytes, written, files });
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
    /// Time since something was last written to it; none where the clock of the store is ahead.
    pub fn age(&self) -> Duration {
        self.written.elapsed().unwrap_or_default()
    }

    /// Removes its files, and its folder if nothing else is in it; gives the names of what else is
    /// there, which is left.
    ///
    /// # Errors
    /// A run is at work with it ([`CacheError::InUse`]), or a file cannot be removed.
    pub fn remove(&self) -> Result<Vec<String>, CacheError> {
        remove(&*self.files)
    }
}

/// The address of an object store, where a place is one.
fn address(place: &Path) -> Option<&str> {
    let text = place.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    // A letter alone is a drive of Windows.
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then_some(text)
}

/// What an entry is, if it is one: no link, with a record of which it has its name.
fn about(files: &dyn EntryFiles, key: &str) -> Result<Option<About>, CacheError> {
    #[derive(serde::Deserialize)]
    struct Record {
        #[serde(flatten)]
        about: About,
        fingerprint: BTreeMap<String, Value>,
    }
    let Some(record) = files.read(ABOUT, MAX_ABOUT_BYTES)? else { return Ok(None) };
    let Ok(Record { about, fingerprint }) = serde_json::from_slice(&record) else {
        return Ok(None);
    };
    Ok((Fingerprint::new(fingerprint).key() == key).then_some(about))
}

/// Removes the files of an entry; gives the names of what is left, which is not alignscope's.
fn remove(files: &dyn EntryFiles) -> Result<Vec<String>, CacheError> {
    let listed = files.list()?;
    if lease::is_in_use(files, &listed)? {
        return Err(CacheError::InUse { path: files.place().to_owned() });
    }
    let (mut ours, others): (Vec<_>, Vec<_>) = listed.into_iter().partition(is_ours);
    // The record goes last: as long as it is there, the folder is known as an entry.
    ours.sort_by_key(|file| file.name == ABOUT);
    ours.iter().try_for_each(|file| files.remove(&file.name))?;
    if others.is_empty() {
        files.remove_place()?;
    }
    Ok(others.into_iter().map(|file| file.name).collect())
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
        let none = CacheFolder::new(&folder.path().join("none"));
        assert!(none.list().expect("none").is_empty());
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
        assert!(kept.list().expect("listed").is_empty());
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
        assert!(kept.list().expect("listed").is_empty());
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
        assert!(kept.list().expect("listed").is_empty());
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
