//! A convolution with its bias, and the batch norm that is folded into it.

use super::layers::Layers;
use super::linear::Linear;
use crate::feature_map::{MapView, Window};
use crate::weights::{Init, WeightsError};
use alignscope_kernel::{Lhs, Precision};

/// A convolution: a product with what its window sees at each place.
#[derive(Debug)]
pub(super) struct Convolution {
    /// Of as many channels each, one after the other: one, or several of a convolution in groups, that
    /// each are of a few groups. Inputs of each are `[kernel, kernel, its channels]`.
    parts: Vec<Linear>,
    /// Channels of the map that each sees.
    inputs_a_part: usize,
    window: Window,
}

/// Numbers of a strip of gathered places: it stays in the second cache.
const STRIP_NUMBERS: usize = 1 << 18;

/// Places of a strip, at least and at most.
const STRIP_PLACES: [usize; 2] = [64, 1024];

/// Channels that a part of a convolution in groups sees, at least: fewer make a product slow. The
/// weights between its groups are 0.
const PART_CHANNELS: usize = 64;

/// Added to the variance in batch norms.
const BATCH_NORM_EPS: f64 = 1e-5;

/// The sizes of a convolution, and its arithmetic.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvolutionSizes {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Groups of inputs and outputs, which do not see each other.
    pub(super) groups: usize,
    pub(super) window: Window,
    /// Whether it is one pixel of the mean of what the window sees: a mean pooling before it.
    pub(super) of_mean: bool,
    pub(super) precision: Precision,
}

/// The names of the tensors of a convolution and of the batch norm after it, without `.weight` and
/// the like.
#[derive(Debug, Clone)]
pub(super) struct BatchNormed {
    pub(super) convolution: String,
    pub(super) norm: String,
}

impl BatchNormed {
    /// The whole names of its tensors.
    pub(super) fn tensors(&self) -> Vec<String> {
        let Self { convolution, norm } = self;
        ["weight", "bias", "running_mean", "running_var"]
            .into_iter()
            .map(|part| format!("{norm}.{part}"))
            .chain([format!("{convolution}.weight")])
            .collect()
    }
}

impl Convolution {
    /// `NAME.weight`, `[outputs, inputs, kernel, kernel]`, and `NAME.bias`, `[outputs]`.
    pub(super) fn read(
        layers: &Layers<'_>,
        name: &str,
        sizes: ConvolutionSizes,
        init: Init,
    ) -> Result<Self, WeightsError> {
        let weight = sizes.weight(layers, name, init)?;
        let bias = layers.tensor(&format!("{name}.bias"), &[sizes.outputs], Init::Zeros)?;
        Ok(Self::new(&weight, bias, sizes))
    }

    /// A convolution without a bias, and the batch norm that follows it: with the mean and the
    /// variance that were gathered in training, it is a gain and an offset of each output. An untrained
    /// one begins as torch's `kaiming_normal_` of `fan_out` and ReLU has it.
    pub(super) fn read_normed(
        layers: &Layers<'_>,
        names: &BatchNormed,
        sizes: ConvolutionSizes,
    ) -> Result<Self, WeightsError> {
        let fan_out = sizes.outputs * sizes.stored_kernel().pow(2);
        let init = Init::Normal((2.0 / fan_out as f64).sqrt());
        let mut weight = sizes.weight(layers, &names.convolution, init)?;
        let of_norm = |part: &str, init| {
            layers.tensor(&format!("{}.{part}", names.norm), &[sizes.outputs], init)
        };
        let gains = of_norm("weight", Init::Ones)?;
        let mut bias = of_norm("bias", Init::Zeros)?;
        let means = of_norm("running_mean", Init::Zeros)?;
        let variances = of_norm("running_var", Init::Ones)?;
        let rows = weight.chunks_exact_mut(sizes.depth());
        for (output, (row, bias)) in rows.zip(&mut bias).enumerate() {
            let deviation = (f64::from(variances[output]) + BATCH_NORM_EPS).sqrt();
            let gain = f64::from(gains[output]) / deviation;
            row.iter_mut().for_each(|w| *w = (f64::from(*w) * gain) as f32);
            *bias = (f64::from(*bias) - f64::from(means[output]) * gain) as f32;
        }
        Ok(Self::new(&weight, bias, sizes))
    }

