//! Lists of images: a path below the data set's folder a line.

use std::path::Path;

use super::error::shown;
use super::files::inner_path;
use super::lines::lines;
use super::{DatasetError, HashedPath};

/// Images in the order of a list.
pub(super) struct ImageList {
    /// The paths, with `/`.
    pub(super) names: Vec<String>,
    /// The line of each, from 1.
    pub(super) lines: Vec<u64>,
    /// The file.
    pub(super) source: HashedPath,
}

impl ImageList {
    /// Reads a list. Blank lines are passed over.
    ///
    /// `allow_outside` — whether paths may lead out of the data set's folder
    ///
    /// # Errors
    /// It cannot be read, names no images, or one outside the data set's folder.
    pub(super) fn read(path: &Path, allow_outside: bool) -> Result<Self, DatasetError> {
        let (listed, source) = lines(path)?;
        if listed.is_empty() {
            let why = "it names no images".to_owned();
            return Err(DatasetError::NoTrials { path: path.to_owned(), why });
        }
        let (mut names, mut lines) = (Vec::new(), Vec::new());
        for (line, name) in listed {
            names.push(match inner_path(&name) {
                Some(inner) => inner,
                None if allow_outside => name,
                None => {
                    let (path, found) = (path.to_owned(), shown(&name));
                    return Err(DatasetError::Outside { path, line, found });
                }
            });
            lines.push(line);
        }
        Ok(Self { names, lines, source })
    }
}
