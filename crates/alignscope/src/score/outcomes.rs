//! What each trial counts, in little memory.

/// What a trial counts that does not count.
const NOT_COUNTED: u8 = u8::MAX;

/// What each trial counts for the accuracy: 1 or 0, 1/k where one of k that tie is right, or
/// nothing. A byte each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes(Vec<u8>);

impl Outcomes {
    /// Keeps outcomes.
    ///
    /// # Panics
    /// One is neither 0 nor 1/k for k up to 254.
    pub fn new(outcomes: impl IntoIterator<Item = Option<f64>>) -> Self {
        let code = |outcome: Option<f64>| match outcome {
            None => NOT_COUNTED,
            Some(0.0) => 0,
            Some(share) => {
                let k = (1.0 / share).round();
                assert!((1.0..f64::from(NOT_COUNTED)).contains(&k) && 1.0 / k == share, "a tie");
                k as u8
            }
        };
        Self(outcomes.into_iter().map(code).collect())
    }

    /// Adds those of further trials.
    pub(super) fn extend(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// What a trial counts; `None` if it does not count.
    pub fn get(&self, trial: usize) -> Option<f64> {
        match self.0[trial] {
            NOT_COUNTED => None,
            0 => Some(0.0),
            k => Some(1.0 / f64::from(k)),
        }
    }

    /// What each trial counts.
    pub fn iter(&self) -> impl Iterator<Item = Option<f64>> {
        (0..self.0.len()).map(|trial| self.get(trial))
    }

    /// How many trials count.
    pub fn counted(&self) -> usize {
        self.0.iter().filter(|code| **code != NOT_COUNTED).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_back_as_they_were() {
        let given = [Some(0.0), Some(1.0), None, Some(0.5), Some(1.0 / 3.0), Some(0.25)];
        let outcomes = Outcomes::new(given);
        assert!(outcomes.iter().eq(given));
        assert_eq!(outcomes.counted(), 5);
    }

    #[test]
    #[should_panic(expected = "a tie")]
    fn what_is_no_outcome_is_not_kept() {
        Outcomes::new([Some(0.7)]);
    }
}
