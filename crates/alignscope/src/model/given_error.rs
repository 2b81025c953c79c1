//! Why distances that were made elsewhere cannot be taken.

use crate::distance::Distance;
use crate::features::RowsError;
use crate::stage::Stage;

/// Distances that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// There are none for a data set.
    #[error("there are none for it, but for {}", found.join(", "))]
    NoDataset {
        /// The data sets that there are distances for.
        found: Vec<String>,
    },
    /// Data sets have other stages.
    #[error("it has the stages {found}, another data set has {expected}; expected the same of all")]
    Stages {
        /// Its stages.
        found: String,
        /// Those of the first data set.
        expected: String,
    },
    /// They are of a kind that the run does not measure.
    #[error("they are said to be `{found}`, expected one of those that are measured: {expected}")]
    Kind {
        /// Their kind.
        found: Distance,
        /// What is measured.
        expected: String,
    },
    /// Their shape is neither that of pairs nor that of images.
    #[error(
        "at {stage} they have the shape {found:?}, expected [{pairs}], a number for each pair of the \
         data set in its order, or [{images}, {images}], those of {what}"
    )]
    Shape {
        /// The stage.
        stage: Stage,
        /// The sizes of their axes.
        found: Vec<usize>,
        /// Pairs of the data set.
        pairs: usize,
        /// Images, or file names.
        images: usize,
        /// What there are so many of.
        what: &'static str,
    },
    /// A distance is NaN or infinite.
    #[error(
        "at {stage} the distance of {a} and {b} is {value} (pair {pair}), expected finite numbers for \
         all pairs that trials compare"
    )]
    NotFinite {
        /// The stage.
        stage: Stage,
        /// The first image.
        a: String,
        /// The second image.
        b: String,
        /// The pair, counted from 0.
        pair: usize,
        /// The number.
        value: f64,
    },
    /// A matrix says two numbers of one pair.
    #[error(
        "at {stage} the distance from {a} to {b} is {there}, back it is {back}; expected a symmetric \
         matrix (of an asymmetric measure choose one direction, or the mean of both)"
    )]
    Asymmetric {
        /// The stage.
        stage: Stage,
        /// The first image.
        a: String,
        /// The second image.
        b: String,
        /// From the first to the second.
        there: f64,
        /// From the second to the first.
        back: f64,
    },
    /// It is not clear which image each row is.
    #[error(transparent)]
    Rows(RowsError),
}
