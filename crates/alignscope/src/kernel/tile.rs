//! Tiles of bf16, the form in which AMX takes both sides of a product.

use super::precision::Precision;

/// Rows or columns of a tile.
pub(super) const SIDE: usize = 16;
/// Rows and outputs of a block: two tiles.
pub(super) const BLOCK: usize = 2 * SIDE;
/// Inputs of a step: a tile has 64 bytes a row.
pub(super) const STEP: usize = 32;

/// A kilobyte: 16 rows of 16 pairs of bf16. The lower half of a pair is the first.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile(pub(super) [u32; SIDE * SIDE]);

/// All zeros.
pub(super) const EMPTY: Tile = Tile([0; SIDE * SIDE]);

/// Tiles of a step's 32 rows, or 32 outputs: two of high parts, and two of low parts where the
/// precision has them.
pub(super) fn parts(precision: Precision) -> usize {
    match precision {
        Precision::Bf16 => 2,
        Precision::F32 | Precision::Bf16x3 => 4,
    }
}

/// The nearest bf16, ties to even; its bits.
#[inline(always)]
pub(super) fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
}

/// What rounding to bf16 leaves: `value` is the rounded and this, once that is rounded too, within 2^-17 of it.
#[inline(always)]
pub(super) fn rest(value: f32) -> f32 {
    value - f32::from_bits(round(value) << 16)
}

/// Two numbers as a pair of high parts, and as a pair of low parts.
#[inline(always)]
pub(super) fn pair(first: f32, second: f32) -> [u32; 2] {
    [round(first) | (round(second) << 16), round(rest(first)) | (round(rest(second)) << 16)]
}

/// Some numbers of a row, in order, as 16 pairs; zeros beyond the last.
#[inline(always)]
pub(super) fn pairs(values: &[f32]) -> [[u32; SIDE]; 2] {
    let mut whole = [0.0; STEP];
    whole[..values.len()].copy_from_slice(values);
    let (mut high, mut low) = ([0; SIDE], [0; SIDE]);
    for i in 0..SIDE {
        [high[i], low[i]] = pair(whole[2 * i], whole[2 * i + 1]);
    }
    [high, low]
}

/// Writes 16 pairs to row `line` of a step's 32 rows: `tiles` are the step's.
#[inline(always)]
pub(super) fn put(tiles: &mut [Tile], line: usize, [high, low]: &[[u32; SIDE]; 2]) {
    let start = line % SIDE * SIDE;
    tiles[line / SIDE].0[start..start + SIDE].copy_from_slice(high);
    if tiles.len() == 4 {
        tiles[2 + line / SIDE].0[start..start + SIDE].copy_from_slice(low);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_sum_of_its_parts_within_two_to_the_minus_seventeen() {
        let widen = |bits: u32| f32::from_bits(bits << 16);
        for i in 0..100_000 {
            let value = ((i * 7919) % 100_003) as f32 * 1.37e-3 - 60.0;
            let [high, low] = pair(value, 0.0);
            let off = (widen(high) + widen(low) - value).abs();
            assert!(off <= value.abs() * 2.0_f32.powi(-17), "{value} {off}");
        }
        assert_eq!(round(1.0), 0x3f80);
        assert_eq!(pair(1.0, -2.0)[0], 0xc000_3f80);
    }
}
