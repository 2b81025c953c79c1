//! The tables of a run as Arrow has them, for programs that read such.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder, UInt64Builder};
use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray, StringViewArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::bounds::{read_csv, shortened};
use super::fields::{Records, text_of};
use super::scores::document;
use super::table::{BATCH_ROWS, opened};
use super::{ResultsError, ScoreRow, wrong};

/// A table of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RunTable {
    /// `scores.csv`.
    #[default]
    Scores,
    /// `ceilings.csv`.
    Ceilings,
    /// `findings.csv`.
    Findings,
    /// `comparisons.csv`.
    Comparisons,
    /// `energy.csv`.
    Energy,
    /// `distances.parquet`.
    Distances,
    /// `trials.parquet`.
    Trials,
    /// `scale.parquet`.
    Scale,
}

impl RunTable {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Scores,
        Self::Ceilings,
        Self::Findings,
        Self::Comparisons,
        Self::Energy,
        Self::Distances,
        Self::Trials,
        Self::Scale,
    ];

    /// The name used in Python.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scores => "scores",
            Self::Ceilings => "ceilings",
            Self::Findings => "findings",
            Self::Comparisons => "comparisons",
            Self::Energy => "energy",
            Self::Distances => "distances",
            Self::Trials => "trials",
            Self::Scale => "scale",
        }
    }

    /// Its file in the folder of a run.
    pub fn file(self) -> &'static str {
        match self {
            Self::Scores => "scores.csv",
            Self::Ceilings => "ceilings.csv",
            Self::Findings => "findings.csv",
            Self::Comparisons => "comparisons.csv",
            Self::Energy => "energy.csv",
            Self::Distances => "distances.parquet",
            Self::Trials => "trials.parquet",
            Self::Scale => "scale.parquet",
        }
    }
}

choice!(RunTable, "table");

/// A table, batch by batch.
pub type TableReader = Box<dyn RecordBatchReader + Send>;

/// Reads a table of a run: a CSV file whole, a Parquet file as its rows are asked for.
///
/// # Errors
/// The file cannot be read, or holds a field that is not of its column's type.
pub fn read_table(run: &Path, table: RunTable) -> Result<TableReader, ResultsError> {
    let path = run.join(table.file());
    if table.file().ends_with(".csv") {
        let text = read_csv(&path)?;
        return batch_of_csv(&path, &text).map(one_batch);
    }
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
    batch_of_csv(Path::new("scores.csv"), &document(rows)).expect("scores as they are written")
}

/// A table of one batch.
pub fn one_batch(batch: RecordBatch) -> TableReader {
    let schema = batch.schema();
    Box::new(RecordBatchIterator::new([Ok(batch)], schema))
}

/// What the fields of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Count,
    Truth,
}

/// The columns that are not text, by name, so that an empty one has its type too.
const TYPED: [(&str, Kind); 24] = [
    ("depth_percent", Kind::Number),
    ("value", Kind::Number),
    ("value_a", Kind::Number),
    ("value_b", Kind::Number),
    ("difference", Kind::Number),
    ("ci_low", Kind::Number),
    ("ci_high", Kind::Number),
    ("bca_low", Kind::Number),
    ("bca_high", Kind::Number),
    ("chance", Kind::Number),
    ("p", Kind::Number),
    ("p_holm", Kind::Number),
    ("kappa", Kind::Number),
    ("kappa_low", Kind::Number),
    ("kappa_high", Kind::Number),
    ("top_channel_share", Kind::Number),
    ("effective_channels", Kind::Number),
    ("top_channel", Kind::Count),
    ("n", Kind::Count),
    ("n_clusters", Kind::Count),
    ("n_ties", Kind::Count),
    ("n_left_out", Kind::Count),
    ("zero_channels", Kind::Count),
    ("simulated", Kind::Truth),
];

