//! Numbers that do not fit the memory budget, in a temporary file that has no name.
//!
//! On many systems `/tmp` lies in memory, where a file takes of what it should spare: there it goes to
//! `/var/tmp` if that is on a disk. A folder that the user names in TMPDIR is taken as it is.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::remedy::Remedy;

/// A temporary file of numbers, little-endian, that many threads read and write at once. It has no
/// name, so it is gone when it is closed, also where the program is killed.
#[derive(Debug)]
pub(crate) struct SpillFile {
    file: File,
    folder: PathBuf,
    what: &'static str,
    bytes: u64,
}

/// Numbers could not be kept in a temporary file.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot keep {what} in a temporary file in {folder}: up to {} MB are needed there",
    bytes.div_ceil(1_000_000)
)]
pub struct SpillError {
    /// What was to be kept.
    pub what: &'static str,
    /// The folder of temporary files.
    pub folder: PathBuf,
    /// Bytes of the whole file.
    pub bytes: u64,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Whether a file cannot be written for want of space.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl SpillError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        let more = Remedy::MoreMemory { bytes: None };
        let free = is_full(&self.source).then_some(Remedy::FreeSpace);
        free.into_iter().chain([more, Remedy::OtherTemporaryFolder]).collect()
    }
}

/// Numbers that are turned into bytes at a time.
const RUN: usize = 1 << 14;

impl SpillFile {
    /// A file that will hold `bytes` of `what`.
    pub(crate) fn create(what: &'static str, bytes: u64) -> Result<Self, SpillError> {
        let folder = folder();
        match tempfile::tempfile_in(&folder) {
            Ok(file) => Ok(Self { file, folder, what, bytes }),
            Err(source) => Err(SpillError { what, folder, bytes, source }),
        }
    }

    /// Writes numbers from the byte `offset` on.
    pub(crate) fn write(&self, offset: u64, values: &[f32]) -> Result<(), SpillError> {
        let mut bytes = vec![0; RUN.min(values.len()) * size_of::<f32>()];
        let mut offset = offset;
        for run in values.chunks(RUN) {
            let bytes = &mut bytes[..size_of_val(run)];
            for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(run) {
                *bytes = value.to_le_bytes();
            }
            self.write_bytes(offset, bytes)?;
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    /// Reads numbers from the byte `offset` on.
    pub(crate) fn read(&self, offset: u64, values: &mut [f32]) -> Result<(), SpillError> {
        let mut bytes = vec![0; RUN.min(values.len()) * size_of::<f32>()];
        let mut offset = offset;
        for run in values.chunks_mut(RUN) {
            let bytes = &mut bytes[..size_of_val(run)];
            self.read_bytes(offset, bytes)?;
            for (bytes, value) in bytes.as_chunks().0.iter().zip(run) {
                *value = f32::from_le_bytes(*bytes);
            }
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    /// Writes bytes from `offset` on.
    pub(crate) fn write_bytes(&self, offset: u64, bytes: &[u8]) -> Result<(), SpillError> {
        write_at(&self.file, bytes, offset).map_err(|source| self.error(source))
    }

    /// Reads bytes from `offset` on.
    pub(crate) fn read_bytes(&self, offset: u64, bytes: &mut [u8]) -> Result<(), SpillError> {
        read_at(&self.file, bytes, offset).map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> SpillError {
        let Self { what, bytes, .. } = *self;
        SpillError { what, folder: self.folder.clone(), bytes, source }
    }
}

/// Where temporary files go.
pub(crate) fn folder() -> PathBuf {
    let (usual, other) = (std::env::temp_dir(), Path::new("/var/tmp"));
    let named = std::env::var_os("TMPDIR").is_some();
    let takes_files = || tempfile::tempfile_in(other).is_ok();
    match is_better(named, is_in_memory(&usual), is_in_memory(other)) && takes_files() {
        true => other.to_owned(),
        false => usual,
    }
}

/// Whether another folder is to be taken than the usual one.
fn is_better(named: bool, usual_in_memory: bool, other_in_memory: bool) -> bool {
    !named && usual_in_memory && !other_in_memory
}

/// Whether a folder's files are kept in memory; no, where that can't be told.
#[cfg(target_os = "linux")]
fn is_in_memory(folder: &Path) -> bool {
    /// As in Linux's `magic.h`.
    const TMPFS: i128 = 0x0102_1994;
    const RAMFS: i128 = 0x8584_58f6;
    rustix::fs::statfs(folder).is_ok_and(|found| matches!(i128::from(found.f_type), TMPFS | RAMFS))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

#[cfg(unix)]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
pub(crate) fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => (bytes, offset) = (&bytes[written..], offset + written as u64),
        }
    }
    Ok(())
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (bytes, offset) = (&mut bytes[read..], offset + read as u64),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_to_the_bit_in_any_pieces() {
        let values: Vec<f32> = (0..3 * RUN + 5).map(|i| (i as f32).sqrt() - 9.0).collect();
        let file = SpillFile::create("numbers", 4 * values.len() as u64).expect("a file");
        let (first, second) = values.split_at(RUN + 7);
        file.write(4 * first.len() as u64, second).expect("written");
        file.write(0, first).expect("written");
        let mut found = vec![0.0; values.len()];
        let (first, second) = found.split_at_mut(11);
        file.read(0, first).expect("read");
        file.read(44, second).expect("read");
        assert_eq!(found, values);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_lies_in_memory_is_told_from_what_is_on_a_disk() {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("read");
        for line in mounts.lines() {
            let mut words = line.split(' ').skip(1);
            let (folder, kind) = (words.next().expect("a folder"), words.next().expect("a kind"));
            let in_memory = match kind {
                "tmpfs" | "ramfs" => true,
                "btrfs" | "ext4" | "overlay" | "proc" | "xfs" => false,
                _ => continue,
            };
            // A later mount may hide an earlier one; some folders are not for everyone.
            let is_seen = mounts.matches(&format!(" {folder} ")).count() == 1;
            if is_seen && Path::new(folder).is_dir() {
                assert_eq!(is_in_memory(Path::new(folder)), in_memory, "{folder}: {kind}");
            }
        }
        assert!(!is_in_memory(Path::new("/nowhere")));
    }

    #[test]
    fn only_what_would_go_into_memory_goes_elsewhere() {
        assert!(is_better(false, true, false));
        for (named, usual, other) in
            [(true, true, false), (false, false, false), (false, true, true)]
        {
            assert!(!is_better(named, usual, other), "{named} {usual} {other}");
        }
    }

    #[test]
    fn the_error_says_where_and_how_much() {
        let file = SpillFile::create("activations", 5_000_001).expect("a file");
        let mut beyond = [0.0];
        let message = file.read(0, &mut beyond).expect_err("the file is empty").to_string();
        let folder = folder().display().to_string();
        for part in ["activations", &folder, "6 MB"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
