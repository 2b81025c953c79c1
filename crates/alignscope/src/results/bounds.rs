//! What the files of a run may hold. A run's folder may come from anywhere: every number, list and
//! text in it that work depends on has a bound, far beyond what a run needs.

use std::collections::HashSet;
use std::hash::Hash;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{FileRecord, ResultsError, RunTable};
use crate::csv_row::{MAX_COUNT, MAX_FIELD_BYTES};
use crate::input_file::{self, read_text};
pub(crate) use crate::name::MAX_NAME_BYTES;
use crate::resample::MAX_RESAMPLES;

/// Bytes of a CSV file.
pub(crate) const MAX_CSV_BYTES: u64 = 1 << 30;
/// Rows of a CSV file; 300 models on all subsets of TID2013.
pub(crate) const MAX_CSV_ROWS: usize = 4_000_000;
/// Columns of a CSV file; no table of a run has half as many.
pub(crate) const MAX_CSV_COLUMNS: usize = 64;
/// Bytes of a row of a CSV file.
pub(crate) const MAX_RECORD_BYTES: usize = MAX_CSV_COLUMNS * MAX_FIELD_BYTES;
/// Trials of all data sets; all published answers to THINGS are 4.7 million.
pub(crate) const MAX_TRIALS: u64 = 10_000_000;
/// Rows of the other tables as Parquet.
pub(crate) const MAX_PARQUET_ROWS: u64 = 1 << 32;
/// Models of a run, and of a figure.
pub(crate) const MAX_MODELS: usize = 1000;
/// Models at a stage by a distance that `comparisons.csv` compares.
pub(crate) const MAX_SIDES: usize = 5000;
/// Entries of other lists of a manifest: files of a model, notes, defaults.
pub(crate) const MAX_ENTRIES: usize = 100_000;

/// A value of a run's file that cannot be meant.
pub(crate) fn wrong(
    path: &Path,
    key: impl Into<String>,
    found: impl std::fmt::Display,
    expected: impl Into<String>,
) -> ResultsError {
    let found = shortened(&found.to_string());
    ResultsError::Value { path: path.to_owned(), key: key.into(), found, expected: expected.into() }
}

/// The beginning of a text, short enough for a line.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The manifest of a run, or the record of its start, as far as `T` asks for it; and its text.
///
/// # Errors
/// It is no regular file of at most 64 MiB, or does not say what is asked for.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<(T, String), ResultsError> {
    let (text, _) =
        read_text(path).map_err(|source| ResultsError::Read { path: path.to_owned(), source })?;
    if !text.trim_start().starts_with('{') {
        let found = shortened(text.trim_start());
        return Err(wrong(path, "(the file)", found, "the record of a run, as an object of JSON"));
    }
    let record = serde_json::from_str(&text)
        .map_err(|source| ResultsError::Manifest { path: path.to_owned(), source })?;
    Ok((record, text))
}

/// Refuses a table that names more different things than a run has.
pub(super) fn few<T: Hash + Eq>(
    path: &Path,
    what: &str,
    things: impl Iterator<Item = T>,
    most: usize,
) -> Result<(), ResultsError> {
    match things.collect::<HashSet<T>>().len() {
        n if n > most => Err(wrong(path, what, format_args!("of {n}"), format!("at most {most}"))),
        _ => Ok(()),
    }
}

/// The bytes of a CSV file.
pub(super) fn read_csv(path: &Path) -> Result<Vec<u8>, ResultsError> {
    input_file::read(path, MAX_CSV_BYTES)
        .map_err(|source| ResultsError::Read { path: path.to_owned(), source })
}

/// Holds a manifest's values to their bounds; the place of each is told as in `datasets[0].trials`.
pub(crate) struct Bounds<'a> {
    /// The manifest.
    pub(crate) path: &'a Path,
}

impl Bounds<'_> {
    /// A list that is not too long.
    pub(crate) fn list<T>(&self, key: &str, list: &[T], most: usize) -> Result<(), ResultsError> {
        match list.len() {
            n if n > most => {
                Err(wrong(self.path, key, format_args!("a list of {n}"), format!("at most {most}")))
            }
            _ => Ok(()),
        }
    }

    /// A text of at most `most` bytes.
    pub(crate) fn text(&self, key: &str, text: &str, most: usize) -> Result<(), ResultsError> {
        match text.len() {
            n if n > most => Err(wrong(
                self.path,
                key,
                format_args!("a text of {n} bytes"),
                format!("at most {most}"),
            )),
            _ => Ok(()),
        }
    }

    /// How many there are of something.
    pub(crate) fn count(&self, key: &str, found: usize) -> Result<(), ResultsError> {
        match found as u64 {
            n if n > MAX_COUNT => Err(wrong(self.path, key, n, format!("at most {MAX_COUNT}"))),
            _ => Ok(()),
        }
    }

    /// How often clusters are drawn.
    pub(crate) fn resamples(&self, found: usize) -> Result<(), ResultsError> {
        match found > MAX_RESAMPLES {
            true => Err(wrong(
                self.path,
                "resamples",
                found,
                format!("a whole number from 0 to {MAX_RESAMPLES}"),
            )),
            false => Ok(()),
        }
    }

    /// Names of data sets, each once.
    pub(crate) fn datasets<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<(), ResultsError> {
        let mut known: HashSet<&str> = HashSet::new();
        for (i, name) in names.enumerate() {
            let key = format!("datasets[{i}].name");
            self.text(&key, name, MAX_NAME_BYTES)?;
            if !known.insert(name) {
                let found = format_args!("`{}` once more", shortened(name));
                return Err(wrong(self.path, key, found, "each data set once"));
            }
        }
        Ok(())
    }

    /// Files with their hashes.
    pub(crate) fn files(&self, key: &str, files: &[FileRecord]) -> Result<(), ResultsError> {
        self.list(key, files, MAX_ENTRIES)?;
        for (i, file) in files.iter().enumerate() {
            self.text(&format!("{key}[{i}].path"), &file.path, MAX_NAME_BYTES)?;
            self.hash(&format!("{key}[{i}].sha256"), &file.sha256)?;
        }
        Ok(())
    }

    /// A SHA-256.
    pub(crate) fn hash(&self, key: &str, found: &str) -> Result<(), ResultsError> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        match found.len() == 64 && found.bytes().all(digit) {
            true => Ok(()),
            false => {
                let expected = "a SHA-256 of 64 hexadecimal digits";
                Err(wrong(self.path, key, format_args!("`{found}`"), expected))
            }
        }
    }

    /// The tables of a run: by their names, which are never those of other files.
    pub(crate) fn results(&self, results: &[FileRecord]) -> Result<(), ResultsError> {
        let tables = RunTable::files();
        self.list("results", results, tables.len())?;
        for (i, file) in results.iter().enumerate() {
            let key = format!("results[{i}].path");
            if !tables.contains(&file.path.as_str()) {
                let found = format_args!("`{}`", file.path);
                return Err(wrong(self.path, key, found, format!("one of {}", tables.join(", "))));
            }
            if results[..i].iter().any(|other| other.path == file.path) {
                let found = format_args!("`{}` once more", file.path);
                return Err(wrong(self.path, key, found, "each table once"));
            }
        }
        self.files("results", results)
    }
}
