//! Lists of distances that are scored, whole or of some trials.

use std::borrow::Cow;

use rayon::prelude::*;

/// Lists of distances, each with one for every comparison of the trials, trial after trial; or with
/// one for every different pair, and which pair each comparison is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    lists: &'a [&'a [f64]],
    /// The pair of each comparison.
    pairs: Option<&'a [u32]>,
    /// Comparisons of a trial.
    per_trial: usize,
}

impl<'a> Columns<'a> {
    /// Lists of one distance for each comparison; or for each pair, if `pairs` says which pair a
    /// comparison is of.
    pub(super) fn new(lists: &'a [&'a [f64]], pairs: Option<&'a [u32]>, per_trial: usize) -> Self {
        Self { lists, pairs, per_trial }
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.lists.len()
    }

    /// Some of the lists, one after the other.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self { lists: &self.lists[range], ..*self }
    }

    /// The distances of all comparisons in list `column`.
    pub(super) fn all(&self, column: usize) -> Cow<'a, [f64]> {
        let list = self.lists[column];
        match self.pairs {
            None => Cow::Borrowed(list),
            Some(pairs) => Cow::Owned(pairs.par_iter().map(|pair| list[*pair as usize]).collect()),
        }
    }

    /// The distances of some comparisons.
    pub(super) fn of_comparisons(&self, column: usize, comparisons: &[u32]) -> Vec<f64> {
        let list = self.lists[column];
        let comparisons = comparisons.par_iter().map(|place| *place as usize);
        match self.pairs {
            None => comparisons.map(|place| list[place]).collect(),
            Some(pairs) => comparisons.map(|place| list[pairs[place] as usize]).collect(),
        }
    }

    /// The distances of the comparisons of some trials, trial after trial.
    pub(super) fn of_trials(&self, column: usize, trials: &[u32], distances: &mut Vec<f64>) {
        let list = self.lists[column];
        let comparisons = trials.iter().flat_map(|trial| {
            let first = *trial as usize * self.per_trial;
            first..first + self.per_trial
        });
        distances.clear();
        match self.pairs {
            None => distances.extend(comparisons.map(|place| list[place])),
            Some(pairs) => distances.extend(comparisons.map(|place| list[pairs[place] as usize])),
        }
    }
}
