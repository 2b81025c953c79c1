//! Drawing clusters of trials again: how far a score would have been off with others.

mod blocks;
mod halves;
mod interval;
mod normal;
mod simultaneous;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

pub use blocks::BLOCK;
pub(crate) use blocks::BlockedDraws;
pub use halves::SPLITS;
pub use interval::{
    Factors, Interval, MIN_CLUSTERS, NoInterval, Replicates, acceleration, expanded_interval,
    finest_p, two_sided_p,
};
pub(crate) use normal::normal_cdf;
pub use simultaneous::Together;

/// What is drawn again as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClusterBy {
    /// The reference image of rated pairs and of two alternatives, the three images of an
    /// odd-one-out triplet; of people's matrices both the people and the images.
    #[default]
    Default,
    /// The person who answered, where the data set names one for every trial; of people's matrices
    /// the people.
    Observer,
    /// The images of people's matrices.
    Image,
    /// Nothing: each trial by itself, as if all were independent.
    None,
}

impl ClusterBy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Default, Self::Observer, Self::Image, Self::None];

    /// The name used on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Observer => "observer",
            Self::Image => "image",
            Self::None => "none",
        }
    }
}

choice!(ClusterBy, "cluster");

/// Of fewer resamples the ends of an interval are not to be told.
pub const MIN_RESAMPLES: usize = 100;

/// More resamples than this would only take time.
pub const MAX_RESAMPLES: usize = 1_000_000;

/// Clusters drawn for all resamples of a data set, where the manifest of a run says how many
/// resamples there are: a run's folder may come from anywhere, and these are minutes of work.
pub const MAX_DRAWS: u64 = 100_000_000_000;

/// Resampled scores of all that is compared, where the manifest of a run says how many resamples
/// there are: these are 8 GB.
pub const MAX_REPLICATES: u64 = 1_000_000_000;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resampling {
    /// How often clusters are drawn; 0 for no intervals.
    pub resamples: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// What is drawn as a whole.
    pub cluster: ClusterBy,
}

impl Default for Resampling {
    /// 2,000 resamples of seed 0.
    fn default() -> Self {
        Self { resamples: 2000, seed: 0, cluster: ClusterBy::Default }
    }
}

/// The resamples of a data set: how often each cluster is drawn in each of them. They follow from
/// the seed, the data set's name and the number of clusters alone, so that all models, stages and
/// distances share them and their differences are paired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draws {
    /// Number of resamples.
    pub resamples: usize,
    clusters: usize,
    cluster: ClusterBy,
    source: DrawSource,
}

/// What matrices are resampled over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Factor {
    People,
    Images,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DrawSource {
    /// The key of the random streams, one for each resample.
    Seed([u8; 32]),
    /// The key of the random streams, one for each split into halves.
    Halves([u8; 32]),
    /// Drawn elsewhere.
    Counts(Vec<Vec<u32>>),
    /// These of other resamples' clusters.
    Part(Box<Draws>, Vec<u32>),
}

impl Draws {
    /// The draws of `clusters` clusters of the data set named `dataset`.
    pub fn new(resampling: &Resampling, dataset: &str, clusters: usize) -> Self {
        let key = Sha256::new()
            .chain_update(b"alignscope resamples\0")
            .chain_update(resampling.seed.to_le_bytes())
            .chain_update((clusters as u64).to_le_bytes())
            .chain_update(dataset)
            .finalize();
        let source = DrawSource::Seed(key.into());
        Self { resamples: resampling.resamples, clusters, cluster: resampling.cluster, source }
    }

    /// What is drawn as a whole.
    pub fn cluster(&self) -> ClusterBy {
        self.cluster
    }

    /// The draws of so many people or images of the same data set, each independent of the others;
    /// none where clusters were drawn elsewhere, which are neither people nor images.
    pub(crate) fn of_factor(&self, factor: Factor, clusters: usize) -> Self {
        let DrawSource::Seed(key) = &self.source else {
            let source = DrawSource::Counts(vec![]);
            return Self { resamples: 0, clusters, source, ..*self };
        };
        let name: &[u8] = match factor {
            Factor::People => b"people",
            Factor::Images => b"images",
        };
        let key = Sha256::new()
            .chain_update(key)
            .chain_update((clusters as u64).to_le_bytes())
            .chain_update(name)
            .finalize();
        Self { clusters, source: DrawSource::Seed(key.into()), ..*self }
    }

    /// Resamples that were drawn elsewhere.
    ///
    /// `counts` — how often each cluster was drawn, for each resample
    ///
    /// # Panics
    /// The resamples are of different numbers of clusters.
    pub fn from_counts(counts: Vec<Vec<u32>>) -> Self {
        let clusters = counts.first().map_or(0, Vec::len);
        assert!(counts.iter().all(|c| c.len() == clusters), "resamples of the same clusters");
        let cluster = ClusterBy::Default;
        Self { resamples: counts.len(), clusters, cluster, source: DrawSource::Counts(counts) }
    }

    /// The same resamples of some of the clusters.
    ///
    /// `clusters` — which they are
    pub(crate) fn part(&self, clusters: Vec<u32>) -> Self {
        let count = clusters.len();
        let source = DrawSource::Part(Box::new(self.clone()), clusters);
        Self { clusters: count, source, ..*self }
    }

    /// How often each cluster is drawn in resample `number`; the sum is the number of clusters. Of
    /// [halves](Self::halves) 1 or 0.
    pub fn counts(&self, number: usize) -> Vec<u32> {
        match &self.source {
            DrawSource::Counts(counts) => counts[number].clone(),
            DrawSource::Part(of, taken) => {
                let counts = of.counts(number);
                taken.iter().map(|cluster| counts[*cluster as usize]).collect()
            }
            DrawSource::Seed(key) if self.is_blocked() => blocks::all(*key, self.clusters, number),
            DrawSource::Seed(key) => self.drawn(*key, number),
            DrawSource::Halves(key) => halves::half(*key, self.clusters, number),
        }
    }

    fn drawn(&self, key: [u8; 32], number: usize) -> Vec<u32> {
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(number as u64);
        let mut counts = vec![0; self.clusters];
        let last = u32::try_from(self.clusters).expect("fewer than 2^32 clusters");
        for _ in 0..self.clusters {
            counts[rng.random_range(0..last) as usize] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_seed_data_set_and_number_of_clusters() {
        let resampling = Resampling { resamples: 3, ..Resampling::default() };
        let draws = Draws::new(&resampling, "things", 50);
        assert_eq!(draws, Draws::new(&resampling, "things", 50));
        assert_eq!(draws.counts(2).iter().sum::<u32>(), 50);
        assert_ne!(draws.counts(1), draws.counts(2));
        let other = Resampling { seed: 1, ..resampling };
        assert_ne!(draws.counts(0), Draws::new(&other, "things", 50).counts(0));
        assert_ne!(draws.counts(0), Draws::new(&resampling, "nights", 50).counts(0));
    }

    #[test]
    fn clusters_are_drawn_as_often_as_a_poisson_variable_says() {
        let resampling = Resampling { resamples: 100, ..Resampling::default() };
        let draws = Draws::new(&resampling, "things", 1000);
        let absent: usize =
            (0..100).map(|r| draws.counts(r).iter().filter(|c| **c == 0).count()).sum();
        // (1 − 1/1000)^1000 = 0.3677 of 100,000; three deviations are 0.0029 (they are
        // negatively correlated, so this is more than enough).
        assert!((absent as f64 / 1e5 - 0.3677).abs() < 0.003, "{absent}");
    }
}
