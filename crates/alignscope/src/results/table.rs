//! Parquet tables, written beside their place and renamed when whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, StringViewArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;

use super::bounds::{MAX_NAME_BYTES, MAX_PARQUET_ROWS};
use super::{ResultsError, wrong};
use crate::atomic_write::{beside, keep};
use crate::input_file::open;

/// Rows that are read at a time.
pub(super) const BATCH_ROWS: usize = 1 << 16;

/// A column of texts that is never empty.
pub(super) fn text_column(name: &str) -> (String, DataType, bool) {
    (name.to_owned(), DataType::Utf8, false)
}

/// A column that repeats one text.
pub(super) fn repeated(text: &str, n: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, n)))
}

/// A Parquet file that grows by batches of rows and takes its name when it is finished.
pub(super) struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<tempfile::NamedTempFile>,
}

impl TableWriter {
    /// Begins the file `path` with `columns`: name, type, and whether a field may be empty.
    pub(super) fn create(
        path: &Path,
        columns: Vec<(String, DataType, bool)>,
    ) -> Result<Self, ResultsError> {
        let fields: Vec<Field> =
            columns.into_iter().map(|(name, kind, empty)| Field::new(name, kind, empty)).collect();
        let schema = Arc::new(Schema::new(fields));
        let file =
            beside(path).map_err(|source| ResultsError::Write { path: path.to_owned(), source })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("alignscope ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
            .map_err(|source| ResultsError::WriteTable { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), schema, writer })
    }

    /// Adds rows, given by column.
    pub(super) fn write(&mut self, columns: Vec<ArrayRef>) -> Result<(), ResultsError> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .expect("columns of one length, of the types of the schema");
        self.writer
            .write(&batch)
            .map_err(|source| ResultsError::WriteTable { path: self.path.clone(), source })
    }

    /// Ends the file and gives it its name.
    pub(super) fn finish(self) -> Result<(), ResultsError> {
        let file = self
            .writer
            .into_inner()
            .map_err(|source| ResultsError::WriteTable { path: self.path.clone(), source })?;
        keep(file, &self.path).map_err(|source| ResultsError::Write { path: self.path, source })
    }
}

/// A Parquet file that is opened and whose rows are not too many; of its columns those that
/// `wanted` takes. Texts are read as views: one that stands in many rows is in memory once.
pub(super) fn opened(
    path: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<ParquetRecordBatchReaderBuilder<File>, ResultsError> {
    let file = open(path).map_err(|source| ResultsError::Read { path: path.to_owned(), source })?;
    opened_from(path, file, wanted)
}

/// The same of a file whose bytes are in memory or on the disk.
fn opened_from<T: ChunkReader + 'static>(
    path: &Path,
    file: T,
    wanted: impl Fn(&str) -> bool,
) -> Result<ParquetRecordBatchReaderBuilder<T>, ResultsError> {
    let table_error = |source| ResultsError::ReadTable { path: path.to_owned(), source };
    // Types are those of Parquet, whatever schema of Arrow's stands in the file.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&file, options.clone()).map_err(table_error)?;
    let groups = found.metadata().row_groups();
    let rows = groups
        .iter()
        .try_fold(0_u64, |sum, group| sum.checked_add(u64::try_from(group.num_rows()).ok()?));
    match rows {
        Some(rows) if rows <= MAX_PARQUET_ROWS => {}
        _ => {
            let found = rows.map_or_else(|| "less than none".to_owned(), |rows| rows.to_string());
            return Err(wrong(path, "rows", found, format!("at most {MAX_PARQUET_ROWS}")));
        }
    }
    let views = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => field.clone(),
    };
    let fields: Vec<Arc<Field>> = found.schema().fields().iter().map(views).collect();
    let columns = (0..fields.len()).filter(|i| wanted(fields[*i].name())).collect::<Vec<_>>();
    let options = options.with_schema(Arc::new(Schema::new(fields)));
    let metadata =
        ArrowReaderMetadata::try_new(found.metadata().clone(), options).map_err(table_error)?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    Ok(builder.with_projection(mask).with_batch_size(BATCH_ROWS))
}

/// Some columns of a Parquet file, batch by batch.
pub(super) fn batches<'a>(
    path: &'a Path,
    columns: &[&str],
) -> Result<impl Iterator<Item = Result<Batch<'a>, ResultsError>> + use<'a>, ResultsError> {
    let file = open(path).map_err(|source| ResultsError::Read { path: path.to_owned(), source })?;
    batches_from(path, file, columns)
}

/// The same of a file whose bytes are in memory or on the disk.
pub(super) fn batches_from<'a, T: ChunkReader + 'static>(
    path: &'a Path,
    file: T,
    columns: &[&str],
) -> Result<impl Iterator<Item = Result<Batch<'a>, ResultsError>> + use<'a, T>, ResultsError> {
    let table_error = |source| ResultsError::ReadTable { path: path.to_owned(), source };
    let builder = opened_from(path, file, |name| columns.contains(&name))?;
    let reader = builder.build().map_err(table_error)?;
    let mut before = 0;
    Ok(reader.map(move |rows| {
        let rows = rows.map_err(|e| table_error(ParquetError::from(e)))?;
        let batch = Batch { path, before, rows };
        before += batch.len() as u64;
        Ok(batch)
    }))
}

