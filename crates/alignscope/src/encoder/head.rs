//! From the last block's tokens to one vector.

use super::block::{Scratch, first};
use super::linear::Linear;
use super::norm::LayerNorm;

/// The layer norm and the projection of the class token.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) norm: LayerNorm,
    pub(super) projection: Linear,
}

impl Head {
    /// Projects one image.
    ///
    /// `tokens` is `[tokens, channels]` with the class token first, `out` `[projection]`.
    pub(super) fn apply(&self, tokens: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let channels = self.norm.weight.len();
        let normed = first(&mut scratch.normed, channels);
        self.norm.apply(&tokens[..channels], normed);
        self.projection.apply(normed, out);
    }
}
