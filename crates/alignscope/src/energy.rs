//! How the energy of a stage is spread over its channels: whether one holds most of it.
//!
//! The *energy* of a channel is the mean of its squares: of the activations over all images and
//! the tokens that are compared, or of the differences over the pairs of all trials. A plain
//! Euclidean distance weighs a channel by its energy; where one channel holds most, the distance
//! is that channel's alone. It is the reason for normalising.
//!
//! # Source
//! "Normalised Euclidean" of Hernández-Cámara et al. (2024); the participation ratio is that of
//! Bell and Dean (1970), there of the atoms that take part in a vibration.

mod sum;

use std::sync::Mutex;

use rayon::prelude::*;

use crate::csv_row::{choice_field, csv_row, depth, name, within};
use crate::dataset::Level;
use crate::pair_statistics::Activations;
use crate::stage::Stage;
use alignscope_kernel::mean_squares;
use sum::ExactSum;

/// The energy of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageEnergy {
    /// Of the activations: mean of a² over images and tokens.
    pub activations: Spread,
    /// Of the differences: mean squared difference over the pairs of all trials, which is the scale
    /// of the normalized distance.
    pub differences: Spread,
}

impl StageEnergy {
    /// The spread of one of them.
    pub fn spread(self, of: EnergyOf) -> Spread {
        match of {
            EnergyOf::Activations => self.activations,
            EnergyOf::Differences => self.differences,
        }
    }
}

/// What has an energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EnergyOf {
    /// The activations, over images and tokens.
    Activations,
    /// The differences, over the pairs of all trials.
    Differences,
}

impl EnergyOf {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Activations, Self::Differences];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Activations => "activations",
            Self::Differences => "differences",
        }
    }
}

choice!(EnergyOf, "energy");
choice_field!(EnergyOf);

csv_row! {
    /// How the energy of a model's stage on a data set is spread: a row of `energy.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct EnergyRow {
        /// The name of the data set.
        pub dataset: String as name,
        /// The model's name, as it was asked for.
        pub model: String as name,
        /// The stage.
        pub stage: Stage,
        /// Where the stage stands in figures, 0 to 100.
        pub depth_percent: f64 as depth,
        /// Whose energy.
        pub energy: EnergyOf,
        /// The channel with the most energy, counted from 0; the first of several.
        pub top_channel: usize,
        /// Its share of the energy of all; NaN (an empty field) if there is no energy.
        pub top_channel_share: f64 as within(0.0..=1.0),
        /// The effective number of channels; NaN (an empty field) if there is no energy.
        pub effective_channels: f64 as within(0.0..=f64::from(u32::MAX)),
        /// Channels without energy.
        pub zero_channels: usize,
        /// Images or pairs that entered it.
        pub n: usize,
        /// The level of abstraction of the data set.
        pub level: Level,
        /// The series of which the model is a state, if it is one.
        pub series: Option<String>,
        /// The step of that state.
        pub step: Option<usize>,
    }
}

/// How energy is spread over channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The channel with the most energy, counted from 0; the first of several.
    pub top_channel: usize,
    /// Its share of the energy of all; see [`top_channel_share`].
    pub top_channel_share: f64,
    /// See [`effective_channels`].
    pub effective_channels: f64,
    /// Channels without energy.
    pub zero_channels: usize,
}

impl Spread {
    /// The spread of the energies of a stage's channels, each ≥ 0 and finite.
    ///
    /// # Panics
    /// There is no channel.
    pub fn of(energies: &[f64]) -> Self {
        assert!(!energies.is_empty(), "a stage has channels");
        Self {
            top_channel: top_channel(energies),
            top_channel_share: top_channel_share(energies),
            effective_channels: effective_channels(energies),
            zero_channels: energies.iter().filter(|e| **e == 0.0).count(),
        }
    }
}

/// The first of those with the most energy.
fn top_channel(energies: &[f64]) -> usize {
    let mut top = 0;
    for (channel, energy) in energies.iter().enumerate() {
        if *energy > energies[top] {
            top = channel;
        }
    }
    top
}

/// The share of the energy that the largest channel holds.
///
/// `energies` — of each channel, shape `[channels]`, ≥ 0
///
/// ```text
/// max_c e_c / Σ_c e_c
/// ```
///
/// 1/C, where all channels hold as much, to 1. NaN where there is no energy at all.
pub fn top_channel_share(energies: &[f64]) -> f64 {
    let total: f64 = energies.iter().sum();
    energies[top_channel(energies)] / total
}