/// Some rows of a Parquet file.
pub(super) struct Batch<'a> {
    path: &'a Path,
    /// Rows of the file before these.
    before: u64,
    rows: RecordBatch,
}

impl Batch<'_> {
    /// How many rows these are.
    pub(super) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// A column without nulls, by its name and type.
    ///
    /// # Errors
    /// There is no such column, or a field of it is null.
    pub(super) fn column<T: Array + Clone + 'static>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<T, ResultsError> {
        let column: T = self.nullable(name, expected)?;
        match (0..column.len()).find(|row| column.is_null(*row)) {
            Some(row) => Err(self.wrong(name, row, "null", "a value in every row")),
            None => Ok(column),
        }
    }

    /// A column that may have nulls, by its name and type.
    ///
    /// # Errors
    /// There is no such column.
    pub(super) fn nullable<T: Array + Clone + 'static>(
        &self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<T, ResultsError> {
        self.rows
            .column_by_name(name)
            .and_then(|column| column.as_any().downcast_ref::<T>().cloned())
            .ok_or(ResultsError::Column { path: self.path.to_owned(), column: name, expected })
    }

    /// A column of names, such as models' or images', without nulls.
    ///
    /// # Errors
    /// There is no such column, a field of it is null, or a name has more than [`MAX_NAME_BYTES`].
    pub(super) fn names(&self, name: &'static str) -> Result<StringViewArray, ResultsError> {
        let names = self.column(name, "text")?;
        self.check_lengths(name, &names)?;
        Ok(names)
    }

    /// As [`Self::names`], of a column that may have nulls.
    pub(super) fn nullable_names(
        &self,
        name: &'static str,
    ) -> Result<StringViewArray, ResultsError> {
        let names = self.nullable(name, "text")?;
        self.check_lengths(name, &names)?;
        Ok(names)
    }

    fn check_lengths(&self, name: &str, names: &StringViewArray) -> Result<(), ResultsError> {
        let long = |text: Option<&str>| text.is_some_and(|text| text.len() > MAX_NAME_BYTES);
        match names.iter().position(long) {
            Some(row) => {
                let found = format!("a name of {} bytes", names.value(row).len());
                Err(self.wrong(name, row, &found, &format!("at most {MAX_NAME_BYTES}")))
            }
            None => Ok(()),
        }
    }

    /// A field that cannot be meant; rows of the file count from 1.
    fn wrong(&self, name: &str, row: usize, found: &str, expected: &str) -> ResultsError {
        let row = self.before + row as u64 + 1;
        wrong(self.path, name, format_args!("{found} in row {row}"), expected)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Float64Array;

    use super::*;

    /// A table of a column of names and one of numbers, both of which may have nulls.
    fn table(path: &Path, rows: &[(Option<&str>, Option<f64>)]) {
        let columns =
            vec![("a".to_owned(), DataType::Utf8, true), ("b".to_owned(), DataType::Float64, true)];
        let mut writer = TableWriter::create(path, columns).expect("created");
        let names = rows.iter().map(|row| row.0).collect::<StringArray>();
        let numbers = rows.iter().map(|row| row.1).collect::<Float64Array>();
        writer.write(vec![Arc::new(names), Arc::new(numbers)]).expect("written");
        writer.finish().expect("finished");
    }

    /// Reads both columns: how many rows there are, or why they cannot be read.
    fn read(path: &Path) -> Result<usize, String> {
        let mut rows = 0;
        for batch in batches(path, &["a", "b"]).expect("opened") {
            let batch = batch.expect("read");
            batch.names("a").map_err(|error| error.to_string())?;
            batch.column::<Float64Array>("b", "64-bit floats").map_err(|e| e.to_string())?;
            rows += batch.len();
        }
        Ok(rows)
    }

    #[test]
    fn a_null_or_a_long_name_is_an_error_that_names_column_and_row() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("table.parquet");
        let (fits, long) = ("y".repeat(MAX_NAME_BYTES), "y".repeat(MAX_NAME_BYTES + 1));
        table(&path, &[(Some("x"), Some(1.0)), (Some(&fits), Some(f64::NAN))]);
        assert_eq!(read(&path), Ok(2));
        // The second of these is in another batch than the first row.
        let mut many = vec![(Some("x"), Some(1.0)); BATCH_ROWS + 1];
        many.push((Some("x"), None));
        for (rows, said) in [
            (&many[..], "`b` is null in row 65538, expected a value in every row"),
            (&[(Some("x"), Some(1.0)), (None, Some(1.0))], "`a` is null in row 2, expected"),
            (&[(Some(&long), Some(1.0))], "`a` is a name of 4097 bytes in row 1, expected at most"),
        ] {
            table(&path, rows);
            let error = read(&path).expect_err(said);
            assert!(error.contains(said) && error.contains("table.parquet"), "{error}");
        }
    }
}
