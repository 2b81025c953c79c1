//! A file of one value for each of some pairs, of an entry that has no statistics, such as a
//! metric's.

use serde::{Deserialize, Serialize};

use super::error::CacheError;
use super::format::{CacheFile, FileKind, Trouble, Unfinished, name_of};
use super::set::bytes_of;
use super::store::{EntryFiles, StoredFile};

/// What stands at the beginning of the file: behind it the pairs' numbers, then their values.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ValuesHeader {
    values: usize,
}

impl FileKind for ValuesHeader {
    const EXTENSION: &'static str = "values";

    fn body_bytes(&self) -> Option<u64> {
        self.values.checked_mul(size_of::<u32>() + size_of::<f64>())?.try_into().ok()
    }
}

/// The name of the file of some pairs.
pub(super) fn name(pairs: &[u32]) -> String {
    name_of::<ValuesHeader>(&bytes_of(pairs))
}

/// Reads and checks a file of an entry of `pairs` pairs: each pair with its value.
pub(super) fn read(
    files: &dyn EntryFiles,
    file: &StoredFile,
    pairs: usize,
) -> Result<Vec<(u32, f64)>, Trouble> {
    let (file, header) = CacheFile::open::<ValuesHeader>(files, file)?;
    let mut numbers = vec![0; header.values * size_of::<u32>()];
    let mut values = vec![0; header.values * size_of::<f64>()];
    file.read(0, &mut numbers)?;
    file.read(numbers.len() as u64, &mut values)?;
    let numbers = numbers.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b));
    if numbers.clone().any(|pair| pair as usize >= pairs) {
        return Err(Trouble::Damaged("its pairs are not those of the data set".to_owned()));
    }
    let values = values.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
    Ok(numbers.zip(values).collect())
}

/// Keeps the values of some pairs.
pub(super) fn write(
    files: &dyn EntryFiles,
    pairs: &[u32],
    values: &[f64],
) -> Result<(), CacheError> {
    assert_eq!(pairs.len(), values.len(), "a value for each pair");
    let numbers = bytes_of(pairs);
    let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let header = ValuesHeader { values: pairs.len() };
    let file = Unfinished::create(files, name(pairs), &header)?;
    file.write(0, &numbers)?;
    file.write(numbers.len() as u64, &values)?;
    file.finish::<ValuesHeader>(files).map(drop)
}
