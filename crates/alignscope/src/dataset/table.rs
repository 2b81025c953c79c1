//! Tables with a header, read by the names of their columns.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::DatasetError;

/// A CSV or tab-separated file.
pub(super) struct Table {
    path: PathBuf,
    reader: csv::Reader<Box<dyn Read>>,
    header: Vec<String>,
}

/// A row of a table.
pub(super) struct Row<'a> {
    pub(super) path: &'a Path,
    pub(super) record: &'a StringRecord,
}

/// A column of a table: where it is, and its name for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    index: usize,
    name: &'static str,
}

impl Table {
    /// Opens a table; tabs separate its fields where its header has any.
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let error = |source| DatasetError::Read { path: path.to_owned(), source };
        let first_line = first_line(path)?;
        let delimiter = if first_line.contains('\t') { b'\t' } else { b',' };
        let file: Box<dyn Read> = Box::new(BufReader::new(File::open(path).map_err(error)?));
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(file);
        let header = reader
            .headers()
            .map_err(|source| DatasetError::Table { path: path.to_owned(), source })?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
            .collect::<Vec<String>>();
        for (i, name) in header.iter().enumerate() {
            let same = |other: &String| other.eq_ignore_ascii_case(name);
            if !name.is_empty() && header[..i].iter().any(same) {
                return Err(DatasetError::ColumnTwice {
                    path: path.to_owned(),
                    column: name.clone(),
                });
            }
        }
        Ok(Self { path: path.to_owned(), reader, header })
    }

    /// The column of this name, in any case.
    pub(super) fn find(&self, name: &'static str) -> Option<Column> {
        let index = self.header.iter().position(|h| h.eq_ignore_ascii_case(name))?;
        Some(Column { index, name })
    }

    /// The column of this name, which must be there.
    pub(super) fn column(&self, name: &'static str) -> Result<Column, DatasetError> {
        self.find(name).ok_or_else(|| DatasetError::Column {
            path: self.path.clone(),
            column: name.to_owned(),
            found: self.header.iter().map(|h| format!("`{h}`")).collect(),
        })
    }

    /// Calls `each` with every row, until it returns false.
    pub(super) fn for_each(
        self,
        mut each: impl FnMut(u64, &Row<'_>) -> Result<bool, DatasetError>,
    ) -> Result<(), DatasetError> {
        let Self { path, mut reader, .. } = self;
        let mut record = StringRecord::new();
        let mut number = 0;
        loop {
            let more = reader
                .read_record(&mut record)
                .map_err(|source| DatasetError::Table { path: path.clone(), source })?;
            if !more || !each(number, &Row { path: &path, record: &record })? {
                return Ok(());
            }
            number += 1;
        }
    }
}

impl Row<'_> {
    /// The text of a field.
    pub(super) fn text(&self, column: Column) -> &str {
        &self.record[column.index]
    }

    /// The text of a field that must not be empty.
    pub(super) fn name(&self, column: Column) -> Result<&str, DatasetError> {
        match self.text(column) {
            "" => Err(self.error(column, "a name")),
            text => Ok(text),
        }
    }

    /// A field read as `T`, if `accept` takes it.
    pub(super) fn parse<T: FromStr>(
        &self,
        column: Column,
        expected: &str,
        accept: impl Fn(&T) -> bool,
    ) -> Result<T, DatasetError> {
        self.text(column).parse().ok().filter(accept).ok_or_else(|| self.error(column, expected))
    }

    /// A finite number.
    pub(super) fn number(&self, column: Column) -> Result<f64, DatasetError> {
        self.parse(column, "a number", |n: &f64| n.is_finite())
    }

    /// The line of the row, from 1.
    pub(super) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    pub(super) fn error(&self, column: Column, expected: &str) -> DatasetError {
        DatasetError::Field {
            path: self.path.to_owned(),
            line: self.line(),
            column: column.name.to_owned(),
            found: self.text(column).to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// The first line of a text file.
fn first_line(path: &Path) -> Result<String, DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let mut line = Vec::new();
    let file = File::open(path).map_err(error)?;
    // A header is short; a file that is no text at all must not be read whole.
    BufReader::new(file.take(1 << 16)).read_until(b'\n', &mut line).map_err(error)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}
