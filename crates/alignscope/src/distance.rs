//! One number for a pair of images at a stage.

mod correlation;
mod cosine;
mod dot;
mod euclidean;
mod normalized_euclidean;
mod scale;

use crate::csv_row::CsvField;
use crate::name::UnknownName;
use crate::pair_statistics::{InnerProducts, PairStatistics};
pub use correlation::Correlation;
pub use cosine::Cosine;
pub(crate) use cosine::one_minus_cosine;
pub use dot::Dot;
pub use euclidean::Euclidean;
pub use normalized_euclidean::NormalizedEuclidean;
pub use scale::{Scale, ScaleAccumulator};

/// What is known of a pair of images at a stage: sums over all tokens and channels.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pair {
    /// Mean of (a − b)² over tokens and channels, ≥ 0; 0 of equal images.
    pub mean_square: f64,
    /// The same of activations that are divided by the root of their channel's [`Scale`]: a channel
    /// of scale 0 adds nothing, and still counts in the mean. There wherever the distance
    /// [needs it](PairDistance::needs_scale).
    pub scaled_mean_square: Option<f64>,
    /// Inner products.
    pub products: InnerProducts,
}

impl Pair {
    /// Pair number `pair` of these statistics.
    ///
    /// # Panics
    /// The scale is of another number of channels.
    pub fn new(differences: &PairStatistics, pair: usize, scale: Option<&Scale>) -> Self {
        let msd = differences.msd(pair);
        let channels = msd.len() as f64;
        let sum: f64 = msd.iter().map(|m| f64::from(*m)).sum();
        let scaled = |scale: &Scale| {
            assert_eq!(msd.len(), scale.values().len(), "a scale for each channel");
            let of_channels = msd.iter().zip(scale.values()).filter(|(_, scale)| **scale > 0.0);
            of_channels.map(|(m, scale)| f64::from(*m) / scale).sum::<f64>() / channels
        };
        Self {
            mean_square: sum / channels,
            scaled_mean_square: scale.map(scaled),
            products: differences.products(pair),
        }
    }
}

/// A distance between two images, from what is known of their pair.
///
/// To add one: a file below `distance/` with a struct that has this trait, as here; a variant of
/// [`Distance`] and its line in `Distance::implementation`; a dash and a mark in
/// `figure/mark.rs`, where the compiler asks for them; a row in `docs/numerics.md`; and its formula
/// in `tests/golden/distance/generate.py`, against which it is tested.
///
/// ```
/// use alignscope::distance::{Pair, PairDistance};
///
/// /// Difference of the lengths of two vectors of activations.
/// #[derive(Debug, Clone, Copy)]
/// pub struct Lengths;
///
/// impl PairDistance for Lengths {
///     fn name(&self) -> &'static str {
///         "lengths"
///     }
///
///     fn description(&self) -> &'static str {
///         "difference of the lengths of the activations, over all tokens and channels"
///     }
///
///     fn of_pair(&self, Pair { products, .. }: Pair) -> f64 {
///         (products.a.aa.sqrt() - products.b.aa.sqrt()).abs()
///     }
/// }
///
/// let mut pair = Pair::default();
/// (pair.products.a.aa, pair.products.b.aa) = (9.0, 25.0);
/// assert_eq!(Lengths.of_pair(pair), 2.0);
/// ```
pub trait PairDistance: Sync {
    /// The name used on the command line, in Python and in results.
    fn name(&self) -> &'static str;

    /// What it is, in a line.
    fn description(&self) -> &'static str;

    /// Whether it needs to know how much each channel varies over the data set.
    fn needs_scale(&self) -> bool {
        false
    }

    /// The distance of a pair: finite, the same bits where the images are exchanged, smaller where
    /// they are more alike.
    ///
    /// # Panics
    /// A scale is needed and missing.
    fn of_pair(&self, pair: Pair) -> f64;
}

/// A kind of distance between two images' activations at a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Distance {
    /// [`Euclidean`].
    Euclidean,
    /// [`NormalizedEuclidean`].
    NormalizedEuclidean,
    /// [`Cosine`].
    Cosine,
    /// [`Correlation`].
    Correlation,
    /// [`Dot`].
    Dot,
    /// What a baseline measures; there is no other choice for it.
    Own,
}

impl Distance {
    /// All that can be chosen.
    pub const ALL: [Self; 5] =
        [Self::Euclidean, Self::NormalizedEuclidean, Self::Cosine, Self::Correlation, Self::Dot];

    /// Those of the study, in its order: the default.
    pub const STUDY: [Self; 3] = [Self::Euclidean, Self::NormalizedEuclidean, Self::Cosine];

    /// How it is computed from a pair; `None` for what is no choice.
    fn implementation(self) -> Option<&'static dyn PairDistance> {
        match self {
            Self::Euclidean => Some(&Euclidean),
            Self::NormalizedEuclidean => Some(&NormalizedEuclidean),
            Self::Cosine => Some(&Cosine),
            Self::Correlation => Some(&Correlation),
            Self::Dot => Some(&Dot),
            Self::Own => None,
        }
    }

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        self.implementation().map_or("own", PairDistance::name)
    }

    /// What results call `name` in the column of distances: a kind of distance, also a baseline's
    /// own.
    ///
    /// # Errors
    /// There is no such kind.
    pub fn in_results(name: &str) -> Result<Self, UnknownName> {
        if name == Self::Own.name() { Ok(Self::Own) } else { name.parse() }
    }

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        self.implementation().map_or("what the baseline measures", PairDistance::description)
    }

    /// Whether it needs to know how much each channel varies over the data set.
    pub fn needs_scale(self) -> bool {
        self.implementation().is_some_and(PairDistance::needs_scale)
    }

    /// The distance of each pair.
    ///
    /// # Panics
    /// A scale is needed and missing, or is of another number of channels; or it is a baseline's
    /// own distance, which is not made of differences.
    pub fn of_pairs(self, differences: &PairStatistics, scale: Option<&Scale>) -> Vec<f64> {
        (0..differences.len()).map(|i| self.of_pair(Pair::new(differences, i, scale))).collect()
    }

    /// The distance of a pair.
    ///
    /// # Panics
    /// A scale is needed and missing; or it is a baseline's own distance, which is not made of
    /// differences.
    pub fn of_pair(self, pair: Pair) -> f64 {
        self.implementation().expect("a distance of activations").of_pair(pair)
    }
}

choice!(Distance, "distance");

/// Also a baseline's own.
impl CsvField for Distance {
    fn text(&self) -> String {
        self.name().to_owned()
    }

    fn parse(text: &str) -> Result<Self, String> {
        Self::in_results(text).map_err(|error| error.choices())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::Activations;
    use proptest::prelude::*;

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
                let d = kind.of_pairs(&differences, Some(&scale));
                prop_assert_eq!(d[0], d[1], "{}", kind);
                let equal = if kind == Distance::Dot { -differences.products(2).a.aa } else { 0.0 };
                prop_assert_eq!(d[2], equal, "{}", kind);
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
            let d = Distance::NormalizedEuclidean.of_pairs(&differences, Some(&scale));
            let total: f64 = uses.iter().map(|u| f64::from(*u)).sum();
            let mean = d.iter().zip(&uses).map(|(d, u)| d * d * f64::from(*u)).sum::<f64>() / total;
            prop_assert!((mean - 1.0).abs() < 1e-12, "mean {}", mean);
        }
    }
}
