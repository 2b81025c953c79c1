//! Shares of trials in which a model answers as people did.

use super::{Measure, OddOneOut, Score, Ties, TwoAlternatives};

/// Whether the model's nearer image is the one that most people chose, for each trial: 1, 0, what
/// `ties` gives where both are as near; `None` where as many people chose one as the other.
///
/// `distances` — reference–left and reference–right of each trial, finite
pub fn two_alternatives_outcomes(
    trials: &[TwoAlternatives],
    distances: &[[f64; 2]],
    ties: Ties,
) -> Vec<Option<f64>> {
    trials
        .iter()
        .zip(distances)
        .map(|(trial, [left, right])| {
            if trial.left_votes == trial.right_votes {
                return None;
            }
            let people_chose_left = trial.left_votes > trial.right_votes;
            Some(if left == right {
                on_tie(ties, 2)
            } else {
                f64::from(u8::from((left < right) == people_chose_left))
            })
        })
        .collect()
}

/// The share of people who agree with the model, for each trial; 0 to 1.
///
/// Where both images are as near to the model, `ties` says: nobody agrees, or half of the people.
pub fn vote_shares(trials: &[TwoAlternatives], distances: &[[f64; 2]], ties: Ties) -> Vec<f64> {
    let shares = trials.iter().zip(distances).map(|(trial, [left, right])| {
        let votes = trial.left_votes + trial.right_votes;
        if left == right {
            on_tie(ties, 2)
        } else if left < right {
            trial.left_votes / votes
        } else {
            trial.right_votes / votes
        }
    });
    shares.collect()
}

/// The mean of [`vote_shares`] over all trials; NaN without a trial.
///
/// # Source
/// The 2AFC score of BAPPS (Zhang et al. 2018, Section 3.2).
pub fn vote_share(trials: &[TwoAlternatives], distances: &[[f64; 2]], ties: Ties) -> f64 {
    vote_shares(trials, distances, ties).iter().sum::<f64>() / trials.len() as f64
}

/// Whether the pair that people kept is the nearest of the three, for each trial: 1, 0, or what
/// `ties` gives where it is one of several nearest.
///
/// `distances` — images 0–1, 0–2 and 1–2 of each triplet, finite
pub fn odd_one_out_outcomes(
    trials: &[OddOneOut],
    distances: &[[f64; 3]],
    ties: Ties,
) -> Vec<Option<f64>> {
    trials
        .iter()
        .zip(distances)
        .map(|(trial, distances)| {
            // The pair without the odd image: 1–2 where it is 0, 0–2 where it is 1, 0–1 where 2.
            let kept = distances[2 - usize::from(trial.odd)];
            let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
            Some(match (kept == nearest, nearest_tied(*distances)) {
                (false, _) => 0.0,
                (true, 1) => 1.0,
                (true, tied) => on_tie(ties, tied),
            })
        })
        .collect()
}

/// How many of the three distances are the smallest.
pub(super) fn nearest_tied(distances: [f64; 3]) -> usize {
    let nearest = distances.iter().copied().fold(f64::INFINITY, f64::min);
    distances.iter().filter(|d| **d == nearest).count()
}

fn on_tie(ties: Ties, tied: usize) -> f64 {
    match ties {
        Ties::Miss => 0.0,
        Ties::Half => 1.0 / tied as f64,
    }
}

/// The mean of the outcomes that count; the caller adds the ties.
pub(super) fn accuracy(outcomes: &[Option<f64>], chance: f64) -> Score {
    let n = outcomes.iter().flatten().count();
    Score {
        measure: Measure::Accuracy,
        value: outcomes.iter().flatten().sum::<f64>() / n as f64,
        n,
        n_ties: 0,
        n_left_out: outcomes.len() - n,
        chance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_pair_must_be_the_nearest() {
        let outcome = |odd, distances, ties| {
            let trial = OddOneOut { images: [0, 1, 2], odd };
            odd_one_out_outcomes(&[trial], &[distances], ties)[0].expect("it counts")
        };
        // Distances of 0–1, 0–2, 1–2.
        assert_eq!(outcome(2, [1.0, 2.0, 3.0], Ties::Miss), 1.0);
        assert_eq!(outcome(1, [1.0, 2.0, 3.0], Ties::Miss), 0.0);
        assert_eq!(outcome(0, [3.0, 2.0, 1.0], Ties::Miss), 1.0);
        assert_eq!(outcome(2, [1.0, 1.0, 3.0], Ties::Miss), 0.0);
        assert_eq!(outcome(2, [1.0, 1.0, 3.0], Ties::Half), 0.5);
        assert_eq!(outcome(0, [1.0, 1.0, 3.0], Ties::Half), 0.0);
        assert_eq!(outcome(0, [1.0, 1.0, 1.0], Ties::Half), 1.0 / 3.0);
    }

    #[test]
    fn a_tie_between_two_alternatives_is_a_miss_or_half() {
        let trial =
            TwoAlternatives { reference: 0, left: 1, right: 2, left_votes: 1.0, right_votes: 3.0 };
        let trials = [trial];
        let outcome = |d, ties| two_alternatives_outcomes(&trials, &[d], ties)[0];
        assert_eq!(outcome([2.0, 1.0], Ties::Miss), Some(1.0));
        assert_eq!(outcome([1.0, 2.0], Ties::Miss), Some(0.0));
        assert_eq!(outcome([1.0, 1.0], Ties::Miss), Some(0.0));
        assert_eq!(outcome([1.0, 1.0], Ties::Half), Some(0.5));
        assert_eq!(vote_share(&trials, &[[2.0, 1.0]], Ties::Miss), 0.75);
        assert_eq!(vote_share(&trials, &[[1.0, 1.0]], Ties::Half), 0.5);
    }
}
