//! Differences that outlive a run: what was encoded once is not encoded again.
//!
//! A *entry* is one model on one data set. It is kept in a folder of its own under a name that is a hash of all
//! that its numbers depend on, so that what is found under a name is what would be computed: weights, preprocessing, images, pairs,
//! precision, instructions, version of the numerics. Each resident set of it is a file, or each stage where all pairs are
//! reduced at once, written beside its place and renamed once it is whole, with a checksum at its end; a file whose checksum is wrong is removed, told, and computed again.

mod file;
mod folder;
mod stage_file;
mod entry;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::remedy::Remedy;

pub use entry::{CacheEntry, SetWriter, StoreError};
pub use folder::{CacheFolder, CacheListing};

/// Raised whenever the numbers that encoders, baselines or pixels give change, however little: entries of another
/// version are not taken.
pub const NUMERICS: u32 = 7;

/// All that the numbers of an entry depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, Value>);

impl Fingerprint {
    /// From named values, whose order does not matter.
    pub fn new(values: BTreeMap<String, Value>) -> Self {
        Self(values)
    }

    /// The name under which the entry is kept: half of the SHA-256 of the fingerprint, in hexadecimal.
    pub fn key(&self) -> String {
        let hash = Sha256::digest(self.to_string());
        hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// What an entry is, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// The model wherever it is named from: as it is written, but a folder by its whole path.
    pub model: String,
    /// What the run called it that kept it first.
    pub name: String,
    /// The data set.
    pub dataset: String,
    /// Pairs of the data set.
    pub pairs: usize,
}

/// Pieces cannot be kept or found.
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
    /// There is no place for them.
    #[error(
        "cannot tell where differences are kept: neither ALIGNSCOPE_CACHE nor XDG_CACHE_HOME nor HOME \
         is set"
    )]
    NoPlace,
}

impl CacheError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Write { .. } => {
                vec![Remedy::FreeSpace, Remedy::NameCache, Remedy::WithoutCache]
            }
            Self::NoPlace => vec![Remedy::NameCache, Remedy::WithoutCache],
            Self::InUse { .. } | Self::Read { .. } => vec![],
        }
    }

    fn write(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Write { path: path.to_owned(), source }
    }

    fn read(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Read { path: path.to_owned(), source }
    }
}
