//! Bits of models, as sums over trials.

use super::ratio::Share;
use super::{Measure, Score};
use crate::dataset::{Subset, Trials};
use crate::measure::SoftmaxChoices;
use crate::paradigm::Choices;

/// What the likelihood of people's choices is computed of, and the denominators that all models
/// share.
#[derive(Debug, Clone)]
pub(super) struct Likelihoods {
    choices: Choices,
    /// Bits, and the share explained if any question was answered often enough.
    measures: Vec<LikelihoodMeasure>,
}

/// A measure that is the ratio of two sums over choices.
#[derive(Debug, Clone)]
struct LikelihoodMeasure {
    measure: Measure,
    /// What each choice adds to the denominator; `None` if it does not count.
    of_choices: Vec<Option<f64>>,
    /// What the choices of each trial add; those of two trials half to each.
    of_trials: Vec<f64>,
    /// Whether each trial has a choice that counts.
    counts: Vec<bool>,
}

impl LikelihoodMeasure {
    fn new(measure: Measure, choices: &Choices, n: usize, of_choices: Vec<Option<f64>>) -> Self {
        let of_trials = spread(choices, n, of_choices.iter().map(|x| x.unwrap_or(0.0)));
        let mut counts = vec![false; n];
        let counted = choices.trials.iter().zip(&of_choices).filter(|(_, x)| x.is_some());
        counted.for_each(|(trials, _)| trials.iter().for_each(|t| counts[*t as usize] = true));
        Self { measure, of_choices, of_trials, counts }
    }
}

/// Numbers of choices as numbers of trials: half to each of a choice's two.
fn spread(choices: &Choices, trials: usize, numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut of_trials = vec![0.0; trials];
    for (number, of) in numbers.zip(&choices.trials) {
        of.iter().for_each(|trial| of_trials[*trial as usize] += 0.5 * number);
    }
    of_trials
}

impl Likelihoods {
    /// Of trials in which people choose, or of ratings that can be compared; else `None`.
    pub(super) fn of(trials: &Trials) -> Option<Self> {
        let choices = Choices::of(trials.paradigm())?;
        let all = vec![Some(1.0); choices.len()];
        let mut measures = vec![LikelihoodMeasure::new(Measure::Bits, &choices, trials.len(), all)];
        if choices.held.iter().any(Option::is_some) {
            let (held, n) = (choices.held.clone(), trials.len());
            measures.push(LikelihoodMeasure::new(Measure::Explained, &choices, n, held));
        }
        Some(Self { choices, measures })
    }

    /// How many measures there are.
    pub(super) fn count(&self) -> usize {
        self.measures.len()
    }

    /// The denominators of the measures, of each trial.
    pub(super) fn denominators(&self) -> impl Iterator<Item = Vec<f64>> {
        self.measures.iter().map(|measure| measure.of_trials.clone())
    }

    /// The measures of a model by its distances, each as sums over trials.
    ///
    /// `first` — which denominator is that of the first measure
    pub(super) fn shares(&self, distances: &[f64], first: usize) -> Vec<Share> {
        let Choices { alternatives, farthest, distances: places, shares, folds, .. } =
            &self.choices;
        let sign = if *farthest { -1.0 } else { 1.0 };
        let distances: Vec<f64> =
            places.iter().map(|place| sign * distances[*place as usize]).collect();
        let bits = SoftmaxChoices::new(*alternatives, &distances, shares, folds).bits();
        let share = |(place, measure): (usize, &LikelihoodMeasure)| {
            let bits = bits.iter().zip(&measure.of_choices);
            let counted = bits.map(|(bits, of)| of.map_or(0.0, |_| *bits));
            let numerators = spread(&self.choices, measure.of_trials.len(), counted);
            Share { numerators, denominator: first + place }
        };
        self.measures.iter().enumerate().map(share).collect()
    }

    /// A measure of a subset, by its place, that has this value; `None` if no trial counts.
    pub(super) fn score(&self, place: usize, subset: &Subset, value: f64) -> Option<Score> {
        let LikelihoodMeasure { measure, counts, .. } = &self.measures[place];
        let n = subset.trials.iter().filter(|trial| counts[**trial as usize]).count();
        let score = Score { measure: *measure, value, n, n_ties: 0, n_left_out: 0, chance: 0.0 };
        (n > 0).then_some(score)
    }
}
