//! What each trial adds to the sums that the scores of choices are ratios of.

use super::Ties;
use super::columns::Columns;
use super::likelihood::{Fitted, Likelihoods};
use super::ratio::TrialNumbers;
use crate::paradigm::Trials;

/// The numbers of lists of distances: of each list the shares of its measures, accuracies first,
/// then those of likelihood; after all lists the denominators, of which the measures of a list have
/// one each.
pub(super) struct ChoiceNumbers<'a> {
    trials: &'a Trials,
    ties: Ties,
    columns: Columns<'a>,
    likelihoods: Option<&'a Likelihoods>,
    /// Of each list, if there are measures of likelihood.
    fitted: &'a [Fitted],
    /// Measures that are means of outcomes.
    means: usize,
}

impl<'a> ChoiceNumbers<'a> {
    /// Of lists of distances, each with what was fitted to it.
    pub(super) fn new(
        (trials, ties): (&'a Trials, Ties),
        columns: Columns<'a>,
        likelihoods: Option<&'a Likelihoods>,
        fitted: &'a [Fitted],
    ) -> Self {
        let none = trials.part(&[]);
        let means = none.paradigm().outcomes(&[], ties).len();
        Self { trials, ties, columns, likelihoods, fitted, means }
    }

    /// Measures that are means of outcomes.
    pub(super) fn means(&self) -> usize {
        self.means
    }

    /// Measures of a list.
    pub(super) fn measures(&self) -> usize {
        self.means + self.likelihoods.map_or(0, Likelihoods::count)
    }
}

impl TrialNumbers for ChoiceNumbers<'_> {
    fn denominators(&self) -> Vec<usize> {
        (0..self.columns.len()).flat_map(|_| 0..self.measures()).collect()
    }

    fn write(&self, trials: &[u32], numbers: &mut [f64]) {
        let (measures, lists) = (self.measures(), self.columns.len());
        let width = (lists + 1) * measures;
        let part = self.trials.part(trials);
        let per_trial = self.trials.comparisons();
        let mut distances = Vec::with_capacity(trials.len() * per_trial);
        for column in 0..lists {
            self.columns.of_trials(column, trials, &mut distances);
            for (place, outcomes) in
                part.paradigm().outcomes(&distances, self.ties).into_iter().enumerate()
            {
                let rows = numbers.chunks_exact_mut(width);
                for (row, outcome) in rows.zip(outcomes) {
                    row[column * measures + place] = outcome.unwrap_or(0.0);
                    if column == 0 {
                        row[lists * measures + place] = f64::from(u8::from(outcome.is_some()));
                    }
                }
            }
            let Some(likelihoods) = self.likelihoods else { continue };
            let of_trials = trials.iter().zip(distances.chunks_exact(per_trial));
            for (row, (trial, distances)) in numbers.chunks_exact_mut(width).zip(of_trials) {
                let first = column * measures + self.means;
                let found = &mut row[first..][..likelihoods.count()];
                likelihoods.write_numerators(&self.fitted[column], *trial, distances, found);
                if column == 0 {
                    let found = &mut row[lists * measures + self.means..];
                    likelihoods.write_denominators(*trial, found);
                }
            }
        }
    }
}
