//! What people can be asked, and how a model's answers to the same questions are scored.

mod accuracy;
mod choices;
mod kind;
mod matrices;
mod odd_one_out;
mod quadruplets;
mod questions;
mod rated_pairs;
mod same_different;
mod similarity_matrices;
mod trials;
mod two_alternatives;
mod votes;

use crate::measure::{Measure, Score, Ties};
pub use choices::{Choices, FOLDS, ShareSource};
pub use kind::{Alternative, Answer, Ceiling, Column, Paradigm, Ratings, TrialCeiling};
pub use matrices::SimilarityMatrices;
pub use odd_one_out::{MIN_ANSWERS, OddOneOut, odd_one_out_outcomes};
pub use quadruplets::Quadruplet;
pub use questions::Questions;
pub(crate) use questions::key;
pub use rated_pairs::{RatedPair, correlations};
pub use same_different::SameDifferent;
pub use trials::Trials;
pub use two_alternatives::{TwoAlternatives, two_alternatives_outcomes, vote_share, vote_shares};

/// Number of an image of a data set, from 0.
pub type ImageIndex = u32;
