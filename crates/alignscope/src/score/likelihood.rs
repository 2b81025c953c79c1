//! Bits of models, as sums over trials.

use super::columns::Columns;
use super::ratio::Share;
use super::{Measure, Score};
use crate::dataset::{Clusters, Subset};
use crate::measure::{FittedSoftmax, MIN_VOTES, SoftmaxChoices};
use crate::paradigm::{Choices, ShareSource};
use crate::resample::{Interval, NoInterval, Replicates};

/// What `ci_note` says of bits of ratings whose deviations are those of mean scores.
pub const OF_MEANS: &str = "of people's mean scores, not of single answers";

/// What the likelihood of people's choices is computed of, and the denominators that all models
/// share.
#[derive(Debug, Clone)]
pub(super) struct Likelihoods {
    choices: Choices,
    /// Bits, and the share explained if any question was answered often enough.
    measures: Vec<LikelihoodMeasure>,
    /// Whether each choice is of trials in one cluster.
    is_whole: bool,
    /// Whether deviations of ratings are those of single ratings, not of mean scores.
    of_single_ratings: bool,
}

/// What a list of distances is turned into probabilities by.
pub(super) type Fitted = FittedSoftmax;

/// A measure that is the ratio of two sums over choices.
#[derive(Debug, Clone)]
struct LikelihoodMeasure {
    measure: Measure,
    /// What the choices of each trial add to the denominator; those of two trials half to each.
    of_trials: Vec<f64>,
    /// Whether each trial has a choice that counts.
    counts: Vec<bool>,
}

/// What a choice adds to the denominator of a measure; `None` if it does not count.
fn of_choice(measure: Measure, choices: &Choices, choice: usize) -> Option<f64> {
    match measure {
        Measure::Explained => choices.held[choice],
        _ => Some(1.0),
    }
}

