//! Arrays of NumPy of any kind, row after row: `.npy` files, and the arrays of `.npz` archives.

mod archive;
mod array;
mod header;

pub(crate) use archive::NpzArchive;
pub(crate) use array::{Cell, NumpyArray};
pub(crate) use header::{MAX_BEGINNING, NpyHeader};
