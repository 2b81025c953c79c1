//! The file of an experiment, for errors and for what lies beside it.

use std::path::{Path, PathBuf};

use super::error::ExperimentFileError;
use crate::name::UnknownName;
use crate::user_folders::expand_home;

/// Where an experiment is read from.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    path: &'a Path,
}

impl<'a> Origin<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self { path }
    }

    /// The file, as errors name it.
    pub(super) fn path(self) -> PathBuf {
        self.path.to_owned()
    }

    /// The folder that relative paths in the file begin at.
    pub(super) fn folder(self) -> &'a Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Whether it is written in JSON, as manifests are.
    pub(super) fn is_json(self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "json")
    }

    /// A path in the file, from where the program is.
    pub(super) fn place(self, path: &Path) -> Result<PathBuf, ExperimentFileError> {
        let home = |source| ExperimentFileError::Home { path: self.path(), source };
        Ok(self.folder().join(expand_home(path).map_err(home)?))
    }

    /// The error of a word that is not among its choices.
    pub(super) fn word(self, source: UnknownName) -> ExperimentFileError {
        ExperimentFileError::Word { path: self.path(), source }
    }
}
