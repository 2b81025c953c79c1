//! Statistics of pairs that outlive a run: what was encoded once is not encoded again.
//!
//! An *entry* is one model on one data set. It is kept under a name that is a hash of all that its
//! numbers depend on, so that what is found under a name is what would be computed: weights,
//! preprocessing, images, pairs, precision, version of the numerics. Each resident
//! set of it is a file, or each stage where all pairs are reduced at once, that appears when it is
//! whole, with a checksum at its end; a file whose checksum is wrong is removed, told, and computed
//! again.
//!
//! Many runs on many machines may use one cache, also one entry, at once: in a folder, which may be
//! on NFS, or in an object store. Nothing depends on locks. Two runs may compute the same file,
//! whose bytes are the same, so that it does not matter whose stays. What one run has kept another
//! takes over (`CacheEntry::take_over`), and what somebody removed is computed again. A run says
//! by a file that it is at work, so that whoever cleans the cache leaves its entry.

mod store;
mod local_copies;
mod object_error;
mod error;
mod format;
mod set;
mod stage_file;
mod values;
mod lease;
mod local;
mod objects;
mod entry;
mod folder;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use entry::CacheEntry;
pub use error::{CacheError, StoreError};
pub use folder::{CacheFolder, CacheListing};
pub use object_error::ObjectStoreError;
pub use set::SetWriter;

/// Raised whenever the numbers that encoders, baselines or pixels give change, however little:
/// entries of another version are not taken.
pub const NUMERICS: u32 = 8;

/// All that the numbers of an entry depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(BTreeMap<String, Value>);

impl Fingerprint {
    /// From named values, whose order does not matter.
    pub fn new(values: BTreeMap<String, Value>) -> Self {
        Self(values)
    }

    /// The name under which the entry is kept: half of the SHA-256 of the fingerprint, in
    /// hexadecimal.
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
