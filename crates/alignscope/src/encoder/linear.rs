//! A linear layer.

use crate::kernel::{PackedWeights, Precision, ProductScratch};

/// `y = W x + b` for each row of a matrix.
#[derive(Debug)]
pub(super) struct Linear {
    weights: PackedWeights,
    /// `[outputs]`.
    bias: Option<Vec<f32>>,
}

impl Linear {
    /// `weight` is `[outputs, inputs]`, as PyTorch stores it, `bias` `[outputs]`.
    pub(super) fn new(
        weight: Vec<f32>,
        bias: Option<Vec<f32>>,
        inputs: usize,
        precision: Precision,
    ) -> Self {
        let weights = PackedWeights::new(weight, inputs, precision);
        assert!(bias.as_ref().is_none_or(|b| b.len() == weights.outputs()), "a bias an output");
        Self { weights, bias }
    }

    pub(super) fn outputs(&self) -> usize {
        self.weights.outputs()
    }

    /// Bytes of weight and bias.
    pub(super) fn bytes(&self) -> usize {
        self.weights.bytes() + self.bias.as_ref().map_or(0, |bias| size_of_val(bias.as_slice()))
    }

    /// `out = x Wᵀ + b`; `x` is `[rows, inputs]`, `out` `[rows, outputs]`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32], scratch: &mut ProductScratch) {
        self.weights.apply(x, self.bias.as_deref(), out, false, scratch);
    }

    /// `out += x Wᵀ + b`: the end of a residual branch.
    pub(super) fn add_to(&self, x: &[f32], out: &mut [f32], scratch: &mut ProductScratch) {
        self.weights.apply(x, self.bias.as_deref(), out, true, scratch);
    }
}
