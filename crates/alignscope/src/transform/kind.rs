//! Which transforms are fitted.

use crate::csv_row::choice_field;

/// What a transform may do to the channels of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransformKind {
    /// Each channel less its mean and over its standard deviation, and one factor for all: nothing
    /// is learned but the factor, on which no cosine depends.
    Standardize,
    /// The same with a weight ≥ 0 for each channel.
    Diagonal,
    /// The same with a matrix, drawn to a multiple of the identity.
    Ridge,
    /// The matrix of gLocal: also drawn to keep the neighbours that images have without it.
    Glocal,
}

impl TransformKind {
    /// All of them, from the least to the most that they may do.
    pub const ALL: [Self; 4] = [Self::Standardize, Self::Diagonal, Self::Ridge, Self::Glocal];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standardize => "standardize",
            Self::Diagonal => "diagonal",
            Self::Ridge => "ridge",
            Self::Glocal => "glocal",
        }
    }
}

choice!(TransformKind, "kind of transform");
choice_field!(TransformKind);
