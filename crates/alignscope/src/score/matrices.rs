//! Measures of matrices under resamples of people, of images, and of both.

#[cfg(test)]
mod tests;

use rayon::prelude::*;

use crate::measure::{MatrixMeasure, MatrixSample, Measure, means_over_people};
use crate::paradigm::SimilarityMatrices;
use crate::resample::{ClusterBy, Draws, Factor, Factors, MIN_CLUSTERS, Replicates};

/// People and images as they are drawn again.
#[derive(Debug, Clone)]
pub(crate) struct MatrixDraws {
    people: usize,
    images: usize,
    of_people: Draws,
    of_images: Draws,
    resampled: Resampled,
}

/// What is drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resampled {
    People,
    Images,
    Both,
    Nothing,
}

impl MatrixDraws {
    /// Of the people and images of some matrices. Where both were asked for and there is one person,
    /// images alone are drawn. Nothing is drawn of pairs by themselves, which share images, nor where
    /// clusters were drawn elsewhere ([`Draws::from_counts`]).
    pub(crate) fn new(matrices: &SimilarityMatrices, draws: &Draws) -> Self {
        let (people, images) = (matrices.people.len(), matrices.image_count());
        let resampled = match draws.cluster() {
            ClusterBy::Observer => Resampled::People,
            ClusterBy::Image => Resampled::Images,
            ClusterBy::Default if people < 2 => Resampled::Images,
            ClusterBy::Default => Resampled::Both,
            ClusterBy::None => Resampled::Nothing,
        };
        let of_people = draws.of_factor(Factor::People, people);
        let of_images = draws.of_factor(Factor::Images, images);
        Self { people, images, of_people, of_images, resampled }
    }

    fn resamples(&self) -> usize {
        match self.resampled {
            Resampled::Nothing => 0,
            _ => self.of_people.resamples,
        }
    }

    fn has_people(&self) -> bool {
        matches!(self.resampled, Resampled::People | Resampled::Both)
    }

    fn has_images(&self) -> bool {
        matches!(self.resampled, Resampled::Images | Resampled::Both)
    }

    fn people(&self, number: usize) -> Vec<f64> {
        self.of_people.counts(number).into_iter().map(f64::from).collect()
    }

    fn images(&self, number: usize) -> Vec<f64> {
        self.of_images.counts(number).into_iter().map(f64::from).collect()
    }

    /// A score under resamples, from its values when people are drawn, images, and both.
    pub(crate) fn replicates(&self, estimate: f64, values: [Vec<f64>; 3]) -> Replicates {
        let [people, images, both] = values;
        let (resampled, clusters, factors) = match self.resampled {
            Resampled::People => (people, self.people, None),
            Resampled::Images => (images, self.images, None),
            Resampled::Both => {
                let sizes = [self.people, self.images];
                let factors = Factors { values: [people, images], sizes };
                (both, self.people.min(self.images), Some(Box::new(factors)))
            }
            Resampled::Nothing => (vec![], self.people.min(self.images), None),
        };
        Replicates { estimate, resampled, acceleration: None, clusters, factors }
    }

    /// A number under all resamples: `of` is given how often each image and each person is drawn,
    /// and gives as many numbers each time. `[number][people, images, both][resample]`
    pub(crate) fn resample(
        &self,
        of: impl Fn(&[f64], &[f64]) -> Vec<f64> + Sync,
    ) -> Vec<[Vec<f64>; 3]> {
        let [all_images, all_people] = [vec![1.0; self.images], vec![1.0; self.people]];
        let one = |number: usize| {
            let (people, images) = (self.people(number), self.images(number));
            let both = self.resampled == Resampled::Both;
            [
                if self.has_people() { of(&all_images, &people) } else { vec![] },
                if self.has_images() { of(&images, &all_people) } else { vec![] },
                if both { of(&images, &people) } else { vec![] },
            ]
        };
        let found: Vec<[Vec<f64>; 3]> = (0..self.resamples()).into_par_iter().map(one).collect();
        let size = found.first().map_or(0, |f| f.iter().map(Vec::len).max().unwrap_or(0));
        let of_number = |i: usize| {
            [0, 1, 2].map(|kind: usize| {
                found.iter().filter_map(|f| f[kind].get(i).copied()).collect::<Vec<f64>>()
            })
        };
        (0..size).map(of_number).collect()
    }
}