/// A CSV file with a header; an empty field is null.
fn batch_of_csv(path: &Path, text: &[u8]) -> Result<RecordBatch, ResultsError> {
    let mut reader = Records::of(path, text);
    let header = reader.header()?;
    if header.is_empty() {
        return Err(wrong(path, "columns", "an empty list", "a header of their names"));
    }
    let mut records = Vec::new();
    while let Some(record) = reader.next()? {
        records.push(record);
    }
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (i, name) in header.iter().enumerate() {
        let texts = records.iter().map(|record| (record, text_of(record, i)));
        let typed = TYPED.iter().find(|(column, _)| *column == name);
        let (column_name, mut kind) = typed.copied().unwrap_or(("ceiling", Kind::Text));
        if name == "ceiling" && texts.clone().all(|(_, t)| t.is_empty() || t.parse::<f64>().is_ok())
        {
            // A number in scores.csv, a name in ceilings.csv.
            kind = Kind::Number;
        }
        let wrong = |record: &csv::StringRecord, found: &str, expected: &str| ResultsError::Field {
            path: path.to_owned(),
            line: record.position().map_or(0, csv::Position::line),
            column: column_name,
            found: shortened(found),
            expected: expected.to_owned(),
        };
        macro_rules! parsed {
            ($builder:ty, $expected:literal) => {{
                let mut column = <$builder>::new();
                for (record, text) in texts {
                    match text {
                        "" => column.append_null(),
                        text => column.append_value(
                            text.parse().map_err(|_| wrong(record, text, $expected))?,
                        ),
                    }
                }
                Arc::new(column.finish()) as ArrayRef
            }};
        }
        let (data_type, column) = match kind {
            Kind::Number => (DataType::Float64, parsed!(Float64Builder, "a number")),
            Kind::Count => (DataType::UInt64, parsed!(UInt64Builder, "a whole number")),
            Kind::Truth => (DataType::Boolean, parsed!(BooleanBuilder, "`true` or `false`")),
            Kind::Text => {
                let mut column = StringBuilder::new();
                texts
                    .for_each(|(_, text)| column.append_option((!text.is_empty()).then_some(text)));
                (DataType::Utf8, Arc::new(column.finish()) as ArrayRef)
            }
        };
        fields.push(Field::new(name, data_type, true));
        columns.push(column);
    }
    let schema = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new(schema, columns).expect("columns of one length, of their types"))
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, Float64Array};

    use super::super::bounds::MAX_CSV_COLUMNS;
    use super::*;

    #[test]
    fn columns_have_types_and_empty_fields_are_null() {
        let text = b"model,value,n,simulated,ceiling\na,0.5,3,false,\n\"b,c\",,4,true,0.7\n";
        let batch = batch_of_csv(Path::new("scores.csv"), text).expect("read");
        let types: Vec<DataType> =
            batch.schema().fields().iter().map(|f| f.data_type().clone()).collect();
        let expected = [
            DataType::Utf8,
            DataType::Float64,
            DataType::UInt64,
            DataType::Boolean,
            DataType::Float64,
        ];
        assert_eq!(types, expected);
        assert!(batch.column(1).is_null(1) && batch.column(4).is_null(0));
        assert_eq!(batch.num_rows(), 2);
    }

    #[test]
    fn a_text_that_looks_like_a_formula_is_read_as_it_was() {
        let text = b"model,value,n,stage\n'=SUM(A1),-0.5,3,''-x\n'quoted',-1e-7,4,block 1\n";
        let batch = batch_of_csv(Path::new("scores.csv"), text).expect("read");
        let column = |i: usize| {
            let texts = batch.column(i).as_any().downcast_ref::<StringArray>().expect("text");
            texts.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(column(0), ["=SUM(A1)", "'quoted'"]);
        assert_eq!(column(3), ["'-x", "block 1"]);
        let values = batch.column(1).as_any().downcast_ref::<Float64Array>().expect("numbers");
        assert_eq!(values.values(), &[-0.5, -1e-7]);
    }

    #[test]
    fn a_table_of_too_many_columns_or_a_row_without_end_is_an_error() {
        let read = |text: &[u8]| batch_of_csv(Path::new("scores.csv"), text).map(|b| b.num_rows());
        let columns = |n: usize| vec!["a"; n].join(",");
        assert_eq!(read(columns(MAX_CSV_COLUMNS).as_bytes()).expect("read"), 0);
        for (text, said) in [
            (columns(MAX_CSV_COLUMNS + 1), "is of 65 columns, expected at most 64 columns"),
            (",".repeat(1 << 23), "`line 1` is a longer row, expected at most 4194304 bytes"),
        ] {
            let error = read(text.as_bytes()).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_file_without_a_header_is_an_error() {
        for text in ["", "\n\n"] {
            let error = batch_of_csv(Path::new("scores.csv"), text.as_bytes()).expect_err("none");
            assert!(error.to_string().contains("expected a header"), "{error}");
        }
    }

    #[test]
    fn a_field_of_another_type_names_its_line_and_column() {
        let error = batch_of_csv(Path::new("scores.csv"), b"n\n3\nmany\n").expect_err("no number");
        let message = error.to_string();
        assert!(message.contains("line 3") && message.contains("column `n`"), "{message}");
    }
}
