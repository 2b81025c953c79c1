//! Differences of two images' activations, per channel.

mod pair;
mod store;

use std::ops::Range;

use rayon::prelude::*;

use pair::{reduce_pair, squared_norm};
pub use store::DifferenceStore;

/// Activations of a group of images at one stage, `[images, tokens, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Activations<'a> {
    values: &'a [f32],
    images: usize,
    tokens: usize,
    channels: usize,
}

impl<'a> Activations<'a> {
    /// Sees `values` as activations.
    ///
    /// # Panics
    /// The number of values is not `images · tokens · channels`, or there are no tokens or
    /// channels.
    pub fn new(values: &'a [f32], images: usize, tokens: usize, channels: usize) -> Self {
        assert!(tokens > 0 && channels > 0, "activations of {tokens} tokens × {channels} channels");
        assert_eq!(values.len(), images * tokens * channels, "[images, tokens, channels]");
        Self { values, images, tokens, channels }
    }

    /// All numbers, image after image, token after token.
    pub fn values(self) -> &'a [f32] {
        self.values
    }

    /// Number of images.
    pub fn images(self) -> usize {
        self.images
    }

    /// Tokens of an image.
    pub fn tokens(self) -> usize {
        self.tokens
    }

    /// Channels of a token.
    pub fn channels(self) -> usize {
        self.channels
    }

    /// The activations of one image, `[tokens, channels]`.
    pub fn image(self, index: usize) -> &'a [f32] {
        let len = self.tokens * self.channels;
        &self.values[index * len..][..len]
    }
}

/// Activations of this magnitude and more are refused: the square of a difference of two of them
/// could leave the range of f32, in which mean squared differences are kept.
pub const ACTIVATION_LIMIT: f32 = 1e18;

/// An activation that is NaN, infinite, or too large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unusable {
    /// Position of the image in the group.
    pub image: usize,
    /// The token.
    pub token: usize,
    /// The channel.
    pub channel: usize,
    /// The number.
    pub value: f32,
}

/// Activations that are tested at a time.
const USABLE_RUN: usize = 1 << 13;

/// The first activation that is NaN, infinite, or not below [`ACTIVATION_LIMIT`], if there is one.
pub fn find_unusable(activations: Activations<'_>) -> Option<Unusable> {
    let Activations { values, tokens, channels, .. } = activations;
    // NaN is not below anything.
    let usable = |v: &f32| v.abs() < ACTIVATION_LIMIT;
    // Without an early end the test of a run vectorizes; runs are searched only where one fails.
    let run_is_usable = |run: &[f32]| run.iter().fold(true, |all, v| all & usable(v));
    let run = values.par_chunks(USABLE_RUN).position_first(|run| !run_is_usable(run))?;
    let start = run * USABLE_RUN;
    let index = start + values[start..].iter().position(|v| !usable(v))?;
    Some(Unusable {
        image: index / (tokens * channels),
        token: index / channels % tokens,
        channel: index % channels,
        value: values[index],
    })
}

/// The three inner products of a pair of images, over all tokens and channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InnerProducts {
    /// ⟨a, b⟩.
    pub ab: f64,
    /// ⟨a, a⟩.
    pub aa: f64,
    /// ⟨b, b⟩.
    pub bb: f64,
}

/// The differences of some pairs of images at one stage: all that the three kinds of distance
/// need, in `channels + 3` numbers a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences {
    channels: usize,
    /// `[pairs, channels]`.
    msd: Vec<f32>,
    /// `[pairs]`.
    products: Vec<InnerProducts>,
}

