//! All intervals of the study at its full size, timed.

use std::time::Instant;

use alignscope::dataset::{LabelColumn, Level, RatedPair, TwoAlternatives};
use alignscope::resample::{ClusterBy, Draws, Resampling};
use alignscope::score::{Scorer, Ties};
use alignscope::{Dataset, OddOneOut, Trials};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn label(name: &str, codes: Vec<u32>, values: &[&str]) -> LabelColumn {
    let values = values.iter().map(|v| (*v).to_owned()).collect();
    LabelColumn { name: name.to_owned(), values, codes }
}

fn dataset(name: &str, level: Level, trials: Trials, labels: Vec<LabelColumn>) -> Dataset {
    Dataset { labels, ..Dataset::new(name, level, vec![], trials) }
}

fn full_size(rng: &mut ChaCha8Rng) -> [Dataset; 3] {
    let pairs = (0..3000_u32).map(|i| RatedPair {
        reference: i / 120,
        distorted: i,
        score: 9.0 * rng.random::<f64>(),
        std: Some(0.1),
    });
    let pairs = Trials::RatedPairs(pairs.collect());
    let types: Vec<String> = (1..=24).map(|t| t.to_string()).collect();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let tid = vec![
        label("distortion_type", (0..3000).map(|i| i % 120 / 5).collect(), &types),
        label("distortion_level", (0..3000).map(|i| i % 5).collect(), &["1", "2", "3", "4", "5"]),
    ];
    let choices = (0..20_019_u32).map(|i| {
        let right_votes = f64::from(rng.random_range(0..6));
        TwoAlternatives {
            reference: i,
            left: i,
            right: i,
            left_votes: 5.0 - right_votes,
            right_votes,
        }
    });
    let choices = Trials::TwoAlternatives(choices.collect());
    let nights = vec![
        label("split", (0..20_019).map(|i| i % 3).collect(), &["train", "val", "test"]),
        label("is_imagenet", (0..20_019).map(|i| i / 7 % 2).collect(), &["True", "False"]),
        label("votes", (0..20_019).map(|i| i / 3 % 6).collect(), &["5", "6", "7", "8", "9", "10"]),
    ];
    let answers = (0..20_000_u32).map(|i| OddOneOut {
        images: [i % 1000, 2000, 3000],
        odd: if rng.random::<f64>() < 0.6 { 2 } else { rng.random_range(0..3) },
    });
    let answers = Trials::OddOneOut(answers.collect());
    [
        dataset("tid2013", Level::Low, pairs, tid),
        dataset("nights", Level::Middle, choices, nights),
        dataset("things", Level::High, answers, vec![]),
    ]
}

#[test]
#[ignore = "takes a minute of two cores"]
fn all_stages_of_seven_models_on_three_data_sets() {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let resampling = Resampling::default();
    let mut total = 0.0;
    for dataset in full_size(&mut rng) {
        let clusters = dataset.clusters(ClusterBy::Default).expect("clusters");
        let draws = Draws::new(&resampling, &dataset.name, clusters.count);
        let (trials, subsets) = (dataset.trials.clone(), dataset.subsets());
        let per_trial = trials.comparisons();
        let scorer = Scorer::new(trials, clusters, subsets, draws, Ties::Miss);
        let (mut seconds, mut scores) = (0.0, 0);
        // Pixels, and embedding, blocks and projection of seven models, three distances each.
        for columns in [1, 3 * 14, 3 * 14, 3 * 26, 3 * 26, 3 * 14, 3 * 14, 3 * 14] {
            let column = |_| -> Vec<f64> {
                let mut near = |score: f64| (score + 2.0 * rng.random::<f64>()).max(0.0);
                match &dataset.trials {
                    Trials::RatedPairs(trials) => {
                        trials.iter().map(|t| near(-t.score + 9.0)).collect()
                    }
                    trials => (0..per_trial * trials.len()).map(|_| near(0.0)).collect(),
                }
            };
            let columns: Vec<Vec<f64>> = (0..columns).map(column).collect();
            let clock = Instant::now();
            let found = scorer.score(&columns).expect("scored");
            seconds += clock.elapsed().as_secs_f64();
            scores += found.iter().map(|c| c.scores.len()).sum::<usize>();
        }
        println!("{}: {scores} scores in {seconds:.1} s", dataset.name);
        total += seconds;
    }
    println!("all: {total:.1} s on {} threads", rayon::current_num_threads());
    assert!(total < 60.0, "{total} s");
}
