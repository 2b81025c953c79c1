//! Differences of two images' activations, per channel.

mod store;

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use alignscope_kernel::{image_sums, reduce_pair};
pub use store::PairStatisticsStore;
pub(crate) use store::pair_bytes;

/// Activations of a group of images at one stage, `[images, tokens, channels]`.
#[derive(Debug, Clone, Copy)]
pub struct Activations<'a> {
    values: &'a [f32],
    images: usize,
    tokens: usize,
    channels: usize,
    /// Numbers from an image to the next.
    stride: usize,
    /// Numbers of an image before those that are seen.
    skipped: usize,
    /// The products of each image with itself, where they are known.
    products: Option<&'a [ImageProducts]>,
    /// Which of the images in `values` each image is, where they stand in another order.
    rows: Option<&'a [u32]>,
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
        let stride = tokens * channels;
        Self { values, images, tokens, channels, stride, skipped: 0, products: None, rows: None }
    }

    /// Sees images that begin `room` numbers apart, of which their activations are the first.
    ///
    /// # Panics
    /// The values are not those of so many images, or an image has no room for its activations.
    pub(crate) fn spaced(
        values: &'a [f32],
        images: usize,
        [tokens, channels]: [usize; 2],
        room: usize,
    ) -> Self {
        assert!(tokens > 0 && channels > 0, "activations of {tokens} tokens × {channels} channels");
        assert!(tokens * channels <= room && values.len() == images * room, "[images, room]");
        let (skipped, products, rows) = (0, None, None);
        Self { values, images, tokens, channels, stride: room, skipped, products, rows }
    }

    /// Some of the images, or all in another order, without a copy: image *i* is what was image
    /// `rows[i]`.
    ///
    /// # Panics
    /// There is no such image.
    pub fn with_rows(self, rows: &'a [u32]) -> Self {
        assert!(self.rows.is_none(), "rows are chosen once");
        assert!(rows.iter().all(|row| (*row as usize) < self.images), "rows of the array");
        Self { images: rows.len(), products: None, rows: Some(rows), ..self }
    }

    /// The same, with what [`image_products`](Self::image_products) gave, which is then not taken
    /// again.
    ///
    /// # Panics
    /// There is not one for each image.
    pub fn with_products(self, products: &'a [ImageProducts]) -> Self {
        assert_eq!(products.len(), self.images, "products of each image");
        Self { products: Some(products), ..self }
    }

    /// All that each image needs of itself for its pairs, in one pass.
    pub fn image_products(self) -> Cow<'a, [ImageProducts]> {
        match self.products {
            Some(products) => Cow::Borrowed(products),
            None => (0..self.images)
                .into_par_iter()
                .map(|image| ImageProducts::new(self.image(image), self.channels))
                .collect(),
        }
    }

    /// All numbers, image after image, token after token.
    ///
    /// # Panics
    /// Only some of the tokens are seen, images in another order, or some that have more room.
    pub fn values(self) -> &'a [f32] {
        assert!(self.rows.is_none(), "images in their own order");
        assert_eq!(self.stride, self.tokens * self.channels, "all tokens");
        self.values
    }

    /// Some of the tokens of each image.
    ///
    /// # Panics
    /// There are no such tokens, or none.
    pub fn of_tokens(self, tokens: Range<usize>) -> Self {
        assert!(!tokens.is_empty() && tokens.end <= self.tokens, "tokens of an image");
        if tokens.len() == self.tokens {
            return self;
        }
        let skipped = self.skipped + tokens.start * self.channels;
        Self { tokens: tokens.len(), skipped, products: None, ..self }
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
        let index = self.rows.map_or(index, |rows| rows[index] as usize);
        &self.values[index * self.stride + self.skipped..][..self.tokens * self.channels]
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

/// Whether an image of these products may hold an activation that is NaN, infinite or not below
/// [`ACTIVATION_LIMIT`]; where it may not, there is none to look for.
pub fn is_suspect(products: &ImageProducts) -> bool {
    // The square of one such number is that large already, and a sum with NaN is below nothing.
    let limit = f64::from(ACTIVATION_LIMIT);
    products.aa.is_nan() || products.aa >= limit * limit
}

/// The first activation that is NaN, infinite, or not below [`ACTIVATION_LIMIT`], if there is one.
pub fn find_unusable(activations: Activations<'_>) -> Option<Unusable> {
    let Activations { images, channels, .. } = activations;
    // NaN is not below anything.
    let is_usable = |v: &f32| v.abs() < ACTIVATION_LIMIT;
    (0..images).find_map(|image| {
        let values = activations.image(image);
        let index = values.iter().position(|v| !is_usable(v))?;
        let (token, channel) = (index / channels, index % channels);
        Some(Unusable { image, token, channel, value: values[index] })
    })
}

/// The inner products of one image, over all tokens and channels that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ImageProducts {
    /// ⟨a, a⟩.
    pub aa: f64,
    /// ⟨a, u⟩, where u is the vector of length 1 whose numbers are all the same: Σ a / √n for an
    /// image of n numbers. So n is not needed any more, and a1² is at most aa, but for rounding.
    pub a1: f64,
}

