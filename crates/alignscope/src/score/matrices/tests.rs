//! Measures, noise ceilings and bootstrap errors of rsatoolbox, and of people who judged different
//! pairs by NumPy (`tests/golden/matrices`).

use std::path::Path;

use proptest::prelude::*;
use safetensors::SafeTensors;

use super::MatrixReplicates;
use crate::measure::{MatrixMeasure, MatrixSample, kendall, means_over_people};
use crate::paradigm::SimilarityMatrices;
use crate::resample::{ClusterBy, Draws, Factors, NoInterval, Replicates, Resampling};

/// Sums in another order, of a few thousand numbers about 1.
const NEAR: f64 = 1e-10;

const IMAGES: usize = 14;
const PEOPLE: usize = 9;
const MODELS: usize = 3;

struct Golden(Vec<u8>);

impl Golden {
    fn open() -> Self {
        Self::of("golden.safetensors")
    }

    fn of(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/matrices");
        Self(std::fs::read(folder.join(name)).expect("the golden file"))
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.0).expect("a safetensors file");
        let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let (numbers, _) = tensor.data().as_chunks::<8>();
        numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
    }

    fn rows(&self, name: &str, width: usize) -> Vec<Vec<f64>> {
        self.numbers(name).chunks(width).map(<[f64]>::to_vec).collect()
    }

    fn sample(&self, people: &str) -> MatrixSample {
        let pairs = pairs(IMAGES as u32);
        let rows = |name| self.rows(name, pairs.len());
        MatrixSample::new(&pairs, &rows(people), &rows("models"))
    }
}

fn pairs(images: u32) -> Vec<[u32; 2]> {
    (0..images).flat_map(|a| (a + 1..images).map(move |b| [a, b])).collect()
}

fn near(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < NEAR, "{what}: {found}, rsatoolbox {expected}");
    }
}

#[test]
fn every_measure_and_ceiling_is_rsatoolboxs() {
    let golden = Golden::open();
    let (images, people) = ([1.0; IMAGES], [1.0; PEOPLE]);
    for (of, suffix) in [("people", ""), ("holes", ".holes")] {
        let sample = golden.sample(of);
        for measure in MatrixMeasure::ALL {
            let name = measure.measure().name();
            let expected = match suffix {
                "" => golden.numbers(&format!("{name}.values")),
                _ => golden.numbers(&format!("{name}.holes")),
            };
            near(&sample.similarities(measure, &images), &expected, &format!("{name} of {of}"));
            let expected = golden.numbers(&format!("{name}.ceilings{suffix}"));
            let found = sample.noise_ceilings(measure, &images, &people);
            near(&found, &expected, &format!("ceilings by {name} of {of}"));
        }
    }
}

/// A measure of each model when people, images and both are drawn: `[model][kind][draw]`.
fn drawn(golden: &Golden, measure: MatrixMeasure) -> Vec<[Vec<f64>; 3]> {
    let sample = golden.sample("people");
    let [ones, everyone] = [vec![1.0; IMAGES], vec![1.0; PEOPLE]];
    let mut found = vec![[const { Vec::new() }; 3]; MODELS];
    let people = golden.rows("draws.people", PEOPLE);
    for (people, images) in people.iter().zip(golden.rows("draws.images", IMAGES)) {
        let kinds = [(&ones, people), (&images, &everyone), (&images, people)];
        for (kind, (images, people)) in kinds.into_iter().enumerate() {
            let values = sample.similarities(measure, images);
            let values = means_over_people(&values, people, MODELS);
            for (model, value) in values.into_iter().enumerate() {
                found[model][kind].push(value);
            }
        }
    }
    found
}

#[test]
fn every_measure_under_resamples_of_people_images_and_both_is_rsatoolboxs() {
    let golden = Golden::open();
    for measure in MatrixMeasure::ALL {
        let name = measure.measure().name();
        let expected = golden.numbers(&format!("{name}.drawn"));
        let found = drawn(&golden, measure);
        for (place, expected) in expected.chunks(3 * MODELS).enumerate() {
            let row: Vec<f64> =
                (0..3 * MODELS).map(|i| found[i % MODELS][i / MODELS][place]).collect();
            near(&row, expected, &format!("{name} of draw {place}"));
        }
    }
}

#[test]
fn noise_ceilings_under_resamples_are_rsatoolboxs() {
    let golden = Golden::open();
    let sample = golden.sample("people");
    let [ones, everyone] = [vec![1.0; IMAGES], vec![1.0; PEOPLE]];
    let people = golden.rows("draws.people", PEOPLE);
    let images = golden.rows("draws.images", IMAGES);
    for measure in MatrixMeasure::ALL {
        let name = measure.measure().name();
        let expected = golden.rows(&format!("{name}.ceilings.drawn"), 6);
        for ((people, images), expected) in people.iter().zip(&images).zip(expected) {
            let kinds = [(&ones, people), (images, &everyone), (images, people)];
            let found: Vec<f64> = kinds
                .into_iter()
                .flat_map(|(images, people)| sample.noise_ceilings(measure, images, people))
                .collect();
            near(&found, &expected, &format!("ceilings by {name}"));
        }
    }
}

