//! How closely do the image distances inside a vision model follow the judgements of people?
//!
//! The modules stand in the order in which data passes through them; each looks only to
//! those above it.

mod name;
/// The stages of a model, and how deep they lie.
mod stage;

/// Trials: which images were shown to people, and what they answered.
pub mod dataset;
/// Differences of two images' activations, per channel.
pub mod difference;
/// One number for a pair of images at a stage.
pub mod distance;
/// A file to 8-bit RGB pixels.
pub mod image;
/// Pixels to the array that a model takes, by the model's own recipe.
pub mod preprocess;
/// The files that a run leaves.
pub mod results;
/// How well distances follow the answers of people.
pub mod score;

pub use crate::dataset::{
    Dataset, DatasetKind, DatasetOptions, OddOneOut, Pairs, RatedPair, Trials, TwoAlternatives,
};
pub use crate::distance::Distance;
pub use crate::name::UnknownName;
pub use crate::score::Measure;
pub use crate::stage::{Stage, UnknownStage};
