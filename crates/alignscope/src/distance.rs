//! One number for a pair of images at a stage.

mod scale;

use crate::name::UnknownName;
use crate::pair_statistics::{InnerProducts, PairStatistics};
pub use scale::{Scale, ScaleAccumulator};

/// A kind of distance between two images' activations at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Distance {
    /// Root mean square difference over tokens and channels.
    Euclidean,
    /// The same, each channel scaled by how much it varies over the data set.
    NormalizedEuclidean,
    /// One minus the cosine of the angle between the activations.
    Cosine,
    /// What a baseline measures; there is no other choice for it.
    Own,
    /// No distance: in rows of energy, that of the activations.
    Activations,
    /// No distance: in rows of energy, that of the differences.
    PairStatistics,
}

impl Distance {
    /// All that can be chosen, in the order of the study.
    pub const ALL: [Self; 3] = [Self::Euclidean, Self::NormalizedEuclidean, Self::Cosine];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::NormalizedEuclidean => "normalized-euclidean",
            Self::Cosine => "cosine",
            Self::Own => "own",
            Self::Activations => "activations",
            Self::PairStatistics => "differences",
        }
    }

    /// What results call `name` in the column of distances: a kind of distance, also a baseline's
    /// own, or what a row of energy is about.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn in_results(name: &str) -> Result<Self, UnknownName> {
        let others = [Self::Own, Self::Activations, Self::PairStatistics];
        match others.into_iter().find(|other| other.name() == name) {
            Some(other) => Ok(other),
            None => name.parse(),
        }
    }

    /// Whether it is what a row of energy is about, and no distance.
    pub fn is_of_energy(self) -> bool {
        matches!(self, Self::Activations | Self::PairStatistics)
    }

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Euclidean => "root mean square difference over tokens and channels",
            Self::NormalizedEuclidean => {
                "the same, each channel scaled by how much it varies over the data set"
            }
            Self::Cosine => "one minus the cosine of the angle between the activations",
            Self::Own => "what the baseline measures",
            Self::Activations => "no distance: the energy of the activations",
            Self::PairStatistics => "no distance: the energy of the differences",
        }
    }

    /// The distance of each pair.
    ///
    /// # Panics
    /// `scale` is missing for the normalized distance, or has another number of channels.
    pub fn of(self, differences: &PairStatistics, scale: Option<&Scale>) -> Vec<f64> {
        let pairs = 0..differences.len();
        match self {
            Self::Euclidean => pairs.map(|pair| euclidean(differences.msd(pair))).collect(),
            Self::NormalizedEuclidean => {
                let scale = scale.expect("the normalized distance has a scale");
                pairs.map(|pair| normalized_euclidean(differences.msd(pair), scale)).collect()
            }
            Self::Cosine => pairs.map(|pair| cosine(differences.products(pair))).collect(),
            Self::Own => unreachable!("a baseline's distance is not made of differences"),
            Self::Activations | Self::PairStatistics => unreachable!("energy is no distance"),
        }
    }
}

/// Root mean square difference of two images at one stage.
///
/// `msd` — mean squared difference per channel, shape `[channels]`, ≥ 0
///
/// ```text
/// d = sqrt( 1/C · Σ_c  msd[c] )
/// ```
///
/// In units of the activations, ≥ 0; equal images give exactly 0.
///
/// # Source
/// "Euclidean" of Hernández-Cámara et al. (2024).
pub fn euclidean(msd: &[f32]) -> f64 {
    let sum: f64 = msd.iter().map(|m| f64::from(*m)).sum();
    (sum / msd.len() as f64).sqrt()
}

