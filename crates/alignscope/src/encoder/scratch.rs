//! Working memory of one thread.

use alignscope_kernel::{AttentionScratch, Lhs};

/// The working memory of one thread, grown once and then kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What a layer takes: rows after a norm, `[rows, channels]`, or attention's output,
    /// `[rows, heads, padded_width]`.
    pub(super) input: Lhs,
    /// The MLP's hidden layer: `[rows, wide]`.
    pub(super) hidden: Lhs,
    /// Query, key and value: `[rows, 3, heads, padded_width]`.
    pub(super) qkv: Lhs,
    /// Rows of f32 on their way from one layer to the next; rows of the embedding and the head.
    pub(super) wide: Vec<f32>,
    /// Scores of one head, `[tokens, tokens]`, and what came of all of them, `[tokens, channels]`,
    /// where attention is not the kernel's.
    pub(super) scores: Vec<f32>,
    /// Maps of a convolutional network on their way from one convolution to the next.
    pub(super) maps: [Vec<f32>; 3],
    pub(super) attention: AttentionScratch,
}
