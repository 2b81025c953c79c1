//! Bits of simulated observers of known temperature, at the three levels. The numbers of the long
//! tests stand in `docs/statistics.md`.

use alignscope::dataset::{ALL, Clusters, Subset};
use alignscope::resample::{Draws, Resampling};
use alignscope::score::{Measure, Scorer, SubsetScore, Ties};
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

/// Bits and the share explained of a model on a data set of a kind.
fn scores(level: Level, model: Model, rng: &mut ChaCha8Rng, resamples: usize) -> [SubsetScore; 2] {
    let of = level.simulate(rng);
    let distances = seen(model, &of, rng);
    let resampling = Resampling { resamples, ..Resampling::default() };
    let draws = Draws::new(&resampling, "simulated", of.clusters.count);
    let trials = (0..of.trials.len() as u32).collect();
    let whole = Subset { name: ALL.to_owned(), trials, within: vec![] };
    let scorer = Scorer::new(of.trials, of.clusters, vec![whole], draws, Ties::Miss);
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
                // Ratings and few answers: see the page.
                assert!(bias.abs() < 0.04, "{level:?} {model:?} {measure}: {bias}");
                assert!(m == 1 || held > 88.0, "{level:?} {model:?} {measure}: {held}");
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
