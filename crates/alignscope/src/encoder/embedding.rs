//! From pixels to tokens.

use super::block::Scratch;
use super::linear::Linear;
use super::norm::LayerNorm;
use alignscope_kernel::huge_pages;

/// Patches, class token and positions.
#[derive(Debug)]
pub(super) struct Embedding {
    /// A patch's pixels `[3, patch, patch]` to channels.
    pub(super) patch: Linear,
    /// Put before the patches where there is one: `[channels]`.
    pub(super) class_token: Option<Vec<f32>>,
    /// `[tokens, channels]`.
    pub(super) positions: Vec<f32>,
    /// CLIP's `pre_layrnorm`.
    pub(super) norm: Option<LayerNorm>,
    pub(super) patch_size: usize,
    pub(super) image_size: usize,
}

impl Embedding {
    /// Embeds one image.
    ///
    /// `pixels` is `[3, image_size, image_size]`, `out` `[tokens, channels]`.
    pub(super) fn apply(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let channels = self.patch.outputs();
        let class_rows = usize::from(self.class_token.is_some());
        let (class, rest) = out.split_at_mut(class_rows * channels);
        if let Some(token) = &self.class_token {
            class.copy_from_slice(token);
        }
        self.apply_patches(pixels, rest, scratch);
        out.iter_mut().zip(&self.positions).for_each(|(o, p)| *o += p);

        if let Some(norm) = &self.norm {
            let copy = huge_pages::first(&mut scratch.wide, channels, 0.0);
            for row in out.chunks_exact_mut(channels) {
                copy.copy_from_slice(row);
                norm.apply(copy, row);
            }
        }
    }

    /// The bare patch embedding of one image, without class token, positions and norm.
    ///
    /// `pixels` is `[3, image_size, image_size]`, `out` `[patches, channels]`.
    pub(super) fn apply_patches(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let side = self.image_size / self.patch_size;
        self.patch.shape(&mut scratch.input, side * side);
        for patch in 0..side * side {
            scratch.input.fill_row(patch, |out| self.cut(pixels, patch, out));
        }
        self.patch.apply(&scratch.input, out, &mut scratch.products);
    }

    /// Cuts a patch out of an image, patches being counted row by row: `[3, h, w]` ->
    /// `[3, patch, patch]`. Pixels beyond the last whole patch are dropped, as a convolution of that
    /// stride does.
    fn cut(&self, pixels: &[f32], index: usize, out: &mut [f32]) {
        let (size, patch) = (self.image_size, self.patch_size);
        let side = size / patch;
        let (top, left) = (index / side * patch, index % side * patch);
        for (row, out) in out.chunks_exact_mut(patch).enumerate() {
            let (plane, y) = (row / patch, top + row % patch);
            let start = (plane * size + y) * size + left;
            out.copy_from_slice(&pixels[start..start + patch]);
        }
    }
}
