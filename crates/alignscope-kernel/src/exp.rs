//! The exponential function in plain f32 arithmetic that vectorizes.

/// exp(x), within 2 units in the last place for x in −87.3..=88.3; below that range 1.2e-38
/// (which is 0 beside anything it is added to), above it 2.2e38.
///
/// Range reduction to |r| ≤ ln 2 / 2 with ln 2 in two parts, then a polynomial of degree 5
/// (coefficients of Cephes' `expf`, Moshier 1992).
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding and taking away 1.5 · 2^23 rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.3, 88.3);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
    let mut p = 1.987_569_1e-4_f32;
    p = p.mul_add(r, 1.398_2e-3);
    p = p.mul_add(r, 8.333_452e-3);
    p = p.mul_add(r, 4.166_579_6e-2);
    p = p.mul_add(r, 1.666_666_5e-1);
    p = p.mul_add(r, 5e-1);
    let mantissa = p.mul_add(r * r, r + 1.0);
    // The lowest bits of `shifted` are n, and n + 127 is in 1..=254: the bits of 2^n.
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    mantissa * power
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn it_is_within_two_units_in_the_last_place() {
        for i in -87_300..=88_300 {
            let x = i as f32 / 1000.0;
            let truth = f64::from(x).exp();
            let ulp = truth * f64::from(f32::EPSILON);
            let error = (f64::from(exp(x)) - truth).abs() / ulp;
            assert!(error <= 2.0, "exp({x}) is {error} units off");
        }
    }

    #[test]
    fn it_is_finite_outside_its_range_and_exact_at_zero() {
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 1.3e-38);
        assert!(exp(1e30).is_finite());
    }
}
