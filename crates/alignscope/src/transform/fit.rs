//! Fitting a transform to choices.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::apply::Transform;
use super::choices::Choice;
use super::contrast::Contrast;
use super::folds::{Fold, hold_out};
use super::kind::TransformKind;
use super::lbfgs::minimise;
use super::objective::{Objective, RowChoices, Shape};
use super::recipe::Recipe;
use super::vectors::StageVectors;

/// The share of the images of a training part that chooses λ.
const HELD_OUT: f64 = 0.2;
/// Where held-out answers surprise by this factor more than the least, a smaller λ is not tried.
const WORSE: f64 = 1.02;
/// Images over which gLocal's local term is taken, at most.
const MOST_NEIGHBOURS: usize = 512;

/// A fitted transform.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// It.
    pub transform: Transform,
    /// The λ that held-out images chose; `None` where nothing is penalized.
    pub lambda: Option<f64>,
}

/// Fits a transform to some of the choices, on the images of those alone.
///
/// The features are standardized by the mean and standard deviation of each channel over those
/// images, and divided by √channels, so that their mean square is 1. λ is chosen among
/// [`Recipe::lambdas`] by the answers about a fifth of those images, of which the fits that are
/// compared saw none; the transform is then fitted once more to all.
///
/// `asked` — positions of the choices, at least one
pub fn fit(vectors: &StageVectors, choices: &[Choice], asked: &[usize], recipe: &Recipe) -> Fitted {
    let whole = Part::new(vectors, choices, asked, asked);
    let shape = match recipe.kind {
        TransformKind::Standardize | TransformKind::Diagonal => Shape::Diagonal,
        TransformKind::Ridge | TransformKind::Glocal => Shape::Full,
    };
    if recipe.kind == TransformKind::Standardize {
        let objective = whole.objective(shape, recipe);
        let start = objective.multiple_of_identity(whole.factor());
        return Fitted { transform: whole.transform(&start, shape), lambda: None };
    }
    let Fold { test, train } = hold_out(choices, asked, HELD_OUT, recipe.seed);
    let lambda = match train.is_empty() || test.is_empty() {
        true => recipe.lambdas[0],
        false => best_lambda(vectors, choices, [&train, &test], shape, recipe),
    };
    let objective = whole.objective(shape, recipe).with_lambda(lambda);
    let start = objective.multiple_of_identity(whole.factor());
    let (weights, _) = minimise(start, |at, gradient| objective.value(at, gradient));
    Fitted { transform: whole.transform(&weights, shape), lambda: Some(lambda) }
}

/// The λ whose fit to the first questions is least surprised by the others.
fn best_lambda(
    vectors: &StageVectors,
    choices: &[Choice],
    [train, test]: [&[usize]; 2],
    shape: Shape,
    recipe: &Recipe,
) -> f64 {
    let part = Part::new(vectors, choices, train, train);
    let seen = Part::standardized_by(&part, vectors, choices, test);
    let mut objective = part.objective(shape, recipe);
    let mut weights = objective.multiple_of_identity(part.factor());
    let mut best = (f64::INFINITY, recipe.lambdas[0]);
    for lambda in &recipe.lambdas {
        objective = objective.with_lambda(*lambda);
        (weights, _) = minimise(weights, |at, gradient| objective.value(at, gradient));
        let surprise = objective.surprise_at(&weights, &seen.features, &seen.choices);
        if surprise < best.0 {
            best = (surprise, *lambda);
        }
        if surprise > WORSE * best.0 {
            break;
        }
    }
    best.1
}

/// Some questions, and the features of their images.
struct Part {
    channels: usize,
    mean: Vec<f64>,
    std: Vec<f64>,
    /// `[rows, channels]`, standardized, and over √channels.
    features: Vec<f64>,
    choices: RowChoices,
}

