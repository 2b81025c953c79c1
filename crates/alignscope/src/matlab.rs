//! Variables of MATLAB's `.mat` files, as MATLAB 5 to 7 and SciPy write them.
//!
//! # Source
//! MathWorks, *MAT-File Format* (level 5); checked against files of `scipy.io.savemat`
//! (`tests/golden/matlab/`).

mod array;
mod element;

use std::io;
use std::path::{Path, PathBuf};

use crate::input_file::{self, ContentHash, HashedPath};

use array::Reader;

/// A file of more bytes is refused.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// Bytes before the first variable.
const HEADER: usize = 128;

/// How HDF5 begins, the container of MATLAB 7.3.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// The variables of a `.mat` file, and its hash.
#[derive(Debug, Clone, PartialEq)]
pub struct MatFile {
    source: HashedPath,
    variables: Vec<(String, MatValue)>,
}

/// What a variable holds. Elements of arrays are in order of columns: the first axis runs fastest.
#[derive(Debug, Clone, PartialEq)]
pub enum MatValue {
    /// Numbers of any class, or truth values (0 and 1). Whole numbers of 64 bits beyond 2^53 are
    /// rounded. A sparse matrix has its zeros too.
    Numbers {
        /// Sizes of the axes, two at least.
        shape: Vec<usize>,
        /// The numbers, in order of columns.
        values: Vec<f64>,
    },
    /// One row of characters, or none. An array of several rows of characters is a
    /// [`Cell`](Self::Cell) of them, `[rows, 1]`, each without the blanks that fill it up.
    Text(String),
    /// Values of any kind.
    Cell {
        /// Sizes of the axes, two at least.
        shape: Vec<usize>,
        /// The values, in order of columns.
        values: Vec<MatValue>,
    },
    /// A structure, or an array of structures with the same fields; objects of old classes too.
    Struct {
        /// Sizes of the axes, two at least.
        shape: Vec<usize>,
        /// Each field, and its value in each structure, in order of columns.
        fields: Vec<(String, Vec<MatValue>)>,
    },
    /// Something that is not read: the name of its class (complex numbers, functions, tables).
    Other(String),
}

/// A `.mat` file cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is a file of MATLAB 7.3, whose container is HDF5.
    #[error(
        "{path} is a .mat of MATLAB 7.3 (HDF5), which alignscope does not read; save it as version \
         7: in MATLAB `save(file, \"-v7\")`, in Python `scipy.io.savemat` of what `h5py` reads"
    )]
    Hdf5 {
        /// The file.
        path: PathBuf,
    },
    /// It is something else.
    #[error(
        "{path} is not a .mat of MATLAB 5 to 7: {found}; in MATLAB `save(file, \"-v7\")` writes one"
    )]
    NotMatlab {
        /// The file.
        path: PathBuf,
        /// What it begins with.
        found: String,
    },
    /// What it holds does not fit the format.
    #[error("{path} is damaged {place}: {found}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In which variable.
        place: String,
        /// What is wrong.
        found: String,
    },
}

impl MatFile {
    /// Reads all variables of a file.
    ///
    /// Memory is bounded by what the file holds unpacked: 512 MB of bytes, and 2^26 numbers and
    /// characters, of which a value in a cell or a structure counts as 16.
    ///
    /// # Errors
    /// See [`MatError`]; two variables of one name are damage.
    pub fn read(path: &Path) -> Result<Self, MatError> {
        let bytes = input_file::read(path, MAX_FILE_BYTES)
            .map_err(|source| MatError::Read { path: path.to_owned(), source })?;
        let is_big_endian = check_header(path, &bytes)?;
        let mut reader = Reader::new(is_big_endian);
        let mut variables: Vec<(String, MatValue)> = Vec::new();
        let mut rest = &bytes[HEADER..];
        while !rest.is_empty() {
            let damaged = |found| {
                let place = match variables.last() {
                    Some((name, _)) => format!("after the variable `{name}`"),
                    None => "at its first variable".to_owned(),
                };
                MatError::Damaged { path: path.to_owned(), place, found }
            };
            let Some((name, value)) = reader.variable(&mut rest).map_err(damaged)? else {
                continue;
            };
            if variables.iter().any(|(known, _)| *known == name) {
                return Err(damaged(format!("there are two variables `{name}`")));
            }
            variables.push((name, value));
        }
        let sha256 = ContentHash::of(&bytes).to_string();
        Ok(Self { source: HashedPath { path: path.to_owned(), sha256 }, variables })
    }

    /// The variable of a name.
    pub fn get(&self, name: &str) -> Option<&MatValue> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The names of all variables, in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// The file and its hash.
    pub fn source(&self) -> &HashedPath {
        &self.source
    }
}

impl MatValue {
    /// Sizes of its axes; `None` of what is not read. A text is one row.
    pub fn shape(&self) -> Option<Vec<usize>> {
        match self {
            Self::Numbers { shape, .. } | Self::Cell { shape, .. } | Self::Struct { shape, .. } => {
                Some(shape.clone())
            }
            Self::Text(text) => Some(vec![1, text.chars().count()]),
            Self::Other(_) => None,
        }
    }

    /// What it is, for a message: `numbers of 92 × 92`.
    pub fn kind(&self) -> String {
        let sizes = |shape: &[usize]| {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            sizes.join(" × ")
        };
        match self {
            Self::Numbers { shape, .. } => format!("numbers of {}", sizes(shape)),
            Self::Text(_) => "a text".to_owned(),
            Self::Cell { shape, .. } => format!("a cell array of {}", sizes(shape)),
            Self::Struct { shape, .. } => format!("a struct array of {}", sizes(shape)),
            Self::Other(class) => format!("a value of class `{class}`"),
        }
    }

    /// The values of a field in each structure; `None` if there is no such field.
    pub fn field(&self, name: &str) -> Option<&[MatValue]> {
        match self {
            Self::Struct { fields, .. } => {
                fields.iter().find(|(known, _)| known == name).map(|(_, values)| &values[..])
            }
            _ => None,
        }
    }
}

/// Checks the first 128 bytes. Returns whether numbers are big-endian.
fn check_header(path: &Path, bytes: &[u8]) -> Result<bool, MatError> {
    let path = path.to_owned();
    if bytes.starts_with(HDF5) || bytes.starts_with(b"MATLAB 7.3") {
        return Err(MatError::Hdf5 { path });
    }
    let Some(header) = bytes.get(..HEADER) else {
        let found = format!("it has {} bytes, a header has {HEADER}", bytes.len());
        return Err(MatError::NotMatlab { path, found });
    };
    match (&header[124..126], &header[126..]) {
        ([0, 1], b"IM") => Ok(false),
        ([1, 0], b"MI") => Ok(true),
        ([0, 2], b"IM") | ([2, 0], b"MI") => Err(MatError::Hdf5 { path }),
        _ if header[..4].contains(&0) => {
            let found = "it begins as a .mat of MATLAB 4 or as no .mat at all".to_owned();
            Err(MatError::NotMatlab { path, found })
        }
        _ => {
            let found = "bytes 124 to 127 are not version 1 and the mark of the order of bytes";
            Err(MatError::NotMatlab { path, found: found.to_owned() })
        }
    }
}
