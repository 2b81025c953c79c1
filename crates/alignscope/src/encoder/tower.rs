//! What computes the stages of an encoder.

use std::fmt;

use super::scratch::Scratch;

/// The layers of an encoder, one stage after the other: a vision transformer (`transformer.rs`) or
/// a convolutional network (`convnet.rs`).
///
/// The shapes of its stages are those of its architecture
/// ([`shape_at`](super::Architecture::shape_at)). Images do not depend on each other.
pub(super) trait Tower: fmt::Debug + Send + Sync {
    /// The first stage of one image.
    ///
    /// `pixels` is `[3, image_size, image_size]`, `out` `[tokens, channels]`.
    fn embed(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch);

    /// The bare patch embedding of one image, `[patches, channels]`.
    ///
    /// # Panics
    /// Its family does not have it ([`has_bare_patches`](super::Family::has_bare_patches)).
    fn embed_bare_patches(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let _ = (pixels, out, scratch);
        unreachable!("only a family that has bare patches is asked for them");
    }

    /// Brings images from stage `step` to the next, where they stand; stages are counted from 0,
    /// and the last is none of them.
    fn step(&self, step: usize, images: Group<'_>, scratch: &mut Scratch);

    /// The last stage of one image, from the stage before it.
    ///
    /// `image` is `[tokens, channels]`, `out` `[last channels]`.
    fn finish(&self, image: &[f32], out: &mut [f32], scratch: &mut Scratch);

    /// Bytes of the weights.
    fn bytes(&self) -> usize;

    /// Bytes of one thread's working memory for so many images at a time, without their pixels.
    fn scratch_bytes(&self, images: usize) -> usize;
}

/// Some images at one stage.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Each image begins `room` numbers after the one before. Those beyond its stage's have no
    /// meaning; there are none where all stages are of one size.
    pub(super) values: &'a mut [f32],
    pub(super) room: usize,
    /// Tokens and channels of an image.
    pub(super) shape: [usize; 2],
}
