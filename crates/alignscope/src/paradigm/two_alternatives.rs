//! Two-alternative forced choices.

use super::accuracy::{accuracy, on_tie};
use super::kind::{Alternative, Answer, Ceiling, ImageIndex, Paradigm, TrialCeiling};
use super::{Measure, Score, Ties};

/// A two-alternative forced choice: which of two images is more like the reference?
#[derive(Debug, Clone, PartialEq)]
pub struct TwoAlternatives {
    /// The image to compare with.
    pub reference: ImageIndex,
    /// The first alternative.
    pub left: ImageIndex,
    /// The second alternative.
    pub right: ImageIndex,
    /// People (or their share) who chose `left`; ≥ 0.
    pub left_votes: f64,
    /// People (or their share) who chose `right`; ≥ 0, and not both 0.
    pub right_votes: f64,
}

/// The score by chance.
const CHANCE: f64 = 1.0 / 2.0;

impl Paradigm for Vec<TwoAlternatives> {
    fn count(&self) -> usize {
        self.len()
    }

    fn comparisons(&self) -> usize {
        2
    }

    fn images(&self, trial: usize) -> Vec<ImageIndex> {
        vec![self[trial].reference, self[trial].left, self[trial].right]
    }

    fn roles(&self) -> &'static [&'static str] {
        &["reference", "left", "right"]
    }

    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
        for trial in self {
            use_pair(trial.reference, trial.left);
            use_pair(trial.reference, trial.right);
        }
    }

    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        for trial in self {
            for image in [&mut trial.reference, &mut trial.left, &mut trial.right] {
                *image = number(*image);
            }
        }
    }

    fn question(&self, trial: usize) -> Vec<ImageIndex> {
        let TwoAlternatives { reference, left, right, .. } = self[trial];
        vec![reference, left.min(right), left.max(right)]
    }

    fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
        vec![self[trial].reference]
    }

    fn answer(&self, trial: usize) -> Answer {
        let TwoAlternatives { left_votes, right_votes, .. } = self[trial];
        Answer { left_votes: Some(left_votes), right_votes: Some(right_votes), ..Answer::default() }
    }

    fn alternatives(&self, trial: usize) -> Vec<Alternative> {
        let TwoAlternatives { reference, left, right, left_votes, right_votes } = self[trial];
        vec![
            Alternative { name: "left", place: 1, pair: [reference, left], votes: left_votes },
            Alternative { name: "right", place: 2, pair: [reference, right], votes: right_votes },
        ]
    }

    fn main_measure(&self) -> Measure {
        Measure::Accuracy
    }

    fn chance(&self) -> f64 {
        CHANCE
    }

    fn score(&self, distances: &[f64], ties: Ties) -> Vec<Score> {
        let (pairs, _) = distances.as_chunks::<2>();
        let outcomes = two_alternatives_outcomes(self, pairs, ties);
        let tied = |(_, d): &(_, &[f64; 2])| d[0] == d[1];
        let counted = outcomes.iter().zip(pairs).filter(|(o, _)| o.is_some());
        let n_ties = counted.filter(tied).count();
        let share = Score {
            measure: Measure::VoteShare,
            value: vote_share(self, pairs, ties),
            n: self.len(),
            n_ties: pairs.iter().filter(|d| d[0] == d[1]).count(),
            n_left_out: 0,
            chance: CHANCE,
        };
        vec![Score { n_ties, ..accuracy(&outcomes, CHANCE) }, share]
    }

    fn outcomes(&self, distances: &[f64], ties: Ties) -> Vec<Vec<Option<f64>>> {
        let (pairs, _) = distances.as_chunks::<2>();
        let shares = vote_shares(self, pairs, ties).into_iter().map(Some);
        vec![two_alternatives_outcomes(self, pairs, ties), shares.collect()]
    }

    /// 0 for left, 1 for right.
    fn people_choose(&self) -> Option<Vec<Option<usize>>> {
        let majority = |trial: &TwoAlternatives| {
            (trial.left_votes != trial.right_votes)
                .then(|| usize::from(trial.right_votes > trial.left_votes))
        };
        Some(self.iter().map(majority).collect())
    }

    fn model_chooses(&self, distances: &[f64]) -> Option<Vec<[bool; 3]>> {
        let nearest = |d: &[f64; 2]| [d[0] <= d[1], d[1] <= d[0], false];
        Some(distances.as_chunks().0.iter().map(nearest).collect())
    }

    /// How often a person votes as most do, of each trial; over those that are decided for the
    /// accuracy, over all for the vote share (of which it is the most that a model can reach).
    fn ceilings(&self, _: &dyn Fn(usize) -> u32) -> Vec<TrialCeiling> {
        // A table of majorities alone has no vote on the other side.
        if self.iter().all(|t| t.left_votes == 0.0 || t.right_votes == 0.0) {
            return vec![];
        }
        let share =
            |t: &TwoAlternatives| t.left_votes.max(t.right_votes) / (t.left_votes + t.right_votes);
        let decided = |t: &TwoAlternatives| (t.left_votes != t.right_votes).then(|| share(t));
        let of =
            |measure, shares| TrialCeiling { ceiling: Ceiling::VoteAgreement, measure, shares };
        vec![
            of(Measure::Accuracy, self.iter().map(decided).collect()),
            of(Measure::VoteShare, self.iter().map(|t| Some(share(t))).collect()),
        ]
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

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
