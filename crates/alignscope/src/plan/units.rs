//! The parts of a model's work on a data set that are dealt to shards.

use std::ops::Range;

use super::coverage::Coverage;
use super::resident::components;
use super::shard::Shard;
use crate::dataset::Pairs;

/// What a model's work on a data set costs beside that of others: about the multiplications and
/// additions that it takes. Nothing but the balance of shards depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkCost {
    /// Of encoding an image.
    pub image: u64,
    /// Of comparing a pair.
    pub pair: u64,
}

impl WorkCost {
    /// Of what takes no work: it is there already.
    pub const NOTHING: Self = Self { image: 0, pair: 0 };

    /// Of a model of which nothing is known: about that of a vision transformer of base size.
    pub const UNKNOWN: Self = Self { image: 17_000_000_000, pair: 4_000_000 };

    /// Of so many numbers of an image that are compared, at all stages.
    ///
    /// `image` — of encoding an image
    pub(crate) fn of_numbers(image: u64, numbers: u64) -> Self {
        Self { image, pair: 4 * numbers }
    }

    fn of(self, [images, pairs]: [u64; 2]) -> u64 {
        self.image.saturating_mul(images).saturating_add(self.pair.saturating_mul(pairs))
    }
}

/// What of a data set is encoded as a whole, or not at all.
#[derive(Debug)]
pub(crate) enum Divided {
    /// The connected components of its pairs, in the order of their first image.
    Components {
        /// The component of each pair.
        of_pair: Vec<u32>,
        /// Images and pairs of each.
        sizes: Vec<[u64; 2]>,
    },
    /// All pairs at a stage, of so many images and pairs: they are reduced all at once.
    Stages([u64; 2]),
}

impl Divided {
    /// By the components of `pairs`, among so many images.
    pub(crate) fn into_components(images: usize, pairs: &Pairs) -> Self {
        let of_image = components(images, pairs);
        let of_pair: Vec<u32> = pairs.images.iter().map(|[a, _]| of_image[*a as usize]).collect();
        let count = of_image.iter().max().map_or(0, |last| *last as usize + 1);
        let mut sizes = vec![[0; 2]; count];
        of_image.iter().for_each(|component| sizes[*component as usize][0] += 1);
        of_pair.iter().for_each(|component| sizes[*component as usize][1] += 1);
        Self::Components { of_pair, sizes }
    }

    /// By stages.
    pub(crate) fn into_stages(images: usize, pairs: &Pairs) -> Self {
        Self::Stages([images as u64, pairs.len() as u64])
    }
}

/// The units of a model on a data set, each of them one shard's.
#[derive(Debug)]
pub(crate) struct Units<'a> {
    divided: &'a Divided,
    /// Stages of the model.
    stages: usize,
    /// Of a data set that is divided by stages, those of each unit.
    runs: Vec<Range<usize>>,
    /// What each costs.
    costs: Vec<u64>,
}

impl<'a> Units<'a> {
    /// Components one by one. Stages in as many runs as is worth it: whoever has one of them has
    /// all images encoded for it, so that the pairs of runs cost as much as that on average.
    ///
    /// `numbers` — how many of an image are compared at each stage of the model
    pub(crate) fn new(divided: &'a Divided, numbers: &[u64], cost: WorkCost) -> Self {
        let stages = numbers.len();
        let (runs, costs) = match divided {
            Divided::Components { sizes, .. } => {
                (vec![], sizes.iter().map(|size| cost.of(*size)).collect())
            }
            Divided::Stages([images, pairs]) => {
                let of_images = cost.image.saturating_mul(*images);
                let of_pairs = cost.pair.saturating_mul(*pairs);
                let most = usize::try_from(of_pairs / of_images.max(1)).unwrap_or(usize::MAX);
                let runs = runs(numbers, most.clamp(1, stages.max(1)));
                let total = numbers.iter().sum::<u64>().max(1);
                let of_run = |run: &Range<usize>| {
                    let part = u128::from(numbers[run.clone()].iter().sum::<u64>());
                    let of_run = u128::from(of_pairs) * part / u128::from(total);
                    of_images.saturating_add(of_run as u64)
                };
                let costs = runs.iter().map(of_run).collect();
                (runs, costs)
            }
        };
        Self { divided, stages, runs, costs }
    }

    /// Images, pairs and stages of some of them.
    pub(crate) fn sizes(&self, range: &Range<usize>) -> [usize; 3] {
        let ([images, pairs], stages) = match self.divided {
            Divided::Components { sizes, .. } => {
                let add = |[a, b]: [u64; 2], [c, d]: &[u64; 2]| [a + c, b + d];
                (sizes[range.clone()].iter().fold([0; 2], add), self.stages)
            }
            Divided::Stages(size) => (*size, self.stages_of(range).len()),
        };
        [images as usize, pairs as usize, stages]
    }

