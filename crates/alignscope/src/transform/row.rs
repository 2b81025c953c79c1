//! `transforms.csv`: what a learned transform of a stage gains.

use std::path::Path;

use super::kind::TransformKind;
use crate::csv_row::{csv_row, depth, name};
use crate::distance::Distance;
use crate::results::{ResultsError, read_rows, write_rows};
use crate::score::Measure;
use crate::stage::Stage;

csv_row! {
    /// The score of a stage without and with a transform: a row of `transforms.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct TransformRow {
        /// The name of the data set.
        pub dataset: String as name,
        /// The model's name.
        pub model: String as name,
        /// The stage.
        pub stage: Stage,
        /// Where the stage stands in figures, 0 to 100.
        pub depth_percent: f64 as depth,
        /// What the transform may do.
        pub kind: TransformKind,
        /// The kind of distance, without and with the transform.
        pub distance: Distance,
        /// What was measured.
        pub measure: Measure,
        /// The score without a transform.
        pub without: f64,
        /// Lower end of its interval, where there is one.
        pub without_low: Option<f64>,
        /// Upper end of its interval.
        pub without_high: Option<f64>,
        /// The score with a transform that saw no image of the trial.
        pub with: f64,
        /// Lower end of its interval, where there is one.
        pub with_low: Option<f64>,
        /// Upper end of its interval.
        pub with_high: Option<f64>,
        /// With less without.
        pub gain: f64,
        /// Lower end of the gain's interval, where there is one.
        pub gain_low: Option<f64>,
        /// Upper end of the gain's interval.
        pub gain_high: Option<f64>,
        /// Two-sided p of no gain, no finer than the resamples allow.
        pub p: Option<f64>,
        /// The score of answers by chance.
        pub chance: f64,
        /// Trials that count.
        pub n: usize,
        /// Clusters among them.
        pub n_clusters: usize,
        /// Different questions.
        pub questions: usize,
        /// Folds into which they are cut.
        pub folds: usize,
        /// The share of the images that a fold holds out, at most.
        pub held_out: f64,
        /// Questions that the fold with the fewest was fitted on.
        pub least_trained_on: usize,
        /// λ of the transform that was fitted to all trials, where one is chosen.
        pub lambda: Option<f64>,
        /// The least λ that a fold chose.
        pub lambda_low: Option<f64>,
        /// The greatest.
        pub lambda_high: Option<f64>,
        /// The share of gLocal's contrastive term, where there is one.
        pub alpha: Option<f64>,
        /// Its temperature.
        pub temperature: Option<f64>,
        /// Numbers of a vector.
        pub channels: usize,
        /// Whether each image was given the vector of another: a control that gains nothing.
        pub shuffled: bool,
        /// Whether a simulated observer answered, not people.
        pub simulated: bool,
    }
}

/// Writes `transforms.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_transforms(path: &Path, rows: &[TransformRow]) -> Result<(), ResultsError> {
    write_rows(path, rows)
}

/// Reads `transforms.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_transforms(path: &Path) -> Result<Vec<TransformRow>, ResultsError> {
    read_rows(path)
}
