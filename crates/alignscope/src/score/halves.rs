//! Scores of both halves of the clusters, for many splits.

use rayon::prelude::*;

use crate::measure::{Part, RatedMeasure, RatedSample};
use crate::resample::Draws;

/// A measure of ratings on both halves of each split, for each column of the sample.
///
/// `trials` — all trials
/// `halves` — [`Draws::halves`]
pub(super) fn of_ratings(
    sample: &RatedSample<'_>,
    measure: &'static dyn RatedMeasure,
    trials: &[u32],
    halves: &Draws,
) -> Vec<Vec<[f64; 2]>> {
    let whole = [Part { trials, within: &[] }];
    let resampler = sample.resampler(measure, &whole);
    let scores = |half: usize| resampler.scores(&halves.counts(half));
    let scores: Vec<Vec<f64>> = (0..halves.resamples).into_par_iter().map(scores).collect();
    let of_column = |column: usize| scores.iter().map(|half| half[column]).collect();
    (0..sample.columns.len()).map(of_column).map(splits).collect()
}

/// The halves of each split, from all of them one after the other.
pub(super) fn splits(halves: Vec<f64>) -> Vec<[f64; 2]> {
    halves.chunks_exact(2).map(|halves| [halves[0], halves[1]]).collect()
}

#[cfg(test)]
mod tests {
    use crate::dataset::{ALL, Clusters, Subset};
    use crate::paradigm::{RatedPair, Trials, TwoAlternatives};
    use crate::resample::{Draws, Resampling, SPLITS};
    use crate::score::{Scorer, Ties, score};

    /// Both halves by selecting trials and scoring them by themselves.
    fn check(trials: Trials, clusters: u32) {
        let n = trials.len() as u32;
        let comparisons = trials.comparisons();
        let distances: Vec<f64> =
            (0..n * comparisons as u32).map(|i| f64::from(i * i * 37 % 101)).collect();
        let codes: Vec<u32> = (0..n).map(|trial| trial % clusters).collect();
        let resampling = Resampling { resamples: 0, ..Resampling::default() };
        let draws = Draws::new(&resampling, "things", clusters as usize);
        let whole = Subset { name: ALL.to_owned(), trials: (0..n).collect(), within: vec![] };
        let codes_of = Clusters { count: clusters as usize, codes: codes.clone() };
        let scorer = Scorer::new(trials.clone(), codes_of, vec![whole], draws.clone(), Ties::Miss);
        let found =
            scorer.score(std::slice::from_ref(&distances)).expect("scored").swap_remove(0).halves;
        if clusters < 16 {
            assert!(found.is_empty());
            return;
        }
        assert_eq!(found.len(), SPLITS);
        for (half, found) in found.iter().flatten().enumerate().take(20) {
            let counts = draws.halves().counts(half);
            let here: Vec<u32> =
                (0..n).filter(|i| counts[codes[*i as usize] as usize] == 1).collect();
            let distances: Vec<f64> = here
                .iter()
                .flat_map(|i| &distances[*i as usize * comparisons..][..comparisons])
                .copied()
                .collect();
            let expected = score(&trials.part(&here), &distances, Ties::Miss).expect("scored");
            assert!((found - expected[0].value).abs() < 1e-12, "{found} {:?}", expected[0]);
        }
    }

    #[test]
    fn a_half_scores_as_its_trials_do_by_themselves() {
        let pair = |i: u32| RatedPair {
            reference: 0,
            distorted: 1,
            score: f64::from(i * 13 % 29),
            std: None,
        };
        // Trials on which people do not decide are in no half.
        let choice = |i: u32| TwoAlternatives {
            reference: 0,
            left: 1,
            right: 2,
            left_votes: f64::from(i % 4),
            right_votes: 2.0,
        };
        for clusters in [15, 16, 17, 25] {
            check(Trials::RatedPairs((0..100).map(pair).collect()), clusters);
            check(Trials::TwoAlternatives((0..100).map(choice).collect()), clusters);
        }
    }
}
