//! `gallery.csv`: models of several runs on one board.

use std::path::Path;

use super::{ResultsError, csv_file};
use crate::csv_row::{csv_row, name};
use crate::dataset::Level;
use crate::distance::Distance;
use crate::score::Measure;
use crate::stage::Stage;

csv_row! {
    /// A model on a data set: a row of `gallery.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct GalleryRow {
        /// The data set.
        pub dataset: String as name,
        /// Its level of abstraction.
        pub level: Level,
        /// What was measured.
        pub measure: Measure,
        /// The model.
        pub model: String as name,
        /// The run that it is of, by its name on the board.
        pub run: String as name,
        /// Its last stage, at which models are compared.
        pub stage: Stage,
        /// The kind of distance.
        pub distance: Distance,
        /// The score at that stage.
        pub value: f64,
        /// Lower end of its interval.
        pub ci_low: Option<f64>,
        /// Upper end of its interval.
        pub ci_high: Option<f64>,
        /// The best rank that the paired differences leave it: 1 and how many models are clearly
        /// ahead of it.
        pub rank_low: usize,
        /// The worst rank that they leave it: how many models are not clearly behind it.
        pub rank_high: usize,
        /// How many models there are on the data set.
        pub models: usize,
        /// Trials.
        pub n: usize,
        /// Clusters among them.
        pub n_clusters: usize,
        /// The stage that scores highest; empty for what has no stages.
        pub peak_stage: Option<Stage>,
        /// Its score.
        pub peak: Option<f64>,
        /// What the best stage scores that is chosen on other clusters.
        pub chosen: Option<f64>,
        /// The score of answers by chance.
        pub chance: Option<f64>,
        /// The ceiling.
        pub ceiling: Option<f64>,
    }
}

/// Writes `gallery.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_gallery(path: &Path, rows: &[GalleryRow]) -> Result<(), ResultsError> {
    csv_file::write(path, rows)
}
