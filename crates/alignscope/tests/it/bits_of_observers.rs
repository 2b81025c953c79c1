//! Bits of simulated observers of known temperature, at the three levels. The numbers of the long
//! tests stand in `docs/statistics.md`.

use alignscope::dataset::{ALL, Clusters, Subset};
use alignscope::resample::{Draws, NoInterval, Resampling};
use alignscope::score::{Measure, Scorer, SubsetScore, Ties, TrialFacts};
use alignscope::{OddOneOut, RatedPair, Trials, TwoAlternatives};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};
use rayon::prelude::*;

/// Simulated data sets of each kind in the long tests, and resamples of each interval.
const SETS: u64 = 200;
const RESAMPLES: usize = 1000;

/// How much a model's distances differ from the observers' own.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Model {
    /// Not at all.
    Perfect,
    /// Each by a factor of its own.
    Noisy,
    /// Their order is turned.
    Reversed,
    /// All are the same.
    Constant,
}

impl Model {
    const ALL: [Self; 4] = [Self::Perfect, Self::Noisy, Self::Reversed, Self::Constant];

    fn sees(self, distance: f64, rng: &mut ChaCha8Rng) -> f64 {
        let noise: f64 = StandardNormal.sample(rng);
        match self {
            Self::Perfect => distance,
            Self::Noisy => distance * (0.5 * noise).exp(),
            Self::Reversed => 10.0 - distance,
            Self::Constant => 1.0,
        }
    }
}

/// What observers answer by: softmax of distances by this temperature.
const TAU: f64 = 0.3;

/// A kind of data set: how many clusters, and trials in each.
#[derive(Debug, Clone, Copy)]
enum Level {
    /// References, distorted images of each.
    Rated(usize, usize),
    /// References, choices of each by five people.
    Choices(usize, usize),
    /// Triplets, answers to each.
    Triplets(usize, usize),
}

struct Simulated {
    trials: Trials,
    clusters: Clusters,
    /// What the observers answer by.
    distances: Vec<f64>,
}

impl Level {
    fn name(self) -> String {
        match self {
            Self::Rated(references, images) => format!("{references} references × {images} pairs"),
            Self::Choices(references, choices) => {
                format!("{references} references × {choices} choices of 5")
            }
            Self::Triplets(triplets, answers) => {
                format!("{triplets} triplets × {answers} answers")
            }
        }
    }

    /// By how much the share explained of a perfect model is off.
    fn bias(self) -> f64 {
        match self {
            Self::Rated(..) => -0.037,
            Self::Choices(..) => -0.018,
            Self::Triplets(_, 10) => -0.011,
            Self::Triplets(..) => -0.003,
        }
    }

    /// Clusters differ in how far their images are apart.
    fn simulate(self, rng: &mut ChaCha8Rng) -> Simulated {
        match self {
            Self::Rated(references, images) => rated(references, images, rng),
            Self::Choices(references, choices) => two(references, choices, rng),
            Self::Triplets(count, answers) => triplets(count, answers, rng),
        }
    }
}

fn scale(rng: &mut ChaCha8Rng) -> f64 {
    let normal: f64 = StandardNormal.sample(rng);
    (0.3 * normal).exp()
}

fn distance(scale: f64, rng: &mut ChaCha8Rng) -> f64 {
    scale * Gamma::new(3.0, 1.0 / 3.0).expect("positive").sample(rng)
}

/// Means of 20 people's ratings. The difference of two ratings is logistic of scale τ, and they are
/// told the deviation that it has.
fn rated(references: usize, images: usize, rng: &mut ChaCha8Rng) -> Simulated {
    let std = TAU * std::f64::consts::PI / 6.0_f64.sqrt();
    let (mut pairs, mut distances) = (vec![], vec![]);
    for reference in 0..references as u32 {
        let scale = scale(rng);
        for distorted in 0..images as u32 {
            let d = distance(scale, rng);
            let distorted = references as u32 + distorted;
            let error: f64 = StandardNormal.sample(rng);
            let score = 9.0 - d + error * std / 20.0_f64.sqrt();
            pairs.push(RatedPair { reference, distorted, score, std: Some(std) });
            distances.push(d);
        }
    }
    let clusters = Clusters::of_keys(pairs.iter().map(|p| p.reference));
    Simulated { trials: Trials::RatedPairs(pairs), clusters, distances }
}

