//! The negative inner product.

use super::{Pair, PairDistance};

/// The negative inner product of two images' activations, over all tokens and channels.
///
/// ```text
/// d = −⟨a, b⟩
/// ```
///
/// Smaller where the activations are more alike or larger. It is no distance in the strict sense:
/// of any sign, and of equal images minus their squared norm, not 0.
#[derive(Debug, Clone, Copy)]
pub struct Dot;

impl PairDistance for Dot {
    fn name(&self) -> &'static str {
        "dot"
    }

    fn description(&self) -> &'static str {
        "the negative inner product of the activations, over all tokens and channels"
    }

    fn of_pair(&self, pair: Pair) -> f64 {
        // Of images at right angles 0, not −0.
        0.0 - pair.products.ab
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::InnerProducts;

    #[test]
    fn the_inner_product_turns_its_sign_and_zero_has_none() {
        let of = |ab| {
            let products = InnerProducts { ab, ..InnerProducts::default() };
            Dot.of_pair(Pair { products, ..Pair::default() })
        };
        assert_eq!([of(3.5), of(-2.0)], [-3.5, 2.0]);
        assert!(of(0.0).is_sign_positive());
    }
}
