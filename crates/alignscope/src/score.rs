//! How well distances follow the answers of people.
use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// A measure of agreement between distances and people; more is better.
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
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Spearman, Self::Pearson, Self::Kendall, Self::Accuracy, Self::VoteShare];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spearman => "spearman",
            Self::Pearson => "pearson",
            Self::Kendall => "kendall",
            Self::Accuracy => "accuracy",
            Self::VoteShare => "vote-share",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Measure {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::find("measure", name, &Self::ALL, Self::name)
    }
}
