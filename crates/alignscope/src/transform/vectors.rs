//! One vector for each image at a stage.

use crate::stage::Stage;

/// The vector that stands for each image of a data set at a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageVectors {
    /// The stage.
    pub stage: Stage,
    /// Numbers of a vector.
    pub channels: usize,
    /// `[images, channels]`, in the order of the data set's images.
    pub values: Vec<f32>,
}

impl StageVectors {
    /// Number of images.
    pub fn images(&self) -> usize {
        self.values.len() / self.channels
    }

    /// The vector of an image, `[channels]`.
    pub fn image(&self, image: usize) -> &[f32] {
        &self.values[image * self.channels..][..self.channels]
    }

    /// The vectors of some images, in their order.
    pub fn of_images(&self, images: &[u32]) -> Vec<f32> {
        images.iter().flat_map(|image| self.image(*image as usize)).copied().collect()
    }
}
