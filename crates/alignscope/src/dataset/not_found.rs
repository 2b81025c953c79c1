//! What to say of a folder that does not hold a data set: what it holds, and where the data set
//! seems to be.

use std::path::{Path, PathBuf};

use super::files::Names;
use super::{DatasetError, DatasetKind, Layout, bapps, looks_like};

/// So many folders are looked into at most.
const MAX_FOLDERS: usize = 1000;

/// Folders so far above and below are looked into.
const LEVELS: usize = 3;

/// The error for a path that holds no `dataset`, of which `expected` was looked for.
pub(super) fn not_found(path: &Path, dataset: DatasetKind, expected: &str) -> DatasetError {
    DatasetError::NotFound {
        path: path.to_owned(),
        dataset,
        expected: expected.to_owned(),
        // It may look like the data set that it is, with something missing.
        looks_like: looks_like(path).filter(|other| !same_layout(*other, dataset)),
        elsewhere: below(path, dataset).or_else(|| above(path, dataset)),
    }
}

/// Whether two names ask for the same files.
fn same_layout(a: DatasetKind, b: DatasetKind) -> bool {
    let layout = |kind| match Layout::of(kind) {
        // Asked for as NIGHTS, BAPPS is read too.
        Layout::Bapps => Layout::Nights,
        layout => layout,
    };
    a == b || layout(a) == layout(b) && layout(a) != Layout::Manifest
}

fn seems(folder: &Path, dataset: DatasetKind) -> bool {
    looks_like(folder).is_some_and(|found| same_layout(found, dataset))
        || same_layout(dataset, DatasetKind::Nights) && bapps::find(folder).is_some()
}

/// A folder in the folder, or in one of those, that seems to hold the data set: the archive was
/// unpacked into a folder of its own, or the folder of all data sets was named.
fn below(folder: &Path, dataset: DatasetKind) -> Option<PathBuf> {
    let mut level = vec![folder.to_owned()];
    let mut seen = 0;
    for _ in 0..LEVELS {
        let mut next = Vec::new();
        for folder in level {
            let names = Names::of(&folder);
            let mut folders: Vec<PathBuf> =
                names.iter().map(|name| folder.join(name)).filter(|path| path.is_dir()).collect();
            folders.sort();
            seen += folders.len();
            if let Some(found) = folders.iter().find(|below| seems(below, dataset)) {
                return Some(found.clone());
            }
            if seen > MAX_FOLDERS {
                return None;
            }
            next.extend(folders);
        }
        level = next;
    }
    None
}

/// A folder around it that seems to hold the data set: a part of it was named.
fn above(path: &Path, dataset: DatasetKind) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let around = path.ancestors().skip(1).take(LEVELS);
    around
        .filter(|folder| folder.parent().is_some())
        .find(|f| seems(f, dataset))
        .map(Path::to_owned)
}
