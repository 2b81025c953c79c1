//! What a model is measured by.

use crate::csv_row::choice_field;

/// A measure of agreement between distances and people. More is better, but for the two root mean
/// square errors, of which less is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// Spearman's rank correlation of (−distance, score), with average ranks; −1 to 1.
    Spearman,
    /// Pearson's correlation of (−distance, score); −1 to 1.
    Pearson,
    /// Kendall's tau-b of (−distance, score); −1 to 1.
    Kendall,
    /// Share of trials in which the model answers as most people did; 0 to 1.
    Accuracy,
    /// Mean share of people who agree with the model (BAPPS's 2AFC score); 0 to 1.
    VoteShare,
    /// Agreement of the model's answers with people's beyond chance: the accuracy turned so that
    /// chance is 0 and always right is 1.
    BeyondChance,
    /// Pearson's correlation after a logistic curve with four parameters; 0 to 1.
    PearsonLogistic4,
    /// Root mean square error of that curve, in units of the scores; less is better.
    RmseLogistic4,
    /// Pearson's correlation after a logistic curve with five parameters; 0 to 1.
    PearsonLogistic5,
    /// Root mean square error of that curve, in units of the scores; less is better.
    RmseLogistic5,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 10] = [
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
    ];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spearman => "spearman",
            Self::Pearson => "pearson",
            Self::Kendall => "kendall",
            Self::Accuracy => "accuracy",
            Self::VoteShare => "vote-share",
            Self::BeyondChance => "beyond-chance",
            Self::PearsonLogistic4 => "pearson-logistic4",
            Self::RmseLogistic4 => "rmse-logistic4",
            Self::PearsonLogistic5 => "pearson-logistic5",
            Self::RmseLogistic5 => "rmse-logistic5",
        }
    }

    /// Whether figures show it, and models are compared by it: each kind of trial has one such
    /// measure.
    pub fn is_main(self) -> bool {
        matches!(self, Self::Spearman | Self::Accuracy)
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
