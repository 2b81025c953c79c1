//! What people chose among, in numbers: what likelihoods are computed of.

use std::collections::HashMap;

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
    /// The fold of each choice, below [`FOLDS`]. Choices of one [cluster](Paradigm::cluster) are in
    /// one fold, whatever intervals resample.
    pub folds: Vec<u8>,
    /// The bits that people's own answers hold, log2 K − H, of each choice; `None` where that is
    /// not known: where [few](crate::measure::MIN_VOTES) answered.
    pub held: Vec<Option<f64>>,
}

impl Choices {
    /// The choices of trials: between their [alternatives](Paradigm::alternatives); or, where
    /// people rated, between any two pairs that share what makes a [cluster](Paradigm::cluster):
    /// which of two distorted images is closer to their reference. `None` if people did neither, no
    /// two rated pairs can be compared, or ratings are shares of people who find two images the
    /// same.
    ///
    /// Of ratings P(i is closer than j) is Φ((s_i − s_j)/√(σ_i² + σ_j²)) by the scores and their
    /// deviations. Where a deviation is not known, or both are 0, it is 1, 1/2 or 0.
    pub fn of(paradigm: &dyn Paradigm) -> Option<Self> {
        let clusters = Folds::of(paradigm);
        match Questions::of(paradigm) {
            Some(questions) => Some(Self::of_questions(&questions, &clusters)),
            None => {
                let ratings = paradigm.ratings()?;
                // Shares of people, and matrices of each person, are not scores of a mean person.
                let are_scores = ratings.rated().iter().any(|(_, rated)| !rated.needs_shares());
                match are_scores {
                    true => Self::of_ratings(paradigm, &ratings, &clusters),
                    false => None,
                }
            }
        }
    }

    fn of_questions(questions: &Questions, folds: &Folds) -> Self {
        let k = questions.alternatives;
        let held: Vec<Option<f64>> = questions
            .votes
            .chunks_exact(k)
            .map(|votes| Some((k as f64).log2() - entropy_of_votes(votes)?))
            .map(|held| held.filter(|_| questions.are_counts))
            .collect();
        let trials = 0..questions.of_trials.len() as u32;
        let fold = |trial: u32| folds.of_trial(trial as usize);
        Self {
            alternatives: k,
            farthest: questions.farthest,
            distances: questions.distances.clone(),
            shares: questions.shares(),
            folds: trials.clone().map(fold).collect(),
            trials: trials.map(|trial| [trial; 2]).collect(),
            held: questions.of_trials.iter().map(|q| held[*q as usize]).collect(),
        }
    }

    fn of_ratings(paradigm: &dyn Paradigm, ratings: &Ratings, folds: &Folds) -> Option<Self> {
        let deviations: Option<Vec<f64>> = ratings.deviations.iter().copied().collect();
        let mut of = Self {
            alternatives: 2,
            farthest: false,
            distances: vec![],
            shares: vec![],
            trials: vec![],
            folds: vec![],
            held: vec![],
        };
        for trials in &folds.clusters {
            for [i, j] in comparisons(trials) {
                if paradigm.question(i as usize) == paradigm.question(j as usize) {
                    continue;
                }
                let deviation = |at: u32| deviations.as_ref().map_or(0.0, |d| d[at as usize]);
                let score = |at: u32| ratings.scores[at as usize];
                let sd = deviation(i).hypot(deviation(j));
                let closer = probability(score(i) - score(j), sd);
                let shares = [closer, 1.0 - closer];
                of.distances.extend([i, j]);
                of.shares.extend(shares);
                of.trials.push([i, j]);
                of.folds.push(folds.of_trial(i as usize));
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

/// The clusters of trials, spread over folds of the same size.
struct Folds {
    /// The trials of each cluster, by first use.
    clusters: Vec<Vec<u32>>,
    /// Of each trial.
    of_trials: Vec<u32>,
    /// The fold of each cluster.
    folds: Vec<u8>,
}

impl Folds {
    fn of(paradigm: &dyn Paradigm) -> Self {
        let (mut known, mut clusters) = (HashMap::new(), Vec::<Vec<u32>>::new());
        let mut of_trials = Vec::with_capacity(paradigm.count());
        for trial in 0..paradigm.count() {
            let cluster = *known.entry(paradigm.cluster(trial)).or_insert(clusters.len());
            if cluster == clusters.len() {
                clusters.push(vec![]);
            }
            clusters[cluster].push(trial as u32);
            of_trials.push(cluster as u32);
        }
        let folds = folds(clusters.len());
        Self { clusters, of_trials, folds }
    }

    fn of_trial(&self, trial: usize) -> u8 {
        self.folds[self.of_trials[trial] as usize]
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
    use crate::paradigm::{OddOneOut, Quadruplet, RatedPair, SameDifferent, TwoAlternatives};

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
        let choices = Choices::of(&trials).expect("choices");
        // Comparisons are 5–3, 5–4, 3–4; alternatives stand in the order 3–4, 3–5, 4–5.
        assert_eq!(choices.distances[..3], [2, 0, 1]);
        assert_eq!(choices.shares[..3], [1.0, 0.0, 0.0]);
        assert_eq!(choices.distances[27..], [27, 28, 29]);
        assert_eq!(choices.shares[27..], [0.0, 0.0, 1.0]);
        // Nine of ten say 5, one says 3.
        let entropy = entropy_of_votes(&[9.0, 0.0, 1.0]).expect("ten");
        assert_eq!(choices.held, [Some(3.0_f64.log2() - entropy); 10]);
        assert!(choices.folds.iter().all(|fold| *fold == choices.folds[0]));
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
        let held = |trials: Vec<TwoAlternatives>| Choices::of(&trials).expect("choices").held;
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
        let choices = Choices::of(&vec![trial]).expect("a choice");
        // 0–2 comes before 1–3.
        assert_eq!((choices.farthest, &choices.distances[..]), (true, &[1, 0][..]));
        assert_eq!(choices.shares, [0.2, 0.8]);
    }

    #[test]
    fn same_or_different_is_no_choice_among_pairs() {
        let trial =
            |other| SameDifferent { images: [0, other], same_votes: 1.0, different_votes: 0.0 };
        assert_eq!(Choices::of(&vec![trial(1), trial(2)]), None);
    }

    #[test]
    fn two_distorted_images_of_one_reference_are_a_choice() {
        let pair =
            |reference, distorted, score, std| RatedPair { reference, distorted, score, std };
        let some = Some(1.0);
        let trials = vec![pair(0, 1, 3.0, some), pair(9, 8, 1.0, some), pair(0, 2, 2.0, some)];
        let choices = Choices::of(&trials).expect("one");
        assert_eq!((choices.trials.clone(), choices.len()), (vec![[0, 2]], 1));
        let p = normal_cdf(1.0 / 2.0_f64.sqrt());
        assert_eq!(choices.shares, [p, 1.0 - p]);
        assert_eq!(choices.held, [Some(1.0 - entropy_of_shares(&[p, 1.0 - p]))]);
        let known = vec![pair(0, 1, 3.0, None), pair(0, 2, 3.0, some), pair(0, 3, 1.0, None)];
        let choices = Choices::of(&known).expect("three");
        assert_eq!(choices.shares, [0.5, 0.5, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(choices.held, [None; 3]);
        assert_eq!(Choices::of(&known[..1].to_vec()), None);
        assert_eq!(Choices::of(&vec![known[0].clone(); 2]), None, "the same images");
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
