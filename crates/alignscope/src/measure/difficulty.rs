//! Whether a model finds hard what people find hard.

use super::{Computed, TrialMeasure};

/// Spearman's correlation, over questions, of a model's margin with the share of people who give
/// the most frequent answer. The margin is the second smallest less the smallest distance of the
/// alternatives.
#[derive(Debug, Clone, Copy)]
pub struct AgreementCorrelation;

/// Spearman's correlation, over questions, of a model's margin with how fast people answer: with
/// less the mean of the logarithm of their response times, so that more is better.
#[derive(Debug, Clone, Copy)]
pub struct ResponseTimeCorrelation;

impl TrialMeasure for AgreementCorrelation {
    fn name(&self) -> &'static str {
        "agreement-correlation"
    }

    fn title(&self) -> &'static str {
        "correlation of margin and agreement"
    }

    fn computed(&'static self) -> Computed {
        Computed::Difficulty
    }
}

impl TrialMeasure for ResponseTimeCorrelation {
    fn name(&self) -> &'static str {
        "response-time-correlation"
    }

    fn title(&self) -> &'static str {
        "correlation of margin and speed"
    }

    fn computed(&'static self) -> Computed {
        Computed::Difficulty
    }
}
