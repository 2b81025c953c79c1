//! The sums over one pair of images, written so that they vectorize in a fixed order.

/// Lanes that an inner product is split over.
const LANES: usize = 8;

/// Channels whose sums are held in registers while the tokens go by.
const BLOCK: usize = 32;

/// Mean squared difference of each channel into `msd`, and the inner product of all.
///
/// `a` and `b` are `[tokens, channels]`, `msd` is `[channels]`. Each channel is summed over tokens
/// in order. The inner product is summed in lanes: lane i has the channels that are i modulo 8,
/// token by token, one block of channels after the other.
pub(super) fn reduce_pair(a: &[f32], b: &[f32], msd: &mut [f32]) -> f64 {
    let channels = msd.len();
    let tokens = a.len() / channels;
    let scale = 1.0 / tokens as f64;
    let mut product = 0.0;

    let (blocks, rest) = msd.as_chunks_mut::<BLOCK>();
    for (i, msd) in blocks.iter_mut().enumerate() {
        let mut squares = [0.0_f64; BLOCK];
        let mut products = [0.0_f64; LANES];
        for token in 0..tokens {
            let start = token * channels + i * BLOCK;
            let a: &[f32; BLOCK] = a[start..][..BLOCK].try_into().expect("a block");
            let b: &[f32; BLOCK] = b[start..][..BLOCK].try_into().expect("a block");
            for lane in 0..BLOCK {
                let (a, b) = (f64::from(a[lane]), f64::from(b[lane]));
                squares[lane] += (a - b) * (a - b);
                products[lane % LANES] += a * b;
            }
        }
        for (msd, sum) in msd.iter_mut().zip(squares) {
            *msd = (sum * scale) as f32;
        }
        product += products.iter().sum::<f64>();
    }

    let done = channels - rest.len();
    for (i, msd) in rest.iter_mut().enumerate() {
        let mut squares = 0.0;
        for token in 0..tokens {
            let index = token * channels + done + i;
            let (a, b) = (f64::from(a[index]), f64::from(b[index]));
            squares += (a - b) * (a - b);
            product += a * b;
        }
        *msd = (squares * scale) as f32;
    }
    product
}

/// ⟨a, a⟩ of `[tokens, channels]`, summed in the order of [`reduce_pair`]: an image has exactly the
/// same product with its equal as with itself.
pub(super) fn squared_norm(a: &[f32], channels: usize) -> f64 {
    let tokens = a.len() / channels;
    let mut product = 0.0;
    let done = channels - channels % BLOCK;
    for block in (0..done).step_by(BLOCK) {
        let mut products = [0.0_f64; LANES];
        for token in 0..tokens {
            let a: &[f32; BLOCK] =
                a[token * channels + block..][..BLOCK].try_into().expect("a block");
            for lane in 0..BLOCK {
                products[lane % LANES] += f64::from(a[lane]) * f64::from(a[lane]);
            }
        }
        product += products.iter().sum::<f64>();
    }
    for channel in done..channels {
        for token in 0..tokens {
            product += f64::from(a[token * channels + channel]).powi(2);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_same_product_with_its_equal_as_with_itself() {
        for (tokens, channels) in [(1, 1), (3, 31), (5, 64), (50, 70)] {
            let a: Vec<f32> = (0..tokens * channels).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut msd = vec![1.0; channels];
            assert_eq!(reduce_pair(&a, &a.clone(), &mut msd), squared_norm(&a, channels));
            assert!(msd.iter().all(|m| *m == 0.0));
        }
    }

    #[test]
    fn sums_are_those_of_the_plain_loop() {
        for (tokens, channels) in [(1, 1), (2, 33), (7, 100)] {
            let n = tokens * channels;
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.9).cos()).collect();
            let mut msd = vec![0.0; channels];
            let product = reduce_pair(&a, &b, &mut msd);
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((product - expected).abs() < 1e-12 * n as f64);
            for (c, msd) in msd.iter().enumerate() {
                let expected = (0..tokens)
                    .map(|t| f64::from(a[t * channels + c]) - f64::from(b[t * channels + c]))
                    .map(|d| d * d)
                    .sum::<f64>()
                    / tokens as f64;
                // Rounded once, to f32.
                assert!((f64::from(*msd) - expected).abs() <= 6e-8 * expected);
            }
        }
    }
}
