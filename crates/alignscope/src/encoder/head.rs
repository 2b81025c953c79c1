//! From the last block's tokens to one vector.

use std::ops::Range;

use super::linear::Linear;
use super::norm::Norm;
use super::rotary::Rotary;
use super::scratch::Scratch;
use alignscope_kernel::{Activation, Matrix, MatrixMut, huge_pages, matmul, softmax_rows};

/// The norm after the last block, the pooling, and the projection.
#[derive(Debug)]
pub(super) struct Head {
    /// Of each token, before they are pooled.
    pub(super) norm: Option<Norm>,
    pub(super) pooling: Pooling,
    /// Of the pooled vector.
    pub(super) pooled_norm: Option<Norm>,
    /// None where the pooled vector is the last stage.
    pub(super) projection: Option<Projection>,
    /// Whether a hyperbolic tangent follows, as in BERT's pooler.
    pub(super) tanh: bool,
    /// Whether the projection is divided by its L2 norm.
    pub(super) unit: bool,
}

/// From the pooled vector to the last stage.
#[derive(Debug)]
pub(super) enum Projection {
    Linear(Linear),
    /// Two layers with a non-linearity between them.
    Mlp {
        input: Linear,
        activation: Activation,
        out: Linear,
    },
}

impl From<Linear> for Projection {
    fn from(linear: Linear) -> Self {
        Self::Linear(linear)
    }
}

impl Projection {
    /// Projects one vector, `[inputs]`, into `out`, `[last channels]`.
    pub(super) fn apply(&self, vector: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let Scratch { input: lhs, hidden, .. } = scratch;
        match self {
            Self::Linear(linear) => linear.apply_row(vector, out, lhs),
            Self::Mlp { input, activation, out: last } => {
                input.shape(lhs, 1);
                lhs.set_row(0, vector);
                input.to_lhs(lhs, Some(*activation), hidden);
                last.apply(hidden, out);
            }
        }
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Linear(linear) => linear.bytes(),
            Self::Mlp { input, out, .. } => input.bytes() + out.bytes(),
        }
    }
}

/// How tokens become one vector.
#[derive(Debug)]
pub(super) enum Pooling {
    /// The first token.
    ClassToken,
    /// The mean of these tokens.
    Mean(Range<usize>),
    /// A learned query attends to the tokens.
    Attention(Box<AttentionPooling>),
}

impl Pooling {
    /// Channels of what becomes of tokens of so many.
    fn outputs(&self, channels: usize) -> usize {
        match self {
            Self::ClassToken | Self::Mean(_) => channels,
            Self::Attention(attention) => attention.out.outputs(),
        }
    }
}

/// A pooling head: attention of one query, and an MLP.
#[derive(Debug)]
pub(super) struct AttentionPooling {
    /// So many tokens, the first ones, are left out.
    pub(super) skip: usize,
    /// The learned query after its projection, `[channels]`, which is the same for every image; empty
    /// where an image has a query of its own.
    pub(super) query: Vec<f32>,
    /// Keys and values: `[2 channels of a query, channels of a token]`.
    pub(super) key_value: Linear,
    /// Turns the keys of all tokens but the first.
    pub(super) rotary: Option<Rotary>,
    pub(super) out: Linear,
    /// What follows, if anything does.
    pub(super) mlp: Option<PoolingMlp>,
    pub(super) heads: usize,
}

/// The MLP of a pooling head, which adds to what it is given.
#[derive(Debug)]
pub(super) struct PoolingMlp {
    pub(super) norm: Norm,
    pub(super) input: Linear,
    pub(super) activation: Activation,
    pub(super) out: Linear,
}

impl Head {
    /// Pools tokens that were normed, and nothing else.
    pub(super) fn new(norm: Norm, pooling: Pooling) -> Self {
        Self { norm: Some(norm), ..Self::without_norm(pooling) }
    }

    /// Pools tokens, and nothing else.
    pub(super) fn without_norm(pooling: Pooling) -> Self {
        let (norm, pooled_norm, projection) = (None, None, None);
        Self { norm, pooling, pooled_norm, projection, tanh: false, unit: false }
    }

