//! Attention in bf16: both products are those of blocks of 32 × 32 (`packed_gemm/tiles.rs`), and
//! what goes in and out are the tiles of the products before and after.
//!
//! Queries are taken where they lie, in blocks that may hold tokens of two images. Keys and values
//! are sorted from the image's first token on, so that the order of sums over tokens does not
//! depend on where it stands.

use std::ops::Range;

use crate::bf16;
use crate::huge_pages;
use crate::lhs::Lhs;
use crate::packed_gemm::tiles::Multiplier;
use crate::packed_gemm::tiles::block::{Block, EMPTY_SUMS, Sums, lines};
use crate::softmax::{exponentials, in_lanes};
use crate::tile::{BLOCK, EMPTY, SIDE, STEP, Tile, parts};
use crate::tile_packing::{put, transpose};

/// Working memory of one head.
#[derive(Debug, Default)]
pub(super) struct TilesScratch {
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

/// One head, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    /// Query, key and value of each token, `[rows, 3, heads, padded_width]`.
    pub(super) qkv: &'a Lhs,
    /// Where the image's tokens begin.
    pub(super) first_row: usize,
    pub(super) tokens: usize,
    /// Heads, and which of them this is.
    pub(super) heads: usize,
    pub(super) head: usize,
    pub(super) width: usize,
    /// 1/√d.
    pub(super) scale: f32,
}

/// The image's rows of a head's query, key or value.
#[derive(Debug, Clone, Copy)]
struct Rows<'a> {
    /// `[blocks of 32 rows, steps, parts]`.
    tiles: &'a [Tile],
    tiles_a_block: usize,
    /// The head's first tile in each block, and how many it has.
    start: usize,
    count: usize,
    first_row: usize,
}

impl<'a> Rows<'a> {
    /// The head's tiles of a block: `[steps over the width, parts]`.
    fn block(self, block: usize) -> &'a [Tile] {
        &self.tiles[block * self.tiles_a_block + self.start..][..self.count]
    }

    /// The head's tiles that hold a token, and its line among the 32.
    fn token(self, token: usize) -> (&'a [Tile], usize) {
        let row = self.first_row + token;
        (self.block(row / BLOCK), row % BLOCK)
    }
}

/// Writes what a head makes of the image's tokens to `out`, `[blocks, heads, steps over the width,
/// parts]`.
pub(super) fn attend(head: Head<'_>, out: &mut [Tile], scratch: &mut TilesScratch) {
    let Head { qkv, first_row, tokens, heads, head, width, scale } = head;
    let parts = parts(qkv.format().precision());
    let (over_width, over_tokens) = (width.div_ceil(STEP) * parts, tokens.div_ceil(STEP) * parts);
    let panels = tokens.div_ceil(BLOCK);
    let TilesScratch { keys, values, sums, scores, weights } = scratch;
    // What an earlier head left is never looked at: beyond the last token and channel all tiles
    // have zeros where that is summed over, and anything elsewhere.
    let keys = huge_pages::first(keys, panels * over_width, EMPTY);
    let values = huge_pages::first(values, width.div_ceil(BLOCK) * over_tokens, EMPTY);
    let weights = huge_pages::first(weights, over_tokens, EMPTY);
    let sums = huge_pages::first(sums, panels, EMPTY_SUMS);
    let scores = huge_pages::first(scores, panels * BLOCK, 0.0);

    let rows = |which: usize| Rows {
        tiles: qkv.as_tiles(),
        tiles_a_block: 3 * heads * over_width,
        start: (which * heads + head) * over_width,
        count: over_width,
        first_row,
    };
    let queries = rows(0);
    pack_keys(rows(1), tokens, keys);
    pack_values(rows(2), tokens, parts, values);

    let multiplier = Multiplier::new();
    let mut row = first_row;
    while row < first_row + tokens {
        let block = row / BLOCK;
        let lines = row % BLOCK..lines(first_row + tokens, block);
        let queries = queries.block(block);
        for (keys, sums) in keys.chunks_exact(over_width).zip(sums.iter_mut()) {
            multiplier.multiply(product(queries, lines.end, keys, parts), sums);
        }
        let mut shares = [0.0; BLOCK];
        weigh(sums, tokens, scale, lines.clone(), scores, weights, &mut shares);
        let out = &mut out[(block * heads + head) * over_width..][..over_width];
        for (values, out) in values.chunks_exact(over_tokens).zip(out.chunks_exact_mut(parts)) {
            multiplier.multiply(product(weights, lines.end, values, parts), &mut sums[0]);
            write_shares(&sums[0], &shares, lines.clone(), out);
        }
        row = (block + 1) * BLOCK;
    }
}

