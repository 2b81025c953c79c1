//! Learned transforms: which weights of a model's channels let its distances follow people.
//!
//! A transform takes the one vector that stands for an image at a stage to another,
//!
//! ```text
//! z = ((x − mean) / std) · W (+ b)
//! ```
//!
//! Fitted on people's choices, and scored on images that it has not seen, it tells what a stage
//! lacks from what it only has in another metric.

mod apply;
mod choices;
mod contrast;
mod cross_validation;
mod error;
mod file;
mod fit;
mod folds;
mod kind;
mod lbfgs;
mod npz;
mod objective;
mod product;
mod recipe;
mod row;
mod vectors;

pub use apply::Transform;
pub use choices::{Choice, choices_of};
pub use contrast::Contrast;
pub use cross_validation::{CrossValidated, Judged, cross_validate, plain_distances};
pub use error::{TransformError, TransformFileError};
pub use file::{read_transform, write_transform};
pub use fit::{Fitted, fit};
pub use folds::{Fold, Folds};
pub use kind::TransformKind;
pub use objective::{Objective, Shape};
pub use recipe::Recipe;
pub use row::{TransformRow, read_transforms, write_transforms};
pub use vectors::StageVectors;

/// Questions on which a transform is fitted, at least.
pub const LEAST_QUESTIONS: usize = 30;
