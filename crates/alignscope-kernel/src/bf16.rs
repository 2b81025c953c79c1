//! Numbers rounded to bf16, two to a `u32`: the lower half of a pair is the first.
//!
//! Where `NATIVE` is set, by the processor's own instruction: it rounds alike, but takes denormal
//! numbers for zero, as those do that multiply.

/// Pairs in a register.
pub(crate) const PAIRS: usize = 16;

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
pub(crate) fn in_order<const NATIVE: bool>(values: &[f32; 2 * PAIRS]) -> [u32; PAIRS] {
    #[cfg(target_arch = "x86_64")]
    if NATIVE {
        // SAFETY: `rounding!` sets NATIVE where the processor has the instructions.
        return unsafe { native::in_order(values) };
    }
    std::array::from_fn(|i| round(values[2 * i]) | (round(values[2 * i + 1]) << 16))
}

/// What [`in_order`] leaves of each number.
#[inline(always)]
pub(crate) fn rest_in_order<const NATIVE: bool>(
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

/// The numbers of two rows, rounded before: a pair is one of each.
#[inline(always)]
pub(crate) fn interleaved(first: &[u32], second: &[u32], pairs: &mut [u32; PAIRS]) {
    let (pairs, _) = pairs.as_chunks_mut();
    for (pairs, (first, second)) in pairs.iter_mut().zip(first.iter().zip(second)) {
        *pairs = [(first & 0xffff) | (second << 16), (first >> 16) | (second & 0xffff_0000)];
    }
}

#[cfg(target_arch = "x86_64")]
mod native {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_castsi512_ps, _mm512_castsi512_si256,
        _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_extracti64x4_epi64, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
        _mm512_sub_ps,
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
    pub(crate) fn in_order(values: &[f32; 2 * PAIRS]) -> [u32; PAIRS] {
        let pairs = _mm512_cvtne2ps_pbh(load(values, PAIRS), load(values, 0));
        // SAFETY: both are 512 bits.
        stored(unsafe { std::mem::transmute::<__m512bh, __m512i>(pairs) })
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
    #[inline]
    pub(crate) fn rest_in_order(
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> [f32; 2 * PAIRS] {
        std::array::from_fn(|i| ((i * 7919) % 103) as f32 * 1.37e-3 - 0.06)
    }

    #[test]
    fn a_number_is_the_sum_of_two_parts_within_two_to_the_minus_seventeen_and_of_three_exactly() {
        for i in 0..100_000 {
            let value = ((i * 7919) % 100_003) as f32 * 1.37e-3 - 60.0;
            let high = widen(round(value))[0];
            let middle = widen(round(value - high))[0];
            let rest = value - high - middle;
            assert!(rest.abs() <= value.abs() * 2.0_f32.powi(-17), "{value} {rest}");
            assert_eq!(widen(round(rest))[0], rest, "{value}");
        }
        assert_eq!(round(1.0), 0x3f80);
    }

    #[test]
    fn pairs_are_in_order_or_of_two_rows() {
        let mut values = [0.0; 2 * PAIRS];
        (values[0], values[1]) = (1.0, -2.0);
        assert_eq!(in_order::<false>(&values)[0], 0xc000_3f80);
        let (mut first, mut second) = ([0.0; 2 * PAIRS], [0.0; 2 * PAIRS]);
        (first[3], second[3]) = (1.0, -2.0);
        let [first, second] = [first, second].map(|row| in_order::<false>(&row));
        let mut pairs = [0; PAIRS];
        interleaved(&first[..PAIRS / 2], &second[..PAIRS / 2], &mut pairs);
        assert_eq!(pairs[3], 0xc000_3f80);
        assert_eq!(pairs[2] + pairs[4], 0);
    }

    rounding! {
        fn all(
            values: &[f32; 2 * PAIRS],
            pairs: &mut [[u32; PAIRS]; 2],
            rest: &mut [f32; 2 * PAIRS],
        ) {
            pairs[0] = in_order::<NATIVE>(values);
            *rest = rest_in_order::<NATIVE>(values, &pairs[0]);
            pairs[1] = in_order::<NATIVE>(rest);
        }
    }

    #[test]
    fn the_instruction_rounds_as_the_formula() {
        let values = values();
        let (mut pairs, mut rest) = ([[0; PAIRS]; 2], [0.0; 2 * PAIRS]);
        all(&values, &mut pairs, &mut rest);
        assert_eq!(pairs[0], in_order::<false>(&values));
        assert_eq!(rest, rest_in_order::<false>(&values, &pairs[0]));
        assert_eq!(pairs[1], in_order::<false>(&rest));
    }
}
