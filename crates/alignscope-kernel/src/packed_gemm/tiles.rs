//! The product in bf16: tiles of 16 × 16 sums of products of bf16, added in f32, as AMX does them.
//!
//! In `Bf16x3` each number is split into a high and a low bf16, and high · high, high · low and
//! low · high are added: what is left out is low · low and what both parts leave, 2^-15 of a
//! product at worst and about 2^-18 mostly, and the sums are in f32. In `Bf16x6` there is a third
//! part, and all products that are not below 2^-24 are added: what is left out is what f32 rounds
//! away. In `Bf16` only high · high is taken.
//!
//! On AMX (`tiles/amx.rs`) a block of 32 rows and 32 outputs is four tiles of sums, which stay in
//! their registers while all inputs go by, 32 at a time; of the other four registers two hold rows
//! and two weights. Twelve products of 16 cycles each and eight loads of a kilobyte make a step
//! (four and four in `Bf16`, twenty-four and fourteen in `Bf16x6`). Some rows stay in the second
//! cache while all weights go by, 32 outputs after another; the weights of the next outputs are
//! asked for meanwhile. The sums of a block are finished, a few rows after each step, while the
//! next block is multiplied: vectors and tiles are at work at once.
//!
//! Processors with AVX-512 for bf16 alone multiply the same tiles by it (`tiles/vectors.rs`); all
//! others do AMX's sums in the order of the manual's pseudo-code, slowly, so that a precision can
//! be tried anywhere; `tiles/emulation.rs` is also what tests hold the instructions to. From AMX's
//! it differs by design only in sums of numbers below 2^-126, which the instructions take as zero.

use std::ops::Range;

use rayon::prelude::*;

use self::block::{Beside, Block, EMPTY_SUMS, Sums, asked, lines};
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

/// Kilobytes of weights of 32 outputs that are taken in one go, at most, where what was summed can
/// go to its place before the rest: in `Bf16` 2048 inputs.
const WEIGHTS_KB: usize = 128;

/// Kilobytes of rows that stay in the second cache, over the steps of one go.
const ROWS_KB: usize = 1024;

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

    /// Sums of one block, and what is done `beside` them.
    ///
    /// # Panics
    /// There is no step, or not as many of rows as of weights, or more lines than a block has.
    #[inline(always)]
    pub(crate) fn multiply(&self, block: Block<'_>, sums: &mut Sums, beside: &mut impl Beside) {
        let Block { rows, lines, weights, parts, .. } = block;
        assert!(lines <= BLOCK, "{lines} of {BLOCK} rows");
        assert!(matches!(parts, 2 | 4 | 6), "one, two or three parts, of two tiles each");
        assert!(
            rows.len() == weights.len() && rows.len().is_multiple_of(parts) && !rows.is_empty(),
            "whole steps"
        );
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: rows and weights are as many whole steps, as just checked.
            Self::Amx(configured) => return unsafe { configured.multiply(block, sums, beside) },
            #[cfg(target_arch = "x86_64")]
            Self::Vectors(vectors) => vectors.multiply(block, sums),
            Self::Emulation => {
                *sums = EMPTY_SUMS;
                emulation::multiply(rows, weights, parts, sums);
            }
        }
        beside.after(1, 1);
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

