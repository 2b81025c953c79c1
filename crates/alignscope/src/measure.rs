//! Scores of trials and distances, and how they are resampled.

mod accuracy;
mod average_precision;
mod difficulty;
mod fitted;
mod kendall;
mod likelihood;
mod logistic;
mod matrices;
mod pearson;
mod ranks;
mod rated;
mod spearman;
mod vote_share;
mod weighted;

pub use accuracy::{Accuracy, BeyondChance};
pub use average_precision::{AveragePrecision, average_precision};
pub use difficulty::{AgreementCorrelation, ResponseTimeCorrelation};
pub use fitted::{FittedCorrelation, FittedError};
pub use kendall::{Kendall, kendall};
pub use likelihood::{
    Bits, Explained, FittedSoftmax, LEAST_BETA, MIN_VOTES, SoftmaxChoices, entropy_of_shares,
    entropy_of_votes,
};
pub use logistic::{Logistic, LogisticFit};
pub use matrices::{KendallTauA, MatrixCosine, WhitenedCosine};
pub(crate) use matrices::{MatrixMeasure, MatrixSample, means_over_people};
pub use pearson::{Pearson, pearson};
pub use ranks::average_ranks;
pub(crate) use ranks::tied;
pub use rated::{Part, RatedMeasure, RatedResampler, RatedSample};
pub use spearman::{Spearman, spearman};
pub use vote_share::VoteShare;

use std::ops::RangeInclusive;

use crate::csv_row::choice_field;

/// A measure of agreement between distances and people.
///
/// To add one: a file below `measure/` with a struct that has this trait, as here; a variant of
/// [`Measure`], its place in `Measure::ALL` and its line in `Measure::implementation`; a row in
/// `docs/statistics.md`. A measure of ratings is in the results of all rated pairs from then on; one
/// that is a mean over trials is in those of the [paradigms](crate::paradigm::Paradigm) that score
/// it.
///
/// ```
/// use alignscope::measure::{Computed, Part, RatedMeasure, RatedSample, TrialMeasure};
///
/// /// Quadrant correlation: the mean sign of closeness and rating about their means; −1 to 1.
/// #[derive(Debug, Clone, Copy)]
/// pub struct Quadrant;
///
/// impl TrialMeasure for Quadrant {
///     fn name(&self) -> &'static str {
///         "quadrant"
///     }
///
///     fn title(&self) -> &'static str {
///         "quadrant correlation"
///     }
///
///     fn computed(&'static self) -> Computed {
///         Computed::Rated(self)
///     }
/// }
///
/// impl RatedMeasure for Quadrant {
///     fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64 {
///         let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
///         let (x_mean, y_mean) = (mean(closeness), mean(ratings));
///         let is_constant = |values: &[f64]| values.iter().all(|value| *value == values[0]);
///         if is_constant(closeness) || is_constant(ratings) {
///             return f64::NAN;
///         }
///         let sign = |x: f64| if x == 0.0 { 0.0 } else { x.signum() };
///         let agree = |(x, y): (&f64, &f64)| sign(x - x_mean) * sign(y - y_mean);
///         closeness.iter().zip(ratings).map(agree).sum::<f64>() / ratings.len() as f64
///     }
/// }
///
/// static QUADRANT: Quadrant = Quadrant;
/// let Computed::Rated(measure) = QUADRANT.computed() else { panic!("of ratings") };
/// assert_eq!(measure.of(&[-4.0, -3.0, -1.0], &[1.0, 2.0, 9.0]), 1.0);
/// assert!(measure.of(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
///
/// // Two clusters of pairs, of which the second is drawn twice.
/// let (ratings, columns) = ([1.0, 9.0, 2.0, 8.0], [vec![-4.0, -1.0, -2.0, -3.0]]);
/// let sample = RatedSample::new(&ratings, &columns, &[0, 0, 1, 1], 2);
/// let whole = [Part { trials: &[0, 1, 2, 3], within: &[] }];
/// assert_eq!(sample.resampler(measure, &whole).scores(&[0, 2]), [-1.0]);
/// ```
pub trait TrialMeasure: Sync {
    /// The name used in results.
    fn name(&self) -> &'static str;

