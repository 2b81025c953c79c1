//! Images that a list names, with or without their folder and ending.

use std::path::{Path, PathBuf};

use crate::dataset::builder::Found;
use crate::dataset::files::{Files, file_in, inner_path, note_on_others};
use crate::dataset::image_list::ImageList;
use crate::dataset::{DatasetError, DatasetOptions};
use crate::input_file::HashedPath;

/// Folders in which the images of a list lie, if not where the list says: gLocal's and UniSim's (in
/// whatever case), THINGS's own, DreamSim's.
const FOLDERS: [&str; 4] = ["", "images/", "object_images/", "things_src_images/"];

/// What follows a concept in the name of its image: nothing in gLocal's folder, `_01b` in THINGS's
/// own, `_plus` in THINGSplus's.
pub(in crate::dataset) const ANY_IMAGE: &[&str] = &["", "_01b", "_plus"];

/// The reference image alone.
pub(in crate::dataset) const REFERENCE_IMAGE: &[&str] = &["_01b"];

/// Endings of images that are named without.
const ENDINGS: [&str; 7] = ["", ".jpg", ".png", ".jpeg", ".JPEG", ".bmp", ".webp"];

/// Files of images below a data set's folder.
pub(in crate::dataset) struct NamedImages {
    files: Files,
    after: &'static [&'static str],
    allow_outside: bool,
    /// Images that are there more than once, and not where they are looked for first.
    passed_over: usize,
}

impl NamedImages {
    /// Lists the files below a folder.
    ///
    /// `after` — what may follow a name before its ending
    pub(in crate::dataset) fn list(
        root: &Path,
        after: &'static [&'static str],
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        let error = |source| DatasetError::Read { path: root.to_owned(), source };
        let files = Files::list(root).map_err(error)?;
        Ok(Self { files, after, allow_outside: options.allow_outside, passed_over: 0 })
    }

    /// The image of a name, with its ending or without: at this path below the folder or one of
    /// [`FOLDERS`], else in whatever folder; or at a path out of the folder, where the user allows
    /// it.
    pub(in crate::dataset) fn find(&mut self, name: &str) -> Found {
        let files: Vec<String> = self.files_of(name).collect();
        let paths = FOLDERS.iter().flat_map(|f| files.iter().map(move |file| format!("{f}{file}")));
        let at = |path: String| self.files.at(&path).map(|id| (id.to_owned(), false));
        let named = |file: &String| self.files.named(file, &[]).map(|(id, o)| (id.to_owned(), o));
        let anywhere = || files.iter().find_map(named);
        match paths.into_iter().find_map(at).or_else(anywhere) {
            Some((id, others)) => {
                self.passed_over += usize::from(others);
                Found::Image { path: self.files.full(&id), id }
            }
            None => self.outside(name),
        }
    }

    /// The image at a path that leads out of the folder.
    fn outside(&self, name: &str) -> Found {
        let path = self.files.full(name);
        match self.allow_outside && inner_path(name).is_none() && path.is_file() {
            true => Found::Image { id: name.to_owned(), path },
            false => Found::Missing { looked: path },
        }
    }

    /// What is to be told of images that are there more than once.
    pub(in crate::dataset) fn note(&self) -> Option<String> {
        note_on_others(self.passed_over)
    }

    /// What the file of a name may be called.
    fn files_of(&self, name: &str) -> impl Iterator<Item = String> {
        let of = move |after: &&str| ENDINGS.map(|ending| format!("{name}{after}{ending}"));
        std::iter::once(name.to_owned()).chain(self.after.iter().flat_map(of))
    }
}

/// Names of files that list images in the order in which triplets number them.
const LISTS: [&str; 3] = ["images.txt", "file_names.txt", "things_first_imgs_idx.txt"];

/// The images of the first list in one of some folders, with the list: `images.txt`,
/// `file_names.txt`, or UniSim's `things_first_imgs_idx.txt`, a path a line.
///
/// # Errors
/// The list cannot be read, or names an image outside the data set's folder where the user does not
/// allow that.
pub(in crate::dataset) fn listed_images(
    folders: &[PathBuf],
    options: &DatasetOptions,
) -> Result<Option<(Vec<String>, HashedPath)>, DatasetError> {
    let found = folders.iter().find_map(|f| LISTS.iter().find_map(|name| file_in(f, name)));
    let Some(path) = found else { return Ok(None) };
    let list = ImageList::read(&path, options.allow_outside)?;
    Ok(Some((list.names, list.source)))
}
