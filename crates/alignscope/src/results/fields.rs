//! Tidy CSV files: one row a fact, columns by name, numbers in full precision.
//!
//! A text that a spreadsheet would take for a formula is written after a `'`, and read without it.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::bounds::{
    MAX_COUNT, MAX_CSV_COLUMNS, MAX_CSV_ROWS, MAX_FIELD_BYTES, MAX_NAME_BYTES, MAX_RECORD_BYTES,
    read_csv, shortened, wrong,
};
use super::{ResultsError, write_whole};
use crate::distance::Distance;
use crate::stage::Stage;
use crate::text::Bounded;

/// A number as text that is read back as the same number; nothing for NaN.
pub(super) fn number(x: f64) -> String {
    if x.is_nan() { String::new() } else { x.to_string() }
}

/// A number that may not be there.
pub(super) fn optional(x: Option<f64>) -> String {
    x.map_or_else(String::new, number)
}

/// With these a spreadsheet begins a formula, or passes over them before one.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a text that is no number begins as a formula, after `'` or without.
fn like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA) && text.parse::<f64>().is_err()
}

/// A field as it is written: a `'` before what a spreadsheet would take for a formula. Names of
/// models, labels and stages come from outside; numbers stay as they are.
fn cell(text: &str) -> Cow<'_, str> {
    match like_formula(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The text of a field that was written by [`cell`].
fn text_of_cell(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if like_formula(text) => text,
        _ => cell,
    }
}

/// The text of a record's field, as it was before it was written; empty if the record ends before.
///
/// Whoever reads a CSV file of a run reads its fields by this.
pub(crate) fn text_of(record: &csv::StringRecord, field: usize) -> &str {
    text_of_cell(record.get(field).unwrap_or_default())
}

/// Rows as a CSV document.
pub(crate) fn document<const N: usize>(
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let in_memory = "a CSV record of as many fields as the header goes into memory";
    writer.write_record(columns).expect(in_memory);
    for row in rows {
        writer.write_record(row.iter().map(|field| cell(field).into_owned())).expect(in_memory);
    }
    writer.into_inner().expect("flushing memory does not fail")
}

/// Writes a CSV file whole.
pub(super) fn write<const N: usize>(
    path: &Path,
    columns: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<(), ResultsError> {
    write_whole(path, &document(columns, rows))
}

/// Reads a CSV file by the names of its columns.
///
/// `needed` — so many of the columns must be there; the others came later, and are empty in the
/// files of earlier versions
pub(super) fn read<T>(
    path: &Path,
    columns: &'static [&'static str],
    needed: usize,
    row: impl Fn(&Fields<'_>) -> Result<T, ResultsError>,
) -> Result<Vec<T>, ResultsError> {
    let text = read_csv(path)?;
    let mut records = Records::of(path, &text);
    let header = records.header()?;
    let mut positions = Vec::with_capacity(columns.len());
    for (i, column) in columns.iter().enumerate() {
        let position = header.iter().position(|h| h == *column);
        if position.is_none() && i < needed {
            let path = path.to_owned();
            return Err(ResultsError::Column { path, column, expected: "text" });
        }
        positions.push(position);
    }
    let mut rows = Vec::new();
    while let Some(record) = records.next()? {
        let fields = Fields { path, record: &record, positions: &positions, columns };
        fields.check_lengths()?;
        rows.push(row(&fields)?);
    }
    Ok(rows)
}

/// The records of a CSV file, of bounded length and number.
pub(super) struct Records<'a> {
    path: &'a Path,
    reader: csv::Reader<Bounded<&'a [u8]>>,
    rows: usize,
}

impl<'a> Records<'a> {
    /// The records of the file `path`, whose bytes are `text`.
    pub(super) fn of(path: &'a Path, text: &'a [u8]) -> Self {
        let reader = csv::Reader::from_reader(Bounded::new(text, MAX_RECORD_BYTES));
        Self { path, reader, rows: 0 }
    }

