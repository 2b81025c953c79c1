//! Measures of a model's matrix of distances and people's matrices of dissimilarity, as rsatoolbox
//! defines them.

mod compared;
mod numbering;
mod pool;
mod sample;
mod tau;
mod vectors;
mod weights;
mod whitening;

pub(crate) use sample::{MatrixSample, means_over_people};

use super::{Computed, Measure, TrialMeasure};

/// Kendall's tau-a of the model's distances and a person's dissimilarities, the mean over people;
/// −1 to 1.
#[derive(Debug, Clone, Copy)]
pub struct KendallTauA;

/// The cosine of the angle between the model's distances and a person's dissimilarities, as they
/// are, the mean over people; −1 to 1, and of numbers that are 0 or more 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct MatrixCosine;

/// The cosine after whitening by the covariance that dissimilarities of independent, equal noise
/// have, the mean over people; −1 to 1, below 0 only of matrices that no points have. Of matrices that
/// points have it is linear CKA.
///
/// # Source
/// Diedrichsen et al., *Comparing representational geometries using whitened unbiased-distance-matrix
/// similarity* (2021); rsatoolbox's `cosine_cov` without `sigma_k`.
#[derive(Debug, Clone, Copy)]
pub struct WhitenedCosine;

impl TrialMeasure for KendallTauA {
    fn name(&self) -> &'static str {
        "kendall-tau-a"
    }

    fn title(&self) -> &'static str {
        "Kendall's tau-a"
    }

    fn computed(&'static self) -> Computed {
        Computed::Matrices
    }
}

impl TrialMeasure for MatrixCosine {
    fn name(&self) -> &'static str {
        "matrix-cosine"
    }

    fn title(&self) -> &'static str {
        "cosine of matrices"
    }

    fn computed(&'static self) -> Computed {
        Computed::Matrices
    }
}

impl TrialMeasure for WhitenedCosine {
    fn name(&self) -> &'static str {
        "whitened-cosine"
    }

    fn title(&self) -> &'static str {
        "whitened cosine of matrices"
    }

    fn computed(&'static self) -> Computed {
        Computed::Matrices
    }
}

/// A measure of two matrices of dissimilarity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatrixMeasure {
    Spearman,
    Pearson,
    KendallTauA,
    Cosine,
    WhitenedCosine,
}

impl MatrixMeasure {
    /// All of them, the main one first.
    pub(crate) const ALL: [Self; 5] =
        [Self::Spearman, Self::Pearson, Self::KendallTauA, Self::Cosine, Self::WhitenedCosine];

    /// What results call it.
    pub(crate) fn measure(self) -> Measure {
        match self {
            Self::Spearman => Measure::Spearman,
            Self::Pearson => Measure::Pearson,
            Self::KendallTauA => Measure::KendallTauA,
            Self::Cosine => Measure::MatrixCosine,
            Self::WhitenedCosine => Measure::WhitenedCosine,
        }
    }
}
