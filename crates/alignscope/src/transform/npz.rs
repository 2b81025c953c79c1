//! The arrays of a transform's `.npz` file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::error::TransformFileError;
use crate::input_file::{HashedPath, InputFile};
use crate::numpy_file::{NpzArchive, Numbers};

/// Numbers that the arrays of a file may have together: a matrix of 8,192 channels has half.
const MAX_NUMBERS: usize = 1 << 27;

/// The arrays of a file that are asked for.
pub(super) struct Arrays {
    /// Those that are there.
    pub(super) by_name: BTreeMap<&'static str, Numbers>,
    /// The names of all arrays of the file.
    pub(super) names: Vec<String>,
}

/// Reads the arrays of some names, compressed or not; others are not looked into.
///
/// # Errors
/// The file cannot be read, is no such archive, or an array that is asked for is not of numbers.
pub(super) fn read(
    path: &Path,
    keys: &[&'static str],
) -> Result<(Arrays, HashedPath), TransformFileError> {
    let read_error = |source| TransformFileError::Read { path: path.to_owned(), source };
    let file = InputFile::open_at_most(path, 8 * MAX_NUMBERS as u64).map_err(read_error)?;
    let archive = NpzArchive::open(&file).map_err(|error: io::Error| {
        TransformFileError::Archive { path: path.to_owned(), found: error.to_string() }
    })?;
    let mut by_name = BTreeMap::new();
    let mut left = MAX_NUMBERS;
    for key in keys {
        let Some(array) = archive.array(key) else { continue };
        let numbers = array.and_then(|array| array.numbers(left));
        let numbers = numbers.map_err(|error| TransformFileError::Array {
            path: path.to_owned(),
            key,
            found: error.to_string(),
        })?;
        left -= numbers.values.len();
        by_name.insert(*key, numbers);
    }
    let names = archive.names().map(str::to_owned).collect();
    Ok((Arrays { by_name, names }, file.hashed_path()))
}