fn two(references: usize, choices: usize, rng: &mut ChaCha8Rng) -> Simulated {
    let (mut trials, mut distances) = (vec![], vec![]);
    let mut image = references as u32;
    for reference in 0..references as u32 {
        let scale = scale(rng);
        for _ in 0..choices {
            let [left, right] = [(); 2].map(|()| distance(scale, rng));
            let p = 1.0 / (1.0 + ((left - right) / TAU).exp());
            let left_votes = (0..5).filter(|_| rng.random::<f64>() < p).count() as f64;
            image += 2;
            trials.push(TwoAlternatives {
                reference,
                left: image,
                right: image + 1,
                left_votes,
                right_votes: 5.0 - left_votes,
            });
            distances.extend([left, right]);
        }
    }
    let clusters = Clusters::of_keys(trials.iter().map(|t| t.reference));
    Simulated { trials: Trials::TwoAlternatives(trials), clusters, distances }
}

fn triplets(count: usize, answers: usize, rng: &mut ChaCha8Rng) -> Simulated {
    let (mut trials, mut distances) = (vec![], vec![]);
    for triplet in 0..count as u32 {
        let scale = scale(rng);
        let d = [(); 3].map(|()| distance(scale, rng));
        let weights = d.map(|d| (-d / TAU).exp());
        let total: f64 = weights.iter().sum();
        for _ in 0..answers {
            let drawn = total * rng.random::<f64>();
            let kept = match drawn {
                drawn if drawn < weights[0] => 0,
                drawn if drawn < weights[0] + weights[1] => 1,
                _ => 2,
            };
            let images = [3 * triplet, 3 * triplet + 1, 3 * triplet + 2];
            trials.push(OddOneOut { images, odd: 2 - kept });
            distances.extend(d);
        }
    }
    let clusters = Clusters::of_keys(trials.iter().map(|t| t.images[0]));
    Simulated { trials: Trials::OddOneOut(trials), clusters, distances }
}

/// What a model sees of the observers' distances: the same of the same pair.
fn seen(model: Model, of: &Simulated, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut known = std::collections::HashMap::new();
    let see = |d: &f64| *known.entry(d.to_bits()).or_insert_with(|| model.sees(*d, rng));
    of.distances.iter().map(see).collect()
}

/// A scorer of all trials.
fn scorer(trials: &Trials, clusters: Clusters, resamples: usize) -> Scorer {
    let resampling = Resampling { resamples, ..Resampling::default() };
    let draws = Draws::new(&resampling, "simulated", clusters.count);
    let all = (0..trials.len() as u32).collect();
    let whole = Subset { name: ALL.to_owned(), trials: all, within: vec![] };
    Scorer::new(trials.clone(), clusters, vec![whole], draws, Ties::Miss)
}

/// Bits and the share explained of a model on a data set of a kind.
fn scores(level: Level, model: Model, rng: &mut ChaCha8Rng, resamples: usize) -> [SubsetScore; 2] {
    let of = level.simulate(rng);
    let distances = seen(model, &of, rng);
    let scorer = scorer(&of.trials, of.clusters, resamples);
    let found = scorer.score(&[distances]).expect("scored").swap_remove(0);
    [Measure::Bits, Measure::Explained].map(|measure| {
        let of_measure = found.scores.iter().find(|score| score.score.measure == measure);
        of_measure.expect("a score").clone()
    })
}

const SMALL: [Level; 3] = [Level::Rated(25, 12), Level::Choices(40, 10), Level::Triplets(150, 12)];

#[test]
fn constant_distances_give_no_bits_and_turned_ones_less_than_none() {
    for level in SMALL {
        let rng = || ChaCha8Rng::seed_from_u64(5);
        let [bits, explained] = scores(level, Model::Constant, &mut rng(), 100);
        assert_eq!([bits.score.value, explained.score.value], [0.0; 2], "{level:?}");
        assert_eq!((bits.score.n_ties, bits.score.chance), (0, 0.0));
        let [bits, explained] = scores(level, Model::Reversed, &mut rng(), 100);
        assert!(bits.score.value < 0.0 && bits.score.value > -0.1, "{level:?}: {bits:?}");
        assert!(explained.score.value < 0.0, "{level:?}: {explained:?}");
        assert!(bits.interval.expect("an interval").high < 0.0, "{level:?}");
    }
}

