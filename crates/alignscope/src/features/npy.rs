//! `.npy` files of numbers, as NumPy writes them.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use half::f16;

use crate::input_file::{self, HashedPath, InputFile, check_pointer};
use crate::numpy_file::{MAX_BEGINNING, NpyHeader};
use crate::progress::{Progress, Silent};

/// Bytes of numbers that are turned into f32 at a time.
const RUN: usize = 1 << 16;

/// A number format of a `.npy` file that can be features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    F16,
    F32,
    F64,
}

impl Format {
    fn of(descr: &str) -> Option<Self> {
        match descr {
            "<f2" => Some(Self::F16),
            "<f4" => Some(Self::F32),
            "<f8" => Some(Self::F64),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// A `.npy` file whose header has been read: numbers in order of rows, little-endian. It may have
/// many gigabytes, and is hashed later: by [`hash`](Self::hash), or before its numbers are read.
#[derive(Debug)]
pub struct NpyFile {
    path: PathBuf,
    header: Header,
    hashed: OnceLock<InputFile>,
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    format: Format,
    shape: Vec<usize>,
    /// Where the numbers begin.
    start: u64,
}

/// A `.npy` file cannot be used as features.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("{path} is not a .npy file: {found}; write it with numpy.save")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// Its numbers are of another kind.
    #[error(
        "{path} holds numbers of type `{found}`, expected 32-bit floats (`<f4`), or `<f2` or `<f8`, which are converted"
    )]
    Type {
        /// The file.
        path: PathBuf,
        /// The type, as NumPy writes it.
        found: String,
    },
    /// Its numbers are in order of columns.
    #[error(
        "{path} is in Fortran's order; expected C's, as numpy.save(path, numpy.ascontiguousarray(features)) writes it"
    )]
    Order {
        /// The file.
        path: PathBuf,
    },
    /// It has other axes than features have.
    #[error(
        "{path} has the shape {found:?}, expected an axis of images and others, none of size 0"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<usize>,
    },
    /// It is shorter or longer than its header says.
    #[error("{path} has {found} bytes of numbers, expected {expected} for the shape {shape:?}")]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes after the header.
        found: u64,
        /// Bytes that the shape needs.
        expected: u64,
        /// Its shape.
        shape: Vec<usize>,
    },
}

impl NpyFile {
    /// Reads the header of a file of features, and holds its length to it.
    ///
    /// # Errors
    /// See [`NpyError`].
    pub fn open(path: &Path) -> Result<Self, NpyError> {
        let (beginning, length) =
            beginning(path).map_err(|source| NpyError::Read { path: path.to_owned(), source })?;
        let header = Header::read(path, &beginning, length)?;
        Ok(Self { path: path.to_owned(), header, hashed: OnceLock::new() })
    }

    /// Hashes the file, unless it was; advances by its bytes. `false` if the user stopped.
    ///
    /// # Errors
    /// It cannot be read, or has another header than when it was opened.
    pub fn hash(&self, progress: &dyn Progress) -> Result<bool, NpyError> {
        if self.hashed.get().is_some() {
            return Ok(true);
        }
        let read = |source| NpyError::Read { path: self.path.clone(), source };
        let Some(file) = InputFile::open_telling(&self.path, progress).map_err(read)? else {
            return Ok(false);
        };
        let mut beginning = vec![0; file.bytes().min(MAX_BEGINNING) as usize];
        file.read_exact_at(&mut beginning, 0).map_err(read)?;
        if Header::read(&self.path, &beginning, file.bytes())? != self.header {
            let what = "it was changed since its header was read; run again when it is whole";
            return Err(read(io::Error::new(io::ErrorKind::InvalidData, what)));
        }
        // Whoever else hashed it meanwhile hashed the same.
        let _ = self.hashed.set(file);
        Ok(true)
    }

    /// The file, hashed.
    fn hashed(&self) -> Result<&InputFile, NpyError> {
        self.hash(&Silent)?;
        Ok(self.hashed.get().expect("nobody stops it"))
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.header.start + self.header.number_bytes() as u64
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is, and the hash of what is read of it; `None` before it is hashed.
    pub fn hashed_path(&self) -> Option<HashedPath> {
        self.hashed.get().map(InputFile::hashed_path)
    }

    /// The sizes of its two to four axes, the first that of images.
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// All numbers, as f32.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self) -> Result<Vec<f32>, NpyError> {
        let mut values = Vec::with_capacity(self.shape().iter().product());
        self.each(|run| {
            values.extend_from_slice(run);
            Ok::<(), NpyError>(())
        })?;
        Ok(values)
    }

