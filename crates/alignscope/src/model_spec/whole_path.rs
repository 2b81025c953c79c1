//! Paths from the root on.

use std::path::{Component, Path, PathBuf};

/// The path from the root on; links are followed only where it goes up by `..`.
pub(super) fn whole_path(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match whole.components().any(|part| part == Component::ParentDir) {
        true => whole.canonicalize().unwrap_or(whole),
        false => whole,
    }
}
