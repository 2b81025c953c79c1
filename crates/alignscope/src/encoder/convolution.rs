//! A convolution with its bias, and the batch norm that is folded into it.

use super::layers::Layers;
use super::linear::Linear;
use crate::feature_map::{MapView, Window};
use crate::weights::{Init, WeightsError};
use alignscope_kernel::{Lhs, Precision, ProductScratch};

/// A convolution: a product with what its window sees at each place.
#[derive(Debug)]
pub(super) struct Convolution {
    /// Inputs are `[kernel, kernel, channels]`.
    linear: Linear,
    window: Window,
}

/// Numbers of a strip of gathered places: it stays in the second cache.
const STRIP_NUMBERS: usize = 1 << 18;

/// Places of a strip, at least and at most.
const STRIP_PLACES: [usize; 2] = [64, 1024];

/// Added to the variance in batch norms.
const BATCH_NORM_EPS: f64 = 1e-5;

/// The sizes of a convolution, and its arithmetic.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvolutionSizes {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
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
        let ConvolutionSizes { inputs, window, precision, .. } = sizes;
        let area = window.kernel.pow(2);
        let mut by_place = vec![0.0; weight.len()];
        // [out, in, y, x] -> [out, y, x, in]
        let outputs = by_place.chunks_exact_mut(sizes.depth());
        for (out, weight) in outputs.zip(weight.chunks_exact(sizes.depth())) {
            for (input, weight) in weight.chunks_exact(area).enumerate() {
                let places = out[input..].iter_mut().step_by(inputs);
                places.zip(weight).for_each(|(out, w)| *out = *w);
            }
        }
        let linear = Linear::new(by_place, Some(bias), sizes.depth(), precision);
        Self { linear, window }
    }

    pub(super) fn outputs(&self) -> usize {
        self.linear.outputs()
    }

    /// Side of what it makes of a square map.
    pub(super) fn output_side(&self, side: usize) -> usize {
        self.window.output_side(side)
    }

    /// Writes what it makes of a map to `out`, `[places, outputs]`, row by row; `then` changes each
    /// strip of it while it is near the processor.
    pub(super) fn apply(
        &self,
        map: MapView<'_>,
        out: &mut [f32],
        then: fn(&mut [f32]),
        scratch: &mut (&mut Lhs, &mut ProductScratch),
    ) {
        self.by_strips(map, out, scratch, |input, strip, products| {
            self.linear.apply(input, strip, products);
            then(strip);
        });
    }

    /// As [`apply`](Self::apply), but adds it to what is in `out`.
    pub(super) fn add_to(
        &self,
        map: MapView<'_>,
        out: &mut [f32],
        then: fn(&mut [f32]),
        scratch: &mut (&mut Lhs, &mut ProductScratch),
    ) {
        self.by_strips(map, out, scratch, |input, strip, products| {
            self.linear.add_to(input, strip, products);
            then(strip);
        });
    }

    fn by_strips(
        &self,
        map: MapView<'_>,
        out: &mut [f32],
        (input, products): &mut (&mut Lhs, &mut ProductScratch),
        work: impl Fn(&Lhs, &mut [f32], &mut ProductScratch),
    ) {
        let (width, places) = (self.output_side(map.width), self.strip_places(map.channels));
        for (strip, out) in out.chunks_mut(places * self.outputs()).enumerate() {
            let count = out.len() / self.outputs();
            self.linear.shape(input, count);
            for row in 0..count {
                let place = strip * places + row;
                let (y, x) = (place / width, place % width);
                input.fill_row(row, |seen| self.window.gather(map, y, x, seen));
            }
            work(input, out, products);
        }
    }

    /// Places of a strip of a map of so many channels.
    fn strip_places(&self, channels: usize) -> usize {
        let [least, most] = STRIP_PLACES;
        (STRIP_NUMBERS / (self.window.kernel.pow(2) * channels)).clamp(least, most)
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        self.linear.bytes()
    }

    /// Bytes of working memory for a map of this side and so many channels, beside what it makes.
    pub(super) fn scratch_bytes(&self, side: usize, channels: usize) -> usize {
        let places = self.strip_places(channels).min(self.output_side(side).pow(2));
        self.linear.lhs_bytes(places, self.window.kernel.pow(2) * channels)
            + ProductScratch::bytes(places, self.outputs())
    }
}

impl ConvolutionSizes {
    /// Numbers that the window sees.
    fn depth(&self) -> usize {
        self.window.kernel.pow(2) * self.inputs
    }

    fn weight(
        &self,
        layers: &Layers<'_>,
        name: &str,
        init: Init,
    ) -> Result<Vec<f32>, WeightsError> {
        let (Self { inputs, outputs, .. }, kernel) = (*self, self.stored_kernel());
        let shape = [outputs, inputs, kernel, kernel];
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
