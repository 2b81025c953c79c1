//! Tables with a header, read by the names of their columns.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::DatasetError;
use super::error::shown;
use crate::input_file::{HashedPath, InputFile, InputReader};
use crate::text::{self, Bounded, MAX_LINE_BYTES};

/// A table with more columns is refused.
const MAX_COLUMNS: usize = 10_000;

/// A CSV or tab-separated file.
pub(super) struct Table {
    file: InputFile,
    delimiter: u8,
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
        let file = InputFile::open(path).map_err(error)?;
        let mut first_line = Vec::new();
        // A header is short; a file that is no text at all must not be read whole.
        let beginning = text::reader(&file).map_err(error)?.take(1 << 16);
        BufReader::new(beginning).read_until(b'\n', &mut first_line).map_err(error)?;
        let delimiter = if first_line.contains(&b'\t') { b'\t' } else { b',' };
        let mut table = Self { file, delimiter, header: Vec::new() };
        let mut rows = table.rows()?;
        let header = rows.reader.headers().cloned();
        let header = header.map_err(|source| rows.error(source, 1))?;
        if header.len() > MAX_COLUMNS {
            return Err(DatasetError::Columns {
                path: path.to_owned(),
                found: header.len(),
                limit: MAX_COLUMNS,
            });
        }
        let names = header.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned());
        table.header = names.collect();
        let mut known = HashSet::new();
        for name in &table.header {
            if !name.is_empty() && !known.insert(name.to_ascii_lowercase()) {
                return Err(DatasetError::ColumnTwice {
                    path: path.to_owned(),
                    column: shown(name),
                });
            }
        }
        Ok(table)
    }

    /// Where the table is, and the hash of what is read of it.
    pub(super) fn hashed_path(&self) -> HashedPath {
        self.file.hashed_path()
    }

    /// The column of this name, in any case.
    pub(super) fn find(&self, name: &'static str) -> Option<Column> {
        let index = self.header.iter().position(|h| h.eq_ignore_ascii_case(name))?;
        Some(Column { index, name })
    }

    /// The columns whose names begin with `prefix`, by the rest of their names.
    pub(super) fn beginning_with(&self, prefix: &'static str) -> Vec<(&str, Column)> {
        let rest = |(index, name)| {
            let column = Column { index, name: prefix };
            Some((str::strip_prefix(name, prefix).filter(|rest| !rest.is_empty())?, column))
        };
        self.header.iter().map(String::as_str).enumerate().filter_map(rest).collect()
    }

    /// The column of this name, which must be there.
    pub(super) fn column(&self, name: &'static str) -> Result<Column, DatasetError> {
        self.column_or(name, "")
    }

    /// The column of this name, which must be there; `or` is what would do as well, for messages.
    pub(super) fn column_or(&self, name: &'static str, or: &str) -> Result<Column, DatasetError> {
        self.find(name).ok_or_else(|| self.without(name.to_owned(), or.to_owned()))
    }

    /// That a column is not there.
    fn without(&self, column: String, or: String) -> DatasetError {
        let named = self.header.iter().filter(|name| !name.is_empty());
        let found = named.map(|name| format!("`{}`", shown(name))).collect();
        DatasetError::Column { path: self.file.path().to_owned(), column, or, found }
    }

    /// The first column of these names that is there; the first name, if none is, is what lacks.
    pub(super) fn first_of(&self, names: &[&'static str]) -> Result<Column, DatasetError> {
        match names.iter().find_map(|name| self.find(name)) {
            Some(column) => Ok(column),
            None => {
                let others: Vec<String> =
                    names[1..].iter().map(|name| format!("`{name}`")).collect();
                self.column_or(names[0], &others.join(", "))
            }
        }
    }

    /// The column that the user names, which must be there; messages of its fields call it `name`.
    pub(super) fn column_of_user(
        &self,
        asked: &str,
        name: &'static str,
    ) -> Result<Column, DatasetError> {
        match self.header.iter().position(|h| h.eq_ignore_ascii_case(asked)) {
            Some(index) => Ok(Column { index, name }),
            None => Err(self.without(shown(asked), String::new())),
        }
    }

    /// Calls `each` with every row, until it returns false.
    pub(super) fn for_each(
        self,
        mut each: impl FnMut(u64, &Row<'_>) -> Result<bool, DatasetError>,
    ) -> Result<(), DatasetError> {
        let mut rows = self.rows()?;
        let path = rows.path;
        let mut record = StringRecord::new();
        let mut number = 0;
        loop {
            // What was read for earlier rows is none of this one.
            rows.reader.get_mut().begin();
            let line = rows.reader.position().line();
            let more = rows.reader.read_record(&mut record);
            let more = more.map_err(|source| rows.error(source, line))?;
            if !more || !each(number, &Row { path, record: &record })? {
                return Ok(());
            }
            number += 1;
        }
    }

    fn rows(&self) -> Result<Rows<'_>, DatasetError> {
        let path: &Path = self.file.path();
        let reader = text::reader(&self.file)
            .map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
        let reader = Bounded::new(reader, MAX_LINE_BYTES);
        let reader =
            ReaderBuilder::new().delimiter(self.delimiter).trim(Trim::All).from_reader(reader);
        Ok(Rows { path, reader })
    }
}

/// The header and the rows of a table.
struct Rows<'a> {
    path: &'a Path,
    reader: csv::Reader<Bounded<InputReader<'a>>>,
}

impl Rows<'_> {
    /// Why the row that begins in `line` could not be read.
    fn error(&self, source: csv::Error, line: u64) -> DatasetError {
        let path = self.path.to_owned();
        match source.kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                DatasetError::LongRow { path, line, limit: MAX_LINE_BYTES }
            }
            csv::ErrorKind::Utf8 { .. } => DatasetError::NotUtf8 { path, line },
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => DatasetError::Fields {
                path,
                line: pos.as_ref().map_or(line, csv::Position::line),
                found: *len,
                expected: *expected_len,
            },
            csv::ErrorKind::Io(_) => {
                let csv::ErrorKind::Io(source) = source.into_kind() else {
                    unreachable!("its kind was seen above")
                };
                DatasetError::Read { path, source }
            }
            _ => DatasetError::Table { path, source },
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
            found: shown(self.text(column)),
            expected: expected.to_owned(),
        }
    }
}