/// The effective number of channels: their participation ratio.
///
/// `energies` — of each channel, shape `[channels]`, ≥ 0
///
/// ```text
/// (Σ_c e_c)² / Σ_c e_c²
/// ```
///
/// 1, where one channel holds all, to C, where all hold as much: n channels that hold as much, and
/// others that hold nothing, give n. Rounding never leads out of 1 to C. NaN where there is no
/// energy at all.
pub fn effective_channels(energies: &[f64]) -> f64 {
    let total: f64 = energies.iter().sum();
    let squares: f64 = energies.iter().map(|e| e * e).sum();
    (total * total / squares).clamp(1.0, energies.len() as f64)
}

/// The energy of each channel of one image, `[tokens, channels]` to `[channels]`.
///
/// ```text
/// e_c = 1/T Σ_t a_tc²
/// ```
///
/// Sums are in f64 and in the order of tokens, then rounded to f32 as differences are.
pub(crate) fn image_energy(image: &[f32], channels: usize) -> Vec<f32> {
    let mut energy = vec![0.0; channels];
    mean_squares(image, &mut energy);
    energy
}

/// Sums the energy of activations as images come by, in any order and on any thread: the sums are
/// exact, so that they depend on neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyAccumulator {
    sums: Vec<ExactSum>,
    images: usize,
}

impl EnergyAccumulator {
    /// Bytes that a channel takes.
    pub const CHANNEL_BYTES: usize = size_of::<ExactSum>();

    /// Nothing summed yet.
    pub fn new(channels: usize) -> Self {
        Self { sums: vec![ExactSum::default(); channels], images: 0 }
    }

    /// Adds one image's energy of each channel.
    ///
    /// # Panics
    /// The number of channels is another, or an energy is negative or not finite.
    pub fn add(&mut self, energy: &[f32]) {
        assert_eq!(energy.len(), self.sums.len(), "the same channels");
        self.sums.iter_mut().zip(energy).for_each(|(sum, energy)| sum.add(*energy));
        self.images += 1;
    }

    /// Adds all images of a group, in one pass over their activations.
    pub fn add_all(&mut self, activations: Activations<'_>) {
        let sums = Mutex::new(self);
        (0..activations.images()).into_par_iter().for_each(|image| {
            let energy = image_energy(activations.image(image), activations.channels());
            sums.lock().expect("no thread panics while it adds").add(&energy);
        });
    }

