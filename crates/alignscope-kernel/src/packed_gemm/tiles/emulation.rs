//! What AMX's products of tiles do, in plain code.

use super::block::{Sums, terms};
use crate::tile::{BLOCK, SIDE, Tile};

vectorized! {
    /// As the instructions, in their order: steps one after the other, and in each the [`terms`].
    ///
    /// `tdpbf16ps` sums the products of the first numbers of all pairs, and those of the second,
    /// each in order, adds the two and then adds that to what is there, all in f32 rounded to
    /// nearest (Intel's manual, volume 2). It takes denormal numbers for 0, which this does not.
    pub(super) fn multiply(rows: &[Tile], weights: &[Tile], parts: usize, sums: &mut Sums) {
        for (rows, weights) in rows.chunks_exact(parts).zip(weights.chunks_exact(parts)) {
            for [x, w] in terms(parts) {
                add(&rows[2 * x..][..2], &weights[2 * w..][..2], sums);
            }
        }
    }
}

/// Adds the product of two tiles of rows and two of weights.
#[inline(always)]
fn add(rows: &[Tile], weights: &[Tile], sums: &mut Sums) {
    let (sums, _) = sums.0.as_chunks_mut::<SIDE>();
    for (i, rows) in rows.iter().enumerate() {
        for (line, row) in rows.0.as_chunks::<SIDE>().0.iter().enumerate() {
            for (j, weights) in weights.iter().enumerate() {
                add_row(row, weights, &mut sums[(i * SIDE + line) * BLOCK / SIDE + j]);
            }
        }
    }
}

/// One row of a product of two tiles: its two sums stay in registers.
#[inline(always)]
fn add_row(row: &[u32; SIDE], weights: &Tile, sums: &mut [f32; SIDE]) {
    let halves = |pair: u32| [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)];
    let (mut first, mut second) = ([0.0_f32; SIDE], [0.0_f32; SIDE]);
    for (x, weights) in row.iter().zip(weights.0.as_chunks::<SIDE>().0) {
        let x = halves(*x);
        for n in 0..SIDE {
            let w = halves(weights[n]);
            first[n] = x[0].mul_add(w[0], first[n]);
            second[n] = x[1].mul_add(w[1], second[n]);
        }
    }
    for n in 0..SIDE {
        sums[n] += first[n] + second[n];
    }
}
