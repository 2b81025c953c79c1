//! What AMX's products of tiles do, in plain code.

use super::super::super::tile::{BLOCK, SIDE, Tile};
use super::Sums;

/// Rows that are summed at a time.
const LINES: usize = 8;

vectorized! {
    /// As the instructions, in their order: steps one after the other, and in each high · high, low ·
    /// high, high · low.
    ///
    /// `tdpbf16ps` sums the products of the first numbers of all pairs, and those of the second, each
    /// in order, adds the two and then adds that to what is there, all in f32 rounded to nearest
    /// (Intel's manual, volume 2). It takes denormal numbers for 0, which this does not.
    pub(super) fn multiply(rows: &[Tile], weights: &[Tile], parts: usize, sums: &mut Sums) {
        for (rows, weights) in rows.chunks_exact(parts).zip(weights.chunks_exact(parts)) {
            add(&rows[..2], &weights[..2], sums);
            if parts == 4 {
                add(&rows[2..], &weights[..2], sums);
                add(&rows[..2], &weights[2..], sums);
            }
        }
    }
}

/// Adds the product of two tiles of rows and two of weights.
#[inline(always)]
fn add(rows: &[Tile], weights: &[Tile], sums: &mut Sums) {
    for (i, rows) in rows.iter().enumerate() {
        for (j, weights) in weights.iter().enumerate() {
            for first in (0..SIDE).step_by(LINES) {
                let sums = &mut sums.0[(i * SIDE + first) * BLOCK + j * SIDE..];
                add_lines(&rows.0[first * SIDE..][..LINES * SIDE], weights, sums);
            }
        }
    }
}

/// Eight rows of a product of two tiles, added to sums that begin 32 apart.
#[inline(always)]
fn add_lines(rows: &[u32], weights: &Tile, sums: &mut [f32]) {
    let halves = |pair: u32| [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)];
    let (mut first, mut second) = ([[0.0_f32; SIDE]; LINES], [[0.0_f32; SIDE]; LINES]);
    for (k, weights) in weights.0.as_chunks::<SIDE>().0.iter().enumerate() {
        let w = [weights.map(|pair| halves(pair)[0]), weights.map(|pair| halves(pair)[1])];
        for line in 0..LINES {
            let x = halves(rows[line * SIDE + k]);
            for n in 0..SIDE {
                first[line][n] = x[0].mul_add(w[0][n], first[line][n]);
                second[line][n] = x[1].mul_add(w[1][n], second[line][n]);
            }
        }
    }
    for line in 0..LINES {
        for n in 0..SIDE {
            sums[line * BLOCK + n] += first[line][n] + second[line][n];
        }
    }
}
