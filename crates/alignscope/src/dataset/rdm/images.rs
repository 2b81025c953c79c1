//! Where the images of matrices are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::order::Order;
use super::{DatasetError, DatasetOptions, IMAGES};
use crate::dataset::builder::Found;
use crate::dataset::files::Files;
use crate::dataset::{ImageEntry, ImageIndex, rows};

/// So many missing images are told.
const SHOWN: usize = 3;

/// The images of matrices.
#[derive(Default)]
pub(super) struct Images {
    /// Those that are there.
    pub(super) entries: Vec<ImageEntry>,
    /// Where each of the order stands among them; `None` of one that is missing.
    pub(super) places: Vec<Option<ImageIndex>>,
    /// The names of the others.
    pub(super) missing: Vec<String>,
    /// Where the first of them was looked for.
    looked: Option<PathBuf>,
}

impl Images {
    /// Looks for the images of an order below the data set's folder.
    ///
    /// # Errors
    /// One is listed twice, or could be any of several files; one is missing, unless the options
    /// leave such out; or fewer than three are there.
    pub(super) fn find(
        root: &Path,
        order: &Order,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        let files = Files::images(root, options)
            .map_err(|source| DatasetError::Read { path: root.to_owned(), source })?;
        let mut images = Self::default();
        let mut lines = HashMap::new();
        for (name, line) in order.names.iter().zip(&order.lines) {
            let Some((id, path)) = look_up(&files, order, name)? else {
                images.looked.get_or_insert_with(|| files.full(name));
                images.missing.push(name.clone());
                images.places.push(None);
                continue;
            };
            if let Some(first) = lines.insert(id.clone(), *line) {
                return Err(listed_twice(order, &id, [first, *line]));
            }
            images.places.push(Some(images.entries.len() as ImageIndex));
            images.entries.push(ImageEntry { id, path });
        }
        images.check(order, options)?;
        Ok(images)
    }

    fn check(&self, order: &Order, options: &DatasetOptions) -> Result<(), DatasetError> {
        if !self.missing.is_empty() && !options.skip_missing {
            let mut first: Vec<String> = self.missing.iter().take(SHOWN).cloned().collect();
            if self.missing.len() > SHOWN {
                first.push("…".to_owned());
            }
            let looked = self.looked.clone().unwrap_or_else(|| order.path.clone());
            // A matrix needs three images.
            let left = if self.entries.len() < 3 { 0 } else { pairs(self.entries.len()) };
            return Err(DatasetError::Missing {
                path: order.path.clone(),
                images: self.missing.len(),
                trials: pairs(self.places.len()) - left,
                left,
                looked,
                first,
            });
        }
        match self.entries.len() {
            count @ 0..3 => {
                let why = format!("{count} of its images are there, a matrix needs three");
                Err(DatasetError::NoTrials { path: order.path.clone(), why })
            }
            _ => Ok(()),
        }
    }

    /// How many pairs have missing images.
    pub(super) fn skipped(&self) -> usize {
        pairs(self.places.len()) - pairs(self.entries.len())
    }
}

/// How many pairs some images have.
fn pairs(images: usize) -> usize {
    images * images.saturating_sub(1) / 2
}

/// The image of a name: the path below the data set's folder, or in one of the order's folders, else
/// the only file of the name.
fn look_up(
    files: &Files,
    order: &Order,
    name: &str,
) -> Result<Option<(String, PathBuf)>, DatasetError> {
    if let Found::Image { id, path } = rows::find(files, name) {
        return Ok(Some((id, path)));
    }
    let in_folder = |folder: &String| {
        let path = format!("{folder}{name}");
        files.at(&path).map(|id| (id.to_owned(), files.full(id)))
    };
    if let Some(found) = order.folders.iter().find_map(in_folder) {
        return Ok(Some(found));
    }
    match files.named(name, &[]) {
        Some((id, true)) => Err(DatasetError::Layout {
            path: order.path.clone(),
            found: format!("`{name}`, the name of several images, `{id}` among them"),
            expected: "the path of each image below the folder of the data set".to_owned(),
            fix: format!("write the paths into {IMAGES}"),
        }),
        found => Ok(found.map(|(id, _)| (id.to_owned(), files.full(id)))),
    }
}

fn listed_twice(order: &Order, id: &str, lines: [u64; 2]) -> DatasetError {
    DatasetError::Layout {
        path: order.path.clone(),
        found: format!("`{id}` twice, in lines {} and {}", lines[0], lines[1]),
        expected: "each image once".to_owned(),
        fix: "leave one out, and its row and column of the matrices".to_owned(),
    }
}
