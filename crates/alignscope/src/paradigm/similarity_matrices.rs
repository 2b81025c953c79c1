//! Matrices of (dis)similarity, one of each person, as trials.

use super::kind::{Answer, Column, Paradigm, Ratings};
use super::matrices::SimilarityMatrices;
use super::{ImageIndex, Measure, Score, Ties};
use crate::measure::{MatrixMeasure, MatrixSample, tied};

impl Paradigm for SimilarityMatrices {
    fn count(&self) -> usize {
        self.pairs.len()
    }

    fn comparisons(&self) -> usize {
        1
    }

    fn images(&self, trial: usize) -> Vec<ImageIndex> {
        self.pairs[trial].to_vec()
    }

    fn roles(&self) -> &'static [&'static str] {
        &["first", "second"]
    }

    fn for_each_pair(&self, use_pair: &mut dyn FnMut(ImageIndex, ImageIndex)) {
        self.pairs.iter().for_each(|[a, b]| use_pair(*a, *b));
    }

    fn renumber(&mut self, number: &dyn Fn(ImageIndex) -> ImageIndex) {
        self.pairs.iter_mut().for_each(|pair| *pair = pair.map(number));
    }

    fn question(&self, trial: usize) -> Vec<ImageIndex> {
        let [a, b] = self.pairs[trial];
        vec![a.min(b), a.max(b)]
    }

    fn cluster(&self, trial: usize) -> Vec<ImageIndex> {
        self.question(trial)
    }

    /// The mean dissimilarity over people.
    fn answer(&self, trial: usize) -> Answer {
        Answer { dissimilarity: self.mean(trial), ..Answer::default() }
    }

    fn columns(&self) -> Vec<(&'static str, Column)> {
        let images = |place: usize| Column::Images(self.pairs.iter().map(|p| p[place]).collect());
        let mean = |pair| self.mean(pair).unwrap_or(f64::NAN);
        let means = Column::Numbers((0..self.count()).map(mean).collect());
        vec![("first", images(0)), ("second", images(1)), ("dissimilarity", means)]
    }

    fn main_measure(&self) -> Measure {
        Measure::Spearman
    }

    fn chance(&self) -> f64 {
        0.0
    }

    /// Each measure of the distances and a person's matrix, the mean over people. Chance is what
    /// equal distances give: 0 of correlations, but more of cosines.
    fn score(&self, distances: &[f64], _: Ties) -> Vec<Score> {
        let columns = [distances.to_vec(), vec![1.0; distances.len()]];
        let sample = MatrixSample::new(&self.pairs, &self.dissimilarities, &columns);
        let n_ties = tied(distances);
        let score = |measure: MatrixMeasure| {
            let [value, chance] = sample.means(measure);
            let chance = if chance.is_nan() { 0.0 } else { chance };
            let n = self.count();
            Score { measure: measure.measure(), value, n, n_ties, n_left_out: 0, chance }
        };
        MatrixMeasure::ALL.into_iter().map(score).collect()
    }

    /// Minus the mean dissimilarity over people, so that more is closer: what pages and checks show.
    /// Measures are of each person's matrix.
    fn ratings(&self) -> Option<Ratings> {
        let score = |pair| -self.mean(pair).unwrap_or(0.0);
        Some(Ratings {
            scores: (0..self.count()).map(score).collect(),
            deviations: vec![None; self.count()],
            measures: vec![],
        })
    }

    fn matrices(&self) -> Option<&SimilarityMatrices> {
        Some(self)
    }
}
