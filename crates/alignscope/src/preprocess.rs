//! Pixels to the array that a model takes, by the model's own recipe.

mod classes;
mod config;
mod crop;
mod patch_grid;
mod resize;

use std::fmt;

use serde::Serialize;

pub use config::{PreprocessError, Recipe};
use crop::kept;
pub use crop::{CropRounding, center_crop};
pub use patch_grid::{NotSquare, PatchGrid};
pub use resize::{Resample, resize};
use resize::{resize_floats, resize_window, shortest_edge_size};

use crate::image::RgbImage;

/// To which size an image is brought before it is cropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The shorter side to so many pixels, the other in proportion (rounded down).
    ShortestEdge(usize),
    /// Both sides, whatever the proportion.
    Exact {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The square grid of patches, of images of which the grid is square.
    Patches(PatchGrid),
}

/// Subtracted from, and divided by, for each of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Normalize {
    /// Mean of the training images.
    pub mean: [f64; 3],
    /// Standard deviation of the training images; > 0.
    pub std: [f64; 3],
}

/// A model's recipe: resize, crop the centre, rescale, normalise; each step only where it is
/// there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preprocessing {
    /// The size before cropping.
    pub resize: Option<Resize>,
    /// The filter of the resize.
    pub resample: Resample,
    /// Height and width that are cut out of the centre.
    pub crop: Option<(usize, usize)>,
    /// Which pixel is the centre's where it is between two.
    pub crop_rounding: CropRounding,
    /// What 8-bit values are multiplied by.
    pub rescale_factor: Option<f64>,
    /// Mean and deviation.
    pub normalize: Option<Normalize>,
    /// Whether values are rescaled before they are resized, which is then done in floats and without
    /// rounding, as DINOv3's processor does it. Nothing is cropped then.
    pub resize_floats: bool,
}

impl Preprocessing {
    /// Height and width of every preprocessed image; `None` where they depend on the image.
    pub fn output_size(&self) -> Option<(usize, usize)> {
        match (self.crop, self.resize) {
            (Some(size), _) => Some(size),
            (None, Some(Resize::Exact { height, width })) => Some((height, width)),
            (None, Some(Resize::Patches(grid))) => Some((grid.side_px(), grid.side_px())),
            (None, _) => None,
        }
    }

    /// Refuses an image of a size in pixels that this recipe would bring to another grid of patches
    /// than it brings squares to.
    ///
    /// # Errors
    /// [`NotSquare`], from recipes of [`Resize::Patches`] alone.
    pub fn check_size(&self, width: usize, height: usize) -> Result<(), NotSquare> {
        match self.resize {
            Some(Resize::Patches(grid)) => grid.check(width, height),
            _ => Ok(()),
        }
    }

    /// The 8-bit part of the recipe: resize and crop. Only what the crop keeps is made.
    ///
    /// # Panics
    /// The image is one that [`check_size`](Self::check_size) refuses.
    pub fn pixels(&self, image: &RgbImage) -> RgbImage {
        let size = match self.resize {
            None => (image.width(), image.height()),
            Some(Resize::ShortestEdge(side)) => shortest_edge_size(image, side),
            Some(Resize::Exact { height, width }) => (width, height),
            Some(Resize::Patches(grid)) => {
                let fits = grid.check(image.width(), image.height());
                fits.expect("images of other grids are refused before they are preprocessed");
                (grid.side_px(), grid.side_px())
            }
        };
        let Some((height, width)) = self.crop else {
            return resize(image, size.0, size.1, self.resample);
        };
        let columns = kept(size.0, width, self.crop_rounding);
        let rows = kept(size.1, height, self.crop_rounding);
        let window = resize_window(image, size, columns, rows, self.resample);
        // What is left to do where the image is smaller than the crop.
        center_crop(&window, height, width, self.crop_rounding)
    }

    /// The preprocessed image, `[3, height, width]`.
    ///
    /// # Panics
    /// As for [`pixels`](Self::pixels).
    pub fn apply(&self, image: &RgbImage) -> Vec<f32> {
        if self.resize_floats {
            let (height, width) = self.output_size().expect("such a recipe has a size");
            let mut out = vec![0.0; 3 * height * width];
            self.apply_into(image, &mut out);
            return out;
        }
        let pixels = self.pixels(image);
        let mut out = vec![0.0; pixels.pixels().len()];
        self.scale(&pixels, &mut out);
        out
    }

    /// Writes the preprocessed image to `out`, `[3, height, width]`.
    ///
    /// # Panics
    /// `out` has another size than the preprocessed image ([`output_size`](Self::output_size)); or
    /// as for [`pixels`](Self::pixels).
    pub fn apply_into(&self, image: &RgbImage, out: &mut [f32]) {
        match (self.resize_floats, self.resize) {
            (true, Some(Resize::Exact { height, width })) => {
                self.resize_floats(image, [height, width], out);
            }
            _ => self.scale(&self.pixels(image), out),
        }
    }

    /// Rescales, resizes in floats, and normalises.
    fn resize_floats(&self, image: &RgbImage, [height, width]: [usize; 2], out: &mut [f32]) {
        let factor = self.rescale_factor.unwrap_or(1.0) as f32;
        let resized = resize_floats(image, width, height, self.resample, factor);
        assert_eq!(out.len(), resized.len(), "[3, height, width]");
        let plane = width * height;
        for (channel, (out, values)) in
            out.chunks_exact_mut(plane).zip(resized.chunks_exact(plane)).enumerate()
        {
            out.copy_from_slice(values);
            if let Some(n) = self.normalize {
                let (mean, std) = (n.mean[channel] as f32, n.std[channel] as f32);
                out.iter_mut().for_each(|x| *x = (*x - mean) / std);
            }
        }
    }

    /// Rescales and normalises as the NumPy processors of transformers do: 8-bit values times the
    /// factor in f64, rounded to f32; then mean and deviation in f32. An 8-bit value has 256
    /// results, so a table holds them.
    fn scale(&self, image: &RgbImage, out: &mut [f32]) {
        assert_eq!(out.len(), image.pixels().len(), "[3, height, width]");
        let plane = image.width() * image.height();
        for (channel, out) in out.chunks_exact_mut(plane).enumerate() {
            let table: [f32; 256] = std::array::from_fn(|value| {
                let scaled = match self.rescale_factor {
                    Some(factor) => (value as f64 * factor) as f32,
                    None => value as f32,
                };
                match self.normalize {
                    Some(n) => (scaled - n.mean[channel] as f32) / n.std[channel] as f32,
                    None => scaled,
                }
            });
            // [h, w, c] -> [c, h, w]
            let values = image.pixels()[channel..].iter().step_by(3);
            out.iter_mut().zip(values).for_each(|(out, value)| *out = table[usize::from(*value)]);
        }
    }
}

impl fmt::Display for Preprocessing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resize {
            None => write!(f, "no resize")?,
            Some(Resize::ShortestEdge(side)) => write!(f, "short side {side} {}", self.resample)?,
            Some(Resize::Exact { height, width }) => {
                write!(f, "{height} × {width} {}", self.resample)?;
            }
            Some(Resize::Patches(grid)) => {
                let (side, patch) = (grid.side(), grid.patch_px);
                write!(f, "squares to {side} × {side} patches of {patch} {}", self.resample)?;
            }
        }
        if let Some((height, width)) = self.crop {
            write!(f, ", centre {height} × {width}")?;
        }
        if let Some(Normalize { mean, std }) = self.normalize {
            write!(f, ", mean {:.3?}, std {:.3?}", mean, std)?;
        }
        Ok(())
    }
}
