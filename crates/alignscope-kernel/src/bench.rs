//! Each kernel as a closure that runs it once, for `cargo bench` alone.
//!
//! Not part of the library's interface.

use crate::activation::Activation;
use crate::attention::{Attention, AttentionScratch};
use crate::difference::{image_sums, reduce_pair};
use crate::gram::{PANEL, add_products};
use crate::huge_pages;
use crate::layer_norm::{Norm, layer_norm};
use crate::lhs::Lhs;
use crate::packed_gemm::{Output, PackedWeights};
use crate::precision::Precision;
use crate::softmax::softmax_rows;
use crate::squared_distance::squared_level_distance;
use crate::tile::{BLOCK, EMPTY, STEP};
use crate::tile_packing::{put_columns, put_rows};

/// Numbers from −1 to 1 without a pattern that a processor could use.
fn numbers(len: usize) -> Vec<f32> {
    let mut values = huge_pages::vec(len, 0.0);
    let mut state = 1_u32;
    for value in &mut values {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
    values
}

fn lhs(weights: &PackedWeights, rows: usize, inputs: usize) -> Lhs {
    let mut lhs = Lhs::default();
    weights.shape(&mut lhs, rows);
    let values = numbers(rows * inputs);
    for (row, values) in values.chunks_exact(inputs).enumerate() {
        lhs.set_row(row, values);
    }
    lhs
}

/// A product of `[rows, inputs]` with `[outputs, inputs]`: 2 · rows · inputs · outputs operations.
pub fn product(precision: Precision, [rows, inputs, outputs]: [usize; 3]) -> impl FnMut() + use<> {
    let weights = PackedWeights::new(numbers(outputs * inputs), inputs, precision);
    let x = lhs(&weights, rows, inputs);
    let (mut out, bias) = (huge_pages::vec(rows * outputs, 0.0), numbers(outputs));
    move || weights.apply(&x, Some(&bias), Output::Set(&mut out))
}

/// The same, activated or not, to the form that the next product or attention takes.
pub fn to_lhs(
    precision: Precision,
    activation: Option<Activation>,
    [rows, inputs, outputs]: [usize; 3],
) -> impl FnMut() + use<> {
    let weights = PackedWeights::new(numbers(outputs * inputs), inputs, precision);
    let x = lhs(&weights, rows, inputs);
    let (mut out, bias) = (Lhs::default(), numbers(outputs));
    move || {
        let output = Output::Lhs(activation, &mut out);
        weights.apply(&x, Some(&bias), output);
    }
}

/// Attention of one image. Its heads have a multiple of 32 channels.
pub fn attention(precision: Precision, [tokens, heads, width]: [usize; 3]) -> impl FnMut() + use<> {
    let channels = heads * width;
    let weights = |inputs: usize| PackedWeights::new(numbers(inputs), inputs, precision);
    let qkv = lhs(&weights(3 * channels), tokens, 3 * channels);
    let mut out = Lhs::default();
    weights(channels).shape(&mut out, tokens);
    let mut scratch = AttentionScratch::default();
    move || {
        let attention = Attention { qkv: &qkv, first_row: 0, tokens, heads, width };
        attention.apply(&mut out, &mut scratch);
    }
}

/// Inner products in f64 of all pairs of two blocks of vectors: 2 · vectors² · numbers operations.
pub fn gram([vectors, count]: [usize; 2]) -> impl FnMut() + use<> {
    let packed = vectors.div_ceil(PANEL) * PANEL * count;
    let a: Vec<f64> = numbers(packed).into_iter().map(f64::from).collect();
    let (b, mut out) = (a.clone(), vec![0.0; (packed / count).pow(2)]);
    move || add_products(&a, &b, count, &mut out)
}

/// The squared distance of two images of so many 8-bit levels.
pub fn levels(count: usize) -> impl FnMut() + use<> {
    let image = |seed: f32| numbers(count).iter().map(|x| (x * seed) as u8).collect::<Vec<u8>>();
    let (a, b) = (image(100.0), image(200.0));
    move || {
        std::hint::black_box(squared_level_distance(&a, &b));
    }
}

/// The softmax of each row of `[rows, width]`.
pub fn softmax([rows, width]: [usize; 2]) -> impl FnMut() + use<> {
    let original = numbers(rows * width);
    let mut values = original.clone();
    move || {
        values.copy_from_slice(&original);
        softmax_rows(&mut values, width);
    }
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

/// What of images of `[tokens, channels]` is read, one after the other.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// A plain sum: as fast as memory is read.
    PlainSum,
    /// The sums over each by itself.
    OwnSums,
    /// The differences of each and the first, which stays in the cache.
    PairsWithTheFirst,
    /// The differences of two at a time.
    Pairs,
}

impl Reading {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::PlainSum, Self::OwnSums, Self::PairsWithTheFirst, Self::Pairs];
}

/// Reads so many images, of which each is read once.
pub fn images(reading: Reading, images: usize, [tokens, channels]: [usize; 2]) -> impl FnMut() {
    let len = tokens * channels;
    let values = numbers(images * len);
    let mut msd = vec![0.0; channels];
    move || {
        let image = |i: usize| &values[i * len..][..len];
        let sum: f64 = match reading {
            Reading::PlainSum => {
                let mut lanes = [0.0_f32; 64];
                for run in values.as_chunks::<64>().0 {
                    lanes.iter_mut().zip(run).for_each(|(lane, x)| *lane += x);
                }
                lanes.iter().map(|lane| f64::from(*lane)).sum()
            }
            Reading::OwnSums => (0..images).map(|i| image_sums(image(i), channels).squares).sum(),
            Reading::PairsWithTheFirst => {
                (0..images).map(|i| reduce_pair(image(0), image(i), &mut msd)).sum()
            }
            Reading::Pairs => {
                let half = images / 2;
                (0..half).map(|i| reduce_pair(image(i), image(i + half), &mut msd)).sum()
            }
        };
        std::hint::black_box(sum);
    }
}

/// Rows of f32 to blocks of tiles in high and low bf16, as rows or as columns.
pub fn packing(columns: bool, [rows, inputs]: [usize; 2]) -> impl FnMut() {
    const PARTS: usize = 4;
    let steps = inputs.div_ceil(STEP) * PARTS;
    let values = numbers(rows * inputs);
    let mut tiles = huge_pages::vec(rows.div_ceil(BLOCK) * steps, EMPTY);
    move || {
        for (tiles, values) in tiles.chunks_exact_mut(steps).zip(values.chunks(BLOCK * inputs)) {
            let count = values.len() / inputs;
            match columns {
                true => put_columns(tiles, PARTS, count, values, inputs, inputs),
                false => put_rows(tiles, PARTS, 0..count, values, inputs, inputs),
            }
        }
    }
}
