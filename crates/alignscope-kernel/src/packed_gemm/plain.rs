//! The product in f32 in plain code that vectorizes, for processors without AVX-512.
//!
//! A tile of 4 rows and 16 outputs is 8 registers of AVX2 with sums, which stay where they are
//! while a [`RUN`] of inputs goes by. Each sum is that of one row and one output, in the order of
//! the inputs, so that a row has the same bits whatever stands beside it; the crate `gemm`, which
//! is faster, chooses its order by the number of rows.

use rayon::prelude::*;

use super::f32_sum::{Finish, RUN};
use crate::padded::padded;

/// Outputs of a panel.
const PANEL: usize = 16;
/// Rows of a tile.
const ROWS: usize = 4;

/// `[outputs, inputs]` -> `[panels, inputs, 16]`, with zeros beyond the last output.
pub(super) fn pack(weights: &[f32], inputs: usize) -> Vec<[f32; PANEL]> {
    let outputs = weights.len() / inputs;
    let mut panels = vec![[0.0; PANEL]; outputs.div_ceil(PANEL) * inputs];
    let rows = weights.par_chunks(PANEL * inputs);
    panels.par_chunks_mut(inputs).zip(rows).for_each(|(panel, rows)| {
        for (lane, row) in rows.chunks_exact(inputs).enumerate() {
            panel.iter_mut().zip(row).for_each(|(place, weight)| place[lane] = *weight);
        }
    });
    panels
}

/// One product.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    /// Rows begin `stride` apart.
    pub(super) x: &'a [f32],
    pub(super) stride: usize,
    pub(super) rows: usize,
    pub(super) panels: &'a [[f32; PANEL]],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) finish: Finish,
}

vectorized! {
    /// Rows of `out` begin `out_stride` apart.
    pub(super) fn run(product: Product<'_>, out: &mut [f32], out_stride: usize) {
        let Product { x, stride, rows, panels, inputs, outputs, bias, finish } = product;
        for (panel, weights) in panels.chunks_exact(inputs).enumerate() {
            let first = panel * PANEL;
            let width = PANEL.min(outputs - first);
            let bias = bias.map_or([0.0; PANEL], |bias| padded(&bias[first..]));
            let mut row = 0;
            while row < rows {
                let x = &x[row * stride..];
                let mut sums = [[0.0; PANEL]; ROWS];
                let done = if rows - row >= ROWS {
                    sums = tile::<ROWS>(x, stride, weights);
                    ROWS
                } else {
                    sums[..1].copy_from_slice(&tile::<1>(x, stride, weights));
                    1
                };
                for (i, sums) in sums[..done].iter_mut().enumerate() {
                    sums.iter_mut().zip(&bias).for_each(|(sum, bias)| *sum += bias);
                    let out = &mut out[(row + i) * out_stride + first..][..width];
                    match finish {
                        Finish::Set => {}
                        Finish::Add => {
                            out.iter().zip(&mut *sums).for_each(|(out, sum)| *sum += out);
                        }
                        Finish::Activate(activation) => activation.apply_inline(sums),
                    }
                    out.copy_from_slice(&sums[..width]);
                }
                row += done;
            }
        }
    }
}

/// Sums of `N` rows and a panel.
#[inline(always)]
fn tile<const N: usize>(x: &[f32], stride: usize, weights: &[[f32; PANEL]]) -> [[f32; PANEL]; N] {
    let rows: [&[f32]; N] = std::array::from_fn(|row| &x[row * stride..][..weights.len()]);
    let mut sums = [[0.0; PANEL]; N];
    for (run, weights) in weights.chunks(RUN).enumerate() {
        let more = of_run(rows.map(|row| &row[run * RUN..]), weights);
        match run {
            0 => sums = more,
            _ => {
                let sums = sums.as_flattened_mut().iter_mut();
                sums.zip(more.as_flattened()).for_each(|(sum, more)| *sum += more);
            }
        }
    }
    sums
}

#[inline(always)]
fn of_run<const N: usize>(rows: [&[f32]; N], weights: &[[f32; PANEL]]) -> [[f32; PANEL]; N] {
    let mut sums = [[0.0_f32; PANEL]; N];
    for (input, weights) in weights.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = row[input];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = x.mul_add(*weight, *sum);
            }
        }
    }
    sums
}
