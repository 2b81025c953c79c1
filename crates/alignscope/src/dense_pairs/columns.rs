//! Activations, some numbers of all images at a time.

use std::convert::Infallible;
use std::ops::Range;

use rayon::prelude::*;

use crate::pair_statistics::Activations;

/// The activations of all images of a data set at a stage, in the order of the data set.
pub(crate) trait Columns {
    /// Why they cannot be read.
    type Error: Send;

    /// Tokens and channels.
    fn shape(&self) -> [usize; 2];

    /// Some of the numbers of each image, `[images, numbers]`; number t · channels + c is channel c
    /// of token t.
    fn read(&mut self, numbers: Range<usize>, out: &mut [f32]) -> Result<(), Self::Error>;

    /// All numbers of one image, `[tokens, channels]`.
    fn image(&mut self, image: usize, out: &mut [f32]) -> Result<(), Self::Error>;
}

/// Activations in memory.
pub(crate) struct MemoryColumns<'a>(pub(crate) Activations<'a>);

impl Columns for MemoryColumns<'_> {
    type Error = Infallible;

    fn shape(&self) -> [usize; 2] {
        [self.0.tokens(), self.0.channels()]
    }

    fn read(&mut self, numbers: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        let of_images = out.par_chunks_exact_mut(numbers.len()).enumerate();
        of_images.for_each(|(i, out)| out.copy_from_slice(&self.0.image(i)[numbers.clone()]));
        Ok(())
    }

    fn image(&mut self, image: usize, out: &mut [f32]) -> Result<(), Infallible> {
        out.copy_from_slice(self.0.image(image));
        Ok(())
    }
}

/// Levels of images, which are all as large: a token each.
pub(super) struct LevelColumns<'a>(pub(super) &'a [&'a [u8]]);

impl Columns for LevelColumns<'_> {
    type Error = Infallible;

    fn shape(&self) -> [usize; 2] {
        [self.0.first().map_or(0, |levels| levels.len()), 1]
    }

    fn read(&mut self, numbers: Range<usize>, out: &mut [f32]) -> Result<(), Infallible> {
        let of_images = out.par_chunks_exact_mut(numbers.len()).zip(self.0);
        of_images.for_each(|(out, levels)| to_numbers(&levels[numbers.clone()], out));
        Ok(())
    }

    fn image(&mut self, image: usize, out: &mut [f32]) -> Result<(), Infallible> {
        to_numbers(self.0[image], out);
        Ok(())
    }
}

fn to_numbers(levels: &[u8], out: &mut [f32]) {
    out.iter_mut().zip(levels).for_each(|(out, level)| *out = f32::from(*level));
}
