//! Correlations, with ties treated as SciPy treats them.

/// Ranks from 1, equal values sharing the mean of their ranks (SciPy's `rankdata`).
///
/// # Panics
/// A value is NaN.
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let order = ascending(values);
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for run in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = start as f64 + (run.len() as f64 + 1.0) / 2.0;
        run.iter().for_each(|i| ranks[*i] = rank);
        start += run.len();
    }
    ranks
}

/// Positions of the values in ascending order.
fn ascending(values: &[f64]) -> Vec<usize> {
    assert!(values.iter().all(|v| !v.is_nan()), "numbers that can be ordered");
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Adding 0 makes −0 equal to 0 in the total order, as they are equal.
    order.sort_by(|a, b| (values[*a] + 0.0).total_cmp(&(values[*b] + 0.0)));
    order
}

/// How many values are equal to another one.
pub(super) fn tied(values: &[f64]) -> usize {
    let order = ascending(values);
    order.chunk_by(|a, b| values[*a] == values[*b]).map(<[_]>::len).filter(|n| *n > 1).sum()
}

/// Pearson's correlation, −1 to 1; NaN for fewer than two values, or where all x or all y are
/// equal.
///
/// # Panics
/// The lengths differ.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs of values");
    let constant = |v: &[f64]| v.iter().all(|value| *value == v[0]);
    if x.len() < 2 || constant(x) || constant(y) {
        return f64::NAN;
    }
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)
}

/// Spearman's rank correlation with average ranks, −1 to 1; NaN as for [`pearson`].
///
/// # Panics
/// The lengths differ, or a value is NaN.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&average_ranks(x), &average_ranks(y))
}

/// Kendall's tau-b, −1 to 1; NaN as for [`pearson`].
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
    assert_eq!(x.len(), y.len(), "pairs of values");
    assert!(x.iter().chain(y).all(|v| !v.is_nan()), "numbers that can be ordered");
    let mut points: Vec<(f64, f64)> = x.iter().zip(y).map(|(x, y)| (x + 0.0, y + 0.0)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));

    let pairs = |n: usize| (n as u64) * (n as u64).saturating_sub(1) / 2;
    let ties_x: u64 = points.chunk_by(|a, b| a.0 == b.0).map(|run| pairs(run.len())).sum();
    let ties_xy: u64 = points.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();
    let mut y: Vec<f64> = points.into_iter().map(|(_, y)| y).collect();
    let discordant = sort_counting(&mut y);
    let ties_y: u64 = y.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();

    let all = pairs(y.len());
    if ties_x == all || ties_y == all {
        return f64::NAN;
    }
    // all = concordant + discordant + (tied in x or y or both)
    let tied = ties_x + ties_y - ties_xy;
    let concordant = all - discordant - tied;
    let difference = concordant as f64 - discordant as f64;
    let tau = difference / ((all - ties_x) as f64).sqrt() / ((all - ties_y) as f64).sqrt();
    tau.clamp(-1.0, 1.0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_values_share_the_mean_of_their_ranks() {
        assert_eq!(average_ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(average_ranks(&[0.0, -0.0]), [1.5, 1.5]);
        assert_eq!(tied(&[3.0, 1.0, 3.0, 2.0, 3.0]), 3);
    }

    #[test]
    fn correlations_of_constant_values_are_not_defined() {
        for measure in [pearson, spearman, kendall] {
            assert!(measure(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_nan());
            assert!(measure(&[1.0], &[1.0]).is_nan());
            assert!(measure(&[], &[]).is_nan());
        }
    }

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

        #[test]
        fn ranks_do_not_change_under_a_monotone_map(
            values in proptest::collection::vec(-100.0_f64..100.0, 2..50),
        ) {
            let mapped: Vec<f64> = values.iter().map(|v| v.cbrt()).collect();
            prop_assume!(tied(&values) == tied(&mapped));
            prop_assert_eq!(average_ranks(&values), average_ranks(&mapped));
        }
    }
}
