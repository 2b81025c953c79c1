//! The product in bf16: tiles of 16 × 16 sums of products of bf16, added in f32, as AMX does them.
//!
//! In `Bf16x3` each number is split into a high and a low bf16, and high · high, high · low and
//! low · high are added: what is left out is low · low and what both parts leave, 2^-15 of a
//! product at worst and about 2^-18 mostly, and the sums are in f32. In `Bf16x6` there is a third
//! part, and all products that are not below 2^-24 are added: what is left out is what f32 rounds
//! away. In `Bf16` only high · high is taken.
//!
//! On AMX (`tiles/amx.rs`) a block of 32 rows and 32 outputs is four tiles of sums, which stay in
//! their registers while inputs go by, 32 at a time; of the other four registers two hold rows and
//! two weights. Twelve products of 16 cycles each and ten loads of a kilobyte make a step (four and
//! four in `Bf16`, twenty-four and fourteen in `Bf16x6`), so the products limit where tiles come
//! from the first cache. Sixteen kilobytes of weights stay there while the rows of some blocks go
//! by, which stay in the second cache for all weights; sums wait beside them. The weights of the
//! next outputs are asked for meanwhile.
//!
//! Processors with AVX-512 for bf16 alone multiply the same tiles by it (`tiles/vectors.rs`); all
//! others do AMX's sums in the order of the manual's pseudo-code, slowly, so that a precision can
//! be tried anywhere; `tiles/emulation.rs` is also what tests hold the instructions to. From AMX's
//! it differs by design only in sums of numbers below 2^-126, which the instructions take as zero.

use rayon::prelude::*;

use self::block::{Block, EMPTY_SUMS, Sums, asked, lines};
use crate::activation::Activation;
use crate::huge_pages;
use crate::instructions::Instructions;
use crate::lhs::Lhs;
use crate::padded::padded;
use crate::precision::Precision;
use crate::tile::{BLOCK, EMPTY, STEP, Tile, parts};
use crate::tile_packing::{put, put_columns};

#[cfg(target_arch = "x86_64")]
mod amx;
pub(crate) mod block;
mod emulation;
#[cfg(target_arch = "x86_64")]
mod vectors;

/// Steps that are taken in one go, at most: 1024 inputs.
const DEPTH_STEPS: usize = 32;
/// Kilobytes of rows that stay in the second cache, over so many steps: more of them where weights
/// have three parts, which would come from memory for each few rows.
const fn rows_kb(parts: usize) -> usize {
    if parts == 6 { 1024 } else { 800 }
}
/// Kilobytes of weights that stay in the first cache, while rows go by, at most.
const WEIGHTS_KB: usize = 16;

/// Working memory of one thread.
#[derive(Debug, Default)]
pub(crate) struct TilesScratch {
    sums: Vec<Sums>,
}

/// Bytes of [`TilesScratch`], at most.
pub(super) fn scratch_bytes(rows: usize, outputs: usize) -> usize {
    size_of::<Sums>() * rows.div_ceil(BLOCK) * outputs.div_ceil(BLOCK)
}

/// In how many goes so many steps are taken, as even as can be.
fn depths(steps: usize) -> usize {
    steps.div_ceil(DEPTH_STEPS)
}

/// Blocks of rows that stay in the second cache, at most.
fn blocks_at_a_time(steps: usize, parts: usize) -> usize {
    rows_kb(parts) / (steps.div_ceil(depths(steps)) * parts)
}

/// The right to multiply tiles on this thread, until it is dropped.
pub(crate) enum Multiplier {
    #[cfg(target_arch = "x86_64")]
    Amx(amx::Configured),
    #[cfg(target_arch = "x86_64")]
    Vectors(vectors::Vectors),
    Emulation,
}

impl Multiplier {
    pub(crate) fn new() -> Self {
        match Instructions::here() {
            #[cfg(target_arch = "x86_64")]
            Instructions::Amx => Self::Amx(amx::Configured::new()),
            #[cfg(target_arch = "x86_64")]
            Instructions::Vectors => Self::Vectors(vectors::Vectors::new()),
            _ => Self::Emulation,
        }
    }

    /// Sums of one block.
    ///
    /// # Panics
    /// There is no step, or not as many of rows as of weights, or more lines than a block has.
    pub(crate) fn multiply(&self, block: Block<'_>, sums: &mut Sums) {
        let Block { rows, lines, weights, parts, add, .. } = block;
        assert!(lines <= BLOCK, "{lines} of {BLOCK} rows");
        assert!(matches!(parts, 2 | 4 | 6), "one, two or three parts, of two tiles each");
        assert!(
            rows.len() == weights.len() && rows.len().is_multiple_of(parts) && !rows.is_empty(),
            "whole steps"
        );
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: rows and weights are as many whole steps, as just checked.
            Self::Amx(configured) => unsafe { configured.multiply(block, sums) },
            #[cfg(target_arch = "x86_64")]
            Self::Vectors(vectors) => vectors.multiply(block, sums),
            Self::Emulation => {
                if !add {
                    *sums = EMPTY_SUMS;
                }
                emulation::multiply(rows, weights, parts, sums);
            }
        }
    }
}

