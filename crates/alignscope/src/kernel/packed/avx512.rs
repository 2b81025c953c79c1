//! The product in f32 with AVX-512.

use std::arch::x86_64::{
    __m512, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_fmadd_ps, _mm512_load_ps,
    _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

use rayon::prelude::*;

/// Sixteen numbers, a register's worth, where a register is loaded from.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Lanes([f32; LANES]);

const LANES: usize = 16;
/// Outputs of a panel.
const PANEL: usize = 2 * LANES;
/// Rows of a tile.
const ROWS: usize = 14;
/// Steps by which loads are asked for beforehand.
const AHEAD: usize = 24;
/// Numbers of x in tiles at a time: 1 MB, half of the second cache.
const BLOCK_NUMBERS: usize = 1 << 18;

/// `[outputs, inputs]` -> `[panels, inputs, 32]`.
pub(super) fn pack(weights: &[f32], inputs: usize) -> Vec<Lanes> {
    let outputs = weights.len() / inputs;
    let mut panels = vec![Lanes([0.0; LANES]); outputs.div_ceil(PANEL) * inputs * 2];
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
    pub(super) x: &'a [f32],
    pub(super) panels: &'a [Lanes],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) add: bool,
}

impl Product<'_> {
    /// # Safety
    /// The processor has AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) fn run(self, out: &mut [f32], tiles: &mut Vec<f32>) {
        let block = (BLOCK_NUMBERS / self.inputs / ROWS).max(1) * ROWS;
        let blocks = self.x.chunks(block * self.inputs);
        for (x, out) in blocks.zip(out.chunks_mut(block * self.outputs)) {
            pack_rows(x, self.inputs, tiles);
            for panel in 0..self.outputs.div_ceil(PANEL) {
                self.panel(panel, out, tiles);
            }
        }
    }

    /// The outputs of one panel for all rows of a block.
    #[target_feature(enable = "avx512f")]
    fn panel(self, panel: usize, out: &mut [f32], tiles: &[f32]) {
        let weights = &self.panels[panel * self.inputs * 2..][..self.inputs * 2];
        let first = panel * PANEL;
        let width = PANEL.min(self.outputs - first);
        let bias = self.bias.map(|bias| &bias[first..first + width]);
        let out_rows = out.chunks_mut(ROWS * self.outputs);
        for (tile, out) in tiles.chunks(ROWS * self.inputs).zip(out_rows) {
            let target = Target { first, width, stride: self.outputs, bias, add: self.add };
            macro_rules! of_rows {
                ($($rows:literal)*) => {
                    match tile.len() / self.inputs {
                        $($rows => target.tile::<$rows>(tile, weights, out),)*
                        other => unreachable!("a tile of {other} rows"),
                    }
                };
            }
            of_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        }
    }
}

/// `[rows, inputs]` -> tiles of `[inputs, 14]`, the last with the rows that are left.
fn pack_rows(x: &[f32], inputs: usize, tiles: &mut Vec<f32>) {
    tiles.resize(x.len(), 0.0);
    for (x, tile) in x.chunks(ROWS * inputs).zip(tiles.chunks_mut(ROWS * inputs)) {
        let rows = x.len() / inputs;
        for (row, x) in x.chunks_exact(inputs).enumerate() {
            let places = tile[row..].iter_mut().step_by(rows);
            places.zip(x).for_each(|(place, x)| *place = *x);
        }
    }
}

/// The sums of a tile, `[N, 32]`. `tile` is `[inputs, N]`, `weights` `[inputs, 32]`.
///
/// They stay in registers only where nothing here looks at them by a number that is not known
/// when this is compiled: so they are copied to memory once, at the end.
#[target_feature(enable = "avx512f")]
fn sums<const N: usize>(tile: &[f32], weights: &[Lanes]) -> [[__m512; 2]; N] {
    let (steps, rest) = tile.as_chunks::<N>();
    let (pairs, odd) = weights.as_chunks::<2>();
    assert!(rest.is_empty() && odd.is_empty() && steps.len() == pairs.len());
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for (x, [low, high]) in steps.iter().zip(pairs) {
        // What is read some steps later is asked for now: it lies in the second cache. An
        // address beyond the end is never read.
        let later = (&raw const *low).wrapping_add(2 * AHEAD);
        _mm_prefetch::<_MM_HINT_T0>(later.cast());
        _mm_prefetch::<_MM_HINT_T0>(later.wrapping_add(1).cast());
        _mm_prefetch::<_MM_HINT_T0>((&raw const *x).wrapping_add(AHEAD).cast());
        // SAFETY: `Lanes` are 16 numbers at a multiple of 64 bytes.
        let (low, high) =
            unsafe { (_mm512_load_ps(low.0.as_ptr()), _mm512_load_ps(high.0.as_ptr())) };
        for row in 0..N {
            let x = _mm512_set1_ps(x[row]);
            sums[row] =
                [_mm512_fmadd_ps(x, low, sums[row][0]), _mm512_fmadd_ps(x, high, sums[row][1])];
        }
    }
    sums
}

/// Where a tile's sums go.
#[derive(Clone, Copy)]
struct Target<'a> {
    /// The first output of the panel.
    first: usize,
    /// Outputs of the panel.
    width: usize,
    /// Outputs of a row.
    stride: usize,
    bias: Option<&'a [f32]>,
    add: bool,
}

impl Target<'_> {
    /// `tile` is `[inputs, N]`, `weights` `[inputs, 32]`, `out` begins with the tile's first row.
    #[target_feature(enable = "avx512f")]
    fn tile<const N: usize>(self, tile: &[f32], weights: &[Lanes], out: &mut [f32]) {
        let sums = sums::<N>(tile, weights);
        for (half, start) in [0, LANES].into_iter().enumerate() {
            let count = self.width.saturating_sub(start).min(LANES);
            if count == 0 {
                continue;
            }
            let mask = u16::MAX >> (LANES - count);
            let bias = match self.bias {
                // SAFETY: the mask leaves `count` numbers, all within the slice.
                Some(bias) => unsafe {
                    _mm512_maskz_loadu_ps(mask, bias[start..start + count].as_ptr())
                },
                None => _mm512_setzero_ps(),
            };
            for (row, sums) in sums.iter().enumerate() {
                let place = row * self.stride + self.first + start;
                let out = &mut out[place..place + count];
                let mut value = _mm512_add_ps(sums[half], bias);
                if self.add {
                    // SAFETY: as above, for the slice of the output.
                    let before = unsafe { _mm512_maskz_loadu_ps(mask, out.as_ptr()) };
                    value = _mm512_add_ps(before, value);
                }
                // SAFETY: as above.
                unsafe { _mm512_mask_storeu_ps(out.as_mut_ptr(), mask, value) };
            }
        }
    }
}
