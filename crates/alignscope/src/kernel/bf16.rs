//! Numbers rounded to bf16, two to a `u32`: the lower half of a pair is the first.
//!
//! Where `NATIVE` is set, by the processor's own instruction: it rounds alike, but takes denormal numbers
//! for zero, as those do that multiply.

#[cfg(target_arch = "x86_64")]
use super::product::tiles::Instructions;

/// Pairs in a register.
pub(super) const PAIRS: usize = 16;

/// Whether the processor's own instruction is used: only beside those that multiply, so that imitations stay one.
#[cfg(target_arch = "x86_64")]
pub(super) fn is_native() -> bool {
    Instructions::here() != Instructions::Imitation
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bf16")
}

/// The nearest bf16, ties to even; its bits.
#[inline(always)]
fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

/// A pair as two f32.
#[inline(always)]
fn widen(pair: u32) -> [f32; 2] {
    [f32::from_bits(pair << 16), f32::from_bits(pair & 0xffff_0000)]
}

/// Numbers in order, rounded.
#[inline(always)]
pub(super) fn in_order<const NATIVE: bool>(values: &[f32; 2 * PAIRS]) -> [u32; PAIRS] {
    #[cfg(target_arch = "x86_64")]
    if NATIVE {
        // SAFETY: `rounding!` sets NATIVE where the processor has the instructions.
        return unsafe { native::in_order(values) };
    }
    std::array::from_fn(|i| round(values[2 * i]) | (round(values[2 * i + 1]) << 16))
}

/// What [`in_order`] leaves of each number.
#[inline(always)]
pub(super) fn rest_in_order<const NATIVE: bool>(
    values: &[f32; 2 * PAIRS],
    rounded: &[u32; PAIRS],
) -> [f32; 2 * PAIRS] {
    #[cfg(target_arch = "x86_64")]
    if NATIVE {
        // SAFETY: as above.
        return unsafe { native::rest_in_order(values, rounded) };
    }
    std::array::from_fn(|i| values[i] - widen(rounded[i / 2])[i % 2])
}

/// The numbers of two rows, rounded: a pair is one of each.
#[inline(always)]
pub(super) fn interleaved<const NATIVE: bool>(rows: &[[f32; PAIRS]; 2]) -> [u32; PAIRS] {
    #[cfg(target_arch = "x86_64")]
    if NATIVE {
        // SAFETY: as above.
        return unsafe { native::interleaved(rows) };
    }
    std::array::from_fn(|i| round(rows[0][i]) | (round(rows[1][i]) << 16))
}

/// What [`interleaved`] leaves of each number.
#[inline(always)]
pub(super) fn rest_interleaved(
    rows: &[[f32; PAIRS]; 2],
    rounded: &[u32; PAIRS],
) -> [[f32; PAIRS]; 2] {
    std::array::from_fn(|row| std::array::from_fn(|i| rows[row][i] - widen(rounded[i])[row]))
}

#[cfg(target_arch = "x86_64")]
mod native {
    use std::arch::x86_64::{
        __m256bh, __m256i, __m512, __m512i, _mm512_castsi512_ps, _mm512_castsi512_si256,
        _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_extracti64x4_epi64,
        _mm512_loadu_ps, _mm512_loadu_si512, _mm512_or_si512, _mm512_slli_epi32, _mm512_storeu_ps,
        _mm512_storeu_si512, _mm512_sub_ps,
    };

    use super::PAIRS;