impl LikelihoodMeasure {
    fn new(measure: Measure, choices: &Choices, n: usize) -> Self {
        let of_choices = || (0..choices.len()).map(|i| of_choice(measure, choices, i));
        let of_trials = spread(choices, n, of_choices().map(|x| x.unwrap_or(0.0)));
        let mut counts = vec![false; n];
        let counted = choices.trials.iter().zip(of_choices()).filter(|(_, x)| x.is_some());
        counted.for_each(|(trials, _)| trials.iter().for_each(|t| counts[*t as usize] = true));
        Self { measure, of_trials, counts }
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
    /// Of choices.
    ///
    /// `clusters` — what an interval resamples together, of each trial
    ///
    /// `of_single_ratings` — whether deviations of ratings are those of single ratings
    pub(super) fn new(choices: Choices, clusters: &Clusters, of_single_ratings: bool) -> Self {
        let n = clusters.codes.len();
        let mut measures = vec![LikelihoodMeasure::new(Measure::Bits, &choices, n)];
        if choices.held.iter().any(Option::is_some) {
            measures.push(LikelihoodMeasure::new(Measure::Explained, &choices, n));
        }
        let cluster = |trial: u32| clusters.codes[trial as usize];
        let is_whole = choices.trials.iter().all(|[a, b]| cluster(*a) == cluster(*b));
        Self { choices, measures, is_whole, of_single_ratings }
    }

    /// How many measures there are.
    pub(super) fn count(&self) -> usize {
        self.measures.len()
    }

    /// Whether each choice is of trials in one cluster. Where it is not, its trials would be drawn
    /// one without the other, and an interval would be far too narrow.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Bytes of what stays in memory.
    pub(super) fn bytes(&self) -> usize {
        let of_choice = 12 * self.choices.alternatives + 8 + 1 + 16;
        let of_trial = 9 * self.measures.len();
        of_choice * self.choices.len() + of_trial * self.trials()
    }

    /// Bytes of what a list of distances needs: what each choice is of the distances, and sums.
    pub(super) fn column_bytes(&self) -> usize {
        16 * self.choices.alternatives * self.choices.len()
            + 8 * self.measures.len() * self.trials()
    }

    fn trials(&self) -> usize {
        self.measures[0].of_trials.len()
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
        let share = |(place, of): (usize, &LikelihoodMeasure)| {
            let counted = bits.iter().enumerate().map(|(choice, bits)| {
                of_choice(of.measure, &self.choices, choice).map_or(0.0, |_| *bits)
            });
            let numerators = spread(&self.choices, of.of_trials.len(), counted);
            Share { numerators, denominator: first + place }
        };
        self.measures.iter().enumerate().map(share).collect()
    }

    /// What the distances of a list are turned into probabilities by.
    pub(super) fn fitted(&self, columns: &Columns<'_>, column: usize) -> Fitted {
        let Choices { alternatives, farthest, distances: places, shares, folds, .. } =
            &self.choices;
        let sign = if *farthest { -1.0 } else { 1.0 };
        let mut distances = columns.of_comparisons(column, places);
        distances.iter_mut().for_each(|distance| *distance *= sign);
        SoftmaxChoices::new(*alternatives, &distances, shares, folds).fitted()
    }

    /// The numerators of a trial that is one choice.
    ///
    /// `distances` — of the comparisons of the trial
    pub(super) fn write_numerators(
        &self,
        fitted: &Fitted,
        trial: u32,
        distances: &[f64],
        numerators: &mut [f64],
    ) {
        let Choices { alternatives, farthest, distances: places, shares, folds, .. } =
            &self.choices;
        let (choice, k) = (trial as usize, *alternatives);
        let sign = if *farthest { -1.0 } else { 1.0 };
        let first = choice * distances.len();
        let mut of_alternatives = [0.0; 4];
        let of_alternatives = &mut of_alternatives[..k];
        for (of, place) in of_alternatives.iter_mut().zip(&places[choice * k..]) {
            *of = sign * distances[*place as usize - first];
        }
        let bits = fitted.bits(of_alternatives, &shares[choice * k..][..k], folds[choice]);
        for (numerator, of) in numerators.iter_mut().zip(&self.measures) {
            *numerator = of_choice(of.measure, &self.choices, choice).map_or(0.0, |_| bits);
        }
    }

    /// The denominators of a trial.
    pub(super) fn write_denominators(&self, trial: u32, denominators: &mut [f64]) {
        for (denominator, of) in denominators.iter_mut().zip(&self.measures) {
            *denominator = of.of_trials[trial as usize];
        }
    }

    /// A measure of a subset, by its place, that has this value; `None` if no trial counts.
    pub(super) fn score(&self, place: usize, subset: &Subset, value: f64) -> Option<Score> {
        let LikelihoodMeasure { measure, counts, .. } = &self.measures[place];
        let n = subset.trials.iter().filter(|trial| counts[**trial as usize]).count();
        let score = Score { measure: *measure, value, n, n_ties: 0, n_left_out: 0, chance: 0.0 };
        (n > 0).then_some(score)
    }

    /// The interval of a measure.
    pub(super) fn interval(&self, replicates: &Replicates) -> Result<Interval, NoInterval> {
        match self.is_whole {
            true => replicates.interval(),
            false => Err(NoInterval::DividedChoices),
        }
    }

    /// What there is to know of the values of a measure.
    pub(super) fn notes(&self, measure: Measure) -> Vec<String> {
        let note = |text: &str| text.to_owned();
        let few = 2.0 * MIN_VOTES * (self.choices.alternatives - 1) as f64;
        match (measure, self.choices.source) {
            (Measure::Bits, ShareSource::Ratings { without_deviation: 0, .. }) => {
                if self.of_single_ratings { vec![] } else { vec![note(OF_MEANS)] }
            }
            (Measure::Bits, ShareSource::Ratings { without_deviation, pairs }) => vec![
                note(OF_MEANS),
                format!("taken as sure: {without_deviation} of {pairs} pairs have no deviation"),
            ],
            (Measure::Explained, ShareSource::Ratings { .. }) => {
                let mut notes = vec![note("a little too small: people's mean scores have errors")];
                notes.extend((!self.of_single_ratings).then(|| note(OF_MEANS)));
                notes
            }
            (Measure::Explained, ShareSource::Votes { answers }) if answers < few => {
                vec![format!("a little too small: {answers:.1} answers to a question")]
            }
            _ => vec![],
        }
    }
}
