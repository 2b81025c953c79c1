//! Activations at one stage that a device holds, where their pairs are reduced.

use std::ops::Range;

use super::ModelError;
use crate::pair_statistics::ImageProducts;
use crate::stage::Stage;

/// The activations of a resident set at one stage, on a device: only statistics come from it.
pub(super) trait OnDevice {
    /// The stage.
    fn stage(&self) -> Stage;

    /// Tokens that are compared, and channels.
    fn shape(&self) -> [usize; 2];

    /// Images that are brought to the device together, in order: pairs of the images of two such
    /// tiles are best reduced together.
    fn tile(&self) -> usize;

    /// What each image has by itself.
    fn images(&mut self) -> Result<ImageSums, ModelError>;

    /// The activations of an image, `[tokens, channels]`, for a message.
    fn image(&mut self, image: usize) -> Result<Vec<f32>, ModelError>;

    /// Some of the numbers of all images, `[images, numbers]`; number t · channels + c is channel c
    /// of token t.
    fn numbers(&mut self, numbers: Range<usize>) -> Result<Vec<f32>, ModelError>;

    /// What pairs have, given by position in the set.
    fn pairs(&mut self, pairs: &[[u32; 2]]) -> Result<PairSums, ModelError>;
}

/// What the images of a set have by themselves at a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSums {
    /// Mean of the squares over tokens, `[images, channels]`.
    pub energy: Vec<f32>,
    /// Of each image.
    pub products: Vec<ImageProducts>,
}

/// What pairs of images have at a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct PairSums {
    /// Mean squared difference of each channel, `[pairs, channels]`, ≥ 0.
    pub msd: Vec<f32>,
    /// Inner product over all tokens and channels, `[pairs]`.
    pub ab: Vec<f64>,
}