impl ImageProducts {
    /// The products of an image, `[tokens, channels]`.
    ///
    /// # Panics
    /// `channels` is 0.
    pub fn new(image: &[f32], channels: usize) -> Self {
        let sums = image_sums(image, channels);
        Self { aa: sums.squares, a1: sums.numbers / (image.len() as f64).sqrt() }
    }
}

/// The inner products of a pair of images, over all tokens and channels that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct InnerProducts {
    /// ⟨a, b⟩.
    pub ab: f64,
    /// Those of the first image alone.
    pub a: ImageProducts,
    /// Those of the second image alone.
    pub b: ImageProducts,
}

/// The differences of some pairs of images at one stage: all that every kind of distance needs, in
/// `channels + 5` numbers a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct PairStatistics {
    channels: usize,
    /// `[pairs, channels]`.
    msd: Vec<f32>,
    /// `[pairs]`.
    products: Vec<InnerProducts>,
}

impl PairStatistics {
    /// The differences of `pairs`, given by position in the group.
    ///
    /// ```text
    /// msd_c(a, b) = 1/T Σ_t (a_tc − b_tc)²
    /// ```
    ///
    /// Sums are in f64 and in the order of tokens, whatever the number of threads; the mean
    /// squared difference is then rounded to f32, the precision that it is kept in. Neighbouring
    /// pairs are best those of one image, which then stays near the processor.
    pub fn of(activations: Activations<'_>, pairs: &[[u32; 2]]) -> Self {
        let channels = activations.channels;
        let of_images = activations.image_products();
        let mut differences = Self::zeros(pairs.len(), channels);
        differences
            .msd
            .par_chunks_exact_mut(channels)
            .zip(&mut differences.products)
            .zip(pairs)
            .for_each(|((msd, products), [a, b])| {
                let (a, b) = (*a as usize, *b as usize);
                let ab = reduce_pair(activations.image(a), activations.image(b), msd);
                *products = InnerProducts { ab, a: of_images[a], b: of_images[b] };
            });
        differences
    }

    /// Statistics that were computed elsewhere.
    ///
    /// `msd` — mean squared difference of each channel, `[pairs, channels]`, ≥ 0
    /// `products` — of each pair
    ///
    /// # Panics
    /// There are not as many numbers as pairs and channels.
    pub fn new(channels: usize, msd: Vec<f32>, products: Vec<InnerProducts>) -> Self {
        assert_eq!(msd.len(), products.len() * channels, "[pairs, channels]");
        Self { channels, msd, products }
    }

