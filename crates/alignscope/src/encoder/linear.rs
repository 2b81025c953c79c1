//! A linear layer.

use alignscope_kernel::{Activation, Lhs, Output, PackedWeights, Precision};

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

    /// Bytes of `[rows, columns]` in the form of this layer.
    pub(super) fn lhs_bytes(&self, rows: usize, columns: usize) -> usize {
        self.weights.lhs_bytes(rows, columns)
    }

    /// Makes `lhs` what this layer takes, `[rows, inputs]`, yet to be filled.
    pub(super) fn shape(&self, lhs: &mut Lhs, rows: usize) {
        self.weights.shape(lhs, rows);
    }

    /// Makes `lhs` what [`to_lhs`](Self::to_lhs) gives, `[rows, outputs]`, yet to be filled.
    pub(super) fn shape_output(&self, lhs: &mut Lhs, rows: usize) {
        self.weights.shape_output(lhs, rows);
    }

    /// `out = x Wᵀ + b`; `x` is `[rows, inputs]`, `out` `[rows, outputs]`.
    pub(super) fn apply(&self, x: &Lhs, out: &mut [f32]) {
        self.weights.apply(x, self.bias.as_deref(), Output::Set(out));
    }

    /// `out += x Wᵀ + b`: the end of a residual branch.
    pub(super) fn add_to(&self, x: &Lhs, out: &mut [f32]) {
        self.weights.apply(x, self.bias.as_deref(), Output::Add(out));
    }

    /// `x Wᵀ + b`, or its activation, as what a later layer of this precision or attention takes.
    pub(super) fn to_lhs(&self, x: &Lhs, activation: Option<Activation>, out: &mut Lhs) {
        self.weights.apply(x, self.bias.as_deref(), Output::Lhs(activation, out));
    }

    /// As [`apply`](Self::apply), for one row.
    pub(super) fn apply_row(&self, x: &[f32], out: &mut [f32], lhs: &mut Lhs) {
        self.shape(lhs, 1);
        lhs.set_row(0, x);
        self.apply(lhs, out);
    }
}
