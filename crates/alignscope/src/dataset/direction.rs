//! Which way the scores of rated pairs run.

use super::DatasetOptions;

/// Whether a higher or a lower score means closer to the reference. Scores are turned where they
/// are read, so that in every [`RatedPair`](super::RatedPair) a higher score means closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// A mean opinion score (MOS), a similarity.
    HigherIsCloser,
    /// A difference mean opinion score (DMOS) of most data sets, a dissimilarity.
    LowerIsCloser,
}

impl Direction {
    /// As the user says; else `own`, as the data set's files have it.
    pub(super) fn chosen(options: &DatasetOptions, own: Self) -> Self {
        match options.lower_is_better {
            Some(true) => Self::LowerIsCloser,
            Some(false) => Self::HigherIsCloser,
            None => own,
        }
    }

    /// A score as trials have it: higher for closer. A zero stays a zero without a sign, so that
    /// equal scores stay ties.
    pub(super) fn turned(self, score: f64) -> f64 {
        match self {
            Self::HigherIsCloser => score,
            Self::LowerIsCloser => 0.0 - score,
        }
    }

    /// What a reader of the results must know of scores that are turned; `None` of others.
    ///
    /// `what` — the scores, such as `the column `dmos` of pairs.csv`
    pub(super) fn note(self, what: &str) -> Option<String> {
        (self == Self::LowerIsCloser).then(|| {
            format!(
                "lower is better in {what}: scores are turned (their sign is changed), so that \
                 higher is closer"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_are_lower_for_closer_images_change_their_sign() {
        let turned = |score| Direction::LowerIsCloser.turned(score);
        assert_eq!([2.5, -1.0].map(turned), [-2.5, 1.0]);
        for zero in [0.0, -0.0] {
            assert!(turned(zero).is_sign_positive(), "both zeros are one score");
        }
        assert_eq!(Direction::HigherIsCloser.turned(2.5), 2.5);
        assert_eq!(Direction::HigherIsCloser.note("x"), None);
    }

    #[test]
    fn what_the_user_says_goes_before_what_the_files_say() {
        let (low, high) = (Direction::LowerIsCloser, Direction::HigherIsCloser);
        let chosen = |lower_is_better, own| {
            let options = DatasetOptions { lower_is_better, ..DatasetOptions::default() };
            Direction::chosen(&options, own)
        };
        for own in [low, high] {
            assert_eq!(
                [None, Some(true), Some(false)].map(|said| chosen(said, own)),
                [own, low, high]
            );
        }
    }
}