    /// Differences of `pairs` pairs that are all 0.
    pub fn zeros(pairs: usize, channels: usize) -> Self {
        Self {
            channels,
            msd: vec![0.0; pairs * channels],
            products: vec![InnerProducts::default(); pairs],
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

    /// Reduces two images, `[tokens, channels]`, of these products, to the differences of `pair`.
    pub(crate) fn set(&mut self, pair: usize, images: [&[f32]; 2], [a, b]: [ImageProducts; 2]) {
        let msd = &mut self.msd[pair * self.channels..][..self.channels];
        let ab = reduce_pair(images[0], images[1], msd);
        self.products[pair] = InnerProducts { ab, a, b };
    }

    /// Copies pair `from` of `other` to the place of `pair`.
    fn copy_from(&mut self, pair: usize, other: &Self, from: usize) {
        self.msd[pair * self.channels..][..self.channels].copy_from_slice(other.msd(from));
        self.products[pair] = other.products[from];
    }

    /// Appends a pair as little-endian numbers.
    pub(crate) fn append_bytes(&self, pair: usize, bytes: &mut Vec<u8>) {
        for value in self.msd(pair) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let InnerProducts { ab, a, b } = self.products[pair];
        for value in [ab, a.aa, b.aa, a.a1, b.a1] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Takes a pair back from the bytes that `append_bytes` made.
    pub(crate) fn set_bytes(&mut self, pair: usize, bytes: &[u8]) {
        let (msd, products) = bytes.split_at(self.channels * size_of::<f32>());
        let start = pair * self.channels;
        for (value, bytes) in self.msd[start..][..self.channels].iter_mut().zip(msd.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        let (products, _) = products.as_chunks();
        let [ab, aa, bb, a1, b1] = [0, 1, 2, 3, 4].map(|i| f64::from_le_bytes(products[i]));
        let [a, b] = [(aa, a1), (bb, b1)].map(|(aa, a1)| ImageProducts { aa, a1 });
        self.products[pair] = InnerProducts { ab, a, b };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_the_mean_square_over_tokens() {
        // Two images of two tokens and three channels.
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1.0, 0.0, 3.0, 0.0, 5.0, 6.0];
        let differences = PairStatistics::of(Activations::new(&values, 2, 2, 3), &[[0, 1], [1, 1]]);
        assert_eq!(differences.msd(0), [8.0, 2.0, 0.0]);
        assert_eq!(differences.msd(1), [0.0; 3]);
        let InnerProducts { ab, a, b } = differences.products(0);
        assert_eq!((ab, a.aa, b.aa), (1.0 + 9.0 + 25.0 + 36.0, 91.0, 71.0));
        assert_eq!((a.a1, b.a1), (21.0 / 6_f64.sqrt(), 15.0 / 6_f64.sqrt()));
    }

    #[test]
    fn the_first_unusable_activation_is_named_by_its_place() {
        let mut values = vec![0.0_f32; 4 * 3 * 5];
        assert_eq!(find_unusable(Activations::new(&values, 4, 3, 5)), None);
        assert!(!Activations::new(&values, 4, 3, 5).image_products().iter().any(is_suspect));
        values[2 * 15 + 5 + 4] = f32::INFINITY;
        values[3 * 15] = f32::NAN;
        values[0] = 9.9e17;
        let found = find_unusable(Activations::new(&values, 4, 3, 5)).expect("there is one");
        assert_eq!((found.image, found.token, found.channel), (2, 1, 4));
        assert_eq!(found.value, f32::INFINITY);
        let products = Activations::new(&values, 4, 3, 5).image_products();
        assert_eq!(products.iter().map(is_suspect).collect::<Vec<_>>(), [false, false, true, true]);
    }

    #[test]
    fn the_limit_itself_is_suspect_alone_and_what_is_below_is_not() {
        let suspect = |value: f32| is_suspect(&ImageProducts::new(&[0.0, value, 0.0], 3));
        let below = f32::from_bits(ACTIVATION_LIMIT.to_bits() - 1);
        assert_eq!([below, ACTIVATION_LIMIT, f32::NAN].map(suspect), [false, true, true]);
    }

    #[test]
    fn some_tokens_of_each_image_are_seen_without_a_copy() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let some = Activations::new(&values, 2, 3, 2).of_tokens(1..3);
        assert_eq!((some.images(), some.tokens(), some.channels()), (2, 2, 2));
        assert_eq!(some.image(1), [8.0, 9.0, 10.0, 11.0]);
        assert_eq!(some.of_tokens(1..2).image(0), [4.0, 5.0]);
    }

    #[test]
    fn images_are_seen_in_another_order_without_a_copy() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let seen = Activations::new(&values, 3, 2, 2).with_rows(&[2, 0]);
        assert_eq!((seen.images(), seen.image(0)), (2, &values[8..]));
        assert_eq!(seen.of_tokens(1..2).image(1), [2.0, 3.0]);
        let same = Activations::new(&values, 3, 2, 2);
        assert_eq!(PairStatistics::of(seen, &[[0, 1]]), PairStatistics::of(same, &[[2, 0]]));
    }
}
