//! One block of a vision transformer: attention and an MLP, each behind a norm and added to what
//! came in.

use super::attention::SelfAttention;
use super::mlp::Mlp;
use super::norm::Norm;
use super::scratch::Scratch;

/// A pre-norm transformer block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) norm_1: Norm,
    pub(super) attention: SelfAttention,
    pub(super) norm_2: Norm,
    pub(super) mlp: Mlp,
}

impl Block {
    /// Replaces the activations of a few images by the block's output.
    ///
    /// `x` is `[images, tokens, channels]`.
    pub(super) fn apply(&self, x: &mut [f32], tokens: usize, scratch: &mut Scratch) {
        self.attention.add_to(&self.norm_1, x, tokens, scratch);
        self.mlp.add_to(&self.norm_2, x, scratch);
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        self.attention.bytes() + self.mlp.bytes()
    }

    /// Bytes of one thread's working memory for `rows` rows.
    pub(super) fn scratch_bytes(&self, rows: usize, tokens: usize) -> usize {
        let channels = self.norm_1.channels();
        let hidden = self.mlp.input.outputs();
        let wide = match self.mlp.is_plain() {
            // A head of attention has keys and values of an image in `wide`.
            true => tokens * 2 * channels,
            false => (rows * hidden).max(tokens * 2 * channels),
        };
        self.attention.scratch_bytes(rows, tokens)
            + self.mlp.input.lhs_bytes(rows, hidden)
            + size_of::<f32>() * wide
    }
}
