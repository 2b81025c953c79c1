//! ImageNet's images, which answers name without their folders.

use std::path::Path;

use crate::dataset::builder::Found;
use crate::dataset::files::{Files, note_on_others};
use crate::dataset::{DatasetError, DatasetOptions};

/// ImageNet's images below a folder.
pub(super) struct ImageNet {
    files: Files,
    /// Images that are there more than once, none of them in the folder of its class.
    passed_over: usize,
}

impl ImageNet {
    /// Lists the images below a folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn list(root: &Path, options: &DatasetOptions) -> Result<Self, DatasetError> {
        let error = |source| DatasetError::Read { path: root.to_owned(), source };
        Ok(Self { files: Files::images(root, options).map_err(error)?, passed_over: 0 })
    }

    /// The file `n01440764_10026.JPEG`, in the folder of its class where there are several.
    pub(super) fn find(&mut self, name: &str) -> Found {
        let Some((id, others)) = self.files.named(name, &[class(name)]) else {
            return Found::Missing { looked: self.files.full(name) };
        };
        self.passed_over += usize::from(others);
        Found::Image { id: id.to_owned(), path: self.files.full(id) }
    }

    /// What is to be told of images that are there more than once.
    pub(super) fn note(&self) -> Option<String> {
        note_on_others(self.passed_over)
    }
}

/// The class of an image, which its name begins with.
pub(super) fn class(name: &str) -> &str {
    name.split('_').next().unwrap_or_default()
}
