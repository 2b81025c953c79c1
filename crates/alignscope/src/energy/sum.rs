//! Sums that are exact, and so the same in any order.

/// Parts of the number, of 64 bits each.
const PARTS: usize = 5;

/// 2⁶⁴, the weight of a part in units of the one before it.
const RADIX: f64 = 18_446_744_073_709_551_616.0;

/// The exact sum of f32 numbers ≥ 0: a whole number of 320 bits, in units of 2⁻¹⁴⁹, the least f32;
/// the lowest part is first. The largest f32 takes 277 bits, so that 2⁴³ numbers fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ExactSum([u64; PARTS]);

impl ExactSum {
    /// Adds a number.
    ///
    /// # Panics
    /// It is negative, infinite or NaN.
    pub(super) fn add(&mut self, value: f32) {
        assert!(value >= 0.0 && value.is_finite(), "an energy is a mean of squares, not {value}");
        let bits = value.abs().to_bits();
        let (exponent, fraction) = (bits >> 23, bits & 0x7f_ffff);
        // value = mantissa · 2^(shift − 149)
        let (mantissa, shift) = match exponent {
            0 => (fraction, 0),
            _ => (fraction | 0x80_0000, exponent - 1),
        };
        let mut carry = u128::from(mantissa) << (shift % 64);
        for part in &mut self.0[(shift / 64) as usize..] {
            if carry == 0 {
                return;
            }
            carry += u128::from(*part);
            *part = carry as u64;
            carry >>= 64;
        }
        assert_eq!(carry, 0, "fewer than 2^43 numbers");
    }

    /// Adds another sum.
    pub(super) fn join(&mut self, other: &Self) {
        let mut carry = 0;
        for (part, other) in self.0.iter_mut().zip(other.0) {
            carry += u128::from(*part) + u128::from(other);
            *part = carry as u64;
            carry >>= 64;
        }
        assert_eq!(carry, 0, "fewer than 2^43 numbers");
    }

    /// Appends the parts, little-endian.
    pub(super) fn append_bytes(&self, bytes: &mut Vec<u8>) {
        self.0.iter().for_each(|part| bytes.extend_from_slice(&part.to_le_bytes()));
    }

    /// Takes back what [`append_bytes`](Self::append_bytes) wrote.
    pub(super) fn of_bytes(bytes: &[u8; 8 * PARTS]) -> Self {
        let (parts, _) = bytes.as_chunks();
        Self(std::array::from_fn(|i| u64::from_le_bytes(parts[i])))
    }

    /// The sum as the nearest f64, or one next to it.
    pub(super) fn value(&self) -> f64 {
        let unit = f64::from(f32::from_bits(1));
        self.0.iter().rev().fold(0.0, |sum, part| sum * RADIX + *part as f64) * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f32]) -> f64 {
        let mut sum = ExactSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.value()
    }

    #[test]
    fn one_number_is_its_own_sum() {
        let least = f32::from_bits(1);
        for value in [0.0, least, 1e-40, f32::MIN_POSITIVE, 0.1, 1.0, 3e7, 1e36, f32::MAX] {
            assert_eq!(sum(&[value]), f64::from(value), "{value}");
        }
    }

    #[test]
    fn small_numbers_are_not_lost_beside_large_ones() {
        assert_eq!(sum(&[1.5, 2.25, 0.125]), 3.875);
        let (least, most) = (f32::from_bits(1), f32::MAX);
        let mut up = ExactSum::default();
        (0..1000).for_each(|_| up.add(least));
        up.add(most);
        let mut down = ExactSum::default();
        down.add(most);
        assert_ne!(up, down);
        (0..1000).for_each(|_| down.add(least));
        assert_eq!(up, down);
    }

    #[test]
    fn parts_carry_into_each_other() {
        // 2^-85 is the first bit of the second part.
        let half = 2_f32.powi(-86);
        assert_eq!(sum(&[half, half]), 2_f64.powi(-85));
        let most = f32::MAX;
        let whole = sum(&vec![most; 5000]);
        assert_eq!(whole, 5000.0 * f64::from(most));
    }

    #[test]
    #[should_panic(expected = "mean of squares")]
    fn what_is_no_number_is_refused() {
        sum(&[f32::NAN]);
    }
}
