//! Layer normalisation.

/// Lanes that a row's sums are split over, so that they vectorize in a fixed order.
const LANES: usize = 16;

/// A layer norm's gain and offset of each channel, and what is added to the variance.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// Gain of each channel, `[channels]`.
    pub weight: &'a [f32],
    /// Offset of each channel, `[channels]`.
    pub bias: &'a [f32],
    /// Added to the variance, so that a row of equal numbers is not divided by 0.
    pub eps: f32,
}

vectorized! {
    /// Normalises one row, `x`, into `out`, both `[channels]`:
    /// `(x − mean) / sqrt(variance + eps) · weight + bias`, with the variance over `channels`
    /// numbers (not one less), as PyTorch's `LayerNorm`.
    ///
    /// The variance is taken around the mean, once the mean is known: trained CLIPs have channels a
    /// hundred times larger than the others, where the formula without it loses digits. The row
    /// stays in the first cache meanwhile. With an `eps` of 0, a row of equal numbers gives NaN.
    pub fn layer_norm(x: &[f32], norm: Norm<'_>, out: &mut [f32]) {
        let Norm { weight, bias, eps } = norm;
        let channels = weight.len();
        let (chunks, rest) = x.as_chunks::<LANES>();
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
                *s = (*x - mean).mul_add(*x - mean, *s);
            }
        }
        let rest: f32 = rest.iter().map(|x| (x - mean) * (x - mean)).sum();
        let variance = (sum.iter().sum::<f32>() + rest) / channels as f32;

        let scale = 1.0 / (variance + eps).sqrt();
        for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
            *out = ((*x - mean) * scale).mul_add(*weight, *bias);
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
            let (weight, bias) = (vec![1.0; channels], vec![0.0; channels]);
            let norm = Norm { weight: &weight, bias: &bias, eps: 1e-5 };
            for before in x.chunks(channels) {
                let mut row = vec![0.0; channels];
                layer_norm(before, norm, &mut row);
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
        let norm = Norm { weight: &[2.0, 3.0], bias: &[10.0, 20.0], eps: 0.0 };
        layer_norm(&[1.0, -1.0], norm, &mut out);
        assert_eq!(out, [12.0, 17.0]);
    }
}
