//! The product in f32: weights in panels of 32 outputs, multiplied in tiles (`f32_tile.rs`).

use rayon::prelude::*;

use crate::activation::Activation;
use crate::f32_tile::{LeftRows, PANEL, Sums};
use crate::huge_pages;
use crate::lanes::{LANES, Lanes, ZEROS};
use crate::padded::padded;

/// What is done to a sum on its way out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finish {
    Set,
    Add,
    Activate(Activation),
}

/// `[outputs, inputs]` -> `[panels, inputs, 32]`, with zeros beyond the last output.
pub(super) fn pack(weights: &[f32], inputs: usize) -> Vec<Lanes> {
    let outputs = weights.len() / inputs;
    let mut panels = huge_pages::vec(outputs.div_ceil(PANEL) * inputs * 2, ZEROS);
    let rows = weights.par_chunks(PANEL * inputs);
    panels.par_chunks_mut(inputs * 2).zip(rows).for_each(|(panel, rows)| {
        for (lane, row) in rows.chunks_exact(inputs).enumerate() {
            let places = panel[lane / LANES..].iter_mut().step_by(2);
            places.zip(row).for_each(|(place, weight)| place.0[lane % LANES] = *weight);
        }
    });
    panels
}

/// One product.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub(super) x: LeftRows<'a>,
    pub(super) panels: &'a [Lanes],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) finish: Finish,
}

multiplying! {
    /// Rows of `out` begin `stride` apart.
    pub(super) fn run(product: Product<'_>, out: &mut [f32], stride: usize) {
        let Product { x, panels, inputs, outputs, bias, finish } = product;
        let mut sums = Sums::new();
        for (panel, weights) in panels.chunks_exact(inputs * 2).enumerate() {
            let first = panel * PANEL;
            let width = PANEL.min(outputs - first);
            let bias = bias.map_or([0.0; PANEL], |bias| padded(&bias[first..]));
            for (start, values, rows) in x.tiles(K::ROWS) {
                // SAFETY: the processor has the instructions of K.
                unsafe { sums.set::<K>(values, x.stride, rows, weights) };
                let out_rows = out[start * stride..].chunks_mut(stride);
                for (out, sums) in out_rows.zip(&sums.0[..rows]) {
                    write(sums, &bias, finish, &mut out[first..first + width]);
                }
            }
        }
    }
}

/// A row of sums to its place.
#[inline(always)]
fn write(sums: &[f32; PANEL], bias: &[f32; PANEL], finish: Finish, out: &mut [f32]) {
    let mut row = *sums;
    row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
    match finish {
        Finish::Set => {}
        Finish::Add => out.iter().zip(&mut row).for_each(|(out, sum)| *sum += out),
        Finish::Activate(activation) => activation.apply_inline(&mut row),
    }
    match out.as_mut_array::<PANEL>() {
        Some(out) => *out = row,
        None => out.copy_from_slice(&row[..out.len()]),
    }
}
