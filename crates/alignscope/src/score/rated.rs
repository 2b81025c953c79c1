//! Correlations with ratings under resamples of the references.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Measure;
use super::logistic::{Logistic, LogisticFit, Normal};
use super::weighted::{
    Deviations, KendallSums, Moments, Order, dense_ranks, moment_deviations, rank_deviations,
    rank_second,
};
use crate::dataset::{Clusters, Subset};
use crate::resample::{Draws, Replicates, acceleration};

/// What every subset has.
pub(super) const OF_SUBSETS: [Measure; 2] = [Measure::Spearman, Measure::Pearson];

/// What the whole has besides.
pub(super) const OF_ALL: [Measure; 5] = [
    Measure::Kendall,
    Measure::PearsonLogistic4,
    Measure::RmseLogistic4,
    Measure::PearsonLogistic5,
    Measure::RmseLogistic5,
];

/// Ratings, in the orders that resamples need.
pub(super) struct Ratings<'a> {
    subsets: &'a [Subset],
    clusters: &'a Clusters,
    scores: Vec<f64>,
    ranks: Vec<i32>,
    /// Which trials are in each subset.
    inside: Vec<Vec<bool>>,
    orders: Vec<Order>,
}

/// The curves with four and with five parameters, where there are.
pub(super) type Curves = [Option<LogisticFit>; 2];

/// Closeness of all pairs, in the orders that resamples need.
struct Column {
    orders: Vec<Order>,
    /// Of each subset, by cluster.
    moments: Vec<Vec<(u32, Moments)>>,
    kendall: KendallSums,
    curves: [Option<(LogisticFit, Vec<Normal>)>; 2],
}

impl<'a> Ratings<'a> {
    /// The first subset is the whole.
    pub(super) fn new(scores: Vec<f64>, subsets: &'a [Subset], clusters: &'a Clusters) -> Self {
        let sorted = Order::of(&scores);
        let inside: Vec<Vec<bool>> = subsets
            .iter()
            .map(|subset| {
                let mut inside = vec![false; scores.len()];
                subset.trials.iter().for_each(|trial| inside[*trial as usize] = true);
                inside
            })
            .collect();
        let orders = inside.iter().map(|inside| Order::part(&sorted, &scores, inside)).collect();
        Self { subsets, clusters, ranks: dense_ranks(&sorted, &scores), inside, orders, scores }
    }

    fn column(&self, closeness: &[f64]) -> Column {
        let sorted = Order::of(closeness);
        let (codes, count) = (&self.clusters.codes, self.clusters.count);
        let curve = |curve: Logistic| {
            let fit = curve.fit(closeness, &self.scores)?;
            let of_clusters = fit.of_clusters(closeness, &self.scores, codes, count);
            Some((fit, of_clusters))
        };
        let ranks = dense_ranks(&sorted, closeness);
        Column {
            orders: self
                .inside
                .iter()
                .map(|inside| Order::part(&sorted, closeness, inside))
                .collect(),
            moments: self.subsets.iter().map(|s| self.moments(s, closeness)).collect(),
            kendall: KendallSums::of(&ranks, &self.ranks, codes, count),
            curves: [curve(Logistic::Four), curve(Logistic::Five)],
        }
    }

    /// Sums of each cluster of a subset about the subset's means.
    fn moments(&self, subset: &Subset, closeness: &[f64]) -> Vec<(u32, Moments)> {
        let n = subset.trials.len() as f64;
        let mean = |v: &[f64]| subset.trials.iter().map(|i| v[*i as usize]).sum::<f64>() / n;
        let (middle_x, middle_y) = (mean(closeness), mean(&self.scores));
        let mut clusters = BTreeMap::<u32, Moments>::new();
        for trial in &subset.trials {
            let trial = *trial as usize;
            let (x, y) = (closeness[trial] - middle_x, self.scores[trial] - middle_y);
            let sums = clusters.entry(self.clusters.codes[trial]).or_default();
            let numbers = [1.0, x, y, x * x, y * y, x * y];
            sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        }
        clusters.into_iter().collect()
    }

