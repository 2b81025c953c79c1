//! A matrix product with weights that were packed once: `x Wᵀ + b`, set, added, or activated.
//!
//! In f32 they are done on rows (`packed_gemm/rows.rs`), in bf16 by tiles
//! (`packed_gemm/tiles.rs`).
//!
//! Each number of the result is summed over the inputs in one order, whatever the number of rows:
//! it does not depend on how rows are grouped.

mod rows;
pub(crate) mod tiles;

use self::rows::Finish;
use crate::activation::Activation;
use crate::f32_tile::LeftRows;
use crate::lanes::Lanes;
use crate::lhs::{Format, Lhs};
use crate::precision::Precision;
use crate::tile::Tile;

/// The weights of a linear layer, `[outputs, inputs]`, packed for a precision.
#[derive(Debug)]
pub struct PackedWeights {
    weights: Packing,
    inputs: usize,
    outputs: usize,
}

#[derive(Debug)]
enum Packing {
    /// `[panels, inputs, 32]`, with zeros beyond the last output.
    Rows(Vec<Lanes>),
    /// `[panels, steps, parts]`, with zeros beyond the last output and input.
    Tiles(Vec<Tile>, Precision),
}

/// Where a product goes.
#[derive(Debug)]
pub enum Output<'a> {
    /// `out = x Wᵀ + b`, `[rows, outputs]`.
    Set(&'a mut [f32]),
    /// `out += x Wᵀ + b`: the end of a residual branch.
    Add(&'a mut [f32]),
    /// The left side of a later product, or what [`Attention`](crate::Attention) takes, in the form
    /// of these weights: `x Wᵀ + b`, or its activation. It is given its shape, `[rows, outputs]`.
    Lhs(Option<Activation>, &'a mut Lhs),
}

impl PackedWeights {
    /// Packs weights of `[outputs, inputs]`, on the threads of the rayon pool that it is called in.
    ///
    /// # Panics
    /// The weights are not whole rows of `inputs`, or `inputs` is 0.
    pub fn new(weights: Vec<f32>, inputs: usize, precision: Precision) -> Self {
        let outputs = weights.len() / inputs;
        assert_eq!(weights.len(), inputs * outputs, "weights of whole rows");
        let weights = match precision {
            Precision::Bf16x6 | Precision::Bf16x3 | Precision::Bf16 => {
                Packing::Tiles(tiles::pack(&weights, inputs, precision), precision)
            }
            Precision::F32 => Packing::Rows(rows::pack(&weights, inputs)),
        };
        Self { weights, inputs, outputs }
    }

    /// Numbers that a row of the result has.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The form in which products with these weights take their left side.
    fn format(&self) -> Format {
        match &self.weights {
            Packing::Rows(_) => Format::Rows,
            Packing::Tiles(_, precision) => Format::Tiles(*precision),
        }
    }

    /// Makes `lhs` a left side of so many rows for these weights, yet to be filled: what it held is
    /// lost.
    pub fn shape(&self, lhs: &mut Lhs, rows: usize) {
        lhs.shape(self.format(), rows, self.inputs);
    }

    /// Makes `lhs` what [`Output::Lhs`] gives, `[rows, outputs]`, yet to be filled: for a result that
    /// is changed on its way to the layer or the attention after it.
    pub fn shape_output(&self, lhs: &mut Lhs, rows: usize) {
        lhs.shape(self.format(), rows, self.outputs);
    }

    /// Bytes of a left side of `[rows, columns]`, in the form of these weights.
    pub fn lhs_bytes(&self, rows: usize, columns: usize) -> usize {
        self.format().bytes(rows, columns)
    }

    /// Bytes of the packed weights.
    pub fn bytes(&self) -> usize {
        match &self.weights {
            Packing::Rows(panels) => size_of_val(panels.as_slice()),
            Packing::Tiles(tiles, _) => size_of_val(tiles.as_slice()),
        }
    }

    /// The product of `x`, `[rows, inputs]`, with these weights, to where `output` says; `bias` is
    /// `[outputs]`, and 0 if there is none.
    ///
    /// A row of the result has the same bits whatever stands beside it in `x`.
    ///
    /// # Panics
    /// The shapes do not fit, or `x` was shaped for weights of another form.
    pub fn apply(&self, x: &Lhs, bias: Option<&[f32]>, output: Output<'_>) {
        assert!(
            x.inputs() == self.inputs && x.format() == self.format(),
            "a left side for these weights"
        );
        assert!(bias.is_none_or(|bias| bias.len() == self.outputs), "a bias for each output");
        let (rows, outputs) = (x.rows(), self.outputs);
        let (finish, out, stride) = match output {
            Output::Set(out) => (Finish::Set, out, outputs),
            Output::Add(out) => (Finish::Add, out, outputs),
            Output::Lhs(activation, lhs) => {
                lhs.shape(self.format(), rows, outputs);
                if let Packing::Tiles(tiles, precision) = &self.weights {
                    let product = tiles::Product { x, tiles, bias, outputs, precision: *precision };
                    let tiles = lhs.as_tiles_mut();
                    return tiles::run(product, tiles::Target::Lhs { activation, tiles });
                }
                let (out, stride) = lhs.as_rows_mut();
                (activation.map_or(Finish::Set, Finish::Activate), out, stride)
            }
        };
        assert!(out.len() >= rows * stride, "room for {rows} rows of {outputs}");
        // No line of a tile is written beyond the last row.
        let out = &mut out[..rows * stride];
        match &self.weights {
            Packing::Rows(panels) => {
                let (values, x_stride) = x.as_rows();
                let product = rows::Product {
                    x: LeftRows { values, stride: x_stride, rows },
                    panels,
                    inputs: self.inputs,
                    outputs,
                    bias,
                    finish,
                };
                rows::run(product, out, stride);
            }
            Packing::Tiles(tiles, precision) => {
                let product = tiles::Product { x, tiles, bias, outputs, precision: *precision };
                let add = matches!(finish, Finish::Add);
                tiles::run(product, tiles::Target::Rows { add, out });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::f32_tile::RUN;
    use crate::instructions::tests::{assert_same_bits, bits};
    use crate::matmul::tests::numbers;

    fn expected(x: &[f32], weights: &[f32], inputs: usize) -> Vec<f64> {
        let dot = |x: &[f32], w: &[f32]| -> f64 {
            x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
        };
        x.chunks_exact(inputs)
            .flat_map(|x| weights.chunks_exact(inputs).map(move |w| dot(x, w)))
            .collect()
    }

    /// A left side with these rows.
    fn lhs(weights: &PackedWeights, x: &[f32]) -> Lhs {
        let mut lhs = Lhs::default();
        weights.shape(&mut lhs, x.len() / weights.inputs);
        for (row, x) in x.chunks_exact(weights.inputs).enumerate() {
            lhs.set_row(row, x);
        }
        lhs
    }

    /// The largest error of a sum of `inputs` products of numbers up to 1, each made of some terms:
    /// sums one after the other in f32, each below k and rounded by 2^-24 of itself; and that of
    /// the products.
    fn limit(precision: Precision, inputs: usize) -> f64 {
        let k = inputs as f64;
        let (terms, of_a_product) = match precision {
            Precision::F32 => (1.0, 0.0),
            Precision::Bf16x6 => (6.0, 3.0 * 2.0_f64.powi(-24)),
            Precision::Bf16x3 => (3.0, 3.0 * 2.0_f64.powi(-16)),
            Precision::Bf16 => (1.0, 2.0 * 2.0_f64.powi(-8)),
        };
        (terms * k * k / 4.0 + 4.0) * 2.0_f64.powi(-24) + of_a_product * k.sqrt()
    }

    const SIZES: [(usize, usize); 9] =
        [(1, 1), (7, 31), (16, 32), (33, 33), (64, 100), (128, 2), (129, 5), (768, 65), (1600, 3)];

    #[test]
    fn it_is_the_plain_product_over_odd_sizes() {
        for precision in Precision::ALL {
            for rows in [1, 2, 13, 14, 15, 29, 50, 330] {
                for (inputs, outputs) in SIZES {
                    let x = numbers(rows * inputs, 1);
                    let weights = numbers(inputs * outputs, 2);
                    let bias = numbers(outputs, 3);
                    let packed = PackedWeights::new(weights.clone(), inputs, precision);
                    let x_lhs = lhs(&packed, &x);
                    let expected = expected(&x, &weights, inputs);
                    for add in [false, true] {
                        let mut out = numbers(rows * outputs, 4);
                        let before = out.clone();
                        let output =
                            if add { Output::Add(&mut out) } else { Output::Set(&mut out) };
                        packed.apply(&x_lhs, Some(&bias), output);
                        for (i, (found, product)) in out.iter().zip(&expected).enumerate() {
                            let kept = if add { f64::from(before[i]) } else { 0.0 };
                            let expected = product + f64::from(bias[i % outputs]) + kept;
                            let off = (f64::from(*found) - expected).abs();
                            let limit = limit(precision, inputs);
                            assert!(off <= limit, "{precision}, {inputs} inputs: {off}, {limit}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_input_far_larger_than_the_others_rounds_its_own_run_alone() {
        let inputs = 6 * RUN;
        // Half a unit in the last place of 2^24 is 1.
        let mut x = vec![0.4; inputs];
        x[0] = 2.0_f32.powi(24);
        let packed = PackedWeights::new(vec![1.0; inputs], inputs, Precision::F32);
        let mut found = [0.0];
        let output = Output::Set(&mut found);
        packed.apply(&lhs(&packed, &x), None, output);
        let expected: f64 = x.iter().map(|x| f64::from(*x)).sum();
        let off = (f64::from(found[0]) - expected).abs();
        assert!(off <= 0.4 * RUN as f64 + 6.0, "{off} off");
    }

    #[test]
    fn two_layers_and_the_activation_between_are_those_done_apart() {
        let activations = Activation::ALL.map(Some);
        for precision in Precision::ALL {
            for activation in activations.into_iter().chain([None]) {
                for (rows, inputs, hidden, outputs) in
                    [(1, 5, 7, 3), (33, 16, 31, 32), (45, 40, 100, 33), (16, 32, 64, 64)]
                {
                    let x = numbers(rows * inputs, 1);
                    let first = PackedWeights::new(numbers(inputs * hidden, 2), inputs, precision);
                    let second =
                        PackedWeights::new(numbers(hidden * outputs, 3), hidden, precision);
                    let bias = numbers(hidden, 4);
                    let x = lhs(&first, &x);

                    let mut between = Lhs::default();
                    let output = Output::Lhs(activation, &mut between);
                    first.apply(&x, Some(&bias), output);
                    let mut found = vec![0.0; rows * outputs];
                    second.apply(&between, None, Output::Set(&mut found));

                    let mut apart = vec![0.0; rows * hidden];
                    first.apply(&x, Some(&bias), Output::Set(&mut apart));
                    if let Some(activation) = activation {
                        activation.apply(&mut apart);
                    }
                    let mut expected = vec![0.0; rows * outputs];
                    let between = lhs(&second, &apart);
                    second.apply(&between, None, Output::Set(&mut expected));
                    assert!(found == expected, "{precision}, {activation:?}, {rows} × {inputs}");
                }
            }
        }
    }

    #[test]
    fn each_level_of_instructions_gives_the_same_bits() {
        for rows in [1, 3, 4, 5, 6, 7, 13, 14, 29] {
            for (inputs, outputs) in SIZES {
                let weights = numbers(inputs * outputs, 2);
                let packed = PackedWeights::new(weights, inputs, Precision::F32);
                let x = lhs(&packed, &numbers(rows * inputs, 1));
                let bias = numbers(outputs, 3);
                let what = format!("{rows} rows, {inputs} inputs, {outputs} outputs");
                assert_same_bits(&what, || {
                    let mut out = numbers(rows * outputs, 4);
                    packed.apply(&x, Some(&bias), Output::Add(&mut out));
                    for activation in Activation::ALL {
                        let mut lhs = Lhs::default();
                        let output = Output::Lhs(Some(activation), &mut lhs);
                        packed.apply(&x, Some(&bias), output);
                        let (values, stride) = lhs.as_rows();
                        let rows = values.chunks(stride).take(rows);
                        out.extend(rows.flat_map(|row| &row[..outputs]));
                    }
                    bits(&out)
                });
            }
        }
    }

    #[test]
    fn a_sum_is_of_its_inputs_in_order_in_runs_with_fused_steps() {
        for (inputs, outputs) in SIZES {
            let (x, weights) = (numbers(2 * inputs, 1), numbers(inputs * outputs, 2));
            let packed = PackedWeights::new(weights.clone(), inputs, Precision::F32);
            let mut found = vec![0.0; 2 * outputs];
            let output = Output::Set(&mut found);
            packed.apply(&lhs(&packed, &x), None, output);
            let one_by_one = |x: &[f32], w: &[f32]| {
                let runs = x.chunks(RUN).zip(w.chunks(RUN));
                runs.map(|(x, w)| x.iter().zip(w).fold(0.0, |sum, (x, w)| x.mul_add(*w, sum)))
                    .reduce(|sum: f32, run| sum + run)
                    .expect("there are inputs")
            };
            let expected: Vec<f32> = x
                .chunks(inputs)
                .flat_map(|x| weights.chunks(inputs).map(move |w| one_by_one(x, w)))
                .collect();
            assert_eq!(found, expected, "{inputs} inputs, {outputs} outputs");
        }
    }

    #[test]
    fn a_row_has_the_same_bits_whatever_stands_beside_it() {
        let (inputs, outputs, rows) = (900, 50, 400);
        let x = numbers(rows * inputs, 1);
        for precision in Precision::ALL {
            let packed = PackedWeights::new(numbers(inputs * outputs, 2), inputs, precision);
            let mut whole = vec![0.0; rows * outputs];
            packed.apply(&lhs(&packed, &x), None, Output::Set(&mut whole));
            for group in [1, 3, 14, 27, 200] {
                let mut out = vec![0.0; rows * outputs];
                for (x, out) in x.chunks(group * inputs).zip(out.chunks_mut(group * outputs)) {
                    packed.apply(&lhs(&packed, x), None, Output::Set(out));
                }
                assert!(out == whole, "{precision}, in groups of {group} rows");
            }
        }
    }
}
