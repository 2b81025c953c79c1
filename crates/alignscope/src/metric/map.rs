//! A convolutional network's map: pixels in rows, channels together.

pub(super) use crate::feature_map::relu;
use crate::feature_map::{MapView, Window};
use crate::weights::{Init, Weights, WeightsError};
use alignscope_kernel::{Lhs, Output, PackedWeights, Precision};

/// `[height, width, channels]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) values: Vec<f32>,
}

/// A convolution, with its bias.
#[derive(Debug)]
pub(super) struct Convolution {
    /// `[outputs, kernel · kernel · inputs]`.
    weights: PackedWeights,
    bias: Vec<f32>,
    shape: ConvolutionShape,
}

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConvolutionShape {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

impl ConvolutionShape {
    /// A convolution that keeps height and width.
    pub(super) const fn same(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { inputs, outputs, kernel, stride: 1, padding: kernel / 2 }
    }

    /// Height or width of the output.
    pub(super) fn output_side(&self, side: usize) -> usize {
        self.window().output_side(side)
    }

    fn window(&self) -> Window {
        let Self { kernel, stride, padding, .. } = *self;
        Window { kernel, stride, padding }
    }
}

/// Numbers of a strip of gathered inputs: it stays in the second cache.
const STRIP_NUMBERS: usize = 1 << 18;

impl Convolution {
    /// Reads `{name}.weight`, `[outputs, inputs, kernel, kernel]`, and `{name}.bias`, `[outputs]`.
    pub(super) fn load(
        weights: &Weights,
        name: &str,
        shape: ConvolutionShape,
    ) -> Result<Self, WeightsError> {
        let ConvolutionShape { inputs, outputs, kernel, .. } = shape;
        let weight = format!("{name}.weight");
        let read = weights.tensor(&weight, &[outputs, inputs, kernel, kernel], Init::Zeros)?;
        let bias = weights.tensor(&format!("{name}.bias"), &[outputs], Init::Zeros)?;
        let area = kernel * kernel;
        let mut matrix = vec![0.0; read.len()];
        // [out, in, y, x] -> [out, y, x, in]
        let outputs = matrix.chunks_exact_mut(inputs * area).zip(read.chunks_exact(inputs * area));
        for (matrix, weights) in outputs {
            for (input, weights) in weights.chunks_exact(area).enumerate() {
                for (place, weight) in weights.iter().enumerate() {
                    matrix[place * inputs + input] = *weight;
                }
            }
        }
        let weights = PackedWeights::new(matrix, inputs * area, Precision::F32);
        Ok(Self { weights, bias, shape })
    }

    /// Applies it, and then `finish` to each pixel's channels.
    pub(super) fn apply(&self, map: &Map, finish: impl Fn(&mut [f32])) -> Map {
        let ConvolutionShape { inputs, outputs, kernel, stride, padding } = self.shape;
        assert_eq!(map.channels, inputs, "channels of a map and of the convolution of it");
        let (height, width) =
            (self.shape.output_side(map.height), self.shape.output_side(map.width));
        let depth = kernel * kernel * inputs;
        let mut values = vec![0.0; height * width * outputs];
        let as_it_is = kernel == 1 && stride == 1 && padding == 0;
        let strip_rows = (STRIP_NUMBERS / (width * depth)).clamp(1, height);
        let mut seen = Lhs::default();
        for (strip, out) in values.chunks_mut(strip_rows * width * outputs).enumerate() {
            let pixels = out.len() / outputs;
            let first_row = strip * strip_rows;
            self.weights.shape(&mut seen, pixels);
            for pixel in 0..pixels {
                let (y, x) = (first_row + pixel / width, pixel % width);
                if as_it_is {
                    seen.set_row(pixel, &map.values[(y * width + x) * inputs..][..inputs]);
                } else {
                    seen.fill_row(pixel, |seen| {
                        self.shape.window().gather(map.view(), y, x, seen);
                    });
                }
            }
            self.weights.apply(&seen, Some(&self.bias), Output::Set(out));
            out.chunks_exact_mut(outputs).for_each(&finish);
        }
        Map { height, width, channels: outputs, values }
    }
}

/// Whether a window that is only partly within the map counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// No: sizes are rounded down.
    Floor,
    /// Yes: sizes are rounded up.
    Ceil,
}

