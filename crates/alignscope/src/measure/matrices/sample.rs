//! People's matrices and models' matrices, ready to be compared under any weights.

use super::MatrixMeasure;
use super::vectors::{Vector, product, unit};
use super::weights::Weights;
use super::whitening::Whitening;
use crate::measure::kendall::kendall_tau_a;

/// Of fewer different images a measure is not defined, as in rsatoolbox.
const MIN_IMAGES: usize = 3;

/// People's matrices and models' matrices (columns) on the same pairs of images.
#[derive(Debug, Clone)]
pub(crate) struct MatrixSample {
    /// The images of each pair, numbered from 0.
    pub(super) ends: Vec<[u32; 2]>,
    images: usize,
    pub(super) people: usize,
    columns: usize,
    pub(super) groups: Vec<Group>,
}

/// People who judged the same pairs.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) people: Vec<usize>,
    /// Positions of the pairs that they judged.
    pub(super) pairs: Vec<u32>,
    /// The images of those.
    ends: Vec<[u32; 2]>,
    /// Whether each image is in one of them.
    images: Vec<bool>,
    /// Whether all pairs of these images are there.
    is_complete: bool,
    pub(super) of_people: Vec<Vector>,
    columns: Vec<Vector>,
}

/// The weights of the pairs of a group, and what the whitened cosine needs of them.
pub(super) struct Drawn {
    pub(super) weights: Weights,
    pub(super) whitening: Option<Whitening>,
}

impl MatrixSample {
    /// `pairs` — the images of each pair; `people` — a dissimilarity for each pair, NaN where a
    /// person did not judge it; `columns` — a distance for each pair
    pub(crate) fn new(pairs: &[[u32; 2]], people: &[Vec<f64>], columns: &[Vec<f64>]) -> Self {
        let mut known: Vec<u32> = pairs.iter().flatten().copied().collect();
        known.sort_unstable();
        known.dedup();
        let number = |image: u32| known.partition_point(|other| *other < image) as u32;
        let ends: Vec<[u32; 2]> = pairs.iter().map(|pair| pair.map(number)).collect();
        let mut masks: Vec<(Vec<bool>, Vec<usize>)> = Vec::new();
        for (person, values) in people.iter().enumerate() {
            let mask: Vec<bool> = values.iter().map(|value| !value.is_nan()).collect();
            match masks.iter_mut().find(|(other, _)| *other == mask) {
                Some((_, members)) => members.push(person),
                None => masks.push((mask, vec![person])),
            }
        }
        let group = |(mask, members): (Vec<bool>, Vec<usize>)| {
            let pairs: Vec<u32> = (0..mask.len() as u32).filter(|i| mask[*i as usize]).collect();
            let pick = |values: &Vec<f64>| {
                Vector::new(pairs.iter().map(|pair| values[*pair as usize]).collect())
            };
            let ends: Vec<[u32; 2]> = pairs.iter().map(|pair| ends[*pair as usize]).collect();
            let mut images = vec![false; known.len()];
            ends.iter().flatten().for_each(|image| images[*image as usize] = true);
            let count = images.iter().filter(|is_there| **is_there).count();
            Group {
                is_complete: count * count.saturating_sub(1) / 2 == ends.len(),
                of_people: members.iter().map(|person| pick(&people[*person])).collect(),
                columns: columns.iter().map(pick).collect(),
                people: members,
                pairs,
                ends,
                images,
            }
        };
        let groups = masks.into_iter().map(group).collect();
        Self { ends, images: known.len(), people: people.len(), columns: columns.len(), groups }
    }

    /// How many different images there are.
    pub(crate) fn images(&self) -> usize {
        self.images
    }

    /// A measure of two columns, the mean over people.
    ///
    /// # Panics
    /// There are not two columns.
    pub(crate) fn means(&self, measure: MatrixMeasure) -> [f64; 2] {
        assert_eq!(self.columns, 2, "two columns");
        let values = self.similarities(measure, &vec![1.0; self.images]);
        let of_column = |column: usize| values.iter().skip(column).step_by(2).sum::<f64>();
        [of_column(0), of_column(1)].map(|sum| sum / self.people as f64)
    }

    /// A measure of each person's matrix and each column, `[people][columns]`, with each image as
    /// often as it is drawn; NaN where it is not defined.
    ///
    /// # Panics
    /// Kendall's tau-a of images that are not drawn once each.
    pub(crate) fn similarities(&self, measure: MatrixMeasure, counts: &[f64]) -> Vec<f64> {
        let mut found = vec![f64::NAN; self.people * self.columns];
        if !enough(counts) {
            return found;
        }
        for group in &self.groups {
            let values = group.similarities(measure, counts);
            for (person, values) in group.people.iter().zip(values.chunks(self.columns.max(1))) {
                found[person * self.columns..][..self.columns].copy_from_slice(values);
            }
        }
        found
    }
}

impl Drawn {
    /// What the measure compares of a vector.
    pub(super) fn unit(&self, measure: MatrixMeasure, vector: &Vector) -> Option<Vec<f64>> {
        self.unit_of(measure, vector.there(measure, &self.weights))
    }

    /// The same of the values, or ranks, of the pairs that are there.
    pub(super) fn unit_of(&self, measure: MatrixMeasure, there: Vec<f64>) -> Option<Vec<f64>> {
        unit(measure, there, &self.weights, self.whitening.as_ref())
    }
}

impl Group {
    /// The weights of its pairs with each image as often as it is drawn.
    pub(super) fn drawn(&self, measure: MatrixMeasure, counts: &[f64]) -> Drawn {
        let here = |(n, is_there): (&f64, &bool)| if *is_there { *n } else { 0.0 };
        let counts: Vec<f64> = counts.iter().zip(&self.images).map(here).collect();
        let weights = Weights::new(&self.ends, &counts);
        let whitening = (measure == MatrixMeasure::WhitenedCosine)
            .then(|| Whitening::new(&self.ends, self.is_complete, &weights));
        Drawn { weights, whitening }
    }

    fn similarities(&self, measure: MatrixMeasure, counts: &[f64]) -> Vec<f64> {
        if measure == MatrixMeasure::KendallTauA {
            assert!(counts.iter().all(|n| *n == 1.0), "not resampled over images");
            let of = |person: &Vector| {
                let of_column = |column: &Vector| kendall_tau_a(&column.values, &person.values);
                self.columns.iter().map(of_column).collect::<Vec<f64>>()
            };
            return self.of_people.iter().flat_map(of).collect();
        }
        let drawn = self.drawn(measure, counts);
        let units = |vectors: &[Vector]| -> Vec<Option<Vec<f64>>> {
            vectors.iter().map(|vector| drawn.unit(measure, vector)).collect()
        };
        let columns = units(&self.columns);
        let of_person = |person: Option<Vec<f64>>| {
            let of = |column: &Option<Vec<f64>>| match (column, &person) {
                (Some(column), Some(person)) => product(column, person),
                _ => f64::NAN,
            };
            columns.iter().map(of).collect::<Vec<f64>>()
        };
        units(&self.of_people).into_iter().flat_map(of_person).collect()
    }
}

/// Whether so many different images are drawn that measures are defined.
pub(super) fn enough(counts: &[f64]) -> bool {
    counts.iter().filter(|n| **n > 0.0).count() >= MIN_IMAGES
}
