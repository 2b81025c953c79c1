//! Shares of trials in which a model answers as most people did.

use super::{Computed, Measure, TrialMeasure};

/// Share of trials in which the model answers as most people did; 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Accuracy;

/// Agreement of the model's answers with people's beyond chance: the accuracy turned so that chance
/// is 0 and always right is 1.
///
/// ```text
/// (accuracy − chance) / (1 − chance)
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BeyondChance;

impl TrialMeasure for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn title(&self) -> &'static str {
        "accuracy"
    }

    fn is_main(&self) -> bool {
        true
    }

    fn is_of_parts(&self) -> bool {
        true
    }

    fn counts_ties(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Mean
    }
}

impl TrialMeasure for BeyondChance {
    fn name(&self) -> &'static str {
        "beyond-chance"
    }

    fn title(&self) -> &'static str {
        "accuracy beyond chance"
    }

    fn counts_ties(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Turned {
            of: Measure::Accuracy,
            turn: |accuracy, chance| (accuracy - chance) / (1.0 - chance),
        }
    }
}
