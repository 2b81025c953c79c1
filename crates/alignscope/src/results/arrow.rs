//! The tables of a run as Arrow has them, for programs that read such.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray, StringViewArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::table::{BATCH_ROWS, opened};
use super::{
    GalleryRow, ResultsError, RunTable, ScoreRow, read_ceilings, read_comparisons, read_energy,
    read_findings, read_scores,
};
use crate::comparison::ComparisonRow;
use crate::csv_row::CsvRow;
use crate::plan::{PlannedCell, ShardCell};
use crate::similarity::SimilarityRow;

/// A table, batch by batch.
pub type TableReader = Box<dyn RecordBatchReader + Send>;

/// Reads a table of a run: a CSV file whole, a Parquet file as its rows are asked for.
///
/// # Errors
/// The file cannot be read, lacks a column, or holds a field that is none of its column.
pub fn read_table(run: &Path, table: RunTable) -> Result<TableReader, ResultsError> {
    let path = run.join(table.file());
    let batch = match table {
        RunTable::Scores => batch(&read_scores(&path)?),
        RunTable::Ceilings => batch(&read_ceilings(&path)?),
        RunTable::Findings => batch(&read_findings(&path)?),
        RunTable::Comparisons => batch(&read_comparisons(&path)?),
        RunTable::Energy => batch(&read_energy(&path)?),
        RunTable::Distances | RunTable::Trials | RunTable::Judgements | RunTable::Scale => {
            return read_parquet(path);
        }
    };
    Ok(one_batch(batch))
}

fn read_parquet(path: PathBuf) -> Result<TableReader, ResultsError> {
    let reader = opened(&path, |_| true)?
        .build()
        .map_err(|source| ResultsError::ReadTable { path, source })?;
    let fields = reader.schema().fields().iter().map(plain_field).collect::<Vec<_>>();
    let schema = Arc::new(Schema::new(fields));
    let of_batch = schema.clone();
    let batches = reader.map(move |batch| plain_batch(&batch?, &of_batch));
    Ok(Box::new(RecordBatchIterator::new(batches, schema)))
}

/// Bytes of the texts of a column of a batch; no table of a run has as many.
const MAX_TEXT_BYTES: usize = 1 << 29;

/// A column of views of texts as one of texts, which more programs know.
fn plain_field(field: &Arc<Field>) -> Arc<Field> {
    match field.data_type() {
        DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => field.clone(),
    }
}

fn plain_batch(batch: &RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch, ArrowError> {
    let plain = |column: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        let Some(texts) = column.as_any().downcast_ref::<StringViewArray>() else {
            return Ok(column.clone());
        };
        let bytes: usize = texts.iter().flatten().map(str::len).sum();
        match bytes > MAX_TEXT_BYTES {
            true => Err(ArrowError::ParquetError(format!(
                "a column has {bytes} bytes of text in {BATCH_ROWS} rows, expected at most \
                 {MAX_TEXT_BYTES}"
            ))),
            false => Ok(Arc::new(texts.iter().collect::<StringArray>())),
        }
    };
    let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema.clone(), columns)
}

/// Scores as the table that [`read_table`] gives of `scores.csv`.
pub fn table_of_scores(rows: &[ScoreRow]) -> RecordBatch {
    batch(rows)
}

/// Comparisons as the table that [`read_table`] gives of `comparisons.csv`.
pub fn table_of_comparisons(rows: &[ComparisonRow]) -> RecordBatch {
    batch(rows)
}

/// The rows of a board as a table.
pub fn table_of_gallery(rows: &[GalleryRow]) -> RecordBatch {
    batch(rows)
}

/// Similarities of models as a table.
pub fn table_of_similarities(rows: &[SimilarityRow]) -> RecordBatch {
    batch(rows)
}

/// What a run is planned to take as a table.
pub fn table_of_plan(rows: &[PlannedCell]) -> RecordBatch {
    batch(rows)
}

/// What a shard did as a table.
pub fn table_of_shard(rows: &[ShardCell]) -> RecordBatch {
    batch(rows)
}

/// A table of one batch.
pub fn one_batch(batch: RecordBatch) -> TableReader {
    let schema = batch.schema();
    Box::new(RecordBatchIterator::new([Ok(batch)], schema))
}

/// Rows of a CSV file; a field that is empty is null.
fn batch<R: CsvRow>(rows: &[R]) -> RecordBatch {
    let columns = R::COLUMNS.iter().zip(R::arrays(rows)).map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::write_scores;
    use crate::study::published_rows;

    #[test]
    fn scores_are_the_same_table_from_a_file_and_from_memory() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut rows = published_rows();
        rows[0].value = f64::NAN;
        rows[1].model = "=SUM(A1)".to_owned();
        write_scores(&folder.path().join("scores.csv"), &rows).expect("written");
        let read = read_table(folder.path(), RunTable::Scores).expect("read");
        let read = read.collect::<Result<Vec<_>, _>>().expect("one batch");
        assert_eq!(read, [table_of_scores(&rows)]);
        let column = |name| read[0].column_by_name(name).expect(name);
        assert_eq!(column("value").null_count(), 1);
        assert_eq!(column("ceiling").data_type(), &DataType::Float64);
        assert_eq!(column("ceiling").null_count(), rows.len());
        assert_eq!(column("n").data_type(), &DataType::UInt64);
        assert_eq!(column("simulated").data_type(), &DataType::Boolean);
        let models = column("model").as_any().downcast_ref::<StringArray>().expect("texts");
        assert_eq!(models.value(1), "=SUM(A1)");
    }
}
