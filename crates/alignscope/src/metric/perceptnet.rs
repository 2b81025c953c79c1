//! PerceptNet: divisive normalisations and convolutions, after the early visual system.
//!
//! # Source
//! Hepburn, Laparra, Malo, McConville and Santos-Rodríguez, "PerceptNet: a human visual system
//! inspired neural network for estimating perceptual distance", ICIP 2020; the published weights.

use super::map::{Convolution, ConvolutionShape, Edge, Map, pooled_side};
use crate::image::RgbImage;
use crate::weights::{Init, Weights, WeightsError};
use alignscope_kernel::{Matrix, MatrixMut, matmul};

/// The network.
#[derive(Debug)]
pub(super) struct PerceptNet {
    normalizations: [Normalization; 4],
    convolutions: [Convolution; 3],
}

/// Generalised divisive normalisation: `x_i / sqrt(β_i + Σ_j γ_ij x_j²)`.
#[derive(Debug)]
struct Normalization {
    /// `[inputs j, outputs i]`; of each channel alone where it is a diagonal.
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

/// Smallest γ, and smallest β: the bounds of the authors' `gdn.py`.
const GAMMA_MIN: f32 = 1.0 / (1 << 18) as f32;
const BETA_MIN: f64 = 0.001_000_007_275_931_144_5; // sqrt(1e-6 + 2^-36)

/// Inputs, outputs and kernel of the convolutions; all have a padding of 1, the first too.
const CONVOLUTIONS: [ConvolutionShape; 3] = {
    const fn shape(inputs: usize, outputs: usize, kernel: usize) -> ConvolutionShape {
        ConvolutionShape { inputs, outputs, kernel, stride: 1, padding: 1 }
    }
    [shape(3, 3, 1), shape(3, 6, 5), shape(6, 128, 5)]
};

impl PerceptNet {
    pub(super) fn load(weights: &Weights) -> Result<Self, WeightsError> {
        let gdn = |number, channels, alone| Normalization::load(weights, number, channels, alone);
        let conv = |number: usize| {
            Convolution::load(weights, &format!("conv{}", number + 1), CONVOLUTIONS[number])
        };
        Ok(Self {
            normalizations: [
                gdn(1, 3, true)?,
                gdn(2, 3, false)?,
                gdn(3, 6, false)?,
                gdn(4, 128, false)?,
            ],
            convolutions: [conv(0)?, conv(1)?, conv(2)?],
        })
    }

    /// The output for an image in 0–1 at its own size.
    pub(super) fn features(&self, image: &RgbImage) -> Vec<f32> {
        let values = image.pixels().iter().map(|v| f32::from(*v) / 255.0).collect();
        let map = Map { height: image.height(), width: image.width(), channels: 3, values };
        let [gdn1, gdn2, gdn3, gdn4] = &self.normalizations;
        let [conv1, conv2, conv3] = &self.convolutions;
        let map = conv1.apply(&gdn1.apply(map), |_| {}).max_pool(2, 2, Edge::Floor);
        let map = conv2.apply(&gdn2.apply(map), |_| {}).max_pool(2, 2, Edge::Floor);
        gdn4.apply(conv3.apply(&gdn3.apply(map), |_| {})).values
    }
}

/// Numbers of the output for an image of this size.
pub(super) fn len(width: usize, height: usize) -> usize {
    let side = |side: usize| {
        let pooled = |side| pooled_side(side, 2, 2, Edge::Floor);
        let [conv1, conv2, conv3] = &CONVOLUTIONS;
        conv3.output_side(pooled(conv2.output_side(pooled(conv1.output_side(side)))))
    };
    side(width) * side(height) * CONVOLUTIONS[2].outputs
}

/// Bytes of the largest maps that exist at once.
pub(super) fn working_bytes(width: usize, height: usize) -> usize {
    size_of::<f32>() * (2 * len(width, height) + 8 * width * height)
}

impl Normalization {
    fn load(
        weights: &Weights,
        number: usize,
        channels: usize,
        alone: bool,
    ) -> Result<Self, WeightsError> {
        let seen = if alone { 1 } else { channels };
        let name = format!("gdn{number}.gamma");
        let read = weights.tensor(&name, &[channels, seen, 1, 1], Init::Zeros)?;
        let mut gamma = vec![0.0; channels * channels];
        // [i, j] -> [j, i]
        for (i, row) in read.chunks_exact(seen).enumerate() {
            for (j, value) in row.iter().enumerate() {
                let j = if alone { i } else { j };
                gamma[j * channels + i] = value.max(GAMMA_MIN);
            }
        }
        let mut beta = weights.tensor(&format!("gdn{number}.beta"), &[channels], Init::Zeros)?;
        beta.iter_mut().for_each(|beta| *beta = beta.max(BETA_MIN as f32));
        Ok(Self { gamma, beta })
    }

    fn apply(&self, mut map: Map) -> Map {
        /// Pixels that are normalised at a time.
        const PIXELS: usize = 1024;
        let channels = map.channels;
        let mut squares = vec![0.0; PIXELS * channels];
        let mut sums = vec![0.0; PIXELS * channels];
        for values in map.values.chunks_mut(PIXELS * channels) {
            let pixels = values.len() / channels;
            let squares = &mut squares[..values.len()];
            let sums = &mut sums[..values.len()];
            squares.iter_mut().zip(&*values).for_each(|(square, value)| *square = value * value);
            matmul(
                MatrixMut::rows(sums, pixels, channels, channels),
                Matrix::rows(squares, pixels, channels, channels),
                Matrix::rows(&self.gamma, channels, channels, channels),
                1.0,
                false,
            );
            for (values, sums) in values.chunks_exact_mut(channels).zip(sums.chunks_exact(channels))
            {
                for ((value, sum), beta) in values.iter_mut().zip(sums).zip(&self.beta) {
                    *value /= (sum + beta).sqrt();
                }
            }
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_definition() {
        assert_eq!(BETA_MIN, (1e-6 + 2.0_f64.powi(-36)).sqrt());
        assert_eq!(f64::from(GAMMA_MIN), 2.0_f64.powi(-18));
    }

    #[test]
    fn a_channel_is_divided_by_what_is_around_it() {
        // Channel 0 sees itself and channel 1, channel 1 sees nothing.
        let gdn = Normalization { gamma: vec![0.5, 0.0, 2.0, 0.0], beta: vec![1.0, 4.0] };
        let map = Map { height: 1, width: 1, channels: 2, values: vec![2.0, 3.0] };
        let found = gdn.apply(map).values;
        assert_eq!(found, [2.0 / 21.0_f32.sqrt(), 3.0 / 2.0]);
    }
}
