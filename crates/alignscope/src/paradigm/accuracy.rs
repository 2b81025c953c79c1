//! Shares of trials in which a model answers as people did.

use super::{Measure, Score, Ties};

/// What a trial counts in which the right answer is one of `tied`.
pub(super) fn on_tie(ties: Ties, tied: usize) -> f64 {
    match ties {
        Ties::Miss => 0.0,
        Ties::Half => 1.0 / tied as f64,
    }
}

/// The mean of the outcomes that count; the caller adds the ties.
pub(super) fn accuracy(outcomes: &[Option<f64>], chance: f64) -> Score {
    let n = outcomes.iter().flatten().count();
    Score {
        measure: Measure::Accuracy,
        value: outcomes.iter().flatten().sum::<f64>() / n as f64,
        n,
        n_ties: 0,
        n_left_out: outcomes.len() - n,
        chance,
    }
}
