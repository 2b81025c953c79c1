//! Vectors of dissimilarities under weights, turned so that measures are products of two of them.

use super::MatrixMeasure;
use super::tau::Ordered;
use super::weights::Weights;
use super::whitening::Whitening;

/// A squared length below this share of what it was before centring is that of a constant.
const NOTHING: f64 = 1e-26;

/// Dissimilarities of the pairs of a group, and their order.
#[derive(Debug, Clone)]
pub(super) struct Vector {
    pub(super) values: Vec<f64>,
    /// Positions by rising value.
    order: Vec<u32>,
}

impl Vector {
    pub(super) fn new(values: Vec<f64>) -> Self {
        let order = order(&values);
        Self { values, order }
    }

    /// What the measure is made of, of the pairs that are there: ranks or the values themselves.
    pub(super) fn there(&self, measure: MatrixMeasure, weights: &Weights) -> Vec<f64> {
        match measure {
            MatrixMeasure::Spearman => {
                weights.pick(&weighted_ranks(&self.values, &self.order, weights.all()))
            }
            _ => weights.pick(&self.values),
        }
    }

    /// The order of the pairs that are there; `None` if their values are all equal.
    pub(super) fn ordered(&self, weights: &Weights) -> Option<Ordered> {
        let order = self.order.iter().filter_map(|pair| weights.place(*pair)).collect();
        Ordered::new(&weights.pick(&self.values), order)
    }
}

/// Positions by rising value.
pub(super) fn order(values: &[f64]) -> Vec<u32> {
    // Whole numbers in the order of the numbers: sorted faster than by a comparison of floats.
    let key = |value: f64| {
        let bits = (value + 0.0).to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    };
    let mut keys: Vec<(u64, u32)> = (0..).zip(values).map(|(i, v)| (key(*v), i)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, position)| position).collect()
}

/// What a measure compares, of length 1: the measure of two matrices is the product of theirs. `None`
/// where it is not defined, as a correlation of equal numbers is not.
///
/// `values` — of the pairs that are there; `whitening` — of these weights, for the whitened cosine
pub(super) fn unit(
    measure: MatrixMeasure,
    mut values: Vec<f64>,
    weights: &Weights,
    whitening: Option<&Whitening>,
) -> Option<Vec<f64>> {
    let weighted = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(&weights.roots).map(|(value, root)| value * root).collect()
    };
    let before = product(&weighted(&values), &weighted(&values));
    if matches!(measure, MatrixMeasure::Spearman | MatrixMeasure::Pearson) {
        let mean = weights.mean(&values);
        values.iter_mut().for_each(|value| *value -= mean);
    }
    values = match whitening {
        Some(whitening) => whitening.whitened(&values, weights),
        None => weighted(&values),
    };
    let squared = product(&values, &values);
    if squared.is_nan() || squared <= NOTHING * before {
        return None;
    }
    let length = squared.sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    Some(values)
}

/// The average rank, from 1, of each value that is there as often as its weight says; 0 for those of
/// weight 0.
///
/// `order` — positions by rising value
pub(crate) fn weighted_ranks(values: &[f64], order: &[u32], weights: &[f64]) -> Vec<f64> {
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for run in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
        let weight: f64 = run.iter().map(|position| weights[*position as usize]).sum();
        if weight == 0.0 {
            continue;
        }
        let rank = before + (weight + 1.0) / 2.0;
        before += weight;
        run.iter().for_each(|position| ranks[*position as usize] = rank);
    }
    ranks
}

/// The product of two vectors, in sums of eight that a processor makes at once.
pub(super) fn product(x: &[f64], y: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (x_whole, x_rest) = x.as_chunks::<LANES>();
    let (y_whole, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in x_whole.iter().zip(y_whole) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
}
