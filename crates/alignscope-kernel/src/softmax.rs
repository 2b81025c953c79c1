//! Softmax over the rows of a matrix.

use crate::exp::exp;

/// Lanes that a row's maximum and sum are split over, so that they vectorize in a fixed order.
const LANES: usize = 16;

/// Replaces a row by exp(scale · (x − max)), and returns the sum of that. `scale` is not negative.
#[inline(always)]
pub(crate) fn exponentials(row: &mut [f32], scale: f32) -> f32 {
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut max = [f32::NEG_INFINITY; LANES];
    for chunk in chunks.iter() {
        max.iter_mut().zip(chunk).for_each(|(max, x)| *max = larger(*max, *x));
    }
    let max = rest.iter().copied().fold(across(max, larger), larger);

    let mut sum = [0.0_f32; LANES];
    for chunk in chunks.iter_mut() {
        for (sum, x) in sum.iter_mut().zip(chunk) {
            *x = exp((*x - max) * scale);
            *sum += *x;
        }
    }
    let mut sum = across(sum, |a, b| a + b);
    for x in rest {
        *x = exp((*x - max) * scale);
        sum += *x;
    }
    sum
}

/// All lanes in one: those 8 apart first, then 4, 2 and 1.
#[inline(always)]
fn across(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = join(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The first `len` numbers of a row and the lanes that they fill, where those beyond add nothing to
/// the sum of [`exponentials`].
///
/// # Panics
/// The row ends before its last lane.
#[inline(always)]
pub(crate) fn in_lanes(row: &mut [f32], len: usize) -> &mut [f32] {
    let row = &mut row[..len.next_multiple_of(LANES)];
    row[len..].fill(f32::NEG_INFINITY);
    row
}

vectorized! {
    /// Replaces each row of `values`, shape `[rows, width]`, by its softmax: exp(x − max) /
    /// Σ exp(x − max).
    ///
    /// Large numbers do not overflow. A row with a NaN or +∞, or of −∞ alone, becomes NaN.
    ///
    /// # Panics
    /// `width` is 0.
    pub fn softmax_rows(values: &mut [f32], width: usize) {
        for row in values.chunks_exact_mut(width) {
            let scale = 1.0 / exponentials(row, 1.0);
            row.iter_mut().for_each(|x| *x *= scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sum_to_one_and_keep_their_ratios() {
        for width in [1, 2, 15, 16, 17, 50, 197] {
            let original: Vec<f32> =
                (0..3 * width).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
            let mut values = original.clone();
            softmax_rows(&mut values, width);
            for (row, before) in values.chunks(width).zip(original.chunks(width)) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                for (p, x) in row.iter().zip(before) {
                    let expected = row[0] * (x - before[0]).exp();
                    assert!((p - expected).abs() <= 2e-6 * expected.max(1e-6), "{p} {expected}");
                }
            }
        }
    }

    #[test]
    fn large_values_do_not_overflow() {
        let mut values = [1e4, 1e4, -1e4];
        softmax_rows(&mut values, 3);
        assert_eq!(values[..2], [0.5, 0.5]);
        assert!(values[2] < 1e-37);
    }
}
