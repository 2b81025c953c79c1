//! What was fetched from an object store, or will be brought there, while a run is at work with it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::spill::{SpillError, SpillFile};

/// The files of one entry, one after the other in a temporary file that has no name: it is gone
/// when the entry is done with, also where the program is killed.
#[derive(Debug)]
pub(super) struct LocalCopies {
    file: SpillFile,
    end: AtomicU64,
}

impl LocalCopies {
    /// A file for copies, of which the first will have so many bytes.
    pub(super) fn create(bytes: u64) -> Result<Self, SpillError> {
        let file = SpillFile::create("what is kept in an object store", bytes)?;
        Ok(Self { file, end: AtomicU64::new(0) })
    }

    /// Room for so many bytes: where they begin.
    pub(super) fn reserve(&self, bytes: u64) -> u64 {
        self.end.fetch_add(bytes, Ordering::Relaxed)
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), SpillError> {
        self.file.write_bytes(offset, bytes)
    }

    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), SpillError> {
        self.file.read_bytes(offset, bytes)
    }
}
