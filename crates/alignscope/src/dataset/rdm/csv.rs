//! Matrices as text: a row of numbers a line, with commas, semicolons, tabs or blanks between them.

use std::path::Path;

use super::array::Array;
use super::{DatasetError, HashedPath, lines};
use crate::dataset::error::shown;

/// Reads a file whose lines have as many numbers each; `nan` and an empty field are pairs that nobody
/// judged.
pub(super) fn read(path: &Path, sources: &mut Vec<HashedPath>) -> Result<Array, DatasetError> {
    let (lines, source) = lines(path)?;
    sources.push(source);
    let mut values = Vec::new();
    let mut width = None;
    let count = lines.len();
    for (line, text) in lines {
        let separator = [',', ';', '\t'].into_iter().find(|c| text.contains(*c));
        let fields: Vec<&str> = match separator {
            Some(separator) => text.split(separator).collect(),
            None => text.split_whitespace().collect(),
        };
        if width.is_some_and(|width| width != fields.len()) {
            return Err(wrong(path, line, &text, "as many numbers as in the first line"));
        }
        width = Some(fields.len());
        for field in fields {
            let field = field.trim();
            let value = if field.is_empty() { Some(f64::NAN) } else { field.parse().ok() };
            values.push(value.ok_or_else(|| wrong(path, line, field, "a number"))?);
        }
    }
    Ok(Array { shape: vec![count, width.unwrap_or(0)], values })
}

fn wrong(path: &Path, line: u64, found: &str, expected: &'static str) -> DatasetError {
    DatasetError::Line { path: path.to_owned(), line, found: shown(found), expected }
}
