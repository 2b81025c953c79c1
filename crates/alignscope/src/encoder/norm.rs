//! A layer norm with its gain and offset.

use crate::kernel::layer_norm;

/// Layer normalisation over the channels of each row.
#[derive(Debug)]
pub(super) struct LayerNorm {
    /// Gain of each channel.
    pub(super) weight: Vec<f32>,
    /// Offset of each channel.
    pub(super) bias: Vec<f32>,
    /// Added to the variance.
    pub(super) eps: f32,
}

impl LayerNorm {
    /// Normalises each row of `x` into `out`, both `[rows, channels]`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        layer_norm(x, out, &self.weight, &self.bias, self.eps);
    }
}
