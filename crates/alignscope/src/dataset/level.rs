//! Levels of abstraction.

use crate::csv_row::choice_field;

/// A level of abstraction, as the study orders data sets by what people compared in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Small distortions of one image.
    Low,
    /// Variations within a class.
    Middle,
    /// Different classes.
    High,
    /// None of the three. Figures show such a data set after the others.
    None,
}

impl Level {
    /// All of them: from low to high, and none.
    pub const ALL: [Self; 4] = [Self::Low, Self::Middle, Self::High, Self::None];

    /// The levels of the study, from low to high.
    pub const OF_STUDY: [Self; 3] = [Self::Low, Self::Middle, Self::High];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
            Self::None => "none",
        }
    }
}

choice!(Level, "level");
choice_field!(Level);
