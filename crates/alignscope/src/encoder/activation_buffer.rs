//! Activations of a group of images while they go through an encoder: in memory, or in a file.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::pair_statistics::{Activations, ImageProducts};
use crate::spill::{SpillError, SpillFile};
use alignscope_kernel::huge_pages;

/// The activations of all images at one stage, with the squared norm of each image from the pass
/// that made them.
#[derive(Debug)]
pub enum Encoded<'a> {
    /// All in memory.
    Memory(Activations<'a>),
    /// In a temporary file.
    File(Spilled<'a>),
}

/// Activations in a temporary file.
#[derive(Debug)]
pub struct Spilled<'a> {
    /// The file.
    pub file: &'a SpilledImages,
    /// Memory for some of the images, `[images, tokens, channels]`; what is in it has no meaning.
    pub workspace: &'a mut [f32],
    /// The products of each image's activations.
    pub products: &'a [ImageProducts],
}

/// A temporary file of images' activations.
#[derive(Debug)]
pub struct SpilledImages {
    file: SpillFile,
    images: usize,
    tokens: usize,
    channels: usize,
}

impl SpilledImages {
    /// An empty file for so many images.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) fn create(
        images: usize,
        tokens: usize,
        channels: usize,
    ) -> Result<Self, SpillError> {
        let bytes = (images * tokens * channels * size_of::<f32>()) as u64;
        let file = SpillFile::create("activations", bytes)?;
        Ok(Self { file, images, tokens, channels })
    }

    /// Number of images.
    pub fn images(&self) -> usize {
        self.images
    }

    /// Tokens of an image.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Channels of a token.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Reads images from number `first` on, `[images, tokens, channels]`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, first: usize, values: &mut [f32]) -> Result<(), SpillError> {
        self.file.read(self.offset(first), values)
    }

    /// Writes images from number `first` on.
    pub(crate) fn write(&self, first: usize, values: &[f32]) -> Result<(), SpillError> {
        self.file.write(self.offset(first), values)
    }

    fn offset(&self, image: usize) -> u64 {
        (image * self.tokens * self.channels * size_of::<f32>()) as u64
    }
}

/// What is done with each group of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is made from nothing.
    Make,
    /// It is changed.
    Change,
    /// It is only read.
    Read,
}

/// The activations of all images at one stage.
#[derive(Debug)]
pub(super) struct Held {
    /// All of them; or where they are in a file, working memory for some.
    values: Vec<f32>,
    file: Option<SpilledImages>,
    /// Of each image.
    products: Vec<ImageProducts>,
    tokens: usize,
    channels: usize,
    /// Images that a thread takes at a time.
    group: usize,
}

impl Held {
    /// Room for `images`, of which `in_memory` are in memory at a time, or all where it is none.
    pub(super) fn new(
        images: usize,
        tokens: usize,
        channels: usize,
        group: usize,
        in_memory: Option<usize>,
    ) -> Result<Self, SpillError> {
        let image = tokens * channels;
        let file = match in_memory {
            None => None,
            Some(_) => Some(SpilledImages::create(images, tokens, channels)?),
        };
        let values = huge_pages::vec(in_memory.unwrap_or(images) * image, 0.0);
        Ok(Self {
            values,
            file,
            products: vec![ImageProducts::default(); images],
            tokens,
            channels,
            group,
        })
    }

    /// The stage as it is seen from outside.
    pub(super) fn encoded(&mut self) -> Encoded<'_> {
        let Self { values, file, products, tokens, channels, .. } = self;
        match file {
            None => {
                let activations = Activations::new(values, products.len(), *tokens, *channels);
                Encoded::Memory(activations.with_products(products))
            }
            Some(file) => Encoded::File(Spilled { file, workspace: values, products }),
        }
    }

    /// Does `work` with each group of images, told the number of its first. Groups are begun in order, by
    /// all threads; unless it is only read, the products of a group are taken while it is
    /// still near the processor.
    ///
    /// # Errors
    /// That of the first group, in order, that has one; groups after it may be left out.
    pub(super) fn each<E: Send>(
        &mut self,
        mode: Mode,
        spill: fn(SpillError) -> E,
        work: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let (images, channels, group) = (self.products.len(), self.channels, self.group);
        let image = self.tokens * channels;
        let products = Mutex::new(&mut self.products);
        let failed = AtomicUsize::new(usize::MAX);
        let error: Mutex<Option<(usize, E)>> = Mutex::new(None);
        let attempt = |start: usize, step: &mut dyn FnMut() -> Result<(), E>| {
            // A group that fails ends the run; those after it need not be done.
            if start > failed.load(Ordering::Relaxed) {
                return;
            }
            if let Err(found) = step() {
                failed.fetch_min(start, Ordering::Relaxed);
                let mut error = error.lock().expect("no thread panics while it holds the error");
                if error.as_ref().is_none_or(|(first, _)| start < *first) {
                    *error = Some((start, found));
                }
            }
        };
        let finish = |start: usize, values: &[f32]| {
            if mode != Mode::Read {
                let images = values.chunks_exact(image);
                let found: Vec<_> = images.map(|i| ImageProducts::new(i, channels)).collect();
                let mut products = products.lock().expect("no thread panics while it copies");
                products[start..][..found.len()].copy_from_slice(&found);
            }
        };

        match &self.file {
            None => {
                let groups = self.values.chunks_mut(group * image).enumerate();
                groups.par_bridge().for_each(|(i, values)| {
                    attempt(i * group, &mut || {
                        work(i * group, values)?;
                        finish(i * group, values);
                        Ok(())
                    });
                });
            }
            Some(file) => {
                // One thread reads and writes while others work.
                let next = AtomicUsize::new(0);
                let slots = self.values.par_chunks_exact_mut(group * image).with_max_len(1);
                slots.take(rayon::current_num_threads()).for_each(|slot| {
                    loop {
                        let start = next.fetch_add(group, Ordering::Relaxed);
                        if start >= images {
                            return;
                        }
                        let values = &mut slot[..group.min(images - start) * image];
                        attempt(start, &mut || {
                            if mode != Mode::Make {
                                file.read(start, values).map_err(spill)?;
                            }
                            work(start, values)?;
                            finish(start, values);
                            match mode {
                                Mode::Read => Ok(()),
                                _ => file.write(start, values).map_err(spill),
                            }
                        });
                    }
                });
            }
        }
        match error.into_inner().expect("no thread panics while it holds the error") {
            None => Ok(()),
            Some((_, error)) => Err(error),
        }
    }
}