    /// The names of the columns.
    ///
    /// # Errors
    /// They cannot be read, or are too many.
    pub(super) fn header(&mut self) -> Result<csv::StringRecord, ResultsError> {
        let header = self.reader.headers().cloned().map_err(|e| self.error(e))?;
        match header.len() {
            n if n > MAX_CSV_COLUMNS => {
                let expected = format!("at most {MAX_CSV_COLUMNS} columns");
                Err(wrong(self.path, "the table", format_args!("of {n} columns"), expected))
            }
            _ => Ok(header),
        }
    }

    /// The next record; `None` after the last.
    ///
    /// # Errors
    /// It cannot be read, or there are too many.
    pub(super) fn next(&mut self) -> Result<Option<csv::StringRecord>, ResultsError> {
        // What was read for earlier records is none of this one.
        self.reader.get_mut().begin();
        let mut record = csv::StringRecord::new();
        if !self.reader.read_record(&mut record).map_err(|e| self.error(e))? {
            return Ok(None);
        }
        if self.rows == MAX_CSV_ROWS {
            let expected = format!("at most {MAX_CSV_ROWS} rows");
            return Err(wrong(self.path, "the table", "longer", expected));
        }
        self.rows += 1;
        Ok(Some(record))
    }

    fn error(&self, source: csv::Error) -> ResultsError {
        let path = self.path;
        match source.kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let line = self.reader.position().line();
                let expected = format!("at most {MAX_RECORD_BYTES} bytes");
                wrong(path, format!("line {line}"), "a longer row", expected)
            }
            _ => ResultsError::Csv { path: path.to_owned(), source },
        }
    }
}

/// The fields of a record, by position among the columns asked for.
pub(super) struct Fields<'a> {
    path: &'a Path,
    record: &'a csv::StringRecord,
    positions: &'a [Option<usize>],
    columns: &'static [&'static str],
}

