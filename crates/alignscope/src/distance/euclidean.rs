//! Root mean square difference.

use super::{Pair, PairDistance};

/// Root mean square difference of two images at one stage.
///
/// ```text
/// d = sqrt( 1/C · Σ_c  msd[c] )
/// ```
///
/// In units of the activations, ≥ 0; equal images give exactly 0.
///
/// # Source
/// "Euclidean" of Hernández-Cámara et al. (2024).
#[derive(Debug, Clone, Copy)]
pub struct Euclidean;

impl PairDistance for Euclidean {
    fn name(&self) -> &'static str {
        "euclidean"
    }

    fn description(&self) -> &'static str {
        "root mean square difference over tokens and channels"
    }

    fn of_pair(&self, pair: Pair) -> f64 {
        pair.mean_square.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::PairStatistics;

    #[test]
    fn the_root_of_the_mean_of_two_channels() {
        let statistics = PairStatistics::new(2, vec![8.0, 10.0], vec![Default::default()]);
        assert_eq!(Euclidean.of_pair(Pair::new(&statistics, 0, None)), 3.0);
    }
}
