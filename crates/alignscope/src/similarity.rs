//! How alike two models see the same images, people left aside.

use rayon::prelude::*;

use crate::csv_row::{choice_field, csv_row, depth, name, within};
use crate::distance::Distance;
use crate::measure::average_ranks;
use crate::stage::Stage;

/// A measure of how alike two stages see the same images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SimilarityMeasure {
    /// Linear centred kernel alignment: the cosine of the two centred matrices of inner products of
    /// images, 0 to 1.
    ///
    /// ```text
    /// CKA = <HKH, HLH> / (|HKH| |HLH|),   HKH = −1/2 · H D² H
    /// ```
    ///
    /// K and L hold inner products of activations, D their Euclidean distances, H takes the mean
    /// away from rows and columns.
    ///
    /// # Source
    /// Kornblith et al., *Similarity of neural network representations revisited* (2019), Section 3.
    LinearCka,
    /// Representational similarity analysis: Spearman's correlation of the distances of all pairs of
    /// images, −1 to 1.
    ///
    /// # Source
    /// Kriegeskorte, Mur and Bandettini, *Representational similarity analysis* (2008).
    Rsa,
}

impl SimilarityMeasure {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::LinearCka, Self::Rsa];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinearCka => "linear-cka",
            Self::Rsa => "rsa",
        }
    }

    /// What it is, in the words that stand beside a scale.
    pub fn title(self) -> &'static str {
        match self {
            Self::LinearCka => "linear CKA",
            Self::Rsa => "RSA (Spearman)",
        }
    }
}

choice!(SimilarityMeasure, "measure of similarity");
choice_field!(SimilarityMeasure);

csv_row! {
    /// Two stages compared on the same images: a row of `similarities.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct SimilarityRow {
        /// The data set whose images they are.
        pub dataset: String as name,
        /// What was measured.
        pub measure: SimilarityMeasure,
        /// The kind of distance, of [`SimilarityMeasure::Rsa`].
        pub distance: Option<Distance>,
        /// The first model.
        pub model_a: String as name,
        /// Its stage.
        pub stage_a: Stage,
        /// Where that stands in figures.
        pub depth_a: f64 as depth,
        /// The second model.
        pub model_b: String as name,
        /// Its stage.
        pub stage_b: Stage,
        /// Where that stands in figures.
        pub depth_b: f64 as depth,
        /// How alike they are; NaN if it is not defined.
        pub value: f64 as within(-1.0..=1.0),
        /// Its standard error by a jackknife over groups of images.
        pub standard_error: Option<f64>,
        /// Images.
        pub n_images: usize,
    }
}

/// Groups of images that the jackknife leaves out in turn.
pub const GROUPS: usize = 20;

/// The distances of all pairs of images at a stage of a model.
#[derive(Debug, Clone)]
pub struct StageGeometry {
    /// The model.
    pub model: String,
    /// The stage.
    pub stage: Stage,
    /// Where it stands in figures.
    pub depth_percent: f64,
    /// Kind of distance, and the distance of each pair: of images 0–1, 0–2, …, 1–2, ….
    pub distances: Vec<(Distance, Vec<f64>)>,
}

impl StageGeometry {
    /// Distances of a kind; of a model that has one of its own alone, or of pixels, those.
    fn of_kind(&self, kind: Distance) -> Option<&[f64]> {
        let of = |kind| self.distances.iter().find(|(other, _)| *other == kind);
        let only = self.distances.first().filter(|_| self.distances.len() == 1);
        of(kind).or(only).map(|(_, values)| values.as_slice())
    }

    /// Its vector for a measure, of length 1, of the images that are not left out; `None` where the
    /// measure is not defined.
    fn vector(&self, of: Kind, kept: &[bool]) -> Option<Vec<f64>> {
        match of {
            Kind::LinearCka => {
                let is_euclidean = |(kind, _): &&(Distance, _)| *kind == Distance::Euclidean;
                let (_, values) = self.distances.iter().find(is_euclidean)?;
                unit(centred_products(values, kept))
            }
            Kind::Rsa(kind) => {
                let values = of_kept(self.of_kind(kind)?, kept);
                let ranks = average_ranks(&values);
                let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
                unit(ranks.into_iter().map(|rank| rank - mean).collect())
            }
        }
    }
}

/// What is measured, with the kind of distance.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    LinearCka,
    Rsa(Distance),
}

impl Kind {
    fn measure(self) -> SimilarityMeasure {
        match self {
            Self::LinearCka => SimilarityMeasure::LinearCka,
            Self::Rsa(_) => SimilarityMeasure::Rsa,
        }
    }

    fn distance(self) -> Option<Distance> {
        match self {
            Self::LinearCka => None,
            Self::Rsa(distance) => Some(distance),
        }
    }
}