/// The measures of lists of distances under all resamples, or why they have none.
pub(super) struct MatrixReplicates {
    /// `[measure][column]`
    replicates: Vec<Vec<Replicates>>,
}

impl MatrixReplicates {
    /// `columns` — distances, one for each pair of the matrices
    pub(super) fn new(
        matrices: &SimilarityMatrices,
        columns: &[Vec<f64>],
        draws: &MatrixDraws,
    ) -> Self {
        let sample = MatrixSample::new(&matrices.pairs, &matrices.dissimilarities, columns);
        let of_measure = |measure| replicates(&sample, measure, columns.len(), draws);
        Self { replicates: MatrixMeasure::ALL.map(of_measure).into_iter().collect() }
    }

    /// The main measure of each list of distances on both halves of each split of the images, by the
    /// mean over people; empty if there are too few images.
    pub(super) fn halves(
        matrices: &SimilarityMatrices,
        columns: &[Vec<f64>],
        draws: &Draws,
    ) -> Vec<Vec<[f64; 2]>> {
        let (images, people) = (matrices.image_count(), vec![1.0; matrices.people.len()]);
        if images < 2 * MIN_CLUSTERS || matrices.people.is_empty() {
            return vec![vec![]; columns.len()];
        }
        let sample = MatrixSample::new(&matrices.pairs, &matrices.dissimilarities, columns);
        let halves = draws.of_factor(Factor::Images, images).halves();
        let scores = |half: usize| {
            let counts: Vec<f64> = halves.counts(half).into_iter().map(f64::from).collect();
            let values = sample.similarities(MatrixMeasure::ALL[0], &counts);
            means_over_people(&values, &people, columns.len())
        };
        let scores: Vec<Vec<f64>> = (0..halves.resamples).into_par_iter().map(scores).collect();
        let split = |column: usize, split: &[Vec<f64>]| [split[0][column], split[1][column]];
        (0..columns.len())
            .map(|column| scores.chunks_exact(2).map(|halves| split(column, halves)).collect())
            .collect()
    }

    /// A measure of a column.
    pub(super) fn of(&self, measure: Measure, column: usize) -> Option<&Replicates> {
        let place = MatrixMeasure::ALL.iter().position(|other| other.measure() == measure)?;
        Some(&self.replicates[place][column])
    }
}

/// A measure of each column under all resamples.
fn replicates(
    sample: &MatrixSample,
    measure: MatrixMeasure,
    columns: usize,
    draws: &MatrixDraws,
) -> Vec<Replicates> {
    let plain = sample.similarities(measure, &vec![1.0; draws.images]);
    let all_people = vec![1.0; draws.people];
    let estimates = means_over_people(&plain, &all_people, columns);
    let one = |number: usize| {
        let people = draws.people(number);
        let of_images = match draws.has_images() {
            true => sample.similarities(measure, &draws.images(number)),
            false => vec![],
        };
        [
            if draws.has_people() { means_over_people(&plain, &people, columns) } else { vec![] },
            means_over_people(&of_images, &all_people, columns),
            means_over_people(&of_images, &people, columns),
        ]
    };
    let found: Vec<[Vec<f64>; 3]> = (0..draws.resamples()).into_par_iter().map(one).collect();
    let of_column = |(column, estimate): (usize, f64)| {
        let values = [0, 1, 2].map(|kind: usize| {
            found.iter().filter_map(|of| of[kind].get(column).copied()).collect::<Vec<f64>>()
        });
        draws.replicates(estimate, values)
    };
    estimates.into_iter().enumerate().map(of_column).collect()
}
