//! Two images, of which people say whether they are the same.

use super::kind::{Answer, Column, Paradigm, Ratings};
use super::{ImageIndex, Measure, Score, Ties};
use crate::measure::{RatedMeasure, tied};

/// Two images that people saw one after the other: are they the same? Those who say so see no
/// difference: it is not noticeable.
#[derive(Debug, Clone, PartialEq)]
pub struct SameDifferent {
    /// The two images.
    pub images: [ImageIndex; 2],
    /// People (or their share) who say that they are the same; ≥ 0.
    pub same_votes: f64,
    /// People (or their share) who say that they are different; ≥ 0, and not both 0.
    pub different_votes: f64,
}

impl SameDifferent {
    /// The share of people who say that the images are the same, 0 to 1.
    fn same(&self) -> f64 {
        self.same_votes / (self.same_votes + self.different_votes)
    }
}

impl Paradigm for Vec<SameDifferent> {
    fn count(&self) -> usize {
        self.len()
    }

    fn comparisons(&self) -> usize {
        1
    }

    fn images(&self, trial: usize) -> Vec<ImageIndex> {
        self[trial].images.to_vec()
    }

    fn roles(&self) -> &'static [&'static str] {
        &["first", "second"]
    }

    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
        self.iter().for_each(|trial| use_pair(trial.images[0], trial.images[1]));
    }

    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        self.iter_mut().for_each(|trial| trial.images = trial.images.map(number));
    }

    fn question(&self, trial: usize) -> Vec<ImageIndex> {
        let [a, b] = self[trial].images;
        vec![a.min(b), a.max(b)]
    }

    /// The first image: an undistorted one has several others beside it.
    fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
        vec![self[trial].images[0]]
    }

    fn clusters_by_group(&self) -> bool {
        true
    }

    fn answer(&self, trial: usize) -> Answer {
        let SameDifferent { same_votes, different_votes, .. } = self[trial];
        Answer {
            same_votes: Some(same_votes),
            different_votes: Some(different_votes),
            ..Answer::default()
        }
    }

    fn columns(&self) -> Vec<(&'static str, Column)> {
        let images =
            |place: usize| Column::Images(self.iter().map(|trial| trial.images[place]).collect());
        let votes = |of: fn(&SameDifferent) -> f64| Column::Numbers(self.iter().map(of).collect());
        vec![
            ("first", images(0)),
            ("second", images(1)),
            ("same_votes", votes(|trial| trial.same_votes)),
            ("different_votes", votes(|trial| trial.different_votes)),
        ]
    }

    fn main_measure(&self) -> Measure {
        Measure::AveragePrecision
    }

    /// The mean share of people who say that the images are the same.
    fn chance(&self) -> f64 {
        self.iter().map(SameDifferent::same).sum::<f64>() / self.len() as f64
    }

    fn score(&self, distances: &[f64], _: Ties) -> Vec<Score> {
        let closeness: Vec<f64> = distances.iter().map(|d| -d).collect();
        let same: Vec<f64> = self.iter().map(SameDifferent::same).collect();
        let n_ties = tied(&closeness);
        let score = |(measure, rated): (Measure, &dyn RatedMeasure)| Score {
            measure,
            value: rated.of(&closeness, &same),
            n: self.len(),
            n_ties,
            n_left_out: 0,
            chance: rated.chance(&same),
        };
        Measure::of_shares().map(score).collect()
    }

    /// The share of people who say that the images are the same.
    fn ratings(&self) -> Option<Ratings> {
        Some(Ratings {
            scores: self.iter().map(SameDifferent::same).collect(),
            deviations: vec![None; self.len()],
            measures: Measure::of_shares().map(|(measure, _)| measure).collect(),
        })
    }
}
