//! A linear layer.

use crate::kernel::{Matrix, MatrixMut, matmul};

/// `y = W x + b` for each row of a matrix.
#[derive(Debug)]
pub(super) struct Linear {
    /// `[outputs, inputs]`, as PyTorch stores it.
    weight: Vec<f32>,
    /// `[outputs]`.
    bias: Option<Vec<f32>>,
    inputs: usize,
    outputs: usize,
}

impl Linear {
    /// `weight` is `[outputs, inputs]`, `bias` `[outputs]`.
    pub(super) fn new(weight: Vec<f32>, bias: Option<Vec<f32>>, inputs: usize) -> Self {
        let outputs = weight.len() / inputs;
        assert_eq!(weight.len(), inputs * outputs, "a weight of whole rows");
        assert!(bias.as_ref().is_none_or(|b| b.len() == outputs), "a bias for each output");
        Self { weight, bias, inputs, outputs }
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes of weight and bias.
    pub(super) fn bytes(&self) -> usize {
        size_of::<f32>() * (self.weight.len() + self.bias.as_ref().map_or(0, Vec::len))
    }

    /// `out = x Wᵀ + b`; `x` is `[rows, inputs]`, `out` `[rows, outputs]`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        match &self.bias {
            None => self.product(x, out, false),
            Some(bias) => {
                for row in out.chunks_exact_mut(self.outputs) {
                    row.copy_from_slice(bias);
                }
                self.product(x, out, true);
            }
        }
    }

    /// `out += x Wᵀ + b`: the end of a residual branch.
    pub(super) fn add_to(&self, x: &[f32], out: &mut [f32]) {
        self.product(x, out, true);
        if let Some(bias) = &self.bias {
            for row in out.chunks_exact_mut(self.outputs) {
                row.iter_mut().zip(bias).for_each(|(o, b)| *o += b);
            }
        }
    }

    fn product(&self, x: &[f32], out: &mut [f32], add: bool) {
        let rows = out.len() / self.outputs;
        matmul(
            MatrixMut::rows(out, rows, self.outputs, self.outputs),
            Matrix::rows(x, rows, self.inputs, self.inputs),
            // [outputs, inputs] -> [inputs, outputs]
            Matrix::rows(&self.weight, self.outputs, self.inputs, self.inputs).transposed(),
            1.0,
            add,
        );
    }
}
