//! Splitting clusters into two halves, to choose by one and score on the other.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::blocks::{BLOCK, first_half};
use super::{DrawSource, Draws};

/// How often clusters are split. More would change the mean score of a chosen stage by 4 to 7 % of its
/// standard error where a curve is flat, by less where it is not.
pub const SPLITS: usize = 100;

impl Draws {
    /// Both halves of [`SPLITS`] random splits of the clusters, one after the other: in the first
    /// half of a split a cluster counts once or not at all, in the second the other way round. Of an
    /// odd number of clusters the second half has one more. They follow from what the resamples
    /// follow from, so that all models, stages and distances share them.
    pub fn halves(&self) -> Self {
        let hash = Sha256::new().chain_update(b"alignscope halves\0");
        let hash = match &self.source {
            DrawSource::Seed(key) | DrawSource::Halves(key) => hash.chain_update(key),
            DrawSource::Counts(_) | DrawSource::Part(..) => {
                hash.chain_update((self.clusters as u64).to_le_bytes())
            }
        };
        let source = DrawSource::Halves(hash.finalize().into());
        Self { resamples: 2 * SPLITS, source, ..*self }
    }
}

/// Half `number` of `clusters` clusters: halves 0 and 1 are of one split.
pub(super) fn half(key: [u8; 32], clusters: usize, number: usize) -> Vec<u32> {
    if clusters > BLOCK {
        let bits = first_half(key, clusters, number / 2);
        let bit = |place: usize| (bits[place / 64] >> (place % 64) & 1) as u32;
        return (0..clusters).map(|place| bit(place) ^ (number % 2) as u32).collect();
    }
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream((number / 2) as u64);
    let mut counts: Vec<u32> = (0..clusters).map(|place| u32::from(place < clusters / 2)).collect();
    counts.shuffle(&mut rng);
    if number % 2 == 1 {
        counts.iter_mut().for_each(|count| *count = 1 - *count);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Resampling;

    #[test]
    fn the_halves_of_a_split_have_each_cluster_once() {
        let draws = Draws::new(&Resampling::default(), "things", 25);
        let halves = draws.halves();
        assert_eq!(halves, Draws::new(&Resampling::default(), "things", 25).halves());
        assert_ne!(halves, Draws::new(&Resampling::default(), "nights", 25).halves());
        for split in 0..SPLITS {
            let [first, second] = [2 * split, 2 * split + 1].map(|half| halves.counts(half));
            assert_eq!(first.iter().sum::<u32>(), 12);
            assert!(first.iter().zip(&second).all(|(a, b)| a + b == 1), "{first:?} {second:?}");
        }
        assert_ne!(halves.counts(0), halves.counts(2));
        let elsewhere = Draws::from_counts(vec![vec![1; 25]]).halves();
        assert_eq!(elsewhere.counts(3).iter().sum::<u32>(), 13);
    }

    #[test]
    fn a_cluster_is_as_often_in_the_first_half_as_in_the_second() {
        let halves = Draws::new(&Resampling::default(), "things", 40).halves();
        let mut first = vec![0; 40];
        for split in 0..SPLITS {
            first.iter_mut().zip(halves.counts(2 * split)).for_each(|(sum, n)| *sum += n);
        }
        // Binomial with a deviation of 5; of 40 clusters none is four deviations off.
        assert!(first.iter().all(|n| (30..=70).contains(n)), "{first:?}");
    }
}
