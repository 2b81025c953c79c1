//! What a measure of rated pairs is computed of, and how it is resampled.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::logistic::{Logistic, LogisticFit, Normal};

/// A measure of closeness (−distance) and ratings: what it is, and what it is once trials are drawn
/// again.
pub trait RatedMeasure: Sync {
    /// The measure of pairs of one number each; NaN where it is not defined.
    ///
    /// # Panics
    /// The lengths differ, or a value is NaN.
    fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64;

    /// The same of all trials of a column of the sample, of which something may be known already.
    fn of_whole(&self, sample: &RatedSample<'_>, column: usize) -> f64 {
        self.of(&sample.columns[column], sample.ratings)
    }

    /// What it is of closeness that tells nothing.
    fn chance(&self, _ratings: &[f64]) -> f64 {
        0.0
    }

    /// Whether a curve is fitted to all trials first: the tables of a run have it, and
    /// [`score`](crate::score::score) and ceilings do without.
    fn is_fitted(&self) -> bool {
        false
    }

    /// Whether ratings must be shares, 0 to 1, of people who find two images the same.
    fn needs_shares(&self) -> bool {
        false
    }

    /// What scores the sample once clusters are drawn again, faster than [`of`](Self::of) does; in
    /// sums of each cluster, for example. `None` if `of` is to be asked of the trials that are
    /// drawn.
    ///
    /// `parts` — what is scored; the first is the whole, and the only one if the measure is not
    /// [of parts](super::TrialMeasure::is_of_parts)
    fn resampler<'a>(
        &self,
        _sample: &'a RatedSample<'a>,
        _parts: &'a [Part<'a>],
    ) -> Option<Box<dyn RatedResampler + 'a>> {
        None
    }
}

/// Scores of a sample whose clusters are drawn again.
pub trait RatedResampler: Sync {
    /// The scores if each cluster is drawn so often, `[part][column]` in a row.
    fn scores(&self, counts: &[u32]) -> Vec<f64>;
}

/// Rated pairs that are drawn again by cluster, and the closeness of each by one or more models.
#[derive(Debug)]
pub struct RatedSample<'a> {
    /// What people rated.
    pub ratings: &'a [f64],
    /// −distance of each pair; a column for each model, stage and kind of distance.
    pub columns: &'a [Vec<f64>],
    /// The cluster of each pair, from 0.
    pub clusters: &'a [u32],
    /// Number of clusters.
    pub cluster_count: usize,
    /// The curves of each kind, once a measure has asked for them.
    curves: [OnceLock<Vec<Option<FittedColumn>>>; 2],
}

/// Trials that are scored by themselves.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Positions of the trials, ascending.
    pub trials: &'a [u32],
    /// Positions of parts, if the score is taken within those and pooled over them; else empty.
    pub within: &'a [usize],
}

/// A curve that is fitted to a column, and what its resamples need.
#[derive(Debug)]
pub(super) struct FittedColumn {
    pub(super) fit: LogisticFit,
    /// Of each cluster.
    pub(super) clusters: Vec<Normal>,
}

impl<'a> RatedSample<'a> {
    /// A sample of these ratings.
    ///
    /// # Panics
    /// The lengths differ.
    pub fn new(
        ratings: &'a [f64],
        columns: &'a [Vec<f64>],
        clusters: &'a [u32],
        cluster_count: usize,
    ) -> Self {
        assert_eq!(clusters.len(), ratings.len(), "a cluster for each pair");
        assert!(columns.iter().all(|column| column.len() == ratings.len()), "pairs of values");
        Self { ratings, columns, clusters, cluster_count, curves: Default::default() }
    }

    /// What scores the sample by a measure once clusters are drawn again.
    pub fn resampler(
        &'a self,
        measure: &'a dyn RatedMeasure,
        parts: &'a [Part<'a>],
    ) -> Box<dyn RatedResampler + 'a> {
        match measure.resampler(self, parts) {
            Some(resampler) => resampler,
            None => Box::new(Repeated { measure, sample: self, parts }),
        }
    }

    /// The curve of each column; `None` where there is none.
    pub(super) fn curves(&self, curve: Logistic) -> &[Option<FittedColumn>] {
        let of_column = |closeness: &Vec<f64>| {
            let fit = curve.fit(closeness, self.ratings)?;
            let (codes, count) = (self.clusters, self.cluster_count);
            let clusters = fit.of_clusters(closeness, self.ratings, codes, count);
            Some(FittedColumn { fit, clusters })
        };
        let which = match curve {
            Logistic::Four => 0,
            Logistic::Five => 1,
        };
        self.curves[which].get_or_init(|| self.columns.par_iter().map(of_column).collect())
    }
}

/// The resampler of a measure that has none of its own: [`RatedMeasure::of`] of each trial as often
/// as it is drawn. Within parts it is the mean over those, by how many trials are drawn.
pub(super) struct Repeated<'a> {
    pub(super) measure: &'a dyn RatedMeasure,
    pub(super) sample: &'a RatedSample<'a>,
    pub(super) parts: &'a [Part<'a>],
}

impl Repeated<'_> {
    /// The score of a part without parts, and how many trials are drawn.
    fn of_part(&self, part: &Part<'_>, column: usize, counts: &[u32]) -> (f64, f64) {
        let times = |trial: &u32| counts[self.sample.clusters[*trial as usize] as usize] as usize;
        let drawn = |values: &[f64]| -> Vec<f64> {
            let of_trial = |i: &u32| std::iter::repeat_n(values[*i as usize], times(i));
            part.trials.iter().flat_map(of_trial).collect()
        };
        let ratings = drawn(self.sample.ratings);
        (self.measure.of(&drawn(&self.sample.columns[column]), &ratings), ratings.len() as f64)
    }

    fn of(&self, part: &Part<'_>, column: usize, counts: &[u32]) -> f64 {
        if part.within.is_empty() {
            return self.of_part(part, column, counts).0;
        }
        let parts = part.within.iter().map(|i| self.of_part(&self.parts[*i], column, counts));
        let sums = parts.fold([0.0; 2], |[sum, n], (score, of)| [sum + score * of, n + of]);
        sums[0] / sums[1]
    }
}

impl RatedResampler for Repeated<'_> {
    fn scores(&self, counts: &[u32]) -> Vec<f64> {
        let columns = 0..self.sample.columns.len();
        let of = |part| columns.clone().map(move |column| self.of(part, column, counts));
        self.parts.iter().flat_map(of).collect()
    }
}
