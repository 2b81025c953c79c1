//! What can go wrong with the cache.

use std::io;
use std::path::{Path, PathBuf};

use super::object_error::ObjectStoreError;
use crate::remedy::Remedy;
use crate::spill::{SpillError, is_full};

/// Entries cannot be kept or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// A file cannot be written.
    #[error("cannot keep differences in {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A run is at work with it.
    #[error(
        "another run is at work with the differences in {path}; wait until it ends, or stop it"
    )]
    InUse {
        /// The entry's folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read the kept differences in {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody removed a file that a run counts on. A run computes it again; only where that
    /// happens again and again it gives up.
    #[error("the kept differences in {path} were removed while this run was at work with them")]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// There is no place for them.
    #[error(
        "cannot tell where differences are kept: neither ALIGNSCOPE_CACHE nor XDG_CACHE_HOME nor \
         HOME is set"
    )]
    NoPlace,
    /// The object store that the cache is in.
    #[error(transparent)]
    ObjectStore(#[from] Box<ObjectStoreError>),
    /// What comes from an object store, or goes to one, finds no place on this machine.
    #[error(transparent)]
    Spill(#[from] SpillError),
}

/// Statistics cannot be put where they are to be.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The files that keep them.
    #[error(transparent)]
    Kept(#[from] CacheError),
    /// The temporary file of the present run.
    #[error(transparent)]
    Spill(#[from] SpillError),
}

impl CacheError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Write { source, .. } if is_full(source) => {
                vec![Remedy::FreeSpace, Remedy::NameCache, Remedy::WithoutCache]
            }
            Self::Write { .. } | Self::NoPlace | Self::ObjectStore(_) => {
                vec![Remedy::NameCache, Remedy::WithoutCache]
            }
            Self::Spill(_) => vec![Remedy::FreeSpace, Remedy::OtherTemporaryFolder],
            Self::InUse { .. } | Self::Read { .. } | Self::Gone { .. } => vec![],
        }
    }

    /// Whether a file was removed that was there, so that it can be computed again.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// Whether nothing can be written where the cache is, though it may be read.
    pub(super) fn is_read_only(&self) -> bool {
        match self {
            Self::Write { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ),
            Self::ObjectStore(error) => matches!(**error, ObjectStoreError::Denied { .. }),
            _ => false,
        }
    }

    pub(super) fn write(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| match is_gone(&source) {
            true => Self::Gone { path: path.to_owned() },
            false => Self::Write { path: path.to_owned(), source },
        }
    }

    pub(super) fn read(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| match is_gone(&source) {
            true => Self::Gone { path: path.to_owned() },
            false => Self::Read { path: path.to_owned(), source },
        }
    }
}

/// Whether a file is not there, or no longer: NFS says so of a file that another machine removed
/// while it was open here.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}
