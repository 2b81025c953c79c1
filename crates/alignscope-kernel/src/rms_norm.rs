//! Normalisation by the root of the mean square.

/// Lanes that a row's sum is split over, so that it vectorizes in a fixed order.
const LANES: usize = 16;

vectorized! {
    /// Normalises one row, `x`, into `out`, both `[channels]`:
    /// `x / sqrt(mean of squares + eps) · weight`, as PyTorch's `RMSNorm`.
    ///
    /// With an `eps` of 0, a row of zeros gives NaN.
    pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
        let (chunks, rest) = x.as_chunks::<LANES>();
        let mut sum = [0.0_f32; LANES];
        for chunk in chunks {
            for (s, x) in sum.iter_mut().zip(chunk) {
                *s = x.mul_add(*x, *s);
            }
        }
        let rest: f32 = rest.iter().map(|x| x * x).sum();
        let mean = (sum.iter().sum::<f32>() + rest) / weight.len() as f32;
        let scale = 1.0 / (mean + eps).sqrt();
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = *x * scale * *weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_get_a_mean_square_of_the_weight_squared() {
        for channels in [1, 7, 16, 33, 768] {
            let x: Vec<f32> = (0..channels).map(|i| ((i * 31) % 17) as f32 - 7.5).collect();
            let mut out = vec![0.0; channels];
            rms_norm(&x, &vec![3.0; channels], 0.0, &mut out);
            let square: f64 = out.iter().map(|v| f64::from(*v).powi(2)).sum();
            assert!((square / channels as f64 - 9.0).abs() < 1e-5, "{channels} channels");
        }
    }

    #[test]
    fn eps_keeps_zeros_at_zero() {
        let mut out = [1.0; 3];
        rms_norm(&[0.0; 3], &[1.0; 3], 1e-6, &mut out);
        assert_eq!(out, [0.0; 3]);
    }
}