impl Differences {
    /// The differences of `pairs`, given by position in the group.
    ///
    /// ```text
    /// msd_c(a, b) = 1/T Σ_t (a_tc − b_tc)²
    /// ```
    ///
    /// Sums are in f64 and in the order of tokens, whatever the number of threads; the mean
    /// squared difference is then rounded to f32, the precision that it is kept in.
    pub fn of(activations: Activations<'_>, pairs: &[[u32; 2]]) -> Self {
        let channels = activations.channels;
        let norms: Vec<f64> = (0..activations.images)
            .into_par_iter()
            .map(|image| squared_norm(activations.image(image), channels))
            .collect();
        let mut differences = Self::zeros(pairs.len(), channels);
        differences
            .msd
            .par_chunks_exact_mut(channels)
            .zip(&mut differences.products)
            .zip(pairs)
            .for_each(|((msd, products), [a, b])| {
                let (a, b) = (*a as usize, *b as usize);
                let ab = reduce_pair(activations.image(a), activations.image(b), msd);
                *products = InnerProducts { ab, aa: norms[a], bb: norms[b] };
            });
        differences
    }

    /// Differences of `pairs` pairs that are all 0.
    pub fn zeros(pairs: usize, channels: usize) -> Self {
        Self {
            channels,
            msd: vec![0.0; pairs * channels],
            products: vec![InnerProducts { ab: 0.0, aa: 0.0, bb: 0.0 }; pairs],
        }
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Mean squared difference of a pair, `[channels]`, ≥ 0.
    pub fn msd(&self, pair: usize) -> &[f32] {
        &self.msd[pair * self.channels..][..self.channels]
    }

    /// Inner products of a pair.
    pub fn products(&self, pair: usize) -> InnerProducts {
        self.products[pair]
    }

    /// A range of the pairs.
    fn slice(&self, pairs: Range<usize>) -> Self {
        Self {
            channels: self.channels,
            msd: self.msd[pairs.start * self.channels..pairs.end * self.channels].to_vec(),
            products: self.products[pairs].to_vec(),
        }
    }

    /// Copies pair `from` of `other` to the place of `pair`.
    fn copy_from(&mut self, pair: usize, other: &Self, from: usize) {
        self.msd[pair * self.channels..][..self.channels].copy_from_slice(other.msd(from));
        self.products[pair] = other.products[from];
    }

    /// Appends a pair as little-endian numbers.
    fn append_bytes(&self, pair: usize, bytes: &mut Vec<u8>) {
        for value in self.msd(pair) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let InnerProducts { ab, aa, bb } = self.products[pair];
        for value in [ab, aa, bb] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Takes a pair back from the bytes that `append_bytes` made.
    fn set_bytes(&mut self, pair: usize, bytes: &[u8]) {
        let (msd, products) = bytes.split_at(self.channels * size_of::<f32>());
        let start = pair * self.channels;
        for (value, bytes) in self.msd[start..][..self.channels].iter_mut().zip(msd.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        let (products, _) = products.as_chunks();
        let [ab, aa, bb] = [0, 1, 2].map(|i| f64::from_le_bytes(products[i]));
        self.products[pair] = InnerProducts { ab, aa, bb };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_the_mean_square_over_tokens() {
        // Two images of two tokens and three channels.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 0.0, 3.0, 0.0, 5.0, 6.0];
        let differences = Differences::of(Activations::new(&values, 2, 2, 3), &[[0, 1], [1, 1]]);
        assert_eq!(differences.msd(0), [8.0, 2.0, 0.0]);
        assert_eq!(differences.msd(1), [0.0; 3]);
        let InnerProducts { ab, aa, bb } = differences.products(0);
        assert_eq!((ab, aa, bb), (1.0 + 9.0 + 25.0 + 36.0, 91.0, 71.0));
    }

    #[test]
    fn the_first_unusable_activation_is_named_by_its_place() {
        let mut values = vec![0.0_f32; 4 * 3 * 5];
        assert_eq!(find_unusable(Activations::new(&values, 4, 3, 5)), None);
        values[2 * 15 + 5 + 4] = f32::INFINITY;
        values[3 * 15] = f32::NAN;
        values[0] = 9.9e17;
        let found = find_unusable(Activations::new(&values, 4, 3, 5)).expect("there is one");
        assert_eq!((found.image, found.token, found.channel), (2, 1, 4));
        assert_eq!(found.value, f32::INFINITY);
    }
}
