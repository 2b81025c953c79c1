//! The self-attention of a block.

use std::sync::Arc;

use super::linear::Linear;
use super::norm::Norm;
use super::rotary::Rotary;
use super::scratch::Scratch;
use alignscope_kernel::{
    Attention, AttentionScratch, Lhs, Matrix, MatrixMut, huge_pages, matmul, softmax_rows,
};

/// Multi-head self-attention.
#[derive(Debug)]
pub(super) struct SelfAttention {
    /// Query, key and value at once: `[3, heads, padded_width]` outputs, as attention takes them.
    pub(super) qkv: Linear,
    /// It takes `[heads, padded_width]`.
    pub(super) out: Linear,
    pub(super) heads: usize,
    /// Channels of a head.
    pub(super) width: usize,
    /// Of each head of the queries, and of the keys.
    pub(super) query_key_norms: Option<[Norm; 2]>,
    /// Turns queries and keys of the patches, before which there are `prefix` tokens.
    pub(super) rotary: Option<Arc<Rotary>>,
    pub(super) prefix: usize,
    /// Added to the scores: `[heads, tokens, tokens]`.
    pub(super) relative_bias: Option<Vec<f32>>,
    /// Of what attention gives, over the channels of all heads.
    pub(super) norm: Option<Norm>,
}

impl SelfAttention {
    /// Adds to `x`, `[images, tokens, channels]`, what comes of it behind the norm `before`.
    pub(super) fn add_to(
        &self,
        before: &Norm,
        x: &mut [f32],
        tokens: usize,
        scratch: &mut Scratch,
    ) {
        let rows = x.len() / before.channels();
        self.qkv.shape(&mut scratch.input, rows);
        before.fill(x, &mut scratch.input);
        let Scratch { input, qkv, wide, scores, attention, .. } = scratch;
        if !self.changes_queries() && !self.is_explicit() {
            self.qkv.to_lhs(input, None, qkv);
        } else {
            let outputs = self.qkv.outputs();
            let values = huge_pages::first(wide, rows * outputs, 0.0);
            self.qkv.apply(input, values);
            for (row, values) in values.chunks_exact_mut(outputs).enumerate() {
                self.change(row % tokens, values);
            }
            if self.is_explicit() {
                self.out.shape(input, rows);
                for (image, values) in values.chunks_exact(tokens * outputs).enumerate() {
                    self.attend(values, image * tokens, tokens, input, scores);
                }
                return self.out.add_to(input, x);
            }
            self.qkv.shape_output(qkv, rows);
            for (row, values) in values.chunks_exact(outputs).enumerate() {
                qkv.set_row(row, values);
            }
        }
        self.out.shape(input, rows);
        let (heads, width) = (self.heads, self.width);
        for first_row in (0..rows).step_by(tokens) {
            Attention { qkv, first_row, tokens, heads, width }.apply(input, attention);
        }
        self.out.add_to(input, x);
    }

    /// Whether queries and keys are not what their layer gives.
    fn changes_queries(&self) -> bool {
        self.query_key_norms.is_some() || self.rotary.is_some()
    }

    /// Whether attention is done step by step, as the kernel does not know what it needs.
    fn is_explicit(&self) -> bool {
        self.relative_bias.is_some() || self.norm.is_some()
    }

    fn padded_width(&self) -> usize {
        self.qkv.outputs() / (3 * self.heads)
    }

    /// Norms and turns the queries and keys of one token, `[3, heads, padded_width]`.
    fn change(&self, token: usize, values: &mut [f32]) {
        let padded = self.padded_width();
        let mut copy = Vec::new();
        let parts = values.chunks_exact_mut(self.heads * padded).take(2);
        for (part, values) in parts.enumerate() {
            for head in values.chunks_exact_mut(padded) {
                let head = &mut head[..self.width];
                if let Some(norms) = &self.query_key_norms {
                    norms[part].apply_in_place(head, &mut copy);
                }
                if let (Some(rotary), Some(patch)) = (&self.rotary, token.checked_sub(self.prefix))
                {
                    rotary.turn(patch, head);
                }
            }
        }
    }

    /// The attention of one image, step by step: from `[tokens, 3, heads, padded_width]` to the rows
    /// of `out` from `first_row` on.
    fn attend(
        &self,
        qkv: &[f32],
        first_row: usize,
        tokens: usize,
        out: &mut Lhs,
        scores: &mut Vec<f32>,
    ) {
        let (heads, width, padded) = (self.heads, self.width, self.padded_width());
        let stride = 3 * heads * padded;
        let channels = heads * width;
        let room = huge_pages::first(scores, tokens * (tokens + channels), 0.0);
        let (scores, attended) = room.split_at_mut(tokens * tokens);
        let scale = 1.0 / (width as f32).sqrt();
        for head in 0..heads {
            let part = |part: usize| {
                Matrix::rows(&qkv[(part * heads + head) * padded..], tokens, width, stride)
            };
            if let Some(bias) = &self.relative_bias {
                scores.copy_from_slice(&bias[head * tokens * tokens..][..tokens * tokens]);
            }
            let add = self.relative_bias.is_some();
            let target = MatrixMut::rows(scores, tokens, tokens, tokens);
            matmul(target, part(0), part(1).transposed(), scale, add);
            softmax_rows(scores, tokens);
            let target = MatrixMut::rows(&mut attended[head * width..], tokens, width, channels);
            matmul(target, Matrix::rows(scores, tokens, tokens, tokens), part(2), 1.0, false);
        }
        let mut normed = vec![0.0; channels];
        for (row, attended) in attended.chunks_exact(channels).enumerate() {
            let attended = match &self.norm {
                Some(norm) => {
                    norm.apply(attended, &mut normed);
                    normed.as_slice()
                }
                None => attended,
            };
            out.fill_row(first_row + row, |out| {
                out.fill(0.0);
                let heads = out.chunks_exact_mut(padded).zip(attended.chunks_exact(width));
                heads.for_each(|(out, head)| out[..width].copy_from_slice(head));
            });
        }
    }

    /// Bytes of the weights; rotary positions, which blocks share, are not among them.
    pub(super) fn bytes(&self) -> usize {
        let bias = self.relative_bias.as_ref().map_or(0, |bias| size_of_val(bias.as_slice()));
        self.qkv.bytes() + self.out.bytes() + bias
    }

    /// Bytes of one thread's working memory for `rows` rows of images with `tokens` tokens.
    pub(super) fn scratch_bytes(&self, rows: usize, tokens: usize) -> usize {
        let (qkv, channels) = (self.qkv.outputs(), self.heads * self.width);
        let wide = match self.changes_queries() || self.is_explicit() {
            true => rows * qkv,
            false => 0,
        };
        let explicit = match self.is_explicit() {
            true => tokens * (tokens + channels),
            false => 0,
        };
        [qkv, qkv / 3].map(|n| self.qkv.lhs_bytes(rows, n)).iter().sum::<usize>()
            + size_of::<f32>() * (wide + explicit)
            + AttentionScratch::bytes(tokens, self.width)
    }
}
