//! Correlations of trials that are drawn more than once, or not at all.

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
    pub(super) fn correlation(self) -> f64 {
        if self.xx <= 0.0 || self.yy <= 0.0 {
            return f64::NAN;
        }
        (self.xy / (self.xx.sqrt() * self.yy.sqrt())).clamp(-1.0, 1.0)
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
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

/// Sums of a cluster's x and y about fixed middles: n, x, y, xx, yy, xy.
pub(super) type Moments = [f64; 6];

/// Deviations of weighted clusters.
pub(super) fn moment_deviations(clusters: &[(u32, Moments)], counts: &[u32]) -> Deviations {
    let mut sums = [0.0; 6];
    for (cluster, moments) in clusters {
        let times = f64::from(counts[*cluster as usize]);
        sums.iter_mut().zip(moments).for_each(|(sum, x)| *sum += times * x);
    }
    let [n, x, y, xx, yy, xy] = sums;
    // What is left of equal values is rounding.
    let about = |squares: f64, sum: f64| {
        let left = squares - sum * sum / n;
        if left <= 1e-13 * squares { 0.0 } else { left }
    };
    if n <= 0.0 {
        return Deviations::default();
    }
    Deviations { xx: about(xx, x), yy: about(yy, y), xy: xy - x * y / n }
}

/// What Kendall's tau-b of weighted clusters comes from.
#[derive(Debug, Clone)]
pub(super) enum KendallSums {
    /// For each two clusters (row by row of the lower triangle): concordant less discordant pairs
    /// of trials, pairs untied in x, and pairs untied in y.
    Matrix(Vec<[i64; 3]>),
    /// The trials in order of x, by groups of equal x: cluster and rank of y.
    Trials {
        /// Trials of each group.
        groups: Vec<Vec<(u32, u32)>>,
        /// Different values of y.
        values: usize,
    },
}

/// More clusters have no matrix.
const MAX_MATRIX: usize = 256;

impl KendallSums {
    /// `x`, `y` — ranks from 0, equal for equal values; `codes` — the cluster of each trial
    pub(super) fn of(x: &[i32], y: &[i32], codes: &[u32], clusters: usize) -> Self {
        if clusters > MAX_MATRIX {
            let mut order: Vec<usize> = (0..x.len()).collect();
            order.sort_by_key(|i| x[*i]);
            let groups = order
                .chunk_by(|a, b| x[*a] == x[*b])
                .map(|run| run.iter().map(|i| (codes[*i], y[*i] as u32)).collect())
                .collect();
            let values = y.iter().max().map_or(0, |max| *max as usize + 1);
            return Self::Trials { groups, values };
        }
        let mut members = vec![(Vec::new(), Vec::new()); clusters];
        for ((x, y), code) in x.iter().zip(y).zip(codes) {
            let (xs, ys) = &mut members[*code as usize];
            xs.push(*x);
            ys.push(*y);
        }
        let mut matrix = Vec::with_capacity(clusters * (clusters + 1) / 2);
        for (k, (xs, ys)) in members.iter().enumerate() {
            for (xs_b, ys_b) in &members[..=k] {
                let mut sums = [0_i64; 3];
                for (x, y) in xs.iter().zip(ys) {
                    let row = signs(*x, *y, xs_b, ys_b);
                    sums.iter_mut().zip(row).for_each(|(sum, n)| *sum += i64::from(n));
                }
                matrix.push(sums);
            }
            // Within a cluster each pair was met twice, and each trial with itself.
            let own = matrix.last_mut().expect("just pushed");
            *own = own.map(|n| n / 2);
        }
        Self::Matrix(matrix)
    }

    /// Tau-b; NaN where all x or all y that are drawn are equal. A trial that is drawn twice is
    /// tied with itself in x and in y.
    pub(super) fn tau(&self, counts: &[u32]) -> f64 {
        let [sum, free_x, free_y] = match self {
            Self::Matrix(matrix) => {
                let mut sums = [0_i64; 3];
                let mut rows = matrix.as_slice();
                for (k, times) in counts.iter().enumerate() {
                    let (row, rest) = rows.split_at(k + 1);
                    rows = rest;
                    if *times == 0 {
                        continue;
                    }
                    for (other, of_two) in counts.iter().zip(row) {
                        let times = i64::from(*times) * i64::from(*other);
                        sums.iter_mut().zip(of_two).for_each(|(sum, n)| *sum += times * n);
                    }
                }
                sums
            }
            Self::Trials { groups, values } => of_trials(groups, *values, counts),
        };
        if free_x == 0 || free_y == 0 {
            return f64::NAN;
        }
        (sum as f64 / (free_x as f64).sqrt() / (free_y as f64).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Of one trial with others: concordant less discordant, untied in x, untied in y.
fn signs(x: i32, y: i32, xs: &[i32], ys: &[i32]) -> [i32; 3] {
    let mut sums = [0; 3];
    for (other_x, other_y) in xs.iter().zip(ys) {
        let dx = i32::from(*other_x > x) - i32::from(*other_x < x);
        let dy = i32::from(*other_y > y) - i32::from(*other_y < y);
        sums[0] += dx * dy;
        sums[1] += dx * dx;
        sums[2] += dy * dy;
    }
    sums
}

/// The same over all weighted pairs, in O(n log n): a Fenwick tree holds the weights of the trials
/// of lower x by their rank of y.
fn of_trials(groups: &[Vec<(u32, u32)>], values: usize, counts: &[u32]) -> [i64; 3] {
    let mut tree = vec![0_i64; values + 1];
    let below = |tree: &[i64], rank: u32| {
        let (mut i, mut sum) = (rank as usize, 0);
        while i > 0 {
            sum += tree[i];
            i &= i - 1;
        }
        sum
    };
    let (mut seen, mut sum, mut free_x) = (0_i64, 0_i64, 0_i64);
    let mut of_values = vec![0_i64; values];
    for group in groups {
        let mut weight = 0;
        for (cluster, rank) in group {
            let times = i64::from(counts[*cluster as usize]);
            if times == 0 {
                continue;
            }
            let less = below(&tree, *rank);
            let not_more = below(&tree, *rank + 1);
            sum += times * (less - (seen - not_more));
            weight += times;
        }
        free_x += weight * seen;
        for (cluster, rank) in group {
            let times = i64::from(counts[*cluster as usize]);
            of_values[*rank as usize] += times;
            let mut i = *rank as usize + 1;
            while times > 0 && i <= values {
                tree[i] += times;
                i += i & i.wrapping_neg();
            }
        }
        seen += weight;
    }
    let squares: i64 = of_values.iter().map(|n| n * n).sum();
    [sum, free_x, (seen * seen - squares) / 2]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{kendall, spearman};
    use proptest::prelude::*;

    /// Each trial as often as its cluster is drawn.
    fn repeated(values: &[f64], codes: &[u32], counts: &[u32]) -> Vec<f64> {
        let times = |code: &u32| counts[*code as usize] as usize;
        values.iter().zip(codes).flat_map(|(v, c)| std::iter::repeat_n(*v, times(c))).collect()
    }

    fn same(found: f64, expected: f64) -> bool {
        (found.is_nan() && expected.is_nan()) || (found - expected).abs() < 1e-12
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(
            trials in proptest::collection::vec((0_i32..8, 0_i32..8, 0_u32..5), 1..40),
            counts in proptest::collection::vec(0_u32..4, 5),
        ) {
            let x: Vec<f64> = trials.iter().map(|t| f64::from(t.0)).collect();
            let y: Vec<f64> = trials.iter().map(|t| f64::from(t.1)).collect();
            let codes: Vec<u32> = trials.iter().map(|t| t.2).collect();
            let (long_x, long_y) = (repeated(&x, &codes, &counts), repeated(&y, &codes, &counts));

            let inside = vec![true; x.len()];
            let (sorted_x, sorted_y) = (Order::of(&x), Order::of(&y));
            let mut weights: Vec<[f64; 2]> =
                codes.iter().map(|c| [f64::from(counts[*c as usize]), 0.0]).collect();
            let (total, yy) = rank_second(&Order::part(&sorted_y, &y, &inside), &mut weights);
            let order = Order::part(&sorted_x, &x, &inside);
            let found = rank_deviations(&order, &weights, total, yy).correlation();
            prop_assert!(same(found, spearman(&long_x, &long_y)));

            let (ranks_x, ranks_y) = (dense_ranks(&sorted_x, &x), dense_ranks(&sorted_y, &y));
            let expected = kendall(&long_x, &long_y);
            let matrix = KendallSums::of(&ranks_x, &ranks_y, &codes, 5);
            prop_assert!(same(matrix.tau(&counts), expected));
            // With more clusters than have a matrix, by the tree.
            let mut many = counts.clone();
            many.resize(MAX_MATRIX + 1, 0);
            let tree = KendallSums::of(&ranks_x, &ranks_y, &codes, many.len());
            prop_assert!(same(tree.tau(&many), expected));
        }
    }
}
