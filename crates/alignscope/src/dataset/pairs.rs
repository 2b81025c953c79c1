//! The different pairs of images that the trials of a data set compare.

use std::collections::HashMap;

use super::{ImageIndex, Trials};

/// The different unordered pairs of a data set, and which of them each trial uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs {
    /// Each pair once, in order of first use, the images in the order of that first use.
    pub images: Vec<[ImageIndex; 2]>,
    /// How often trials use each pair; ≥ 1.
    pub uses: Vec<u32>,
    /// Index into `images` for every comparison of every trial, trial after trial; `per_trial`
    /// of them for each.
    pub of_trials: Vec<u32>,
    /// Comparisons a trial: 1 for rated pairs, 2 for two alternatives (reference–left,
    /// reference–right), 3 for odd-one-out (images 0–1, 0–2, 1–2).
    pub per_trial: usize,
}

/// Whether so many pairs are a good part of all pairs of so many images: their sums then come from
/// products of matrices.
///
/// A quarter: a pair by itself costs about as much as three of such products, and its differences
/// in each channel are written and read again. Of fewer than 32 images, either is fast.
pub(crate) fn is_dense(pairs: usize, images: usize) -> bool {
    images >= 32 && 8 * pairs >= images * (images - 1)
}

impl Pairs {
    /// Collects the pairs of `trials`.
    pub fn of(trials: &Trials) -> Self {
        let mut builder = Builder::default();
        let trials = trials.paradigm();
        trials.for_each_pair(&mut |a, b| builder.add(a, b));
        let per_trial = trials.comparisons();
        Self { images: builder.images, uses: builder.uses, of_trials: builder.of_trials, per_trial }
    }

    /// Number of different pairs.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether they are a good part of all pairs of so many images, a quarter of them: their sums
    /// then come from products of matrices. Never of fewer than 32 images.
    pub fn is_dense(&self, images: usize) -> bool {
        is_dense(self.len(), images)
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }
}

#[derive(Default)]
struct Builder {
    known: HashMap<[ImageIndex; 2], u32>,
    images: Vec<[ImageIndex; 2]>,
    uses: Vec<u32>,
    of_trials: Vec<u32>,
}

impl Builder {
    fn add(&mut self, a: ImageIndex, b: ImageIndex) {
        let pair = *self.known.entry([a.min(b), a.max(b)]).or_insert_with(|| {
            self.images.push([a, b]);
            self.uses.push(0);
            u32::try_from(self.images.len() - 1).expect("fewer than 2^32 pairs")
        });
        self.uses[pair as usize] += 1;
        self.of_trials.push(pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::OddOneOut;

    #[test]
    fn a_pair_is_the_same_in_both_orders() {
        let trials = Trials::OddOneOut(vec![
            OddOneOut { images: [0, 1, 2], odd: 2 },
            OddOneOut { images: [2, 1, 3], odd: 0 },
        ]);
        let pairs = Pairs::of(&trials);
        assert_eq!(pairs.images, [[0, 1], [0, 2], [1, 2], [2, 3], [1, 3]]);
        assert_eq!(pairs.uses, [1, 1, 2, 1, 1]);
        assert_eq!(pairs.of_trials, [0, 1, 2, 2, 3, 4]);
    }
}
