//! A file of kept numbers: what they are, the numbers, and a checksum over both.
//!
//! ```text
//! "alignscope kept1"       16 bytes, the last for the version of this format
//! length of the header     u64, little-endian
//! header                   JSON
//! numbers                  little-endian
//! SHA-256                  32 bytes, over all before
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::atomic_write;
use crate::input_file::open;
use crate::spill::{read_at, write_at};

const MAGIC: &[u8; 16] = b"alignscope kept1";
const HASH_BYTES: u64 = 32;
/// No header is longer.
const HEADER_LIMIT: u64 = 1 << 20;
/// Bytes that are hashed at a time.
const RUN: usize = 1 << 20;

/// A file that was checked. It is opened for each reading: there may be many.
#[derive(Debug)]
pub(super) struct CacheFile {
    path: PathBuf,
    /// Where the numbers begin.
    start: u64,
}

/// A file that is not written to its end.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: NamedTempFile,
    start: u64,
    body: u64,
}

/// Why a file is of no use.
pub(super) enum Trouble {
    /// It cannot be read.
    Io(io::Error),
    /// It is not what was written.
    Damaged(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl CacheFile {
    /// Opens a file and checks all of it; `body` says how many bytes of numbers go with a header.
    pub(super) fn open<H: DeserializeOwned>(
        path: &Path,
        body: impl Fn(&H) -> Option<u64>,
    ) -> Result<(Self, H), Trouble> {
        let damaged = |what: &str| Trouble::Damaged(what.to_owned());
        let mut file = open(path)?;
        let length = file.metadata()?.len();
        let mut beginning = [0; 24];
        if length < 24 + HASH_BYTES {
            return Err(Trouble::Damaged(format!("it has {length} bytes")));
        }
        file.read_exact(&mut beginning)?;
        let (magic, header_len) = beginning.split_at(16);
        let header_len = u64::from_le_bytes(header_len.try_into().expect("eight bytes"));
        if magic != MAGIC || header_len > HEADER_LIMIT {
            return Err(damaged("it does not begin as it should"));
        }
        let start = 24 + header_len;
        if length < start + HASH_BYTES {
            return Err(Trouble::Damaged(format!("it has {length} bytes")));
        }
        let mut header = vec![0; header_len as usize];
        file.read_exact(&mut header)?;
        let header: H = serde_json::from_slice(&header)
            .map_err(|error| Trouble::Damaged(format!("its header is {error}")))?;
        let expected = body(&header)
            .and_then(|body| body.checked_add(start + HASH_BYTES))
            .ok_or_else(|| damaged("its header cannot be"))?;
        if length != expected {
            return Err(Trouble::Damaged(format!("it has {length} bytes, expected {expected}")));
        }
        let mut hash = [0; HASH_BYTES as usize];
        read_at(&file, &mut hash, length - HASH_BYTES)?;
        if checksum(&file, length - HASH_BYTES)? != hash {
            return Err(damaged("its checksum is wrong"));
        }
        Ok((Self { path: path.to_owned(), start }, header))
    }

    /// Reads some of the numbers' bytes.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        read_at(&open(&self.path)?, bytes, self.start + offset)
    }
}

impl Unfinished {
    /// Begins a file beside `path` that will have `body` bytes of numbers.
    pub(super) fn create<H: Serialize>(path: &Path, header: &H, body: u64) -> io::Result<Self> {
        let header = serde_json::to_vec(header).expect("a header is plain data");
        let file = atomic_write::beside(path)?;
        let mut beginning = MAGIC.to_vec();
        beginning.extend_from_slice(&(header.len() as u64).to_le_bytes());
        beginning.extend_from_slice(&header);
        // Tells it from what a killed run left; a file system without locks leaves that to its users.
        let _ = file.as_file().try_lock();
        write_at(file.as_file(), &beginning, 0)?;
        Ok(Self { file, start: beginning.len() as u64, body })
    }

    /// Writes some of the numbers' bytes.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        write_at(self.file.as_file(), bytes, self.start + offset)
    }

    /// Puts the checksum to the end and gives the file its name.
    pub(super) fn finish(self, path: &Path) -> io::Result<()> {
        let length = self.start + self.body;
        let hash = checksum(self.file.as_file(), length)?;
        write_at(self.file.as_file(), &hash, length)?;
        atomic_write::keep(self.file, path)
    }
}

/// An unfinished file that is younger may be of a process that is about to lock it.
const ORPHAN_AGE: Duration = Duration::from_secs(60 * 60);

/// Removes an unfinished file that no process writes to any more.
pub(super) fn remove_orphan(path: &Path) {
    let is_old = |file: &File| {
        let written = file.metadata().and_then(|metadata| metadata.modified());
        written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age >= ORPHAN_AGE))
    };
    if open(path).is_ok_and(|file| is_old(&file) && file.try_lock().is_ok()) {
        // One that cannot be removed does no harm: it is never read.
        let _ = std::fs::remove_file(path);
    }
}

/// SHA-256 of the first bytes of a file.
fn checksum(file: &File, length: u64) -> io::Result<[u8; HASH_BYTES as usize]> {
    let mut hash = Sha256::new();
    let mut bytes = vec![0; RUN];
    let mut offset = 0;
    while offset < length {
        let run = &mut bytes[..RUN.min((length - offset) as usize)];
        read_at(file, run, offset)?;
        hash.update(&*run);
        offset += run.len() as u64;
    }
    Ok(hash.finalize().into())
}
