//! What people can be asked, and how a model's answers to the same questions are scored.

mod accuracy;
mod kind;
mod odd_one_out;
mod quadruplets;
mod rated_pairs;
mod same_different;
mod similarity_matrices;
mod trials;
mod two_alternatives;
mod votes;

use crate::measure::{Measure, Score, Ties};
pub use kind::{Alternative, Answer, Ceiling, Column, ImageIndex, Paradigm, Ratings, TrialCeiling};
pub use odd_one_out::{MIN_ANSWERS, OddOneOut, odd_one_out_outcomes};
pub use quadruplets::Quadruplet;
pub use rated_pairs::{RatedPair, correlations};
pub use same_different::SameDifferent;
pub use similarity_matrices::SimilarityMatrices;
pub use trials::Trials;
pub use two_alternatives::{TwoAlternatives, two_alternatives_outcomes, vote_share, vote_shares};
