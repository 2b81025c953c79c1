//! What is known of trials beside what people answered.

use crate::dataset::Dataset;
use crate::resample::ClusterBy;

/// What is known of the trials of a data set beside what people answered.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrialFacts {
    /// The cluster of each trial by `--cluster default`, whatever intervals resample: what
    /// temperatures of bits are found without. `None` if it is that of the trials' own images
    /// ([`Paradigm::cluster`](crate::paradigm::Paradigm::cluster)).
    pub default_clusters: Option<Vec<u32>>,
    /// How long people took to answer each trial, if the data set says so; NaN where it does not.
    pub response_times: Option<Vec<f64>>,
    /// Whether deviations of ratings are those of single ratings (KADID-10k), not of mean scores.
    pub has_deviations_of_ratings: bool,
}

impl TrialFacts {
    /// What a data set knows.
    ///
    /// # Panics
    /// Never: every data set has clusters by default.
    pub fn of(dataset: &Dataset) -> Self {
        let clusters = dataset.clusters(ClusterBy::Default).expect("every data set has them");
        Self {
            default_clusters: Some(clusters.codes),
            response_times: dataset.response_times().map(<[f64]>::to_vec),
            has_deviations_of_ratings: dataset.std_of_ratings,
        }
    }
}
