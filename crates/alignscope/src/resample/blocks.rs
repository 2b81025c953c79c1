//! Drawing many clusters block by block, so that counts stay in a processor's cache and in bounded
//! memory.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{DrawSource, Draws};

/// Clusters of a block. Up to so many are drawn one by one among all of them; of more, how many
/// draws fall into each block is drawn first.
pub const BLOCK: usize = 1 << 16;

/// The stream of a resample's random numbers that says how many draws fall into each block; block
/// `b` has stream b.
const OF_TOTALS: u64 = u32::MAX as u64;

/// Random numbers that are drawn at a time.
const AT_ONCE: usize = 4096;

/// Resamples, or halves, of more than [`BLOCK`] clusters.
#[derive(Debug)]
pub(crate) struct BlockedDraws {
    clusters: usize,
    source: BlockedSource,
}

#[derive(Debug)]
enum BlockedSource {
    /// The key, and how many draws fall into each block, for each resample.
    Totals([u8; 32], Vec<Vec<u32>>),
    /// The first half of each split: a bit for each cluster.
    Bits(Vec<Vec<u64>>),
}

impl Draws {
    /// The same resamples block by block; `None` if all clusters are one block, or were drawn
    /// elsewhere.
    pub(crate) fn blocked(&self) -> Option<BlockedDraws> {
        if !self.is_blocked() {
            return None;
        }
        let clusters = self.clusters;
        let source = match &self.source {
            DrawSource::Seed(key) => {
                let key = key_of_blocks(*key);
                let totals = |number| totals(key, clusters, number);
                let numbers = (0..self.resamples).into_par_iter();
                BlockedSource::Totals(key, numbers.map(totals).collect())
            }
            DrawSource::Halves(key) => {
                let splits = (0..self.resamples.div_ceil(2)).into_par_iter();
                let bits = splits.map(|split| first_half(*key, clusters, split));
                BlockedSource::Bits(bits.collect())
            }
            DrawSource::Counts(_) | DrawSource::Part(..) => return None,
        };
        Some(BlockedDraws { clusters, source })
    }

    /// Whether the clusters are drawn block by block.
    pub(crate) fn is_blocked(&self) -> bool {
        let is_drawn = matches!(self.source, DrawSource::Seed(_) | DrawSource::Halves(_));
        is_drawn && self.clusters > BLOCK
    }
}

impl BlockedDraws {
    /// How often each cluster of a block is drawn in resample `number`.
    ///
    /// `counts` — a number for each cluster of the block; 65,536, or fewer of the last block
    ///
    /// # Panics
    /// The block has another number of clusters; or a cluster is drawn more than 255 times, which
    /// of draws at random is less likely than 10^-500.
    pub(crate) fn count(&self, number: usize, block: usize, counts: &mut [u8]) {
        assert_eq!(counts.len(), size(self.clusters, block), "a count for each cluster");
        match &self.source {
            BlockedSource::Totals(key, totals) => {
                drawn(*key, number, block, totals[number][block], counts);
            }
            BlockedSource::Bits(splits) => {
                let bits = &splits[number / 2][block * (BLOCK / 64)..];
                let second = (number % 2) as u8;
                for (place, count) in counts.iter_mut().enumerate() {
                    *count = (bits[place / 64] >> (place % 64) & 1) as u8 ^ second;
                }
            }
        }
    }
}

/// How often each of many clusters is drawn in a resample: all blocks, one after the other.
pub(super) fn all(key: [u8; 32], clusters: usize, number: usize) -> Vec<u32> {
    let key = key_of_blocks(key);
    let mut counts = vec![0; clusters];
    let totals = totals(key, clusters, number);
    for ((block, counts), total) in counts.chunks_mut(BLOCK).enumerate().zip(totals) {
        drawn(key, number, block, total, counts);
    }
    counts.into_iter().map(u32::from).collect()
}