#[test]
fn standard_errors_and_those_of_differences_are_rsatoolboxs_corrected_ones() {
    let golden = Golden::open();
    for measure in MatrixMeasure::ALL {
        let name = measure.measure().name();
        let models: Vec<Replicates> = drawn(&golden, measure)
            .into_iter()
            .map(|[people, images, both]| Replicates {
                estimate: 0.5,
                resampled: both,
                acceleration: None,
                clusters: PEOPLE.min(IMAGES),
                factors: Some(Box::new(Factors {
                    values: [people, images],
                    sizes: [PEOPLE, IMAGES],
                })),
            })
            .collect();
        let variance = |of: &Replicates| of.standard_error().powi(2);
        let of_models: Vec<f64> = models.iter().map(variance).collect();
        near(&of_models, &golden.numbers(&format!("{name}.variances")), name);
        let differences = [[0, 1], [0, 2], [1, 2]]
            .map(|[a, b]: [usize; 2]| variance(&models[a].with(&models[b], |a, b| a - b)));
        near(&differences, &golden.numbers(&format!("{name}.variances.of_pairs")), name);
    }
}

/// Whether each number is the expected one; NaN where NaN is.
fn are_same(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(same(*found, *expected), "{what}: {found}, by NumPy {expected}");
    }
}

#[test]
fn people_who_judged_different_pairs_are_each_measured_by_their_own() {
    const IMAGES: usize = 8;
    const PEOPLE: usize = 5;
    let golden = Golden::of("partial.safetensors");
    let pairs = pairs(IMAGES as u32);
    let [people, models] = ["people", "models"].map(|name| golden.rows(name, pairs.len()));
    let columns = models.len();
    let sample = MatrixSample::new(&pairs, &people, &models);
    let images = golden.rows("draws.images", IMAGES);
    for measure in MatrixMeasure::ALL {
        let name = measure.measure().name();
        let rows = |of: &str, width| golden.rows(&format!("{name}.{of}"), width);
        let values = rows("values", PEOPLE * columns);
        let (means, ceilings) = (rows("means", columns), rows("ceilings", 2));
        for (draw, people) in golden.rows("draws.people", PEOPLE).iter().enumerate() {
            let found = sample.similarities(measure, &images[draw]);
            are_same(&found, &values[draw], &format!("{name} of draw {draw}"));
            let found = means_over_people(&found, people, columns);
            are_same(&found, &means[draw], &format!("mean {name} of draw {draw}"));
            let found = sample.noise_ceilings(measure, &images[draw], people);
            are_same(&found, &ceilings[draw], &format!("ceilings by {name} of draw {draw}"));
        }
    }
}

/// Matrices of three people who judged all pairs of 20 images but the first, and a model's distances.
fn small() -> (SimilarityMatrices, Vec<Vec<f64>>) {
    let pairs: Vec<[u32; 2]> = pairs(20).into_iter().skip(1).collect();
    let number = |seed: f64| (0..189).map(|i| (f64::from(i) * seed).sin().abs()).collect();
    let dissimilarities = [1.3, 2.7, 3.1].map(number).to_vec();
    let people = ["a", "b", "c"].map(str::to_owned).to_vec();
    (SimilarityMatrices { pairs, people, dissimilarities }, vec![number(4.9)])
}

#[test]
fn draws_and_scores_are_of_images_however_they_are_numbered() {
    let (matrices, columns) = small();
    let resampling =
        Resampling { resamples: 50, cluster: ClusterBy::Image, ..Resampling::default() };
    let draws = Draws::new(&resampling, "rdm", 20);
    let replicates = |matrices: &SimilarityMatrices| {
        let here = super::MatrixDraws::new(matrices, &draws);
        let found = MatrixReplicates::new(matrices, &columns, &here);
        let halves = MatrixReplicates::halves(matrices, &columns, &draws);
        let of = |measure: MatrixMeasure| found.of(measure.measure(), 0).cloned();
        (MatrixMeasure::ALL.map(of), halves)
    };
    let turned = matrices.pairs.iter().map(|pair| pair.map(|image| 40 - 2 * image)).collect();
    let turned = SimilarityMatrices { pairs: turned, ..matrices.clone() };
    assert_eq!(replicates(&matrices), replicates(&turned));
}