    /// Sixteen numbers from the `at`-th on.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load(values: &[f32], at: usize) -> __m512 {
        let values = &values[at..at + PAIRS];
        // SAFETY: these are sixteen numbers.
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn stored(pairs: __m512i) -> [u32; PAIRS] {
        let mut out = [0; PAIRS];
        // SAFETY: the array is 64 bytes.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), pairs) };
        out
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    pub(super) fn in_order(values: &[f32; 2 * PAIRS]) -> [u32; PAIRS] {
        let pairs = _mm512_cvtne2ps_pbh(load(values, PAIRS), load(values, 0));
        // SAFETY: both are 512 bits.
        stored(unsafe { std::mem::transmute::<std::arch::x86_64::__m512bh, __m512i>(pairs) })
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    pub(super) fn rest_in_order(
        values: &[f32; 2 * PAIRS],
        rounded: &[u32; PAIRS],
    ) -> [f32; 2 * PAIRS] {
        // SAFETY: the array is 64 bytes.
        let rounded = unsafe { _mm512_loadu_si512(rounded.as_ptr().cast()) };
        let halves = [_mm512_castsi512_si256(rounded), _mm512_extracti64x4_epi64::<1>(rounded)];
        let mut out = [0.0; 2 * PAIRS];
        for (i, half) in halves.into_iter().enumerate() {
            let wide = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half));
            let rest = _mm512_sub_ps(load(values, i * PAIRS), _mm512_castsi512_ps(wide));
            let out = &mut out[i * PAIRS..(i + 1) * PAIRS];
            // SAFETY: these are sixteen numbers.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), rest) };
        }
        out
    }

    /// Sixteen numbers rounded, each in the lower half of a pair.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    fn widened(row: &[f32; PAIRS]) -> __m512i {
        let rounded = _mm512_cvtneps_pbh(load(row, 0));
        // SAFETY: both are 256 bits.
        let rounded = unsafe { std::mem::transmute::<__m256bh, __m256i>(rounded) };
        _mm512_cvtepu16_epi32(rounded)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    pub(super) fn interleaved(rows: &[[f32; PAIRS]; 2]) -> [u32; PAIRS] {
        let (first, second) = (widened(&rows[0]), widened(&rows[1]));
        stored(_mm512_or_si512(first, _mm512_slli_epi32::<16>(second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> [f32; 2 * PAIRS] {
        std::array::from_fn(|i| ((i * 7919) % 103) as f32 * 1.37e-3 - 0.06)
    }

    #[test]
    fn a_number_is_the_sum_of_its_parts_within_two_to_the_minus_seventeen() {
        for i in 0..100_000 {
            let value = ((i * 7919) % 100_003) as f32 * 1.37e-3 - 60.0;
            let high = widen(round(value))[0];
            let off = (high + widen(round(value - high))[0] - value).abs();
            assert!(off <= value.abs() * 2.0_f32.powi(-17), "{value} {off}");
        }
        assert_eq!(round(1.0), 0x3f80);
    }

    #[test]
    fn pairs_are_in_order_or_of_two_rows() {
        let mut values = [0.0; 2 * PAIRS];
        (values[0], values[1]) = (1.0, -2.0);
        assert_eq!(in_order::<false>(&values)[0], 0xc000_3f80);
        let mut rows = [[0.0; PAIRS]; 2];
        (rows[0][3], rows[1][3]) = (1.0, -2.0);
        assert_eq!(interleaved::<false>(&rows)[3], 0xc000_3f80);
        rows[1][3] = -2.001;
        let rest = rest_interleaved(&rows, &interleaved::<false>(&rows));
        assert!(rest[0][3] == 0.0 && (rest[1][3] + 0.001).abs() < 1e-6, "{rest:?}");
    }

    rounding! {
        fn all(
            values: &[f32; 2 * PAIRS],
            pairs: &mut [[u32; PAIRS]; 3],
            rest: &mut [f32; 2 * PAIRS],
        ) {
            pairs[0] = in_order::<NATIVE>(values);
            *rest = rest_in_order::<NATIVE>(values, &pairs[0]);
            pairs[1] = in_order::<NATIVE>(rest);
            let (rows, _) = values.as_chunks();
            pairs[2] = interleaved::<NATIVE>(&[rows[0], rows[1]]);
        }
    }

    #[test]
    fn the_instruction_rounds_as_the_formula() {
        let values = values();
        let (mut pairs, mut rest) = ([[0; PAIRS]; 3], [0.0; 2 * PAIRS]);
        all(&values, &mut pairs, &mut rest);
        assert_eq!(pairs[0], in_order::<false>(&values));
        assert_eq!(rest, rest_in_order::<false>(&values, &pairs[0]));
        assert_eq!(pairs[1], in_order::<false>(&rest));
        let (rows, _) = values.as_chunks();
        assert_eq!(pairs[2], interleaved::<false>(&[rows[0], rows[1]]));
    }
}