/// `[outputs, inputs]` -> `[panels of 32 outputs, steps of 32 inputs, parts]`, a tile being
/// `[16 pairs of inputs, 16 outputs]`; zeros beyond the last output and input.
pub(super) fn pack(weights: &[f32], inputs: usize, precision: Precision) -> Vec<Tile> {
    let outputs = weights.len() / inputs;
    let (steps, parts) = (inputs.div_ceil(STEP), parts(precision));
    let mut tiles = huge_pages::vec(outputs.div_ceil(BLOCK) * steps * parts, EMPTY);
    let rows = weights.par_chunks(BLOCK * inputs);
    tiles.par_chunks_mut(steps * parts).zip(rows).for_each(|(panel, rows)| {
        put_columns(panel, parts, rows.len() / inputs, rows, inputs, inputs);
    });
    tiles
}

/// One product.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) x: &'a Lhs,
    pub(super) tiles: &'a [Tile],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) outputs: usize,
    pub(super) precision: Precision,
}

impl Product<'_> {
    /// To rows of `outputs` numbers; with `add` they are added to what is there.
    pub(super) fn rows(self, add: bool, out: &mut [f32], scratch: &mut TilesScratch) {
        self.each_block(scratch, |block, panel, sums| {
            let first = panel * BLOCK;
            let width = BLOCK.min(self.outputs - first);
            let rows = out.chunks_mut(self.outputs).skip(block * BLOCK);
            write_rows(sums, &self.bias_of(panel), add, rows, first..first + width);
        });
    }

    /// To a left side, activated or not: a block of 32 outputs is a step of it.
    pub(super) fn lhs(
        self,
        activation: Option<Activation>,
        out: &mut Lhs,
        scratch: &mut TilesScratch,
    ) {
        let parts = parts(self.precision);
        let steps = self.outputs.div_ceil(STEP);
        let rows = self.x.rows();
        let tiles = out.as_tiles_mut();
        self.each_block(scratch, |block, panel, sums| {
            let step = &mut tiles[(block * steps + panel) * parts..][..parts];
            let width = BLOCK.min(self.outputs - panel * BLOCK);
            let lines = lines(rows, block);
            write_lines(sums, &self.bias_of(panel), activation, lines, width, step);
        });
    }

    fn bias_of(self, panel: usize) -> [f32; BLOCK] {
        self.bias.map_or([0.0; BLOCK], |bias| padded(&bias[panel * BLOCK..]))
    }

    /// Calls `write` with each block of sums, by its number among the rows and its panel.
    fn each_block(self, scratch: &mut TilesScratch, mut write: impl FnMut(usize, usize, &Sums)) {
        let multiplier = Multiplier::new();
        let parts = parts(self.precision);
        let (blocks, panels) = (self.x.rows().div_ceil(BLOCK), self.outputs.div_ceil(BLOCK));
        let steps = self.x.inputs().div_ceil(STEP);
        let rows = self.x.as_tiles();
        // As even as can be: few blocks would have the weights brought for themselves.
        let groups = blocks.div_ceil(blocks_at_a_time(steps, parts).max(1));
        let at_a_time = blocks.div_ceil(groups);
        let depths = depths(steps);
        // Where inputs are taken in one go, a panel's sums are done at once.
        let kept = if depths == 1 { at_a_time } else { at_a_time * panels };
        let all_sums = huge_pages::first(&mut scratch.sums, kept, EMPTY_SUMS);
        for group in 0..groups {
            let some = group * blocks / groups..(group + 1) * blocks / groups;
            for depth in 0..depths {
                let steps_here = depth * steps / depths..(depth + 1) * steps / depths;
                for panel in 0..panels {
                    let place = if depths == 1 { 0 } else { panel * at_a_time };
                    let sums = &mut all_sums[place..][..some.len()];
                    for from in steps_here.clone().step_by(WEIGHTS_KB / parts) {
                        let count = (steps_here.end - from).min(WEIGHTS_KB / parts);
                        let weights = &self.tiles[(panel * steps + from) * parts..];
                        let next = weights.get(steps * parts..).filter(|next| !next.is_empty());
                        let next = next.unwrap_or(weights);
                        let weights = &weights[..count * parts];
                        for (i, (block, sums)) in some.clone().zip(&mut *sums).enumerate() {
                            let rows = &rows[(block * steps + from) * parts..][..count * parts];
                            let ahead = i * count * asked(parts) / size_of::<Tile>();
                            let soon = next.get(ahead..).unwrap_or(next);
                            let add = from > 0;
                            let lines = lines(self.x.rows(), block);
                            let block_here = Block { rows, lines, weights, parts, add, soon };
                            multiplier.multiply(block_here, sums);
                            if from + count == steps {
                                write(block, panel, sums);
                            }
                        }
                    }
                }
            }
        }
    }
}

