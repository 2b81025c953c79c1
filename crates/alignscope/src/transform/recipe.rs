//! How transforms are fitted.

use super::TransformKind;

/// How a transform is fitted and scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// What it may do.
    pub kind: TransformKind,
    /// Weights λ of the penalty among which the held-out images of the training part choose, from
    /// the greatest to the least; > 0.
    pub lambdas: Vec<f64>,
    /// The share of the contrastive term in the loss of gLocal, 0 to 1.
    pub alpha: f64,
    /// Temperature of that term; > 0.
    pub temperature: f64,
    /// Seed of all that is drawn.
    pub seed: u64,
}

impl Recipe {
    /// The penalties that are tried, by default.
    pub const LAMBDAS: [f64; 8] = [0.1, 0.03, 0.01, 0.003, 0.001, 1e-4, 1e-5, 1e-6];
    /// The share of gLocal's contrastive term, by default.
    pub const ALPHA: f64 = 0.1;
    /// Its temperature, by default.
    pub const TEMPERATURE: f64 = 0.1;

    /// The recipe of a kind with everything else by default.
    pub fn new(kind: TransformKind) -> Self {
        Self {
            kind,
            lambdas: Self::LAMBDAS.to_vec(),
            alpha: Self::ALPHA,
            temperature: Self::TEMPERATURE,
            seed: 0,
        }
    }

    /// The share of the contrastive term, where the kind has one.
    pub fn contrastive_share(&self) -> Option<f64> {
        (self.kind == TransformKind::Glocal).then_some(self.alpha)
    }
}
