//! Noise ceilings: how well the mean of people's matrices follows each of them.

use super::MatrixMeasure;
use super::compared::{Compared, Drawn};
use super::numbering::Numbering;
use super::sample::{MatrixSample, enough};
use super::vectors::Vector;
use super::weights::Weights;

/// Matrices of all people, brought to one form and added up.
struct Pool {
    /// The form of each person, for each pair; NaN where the pair is not there.
    forms: Vec<Vec<f64>>,
    /// Their sum over people, each as often as drawn.
    sums: Vec<f64>,
    /// Over how many people.
    numbers: Vec<f64>,
}

impl MatrixSample {
    /// Lower and upper noise ceiling with each image and person as often as they are drawn: the mean
    /// over the different people that are drawn of the measure of their matrix and the mean matrix
    /// of the others, and of all. A person for whom one of them is not defined is left out of it;
    /// NaN if nobody is left.
    ///
    /// Matrices are brought to one form before their mean: ranks for Spearman's and Kendall's
    /// correlation, mean 0 and deviation 1 for Pearson's, mean square 1 for both cosines.
    ///
    /// # Source
    /// Nili et al. (2014); rsatoolbox's `boot_noise_ceiling` and `pool_rdm`.
    pub(crate) fn noise_ceilings(
        &self,
        measure: MatrixMeasure,
        images: &[f64],
        people: &[f64],
    ) -> [f64; 2] {
        if !enough(images) {
            return [f64::NAN; 2];
        }
        let drawn: Vec<Drawn> =
            self.groups.iter().map(|group| group.drawn(measure, images)).collect();
        let pool = self.pool(measure, &drawn, people);
        let mut sums = [[0.0; 2]; 2];
        for (group, drawn) in self.groups.iter().zip(&drawn).filter(|(_, drawn)| drawn.is_enough) {
            let pooled = |person: usize, times: f64| {
                let mean = |pair: &u32| pool.mean_without(*pair as usize, person, times);
                Pooled::new(measure, drawn, group.pairs.iter().map(mean).collect())
            };
            let of_all = pooled(0, 0.0);
            let members = group.people.iter().zip(&group.of_people);
            for (person, vector) in members.filter(|(person, _)| people[**person] > 0.0) {
                let own = drawn.compared(measure, vector);
                let of_others = pooled(*person, people[*person]);
                for ([sum, number], pooled) in sums.iter_mut().zip([&of_others, &of_all]) {
                    let value = match pooled.lacks_a_pair {
                        false => drawn.measured(pooled.compared.as_ref(), own.as_ref()),
                        true => self.where_both_are(measure, &group.pairs, vector, pooled, images),
                    };
                    if !value.is_nan() {
                        *sum += value;
                        *number += 1.0;
                    }
                }
            }
        }
        sums.map(|[sum, number]| sum / number)
    }

    /// Everybody's matrix in the form of a measure, and their sum; without those that have no form,
    /// as equal numbers have no deviation.
    fn pool(&self, measure: MatrixMeasure, drawn: &[Drawn], people: &[f64]) -> Pool {
        let size = self.ends.len();
        let mut pool = Pool {
            forms: vec![vec![f64::NAN; size]; self.people],
            sums: vec![0.0; size],
            numbers: vec![0.0; size],
        };
        for (group, drawn) in self.groups.iter().zip(drawn).filter(|(_, drawn)| drawn.is_enough) {
            for (person, vector) in group.people.iter().zip(&group.of_people) {
                let form = form(measure, vector, &drawn.weights);
                let there = drawn.weights.there.iter().zip(form);
                for (place, value) in there.filter(|(_, value)| !value.is_nan()) {
                    let pair = group.pairs[*place as usize] as usize;
                    pool.forms[*person][pair] = value;
                    if people[*person] > 0.0 {
                        pool.sums[pair] += people[*person] * value;
                        pool.numbers[pair] += people[*person];
                    }
                }
            }
        }
        pool
    }

    /// The measure of a person's matrix and a pooled one, of the pairs that somebody else judged too.
    fn where_both_are(
        &self,
        measure: MatrixMeasure,
        pairs: &[u32],
        person: &Vector,
        pooled: &Pooled,
        images: &[f64],
    ) -> f64 {
        let pooled = &pooled.mean[..];
        let both: Vec<usize> = (0..pairs.len()).filter(|i| !pooled[*i].is_nan()).collect();
        let ends: Vec<[u32; 2]> = both.iter().map(|i| self.ends[pairs[*i] as usize]).collect();
        let [person, pooled] = [&person.values[..], pooled]
            .map(|values| both.iter().map(|i| values[*i]).collect::<Vec<f64>>());
        let used = Numbering::of(&ends).images;
        let counts: Vec<f64> = used.iter().map(|image| images[*image as usize]).collect();
        let sample = Self::new(&ends, &[person], &[pooled]);
        sample.similarities(measure, &counts).first().copied().unwrap_or(f64::NAN)
    }
}

/// A mean matrix, of the pairs of a group.
struct Pooled {
    mean: Vec<f64>,
    /// Whether a pair that is there has no mean: nobody else judged it.
    lacks_a_pair: bool,
    /// What the measure compares of it, if it lacks none.
    compared: Option<Compared>,
}

impl Pooled {
    fn new(measure: MatrixMeasure, drawn: &Drawn, mean: Vec<f64>) -> Self {
        let there = drawn.weights.pick(&mean);
        let lacks_a_pair = there.iter().any(|value| value.is_nan());
        let compared = match lacks_a_pair {
            true => None,
            false => drawn.compared_there(measure, there),
        };
        Self { mean, lacks_a_pair, compared }
    }
}

impl Pool {
    /// The mean of a pair over people, without a person as often as said; NaN if nobody is left.
    fn mean_without(&self, pair: usize, person: usize, times: f64) -> f64 {
        let own = self.forms[person][pair];
        match times > 0.0 && !own.is_nan() {
            true => (self.sums[pair] - times * own) / (self.numbers[pair] - times),
            false => self.sums[pair] / self.numbers[pair],
        }
    }
}

/// A person's matrix in the form in which a measure's are pooled, of the pairs that are there.
fn form(measure: MatrixMeasure, vector: &Vector, weights: &Weights) -> Vec<f64> {
    let (mean, values) = match measure {
        MatrixMeasure::Spearman | MatrixMeasure::KendallTauA => {
            return vector.there(MatrixMeasure::Spearman, weights);
        }
        MatrixMeasure::Pearson => {
            let values = weights.pick(&vector.values);
            (weights.mean(&values), values)
        }
        MatrixMeasure::Cosine | MatrixMeasure::WhitenedCosine => {
            (0.0, weights.pick(&vector.values))
        }
    };
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let squares: Vec<f64> = centred.iter().map(|value| value * value).collect();
    let deviation = weights.mean(&squares).sqrt();
    centred.into_iter().map(|value| value / deviation).collect()
}
