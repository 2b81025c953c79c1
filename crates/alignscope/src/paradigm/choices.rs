//! What people chose among, in numbers: what likelihoods are computed of.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::kind::{Paradigm, Ratings};
use super::questions::Questions;
use crate::measure::{entropy_of_shares, entropy_of_votes};
use crate::resample::normal_cdf;

/// Parts of the clusters, each of which is judged by what is fitted to the others.
pub const FOLDS: usize = 10;

/// Seed of the folds: they are the same in each run.
const FOLD_SEED: u64 = 0;

/// With more distorted images than this, a reference's are not all compared with each other.
const MOST_TOGETHER: usize = 500;

/// Choices between alternatives, each of which is a pair of images: the more alike (or, where people
/// pick what differs most, the less alike) they are to a model, the more likely is it to choose the
/// alternative.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// Alternatives of each choice: 2 or 3.
    pub alternatives: usize,
    /// Whether people [pick what differs most](Paradigm::picks_farthest).
    pub farthest: bool,
    /// The distance of each alternative, by its position among those of all comparisons of the
    /// trials: `[choices, alternatives]`.
    pub distances: Vec<u32>,
    /// The share of people who chose it, or the probability that people do; those of a choice sum
    /// to 1: `[choices, alternatives]`.
    pub shares: Vec<f64>,
    /// The trials that each choice is of: one (twice), or two that share it.
    pub trials: Vec<[u32; 2]>,
    /// The fold of each choice, below [`FOLDS`]. Choices of one cluster are in one fold, whatever
    /// intervals resample.
    pub folds: Vec<u8>,
    /// The bits that people's own answers hold, log2 K − H, of each choice; `None` where that is
    /// not known: where [few](crate::measure::MIN_VOTES) answered.
    pub held: Vec<Option<f64>>,
    /// How sure the shares are.
    pub source: ShareSource,
}

/// What the shares of people are taken from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ShareSource {
    /// Votes.
    Votes {
        /// The mean number of answers to a question of which is known what they hold; NaN if there
        /// is none.
        answers: f64,
    },
    /// Ratings and their deviations.
    Ratings {
        /// Pairs whose score has no deviation.
        without_deviation: usize,
        /// All pairs.
        pairs: usize,
    },
}

impl Choices {
    /// The choices of trials: between their [alternatives](Paradigm::alternatives); or, where
    /// people rated, between any two pairs of one cluster: which of two distorted images is closer
    /// to their reference. `None` if people did neither, no two rated pairs can be compared, or
    /// ratings are shares of people who find two images the same.
    ///
    /// Of ratings P(i is closer than j) is Φ((s_i − s_j)/√(σ_i² + σ_j²)) by the scores and their
    /// deviations. Where a deviation is not known, or both are 0, it is 1, 1/2 or 0.
    ///
    /// `questions` — of the trials, if people choose
    ///
    /// `clusters` — which trials are not independent of each other: those of `--cluster default`
    pub fn of(
        paradigm: &dyn Paradigm,
        questions: Option<Questions>,
        clusters: &[u32],
    ) -> Option<Self> {
        match questions {
            Some(questions) => Some(Self::of_questions(questions, clusters)),
            None => {
                let ratings = paradigm.ratings()?;
                // Shares of people, and matrices of each person, are not scores of a mean person.
                let are_scores = ratings.rated().iter().any(|(_, rated)| !rated.needs_shares());
                match are_scores {
                    true => Self::of_ratings(paradigm, &ratings, clusters),
                    false => None,
                }
            }
        }
    }

