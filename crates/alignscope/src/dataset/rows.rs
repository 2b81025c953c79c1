//! What tables with paths of images and a column of splits share.

use std::collections::BTreeSet;
use std::path::Path;

use super::builder::Found;
use super::error::shown;
use super::files::{Files, inner_path};
use super::table::{Column, Row};
use super::{DatasetError, DatasetOptions};

/// The image at a path below the folder of the data set; or anywhere, where the user allows it.
pub(super) fn find(files: &Files, name: &str) -> Found {
    if let Some(path) = files.at(name) {
        return Found::Image { id: path.to_owned(), path: files.full(path) };
    }
    let outside = files.full(name);
    match inner_path(name).is_none() && outside.is_file() {
        true => Found::Image { id: name.to_owned(), path: outside },
        false => Found::Missing { looked: outside },
    }
}

/// The images that a row names: paths below the folder, and others only where the user allows them.
pub(super) fn image_names<const N: usize>(
    row: &Row<'_>,
    columns: [Column; N],
    options: &DatasetOptions,
) -> Result<[String; N], DatasetError> {
    let mut names = [const { String::new() }; N];
    for (name, column) in names.iter_mut().zip(columns) {
        let found = row.name(column)?;
        *name = match inner_path(found) {
            Some(inner) => inner,
            None if options.allow_outside && !found.is_empty() => found.to_owned(),
            None => {
                return Err(DatasetError::Outside {
                    path: row.path.to_owned(),
                    line: row.line(),
                    found: shown(found),
                });
            }
        };
    }
    Ok(names)
}

/// The splits that a table names, so that one that is not there can be told from an empty one.
#[derive(Default)]
pub(super) struct Splits(BTreeSet<String>);

impl Splits {
    /// Whether a row of split `found` is wanted.
    pub(super) fn is(&mut self, wanted: &str, found: &str) -> bool {
        if !self.0.contains(found) {
            self.0.insert(found.to_owned());
        }
        wanted == found
    }

    /// Whether the split asked for was there.
    pub(super) fn check(&self, path: &Path, options: &DatasetOptions) -> Result<(), DatasetError> {
        match &options.split {
            Some(split) if !self.0.contains(split) => Err(DatasetError::Split {
                path: path.to_owned(),
                split: split.clone(),
                found: self.0.iter().map(|s| format!("`{s}`")).collect(),
            }),
            _ => Ok(()),
        }
    }
}
