//! A matrix product with weights that were packed once: `out = x Wᵀ + b`, or added to `out`.
//!
//! On processors with AVX-512 and AMX the products are our own (`packed/avx512.rs`, `packed/amx.rs`);
//! elsewhere the crate `gemm` does those in f32.
//!
//! Each number of `out` is one sum over the inputs in their order, whatever the number of rows:
//! the result does not depend on how rows are grouped.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512;

use super::matmul::{Matrix, MatrixMut, matmul};
use super::precision::Precision;

/// The weights of a linear layer, `[outputs, inputs]`, packed for the processor at hand.
#[derive(Debug)]
pub(crate) struct PackedWeights {
    weights: Packing,
    inputs: usize,
    outputs: usize,
}

#[derive(Debug)]
enum Packing {
    /// As PyTorch stores them.
    Plain(Vec<f32>),
    /// `[panels, inputs, 32]`, with zeros beyond the last output.
    #[cfg(target_arch = "x86_64")]
    Avx512(Vec<avx512::Lanes>),
    /// `[panels, steps, tiles]`, with zeros beyond the last output and input.
    #[cfg(target_arch = "x86_64")]
    Amx(Vec<amx::Tile>, Precision),
}

/// Working memory of one thread's products, grown once and then kept.
#[derive(Debug, Default)]
pub(crate) struct ProductScratch {
    #[cfg(target_arch = "x86_64")]
    tiles: Vec<f32>,
    #[cfg(target_arch = "x86_64")]
    amx: amx::AmxScratch,
}

/// Whether this processor has AMX for bf16, and its system lets this process use it.
pub(super) fn has_amx() -> bool {
    #[cfg(target_arch = "x86_64")]
    let available = amx::is_available();
    #[cfg(not(target_arch = "x86_64"))]
    let available = false;
    available
}

