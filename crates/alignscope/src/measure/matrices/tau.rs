//! Kendall's tau-a of dissimilarities under weights.

/// Dissimilarities by their order, which is all that Kendall's tau-a compares.
#[derive(Debug, Clone)]
pub(super) struct Ordered {
    /// Positions by rising value.
    order: Vec<u32>,
    /// The rank of each position, from 0, equal for equal values.
    ranks: Vec<u32>,
    /// How many different values there are.
    distinct: usize,
}

impl Ordered {
    /// `None` if all values are equal.
    ///
    /// `order` — positions by rising value
    pub(super) fn new(values: &[f64], order: Vec<u32>) -> Option<Self> {
        let mut ranks = vec![0; values.len()];
        let mut distinct = 0;
        for run in order.chunk_by(|a, b| values[*a as usize] == values[*b as usize]) {
            run.iter().for_each(|position| ranks[*position as usize] = distinct);
            distinct += 1;
        }
        (distinct > 1).then_some(Self { order, ranks, distinct: distinct as usize })
    }

    /// Kendall's tau-a where each position is there as often as its weight, a whole number, says;
    /// copies of one position are tied.
    ///
    /// ```text
    /// τ_a = Σ_k<l w_k w_l sgn(x_k − x_l) sgn(y_k − y_l) / ( W(W − 1)/2 ),   W = Σ w_k
    /// ```
    ///
    /// In O(n log n): in the order of x, each position is held to the sums of weights of lower x by
    /// their rank in y. The sums are whole numbers, so that nothing is rounded before the division.
    pub(super) fn tau_a(&self, other: &Self, weights: &[f64]) -> f64 {
        let mut lower = SumsBelow::new(other.distinct);
        let mut at = vec![0_i64; other.distinct];
        let (mut seen, mut difference) = (0, 0);
        let at_position = |position: &u32| {
            let position = *position as usize;
            (other.ranks[position] as usize, weights[position] as u32)
        };
        let tied = |a: &u32, b: &u32| self.ranks[*a as usize] == self.ranks[*b as usize];
        for run in self.order.chunk_by(tied) {
            let before = seen;
            for (rank, weight) in run.iter().map(at_position) {
                // Those of lower y, less those of higher y.
                let rest = 2 * i64::from(lower.below(rank)) + at[rank] - before;
                difference += i64::from(weight) * rest;
                seen += i64::from(weight);
            }
            for (rank, weight) in run.iter().map(at_position) {
                lower.add(rank, weight);
                at[rank] += i64::from(weight);
            }
        }
        difference as f64 / (seen * (seen - 1) / 2) as f64
    }
}

/// Sums of weights by rank (Fenwick 1994): number i is of the ranks from i − (i & −i) to i − 1. All
/// weights together are fewer than 2³², those of 92,000 images.
struct SumsBelow(Vec<u32>);

impl SumsBelow {
    fn new(ranks: usize) -> Self {
        Self(vec![0; ranks + 1])
    }

    /// The sum of the weights of lower ranks.
    fn below(&self, rank: usize) -> u32 {
        let (mut place, mut sum) = (rank, 0);
        while place > 0 {
            sum += self.0[place];
            place &= place - 1;
        }
        sum
    }

    fn add(&mut self, rank: usize, weight: u32) {
        let mut place = rank + 1;
        while place < self.0.len() {
            self.0[place] += weight;
            place += place & place.wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vectors::order;
    use super::*;

    proptest! {
        #[test]
        fn tau_a_counts_the_pairs_that_the_plain_loop_counts(
            points in proptest::collection::vec((0_i32..400, 0_i32..400, 0_i32..4), 2..600),
        ) {
            let column = |of: fn(&(i32, i32, i32)) -> i32| -> Vec<f64> {
                points.iter().map(|point| f64::from(of(point))).collect()
            };
            let (x, y, weights) = (column(|p| p.0), column(|p| p.1), column(|p| p.2));
            let [Some(x), Some(y)] = [&x, &y].map(|v| Ordered::new(v, order(v))) else {
                return Ok(());
            };
            let all: i32 = points.iter().map(|p| p.2).sum();
            prop_assume!(all > 1);
            let mut difference = 0;
            for (i, a) in points.iter().enumerate() {
                for b in &points[..i] {
                    difference += a.2 * b.2 * (a.0 - b.0).signum() * (a.1 - b.1).signum();
                }
            }
            let expected = f64::from(difference) / f64::from(all * (all - 1) / 2);
            prop_assert_eq!(x.tau_a(&y, &weights), expected);
            prop_assert_eq!(y.tau_a(&x, &weights), expected);
        }
    }

    #[test]
    fn equal_values_have_no_order() {
        assert!(Ordered::new(&[2.0; 3], order(&[2.0; 3])).is_none());
        assert!(Ordered::new(&[], vec![]).is_none());
    }
}
