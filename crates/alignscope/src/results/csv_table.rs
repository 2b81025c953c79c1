//! A tidy CSV file of a run, read by the names of its columns.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::ResultsError;

/// The records of a file, with the places of the columns that are wanted.
pub(super) struct CsvTable<const N: usize> {
    path: PathBuf,
    columns: [&'static str; N],
    positions: [usize; N],
    records: Vec<csv::StringRecord>,
}

/// A record.
pub(super) struct CsvRow<'a, const N: usize> {
    table: &'a CsvTable<N>,
    record: &'a csv::StringRecord,
}

impl<const N: usize> CsvTable<N> {
    /// Reads a file; none where there is none.
    pub(super) fn read(
        path: &Path,
        columns: [&'static str; N],
    ) -> Result<Option<Self>, ResultsError> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ResultsError::Read { path: path.to_owned(), source }),
        };
        let csv_error = |source| ResultsError::Csv { path: path.to_owned(), source };
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let header = reader.headers().map_err(csv_error)?.clone();
        let mut positions = [0; N];
        for (position, column) in positions.iter_mut().zip(columns) {
            let path = path.to_owned();
            let missing = ResultsError::Column { path, column, expected: "text" };
            *position = header.iter().position(|h| h == column).ok_or(missing)?;
        }
        let records = reader.records().collect::<Result<_, _>>().map_err(csv_error)?;
        Ok(Some(Self { path: path.to_owned(), columns, positions, records }))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = CsvRow<'_, N>> {
        self.records.iter().map(|record| CsvRow { table: self, record })
    }
}

impl<const N: usize> CsvRow<'_, N> {
    pub(super) fn text(&self, column: usize) -> String {
        self.record[self.table.positions[column]].to_owned()
    }

    pub(super) fn get<T: FromStr<Err: std::fmt::Display>>(
        &self,
        column: usize,
    ) -> Result<T, ResultsError> {
        let found = self.text(column);
        found.parse().map_err(|error: T::Err| ResultsError::Field {
            path: self.table.path.clone(),
            line: self.record.position().map_or(0, csv::Position::line),
            column: self.table.columns[column],
            found,
            expected: error.to_string(),
        })
    }

    /// A number, or none where the field is empty.
    pub(super) fn optional(&self, column: usize) -> Result<Option<f64>, ResultsError> {
        if self.text(column).is_empty() { Ok(None) } else { self.get(column).map(Some) }
    }
}
