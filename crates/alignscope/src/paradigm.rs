//! What people can be asked, and how a model's answers to the same questions are scored.

mod accuracy;
mod choices;
mod odd_one_out;
mod questions;
mod rated_pairs;
mod kind;
mod trials;
mod two_alternatives;

use crate::measure::{Measure, Score, Ties};
pub use choices::{Choices, FOLDS};
pub use kind::{Alternative, Answer, Ceiling, Column, ImageIndex, Paradigm, Ratings, TrialCeiling};
pub use odd_one_out::{MIN_ANSWERS, OddOneOut, odd_one_out_outcomes};
pub use questions::Questions;
pub use rated_pairs::{RatedPair, correlations};
pub use trials::Trials;
pub use two_alternatives::{TwoAlternatives, two_alternatives_outcomes, vote_share, vote_shares};
