//! Pairs of images with a mean opinion score.

use super::kind::{Answer, Paradigm, Ratings};
use super::{ImageIndex, Measure, Score, Ties};
use crate::measure::{RatedMeasure, tied};

/// A pair of images with a mean opinion score: how much alike people say they look.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedPair {
    /// The undistorted image.
    pub reference: ImageIndex,
    /// The image that people rated.
    pub distorted: ImageIndex,
    /// Mean opinion score in the data set's own units; higher means closer to the reference.
    pub score: f64,
    /// Standard deviation of the score, where the data set has it.
    pub std: Option<f64>,
}

impl Paradigm for Vec<RatedPair> {
    fn count(&self) -> usize {
        self.len()
    }

    fn comparisons(&self) -> usize {
        1
    }

    fn images(&self, trial: usize) -> Vec<ImageIndex> {
        vec![self[trial].reference, self[trial].distorted]
    }

    fn roles(&self) -> &'static [&'static str] {
        &["reference", "distorted"]
    }

    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
        self.iter().for_each(|trial| use_pair(trial.reference, trial.distorted));
    }

    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        for trial in self {
            trial.reference = number(trial.reference);
            trial.distorted = number(trial.distorted);
        }
    }

    fn question(&self, trial: usize) -> Vec<ImageIndex> {
        self.images(trial)
    }

    fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
        vec![self[trial].reference]
    }

    fn answer(&self, trial: usize) -> Answer {
        let RatedPair { score, std, .. } = self[trial];
        Answer { score: Some(score), score_std: std, ..Answer::default() }
    }

    fn main_measure(&self) -> Measure {
        Measure::Spearman
    }

    fn chance(&self) -> f64 {
        0.0
    }

    fn score(&self, distances: &[f64], _: Ties) -> Vec<Score> {
        correlations(distances, &self.iter().map(|trial| trial.score).collect::<Vec<f64>>())
    }

    fn ratings(&self) -> Option<Ratings> {
        Some(Ratings {
            scores: self.iter().map(|trial| trial.score).collect(),
            deviations: self.iter().map(|trial| trial.std).collect(),
            measures: Measure::of_ratings().map(|(measure, _)| measure).collect(),
        })
    }
}

/// The measures of (−distance, rating) that fit no curve: Spearman's, Pearson's and Kendall's
/// correlations.
pub fn correlations(distances: &[f64], ratings: &[f64]) -> Vec<Score> {
    let closeness: Vec<f64> = distances.iter().map(|d| -d).collect();
    let n_ties = tied(&closeness);
    let n = ratings.len();
    let unfitted = Measure::of_ratings().filter(|(_, rated)| !rated.is_fitted());
    let score = |(measure, rated): (Measure, &dyn RatedMeasure)| Score {
        measure,
        value: rated.of(&closeness, ratings),
        n,
        n_ties,
        n_left_out: 0,
        chance: rated.chance(ratings),
    };
    unfitted.map(score).collect()
}
