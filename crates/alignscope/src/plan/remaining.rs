//! The part of a data set that is yet to be encoded.

use super::coverage::Coverage;
use super::resident::ResidentSet;
use crate::dataset::{ImageIndex, Pairs};

/// Pairs whose differences are not there yet, and their images, numbered by themselves: a connected component is open as a
/// whole, or not at all.
#[derive(Debug)]
pub struct Remaining {
    /// The pairs, their images by position in `images`.
    pub pairs: Pairs,
    /// The images, ascending.
    pub images: Vec<ImageIndex>,
    /// The number of each pair in the data set, ascending.
    numbers: Vec<u32>,
    covered: Coverage,
}

impl Remaining {
    /// The pairs of `all` that are not `covered`.
    pub fn new(all: &Pairs, covered: Coverage) -> Self {
        let of_pairs = covered.of_pairs(all.len());
        let open = (0..).zip(&of_pairs).filter(|(_, covered)| !**covered);
        let numbers: Vec<u32> = open.map(|(number, _)| number).collect();
        let of_pair = |number: &u32| all.images[*number as usize];
        let mut images: Vec<ImageIndex> = numbers.iter().flat_map(of_pair).collect();
        images.sort_unstable();
        images.dedup();
        let place = |image: ImageIndex| {
            let place = images.binary_search(&image).expect("an image of a remaining pair");
            u32::try_from(place).expect("fewer than 2^32 images")
        };
        let pairs = Pairs {
            images: numbers.iter().map(|number| of_pair(number).map(place)).collect(),
            uses: numbers.iter().map(|number| all.uses[*number as usize]).collect(),
            of_trials: vec![],
            per_trial: all.per_trial,
        };
        Self { pairs, images, numbers, covered }
    }

    /// Whether nothing is to be done at a stage, given by its position.
    pub fn has_stage(&self, stage: usize) -> bool {
        self.covered.has_stage(stage)
    }

    /// A resident set of it, as the data set numbers images and pairs.
    pub fn in_dataset(&self, set: ResidentSet) -> ResidentSet {
        ResidentSet {
            images: set.images.iter().map(|image| self.images[*image as usize]).collect(),
            pairs: set.pairs.iter().map(|pair| self.numbers[*pair as usize]).collect(),
            local_pairs: set.local_pairs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{RatedPair, Trials};
    use crate::plan::plan;

    #[test]
    fn sets_of_what_is_open_are_those_of_the_data_set() {
        let pairs = [[0, 1], [2, 3], [2, 4], [5, 6], [7, 5]];
        let trial = |&[reference, distorted]: &[u32; 2]| RatedPair {
            reference,
            distorted,
            score: 0.0,
            std: None,
        };
        let all = Pairs::of(&Trials::RatedPairs(pairs.iter().map(trial).collect()));
        let open = Remaining::new(&all, Coverage::Pairs(vec![true, true, true, false, false]));
        let sets = plan(open.images.len(), &open.pairs, 3).expect("it fits");
        let expected = ResidentSet {
            images: vec![5, 6, 7],
            pairs: vec![3, 4],
            local_pairs: vec![[0, 1], [2, 0]],
        };
        assert_eq!(
            sets.into_iter().map(|set| open.in_dataset(set)).collect::<Vec<_>>(),
            [expected]
        );

        let open = Remaining::new(&all, Coverage::Pairs(vec![false; 5]));
        let sets = plan(open.images.len(), &open.pairs, 8).expect("it fits");
        assert_eq!(open.in_dataset(sets[0].clone()), plan(8, &all, 8).expect("it fits")[0]);
    }
}
