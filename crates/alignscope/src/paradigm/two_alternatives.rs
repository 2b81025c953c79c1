//! Two-alternative forced choices.

use super::accuracy::accuracy;
use super::kind::{Alternative, Answer, Paradigm, TrialCeiling};
use super::votes::{self, CHANCE, Votes};
use super::{ImageIndex, Measure, Score, Ties};

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

impl TwoAlternatives {
    fn votes(&self) -> Votes {
        [self.left_votes, self.right_votes]
    }
}

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
            Alternative { name: "left", places: &[1], pair: [reference, left], votes: left_votes },
            Alternative {
                name: "right",
                places: &[2],
                pair: [reference, right],
                votes: right_votes,
            },
        ]
    }

    fn main_measure(&self) -> Measure {
        Measure::Accuracy
    }

    fn chance(&self) -> f64 {
        CHANCE
    }

    fn score(&self, distances: &[f64], ties: Ties) -> Vec<Score> {
        let outcomes = self.outcomes(distances, ties);
        let tied: Vec<bool> = distances.as_chunks::<2>().0.iter().map(|d| d[0] == d[1]).collect();
        votes::scores(accuracy(&outcomes[0], CHANCE), &outcomes, &tied)
    }

    fn outcomes(&self, distances: &[f64], ties: Ties) -> Vec<Vec<Option<f64>>> {
        let (pairs, _) = distances.as_chunks::<2>();
        let shares = vote_shares(self, pairs, ties).into_iter().map(Some);
        vec![two_alternatives_outcomes(self, pairs, ties), shares.collect()]
    }

    /// 0 for left, 1 for right.
    fn people_choose(&self) -> Option<Vec<Option<usize>>> {
        Some(self.iter().map(|trial| votes::majority(trial.votes())).collect())
    }

    fn model_chooses(&self, distances: &[f64]) -> Option<Vec<[bool; 3]>> {
        let nearest = |d: &[f64; 2]| [d[0] <= d[1], d[1] <= d[0], false];
        Some(distances.as_chunks().0.iter().map(nearest).collect())
    }

    fn ceilings(&self, _: &dyn Fn(usize) -> u32) -> Vec<TrialCeiling> {
        votes::ceilings(&self.iter().map(TwoAlternatives::votes).collect::<Vec<_>>())
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
    let trials = trials.iter().zip(distances);
    trials.map(|(trial, distances)| votes::outcome(trial.votes(), *distances, ties)).collect()
}

/// The share of people who agree with the model, for each trial; 0 to 1.
///
/// Where both images are as near to the model, `ties` says: nobody agrees, or half of the people.
pub fn vote_shares(trials: &[TwoAlternatives], distances: &[[f64; 2]], ties: Ties) -> Vec<f64> {
    let trials = trials.iter().zip(distances);
    trials.map(|(trial, distances)| votes::share(trial.votes(), *distances, ties)).collect()
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