    /// Every measure of every subset and column under all resamples. First those of
    /// [`OF_SUBSETS`], `[subset][column][measure]`, then those of [`OF_ALL`], `[column][measure]`.
    /// The fitted curves of each column too.
    pub(super) fn replicates(
        &self,
        columns: &[Vec<f64>],
        draws: &Draws,
    ) -> (Vec<Replicates>, Vec<Curves>) {
        let columns: Vec<Column> = columns.par_iter().map(|x| self.column(x)).collect();
        let resampled: Vec<Vec<f64>> = (0..draws.resamples)
            .into_par_iter()
            .map(|number| self.scores_of(&columns, &draws.counts(number)))
            .collect();
        // Each cluster left out in turn; BCa has a use for it only beside resamples.
        let count = if draws.resamples == 0 { 0 } else { self.clusters.count };
        let left_out: Vec<Vec<f64>> = (0..count)
            .into_par_iter()
            .map(|cluster| {
                let mut counts = vec![1; self.clusters.count];
                counts[cluster] = 0;
                self.scores_of(&columns, &counts)
            })
            .collect();
        let estimates = self.scores_of(&columns, &vec![1; self.clusters.count]);
        let here: Vec<Vec<bool>> = self.subsets.iter().map(|s| self.clusters_of(s)).collect();
        let per_subset = columns.len() * OF_SUBSETS.len();
        let of_score = |(i, estimate): (usize, &f64)| {
            // What lies behind the subsets is of the whole, which is the first of them.
            let here = here.get(i / per_subset.max(1)).unwrap_or(&here[0]);
            let left_out = left_out.iter().zip(here).filter(|(_, here)| **here);
            let left_out: Vec<f64> = left_out.map(|(scores, _)| scores[i]).collect();
            Replicates {
                estimate: *estimate,
                resampled: resampled.iter().map(|r| r[i]).collect(),
                acceleration: acceleration(&left_out),
                clusters: here.iter().filter(|here| **here).count(),
            }
        };
        let replicates = estimates.iter().enumerate().map(of_score).collect();
        let fit = |curve: Option<(LogisticFit, Vec<Normal>)>| curve.map(|(fit, _)| fit);
        (replicates, columns.into_iter().map(|column| column.curves.map(fit)).collect())
    }

    /// Which clusters have a trial in a subset.
    fn clusters_of(&self, subset: &Subset) -> Vec<bool> {
        let mut here = vec![false; self.clusters.count];
        for trial in &subset.trials {
            here[self.clusters.codes[*trial as usize] as usize] = true;
        }
        here
    }

    /// Where a score stands among the replicates.
    pub(super) fn place(&self, columns: usize, subset: usize, column: usize, m: Measure) -> usize {
        if let Some(measure) = OF_SUBSETS.iter().position(|other| *other == m) {
            return (subset * columns + column) * OF_SUBSETS.len() + measure;
        }
        let measure = OF_ALL.iter().position(|other| *other == m).expect("of rated pairs");
        self.subsets.len() * columns * OF_SUBSETS.len() + column * OF_ALL.len() + measure
    }

    /// All scores of trials whose clusters are drawn so often.
    fn scores_of(&self, columns: &[Column], counts: &[u32]) -> Vec<f64> {
        let mut weights: Vec<[f64; 2]> =
            self.clusters.codes.iter().map(|c| [f64::from(counts[*c as usize]), 0.0]).collect();
        let mut found = Vec::new();
        // By subset and column, for those that pool them.
        let mut parts: Vec<Vec<[Deviations; 2]>> = Vec::with_capacity(self.subsets.len());
        for (s, subset) in self.subsets.iter().enumerate() {
            let of_columns: Vec<[Deviations; 2]> = if subset.within.is_empty() {
                let (total, yy) = rank_second(&self.orders[s], &mut weights);
                columns
                    .iter()
                    .map(|column| {
                        let ranks = rank_deviations(&column.orders[s], &weights, total, yy);
                        [ranks, moment_deviations(&column.moments[s], counts)]
                    })
                    .collect()
            } else {
                let pool = |column: usize| {
                    subset
                        .within
                        .iter()
                        .map(|part| parts[*part][column])
                        .fold([Deviations::default(); 2], |[ranks, values], [r, v]| {
                            [ranks.plus(r), values.plus(v)]
                        })
                };
                (0..columns.len()).map(pool).collect()
            };
            found.extend(of_columns.iter().flatten().map(|d| d.correlation()));
            parts.push(of_columns);
        }
        for column in columns {
            found.push(column.kendall.tau(counts));
            for curve in &column.curves {
                found.extend(match curve {
                    Some((fit, clusters)) => fit.refitted(clusters, counts),
                    None => [f64::NAN; 2],
                });
            }
        }
        found
    }
}
