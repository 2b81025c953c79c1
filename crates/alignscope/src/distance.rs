//! One number for a pair of images at a stage.

use std::fmt;
use std::str::FromStr;

use crate::name::UnknownName;

/// A kind of distance between two images' activations at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Distance {
    /// Root mean square difference over tokens and channels.
    Euclidean,
    /// The same, each channel scaled by how much it varies over the data set.
    NormalizedEuclidean,
    /// One minus the cosine of the angle between the activations.
    Cosine,
}

impl Distance {
    /// All of them, in the order of the study.
    pub const ALL: [Self; 3] = [Self::Euclidean, Self::NormalizedEuclidean, Self::Cosine];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::NormalizedEuclidean => "normalized-euclidean",
            Self::Cosine => "cosine",
        }
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Distance {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::find("distance", name, &Self::ALL, Self::name)
    }
}
