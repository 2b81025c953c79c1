//! Intervals against SciPy's bootstrap on the same resamples, logistic fits against its curve_fit
//! (`golden/bootstrap/generate.py`).

use crate::golden::{Tensors, folder};
use alignscope::dataset::{ALL, Clusters, Subset};
use alignscope::resample::{Draws, Interval};
use alignscope::score::{Logistic, Measure, Scorer, Ties, pearson};
use alignscope::{OddOneOut, RatedPair, Trials};

/// The interval of a measure under the resamples that SciPy drew.
fn interval(
    golden: &Tensors,
    trials: &Trials,
    codes: &[f64],
    distances: &[f64],
    m: Measure,
) -> Interval {
    let (shape, counts) = golden.bytes(&format!("{m}/counts"));
    let draws = counts.chunks(shape[1]).map(|c| c.iter().map(|n| u32::from(*n)).collect());
    let whole =
        Subset { name: ALL.to_owned(), trials: (0..trials.len() as u32).collect(), within: vec![] };
    let clusters = Clusters::of_keys(codes.iter().map(|c| *c as u32));
    assert_eq!(clusters.count, shape[1]);
    let draws = Draws::from_counts(draws.collect());
    let scorer = Scorer::new(trials.clone(), clusters, vec![whole], draws, Ties::Miss);
    let scores = scorer.score(&[distances.to_vec()]).expect("scored").swap_remove(0).scores;
    let score = scores.iter().find(|s| s.score.measure == m).expect("the measure");
    score.interval.expect("an interval")
}

fn check(golden: &Tensors, measure: Measure, found: Interval) {
    let percentile = golden.doubles(&format!("{measure}/percentile")).1;
    let bca = golden.doubles(&format!("{measure}/bca")).1;
    let [low, high] = found.bca.expect("BCa");
    // The same resamples: sums of a few hundred products in another order, and a jackknife whose
    // third powers lose some digits.
    for (found, expected) in
        [found.low, found.high, low, high].into_iter().zip(percentile.into_iter().chain(bca))
    {
        assert!((found - expected).abs() < 1e-9, "{measure}: {found}, expected {expected}");
    }
}

#[test]
fn intervals_of_correlations_are_those_of_scipy() {
    let golden = Tensors::open(&folder("bootstrap").join("bootstrap.safetensors"));
    let get = |key: &str| golden.doubles(&format!("rated/{key}")).1;
    let (x, y, codes) = (get("x"), get("y"), get("codes"));
    let pair = |score: &f64| RatedPair { reference: 0, distorted: 1, score: *score, std: None };
    let trials = Trials::RatedPairs(y.iter().map(pair).collect());
    let distances: Vec<f64> = x.iter().map(|x| -x).collect();
    for measure in [Measure::Spearman, Measure::Pearson, Measure::Kendall] {
        check(&golden, measure, interval(&golden, &trials, &codes, &distances, measure));
    }
}

#[test]
fn intervals_of_accuracies_are_those_of_scipy() {
    let golden = Tensors::open(&folder("bootstrap").join("bootstrap.safetensors"));
    let get = |key: &str| golden.doubles(&format!("choices/{key}")).1;
    let (right, codes) = (get("right"), get("codes"));
    let trials = Trials::OddOneOut(vec![OddOneOut { images: [0, 1, 2], odd: 2 }; right.len()]);
    let distances: Vec<f64> = right
        .iter()
        .flat_map(|right| if *right == 1.0 { [1.0, 2.0, 3.0] } else { [3.0, 2.0, 1.0] })
        .collect();
    let measure = Measure::Accuracy;
    check(&golden, measure, interval(&golden, &trials, &codes, &distances, measure));
}

#[test]
fn logistic_fits_are_those_of_curve_fit() {
    let golden = Tensors::open(&folder("bootstrap").join("logistic.safetensors"));
    for case in ["small", "tid", "flat"] {
        let get = |key: &str| golden.doubles(&format!("{case}/{key}")).1;
        let (x, y, expected) = (get("x"), get("y"), get("expected"));
        for (curve, expected) in
            [Logistic::Four, Logistic::Five].into_iter().zip(expected.chunks(2))
        {
            let fit = curve.fit(&x, &y).expect("a fit");
            let fitted: Vec<f64> = x.iter().map(|x| fit.value(*x)).collect();
            let found = [fit.squares, pearson(&fitted, &y)];
            // Both stop where a step gains less than 1e-8 of the squares (SciPy's default) or
            // less; where the curve is flat, parameters still move, squares hardly do.
            for (found, expected) in found.iter().zip(expected) {
                let off = (found - expected).abs() / expected;
                assert!(off < 1e-6, "{case} {curve:?}: {found}, expected {expected}");
            }
        }
    }
}