#[test]
fn a_model_that_knows_how_people_divide_explains_all_and_a_noisy_one_less() {
    for (set, level) in SMALL.into_iter().enumerate() {
        let mut rng = ChaCha8Rng::seed_from_u64(7 + set as u64);
        let [bits, explained] = scores(level, Model::Perfect, &mut rng, 500);
        let interval = explained.interval.expect("an interval");
        // What means of 20 ratings hold of rated pairs is a little more than what 20 people know.
        let truth = if matches!(level, Level::Rated(..)) { 0.97 } else { 1.0 };
        assert!((interval.low..=interval.high).contains(&truth), "{level:?}: {explained:?}");
        assert!((explained.score.value - truth).abs() < 0.1, "{level:?}: {explained:?}");
        let mut rng = ChaCha8Rng::seed_from_u64(7 + set as u64);
        let [noisy, part] = scores(level, Model::Noisy, &mut rng, 500);
        assert!(noisy.score.value < 0.8 * bits.score.value, "{level:?}: {noisy:?}");
        assert!(part.interval.expect("an interval").high < 1.0, "{level:?}: {part:?}");
        assert!(noisy.interval.expect("an interval").low > 0.0, "{level:?}: {noisy:?}");
    }
}

#[test]
fn choices_between_trials_that_are_drawn_apart_have_no_interval() {
    let of = Level::Rated(25, 6).simulate(&mut ChaCha8Rng::seed_from_u64(3));
    let each = Clusters::of_keys(0..of.trials.len());
    for (clusters, is_whole) in [(of.clusters.clone(), true), (each, false)] {
        let scorer = scorer(&of.trials, clusters, 100);
        let found = scorer.score(std::slice::from_ref(&of.distances)).expect("scored").swap_remove(0);
        for measure in [Measure::Bits, Measure::Explained] {
            let score = found.scores.iter().find(|s| s.score.measure == measure).expect("a score");
            assert_eq!(score.interval.is_ok(), is_whole, "{score:?}");
            let note = scorer.interval_note(score).expect("a note");
            assert_eq!(note.contains("choices lie in several clusters"), !is_whole, "{note}");
            if !is_whole {
                assert_eq!(score.interval, Err(NoInterval::DividedChoices));
            }
        }
        // Comparisons have none either.
        assert_eq!(found.bits.expect("bits").interval().is_ok(), is_whole);
        assert!(found.main.interval().is_ok());
    }
}

/// The notes of bits and of the share explained, of a model that sees all images alike or not.
fn notes(trials: &Trials, facts: TrialFacts) -> [Option<String>; 2] {
    let scorer = scorer(trials, Clusters::of_keys(0..trials.len()), 0).with_facts(facts);
    let distances = (0..trials.len() * trials.comparisons()).map(|i| (i * 37 % 101) as f64);
    let found = scorer.score(&[distances.collect()]).expect("scored").swap_remove(0);
    [Measure::Bits, Measure::Explained].map(|measure| {
        let score = found.scores.iter().find(|score| score.score.measure == measure)?;
        Some(scorer.interval_note(score).unwrap_or_default())
    })
}

#[test]
fn notes_say_what_bits_are_of_and_why_the_share_explained_is_too_small() {
    let of_single = TrialFacts { has_deviations_of_ratings: true, ..TrialFacts::default() };
    let Trials::RatedPairs(mut pairs) =
        Level::Rated(10, 5).simulate(&mut ChaCha8Rng::seed_from_u64(3)).trials
    else {
        unreachable!("rated pairs")
    };
    let trials = Trials::RatedPairs(pairs.clone());
    let [bits, explained] = notes(&trials, TrialFacts::default()).map(|note| note.expect("a row"));
    assert!(bits.contains("of people's mean scores, not of single answers"), "{bits}");
    assert!(explained.contains("a little too small: people's mean scores have errors"));
    let [bits, explained] = notes(&trials, of_single.clone()).map(|note| note.expect("a row"));
    assert!(!bits.contains("mean scores"), "{bits}");
    assert!(explained.contains("too small") && !explained.contains("single"), "{explained}");
    pairs[7].std = None;
    let [bits, explained] = notes(&Trials::RatedPairs(pairs), of_single);
    assert_eq!(explained, None);
    let bits = bits.expect("a row");
    assert!(bits.contains("taken as sure: 1 of 50 pairs have no deviation"), "{bits}");

    let few = Level::Choices(10, 5).simulate(&mut ChaCha8Rng::seed_from_u64(3)).trials;
    let [bits, explained] = notes(&few, TrialFacts::default()).map(|note| note.expect("a row"));
    assert!(!bits.contains("mean scores") && !bits.contains("answers"), "{bits}");
    assert!(explained.contains("a little too small: 5.0 answers to a question"), "{explained}");
    let many = Level::Triplets(10, 20).simulate(&mut ChaCha8Rng::seed_from_u64(3)).trials;
    let [_, explained] = notes(&many, TrialFacts::default()).map(|note| note.expect("a row"));
    assert!(!explained.contains("too small"), "{explained}");
}

