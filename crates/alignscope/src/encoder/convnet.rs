//! A convolutional network: its stem, its blocks, and its head. A stage's tokens are the positions
//! of its map, row by row.

use std::fmt;

use super::convolution::Convolution;
use super::head::{Head, Pooling};
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
    /// What the last map is pooled by before its positions are.
    pub(super) last_pool: Option<Window>,
    /// Of the mean over positions.
    pub(super) last_norm: Option<Norm>,
}

/// From pixels to the first map.
#[derive(Debug)]
pub(super) struct Stem {
    pub(super) convolution: Convolution,
    pub(super) end: StemEnd,
}

/// What follows the stem's convolution.
#[derive(Debug)]
pub(super) enum StemEnd {
    Relu,
    /// A ReLU, and the largest value of each window.
    Pool(Window),
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
        let Scratch { input, products, wide, maps: [image, full, ..], .. } = scratch;
        let image = huge_pages::first(image, pixels.len(), 0.0);
        // [c, h, w] -> [h, w, c]
        for (channel, plane) in pixels.chunks_exact(size * size).enumerate() {
            let out = image[channel..].iter_mut().step_by(3);
            out.zip(plane).for_each(|(out, value)| *out = *value);
        }
        let image = square(size, 3, image);
        let convolution = &self.convolution;
        match &self.end {
            StemEnd::Relu => convolution.apply(image, out, relu, (input, products)),
            StemEnd::Pool(window) => {
                let (side, channels) = (convolution.output_side(size), convolution.outputs());
                let full = huge_pages::first(full, side * side * channels, 0.0);
                convolution.apply(image, full, relu, (input, products));
                let width = window.output_side(side);
                window.max_pool(square(side, channels, full), width, out);
            }
            StemEnd::Norm(norm) => {
                convolution.apply(image, out, super::convolution::as_it_is, (input, products));
                norm.apply_in_place(out, wide);
            }
        }
    }

    fn scratch_bytes(&self, size: usize) -> usize {
        let full = match self.end {
            StemEnd::Pool(_) => self.convolution.output_side(size).pow(2),
            StemEnd::Relu | StemEnd::Norm(_) => 0,
        };
        size_of::<f32>() * (3 * size * size + full * self.convolution.outputs())
            + self.convolution.scratch_bytes(size, 3)
    }
}

impl ConvNet {
    /// The last map as it is pooled: its positions and channels.
    fn pooled(&self) -> [usize; 2] {
        let [side, channels] = self.maps[self.maps.len() - 1];
        let side = self.last_pool.map_or(side, |window| window.output_side(side));
        [side * side, channels]
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
        let ([positions, channels], pooling) = (self.pooled(), &mut Vec::new());
        let map = match self.last_pool {
            None => image,
            Some(window) => {
                let [side, _] = self.maps[self.maps.len() - 1];
                pooling.resize(positions * channels, 0.0);
                let width = window.output_side(side);
                window.max_pool(square(side, channels, image), width, pooling);
                pooling
            }
        };
        let head = Head::without_norm(Pooling::Mean(0..positions));
        head.apply(map, channels, out, scratch);
        if let Some(norm) = &self.last_norm {
            norm.apply_in_place(out, &mut scratch.wide);
        }
    }

    fn bytes(&self) -> usize {
        let blocks = self.blocks.iter().map(|block| block.bytes());
        self.stem.convolution.bytes() + blocks.sum::<usize>()
    }

    fn scratch_bytes(&self, _: usize) -> usize {
        let blocks = self.blocks.iter().zip(&self.maps);
        let blocks = blocks.map(|(block, [side, _])| block.scratch_bytes(*side));
        let [positions, channels] = self.pooled();
        // Each kind of buffer is as large as its largest use, and lasts.
        self.stem.scratch_bytes(self.image_size)
            + blocks.max().unwrap_or(0)
            + size_of::<f32>() * positions * channels
    }
}