/// Where a product goes.
pub(super) enum Target<'a> {
    /// Rows of `outputs` numbers; with `add` to what is there.
    Rows { add: bool, out: &'a mut [f32] },
    /// The tiles of a left side, activated or not: a block of 32 outputs is a step of it.
    Lhs { activation: Option<Activation>, tiles: &'a mut [Tile] },
}

rounding! {
    /// Multiplies, and writes to `target`.
    pub(super) fn run(product: Product<'_>, target: Target<'_>) {
        let mut target = target;
        product.each_block::<NATIVE>(&mut target);
    }
}

/// A block of sums among all.
#[derive(Debug, Clone, Copy)]
struct Place {
    block: usize,
    panel: usize,
    /// In which go.
    depth: usize,
}

/// The sums of a block on their way to their place, some lines after each step of the next.
struct Finishing<'a, 'b, const NATIVE: bool> {
    product: Product<'a>,
    target: &'a mut Target<'b>,
    sums: &'a Sums,
    place: Place,
    /// The lines that are still to be written.
    lines: Range<usize>,
    /// How many after each step.
    each: usize,
}

impl<const NATIVE: bool> Beside for Finishing<'_, '_, NATIVE> {
    #[inline(always)]
    fn after(&mut self, step: usize, steps: usize) {
        let count = if step == steps { BLOCK } else { self.each };
        let end = self.lines.end.min(self.lines.start + count);
        let now = self.lines.start..end;
        self.lines.start = end;
        self.product.write::<NATIVE>(self.sums, self.place, now, self.target);
    }
}

impl Product<'_> {
    #[inline(always)]
    fn each_block<const NATIVE: bool>(self, target: &mut Target<'_>) {
        let multiplier = Multiplier::new();
        let parts = parts(self.precision);
        let (blocks, panels) = (self.x.rows().div_ceil(BLOCK), self.outputs.div_ceil(BLOCK));
        let steps = self.x.inputs().div_ceil(STEP);
        let rows = self.x.as_tiles();
        let depths = match target {
            Target::Rows { .. } => (steps * parts).div_ceil(WEIGHTS_KB),
            Target::Lhs { .. } => 1,
        };
        // As even as can be: few blocks would have the weights brought for themselves.
        let blocks_at_a_time = (ROWS_KB / (steps.div_ceil(depths) * parts)).max(1);
        let groups = blocks.div_ceil(blocks_at_a_time);
        let mut sums = [EMPTY_SUMS; 2];
        let [mut now, mut done] = sums.each_mut();
        // The first has nothing before it.
        let mut before = (Place { block: 0, panel: 0, depth: 0 }, 0..0);
        for group in 0..groups {
            let some = group * blocks / groups..(group + 1) * blocks / groups;
            for depth in 0..depths {
                let from = depth * steps / depths;
                let count = (depth + 1) * steps / depths - from;
                for panel in 0..panels {
                    let weights = &self.tiles[(panel * steps + from) * parts..];
                    let next = weights.get(steps * parts..).filter(|next| !next.is_empty());
                    let next = next.unwrap_or(weights);
                    let weights = &weights[..count * parts];
                    for (i, block) in some.clone().enumerate() {
                        let rows = &rows[(block * steps + from) * parts..][..count * parts];
                        let ahead = i * count * asked(parts) / size_of::<Tile>();
                        let soon = next.get(ahead..).unwrap_or(next);
                        let lines = lines(self.x.rows(), block);
                        let here = Block { rows, lines, weights, parts, soon };
                        let (place, to_write) = before;
                        let mut finishing = Finishing::<NATIVE> {
                            product: self,
                            target,
                            sums: &*done,
                            place,
                            lines: to_write,
                            each: BLOCK.div_ceil(count),
                        };
                        multiplier.multiply(here, now, &mut finishing);
                        std::mem::swap(&mut now, &mut done);
                        before = (Place { block, panel, depth }, 0..lines);
                    }
                }
            }
        }
        let (place, lines) = before;
        self.write::<NATIVE>(done, place, lines, target);
    }

    /// Writes these lines of a block's sums.
    #[inline(always)]
    fn write<const NATIVE: bool>(
        self,
        sums: &Sums,
        Place { block, panel, depth }: Place,
        lines: Range<usize>,
        target: &mut Target<'_>,
    ) {
        let first = panel * BLOCK;
        let width = BLOCK.min(self.outputs - first);
        let bias = match self.bias {
            Some(bias) if depth == 0 => padded(&bias[first..]),
            _ => [0.0; BLOCK],
        };
        let sums = sums.0.as_chunks::<BLOCK>().0;
        match target {
            Target::Rows { add, out } => {
                let add = *add || depth > 0;
                for line in lines {
                    let at = (block * BLOCK + line) * self.outputs + first;
                    write_row(&sums[line], &bias, add, &mut out[at..at + width]);
                }
            }
            Target::Lhs { activation, tiles } => {
                let (steps, parts) = (self.outputs.div_ceil(STEP), parts(self.precision));
                let step = &mut tiles[(block * steps + panel) * parts..][..parts];
                for line in lines {
                    let mut values: [f32; BLOCK] = std::array::from_fn(|i| sums[line][i] + bias[i]);
                    if let Some(activation) = *activation {
                        activation.apply_inline(&mut values);
                    }
                    put::<NATIVE>(step, line, &values[..width]);
                }
            }
        }
    }
}

/// A row of sums to its place; with `add` they are added to what is there.
#[inline(always)]
fn write_row(sums: &[f32; BLOCK], bias: &[f32; BLOCK], add: bool, out: &mut [f32]) {
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

    /// Counts the steps that it is told of.
    #[derive(Default)]
    struct Told(usize);

    impl Beside for Told {
        fn after(&mut self, step: usize, steps: usize) {
            self.0 += 1;
            assert!(self.0 == step && step <= steps, "step {step} of {steps}");
        }
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
                    let (rows, weights) = (&*rows, &*weights);
                    let block = Block { rows, lines, weights, parts, soon: weights };
                    let mut told = Told::default();
                    multiplier.multiply(block, &mut found, &mut told);
                    assert!(told.0 > 0, "what is done beside is done");
                    emulation::multiply(rows, weights, parts, &mut expected);
                    let [found, expected] =
                        [&found, &expected].map(|sums| &sums.0[..lines * BLOCK]);
                    // Each of n additions is rounded by 2^-24 of the sum at most, and the order
                    // within a tile is that of the manual, which processors may not follow to the
                    // last bit, and another one in vectors: the errors add up as chance has it, to
                    // √n of one.
                    let products = (steps * STEP * terms(parts).len()) as f32;
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
