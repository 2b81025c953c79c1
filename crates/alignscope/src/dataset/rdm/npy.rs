//! Arrays of NumPy: `.npy`, and `.npz` with several.

use std::path::Path;

use super::array::most_numbers;
use super::{DatasetError, HashedPath};
use crate::input_file::InputFile;
use crate::numpy_file::{NpzArchive, Numbers, NumpyArray};

/// Reads a `.npy` file of matrices of some images.
pub(super) fn read(
    path: &Path,
    images: usize,
    sources: &mut Vec<HashedPath>,
) -> Result<Numbers, DatasetError> {
    let most = most_numbers(images);
    let file = open(path, most)?;
    let array = NumpyArray::read(Box::new(file.reader())).and_then(|array| array.numbers(most));
    let numbers = array.map_err(|error| wrong(path, &error.to_string()))?;
    sources.push(file.hashed_path());
    Ok(numbers)
}

/// Reads a `.npz` file of matrices of some images: its arrays by their names, in the order of the
/// file.
pub(super) fn read_all(
    path: &Path,
    images: usize,
    sources: &mut Vec<HashedPath>,
) -> Result<Vec<(String, Numbers)>, DatasetError> {
    let mut left = most_numbers(images);
    let file = open(path, left)?;
    let archive = NpzArchive::open(&file).map_err(|error| wrong(path, &error.to_string()))?;
    let mut found = Vec::new();
    for name in archive.names() {
        let array = archive.array(name).expect("it is one of the names");
        let numbers = array.and_then(|array| array.numbers(left));
        let numbers = numbers.map_err(|error| wrong(path, &format!("`{name}`: {error}")))?;
        left -= numbers.values.len();
        found.push((name.to_owned(), numbers));
    }
    // One array is no name of a person.
    if let [(name, _)] = &mut found[..] {
        name.clear();
    }
    sources.push(file.hashed_path());
    Ok(found)
}

/// Opens a file of so many numbers at most.
fn open(path: &Path, most: usize) -> Result<InputFile, DatasetError> {
    // Numbers have 8 bytes or fewer; headers and the archive's directory come on top.
    let limit = 8 * most as u64 + (1 << 20);
    InputFile::open_at_most(path, limit)
        .map_err(|source| DatasetError::Read { path: path.to_owned(), source })
}

fn wrong(path: &Path, why: &str) -> DatasetError {
    DatasetError::Layout {
        path: path.to_owned(),
        found: format!("a file that cannot be read ({why})"),
        expected: "arrays of numbers as NumPy writes them".to_owned(),
        fix: "write them with numpy.save or numpy.savez".to_owned(),
    }
}
