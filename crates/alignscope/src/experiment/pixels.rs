//! The model `pixels`: the stage `image` at 0 % depth of every figure.

use std::fmt;

use serde_json::{Value, json};

use super::metric::ImageMetric;
use super::model::Role;
use super::prepared::PreparedDataset;
use crate::distance::Distance;
use crate::image::RgbImage;
use crate::preprocess::{CropRounding, Preprocessing, Resample, Resize};
use crate::stage::Stage;

/// Side of the square that images of different size are brought to, for the stage `image`.
pub(super) const SIDE_PX: usize = 224;

/// What the stage `image` compares; decided once for a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelRule {
    /// All images have this one size: the decoded pixels.
    Decoded { width: usize, height: usize },
    /// They differ: short side at so many pixels (Pillow bicubic), centre cropped.
    Cropped { side: usize },
}

impl PixelRule {
    /// The rule for images of these sizes, width first; `side` is the square's.
    pub(super) fn of(sizes: &[(usize, usize)], side: usize) -> Self {
        match sizes.first() {
            Some(&(width, height)) if sizes.iter().all(|size| *size == (width, height)) => {
                Self::Decoded { width, height }
            }
            _ => Self::Cropped { side },
        }
    }

    /// Width and height of all images.
    pub(super) fn size(self) -> (usize, usize) {
        match self {
            Self::Decoded { width, height } => (width, height),
            Self::Cropped { side } => (side, side),
        }
    }

    pub(super) fn apply(self, image: RgbImage) -> RgbImage {
        match self {
            Self::Decoded { .. } => image,
            Self::Cropped { side } => {
                let recipe = Preprocessing {
                    resize: Some(Resize::ShortestEdge(side)),
                    resample: Resample::Bicubic,
                    crop: Some((side, side)),
                    crop_rounding: CropRounding::Floor,
                    rescale_factor: None,
                    normalize: None,
                };
                recipe.pixels(&image)
            }
        }
    }
}

impl fmt::Display for PixelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decoded { width, height } => {
                write!(f, "decoded pixels, all {width} × {height}")
            }
            Self::Cropped { side } => write!(
                f,
                "images of different size: short side to {side} (Pillow bicubic), centre cropped"
            ),
        }
    }
}

/// The pixels as a metric: the root mean square difference of 8-bit RGB.
pub(super) struct Pixels;

impl ImageMetric for Pixels {
    type Features = RgbImage;
    const STAGE: Stage = Stage::Image;
    const DISTANCE: Distance = Distance::Euclidean;
    const ROLE: Role = Role::Pixels;
    const PAIRS_AT_A_TIME: usize = 256;

    fn name(&self) -> String {
        "pixels".to_owned()
    }

    fn rule(dataset: &PreparedDataset) -> PixelRule {
        dataset.pixel_rule
    }

    fn fingerprint(&self) -> Value {
        json!("pixels")
    }

    fn bytes(&self, width: usize, height: usize) -> usize {
        3 * width * height
    }

    fn working_bytes(&self, _: usize, _: usize) -> usize {
        0
    }

    fn features(&self, image: RgbImage) -> RgbImage {
        image
    }

    fn distance(&self, a: &RgbImage, b: &RgbImage) -> f64 {
        a.rms_difference(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_different_size_are_brought_to_one() {
        assert_eq!(PixelRule::of(&[(9, 8), (8, 9)], 224), PixelRule::Cropped { side: 224 });
        assert_eq!(
            PixelRule::of(&[(9, 8), (9, 8)], 224),
            PixelRule::Decoded { width: 9, height: 8 }
        );
        let square =
            PixelRule::Cropped { side: 224 }.apply(RgbImage::new(500, 300, vec![0; 450_000]));
        assert_eq!((square.width(), square.height()), (224, 224));
    }
}