    /// What it is, in the words that stand beside an axis.
    fn title(&self) -> &'static str;

    /// Between these lies any value, and any end of an interval, that results can have: shares and
    /// correlations are from −1 to 1, but intervals may go beyond.
    fn ends(&self) -> RangeInclusive<f64> {
        -100.0..=100.0
    }

    /// Whether a model that agrees more with people has less of it.
    fn less_is_better(&self) -> bool {
        false
    }

    /// Whether figures show it, and models are compared by it: each kind of trial has one such
    /// measure.
    fn is_main(&self) -> bool {
        false
    }

    /// Whether each part of a data set has it, not the whole alone.
    fn is_of_parts(&self) -> bool {
        false
    }

    /// Whether a rule for ties between a model's distances is part of it.
    fn counts_ties(&self) -> bool {
        false
    }

    /// Whether its intervals tend to be too narrow, by simulation: those that hold the truth in
    /// less than 93 % of cases.
    fn has_narrow_intervals(&self) -> bool {
        false
    }

    /// What it is computed of, and how it is resampled.
    fn computed(&'static self) -> Computed;
}

/// What a measure is computed of.
#[derive(Clone, Copy)]
pub enum Computed {
    /// The mean over trials of what each counts, which the paradigm says
    /// ([`outcomes`](crate::paradigm::Paradigm::outcomes)). Of resamples it is the ratio of two
    /// sums.
    Mean,
    /// Closeness and ratings.
    Rated(&'static dyn RatedMeasure),
    /// Another measure of the whole, which is a mean.
    Turned {
        /// That measure.
        of: Measure,
        /// How its value becomes one of this measure.
        turn: Turn,
    },
    /// A model's matrix and people's.
    Matrices,
    /// How likely the model makes people's choices: a ratio of two sums over trials.
    Likelihood,
    /// A correlation over the questions that people were asked.
    Difficulty,
}

/// From the value of a measure (or an end of its interval) and its chance, the value of another
/// measure; rising in the first.
pub type Turn = fn(f64, f64) -> f64;

/// A measure: the one list of the implementations of [`TrialMeasure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// [`Spearman`].
    Spearman,
    /// [`Pearson`].
    Pearson,
    /// [`Kendall`].
    Kendall,
    /// [`Accuracy`].
    Accuracy,
    /// [`VoteShare`].
    VoteShare,
    /// [`BeyondChance`].
    BeyondChance,
    /// [`FittedCorrelation`] with four parameters.
    PearsonLogistic4,
    /// [`FittedError`] with four parameters.
    RmseLogistic4,
    /// [`FittedCorrelation`] with five parameters.
    PearsonLogistic5,
    /// [`FittedError`] with five parameters.
    RmseLogistic5,
    /// [`AveragePrecision`].
    AveragePrecision,
    /// [`KendallTauA`].
    KendallTauA,
    /// [`MatrixCosine`].
    MatrixCosine,
    /// [`WhitenedCosine`].
    WhitenedCosine,
    /// [`Bits`].
    Bits,
    /// [`Explained`].
    Explained,
    /// [`AgreementCorrelation`].
    AgreementCorrelation,
    /// [`ResponseTimeCorrelation`].
    ResponseTimeCorrelation,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Spearman,
        Self::Pearson,
        Self::Kendall,
        Self::Accuracy,
        Self::VoteShare,
        Self::BeyondChance,
        Self::PearsonLogistic4,
        Self::RmseLogistic4,
        Self::PearsonLogistic5,
        Self::RmseLogistic5,
        Self::AveragePrecision,
        Self::KendallTauA,
        Self::MatrixCosine,
        Self::WhitenedCosine,
        Self::Bits,
        Self::Explained,
        Self::AgreementCorrelation,
        Self::ResponseTimeCorrelation,
    ];