/// The first `lines` rows times these columns.
fn product<'a>(rows: &'a [Tile], lines: usize, columns: &'a [Tile], parts: usize) -> Block<'a> {
    Block { rows, lines, weights: columns, parts, add: false, soon: columns }
}

rounding! {
    /// The exponentials of some queries' scores to their rows of `weights`, and one over the sum of
    /// each to `shares`.
    fn weigh(
        sums: &[Sums],
        tokens: usize,
        scale: f32,
        lines: Range<usize>,
        scores: &mut [f32],
        weights: &mut [Tile],
        shares: &mut [f32; BLOCK],
    ) {
        let parts = weights.len() / tokens.div_ceil(STEP);
        for line in lines {
            for (scores, sums) in scores.as_chunks_mut::<BLOCK>().0.iter_mut().zip(sums) {
                *scores = sums.0.as_chunks::<BLOCK>().0[line];
            }
            let scores = in_lanes(scores, tokens);
            shares[line] = 1.0 / exponentials(scores, scale);
            let steps = weights.chunks_exact_mut(parts).zip(scores[..tokens].chunks(STEP));
            for (tiles, values) in steps {
                put::<NATIVE>(tiles, line, values);
            }
        }
    }
}

rounding! {
    /// A block's sums, each query's times its share, to the same lines of a step.
    fn write_shares(sums: &Sums, shares: &[f32; BLOCK], lines: Range<usize>, step: &mut [Tile]) {
        for line in lines {
            let mut row = sums.0.as_chunks::<BLOCK>().0[line];
            row.iter_mut().for_each(|sum| *sum *= shares[line]);
            put::<NATIVE>(step, line, &row);
        }
    }
}

/// To `[panels of 32 tokens, steps over the width, parts]`, a tile being `[16 pairs of channels, 16
/// tokens]`.
fn pack_keys(rows: Rows<'_>, tokens: usize, keys: &mut [Tile]) {
    for (panel, keys) in keys.chunks_exact_mut(rows.count).enumerate() {
        for to in 0..BLOCK.min(tokens - panel * BLOCK) {
            let (tiles, from) = rows.token(panel * BLOCK + to);
            // Two tiles of each part: a pair has all 32 lines.
            for (key, tile) in keys.chunks_exact_mut(2).zip(tiles.chunks_exact(2)) {
                *key[to / SIDE].line_mut(to % SIDE) = *tile[from / SIDE].line(from % SIDE);
            }
        }
        keys.iter_mut().for_each(transpose);
    }
}

vectorized! {
    /// To `[panels of 32 channels, steps of 32 tokens, parts]`, a tile being `[16 pairs of tokens,
    /// 16 channels]`.
    fn pack_values(rows: Rows<'_>, tokens: usize, parts: usize, values: &mut [Tile]) {
        let steps = tokens.div_ceil(STEP);
        for panel in values.chunks_exact_mut(steps * parts) {
            panel[(steps - 1) * parts..].fill(EMPTY);
        }
        for token in (0..tokens).step_by(2) {
            let (first, first_line) = rows.token(token);
            let (second, second_line) = rows.token((token + 1).min(tokens - 1));
            let (step, to) = (token / STEP, token % STEP / 2);
            for tile in (0..rows.count).step_by(2) {
                let first = first[tile + first_line / SIDE].line(first_line % SIDE);
                let mut second = *second[tile + second_line / SIDE].line(second_line % SIDE);
                if token + 1 == tokens {
                    second = [0; SIDE];
                }
                let (panel, part) = (tile / parts, tile % parts);
                let values = &mut values[(panel * steps + step) * parts + part..][..2];
                for (i, tile) in values.iter_mut().enumerate() {
                    let channels = i * SIDE / 2..(i + 1) * SIDE / 2;
                    let (first, second) = (&first[channels.clone()], &second[channels]);
                    bf16::interleaved(first, second, tile.line_mut(to));
                }
            }
        }
    }
}
