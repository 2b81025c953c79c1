//! What a function gave of images, at one stage.

use crate::features::{ArrayAxes, LayoutError, Reading};
use crate::pair_statistics::Activations;
use crate::stage::Stage;

/// The activations at one stage of the images that came so far.
#[derive(Debug)]
pub struct StageRows {
    /// The stage.
    pub(super) stage: Stage,
    /// Which tokens of an image are kept, and how arrays are read.
    reading: Reading,
    /// The axes of an image, and how they are read, once they are known.
    pub(super) shape: Option<(Vec<usize>, ArrayAxes)>,
    /// Of the tokens that are kept, image after image.
    pub(super) values: Vec<f32>,
    pub(super) images: usize,
}

/// Activations that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StageRowsError {
    /// Their shape is not that of those before.
    #[error(
        "activations at `{stage}` have the shape {found:?} an image, those of earlier images \
         {expected:?}"
    )]
    Changed {
        /// The stage.
        stage: Stage,
        /// The sizes of all axes but the first.
        found: Vec<usize>,
        /// Those of earlier images.
        expected: Vec<usize>,
    },
    /// They cannot be read.
    #[error("cannot read the activations at `{stage}`")]
    Array {
        /// The stage.
        stage: Stage,
        /// Why.
        #[source]
        source: LayoutError,
    },
}

impl StageRows {
    pub(super) fn new(stage: Stage, reading: Reading, capacity: usize) -> Self {
        Self { stage, reading, shape: None, values: Vec::with_capacity(capacity), images: 0 }
    }

    /// The stage.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Appends activations of some more images.
    ///
    /// `shape` — the sizes of two to four axes, the first that of images; see [`Reading`]
    ///
    /// # Errors
    /// The axes cannot be read, or all but the first are not those of earlier images.
    ///
    /// # Panics
    /// The number of values is not that of the shape.
    pub fn append(&mut self, values: &[f32], shape: &[usize]) -> Result<(), StageRowsError> {
        let stage = self.stage;
        let read = self.reading.of(shape);
        let axes = read.map_err(|source| StageRowsError::Array { stage, source })?;
        let of_image = &shape[1..];
        let (expected, _) = self.shape.get_or_insert_with(|| (of_image.to_vec(), axes));
        if expected != of_image {
            let (found, expected) = (of_image.to_vec(), expected.clone());
            return Err(StageRowsError::Changed { stage, found, expected });
        }
        let ArrayAxes { images, tokens, channels, .. } = axes;
        let of_image = tokens * channels;
        assert_eq!(values.len(), images * of_image, "as many values as the shape says");
        if !axes.channels_first {
            self.take(values, &axes);
        } else {
            let mut ordered = vec![0.0; of_image];
            for image in values.chunks_exact(of_image) {
                axes.write_image(image, &mut ordered);
                self.take(&ordered, &axes);
            }
        }
        self.images += images;
        Ok(())
    }

    /// Appends the tokens that are kept of images `[tokens, channels]`.
    fn take(&mut self, values: &[f32], axes: &ArrayAxes) {
        let images = values.len() / (axes.tokens * axes.channels);
        let activations = Activations::new(values, images, axes.tokens, axes.channels);
        let selected = self.reading.tokens.select(activations, axes.before_patches());
        let chosen = selected.activations();
        for image in 0..images {
            self.values.extend_from_slice(chosen.image(image));
        }
    }

    /// Tokens that are kept of an image, and their channels.
    pub(super) fn kept(&self) -> Option<[usize; 2]> {
        let (_, axes) = self.shape.as_ref()?;
        let range = self.reading.tokens.range(axes.tokens, axes.before_patches());
        Some([range.map_or(1, |range| range.len()), axes.channels])
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.images = 0;
    }
}
