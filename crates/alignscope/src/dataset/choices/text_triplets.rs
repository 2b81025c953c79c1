//! Triplets of names in a text, as DreamSim keeps those of THINGS.

use std::collections::HashMap;
use std::path::Path;

use crate::dataset::DatasetError;
use crate::dataset::error::shown;
use crate::input_file::{HashedPath, InputFile};
use crate::text::Lines;

/// Names in order of first use, triplets of their numbers, and the file.
pub(in crate::dataset) type NamedTriplets = (Vec<String>, Vec<[u32; 3]>, HashedPath);

/// Whether the first line of a text has whole numbers alone; true of an empty text.
///
/// # Errors
/// It cannot be read.
pub(in crate::dataset) fn are_numbers(path: &Path) -> Result<bool, DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(error)?;
    let mut lines = Lines::of(&file).map_err(error)?;
    while let Some((_, text)) = lines.next().map_err(error)? {
        if !text.trim().is_empty() {
            return Ok(text.split_ascii_whitespace().all(|field| field.parse::<u32>().is_ok()));
        }
    }
    Ok(true)
}

/// Reads three names a line, with spaces between them.
///
/// # Errors
/// A line has something else; the error says which.
pub(in crate::dataset) fn read_names(path: &Path) -> Result<NamedTriplets, DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(error)?;
    let mut lines = Lines::of(&file).map_err(error)?;
    let (mut names, mut known, mut rows) = (Vec::new(), HashMap::<String, u32>::new(), Vec::new());
    while let Some((line, text)) = lines.next().map_err(error)? {
        if text.trim().is_empty() {
            continue;
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [a, b, c] = fields[..] else {
            return Err(DatasetError::Line {
                path: path.to_owned(),
                line,
                found: shown(text),
                expected: "three names with spaces between them, as in the first line",
            });
        };
        if a == b || a == c || b == c {
            let image = shown(if a == b { a } else { c });
            return Err(DatasetError::SameImage { path: path.to_owned(), line, image });
        }
        rows.push([a, b, c].map(|name| {
            *known.entry(name.to_owned()).or_insert_with(|| {
                names.push(name.to_owned());
                u32::try_from(names.len() - 1).expect("fewer than 2^32 names")
            })
        }));
    }
    Ok((names, rows, file.hashed_path()))
}
