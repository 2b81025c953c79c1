//! What of a data set's images is compared where pixels are.

use std::fmt;

use crate::image::RgbImage;
use crate::preprocess::{CropRounding, Preprocessing, Resample, Resize};

/// Side of the square that images of different size are brought to, for the stage `image`.
pub(crate) const SIDE_PX: usize = 224;

/// What the stage `image` compares; decided once for a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelRule {
    /// All images have this one size: the decoded pixels.
    Decoded { width: usize, height: usize },
    /// They differ: short side at so many pixels (Pillow bicubic), centre cropped.
    Cropped { side: usize },
}

impl PixelRule {
    /// The rule for images of these sizes, width first; `side` is the square's.
    pub(crate) fn of(sizes: &[(usize, usize)], side: usize) -> Self {
        match sizes.first() {
            Some(&(width, height)) if sizes.iter().all(|size| *size == (width, height)) => {
                Self::Decoded { width, height }
            }
            _ => Self::Cropped { side },
        }
    }

    /// Width and height of all images.
    pub(crate) fn size(self) -> (usize, usize) {
        match self {
            Self::Decoded { width, height } => (width, height),
            Self::Cropped { side } => (side, side),
        }
    }

    pub(crate) fn apply(self, image: RgbImage) -> RgbImage {
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
                    resize_floats: false,
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
