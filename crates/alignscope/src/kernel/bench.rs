//! Each kernel as a closure that runs it once, for `cargo bench` alone.
//!
//! Not part of the library's interface.

use super::huge;
use super::operand::Operand;
use super::product::{Output, PackedWeights, ProductScratch};
use super::{Activation, Attention, AttentionScratch, Norm, Precision, layer_norm};

/// Numbers from −1 to 1 without a pattern that a processor could use.
fn numbers(len: usize) -> Vec<f32> {
    let mut values = huge::vec(len, 0.0);
    let mut state = 1_u32;
    for value in &mut values {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
    values
}

fn operand(weights: &PackedWeights, rows: usize, inputs: usize) -> Operand {
    let mut operand = Operand::default();
    weights.shape(&mut operand, rows);
    let values = numbers(rows * inputs);
    for (row, values) in values.chunks_exact(inputs).enumerate() {
        operand.set_row(row, values);
    }
    operand
}

/// A product of `[rows, inputs]` with `[outputs, inputs]`: 2 · rows · inputs · outputs operations.
pub fn product(precision: Precision, [rows, inputs, outputs]: [usize; 3]) -> impl FnMut() + use<> {
    let weights = PackedWeights::new(numbers(outputs * inputs), inputs, precision);
    let x = operand(&weights, rows, inputs);
    let (mut out, bias) = (huge::vec(rows * outputs, 0.0), numbers(outputs));
    let mut scratch = ProductScratch::default();
    move || weights.apply(&x, Some(&bias), Output::Set(&mut out), &mut scratch)
}

/// The first layer of a perceptron with its activation, to the form that the second takes.
pub fn activated(
    precision: Precision,
    activation: Activation,
    [rows, inputs, outputs]: [usize; 3],
) -> impl FnMut() + use<> {
    let weights = PackedWeights::new(numbers(outputs * inputs), inputs, precision);
    let next = PackedWeights::new(numbers(outputs * inputs), outputs, precision);
    let x = operand(&weights, rows, inputs);
    let (mut out, bias) = (Operand::default(), numbers(outputs));
    let mut scratch = ProductScratch::default();
    move || {
        let output = Output::Activated(activation, &mut out, &next);
        weights.apply(&x, Some(&bias), output, &mut scratch);
    }
}

/// Attention of one image.
pub fn attention(precision: Precision, [tokens, heads, width]: [usize; 3]) -> impl FnMut() + use<> {
    let channels = heads * width;
    let next = PackedWeights::new(numbers(channels * channels), channels, precision);
    let mut out = Operand::default();
    next.shape(&mut out, tokens);
    let qkv = numbers(tokens * 3 * channels);
    let mut scratch = AttentionScratch::default();
    move || Attention { qkv: &qkv, tokens, heads, precision }.apply(&mut out, 0, &mut scratch)
}

/// A layer norm of `[rows, channels]`.
pub fn norm([rows, channels]: [usize; 2]) -> impl FnMut() + use<> {
    let (x, mut out) = (numbers(rows * channels), numbers(rows * channels));
    let (weight, bias) = (numbers(channels), numbers(channels));
    move || {
        let norm = Norm { weight: &weight, bias: &bias, eps: 1e-5 };
        for (x, out) in x.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
            layer_norm(x, norm, out);
        }
    }
}

/// An activation of so many numbers.
pub fn activation(activation: Activation, len: usize) -> impl FnMut() + use<> {
    let original = numbers(len);
    let mut values = original.clone();
    move || {
        values.copy_from_slice(&original);
        activation.apply(&mut values);
    }
}
