//! The list of all kinds of trials.

use super::ImageIndex;
use super::kind::{Answer, Paradigm};
use super::matrices::SimilarityMatrices;
use super::odd_one_out::OddOneOut;
use super::quadruplets::Quadruplet;
use super::rated_pairs::RatedPair;
use super::same_different::SameDifferent;
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
    /// Which of two pairs differs more, as in RAID.
    Quadruplets(Vec<Quadruplet>),
    /// Whether two images are the same, as in BAPPS's just noticeable differences.
    SameDifferent(Vec<SameDifferent>),
    /// A matrix of dissimilarities of each person, as from arranging many images at once.
    Matrices(SimilarityMatrices),
}

/// The images and the answer of a trial, as the tables of a run have them.
pub(crate) type TrialRow = ([Option<ImageIndex>; 4], Answer);

impl Trials {
    /// What is known of trials of this kind.
    pub fn paradigm(&self) -> &dyn Paradigm {
        match self {
            Self::RatedPairs(trials) => trials,
            Self::TwoAlternatives(trials) => trials,
            Self::OddOneOut(trials) => trials,
            Self::Quadruplets(trials) => trials,
            Self::SameDifferent(trials) => trials,
            Self::Matrices(matrices) => matrices,
        }
    }

    fn paradigm_mut(&mut self) -> &mut dyn Paradigm {
        match self {
            Self::RatedPairs(trials) => trials,
            Self::TwoAlternatives(trials) => trials,
            Self::OddOneOut(trials) => trials,
            Self::Quadruplets(trials) => trials,
            Self::SameDifferent(trials) => trials,
            Self::Matrices(matrices) => matrices,
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
            Self::Quadruplets(trials) => Self::Quadruplets(pick(trials, positions)),
            Self::SameDifferent(trials) => Self::SameDifferent(pick(trials, positions)),
            Self::Matrices(matrices) => Self::Matrices(matrices.part(positions)),
        }
    }

    /// Gives all images other numbers.
    pub(crate) fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        self.paradigm_mut().renumber(number);
    }

    /// The trials of which these are images and answers; or the position of one that is not whole.
    /// What the first trial has tells their kind.
    pub(crate) fn of_answers(rows: &[TrialRow]) -> Result<Self, usize> {
        let Some((images, first)) = rows.first() else { return Ok(Self::OddOneOut(vec![])) };
        Ok(if first.score.is_some() {
            Self::RatedPairs(all(rows, rated_pair)?)
        } else if first.dissimilarity.is_some() {
            Self::Matrices(mean_matrix(rows)?)
        } else if first.same_votes.is_some() {
            Self::SameDifferent(all(rows, same_different)?)
        } else if first.left_votes.is_some() && images[3].is_some() {
            Self::Quadruplets(all(rows, quadruplet)?)
        } else if first.left_votes.is_some() {
            Self::TwoAlternatives(all(rows, two_alternatives)?)
        } else {
            Self::OddOneOut(all(rows, odd_one_out)?)
        })
    }
}

fn all<T>(rows: &[TrialRow], trial: fn(&TrialRow) -> Option<T>) -> Result<Vec<T>, usize> {
    rows.iter().enumerate().map(|(i, row)| trial(row).ok_or(i)).collect()
}

fn rated_pair((images, answer): &TrialRow) -> Option<RatedPair> {
    Some(RatedPair {
        reference: images[0]?,
        distorted: images[1]?,
        score: answer.score.filter(|score| score.is_finite())?,
        std: answer.score_std,
    })
}

/// Two numbers of votes of which not both are 0.
fn votes(first: Option<f64>, second: Option<f64>) -> Option<[f64; 2]> {
    let can_be = |votes: Option<f64>| votes.filter(|v| *v >= 0.0 && v.is_finite());
    let votes = [can_be(first)?, can_be(second)?];
    (votes[0] + votes[1] > 0.0).then_some(votes)
}

fn two_alternatives((images, answer): &TrialRow) -> Option<TwoAlternatives> {
    let [left_votes, right_votes] = votes(answer.left_votes, answer.right_votes)?;
    let [Some(reference), Some(left), Some(right), None] = *images else { return None };
    Some(TwoAlternatives { reference, left, right, left_votes, right_votes })
}

fn quadruplet((images, answer): &TrialRow) -> Option<Quadruplet> {
    let [first_votes, second_votes] = votes(answer.left_votes, answer.right_votes)?;
    let [Some(a), Some(b), Some(c), Some(d)] = *images else { return None };
    Some(Quadruplet { first: [a, b], second: [c, d], first_votes, second_votes })
}

fn same_different((images, answer): &TrialRow) -> Option<SameDifferent> {
    let [same_votes, different_votes] = votes(answer.same_votes, answer.different_votes)?;
    let [Some(a), Some(b), None, None] = *images else { return None };
    Some(SameDifferent { images: [a, b], same_votes, different_votes })
}

/// One matrix: the mean of all people's, until their own are read.
fn mean_matrix(rows: &[TrialRow]) -> Result<SimilarityMatrices, usize> {
    let pairs = all(rows, |(images, _)| {
        let [Some(a), Some(b), None, None] = *images else { return None };
        (a != b).then_some([a, b])
    })?;
    let means = all(rows, |(_, answer)| answer.dissimilarity.filter(|d| d.is_finite()))?;
    Ok(SimilarityMatrices { pairs, people: vec!["mean".to_owned()], dissimilarities: vec![means] })
}

fn odd_one_out((images, answer): &TrialRow) -> Option<OddOneOut> {
    let [Some(a), Some(b), Some(c), None] = *images else { return None };
    let odd = answer.odd?.checked_sub(1).filter(|odd| *odd < 3)?;
    Some(OddOneOut { images: [a, b, c], odd })
}
