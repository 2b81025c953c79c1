//! Attention in bf16: both products are those of blocks of 32 × 32 (`product/tiles.rs`).

use super::super::bf16;
use super::super::huge;
use super::super::padded::padded;
use super::super::precision::Precision;
use super::super::product::tiles::{Block, EMPTY_SUMS, Multiplier, Sums};
use super::super::softmax::{exponentials, in_lanes};
use super::super::tile::{BLOCK, EMPTY, SIDE, STEP, Tile, parts, put, put_columns, put_rows};
use super::Head;

/// Working memory of one head.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Queries of a block: `[steps over the width, parts]`.
    queries: Vec<Tile>,
    /// Keys: `[panels of 32 tokens, steps over the width, parts]`.
    keys: Vec<Tile>,
    /// Values: `[panels of 32 channels, steps over the tokens, parts]`.
    values: Vec<Tile>,
    /// Sums of a block of queries, `[panels of 32 tokens]`.
    sums: Vec<Sums>,
    /// A query's scores with all keys.
    scores: Vec<f32>,
    /// Their exponentials: `[steps over the tokens, parts]`.
    weights: Vec<Tile>,
}

/// Writes the head's part of each token, `stride` apart in `out`.
pub(super) fn attend(
    head: Head<'_>,
    precision: Precision,
    out: &mut [f32],
    stride: usize,
    scratch: &mut Scratch,
) {
    let Head { tokens, width, .. } = head;
    let parts = parts(precision);
    let (over_width, over_tokens) = (width.div_ceil(STEP) * parts, tokens.div_ceil(STEP) * parts);
    let panels = tokens.div_ceil(BLOCK);
    let Scratch { queries, keys, values, sums, scores, weights } = scratch;
    // What an earlier head left is never looked at: beyond the last token and channel all tiles
    // have zeros where that is summed over, and anything elsewhere.
    let queries = huge::first(queries, over_width, EMPTY);
    let keys = huge::first(keys, panels * over_width, EMPTY);
    let values = huge::first(values, width.div_ceil(BLOCK) * over_tokens, EMPTY);
    let weights = huge::first(weights, over_tokens, EMPTY);
    let sums = huge::first(sums, panels, EMPTY_SUMS);
    let scores = huge::first(scores, panels * BLOCK, 0.0);

    for (panel, keys) in keys.chunks_exact_mut(over_width).enumerate() {
        let first = panel * BLOCK;
        let rows = &head.key[first * head.stride..];
        put_columns(keys, parts, BLOCK.min(tokens - first), rows, head.stride, width);
    }
    pack_values(head, parts, values);

    let multiplier = Multiplier::new();
    for first in (0..tokens).step_by(BLOCK) {
        let count = BLOCK.min(tokens - first);
        let rows = &head.query[first * head.stride..];
        put_rows(queries, parts, 0..count, rows, head.stride, width);
        for (keys, sums) in keys.chunks_exact(over_width).zip(sums.iter_mut()) {
            let (rows, weights) = (&*queries, keys);
            let block = Block { rows, lines: count, weights, parts, add: false, soon: weights };
            multiplier.multiply(block, sums);
        }
        let mut shares = [0.0; BLOCK];
        weigh(sums, tokens, head.scale, scores, weights, &mut shares[..count]);
        for (panel, values) in values.chunks_exact(over_tokens).enumerate() {
            let sums = &mut sums[0];
            let (rows, weights) = (&*weights, values);
            let block = Block { rows, lines: count, weights, parts, add: false, soon: weights };
            multiplier.multiply(block, sums);
            let start = panel * BLOCK;
            let out = &mut out[first * stride + start..];
            write_shares(sums, &shares[..count], out, stride, BLOCK.min(width - start));
        }
    }
}

rounding! {
    /// The exponentials of some queries' scores to the rows of `weights`, and one over the sum of each.
    fn weigh(
        sums: &[Sums],
        tokens: usize,
        scale: f32,
        scores: &mut [f32],
        weights: &mut [Tile],
        shares: &mut [f32],
    ) {
        let parts = weights.len() / tokens.div_ceil(STEP);
        for (line, share) in shares.iter_mut().enumerate() {
            for (scores, sums) in scores.as_chunks_mut::<BLOCK>().0.iter_mut().zip(sums) {
                *scores = sums.0.as_chunks::<BLOCK>().0[line];
            }
            let scores = in_lanes(scores, tokens);
            *share = 1.0 / exponentials(scores, scale);
            for (tiles, values) in weights.chunks_exact_mut(parts).zip(scores[..tokens].chunks(STEP)) {
                put::<NATIVE>(tiles, line, values);
            }
        }
    }
}

vectorized! {
    /// `width` sums of each query, times its share, to rows of `out` that begin `stride` apart.
    fn write_shares(sums: &Sums, shares: &[f32], out: &mut [f32], stride: usize, width: usize) {
        let lines = sums.0.as_chunks::<BLOCK>().0.iter().zip(shares);
        for ((sums, share), out) in lines.zip(out.chunks_mut(stride)) {
            let mut row = *sums;
            row.iter_mut().for_each(|sum| *sum *= share);
            match out[..width].as_mut_array::<BLOCK>() {
                Some(out) => *out = row,
                None => out[..width].copy_from_slice(&row[..width]),
            }
        }
    }
}

rounding! {
    /// `[tokens, width]` -> `[panels of 32 channels, steps of 32 tokens, parts]`, a tile being
    /// `[16 pairs of tokens, 16 channels]`.
    fn pack_values(head: Head<'_>, parts: usize, tiles: &mut [Tile]) {
        let Head { tokens, width, stride, .. } = head;
        let steps = tokens.div_ceil(STEP);
        for panel in tiles.chunks_exact_mut(steps * parts) {
            panel[(steps - 1) * parts..].fill(EMPTY);
        }
        for pair_of_tokens in 0..tokens.div_ceil(2) {
            let token = 2 * pair_of_tokens;
            let first = &head.value[token * stride..][..width];
            let second: &[f32] = match token + 1 < tokens {
                true => &head.value[(token + 1) * stride..][..width],
                false => &[],
            };
            let (step, line) = (token / STEP, pair_of_tokens % SIDE);
            for (half, start) in (0..width).step_by(SIDE).enumerate() {
                let tile = (half / 2 * steps + step) * parts + half % 2;
                let rows = [first, second].map(|row| padded(row.get(start..).unwrap_or_default()));
                let high = bf16::interleaved::<NATIVE>(&rows);
                tiles[tile].0.as_chunks_mut::<SIDE>().0[line] = high;
                if parts == 4 {
                    let rest = bf16::rest_interleaved(&rows, &high);
                    tiles[tile + 2].0.as_chunks_mut::<SIDE>().0[line] =
                        bf16::interleaved::<NATIVE>(&rest);
                }
            }
        }
    }
}
