//! Matrices of (dis)similarity, one of each person.

use super::kind::{Answer, ImageIndex, Paradigm, Ratings};
use super::{Measure, Score, Ties};
use crate::paradigm::correlations;

/// How different people find each two of some images.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityMatrices {
    /// The pairs of images, each once.
    pub pairs: Vec<[ImageIndex; 2]>,
    /// Who gave each matrix.
    pub people: Vec<String>,
    /// How different each person finds the images of each pair, `[people][pairs]`; NaN for a pair
    /// that a person did not judge.
    pub dissimilarities: Vec<Vec<f64>>,
}

impl SimilarityMatrices {
    /// The matrices of the pairs at some positions.
    pub(super) fn part(&self, positions: &[u32]) -> Self {
        fn pick<T: Copy>(of_pairs: &[T], positions: &[u32]) -> Vec<T> {
            positions.iter().map(|position| of_pairs[*position as usize]).collect()
        }
        Self {
            pairs: pick(&self.pairs, positions),
            people: self.people.clone(),
            dissimilarities: self.dissimilarities.iter().map(|d| pick(d, positions)).collect(),
        }
    }

    /// The mean dissimilarity of a pair over the people who judged it; `None` if nobody did.
    pub fn mean(&self, pair: usize) -> Option<f64> {
        let judged = || self.dissimilarities.iter().map(|d| d[pair]).filter(|d| !d.is_nan());
        let count = judged().count();
        (count > 0).then(|| judged().sum::<f64>() / count as f64)
    }
}

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

    /// Minus the mean dissimilarity, so that more is closer.
    fn answer(&self, trial: usize) -> Answer {
        Answer { score: self.mean(trial).map(|mean| -mean), ..Answer::default() }
    }

    fn main_measure(&self) -> Measure {
        Measure::Spearman
    }

    fn chance(&self) -> f64 {
        0.0
    }

    fn score(&self, distances: &[f64], _: Ties) -> Vec<Score> {
        let means: Vec<f64> =
            (0..self.count()).map(|pair| -self.mean(pair).unwrap_or(0.0)).collect();
        correlations(distances, &means)
    }

    fn ratings(&self) -> Option<Ratings> {
        let score = |pair| -self.mean(pair).unwrap_or(0.0);
        Some(Ratings {
            scores: (0..self.count()).map(score).collect(),
            deviations: vec![None; self.count()],
            measures: Measure::of_ratings().map(|(measure, _)| measure).collect(),
        })
    }

    fn matrices(&self) -> Option<&SimilarityMatrices> {
        Some(self)
    }
}
