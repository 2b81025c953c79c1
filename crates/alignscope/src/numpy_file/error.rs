//! Why an array of NumPy cannot be read.

use std::io;

/// An array of NumPy cannot be read. What was wanted instead, its reader says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NumpyError {
    /// It is no such file.
    #[error("it is not an array of NumPy: {0}")]
    Header(&'static str),
    /// Its values are of a type that is not read.
    #[error(
        "it holds values of type `{descr}`{}",
        if descr.starts_with("|O") { " (Python's objects, which are not opened)" } else { "" }
    )]
    Type {
        /// The type, as NumPy writes it.
        descr: String,
    },
    /// Its values are in order of columns, where rows are read.
    #[error("it is in Fortran's order, expected C's, as `numpy.ascontiguousarray` makes it")]
    Order,
    /// A row, or an element, takes too much memory.
    #[error("its rows are too long (shape {shape:?})")]
    LongRows {
        /// Sizes of its axes.
        shape: Vec<usize>,
    },
    /// It has more numbers than are needed.
    #[error("it has the shape {shape:?}, expected {most} numbers at most")]
    TooMany {
        /// Sizes of its axes.
        shape: Vec<usize>,
        /// As many are read.
        most: usize,
    },
    /// It is cut off.
    #[error("it ends before its values do (shape {shape:?})")]
    Short {
        /// Sizes of its axes.
        shape: Vec<usize>,
    },
    /// Something follows its values.
    #[error("it has more values than its shape {shape:?}")]
    Long {
        /// Sizes of its axes.
        shape: Vec<usize>,
    },
    /// Bytes are no characters.
    #[error("a text in it is not {0}")]
    Text(&'static str),
    /// The file cannot be read, or not unpacked.
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl From<NumpyError> for io::Error {
    fn from(error: NumpyError) -> Self {
        match error {
            NumpyError::Read(error) => error,
            error => Self::new(io::ErrorKind::InvalidData, error.to_string()),
        }
    }
}
