//! Correlations against SciPy, accuracies against a plain loop (`golden/score/generate.py`).

use crate::golden::{Tensors, folder};
use alignscope::measure::average_precision;
use alignscope::score::{Ties, kendall, pearson, score, spearman};
use alignscope::{OddOneOut, Trials, TwoAlternatives};

#[test]
fn correlations_are_those_of_scipy() {
    let golden = Tensors::open(&folder("score").join("correlations.safetensors"));
    let cases: Vec<String> =
        golden.names().iter().filter_map(|n| Some(n.strip_suffix("/x")?.to_owned())).collect();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let get = |key: &str| golden.doubles(&format!("{case}/{key}")).1;
        let (x, y) = (get("x"), get("y"));
        let found = [spearman(&x, &y), pearson(&x, &y), kendall(&x, &y)];
        for (found, expected) in found.iter().zip(get("expected")) {
            // Sums of up to 3,000 products in f64, in another order; with the offset of 1e6 that
            // one case has, the deviations from the mean keep ten digits.
            let tolerance = if case == "large_offset" { 1e-9 } else { 1e-12 };
            assert!((found - expected).abs() <= tolerance, "{case}: {found}, expected {expected}");
        }
    }
}

#[test]
fn choices_with_ties_are_those_of_the_plain_loop() {
    let golden = Tensors::open(&folder("score").join("choices.safetensors"));
    let get = |key: &str| golden.doubles(key).1;
    let votes = get("votes");
    let two = Trials::TwoAlternatives(
        votes
            .chunks(2)
            .map(|votes| TwoAlternatives {
                reference: 0,
                left: 1,
                right: 2,
                left_votes: votes[0],
                right_votes: votes[1],
            })
            .collect(),
    );
    let three = Trials::OddOneOut(
        get("odd").iter().map(|odd| OddOneOut { images: [0, 1, 2], odd: *odd as u8 }).collect(),
    );
    let mut found = vec![];
    for ties in [Ties::Miss, Ties::Half] {
        found.extend(score(&two, &get("two"), ties).expect("scored").iter().map(|s| s.value));
    }
    for ties in [Ties::Miss, Ties::Half] {
        found.extend(score(&three, &get("three"), ties).expect("scored").iter().map(|s| s.value));
    }
    for (found, expected) in found.iter().zip(get("expected")) {
        assert!((found - expected).abs() < 1e-14, "{found}, expected {expected}");
    }
    assert_eq!(found.len(), 6);
}

#[test]
fn average_precision_is_that_of_lpips() {
    let golden = Tensors::open(&folder("score").join("average_precision.safetensors"));
    for case in ["few", "all_or_nothing", "thirds"] {
        let get = |key: &str| golden.doubles(&format!("{case}/{key}")).1;
        let found = average_precision(&get("closeness"), &get("same"));
        let expected = get("expected")[0];
        // Sums of up to 600 numbers from 0 to 1 in f64, in another order.
        assert!((found - expected).abs() <= 1e-12, "{case}: {found}, expected {expected}");
    }
}
