//! Images that are brought to a function together.

use std::ops::Range;

use rayon::prelude::*;

use super::super::ModelError;
use super::super::activations::OneSet;
use crate::image::RgbImage;
use crate::preprocess::Preprocessing;

/// Some images.
#[derive(Debug)]
pub enum Batch {
    /// By the recipe.
    Preprocessed {
        /// The numbers.
        values: Vec<f32>,
        /// `[images, 3, height, width]`.
        shape: [usize; 4],
    },
    /// As they are decoded.
    Decoded(Vec<RgbImage>),
}

impl Batch {
    /// How many they are.
    pub fn images(&self) -> usize {
        match self {
            Self::Preprocessed { shape, .. } => shape[0],
            Self::Decoded(images) => images.len(),
        }
    }
}

/// Does something with an image of a batch.
pub(super) type Load<'a> =
    dyn Fn(usize, &mut (dyn FnMut(RgbImage) + Send)) -> Result<(), ModelError> + Sync + 'a;

/// The next batch, where there is one: ready, or why not.
pub(super) type Next = Option<Result<Batch, ModelError>>;

/// Images that are brought to the function together, in order, set after set.
pub(super) struct Batches<'a> {
    sets: &'a [OneSet<'a>],
    model: &'a str,
    recipe: Option<&'a Preprocessing>,
    /// Position of the set that the next batch is of, and of its first image in it.
    next: (usize, usize),
}

impl<'a> Batches<'a> {
    pub(super) fn new(
        sets: &'a [OneSet<'a>],
        model: &'a str,
        recipe: Option<&'a Preprocessing>,
    ) -> Self {
        Self { sets, model, recipe, next: (0, 0) }
    }

    /// The first batch behind a set that is not asked for any more, of which a batch may be ready.
    pub(super) fn after(&mut self, set: usize, ready: Next, most: usize) -> Next {
        drop(ready);
        self.next = (set + 1, 0);
        self.next(most)
    }

    /// The next batch, of at most so many images of one set, decoded and preprocessed on all threads;
    /// none after the last.
    pub(super) fn next(&mut self, most: usize) -> Next {
        let (set, start) = self.next;
        let of_set = self.sets.get(set)?;
        let all = of_set.set.images.len();
        let end = all.min(start + most);
        self.next = if end == all { (set + 1, 0) } else { (set, end) };
        let load = |i: usize, work: &mut (dyn FnMut(RgbImage) + Send)| of_set.load(i, work);
        Some(prepare_batch(self.model, self.recipe, start..end, &load))
    }
}

/// Decodes and preprocesses some images, on all threads.
pub(super) fn prepare_batch(
    model: &str,
    recipe: Option<&Preprocessing>,
    images: Range<usize>,
    load: &Load<'_>,
) -> Result<Batch, ModelError> {
    let Some(recipe) = recipe else {
        let load = |image: usize| {
            let mut found = None;
            load(image, &mut |image| found = Some(image))?;
            Ok(found.expect("it was loaded"))
        };
        let decoded: Vec<Result<RgbImage, ModelError>> = images.into_par_iter().map(load).collect();
        return Ok(Batch::Decoded(decoded.into_iter().collect::<Result<_, _>>()?));
    };
    let Some((height, width)) = recipe.output_size() else {
        return Err(ModelError::VaryingSize { model: model.to_owned() });
    };
    let (count, len) = (images.len(), 3 * height * width);
    let mut values = vec![0.0; count * len];
    let loaded: Vec<Result<(), ModelError>> = values
        .par_chunks_exact_mut(len)
        .zip(images.into_par_iter())
        .map(|(out, image)| load(image, &mut |image| recipe.apply_into(&image, out)))
        .collect();
    loaded.into_iter().collect::<Result<(), _>>()?;
    Ok(Batch::Preprocessed { values, shape: [count, 3, height, width] })
}