    fn new(weight: &[f32], bias: Vec<f32>, sizes: ConvolutionSizes) -> Self {
        let ConvolutionSizes { inputs, groups, window, .. } = sizes;
        let of_part = sizes.groups_a_part();
        let parts = groups / of_part;
        let rows = weight.len() / parts;
        let biases = bias.chunks_exact(bias.len() / parts);
        let parts = weight.chunks_exact(rows).zip(biases);
        Self {
            parts: parts.map(|(weight, bias)| sizes.part(weight, bias.to_vec())).collect(),
            inputs_a_part: inputs / groups * of_part,
            window,
        }
    }

    pub(super) fn outputs(&self) -> usize {
        self.parts.iter().map(Linear::outputs).sum()
    }

    /// Side of what it makes of a square map.
    pub(super) fn output_side(&self, side: usize) -> usize {
        self.window.output_side(side)
    }

    /// Writes what it makes of a map to `out`, `[places, outputs]`, row by row; `then` changes each
    /// strip of it while it is near the processor. `input` is working memory.
    pub(super) fn apply(
        &self,
        map: MapView<'_>,
        out: &mut [f32],
        then: fn(&mut [f32]),
        input: &mut Lhs,
    ) {
        self.by_strips(map, out, input, Linear::apply, then);
    }

    /// As [`apply`](Self::apply), but adds it to what is in `out`.
    ///
    /// # Panics
    /// It is in groups.
    pub(super) fn add_to(
        &self,
        map: MapView<'_>,
        out: &mut [f32],
        then: fn(&mut [f32]),
        input: &mut Lhs,
    ) {
        assert_eq!(self.parts.len(), 1, "only a whole convolution ends a residual branch");
        self.by_strips(map, out, input, Linear::add_to, then);
    }

    fn by_strips(
        &self,
        map: MapView<'_>,
        out: &mut [f32],
        input: &mut Lhs,
        work: impl Fn(&Linear, &Lhs, &mut [f32]),
        then: fn(&mut [f32]),
    ) {
        let (outputs, places) = (self.outputs(), self.strip_places());
        let width = self.output_side(map.width);
        let mut of_part = Vec::new();
        for (strip, out) in out.chunks_mut(places * outputs).enumerate() {
            let count = out.len() / outputs;
            for (part, linear) in self.parts.iter().enumerate() {
                let channels = part * self.inputs_a_part..(part + 1) * self.inputs_a_part;
                linear.shape(input, count);
                for row in 0..count {
                    let place = strip * places + row;
                    let (y, x) = (place / width, place % width);
                    input.fill_row(row, |seen| match self.parts.len() {
                        1 => self.window.gather(map, y, x, seen),
                        _ => self.window.gather_channels(map, y, x, channels.clone(), seen),
                    });
                }
                if self.parts.len() == 1 {
                    work(linear, input, out);
                    continue;
                }
                let each = linear.outputs();
                of_part.resize(count * each, 0.0);
                work(linear, input, &mut of_part);
                for (out, made) in out.chunks_exact_mut(outputs).zip(of_part.chunks_exact(each)) {
                    out[part * each..][..each].copy_from_slice(made);
                }
            }
            then(out);
        }
    }

    /// Places of a strip.
    fn strip_places(&self) -> usize {
        let [least, most] = STRIP_PLACES;
        (STRIP_NUMBERS / (self.window.kernel.pow(2) * self.inputs_a_part)).clamp(least, most)
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().map(Linear::bytes).sum()
    }

    /// Bytes of working memory for a map of this side, beside what it makes.
    pub(super) fn scratch_bytes(&self, side: usize) -> usize {
        let places = self.strip_places().min(self.output_side(side).pow(2));
        let (part, outputs) = (&self.parts[0], self.parts[0].outputs());
        let of_part = if self.parts.len() == 1 { 0 } else { places * outputs };
        part.lhs_bytes(places, self.window.kernel.pow(2) * self.inputs_a_part)
            + size_of::<f32>() * of_part
    }
}

impl ConvolutionSizes {
    /// Numbers that the window sees of one group.
    fn depth(&self) -> usize {
        self.window.kernel.pow(2) * self.inputs / self.groups
    }

    /// Groups that are multiplied at once, with zeros between them.
    fn groups_a_part(&self) -> usize {
        let each = self.inputs / self.groups;
        let enough = |n: &usize| self.groups.is_multiple_of(*n) && n * each >= PART_CHANNELS;
        (1..=self.groups).find(enough).unwrap_or(self.groups)
    }

