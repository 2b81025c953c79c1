//! The product in f32 with AVX-512.
//!
//! A tile of 14 rows and 32 outputs is 28 registers of sums, which stay where they are while a
//! [`RUN`] of inputs goes by; two more hold weights and one a number of x for all lanes. A step is
//! 28 fused multiplications and additions, 14 cycles of both ports, and 16 loads, 8 cycles: the
//! limit is that of the multipliers. Weights lie in the order in which they are read, a panel of 32
//! outputs after the other; x is read as it lies, its rows not a multiple of 4 KiB apart.

use std::arch::x86_64::{
    __m512, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_fmadd_ps, _mm512_load_ps,
    _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use rayon::prelude::*;

use super::f32_sum::{Finish, RUN};
use crate::huge_pages;
use crate::lanes::{LANES, Lanes, ZEROS};
use crate::padded::padded;

/// Outputs of a panel.
pub(crate) const PANEL: usize = 2 * LANES;
/// Rows of a tile.
pub(crate) const ROWS: usize = 14;
/// Steps by which weights are asked for beforehand.
const AHEAD: usize = 24;

/// `[outputs, inputs]` -> `[panels, inputs, 32]`.
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

/// Rows of numbers that begin `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftRows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) rows: usize,
}

impl<'a> LeftRows<'a> {
    /// Tiles of at most 14 rows, as even as can be, each with its first row and number of rows.
    pub(crate) fn tiles(self) -> impl Iterator<Item = (usize, &'a [f32], usize)> {
        let tiles = self.rows.div_ceil(ROWS);
        (0..tiles).map(move |tile| {
            let (start, end) = (tile * self.rows / tiles, (tile + 1) * self.rows / tiles);
            (start, &self.values[start * self.stride..], end - start)
        })
    }
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

impl Product<'_> {
    /// Rows of `out` begin `stride` apart.
    ///
    /// # Safety
    /// The processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) fn run(self, out: &mut [f32], stride: usize) {
        let mut sums = Sums::new();
        for (panel, weights) in self.panels.chunks_exact(self.inputs * 2).enumerate() {
            let first = panel * PANEL;
            let width = PANEL.min(self.outputs - first);
            let bias = self.bias.map_or([0.0; PANEL], |bias| padded(&bias[first..]));
            for (start, x, rows) in self.x.tiles() {
                sums.set(x, self.x.stride, rows, weights);
                let out_rows = out[start * stride..].chunks_mut(stride);
                for (out, sums) in out_rows.zip(&sums.0[..rows]) {
                    finish(sums, &bias, self.finish, &mut out[first..first + width]);
                }
            }
        }
    }
}

/// A row of sums to its place.
#[inline(always)]
fn finish(sums: &[f32; PANEL], bias: &[f32; PANEL], finish: Finish, out: &mut [f32]) {
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

/// Sums of a tile, `[14, 32]`.
#[repr(align(64))]
pub(crate) struct Sums(pub(crate) [[f32; PANEL]; ROWS]);

impl Sums {
    pub(crate) fn new() -> Self {
        Self([[0.0; PANEL]; ROWS])
    }

    /// Sets the first `rows` rows, at most 14, to the product of those of `x`, which begin `stride`
    /// apart, with a panel of weights, `[inputs, 32]`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(crate) fn set(&mut self, x: &[f32], stride: usize, rows: usize, weights: &[Lanes]) {
        macro_rules! of_rows {
            ($x:expr, $weights:expr, $add:expr; $($rows:literal)*) => {
                match rows {
                    $($rows => tile::<$rows>($x, stride, $weights, $add, self),)*
                    other => unreachable!("a tile of {other} rows"),
                }
            };
        }
        for (run, weights) in weights.chunks(2 * RUN).enumerate() {
            of_rows!(&x[run * RUN..], weights, run > 0; 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        }
    }
}

/// Sets or, with `add`, adds to the first `N` rows of `out`.
///
/// The sums stay in registers only where nothing here looks at them by a number that is not known
/// when this is compiled: so they are copied to memory once, at the end.
#[target_feature(enable = "avx512f")]
#[inline(never)]
fn tile<const N: usize>(x: &[f32], stride: usize, weights: &[Lanes], add: bool, out: &mut Sums) {
    let (pairs, odd) = weights.as_chunks::<2>();
    let inputs = pairs.len();
    assert!(odd.is_empty() && x.len() >= (N - 1) * stride + inputs, "{N} rows of {inputs}");
    let mut sums: [[__m512; 2]; N] = [[_mm512_setzero_ps(); 2]; N];
    let x = x.as_ptr();
    for (input, [low, high]) in pairs.iter().enumerate() {
        // What is read some steps later is asked for now: it lies in the second cache. An
        // address beyond the end is never read.
        let later = (&raw const *low).wrapping_add(2 * AHEAD);
        _mm_prefetch::<_MM_HINT_T0>(later.cast());
        _mm_prefetch::<_MM_HINT_T0>(later.wrapping_add(1).cast());
        // SAFETY: `Lanes` are 16 numbers at a multiple of 64 bytes.
        let (low, high) =
            unsafe { (_mm512_load_ps(low.0.as_ptr()), _mm512_load_ps(high.0.as_ptr())) };
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row < N and input < inputs, so that this lies within x, as checked above.
            let x = _mm512_set1_ps(unsafe { *x.add(row * stride + input) });
            *sums = [_mm512_fmadd_ps(x, low, sums[0]), _mm512_fmadd_ps(x, high, sums[1])];
        }
    }
    for (out, [mut low, mut high]) in out.0.iter_mut().zip(sums) {
        let (first, second) = out.split_at_mut(LANES);
        // SAFETY: each half is 16 numbers.
        unsafe {
            if add {
                low = _mm512_add_ps(_mm512_loadu_ps(first.as_ptr()), low);
                high = _mm512_add_ps(_mm512_loadu_ps(second.as_ptr()), high);
            }
            _mm512_storeu_ps(first.as_mut_ptr(), low);
            _mm512_storeu_ps(second.as_mut_ptr(), high);
        }
    }
}