/// Draws of blocks share no random numbers with those of clusters that are one block.
fn key_of_blocks(key: [u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(key).chain_update(b"blocks").finalize().into()
}

fn rng(key: [u8; 32], number: usize, place: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::from_seed(key);
    let number = u32::try_from(number).expect("at most a million resamples");
    rng.set_stream(place << 32 | u64::from(number));
    rng
}

/// Clusters of a block.
fn size(clusters: usize, block: usize) -> usize {
    BLOCK.min(clusters - block * BLOCK)
}

/// How many of as many draws as there are clusters fall into each block.
fn totals(key: [u8; 32], clusters: usize, number: usize) -> Vec<u32> {
    let mut totals = vec![0; clusters.div_ceil(BLOCK)];
    let mut rng = rng(key, number, OF_TOTALS);
    divide(&mut rng, clusters as u64, clusters, &mut totals);
    totals
}

/// Divides draws among blocks: first between the most blocks that are a power of two and those
/// after them, and so on in each part. Most parts are even, for which one random bit a draw is
/// enough.
fn divide(rng: &mut ChaCha8Rng, draws: u64, clusters: usize, totals: &mut [u32]) {
    if let [total] = totals {
        *total = u32::try_from(draws).expect("fewer than 2^32 clusters");
        return;
    }
    let first = totals.len().next_power_of_two() / 2;
    let (here, after) = totals.split_at_mut(first);
    let of_first = binomial(rng, draws, (first * BLOCK) as u64, clusters as u64);
    divide(rng, of_first, first * BLOCK, here);
    divide(rng, draws - of_first, clusters - first * BLOCK, after);
}

/// Draws the number of successes of `n` trials whose chance is `part` of `whole`, exactly: each
/// trial compares the bits of a random number below 1 with those of the chance, from the highest
/// on, until one differs. Only how many trials have a bit is needed, so that bits are counted and
/// not looked at.
///
/// `part` — less than `whole`
fn binomial(rng: &mut ChaCha8Rng, n: u64, part: u64, whole: u64) -> u64 {
    let (mut undecided, mut successes, mut rest) = (n, 0, part);
    // Without a rest all further bits of the chance are 0: no number is below it any more.
    while undecided > 0 && rest > 0 {
        rest *= 2;
        let ones = ones(rng, undecided);
        if rest >= whole {
            rest -= whole;
            successes += undecided - ones;
            undecided = ones;
        } else {
            undecided -= ones;
        }
    }
    successes
}

/// How many of `n` random bits are 1.
fn ones(rng: &mut ChaCha8Rng, n: u64) -> u64 {
    let mut bits = [0_u64; AT_ONCE / 8];
    let (mut left, mut ones) = (n, 0);
    while left > 0 {
        let words = bits.len().min(left.div_ceil(64) as usize);
        let bits = &mut bits[..words];
        rng.fill(bits);
        let beyond = (64 * words as u64).saturating_sub(left);
        bits[words - 1] &= u64::MAX >> beyond;
        ones += bits.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        left -= 64 * words as u64 - beyond;
    }
    ones
}

/// Draws clusters of a block `total` times.
fn drawn(key: [u8; 32], number: usize, block: usize, total: u32, counts: &mut [u8]) {
    let mut rng = rng(key, number, block as u64);
    counts.fill(0);
    if counts.len() == BLOCK {
        let mut places = [0_u16; AT_ONCE];
        let mut left = total as usize;
        while left > 0 {
            let places = &mut places[..AT_ONCE.min(left)];
            rng.fill(places);
            for place in &*places {
                let count = &mut counts[usize::from(*place)];
                *count = count.wrapping_add(1);
            }
            left -= places.len();
        }
    } else {
        let last = counts.len() as u32;
        for _ in 0..total {
            let count = &mut counts[rng.random_range(0..last) as usize];
            *count = count.wrapping_add(1);
        }
    }
    let sum: u32 = counts.iter().map(|count| u32::from(*count)).sum();
    assert_eq!(sum, total, "no cluster is drawn more than 255 times");
}

/// The first half of a split of many clusters: a bit for each of them.
///
/// Each is in it by a random bit; of those that are then too many, or too few, as many change sides
/// at random. No cluster is treated unlike another, so that each half is as likely as any.
pub(super) fn first_half(key: [u8; 32], clusters: usize, split: usize) -> Vec<u64> {
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(split as u64);
    let mut bits = vec![0_u64; clusters.div_ceil(64)];
    rng.fill(&mut bits[..]);
    let beyond = 64 * bits.len() - clusters;
    *bits.last_mut().expect("many clusters") &= u64::MAX >> beyond;
    let mut inside: usize = bits.iter().map(|word| word.count_ones() as usize).sum();
    let last = u32::try_from(clusters).expect("fewer than 2^32 clusters");
    while inside != clusters / 2 {
        let place = rng.random_range(0..last) as usize;
        let (word, bit) = (&mut bits[place / 64], 1_u64 << (place % 64));
        let is_surplus = (*word & bit != 0) == (inside > clusters / 2);
        if is_surplus {
            *word ^= bit;
            inside = if *word & bit == 0 { inside - 1 } else { inside + 1 };
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::{Resampling, SPLITS};

    const CLUSTERS: usize = 2 * BLOCK + 10_000;

    fn draws(resamples: usize) -> Draws {
        Draws::new(&Resampling { resamples, ..Resampling::default() }, "things", CLUSTERS)
    }

    /// Mean and variance.
    fn moments(values: impl Iterator<Item = f64> + Clone) -> [f64; 2] {
        let n = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / n;
        [mean, values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)]
    }

    #[test]
    fn up_to_a_block_of_clusters_is_not_divided() {
        let of = |clusters| Draws::new(&Resampling::default(), "things", clusters);
        assert!(of(BLOCK).blocked().is_none());
        assert!(of(BLOCK + 1).blocked().is_some());
        assert!(Draws::from_counts(vec![vec![1; BLOCK + 1]]).blocked().is_none());
    }

    #[test]
    fn blocks_are_the_counts_of_all_clusters_and_sum_to_their_number() {
        for (draws, sums) in [
            (draws(3), vec![CLUSTERS; 3]),
            (Draws { resamples: 4, ..draws(0).halves() }, vec![CLUSTERS / 2; 4]),
        ] {
            let blocked = draws.blocked().expect("several blocks");
            for (number, sum) in sums.into_iter().enumerate() {
                let counts = draws.counts(number);
                assert_eq!(counts.iter().map(|n| *n as usize).sum::<usize>(), sum);
                for (block, expected) in counts.chunks(BLOCK).enumerate() {
                    let mut found = vec![0; expected.len()];
                    blocked.count(number, block, &mut found);
                    assert!(found.iter().map(|n| u32::from(*n)).eq(expected.iter().copied()));
                }
            }
            assert_ne!(draws.counts(0), draws.counts(2));
        }
    }

    #[test]
    fn a_binomial_number_has_the_moments_of_its_law() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        // A chance of bits without an end, and one of a single bit; small and large numbers of
        // trials.
        for (n, part, whole) in [(7, 1, 3), (1000, 64, 71), (4_000_000, 1, 2), (1000, 5, 1 << 40)] {
            let repeats = if n > 10_000 { 400 } else { 20_000 };
            let found: Vec<f64> =
                (0..repeats).map(|_| binomial(&mut rng, n, part, whole) as f64).collect();
            let p = part as f64 / whole as f64;
            let [mean, variance] = [n as f64 * p, n as f64 * p * (1.0 - p)];
            let [found_mean, found_variance] = moments(found.iter().copied());
            let repeats = f64::from(repeats);
            // Four standard errors of a mean; of a variance that of nearly normal numbers, and of
            // rare ones (p of 5e-12) none are drawn at all.
            assert!((found_mean - mean).abs() <= 4.0 * (variance / repeats).sqrt() + 1e-6, "{n}");
            let error = 4.0 * variance * (2.0 / repeats).sqrt() * if n < 10 { 1.2 } else { 1.0 };
            assert!((found_variance - variance).abs() <= error + 1e-6, "{n}: {found_variance}");
        }
        assert_eq!(binomial(&mut rng, 0, 1, 3), 0);
    }

    #[test]
    fn small_numbers_of_successes_are_as_frequent_as_the_binomial_law_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut found = [0.0_f64; 4];
        (0..60_000).for_each(|_| found[binomial(&mut rng, 3, 2, 5) as usize] += 1.0 / 60_000.0);
        // (3 over k) 0.4^k 0.6^(3 − k); the standard error is at most 0.0021.
        for (found, expected) in found.into_iter().zip([0.216, 0.432, 0.288, 0.064]) {
            assert!((found - expected).abs() < 0.0084, "{found}, {expected}");
        }
    }

    #[test]
    fn counts_within_and_across_blocks_have_the_moments_of_the_multinomial_law() {
        let resamples = 400;
        let draws = draws(resamples);
        let counts: Vec<Vec<u32>> = (0..resamples).map(|number| draws.counts(number)).collect();
        let n = CLUSTERS as f64;
        // Of all counts: mean 1, variance 1 − 1/n. 5.6e7 counts: four standard errors of the
        // variance of a Poisson variable (fourth central moment 4, so √(3/N)) are 9.3e-4.
        let all = counts.iter().flatten().map(|n| f64::from(*n));
        let [mean, variance] = moments(all);
        assert_eq!(mean, 1.0);
        assert!((variance - (1.0 - 1.0 / n)).abs() < 9.3e-4, "{variance}");
        // How many are drawn how often: the law of Poisson with mean 1 up to 1/n.
        for (times, expected) in [(0, 0.367_879), (1, 0.367_879), (2, 0.183_940), (5, 0.003_066)] {
            let here = counts.iter().flatten().filter(|n| **n == times).count() as f64;
            assert!((here / (n * resamples as f64) - expected).abs() < 3e-4, "{times}: {here}");
        }
        // Totals of parts, within a block and across its border, of every size: m of n clusters get
        // m ± √(m (1 − m/n)).
        for part in
            [0..1000, BLOCK - 700..BLOCK + 300, 0..BLOCK, BLOCK..CLUSTERS, 100_000..CLUSTERS]
        {
            let m = part.len() as f64;
            let totals: Vec<f64> = counts
                .iter()
                .map(|c| c[part.clone()].iter().map(|n| f64::from(*n)).sum())
                .collect();
            let [mean, variance] = moments(totals.iter().copied());
            let expected = m * (1.0 - m / n);
            let r = resamples as f64;
            assert!((mean - m).abs() < 4.0 * (expected / r).sqrt(), "{part:?}: {mean}");
            assert!((variance / expected - 1.0).abs() < 4.0 * (2.0 / r).sqrt(), "{part:?}");
        }
        // Two parts draw from each other: covariance −m m′/n.
        let of = |part: std::ops::Range<usize>| -> Vec<f64> {
            counts.iter().map(|c| c[part.clone()].iter().map(|n| f64::from(*n)).sum()).collect()
        };
        let (first, second) = (of(0..BLOCK), of(BLOCK..2 * BLOCK));
        let [m, _] = moments(
            first.iter().zip(&second).map(|(a, b)| (a - BLOCK as f64) * (b - BLOCK as f64)),
        );
        let b = BLOCK as f64;
        let error = b * (1.0 - b / n) / (resamples as f64).sqrt();
        assert!((m + b * b / n).abs() < 4.5 * error, "{m}");
    }

    #[test]
    fn every_cluster_is_as_often_in_the_first_half() {
        let halves = draws(0).halves();
        let mut first = vec![0; CLUSTERS];
        for split in 0..SPLITS {
            first.iter_mut().zip(halves.counts(2 * split)).for_each(|(sum, n)| *sum += n);
        }
        // Binomial of 100 by 1/2: variance 25; of 141,072 clusters none is six deviations off.
        let [mean, variance] = moments(first.iter().map(|n| f64::from(*n)));
        assert_eq!(mean, 50.0);
        assert!(
            (variance - 25.0).abs() < 4.0 * 25.0 * (2.0 / CLUSTERS as f64).sqrt(),
            "{variance}"
        );
        assert!(first.iter().all(|n| (20..=80).contains(n)));
        let counts = [halves.counts(6), halves.counts(7)];
        assert!(counts[0].iter().zip(&counts[1]).all(|(a, b)| a + b == 1));
    }
}
