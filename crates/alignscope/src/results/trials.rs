//! `trials.parquet`: the trials as they were run.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};

use super::ResultsError;
use super::table::{BATCH_ROWS, ParquetRow, TableWriter, field, parquet_row};
use crate::dataset::{Dataset, ImageIndex};
use crate::paradigm::Answer;
use crate::progress::Progress;
use crate::score::{Scorer, TrialFacts};

parquet_row! {
    /// A trial: a row of `trials.parquet`. What does not apply to a kind of trial is null.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(super) struct TrialRow<'a> {
        /// The data set.
        pub(super) dataset: &'a str,
        /// The trial's id.
        pub(super) trial: u64,
        /// The reference, or the first of several images.
        pub(super) image_a: &'a str,
        /// The distorted or left image, or the second.
        pub(super) image_b: &'a str,
        /// The right image, or the third.
        pub(super) image_c: Option<&'a str>,
        /// The fourth of a quadruplet.
        pub(super) image_d: Option<&'a str>,
        /// People's mean score.
        pub(super) score: Option<f64>,
        /// Its standard deviation.
        pub(super) score_std: Option<f64>,
        /// Votes for the left image, or that the first pair of a quadruplet differs more.
        pub(super) left_votes: Option<f64>,
        /// Votes for the right image, or that the second pair does.
        pub(super) right_votes: Option<f64>,
        /// The odd one, 1 to 3.
        pub(super) odd: Option<u8>,
        /// Votes that the two images are the same.
        pub(super) same_votes: Option<f64>,
        /// Votes that they are different.
        pub(super) different_votes: Option<f64>,
        /// How different people find the two images, the mean of their matrices.
        pub(super) dissimilarity: Option<f64>,
        /// A number for trials that an interval resamples together.
        pub(super) cluster: u32,
        /// The same by `--cluster default`, whatever intervals resample.
        pub(super) default_cluster: u32,
        /// How long people took to answer, in the data set's own units.
        pub(super) response_time: Option<f64>,
    }
}

impl TrialRow<'_> {
    /// What people answered.
    pub(super) fn answer(&self) -> Answer {
        Answer {
            score: self.score,
            score_std: self.score_std,
            left_votes: self.left_votes,
            right_votes: self.right_votes,
            odd: self.odd,
            same_votes: self.same_votes,
            different_votes: self.different_votes,
            dissimilarity: self.dissimilarity,
        }
    }
}

/// Writes the trials of all data sets of a run, in their order: the columns of a `TrialRow`, and a
/// column `label_…` for each label that a data set has, null where it has not.
///
/// `datasets` — each with its scorer
///
/// `progress` — is told of a step for each trial
///
/// # Errors
/// The file cannot be written.
pub fn write_trials(
    path: &Path,
    datasets: &[(&Dataset, &Scorer)],
    progress: &dyn Progress,
) -> Result<(), ResultsError> {
    let mut labels: Vec<&str> = Vec::new();
    for column in datasets.iter().flat_map(|(d, _)| &d.labels) {
        if !labels.contains(&column.name.as_str()) {
            labels.push(&column.name);
        }
    }
    let mut fields = TrialRow::fields();
    fields.extend(labels.iter().map(|name| field::<Option<&str>>(&format!("label_{name}"))));
    let mut table = TableWriter::create(path, fields)?;
    for (dataset, scorer) in datasets {
        let trials = dataset.trials.len();
        for first in (0..trials).step_by(BATCH_ROWS) {
            let some = first..trials.min(first + BATCH_ROWS);
            let rows: Vec<TrialRow<'_>> =
                some.clone().map(|trial| row(dataset, scorer, trial)).collect();
            let mut columns = TrialRow::arrays(rows.iter().copied());
            columns.extend(labels.iter().map(|name| label(dataset, name, some.clone())));
            table.write(columns)?;
            progress.advance(some.len() as u64);
        }
    }
    table.finish()
}

fn row<'a>(dataset: &'a Dataset, scorer: &Scorer, trial: usize) -> TrialRow<'a> {
    let trials = dataset.trials.paradigm();
    let images = trials.images(trial);
    let id = |image: &ImageIndex| dataset.images[*image as usize].id.as_str();
    let answer = trials.answer(trial);
    let cluster = scorer.clusters().codes[trial];
    let TrialFacts { default_clusters, response_times, .. } = scorer.facts();
    TrialRow {
        dataset: &dataset.name,
        trial: dataset.trial_ids[trial],
        image_a: id(&images[0]),
        image_b: id(&images[1]),
        image_c: images.get(2).map(id),
        image_d: images.get(3).map(id),
        score: answer.score,
        score_std: answer.score_std,
        left_votes: answer.left_votes,
        right_votes: answer.right_votes,
        odd: answer.odd,
        same_votes: answer.same_votes,
        different_votes: answer.different_votes,
        dissimilarity: answer.dissimilarity,
        cluster,
        default_cluster: default_clusters.as_ref().map_or(cluster, |of| of[trial]),
        response_time: response_times.as_ref().map(|of| of[trial]).filter(|time| !time.is_nan()),
    }
}

/// The column of a label, of some trials.
fn label(dataset: &Dataset, name: &str, trials: Range<usize>) -> ArrayRef {
    match dataset.labels.iter().find(|column| column.name == name) {
        Some(column) => Arc::new(StringArray::from_iter_values(
            column.codes[trials].iter().map(|code| &column.values[*code as usize]),
        )),
        None => Arc::new(StringArray::new_null(trials.len())),
    }
}
