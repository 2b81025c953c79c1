//! The MLP of a block.

use super::linear::Linear;
use super::norm::Norm;
use super::scratch::Scratch;
use alignscope_kernel::{Activation, huge_pages};

/// Two layers with a non-linearity between them.
#[derive(Debug)]
pub(super) struct Mlp {
    /// Where it is gated, the gate's outputs stand before the others.
    pub(super) input: Linear,
    pub(super) activation: Activation,
    /// Whether the activation of one half of the hidden layer multiplies the other (SwiGLU).
    pub(super) gated: bool,
    /// Of the hidden layer.
    pub(super) norm: Option<Norm>,
    pub(super) out: Linear,
}

impl Mlp {
    /// Adds to `x`, `[rows, channels]`, what comes of it behind the norm `before`.
    pub(super) fn add_to(&self, before: &Norm, x: &mut [f32], scratch: &mut Scratch) {
        let rows = x.len() / before.channels();
        let Scratch { input, hidden, wide, .. } = scratch;
        self.input.shape(input, rows);
        before.fill(x, input);
        if self.is_plain() {
            self.input.to_lhs(input, Some(self.activation), hidden);
            return self.out.add_to(hidden, x);
        }
        let outputs = self.input.outputs();
        let values = huge_pages::first(wide, rows * outputs, 0.0);
        self.input.apply(input, values);
        self.out.shape(hidden, rows);
        for (i, values) in values.chunks_exact_mut(outputs).enumerate() {
            let values = self.activate(values);
            match &self.norm {
                Some(norm) => hidden.fill_row(i, |out| norm.apply(values, out)),
                None => hidden.set_row(i, values),
            }
        }
        self.out.add_to(hidden, x);
    }

    /// Whether the activation is all that there is between its two layers.
    pub(super) fn is_plain(&self) -> bool {
        !self.gated && self.norm.is_none()
    }

    /// The hidden layer of one row, within what the first layer gave.
    fn activate<'a>(&self, values: &'a mut [f32]) -> &'a [f32] {
        if !self.gated {
            self.activation.apply(values);
            return values;
        }
        let (gate, rest) = values.split_at_mut(values.len() / 2);
        self.activation.apply(gate);
        rest.iter_mut().zip(gate).for_each(|(x, gate)| *x *= *gate);
        rest
    }

    /// Bytes of the weights.
    pub(super) fn bytes(&self) -> usize {
        self.input.bytes() + self.out.bytes()
    }
}
