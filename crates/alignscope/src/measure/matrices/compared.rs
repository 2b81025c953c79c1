//! What a measure compares of two vectors of dissimilarities.

use super::MatrixMeasure;
use super::tau::Ordered;
use super::vectors::{Vector, order, product, unit, weighted_ranks};
use super::weights::Weights;
use super::whitening::Whitening;

/// The weights of the pairs of a group, and what the whitened cosine needs of them.
pub(super) struct Drawn {
    pub(super) weights: Weights,
    pub(super) whitening: Option<Whitening>,
    /// Whether the pairs that are there have so many images that measures are defined.
    pub(super) is_enough: bool,
}

/// What a measure compares of the pairs that are there.
pub(super) enum Compared {
    /// A vector of length 1: the measure of two is their product.
    Unit(Vec<f64>),
    /// Kendall's tau-a needs the order alone.
    Order(Ordered),
}

impl Drawn {
    /// What the measure compares of a vector; `None` where the measure is not defined.
    pub(super) fn compared(&self, measure: MatrixMeasure, vector: &Vector) -> Option<Compared> {
        match measure {
            MatrixMeasure::KendallTauA => vector.ordered(&self.weights).map(Compared::Order),
            _ => self.unit(measure, vector.there(measure, &self.weights)),
        }
    }

    /// The same of numbers of the pairs that are there.
    pub(super) fn compared_there(
        &self,
        measure: MatrixMeasure,
        there: Vec<f64>,
    ) -> Option<Compared> {
        match measure {
            MatrixMeasure::KendallTauA => Ordered::new(&there, order(&there)).map(Compared::Order),
            MatrixMeasure::Spearman => {
                let ranks = weighted_ranks(&there, &order(&there), &self.weights.picked);
                self.unit(measure, ranks)
            }
            _ => self.unit(measure, there),
        }
    }

    fn unit(&self, measure: MatrixMeasure, there: Vec<f64>) -> Option<Compared> {
        unit(measure, there, &self.weights, self.whitening.as_ref()).map(Compared::Unit)
    }

    /// The measure of two vectors; NaN where one of them has none.
    pub(super) fn measured(&self, a: Option<&Compared>, b: Option<&Compared>) -> f64 {
        match (a, b) {
            (Some(Compared::Unit(a)), Some(Compared::Unit(b))) => product(a, b),
            (Some(Compared::Order(a)), Some(Compared::Order(b))) => {
                a.tau_a(b, &self.weights.picked)
            }
            _ => f64::NAN,
        }
    }
}
