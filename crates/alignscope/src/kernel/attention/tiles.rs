//! Attention in bf16: both products are those of blocks of 32 × 32 (`product/amx.rs`).

use super::super::precision::Precision;
use super::super::product::amx::{EMPTY_SUMS, Multiplier, Sums, put_column};
use super::super::softmax::exponentials;
use super::super::tile::{BLOCK, EMPTY, STEP, Tile, pair, pairs, parts, put};
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
    let empty = |tiles: &mut Vec<Tile>, count| {
        tiles.clear();
        tiles.resize(count, EMPTY);
    };
    empty(queries, over_width);
    empty(keys, panels * over_width);
    empty(values, width.div_ceil(BLOCK) * over_tokens);
    empty(weights, over_tokens);
    sums.resize(sums.len().max(panels), EMPTY_SUMS);
    scores.resize(scores.len().max(panels * BLOCK), 0.0);

    let row = |values: &[f32], token: usize| -> std::ops::Range<usize> {
        let range = token * head.stride..token * head.stride + width;
        assert!(range.end <= values.len(), "a token's part of a head");
        range
    };
    for token in 0..tokens {
        let key = &head.key[row(head.key, token)];
        let panel = &mut keys[token / BLOCK * over_width..][..over_width];
        put_column(panel, parts, token % BLOCK, key);
    }
    pack_values(head, parts, values);

    let multiplier = Multiplier::new();
    for first in (0..tokens).step_by(BLOCK) {
        let count = BLOCK.min(tokens - first);
        for line in 0..count {
            let query = &head.query[row(head.query, first + line)];
            for (tiles, values) in queries.chunks_exact_mut(parts).zip(query.chunks(STEP)) {
                put(tiles, line, &pairs(values));
            }
        }
        for (keys, sums) in keys.chunks_exact(over_width).zip(sums.iter_mut()) {
            multiplier.multiply(queries, keys, parts, false, sums);
        }
        let mut shares = [0.0; BLOCK];
        for (line, share) in shares[..count].iter_mut().enumerate() {
            weigh(&sums[..panels], line, tokens, head.scale, scores, weights, share);
        }
        for (panel, values) in values.chunks_exact(over_tokens).enumerate() {
            let sums = &mut sums[0];
            multiplier.multiply(weights, values, parts, false, sums);
            let start = panel * BLOCK;
            let columns = BLOCK.min(width - start);
            let lines = sums.0.as_chunks::<BLOCK>().0.iter().zip(&shares[..count]);
            for (line, (sums, share)) in lines.enumerate() {
                let out = &mut out[(first + line) * stride + start..][..columns];
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum * share);
            }
        }
    }
}

vectorized! {
    /// The exponentials of one query's scores to its row of `weights`, and one over their sum.
    fn weigh(
        sums: &[Sums],
        line: usize,
        tokens: usize,
        scale: f32,
        scores: &mut [f32],
        weights: &mut [Tile],
        share: &mut f32,
    ) {
        for (scores, sums) in scores.chunks_exact_mut(BLOCK).zip(sums) {
            scores.copy_from_slice(&sums.0[line * BLOCK..][..BLOCK]);
        }
        let scores = &mut scores[..tokens];
        let parts = weights.len() / tokens.div_ceil(STEP);
        *share = 1.0 / exponentials(scores, scale);
        for (tiles, values) in weights.chunks_exact_mut(parts).zip(scores.chunks(STEP)) {
            put(tiles, line, &pairs(values));
        }
    }
}

vectorized! {
    /// `[tokens, width]` -> `[panels of 32 channels, steps of 32 tokens, parts]`, a tile being
    /// `[16 pairs of tokens, 16 channels]`.
    fn pack_values(head: Head<'_>, parts: usize, tiles: &mut [Tile]) {
        let Head { tokens, width, stride, .. } = head;
        let steps = tokens.div_ceil(STEP);
        let side = BLOCK / 2;
        for pair_of_tokens in 0..tokens.div_ceil(2) {
            let token = 2 * pair_of_tokens;
            let first = &head.value[token * stride..][..width];
            let second: &[f32] = match token + 1 < tokens {
                true => &head.value[(token + 1) * stride..][..width],
                false => &[],
            };
            let (step, line) = (token / STEP, pair_of_tokens % side);
            for (half, start) in (0..width).step_by(side).enumerate() {
                let count = side.min(width - start);
                let tile = (half / 2 * steps + step) * parts + half % 2;
                let (mut high, mut low) = ([0; 16], [0; 16]);
                for i in 0..count {
                    let second = second.get(start + i).copied().unwrap_or(0.0);
                    [high[i], low[i]] = pair(first[start + i], second);
                }
                tiles[tile].0[line * side..][..side].copy_from_slice(&high);
                if parts == 4 {
                    tiles[tile + 2].0[line * side..][..side].copy_from_slice(&low);
                }
            }
        }
    }
}
