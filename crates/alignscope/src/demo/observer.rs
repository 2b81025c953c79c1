//! The simulated observer: answers that follow from how the images were made, with noise.

use rand::{Rng, RngExt};

use super::distortion::Distortion;
use super::scene::{Category, Variation};
use crate::normal_draw::{gumbel, standard_normal};

/// Observers whose votes a two-alternative trial collects.
const VOTERS: usize = 10;

/// Answers for people who were never asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observer;

impl Observer {
    /// A mean opinion score from 0 to 9, higher for less distorted, and its deviation. Some kinds
    /// of distortion bother the observer more than others.
    pub(super) fn rate(self, kind: Distortion, level: usize, rng: &mut impl Rng) -> (f64, f64) {
        let sensitivity = match kind {
            Distortion::Noise => 0.9,
            Distortion::Blur => 1.2,
            Distortion::Contrast => 0.6,
            Distortion::Tint => 0.8,
            Distortion::Blocks => 1.3,
        };
        let noise = standard_normal(rng);
        let score = 8.0 - sensitivity * 1.5 * libm::pow(level as f64, 0.8) + 0.35 * noise;
        (score.clamp(0.0, 9.0), 0.35)
    }

    /// Votes for the left and for the right variation: the less changed one is chosen more often.
    /// Layout counts more than colour.
    pub(super) fn choose(self, variations: [Variation; 2], rng: &mut impl Rng) -> (usize, usize) {
        let [left, right] = variations.map(|v| f64::from(0.65 * v.layout + 0.35 * v.color));
        let advantage = 8.0 * (right - left);
        let probability = 1.0 / (1.0 + libm::exp(-advantage));
        let left = (0..VOTERS).filter(|_| rng.random_bool(probability)).count();
        (left, VOTERS - left)
    }

    /// The odd one of three, 0 to 2: the two of one category stay together, then those that share
    /// shape or texture.
    pub(super) fn odd_one(self, categories: [Category; 3], rng: &mut impl Rng) -> usize {
        let likeness = |a: Category, b: Category| {
            f64::from(u8::from(a.shape == b.shape)) + f64::from(u8::from(a.texture == b.texture))
        };
        let [a, b, c] = categories;
        // The odd one is the one that is not in the most alike pair.
        let pairs = [likeness(b, c), likeness(a, c), likeness(a, b)].map(|l| l + gumbel(0.4, rng));
        (0..3).max_by(|i, j| pairs[*i].total_cmp(&pairs[*j])).expect("there are three")
    }
}
