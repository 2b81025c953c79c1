//! Measures of ratings under resamples of their clusters.

use rayon::prelude::*;

use super::Measure;
use crate::dataset::{Clusters, Subset};
use crate::measure::{Part, RatedMeasure, RatedResampler, RatedSample};
use crate::resample::{Draws, Replicates, acceleration};

/// Clusters that are left out one after the other for BCa: each costs as much as a
/// resample. With more of them there is no BCa.
const MOST_LEFT_OUT: usize = 10_000;

/// Measures of rated pairs under all resamples.
pub(super) struct RatedReplicates {
    columns: usize,
    /// The measures, each with how many of the subsets have it: all, or the first alone.
    measures: Vec<(Measure, usize)>,
    /// `[measure][subset][column]` in a row.
    replicates: Vec<Replicates>,
}

impl RatedReplicates {
    /// Of each measure, subset and column of the sample.
    ///
    /// `subsets` — the first is the whole
    pub(super) fn new(
        sample: &RatedSample<'_>,
        measures: &[(Measure, &'static dyn RatedMeasure)],
        subsets: &[Subset],
        clusters: &Clusters,
        draws: &Draws,
    ) -> Self {
        let parts: Vec<Part<'_>> =
            subsets.iter().map(|s| Part { trials: &s.trials, within: &s.within }).collect();
        let extent = |measure: Measure| if measure.is_of_parts() { parts.len() } else { 1 };
        let resamplers: Vec<_> = measures
            .iter()
            .map(|(measure, rated)| sample.resampler(*rated, &parts[..extent(*measure)]))
            .collect();
        let of_measures: Vec<(Measure, usize)> =
            measures.iter().map(|(measure, _)| (*measure, extent(*measure))).collect();
        // The subset of each score.
        let of_subsets: Vec<usize> = of_measures
            .iter()
            .flat_map(|(_, subsets)| {
                (0..*subsets).flat_map(|s| sample.columns.iter().map(move |_| s))
            })
            .collect();
        let replicates = replicates(&resamplers, &of_subsets, subsets, clusters, draws);
        Self { columns: sample.columns.len(), measures: of_measures, replicates }
    }

    /// The measures that a subset has, each with its place.
    pub(super) fn of_subset(&self, subset: usize) -> impl Iterator<Item = (usize, Measure)> {
        let measures = self.measures.iter().enumerate();
        measures.filter(move |(_, (_, n))| subset < *n).map(|(i, (measure, _))| (i, *measure))
    }

    /// A measure, by its place, of a subset and a column.
    pub(super) fn of(&self, measure: usize, subset: usize, column: usize) -> &Replicates {
        let before: usize = self.measures[..measure].iter().map(|(_, subsets)| subsets).sum();
        &self.replicates[(before + subset) * self.columns + column]
    }
}

/// Each score that the resamplers give, under all resamples.
///
/// `of_subsets` — the subset of each
fn replicates(
    resamplers: &[Box<dyn RatedResampler + '_>],
    of_subsets: &[usize],
    subsets: &[Subset],
    clusters: &Clusters,
    draws: &Draws,
) -> Vec<Replicates> {
    let scores = |counts: &[u32]| -> Vec<f64> {
        resamplers.iter().flat_map(|resampler| resampler.scores(counts)).collect()
    };
    let resampled: Vec<Vec<f64>> =
        (0..draws.resamples).into_par_iter().map(|number| scores(&draws.counts(number))).collect();
    // Each cluster left out in turn; BCa has a use for it only beside resamples.
    let is_of_use = draws.resamples > 0 && clusters.count <= MOST_LEFT_OUT;
    let count = if is_of_use { clusters.count } else { 0 };
    let left_out: Vec<Vec<f64>> = (0..count)
        .into_par_iter()
        .map(|cluster| {
            let mut counts = vec![1; clusters.count];
            counts[cluster] = 0;
            scores(&counts)
        })
        .collect();
    let here: Vec<Vec<bool>> = subsets.iter().map(|s| clusters_of(s, clusters)).collect();
    let of_score = |(i, (estimate, subset)): (usize, (f64, &usize))| {
        let here = &here[*subset];
        let left_out = left_out.iter().zip(here).filter(|(_, here)| **here);
        let left_out: Vec<f64> = left_out.map(|(scores, _)| scores[i]).collect();
        Replicates {
            estimate,
            resampled: resampled.iter().map(|r| r[i]).collect(),
            acceleration: acceleration(&left_out),
            clusters: here.iter().filter(|here| **here).count(),
            factors: None,
        }
    };
    let estimates = scores(&vec![1; clusters.count]);
    estimates.into_iter().zip(of_subsets).enumerate().map(of_score).collect()
}

/// Which clusters have a trial in a subset.
fn clusters_of(subset: &Subset, clusters: &Clusters) -> Vec<bool> {
    let mut here = vec![false; clusters.count];
    for trial in &subset.trials {
        here[clusters.codes[*trial as usize] as usize] = true;
    }
    here
}
