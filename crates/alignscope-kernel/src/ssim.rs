//! The two factors of SSIM, summed over windows.

/// Means, variances and mean products of windows of two images, each `[windows]`.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'a> {
    /// Mean of the first image, µa.
    pub mean_a: &'a [f64],
    /// Mean of the second image, µb.
    pub mean_b: &'a [f64],
    /// Variance of the first image, σa².
    pub variance_a: &'a [f32],
    /// Variance of the second image, σb².
    pub variance_b: &'a [f32],
    /// Mean of the product of both: the covariance σab is that less µa µb, rounded to f32.
    pub product: &'a [f64],
}

vectorized! {
    /// `out = a · b`, number by number, exactly: a product of two f32 fits an f64.
    ///
    /// All three have one length; beyond the shortest nothing is done.
    pub fn multiply(a: &[f32], b: &[f32], out: &mut [f64]) {
        let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
        out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, pair)| *out = product(pair));
    }
}

vectorized! {
    /// Adds to `sums` the similarity of every window, and its factor of contrast and structure:
    /// `(2 µa µb + c1)/(µa² + µb² + c1) · s` and `s = (2 σab + c2)/(σa² + σb² + c2)`.
    ///
    /// Both are summed in 16 lanes in a fixed order. Without windows nothing is added.
    ///
    /// # Panics
    /// There are fewer means or variances than products.
    pub fn add_similarity(windows: Windows<'_>, c1: f64, c2: f64, sums: &mut [f64; 2]) {
        const LANES: usize = 16;
        let count = windows.product.len();
        fn runs<T>(values: &[T], count: usize) -> (&[[T; LANES]], &[T]) {
            values[..count].as_chunks()
        }
        let (mean_a, mean_a_rest) = runs(windows.mean_a, count);
        let (mean_b, mean_b_rest) = runs(windows.mean_b, count);
        let (variance_a, variance_a_rest) = runs(windows.variance_a, count);
        let (variance_b, variance_b_rest) = runs(windows.variance_b, count);
        let (product, product_rest) = runs(windows.product, count);
        let factors = |a: f64, b: f64, variances: f64, product: f64| {
            let both = a * b;
            // Rounded as variances are.
            let covariance = f64::from((product - both) as f32);
            let contrast = (2.0 * covariance + c2) / (variances + c2);
            (contrast * ((2.0 * both + c1) / (a * a + b * b + c1)), contrast)
        };
        let (mut whole, mut contrast) = ([0.0; LANES], [0.0; LANES]);
        for i in 0..product.len() {
            let (a, b, p) = (&mean_a[i], &mean_b[i], &product[i]);
            let (va, vb) = (&variance_a[i], &variance_b[i]);
            for lane in 0..LANES {
                let variances = f64::from(va[lane]) + f64::from(vb[lane]);
                let (w, c) = factors(a[lane], b[lane], variances, p[lane]);
                whole[lane] += w;
                contrast[lane] += c;
            }
        }
        for i in 0..product_rest.len() {
            let variances = f64::from(variance_a_rest[i]) + f64::from(variance_b_rest[i]);
            let (w, c) = factors(mean_a_rest[i], mean_b_rest[i], variances, product_rest[i]);
            whole[0] += w;
            contrast[0] += c;
        }
        sums[0] += whole.iter().sum::<f64>();
        sums[1] += contrast.iter().sum::<f64>();
    }
}

#[cfg(test)]
mod tests {
    use super::{Windows, add_similarity};

    #[test]
    fn it_is_the_sum_over_every_window_whatever_their_number() {
        for count in [1, 15, 16, 37] {
            let number = |seed: usize| -> Vec<f64> {
                (0..count).map(|i| ((i * 37 + seed * 11) % 101) as f64).collect()
            };
            let (a, b, p) = (number(1), number(2), number(5));
            let narrow = |values: Vec<f64>| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
            let (va, vb) = (narrow(number(3)), narrow(number(4)));
            let windows =
                Windows { mean_a: &a, mean_b: &b, variance_a: &va, variance_b: &vb, product: &p };
            let mut sums = [1.0, 2.0];
            add_similarity(windows, 6.5, 58.5, &mut sums);
            let mut expected = [1.0, 2.0];
            for i in 0..count {
                let contrast = (2.0 * (p[i] - a[i] * b[i]) + 58.5)
                    / (f64::from(va[i]) + f64::from(vb[i]) + 58.5);
                expected[0] +=
                    contrast * (2.0 * a[i] * b[i] + 6.5) / (a[i] * a[i] + b[i] * b[i] + 6.5);
                expected[1] += contrast;
            }
            for (found, expected) in sums.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0));
            }
        }
    }
}
