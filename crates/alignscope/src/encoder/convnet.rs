//! A convolutional network: its stem, its blocks, and its head. A stage's tokens are the positions
//! of its map, row by row.

use std::fmt;

use super::convolution::{Convolution, as_it_is};
use super::embedding::add;
use super::head::{AttentionPooling, Head, Pooling, Projection, to_unit};
use super::linear::Linear;
use super::norm::Norm;
use super::scratch::Scratch;
use super::tower::{Group, Tower};
use crate::feature_map::{MapView, Window, relu};
use alignscope_kernel::huge_pages;

/// The layers of a convolutional network.
#[derive(Debug)]
pub(super) struct ConvNet {
    pub(super) image_size: usize,
    pub(super) stem: Stem,
    pub(super) blocks: Vec<Box<dyn MapBlock>>,
    /// Side and channels of the map after the stem and after each block.
    pub(super) maps: Vec<[usize; 2]>,
    pub(super) head: MapHead,
}

/// From the last map to one vector.
#[derive(Debug)]
pub(super) enum MapHead {
    /// The mean over positions.
    Mean {
        /// What the map is pooled by before.
        pool: Option<Window>,
        /// The mean, and what becomes of it.
        head: Box<Head>,
    },
    /// CLIP's: the mean over positions attends to itself and to the positions.
    Attention(Box<MapAttention>),
}

/// Attention of the mean over positions.
#[derive(Debug)]
pub(super) struct MapAttention {
    /// Added to the mean, and to each position: `[1 + positions, channels]`, or nothing.
    pub(super) positions: Vec<f32>,
    pub(super) query: Linear,
    pub(super) pooling: AttentionPooling,
    /// Of what attention gives, if anything follows it.
    pub(super) projection: Option<Projection>,
    /// Whether what comes out is divided by its L2 norm.
    pub(super) unit: bool,
}

/// From pixels to the first map.
#[derive(Debug)]
pub(super) struct Stem {
    /// One after the other, with a ReLU between.
    pub(super) convolutions: Vec<Convolution>,
    pub(super) end: StemEnd,
}

/// What follows the stem's last convolution.
#[derive(Debug)]
pub(super) enum StemEnd {
    Relu,
    /// A ReLU, and the largest value of each window.
    Pool(Window),
    /// A ReLU, and the mean of each window.
    MeanPool(Window),
    /// A norm over the channels of each position.
    Norm(Norm),
}

/// A block of a convolutional network.
pub(super) trait MapBlock: fmt::Debug + Send + Sync {
    /// Replaces a map of this side, `[side, side, inputs]`, by the block's. It stands at the
    /// beginning of `image`, which has room for either.
    fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Scratch);

    /// Bytes of the weights.
    fn bytes(&self) -> usize;

    /// Bytes of working memory for a map of this side.
    fn scratch_bytes(&self, side: usize) -> usize;
}

/// A square map at the beginning of `values`.
pub(super) fn square(side: usize, channels: usize, values: &[f32]) -> MapView<'_> {
    let values = &values[..side * side * channels];
    MapView { height: side, width: side, channels, values }
}

