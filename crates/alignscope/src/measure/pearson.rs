//! Pearson's correlation.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::rated::{Part, RatedMeasure, RatedResampler, RatedSample};
use super::weighted::Deviations;
use super::{Computed, TrialMeasure};

/// Pearson's correlation of (−distance, rating); −1 to 1. Within parts it is that of values less
/// their mean in each.
#[derive(Debug, Clone, Copy)]
pub struct Pearson;

impl TrialMeasure for Pearson {
    fn name(&self) -> &'static str {
        "pearson"
    }

    fn title(&self) -> &'static str {
        "Pearson correlation"
    }

    fn is_of_parts(&self) -> bool {
        true
    }

    fn has_narrow_intervals(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Rated(self)
    }
}

impl RatedMeasure for Pearson {
    fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64 {
        pearson(closeness, ratings)
    }

    fn resampler<'a>(
        &self,
        sample: &'a RatedSample<'a>,
        parts: &'a [Part<'a>],
    ) -> Option<Box<dyn RatedResampler + 'a>> {
        let of_column = |closeness: &Vec<f64>| {
            parts.iter().map(|part| moments(sample, part, closeness)).collect()
        };
        let columns = sample.columns.par_iter().map(of_column).collect();
        Some(Box::new(Resampler { parts, columns }))
    }
}

/// Pearson's correlation, −1 to 1; NaN for fewer than two values, or where all x or all y are
/// equal.
///
/// # Panics
/// The lengths differ.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs of values");
    let constant = |v: &[f64]| v.iter().all(|value| *value == v[0]);
    if x.len() < 2 || constant(x) || constant(y) {
        return f64::NAN;
    }
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)
}

/// The sums that resamples need.
struct Resampler<'a> {
    parts: &'a [Part<'a>],
    /// Those of each cluster, `[column][part]`.
    columns: Vec<Vec<Vec<(u32, Moments)>>>,
}

impl RatedResampler for Resampler<'_> {
    fn scores(&self, counts: &[u32]) -> Vec<f64> {
        let of_part = |p: usize, column: usize| moment_deviations(&self.columns[column][p], counts);
        Deviations::correlations(self.parts, self.columns.len(), of_part)
    }
}

/// Sums of each cluster of a part about the part's means.
fn moments(sample: &RatedSample<'_>, part: &Part<'_>, closeness: &[f64]) -> Vec<(u32, Moments)> {
    let n = part.trials.len() as f64;
    let mean = |v: &[f64]| part.trials.iter().map(|i| v[*i as usize]).sum::<f64>() / n;
    let (middle_x, middle_y) = (mean(closeness), mean(sample.ratings));
    let mut clusters = BTreeMap::<u32, Moments>::new();
    for trial in part.trials {
        let trial = *trial as usize;
        let (x, y) = (closeness[trial] - middle_x, sample.ratings[trial] - middle_y);
        let sums = clusters.entry(sample.clusters[trial]).or_default();
        let numbers = [1.0, x, y, x * x, y * y, x * y];
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
    }
    clusters.into_iter().collect()
}

/// Sums of a cluster's x and y about fixed middles: n, x, y, xx, yy, xy.
type Moments = [f64; 6];

/// Deviations of weighted clusters.
fn moment_deviations(clusters: &[(u32, Moments)], counts: &[u32]) -> Deviations {
    let mut sums = [0.0; 6];
    for (cluster, moments) in clusters {
        let times = f64::from(counts[*cluster as usize]);
        sums.iter_mut().zip(moments).for_each(|(sum, x)| *sum += times * x);
    }
    let [n, x, y, xx, yy, xy] = sums;
    // What is left of equal values is rounding.
    let about = |squares: f64, sum: f64| {
        let left = squares - sum * sum / n;
        if left <= 1e-13 * squares { 0.0 } else { left }
    };
    if n <= 0.0 {
        return Deviations::default();
    }
    Deviations { xx: about(xx, x), yy: about(yy, y), xy: xy - x * y / n }
}
