//! The pairs of a data set as a matrix.

use std::ops::Range;

use alignscope_kernel::PANEL;

use crate::dataset::Pairs;

/// Images of a block.
pub(super) const BLOCK: usize = 128;

/// Number of blocks of so many images.
pub(super) fn blocks(images: usize) -> usize {
    images.div_ceil(BLOCK)
}

/// The images of a block.
pub(super) fn images_of(block: usize, images: usize) -> Range<usize> {
    block * BLOCK..images.min((block + 1) * BLOCK)
}

/// Whole panels.
pub(super) fn padded(vectors: usize) -> usize {
    vectors.next_multiple_of(PANEL)
}

/// Pairs of blocks before those of block `a` with itself and later ones.
pub(super) fn before(a: usize, blocks: usize) -> usize {
    a * blocks - a * a.saturating_sub(1) / 2
}

/// Which pairs of images trials use, and how often: a matrix above its diagonal, in blocks.
#[derive(Debug)]
pub(crate) struct PairGraph<'a> {
    images: usize,
    pairs: &'a Pairs,
    /// How often trials use each image.
    degrees: Vec<f64>,
    /// How often trials use any pair.
    uses: f64,
    /// Of each pair of blocks, `[panels of the one's images, the other's images, 8]`.
    weights: Vec<Vec<f64>>,
}

impl<'a> PairGraph<'a> {
    /// The pairs of so many images.
    ///
    /// # Panics
    /// An image is not one of them.
    pub(crate) fn new(images: usize, pairs: &'a Pairs) -> Self {
        let count = blocks(images);
        let size = |a, b| padded(images_of(a, images).len()) * images_of(b, images).len();
        let of_blocks = (0..count).flat_map(|a| (a..count).map(move |b| (a, b)));
        let mut weights: Vec<Vec<f64>> = of_blocks.map(|(a, b)| vec![0.0; size(a, b)]).collect();
        let (mut degrees, mut all) = (vec![0.0; images], 0.0);
        for (of_pair, uses) in pairs.images.iter().zip(&pairs.uses) {
            let uses = f64::from(*uses);
            let [a, b] = of_pair.map(|image| image as usize);
            degrees[a] += uses;
            degrees[b] += uses;
            all += uses;
            let [a, b] = [a.min(b), a.max(b)];
            let [of_a, of_b] = [a / BLOCK, b / BLOCK];
            let (row, panel) = (a % BLOCK, images_of(of_b, images).len() * PANEL);
            let place = row / PANEL * panel + b % BLOCK * PANEL + row % PANEL;
            weights[before(of_a, count) + of_b - of_a][place] += uses;
        }
        Self { images, pairs, degrees, uses: all, weights }
    }

    pub(super) fn images(&self) -> usize {
        self.images
    }

    /// The images of each pair.
    pub(super) fn pairs(&self) -> &'a [[u32; 2]] {
        &self.pairs.images
    }

    /// How often trials use each pair.
    pub(super) fn uses_of_pairs(&self) -> &'a [u32] {
        &self.pairs.uses
    }

    /// How often trials use any pair.
    pub(super) fn uses(&self) -> f64 {
        self.uses
    }

    /// How often trials use an image.
    pub(super) fn degree(&self, image: usize) -> f64 {
        self.degrees[image]
    }

    /// The part of the matrix between a block and itself or a later one.
    pub(super) fn weights(&self, a: usize, b: usize) -> &[f64] {
        &self.weights[before(a, blocks(self.images)) + b - a]
    }
}
