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
    /// Each is brought to a square, whatever its proportion (Pillow bicubic).
    Squashed { side: usize },
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
            Self::Cropped { side } | Self::Squashed { side } => (side, side),
        }
    }

    pub(crate) fn apply(self, image: RgbImage) -> RgbImage {
        match self {
            Self::Decoded { .. } => image,
            Self::Cropped { side } => {
                let (resize, crop) = (Resize::ShortestEdge(side), Some((side, side)));
                bicubic(resize, crop).pixels(&image)
            }
            Self::Squashed { side } => {
                bicubic(Resize::Exact { height: side, width: side }, None).pixels(&image)
            }
        }
    }
}

fn bicubic(resize: Resize, crop: Option<(usize, usize)>) -> Preprocessing {
    Preprocessing {
        resize: Some(resize),
        resample: Resample::Bicubic,
        crop,
        crop_rounding: CropRounding::Floor,
        rescale_factor: None,
        normalize: None,
        resize_floats: false,
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
            Self::Squashed { side } => {
                write!(f, "images brought to {side} × {side} (Pillow bicubic)")
            }
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
        // What a crop would have cut off is there.
        let halves = (0..500 * 300).flat_map(|i| [if i % 500 < 250 { 0 } else { 255 }; 3]);
        let image = RgbImage::new(500, 300, halves.collect());
        let squashed = PixelRule::Squashed { side: 100 }.apply(image);
        let row: Vec<u8> = squashed.pixels()[..300].iter().step_by(3).copied().collect();
        assert_eq!((row[0], row[40], row[60], row[99]), (0, 0, 255, 255));
    }
}
