//! A depthwise convolution: each channel by itself.

/// Channels that are summed at a time.
const LANES: usize = 32;

/// The weights of a depthwise convolution of stride 1 that keeps height and width: beyond the
/// map's edge is 0.
#[derive(Debug, Clone, Copy)]
pub struct Depthwise<'a> {
    /// `[kernel, kernel, channels]`.
    pub weights: &'a [f32],
    /// `[channels]`.
    pub bias: &'a [f32],
    /// Side of the window, an odd number.
    pub kernel: usize,
}

vectorized! {
    /// Applies it to `map`, `[height, width, channels]`, into `out` of the same shape.
    ///
    /// The sum at a pixel begins with the bias and goes through the window row by row.
    ///
    /// # Panics
    /// The shapes do not fit.
    pub fn depthwise(of: Depthwise<'_>, map: &[f32], width: usize, out: &mut [f32]) {
        let Depthwise { weights, bias, kernel } = of;
        let channels = bias.len();
        let row = width * channels;
        assert!(map.len() == out.len() && map.len().is_multiple_of(row), "maps of one shape");
        assert_eq!(weights.len(), kernel * kernel * channels, "[kernel, kernel, channels]");
        let (height, padding) = (map.len() / row, kernel / 2);
        // Places of the window within the map, of which the first lies at `place − padding`.
        let within = |place: usize, side: usize| {
            padding.saturating_sub(place)..kernel.min(side + padding - place)
        };
        for (pixel, out) in out.chunks_exact_mut(channels).enumerate() {
            let (y, x) = (pixel / width, pixel % width);
            for start in (0..channels).step_by(LANES) {
                let lanes = LANES.min(channels - start);
                let mut sums = [0.0_f32; LANES];
                sums[..lanes].copy_from_slice(&bias[start..][..lanes]);
                for ky in within(y, height) {
                    for kx in within(x, width) {
                        let place = (y + ky - padding) * row + (x + kx - padding) * channels;
                        let seen = &map[place + start..][..lanes];
                        let weights = &weights[(ky * kernel + kx) * channels + start..][..lanes];
                        match (seen.as_array::<LANES>(), weights.as_array::<LANES>()) {
                            (Some(seen), Some(weights)) => {
                                for i in 0..LANES {
                                    sums[i] = seen[i].mul_add(weights[i], sums[i]);
                                }
                            }
                            _ => {
                                for ((sum, x), w) in sums.iter_mut().zip(seen).zip(weights) {
                                    *sum = x.mul_add(*w, *sum);
                                }
                            }
                        }
                    }
                }
                out[start..][..lanes].copy_from_slice(&sums[..lanes]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matmul::tests::numbers;

    #[test]
    fn it_is_its_definition_over_odd_sizes() {
        for (height, width, channels) in [(1, 1, 1), (2, 9, 33), (8, 5, 64), (9, 9, 40)] {
            for kernel in [1, 3, 7] {
                let map = numbers(height * width * channels, 1);
                let weights = numbers(kernel * kernel * channels, 2);
                let bias = numbers(channels, 3);
                let of = Depthwise { weights: &weights, bias: &bias, kernel };
                let mut found = vec![0.0; map.len()];
                depthwise(of, &map, width, &mut found);
                for (i, found) in found.into_iter().enumerate() {
                    let (pixel, c) = (i / channels, i % channels);
                    let mut sum = f64::from(bias[c]);
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            let y = (pixel / width + ky).wrapping_sub(kernel / 2);
                            let x = (pixel % width + kx).wrapping_sub(kernel / 2);
                            if y < height && x < width {
                                sum += f64::from(map[(y * width + x) * channels + c])
                                    * f64::from(weights[(ky * kernel + kx) * channels + c]);
                            }
                        }
                    }
                    assert!((f64::from(found) - sum).abs() < 1e-5, "{found} {sum}");
                }
            }
        }
    }
}
