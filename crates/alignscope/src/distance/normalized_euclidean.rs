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

    fn of_pair(&self, Pair { msd, scale, .. }: Pair<'_>) -> f64 {
        let scale = scale.expect("the normalized distance has a scale").values();
        assert_eq!(msd.len(), scale.len(), "a scale for each channel");
        let sum: f64 = msd
            .iter()
            .zip(scale)
            .filter(|(_, scale)| **scale > 0.0)
            .map(|(m, scale)| f64::from(*m) / scale)
            .sum();
        (sum / msd.len() as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scale;
    use super::*;

    #[test]
    fn a_channel_without_scale_adds_nothing_and_counts() {
        let of = |scale: [f64; 2]| {
            let scale = Scale::new(scale.to_vec());
            let msd = &[8.0, 10.0];
            NormalizedEuclidean.of_pair(Pair { msd, scale: Some(&scale), ..Pair::default() })
        };
        assert_eq!(of([1.0, 1.0]), 3.0);
        assert_eq!(of([4.0, 0.0]), 1.0);
    }
}
