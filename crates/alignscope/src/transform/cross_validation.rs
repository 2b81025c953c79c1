//! Distances of transformed images that the transform has not seen.

use std::collections::HashMap;

use rayon::prelude::*;

use super::choices::Choice;
use super::error::TransformError;
use super::fit::{Fitted, fit};
use super::folds::{Fold, Folds};
use super::recipe::Recipe;
use super::vectors::StageVectors;
use crate::dataset::Pairs;
use crate::distance::Distance;
use crate::pair_statistics::{Activations, PairStatistics};

/// What a transform is scored on.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The pairs that the trials compare.
    pub pairs: &'a Pairs,
    /// The questions of the trials.
    pub choices: &'a [Choice],
    /// How they are cut.
    pub folds: &'a Folds,
    /// The kinds of distance.
    pub distances: &'a [Distance],
}

/// The distances of a cross-validated transform.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidated {
    /// Of each kind, one for each comparison of each trial, trial after trial.
    pub distances: Vec<Vec<f64>>,
    /// The λ that each fold chose.
    pub lambdas: Vec<Option<f64>>,
}

/// The distances of all comparisons without a transform, of each kind.
///
/// # Errors
/// A kind needs to know all images.
pub fn plain_distances(
    vectors: &StageVectors,
    judged: Judged<'_>,
) -> Result<Vec<Vec<f64>>, TransformError> {
    check_distances(judged.distances)?;
    let images = vectors.images();
    let seen = Activations::new(&vectors.values, images, 1, vectors.channels);
    let statistics = PairStatistics::of(seen, &judged.pairs.images);
    let of_kind = |kind: &Distance| {
        let of_pairs = kind.of_pairs(&statistics, None);
        judged.pairs.of_trials.iter().map(|pair| of_pairs[*pair as usize]).collect()
    };
    Ok(judged.distances.iter().map(of_kind).collect())
}

/// The distances of all comparisons, each by a transform that saw no image of its question.
///
/// The threads of the rayon pool work on folds; results do not depend on their number.
///
/// # Errors
/// A kind of distance needs to know all images.
pub fn cross_validate(
    vectors: &StageVectors,
    judged: Judged<'_>,
    recipe: &Recipe,
    done: impl Fn() + Sync,
) -> Result<CrossValidated, TransformError> {
    check_distances(judged.distances)?;
    let found: Vec<FoldDistances> = judged
        .folds
        .folds
        .par_iter()
        .map(|fold| {
            let fitted = fit(vectors, judged.choices, &fold.train, recipe);
            let (comparisons, distances) = of_fold(vectors, judged, fold, &fitted);
            done();
            FoldDistances { comparisons, distances, lambda: fitted.lambda }
        })
        .collect();
    let mut distances = vec![vec![f64::NAN; judged.pairs.of_trials.len()]; judged.distances.len()];
    let mut lambdas = Vec::with_capacity(found.len());
    for of_fold in found {
        for (all, values) in distances.iter_mut().zip(of_fold.distances) {
            let places = of_fold.comparisons.iter().zip(values);
            places.for_each(|(place, value)| all[*place as usize] = value);
        }
        lambdas.push(of_fold.lambda);
    }
    Ok(CrossValidated { distances, lambdas })
}

/// What a fold's transform makes of the trials that it did not see.
struct FoldDistances {
    /// Positions of the comparisons.
    comparisons: Vec<u32>,
    /// Their distances of each kind.
    distances: Vec<Vec<f64>>,
    /// The penalty that was chosen.
    lambda: Option<f64>,
}

/// The comparisons of a fold's test trials, and their distances of each kind.
fn of_fold(
    vectors: &StageVectors,
    judged: Judged<'_>,
    fold: &Fold,
    fitted: &Fitted,
) -> (Vec<u32>, Vec<Vec<f64>>) {
    let Pairs { images, of_trials, per_trial, .. } = judged.pairs;
    let trials = fold.test.iter().flat_map(|question| &judged.choices[*question].trials);
    let comparisons: Vec<u32> = trials
        .flat_map(|trial| trial * *per_trial as u32..(trial + 1) * *per_trial as u32)
        .collect();
    // Each image and each pair once.
    let mut rows: HashMap<u32, u32> = HashMap::new();
    let mut of_rows: Vec<u32> = vec![];
    let mut row = |image: u32| {
        *rows.entry(image).or_insert_with(|| {
            of_rows.push(image);
            of_rows.len() as u32 - 1
        })
    };
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut pairs: Vec<[u32; 2]> = vec![];
    let place_of = comparisons.iter().map(|comparison| {
        let pair = of_trials[*comparison as usize];
        *places.entry(pair).or_insert_with(|| {
            pairs.push(images[pair as usize].map(&mut row));
            pairs.len() - 1
        })
    });
    let place_of: Vec<usize> = place_of.collect();
    let transformed = fitted.transform.apply(&vectors.of_images(&of_rows));
    let seen = Activations::new(&transformed, of_rows.len(), 1, fitted.transform.outputs);
    let statistics = PairStatistics::of(seen, &pairs);
    let of_kind = |kind: &Distance| {
        let of_pairs = kind.of_pairs(&statistics, None);
        place_of.iter().map(|place| of_pairs[*place]).collect()
    };
    (comparisons, judged.distances.iter().map(of_kind).collect())
}

fn check_distances(distances: &[Distance]) -> Result<(), TransformError> {
    match distances.iter().find(|distance| distance.needs_scale()) {
        Some(distance) => Err(TransformError::Scaled { distance: *distance }),
        None => Ok(()),
    }
}