/// Height or width after pooling.
pub(super) fn pooled_side(side: usize, kernel: usize, stride: usize, edge: Edge) -> usize {
    match edge {
        Edge::Floor => (side - kernel) / stride + 1,
        Edge::Ceil => (side - kernel).div_ceil(stride) + 1,
    }
}

impl Map {
    fn view(&self) -> MapView<'_> {
        let Self { height, width, channels, ref values } = *self;
        MapView { height, width, channels, values }
    }

    /// The largest value of each window, channel by channel.
    pub(super) fn max_pool(&self, kernel: usize, stride: usize, edge: Edge) -> Self {
        let channels = self.channels;
        let height = pooled_side(self.height, kernel, stride, edge);
        let width = pooled_side(self.width, kernel, stride, edge);
        let mut values = vec![0.0; height * width * channels];
        Window { kernel, stride, padding: 0 }.max_pool(self.view(), width, &mut values);
        Self { height, width, channels, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(height: usize, width: usize, channels: usize) -> Map {
        let number = |i: usize| ((i * 7919) % 199) as f32 / 50.0 - 2.0;
        let values = (0..height * width * channels).map(number).collect();
        Map { height, width, channels, values }
    }

    /// The definition, pixel by pixel; `weights` are `[outputs, kernel, kernel, inputs]`.
    fn plain(conv: &Convolution, weights: &[f32], map: &Map) -> Vec<f32> {
        let s = conv.shape;
        let (height, width) = (s.output_side(map.height), s.output_side(map.width));
        let mut values = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for output in 0..s.outputs {
                    let mut sum = f64::from(conv.bias[output]);
                    for ky in 0..s.kernel {
                        for kx in 0..s.kernel {
                            for input in 0..s.inputs {
                                let row = (y * s.stride + ky).wrapping_sub(s.padding);
                                let column = (x * s.stride + kx).wrapping_sub(s.padding);
                                if row < map.height && column < map.width {
                                    let seen =
                                        map.values[(row * map.width + column) * s.inputs + input];
                                    let place = (output * s.kernel + ky) * s.kernel + kx;
                                    let weight = weights[place * s.inputs + input];
                                    sum += f64::from(seen) * f64::from(weight);
                                }
                            }
                        }
                    }
                    values.push(sum as f32);
                }
            }
        }
        values
    }

    #[test]
    fn a_convolution_is_its_definition_over_odd_sizes() {
        for (kernel, stride, padding) in [(1, 1, 0), (1, 1, 1), (3, 1, 1), (5, 1, 2), (11, 4, 2)] {
            let shape = ConvolutionShape { inputs: 3, outputs: 5, kernel, stride, padding };
            let number = |i: usize| ((i * 104_729) % 97) as f32 / 97.0 - 0.5;
            let values: Vec<f32> = (0..kernel * kernel * 15).map(number).collect();
            let weights = PackedWeights::new(values.clone(), kernel * kernel * 3, Precision::F32);
            let conv = Convolution { weights, bias: (0..5).map(number).collect(), shape };
            for (height, width) in [(11, 13), (12, 30), (300, 17)] {
                let map = map(height, width, 3);
                let found = conv.apply(&map, |_| {});
                let expected = plain(&conv, &values, &map);
                assert_eq!(found.values.len(), expected.len());
                for (f, e) in found.values.iter().zip(&expected) {
                    assert!((f - e).abs() < 1e-4, "{f} {e}");
                }
            }
        }
    }

    #[test]
    fn pooling_rounds_down_or_up() {
        let map = map(8, 6, 2);
        let down = map.max_pool(3, 2, Edge::Floor);
        assert_eq!((down.height, down.width), (3, 2));
        let up = map.max_pool(3, 2, Edge::Ceil);
        assert_eq!((up.height, up.width), (4, 3));
        let last = up.values.last().expect("a value");
        let corner = [6 * 6 + 4, 6 * 6 + 5, 7 * 6 + 4, 7 * 6 + 5].map(|p| map.values[2 * p + 1]);
        assert_eq!(*last, corner.into_iter().fold(f32::MIN, f32::max));
    }
}