/// Root mean square difference of two images at one stage, each channel scaled by how much it
/// varies over the data set.
///
/// `msd` — mean squared difference per channel, shape `[channels]`, ≥ 0
/// `scale` — mean of the same over the pairs of all trials, shape `[channels]`, ≥ 0
///
/// ```text
/// d = sqrt( 1/C · Σ_c  msd[c] / scale[c] )
/// ```
///
/// Without a unit, ≥ 0. Equal images give exactly 0; the mean of d² over the trials is
/// 1 − (channels of scale 0)/C where the scale is the data set's own. A channel in which no pair differs
/// (`scale[c] == 0`) adds nothing, and still counts in C.
///
/// # Panics
/// The scale has another number of channels.
///
/// # Source
/// "Normalised Euclidean" of Hernández-Cámara et al. (2024).
pub fn normalized_euclidean(msd: &[f32], scale: &Scale) -> f64 {
    assert_eq!(msd.len(), scale.values().len(), "a scale for each channel");
    let sum: f64 = msd
        .iter()
        .zip(scale.values())
        .filter(|(_, scale)| **scale > 0.0)
        .map(|(m, scale)| f64::from(*m) / scale)
        .sum();
    (sum / msd.len() as f64).sqrt()
}

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
pub fn cosine(products: InnerProducts) -> f64 {
    let InnerProducts { ab, aa, bb } = products;
    match (aa == 0.0, bb == 0.0) {
        (true, true) => 0.0,
        (true, false) | (false, true) => 1.0,
        (false, false) => (1.0 - ab / (aa * bb).sqrt()).clamp(0.0, 2.0),
    }
}

choice!(Distance, "distance");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::Activations;
    use proptest::prelude::*;

    #[test]
    fn distances_of_a_pair_that_fits_on_a_hand() {
        assert_eq!(euclidean(&[8.0, 10.0]), 3.0);
        assert_eq!(normalized_euclidean(&[8.0, 10.0], &Scale::new(vec![1.0, 1.0])), 3.0);
        assert_eq!(normalized_euclidean(&[8.0, 10.0], &Scale::new(vec![4.0, 0.0])), 1.0);
        assert_eq!(cosine(InnerProducts { ab: 0.0, aa: 4.0, bb: 9.0 }), 1.0);
        assert_eq!(cosine(InnerProducts { ab: -6.0, aa: 4.0, bb: 9.0 }), 2.0);
        assert_eq!(cosine(InnerProducts { ab: 3.0, aa: 4.0, bb: 9.0 }), 0.5);
    }

    #[test]
    fn a_zero_vector_is_at_distance_one_from_others_and_zero_from_itself() {
        assert_eq!(cosine(InnerProducts { ab: 0.0, aa: 0.0, bb: 9.0 }), 1.0);
        assert_eq!(cosine(InnerProducts { ab: 0.0, aa: 4.0, bb: 0.0 }), 1.0);
        assert_eq!(cosine(InnerProducts { ab: 0.0, aa: 0.0, bb: 0.0 }), 0.0);
    }

    proptest! {
        #[test]
        fn equal_images_are_at_distance_zero_and_distances_are_symmetric(
            values in proptest::collection::vec(-1e3_f32..1e3, 3 * 4 * 37),
        ) {
            let [tokens, channels] = [4, 37];
            let mut values = values;
            let image = tokens * channels;
            values.copy_within(..image, 2 * image);
            let activations = Activations::new(&values, 3, tokens, channels);
            let pairs = [[0, 1], [1, 0], [0, 2]];
            let differences = PairStatistics::of(activations, &pairs);
            let mut scale = ScaleAccumulator::new(channels);
            scale.add(&differences, &[1, 2, 3]);
            let scale = scale.finish();
            for kind in Distance::ALL {
                let d = kind.of(&differences, Some(&scale));
                prop_assert_eq!(d[0], d[1], "{}", kind);
                prop_assert_eq!(d[2], 0.0, "{}", kind);
            }
        }

        #[test]
        fn the_mean_square_of_the_normalized_distance_is_one(
            values in proptest::collection::vec(-10.0_f32..10.0, 6 * 2 * 5),
            uses in proptest::collection::vec(1_u32..9, 4),
        ) {
            let activations = Activations::new(&values, 6, 2, 5);
            let differences = PairStatistics::of(activations, &[[0, 1], [2, 3], [4, 5], [0, 5]]);
            let mut scale = ScaleAccumulator::new(5);
            scale.add(&differences, &uses);
            let scale = scale.finish();
            prop_assume!(scale.zero_channels() == 0);
            let d = Distance::NormalizedEuclidean.of(&differences, Some(&scale));
            let total: f64 = uses.iter().map(|u| f64::from(*u)).sum();
            let mean = d.iter().zip(&uses).map(|(d, u)| d * d * f64::from(*u)).sum::<f64>() / total;
            prop_assert!((mean - 1.0).abs() < 1e-12, "mean {}", mean);
        }
    }
}
