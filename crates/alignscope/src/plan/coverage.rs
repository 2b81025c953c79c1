//! What of a model on a data set is not to be done.

/// What of a model on a data set is there already, or is left to others: some of the pairs at all
/// stages, or all pairs at some of the stages where these are reduced all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// For each pair, whether it is covered at all stages.
    Pairs(Vec<bool>),
    /// For each stage, whether it is covered for all pairs.
    Stages(Vec<bool>),
}

impl Coverage {
    /// Whether nothing is to be done.
    pub fn is_whole(&self) -> bool {
        let (Self::Pairs(covered) | Self::Stages(covered)) = self;
        covered.iter().all(|covered| *covered)
    }

    /// What is covered by this or another of the same model and data set.
    ///
    /// One goes by stages and the other by pairs where a metric meets a data set whose pairs are
    /// reduced all at once, and where some pairs of it are a sample: then those by pairs count,
    /// unless all stages are covered.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let joined = |mut one: Vec<bool>, other: &[bool]| {
            one.iter_mut().zip(other).for_each(|(one, other)| *one |= other);
            one
        };
        match (self, other) {
            (Self::Pairs(one), Self::Pairs(other)) => Self::Pairs(joined(one, other)),
            (Self::Stages(one), Self::Stages(other)) => Self::Stages(joined(one, other)),
            (by_stages @ Self::Stages(_), other) if !by_stages.is_whole() => other.clone(),
            (_, other) if other.is_whole() => other.clone(),
            (this, _) => this,
        }
    }

    /// For each of `count` pairs, whether nothing is to be done of it.
    pub fn of_pairs(&self, count: usize) -> Vec<bool> {
        match self {
            Self::Pairs(covered) => covered.clone(),
            Self::Stages(_) => vec![self.is_whole(); count],
        }
    }

    /// Whether all pairs at a stage, given by its position, are covered.
    pub fn has_stage(&self, stage: usize) -> bool {
        match self {
            Self::Pairs(_) => self.is_whole(),
            Self::Stages(covered) => covered[stage],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_or_the_other_covers_is_covered() {
        let pairs = |covered: &[bool]| Coverage::Pairs(covered.to_vec());
        let stages = |covered: &[bool]| Coverage::Stages(covered.to_vec());
        let of_both = pairs(&[true, false, false]).or(&pairs(&[false, false, true]));
        assert_eq!(of_both, pairs(&[true, false, true]));
        assert_eq!((of_both.is_whole(), of_both.has_stage(1)), (false, false));
        let of_both = stages(&[true, false]).or(&stages(&[false, false]));
        assert_eq!([0, 1].map(|stage| of_both.has_stage(stage)), [true, false]);
        assert_eq!(of_both.of_pairs(3), [false; 3]);
        assert!(of_both.or(&stages(&[false, true])).is_whole());
    }

    #[test]
    fn one_stage_by_pairs_and_as_a_whole() {
        let (some, open) = (Coverage::Pairs(vec![true, false]), Coverage::Stages(vec![false]));
        assert_eq!(open.clone().or(&some), some);
        assert_eq!(some.clone().or(&open), some);
        assert!(some.or(&Coverage::Stages(vec![true])).is_whole());
        assert_eq!(Coverage::Stages(vec![true]).of_pairs(2), [true; 2]);
    }
}
