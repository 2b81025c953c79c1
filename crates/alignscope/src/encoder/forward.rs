//! A group of images through an encoder, stage by stage.

use super::Encoder;
use super::activation_buffer::{Encoded, Held, Mode};
use super::tower::Group;
use crate::pair_statistics::Activations;
use crate::spill::SpillError;
use crate::stage::Stage;

/// How often [`encode_stages`] asks for each image.
pub fn passes(encoder: &Encoder) -> usize {
    if encoder.bare_patches { 2 } else { 1 }
}

/// Encodes a group of images: all are at one stage before any goes to the next, so that the
/// activations of one stage exist at a time.
///
/// `load` writes preprocessed image `i` of the group, `[3, size, size]`; it is called from many
/// threads, for about one image after another. `visit` gets the activations of all images,
/// `[images, tokens, channels]`, at the embedding, after each block, and at the projection. `advance`
/// is told of images as they finish a stage, and can stop the work. The variant `@bare-patches` takes every image through
/// the blocks twice, one pass of all images after the other.
///
/// # Errors
/// The first error of `load` (in order of images), of `advance` or of `visit`.
pub fn encode_stages<E: Send>(
    encoder: &Encoder,
    images: usize,
    load: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    mut visit: impl FnMut(Stage, Activations<'_>) -> Result<(), E>,
    advance: impl Fn(usize) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let group = group(encoder, images, rayon::current_num_threads());
    let run =
        GroupPass { encoder, images, group, in_memory: None, load, advance, spill: nothing_spills };
    run.all(&mut |stage, encoded: Encoded<'_>| match encoded {
        Encoded::Memory(activations) => visit(stage, activations),
        Encoded::File(_) => unreachable!("activations are in memory"),
    })
}

fn nothing_spills<E>(error: SpillError) -> E {
    unreachable!("activations are in memory: {error}")
}

/// [`encode_stages`] with activations in a temporary file, of which `in_memory` images are in memory
/// at a time; the projections of all are.
///
/// # Errors
/// As for [`encode_stages`], or the file cannot be made, written or read.
pub fn encode_spilled<E: Send + From<SpillError>>(
    encoder: &Encoder,
    images: usize,
    in_memory: usize,
    load: impl Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    mut visit: impl FnMut(Stage, Encoded<'_>) -> Result<(), E>,
    advance: impl Fn(usize) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let threads = rayon::current_num_threads();
    let fitting = (in_memory / threads).max(1);
    let group = group(encoder, images, threads).min(fitting);
    let in_memory = Some(in_memory);
    GroupPass { encoder, images, group, in_memory, load, advance, spill: E::from }.all(&mut visit)
}

/// The last stage of some images alone, `[images, last channels]`, on the thread that calls; the
/// numbers are those of [`encode_stages`]. `load` writes preprocessed image `i`, `[3, size, size]`.
///
/// # Panics
/// The encoder is of the variant `@bare-patches`.
pub fn encode_last(
    encoder: &Encoder,
    images: usize,
    mut load: impl FnMut(usize, &mut [f32]),
) -> Vec<f32> {
    assert!(!encoder.bare_patches, "its last stage is that of the whole model");
    let (tower, room) = (&encoder.tower, encoder.architecture.room());
    let mut shapes: Vec<[usize; 2]> =
        encoder.stages().into_iter().map(|stage| encoder.shape(stage)).collect();
    let [_, channels] = shapes.pop().expect("a last stage");
    let last = shapes[shapes.len() - 1];
    let mut values = vec![0.0; images * room];
    let mut out = vec![0.0; images * channels];
    encoder.with_scratch(|scratch| {
        let mut pixels = vec![0.0; encoder.pixels_len()];
        for (i, values) in values.chunks_exact_mut(room).enumerate() {
            load(i, &mut pixels);
            tower.embed(&pixels, &mut values[..shapes[0][0] * shapes[0][1]], scratch);
        }
        for (step, shape) in shapes[..shapes.len() - 1].iter().enumerate() {
            tower.step(step, Group { values: &mut values, room, shape: *shape }, scratch);
        }
        let images = values.chunks_exact(room).zip(out.chunks_exact_mut(channels));
        images.for_each(|(values, out)| tower.finish(&values[..last[0] * last[1]], out, scratch));
    });
    out
}

/// Groups that each thread gets at least, so that none waits long for the last.
const GROUPS_A_THREAD: usize = 4;

/// Images that a thread takes at a time: as many as layers are best at, but few enough that all
/// threads have work. Results do not depend on it.
fn group(encoder: &Encoder, images: usize, threads: usize) -> usize {
    let most = encoder.images_at_a_time();
    (images / (threads * GROUPS_A_THREAD)).clamp(1, most)
}

/// What goes into the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// All that the model embeds: class token, patches and positions, or a map.
    Whole,
    /// The bare patch embedding.
    BarePatches,
}

