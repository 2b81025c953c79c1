//! Answers of very many clusters are resampled block by block: the scores are those of the plain
//! way.

use alignscope::dataset::{ALL, Clusters, Subset};
use alignscope::resample::{BLOCK, Draws, Resampling};
use alignscope::score::{ColumnScores, Measure, Scorer, Ties};
use alignscope::{OddOneOut, Pairs, Silent, Trials};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const IMAGES: u32 = 200;

const RESAMPLES: usize = 100;

/// Answers to triplets of some images, most triplets asked once.
fn triplets(answers: usize) -> Trials {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut answer = |_| {
        let images = std::array::from_fn(|_| rng.random_range(0..IMAGES));
        OddOneOut { images, odd: rng.random_range(0..3) }
    };
    let is_whole = |trial: &OddOneOut| {
        let [a, b, c] = trial.images;
        a != b && a != c && b != c
    };
    Trials::OddOneOut((0..).map(&mut answer).filter(is_whole).take(answers).collect())
}

fn scorer(trials: &Trials, draws: impl Fn(usize) -> Draws) -> Scorer {
    let paradigm = trials.paradigm();
    let clusters = Clusters::of_keys((0..trials.len()).map(|i| paradigm.cluster(i)));
    let n = trials.len() as u32;
    let subset =
        |name: &str, trials: Vec<u32>| Subset { name: name.to_owned(), trials, within: vec![] };
    let subsets = vec![subset(ALL, (0..n).collect()), subset("part", (0..n).step_by(3).collect())];
    let draws = draws(clusters.count);
    Scorer::new(trials.clone(), clusters, subsets, draws, Ties::Half)
}

/// Distances of pairs that follow the answers a little, and tie now and then.
fn lists(trials: &Trials, pairs: &Pairs) -> Vec<Vec<f64>> {
    let Trials::OddOneOut(triplets) = trials else { panic!("triplets") };
    let mut kept = vec![0.0; pairs.len()];
    for (triplet, of) in triplets.iter().zip(pairs.of_trials.chunks_exact(3)) {
        kept[of[2 - usize::from(triplet.odd)] as usize] += 1.0;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut list = |noise: u32| -> Vec<f64> {
        let far = |kept: &f64| 30.0 - kept + f64::from(rng.random_range(0..noise));
        kept.iter().map(far).collect()
    };
    vec![list(2), list(40)]
}

fn check_same(found: &ColumnScores, expected: &ColumnScores) {
    assert_eq!(found.scores.len(), expected.scores.len());
    for (found, expected) in found.scores.iter().zip(&expected.scores) {
        assert_eq!((found.subset, found.n_clusters), (expected.subset, expected.n_clusters));
        let (a, b) = (found.score.value, expected.score.value);
        assert!((a - b).abs() <= 1e-12, "{:?}: {a}, {b}", found.score.measure);
        let [a, b] = [found, expected].map(|of| of.interval.expect("an interval"));
        // Sums of some ten thousand numbers of order 1, in another order.
        assert!((a.low - b.low).abs() <= 1e-12 && (a.high - b.high).abs() <= 1e-12);
        let ends = a.bca.expect("BCa").into_iter().zip(b.bca.expect("BCa"));
        ends.for_each(|(a, b)| assert!((a - b).abs() <= 1e-8, "{a}, {b}"));
    }
    let values = found.main.resampled.iter().zip(&expected.main.resampled);
    assert_eq!(values.clone().count(), RESAMPLES);
    values.for_each(|(a, b)| assert!((a - b).abs() <= 1e-12 && *a > 0.3 && *a < 1.0));
}

#[test]
fn scores_of_many_clusters_are_those_that_few_would_have_with_these_draws() {
    let trials = triplets(BLOCK + 9000);
    let pairs = Pairs::of(&trials);
    let lists = lists(&trials, &pairs);
    let resampling = Resampling { resamples: RESAMPLES, ..Resampling::default() };
    let drawn = |clusters| Draws::new(&resampling, "things", clusters);
    let many = scorer(&trials, drawn);
    assert!(many.clusters().count > BLOCK, "{}", many.clusters().count);
    let few = scorer(&trials, |clusters| {
        let draws = drawn(clusters);
        Draws::from_counts((0..RESAMPLES).map(|number| draws.counts(number)).collect())
    });
    let of_lists: Vec<&[f64]> = lists.iter().map(Vec::as_slice).collect();
    let found = many.score_pairs(&of_lists, &pairs.of_trials, &Silent).expect("scored");
    let of_trials =
        |list: &Vec<f64>| pairs.of_trials.iter().map(|pair| list[*pair as usize]).collect();
    let columns: Vec<Vec<f64>> = lists.iter().map(of_trials).collect();
    let expected = few.score(&columns).expect("scored");
    for (found, expected) in found.iter().zip(&expected) {
        check_same(found, expected);
        let measures: Vec<Measure> = found.scores.iter().map(|score| score.score.measure).collect();
        assert!(measures.contains(&Measure::Accuracy) && measures.contains(&Measure::Bits));
        assert_eq!(found.halves.len(), expected.halves.len());
    }
    assert_eq!(found, many.score(&columns).expect("scored"), "pairs or comparisons, to the byte");
    let outcomes = many.outcomes_of_pairs(&lists[1], &pairs.of_trials);
    assert_eq!(outcomes, few.outcomes(&columns[1]));
    let right = outcomes.expect("choices").iter().flatten().sum::<f64>() / trials.len() as f64;
    assert!((right - found[1].main.estimate).abs() < 1e-12);
}

#[test]
fn resamples_of_many_clusters_spread_as_answers_do() {
    let trials = triplets(BLOCK + 9000);
    let pairs = Pairs::of(&trials);
    let lists = lists(&trials, &pairs);
    let resampling = Resampling { resamples: 1000, ..Resampling::default() };
    let scorer = scorer(&trials, |clusters| Draws::new(&resampling, "things", clusters));
    let found = scorer.score_pairs(&[&lists[1]], &pairs.of_trials, &Silent).expect("scored");
    let main = &found[0].main;
    let outcomes = scorer.outcomes_of_pairs(&lists[1], &pairs.of_trials).expect("choices");
    // The standard error of a mean of answers, nearly each a cluster of its own (one in twenty is
    // not, and answers to one triplet are hardly more alike than any).
    let n = trials.len() as f64;
    let squares: f64 = outcomes.iter().flatten().map(|x| (x - main.estimate).powi(2)).sum();
    let expected = (squares / n / n).sqrt();
    // Three errors of a deviation of 1,000 resamples are 6.7 %, and 3 % for clusters of several
    // answers.
    let ratio = main.standard_error() / expected;
    assert!((0.9..1.1).contains(&ratio), "{ratio}");
    let mean = main.resampled.iter().sum::<f64>() / 1000.0;
    assert!((mean - main.estimate).abs() < 4.0 * expected / 1000_f64.sqrt(), "{mean}");
}
