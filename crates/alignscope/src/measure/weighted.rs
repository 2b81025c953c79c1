//! Correlations of trials that are drawn more than once, or not at all.

use super::rated::Part;

/// Marks a position whose value equals that of the position before it.
const TIED: u32 = 1 << 31;

/// Positions in ascending order of their values, with ties marked: what a weighted rank needs.
#[derive(Debug, Clone)]
pub(super) struct Order(Vec<u32>);

impl Order {
    /// The order of all `values`, which are numbers.
    pub(super) fn of(values: &[f64]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..values.len() as u32).collect();
        // Adding 0 makes −0 equal to 0 in the total order, as they are equal.
        order.sort_by(|a, b| (values[*a as usize] + 0.0).total_cmp(&(values[*b as usize] + 0.0)));
        order
    }

    /// The part of a sorted list that `inside` says, with ties marked.
    pub(super) fn part(sorted: &[u32], values: &[f64], inside: &[bool]) -> Self {
        let mut before = None;
        let positions = sorted.iter().filter(|i| inside[**i as usize]).map(|i| {
            let value = values[*i as usize];
            let tied = before.replace(value) == Some(value);
            if tied { *i | TIED } else { *i }
        });
        Self(positions.collect())
    }

    /// Calls `each` with the weight of each group of equal values, the sum of the second number
    /// over it, and its average rank among the weighted positions; and with its positions.
    #[inline(always)]
    fn groups(&self, weights: &[[f64; 2]], mut each: impl FnMut(f64, f64, f64, &[u32])) {
        let order = self.0.as_slice();
        let mut before = 0.0;
        let mut start = 0;
        while start < order.len() {
            let [mut weight, mut other] = weights[order[start] as usize];
            let mut end = start + 1;
            while end < order.len() && order[end] & TIED != 0 {
                let [w, o] = weights[(order[end] & !TIED) as usize];
                weight += w;
                other += o;
                end += 1;
            }
            each(weight, other, before + 0.5 * (weight + 1.0), &order[start..end]);
            before += weight;
            start = end;
        }
    }
}

/// Sums of squares and products of deviations from the mean.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Deviations {
    pub(super) xx: f64,
    pub(super) yy: f64,
    pub(super) xy: f64,
}

impl Deviations {
    /// Pearson's correlation; NaN where one side does not vary.
    fn correlation(self) -> f64 {
        if self.xx <= 0.0 || self.yy <= 0.0 {
            return f64::NAN;
        }
        (self.xy / (self.xx.sqrt() * self.yy.sqrt())).clamp(-1.0, 1.0)
    }

    /// The correlations of columns in parts, `[part][column]` in a row; within parts those of the
    /// deviations in all of them.
    ///
    /// `of_part` — the deviations of a part and a column; parts come one after the other
    pub(super) fn correlations(
        parts: &[Part<'_>],
        columns: usize,
        mut of_part: impl FnMut(usize, usize) -> Self,
    ) -> Vec<f64> {
        let mut of_parts: Vec<Vec<Self>> = Vec::with_capacity(parts.len());
        for (p, part) in parts.iter().enumerate() {
            let pooled = |column: usize| {
                let within = part.within.iter().map(|other| of_parts[*other][column]);
                within.fold(Self::default(), Self::plus)
            };
            let of_columns: Vec<Self> = if part.within.is_empty() {
                (0..columns).map(|column| of_part(p, column)).collect()
            } else {
                (0..columns).map(pooled).collect()
            };
            of_parts.push(of_columns);
        }
        of_parts.into_iter().flatten().map(Self::correlation).collect()
    }

    /// Both together.
    fn plus(self, other: Self) -> Self {
        Self { xx: self.xx + other.xx, yy: self.yy + other.yy, xy: self.xy + other.xy }
    }
}

/// Puts weight · rank of each position into the second number, and returns the total weight and the
/// sum of weight · (rank − mean)².
///
/// `weights` — of each position: how often it is drawn, and anything
pub(super) fn rank_second(order: &Order, weights: &mut [[f64; 2]]) -> (f64, f64) {
    let (mut total, mut squares) = (0.0, 0.0);
    let mut ranks = Vec::with_capacity(order.0.len());
    order.groups(weights, |weight, _, rank, positions| {
        total += weight;
        squares += weight * rank * rank;
        ranks.extend(positions.iter().map(|_| rank));
    });
    for (position, rank) in order.0.iter().zip(ranks) {
        let [weight, second] = &mut weights[(position & !TIED) as usize];
        *second = *weight * rank;
    }
    let mean = 0.5 * (total + 1.0);
    (total, squares - total * mean * mean)
}

/// Deviations of the average ranks of x and of y from their mean, in one pass over x in its order.
/// Ranks are multiples of 1/2: up to 10⁵ trials all sums are exact.
///
/// `weights` — of each position: how often it is drawn, and that times the rank of y
///
/// `total`, `yy` — what [`rank_second`] returned
pub(super) fn rank_deviations(
    order: &Order,
    weights: &[[f64; 2]],
    total: f64,
    yy: f64,
) -> Deviations {
    let (mut squares, mut products) = (0.0, 0.0);
    order.groups(weights, |weight, ranks_y, rank, _| {
        squares += weight * rank * rank;
        products += rank * ranks_y;
    });
    let mean = 0.5 * (total + 1.0);
    let middle = total * mean * mean;
    Deviations { xx: squares - middle, yy, xy: products - middle }
}

/// Ranks from 0, equal for equal values.
pub(super) fn dense_ranks(sorted: &[u32], values: &[f64]) -> Vec<i32> {
    let mut ranks = vec![0; values.len()];
    let mut rank = -1;
    let mut before = None;
    for position in sorted {
        let value = values[*position as usize];
        rank += i32::from(before.replace(value) != Some(value));
        ranks[*position as usize] = rank;
    }
    ranks
}