impl PackedWeights {
    /// Packs weights of `[outputs, inputs]`.
    ///
    /// # Panics
    /// The precision is not available here.
    pub(crate) fn new(weights: Vec<f32>, inputs: usize, precision: Precision) -> Self {
        assert!(precision.is_available(), "{precision} needs a processor with AMX");
        let outputs = weights.len() / inputs;
        assert_eq!(weights.len(), inputs * outputs, "weights of whole rows");
        #[cfg(target_arch = "x86_64")]
        if precision != Precision::F32 {
            let tiles = amx::pack(&weights, inputs, precision);
            return Self { weights: Packing::Amx(tiles, precision), inputs, outputs };
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            let weights = Packing::Avx512(avx512::pack(&weights, inputs));
            return Self { weights, inputs, outputs };
        }
        Self { weights: Packing::Plain(weights), inputs, outputs }
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes of the packed weights.
    pub(crate) fn bytes(&self) -> usize {
        match &self.weights {
            Packing::Plain(weights) => size_of_val(weights.as_slice()),
            #[cfg(target_arch = "x86_64")]
            Packing::Avx512(panels) => size_of_val(panels.as_slice()),
            #[cfg(target_arch = "x86_64")]
            Packing::Amx(tiles, _) => size_of_val(tiles.as_slice()),
        }
    }

    /// `out = x Wᵀ + b`, or with `add`, `out += x Wᵀ + b`. `x` is `[rows, inputs]`, `out`
    /// `[rows, outputs]`, `bias` `[outputs]`.
    ///
    /// # Panics
    /// The shapes do not fit.
    pub(crate) fn apply(
        &self,
        x: &[f32],
        bias: Option<&[f32]>,
        out: &mut [f32],
        add: bool,
        scratch: &mut ProductScratch,
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let rows = out.len() / outputs;
        assert_eq!((x.len(), out.len()), (rows * inputs, rows * outputs), "whole rows");
        assert!(bias.is_none_or(|bias| bias.len() == outputs), "a bias for each output");
        match &self.weights {
            Packing::Plain(weights) => {
                let product = |out: &mut [f32], add| {
                    matmul(
                        MatrixMut::rows(out, rows, outputs, outputs),
                        Matrix::rows(x, rows, inputs, inputs),
                        // [outputs, inputs] -> [inputs, outputs]
                        Matrix::rows(weights, outputs, inputs, inputs).transposed(),
                        1.0,
                        add,
                    );
                };
                product(out, add);
                if let Some(bias) = bias {
                    for row in out.chunks_exact_mut(outputs) {
                        row.iter_mut().zip(bias).for_each(|(o, b)| *o += b);
                    }
                }
            }
            #[cfg(target_arch = "x86_64")]
            Packing::Avx512(panels) => {
                let product = avx512::Product { x, panels, bias, inputs, outputs, add };
                // SAFETY: weights are packed so only where the processor has AVX-512F.
                unsafe { product.run(out, &mut scratch.tiles) }
            }
            #[cfg(target_arch = "x86_64")]
            Packing::Amx(tiles, precision) => {
                let precision = *precision;
                amx::Product { x, tiles, bias, inputs, outputs, add, precision }
                    .run(out, &mut scratch.amx);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::matmul::tests::numbers;
    use super::*;

    fn plain(x: &[f32], weights: &[f32], inputs: usize) -> Vec<f64> {
        let dot = |x: &[f32], w: &[f32]| -> f64 {
            x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
        };
        x.chunks_exact(inputs)
            .flat_map(|x| weights.chunks_exact(inputs).map(move |w| dot(x, w)))
            .collect()
    }

    #[test]
    fn it_is_the_plain_product_over_odd_sizes() {
        for precision in Precision::ALL.into_iter().filter(|p| p.is_available()) {
            check(precision);
        }
    }

    fn check(precision: Precision) {
        let mut scratch = ProductScratch::default();
        for rows in [1, 2, 13, 14, 15, 29, 50, 330] {
            for (inputs, outputs) in
                [(1, 1), (7, 31), (16, 32), (33, 33), (64, 100), (768, 65), (1600, 3)]
            {
                let x = numbers(rows * inputs, 1);
                let weights = numbers(inputs * outputs, 2);
                let bias = numbers(outputs, 3);
                let packed = PackedWeights::new(weights.clone(), inputs, precision);
                let expected = plain(&x, &weights, inputs);
                for add in [false, true] {
                    let mut out = numbers(rows * outputs, 4);
                    let before = out.clone();
                    packed.apply(&x, Some(&bias), &mut out, add, &mut scratch);
                    for (i, (found, product)) in out.iter().zip(&expected).enumerate() {
                        let kept = if add { f64::from(before[i]) } else { 0.0 };
                        let expected = product + f64::from(bias[i % outputs]) + kept;
                        // A sum of k products of numbers below 1, one after the other in f32: each
                        // sum is below k and rounded by 2^-24 of itself. And of the products.
                        let off = (f64::from(*found) - expected).abs();
                        let k = inputs as f64;
                        let of_products = match precision {
                            Precision::F32 => 0.0,
                            Precision::Bf16x3 => 3.0 * 2.0_f64.powi(-16) * k.sqrt(),
                            Precision::Bf16 => 2.0 * 2.0_f64.powi(-8) * k.sqrt(),
                        };
                        let limit = (k * k / 4.0 + 4.0) * 2.0_f64.powi(-24) + of_products;
                        assert!(off <= limit, "{precision}, {inputs} inputs: {off}, {limit}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_whatever_stands_beside_it() {
        let (inputs, outputs, rows) = (900, 50, 400);
        let x = numbers(rows * inputs, 1);
        for precision in Precision::ALL.into_iter().filter(|p| p.is_available()) {
            let packed = PackedWeights::new(numbers(inputs * outputs, 2), inputs, precision);
            let mut scratch = ProductScratch::default();
            let mut whole = vec![0.0; rows * outputs];
            packed.apply(&x, None, &mut whole, false, &mut scratch);
            for group in [1, 3, 14, 27, 200] {
                let mut out = vec![0.0; rows * outputs];
                for (x, out) in x.chunks(group * inputs).zip(out.chunks_mut(group * outputs)) {
                    packed.apply(x, None, out, false, &mut scratch);
                }
                assert!(out == whole, "{precision}, in groups of {group} rows");
            }
        }
    }
}