    /// Projects one image.
    ///
    /// `tokens` is `[tokens, channels]`, `out` `[last channels]`.
    pub(super) fn apply(
        &self,
        tokens: &[f32],
        channels: usize,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let mut pooled = vec![0.0; self.pooling.outputs(channels)];
        let copy_normed = |token: &[f32], out: &mut [f32]| match &self.norm {
            Some(norm) => norm.apply(token, out),
            None => out.copy_from_slice(token),
        };
        match &self.pooling {
            Pooling::ClassToken => copy_normed(&tokens[..channels], &mut pooled),
            Pooling::Mean(range) => {
                let normed = huge_pages::first(&mut scratch.wide, channels, 0.0);
                for token in tokens.chunks_exact(channels).skip(range.start).take(range.len()) {
                    copy_normed(token, normed);
                    pooled.iter_mut().zip(&*normed).for_each(|(sum, x)| *sum += x);
                }
                pooled.iter_mut().for_each(|sum| *sum /= range.len() as f32);
            }
            Pooling::Attention(attention) => {
                let tokens = &tokens[attention.skip * channels..];
                let count = tokens.len() / channels;
                attention.key_value.shape(&mut scratch.input, count);
                for (row, token) in tokens.chunks_exact(channels).enumerate() {
                    scratch.input.fill_row(row, |out| copy_normed(token, out));
                }
                attention.apply(&attention.query, count, &mut pooled, scratch);
            }
        }
        if let Some(norm) = &self.pooled_norm {
            norm.apply_in_place(&mut pooled, &mut scratch.wide);
        }
        match &self.projection {
            Some(projection) => projection.apply(&pooled, out, scratch),
            None => out.copy_from_slice(&pooled),
        }
        if self.tanh {
            out.iter_mut().for_each(|x| *x = libm::tanhf(*x));
        }
        if self.unit {
            to_unit(out);
        }
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        let pooling = match &self.pooling {
            Pooling::ClassToken | Pooling::Mean(_) => 0,
            Pooling::Attention(attention) => attention.bytes(),
        };
        pooling + self.projection.as_ref().map_or(0, Projection::bytes)
    }
}

/// Divides a vector by its L2 norm. A zero vector has no direction; it stays zero.
pub(super) fn to_unit(vector: &mut [f32]) {
    let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
    }
}

impl AttentionPooling {
    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        let mlp = self.mlp.as_ref().map_or(0, |mlp| mlp.input.bytes() + mlp.out.bytes());
        self.key_value.bytes() + self.out.bytes() + mlp
    }

    /// Pools tokens, which are what the keys' layer takes, by a query of `[channels]` into `out`,
    /// `[outputs]`.
    pub(super) fn apply(
        &self,
        query: &[f32],
        count: usize,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let channels = query.len();
        let Scratch { input, hidden, wide, .. } = scratch;
        let key_value = huge_pages::first(wide, count * 2 * channels, 0.0);
        self.key_value.apply(input, key_value);
        let width = channels / self.heads;
        if let Some(rotary) = &self.rotary {
            let places = key_value.chunks_exact_mut(2 * channels).skip(1).enumerate();
            for (place, key_value) in places {
                let heads = key_value[..channels].chunks_exact_mut(width);
                heads.for_each(|head| rotary.turn(place, head));
            }
        }
        let scale = 1.0 / (width as f32).sqrt();
        let mut attended = vec![0.0; channels];
        let mut attention = vec![0.0; count];
        for head in 0..self.heads {
            let start = head * width;
            let part = |from: usize| Matrix::rows(&key_value[from..], count, width, 2 * channels);
            let query = Matrix::rows(&query[start..], 1, width, width);
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
        self.out.apply_row(&attended, out, input);
        if let Some(mlp) = &self.mlp {
            mlp.input.shape(input, 1);
            mlp.norm.fill(out, input);
            mlp.input.to_lhs(input, Some(mlp.activation), hidden);
            mlp.out.add_to(hidden, out);
        }
    }
}
