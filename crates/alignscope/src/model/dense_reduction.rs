//! All pairs of a data set at once, wherever the activations are.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use super::ModelError;
use super::on_device::{ImageSums, OnDevice};
use super::pair_reduction::{Seen, each_image};
use super::token_choice::TokenChoice;
use crate::dense_pairs::{BROUGHT_BYTES, Columns, MemoryColumns, PairGraph, StageSums, stage_sums};
use crate::distance::Scale;
use crate::encoder::{Spilled, SpilledImages};
use crate::energy::{EnergyAccumulator, image_energy};
use crate::pair_statistics::{Activations, ImageProducts};
use crate::spill::SpillError;

impl From<Infallible> for ModelError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// What the pairs of a data set are reduced by.
pub(super) struct DenseWork<'a> {
    pub(super) graph: &'a PairGraph<'a>,
    /// The scale of each channel, if it is not to be the data set's own.
    pub(super) foreign: Option<&'a Scale>,
    /// Told how far the work at a stage is, 0 to 1.
    pub(super) tick: &'a mut dyn FnMut(f64) -> Result<(), ModelError>,
}

/// The sums of all pairs, and the energy of all images.
pub(super) type Found = (StageSums, EnergyAccumulator);

impl DenseWork<'_> {
    fn sums<C: Columns>(
        self,
        columns: &mut C,
        products: &[ImageProducts],
    ) -> Result<StageSums, ModelError>
    where
        ModelError: From<C::Error>,
    {
        stage_sums(self.graph, columns, products, self.foreign, self.tick)
    }

    /// Of activations in memory.
    pub(super) fn of_memory(self, activations: Activations<'_>) -> Result<Found, ModelError> {
        let mut energy = EnergyAccumulator::new(activations.channels());
        energy.add_all(activations);
        let products = activations.image_products();
        Ok((self.sums(&mut MemoryColumns(activations), &products)?, energy))
    }

    /// Of activations in a file.
    pub(super) fn of_file(
        self,
        spilled: &mut Spilled<'_>,
        TokenChoice { tokens, prefix }: TokenChoice,
    ) -> Result<Found, ModelError> {
        let file = spilled.file;
        let (images, channels) = (file.images(), file.channels());
        match Seen::new(spilled, tokens, prefix)? {
            Seen::Tokens(range, products) => {
                let energy = Mutex::new(EnergyAccumulator::new(channels));
                let numbers = range.start * channels..range.end * channels;
                each_image(spilled, |_, image| {
                    let of_image = image_energy(&image[numbers.clone()], channels);
                    energy.lock().expect("no thread panics while it adds").add(&of_image);
                })?;
                let energy = energy.into_inner().expect("no thread panics while it adds");
                let mut columns = FileColumns { file, tokens: range };
                Ok((self.sums(&mut columns, &products)?, energy))
            }
            Seen::Vectors(vectors) => {
                self.of_memory(Activations::new(&vectors, images, 1, channels))
            }
        }
    }

    /// Of activations that a device holds, and what each image has by itself.
    pub(super) fn of_device(
        self,
        activations: &mut dyn OnDevice,
        sums: &ImageSums,
    ) -> Result<Found, ModelError> {
        let [_, channels] = activations.shape();
        let mut energy = EnergyAccumulator::new(channels);
        sums.energy.chunks_exact(channels).for_each(|of_image| energy.add(of_image));
        let images = sums.products.len();
        let mut columns = DeviceColumns { activations, images, brought: (0..0, vec![]) };
        Ok((self.sums(&mut columns, &sums.products)?, energy))
    }
}

/// Some of the tokens of activations in a file.
struct FileColumns<'a> {
    file: &'a SpilledImages,
    tokens: Range<usize>,
}

impl Columns for FileColumns<'_> {
    type Error = SpillError;

    fn shape(&self) -> [usize; 2] {
        [self.tokens.len(), self.file.channels()]
    }

    fn read(&mut self, numbers: Range<usize>, out: &mut [f32]) -> Result<(), SpillError> {
        let first = self.tokens.start * self.file.channels() + numbers.start;
        let of_images = out.par_chunks_exact_mut(numbers.len()).enumerate();
        of_images.try_for_each(|(image, out)| self.file.read_some(image, first, out))
    }

    fn image(&mut self, image: usize, out: &mut [f32]) -> Result<(), SpillError> {
        self.file.read_some(image, self.tokens.start * self.file.channels(), out)
    }
}

/// Activations that a device holds, which come to main memory some numbers at a time.
struct DeviceColumns<'a> {
    activations: &'a mut dyn OnDevice,
    images: usize,
    /// Those that came last, `[images, numbers]`.
    brought: (Range<usize>, Vec<f32>),
}

impl Columns for DeviceColumns<'_> {
    type Error = ModelError;

    fn shape(&self) -> [usize; 2] {
        self.activations.shape()
    }

    fn read(&mut self, numbers: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let (there, _) = &self.brought;
        if numbers.start < there.start || numbers.end > there.end {
            let [tokens, channels] = self.shape();
            let most = numbers.len().max(BROUGHT_BYTES as usize / size_of::<f32>() / self.images);
            let wanted = numbers.start..(numbers.start + most).min(tokens * channels);
            // What came before makes room first.
            self.brought = (0..0, vec![]);
            self.brought = (wanted.clone(), self.activations.numbers(wanted)?);
        }
        let (there, values) = &self.brought;
        let seen = numbers.start - there.start..numbers.end - there.start;
        let of_images = out.chunks_exact_mut(numbers.len()).zip(values.chunks_exact(there.len()));
        of_images.for_each(|(out, values)| out.copy_from_slice(&values[seen.clone()]));
        Ok(())
    }

    fn image(&mut self, image: usize, out: &mut [f32]) -> Result<(), ModelError> {
        out.copy_from_slice(&self.activations.image(image)?);
        Ok(())
    }
}
