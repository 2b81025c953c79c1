//! Sixteen rows of sixteen numbers, exchanged with their columns, in AVX-512's registers.

use std::arch::x86_64::{
    __m512, __m512d, _mm512_castpd_ps, _mm512_castps_pd, _mm512_load_ps, _mm512_loadu_ps,
    _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_store_ps, _mm512_unpackhi_pd,
    _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use crate::lanes::{LANES, Lanes, ZEROS};
use crate::tile::Tile;

/// The columns of `[16, 16]` numbers, whose rows begin `stride` apart.
///
/// # Panics
/// The slice is too short.
#[target_feature(enable = "avx512f")]
pub(crate) fn transposed(rows: &[f32], stride: usize) -> [Lanes; LANES] {
    assert!(rows.len() >= (LANES - 1) * stride + LANES, "16 rows of 16, {stride} apart");
    let mut a = [_mm512_setzero_ps(); LANES];
    for (i, a) in a.iter_mut().enumerate() {
        // SAFETY: 16 numbers from i · stride on lie within the slice, as just checked.
        *a = unsafe { _mm512_loadu_ps(rows.as_ptr().add(i * stride)) };
    }
    let mut out = [ZEROS; LANES];
    for (out, column) in out.iter_mut().zip(exchanged(a)) {
        // SAFETY: `Lanes` are 16 numbers at a multiple of 64 bytes.
        unsafe { _mm512_store_ps(out.0.as_mut_ptr(), column) };
    }
    out
}

/// Exchanges rows and columns of a tile of 16 × 16 pairs.
#[target_feature(enable = "avx512f")]
pub(crate) fn transpose(tile: &mut Tile) {
    let pairs = tile.0.as_mut_ptr().cast::<f32>();
    let mut a = [_mm512_setzero_ps(); LANES];
    for (i, a) in a.iter_mut().enumerate() {
        // SAFETY: a tile is 16 rows of 64 bytes at a multiple of 64 bytes; their bits go as they
        // are.
        *a = unsafe { _mm512_load_ps(pairs.add(i * LANES)) };
    }
    for (i, column) in exchanged(a).into_iter().enumerate() {
        // SAFETY: as above.
        unsafe { _mm512_store_ps(pairs.add(i * LANES), column) };
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn exchanged(a: [__m512; LANES]) -> [__m512; LANES] {
    // Within each quarter of 4 lanes: pairs of rows, then fours of rows.
    let wide = |x: __m512| -> __m512d { _mm512_castps_pd(x) };
    let mut b = [_mm512_setzero_ps(); LANES];
    for i in (0..LANES).step_by(4) {
        let [p, q] = [_mm512_unpacklo_ps(a[i], a[i + 1]), _mm512_unpackhi_ps(a[i], a[i + 1])];
        let [r, s] =
            [_mm512_unpacklo_ps(a[i + 2], a[i + 3]), _mm512_unpackhi_ps(a[i + 2], a[i + 3])];
        b[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(wide(p), wide(r)));
        b[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(wide(p), wide(r)));
        b[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(wide(q), wide(s)));
        b[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(wide(q), wide(s)));
    }
    // b[4 g + j] has in its quarter k column 4 k + j of rows 4 g to 4 g + 3.
    let mut out = [_mm512_setzero_ps(); LANES];
    for j in 0..4 {
        let even = _mm512_shuffle_f32x4::<0x88>(b[j], b[4 + j]);
        let odd = _mm512_shuffle_f32x4::<0xdd>(b[j], b[4 + j]);
        let even_2 = _mm512_shuffle_f32x4::<0x88>(b[8 + j], b[12 + j]);
        let odd_2 = _mm512_shuffle_f32x4::<0xdd>(b[8 + j], b[12 + j]);
        out[j] = _mm512_shuffle_f32x4::<0x88>(even, even_2);
        out[4 + j] = _mm512_shuffle_f32x4::<0x88>(odd, odd_2);
        out[8 + j] = _mm512_shuffle_f32x4::<0xdd>(even, even_2);
        out[12 + j] = _mm512_shuffle_f32x4::<0xdd>(odd, odd_2);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::tests::without_instruction;

    #[test]
    fn rows_become_columns() {
        if !is_x86_feature_detected!("avx512f") {
            without_instruction("this processor has no AVX-512");
            return;
        }
        let stride = 19;
        let rows: Vec<f32> = (0..LANES * stride).map(|i| i as f32).collect();
        // SAFETY: the processor has AVX-512F, as just seen.
        let columns = unsafe { transposed(&rows, stride) };
        for (i, column) in columns.iter().enumerate() {
            for (j, value) in column.0.iter().enumerate() {
                assert_eq!(*value, rows[j * stride + i], "row {j}, column {i}");
            }
        }
    }

    #[test]
    fn a_tile_is_exchanged_with_its_columns() {
        if !is_x86_feature_detected!("avx512f") {
            without_instruction("this processor has no AVX-512");
            return;
        }
        // Bits that are no number as f32, too.
        let pair = |i: usize| (i as u32).wrapping_mul(0x9e37_79b9) | 0x7f80_0000;
        let mut tile = Tile(std::array::from_fn(pair));
        // SAFETY: the processor has AVX-512F, as just seen.
        unsafe { transpose(&mut tile) };
        for (i, found) in tile.0.iter().enumerate() {
            assert_eq!(*found, pair(i % LANES * LANES + i / LANES), "{i}");
        }
    }
}
