//! One minus the cosine.

use super::{Pair, PairDistance};
use crate::pair_statistics::InnerProducts;

/// One minus the cosine of the angle between two images' activations, over all tokens and
/// channels.
///
/// ```text
/// d = 1 − ⟨a, b⟩ / (|a| |b|)
/// ```
///
/// 0 to 2. Equal images give exactly 0, since their three inner products are the same number and
/// the root of its square is that number; rounding never leads out of 0 to 2. A zero
/// vector has distance 1 to any other and 0 to itself.
///
/// # Source
/// "Cosine" of Hernández-Cámara et al. (2024).
#[derive(Debug, Clone, Copy)]
pub struct Cosine;

impl PairDistance for Cosine {
    fn name(&self) -> &'static str {
        "cosine"
    }

    fn description(&self) -> &'static str {
        "one minus the cosine of the angle between the activations"
    }

    fn of_pair(&self, pair: Pair) -> f64 {
        let InnerProducts { ab, a, b } = pair.products;
        one_minus_cosine(ab, a.aa, b.aa)
    }
}

/// One minus the cosine of two vectors of these inner products: ⟨a, b⟩, ⟨a, a⟩ and ⟨b, b⟩.
pub(crate) fn one_minus_cosine(ab: f64, aa: f64, bb: f64) -> f64 {
    match (aa == 0.0, bb == 0.0) {
        (true, true) => 0.0,
        (true, false) | (false, true) => 1.0,
        (false, false) => (1.0 - ab / (aa * bb).sqrt()).clamp(0.0, 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_that_fit_on_a_hand() {
        assert_eq!(one_minus_cosine(0.0, 4.0, 9.0), 1.0);
        assert_eq!(one_minus_cosine(-6.0, 4.0, 9.0), 2.0);
        assert_eq!(one_minus_cosine(3.0, 4.0, 9.0), 0.5);
    }

    #[test]
    fn a_zero_vector_is_at_distance_one_from_others_and_zero_from_itself() {
        assert_eq!(one_minus_cosine(0.0, 0.0, 9.0), 1.0);
        assert_eq!(one_minus_cosine(0.0, 4.0, 0.0), 1.0);
        assert_eq!(one_minus_cosine(0.0, 0.0, 0.0), 0.0);
    }
}