    /// Some groups as one layer; `weight` is `[outputs, inputs of a group, kernel, kernel]`.
    fn part(&self, weight: &[f32], bias: Vec<f32>) -> Linear {
        let area = self.window.kernel.pow(2);
        let (of_group, outputs) = (self.inputs / self.groups, self.outputs / self.groups);
        let inputs = of_group * (bias.len() / outputs);
        let mut by_place = vec![0.0; bias.len() * area * inputs];
        // [out, in, y, x] -> [out, y, x, in]
        let rows = by_place.chunks_exact_mut(area * inputs).zip(weight.chunks_exact(self.depth()));
        for (output, (row, weight)) in rows.enumerate() {
            let first = output / outputs * of_group;
            for (input, weight) in weight.chunks_exact(area).enumerate() {
                let places = row[first + input..].iter_mut().step_by(inputs);
                places.zip(weight).for_each(|(out, w)| *out = *w);
            }
        }
        Linear::new(by_place, Some(bias), area * inputs, self.precision)
    }

    fn weight(
        &self,
        layers: &Layers<'_>,
        name: &str,
        init: Init,
    ) -> Result<Vec<f32>, WeightsError> {
        let (Self { inputs, outputs, groups, .. }, kernel) = (*self, self.stored_kernel());
        let shape = [outputs, inputs / groups, kernel, kernel];
        let weight = layers.tensor(&format!("{name}.weight"), &shape, init)?;
        if !self.of_mean {
            return Ok(weight);
        }
        let area = self.window.kernel.pow(2);
        Ok(weight.into_iter().flat_map(|w| std::iter::repeat_n(w / area as f32, area)).collect())
    }

    /// Side of the weights as they are stored.
    fn stored_kernel(&self) -> usize {
        if self.of_mean { 1 } else { self.window.kernel }
    }
}

/// Leaves a strip as it is.
pub(super) fn as_it_is(_: &mut [f32]) {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output `output` of a convolution in groups, at a place of a map, by plain loops.
    fn plain(weight: &[f32], sizes: &ConvolutionSizes, map: MapView<'_>, place: usize) -> Vec<f64> {
        let ConvolutionSizes { inputs, outputs, groups, window, .. } = *sizes;
        let (each, width) = (inputs / groups, window.output_side(map.width));
        let at = |y: usize, x: usize, channel: usize| {
            let inside = y < map.height && x < map.width;
            if inside { f64::from(map.values[(y * map.width + x) * inputs + channel]) } else { 0.0 }
        };
        let one = |output: usize| {
            let mut sum = 0.0;
            for input in 0..each {
                for k in 0..9 {
                    let y = (place / width * window.stride + k / 3).wrapping_sub(window.padding);
                    let x = (place % width * window.stride + k % 3).wrapping_sub(window.padding);
                    let channel = output / (outputs / groups) * each + input;
                    sum += f64::from(weight[(output * each + input) * 9 + k]) * at(y, x, channel);
                }
            }
            sum
        };
        (0..outputs).map(one).collect()
    }

    #[test]
    fn groups_do_not_see_each_other_however_they_are_multiplied() {
        let number = |i: usize| (i * 7919 % 251) as f32 / 251.0 - 0.5;
        let window = Window { kernel: 3, stride: 2, padding: 1 };
        // One part of four groups; two of four; eight, each of one.
        for (inputs, outputs, groups, parts) in [(16, 8, 4, 1), (128, 24, 8, 2), (512, 16, 8, 8)] {
            let precision = Precision::F32;
            let sizes =
                ConvolutionSizes { inputs, outputs, groups, window, of_mean: false, precision };
            let weight: Vec<f32> = (0..outputs * inputs / groups * 9).map(number).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| i as f32 / 8.0).collect();
            let convolution = Convolution::new(&weight, bias.clone(), sizes);
            assert_eq!((convolution.parts.len(), convolution.outputs()), (parts, outputs));
            let values: Vec<f32> = (0..7 * 7 * inputs).map(|i| number(i + 5)).collect();
            let map = MapView { height: 7, width: 7, channels: inputs, values: &values };
            let mut out = vec![0.0; 16 * outputs];
            convolution.apply(map, &mut out, as_it_is, &mut Lhs::default());
            for (place, out) in out.chunks_exact(outputs).enumerate() {
                let expected = plain(&weight, &sizes, map, place);
                for ((out, expected), bias) in out.iter().zip(expected).zip(&bias) {
                    let off = f64::from(*out) - expected - f64::from(*bias);
                    assert!(off.abs() < 1e-4, "{groups} groups, place {place}: {off}");
                }
            }
        }
    }
}
