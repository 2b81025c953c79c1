//! One minus Pearson's correlation.

use super::cosine::one_minus_cosine;
use super::{Pair, PairDistance};
use crate::pair_statistics::{ImageProducts, InnerProducts};

/// One minus Pearson's correlation of two images' activations, over all tokens and channels: their
/// cosine once the mean of all its numbers is taken off each.
///
/// ```text
/// d = 1 − (⟨a, b⟩ − ⟨a, u⟩⟨b, u⟩) / sqrt( (⟨a, a⟩ − ⟨a, u⟩²) (⟨b, b⟩ − ⟨b, u⟩²) )
/// ```
///
/// u is the vector of length 1 whose numbers are all the same, so that ⟨a, a⟩ − ⟨a, u⟩² is n times
/// the variance of a's n numbers. 0 to 2. Equal images give exactly 0; rounding never leads out of
/// 0 to 2. An image is constant if its variance is at most `CONSTANT` of its mean square; it has
/// distance 1 to any that is not, and 0 to another one.
///
/// # Source
/// `scipy.spatial.distance.correlation`, which gives NaN for constant images.
#[derive(Debug, Clone, Copy)]
pub struct Correlation;

/// An image whose numbers vary by no more than a millionth of their root mean square is constant:
/// f32 hardly tells them apart, and sums in f64 leave less of their variance the less it is.
pub const CONSTANT: f64 = 1e-12;

impl PairDistance for Correlation {
    fn name(&self) -> &'static str {
        "correlation"
    }

    fn description(&self) -> &'static str {
        "one minus Pearson's correlation of the activations, over all tokens and channels"
    }

    fn of_pair(&self, pair: Pair) -> f64 {
        let InnerProducts { ab, a, b } = pair.products;
        one_minus_cosine(ab - a.a1 * b.a1, spread(a), spread(b))
    }
}

/// The squared length of an image whose mean is taken off; 0 if it is constant.
fn spread(image: ImageProducts) -> f64 {
    let spread = image.aa - image.a1 * image.a1;
    if spread > CONSTANT * image.aa { spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::{Activations, PairStatistics};

    /// The distance of two images of four numbers.
    fn of(a: [f32; 4], b: [f32; 4]) -> f64 {
        let values = [a, b].concat();
        let pairs = PairStatistics::of(Activations::new(&values, 2, 2, 2), &[[0, 1]]);
        Correlation.of_pair(Pair { products: pairs.products(0), ..Pair::default() })
    }

    #[test]
    fn a_mean_and_a_scale_change_nothing_and_a_turn_of_sign_gives_two() {
        let a = [1.0, 2.0, 3.0, 6.0];
        assert_eq!(of(a, a), 0.0);
        assert!(of(a, a.map(|x| 3.0 * x + 100.0)).abs() < 1e-11);
        assert!((of(a, a.map(|x| 5.0 - x)) - 2.0).abs() < 1e-14);
        assert_eq!(of([1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]), 1.0);
    }

    #[test]
    fn a_constant_image_is_at_distance_one_from_others_and_zero_from_another() {
        let varying = [1.0, 2.0, 3.0, 4.0];
        // Numbers whose sums round, and some that differ by one unit in their last place.
        let nearly = [0.1, 0.1, 0.1, f32::from_bits(0.1_f32.to_bits() + 1)];
        for constant in [[0.0; 4], [0.1; 4], [-1e17; 4], nearly] {
            assert_eq!(of(constant, varying), 1.0, "{constant:?}");
            assert_eq!(of(varying, constant), 1.0, "{constant:?}");
            assert_eq!(of(constant, [7.7; 4]), 0.0, "{constant:?}");
        }
    }
}