/// Compares every stage with every stage: of each two models, and of a model with itself.
///
/// `distances` — the kinds for which distances are correlated
/// `images` — how many there are
///
/// The rows stand by measure, then by models in the order of `stages`.
pub fn compare_stages(
    dataset: &str,
    stages: &[StageGeometry],
    distances: &[Distance],
    images: usize,
) -> Vec<SimilarityRow> {
    let kinds: Vec<Kind> =
        std::iter::once(Kind::LinearCka).chain(distances.iter().map(|d| Kind::Rsa(*d))).collect();
    let sides = pairs_of_stages(stages);
    let of_kind = |kind: &Kind| {
        let whole = products(stages, &sides, *kind, &vec![true; images]);
        let groups = if images >= 2 * GROUPS { GROUPS } else { 0 };
        let left_out: Vec<Vec<f64>> = (0..groups)
            .map(|group| {
                let kept: Vec<bool> = (0..images).map(|image| image % GROUPS != group).collect();
                products(stages, &sides, *kind, &kept)
            })
            .collect();
        let row = |(i, [a, b]): (usize, &[usize; 2])| {
            let [a, b] = [*a, *b].map(|side| &stages[side]);
            let without: Vec<f64> = left_out.iter().map(|values| values[i]).collect();
            SimilarityRow {
                dataset: dataset.to_owned(),
                measure: kind.measure(),
                distance: kind.distance(),
                model_a: a.model.clone(),
                stage_a: a.stage,
                depth_a: a.depth_percent,
                model_b: b.model.clone(),
                stage_b: b.stage,
                depth_b: b.depth_percent,
                value: whole[i],
                standard_error: jackknife_error(&without),
                n_images: images,
            }
        };
        sides.iter().enumerate().map(row).collect::<Vec<_>>()
    };
    kinds.iter().flat_map(of_kind).collect()
}

/// All pairs of stages by position: each model with itself and with the later ones.
fn pairs_of_stages(stages: &[StageGeometry]) -> Vec<[usize; 2]> {
    let mut models: Vec<&str> = Vec::new();
    for stage in stages {
        if !models.contains(&stage.model.as_str()) {
            models.push(&stage.model);
        }
    }
    let of = |model: &str| -> Vec<usize> {
        (0..stages.len()).filter(|i| stages[*i].model == model).collect()
    };
    let mut pairs = Vec::new();
    for (i, first) in models.iter().enumerate() {
        for second in &models[i..] {
            for a in of(first) {
                pairs.extend(of(second).into_iter().map(|b| [a, b]));
            }
        }
    }
    pairs
}

