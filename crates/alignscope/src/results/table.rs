//! Parquet tables, written beside their place and renamed when whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringViewArray};
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
use super::parquet_field::ParquetField;
use super::{ResultsError, wrong};
use crate::atomic_write::{beside, keep};
use crate::input_file::open;

/// Rows that are read, or made to be written, at a time.
pub(super) const BATCH_ROWS: usize = 1 << 16;

/// Rows of a group, of which a file's are written one after the other: of one group the columns are
/// in memory, encoded.
const GROUP_ROWS: usize = 1 << 20;

/// Declares the struct of a row. **A column is added by one line, its field**: the name of the
/// column is the field's, its place is the field's place, and the field's type says how it is
/// written and read ([`ParquetField`]).
macro_rules! parquet_row {
    (
        $(#[$of_row:meta])*
        $public:vis struct $Row:ident<$life:lifetime> {
            $($(#[$of_field:meta])* $visible:vis $field:ident: $Type:ty,)*
        }
    ) => {
        $(#[$of_row])*
        $public struct $Row<$life> {
            $($(#[$of_field])* $visible $field: $Type,)*
        }

        impl<$life> $crate::results::table::ParquetRow<$life> for $Row<$life> {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn fields() -> Vec<arrow_schema::Field> {
                vec![$($crate::results::table::field::<$Type>(stringify!($field))),*]
            }

            fn arrays(rows: impl Iterator<Item = Self> + Clone) -> Vec<arrow_array::ArrayRef> {
                use $crate::results::parquet_field::ParquetField;
                vec![$(<$Type>::array(rows.clone().map(|row| Some(row.$field)))),*]
            }

            fn rows(
                batch: &$life $crate::results::table::Batch<'_>,
            ) -> Result<impl Iterator<Item = Self>, $crate::results::ResultsError> {
                use $crate::results::parquet_field::ParquetField;
                $(let $field = batch.column::<$Type>(stringify!($field))?;)*
                Ok((0..batch.len()).map(move |row| Self { $($field: <$Type>::get($field, row)),* }))
            }
        }
    };
}
pub(super) use parquet_row;

/// A row of a Parquet table, declared by [`parquet_row!`]; `'a` is as long as its batch is in
/// memory.
pub(super) trait ParquetRow<'a>: Sized {
    /// The names of the columns, in their order.
    const COLUMNS: &'static [&'static str];

    /// The columns with their types.
    fn fields() -> Vec<Field>;

    /// The columns of a table of `rows`.
    fn arrays(rows: impl Iterator<Item = Self> + Clone) -> Vec<ArrayRef>;

    /// The rows of a batch.
    ///
    /// # Errors
    /// A column is missing or of another type; or a field is null that cannot be, or a name longer
    /// than any.
    fn rows(batch: &'a Batch<'_>) -> Result<impl Iterator<Item = Self>, ResultsError>;
}

/// A column of values of `T`.
pub(super) fn field<'a, T: ParquetField<'a>>(name: &str) -> Field {
    Field::new(name, T::TYPE, T::NULLABLE)
}

/// A Parquet file that grows by batches of rows and takes its name when it is finished.
pub(super) struct TableWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<tempfile::NamedTempFile>,
}

impl TableWriter {
    /// Begins the file `path` with columns of these names and types.
    pub(super) fn create(path: &Path, fields: Vec<Field>) -> Result<Self, ResultsError> {
        let schema = Arc::new(Schema::new(fields));
        let file =
            beside(path).map_err(|source| ResultsError::Write { path: path.to_owned(), source })?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
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

    /// A column by its name and type; only one of `Option`s may have nulls.
    ///
    /// # Errors
    /// There is no such column, a field of it is null, or a name in it has more than
    /// [`MAX_NAME_BYTES`].
    pub(super) fn column<'b, T: ParquetField<'b>>(
        &'b self,
        name: &'static str,
    ) -> Result<&'b T::Array, ResultsError> {
        let missing = || {
            let path = self.path.to_owned();
            ResultsError::Column { path, column: name, expected: T::EXPECTED }
        };
        let column = self.rows.column_by_name(name).ok_or_else(missing)?;
        let found = column.as_any().downcast_ref::<T::Array>().ok_or_else(missing)?;
        match (0..column.len()).find(|row| column.is_null(*row)) {
            Some(row) if !T::NULLABLE => Err(self.wrong(name, row, "null", "a value in every row")),
            _ => self.check_lengths(name, column).map(|()| found),
        }
    }

    /// Refuses a column of texts with one that is longer than any name.
    fn check_lengths(&self, name: &str, column: &ArrayRef) -> Result<(), ResultsError> {
        let Some(names) = column.as_any().downcast_ref::<StringViewArray>() else { return Ok(()) };
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
    use super::*;

    parquet_row! {
        #[derive(Debug, Clone, Copy)]
        struct Nullable<'a> {
            a: Option<&'a str>,
            b: Option<f64>,
        }
    }

    parquet_row! {
        #[derive(Debug, Clone, Copy)]
        struct Whole<'a> {
            a: &'a str,
            b: f64,
        }
    }

    /// A table of a column of names and one of numbers, both of which may have nulls.
    fn table(path: &Path, rows: &[(Option<&str>, Option<f64>)]) {
        let mut writer = TableWriter::create(path, Nullable::fields()).expect("created");
        let rows = rows.iter().map(|&(a, b)| Nullable { a, b });
        writer.write(Nullable::arrays(rows)).expect("written");
        writer.finish().expect("finished");
    }

    /// Reads both columns, in which a null is an error: how many rows there are, or why they cannot
    /// be read.
    fn read(path: &Path) -> Result<usize, String> {
        let mut count = 0;
        for batch in batches(path, Whole::COLUMNS).expect("opened") {
            let batch = batch.expect("read");
            let rows = Whole::rows(&batch).map_err(|error| error.to_string())?;
            count += rows.filter(|row| !row.a.is_empty() && row.b != 0.0).count();
        }
        Ok(count)
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