/// The correlation with agreement on questions of their own clusters, some with five votes.
fn agreement(questions: u32, others: u32) -> SubsetScore {
    let trial = |i: u32| {
        let votes = if i < questions { f64::from(3 + i % 3) } else { 1.0 };
        let right_votes = if i < questions { 5.0 - votes } else { 0.0 };
        let [reference, left, right] = [3 * i, 3 * i + 1, 3 * i + 2];
        TwoAlternatives { reference, left, right, left_votes: votes, right_votes }
    };
    let trials = Trials::TwoAlternatives((0..questions + others).rev().map(trial).collect());
    let scorer = scorer(&trials, Clusters::of_keys(0..trials.len()), 100);
    let distances = (0..2 * trials.len()).map(|i| (i * 37 % 101 + i % 7) as f64).collect();
    let found = scorer.score(&[distances]).expect("scored").swap_remove(0).scores;
    let is_it = |score: &SubsetScore| score.score.measure == Measure::AgreementCorrelation;
    found.into_iter().find(is_it).expect("a score")
}

#[test]
fn clusters_without_a_question_cost_nothing_and_too_many_with_one_have_no_bca() {
    let few = agreement(200, 15_000);
    assert_eq!((few.score.n, few.n_clusters), (200, 200));
    assert!(few.interval.expect("an interval").bca.is_some());
    let many = agreement(10_100, 0);
    assert_eq!((many.score.n, many.n_clusters), (10_100, 10_100));
    assert!(many.interval.expect("an interval").bca.is_none());
}

/// Mean estimates of many sets, and how many of 100 intervals hold the truth, for both measures.
fn many(level: Level, model: Model, truth: [f64; 2]) -> [[f64; 2]; 2] {
    let sets: Vec<[SubsetScore; 2]> = (0..SETS)
        .into_par_iter()
        .map(|set| {
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            rng.set_stream(set);
            scores(level, model, &mut rng, RESAMPLES)
        })
        .collect();
    [0, 1].map(|m| {
        let values = sets.iter().map(|set| set[m].score.value);
        let held = sets.iter().filter(|set| {
            let interval = set[m].interval.expect("an interval");
            (interval.low..=interval.high).contains(&truth[m])
        });
        let n = SETS as f64;
        [values.sum::<f64>() / n, 100.0 * held.count() as f64 / n]
    })
}

/// A row of the table for each level and measure.
fn table(large: Level, small: &[Level], models: &[Model]) {
    for model in models {
        // The truth is what a very large data set of the same kind shows.
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let [bits, explained] = scores(large, *model, &mut rng, 0);
        let explained = if *model == Model::Perfect { 1.0 } else { explained.score.value };
        let truth = [bits.score.value, explained];
        for level in small {
            let found = many(*level, *model, truth);
            for (m, measure) in ["bits", "explained"].into_iter().enumerate() {
                let [mean, held] = found[m];
                let bias = mean - truth[m];
                println!(
                    "| {} | {model:?} | {measure} | {:.4} | {bias:+.4} | {held:.1} |",
                    level.name(),
                    truth[m]
                );
                // That of entropies of few answers and of ratings: see the page.
                let expected = match (m, model) {
                    (1, Model::Perfect) => level.bias(),
                    _ => 0.0,
                };
                let scale = if *model == Model::Reversed { 0.05 } else { 1.0 };
                let off = (bias - expected).abs();
                assert!(off < 0.006 * scale, "{level:?} {model:?} {measure}: {bias}");
                let is_held = held > 86.0 || expected < 0.0;
                assert!(is_held, "{level:?} {model:?} {measure}: {held}");
            }
        }
    }
}

#[test]
#[ignore = "takes some minutes"]
fn bits_of_ratings_are_those_of_the_observers() {
    let small = [Level::Rated(25, 20)];
    table(Level::Rated(4000, 20), &small, &Model::ALL[..3]);
}

#[test]
#[ignore = "takes some minutes"]
fn bits_of_choices_are_those_of_the_observers() {
    let small = [Level::Choices(25, 40), Level::Choices(100, 40)];
    table(Level::Choices(20_000, 10), &small, &Model::ALL[..3]);
}

#[test]
#[ignore = "takes some minutes"]
fn bits_of_triplets_are_those_of_the_observers() {
    let small = [10, 20].map(|answers| Level::Triplets(1000, answers));
    table(Level::Triplets(40_000, 40), &small, &Model::ALL[..3]);
}
