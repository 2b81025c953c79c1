//! How often intervals hold the truth, by simulation. The numbers stand in `docs/statistics.md`.

use std::collections::BTreeMap;

use alignscope::comparison::{Measured, Side, compare};
use alignscope::dataset::{ALL, Clusters, Subset, WITHIN_TYPES};
use alignscope::resample::{Draws, Interval, Resampling};
use alignscope::score::{Measure, Scorer, Ties};
use alignscope::{Distance, OddOneOut, RatedPair, Stage, Trials, TwoAlternatives};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, StandardNormal};
use rayon::prelude::*;

/// Simulated data sets of each kind, and resamples of each interval.
const SETS: u64 = 1000;
const RESAMPLES: usize = 1000;

/// Trials with distances of two models.
struct Simulated {
    trials: Trials,
    clusters: Clusters,
    subsets: Vec<Subset>,
    distances: [Vec<f64>; 2],
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Rated pairs like TID2013's: 24 types × 5 levels of each reference. References differ in how
/// visible distortions are in them (to people and to models) and in their offset.
fn rated(references: usize, rng: &mut ChaCha8Rng) -> Simulated {
    let (mut pairs, mut distances) = (Vec::new(), [Vec::new(), Vec::new()]);
    for reference in 0..references as u32 {
        let (offset, seen) = (0.35 * normal(rng), (0.25 * normal(rng)).exp());
        let of_models = [(); 2].map(|()| (0.3 * normal(rng)).exp());
        for kind in 0..24 {
            // What models make of a type is not what people do.
            let bother = 0.5 + f64::from(kind % 6) / 5.0;
            let of_type =
                [0.4 + f64::from(kind * 7 % 24) / 24.0, 0.4 + f64::from(kind * 5 % 24) / 12.0];
            let of_pair = 0.25 * normal(rng);
            for level in 1..=5 {
                let strength = f64::from(level) / 5.0;
                let damage = bother * strength * seen;
                let score =
                    8.0 - 6.0 * damage / (0.5 + damage) + offset + of_pair + 0.3 * normal(rng);
                pairs.push(RatedPair { reference, distorted: 0, score, std: None });
                for ((distances, of_model), of_type) in
                    distances.iter_mut().zip(of_models).zip(of_type)
                {
                    let noise = (0.25 * normal(rng)).exp();
                    distances.push(of_type * strength * of_model * seen * noise);
                }
            }
        }
    }
    let n = pairs.len() as u32;
    let subset =
        |name: &str, trials: Vec<u32>, within| Subset { name: name.to_owned(), trials, within };
    let mut subsets = vec![subset(ALL, (0..n).collect(), vec![])];
    for kind in 0..24 {
        subsets.push(subset("type", (0..n).filter(|i| i % 120 / 5 == kind).collect(), vec![]));
    }
    subsets.push(subset(WITHIN_TYPES, (0..n).collect(), (1..=24).collect()));
    let clusters = Clusters::of_keys(pairs.iter().map(|p| p.reference));
    Simulated { trials: Trials::RatedPairs(pairs), clusters, subsets, distances }
}

fn whole(trials: usize) -> Vec<Subset> {
    vec![Subset { name: ALL.to_owned(), trials: (0..trials as u32).collect(), within: vec![] }]
}

/// Two alternatives: each reference has its own difficulty for each model, in part shared.
fn choices(references: usize, trials_each: usize, rng: &mut ChaCha8Rng) -> Simulated {
    let (mut trials, mut distances) = (Vec::new(), [Vec::new(), Vec::new()]);
    for reference in 0..references as u32 {
        let shared = 0.5 * normal(rng);
        let ease = [0.9, 0.7].map(|mean| mean + shared + 0.4 * normal(rng));
        for _ in 0..trials_each {
            let hard = normal(rng);
            let left_votes = f64::from(rng.random_range(3..=5));
            trials.push(TwoAlternatives {
                reference,
                left: 0,
                right: 1,
                left_votes,
                right_votes: 5.0 - left_votes,
            });
            for (distances, ease) in distances.iter_mut().zip(ease) {
                let right = ease + hard + normal(rng) > 0.0;
                distances.extend(if right { [1.0, 2.0] } else { [2.0, 1.0] });
            }
        }
    }
    let clusters = Clusters::of_keys(trials.iter().map(|t| t.reference));
    let subsets = whole(trials.len());
    Simulated { trials: Trials::TwoAlternatives(trials), clusters, subsets, distances }
}

/// Odd-one-out like THINGS's first test set: `triplets` that are answered `answers` times. A model has one
/// answer to a triplet; the share of people who agree follows from how clear the triplet is.
fn triplets(triplets: usize, answers: usize, by_row: bool, rng: &mut ChaCha8Rng) -> Simulated {
    let (mut trials, mut distances) = (Vec::new(), [Vec::new(), Vec::new()]);
    let clear = Beta::new(2.4, 1.2).expect("positive");
    for triplet in 0..triplets as u32 {
        let majority = 1.0 / 3.0 + 2.0 / 3.0 * clear.sample(rng);
        // Each model finds the majority's answer in some of them, more in the clear ones.
        let finds =
            [0.25 + 0.55 * majority, 0.20 + 0.55 * majority].map(|p| rng.random::<f64>() < p);
        for _ in 0..answers {
            let most = rng.random::<f64>() < majority;
            // Image 2 is what most people find odd; the others halve the rest.
            let odd = if most { 2 } else { rng.random_range(0..2) };
            trials.push(OddOneOut { images: [3 * triplet, 3 * triplet + 1, 3 * triplet + 2], odd });
            for (distances, finds) in distances.iter_mut().zip(finds) {
                distances.extend(if finds { [1.0, 2.0, 3.0] } else { [2.0, 1.0, 3.0] });
            }
        }
    }
    let clusters = Clusters::of_keys(trials.iter().enumerate().map(|(i, t)| match by_row {
        true => i as u32,
        false => t.images[0],
    }));
    let subsets = whole(trials.len());
    Simulated { trials: Trials::OddOneOut(trials), clusters, subsets, distances }
}

/// Every number of a simulated data set: name, value, interval.
fn numbers(set: Simulated, resamples: usize, seed: u64) -> Vec<(String, f64, Option<Interval>)> {
    let resampling = Resampling { resamples, seed, ..Resampling::default() };
    let draws = Draws::new(&resampling, "simulated", set.clusters.count);
    let scorer = Scorer::new(set.trials, set.clusters, set.subsets, draws, Ties::Miss);
    let scores = scorer.score(&set.distances).expect("scored");
    let mut found = Vec::new();
    // Models that are as sure of every answer have no correlation with people's agreement.
    for score in scores[0].scores.iter().filter(|score| !score.score.value.is_nan()) {
        let subset = scorer.subsets()[score.subset].name.as_str();
        let name = match subset {
            ALL => score.score.measure.to_string(),
            // One type stands for all.
            "type" if score.subset > 1 => continue,
            subset => format!("{} {subset}", score.score.measure),
        };
        found.push((name, score.score.value, score.interval.ok()));
    }
    let sides: Vec<Measured> = scores
        .iter()
        .zip(&set.distances)
        .enumerate()
        .map(|(i, (scores, distances))| Measured {
            side: Side {
                model: i.to_string(),
                stage: Stage::Projection,
                distance: Distance::Cosine,
            },
            replicates: scores.main.clone(),
            bits: scores.bits.clone(),
            outcomes: scorer.outcomes(distances),
            state: None,
        })
        .collect();
    let row = compare("things", &scorer, &sides, &[[0, 1]]).swap_remove(0);
    let interval =
        |low: Option<f64>, high: Option<f64>| Some(Interval { low: low?, high: high?, bca: None });
    let name = format!("difference of two: {}", scorer.main_measure());
    found.push((name, row.difference, interval(row.ci_low, row.ci_high)));
    if let Some(kappa) = row.kappa {
        let interval = interval(row.kappa_low, row.kappa_high);
        found.push(("error consistency of two".to_owned(), kappa, interval));
    }
    found
}

/// Share of intervals that hold the truth, per cent: expanded percentile, and BCa.
fn coverage(
    name: &str,
    large: impl Fn(&mut ChaCha8Rng) -> Simulated,
    small: impl Fn(&mut ChaCha8Rng) -> Simulated + Sync,
) -> BTreeMap<String, [f64; 2]> {
    // The truth is what a very large data set of the same kind shows.
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let truth: BTreeMap<String, f64> =
        numbers(large(&mut rng), 0, 0).into_iter().map(|(name, value, _)| (name, value)).collect();
    let sets: Vec<Vec<(String, f64, Option<Interval>)>> = (0..SETS)
        .into_par_iter()
        .map(|set| {
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            rng.set_stream(set);
            numbers(small(&mut rng), RESAMPLES, set)
        })
        .collect();
    let mut held = BTreeMap::<String, [f64; 2]>::new();
    for (name, _, interval) in sets.iter().flatten() {
        let truth = truth[name];
        let held = held.entry(name.clone()).or_default();
        let interval = interval.expect("an interval");
        held[0] += f64::from(u8::from(interval.low <= truth && truth <= interval.high));
        if let Some([low, high]) = interval.bca {
            held[1] += f64::from(u8::from(low <= truth && truth <= high));
        }
    }
    for (measure, held) in &mut held {
        *held = held.map(|held| 100.0 * held / SETS as f64);
        println!(
            "| {name} | {measure} | {:.4} | {:.1} | {:.1} |",
            truth[measure], held[0], held[1]
        );
    }
    held
}

/// These are held in 93 to 97 of 100 sets.
fn hold(held: &BTreeMap<String, [f64; 2]>, names: &[&str]) {
    for name in names {
        assert!((93.0..=97.0).contains(&held[*name][0]), "{name}: {:?}", held[*name]);
    }
}

#[test]
#[ignore = "takes some minutes"]
fn intervals_of_ratings_hold_the_truth() {
    let held = coverage("25 references × 120 pairs", |rng| rated(1500, rng), |rng| rated(25, rng));
    // Other measures of 25 references are told to be too narrow.
    hold(&held, &["spearman", "kendall", "spearman type", "difference of two: spearman"]);
}

#[test]
#[ignore = "takes some minutes"]
fn intervals_of_choices_hold_the_truth() {
    let large = |rng: &mut ChaCha8Rng| choices(200_000, 4, rng);
    let names = [
        "accuracy",
        "beyond-chance",
        "vote-share",
        "difference of two: accuracy",
        "error consistency of two",
    ];
    hold(&coverage("25 references × 40 choices", large, |rng| choices(25, 40, rng)), &names);
    hold(&coverage("100 references × 100 choices", large, |rng| choices(100, 100, rng)), &names);
    let each = |rng: &mut ChaCha8Rng| choices(1_000_000, 1, rng);
    hold(&coverage("2,000 references × 1 choice", each, |rng| choices(2000, 1, rng)), &names);
    // More than a block of clusters.
    hold(&coverage("70,000 references × 1 choice", each, |rng| choices(70_000, 1, rng)), &names);
}

#[test]
#[ignore = "takes some minutes"]
fn intervals_of_triplets_hold_the_truth_and_those_of_rows_do_not() {
    let large = |rng: &mut ChaCha8Rng| triplets(500_000, 4, false, rng);
    let name = "1,000 triplets × 20 answers";
    let held = coverage(name, large, |rng| triplets(1000, 20, false, rng));
    let names =
        ["accuracy", "beyond-chance", "difference of two: accuracy", "error consistency of two"];
    hold(&held, &names);
    let rows = coverage("the same, row by row", large, |rng| triplets(1000, 20, true, rng));
    assert!(rows[Measure::Accuracy.name()][0] < 80.0);
}