#[test]
fn pairs_by_themselves_and_clusters_drawn_elsewhere_make_no_intervals() {
    let (matrices, columns) = small();
    let by = |cluster| Draws::new(&Resampling { cluster, ..Resampling::default() }, "rdm", 189);
    for draws in [by(ClusterBy::None), Draws::from_counts(vec![vec![1; 189]; 200])] {
        let here = super::MatrixDraws::new(&matrices, &draws);
        let found = MatrixReplicates::new(&matrices, &columns, &here);
        for measure in MatrixMeasure::ALL {
            let replicates = found.of(measure.measure(), 0).expect("one of them");
            assert!(!replicates.estimate.is_nan());
            assert_eq!(replicates.interval(), Err(NoInterval::NotAsked));
        }
        assert_eq!(MatrixReplicates::halves(&matrices, &columns, &draws)[0].len(), 100);
    }
}

/// Matrices of `images` images by numbers from 0 to 5, for people and models.
fn matrices(images: usize) -> impl Strategy<Value = [Vec<Vec<f64>>; 2]> {
    let pairs = images * (images - 1) / 2;
    let matrix = proptest::collection::vec((0_i32..6).prop_map(f64::from), pairs);
    let matrices = || proptest::collection::vec(matrix.clone(), 2);
    (matrices(), matrices()).prop_map(|(people, models)| [people, models])
}

fn same(found: f64, expected: f64) -> bool {
    found.is_nan() && expected.is_nan() || (found - expected).abs() < 1e-9
}

/// The matrix with each image as often as said; copies of one image are no pair.
fn repeated(values: &[f64], counts: &[u32]) -> (Vec<[u32; 2]>, Vec<f64>) {
    let copies: Vec<usize> =
        counts.iter().enumerate().flat_map(|(i, n)| vec![i; *n as usize]).collect();
    let images = counts.len();
    let at = |a: usize, b: usize| a * images - a * (a + 1) / 2 + b - a - 1;
    let all = pairs(copies.len() as u32).into_iter().filter_map(|[a, b]| {
        let [i, j] = [copies[a as usize], copies[b as usize]];
        (i != j).then(|| ([a, b], values[at(i.min(j), i.max(j))]))
    });
    all.unzip()
}

proptest! {
    #[test]
    fn weights_are_images_that_stand_there_several_times(
        [people, models] in matrices(6),
        counts in proptest::collection::vec(0_u32..4, 6),
    ) {
        prop_assume!(counts.iter().filter(|n| **n > 0).count() >= 3);
        let weights: Vec<f64> = counts.iter().copied().map(f64::from).collect();
        let sample = MatrixSample::new(&pairs(6), &people, &models);
        for measure in MatrixMeasure::ALL {
            let found = sample.similarities(measure, &weights);
            for (person, values) in people.iter().enumerate() {
                for (model, distances) in models.iter().enumerate() {
                    let (ends, of_person) = repeated(values, &counts);
                    let (_, of_model) = repeated(distances, &counts);
                    let sample = MatrixSample::new(&ends, &[of_person], &[of_model]);
                    let ones = vec![1.0; counts.iter().sum::<u32>() as usize];
                    let expected = sample.similarities(measure, &ones)[0];
                    let found = found[person * models.len() + model];
                    prop_assert!(same(found, expected), "{:?}: {} {}", measure, found, expected);
                }
            }
        }
    }

    #[test]
    fn a_matrix_follows_itself_and_no_scale_matters([people, models] in matrices(5)) {
        let twice: Vec<Vec<f64>> =
            models.iter().map(|m| m.iter().map(|d| 2.5 * d).collect()).collect();
        let all = MatrixSample::new(&pairs(5), &people, &models);
        let scaled = MatrixSample::new(&pairs(5), &people, &twice);
        let itself = MatrixSample::new(&pairs(5), &people[..1], &people[..1]);
        for measure in MatrixMeasure::ALL {
            let [found, expected] = [&scaled, &all].map(|s| s.similarities(measure, &[1.0; 5]));
            for (found, expected) in found.into_iter().zip(expected) {
                prop_assert!(same(found, expected), "{:?}: {} {}", measure, found, expected);
            }
            let one = itself.similarities(measure, &[1.0; 5])[0];
            if measure != MatrixMeasure::KendallTauA {
                prop_assert!(one.is_nan() || (one - 1.0).abs() < 1e-9, "{:?}: {}", measure, one);
            }
        }
    }

    #[test]
    fn tau_a_without_ties_is_tau_b(order in Just((0..10).collect::<Vec<i32>>()).prop_shuffle()) {
        let x: Vec<f64> = order.iter().copied().map(f64::from).collect();
        let y: Vec<f64> = (0..10).map(f64::from).collect();
        let sample = MatrixSample::new(&pairs(5), std::slice::from_ref(&y), std::slice::from_ref(&x));
        let found = sample.similarities(MatrixMeasure::KendallTauA, &[1.0; 5])[0];
        prop_assert!(same(found, kendall(&x, &y)));
    }
}
