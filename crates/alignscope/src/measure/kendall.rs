//! Kendall's tau-b.

use rayon::prelude::*;

use super::rated::{Part, RatedMeasure, RatedResampler, RatedSample};
use super::weighted::{Order, dense_ranks};
use super::{Computed, TrialMeasure};

/// Kendall's tau-b of (−distance, rating); −1 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Kendall;

impl TrialMeasure for Kendall {
    fn name(&self) -> &'static str {
        "kendall"
    }

    fn title(&self) -> &'static str {
        "Kendall correlation"
    }

    fn computed(&'static self) -> Computed {
        Computed::Rated(self)
    }
}

impl RatedMeasure for Kendall {
    fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64 {
        kendall(closeness, ratings)
    }

    fn resampler<'a>(
        &self,
        sample: &'a RatedSample<'a>,
        _: &'a [Part<'a>],
    ) -> Option<Box<dyn RatedResampler + 'a>> {
        let ranks = |values: &[f64]| dense_ranks(&Order::of(values), values);
        let of_ratings = ranks(sample.ratings);
        let (codes, count) = (sample.clusters, sample.cluster_count);
        let sums = |column: &Vec<f64>| KendallSums::of(&ranks(column), &of_ratings, codes, count);
        Some(Box::new(Resampler(sample.columns.par_iter().map(sums).collect())))
    }
}

/// The sums of each column.
struct Resampler(Vec<KendallSums>);

impl RatedResampler for Resampler {
    fn scores(&self, counts: &[u32]) -> Vec<f64> {
        self.0.iter().map(|column| column.tau(counts)).collect()
    }
}

/// Kendall's tau-b, −1 to 1; NaN as for [`pearson`](super::pearson).
///
/// ```text
/// τ_b = (concordant − discordant) / sqrt( (n₀ − ties in x) (n₀ − ties in y) ),  n₀ = n(n − 1)/2
/// ```
///
/// In O(n log n), by counting the exchanges of a merge sort (Knight 1966).
///
/// # Panics
/// The lengths differ, or a value is NaN.
pub fn kendall(x: &[f64], y: &[f64]) -> f64 {
    let Counted { difference, all, ties_x, ties_y } = Counted::of(x, y);
    if ties_x == all || ties_y == all {
        return f64::NAN;
    }
    let tau = difference / ((all - ties_x) as f64).sqrt() / ((all - ties_y) as f64).sqrt();
    tau.clamp(-1.0, 1.0)
}

/// Pairs of values, counted.
struct Counted {
    /// Concordant less discordant ones.
    difference: f64,
    all: u64,
    ties_x: u64,
    ties_y: u64,
}

impl Counted {
    fn of(x: &[f64], y: &[f64]) -> Self {
        assert_eq!(x.len(), y.len(), "pairs of values");
        assert!(x.iter().chain(y).all(|v| !v.is_nan()), "numbers that can be ordered");
        let mut points: Vec<(f64, f64)> =
            x.iter().zip(y).map(|(x, y)| (x + 0.0, y + 0.0)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));

        let pairs = |n: usize| (n as u64) * (n as u64).saturating_sub(1) / 2;
        let ties_x: u64 = points.chunk_by(|a, b| a.0 == b.0).map(|run| pairs(run.len())).sum();
        let ties_xy: u64 = points.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();
        let mut y: Vec<f64> = points.into_iter().map(|(_, y)| y).collect();
        let discordant = sort_counting(&mut y);
        let ties_y: u64 = y.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();

        let all = pairs(y.len());
        // all = concordant + discordant + (tied in x or y or both)
        let tied = ties_x + ties_y - ties_xy;
        let concordant = all - discordant - tied;
        Self { difference: concordant as f64 - discordant as f64, all, ties_x, ties_y }
    }
}

/// Sorts ascending, and counts the pairs that stood in descending order.
fn sort_counting(values: &mut [f64]) -> u64 {
    let mut from = values.to_vec();
    let mut to = vec![0.0; values.len()];
    let mut exchanges = 0;
    let mut width = 1;
    while width < from.len() {
        for (from, to) in from.chunks(2 * width).zip(to.chunks_mut(2 * width)) {
            let (left, right) = from.split_at(width.min(from.len()));
            let (mut i, mut j) = (0, 0);
            for out in to {
                if j == right.len() || (i < left.len() && left[i] <= right[j]) {
                    *out = left[i];
                    i += 1;
                } else {
                    *out = right[j];
                    j += 1;
                    exchanges += (left.len() - i) as u64;
                }
            }
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    values.copy_from_slice(&from);
    exchanges
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn kendall_counts_the_pairs_that_the_plain_loop_counts(
            points in proptest::collection::vec((0_i32..6, 0_i32..6), 2..40),
        ) {
            let x: Vec<f64> = points.iter().map(|p| f64::from(p.0)).collect();
            let y: Vec<f64> = points.iter().map(|p| f64::from(p.1)).collect();
            let (mut sum, mut free_x, mut free_y) = (0, 0, 0);
            for (i, a) in points.iter().enumerate() {
                for b in &points[..i] {
                    let (dx, dy) = ((a.0 - b.0).signum(), (a.1 - b.1).signum());
                    sum += dx * dy;
                    free_x += dx.abs();
                    free_y += dy.abs();
                }
            }
            let found = kendall(&x, &y);
            if free_x == 0 || free_y == 0 {
                prop_assert!(found.is_nan());
            } else {
                let expected = f64::from(sum) / (f64::from(free_x) * f64::from(free_y)).sqrt();
                prop_assert!((found - expected).abs() < 1e-12, "{} {}", found, expected);
            }
        }
    }
}
