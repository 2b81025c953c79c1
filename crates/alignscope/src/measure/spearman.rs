//! Spearman's rank correlation.

use rayon::prelude::*;

use super::pearson::pearson;
use super::ranks::average_ranks;
use super::rated::{Part, RatedMeasure, RatedResampler, RatedSample};
use super::weighted::{Deviations, Order, rank_deviations, rank_second};
use super::{Computed, TrialMeasure};

/// Spearman's rank correlation of (−distance, rating), with average ranks; −1 to 1. Within parts
/// it is that of ranks in each part, less their mean there.
#[derive(Debug, Clone, Copy)]
pub struct Spearman;

impl TrialMeasure for Spearman {
    fn name(&self) -> &'static str {
        "spearman"
    }

    fn title(&self) -> &'static str {
        "Spearman correlation"
    }

    fn is_main(&self) -> bool {
        true
    }

    fn is_of_parts(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Rated(self)
    }
}

impl RatedMeasure for Spearman {
    fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64 {
        spearman(closeness, ratings)
    }

    fn resampler<'a>(
        &self,
        sample: &'a RatedSample<'a>,
        parts: &'a [Part<'a>],
    ) -> Option<Box<dyn RatedResampler + 'a>> {
        let inside: Vec<Vec<bool>> = parts.iter().map(|part| inside(sample, part)).collect();
        let orders = |values: &[f64]| {
            let sorted = Order::of(values);
            inside.iter().map(|inside| Order::part(&sorted, values, inside)).collect()
        };
        let columns = sample.columns.par_iter().map(|column| orders(column)).collect();
        Some(Box::new(Resampler { sample, parts, ratings: orders(sample.ratings), columns }))
    }
}

/// Spearman's rank correlation with average ranks, −1 to 1; NaN as for [`pearson`].
///
/// # Panics
/// The lengths differ, or a value is NaN.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&average_ranks(x), &average_ranks(y))
}

/// The orders that resamples need.
struct Resampler<'a> {
    sample: &'a RatedSample<'a>,
    parts: &'a [Part<'a>],
    /// Of the ratings in each part.
    ratings: Vec<Order>,
    /// Of closeness, `[column][part]`.
    columns: Vec<Vec<Order>>,
}

impl RatedResampler for Resampler<'_> {
    fn scores(&self, counts: &[u32]) -> Vec<f64> {
        let clusters = self.sample.clusters.iter();
        let mut weights: Vec<[f64; 2]> =
            clusters.map(|c| [f64::from(counts[*c as usize]), 0.0]).collect();
        // The second weights and the sums of the part that is at hand.
        let mut of_ratings = (None, (0.0, 0.0));
        let of_part = |p: usize, column: usize| {
            if of_ratings.0 != Some(p) {
                of_ratings = (Some(p), rank_second(&self.ratings[p], &mut weights));
            }
            let (total, yy) = of_ratings.1;
            rank_deviations(&self.columns[column][p], &weights, total, yy)
        };
        Deviations::correlations(self.parts, self.columns.len(), of_part)
    }
}

/// Which trials are in a part.
fn inside(sample: &RatedSample<'_>, part: &Part<'_>) -> Vec<bool> {
    let mut inside = vec![false; sample.ratings.len()];
    part.trials.iter().for_each(|trial| inside[*trial as usize] = true);
    inside
}
