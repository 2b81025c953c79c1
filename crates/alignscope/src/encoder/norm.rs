//! A layer norm with its gain and offset.

use alignscope_kernel::{Lhs, Norm, layer_norm};

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
    /// Normalises one row into `out`, both `[channels]`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        layer_norm(x, Norm { weight: &self.weight, bias: &self.bias, eps: self.eps }, out);
    }

    /// Normalises each row of `x` into the left side of a product, both `[rows, channels]`.
    pub(super) fn fill(&self, x: &[f32], out: &mut Lhs) {
        for (row, x) in x.chunks_exact(self.weight.len()).enumerate() {
            out.fill_row(row, |out| self.apply(x, out));
        }
    }
}
