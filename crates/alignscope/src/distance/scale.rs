//! How much each channel varies over the pairs of a data set.

use crate::pair_statistics::PairStatistics;

/// Mean squared difference of each channel over the pairs of all trials: a pair counts as often
/// as trials use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    values: Vec<f64>,
}

impl Scale {
    /// A scale of these values, `[channels]`, each ≥ 0 and finite.
    ///
    /// # Panics
    /// A value is negative or not finite.
    pub fn new(values: Vec<f64>) -> Self {
        assert!(values.iter().all(|v| *v >= 0.0 && v.is_finite()), "a scale is a mean of squares");
        Self { values }
    }

    /// The scale of each channel.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Channels in which no pair differs at all.
    pub fn zero_channels(&self) -> usize {
        self.values.iter().filter(|v| **v == 0.0).count()
    }
}

/// Sums a scale as the pairs come by.
///
/// Pairs are given in the order of the data set. They are summed in groups, and the groups one
/// after the other, in f64, so that the result does not depend on how many come at a time.
#[derive(Debug)]
pub struct ScaleAccumulator {
    total: Vec<f64>,
    group: Vec<f64>,
    pairs: usize,
    weight: u64,
}

impl ScaleAccumulator {
    /// Pairs that are summed before they are added to the total.
    pub const GROUP: usize = 64;

    /// Nothing summed yet.
    pub fn new(channels: usize) -> Self {
        Self { total: vec![0.0; channels], group: vec![0.0; channels], pairs: 0, weight: 0 }
    }

    /// Adds the next pairs, each used `uses` times.
    ///
    /// # Panics
    /// There is not one use for each pair, or the channels differ.
    pub fn add(&mut self, differences: &PairStatistics, uses: &[u32]) {
        assert_eq!(differences.len(), uses.len(), "a number of uses for each pair");
        assert_eq!(differences.channels(), self.total.len(), "the same channels");
        for (pair, uses) in uses.iter().enumerate() {
            let weight = f64::from(*uses);
            for (sum, msd) in self.group.iter_mut().zip(differences.msd(pair)) {
                *sum += weight * f64::from(*msd);
            }
            self.weight += u64::from(*uses);
            self.pairs += 1;
            if self.pairs.is_multiple_of(Self::GROUP) {
                self.close_group();
            }
        }
    }

    /// The mean over all uses.
    ///
    /// # Panics
    /// No pair was added.
    pub fn finish(mut self) -> Scale {
        assert!(self.weight > 0, "a scale of no pairs");
        self.close_group();
        let weight = self.weight as f64;
        Scale::new(self.total.into_iter().map(|sum| sum / weight).collect())
    }

    fn close_group(&mut self) {
        for (total, group) in self.total.iter_mut().zip(&mut self.group) {
            *total += std::mem::take(group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::Activations;

    #[test]
    fn the_scale_does_not_depend_on_how_many_pairs_come_at_a_time() {
        let values: Vec<f32> = (0..40 * 3).map(|i| (i as f32 * 1.7).sin()).collect();
        let activations = Activations::new(&values, 40, 1, 3);
        let pairs: Vec<[u32; 2]> =
            (0..40).flat_map(|a| (0..a).map(move |b| [a, b])).take(700).collect();
        let uses: Vec<u32> = (0..700).map(|i| 1 + i % 3).collect();
        let sum = |size: usize| {
            let mut sum = ScaleAccumulator::new(3);
            for (pairs, uses) in pairs.chunks(size).zip(uses.chunks(size)) {
                sum.add(&PairStatistics::of(activations, pairs), uses);
            }
            sum.finish()
        };
        let whole = sum(700);
        assert!(whole.values().iter().all(|v| *v > 0.0));
        for size in [1, 7, 64, 100] {
            assert_eq!(sum(size), whole, "{size} pairs at a time");
        }
    }

    #[test]
    fn a_pair_counts_as_often_as_trials_use_it() {
        let values = [0.0, 0.0, 1.0, 0.0, 3.0, 0.0];
        let activations = Activations::new(&values, 3, 1, 2);
        let mut sum = ScaleAccumulator::new(2);
        sum.add(&PairStatistics::of(activations, &[[0, 1], [0, 2]]), &[3, 1]);
        let scale = sum.finish();
        assert_eq!(scale.values(), [(3.0 * 1.0 + 9.0) / 4.0, 0.0]);
        assert_eq!(scale.zero_channels(), 1);
    }
}