    /// Hands on the numbers of each image, in order.
    pub(crate) fn each_row<E: From<NpyError>>(
        &self,
        mut take: impl FnMut(usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let of_image = self.shape()[1..].iter().product();
        let (mut row, mut values) = (0, Vec::with_capacity(of_image));
        self.each(|mut run| {
            while !run.is_empty() {
                let (now, later) = run.split_at(run.len().min(of_image - values.len()));
                values.extend_from_slice(now);
                run = later;
                if values.len() == of_image {
                    take(row, &values)?;
                    row += 1;
                    values.clear();
                }
            }
            Ok(())
        })
    }

    /// Hands on the numbers, some at a time.
    fn each<E: From<NpyError>>(
        &self,
        mut take: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let error = |source| NpyError::Read { path: self.path().to_owned(), source };
        let mut file = self.hashed()?.reader_at(self.header.start);
        let mut bytes = vec![0; RUN];
        let mut values = Vec::with_capacity(RUN / 2);
        let mut left = self.header.number_bytes();
        while left > 0 {
            let run = &mut bytes[..left.min(RUN)];
            file.read_exact(run).map_err(error)?;
            left -= run.len();
            values.clear();
            match self.header.format {
                Format::F16 => {
                    values.extend(run.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()))
                }
                Format::F32 => {
                    values.extend(run.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)));
                }
                Format::F64 => {
                    values.extend(run.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32));
                }
            }
            take(&values)?;
        }
        Ok(())
    }
}

impl Header {
    /// Reads a header, and holds the length of the file to it.
    fn read(path: &Path, mut file: &[u8], length: u64) -> Result<Self, NpyError> {
        let wrong =
            |found: &str| NpyError::Header { path: path.to_owned(), found: found.to_owned() };
        let NpyHeader { descr, fortran_order, shape, bytes: start } =
            NpyHeader::read(&mut file).map_err(wrong)?;
        let format = Format::of(&descr)
            .ok_or_else(|| NpyError::Type { path: path.to_owned(), found: descr })?;
        if fortran_order {
            return Err(NpyError::Order { path: path.to_owned() });
        }
        if shape.is_empty() || shape.contains(&0) {
            return Err(NpyError::Shape { path: path.to_owned(), found: shape });
        }
        let numbers = shape.iter().try_fold(format.bytes(), |n, size| n.checked_mul(*size));
        let expected = numbers.ok_or_else(|| wrong("its shape is too large"))? as u64;
        let found = length.saturating_sub(start);
        if found != expected {
            return Err(NpyError::Length { path: path.to_owned(), found, expected, shape });
        }
        Ok(Self { format, shape, start })
    }

    /// Bytes of the numbers.
    fn number_bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.format.bytes()
    }
}

