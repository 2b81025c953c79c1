//! Ranks, with ties treated as SciPy treats them.

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
pub(crate) fn tied(values: &[f64]) -> usize {
    let order = ascending(values);
    order.chunk_by(|a, b| values[*a] == values[*b]).map(<[_]>::len).filter(|n| *n > 1).sum()
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

    proptest! {
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
