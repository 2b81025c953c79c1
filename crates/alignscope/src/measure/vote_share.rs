//! The share of people who agree.

use super::{Computed, TrialMeasure};

/// Mean share of people who agree with the model; 0 to 1.
///
/// # Source
/// The 2AFC score of BAPPS (Zhang et al. 2018, Section 3.2).
#[derive(Debug, Clone, Copy)]
pub struct VoteShare;

impl TrialMeasure for VoteShare {
    fn name(&self) -> &'static str {
        "vote-share"
    }

    fn title(&self) -> &'static str {
        "share of people who agree"
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
