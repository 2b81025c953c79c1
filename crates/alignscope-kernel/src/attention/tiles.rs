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
use crate::packed_gemm::tiles::block::{Beside, Block, EMPTY_SUMS, Sums, lines};
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
    /// Sums of two blocks of queries, `[2, panels of 32 tokens]`.
    sums: Vec<Sums>,
    /// A query's scores with all keys.
    scores: Vec<f32>,
    /// The exponentials of two blocks: `[2, steps over the tokens, parts]`.
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

/// What a block of queries has between its two products, and one over the sum of each query's
/// exponentials.
struct Between<'a> {
    sums: &'a mut [Sums],
    weights: &'a mut [Tile],
    shares: [f32; BLOCK],
}

rounding! {
    /// Writes what a head makes of the image's tokens to `out`, `[blocks, heads, steps over the
    /// width, parts]`.
    ///
    /// The exponentials of a block of queries are taken while the products of the blocks before and
    /// after it are made.
    pub(super) fn attend(head: Head<'_>, out: &mut [Tile], scratch: &mut TilesScratch) {
        let Head { qkv, first_row, tokens, heads, head, width, scale } = head;
        let parts = parts(qkv.format().precision());
        let over_width = width.div_ceil(STEP) * parts;
        let over_tokens = tokens.div_ceil(STEP) * parts;
        let panels = tokens.div_ceil(BLOCK);
        let TilesScratch { keys, values, sums, scores, weights } = scratch;
        // What an earlier head left is never looked at: beyond the last token and channel all tiles
        // have zeros where that is summed over, and anything elsewhere.
        let keys = huge_pages::first(keys, panels * over_width, EMPTY);
        let values = huge_pages::first(values, width.div_ceil(BLOCK) * over_tokens, EMPTY);
        let weights = huge_pages::first(weights, 2 * over_tokens, EMPTY);
        let sums = huge_pages::first(sums, 2 * panels, EMPTY_SUMS);
        let scores = huge_pages::first(scores, panels * BLOCK, 0.0);

        let rows = |which: usize| Rows {
            tiles: qkv.as_tiles(),
            tiles_a_block: 3 * heads * over_width,
            start: (which * heads + head) * over_width,
            count: over_width,
            first_row,
        };
        pack_keys(rows(1), tokens, keys);
        pack_values(rows(2), tokens, parts, values);

        let multiplier = Multiplier::new();
        let blocks = first_row / BLOCK..(first_row + tokens).div_ceil(BLOCK);
        // The image's queries among the 32 of a block.
        let lines_of = |block: usize| {
            first_row.saturating_sub(block * BLOCK)..lines(first_row + tokens, block)
        };
        let (sums, next_sums) = sums.split_at_mut(panels);
        let (weights, next_weights) = weights.split_at_mut(over_tokens);
        let mut before = Between { sums, weights, shares: [0.0; BLOCK] };
        let mut now = Between { sums: next_sums, weights: next_weights, shares: [0.0; BLOCK] };
        let mut attended = EMPTY_SUMS;
        let goes = panels + values.len() / over_tokens;
        // Three blocks are at work: one is multiplied with the keys, the one before it is weighed,
        // the one before that is multiplied with the values.
        for block in blocks.start..blocks.end + 2 {
            // `before` is of the block before, whose scores are there; `now` is of the one before
            // that, whose exponentials are; its sums become those of this block.
            let is_weighed = block > blocks.start && block <= blocks.end;
            let mut weighing = Weighing::<NATIVE> {
                lines: if is_weighed { lines_of(block - 1) } else { 0..0 },
                tokens,
                scale,
                scores: &mut *scores,
                between: &mut before,
                go: 0,
                goes,
            };
            if block >= blocks.start + 2 {
                let lines = lines_of(block - 2);
                let out = &mut out[((block - 2) * heads + head) * over_width..][..over_width];
                let steps = values.chunks_exact(over_tokens).zip(out.chunks_exact_mut(parts));
                for (values, out) in steps {
                    let share = product(now.weights, lines.end, values, parts);
                    multiplier.multiply(share, &mut attended, &mut weighing);
                    weighing.go += 1;
                    write_shares::<NATIVE>(&attended, &now.shares, lines.clone(), out);
                }
            } else {
                weighing.go += goes - panels;
            }
            if block < blocks.end {
                let (queries, lines) = (rows(0).block(block), lines_of(block));
                for (keys, sums) in keys.chunks_exact(over_width).zip(now.sums.iter_mut()) {
                    let scores = product(queries, lines.end, keys, parts);
                    multiplier.multiply(scores, sums, &mut weighing);
                    weighing.go += 1;
                }
            }
            weighing.rest();
            std::mem::swap(&mut before, &mut now);
        }
    }
}

/// The first `lines` rows times these columns.
fn product<'a>(rows: &'a [Tile], lines: usize, columns: &'a [Tile], parts: usize) -> Block<'a> {
    Block { rows, lines, weights: columns, parts, soon: columns }
}

/// Makes the exponentials of a block's scores, some queries after another.
struct Weighing<'a, 'b, const NATIVE: bool> {
    /// The queries that are still to come.
    lines: Range<usize>,
    tokens: usize,
    scale: f32,
    /// Those of one query.
    scores: &'a mut [f32],
    between: &'a mut Between<'b>,
    /// Products that were made meanwhile, of how many.
    go: usize,
    goes: usize,
}

impl<const NATIVE: bool> Beside for Weighing<'_, '_, NATIVE> {
    #[inline(always)]
    fn after(&mut self, step: usize, steps: usize) {
        // As many queries for each step that is left.
        let left = (self.goes - self.go) * steps - step;
        self.weigh(self.lines.len().div_ceil(left + 1));
    }
}

impl<const NATIVE: bool> Weighing<'_, '_, NATIVE> {
    #[inline(always)]
    fn rest(&mut self) {
        self.weigh(self.lines.len());
    }

    /// The exponentials of the next queries' scores to their rows of the weights, and one over the
    /// sum of each to the shares.
    #[inline(always)]
    fn weigh(&mut self, count: usize) {
        let Between { sums, weights, shares } = &mut *self.between;
        let parts = weights.len() / self.tokens.div_ceil(STEP);
        for line in self.lines.by_ref().take(count) {
            for (scores, sums) in self.scores.as_chunks_mut::<BLOCK>().0.iter_mut().zip(&**sums) {
                *scores = sums.0.as_chunks::<BLOCK>().0[line];
            }
            let scores = in_lanes(self.scores, self.tokens);
            shares[line] = 1.0 / exponentials(scores, self.scale);
            let steps = weights.chunks_exact_mut(parts).zip(scores[..self.tokens].chunks(STEP));
            for (tiles, values) in steps {
                put::<NATIVE>(tiles, line, values);
            }
        }
    }
}

/// A block's sums, each query's times its share, to the same lines of a step.
#[inline(always)]
fn write_shares<const NATIVE: bool>(
    sums: &Sums,
    shares: &[f32; BLOCK],
    lines: Range<usize>,
    step: &mut [Tile],
) {
    for line in lines {
        let mut row = sums.0.as_chunks::<BLOCK>().0[line];
        row.iter_mut().for_each(|sum| *sum *= shares[line]);
        put::<NATIVE>(step, line, &row);
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
