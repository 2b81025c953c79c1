//! From the last block's tokens to one vector.

use super::block::Scratch;
use super::linear::Linear;
use super::norm::LayerNorm;
use alignscope_kernel::{Activation, Matrix, MatrixMut, huge_pages, matmul, softmax_rows};

/// The layer norm after the last block, the pooling, and the projection.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) norm: LayerNorm,
    pub(super) pooling: Pooling,
    /// None where the pooled vector is the projection.
    pub(super) projection: Option<Linear>,
    /// Whether the projection is divided by its L2 norm.
    pub(super) unit: bool,
}

/// How tokens become one vector.
#[derive(Debug)]
pub(super) enum Pooling {
    /// The first token.
    ClassToken,
    /// The mean of the patches, before which there are `prefix` tokens.
    PatchMean { prefix: usize },
    /// A learned query attends to all tokens.
    Attention(Box<AttentionPooling>),
}

/// SigLIP's pooling head.
#[derive(Debug)]
pub(super) struct AttentionPooling {
    /// The learned query after its projection, `[channels]`: it is the same for every image.
    pub(super) query: Vec<f32>,
    /// Keys and values: `[2 channels, channels]`.
    pub(super) key_value: Linear,
    pub(super) out: Linear,
    pub(super) norm: LayerNorm,
    pub(super) mlp_in: Linear,
    pub(super) activation: Activation,
    pub(super) mlp_out: Linear,
    pub(super) heads: usize,
}

impl Head {
    /// Projects one image.
    ///
    /// `tokens` is `[tokens, channels]`, `out` `[projection]`.
    pub(super) fn apply(&self, tokens: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let channels = self.norm.weight.len();
        let mut pooled = vec![0.0; channels];
        match &self.pooling {
            Pooling::ClassToken => self.norm.apply(&tokens[..channels], &mut pooled),
            Pooling::PatchMean { prefix } => {
                let normed = huge_pages::first(&mut scratch.wide, channels, 0.0);
                let patches = tokens.chunks_exact(channels).skip(*prefix);
                let count = patches.len() as f32;
                for token in patches {
                    self.norm.apply(token, normed);
                    pooled.iter_mut().zip(&*normed).for_each(|(sum, x)| *sum += x);
                }
                pooled.iter_mut().for_each(|sum| *sum /= count);
            }
            Pooling::Attention(attention) => {
                attention.key_value.shape(&mut scratch.input, tokens.len() / channels);
                self.norm.fill(tokens, &mut scratch.input);
                attention.apply(tokens.len() / channels, &mut pooled, scratch);
            }
        }
        match &self.projection {
            Some(projection) => {
                projection.apply_row(&pooled, out, &mut scratch.input, &mut scratch.products);
            }
            None => out.copy_from_slice(&pooled),
        }
        if self.unit {
            let norm = out.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            // A zero vector has no direction; it stays zero.
            if norm > 0.0 {
                out.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
            }
        }
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        let pooling = match &self.pooling {
            Pooling::ClassToken | Pooling::PatchMean { .. } => 0,
            Pooling::Attention(a) => {
                [&a.key_value, &a.out, &a.mlp_in, &a.mlp_out].iter().map(|l| l.bytes()).sum()
            }
        };
        pooling + self.projection.as_ref().map_or(0, Linear::bytes)
    }
}

impl AttentionPooling {
    /// Pools normed tokens, which are what the keys' layer takes, into `out`, `[channels]`.
    fn apply(&self, count: usize, out: &mut [f32], scratch: &mut Scratch) {
        let channels = out.len();
        let Scratch { input, hidden, wide, products, .. } = scratch;
        let key_value = huge_pages::first(wide, count * 2 * channels, 0.0);
        self.key_value.apply(input, key_value, products);
        let width = channels / self.heads;
        let scale = 1.0 / (width as f32).sqrt();
        let mut attended = vec![0.0; channels];
        let mut attention = vec![0.0; count];
        for head in 0..self.heads {
            let start = head * width;
            let part = |from: usize| Matrix::rows(&key_value[from..], count, width, 2 * channels);
            let query = Matrix::rows(&self.query[start..], 1, width, width);
            let scores = MatrixMut::rows(&mut attention, 1, count, count);
            matmul(scores, query, part(start).transposed(), scale, false);
            softmax_rows(&mut attention, count);
            matmul(
                MatrixMut::rows(&mut attended[start..], 1, width, width),
                Matrix::rows(&attention, 1, count, count),
                part(channels + start),
                1.0,
                false,
            );
        }
        self.out.apply_row(&attended, out, input, products);
        self.mlp_in.shape(input, 1);
        self.norm.fill(out, input);
        self.mlp_in.to_lhs(input, Some(self.activation), hidden, products);
        self.mlp_out.add_to(hidden, out, products);
    }
}
