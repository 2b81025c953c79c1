//! What a function gives of the first image of a data set.

use crate::features::ArrayAxes;
use crate::stage::Stage;

/// A stage with the tokens that are kept of an image, and their channels.
pub(super) type Shape = (Stage, [usize; 2]);

pub(super) fn image_bytes((_, [tokens, channels]): &Shape) -> u64 {
    (tokens * channels * size_of::<f32>()) as u64
}

/// What the function gives of the first image of a data set, which tells what will fit.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) shapes: Vec<Shape>,
    /// How the arrays of each stage are read.
    pub(super) arrays: Vec<(Stage, ArrayAxes)>,
}