vectorized! {
    /// Sums of a block to the columns `to` of its rows.
    fn write_rows(
        sums: &Sums,
        bias: &[f32; BLOCK],
        add: bool,
        rows: std::iter::Skip<std::slice::ChunksMut<'_, f32>>,
        to: std::ops::Range<usize>,
    ) {
        for (row, sums) in rows.zip(sums.0.as_chunks::<BLOCK>().0) {
            let out = &mut row[to.clone()];
            match out.as_mut_array::<BLOCK>() {
                Some(out) if add => {
                    let old = *out;
                    *out = std::array::from_fn(|i| sums[i] + bias[i] + old[i]);
                }
                Some(out) => *out = std::array::from_fn(|i| sums[i] + bias[i]),
                None => {
                    for (out, (sum, bias)) in out.iter_mut().zip(sums.iter().zip(bias)) {
                        *out = sum + bias + if add { *out } else { 0.0 };
                    }
                }
            }
        }
    }
}

rounding! {
    /// Sums of a block, activated or not, to the first `lines` rows of a step of a left side; zeros
    /// beyond `width`.
    fn write_lines(
        sums: &Sums,
        bias: &[f32; BLOCK],
        activation: Option<Activation>,
        lines: usize,
        width: usize,
        step: &mut [Tile],
    ) {
        for (line, sums) in sums.0.as_chunks::<BLOCK>().0[..lines].iter().enumerate() {
            let mut values: [f32; BLOCK] = std::array::from_fn(|i| sums[i] + bias[i]);
            if let Some(activation) = activation {
                activation.apply_inline(&mut values);
            }
            put::<NATIVE>(step, line, &values[..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::block::terms;
    use super::*;
    use crate::instructions::tests::without_instruction;
    #[cfg(target_arch = "x86_64")]
    use crate::instructions::{has_amx, has_avx512_bf16};

    /// Those of this processor, by what they multiply with.
    fn multipliers() -> Vec<(Instructions, Multiplier)> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut))]
        let mut multipliers = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if has_amx() {
                multipliers.push((Instructions::Amx, Multiplier::Amx(amx::Configured::new())));
            }
            if has_avx512_bf16() {
                let vectors = Multiplier::Vectors(vectors::Vectors::new());
                multipliers.push((Instructions::Vectors, vectors));
            }
        }
        multipliers
    }

    /// A tile of numbers from -1 to 1, in bf16.
    fn tile(seed: usize) -> Tile {
        Tile(std::array::from_fn(|i| {
            let half = |n: usize| {
                let value = ((seed * 131 + n * 7919) % 2003) as f32 / 1001.0 - 1.0;
                value.to_bits() >> 16
            };
            half(2 * i) | (half(2 * i + 1) << 16)
        }))
    }

    #[test]
    fn instructions_do_what_their_emulation_does() {
        let multipliers = multipliers();
        if multipliers.is_empty() {
            without_instruction("this processor multiplies no bf16");
        }
        for (instructions, multiplier) in multipliers {
            for (parts, steps) in [2, 4, 6].into_iter().flat_map(|p| [1, 2, 7, 24].map(|s| (p, s)))
            {
                let rows: Vec<Tile> = (0..steps * parts).map(tile).collect();
                let weights: Vec<Tile> = (0..steps * parts).map(|i| tile(i + 1000)).collect();
                for lines in [1, 8, 9, 17, BLOCK] {
                    let (mut found, mut expected) = (EMPTY_SUMS, EMPTY_SUMS);
                    for add in [false, true] {
                        let (rows, weights) = (&*rows, &*weights);
                        let block = Block { rows, lines, weights, parts, add, soon: weights };
                        multiplier.multiply(block, &mut found);
                        emulation::multiply(rows, weights, parts, &mut expected);
                    }
                    let [found, expected] =
                        [&found, &expected].map(|sums| &sums.0[..lines * BLOCK]);
                    // Each of n additions is rounded by 2^-24 of the sum at most, and the order
                    // within a tile is that of the manual, which processors may not follow to the
                    // last bit, and another one in vectors: the errors add up as chance has it, to
                    // √n of one.
                    let products = (2 * steps * STEP * terms(parts).len()) as f32;
                    let largest = expected.iter().fold(1.0_f32, |most, sum| most.max(sum.abs()));
                    let limit = 4.0 * products.sqrt() * largest * 2.0_f32.powi(-24);
                    for (found, expected) in found.iter().zip(expected) {
                        let off = (found - expected).abs();
                        assert!(
                            off <= limit,
                            "{instructions:?}, {parts} parts, {steps} steps: {found} {expected}"
                        );
                    }
                }
            }
        }
    }
}
