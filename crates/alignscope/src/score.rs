//! How well distances follow the answers of people.

mod choice_numbers;
mod columns;
mod difficulty;
mod facts;
mod halves;
mod likelihood;
mod matrices;
mod outcomes;
mod rated;
mod ratio;
mod scorer;
mod subset_score;

pub use facts::TrialFacts;
pub use likelihood::OF_MEANS;
pub(crate) use matrices::MatrixDraws;
pub use outcomes::Outcomes;
pub(crate) use ratio::{Share, TrialNumbers};
pub use scorer::{ColumnError, ColumnScores, Scorer};
pub use subset_score::SubsetScore;

use crate::dataset::Trials;
pub use crate::measure::{
    Logistic, LogisticFit, Measure, Score, Ties, average_ranks, kendall, pearson, spearman,
};
pub use crate::paradigm::{
    odd_one_out_outcomes, two_alternatives_outcomes, vote_share, vote_shares,
};

/// Distances that cannot be scored.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Another number of distances than comparisons.
    #[error("{found} distances for {expected} comparisons")]
    Length {
        /// Distances given.
        found: usize,
        /// Comparisons of all trials.
        expected: usize,
    },
    /// A distance that is NaN or infinite.
    #[error(
        "the distance of comparison {comparison} of trial {trial} is {value}, expected a finite number"
    )]
    NonFinite {
        /// Position of the trial.
        trial: usize,
        /// Position of the comparison in the trial.
        comparison: usize,
        /// The distance.
        value: f64,
    },
    /// The user wanted to stop.
    #[error("stopped")]
    Stopped,
}

/// Scores distances against the answers.
///
/// `distances` — one for each comparison, trial after trial: reference–distorted; reference–left,
/// reference–right; or images 0–1, 0–2, 1–2 of a triplet ([`Pairs::of_trials`](crate::Pairs)).
/// All finite.
///
/// Rated pairs give Spearman's, Pearson's and Kendall's correlations of (−distance, score); two
/// alternatives the accuracy and the vote share; odd-one-out triplets the accuracy. The rules for
/// ties and equal votes are in `docs/numerics.md`.
///
/// # Errors
/// There are not as many distances as comparisons, or one is not finite.
pub fn score(trials: &Trials, distances: &[f64], ties: Ties) -> Result<Vec<Score>, ScoreError> {
    let per_trial = trials.comparisons();
    let expected = per_trial * trials.len();
    if distances.len() != expected {
        return Err(ScoreError::Length { found: distances.len(), expected });
    }
    if let Some(index) = distances.iter().position(|d| !d.is_finite()) {
        return Err(ScoreError::NonFinite {
            trial: index / per_trial,
            comparison: index % per_trial,
            value: distances[index],
        });
    }

    Ok(trials.paradigm().score(distances, ties))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{OddOneOut, RatedPair, TwoAlternatives};

    #[test]
    fn correlations_are_turned_so_that_more_is_better() {
        let pair = |score| RatedPair { reference: 0, distorted: 1, score, std: None };
        let trials = Trials::RatedPairs(vec![pair(9.0), pair(5.0), pair(1.0)]);
        let scores = score(&trials, &[0.1, 0.2, 0.3], Ties::Miss).expect("scored");
        for score in scores {
            assert!((score.value - 1.0).abs() < 1e-15, "{score:?}");
            assert_eq!((score.n, score.n_ties, score.chance), (3, 0, 0.0));
        }
    }

    #[test]
    fn equal_votes_are_left_out_of_the_accuracy_and_count_half_in_the_share() {
        let trial = |left_votes, right_votes| TwoAlternatives {
            reference: 0,
            left: 1,
            right: 2,
            left_votes,
            right_votes,
        };
        let trials =
            Trials::TwoAlternatives(vec![trial(3.0, 1.0), trial(2.0, 2.0), trial(0.0, 4.0)]);
        let d = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0];
        let scores = score(&trials, &d, Ties::Miss).expect("scored");
        assert_eq!((scores[0].value, scores[0].n, scores[0].n_left_out), (0.5, 2, 1));
        assert_eq!((scores[1].value, scores[1].n), ((0.75 + 0.5 + 0.0) / 3.0, 3));
    }

    #[test]
    fn constant_distances_score_nothing_as_published_and_chance_with_half_ties() {
        let odd = |odd| OddOneOut { images: [0, 1, 2], odd };
        let trials = Trials::OddOneOut(vec![odd(2), odd(0), odd(1)]);
        let miss = score(&trials, &[1.0; 9], Ties::Miss).expect("scored")[0];
        assert_eq!((miss.value, miss.n_ties), (0.0, 3));
        let half = score(&trials, &[1.0; 9], Ties::Half).expect("scored")[0];
        assert!((half.value - half.chance).abs() < 1e-15);
    }

    #[test]
    fn a_distance_that_is_not_finite_names_its_trial() {
        let trials = Trials::OddOneOut(vec![OddOneOut { images: [0, 1, 2], odd: 0 }; 2]);
        let error = score(&trials, &[0.0, 0.0, 0.0, 0.0, f64::NAN, 0.0], Ties::Miss);
        assert!(matches!(error, Err(ScoreError::NonFinite { trial: 1, comparison: 1, .. })));
        let error = score(&trials, &[0.0; 5], Ties::Miss);
        assert_eq!(error, Err(ScoreError::Length { found: 5, expected: 6 }));
    }
}
