//! `trials.parquet`: the trials as they were run.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt8Array, UInt32Array, UInt64Array};
use arrow_schema::DataType;

use super::ResultsError;
use super::table::TableWriter;
use crate::dataset::{Clusters, Dataset, ImageIndex};
use crate::paradigm::Answer;

/// Writes the trials of all data sets of a run, in their order.
///
/// Columns: `dataset`; `trial`, its id; `image_a`, `image_b`, `image_c` (reference and distorted;
/// reference, left and right; or the three of a triplet); people's answer as `score` and
/// `score_std`, `left_votes` and `right_votes`, or `odd` (1 to 3); `cluster`, a number for trials
/// that an interval resamples together; and a column `label_…` for each label that a data set has. Fields
/// that do not apply are null.
///
/// # Errors
/// The file cannot be written.
pub fn write_trials(path: &Path, datasets: &[(&Dataset, &Clusters)]) -> Result<(), ResultsError> {
    let mut labels: Vec<&str> = Vec::new();
    for column in datasets.iter().flat_map(|(d, _)| &d.labels) {
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
    for (dataset, clusters) in datasets {
        table.write(columns_of(dataset, clusters, &labels))?;
    }
    table.finish()
}

fn columns_of(dataset: &Dataset, clusters: &Clusters, labels: &[&str]) -> Vec<ArrayRef> {
    let n = dataset.trials.len();
    let id = |image: ImageIndex| dataset.images[image as usize].id.as_str();
    let trials = dataset.trials.paradigm();
    let images: Vec<Vec<ImageIndex>> = (0..n).map(|trial| trials.images(trial)).collect();
    let answers: Vec<Answer> = (0..n).map(|trial| trials.answer(trial)).collect();
    let image = |side: usize| -> ArrayRef {
        let of = |images: &Vec<ImageIndex>| images.get(side).map(|image| id(*image));
        Arc::new(images.iter().map(of).collect::<StringArray>())
    };
    let float = |field: fn(&Answer) -> Option<f64>| -> ArrayRef {
        Arc::new(answers.iter().map(field).collect::<Float64Array>())
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&dataset.name, n))),
        Arc::new(UInt64Array::from_iter_values(dataset.trial_ids.iter().copied())),
        image(0),
        image(1),
        image(2),
        float(|answer| answer.score),
        float(|answer| answer.score_std),
        float(|answer| answer.left_votes),
        float(|answer| answer.right_votes),
        Arc::new(answers.iter().map(|answer| answer.odd).collect::<UInt8Array>()),
        Arc::new(UInt32Array::from_iter_values(clusters.codes.iter().copied())),
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
