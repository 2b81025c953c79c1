//! Attention by the crate `gemm`, for processors without AVX-512.

use super::head::Head;
use crate::huge_pages;
use crate::matmul::{Matrix, MatrixMut, matmul};
use crate::softmax::softmax_rows;

/// Queries that are taken at a time.
const QUERIES: usize = 64;

/// Scores of a few queries: `[queries, tokens]`.
#[derive(Debug, Default)]
pub(super) struct PlainScratch {
    scores: Vec<f32>,
}

/// Writes the head's part of each token, `stride` apart in `out`.
pub(super) fn attend(head: Head<'_>, out: &mut [f32], stride: usize, scratch: &mut PlainScratch) {
    let Head { tokens, width, .. } = head;
    let scores = huge_pages::first(&mut scratch.scores, QUERIES.min(tokens) * tokens, 0.0);
    for first in (0..tokens).step_by(QUERIES) {
        let queries = QUERIES.min(tokens - first);
        let scores = &mut scores[..queries * tokens];
        matmul(
            MatrixMut::rows(scores, queries, tokens, tokens),
            Matrix::rows(&head.query[first * head.stride..], queries, width, head.stride),
            Matrix::rows(head.key, tokens, width, head.stride).transposed(),
            head.scale,
            false,
        );
        softmax_rows(scores, tokens);
        matmul(
            MatrixMut::rows(&mut out[first * stride..], queries, width, stride),
            Matrix::rows(scores, queries, tokens, tokens),
            Matrix::rows(head.value, tokens, width, head.stride),
            1.0,
            false,
        );
    }
}