    /// All that is in none of some of them.
    pub(crate) fn others(&self, range: &Range<usize>) -> Coverage {
        match self.divided {
            Divided::Components { of_pair, .. } => {
                let is_other = |component: &u32| !range.contains(&(*component as usize));
                Coverage::Pairs(of_pair.iter().map(is_other).collect())
            }
            Divided::Stages(_) => {
                let own = self.stages_of(range);
                Coverage::Stages((0..self.stages).map(|stage| !own.contains(&stage)).collect())
            }
        }
    }

    /// The stages of some units.
    fn stages_of(&self, units: &Range<usize>) -> Range<usize> {
        match &self.runs[units.clone()] {
            [] => 0..0,
            [first, .., last] => first.start..last.end,
            [one] => one.clone(),
        }
    }
}

/// Stages in at most so many runs of about as many numbers.
fn runs(numbers: &[u64], most: usize) -> Vec<Range<usize>> {
    let total = numbers.iter().map(|n| u128::from(*n)).sum::<u128>().max(1);
    let mut before = 0_u128;
    let run_of = |n: &u64| {
        let middle = 2 * before + u128::from(*n);
        before += u128::from(*n);
        (middle * most as u128 / (2 * total)).min(most as u128 - 1)
    };
    let run_of: Vec<u128> = numbers.iter().map(run_of).collect();
    let mut first = 0;
    let of_runs = run_of.chunk_by(|a, b| a == b).map(|run| {
        first += run.len();
        first - run.len()..first
    });
    of_runs.collect()
}

/// Which units of each cell are a shard's.
pub(crate) fn dealt_to(shard: Shard, units: &[Units<'_>]) -> Vec<Range<usize>> {
    let costs: Vec<&[u64]> = units.iter().map(|units| &units.costs[..]).collect();
    shard.deal(&costs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{RatedPair, Trials};
    use proptest::prelude::*;

    fn pairs() -> Pairs {
        let pairs = [[0, 1], [2, 3], [2, 4], [1, 0]];
        let trial = |&[reference, distorted]: &[u32; 2]| RatedPair {
            reference,
            distorted,
            score: 0.0,
            std: None,
        };
        Pairs::of(&Trials::RatedPairs(pairs.iter().map(trial).collect()))
    }

    #[test]
    fn components_are_counted_and_told_apart() {
        let divided = Divided::into_components(5, &pairs());
        let units = Units::new(&divided, &[1; 3], WorkCost { image: 10, pair: 1 });
        assert_eq!(units.costs, [21, 32]);
        assert_eq!(units.sizes(&(0..2)), [5, 3, 3]);
        assert_eq!(units.others(&(1..2)), Coverage::Pairs(vec![true, false, false]));
    }

    #[test]
    fn stages_are_dealt_where_they_cost_more_than_the_images() {
        let divided = Divided::into_stages(5, &pairs());
        // Pairs that cost less than the images, as much, and so much more.
        for (image, runs) in [(1_000, 1), (60, 1), (20, 3), (1, 4), (0, 4)] {
            let units = Units::new(&divided, &[7; 4], WorkCost { image, pair: 100 });
            assert_eq!(units.costs.len(), runs, "{image}");
            assert_eq!(units.costs.iter().sum::<u64>(), 5 * image * runs as u64 + 300, "{image}");
        }
        // A wide stage is a run by itself, and narrow ones go together.
        let units = Units::new(&divided, &[60, 30, 20, 10], WorkCost { image: 30, pair: 100 });
        assert_eq!(units.costs, [150 + 150, 150 + 150]);
        assert_eq!(units.sizes(&(1..2)), [5, 3, 3]);
        assert_eq!(units.others(&(1..2)), Coverage::Stages(vec![true, false, false, false]));
        assert!(units.others(&(2..2)).is_whole());
    }

    proptest! {
        #[test]
        fn every_stage_is_in_one_shard(
            numbers in proptest::collection::vec(0_u64..1000, 1..40),
            image in 0_u64..50,
            count in 1_usize..12,
        ) {
            let divided = Divided::into_stages(5, &pairs());
            let units = [Units::new(&divided, &numbers, WorkCost { image, pair: 100 })];
            let mut owners = vec![0; numbers.len()];
            for shard in Shard::all(count).expect("shards") {
                let others = units[0].others(&dealt_to(shard, &units)[0]);
                for (stage, owner) in owners.iter_mut().enumerate() {
                    *owner += usize::from(!others.has_stage(stage));
                }
            }
            prop_assert!(owners.iter().all(|owner| *owner == 1));
        }
    }
}