    fn of_questions(questions: Questions, clusters: &[u32]) -> Self {
        let k = questions.alternatives;
        let votes = questions.votes.chunks_exact(k);
        let held: Vec<Option<f64>> = votes
            .clone()
            .map(|votes| Some(libm::log2(k as f64) - entropy_of_votes(votes)?))
            .map(|held| held.filter(|_| questions.are_counts))
            .collect();
        let known = held.iter().filter(|held| held.is_some()).count() as f64;
        let counted = votes.zip(&held).filter(|(_, held)| held.is_some());
        let answers = counted.flat_map(|(votes, _)| votes).sum::<f64>() / known;
        let trials = 0..questions.of_trials.len() as u32;
        let folds = folds(count(clusters));
        Self {
            alternatives: k,
            farthest: questions.farthest,
            shares: questions.shares(),
            folds: clusters.iter().map(|cluster| folds[*cluster as usize]).collect(),
            trials: trials.map(|trial| [trial; 2]).collect(),
            held: questions.of_trials.iter().map(|q| held[*q as usize]).collect(),
            distances: questions.distances,
            source: ShareSource::Votes { answers },
        }
    }

    fn of_ratings(paradigm: &dyn Paradigm, ratings: &Ratings, clusters: &[u32]) -> Option<Self> {
        let deviations: Option<Vec<f64>> = ratings.deviations.iter().copied().collect();
        let without_deviation = ratings.deviations.iter().filter(|std| std.is_none()).count();
        let mut of = Self {
            alternatives: 2,
            farthest: false,
            distances: vec![],
            shares: vec![],
            trials: vec![],
            folds: vec![],
            held: vec![],
            source: ShareSource::Ratings { without_deviation, pairs: paradigm.count() },
        };
        let members = Members::of(clusters);
        for (cluster, fold) in folds(members.count()).into_iter().enumerate() {
            for [i, j] in comparisons(members.of_cluster(cluster)) {
                if paradigm.question(i as usize) == paradigm.question(j as usize) {
                    continue;
                }
                let deviation = |at: u32| deviations.as_ref().map_or(0.0, |d| d[at as usize]);
                let score = |at: u32| ratings.scores[at as usize];
                let sd = libm::hypot(deviation(i), deviation(j));
                let closer = probability(score(i) - score(j), sd);
                let shares = [closer, 1.0 - closer];
                of.distances.extend([i, j]);
                of.shares.extend(shares);
                of.trials.push([i, j]);
                of.folds.push(fold);
                of.held.push(deviations.as_ref().map(|_| 1.0 - entropy_of_shares(&shares)));
            }
        }
        (!of.trials.is_empty()).then_some(of)
    }

    /// Number of choices.
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }
}

/// The probability that a normal variable with this mean and deviation is above 0.
fn probability(mean: f64, deviation: f64) -> f64 {
    match (deviation > 0.0, mean) {
        (true, _) => normal_cdf(mean / deviation),
        (false, mean) if mean > 0.0 => 1.0,
        (false, mean) if mean < 0.0 => 0.0,
        (false, _) => 0.5,
    }
}

/// Which trials of a cluster are compared: each with each other; of more than [`MOST_TOGETHER`]
/// each with those that come next, half as many, the last with the first again.
fn comparisons(trials: &[u32]) -> impl Iterator<Item = [u32; 2]> {
    let n = trials.len();
    let last = move |i: usize| match n > MOST_TOGETHER {
        true => i + MOST_TOGETHER / 2,
        false => n - 1,
    };
    (0..n).flat_map(move |i| (i + 1..=last(i)).map(move |j| [trials[i], trials[j % n]]))
}

/// Number of clusters that trials have these numbers of.
fn count(clusters: &[u32]) -> usize {
    clusters.iter().max().map_or(0, |last| *last as usize + 1)
}

/// The trials of each cluster.
struct Members {
    /// Where those of each cluster begin, and where the last ends.
    starts: Vec<usize>,
    /// Cluster by cluster, ascending in each.
    trials: Vec<u32>,
}

