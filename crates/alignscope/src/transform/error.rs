//! What can go wrong with transforms.

use std::io;
use std::path::PathBuf;

use super::LEAST_QUESTIONS;
use crate::distance::Distance;

/// A transform cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// People rated, and did not choose.
    #[error(
        "the people of {dataset} did not choose among images, as a transform is fitted on; expected \
         triplets or two alternatives"
    )]
    NoChoices {
        /// The data set.
        dataset: String,
    },
    /// A fold has little to train on.
    #[error(
        "of {of} different questions {found} are left to train on in one of {folds} folds, which \
         holds out {:.0} % of the images, expected {LEAST_QUESTIONS} or more; take more trials, or \
         hold out another share of the images",
        100.0 * share
    )]
    FewQuestions {
        /// Questions of that fold.
        found: usize,
        /// Of how many.
        of: usize,
        /// Number of folds.
        folds: usize,
        /// The share.
        share: f64,
    },
    /// A distance that needs to know all images.
    #[error(
        "the distance {distance} scales channels by all pairs of the data set, which a transform of \
         held-out images does not know; take another distance"
    )]
    Scaled {
        /// The distance.
        distance: Distance,
    },
}

/// A file of a transform cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransformFileError {
    /// It cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no archive of arrays.
    #[error("{path} is not a .npz file: {found}; write it with numpy.savez")]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// An array is not there.
    #[error(
        "{path} has no array `{key}`, it has {}; expected `weights`, `mean` and `std`, and perhaps \
         `bias`",
        named(found)
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// Its name.
        key: &'static str,
        /// Those that are there.
        found: Vec<String>,
    },
    /// An array is none of NumPy's, or of something else than numbers.
    #[error(
        "the array `{key}` of {path} cannot be read: {found}; expected numbers, as numpy.savez writes them"
    )]
    Array {
        /// The file.
        path: PathBuf,
        /// The array.
        key: &'static str,
        /// What is wrong with it.
        found: String,
    },
    /// An array has other axes.
    #[error("the array `{key}` of {path} has the shape {found:?}, expected {expected}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The array.
        key: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// What would do.
        expected: String,
    },
    /// A number that cannot be meant.
    #[error("number {place} of the array `{key}` of {path} is {found}, expected {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The array.
        key: &'static str,
        /// Its position, from 0, in order of rows.
        place: usize,
        /// The number.
        found: f64,
        /// What would do.
        expected: &'static str,
    },
}

/// Names as a list.
fn named(names: &[String]) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
