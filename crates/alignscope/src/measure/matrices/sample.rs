//! People's matrices and models' matrices, ready to be compared under any weights.

use super::MatrixMeasure;
use super::compared::{Compared, Drawn};
use super::numbering::Numbering;
use super::vectors::Vector;
use super::weights::Weights;
use super::whitening::Whitening;

/// Of fewer different images a measure is not defined, as in rsatoolbox.
const MIN_IMAGES: usize = 3;

/// People's matrices and models' matrices (columns) on the same pairs of images.
#[derive(Debug, Clone)]
pub(crate) struct MatrixSample {
    /// The images of each pair, numbered by first use.
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

impl MatrixSample {
    /// Images are drawn, and counted in `counts`, in the order in which the pairs first use them.
    ///
    /// `pairs` — the images of each pair; `people` — a dissimilarity for each pair, NaN where a
    /// person did not judge it; `columns` — a distance for each pair
    pub(crate) fn new(pairs: &[[u32; 2]], people: &[Vec<f64>], columns: &[Vec<f64>]) -> Self {
        let Numbering { images: known, ends } = Numbering::of(pairs);
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
        let values = self.similarities(measure, &vec![1.0; self.images]);
        let means = means_over_people(&values, &vec![1.0; self.people], self.columns);
        <[f64; 2]>::try_from(means).expect("two columns")
    }

    /// A measure of each person's matrix and each column, `[people][columns]`, with each image as
    /// often as it is drawn; NaN where it is not defined.
    pub(crate) fn similarities(&self, measure: MatrixMeasure, counts: &[f64]) -> Vec<f64> {
        let mut found = vec![f64::NAN; self.people * self.columns];
        for group in &self.groups {
            let values = group.similarities(measure, counts);
            for (person, values) in group.people.iter().zip(values.chunks(self.columns.max(1))) {
                found[person * self.columns..][..self.columns].copy_from_slice(values);
            }
        }
        found
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
        let mut images = vec![0.0; counts.len()];
        let there = weights.there.iter().flat_map(|pair| self.ends[*pair as usize]);
        there.for_each(|image| images[image as usize] = 1.0);
        Drawn { weights, whitening, is_enough: enough(&images) }
    }

    /// A measure of each person and column, `[people][columns]`.
    fn similarities(&self, measure: MatrixMeasure, counts: &[f64]) -> Vec<f64> {
        let drawn = self.drawn(measure, counts);
        if !drawn.is_enough {
            return vec![f64::NAN; self.people.len() * self.columns.len()];
        }
        let compared = |vectors: &[Vector]| -> Vec<Option<Compared>> {
            vectors.iter().map(|vector| drawn.compared(measure, vector)).collect()
        };
        let columns = compared(&self.columns);
        let of_person = |person: &Vector| {
            let person = drawn.compared(measure, person);
            let of = |column: &Option<Compared>| drawn.measured(column.as_ref(), person.as_ref());
            columns.iter().map(of).collect::<Vec<f64>>()
        };
        self.of_people.iter().flat_map(of_person).collect()
    }
}

/// Whether so many different images are drawn that measures are defined.
pub(super) fn enough(counts: &[f64]) -> bool {
    counts.iter().filter(|n| **n > 0.0).count() >= MIN_IMAGES
}

/// The mean over people of each column, each person as often as drawn; nothing of nothing. A person
/// for whom a measure is not defined is left out of its mean: one who judged some pairs only may
/// have none of them in a resample of images. NaN if nobody is left.
///
/// `values` — `[people][columns]`
pub(crate) fn means_over_people(values: &[f64], people: &[f64], columns: usize) -> Vec<f64> {
    if values.is_empty() || columns == 0 {
        return vec![];
    }
    let mut sums = vec![[0.0; 2]; columns];
    for (of_person, times) in values.chunks(columns).zip(people).filter(|(_, n)| **n > 0.0) {
        let defined = sums.iter_mut().zip(of_person).filter(|(_, value)| !value.is_nan());
        for ([sum, number], value) in defined {
            *sum += times * value;
            *number += times;
        }
    }
    sums.into_iter().map(|[sum, number]| sum / number).collect()
}
