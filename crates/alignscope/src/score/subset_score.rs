//! A score with its interval.

use super::Score;
use crate::resample::{Interval, NoInterval};

/// A score of a subset, with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct SubsetScore {
    /// Position of the subset.
    pub subset: usize,
    /// The score.
    pub score: Score,
    /// Clusters with a trial that counts.
    pub n_clusters: usize,
    /// Its interval, or why there is none.
    pub interval: Result<Interval, NoInterval>,
}
