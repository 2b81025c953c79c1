//! One block of a vision transformer: attention and a perceptron, each behind a layer norm and
//! added to what came in.

use super::linear::Linear;
use super::norm::LayerNorm;
use crate::kernel::{
    Activation, Attention, AttentionScratch, Operand, Precision, ProductScratch, huge,
    operand_bytes,
};

/// A pre-norm transformer block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) norm_1: LayerNorm,
    /// Query, key and value at once: `[3 channels, channels]`.
    pub(super) qkv: Linear,
    pub(super) attention_out: Linear,
    pub(super) norm_2: LayerNorm,
    pub(super) mlp_in: Linear,
    pub(super) activation: Activation,
    pub(super) mlp_out: Linear,
    pub(super) heads: usize,
    /// In which arithmetic attention multiplies.
    pub(super) precision: Precision,
}

/// The working memory of one thread, grown once and then kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What a layer takes: rows after a layer norm, or attention's output, `[rows, channels]`.
    pub(super) input: Operand,
    /// The perceptron's hidden layer: `[rows, wide]`.
    pub(super) hidden: Operand,
    /// Query, key and value: `[rows, 3 channels]`.
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
        let Scratch { input, hidden, wide, attention, products } = scratch;

        self.qkv.shape(input, rows);
        self.norm_1.fill(x, input);
        let qkv = huge::first(wide, rows * 3 * channels, 0.0);
        self.qkv.apply(input, qkv, products);
        self.attention_out.shape(input, rows);
        for (image, qkv) in qkv.chunks_exact(tokens * 3 * channels).enumerate() {
            let Self { heads, precision, .. } = *self;
            Attention { qkv, tokens, heads, precision }.apply(input, image * tokens, attention);
        }
        self.attention_out.add_to(input, x, products);

        self.mlp_in.shape(input, rows);
        self.norm_2.fill(x, input);
        self.mlp_in.activated(input, self.activation, hidden, &self.mlp_out, products);
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
        operand_bytes(rows, channels)
            + operand_bytes(rows, self.mlp_in.outputs())
            + size_of::<f32>() * rows * self.qkv.outputs()
            + AttentionScratch::bytes(tokens, self.heads, channels)
            + ProductScratch::bytes(rows, self.mlp_in.outputs())
    }
}
