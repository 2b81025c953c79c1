//! The model `pixels`: the stage `image` at 0 % depth of every figure.

use std::fmt;

use rayon::prelude::*;

use super::ExperimentError;
use super::error::go_on;
use super::prepared::PreparedDataset;
use super::reduction::StageDistances;
use crate::budget::PROGRAM_BYTES;
use crate::distance::Distance;
use crate::image::RgbImage;
use crate::preprocess::{CropRounding, Preprocessing, Resample, Resize};
use crate::progress::Progress;
use crate::resident::plan;
use crate::stage::Stage;

/// Side of the square that images of different size are brought to, for the stage `image`.
pub(super) const SIDE_PX: usize = 224;

/// So many pairs are compared between two looks at whether the user wants to stop.
const PAIRS_AT_A_TIME: usize = 256;

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

/// The distances of all pairs, in resident sets of decoded images.
pub(super) fn stage_distances(
    dataset: &PreparedDataset,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> Result<StageDistances, ExperimentError> {
    let kind = dataset.dataset.kind;
    let images = dataset.dataset.images.len();
    let (width, height) = dataset.pixel_rule.size();
    let bytes = (3 * width * height) as u64;
    let fixed = PROGRAM_BYTES + dataset.decoding.bytes();
    let max_images = memory_bytes.saturating_sub(fixed) / bytes;
    let max_images = usize::try_from(max_images).unwrap_or(usize::MAX);
    let sets =
        plan(images, &dataset.pairs, max_images).map_err(|e| ExperimentError::PixelMemory {
            dataset: kind,
            images: e.images,
            needed: fixed + e.images as u64 * bytes,
            budget: memory_bytes,
        })?;

    let steps = images + dataset.pairs.len();
    progress.begin(&format!("pixels on {kind}"), steps as u64);
    let mut distances = vec![0.0; dataset.pairs.len()];
    for set in sets {
        let decoded: Vec<Result<RgbImage, ExperimentError>> = set
            .images
            .par_iter()
            .map(|image| {
                go_on(progress)?;
                let image =
                    dataset.load(*image as usize, |image| dataset.pixel_rule.apply(image))?;
                progress.advance(1);
                Ok(image)
            })
            .collect();
        let decoded = decoded.into_iter().collect::<Result<Vec<_>, _>>()?;
        let of_some = |pairs: &[[u32; 2]]| {
            go_on(progress)?;
            let distance =
                |[a, b]: &[u32; 2]| decoded[*a as usize].rms_difference(&decoded[*b as usize]);
            let values: Vec<f64> = pairs.iter().map(distance).collect();
            progress.advance(pairs.len() as u64);
            Ok::<_, ExperimentError>(values)
        };
        let values: Vec<_> = set.local_pairs.par_chunks(PAIRS_AT_A_TIME).map(of_some).collect();
        let values = values.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (pair, value) in set.pairs.iter().zip(values.into_iter().flatten()) {
            distances[*pair as usize] = value;
        }
    }
    progress.end();
    Ok(StageDistances {
        stage: Stage::Image,
        scale: None,
        distances: vec![(Distance::Euclidean, distances)],
        energy: None,
    })
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
