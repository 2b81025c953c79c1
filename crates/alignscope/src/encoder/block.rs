//! One block of a vision transformer: attention and an MLP, each behind a layer norm and
//! added to what came in.

use super::linear::Linear;
use super::norm::LayerNorm;
use alignscope_kernel::{Activation, Attention, AttentionScratch, Lhs, ProductScratch};

/// A pre-norm transformer block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) norm_1: LayerNorm,
    /// Query, key and value at once: `[3, heads, padded_width]` outputs, as attention takes them.
    pub(super) qkv: Linear,
    /// It takes `[heads, padded_width]`.
    pub(super) attention_out: Linear,
    pub(super) norm_2: LayerNorm,
    pub(super) mlp_in: Linear,
    pub(super) activation: Activation,
    pub(super) mlp_out: Linear,
    pub(super) heads: usize,
}

/// The working memory of one thread, grown once and then kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What a layer takes: rows after a layer norm, `[rows, channels]`, or attention's output,
    /// `[rows, heads, padded_width]`.
    pub(super) input: Lhs,
    /// The MLP's hidden layer: `[rows, wide]`.
    pub(super) hidden: Lhs,
    /// Query, key and value: `[rows, 3, heads, padded_width]`.
    pub(super) qkv: Lhs,
    /// Rows of the embedding and the head.
    pub(super) wide: Vec<f32>,
    pub(super) attention: AttentionScratch,
    pub(super) products: ProductScratch,
}

impl Block {
    /// Replaces the activations of a few images by the block's output.
    ///
    /// `x` is `[images, tokens, channels]`.
    pub(super) fn apply(&self, x: &mut [f32], tokens: usize, scratch: &mut Scratch) {
        let channels = self.attention_out.outputs();
        let rows = x.len() / channels;
        let Scratch { input, hidden, qkv, attention, products, .. } = scratch;

        self.qkv.shape(input, rows);
        self.norm_1.fill(x, input);
        self.qkv.to_lhs(input, None, qkv, products);
        self.attention_out.shape(input, rows);
        let (heads, width) = (self.heads, channels / self.heads);
        for first_row in (0..rows).step_by(tokens) {
            Attention { qkv, first_row, tokens, heads, width }.apply(input, attention);
        }
        self.attention_out.add_to(input, x, products);

        self.mlp_in.shape(input, rows);
        self.norm_2.fill(x, input);
        self.mlp_in.to_lhs(input, Some(self.activation), hidden, products);
        self.mlp_out.add_to(hidden, x, products);
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        [&self.qkv, &self.attention_out, &self.mlp_in, &self.mlp_out]
            .iter()
            .map(|linear| linear.bytes())
            .sum()
    }

    /// Bytes of one thread's working memory for `rows` rows.
    pub(super) fn scratch_bytes(&self, rows: usize, tokens: usize) -> usize {
        let channels = self.attention_out.outputs();
        let (qkv, hidden) = (self.qkv.outputs(), self.mlp_in.outputs());
        let attended = qkv / 3;
        let sides = [qkv, attended, hidden].map(|n| self.qkv.lhs_bytes(rows, n));
        // SigLIP's head has keys and values of an image in `wide`.
        sides.iter().sum::<usize>()
            + size_of::<f32>() * tokens * 2 * channels
            + AttentionScratch::bytes(tokens, channels / self.heads)
            + ProductScratch::bytes(rows, qkv.max(hidden))
    }
}
