//! The model `pixels`: the stage `image` at 0 % depth of every figure.

use std::fmt;

use rayon::prelude::*;

use super::ExperimentError;
use super::piece::StageDistances;
use super::prepared::PreparedDataset;
use crate::distance::Distance;
use crate::image::RgbImage;
use crate::preprocess::{CropRounding, Preprocessing, Resample, Resize};
use crate::progress::Progress;
use crate::resident::plan;
use crate::stage::Stage;

/// Side of the square that images of different size are brought to.
const SIDE_PX: usize = 224;

/// What the stage `image` compares; decided once for a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PixelRule {
    /// All images have this one size: the decoded pixels.
    Decoded { width: usize, height: usize },
    /// They differ: short side at 224 (Pillow bicubic), centre cropped.
    Cropped,
}

impl PixelRule {
    /// The rule for images of these sizes, width first.
    pub(super) fn of(sizes: &[(usize, usize)]) -> Self {
        match sizes.first() {
            Some(&(width, height)) if sizes.iter().all(|size| *size == (width, height)) => {
                Self::Decoded { width, height }
            }
            _ => Self::Cropped,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Decoded { width, height } => 3 * width * height,
            Self::Cropped => 3 * SIDE_PX * SIDE_PX,
        }
    }

    fn apply(self, image: RgbImage) -> RgbImage {
        match self {
            Self::Decoded { .. } => image,
            Self::Cropped => {
                let recipe = Preprocessing {
                    resize: Some(Resize::ShortestEdge(SIDE_PX)),
                    resample: Resample::Bicubic,
                    crop: Some((SIDE_PX, SIDE_PX)),
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
            Self::Cropped => write!(
                f,
                "images of different size: short side to {SIDE_PX} (Pillow bicubic), centre cropped"
            ),
        }
    }
}

/// Root mean square difference of 8-bit RGB, 0 to 255, over pixels and channels.
///
/// # Panics
/// The images differ in size: the rule of the data set has brought them to one.
fn rms_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let (a, b) = (a.pixels(), b.pixels());
    assert_eq!(a.len(), b.len(), "images of one size");
    // A row of squares below 2^16 fits 32 bits; the whole needs 64.
    let sum: u64 = a
        .chunks(4096)
        .zip(b.chunks(4096))
        .map(|(a, b)| {
            let squares = a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2));
            u64::from(squares.sum::<u32>())
        })
        .sum();
    (sum as f64 / a.len() as f64).sqrt()
}

/// The distances of all pairs, in resident sets of decoded images.
pub(super) fn stage_distances(
    dataset: &PreparedDataset,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> Result<StageDistances, ExperimentError> {
    let kind = dataset.dataset.kind;
    let images = dataset.dataset.images.len();
    let bytes = dataset.pixel_rule.bytes() as u64;
    let max_images = usize::try_from(memory_bytes / bytes).unwrap_or(usize::MAX);
    let sets = plan(images, &dataset.pairs, max_images).map_err(|e| ExperimentError::Memory {
        model: "pixels".to_owned(),
        dataset: kind,
        images: e.images,
        needed: e.images as u64 * bytes,
        budget: memory_bytes,
    })?;

    progress.begin(&format!("pixels on {kind}"), images as u64);
    let mut distances = vec![0.0; dataset.pairs.len()];
    for set in sets {
        let decoded: Vec<Result<RgbImage, ExperimentError>> = set
            .images
            .par_iter()
            .map(|image| {
                let image = dataset.pixel_rule.apply(dataset.load(*image as usize)?);
                progress.advance(1);
                Ok(image)
            })
            .collect();
        let decoded = decoded.into_iter().collect::<Result<Vec<_>, _>>()?;
        let values: Vec<f64> = set
            .local_pairs
            .par_iter()
            .map(|[a, b]| rms_difference(&decoded[*a as usize], &decoded[*b as usize]))
            .collect();
        for (pair, value) in set.pairs.iter().zip(values) {
            distances[*pair as usize] = value;
        }
    }
    progress.end();
    Ok(StageDistances {
        stage: Stage::Image,
        scale: None,
        distances: vec![(Distance::Euclidean, distances)],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_the_root_of_the_mean_square() {
        let image = |value| RgbImage::new(50, 70, vec![value; 3 * 50 * 70]);
        assert_eq!(rms_difference(&image(0), &image(255)), 255.0);
        assert_eq!(rms_difference(&image(10), &image(7)), 3.0);
        assert_eq!(rms_difference(&image(9), &image(9)), 0.0);
        let one = RgbImage::new(1, 1, vec![0, 3, 4]);
        let other = RgbImage::new(1, 1, vec![0, 0, 0]);
        assert_eq!(rms_difference(&one, &other), (25.0_f64 / 3.0).sqrt());
    }

    #[test]
    fn images_of_different_size_are_brought_to_one() {
        assert_eq!(PixelRule::of(&[(9, 8), (8, 9)]), PixelRule::Cropped);
        assert_eq!(PixelRule::of(&[(9, 8), (9, 8)]), PixelRule::Decoded { width: 9, height: 8 });
        let square = PixelRule::Cropped.apply(RgbImage::new(500, 300, vec![0; 450_000]));
        assert_eq!((square.width(), square.height()), (224, 224));
    }
}
