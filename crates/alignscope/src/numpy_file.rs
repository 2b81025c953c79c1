//! Arrays of NumPy: `.npy` files, and the arrays of `.npz` archives. Read row after row, cells of any
//! kind, or whole as numbers; written as numbers.

mod archive;
mod array;
mod element;
mod error;
mod header;
mod numbers;
mod write;

pub(crate) use archive::NpzArchive;
pub(crate) use array::NumpyArray;
pub(crate) use element::Cell;
pub(crate) use error::NumpyError;
pub(crate) use header::{MAX_BEGINNING, NpyHeader};
pub(crate) use numbers::Numbers;
pub(crate) use write::{Precision, npy, npz};
