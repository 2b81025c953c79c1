//! Numbers in f32 to tiles of bf16, as rows or as columns.

use std::ops::Range;

use crate::bf16;
#[cfg(target_arch = "x86_64")]
use crate::instructions::{Level, level};
use crate::padded::padded;
use crate::tile::{SIDE, STEP, Tile};

/// Writes some numbers of a row, in order, to row `line` of a step's 32 rows, zeros beyond the
/// last: `tiles` are the step's.
#[inline(always)]
pub(crate) fn put<const NATIVE: bool>(tiles: &mut [Tile], line: usize, values: &[f32]) {
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
    /// Writes rows, which begin `stride` apart and are `width` long, to these lines of a block:
    /// `[steps, parts]`.
    pub(crate) fn put_rows(
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

/// As [`put_rows`], but `count` rows as columns, from the first on: the form of weights. Lines
/// beyond become columns as they are.
pub(crate) fn put_columns(
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
pub(crate) fn transpose(tile: &mut Tile) {
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx512 {
        // SAFETY: the processor has AVX-512F where this is the level.
        return unsafe { crate::transpose::transpose(tile) };
    }
    for i in 0..SIDE {
        for j in 0..i {
            tile.0.swap(i * SIDE + j, j * SIDE + i);
        }
    }
}