impl Fields<'_> {
    /// Refuses a field that is longer than any text of a run.
    fn check_lengths(&self) -> Result<(), ResultsError> {
        let long = |i: &usize| self.text(*i).len() > MAX_FIELD_BYTES;
        match (0..self.columns.len()).find(long) {
            Some(column) => {
                let expected = format!("a text of at most {MAX_FIELD_BYTES} bytes");
                Err(self.unreadable(column, expected))
            }
            None => Ok(()),
        }
    }

    /// The text of a field; nothing for a column that is not there.
    pub(super) fn text(&self, column: usize) -> &str {
        self.positions[column].map_or("", |position| text_of(self.record, position))
    }

    pub(super) fn get<T: FromStr<Err: std::fmt::Display>>(
        &self,
        column: usize,
    ) -> Result<T, ResultsError> {
        self.text(column)
            .parse()
            .map_err(|error: T::Err| self.unreadable(column, error.to_string()))
    }

    /// A field that may be empty.
    pub(super) fn optional<T: FromStr<Err: std::fmt::Display>>(
        &self,
        column: usize,
    ) -> Result<Option<T>, ResultsError> {
        match self.text(column).is_empty() {
            true => Ok(None),
            false => self.get(column).map(Some),
        }
    }

    /// A name, such as a model's.
    pub(super) fn name(&self, column: usize) -> Result<String, ResultsError> {
        let text = self.text(column);
        match (1..=MAX_NAME_BYTES).contains(&text.len()) {
            true => Ok(text.to_owned()),
            false => {
                let expected = format!("a name of 1 to {MAX_NAME_BYTES} bytes");
                Err(self.unreadable(column, expected))
            }
        }
    }

    /// A number that is NaN where the field is empty.
    pub(super) fn number(&self, column: usize) -> Result<f64, ResultsError> {
        Ok(self.optional(column)?.unwrap_or(f64::NAN))
    }

    /// A number from `low` to `high` that may not be there.
    pub(super) fn within(
        &self,
        column: usize,
        low: f64,
        high: f64,
    ) -> Result<Option<f64>, ResultsError> {
        match self.optional::<f64>(column)? {
            Some(x) if !(low..=high).contains(&x) => {
                let expected = match high == f64::MAX {
                    true => "a finite number".to_owned(),
                    false => format!("a number from {low} to {high}"),
                };
                Err(self.unreadable(column, expected))
            }
            found => Ok(found),
        }
    }

    /// Where a stage stands in figures.
    pub(super) fn depth(&self, column: usize) -> Result<f64, ResultsError> {
        let found = self.within(column, 0.0, 100.0)?;
        found.ok_or_else(|| self.unreadable(column, "a number from 0 to 100".to_owned()))
    }

    /// How many there are of something.
    pub(super) fn count(&self, column: usize) -> Result<usize, ResultsError> {
        match self.get::<u64>(column)? {
            n if n > MAX_COUNT => {
                Err(self.unreadable(column, format!("a whole number of at most {MAX_COUNT}")))
            }
            n => Ok(n as usize),
        }
    }

    /// A kind of distance, also a baseline's own.
    pub(super) fn distance(&self, column: usize) -> Result<Distance, ResultsError> {
        Distance::in_results(self.text(column))
            .map_err(|error| self.unreadable(column, error.to_string()))
    }

    /// A stage, also one of another kind of model.
    pub(super) fn stage(&self, column: usize) -> Result<Stage, ResultsError> {
        self.name(column).map(|name| Stage::in_results(&name))
    }

    fn unreadable(&self, column: usize, error: String) -> ResultsError {
        // A word that is none of the choices comes with them.
        let choices = error.split_once(", expected ").map(|(_, choices)| choices.to_owned());
        let expected = choices.unwrap_or(error);
        ResultsError::Field {
            path: self.path.to_owned(),
            line: self.record.position().map_or(0, csv::Position::line),
            column: self.columns[column],
            found: shortened(self.text(column)),
            expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_looks_like_a_formula_is_written_as_text_and_read_back() {
        for (text, written) in [
            ("=HYPERLINK(\"http://a\")", "'=HYPERLINK(\"http://a\")"),
            ("+1+cmd", "'+1+cmd"),
            ("-m", "'-m"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r\n=1", "'\r\n=1"),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'-1", "''-1"),
            // Numbers, and what no spreadsheet takes for a formula.
            ("-0.25", "-0.25"),
            ("-1e-7", "-1e-7"),
            ("-inf", "-inf"),
            ("'quoted'", "'quoted'"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
            assert_eq!(text_of_cell(written), text);
        }
    }

    #[test]
    fn a_table_of_too_many_rows_is_an_error() {
        let text = "n\n".to_owned() + &"7\n".repeat(MAX_CSV_ROWS + 1);
        let mut records = Records::of(Path::new("scores.csv"), text.as_bytes());
        assert_eq!(&records.header().expect("a header"), &["n"][..]);
        for _ in 0..MAX_CSV_ROWS {
            assert!(records.next().expect("read").is_some());
        }
        let error = records.next().expect_err("too many").to_string();
        assert!(error.contains("is longer, expected at most 4000000 rows"), "{error}");
    }

    #[test]
    fn any_text_is_read_back_as_it_was_written() {
        let mut texts = vec![String::new()];
        for _ in 0..5 {
            let longer: Vec<String> = texts
                .iter()
                .flat_map(|text| {
                    ["'", "=", "-", "1", "a", "\n"].map(|sign| format!("{text}{sign}"))
                })
                .collect();
            texts.extend(longer);
        }
        texts.sort();
        texts.dedup();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("table.csv");
        write(&path, ["text", "end"], texts.iter().map(|t| [t.clone(), "x".to_owned()]))
            .expect("written");
        let found = read(&path, &["text", "end"], 2, |row| Ok(row.text(0).to_owned()));
        assert_eq!(found.expect("read"), texts);
    }
}
