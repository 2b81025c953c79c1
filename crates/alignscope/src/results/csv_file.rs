//! Tidy CSV files: one row a fact, columns by name, numbers in full precision.
//!
//! A text that a spreadsheet would take for a formula is written after a `'`, and read without it.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::bounds::{MAX_CSV_COLUMNS, MAX_CSV_ROWS, MAX_RECORD_BYTES, read_csv, shortened, wrong};
use super::{ResultsError, write_whole};
use crate::csv_row::{CsvRow, Unfit};
use crate::text::Bounded;

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

/// Rows as a CSV document.
pub(crate) fn document<R: CsvRow>(rows: &[R]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let in_memory = "a CSV record of as many fields as the header goes into memory";
    writer.write_record(R::COLUMNS).expect(in_memory);
    for row in rows {
        writer
            .write_record(row.texts().iter().map(|text| cell(text).into_owned()))
            .expect(in_memory);
    }
    writer.into_inner().expect("flushing memory does not fail")
}

/// Writes a CSV file whole.
pub(crate) fn write<R: CsvRow>(path: &Path, rows: &[R]) -> Result<(), ResultsError> {
    write_whole(path, &document(rows))
}

/// Reads a CSV file by the names of its columns.
pub(crate) fn read<R: CsvRow>(path: &Path) -> Result<Vec<R>, ResultsError> {
    rows(path, &read_csv(path)?)
}

/// The rows of the CSV file `path`, whose bytes are `text`.
pub(crate) fn rows<R: CsvRow>(path: &Path, text: &[u8]) -> Result<Vec<R>, ResultsError> {
    let mut records = Records::of(path, text);
    let header = records.header()?;
    let place = |column: &&'static str| {
        header.iter().position(|name| name == *column).ok_or(ResultsError::Column {
            path: path.to_owned(),
            column,
            expected: "text",
        })
    };
    let places = R::COLUMNS.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    while let Some(record) = records.next()? {
        let texts = places.iter().map(|i| text_of_cell(record.get(*i).unwrap_or_default()));
        let row = R::parse(texts).map_err(|Unfit { column, found, expected }| {
            let line = record.position().map_or(0, csv::Position::line);
            let (path, found) = (path.to_owned(), shortened(&found));
            ResultsError::Field { path, line, column, found, expected }
        });
        rows.push(row?);
    }
    Ok(rows)
}

/// The records of a CSV file, of bounded length and number.
struct Records<'a> {
    path: &'a Path,
    reader: csv::Reader<Bounded<&'a [u8]>>,
    rows: usize,
}

impl<'a> Records<'a> {
    /// The records of the file `path`, whose bytes are `text`.
    fn of(path: &'a Path, text: &'a [u8]) -> Self {
        let reader = csv::Reader::from_reader(Bounded::new(text, MAX_RECORD_BYTES));
        Self { path, reader, rows: 0 }
    }

    /// The names of the columns.
    ///
    /// # Errors
    /// They cannot be read, or are too many.
    fn header(&mut self) -> Result<csv::StringRecord, ResultsError> {
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
    fn next(&mut self) -> Result<Option<csv::StringRecord>, ResultsError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv_row::csv_row;

    csv_row! {
        #[derive(Debug, Clone, PartialEq)]
        struct Text {
            text: String,
            end: String,
        }
    }

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

    /// The rows of a file of these bytes; or why it cannot be read.
    fn read(text: &[u8]) -> Result<Vec<Text>, String> {
        super::rows(Path::new("table.csv"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_are_read_by_name_and_one_that_is_missing_is_told() {
        let row = Text { text: "=SUM(A1)".to_owned(), end: "a,b".to_owned() };
        assert_eq!(read(b"end,more,text\n\"a,b\",x,'=SUM(A1)\n"), Ok(vec![row]));
        for text in ["", "\n\n", "text\nx\n"] {
            let error = read(text.as_bytes()).expect_err("a column is missing");
            assert!(error.contains("table.csv has no column `"), "{error}");
        }
    }

    #[test]
    fn a_table_of_too_many_columns_or_a_row_without_end_is_an_error() {
        let header = |n: usize| "text,end".to_owned() + &",a".repeat(n - 2);
        assert_eq!(read(header(MAX_CSV_COLUMNS).as_bytes()), Ok(vec![]));
        for (text, said) in [
            (header(MAX_CSV_COLUMNS + 1), "is of 65 columns, expected at most 64 columns"),
            (",".repeat(1 << 23), "`line 1` is a longer row, expected at most 4194304 bytes"),
        ] {
            let error = read(text.as_bytes()).expect_err(said);
            assert!(error.contains(said), "{error}");
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
        let rows: Vec<Text> =
            texts.into_iter().map(|text| Text { text, end: "x".to_owned() }).collect();
        assert_eq!(read(&document(&rows)), Ok(rows));
    }
}
