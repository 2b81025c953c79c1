//! Bits and entropies against SciPy (`golden/score/likelihood.py`).

use crate::golden::{Tensors, folder};
use alignscope::measure::{SoftmaxChoices, entropy_of_votes};

#[test]
fn bits_and_temperatures_are_those_of_scipy() {
    let golden = Tensors::open(&folder("score").join("likelihood.safetensors"));
    let cases: Vec<String> =
        golden.names().iter().filter_map(|n| Some(n.strip_suffix("/bits")?.to_owned())).collect();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let get = |key: &str| golden.doubles(&format!("{case}/{key}"));
        let (shape, distances) = get("distances");
        let (shares, folds) = (get("shares").1, get("folds").1);
        let folds: Vec<u8> = folds.iter().map(|fold| *fold as u8).collect();
        let choices = SoftmaxChoices::new(shape[1], &distances, &shares, &folds);
        // SciPy stops at 1e-14; sums of 600 terms in another order.
        let near = |found: &[f64], expected: &[f64], what: &str| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                let tolerance = 1e-10 * (1.0 + expected.abs());
                assert!((found - expected).abs() < tolerance, "{case} {what}: {found} {expected}");
            }
        };
        near(&choices.betas(), &get("betas").1, "β");
        near(&choices.bits(), &get("bits").1, "bits");
    }
}

#[test]
fn entropies_are_those_of_leaving_out_one_answer_after_the_other() {
    let golden = Tensors::open(&folder("score").join("likelihood.safetensors"));
    let (votes, expected) = (golden.doubles("votes").1, golden.doubles("entropies").1);
    assert_eq!((votes.len(), expected.len()), (180, 60));
    for (votes, expected) in votes.chunks_exact(3).zip(expected) {
        let found = entropy_of_votes(votes).expect("ten answers or more");
        assert!((found - expected).abs() < 1e-12, "{votes:?}: {found}, expected {expected}");
    }
}
