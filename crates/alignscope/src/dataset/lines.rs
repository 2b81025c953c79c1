//! Lists of one entry a line.

use std::io;
use std::path::Path;

use super::DatasetError;
use crate::input_file::{HashedPath, InputFile, MAX_TEXT_BYTES};
use crate::text::Lines;

/// The lines of a text file that are not blank, without blanks around them, each with its number
/// from 1; and the file's hash.
///
/// # Errors
/// The file cannot be read, has more than [`MAX_TEXT_BYTES`], or is no text in UTF-8.
pub(super) fn lines(path: &Path) -> Result<(Vec<(u64, String)>, HashedPath), DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(error)?;
    if file.bytes() > MAX_TEXT_BYTES {
        let what = format!("it has more than {MAX_TEXT_BYTES} bytes, which no such list needs");
        return Err(error(io::Error::new(io::ErrorKind::FileTooLarge, what)));
    }
    let mut lines = Lines::of(&file).map_err(error)?;
    let mut found = Vec::new();
    while let Some((number, line)) = lines.next().map_err(error)? {
        if !line.trim().is_empty() {
            found.push((number, line.trim().to_owned()));
        }
    }
    Ok((found, file.hashed_path()))
}