impl Members {
    fn of(clusters: &[u32]) -> Self {
        let mut starts = vec![0; count(clusters) + 1];
        clusters.iter().for_each(|cluster| starts[*cluster as usize + 1] += 1);
        (1..starts.len()).for_each(|i| starts[i] += starts[i - 1]);
        let mut next = starts.clone();
        let mut trials = vec![0; clusters.len()];
        for (trial, cluster) in (0..).zip(clusters) {
            trials[next[*cluster as usize]] = trial;
            next[*cluster as usize] += 1;
        }
        Self { starts, trials }
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    fn of_cluster(&self, cluster: usize) -> &[u32] {
        &self.trials[self.starts[cluster]..self.starts[cluster + 1]]
    }
}

/// A fold for each cluster, drawn at random; of fewer than [`FOLDS`] clusters each has its own.
fn folds(clusters: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(FOLD_SEED);
    let mut order: Vec<(u64, usize)> = (0..clusters).map(|i| (rng.random(), i)).collect();
    order.sort_unstable();
    let mut folds = vec![0; clusters];
    for (place, (_, cluster)) in order.into_iter().enumerate() {
        folds[cluster] = (place % FOLDS) as u8;
    }
    folds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Clusters;
    use crate::paradigm::{OddOneOut, Quadruplet, RatedPair, SameDifferent, TwoAlternatives, key};

    /// The choices of trials in clusters of their own images.
    fn choices_of(paradigm: &dyn Paradigm) -> Option<Choices> {
        let clusters = Clusters::of_keys((0..paradigm.count()).map(|i| key(paradigm.cluster(i))));
        Choices::of(paradigm, Questions::of(paradigm), &clusters.codes)
    }

    #[test]
    fn folds_have_as_many_clusters_and_few_clusters_a_fold_each() {
        let mut few = folds(6);
        few.sort_unstable();
        assert_eq!(few, [0, 1, 2, 3, 4, 5]);
        let many = folds(1003);
        for fold in 0..FOLDS as u8 {
            let size = many.iter().filter(|other| **other == fold).count();
            assert!((100..=101).contains(&size), "{size}");
        }
        assert!(!many.is_sorted());
    }

    #[test]
    fn the_kept_pair_of_a_triplet_is_the_alternative_that_was_chosen() {
        let odd = |images, odd| OddOneOut { images, odd };
        let mut trials = vec![odd([5, 3, 4], 0); 9];
        trials.push(odd([3, 4, 5], 0));
        let choices = choices_of(&trials).expect("choices");
        // Alternatives stand in the order 5–3, 5–4, 3–4, as comparisons do but for the last trial.
        assert_eq!(choices.distances[..3], [0, 1, 2]);
        assert_eq!(choices.shares[..3], [0.0, 0.0, 1.0]);
        assert_eq!(choices.distances[27..], [28, 29, 27]);
        assert_eq!(choices.shares[27..], [0.0, 1.0, 0.0]);
        // Nine of ten say 5, one says 3.
        let entropy = entropy_of_votes(&[0.0, 1.0, 9.0]).expect("ten");
        assert_eq!(choices.held, [Some(3.0_f64.log2() - entropy); 10]);
        assert!(choices.folds.iter().all(|fold| *fold == choices.folds[0]));
        assert_eq!(choices.source, ShareSource::Votes { answers: 10.0 });
    }

    #[test]
    fn shares_of_votes_hold_bits_only_where_votes_are_counted() {
        let trial = |left_votes, right_votes| TwoAlternatives {
            reference: 0,
            left: 1,
            right: 2,
            left_votes,
            right_votes,
        };
        let held = |trials: Vec<TwoAlternatives>| choices_of(&trials).expect("choices").held;
        let five = 1.0 - entropy_of_votes(&[4.0, 1.0]).expect("five");
        assert_eq!(held(vec![trial(4.0, 1.0)]), [Some(five)]);
        assert_eq!(held(vec![trial(2.0, 1.0)]), [None]);
        // Two rows of one question, one with its alternatives in the other order.
        let turned = TwoAlternatives { left: 2, right: 1, ..trial(0.0, 3.0) };
        assert_eq!(held(vec![trial(1.0, 1.0), turned]), [Some(five); 2]);
        assert_eq!(held(vec![trial(0.8, 0.2), trial(0.0, 1.0)]), [None, None]);
    }

    #[test]
    fn the_pair_that_differs_more_is_an_alternative_of_its_own() {
        let trial =
            Quadruplet { first: [3, 1], second: [0, 2], first_votes: 4.0, second_votes: 1.0 };
        let choices = choices_of(&vec![trial]).expect("a choice");
        // 3–1 is shown before 0–2.
        assert_eq!((choices.farthest, &choices.distances[..]), (true, &[0, 1][..]));
        assert_eq!(choices.shares, [0.8, 0.2]);
    }

    #[test]
    fn choices_of_one_cluster_are_in_one_fold_whatever_images_they_show() {
        let trial = |i: u32| {
            let [a, b] = [2 * i, 2 * i + 1];
            Quadruplet { first: [a, b], second: [b, a + 4], first_votes: 1.0, second_votes: 0.0 }
        };
        let trials: Vec<Quadruplet> = (0..40).map(trial).collect();
        let groups: Vec<u32> = (0..40).map(|i| i / 8).collect();
        let folds = Choices::of(&trials, Questions::of(&trials), &groups).expect("choices").folds;
        assert!(folds.chunks(8).all(|of_group| of_group.iter().all(|f| *f == of_group[0])));
        let mut groups: Vec<u8> = folds.iter().step_by(8).copied().collect();
        groups.sort_unstable();
        assert_eq!(groups, [0, 1, 2, 3, 4]);
        let alone = choices_of(&trials).expect("choices").folds;
        assert!(alone.chunks(8).any(|of_group| of_group.iter().any(|f| *f != of_group[0])));
    }

    #[test]
    fn same_or_different_is_no_choice_among_pairs() {
        let trial =
            |other| SameDifferent { images: [0, other], same_votes: 1.0, different_votes: 0.0 };
        assert_eq!(choices_of(&vec![trial(1), trial(2)]), None);
    }

    #[test]
    fn two_distorted_images_of_one_reference_are_a_choice() {
        let pair =
            |reference, distorted, score, std| RatedPair { reference, distorted, score, std };
        let some = Some(1.0);
        let trials = vec![pair(0, 1, 3.0, some), pair(9, 8, 1.0, some), pair(0, 2, 2.0, some)];
        let choices = choices_of(&trials).expect("one");
        assert_eq!((choices.trials.clone(), choices.len()), (vec![[0, 2]], 1));
        let p = normal_cdf(1.0 / 2.0_f64.sqrt());
        assert_eq!(choices.shares, [p, 1.0 - p]);
        assert_eq!(choices.held, [Some(1.0 - entropy_of_shares(&[p, 1.0 - p]))]);
        let known = vec![pair(0, 1, 3.0, None), pair(0, 2, 3.0, some), pair(0, 3, 1.0, None)];
        let choices = choices_of(&known).expect("three");
        assert_eq!(choices.shares, [0.5, 0.5, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(choices.held, [None; 3]);
        assert_eq!(choices.source, ShareSource::Ratings { without_deviation: 2, pairs: 3 });
        assert_eq!(choices_of(&known[..1].to_vec()), None);
        assert_eq!(choices_of(&vec![known[0].clone(); 2]), None, "the same images");
    }

    #[test]
    fn many_images_of_one_reference_are_each_compared_as_often() {
        let n = MOST_TOGETHER as u32 + 1;
        let trials: Vec<u32> = (0..n).collect();
        let mut times = vec![0; trials.len()];
        let mut seen = std::collections::HashSet::new();
        for [i, j] in comparisons(&trials) {
            assert!(i != j && seen.insert([i.min(j), i.max(j)]));
            times[i as usize] += 1;
            times[j as usize] += 1;
        }
        assert!(times.iter().all(|n| *n == MOST_TOGETHER));
    }
}
