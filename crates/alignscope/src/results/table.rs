//! Parquet tables, written beside their place and renamed when whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::bounds::MAX_PARQUET_ROWS;
use super::{ResultsError, wrong};
use crate::input_file::open;
use crate::whole::{beside, keep};

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
pub(super) fn batches(
    path: &Path,
    columns: &[&str],
) -> Result<impl Iterator<Item = Result<RecordBatch, ResultsError>>, ResultsError> {
    let owned = path.to_owned();
    let table_error = move |source| ResultsError::ReadTable { path: owned.clone(), source };
    let builder = opened(path, |name| columns.contains(&name))?;
    let reader = builder.build().map_err(&table_error)?;
    Ok(reader.map(move |batch| batch.map_err(|e| table_error(ParquetError::from(e)))))
}

/// A column of a batch, by its name and type.
pub(super) fn column<T: Array + Clone + 'static>(
    path: &Path,
    batch: &RecordBatch,
    name: &'static str,
    expected: &'static str,
) -> Result<T, ResultsError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref::<T>().cloned())
        .ok_or(ResultsError::Column { path: path.to_owned(), column: name, expected })
}
