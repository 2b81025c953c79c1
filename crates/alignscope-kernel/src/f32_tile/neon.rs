//! Tiles of sums with NEON, which every 64-bit Arm has.
//!
//! A panel is taken in two halves of 16 columns, which are whole lines of the cache: 6 rows are 24
//! of the 32 registers, which hold sums while a run of inputs goes by; four more hold weights and
//! one a number of x for all lanes. A step is 24 fused multiplications and additions and 8 loads,
//! of which two bring two registers each: the limit is that of the multipliers, up to four of them.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vdupq_n_f32, vfmaq_f32, vld1q_dup_f32, vld1q_f32, vst1q_f32,
};

use super::{Kernel, Sums};
use crate::lanes::{LANES, Lanes};

/// Numbers in a register.
const WIDTH: usize = 4;
/// Registers of one row's sums.
const PARTS: usize = LANES / WIDTH;

/// Tiles of 6 rows.
pub(crate) struct Neon;

impl Kernel for Neon {
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
        // SAFETY: every 64-bit Arm has NEON.
        unsafe { in_halves!(rows, [1 2 3 4 5 6], tile(x, stride, run, add, out)) }
    }
}

/// Sets or, with `add`, adds to one half of the first `N` rows of `out`.
///
/// As in `avx2.rs`, the sums are copied to memory once, at the end.
#[target_feature(enable = "neon")]
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
    let mut sums: [[float32x4_t; PARTS]; N] = [[vdupq_n_f32(0.0); PARTS]; N];
    let x = x.as_ptr();
    for (input, halves) in pairs.iter().enumerate() {
        let weights = halves[HALF].0.as_ptr();
        // SAFETY: `Lanes` are 16 numbers.
        let weights: [float32x4_t; PARTS] =
            std::array::from_fn(|part| unsafe { vld1q_f32(weights.add(part * WIDTH)) });
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row < N and input < inputs, so that this lies within x, as checked above.
            let x = unsafe { vld1q_dup_f32(x.add(row * stride + input)) };
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = vfmaq_f32(*sum, x, weight);
            }
        }
    }
    for (out, sums) in out.0.iter_mut().zip(sums) {
        let out = &mut out.as_chunks_mut::<LANES>().0[HALF];
        for (out, sum) in out.as_chunks_mut::<WIDTH>().0.iter_mut().zip(sums) {
            // SAFETY: these are four numbers.
            unsafe {
                let sum = if add { vaddq_f32(vld1q_f32(out.as_ptr()), sum) } else { sum };
                vst1q_f32(out.as_mut_ptr(), sum);
            }
        }
    }
}
