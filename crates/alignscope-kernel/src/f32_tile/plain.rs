//! Tiles of sums in plain code that vectorizes, for processors without AVX2 and NEON.
//!
//! A panel is taken in two halves of 16 columns, 4 rows at a time. x86 without FMA has a call of
//! the C library for each step, which rounds once as the instruction does.

use super::{Kernel, Sums};
use crate::lanes::{LANES, Lanes, ZEROS};

/// Tiles of 4 rows.
pub(crate) struct Plain;

impl Kernel for Plain {
    const ROWS: usize = 4;

    #[inline(always)]
    unsafe fn tile(
        x: &[f32],
        stride: usize,
        rows: usize,
        run: &[Lanes],
        add: bool,
        out: &mut Sums,
    ) {
        in_halves!(rows, [1 2 3 4], tile(x, stride, run, add, out));
    }
}

/// Sets or, with `add`, adds to one half of the first `N` rows of `out`.
#[inline(never)]
fn tile<const N: usize, const HALF: usize>(
    x: &[f32],
    stride: usize,
    run: &[Lanes],
    add: bool,
    out: &mut Sums,
) {
    let (pairs, _) = run.as_chunks::<2>();
    let rows: [&[f32]; N] = std::array::from_fn(|row| &x[row * stride..][..pairs.len()]);
    let mut sums = [[0.0_f32; LANES]; N];
    for (input, halves) in pairs.iter().enumerate() {
        let weights = &halves[HALF].0;
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = row[input];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = x.mul_add(*weight, *sum);
            }
        }
    }
    for (out, sums) in out.0.iter_mut().zip(sums) {
        let out = &mut out.as_chunks_mut::<LANES>().0[HALF];
        match add {
            true => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
            false => *out = sums,
        }
    }
}

/// The columns of `[16, 16]` numbers, whose rows begin `stride` apart.
#[inline(always)]
pub(super) fn transposed(rows: &[f32], stride: usize) -> [Lanes; LANES] {
    assert!(rows.len() >= (LANES - 1) * stride + LANES, "16 rows of 16, {stride} apart");
    let mut columns = [ZEROS; LANES];
    for (lane, row) in rows.chunks(stride).take(LANES).enumerate() {
        columns.iter_mut().zip(row).for_each(|(column, value)| column.0[lane] = *value);
    }
    columns
}
