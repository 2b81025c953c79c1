//! What is found by looking at many stages, or at many pairs of models, by simulation: how often something is
//! found where there is nothing. The numbers stand in `docs/statistics.md`.

use alignscope::comparison::{Measured, Side, compare, pairs};
use alignscope::dataset::{ALL, Clusters, Subset};
use alignscope::findings::{Curve, Finding, FindingRow, Point, State, TrainingCurve};
use alignscope::resample::{Draws, Resampling};
use alignscope::score::{Measure, Scorer, Ties};
use alignscope::{Distance, OddOneOut, RatedPair, SeriesStep, Stage, Trials, TwoAlternatives};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Simulated data sets of each kind.
const SETS: u64 = 1000;
const RESAMPLES: usize = 1000;

/// Trials of so many clusters, and `columns` lists of distances that are all as good.
#[derive(Clone, Copy)]
enum Kind {
    /// 40 choices for each reference.
    Choices(u32),
    /// 4 answers to each triplet.
    Triplets(u32),
    /// 40 rated pairs for each reference.
    Rated(u32),
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

impl Kind {
    /// A scorer of simulated trials, and the lists. List `k` finds clusters easier by `ease[k]`.
    fn simulate(self, ease: &[f64], rng: &mut ChaCha8Rng, seed: u64) -> (Scorer, Vec<Vec<f64>>) {
        let mut distances = vec![Vec::new(); ease.len()];
        let mut codes = Vec::new();
        let (mut choices, mut triplets, mut pairs) = (vec![], vec![], vec![]);
        let clusters = match self {
            Self::Choices(n) | Self::Triplets(n) | Self::Rated(n) => n,
        };
        for cluster in 0..clusters {
            // Clusters differ in how easy they are, for all lists and for each.
            let shared = 0.7 + 0.5 * normal(rng);
            let of_lists: Vec<f64> =
                ease.iter().map(|ease| shared + ease + 0.4 * normal(rng)).collect();
            for _ in 0..if matches!(self, Self::Triplets(_)) { 4 } else { 40 } {
                codes.push(cluster);
                let hard = normal(rng);
                match self {
                    Self::Choices(_) => choices.push(TwoAlternatives {
                        reference: cluster,
                        left: 0,
                        right: 1,
                        left_votes: 3.0,
                        right_votes: 2.0,
                    }),
                    Self::Triplets(_) => {
                        let odd =
                            if rng.random::<f64>() < 0.6 { 2 } else { rng.random_range(0..2) };
                        triplets.push(OddOneOut {
                            images: [3 * cluster, 3 * cluster + 1, 3 * cluster + 2],
                            odd,
                        });
                    }
                    Self::Rated(_) => {
                        pairs.push(RatedPair {
                            reference: cluster,
                            distorted: 0,
                            score: -hard,
                            std: None,
                        });
                    }
                }
                for (list, ease) in distances.iter_mut().zip(&of_lists) {
                    match self {
                        Self::Choices(_) => {
                            let right = ease + hard + normal(rng) > 0.0;
                            list.extend(if right { [1.0, 2.0] } else { [2.0, 1.0] });
                        }
                        // A model has one answer to a triplet.
                        Self::Triplets(_) if list.len() % 12 > 0 => {
                            list.extend_from_within(list.len() - 3..);
                        }
                        Self::Triplets(_) => {
                            let finds = ease + normal(rng) > 0.0;
                            list.extend(if finds { [1.0, 2.0, 3.0] } else { [2.0, 1.0, 3.0] });
                        }
                        Self::Rated(_) => list.push(5.0 + hard * ease.exp() + 0.8 * normal(rng)),
                    }
                }
            }
        }
        let trials = match self {
            Self::Choices(_) => Trials::TwoAlternatives(choices),
            Self::Triplets(_) => Trials::OddOneOut(triplets),
            Self::Rated(_) => Trials::RatedPairs(pairs),
        };
        let every = (0..trials.len() as u32).collect();
        let whole = Subset { name: ALL.to_owned(), trials: every, within: vec![] };
        let clusters = Clusters::of_keys(codes.into_iter());
        let resampling = Resampling { resamples: RESAMPLES, seed, ..Resampling::default() };
        let draws = Draws::new(&resampling, "simulated", clusters.count);
        (Scorer::new(trials, clusters, vec![whole], draws, Ties::Miss), distances)
    }
}

/// In how many of a hundred flat curves of `blocks` blocks an onset, and a drop, is clear of 0; and the
/// fall to the last, where they are states of a training and no stages.
fn flat(name: &str, kind: Kind, blocks: usize, sets: u64) -> [f64; 3] {
    let found: Vec<[bool; 3]> = (0..sets)
        .into_par_iter()
        .map(|set| {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            rng.set_stream(set);
            let stages = Stage::of_encoder(blocks, Stage::Projection);
            let (scorer, distances) = kind.simulate(&vec![0.0; stages.len() + 1], &mut rng, set);
            let scores = scorer.score(&distances).expect("scored");
            let (image, scores) = scores.split_last().expect("the pixels are last");
            let curve = Curve {
                dataset: "things",
                model: "m",
                state: None,
                distance: Distance::Cosine,
                measure: scorer.main_measure(),
                points: stages
                    .iter()
                    .zip(scores)
                    .map(|(stage, scores)| Point {
                        stage: *stage,
                        depth_percent: stage.depth_percent(blocks),
                        replicates: &scores.main,
                        halves: &scores.halves,
                    })
                    .collect(),
                image: Some(&image.main),
                ceiling: None,
                chance: scorer.chance(),
            };
            let steps = (0..scores.len()).map(|step| SeriesStep { series: "m".to_owned(), step });
            let steps: Vec<SeriesStep> = steps.collect();
            let training = TrainingCurve {
                dataset: "things",
                distance: Distance::Cosine,
                measure: scorer.main_measure(),
                stage: Stage::Projection,
                depth_percent: 100.0,
                states: steps
                    .iter()
                    .zip(scores)
                    .map(|(at, scores)| State { at, replicates: &scores.main })
                    .collect(),
            };
            let mut findings = curve.findings();
            findings.extend(training.findings());
            [Finding::Onset, Finding::MidDepthDrop, Finding::TrainingFall].map(|finding| {
                let of = |f: &&FindingRow| f.finding == finding;
                findings.iter().find(of).is_some_and(|f| f.ci_low.is_some_and(|low| low > 0.0))
            })
        })
        .collect();
    let share =
        |i: usize| 100.0 * found.iter().filter(|f| f[i]).count() as f64 / found.len() as f64;
    let shares = [share(0), share(1), share(2)];
    let [onset, drop, fall] = shares;
    println!("| {name} | {} | {onset:.1} | {drop:.1} | {fall:.1} |", blocks + 2);
    shares
}

#[test]
#[ignore = "takes some minutes"]
fn a_flat_curve_has_an_onset_a_drop_or_a_fall_in_one_of_twenty_data_sets_at_most() {
    for (name, kind, blocks, sets) in [
        ("25 references × 40 choices", Kind::Choices(25), 12, SETS),
        ("25 references × 40 choices", Kind::Choices(25), 24, SETS),
        ("1,000 triplets × 4 answers", Kind::Triplets(1000), 12, SETS),
        ("1,000 triplets × 4 answers", Kind::Triplets(1000), 24, SETS),
        ("25 references × 40 pairs", Kind::Rated(25), 12, SETS / 2),
    ] {
        let [onset, drop, fall] = flat(name, kind, blocks, sets);
        // Two deviations of 5 % in 1,000 sets are 1.4 points; in 500, 2.
        assert!(onset <= 6.0 && drop <= 6.0 && fall <= 6.0, "{name}: {onset} {drop} {fall}");
    }
}

/// In how many of a hundred data sets Holm's correction leaves a difference among eight models, of which
/// the last is better by `ease`; of pairs without and with it.
fn eight_models(name: &str, kind: Kind, ease: f64) -> [f64; 2] {
    let found: Vec<[bool; 2]> = (0..SETS)
        .into_par_iter()
        .map(|set| {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            rng.set_stream(set);
            let mut eases = vec![0.0; 8];
            eases[7] = ease;
            let (scorer, distances) = kind.simulate(&eases, &mut rng, set);
            let scores = scorer.score(&distances).expect("scored");
            let side = |i: usize| Side {
                model: i.to_string(),
                stage: Stage::Projection,
                distance: Distance::Cosine,
            };
            let sides: Vec<Measured> = scores
                .into_iter()
                .enumerate()
                .map(|(i, s)| Measured {
                    side: side(i),
                    replicates: s.main,
                    bits: None,
                    outcomes: None,
                    state: None,
                })
                .collect();
            let rows = compare("nights", &scorer, &sides, &pairs(&sides));
            assert_eq!(rows.len(), 28);
            assert!(rows.iter().all(|r| r.p_holm >= r.p && r.measure == Measure::Accuracy));
            [false, true].map(|with| {
                let of = |model: &str| (model == "7") == with;
                let mut of_kind = rows.iter().filter(|r| of(&r.model_b));
                of_kind.any(|r| r.p_holm.is_some_and(|p| p <= 0.05))
            })
        })
        .collect();
    let share =
        |i: usize| 100.0 * found.iter().filter(|f| f[i]).count() as f64 / found.len() as f64;
    let shares = [share(0), share(1)];
    println!("| {name}, the eighth by {ease} | {:.1} | {:.1} |", shares[0], shares[1]);
    shares
}

#[test]
#[ignore = "takes some minutes"]
fn holm_finds_a_true_difference_among_eight_models_and_nothing_where_there_is_none() {
    for (name, kind) in [
        ("25 references × 40 choices", Kind::Choices(25)),
        ("1,000 triplets × 4 answers", Kind::Triplets(1000)),
    ] {
        let [among, with] = eight_models(name, kind, 0.0);
        assert!(among <= 6.0 && with <= 6.0, "{name}: {among} {with}");
        let [among, with] = eight_models(name, kind, 1.2);
        assert!(among <= 6.0 && with >= 90.0, "{name}: {among} {with}");
    }
}