impl Stem {
    /// `pixels` is `[3, size, size]`, `out` the first map.
    fn apply(&self, pixels: &[f32], size: usize, out: &mut [f32], scratch: &mut Scratch) {
        let Scratch { input, wide, maps: [current, next, ..], .. } = scratch;
        let image = huge_pages::first(current, pixels.len(), 0.0);
        // [c, h, w] -> [h, w, c]
        for (channel, plane) in pixels.chunks_exact(size * size).enumerate() {
            let out = image[channel..].iter_mut().step_by(3);
            out.zip(plane).for_each(|(out, value)| *out = *value);
        }
        let (last, before) = self.convolutions.split_last().expect("a stem has a convolution");
        let (mut side, mut channels) = (size, 3);
        for convolution in before {
            let made = convolution.output_side(side);
            let out = huge_pages::first(next, made * made * convolution.outputs(), 0.0);
            convolution.apply(square(side, channels, current), out, relu, input);
            (side, channels) = (made, convolution.outputs());
            std::mem::swap(current, next);
        }
        let map = square(side, channels, current);
        match &self.end {
            StemEnd::Relu => last.apply(map, out, relu, input),
            StemEnd::Pool(window) | StemEnd::MeanPool(window) => {
                let (side, channels) = (last.output_side(side), last.outputs());
                let full = huge_pages::first(next, side * side * channels, 0.0);
                last.apply(map, full, relu, input);
                let (map, width) = (square(side, channels, full), window.output_side(side));
                match self.end {
                    StemEnd::MeanPool(_) => window.mean_pool(map, width, out),
                    _ => window.max_pool(map, width, out),
                }
            }
            StemEnd::Norm(norm) => {
                last.apply(map, out, as_it_is, input);
                norm.apply_in_place(out, wide);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.convolutions.iter().map(Convolution::bytes).sum()
    }

    fn scratch_bytes(&self, size: usize) -> usize {
        let (mut side, mut largest, mut strip) = (size, 3 * size * size, 0);
        for convolution in &self.convolutions {
            strip = strip.max(convolution.scratch_bytes(side));
            side = convolution.output_side(side);
            largest = largest.max(side * side * convolution.outputs());
        }
        2 * size_of::<f32>() * largest + strip
    }
}

impl MapHead {
    /// The mean over so many positions, of what the map is pooled by before; `norm` is of the mean.
    pub(super) fn mean(pool: Option<Window>, positions: usize, norm: Option<Norm>) -> Self {
        let head = Head::without_norm(Pooling::Mean(0..positions));
        Self::Mean { pool, head: Box::new(Head { pooled_norm: norm, ..head }) }
    }

    /// `map` is the last one, square, `out` `[last channels]`.
    fn apply(&self, map: MapView<'_>, out: &mut [f32], scratch: &mut Scratch) {
        let channels = map.channels;
        match self {
            Self::Attention(attention) => attention.apply(map, out, scratch),
            Self::Mean { pool: None, head } => head.apply(map.values, channels, out, scratch),
            Self::Mean { pool: Some(window), head } => {
                let side = window.output_side(map.width);
                let mut pooled = vec![0.0; side * side * channels];
                window.max_pool(map, side, &mut pooled);
                head.apply(&pooled, channels, out, scratch);
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Mean { head, .. } => head.bytes(),
            Self::Attention(attention) => {
                let MapAttention { positions, query, pooling, projection, .. } = &**attention;
                size_of_val(positions.as_slice())
                    + query.bytes()
                    + pooling.bytes()
                    + projection.as_ref().map_or(0, Projection::bytes)
            }
        }
    }

    /// Bytes of working memory for a last map of this side and so many channels.
    fn scratch_bytes(&self, side: usize, channels: usize) -> usize {
        let numbers = side * side * channels;
        match self {
            Self::Mean { pool: None, .. } => 0,
            Self::Mean { pool: Some(_), .. } => size_of::<f32>() * numbers,
            // Tokens, as they are and as a layer takes them; keys and values.
            Self::Attention(_) => 5 * size_of::<f32>() * (numbers + channels),
        }
    }
}

/// The mean over positions.
fn mean(map: &[f32], out: &mut [f32], scratch: &mut Scratch) {
    let channels = out.len();
    let head = Head::without_norm(Pooling::Mean(0..map.len() / channels));
    head.apply(map, channels, out, scratch);
}

impl MapAttention {
    fn apply(&self, map: MapView<'_>, out: &mut [f32], scratch: &mut Scratch) {
        let channels = map.channels;
        let mut tokens = vec![0.0; map.values.len() + channels];
        let (first, rest) = tokens.split_at_mut(channels);
        rest.copy_from_slice(map.values);
        mean(map.values, first, scratch);
        add(&mut tokens, &self.positions);
        let Scratch { input, .. } = scratch;
        let mut query = vec![0.0; channels];
        self.query.apply_row(&tokens[..channels], &mut query, input);
        let count = tokens.len() / channels;
        self.pooling.key_value.shape(input, count);
        let rows = tokens.chunks_exact(channels).enumerate();
        rows.for_each(|(row, token)| input.set_row(row, token));
        match &self.projection {
            None => self.pooling.apply(&query, count, out, scratch),
            Some(projection) => {
                let mut pooled = vec![0.0; self.pooling.out.outputs()];
                self.pooling.apply(&query, count, &mut pooled, scratch);
                projection.apply(&pooled, out, scratch);
            }
        }
        if self.unit {
            to_unit(out);
        }
    }
}

impl Tower for ConvNet {
    fn embed(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        self.stem.apply(pixels, self.image_size, out, scratch);
    }

    fn step(&self, step: usize, images: Group<'_>, scratch: &mut Scratch) {
        let [side, _] = self.maps[step];
        for image in images.values.chunks_exact_mut(images.room) {
            self.blocks[step].apply(image, side, scratch);
        }
    }

    fn finish(&self, image: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let [side, channels] = self.maps[self.maps.len() - 1];
        self.head.apply(square(side, channels, image), out, scratch);
    }

    fn bytes(&self) -> usize {
        let blocks = self.blocks.iter().map(|block| block.bytes());
        self.stem.bytes() + blocks.sum::<usize>() + self.head.bytes()
    }

    fn scratch_bytes(&self, _: usize) -> usize {
        let blocks = self.blocks.iter().zip(&self.maps);
        let blocks = blocks.map(|(block, [side, _])| block.scratch_bytes(*side));
        let [side, channels] = self.maps[self.maps.len() - 1];
        // Each kind of buffer is as large as its largest use, and lasts.
        self.stem.scratch_bytes(self.image_size)
            + blocks.max().unwrap_or(0)
            + self.head.scratch_bytes(side, channels)
    }
}
