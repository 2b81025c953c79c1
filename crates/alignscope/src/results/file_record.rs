//! The files that a manifest names, and their hashes.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::input_file::{self, ContentHash, HashedPath};
use crate::listing::{MAX_ANSWER_BYTES, answer_names, sha256_of_all};
use crate::weights::file_sha256;

/// A file with its hash; or a folder of answers, one a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its path, as it was opened; its name, for a result.
    pub path: String,
    /// SHA-256 of its bytes; of a folder, that of its files' SHA-256 and names, as `sha256sum` writes them sorted by name.
    pub sha256: String,
    /// For the weights of a baseline: whether that is the hash of a file as it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<bool>,
}

impl FileRecord {
    /// A file that was read, by the hash of what was read.
    pub(crate) fn new(file: &HashedPath) -> Self {
        let HashedPath { path, sha256 } = file;
        Self { path: absolute(path), sha256: sha256.clone(), published: None }
    }
}

/// A path that means the same from any folder.
pub(crate) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// SHA-256 of a file; of a folder with a `.npy` file for each answer, that over all of them.
pub(crate) fn recorded_sha256(path: &Path) -> io::Result<String> {
    if !path.is_dir() {
        return file_sha256(path);
    }
    let mut files = Vec::new();
    for name in answer_names(path)? {
        let named = |source| io::Error::other(format!("{name}: {source}"));
        let bytes = input_file::read(&path.join(&name), MAX_ANSWER_BYTES).map_err(named)?;
        files.push((name, ContentHash::of(&bytes)));
    }
    Ok(sha256_of_all(files.iter().map(|(name, hash)| (name.as_str(), hash))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_answers_has_one_hash() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        let hash = || recorded_sha256(folder.path()).expect("read");
        write("000001.npy", "b");
        write("000000.npy", "a");
        // Of `sha256sum *.npy | sha256sum` in that folder; other files and folders are none of it.
        write("notes.txt", "c");
        std::fs::create_dir(folder.path().join("old.npy")).expect("made");
        assert_eq!(hash(), "dce1ca8fbc9d89b494bf6a123b967e42ebf3183f01a134012c2a6c71e240c73e");
        let before = hash();
        write("000001.npy", "c");
        assert_ne!(hash(), before);
        let file = folder.path().join("000000.npy");
        assert_eq!(recorded_sha256(&file).expect("read"), file_sha256(&file).expect("read"));
    }
}
