//! What a transform is fitted by.

use super::contrast::Contrast;
use super::product::{add_transposed, dot, product};

/// Which weights there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One for each channel, `[channels]`.
    Diagonal,
    /// One for each channel and output, `[channels, channels]`.
    Full,
}

/// Choices about rows of features: the pairs of each, and how often each was chosen.
pub(super) type RowChoices = Vec<(Vec<[usize; 2]>, Vec<f64>)>;

/// The loss of weights W on features and choices.
///
/// ```text
/// (1 − α) · −1/N Σ log softmax(zᵢ·zⱼ)[chosen] + α · contrast + λ ‖W − w̄ I‖²
/// ```
///
/// with z = x W, the softmax over the pairs of a question, N answers, and w̄ the mean of W's
/// diagonal. Of diagonal weights the penalty is Σ (w − w̄)².
///
/// # Source
/// Muttenthaler et al. (2023), Eq. 1–5; the penalty `eye` of their code. They take a small batch of
/// triplets at a time, here all at once.
#[derive(Debug, Clone)]
pub struct Objective {
    /// `[rows, channels]`.
    features: Vec<f64>,
    channels: usize,
    choices: RowChoices,
    answers: f64,
    shape: Shape,
    lambda: f64,
    contrast: Option<Contrast>,
}

impl Objective {
    /// `features` — `[rows, channels]`
    /// `choices` — of each question the pairs of rows, and how often each was chosen
    pub fn new(
        features: Vec<f64>,
        channels: usize,
        choices: Vec<(Vec<[usize; 2]>, Vec<f64>)>,
        shape: Shape,
        lambda: f64,
        contrast: Option<Contrast>,
    ) -> Self {
        let answers = choices.iter().flat_map(|(_, votes)| votes).sum();
        Self { features, channels, choices, answers, shape, lambda, contrast }
    }

    /// The same with another λ.
    pub(super) fn with_lambda(self, lambda: f64) -> Self {
        Self { lambda, ..self }
    }

    /// w·I as weights of its shape.
    pub(super) fn multiple_of_identity(&self, w: f64) -> Vec<f64> {
        match self.shape {
            Shape::Diagonal => vec![w; self.channels],
            Shape::Full => {
                let mut weights = vec![0.0; self.channels * self.channels];
                weights.iter_mut().step_by(self.channels + 1).for_each(|x| *x = w);
                weights
            }
        }
    }

    /// Its value at `weights`; writes the gradient.
    pub fn value(&self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        let channels = self.channels;
        let transformed = self.transformed(weights);
        let mut of_transformed = vec![0.0; transformed.len()];
        let share = self.contrast.as_ref().map_or(0.0, |contrast| contrast.share);
        let scale = (1.0 - share) / self.answers;
        let mut value =
            scale * surprise(&transformed, channels, &self.choices, scale, &mut of_transformed);
        if let Some(contrast) = &self.contrast {
            value += share * contrast.add(&transformed, channels, share, &mut of_transformed);
        }
        gradient.fill(0.0);
        let rows = self.features.len() / channels;
        match self.shape {
            Shape::Full => {
                let shape = [channels, rows, channels];
                add_transposed(gradient, &self.features, &of_transformed, shape);
            }
            Shape::Diagonal => {
                let slopes = of_transformed.chunks_exact(channels);
                for (x, slope) in self.features.chunks_exact(channels).zip(slopes) {
                    let terms = x.iter().zip(slope);
                    gradient.iter_mut().zip(terms).for_each(|(to, (x, s))| *to += x * s);
                }
            }
        }
        value + self.penalty(weights, gradient)
    }

    /// The mean surprise, in nats, at the answers to other questions, about other features.
    pub(super) fn surprise_at(
        &self,
        weights: &[f64],
        features: &[f64],
        choices: &RowChoices,
    ) -> f64 {
        let transformed = transform(features, weights, self.channels, self.shape);
        let answers: f64 = choices.iter().flat_map(|(_, votes)| votes).sum();
        let mut unused = vec![0.0; transformed.len()];
        surprise(&transformed, self.channels, choices, 0.0, &mut unused) / answers
    }