/// The bytes in which a header stands, and how many bytes the file has.
fn beginning(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = input_file::open(path)?;
    let length = file.metadata()?.len();
    let mut beginning = Vec::new();
    file.take(MAX_BEGINNING).read_to_end(&mut beginning)?;
    check_pointer(&beginning)?;
    Ok((beginning, length))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn file(folder: &Path, header: &str, numbers: &[u8]) -> PathBuf {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(numbers);
        let path = folder.join("features.npy");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    #[test]
    fn numbers_of_each_width_become_f32() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let values = [1.5_f64, -2.0, 0.25, 4.0];
        for (descr, bytes) in [
            ("<f2", values.map(|v| f16::from_f64(v).to_le_bytes().to_vec()).concat()),
            ("<f4", values.map(|v| (v as f32).to_le_bytes().to_vec()).concat()),
            ("<f8", values.map(|v| v.to_le_bytes().to_vec()).concat()),
        ] {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 2), }}\n");
            let npy = NpyFile::open(&file(folder.path(), &header, &bytes)).expect("opened");
            assert_eq!(npy.shape(), [2, 2]);
            assert_eq!(npy.read().expect("read"), [1.5, -2.0, 0.25, 4.0]);
        }
    }

    /// Counts what it is told, and stops the work after so many bytes.
    struct Stops {
        after: u64,
        advanced: AtomicU64,
    }

    impl Progress for Stops {
        fn begin(&self, _task: &str, _steps: u64) {}
        fn advance(&self, steps: u64) {
            self.advanced.fetch_add(steps, Ordering::Relaxed);
        }
        fn end(&self) {}
        fn note(&self, _message: &str) {}
        fn is_stopped(&self) -> bool {
            self.advanced.load(Ordering::Relaxed) >= self.after
        }
    }

    fn stops(after: u64) -> Stops {
        Stops { after, advanced: AtomicU64::new(0) }
    }

    #[test]
    fn a_file_is_hashed_with_progress_and_can_be_stopped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 1000), }\n";
        let bytes = vec![0; 300 * 1000 * 4];
        let npy = NpyFile::open(&file(folder.path(), header, &bytes)).expect("opened");
        assert_eq!(npy.hashed_path(), None);
        let soon = stops(1);
        assert!(!npy.hash(&soon).expect("read"));
        assert!(soon.advanced.load(Ordering::Relaxed) < npy.bytes() / 2);
        assert_eq!(npy.hashed_path(), None);
        let never = stops(u64::MAX);
        assert!(npy.hash(&never).expect("read"));
        assert_eq!(never.advanced.load(Ordering::Relaxed), npy.bytes());
        let whole = std::fs::read(npy.path()).expect("read");
        let sha256 = input_file::ContentHash::of(&whole).to_string();
        assert_eq!(npy.hashed_path().expect("hashed").sha256, sha256);
    }

    #[test]
    fn a_header_that_changes_before_the_file_is_hashed_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let header =
            |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        let npy = NpyFile::open(&file(folder.path(), &header("(1, 4)"), &[0; 16])).expect("opened");
        file(folder.path(), &header("(2, 2)"), &[0; 16]);
        let error = npy.read().expect_err("changed");
        let why = std::error::Error::source(&error).expect("why").to_string();
        assert!(why.contains("changed since its header was read"), "{why}");
    }

    #[test]
    fn a_wrong_header_is_told_before_the_file_is_hashed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let begun = std::time::Instant::now();
        for (descr, order, expected) in [
            ("<i8", "False", "type `<i8`"),
            ("<f4", "True", "Fortran"),
            ("<f4", "False", "expected 4"),
        ] {
            let header =
                format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': (1, 1), }}");
            let path = file(folder.path(), &header, &[]);
            // A hole of 64 GiB takes no room, but half a minute to hash.
            let opened = std::fs::OpenOptions::new().write(true).open(&path).expect("opened");
            opened.set_len(1 << 36).expect("a sparse file");
            let message = NpyFile::open(&path).expect_err("refused").to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(begun.elapsed().as_secs() < 10);
    }

    #[test]
    fn what_cannot_be_features_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let message = |header: &str| {
            let path = file(folder.path(), header, &[0; 16]);
            NpyFile::open(&path).expect_err("refused").to_string()
        };
        let header = |descr: &str, fortran: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
        };
        for (header, expected) in [
            (header("<i8", "False", "(1, 2)"), "type `<i8`"),
            (header("<f4", "True", "(2, 2)"), "Fortran's order"),
            (header("<f4", "False", "()"), "shape []"),
            (header("<f4", "False", "(2, 0)"), "shape [2, 0]"),
            (header("<f4", "False", "(2, 2, 1, 0)"), "shape [2, 2, 1, 0]"),
            (header("<f4", "True", "(1, 2, 2, 1)"), "Fortran's order"),
            (header("<f4", "False", "(2, 3)"), "16 bytes of numbers, expected 24"),
            ("{'shape': (2, 2)}".to_owned(), "no plain `descr`"),
        ] {
            let message = message(&header);
            assert!(message.contains(expected), "{message}");
        }
        let path = folder.path().join("text.npy");
        std::fs::write(&path, "no array at all").expect("written");
        let message = NpyFile::open(&path).expect_err("refused").to_string();
        assert!(message.contains("does not begin as one"), "{message}");
    }
}
