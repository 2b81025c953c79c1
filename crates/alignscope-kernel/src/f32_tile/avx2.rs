//! Tiles of sums with AVX2.
//!
//! A panel is taken in two halves of 16 columns, which are whole lines of the cache: 6 rows are 12
//! registers of sums, which stay where they are while a run of inputs goes by; two more hold
//! weights and one a number of x for all lanes. A step is 12 fused multiplications and additions,
//! 6 cycles of both ports, and 8 loads, 4 cycles or fewer: the limit is that of the multipliers.

use std::arch::x86_64::{
    __m256, _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_load_ps, _mm256_loadu_ps,
    _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::{Kernel, Sums};
use crate::lanes::{LANES, Lanes};

/// Numbers in a register.
const WIDTH: usize = LANES / 2;

/// Tiles of 6 rows.
pub(crate) struct Avx2;

impl Kernel for Avx2 {
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn tile(
        x: &[f32],
        stride: usize,
        rows: usize,
        run: &[Lanes],
        add: bool,
        out: &mut Sums,
    ) {
        // SAFETY: the processor has AVX2 and FMA, as our caller promises.
        unsafe { in_halves!(rows, [1 2 3 4 5 6], tile(x, stride, run, add, out)) }
    }
}

/// Sets or, with `add`, adds to one half of the first `N` rows of `out`.
///
/// The sums stay in registers only where nothing here looks at them by a number that is not known
/// when this is compiled: so they are copied to memory once, at the end.
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
fn tile<const N: usize, const HALF: usize>(
    x: &[f32],
    stride: usize,
    run: &[Lanes],
    add: bool,
    out: &mut Sums,
) {
    let (pairs, odd) = run.as_chunks::<2>();
    let inputs = pairs.len();
    assert!(odd.is_empty() && x.len() >= (N - 1) * stride + inputs, "{N} rows of {inputs}");
    let mut sums: [[__m256; 2]; N] = [[_mm256_setzero_ps(); 2]; N];
    let x = x.as_ptr();
    for (input, halves) in pairs.iter().enumerate() {
        let weights = halves[HALF].0.as_ptr();
        // SAFETY: `Lanes` are 16 numbers at a multiple of 64 bytes.
        let (low, high) = unsafe { (_mm256_load_ps(weights), _mm256_load_ps(weights.add(WIDTH))) };
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row < N and input < inputs, so that this lies within x, as checked above.
            let x = _mm256_broadcast_ss(unsafe { &*x.add(row * stride + input) });
            *sums = [_mm256_fmadd_ps(x, low, sums[0]), _mm256_fmadd_ps(x, high, sums[1])];
        }
    }
    for (out, [mut low, mut high]) in out.0.iter_mut().zip(sums) {
        let out = &mut out.as_chunks_mut::<LANES>().0[HALF];
        let (first, second) = out.split_at_mut(WIDTH);
        // SAFETY: each part is 8 numbers.
        unsafe {
            if add {
                low = _mm256_add_ps(_mm256_loadu_ps(first.as_ptr()), low);
                high = _mm256_add_ps(_mm256_loadu_ps(second.as_ptr()), high);
            }
            _mm256_storeu_ps(first.as_mut_ptr(), low);
            _mm256_storeu_ps(second.as_mut_ptr(), high);
        }
    }
}
