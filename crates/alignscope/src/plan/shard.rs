//! Parts of a run, one for each of several machines, and what is whose.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::csv_row::{csv_row, name};

/// More parts than this are no way to share a run out.
pub const MAX_SHARDS: usize = 100_000;

/// One of several parts of a run, written `2/8`: the second of eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which one: 1 to `count`.
    index: usize,
    count: usize,
}

/// A text names no part of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// It is not two whole numbers.
    #[error("the shard `{0}` is not understood, expected I/N, as in `2/8`: the second of eight")]
    Form(String),
    /// There is no such part.
    #[error("there is no shard {index} of {count}: with {count} they are numbered 1 to {count}")]
    Index {
        /// Which was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// There are no parts, or too many.
    #[error("a run in {0} shards cannot be, expected 1 to {MAX_SHARDS}")]
    Count(usize),
}

impl Shard {
    /// Shard `index` of `count`, numbered from 1.
    ///
    /// # Errors
    /// There is no such shard.
    pub fn new(index: usize, count: usize) -> Result<Self, ShardError> {
        if !(1..=MAX_SHARDS).contains(&count) {
            return Err(ShardError::Count(count));
        }
        match (1..=count).contains(&index) {
            true => Ok(Self { index, count }),
            false => Err(ShardError::Index { index, count }),
        }
    }

    /// All shards of so many.
    ///
    /// # Errors
    /// So many cannot be.
    pub fn all(count: usize) -> Result<Vec<Self>, ShardError> {
        (1..=count.max(1)).map(|index| Self::new(index, count)).collect()
    }

    /// Which one, from 1.
    pub fn index(self) -> usize {
        self.index
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// Which units of each cell are this shard's.
    ///
    /// All units of all cells lie on a line, each as long as it costs, and shard i of n has the
    /// i-th of n equal parts of the line: those units whose middle lies in it. So neighbours go
    /// together and few models are loaded by several shards; no shard costs more than its part and
    /// one unit. It is exact in whole numbers, so that all machines agree.
    ///
    /// `costs` — of each cell, what each of its units costs
    pub(super) fn deal(self, costs: &[&[u64]]) -> Vec<Range<usize>> {
        let total: u128 = costs.iter().copied().flatten().map(|cost| u128::from(*cost)).sum();
        let mut before = 0_u128;
        let mut owner = |cost: u64| {
            let middle = 2 * before + u128::from(cost);
            before += u128::from(cost);
            // The middle of a last unit that costs nothing is the end of the line.
            let owner = middle * self.count as u128 / (2 * total).max(1);
            owner.min(self.count as u128 - 1) + 1
        };
        let of_cell = |costs: &&[u64]| {
            let owners: Vec<u128> = costs.iter().map(|cost| owner(*cost)).collect();
            let index = self.index as u128;
            owners.partition_point(|o| *o < index)..owners.partition_point(|o| *o <= index)
        };
        costs.iter().map(of_cell).collect()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<usize>().ok().filter(|_| is_number)
        };
        let numbers = text.split_once('/').map(|(index, count)| (number(index), number(count)));
        match numbers {
            Some((Some(index), Some(count))) => Self::new(index, count),
            _ => Err(ShardError::Form(text.to_owned())),
        }
    }
}

csv_row! {
    /// A shard's part of a model on a data set, and what was done of it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ShardCell {
        /// The model's name in results.
        pub model: String as name,
        /// The data set's.
        pub dataset: String as name,
        /// Images whose pairs are the shard's.
        pub images: usize,
        /// Pairs that are.
        pub pairs: usize,
        /// Stages at which they are.
        pub stages: usize,
        /// Images that were encoded now; fewer where some were kept from before.
        pub encoded: usize,
        /// Seconds that it took, without reading weights.
        pub wall_s: f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        let shard: Shard = "2/8".parse().expect("a shard");
        assert_eq!((shard.index(), shard.count(), shard.to_string()), (2, 8, "2/8".to_owned()));
        for text in ["", "2", "2/", "/8", "2/8/1", "+2/8", "2 /8", "a/8", "-1/8"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError::Form(text.to_owned())));
        }
        assert_eq!("0/8".parse::<Shard>(), Err(ShardError::Index { index: 0, count: 8 }));
        assert_eq!("9/8".parse::<Shard>(), Err(ShardError::Index { index: 9, count: 8 }));
        assert_eq!("1/0".parse::<Shard>(), Err(ShardError::Count(0)));
        assert_eq!("1/100001".parse::<Shard>(), Err(ShardError::Count(100_001)));
    }

    #[test]
    fn units_of_equal_cost_are_dealt_equally() {
        let costs = [[5; 4], [5; 4]].each_ref().map(|costs| &costs[..]);
        let dealt: Vec<_> =
            Shard::all(4).expect("four").iter().map(|shard| shard.deal(&costs)).collect();
        assert_eq!(dealt, [[0..2, 0..0], [2..4, 0..0], [4..4, 0..2], [4..4, 2..4]]);
    }

    proptest! {
        #[test]
        fn every_unit_is_in_one_shard_and_shards_cost_about_the_same(
            costs in proptest::collection::vec(proptest::collection::vec(0_u64..1000, 0..20), 0..8),
            count in 1_usize..12,
        ) {
            let costs: Vec<&[u64]> = costs.iter().map(Vec::as_slice).collect();
            let mut owners: Vec<Vec<usize>> = costs.iter().map(|c| vec![0; c.len()]).collect();
            let total: u64 = costs.iter().copied().flatten().sum();
            let largest = costs.iter().copied().flatten().max().copied().unwrap_or(0);
            for shard in Shard::all(count).expect("shards") {
                let mut cost = 0;
                for (cell, range) in shard.deal(&costs).into_iter().enumerate() {
                    cost += costs[cell][range.clone()].iter().sum::<u64>();
                    owners[cell][range].iter_mut().for_each(|owner| *owner += 1);
                }
                prop_assert!(cost as f64 <= total as f64 / count as f64 + largest as f64 + 1e-6);
            }
            prop_assert!(owners.iter().flatten().all(|owner| *owner == 1));
        }
    }
}
