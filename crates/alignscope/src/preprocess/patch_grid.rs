//! Grids of patches that keep the proportion of an image.

use serde::Serialize;

/// Patches of one size, at most so many of an image, in a grid of its proportion: the rule of
/// transformers' `Siglip2ImageProcessor` (NaFlex).
///
/// Stages are compared token by token, so that all images must have one grid: the square one. Square
/// images have it, whatever their size, and images so near a square that they come to it too.
///
/// # Source
/// `get_image_size_for_max_num_patches` of transformers 5.24, held to it in
/// `tests/golden/preprocess/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PatchGrid {
    /// Side of a patch in pixels; ≥ 1.
    pub patch_px: usize,
    /// Most patches of an image; ≥ 1.
    pub max_patches: usize,
}

/// An image has another grid of patches than a square has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has {width} × {height} pixels, of which the model's processor makes {columns} × {rows} \
     patches, expected {side} × {side}, those of a square, since stages are compared patch by \
     patch; bring the images to squares, or take a model of fixed resolution"
)]
pub struct NotSquare {
    /// Width of the image in pixels.
    pub width: usize,
    /// Height of the image in pixels.
    pub height: usize,
    /// Patches side by side.
    pub columns: usize,
    /// Patches one under the other.
    pub rows: usize,
    /// Patches on a side of the square grid.
    pub side: usize,
}

impl PatchGrid {
    /// No image is enlarged by more.
    const MAX_SCALE: f64 = 100.0;
    /// How exactly the scale is found.
    const EPS: f64 = 1e-5;

    /// Patches on a side of the square grid.
    pub fn side(self) -> usize {
        self.max_patches.isqrt()
    }

    /// Pixels on a side of the square grid.
    pub fn side_px(self) -> usize {
        self.side() * self.patch_px
    }

    /// Columns and rows of an image of this size in pixels: those of the largest scale at which
    /// there are at most `max_patches`, a side being rounded up to whole patches.
    pub fn of_image(self, width: usize, height: usize) -> (usize, usize) {
        let patches = |scale: f64, side: usize| {
            (side as f64 * scale / self.patch_px as f64).ceil().max(1.0) as usize
        };
        let grid = |scale: f64| (patches(scale, width), patches(scale, height));
        let (mut fits, mut too_large) = (Self::EPS / 10.0, Self::MAX_SCALE);
        while too_large - fits >= Self::EPS {
            let scale = (fits + too_large) / 2.0;
            let (columns, rows) = grid(scale);
            match columns * rows <= self.max_patches {
                true => fits = scale,
                false => too_large = scale,
            }
        }
        grid(fits)
    }

    /// Refuses an image that has another grid than a square has, or is so small that it cannot be
    /// enlarged to it.
    ///
    /// # Errors
    /// [`NotSquare`].
    pub fn check(self, width: usize, height: usize) -> Result<(), NotSquare> {
        let side = self.side();
        match self.of_image(width, height) {
            (columns, rows) if (columns, rows) == (side, side) => Ok(()),
            (columns, rows) => Err(NotSquare { width, height, columns, rows, side }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_of_any_size_have_the_largest_square_grid() {
        for (max_patches, side) in [(1, 1), (15, 3), (16, 4), (255, 15), (256, 16), (1024, 32)] {
            let grid = PatchGrid { patch_px: 16, max_patches };
            assert_eq!((grid.side(), grid.side_px()), (side, 16 * side));
            for size in [5, 16, 100, 255, 256, 257, 500, 1999, 13_000] {
                assert_eq!(grid.of_image(size, size), (side, side), "{max_patches}, {size}");
            }
        }
    }

    /// Numbers of `get_image_size_for_max_num_patches`.
    #[test]
    fn other_images_keep_their_proportion_and_are_refused() {
        let grid = PatchGrid { patch_px: 16, max_patches: 256 };
        for (size, expected) in [
            ((640, 480), (18, 14)),
            ((480, 640), (14, 18)),
            ((512, 511), (16, 16)),
            ((500, 480), (16, 16)),
            ((500, 460), (17, 15)),
            ((300, 20), (60, 4)),
            ((4000, 1), (256, 1)),
            ((3, 3), (16, 16)),
            ((2, 2), (13, 13)),
        ] {
            assert_eq!(grid.of_image(size.0, size.1), expected, "{size:?}");
            assert_eq!(grid.check(size.0, size.1).is_ok(), expected == (16, 16), "{size:?}");
        }
        let error = grid.check(640, 480).expect_err("no square").to_string();
        assert!(error.starts_with("it has 640 × 480 pixels, of which"), "{error}");
        assert!(error.contains("18 × 14 patches, expected 16 × 16"), "{error}");
    }
}
