//! How well distances follow the answers of people.

mod accuracy;
mod correlation;
mod logistic;
mod rated;
mod ratio;
mod scorer;
mod weighted;

pub use accuracy::{odd_one_out_outcomes, two_alternatives_outcomes, vote_share, vote_shares};
pub use correlation::{average_ranks, kendall, pearson, spearman};
pub use logistic::{Logistic, LogisticFit};
pub(crate) use ratio::Share;
pub use scorer::{ColumnError, ColumnScores, Scorer, SubsetScore};

use crate::dataset::Trials;

/// A measure of agreement between distances and people. More is better, but for the two root mean
/// square errors, of which less is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// Spearman's rank correlation of (−distance, score), with average ranks; −1 to 1.
    Spearman,
    /// Pearson's correlation of (−distance, score); −1 to 1.
    Pearson,
    /// Kendall's tau-b of (−distance, score); −1 to 1.
    Kendall,
    /// Share of trials in which the model answers as most people did; 0 to 1.
    Accuracy,
    /// Mean share of people who agree with the model (BAPPS's 2AFC score); 0 to 1.
    VoteShare,
    /// Agreement of the model's answers with people's beyond chance: the accuracy turned so that
    /// chance is 0 and always right is 1.
    BeyondChance,
    /// Pearson's correlation after a logistic curve with four parameters; 0 to 1.
    PearsonLogistic4,
    /// Root mean square error of that curve, in units of the scores; less is better.
    RmseLogistic4,
    /// Pearson's correlation after a logistic curve with five parameters; 0 to 1.
    PearsonLogistic5,
    /// Root mean square error of that curve, in units of the scores; less is better.
    RmseLogistic5,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Spearman,
        Self::Pearson,
        Self::Kendall,
        Self::Accuracy,
        Self::VoteShare,
        Self::BeyondChance,
        Self::PearsonLogistic4,
        Self::RmseLogistic4,
        Self::PearsonLogistic5,
        Self::RmseLogistic5,
    ];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spearman => "spearman",
            Self::Pearson => "pearson",
            Self::Kendall => "kendall",
            Self::Accuracy => "accuracy",
            Self::VoteShare => "vote-share",
            Self::BeyondChance => "beyond-chance",
            Self::PearsonLogistic4 => "pearson-logistic4",
            Self::RmseLogistic4 => "rmse-logistic4",
            Self::PearsonLogistic5 => "pearson-logistic5",
            Self::RmseLogistic5 => "rmse-logistic5",
        }
    }

    /// Whether figures show it, and models are compared by it: each kind of trial has one such
    /// measure.
    pub fn is_main(self) -> bool {
        matches!(self, Self::Spearman | Self::Accuracy)
    }
}

choice!(Measure, "measure");

/// What a tie between a model's distances counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ties {
    /// A miss, as published.
    #[default]
    Miss,
    /// What guessing among the k tied would give on average: 1/k where the right one is among
    /// them.
    Half,
}

impl Ties {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Miss, Self::Half];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Half => "half",
        }
    }
}

choice!(Ties, "rule for ties");

/// How well the distances of one model, stage and kind follow the answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// What was measured.
    pub measure: Measure,
    /// The score; NaN where it is not defined: a correlation of fewer than two pairs, or where
    /// all distances or all answers are equal; an accuracy without a trial that counts.
    pub value: f64,
    /// Trials that entered the score.
    pub n: usize,
    /// Trials in which the model ties: the nearest distance is not the only one, or, for rated
    /// pairs, another pair has the same distance.
    pub n_ties: usize,
    /// Trials left out because as many people chose one image as the other.
    pub n_left_out: usize,
    /// The score of answers by chance.
    pub chance: f64,
}

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

    Ok(match trials {
        Trials::RatedPairs(trials) => {
            let closeness: Vec<f64> = distances.iter().map(|d| -d).collect();
            let scores: Vec<f64> = trials.iter().map(|t| t.score).collect();
            let n_ties = correlation::tied(&closeness);
            let of = |measure, value| Score {
                measure,
                value,
                n: trials.len(),
                n_ties,
                n_left_out: 0,
                chance: 0.0,
            };
            vec![
                of(Measure::Spearman, spearman(&closeness, &scores)),
                of(Measure::Pearson, pearson(&closeness, &scores)),
                of(Measure::Kendall, kendall(&closeness, &scores)),
            ]
        }
        Trials::TwoAlternatives(trials) => {
            let (pairs, _) = distances.as_chunks::<2>();
            let outcomes = two_alternatives_outcomes(trials, pairs, ties);
            let tied = |(_, d): &(_, &[f64; 2])| d[0] == d[1];
            let counted = outcomes.iter().zip(pairs).filter(|(o, _)| o.is_some());
            let accuracy = Score {
                n_ties: counted.filter(tied).count(),
                ..accuracy::accuracy(&outcomes, 1.0 / 2.0)
            };
            let share = Score {
                measure: Measure::VoteShare,
                value: vote_share(trials, pairs, ties),
                n: trials.len(),
                n_ties: pairs.iter().filter(|d| d[0] == d[1]).count(),
                n_left_out: 0,
                chance: 1.0 / 2.0,
            };
            vec![accuracy, share]
        }
        Trials::OddOneOut(trials) => {
            let (triples, _) = distances.as_chunks::<3>();
            let outcomes = odd_one_out_outcomes(trials, triples, ties);
            let n_ties = triples.iter().filter(|d| accuracy::nearest_tied(**d) > 1).count();
            vec![Score { n_ties, ..accuracy::accuracy(&outcomes, 1.0 / 3.0) }]
        }
    })
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
