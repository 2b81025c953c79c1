//! From pixels to tokens.

use super::architecture::Architecture;
use super::linear::Linear;
use super::norm::Norm;
use super::scratch::Scratch;

/// Patches, the tokens before them, and positions.
#[derive(Debug)]
pub(super) struct Embedding {
    /// A patch's pixels `[3, patch, patch]` to channels.
    pub(super) patch: Linear,
    /// Of each patch, before its position is added.
    pub(super) patch_norm: Option<Norm>,
    /// Class token and registers with their positions, `[prefix, channels]`; may be empty.
    pub(super) prefix: Vec<f32>,
    /// Added to the patches, `[patches, channels]`; empty where positions are not in the tokens.
    pub(super) positions: Vec<f32>,
    /// Of all tokens: CLIP's `pre_layrnorm`.
    pub(super) norm: Option<Norm>,
    pub(super) patch_size: usize,
    pub(super) image_size: usize,
}

impl Embedding {
    /// Tokens before the patches, `[prefix tokens, channels]`, and patches to which `positions`,
    /// `[patches, channels]` or none, are added.
    pub(super) fn new(
        architecture: &Architecture,
        patch: Linear,
        prefix: Vec<f32>,
        positions: Vec<f32>,
    ) -> Self {
        let Architecture { patch_size, image_size, .. } = *architecture;
        Self { patch, patch_norm: None, prefix, positions, norm: None, patch_size, image_size }
    }

    /// As [`new`](Self::new), each token with its own position: `[tokens, channels]`.
    pub(super) fn with_positions(
        architecture: &Architecture,
        patch: Linear,
        mut prefix: Vec<f32>,
        mut positions: Vec<f32>,
    ) -> Self {
        let of_patches = positions.split_off(prefix.len());
        add(&mut prefix, &positions);
        Self::new(architecture, patch, prefix, of_patches)
    }

    /// Embeds one image.
    ///
    /// `pixels` is `[3, image_size, image_size]`, `out` `[tokens, channels]`.
    pub(super) fn apply(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let (prefix, patches) = out.split_at_mut(self.prefix.len());
        prefix.copy_from_slice(&self.prefix);
        self.apply_patches(pixels, patches, scratch);
        if let Some(norm) = &self.patch_norm {
            norm.apply_in_place(patches, &mut scratch.wide);
        }
        add(patches, &self.positions);
        if let Some(norm) = &self.norm {
            norm.apply_in_place(out, &mut scratch.wide);
        }
    }

    /// The bare patch embedding of one image, without prefix, positions and norms.
    ///
    /// `pixels` is `[3, image_size, image_size]`, `out` `[patches, channels]`.
    pub(super) fn apply_patches(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let side = self.image_size / self.patch_size;
        self.patch.shape(&mut scratch.input, side * side);
        for patch in 0..side * side {
            scratch.input.fill_row(patch, |out| self.cut(pixels, patch, out));
        }
        self.patch.apply(&scratch.input, out);
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

    /// Channels of a token.
    pub(super) fn channels(&self) -> usize {
        self.patch.outputs()
    }

    /// Tokens of an image: the patches, and those before them.
    pub(super) fn tokens(&self) -> usize {
        let side = self.image_size / self.patch_size;
        self.prefix.len() / self.channels() + side * side
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        self.patch.bytes()
            + size_of_val(self.positions.as_slice())
            + size_of_val(self.prefix.as_slice())
    }
}

/// Adds positions to tokens.
pub(super) fn add(tokens: &mut [f32], positions: &[f32]) {
    tokens.iter_mut().zip(positions).for_each(|(token, position)| *token += position);
}
