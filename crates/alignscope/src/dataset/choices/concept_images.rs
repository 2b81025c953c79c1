//! The image that stands for each concept of THINGS.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::named_images::{ANY_IMAGE, NamedImages, REFERENCE_IMAGE};
use crate::dataset::builder::Found;
use crate::dataset::error::shown;
use crate::dataset::files::{Names, entry};
use crate::dataset::{DatasetError, DatasetOptions, ThingsImages};
use crate::listing::{folded, is_image};

/// The images of concepts.
pub(in crate::dataset) enum ConceptImages {
    /// A folder for each concept, as THINGS is published.
    Folders(ConceptFolders),
    /// One folder, with a file for each concept: as gLocal and THINGSplus keep them.
    Flat(NamedImages),
    /// Files that a list or the triplets name: as UniSim and DreamSim keep them.
    Named(NamedImages),
    /// Not at hand: each by the concept's own name.
    Absent(PathBuf),
}

impl ConceptImages {
    /// Looks for the images of concepts below `root`.
    ///
    /// # Errors
    /// There is no folder of images.
    pub(in crate::dataset) fn of_concepts(
        root: &Path,
        concepts: &[String],
        which: ThingsImages,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        let folders = ConceptFolders::list(root, concepts, which)?;
        let is_flat = !folders.has_folders && Names::of(&folders.folder).iter().any(is_image);
        match is_flat {
            true => NamedImages::list(root, names_of(which), options).map(Self::Flat),
            false => Ok(Self::Folders(folders)),
        }
    }

    /// Looks for files that a list or the triplets name.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(in crate::dataset) fn named(
        root: &Path,
        which: ThingsImages,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        NamedImages::list(root, names_of(which), options).map(Self::Named)
    }

    /// The image of a concept, or of the name that stands for one.
    pub(in crate::dataset) fn find(&mut self, name: &str) -> Found {
        match self {
            Self::Folders(folders) => folders.find(name),
            Self::Flat(images) | Self::Named(images) => images.find(name),
            Self::Absent(root) => {
                let path = root.join("object_images").join(name);
                Found::Image { id: name.to_owned(), path }
            }
        }
    }

    /// What a reader of the results must know of them.
    pub(in crate::dataset) fn notes(&self, concepts: usize, which: ThingsImages) -> Vec<String> {
        match self {
            Self::Folders(folders) => folders.notes(concepts, which),
            Self::Flat(images) => {
                let note = "images lie in one folder, one for each concept; which of a concept's \
                            images it is cannot be told";
                std::iter::once(note.to_owned()).chain(images.note()).collect()
            }
            Self::Named(images) => images.note().into_iter().collect(),
            Self::Absent(_) => vec![],
        }
    }
}

fn names_of(which: ThingsImages) -> &'static [&'static str] {
    match which {
        ThingsImages::First => ANY_IMAGE,
        ThingsImages::Reference01b => REFERENCE_IMAGE,
    }
}

/// The image that stands for each concept, of those in its folder.
pub(in crate::dataset) struct ConceptFolders {
    folder: PathBuf,
    folder_name: &'static str,
    /// Whether any concept has a folder.
    has_folders: bool,
    /// The image of each concept that has one.
    by_concept: HashMap<String, PathBuf>,
    without_reference: usize,
    substitutes: usize,
}

impl ConceptFolders {
    fn list(data: &Path, concepts: &[String], which: ThingsImages) -> Result<Self, DatasetError> {
        let (folder, folder_name) = ["object_images", "images"]
            .iter()
            .filter_map(|name| Some((entry(data, name)?, *name)))
            .find(|(folder, _)| folder.is_dir())
            .ok_or_else(|| no_images(data))?;
        let mut images = Self {
            folder,
            folder_name,
            has_folders: false,
            by_concept: HashMap::new(),
            without_reference: 0,
            substitutes: 0,
        };
        let entries = Names::of(&images.folder);
        for concept in concepts {
            let folder = entries.find(concept).map(|name| images.folder.join(name));
            let folder = folder.filter(|folder| folder.is_dir());
            images.has_folders |= folder.is_some();
            let names = folder.as_deref().map_or_else(Vec::new, image_names);
            let is_reference = |name: &&String| {
                name.rsplit_once('.')
                    .is_some_and(|(stem, _)| folded(stem) == folded(&format!("{concept}_01b")))
            };
            let reference = names.iter().find(is_reference);
            images.without_reference += usize::from(reference.is_none());
            let chosen = match which {
                ThingsImages::First => names.first(),
                ThingsImages::Reference01b => reference,
            };
            if let Some(name) = chosen {
                images.substitutes += usize::from(reference != Some(name));
                let folder = folder.expect("a folder that has an image");
                images.by_concept.insert(concept.clone(), folder.join(name));
            }
        }
        Ok(images)
    }

    fn find(&self, concept: &str) -> Found {
        match self.by_concept.get(concept) {
            Some(path) => {
                let below = path.strip_prefix(&self.folder).unwrap_or(path);
                let below = below.to_string_lossy().replace('\\', "/");
                Found::Image { id: format!("{}/{below}", self.folder_name), path: path.clone() }
            }
            None => Found::Missing { looked: self.folder.join(concept) },
        }
    }

    fn notes(&self, concepts: usize, which: ThingsImages) -> Vec<String> {
        let mut notes = vec![format!(
            "{} of {concepts} concepts have no `_01b` image, and {} have no image at all",
            self.without_reference,
            concepts - self.by_concept.len()
        )];
        if self.substitutes > 0 && which == ThingsImages::First {
            notes.push(format!(
                "{} concepts are shown by another image than `_01b`, the first in sorted order",
                self.substitutes
            ));
        }
        notes
    }
}

/// The error for a folder without the folder of images.
fn no_images(data: &Path) -> DatasetError {
    let names = Names::of(data);
    let mut parts: Vec<&str> =
        names.iter().filter(|name| name.to_lowercase().starts_with("object_images")).collect();
    parts.sort_unstable();
    let Some(first) = parts.first() else {
        let expected =
            "`object_images/` with a folder for each concept, or `images/` with a file for each";
        return DatasetError::nothing_of("things-like", data, expected);
    };
    let (expected, fix) = match Names::of(&data.join(first)).iter().any(is_image) {
        true => ("one folder `images` with a file for each concept", "rename it to `images`"),
        false => (
            "one folder `object_images` with a folder for each concept",
            "unpack what is packed, and move the concepts' folders of all of them into \
             `object_images`",
        ),
    };
    DatasetError::Layout {
        path: data.to_owned(),
        found: format!("`{}`", shown(&parts.join("`, `"))),
        expected: expected.to_owned(),
        fix: fix.to_owned(),
    }
}

/// The images in a concept's folder, sorted; none where there is no folder.
fn image_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && is_image(name))
        .collect();
    names.sort_unstable();
    names
}