    fn implementation(self) -> &'static dyn TrialMeasure {
        match self {
            Self::Spearman => &Spearman,
            Self::Pearson => &Pearson,
            Self::Kendall => &Kendall,
            Self::Accuracy => &Accuracy,
            Self::VoteShare => &VoteShare,
            Self::BeyondChance => &BeyondChance,
            Self::PearsonLogistic4 => &FittedCorrelation(Logistic::Four),
            Self::RmseLogistic4 => &FittedError(Logistic::Four),
            Self::PearsonLogistic5 => &FittedCorrelation(Logistic::Five),
            Self::RmseLogistic5 => &FittedError(Logistic::Five),
            Self::AveragePrecision => &AveragePrecision,
            Self::KendallTauA => &KendallTauA,
            Self::MatrixCosine => &MatrixCosine,
            Self::WhitenedCosine => &WhitenedCosine,
            Self::Bits => &Bits,
            Self::Explained => &Explained,
            Self::AgreementCorrelation => &AgreementCorrelation,
            Self::ResponseTimeCorrelation => &ResponseTimeCorrelation,
        }
    }

    /// The name used in results.
    pub fn name(self) -> &'static str {
        self.implementation().name()
    }

    /// What it is, in the words that stand beside an axis.
    pub fn title(self) -> &'static str {
        self.implementation().title()
    }

    /// Between these lies any value, and any end of an interval, that results can have.
    pub fn ends(self) -> RangeInclusive<f64> {
        self.implementation().ends()
    }

    /// Whether a model that agrees more with people has less of it.
    pub fn less_is_better(self) -> bool {
        self.implementation().less_is_better()
    }

    /// Whether figures show it, and models are compared by it: each kind of trial has one such
    /// measure.
    pub fn is_main(self) -> bool {
        self.implementation().is_main()
    }

    /// Whether each part of a data set has it, not the whole alone.
    pub fn is_of_parts(self) -> bool {
        self.implementation().is_of_parts()
    }

    /// Whether a rule for ties between a model's distances is part of it.
    pub fn counts_ties(self) -> bool {
        self.implementation().counts_ties()
    }

    /// Whether its intervals tend to be too narrow.
    pub fn has_narrow_intervals(self) -> bool {
        self.implementation().has_narrow_intervals()
    }

    /// What it is computed of.
    pub fn computed(self) -> Computed {
        self.implementation().computed()
    }

    /// Whether it is a share of trials, which is told in points of 100.
    pub fn is_share(self) -> bool {
        matches!(self.computed(), Computed::Mean)
    }

    /// Whether the page of a run tells it of the whole of each data set: the main one, and those
    /// that can be laid side by side across kinds of trials.
    pub fn is_told(self) -> bool {
        let is_common = matches!(self.computed(), Computed::Likelihood | Computed::Difficulty);
        self.is_main() || is_common
    }

    /// What it is if it is of ratings.
    pub(crate) fn rated(self) -> Option<&'static dyn RatedMeasure> {
        match self.computed() {
            Computed::Rated(rated) => Some(rated),
            Computed::Mean
            | Computed::Turned { .. }
            | Computed::Matrices
            | Computed::Likelihood
            | Computed::Difficulty => None,
        }
    }

    /// The measures of ratings, in the order in which results have them.
    pub(crate) fn of_ratings() -> impl Iterator<Item = (Self, &'static dyn RatedMeasure)> {
        Self::all_rated().filter(|(_, rated)| !rated.needs_shares())
    }

    /// The measures of shares of people who find two images the same.
    pub(crate) fn of_shares() -> impl Iterator<Item = (Self, &'static dyn RatedMeasure)> {
        Self::all_rated().filter(|(_, rated)| rated.needs_shares())
    }

    fn all_rated() -> impl Iterator<Item = (Self, &'static dyn RatedMeasure)> {
        Self::ALL.into_iter().filter_map(|measure| Some((measure, measure.rated()?)))
    }

    /// The measure that this is turned from, and how; `None` if it is computed of trials.
    pub(crate) fn turned(self) -> Option<(Self, Turn)> {
        match self.computed() {
            Computed::Turned { of, turn } => Some((of, turn)),
            Computed::Mean
            | Computed::Rated(_)
            | Computed::Matrices
            | Computed::Likelihood
            | Computed::Difficulty => None,
        }
    }
}

choice!(Measure, "measure");
choice_field!(Measure);

