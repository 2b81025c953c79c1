//! What is kept of all pairs at a stage.

use crate::distance::{Pair, Scale};
use crate::pair_statistics::{ImageProducts, InnerProducts};

/// The sums of all pairs of a data set at a stage: all that every kind of distance needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StageSums {
    /// Tokens times channels.
    pub(crate) numbers: usize,
    /// How much each channel varies over the data set itself.
    pub(crate) scale: Scale,
    /// Of each image.
    pub(crate) images: Vec<ImageProducts>,
    /// Σ (a − b)² of each pair.
    pub(crate) squares: Vec<f64>,
    /// The same, each channel divided by its scale.
    pub(crate) scaled: Vec<f64>,
}

impl StageSums {
    /// Pairs of which nothing is known yet.
    pub(super) fn new(
        numbers: usize,
        scale: Scale,
        images: Vec<ImageProducts>,
        pairs: &[[u32; 2]],
    ) -> Self {
        let (squares, scaled) = (vec![0.0; pairs.len()], vec![0.0; pairs.len()]);
        Self { numbers, scale, images, squares, scaled }
    }

    /// Bytes of so many pairs and images.
    pub(crate) fn bytes(pairs: usize, images: usize) -> u64 {
        (pairs * 2 * size_of::<f64>() + images * size_of::<ImageProducts>()) as u64
    }

    /// What is known of a pair. The inner product follows from the law of cosines.
    pub(crate) fn pair(&self, pair: usize, images: [u32; 2]) -> Pair {
        let [a, b] = images.map(|image| self.images[image as usize]);
        let (squares, numbers) = (self.squares[pair], self.numbers as f64);
        Pair {
            mean_square: squares / numbers,
            scaled_mean_square: Some(self.scaled[pair] / numbers),
            products: InnerProducts { ab: (a.aa + b.aa - squares) / 2.0, a, b },
        }
    }
}
