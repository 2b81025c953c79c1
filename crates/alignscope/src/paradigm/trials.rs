//! The list of all kinds of trials.

use super::kind::{Answer, ImageIndex, Paradigm};
use super::odd_one_out::OddOneOut;
use super::rated_pairs::RatedPair;
use super::two_alternatives::TwoAlternatives;

/// All trials of a data set, of one kind: the one list of the implementations of [`Paradigm`].
#[derive(Debug, Clone, PartialEq)]
pub enum Trials {
    /// Pairs with a mean opinion score, as in TID2013.
    RatedPairs(Vec<RatedPair>),
    /// Two-alternative forced choices, as in NIGHTS.
    TwoAlternatives(Vec<TwoAlternatives>),
    /// Odd-one-out triplets, as in THINGS.
    OddOneOut(Vec<OddOneOut>),
}

impl Trials {
    /// What is known of trials of this kind.
    pub fn paradigm(&self) -> &dyn Paradigm {
        match self {
            Self::RatedPairs(trials) => trials,
            Self::TwoAlternatives(trials) => trials,
            Self::OddOneOut(trials) => trials,
        }
    }

    fn paradigm_mut(&mut self) -> &mut dyn Paradigm {
        match self {
            Self::RatedPairs(trials) => trials,
            Self::TwoAlternatives(trials) => trials,
            Self::OddOneOut(trials) => trials,
        }
    }

    /// Number of trials.
    pub fn len(&self) -> usize {
        self.paradigm().count()
    }

    /// Whether there is no trial.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many pairs of images a trial compares: one, two, or three of a triplet.
    pub fn comparisons(&self) -> usize {
        self.paradigm().comparisons()
    }

    /// The trials at some positions.
    pub fn part(&self, positions: &[u32]) -> Self {
        fn pick<T: Clone>(trials: &[T], positions: &[u32]) -> Vec<T> {
            positions.iter().map(|i| trials[*i as usize].clone()).collect()
        }
        match self {
            Self::RatedPairs(trials) => Self::RatedPairs(pick(trials, positions)),
            Self::TwoAlternatives(trials) => Self::TwoAlternatives(pick(trials, positions)),
            Self::OddOneOut(trials) => Self::OddOneOut(pick(trials, positions)),
        }
    }

    /// Gives all images other numbers.
    pub(crate) fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        self.paradigm_mut().renumber(number);
    }

    /// The trials of which these are images and answers; or the position of one that is not whole.
    /// What the first trial has tells their kind.
    pub(crate) fn of_answers(rows: &[([Option<ImageIndex>; 3], Answer)]) -> Result<Self, usize> {
        type Row = ([Option<ImageIndex>; 3], Answer);
        fn all<T>(rows: &[Row], trial: impl Fn(&Row) -> Option<T>) -> Result<Vec<T>, usize> {
            rows.iter().enumerate().map(|(i, row)| trial(row).ok_or(i)).collect()
        }
        match rows.first().map(|(_, answer)| answer) {
            Some(Answer { score: Some(_), .. }) => all(rows, |(images, answer)| {
                Some(RatedPair {
                    reference: images[0]?,
                    distorted: images[1]?,
                    score: answer.score.filter(|score| score.is_finite())?,
                    std: answer.score_std,
                })
            })
            .map(Self::RatedPairs),
            Some(Answer { left_votes: Some(_), .. }) => all(rows, |(images, answer)| {
                let votes = |votes: Option<f64>| votes.filter(|v| *v >= 0.0 && v.is_finite());
                let left_votes = votes(answer.left_votes)?;
                let right_votes = votes(answer.right_votes)?;
                let [Some(reference), Some(left), Some(right)] = *images else { return None };
                (left_votes + right_votes > 0.0).then_some(TwoAlternatives {
                    reference,
                    left,
                    right,
                    left_votes,
                    right_votes,
                })
            })
            .map(Self::TwoAlternatives),
            _ => all(rows, |(images, answer)| {
                let [Some(a), Some(b), Some(c)] = *images else { return None };
                let odd = answer.odd?.checked_sub(1).filter(|odd| *odd < 3)?;
                Some(OddOneOut { images: [a, b, c], odd })
            })
            .map(Self::OddOneOut),
        }
    }
}