/// What a tie between a model's distances counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ties {
    /// A miss, as published.
    #[default]
    Miss,
    /// What guessing among the k tied would give on average: 1/k where the right one is among
    /// them.
    Half,
}

impl Ties {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Miss, Self::Half];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Miss => "miss",
            Self::Half => "half",
        }
    }
}

choice!(Ties, "rule for ties");
choice_field!(Ties);

/// How well the distances of one model, stage and kind follow the answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// What was measured.
    pub measure: Measure,
    /// The score; NaN where it is not defined: a correlation of fewer than two pairs, or where
    /// all distances or all answers are equal; an accuracy without a trial that counts.
    pub value: f64,
    /// Trials that entered the score.
    pub n: usize,
    /// Trials in which the model ties: the nearest distance is not the only one, or, for rated
    /// pairs, another pair has the same distance.
    pub n_ties: usize,
    /// Trials left out because as many people chose one image as the other.
    pub n_left_out: usize,
    /// The score of answers by chance.
    pub chance: f64,
}

#[cfg(test)]
mod tests {
    use super::rated::Repeated;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_measure_has_its_own_name_and_is_in_the_list_in_order() {
        assert!(Measure::ALL.is_sorted());
        let names: std::collections::HashSet<_> = Measure::ALL.map(Measure::name).into();
        assert_eq!(names.len(), Measure::ALL.len());
        for measure in Measure::ALL {
            assert_eq!(measure.name().parse(), Ok(measure));
        }
    }

    #[test]
    fn closeness_that_is_the_rating_is_better_than_any_other() {
        let ratings: Vec<f64> = (0..40).map(|i| f64::from(i * i % 41)).collect();
        let other: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 11)).collect();
        for (measure, rated) in Measure::of_ratings() {
            let [best, worse] = [&ratings, &other].map(|x| rated.of(x, &ratings));
            let is_better = if measure.less_is_better() { best < worse } else { best > worse };
            assert!(is_better, "{measure}: {best} and {worse}");
        }
    }

    #[test]
    fn measures_of_constant_values_are_not_defined() {
        for (_, measure) in Measure::of_ratings() {
            assert!(measure.of(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_nan());
            assert!(measure.of(&[1.0], &[1.0]).is_nan());
            assert!(measure.of(&[], &[]).is_nan());
        }
    }

    fn same(found: f64, expected: f64) -> bool {
        (found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-12
    }

    proptest! {
        #[test]
        fn a_resampler_scores_each_trial_as_often_as_it_is_drawn(
            trials in proptest::collection::vec((0_i32..8, 0_i32..8, 0_u32..5), 1..40),
            counts in proptest::collection::vec(0_u32..4, 5),
            in_part in proptest::collection::vec(any::<bool>(), 40),
        ) {
            let columns = [trials.iter().map(|t| f64::from(t.0)).collect::<Vec<_>>()];
            let ratings: Vec<f64> = trials.iter().map(|t| f64::from(t.1)).collect();
            let clusters: Vec<u32> = trials.iter().map(|t| t.2).collect();
            let all: Vec<u32> = (0..trials.len() as u32).collect();
            let some: Vec<u32> = all.iter().copied().filter(|i| in_part[*i as usize]).collect();
            let parts = [&all, &some].map(|trials| Part { trials, within: &[] });
            // With more clusters Kendall's sums are made in another way.
            for count in [5, 300] {
                let mut counts = counts.clone();
                counts.resize(count, 0);
                let sample = RatedSample::new(&ratings, &columns, &clusters, count);
                for (measure, rated) in Measure::of_ratings().filter(|(_, m)| !m.is_fitted()) {
                    let parts = if measure.is_of_parts() { &parts[..] } else { &parts[..1] };
                    let found = sample.resampler(rated, parts).scores(&counts);
                    let sample = &sample;
                    let expected = Repeated { measure: rated, sample, parts }.scores(&counts);
                    prop_assert_eq!(found.len(), expected.len());
                    for (found, expected) in found.into_iter().zip(expected) {
                        prop_assert!(same(found, expected), "{}: {} {}", measure, found, expected);
                    }
                }
            }
        }
    }
}
