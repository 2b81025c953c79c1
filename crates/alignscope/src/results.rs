//! The files that a run leaves.

use crate::dataset::DatasetKind;
use crate::distance::Distance;
use crate::score::Measure;
use crate::stage::Stage;

/// One score: a row of `scores.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// The data set.
    pub dataset: DatasetKind,
    /// Part of the data set: `all` for the whole.
    pub subset: String,
    /// The model's name, as it was asked for.
    pub model: String,
    /// The stage.
    pub stage: Stage,
    /// Where the stage stands in figures, 0 to 100.
    pub depth_percent: f64,
    /// The kind of distance.
    pub distance: Distance,
    /// What was measured.
    pub measure: Measure,
    /// The score; NaN (an empty field) where it is not defined.
    pub value: f64,
    /// Lower end of the interval, where there is one.
    pub ci_low: Option<f64>,
    /// Upper end of the interval, where there is one.
    pub ci_high: Option<f64>,
    /// Trials that entered the score.
    pub n: usize,
    /// Independent clusters among them.
    pub n_clusters: usize,
    /// Trials in which the model's distances tie.
    pub n_ties: usize,
    /// The score of answers by chance.
    pub chance: f64,
}
