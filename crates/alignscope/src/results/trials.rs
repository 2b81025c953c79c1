//! `trials.parquet`: the trials as they were run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float64Array, StringArray, UInt8Array, UInt32Array, UInt64Array,
};
use arrow_schema::DataType;

use super::ResultsError;
use super::table::{TableWriter, column, visit_batches};
use crate::dataset::{Dataset, ImageIndex, Trials};

/// Writes the trials of all data sets of a run, in their order.
///
/// Columns: `dataset`; `trial`, its id; `image_a`, `image_b`, `image_c` (reference and distorted;
/// reference, left and right; or the three of a triplet); people's answer as `score` and
/// `score_std`, `left_votes` and `right_votes`, or `odd` (1 to 3); `cluster`, a number for trials
/// that are not independent; and a column `label_…` for each label that a data set has. Fields
/// that do not apply are null.
///
/// # Errors
/// The file cannot be written.
pub fn write_trials(path: &Path, datasets: &[&Dataset]) -> Result<(), ResultsError> {
    let mut labels: Vec<&str> = Vec::new();
    for column in datasets.iter().flat_map(|d| &d.labels) {
        if !labels.contains(&column.name.as_str()) {
            labels.push(&column.name);
        }
    }
    let mut columns = vec![
        ("dataset".to_owned(), DataType::Utf8, false),
        ("trial".to_owned(), DataType::UInt64, false),
        ("image_a".to_owned(), DataType::Utf8, false),
        ("image_b".to_owned(), DataType::Utf8, false),
        ("image_c".to_owned(), DataType::Utf8, true),
        ("score".to_owned(), DataType::Float64, true),
        ("score_std".to_owned(), DataType::Float64, true),
        ("left_votes".to_owned(), DataType::Float64, true),
        ("right_votes".to_owned(), DataType::Float64, true),
        ("odd".to_owned(), DataType::UInt8, true),
        ("cluster".to_owned(), DataType::UInt32, false),
    ];
    columns.extend(labels.iter().map(|name| (format!("label_{name}"), DataType::Utf8, true)));
    let mut table = TableWriter::create(path, columns)?;
    for dataset in datasets {
        table.write(columns_of(dataset, &labels))?;
    }
    table.finish()
}

fn columns_of(dataset: &Dataset, labels: &[&str]) -> Vec<ArrayRef> {
    let n = dataset.trials.len();
    let id = |image: ImageIndex| dataset.images[image as usize].id.as_str();
    let rows: Vec<Row> = match &dataset.trials {
        Trials::RatedPairs(trials) => trials
            .iter()
            .map(|t| Row {
                images: [Some(id(t.reference)), Some(id(t.distorted)), None],
                score: Some(t.score),
                score_std: t.std,
                ..Row::default()
            })
            .collect(),
        Trials::TwoAlternatives(trials) => trials
            .iter()
            .map(|t| Row {
                images: [Some(id(t.reference)), Some(id(t.left)), Some(id(t.right))],
                left_votes: Some(t.left_votes),
                right_votes: Some(t.right_votes),
                ..Row::default()
            })
            .collect(),
        Trials::OddOneOut(trials) => trials
            .iter()
            .map(|t| Row {
                images: t.images.map(|image| Some(id(image))),
                odd: Some(t.odd + 1),
                ..Row::default()
            })
            .collect(),
    };
    let image = |side: usize| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row.images[side]).collect::<StringArray>())
    };
    let float = |field: fn(&Row<'_>) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(field).collect::<Float64Array>())
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(dataset.kind.name(), n))),
        Arc::new(UInt64Array::from_iter_values(dataset.trial_ids.iter().copied())),
        image(0),
        image(1),
        image(2),
        float(|row| row.score),
        float(|row| row.score_std),
        float(|row| row.left_votes),
        float(|row| row.right_votes),
        Arc::new(rows.iter().map(|row| row.odd).collect::<UInt8Array>()),
        Arc::new(UInt32Array::from_iter_values(dataset.clusters().codes)),
    ];
    for name in labels {
        let column: ArrayRef = match dataset.labels.iter().find(|column| column.name == *name) {
            Some(column) => Arc::new(StringArray::from_iter_values(
                column.codes.iter().map(|code| &column.values[*code as usize]),
            )),
            None => Arc::new(StringArray::new_null(n)),
        };
        columns.push(column);
    }
    columns
}

/// The fields of a trial that depend on its kind.
#[derive(Default)]
struct Row<'a> {
    images: [Option<&'a str>; 3],
    score: Option<f64>,
    score_std: Option<f64>,
    left_votes: Option<f64>,
    right_votes: Option<f64>,
    odd: Option<u8>,
}

/// The trials of a run, as they are read back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrialTable {
    /// Every image once, by its id.
    pub images: Vec<String>,
    /// The trials of each data set, in order.
    pub trials: BTreeMap<String, Vec<TrialRow>>,
}

/// A trial, as it is read back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialRow {
    /// Its id.
    pub trial: u64,
    /// Its images: reference and distorted; reference, left and right; or the three of a triplet.
    pub images: [Option<u32>; 3],
    /// People's answer about a rated pair.
    pub score: Option<f64>,
    /// Those who chose left and right.
    pub votes: Option<[f64; 2]>,
    /// Which of a triplet was the odd one, from 0.
    pub odd: Option<u8>,
}

/// Reads `trials.parquet`.
///
/// # Errors
/// The file cannot be read, or lacks a column.
pub fn read_trials(path: &Path) -> Result<TrialTable, ResultsError> {
    let mut table = TrialTable::default();
    let mut index: BTreeMap<String, u32> = BTreeMap::new();
    visit_batches(path, |batch| {
        let text = |name| column::<StringArray>(&batch, path, name, "text");
        let float = |name| column::<Float64Array>(&batch, path, name, "64-bit floats");
        let (datasets, ids) =
            (text("dataset")?, column::<UInt64Array>(&batch, path, "trial", "numbers")?);
        let images = [text("image_a")?, text("image_b")?, text("image_c")?];
        let (score, left, right) = (float("score")?, float("left_votes")?, float("right_votes")?);
        let odd = column::<UInt8Array>(&batch, path, "odd", "numbers")?;
        for row in 0..batch.num_rows() {
            let images = images.each_ref().map(|side| {
                let id = side.is_valid(row).then(|| side.value(row))?;
                Some(*index.entry(id.to_owned()).or_insert_with(|| {
                    table.images.push(id.to_owned());
                    u32::try_from(table.images.len() - 1).expect("fewer images than 2^32")
                }))
            });
            let number = |c: &Float64Array| c.is_valid(row).then(|| c.value(row));
            let trial = TrialRow {
                trial: ids.value(row),
                images,
                score: number(&score),
                votes: number(&left).zip(number(&right)).map(|(l, r)| [l, r]),
                odd: odd.is_valid(row).then(|| odd.value(row).saturating_sub(1)),
            };
            match table.trials.get_mut(datasets.value(row)) {
                Some(trials) => trials.push(trial),
                None => {
                    table.trials.insert(datasets.value(row).to_owned(), vec![trial]);
                }
            }
        }
        Ok(())
    })?;
    Ok(table)
}
