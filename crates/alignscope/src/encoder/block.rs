//! One block of a vision transformer: attention and a perceptron, each behind a layer norm and
//! added to what came in.

use super::linear::Linear;
use super::norm::LayerNorm;
use crate::kernel::{Activation, Matrix, MatrixMut, ProductScratch, matmul, softmax_rows};

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
}

/// The working memory of one thread, grown once and then kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Rows after a layer norm, or attention's output: `[rows, channels]`.
    pub(super) normed: Vec<f32>,
    /// Query, key and value, or the perceptron's hidden layer: `[rows, wide]`.
    pub(super) wide: Vec<f32>,
    /// Attention of one image and head: `[tokens, tokens]`.
    pub(super) attention: Vec<f32>,
    pub(super) products: ProductScratch,
}

/// The first `len` numbers of a buffer, which grows if it must.
pub(super) fn first(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

impl Block {
    /// Replaces the activations of a few images by the block's output.
    ///
    /// `x` is `[images, tokens, channels]`.
    pub(super) fn apply(&self, x: &mut [f32], tokens: usize, scratch: &mut Scratch) {
        let channels = self.attention_out.outputs();
        let rows = x.len() / channels;

        let normed = first(&mut scratch.normed, rows * channels);
        let qkv = first(&mut scratch.wide, rows * 3 * channels);
        self.norm_1.apply(x, normed);
        self.qkv.apply(normed, qkv, &mut scratch.products);
        let attention = first(&mut scratch.attention, tokens * tokens);
        for (qkv, out) in
            qkv.chunks_exact(tokens * 3 * channels).zip(normed.chunks_exact_mut(tokens * channels))
        {
            self.attend(qkv, out, attention, tokens, channels);
        }
        self.attention_out.add_to(normed, x, &mut scratch.products);

        let hidden = first(&mut scratch.wide, rows * self.mlp_in.outputs());
        self.norm_2.apply(x, normed);
        self.mlp_in.apply(normed, hidden, &mut scratch.products);
        self.activation.apply(hidden);
        self.mlp_out.add_to(hidden, x, &mut scratch.products);
    }

    /// Multi-head attention of one image: `softmax(Q Kᵀ / √d) V` for each head of width d.
    ///
    /// `qkv` is `[tokens, 3 channels]`, `out` `[tokens, channels]`.
    fn attend(
        &self,
        qkv: &[f32],
        out: &mut [f32],
        attention: &mut [f32],
        tokens: usize,
        channels: usize,
    ) {
        let width = channels / self.heads;
        let scale = 1.0 / (width as f32).sqrt();
        let part = |start: usize| Matrix::rows(&qkv[start..], tokens, width, 3 * channels);
        for head in 0..self.heads {
            let start = head * width;
            let query = part(start);
            let key = part(channels + start);
            let value = part(2 * channels + start);
            let scores = MatrixMut::rows(attention, tokens, tokens, tokens);
            matmul(scores, query, key.transposed(), scale, false);
            softmax_rows(attention, tokens);
            matmul(
                MatrixMut::rows(&mut out[start..], tokens, width, channels),
                Matrix::rows(attention, tokens, tokens, tokens),
                value,
                1.0,
                false,
            );
        }
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
        let wide = self.qkv.outputs().max(self.mlp_in.outputs());
        size_of::<f32>() * (rows * (self.attention_out.outputs() + wide) + tokens * tokens)
    }
}