    /// Adds what another summed of other images.
    ///
    /// # Panics
    /// The number of channels is another.
    pub fn join(&mut self, other: &Self) {
        assert_eq!(other.sums.len(), self.sums.len(), "the same channels");
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| sum.join(other));
        self.images += other.images;
    }

    /// Bytes of the sums of so many channels, as [`to_bytes`](Self::to_bytes) has them.
    pub fn bytes(channels: usize) -> usize {
        size_of::<u64>() + channels * Self::CHANNEL_BYTES
    }

    /// The sums as bytes, to be kept: the number of images, then channel after channel,
    /// little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.images as u64).to_le_bytes().to_vec();
        self.sums.iter().for_each(|sum| sum.append_bytes(&mut bytes));
        bytes
    }

    /// Takes back what [`to_bytes`](Self::to_bytes) gave.
    ///
    /// # Panics
    /// The bytes are not those of a number of channels.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let (images, sums) = bytes.split_first_chunk().expect("a number of images");
        let (sums, rest) = sums.as_chunks();
        assert!(rest.is_empty(), "whole channels");
        Self {
            sums: sums.iter().map(ExactSum::of_bytes).collect(),
            images: u64::from_le_bytes(*images) as usize,
        }
    }

    /// Images that were added.
    pub fn images(&self) -> usize {
        self.images
    }

    /// The energy of each channel: the mean over images.
    ///
    /// # Panics
    /// No image was added.
    pub fn mean(&self) -> Vec<f64> {
        assert!(self.images > 0, "an energy of no images");
        self.sums.iter().map(|sum| sum.value() / self.images as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spreads_that_fit_on_a_hand() {
        let of = |energies: &[f64]| {
            let found = Spread::of(energies);
            (found.top_channel, found.top_channel_share, found.effective_channels)
        };
        assert_eq!(of(&[5.0]), (0, 1.0, 1.0));
        assert_eq!(of(&[0.0, 7.0, 0.0]), (1, 1.0, 1.0));
        assert_eq!(of(&[2.0, 2.0, 2.0, 2.0]), (0, 0.25, 4.0));
        assert_eq!(of(&[0.0, 3.0, 3.0, 0.0]), (1, 0.5, 2.0));
        // (6 + 1 + 1)² / (36 + 1 + 1)
        assert_eq!(of(&[1.0, 6.0, 1.0]), (1, 0.75, 64.0 / 38.0));
        assert_eq!(Spread::of(&[0.0, 3.0, 0.0]).zero_channels, 2);
    }

    #[test]
    fn no_energy_at_all_has_no_spread() {
        let found = Spread::of(&[0.0, 0.0]);
        assert!(found.top_channel_share.is_nan() && found.effective_channels.is_nan());
        assert_eq!(found.zero_channels, 2);
    }

    #[test]
    fn the_energy_of_activations_is_that_of_a_plain_loop() {
        let (images, tokens, channels) = (37, 5, 70);
        let at = |i: usize, t: usize, c: usize| ((i * 91 + t * 17 + c) as f32 * 0.7).sin();
        let mut values = Vec::new();
        for i in 0..images {
            for t in 0..tokens {
                values.extend((0..channels).map(|c| at(i, t, c)));
            }
        }
        let mut sums = EnergyAccumulator::new(channels);
        sums.add_all(Activations::new(&values, images, tokens, channels).of_tokens(1..4));
        assert_eq!(sums.images(), images);
        for (c, found) in sums.mean().into_iter().enumerate() {
            let mut expected = 0.0;
            for i in 0..images {
                for t in 1..4 {
                    expected += f64::from(at(i, t, c)).powi(2) / (3 * images) as f64;
                }
            }
            assert!((found / expected - 1.0).abs() < 6e-8, "channel {c}: {found}, {expected}");
        }
    }

    proptest! {
        #[test]
        fn neither_order_nor_split_of_the_images_changes_a_bit(
            values in proptest::collection::vec(-1e6_f32..1e6, 12 * 2 * 3),
            exponents in proptest::collection::vec(-40_i32..12, 12),
            split in 0_usize..12,
        ) {
            // Images of very different sizes, as sums in f64 would not bear.
            let values: Vec<f32> = values
                .chunks(6)
                .zip(&exponents)
                .flat_map(|(image, e)| image.iter().map(move |v| v * 10_f32.powi(*e)))
                .collect();
            let mut whole = EnergyAccumulator::new(3);
            whole.add_all(Activations::new(&values, 12, 2, 3));
            let mut parts = EnergyAccumulator::new(3);
            parts.add_all(Activations::new(&values[split * 6..], 12 - split, 2, 3));
            for image in values[..split * 6].chunks(6).rev() {
                parts.add(&image_energy(image, 3));
            }
            prop_assert_eq!(&whole, &parts);
            prop_assert_eq!(&EnergyAccumulator::from_bytes(&parts.to_bytes()), &parts);
            prop_assert_eq!(parts.to_bytes().len(), EnergyAccumulator::bytes(3));
            let mut joined = EnergyAccumulator::new(3);
            for image in values.chunks(6) {
                let mut one = EnergyAccumulator::new(3);
                one.add(&image_energy(image, 3));
                joined.join(&one);
            }
            prop_assert_eq!(&whole, &joined);
            prop_assert_eq!(whole.mean(), parts.mean());
        }

        #[test]
        fn effective_channels_lie_between_one_and_all_and_shares_bound_them(
            energies in proptest::collection::vec(0.0_f64..1e9, 1..40),
        ) {
            prop_assume!(energies.iter().any(|e| *e > 0.0));
            let Spread { top_channel_share: share, effective_channels: n, .. } = Spread::of(&energies);
            prop_assert!((1.0..=energies.len() as f64).contains(&n));
            // Σ p² lies between the square of the largest share and that share.
            prop_assert!(n >= 1.0 / share * (1.0 - 1e-12) && n <= 1.0 / (share * share) * (1.0 + 1e-12));
        }
    }
}
