//! Tiles of sums with AVX-512.
//!
//! A tile of 14 rows and 32 columns is 28 registers of sums, which stay where they are while a run
//! of inputs goes by; two more hold weights and one a number of x for all lanes. A step is
//! 28 fused multiplications and additions, 14 cycles of both ports, and 16 loads, 8 cycles: the
//! limit is that of the multipliers. Weights lie in the order in which they are read, a panel of 32
//! columns after the other; x is read as it lies, its rows not a multiple of 4 KiB apart.

use std::arch::x86_64::{
    __m512, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_fmadd_ps, _mm512_load_ps,
    _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::{Kernel, Sums};
use crate::lanes::{LANES, Lanes};
use crate::transpose;

/// Steps by which weights are asked for beforehand.
const AHEAD: usize = 24;

/// Tiles of 14 rows.
pub(crate) struct Avx512;

impl Kernel for Avx512 {
    const ROWS: usize = 14;

    #[inline(always)]
    unsafe fn tile(
        x: &[f32],
        stride: usize,
        rows: usize,
        run: &[Lanes],
        add: bool,
        out: &mut Sums,
    ) {
        macro_rules! of_rows {
            ($($rows:literal)*) => {
                match rows {
                    // SAFETY: the processor has AVX-512F, as our caller promises.
                    $($rows => unsafe { tile::<$rows>(x, stride, run, add, out) },)*
                    other => unreachable!("a tile of {other} rows"),
                }
            };
        }
        of_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
    }

    #[inline(always)]
    unsafe fn transposed(rows: &[f32], stride: usize) -> [Lanes; LANES] {
        // SAFETY: the processor has AVX-512F, as our caller promises.
        unsafe { transpose::transposed(rows, stride) }
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
