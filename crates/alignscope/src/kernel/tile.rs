//! Tiles of bf16, the form in which AMX takes both sides of a product.

use std::ops::Range;

use super::bf16;
use super::padded::padded;
use super::precision::Precision;

/// Rows or columns of a tile.
pub(super) const SIDE: usize = 16;
/// Rows and outputs of a block: two tiles.
pub(super) const BLOCK: usize = 2 * SIDE;
/// Inputs of a step: a tile has 64 bytes a row.
pub(super) const STEP: usize = 32;

/// A kilobyte: 16 rows of 16 pairs of bf16. The lower half of a pair is the first.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile(pub(super) [u32; SIDE * SIDE]);

impl Tile {
    /// One of its 16 rows.
    pub(super) fn line(&self, line: usize) -> &[u32; SIDE] {
        &self.0.as_chunks().0[line]
    }

    /// As [`line`](Self::line), to be written.
    pub(super) fn line_mut(&mut self, line: usize) -> &mut [u32; SIDE] {
        &mut self.0.as_chunks_mut().0[line]
    }
}

/// All zeros.
pub(super) const EMPTY: Tile = Tile([0; SIDE * SIDE]);

/// Tiles of a step's 32 rows, or 32 outputs: two of high parts, and two of each lower part that the precision has.
pub(super) fn parts(precision: Precision) -> usize {
    match precision {
        Precision::Bf16 => 2,
        Precision::Bf16x3 => 4,
        Precision::Bf16x6 => 6,
        Precision::F32 => unreachable!("f32 has no tiles"),
    }
}

/// Writes some numbers of a row, in order, to row `line` of a step's 32 rows, zeros beyond the last:
/// `tiles` are the step's.
#[inline(always)]
pub(super) fn put<const NATIVE: bool>(tiles: &mut [Tile], line: usize, values: &[f32]) {
    let mut rest = padded(values);
    let mut rounded = [0; SIDE];
    for (i, tiles) in tiles.chunks_exact_mut(2).enumerate() {
        if i > 0 {
            rest = bf16::rest_in_order::<NATIVE>(&rest, &rounded);
        }
        rounded = bf16::in_order::<NATIVE>(&rest);
        *tiles[line / SIDE].line_mut(line % SIDE) = rounded;
    }
}

rounding! {
    /// Writes rows, which begin `stride` apart and are `width` long, to these lines of a block: `[steps, parts]`.
    pub(super) fn put_rows(
        block: &mut [Tile],
        parts: usize,
        lines: Range<usize>,
        rows: &[f32],
        stride: usize,
        width: usize,
    ) {
        for (i, line) in lines.enumerate() {
            let row = &rows[i * stride..][..width];
            for (tiles, values) in block.chunks_exact_mut(parts).zip(row.chunks(STEP)) {
                put::<NATIVE>(tiles, line, values);
            }
        }
    }
}

/// As [`put_rows`], but `count` rows as columns, from the first on: the form of weights. Lines beyond become
/// columns as they are.
pub(super) fn put_columns(
    panel: &mut [Tile],
    parts: usize,
    count: usize,
    rows: &[f32],
    stride: usize,
    width: usize,
) {
    put_rows(panel, parts, 0..count, rows, stride, width);
    panel.iter_mut().for_each(transpose);
}

/// Exchanges the rows of a tile with its columns, pairs staying what they are.
pub(super) fn transpose(tile: &mut Tile) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512F, as just detected.
        return unsafe { super::transpose::transpose(tile) };
    }
    for i in 0..SIDE {
        for j in 0..i {
            tile.0.swap(i * SIDE + j, j * SIDE + i);
        }
    }
}
