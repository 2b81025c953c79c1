//! Tiles of bf16, the form in which AMX takes both sides of a product.

use crate::precision::Precision;

/// Rows or columns of a tile.
pub(crate) const SIDE: usize = 16;
/// Rows and outputs of a block: two tiles.
pub(crate) const BLOCK: usize = 2 * SIDE;
/// Inputs of a step: a tile has 64 bytes a row.
pub(crate) const STEP: usize = 32;

/// A kilobyte: 16 rows of 16 pairs of bf16. The lower half of a pair is the first.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Tile(pub(crate) [u32; SIDE * SIDE]);

impl Tile {
    /// One of its 16 rows.
    pub(crate) fn line(&self, line: usize) -> &[u32; SIDE] {
        &self.0.as_chunks().0[line]
    }

    /// As [`line`](Self::line), to be written.
    pub(crate) fn line_mut(&mut self, line: usize) -> &mut [u32; SIDE] {
        &mut self.0.as_chunks_mut().0[line]
    }
}

/// All zeros.
pub(crate) const EMPTY: Tile = Tile([0; SIDE * SIDE]);

/// Tiles of a step's 32 rows, or 32 outputs: two of high parts, and two of each lower part that the
/// precision has.
pub(crate) fn parts(precision: Precision) -> usize {
    match precision {
        Precision::Bf16 => 2,
        Precision::Bf16x3 => 4,
        Precision::Bf16x6 => 6,
        Precision::F32 => unreachable!("f32 has no tiles"),
    }
}
