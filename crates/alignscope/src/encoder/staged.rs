//! A group of images through an encoder, stage by stage.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::Encoder;
use crate::difference::Activations;
use crate::kernel::huge;
use crate::stage::Stage;

/// Encodes a group of images: all are at one stage before any goes to the next, so that the
/// activations of one stage exist at a time.
///
/// `load` writes preprocessed image `i` of the group, `[3, size, size]`; it is called from many
/// threads. `visit` gets the activations of all images, `[images, tokens, channels]`, at the
/// embedding, after each block, and at the projection. `advance` is told of images as they finish
/// a stage. The variant `@published` takes every image through the blocks twice.
///
/// # Errors
/// The first error of `load` (in order of images) or of `visit`.
pub fn encode_stages<E: Send>(
    encoder: &Encoder,
    images: usize,
    load: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    mut visit: impl FnMut(Stage, Activations<'_>) -> Result<(), E>,
    advance: impl Fn(usize) + Sync,
) -> Result<(), E> {
    if encoder.published {
        pass(encoder, Tower::PatchesAlone, images, &load, &mut visit, &advance)?;
        // The blocks have been told of; only the projection is new.
        let mut projection = |stage, activations: Activations<'_>| match stage {
            Stage::Projection => visit(stage, activations),
            _ => Ok(()),
        };
        let values = pass(encoder, Tower::Whole, images, &load, &mut projection, &|_| ())?;
        project(encoder, values, images, &mut projection)?;
        advance(images);
        return Ok(());
    }
    let values = pass(encoder, Tower::Whole, images, &load, &mut visit, &advance)?;
    project(encoder, values, images, &mut visit)?;
    advance(images);
    Ok(())
}

/// What goes into the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tower {
    /// Class token, patches and positions.
    Whole,
    /// The bare patch embedding.
    PatchesAlone,
}

/// Embedding and blocks; returns the activations after the last.
fn pass<E: Send>(
    encoder: &Encoder,
    tower: Tower,
    images: usize,
    load: &(impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync),
    visit: &mut impl FnMut(Stage, Activations<'_>) -> Result<(), E>,
    advance: &(impl Fn(usize) + Sync),
) -> Result<Vec<f32>, E> {
    let channels = encoder.architecture.channels;
    let tokens = match tower {
        Tower::Whole => encoder.architecture.tokens(),
        Tower::PatchesAlone => encoder.architecture.patches(),
    };
    let image = tokens * channels;
    let at_a_time = encoder.images_at_a_time();
    let mut values = huge::vec(images * image, 0.0_f32);

    let failed = AtomicBool::new(false);
    let embed = |first: usize, group: &mut [f32]| {
        encoder.with_scratch(|scratch| {
            let embedding = &encoder.parts.embedding;
            let mut pixels = vec![0.0; encoder.pixels_len()];
            for (i, out) in group.chunks_exact_mut(image).enumerate() {
                // An image that fails ends the run; those after it need not be read.
                if failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                load(first + i, &mut pixels)
                    .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
                match tower {
                    Tower::Whole => embedding.apply(&pixels, out, scratch),
                    Tower::PatchesAlone => embedding.apply_patches(&pixels, out, scratch),
                }
                advance(1);
            }
            Ok(())
        })
    };
    let results: Vec<Result<(), E>> = values
        .par_chunks_mut(at_a_time * image)
        .enumerate()
        .map(|(chunk, group)| embed(chunk * at_a_time, group))
        .collect();
    results.into_iter().collect::<Result<(), E>>()?;
    visit(Stage::Embedding, Activations::new(&values, images, tokens, channels))?;

    for (i, block) in encoder.parts.blocks.iter().enumerate() {
        values.par_chunks_mut(at_a_time * image).for_each(|group| {
            encoder.with_scratch(|scratch| block.apply(group, tokens, scratch));
            advance(group.len() / image);
        });
        visit(Stage::Block(i + 1), Activations::new(&values, images, tokens, channels))?;
    }
    Ok(values)
}

/// The projection of what came out of the last block.
fn project<E: Send>(
    encoder: &Encoder,
    values: Vec<f32>,
    images: usize,
    visit: &mut impl FnMut(Stage, Activations<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let image = encoder.architecture.tokens() * encoder.architecture.channels;
    let projection = encoder.architecture.projection;
    let mut projected = vec![0.0_f32; images * projection];
    projected.par_chunks_exact_mut(projection).zip(values.par_chunks_exact(image)).for_each(
        |(out, tokens)| {
            encoder.with_scratch(|scratch| encoder.parts.head.apply(tokens, out, scratch));
        },
    );
    drop(values);
    visit(Stage::Projection, Activations::new(&projected, images, 1, projection))
}
