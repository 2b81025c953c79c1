//! Layer normalisation.

/// Lanes that a row's sums are split over, so that they vectorize in a fixed order.
const LANES: usize = 16;

vectorized! {
    /// Normalises each row of `x`, shape `[rows, channels]`, into `out` of the same shape:
    /// `(x − mean) / sqrt(variance + eps) · weight + bias`, with the variance over `channels`
    /// numbers (not one less), as PyTorch's `LayerNorm`.
    ///
    /// The variance is taken around the mean in a second pass: trained CLIPs have channels a
    /// hundred times larger than the others, where the one-pass formula loses digits.
    pub(crate) fn layer_norm(
        x: &[f32],
        out: &mut [f32],
        weight: &[f32],
        bias: &[f32],
        eps: f32,
    ) {
        let channels = weight.len();
        for (row, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            let (chunks, rest) = row.as_chunks::<LANES>();
            let mut sum = [0.0_f32; LANES];
            for chunk in chunks {
                for (s, x) in sum.iter_mut().zip(chunk) {
                    *s += *x;
                }
            }
            let mean = (sum.iter().sum::<f32>() + rest.iter().sum::<f32>()) / channels as f32;

            let mut sum = [0.0_f32; LANES];
            for chunk in chunks {
                for (s, x) in sum.iter_mut().zip(chunk) {
                    *s += (*x - mean) * (*x - mean);
                }
            }
            let rest: f32 = rest.iter().map(|x| (x - mean) * (x - mean)).sum();
            let variance = (sum.iter().sum::<f32>() + rest) / channels as f32;

            let scale = 1.0 / (variance + eps).sqrt();
            for (((o, x), w), b) in out.iter_mut().zip(row).zip(weight).zip(bias) {
                *o = (*x - mean) * scale * *w + *b;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_get_mean_zero_and_variance_one() {
        for channels in [1, 7, 16, 33, 768] {
            let x: Vec<f32> = (0..2 * channels).map(|i| ((i * 31) % 17) as f32 + 1000.0).collect();
            let mut out = vec![0.0; x.len()];
            layer_norm(&x, &mut out, &vec![1.0; channels], &vec![0.0; channels], 0.0_f32.max(1e-5));
            for (row, before) in out.chunks(channels).zip(x.chunks(channels)) {
                let n = channels as f64;
                let mean = before.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
                let var = before.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
                for (o, x) in row.iter().zip(before) {
                    let expected = (f64::from(*x) - mean) / (var + 1e-5).sqrt();
                    assert!((f64::from(*o) - expected).abs() < 1e-4, "{o} {expected}");
                }
            }
        }
    }

    #[test]
    fn weight_and_bias_apply_to_each_channel() {
        let mut out = [0.0; 2];
        layer_norm(&[1.0, -1.0], &mut out, &[2.0, 3.0], &[10.0, 20.0], 0.0);
        assert_eq!(out, [12.0, 17.0]);
    }
}
