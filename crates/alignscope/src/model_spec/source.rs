//! Where an encoder's weights come from.

use std::fmt;
use std::path::{Path, PathBuf};

use super::whole_path::whole_path;
use super::{CheckpointFile, DreamSim, Like};
use crate::hub::HubModel;

/// Where an encoder's weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelSource {
    /// The untrained control: the architecture of a model with random weights.
    Random {
        /// The model. Of one of the catalogue nothing is read, of another its configuration and the
        /// shapes of its tensors.
        of: Box<ModelSource>,
        /// Seed of the weights.
        seed: u64,
    },
    /// A checkpoint's folder.
    Folder(PathBuf),
    /// A file of weights.
    File(CheckpointFile),
    /// A single model of DreamSim.
    DreamSim {
        /// The folder that the package `dreamsim` keeps its weights in.
        folder: PathBuf,
        /// Which of its models.
        model: DreamSim,
    },
    /// A model of the hub.
    Hub(HubModel),
}

impl ModelSource {
    /// The untrained control of this model; of a control the same with another seed.
    pub fn untrained(self, seed: u64) -> Self {
        match self {
            Self::Random { of, .. } => Self::Random { of, seed },
            source => Self::Random { of: Box::new(source), seed },
        }
    }

    /// The same, and whether it is a file of weights, or the control of one, that says nothing of its
    /// architecture: it then has that of `like`.
    pub(super) fn with_like(self, like: &Like) -> (Self, bool) {
        match self {
            Self::File(file) if file.like.is_none() => (Self::File(file.like(like.clone())), true),
            Self::Random { of, seed } => {
                let (of, changed) = of.with_like(like);
                (Self::Random { of: Box::new(of), seed }, changed)
            }
            other => (other, false),
        }
    }

    /// The same, folders and files by their whole paths.
    pub(super) fn whole(&self) -> Self {
        self.with_paths(&whole_path)
    }

    /// The same, folders and files without links.
    pub(super) fn real(&self) -> Self {
        self.with_paths(&|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    fn with_paths(&self, change: &dyn Fn(&Path) -> PathBuf) -> Self {
        match self {
            Self::Random { of, seed } => {
                Self::Random { of: Box::new(of.with_paths(change)), seed: *seed }
            }
            Self::Folder(folder) => Self::Folder(change(folder)),
            Self::File(file) => Self::File(file.with_paths(change)),
            Self::DreamSim { folder, model } => {
                Self::DreamSim { folder: change(folder), model: *model }
            }
            Self::Hub(model) => Self::Hub(model.clone()),
        }
    }
}

impl fmt::Display for ModelSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random { of, seed: 0 } => write!(f, "random:{of}"),
            Self::Random { of, seed } => write!(f, "random:{of}@seed={seed}"),
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::File(file) => write!(f, "{file}"),
            Self::DreamSim { folder, model } => {
                write!(f, "{}#{}", folder.display(), model.type_name())
            }
            Self::Hub(model) => write!(f, "{model}"),
        }
    }
}
