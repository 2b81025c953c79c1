//! Activations of a group of images while they go through an encoder: in memory, or in a file.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::tower::Group;
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
    /// Memory for some images of the largest stage, or more of this one; what is in it has no
    /// meaning.
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
    /// Numbers from an image to the next.
    room: usize,
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
        Self::with_room(images, [tokens, channels], tokens * channels)
    }

    /// The same, in which each image has room for so many numbers.
    fn with_room(images: usize, shape: [usize; 2], room: usize) -> Result<Self, SpillError> {
        let bytes = (images * room * size_of::<f32>()) as u64;
        let file = SpillFile::create("activations", bytes)?;
        let [tokens, channels] = shape;
        Ok(Self { file, images, tokens, channels, room })
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
        let mut images = values.chunks_mut(self.tokens * self.channels).enumerate();
        images.try_for_each(|(i, out)| self.file.read(self.offset(first + i), out))
    }

    /// Reads some of an image's numbers, from number `first` on.
    pub(crate) fn read_some(
        &self,
        image: usize,
        first: usize,
        values: &mut [f32],
    ) -> Result<(), SpillError> {
        self.file.read(self.offset(image) + (first * size_of::<f32>()) as u64, values)
    }

    /// Writes images from number `first` on.
    pub(crate) fn write(&self, first: usize, values: &[f32]) -> Result<(), SpillError> {
        let mut images = values.chunks(self.tokens * self.channels).enumerate();
        images.try_for_each(|(i, image)| self.file.write(self.offset(first + i), image))
    }

    /// Reads images of this shape, each to where its room begins.
    fn read_spaced(
        &self,
        first: usize,
        values: &mut [f32],
        shape: [usize; 2],
    ) -> Result<(), SpillError> {
        let mut images = values.chunks_exact_mut(self.room).enumerate();
        images.try_for_each(|(i, image)| {
            self.file.read(self.offset(first + i), &mut image[..numbers(shape)])
        })
    }

    /// Writes images of this shape, each from where its room begins.
    fn write_spaced(
        &self,
        first: usize,
        values: &[f32],
        shape: [usize; 2],
    ) -> Result<(), SpillError> {
        let mut images = values.chunks_exact(self.room).enumerate();
        images.try_for_each(|(i, image)| {
            self.file.write(self.offset(first + i), &image[..numbers(shape)])
        })
    }

    fn offset(&self, image: usize) -> u64 {
        (image * self.room * size_of::<f32>()) as u64
    }
}

/// What is done with each group of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is made from nothing, each image of so many tokens and channels.
    Make([usize; 2]),
    /// It is changed to so many tokens and channels.
    Change([usize; 2]),
    /// It is only read.
    Read,
}

/// The activations of all images at one stage. Each image has room for the largest of the stages
/// that it goes through, and is changed where it stands.
#[derive(Debug)]
pub(super) struct Held {
    /// All of them; or where they are in a file, working memory for some.
    values: Vec<f32>,
    file: Option<SpilledImages>,
    /// Of each image.
    products: Vec<ImageProducts>,
    /// Tokens and channels of an image.
    shape: [usize; 2],
    /// Numbers from an image to the next.
    room: usize,
    /// Images that a thread takes at a time.
    group: usize,
}

/// Numbers of an image of this shape.
fn numbers([tokens, channels]: [usize; 2]) -> usize {
    tokens * channels
}

impl Held {
    /// Room for `images` at any of these stages, of which `in_memory` are in memory at a time, or all
    /// if it is `None`.
    ///
    /// `shapes` — tokens and channels of an image at each stage
    pub(super) fn new(
        images: usize,
        shapes: &[[usize; 2]],
        group: usize,
        in_memory: Option<usize>,
    ) -> Result<Self, SpillError> {
        let room = shapes.iter().copied().map(numbers).max().unwrap_or(0);
        let shape = shapes[0];
        let file = match in_memory {
            None => None,
            Some(_) => Some(SpilledImages::with_room(images, shape, room)?),
        };
        let values = huge_pages::vec(in_memory.unwrap_or(images) * room, 0.0);
        let products = vec![ImageProducts::default(); images];
        Ok(Self { values, file, products, shape, room, group })
    }

    /// The stage as it is seen from outside.
    pub(super) fn encoded(&mut self) -> Encoded<'_> {
        let Self { values, file, products, shape, room, .. } = self;
        match file {
            None => {
                let activations = Activations::spaced(values, products.len(), *shape, *room);
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
        work: impl Fn(usize, Group<'_>) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let (images, before, room, group) =
            (self.products.len(), self.shape, self.room, self.group);
        let after = match mode {
            Mode::Make(shape) | Mode::Change(shape) => shape,
            Mode::Read => before,
        };
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
                let of_image = |i: &[f32]| ImageProducts::new(&i[..numbers(after)], after[1]);
                let found: Vec<_> = values.chunks_exact(room).map(of_image).collect();
                let mut products = products.lock().expect("no thread panics while it copies");
                products[start..][..found.len()].copy_from_slice(&found);
            }
        };

        match &self.file {
            None => {
                let groups = self.values.chunks_mut(group * room).enumerate();
                groups.par_bridge().for_each(|(i, values)| {
                    attempt(i * group, &mut || {
                        work(i * group, Group { values: &mut *values, room, shape: before })?;
                        finish(i * group, values);
                        Ok(())
                    });
                });
            }
            Some(file) => {
                // One thread reads and writes while others work.
                let next = AtomicUsize::new(0);
                let slots = self.values.par_chunks_exact_mut(group * room).with_max_len(1);
                slots.take(rayon::current_num_threads()).for_each(|slot| {
                    loop {
                        let start = next.fetch_add(group, Ordering::Relaxed);
                        if start >= images {
                            return;
                        }
                        let values = &mut slot[..group.min(images - start) * room];
                        attempt(start, &mut || {
                            if !matches!(mode, Mode::Make(_)) {
                                file.read_spaced(start, values, before).map_err(spill)?;
                            }
                            work(start, Group { values: &mut *values, room, shape: before })?;
                            finish(start, values);
                            match mode {
                                Mode::Read => Ok(()),
                                _ => file.write_spaced(start, values, after).map_err(spill),
                            }
                        });
                    }
                });
            }
        }
        match error.into_inner().expect("no thread panics while it holds the error") {
            None => {
                self.shape = after;
                if let Some(file) = &mut self.file {
                    [file.tokens, file.channels] = after;
                }
                Ok(())
            }
            Some((_, error)) => Err(error),
        }
    }
}