struct GroupPass<'a, E, L, A> {
    encoder: &'a Encoder,
    images: usize,
    /// Images that a thread takes at a time.
    group: usize,
    /// Images in memory at a time; none where all are.
    in_memory: Option<usize>,
    load: L,
    advance: A,
    /// What is said where a temporary file fails.
    spill: fn(SpillError) -> E,
}

impl<E, L, A> GroupPass<'_, E, L, A>
where
    E: Send,
    L: Fn(usize, &mut [f32]) -> Result<(), E> + Sync,
    A: Fn(usize) -> Result<(), E> + Sync,
{
    fn all(&self, visit: &mut impl FnMut(Stage, Encoded<'_>) -> Result<(), E>) -> Result<(), E> {
        let held = if self.encoder.bare_patches {
            self.pass(Input::BarePatches, visit, true)?;
            // The blocks have been seen and told of; only the projection is new.
            self.pass(Input::Whole, &mut |_, _| Ok(()), false)?
        } else {
            self.pass(Input::Whole, visit, true)?
        };
        self.project(held, visit)?;
        (self.advance)(self.images)
    }

    /// All stages but the last; returns the activations at the last of them.
    fn pass(
        &self,
        input: Input,
        visit: &mut impl FnMut(Stage, Encoded<'_>) -> Result<(), E>,
        tell: bool,
    ) -> Result<Held, E> {
        let Self { encoder, images, group, .. } = *self;
        let mut stages = encoder.stages();
        stages.pop();
        let shape = |stage: &Stage| match input {
            Input::Whole => encoder.architecture.shape_at(*stage),
            Input::BarePatches => encoder.shape(*stage),
        };
        let shapes: Vec<[usize; 2]> = stages.iter().map(shape).collect();
        let advance = |images| match tell {
            true => (self.advance)(images),
            false => (self.advance)(0),
        };
        let mut held = Held::new(images, &shapes, group, self.in_memory).map_err(self.spill)?;
        let tower = &encoder.tower;
        let embedded = shapes[0][0] * shapes[0][1];
        held.each(Mode::Make(shapes[0]), self.spill, |start, group| {
            encoder.with_scratch(|scratch| {
                let mut pixels = vec![0.0; encoder.pixels_len()];
                for (i, out) in group.values.chunks_exact_mut(group.room).enumerate() {
                    (self.load)(start + i, &mut pixels)?;
                    let out = &mut out[..embedded];
                    match input {
                        Input::Whole => tower.embed(&pixels, out, scratch),
                        Input::BarePatches => tower.embed_bare_patches(&pixels, out, scratch),
                    }
                    advance(1)?;
                }
                Ok(())
            })
        })?;
        visit(stages[0], held.encoded())?;

        for (step, (stage, shape)) in stages.iter().zip(&shapes).skip(1).enumerate() {
            held.each(Mode::Change(*shape), self.spill, |_, group| {
                let images = group.values.len() / group.room;
                encoder.with_scratch(|scratch| tower.step(step, group, scratch));
                advance(images)
            })?;
            visit(*stage, held.encoded())?;
        }
        Ok(held)
    }

    /// The last stage, from the one before it.
    fn project(
        &self,
        mut held: Held,
        visit: &mut impl FnMut(Stage, Encoded<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { encoder, images, .. } = *self;
        let projection = encoder.architecture.last_channels;
        let projected = std::sync::Mutex::new(vec![0.0_f32; images * projection]);
        held.each(Mode::Read, self.spill, |start, group| {
            let Group { values, room, shape: [tokens, channels] } = group;
            let mut out = vec![0.0; values.len() / room * projection];
            encoder.with_scratch(|scratch| {
                let images = values.chunks_exact(room);
                for (out, image) in out.chunks_exact_mut(projection).zip(images) {
                    encoder.tower.finish(&image[..tokens * channels], out, scratch);
                }
            });
            let mut all = projected.lock().expect("no thread panics while it copies");
            all[start * projection..][..out.len()].copy_from_slice(&out);
            Ok(())
        })?;
        drop(held);
        let projected = projected.into_inner().expect("no thread panics while it copies");
        let activations = Activations::new(&projected, images, 1, projection);
        let products = activations.image_products();
        let last = encoder.architecture.last;
        visit(last, Encoded::Memory(activations.with_products(&products)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::encoder::Checkpoint;
    use crate::pair_statistics::ImageProducts;

    fn golden(name: &str) -> Encoder {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        Encoder::load(&Checkpoint::open(&folder).expect("a checkpoint")).expect("an encoder")
    }

    fn encoder() -> Encoder {
        golden("clip/base")
    }

    fn load(i: usize, pixels: &mut [f32]) -> Result<(), SpillError> {
        pixels.iter_mut().enumerate().for_each(|(p, x)| *x = ((p * (i + 3)) as f32).sin());
        Ok(())
    }

    /// All numbers of all stages, and the products.
    fn encode(
        encoder: &Encoder,
        group: usize,
        in_memory: Option<usize>,
        threads: usize,
    ) -> Vec<(Stage, Vec<f32>, Vec<ImageProducts>)> {
        let images = 11;
        let largest = encoder.architecture.room();
        let mut found = Vec::new();
        let mut visit = |stage: Stage, encoded: Encoded<'_>| {
            let [tokens, channels] = encoder.shape(stage);
            let mut values = vec![0.0; images * tokens * channels];
            let products = match encoded {
                Encoded::Memory(activations) => {
                    for (i, out) in values.chunks_exact_mut(tokens * channels).enumerate() {
                        out.copy_from_slice(activations.image(i));
                    }
                    activations.image_products().into_owned()
                }
                Encoded::File(spilled) => {
                    assert_eq!(spilled.workspace.len(), 3 * largest);
                    for (i, out) in values.chunks_exact_mut(tokens * channels).enumerate() {
                        spilled.file.read(i, out)?;
                    }
                    spilled.products.to_vec()
                }
            };
            found.push((stage, values, products));
            Ok(())
        };
        let advance = |_| Ok(());
        let run = GroupPass { encoder, images, group, in_memory, load, advance, spill: |e| e };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| run.all(&mut visit)).expect("encoded");
        found
    }

    /// Whatever the groups, the threads and the places, each number is the same.
    fn check_equal(encoder: &Encoder) {
        let whole = encode(encoder, 11, None, 1);
        assert_eq!(whole.len(), encoder.stages().len());
        for (group, in_memory, threads) in [
            (1, None, 1),
            (3, None, 4),
            (2, None, 2),
            (1, Some(3), 2),
            (3, Some(3), 3),
            (2, Some(3), 1),
        ] {
            let found = encode(encoder, group, in_memory, threads);
            assert!(
                found == whole,
                "groups of {group}, {in_memory:?} in memory, {threads} threads"
            );
        }
    }

    #[test]
    fn groups_threads_and_places_change_no_bit() {
        check_equal(&encoder());
    }

    #[test]
    fn nor_do_they_where_stages_are_of_several_sizes() {
        for name in ["resnet", "convnext"] {
            check_equal(&golden(&format!("families/{name}")));
        }
    }

    #[test]
    fn the_last_stage_alone_is_the_same_to_the_bit() {
        for name in ["clip/base", "families/vit", "families/resnet"] {
            let encoder = golden(name);
            let (_, expected, _) = encode(&encoder, 11, None, 1).pop().expect("a last stage");
            let load = |i: usize, pixels: &mut [f32]| load(i, pixels).expect("loaded");
            assert!(encode_last(&encoder, 11, load) == expected, "{name}");
        }
    }

    #[test]
    fn few_images_are_shared_among_all_threads() {
        let encoder = encoder();
        let most = encoder.images_at_a_time();
        assert_eq!(group(&encoder, 21, 64), 1);
        assert_eq!(group(&encoder, 21, 2), 2.min(most));
        assert_eq!(group(&encoder, 1_000_000, 2), most);
        assert_eq!(group(&encoder, 0, 2), 1);
    }

    #[test]
    fn the_error_is_that_of_the_first_image_that_cannot_be_loaded() {
        let encoder = encoder();
        for _ in 0..20 {
            let failing = |i: usize, _: &mut [f32]| match i {
                7 | 9 | 30 => Err(i),
                _ => Ok(()),
            };
            let found = encode_stages(&encoder, 40, failing, |_, _| Ok(()), |_| Ok(()));
            assert_eq!(found, Err(7));
        }
    }
}