impl Part {
    /// `by` — the questions of whose images mean and deviation are taken
    fn new(vectors: &StageVectors, choices: &[Choice], asked: &[usize], by: &[usize]) -> Self {
        let images = images_of(choices, by);
        let channels = vectors.channels;
        let count = images.len() as f64;
        let mut mean = vec![0.0; channels];
        for image in &images {
            let vector = vectors.image(*image as usize);
            mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += f64::from(*x) / count);
        }
        let mut std = vec![0.0; channels];
        for image in &images {
            let vector = vectors.image(*image as usize).iter().zip(&mean);
            let squares = vector.map(|(x, mean)| (f64::from(*x) - mean).powi(2) / count);
            std.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square);
        }
        // A channel that does not vary has nothing to be divided by.
        std.iter_mut().for_each(|x| *x = if *x > 0.0 { x.sqrt() } else { 1.0 });
        let none = Self { channels, mean, std, features: vec![], choices: vec![] };
        Self::standardized_by(&none, vectors, choices, asked)
    }

    /// Other questions, their features by the mean and deviation of another part.
    fn standardized_by(
        other: &Self,
        vectors: &StageVectors,
        choices: &[Choice],
        asked: &[usize],
    ) -> Self {
        let Self { channels, mean, std, .. } = other;
        let images = images_of(choices, asked);
        let root = (*channels as f64).sqrt();
        let features = images.iter().flat_map(|image| {
            let scale = mean.iter().zip(std);
            let vector = vectors.image(*image as usize).iter().zip(scale);
            vector.map(|(x, (mean, std))| (f64::from(*x) - mean) / (std * root))
        });
        let row = |image: u32| images.binary_search(&image).expect("an image of a question");
        let of_rows = |question: &usize| {
            let Choice { pairs, votes, .. } = &choices[*question];
            (pairs.iter().map(|pair| pair.map(row)).collect(), votes.clone())
        };
        Self {
            channels: *channels,
            mean: mean.clone(),
            std: std.clone(),
            features: features.collect(),
            choices: asked.iter().map(of_rows).collect(),
        }
    }

    fn objective(&self, shape: Shape, recipe: &Recipe) -> Objective {
        let contrast = recipe.contrastive_share().map(|share| {
            let mut images: Vec<usize> = (0..self.features.len() / self.channels).collect();
            images.shuffle(&mut ChaCha8Rng::seed_from_u64(recipe.seed));
            images.truncate(MOST_NEIGHBOURS);
            Contrast::new(&self.features, self.channels, images, share, recipe.temperature)
        });
        let (features, choices) = (self.features.clone(), self.choices.clone());
        Objective::new(features, self.channels, choices, shape, 0.0, contrast)
    }

    /// The factor w of w·I by which the choices are the most likely, between 0.01 and 100.
    fn factor(&self) -> f64 {
        let dots = self.choices.iter().map(|(pairs, votes)| {
            let row = |i: usize| &self.features[i * self.channels..][..self.channels];
            let dot = |[a, b]: &[usize; 2]| super::product::dot(row(*a), row(*b));
            (pairs.iter().map(dot).collect::<Vec<f64>>(), votes)
        });
        let dots: Vec<_> = dots.collect();
        let surprise = |log_w: f64| {
            let square = libm::exp(2.0 * log_w);
            let of_choice = |(dots, votes): &(Vec<f64>, &Vec<f64>)| {
                let top = dots.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let all: f64 = dots.iter().map(|d| libm::exp(square * (d - top))).sum();
                let terms = dots.iter().zip(*votes);
                terms.map(|(d, votes)| votes * (libm::log(all) - square * (d - top))).sum::<f64>()
            };
            dots.iter().map(of_choice).sum::<f64>()
        };
        libm::exp(least(surprise, (libm::log(0.01), libm::log(100.0))))
    }

    /// Weights of the features as a transform of the vectors.
    fn transform(&self, weights: &[f64], shape: Shape) -> Transform {
        let (channels, root) = (self.channels, (self.channels as f64).sqrt());
        let weights = match shape {
            Shape::Full => weights.iter().map(|w| w / root).collect(),
            Shape::Diagonal => {
                let mut matrix = vec![0.0; channels * channels];
                let diagonal = matrix.iter_mut().step_by(channels + 1);
                // A weight and its opposite are the same: only its square counts.
                diagonal.zip(weights).for_each(|(to, w)| *to = w.abs() / root);
                matrix
            }
        };
        let (mean, std) = (self.mean.clone(), self.std.clone());
        Transform { mean, std, weights, outputs: channels, bias: None }
    }
}

/// The images of questions, in order of number.
fn images_of(choices: &[Choice], asked: &[usize]) -> Vec<u32> {
    let images = asked.iter().flat_map(|question| &choices[*question].images);
    let mut images: Vec<u32> = images.copied().collect();
    images.sort_unstable();
    images.dedup();
    images
}

/// Where a function with one valley is least, by golden sections.
fn least(function: impl Fn(f64) -> f64, (mut low, mut high): (f64, f64)) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    while high - low > 1e-3 {
        let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
        match function(left) <= function(right) {
            true => high = right,
            false => low = left,
        }
    }
    (low + high) / 2.0
}
