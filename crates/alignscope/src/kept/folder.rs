//! The folder of all kept pieces.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{About, Identity, KeptError, KeptPiece};
use crate::{caches, locks, whole};

/// What a piece is, for people; its presence marks a folder as ours.
const ABOUT: &str = "piece.json";

/// A folder in which pieces are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFolder {
    path: PathBuf,
}

/// A piece as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptEntry {
    /// What it is.
    pub about: About,
    /// Its folder.
    pub path: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// When something was last written to it.
    pub written: SystemTime,
}

impl KeptFolder {
    /// Pieces in this folder, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Where pieces are kept unless said otherwise: `$ALIGNSCOPE_CACHE`, else `alignscope/kept` in `$XDG_CACHE_HOME` or
    /// `~/.cache`.
    ///
    /// # Errors
    /// None of the variables is set.
    pub fn of_user() -> Result<Self, KeptError> {
        let default = || Some(caches::of_user()?.join("alignscope/kept"));
        let path = caches::variable("ALIGNSCOPE_CACHE").or_else(default);
        path.map(|path| Self { path }).ok_or(KeptError::NoPlace)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The piece of this identity, as far as it is kept.
    ///
    /// # Errors
    /// Its folder cannot be made or read.
    pub fn piece(&self, identity: &Identity, about: &About) -> Result<KeptPiece, KeptError> {
        let folder = self.path.join(identity.key());
        caches::refuse_tilde(&folder).map_err(KeptError::write(&folder))?;
        let path = folder.join(ABOUT);
        let text = serde_json::json!({
            "model": about.model,
            "name": about.name,
            "dataset": about.dataset,
            "pairs": about.pairs,
            "identity": identity.0,
        });
        let text = format!("{text:#}\n");
        // Between any two of these steps somebody may remove the folder.
        for _ in 0..100 {
            std::fs::create_dir_all(&folder).map_err(KeptError::write(&folder))?;
            if !path.exists() {
                match whole::write(&path, text.as_bytes()) {
                    // Another run wrote it at the same moment.
                    Err(_) if path.exists() => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    other => other.map_err(KeptError::write(&path))?,
                }
            }
            match locks::beside_others(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => return KeptPiece::open(folder, other.map_err(KeptError::read(&path))?),
            }
        }
        let source = io::Error::other("it is removed again and again");
        Err(KeptError::Write { path: folder, source })
    }

    /// Forgets what is kept of this identity.
    ///
    /// # Errors
    /// A run is at work with it ([`KeptError::InUse`]), or a file cannot be removed.
    pub fn forget(&self, identity: &Identity) -> Result<(), KeptError> {
        remove(&self.path.join(identity.key()))
    }

    /// All pieces, in order of model and data set.
    ///
    /// # Errors
    /// The folder cannot be read; that it is not there means that there are none.
    pub fn list(&self) -> Result<Vec<KeptEntry>, KeptError> {
        let folders = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            Err(source) => return Err(KeptError::Read { path: self.path.clone(), source }),
        };
        let mut found = Vec::new();
        for folder in folders {
            let path = folder.map_err(KeptError::read(&self.path))?.path();
            // What is not ours is not listed, and not removed.
            let Ok(text) = std::fs::read(path.join(ABOUT)) else { continue };
            let Ok(about) = serde_json::from_slice(&text) else { continue };
            let (mut bytes, mut written) = (0, SystemTime::UNIX_EPOCH);
            let files = std::fs::read_dir(&path).map_err(KeptError::read(&path))?;
            for file in files {
                // A run that is at work may have renamed or removed it.
                let Ok(metadata) = file.and_then(|f| f.metadata()) else { continue };
                bytes += metadata.len();
                written = written.max(metadata.modified().map_err(KeptError::read(&path))?);
            }
            found.push(KeptEntry { about, path, bytes, written });
        }
        found.sort_by(|a, b| {
            let key =
                |e: &KeptEntry| (e.about.model.clone(), e.about.dataset.clone(), e.path.clone());
            key(a).cmp(&key(b))
        });
        Ok(found)
    }
}

impl KeptEntry {
    /// Time since something was last written to it.
    pub fn age(&self) -> Duration {
        self.written.elapsed().unwrap_or_default()
    }

    /// Removes it.
    ///
    /// # Errors
    /// A run is at work with it ([`KeptError::InUse`]), or a file cannot be removed.
    pub fn remove(&self) -> Result<(), KeptError> {
        remove(&self.path)
    }
}

fn remove(folder: &Path) -> Result<(), KeptError> {
    let lock = match locks::alone(&folder.join(ABOUT)) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(KeptError::InUse { path: folder.to_owned() });
        }
        // What has no such file, nobody is at work with.
        other => other.ok().flatten(),
    };
    // Elsewhere an open file keeps its folder from being removed.
    let _held = lock.filter(|_| cfg!(unix));
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(KeptError::write(folder)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_listed_and_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("mine")).expect("made");
        let kept = KeptFolder::new(folder.path());
        for model in ["b", "a"] {
            let identity = Identity::new([(model.to_owned(), 1.into())].into_iter().collect());
            let about =
                About { model: model.into(), name: None, dataset: "things".into(), pairs: 2 };
            kept.piece(&identity, &about)
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
        let identity = Identity::new([("b".to_owned(), 1.into())].into_iter().collect());
        let about = About { model: "b".into(), name: None, dataset: "things".into(), pairs: 2 };
        let in_use = kept.piece(&identity, &about).expect("opened");
        let beside = kept.piece(&identity, &about).expect("two runs may share it");
        drop(in_use);
        let refused = kept.list().expect("listed")[0].remove().expect_err("in use").to_string();
        assert!(refused.contains("another run is at work"), "{refused}");
        drop(beside);
        kept.forget(&identity).expect("removed");
        assert_eq!(KeptFolder::new(&folder.path().join("none")).list().expect("none"), []);
    }

    #[test]
    fn the_key_does_not_depend_on_the_order_of_values() {
        let identity = |names: [&str; 2]| {
            Identity::new(names.into_iter().map(|n| (n.to_owned(), n.into())).collect()).key()
        };
        assert_eq!(identity(["a", "b"]), identity(["b", "a"]));
        assert_ne!(identity(["a", "b"]), identity(["a", "c"]));
    }
}
