//! Matrices as text: a row of numbers a line.

use std::path::Path;

use super::array::most_numbers;
use super::{DatasetError, HashedPath};
use crate::dataset::error::shown;
use crate::input_file::{self, ContentHash};
use crate::numpy_file::Numbers;

/// More bytes than a number takes that is written to its last digit.
const NUMBER_BYTES: u64 = 32;

/// A larger file is refused.
const MAX_BYTES: u64 = 1 << 30;

/// What stands between numbers; blanks where a file has none of them. A comma that is not between
/// numbers may be within them.
const SEPARATORS: [char; 3] = [';', '\t', ','];

/// Reads a file of matrices of some images, whose lines have as many numbers each; `nan` and an empty
/// field are pairs that nobody judged.
///
/// # Errors
/// It cannot be read, is no text, has too many numbers, or something else than numbers.
pub(super) fn read(
    path: &Path,
    images: usize,
    sources: &mut Vec<HashedPath>,
) -> Result<Numbers, DatasetError> {
    let most = most_numbers(images);
    let limit = (most as u64).saturating_mul(NUMBER_BYTES).min(MAX_BYTES);
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let bytes = input_file::read(path, limit).map_err(error)?;
    input_file::check_beginning(&bytes).map_err(error)?;
    let sha256 = ContentHash::of(&bytes).to_string();
    sources.push(HashedPath { path: path.to_owned(), sha256 });
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| DatasetError::NotUtf8 { path: path.to_owned(), line: line_of(&bytes) })?;
    numbers(path, text.trim_start_matches('\u{feff}'), most)
}

/// The line in which bytes are no text, from 1.
fn line_of(bytes: &[u8]) -> u64 {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    1 + bytes[..valid].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The numbers of a text.
fn numbers(path: &Path, text: &str, most: usize) -> Result<Numbers, DatasetError> {
    let separator = SEPARATORS.into_iter().find(|separator| text.contains(*separator));
    let (mut values, mut width, mut rows) = (Vec::new(), None, 0);
    for (line, row) in (1..).zip(text.split('\n')) {
        // A tab may stand for a field, a blank cannot.
        let row = row.trim_matches([' ', '\r']);
        if row.is_empty() {
            continue;
        }
        let before = values.len();
        let mut push = |field: &str| {
            let field = field.trim();
            let value = if field.is_empty() { Some(f64::NAN) } else { field.parse().ok() };
            values.push(value.ok_or_else(|| wrong(path, line, field, expected(field)))?);
            match values.len() > most {
                true => Err(too_many(path, most)),
                false => Ok(()),
            }
        };
        match separator {
            Some(separator) => row.split(separator).try_for_each(&mut push)?,
            None => row.split_whitespace().try_for_each(&mut push)?,
        }
        let found = values.len() - before;
        if *width.get_or_insert(found) != found {
            return Err(wrong(path, line, row, "as many numbers as in the first line"));
        }
        rows += 1;
    }
    Ok(Numbers { shape: vec![rows, width.unwrap_or(0)], values })
}

fn expected(field: &str) -> &'static str {
    match field.contains(',') {
        true => "a number with a point, as `0.5`",
        false => "a number",
    }
}

fn too_many(path: &Path, most: usize) -> DatasetError {
    DatasetError::Layout {
        path: path.to_owned(),
        found: format!("more than {most} numbers"),
        expected: "matrices of the images that are listed".to_owned(),
        fix: "list all images in images.txt, or write large matrices with numpy.save".to_owned(),
    }
}

fn wrong(path: &Path, line: u64, found: &str, expected: &'static str) -> DatasetError {
    DatasetError::Line { path: path.to_owned(), line, found: shown(found), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, most: usize) -> Result<Numbers, String> {
        numbers(Path::new("rdm.csv"), text, most).map_err(|error| error.to_string())
    }

    #[test]
    fn every_separator_gives_the_same_numbers() {
        for text in ["0,1.5\n2,3\n", "0;1.5\r\n2;3", "0\t1.5\n\n2\t3\n", " 0  1.5 \r\n2 3\n"] {
            let found = read(text, 4).expect(text);
            assert_eq!(found, Numbers { shape: vec![2, 2], values: vec![0.0, 1.5, 2.0, 3.0] });
        }
    }

    #[test]
    fn a_field_between_tabs_may_be_empty_wherever_it_stands() {
        let found = read("\t1\t\n2\t\t3\n\t\t\n", 9).expect("read");
        assert_eq!(found.shape, [3, 3]);
        let is_nan: Vec<bool> = found.values.iter().map(|value| value.is_nan()).collect();
        assert_eq!(is_nan, [true, false, true, false, true, false, true, true, true]);
    }

    #[test]
    fn lines_may_be_long_and_numbers_many_but_not_more_than_are_needed() {
        let row = "0.25,".repeat(300_000);
        let found = read(&row, 300_001).expect("a line of more than a megabyte");
        assert_eq!(found.shape, [1, 300_001]);
        let message = read(&row, 300_000).expect_err("too many");
        assert!(message.contains("numpy.save"), "{message}");
    }

    #[test]
    fn commas_in_numbers_are_told() {
        for text in ["0,5;0,3\n", "0,5\t0,3\n"] {
            let message = read(text, 9).expect_err("no points");
            assert!(message.contains("`0,5`") && message.contains("point"), "{message}");
        }
    }
}