/// The measure of each pair of stages; NaN where it is not defined.
fn products(stages: &[StageGeometry], sides: &[[usize; 2]], of: Kind, kept: &[bool]) -> Vec<f64> {
    let vectors: Vec<Option<Vec<f64>>> =
        stages.par_iter().map(|stage| stage.vector(of, kept)).collect();
    let product = |[a, b]: &[usize; 2]| match (&vectors[*a], &vectors[*b]) {
        // A stage and itself, and rounding.
        (Some(_), Some(_)) if a == b => 1.0,
        (Some(a), Some(b)) => dot(a, b).clamp(-1.0, 1.0),
        _ => f64::NAN,
    };
    sides.par_iter().map(product).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A vector over its length; `None` if that is 0.
fn unit(mut values: Vec<f64>) -> Option<Vec<f64>> {
    let length = dot(&values, &values).sqrt();
    values.iter_mut().for_each(|value| *value /= length);
    (length > 0.0).then_some(values)
}

/// The values of the pairs of images that are both kept.
fn of_kept(values: &[f64], kept: &[bool]) -> Vec<f64> {
    let mut found = Vec::with_capacity(values.len());
    let mut values = values.iter();
    for (a, of_a) in kept.iter().enumerate() {
        for of_b in &kept[a + 1..] {
            let value = values.next().expect("a value of each pair");
            if *of_a && *of_b {
                found.push(*value);
            }
        }
    }
    found
}

/// The inner products of the images that are kept once their mean is taken away, `[images, images]`,
/// from the distances of their pairs.
fn centred_products(distances: &[f64], kept: &[bool]) -> Vec<f64> {
    let count = kept.iter().filter(|kept| **kept).count();
    let mut squares = vec![0.0; count * count];
    let mut values = of_kept(distances, kept).into_iter();
    for a in 0..count {
        for b in a + 1..count {
            let distance = values.next().expect("a value of each pair");
            squares[a * count + b] = distance * distance;
            squares[b * count + a] = distance * distance;
        }
    }
    let mean = |row: &[f64]| row.iter().sum::<f64>() / count as f64;
    let means: Vec<f64> = squares.chunks_exact(count).map(mean).collect();
    let mean = mean(&means);
    for (a, row) in squares.chunks_exact_mut(count).enumerate() {
        for (b, square) in row.iter_mut().enumerate() {
            *square = -0.5 * (*square - means[a] - means[b] + mean);
        }
    }
    squares
}

/// The standard error of a number by what it is with each group left out in turn; `None` without
/// groups, or where it is not defined.
///
/// ```text
/// SE² = (g − 1)/g · Σ (v_i − mean v)²
/// ```
fn jackknife_error(without: &[f64]) -> Option<f64> {
    let groups = without.len() as f64;
    let mean = without.iter().sum::<f64>() / groups;
    let squares: f64 = without.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some(((groups - 1.0) / groups * squares).sqrt()).filter(|error| error.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Distances of all pairs of images with these activations.
    fn distances(activations: &[Vec<f64>]) -> Vec<f64> {
        let distance = |a: &Vec<f64>, b: &Vec<f64>| {
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let of = |a: usize| activations[a + 1..].iter().map(move |b| distance(&activations[a], b));
        (0..activations.len()).flat_map(of).collect()
    }

    fn random(images: usize, channels: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..images).map(|_| (0..channels).map(|_| rng.random_range(-1.0..1.0)).collect()).collect()
    }

    fn geometry(model: &str, activations: &[Vec<f64>]) -> StageGeometry {
        StageGeometry {
            model: model.to_owned(),
            stage: Stage::Output,
            depth_percent: 100.0,
            distances: vec![(Distance::Euclidean, distances(activations))],
        }
    }

    /// Linear CKA as its paper has it for activations: |Yᵀ X|² / (|Xᵀ X| |Yᵀ Y|), columns centred.
    fn of_activations(x: &[Vec<f64>], y: &[Vec<f64>]) -> f64 {
        let centred = |x: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let mean = |c: usize| x.iter().map(|row| row[c]).sum::<f64>() / x.len() as f64;
            let means: Vec<f64> = (0..x[0].len()).map(mean).collect();
            x.iter().map(|r| r.iter().zip(&means).map(|(v, m)| v - m).collect()).collect()
        };
        let (x, y) = (centred(x), centred(y));
        let norm = |x: &[Vec<f64>], y: &[Vec<f64>]| {
            let product =
                |i: usize, j: usize| x.iter().zip(y).map(|(a, b)| a[i] * b[j]).sum::<f64>();
            let squares = (0..x[0].len())
                .flat_map(|i| (0..y[0].len()).map(move |j| (i, j)))
                .map(|(i, j)| product(i, j).powi(2));
            squares.sum::<f64>().sqrt()
        };
        norm(&y, &x).powi(2) / (norm(&x, &x) * norm(&y, &y))
    }

    #[test]
    fn cka_from_distances_is_that_of_activations() {
        let x = random(50, 6, 1);
        let noise = random(50, 6, 2);
        let sum = |(x, n): (&Vec<f64>, &Vec<f64>)| x.iter().zip(n).map(|(x, n)| x + n).collect();
        let y: Vec<Vec<f64>> = x.iter().zip(&noise).map(sum).collect();
        let stages = [geometry("x", &x), geometry("y", &y)];
        let rows = compare_stages("d", &stages, &[Distance::Euclidean], 50);
        let row = |measure, a: &str, b: &str| {
            let is_it =
                |r: &&SimilarityRow| (r.measure, &*r.model_a, &*r.model_b) == (measure, a, b);
            rows.iter().find(is_it).expect("a row")
        };
        let found = row(SimilarityMeasure::LinearCka, "x", "y");
        assert!((found.value - of_activations(&x, &y)).abs() < 1e-12, "{}", found.value);
        assert!(found.standard_error.is_some_and(|error| error > 0.0 && error < 0.2));
        assert_eq!(row(SimilarityMeasure::LinearCka, "x", "x").value, 1.0);
        assert_eq!(row(SimilarityMeasure::Rsa, "y", "y").value, 1.0);
        let rsa = row(SimilarityMeasure::Rsa, "x", "y").value;
        assert!(rsa > 0.2 && rsa < 1.0, "{rsa}");
    }

    #[test]
    fn a_stage_at_which_all_images_are_equal_has_no_similarity() {
        let stages = [geometry("x", &random(5, 3, 1)), geometry("same", &vec![vec![1.0]; 5])];
        let rows = compare_stages("d", &stages, &[Distance::Euclidean], 5);
        let with_same = rows.iter().filter(|row| row.model_b == "same");
        assert!(with_same.clone().count() > 0 && with_same.clone().all(|row| row.value.is_nan()));
        assert!(rows.iter().all(|row| row.standard_error.is_none()), "five images make no groups");
    }
}
