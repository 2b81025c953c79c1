//! A block of 32 rows and 32 outputs: its sums, and what is multiplied for them.

use crate::tile::{BLOCK, Tile};

/// The sums of a block, `[32, 32]`.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [f32; BLOCK * BLOCK]);

pub(crate) const EMPTY_SUMS: Sums = Sums([0.0; BLOCK * BLOCK]);

/// Of the 32 rows of a block so many are there.
pub(crate) fn lines(rows: usize, block: usize) -> usize {
    BLOCK.min(rows - block * BLOCK)
}

/// What is multiplied for one block of sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// Steps of two tiles of high parts, and two of each lower part.
    pub(crate) rows: &'a [Tile],
    /// Of the 32 rows so many are there; what the sums of others become is not said.
    pub(crate) lines: usize,
    /// As many steps of weights.
    pub(crate) weights: &'a [Tile],
    pub(crate) parts: usize,
    /// What weights come next: some of them are brought near meanwhile.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        allow(dead_code, reason = "plain code asks for nothing")
    )]
    pub(crate) soon: &'a [Tile],
}

/// What is done while a block is multiplied: the sums of an earlier one are finished.
///
/// It makes no [`Multiplier`](super::Multiplier) and multiplies no block: sums are in the tiles of
/// this thread meanwhile.
pub(crate) trait Beside {
    /// So many of all steps are under way.
    fn after(&mut self, step: usize, steps: usize);
}

/// Bytes of the next weights that a step asks for beforehand: blocks in a row ask for one part
/// after another.
pub(crate) const fn asked(parts: usize) -> usize {
    match parts {
        2 => 128,
        4 => 512,
        _ => 1024,
    }
}

/// Which parts are multiplied, of rows and of weights, from 0, the high ones: with two of them all
/// but low · low, with three all that are not smaller than 2^-24 of the first. The functions of
/// `amx.rs` take them in this order, too.
pub(crate) fn terms(parts: usize) -> &'static [[usize; 2]] {
    match parts {
        2 => &[[0, 0]],
        4 => &[[1, 0], [0, 0], [0, 1]],
        6 => &[[0, 0], [2, 0], [1, 0], [1, 1], [0, 1], [0, 2]],
        _ => unreachable!("one, two or three parts, of two tiles each"),
    }
}
