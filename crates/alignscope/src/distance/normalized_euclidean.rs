//! Root mean square difference, each channel in its own unit.

use super::{Pair, PairDistance};

/// Root mean square difference of two images at one stage, each channel scaled by how much it
/// varies over the data set.
///
/// ```text
/// d = sqrt( 1/C · Σ_c  msd[c] / scale[c] )
/// ```
///
/// Without a unit, ≥ 0. Equal images give exactly 0; the mean of d² over the trials is
/// 1 − (channels of scale 0)/C where the scale is the data set's own. A channel in which no pair
/// differs (`scale[c] == 0`) adds nothing, and still counts in C.
///
/// # Source
/// "Normalised Euclidean" of Hernández-Cámara et al. (2024).
#[derive(Debug, Clone, Copy)]
pub struct NormalizedEuclidean;

impl PairDistance for NormalizedEuclidean {
    fn name(&self) -> &'static str {
        "normalized-euclidean"
    }

    fn description(&self) -> &'static str {
        "the same, each channel scaled by how much it varies over the data set"
    }

    fn needs_scale(&self) -> bool {
        true
    }

    fn of_pair(&self, pair: Pair) -> f64 {
        pair.scaled_mean_square.expect("the normalized distance has a scale").sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scale;
    use super::*;
    use crate::pair_statistics::PairStatistics;

    #[test]
    fn a_channel_without_scale_adds_nothing_and_counts() {
        let of = |scale: [f64; 2]| {
            let scale = Scale::new(scale.to_vec());
            let statistics = PairStatistics::new(2, vec![8.0, 10.0], vec![Default::default()]);
            NormalizedEuclidean.of_pair(Pair::new(&statistics, 0, Some(&scale)))
        };
        assert_eq!(of([1.0, 1.0]), 3.0);
        assert_eq!(of([4.0, 0.0]), 1.0);
    }
}
