//! The squared distance of two vectors, and of the levels of two images.

vectorized! {
    fn sum_squares(a: &[f32], b: &[f32], sum: &mut f64) {
        const LANES: usize = 32;
        /// Numbers whose squares are summed in f32 before they go to f64.
        const RUN: usize = 64 * LANES;
        for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
            let mut lanes = [0.0_f32; LANES];
            let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
            for (a, b) in a.iter().zip(b) {
                for lane in 0..LANES {
                    lanes[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
                }
            }
            for (a, b) in a_rest.iter().zip(b_rest) {
                *sum += f64::from((a - b) * (a - b));
            }
            *sum += lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>();
        }
    }
}

/// `Σ (a − b)²`, in a fixed order; each 64 squares of a lane in f32, so within 64 · 2^-24 of the
/// sum.
///
/// Equal vectors, and vectors without numbers, give exactly 0.
///
/// # Panics
/// The vectors differ in length.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let mut sum = 0.0;
    sum_squares(a, b, &mut sum);
    sum
}

vectorized! {
    fn sum_level_squares(a: &[u8], b: &[u8], sum: &mut u64) {
        /// Levels whose squares, below 2^16, are summed in 32 bits.
        const RUN: usize = 1 << 15;
        for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
            // In 16 bits first, of which processors multiply and add two at a time.
            let squares = a.iter().zip(b).map(|(a, b)| {
                let difference = i16::from(*a) - i16::from(*b);
                (i32::from(difference) * i32::from(difference)) as u32
            });
            *sum += u64::from(squares.sum::<u32>());
        }
    }
}

/// `Σ (a − b)²` of 8-bit levels, exactly.
///
/// # Panics
/// The vectors differ in length.
pub fn squared_level_distance(a: &[u8], b: &[u8]) -> u64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let mut sum = 0;
    sum_level_squares(a, b, &mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::{squared_distance, squared_level_distance};

    #[test]
    fn levels_are_summed_exactly_over_odd_lengths_and_at_their_largest() {
        for len in [0, 1, 17, 4_099, 70_001] {
            let a: Vec<u8> = (0..len).map(|i| (i * 7 % 256) as u8).collect();
            let b: Vec<u8> = (0..len).map(|i| (i * 31 % 253) as u8).collect();
            let square = |(a, b): (&u8, &u8)| (i64::from(*a) - i64::from(*b)).pow(2) as u64;
            let expected = a.iter().zip(&b).map(square).sum::<u64>();
            assert_eq!(squared_level_distance(&a, &b), expected);
            let (low, high) = (vec![0; len], vec![255; len]);
            assert_eq!(squared_level_distance(&low, &high), 65_025 * len as u64);
        }
    }

    #[test]
    fn it_is_the_plain_sum_over_odd_lengths() {
        for len in [0, 1, 31, 33, 2048, 5000] {
            let number = |i: usize, seed| ((i * 7919 + seed) % 211) as f32 / 100.0;
            let a: Vec<f32> = (0..len).map(|i| number(i, 1)).collect();
            let b: Vec<f32> = (0..len).map(|i| number(i, 50)).collect();
            let sum: f64 =
                a.iter().zip(&b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            assert!((squared_distance(&a, &b) - sum).abs() <= 4e-6 * sum);
            assert_eq!(squared_distance(&a, &a), 0.0);
        }
    }
}