    fn transformed(&self, weights: &[f64]) -> Vec<f64> {
        transform(&self.features, weights, self.channels, self.shape)
    }

    /// λ ‖W − w̄ I‖², whose gradient is added: that of w̄ is none, since the diagonal's differences
    /// from it sum to 0.
    fn penalty(&self, weights: &[f64], gradient: &mut [f64]) -> f64 {
        let step = match self.shape {
            Shape::Diagonal => 1,
            Shape::Full => self.channels + 1,
        };
        let mean = weights.iter().step_by(step).sum::<f64>() / self.channels as f64;
        let mut sum = 0.0;
        for (i, (weight, slope)) in weights.iter().zip(gradient).enumerate() {
            let off = weight - if i % step == 0 { mean } else { 0.0 };
            sum += off * off;
            *slope += 2.0 * self.lambda * off;
        }
        self.lambda * sum
    }
}

/// Features `[rows, channels]` by weights.
fn transform(features: &[f64], weights: &[f64], channels: usize, shape: Shape) -> Vec<f64> {
    match shape {
        Shape::Full => product(features, weights, [features.len() / channels, channels, channels]),
        Shape::Diagonal => {
            features.iter().zip(weights.iter().cycle()).map(|(x, w)| x * w).collect()
        }
    }
}

/// The sum of −log p of all answers, whose gradient by the transformed features, times `scale`, is
/// added.
fn surprise(
    transformed: &[f64],
    width: usize,
    choices: &RowChoices,
    scale: f64,
    gradient: &mut [f64],
) -> f64 {
    let row = |i: usize| &transformed[i * width..][..width];
    let mut sum = 0.0;
    for (pairs, votes) in choices {
        let dots: Vec<f64> = pairs.iter().map(|[a, b]| dot(row(*a), row(*b))).collect();
        let top = dots.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let all: f64 = dots.iter().map(|d| libm::exp(d - top)).sum();
        let answers: f64 = votes.iter().sum();
        for ((pair, d), votes) in pairs.iter().zip(&dots).zip(votes) {
            let log_p = d - top - libm::log(all);
            sum -= votes * log_p;
            let slope = scale * (answers * libm::exp(log_p) - votes);
            for [one, other] in [[pair[0], pair[1]], [pair[1], pair[0]]] {
                let to = &mut gradient[one * width..][..width];
                to.iter_mut().zip(row(other)).for_each(|(to, x)| *to += slope * x);
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from −1 to 1.
    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * 7919 + seed * 104_729) % 997) as f64 / 498.0 - 1.0).collect()
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let [rows, channels] = [7, 4];
        let features = numbers(rows * channels, 1);
        let choices: RowChoices = vec![
            (vec![[0, 1], [0, 2], [1, 2]], vec![3.0, 1.0, 0.0]),
            (vec![[3, 4], [3, 5]], vec![0.5, 1.5]),
            (vec![[2, 5], [2, 6], [5, 6]], vec![0.0, 0.0, 1.0]),
        ];
        let contrast = || Contrast::new(&features, channels, vec![0, 2, 3, 6], 0.3, 0.4);
        for (shape, count) in [(Shape::Diagonal, channels), (Shape::Full, channels * channels)] {
            for contrast in [None, Some(contrast())] {
                let (features, choices) = (features.clone(), choices.clone());
                let of = Objective::new(features, channels, choices, shape, 0.2, contrast);
                let weights = numbers(count, 5);
                let mut gradient = vec![0.0; count];
                of.value(&weights, &mut gradient);
                for i in 0..count {
                    let at = |step: f64| {
                        let mut moved = weights.clone();
                        moved[i] += step;
                        of.value(&moved, &mut vec![0.0; count])
                    };
                    let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
                    let off = (gradient[i] - expected).abs();
                    assert!(off < 1e-7, "{shape:?} {i}: {} {expected}", gradient[i]);
                }
            }
        }
    }
}
