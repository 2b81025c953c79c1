//! Noise ceilings of people's matrices.

use super::FoundCeiling;
use super::found;
use crate::dataset::Dataset;
use crate::measure::{MatrixMeasure, MatrixSample};
use crate::paradigm::{Ceiling, SimilarityMatrices};
use crate::resample::Replicates;
use crate::score::{MatrixDraws, Scorer};

/// The kinds, in the order in which they are found.
const KINDS: [Ceiling; 2] = [Ceiling::NoiseCeilingLower, Ceiling::NoiseCeilingUpper];

/// Lower and upper noise ceiling of each measure; none of one person.
pub(super) fn noise_ceilings(
    dataset: &Dataset,
    matrices: &SimilarityMatrices,
    scorer: &Scorer,
) -> Vec<FoundCeiling> {
    if matrices.people.len() < 2 {
        return vec![];
    }
    let sample = MatrixSample::new(&matrices.pairs, &matrices.dissimilarities, &[]);
    let draws = MatrixDraws::new(matrices, scorer.draws());
    let [all_images, all_people] =
        [sample.images(), matrices.people.len()].map(|count| vec![1.0; count]);
    let of_measure = |measure: MatrixMeasure| {
        let estimates = sample.noise_ceilings(measure, &all_images, &all_people);
        let resampled = draws
            .resample(|images, people| sample.noise_ceilings(measure, images, people).to_vec());
        let one = |(place, kind): (usize, Ceiling)| {
            let replicates = match resampled.get(place) {
                Some(values) => draws.replicates(estimates[place], values.clone()),
                None => Replicates { estimate: estimates[place], ..Replicates::default() },
            };
            let of = (0, kind, measure.measure());
            found(dataset, scorer, of, replicates, matrices.pairs.len())
        };
        KINDS.into_iter().enumerate().map(one).collect::<Vec<_>>()
    };
    MatrixMeasure::ALL.into_iter().flat_map(of_measure).collect()
}
