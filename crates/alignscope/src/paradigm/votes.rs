//! Votes for one of two, and what a model's answer counts beside them.

use super::accuracy::on_tie;
use super::{Measure, Score, Ties};
use crate::paradigm::kind::{Ceiling, TrialCeiling};

/// The score by chance.
pub(super) const CHANCE: f64 = 1.0 / 2.0;

/// Votes of a trial: for the first and for the second alternative.
pub(super) type Votes = [f64; 2];

/// Which alternative a model chooses: the one of the smaller number; `None` if they are equal.
pub(super) fn chosen([first, second]: [f64; 2]) -> Option<usize> {
    (first != second).then(|| usize::from(second < first))
}

/// Which alternative most people choose; `None` if as many choose the other.
pub(super) fn majority(votes: Votes) -> Option<usize> {
    (votes[0] != votes[1]).then(|| usize::from(votes[1] > votes[0]))
}

/// Whether the model chooses what most people choose: 1, 0, what `ties` gives if the model does not
/// decide; `None` if people do not.
pub(super) fn outcome(votes: Votes, numbers: [f64; 2], ties: Ties) -> Option<f64> {
    let people = majority(votes)?;
    Some(match chosen(numbers) {
        None => on_tie(ties, 2),
        Some(model) => f64::from(u8::from(model == people)),
    })
}

/// The share of people who agree with the model, 0 to 1; what `ties` gives if it does not decide.
pub(super) fn share(votes: Votes, numbers: [f64; 2], ties: Ties) -> f64 {
    match chosen(numbers) {
        None => on_tie(ties, 2),
        Some(model) => votes[model] / (votes[0] + votes[1]),
    }
}

/// The two measures, accuracy first, of what each trial counts.
///
/// `tied` — whether the model ties in each trial
pub(super) fn scores(accuracy: Score, outcomes: &[Vec<Option<f64>>], tied: &[bool]) -> Vec<Score> {
    let [right, shares] = outcomes else { panic!("accuracy and vote share") };
    let counted = right.iter().zip(tied).filter(|(outcome, _)| outcome.is_some());
    let n_ties = counted.filter(|(_, tied)| **tied).count();
    let share = Score {
        measure: Measure::VoteShare,
        value: shares.iter().flatten().sum::<f64>() / shares.len() as f64,
        n: shares.len(),
        n_ties: tied.iter().filter(|tied| **tied).count(),
        n_left_out: 0,
        chance: CHANCE,
    };
    vec![Score { n_ties, ..accuracy }, share]
}

/// How often a person votes as most do, of each trial; over those that are decided for the accuracy,
/// over all for the vote share (of which it is the most that a model can reach). None if no trial
/// has a vote on the other side: a table of majorities alone does not tell.
pub(super) fn ceilings(votes: &[Votes]) -> Vec<TrialCeiling> {
    if votes.iter().all(|[first, second]| *first == 0.0 || *second == 0.0) {
        return vec![];
    }
    let share = |[first, second]: &Votes| first.max(*second) / (first + second);
    let decided = |votes: &Votes| majority(*votes).map(|_| share(votes));
    let ceiling =
        |measure, shares| TrialCeiling { ceiling: Ceiling::VoteAgreement, measure, shares };
    vec![
        ceiling(Measure::Accuracy, votes.iter().map(decided).collect()),
        ceiling(Measure::VoteShare, votes.iter().map(|votes| Some(share(votes))).collect()),
    ]
}
