//! Weights of an untrained model, the control of every study of trained ones.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::Init;
use crate::normal_draw::standard_normal;

/// Tensors drawn from a seed. Each tensor has its own stream, keyed by the seed and the tensor's
/// name, so that a tensor does not depend on which others are drawn, or in what order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomWeights {
    seed: u64,
}

impl RandomWeights {
    /// Weights of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The tensor `name`, flattened.
    pub fn tensor(&self, name: &str, shape: &[usize], init: Init) -> Vec<f32> {
        let len = shape.iter().product();
        match init {
            Init::Zeros => vec![0.0; len],
            Init::Ones => vec![1.0; len],
            Init::Constant(value) => vec![value as f32; len],
            Init::Normal(std) => {
                let mut rng = self.stream(name);
                (0..len).map(|_| normal(&mut rng) * std as f32).collect()
            }
            Init::TruncatedNormal(std) => {
                let mut rng = self.stream(name);
                let mut draw = || {
                    std::iter::repeat_with(|| normal(&mut rng))
                        .find(|z| z.abs() <= 2.0)
                        .expect("the iterator does not end")
                };
                (0..len).map(|_| draw() * std as f32).collect()
            }
            Init::Uniform(limit) => {
                let mut rng = self.stream(name);
                let limit = limit as f32;
                (0..len).map(|_| rng.random_range(-limit..=limit)).collect()
            }
        }
    }

    /// The random numbers of one tensor.
    fn stream(&self, name: &str) -> ChaCha8Rng {
        let key = Sha256::new()
            .chain_update(b"alignscope random weights\0")
            .chain_update(self.seed.to_le_bytes())
            .chain_update(name)
            .finalize();
        ChaCha8Rng::from_seed(key.into())
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f32 {
    standard_normal(rng) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_depends_on_seed_and_name_alone() {
        let draw = |seed, name| RandomWeights::new(seed).tensor(name, &[3, 5], Init::Normal(0.02));
        assert_eq!(draw(0, "a"), draw(0, "a"));
        assert_ne!(draw(0, "a"), draw(0, "b"));
        assert_ne!(draw(0, "a"), draw(1, "a"));
    }

    #[test]
    fn the_spread_is_the_one_asked_for() {
        let values = RandomWeights::new(7).tensor("w", &[100, 100], Init::Normal(0.5));
        let variance = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 1e4;
        // The standard error of a variance from 10,000 draws is sqrt(2/10,000) of it: 1.4 %.
        assert!((variance / 0.25 - 1.0).abs() < 0.06, "variance {variance}");
    }
}
