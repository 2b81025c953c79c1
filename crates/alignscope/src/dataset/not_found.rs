//! What to say of a folder that does not hold a data set: what it holds, and where the data set
//! seems to be.

use std::path::{Path, PathBuf};

use super::files::Names;
use super::formats::{AnyFormat, looks_like};

/// So many folders are looked into at most.
const MAX_FOLDERS: usize = 1000;

/// Folders so far above and below are looked into.
const LEVELS: usize = 3;

/// What a folder looks like that holds nothing of the format asked for. It may look like that format
/// itself, with something missing, which is not told.
pub(super) fn instead(folder: &Path, asked: AnyFormat) -> Option<&'static str> {
    let (found, word) = looks_like(folder)?;
    (!answers(found, asked)).then_some(word)
}

/// A folder below or above that seems to hold what was asked for.
pub(super) fn elsewhere(folder: &Path, asked: AnyFormat) -> Option<PathBuf> {
    below(folder, asked).or_else(|| above(folder, asked))
}

/// Whether what lies in one format is read if another is asked for.
fn answers(found: AnyFormat, asked: AnyFormat) -> bool {
    found == asked || (found == AnyFormat::Bapps && asked == AnyFormat::Nights)
}

fn seems(folder: &Path, asked: AnyFormat) -> bool {
    let read_as = asked.read_as(folder);
    read_as.format().recognise(folder).is_some() && answers(read_as, asked)
}

/// A folder in the folder, or in one of those, that seems to hold the data set: the archive was
/// unpacked into a folder of its own, or the folder of all data sets was named.
fn below(folder: &Path, asked: AnyFormat) -> Option<PathBuf> {
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
            if let Some(found) = folders.iter().find(|below| seems(below, asked)) {
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
fn above(path: &Path, asked: AnyFormat) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let around = path.ancestors().skip(1).take(LEVELS);
    around.filter(|folder| folder.parent().is_some()).find(|f| seems(f, asked)).map(Path::to_owned)
}
