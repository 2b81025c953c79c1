//! The activations of a resident set that a function encoded.

use super::super::reduction::check_usable;
use super::super::set_reducer::SetReducer;
use super::super::token_choice::TokenChoice;
use super::super::{Cell, ModelError};
use super::look::{Shape, image_bytes};
use super::rows::StageRows;
use crate::encoder::{Encoded, Spilled, SpilledImages};
use crate::features::Reading;
use crate::pair_statistics::{Activations, ImageProducts};
use crate::plan::ResidentSet;

/// The activations of a resident set at some stages.
pub(super) struct EncodedSet<'a> {
    pub(super) shapes: &'a [Shape],
    set: &'a ResidentSet,
    /// Of all images so far, or where they go to files of the last batch.
    pub(super) rows: Vec<StageRows>,
    /// A file for each stage; none where activations are in memory.
    spilled: Vec<SpilledImages>,
    /// Of each image so far, for each stage.
    products: Vec<Vec<ImageProducts>>,
    /// Images that are encoded.
    pub(super) done: usize,
    /// Images of the last batch.
    pub(super) last: usize,
}

impl<'a> EncodedSet<'a> {
    /// `held` — images that are in memory at a time
    pub(super) fn new(
        shapes: &'a [Shape],
        reading: Reading,
        set: &'a ResidentSet,
        held: usize,
    ) -> Result<Self, ModelError> {
        let images = set.images.len();
        let file =
            |(_, [tokens, channels]): &Shape| SpilledImages::create(images, *tokens, *channels);
        let spilled = match held < images {
            true => shapes.iter().map(file).collect::<Result<_, _>>()?,
            false => vec![],
        };
        let rows = |(stage, [tokens, channels]): &Shape| {
            StageRows::new(*stage, reading, held * tokens * channels)
        };
        let rows = shapes.iter().map(rows).collect();
        let products = vec![Vec::with_capacity(images); shapes.len()];
        Ok(Self { shapes, set, rows, spilled, products, done: 0, last: 0 })
    }

    /// Images that are in the rows.
    pub(super) fn in_rows(&self) -> usize {
        if self.spilled.is_empty() { self.done } else { 0 }
    }

    /// Takes a batch that was appended to the rows.
    pub(super) fn take(&mut self, cell: &Cell<'_>, images: usize) -> Result<(), ModelError> {
        for (i, rows) in self.rows.iter_mut().enumerate() {
            let (stage, [tokens, channels]) = self.shapes[i];
            let of_batch = &rows.values[(rows.images - images) * tokens * channels..];
            let activations = Activations::new(of_batch, images, tokens, channels);
            let products = activations.image_products();
            let image_of = |image: usize| self.set.images[self.done + image] as usize;
            check_usable(cell, stage, activations, &products, image_of)?;
            self.products[i].extend_from_slice(&products);
            if let Some(file) = self.spilled.get(i) {
                file.write(self.done, of_batch)?;
                rows.clear();
            }
        }
        self.done += images;
        self.last = images;
        Ok(())
    }

    /// Hands every stage on.
    ///
    /// `workspace_bytes` — for activations that are read back from a file
    pub(super) fn reduce(
        mut self,
        workspace_bytes: u64,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let images = self.set.images.len();
        for (i, shape) in self.shapes.iter().enumerate() {
            let (stage, [tokens, channels]) = *shape;
            let products = &self.products[i];
            match self.spilled.get(i) {
                None => {
                    let values = std::mem::take(&mut self.rows[i].values);
                    let seen = Activations::new(&values, images, tokens, channels);
                    let seen = Encoded::Memory(seen.with_products(products));
                    reducer.stage(stage, seen, TokenChoice::ALL)?;
                }
                Some(file) => {
                    let fitting = usize::try_from(workspace_bytes / image_bytes(shape));
                    let fitting = fitting.unwrap_or(usize::MAX).min(images.max(2));
                    let mut workspace = vec![0.0; fitting * tokens * channels];
                    let seen = Spilled { file, workspace: &mut workspace, products };
                    reducer.stage(stage, Encoded::File(seen), TokenChoice::ALL)?;
                }
            }
        }
        Ok(())
    }
}
