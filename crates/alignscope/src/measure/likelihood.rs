//! How likely a model makes people's answers, in bits.

mod entropy;
mod softmax;

use std::ops::RangeInclusive;

use super::{Computed, TrialMeasure};

pub use entropy::{MIN_VOTES, entropy_of_shares, entropy_of_votes};
pub use softmax::{FittedSoftmax, LEAST_BETA, SoftmaxChoices};

/// How much better than chance a model predicts each answer, in bits: its distances are turned into
/// probabilities by a softmax, whose temperature is fitted to the answers of other clusters
/// ([`SoftmaxChoices`]).
///
/// ```text
/// bits = mean over choices of  Σ_k share_k · log2 P_k  +  log2 K       K alternatives
/// ```
///
/// 0 is chance, log2 K the most: 1 for two alternatives, 1.585 for three. A model that is right for
/// another reason (its farther alternative is chosen) is below 0.
#[derive(Debug, Clone, Copy)]
pub struct Bits;

/// The bits of a model over the bits that people's own answers hold, of questions that were
/// answered several times: 1 for a model that knows how people divide on each question.
///
/// ```text
/// explained = Σ bits / Σ (log2 K − H)       H the entropy of people's answers to the question
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Explained;

impl TrialMeasure for Bits {
    fn name(&self) -> &'static str {
        "bits"
    }

    fn title(&self) -> &'static str {
        "bits beyond chance"
    }

    fn ends(&self) -> RangeInclusive<f64> {
        f64::MIN..=2.0
    }

    fn is_of_parts(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Likelihood
    }
}

impl TrialMeasure for Explained {
    fn name(&self) -> &'static str {
        "explained"
    }

    fn title(&self) -> &'static str {
        "share of people's bits"
    }

    fn ends(&self) -> RangeInclusive<f64> {
        f64::MIN..=f64::MAX
    }

    fn is_of_parts(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Likelihood
    }
}
