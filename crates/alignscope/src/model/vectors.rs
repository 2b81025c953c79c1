//! One vector for each image: what a transform is of.

use super::on_device::OnDevice;
use super::pair_reduction::selected_vectors;
use super::token_choice::TokenChoice;
use super::{Cell, ModelError};
use crate::dataset::ImageIndex;
use crate::encoder::Spilled;
use crate::pair_statistics::Activations;
use crate::stage::Stage;
use crate::transform::StageVectors;

/// The vectors of all images of a data set, which come set after set.
pub(super) struct Vectors {
    /// The stages, in order of depth.
    pub(super) stages: Vec<StageVectors>,
}

impl Vectors {
    /// `widths` — each stage with its channels
    pub(super) fn new(images: usize, widths: &[(Stage, usize)]) -> Self {
        let of_stage = |&(stage, channels): &(Stage, usize)| StageVectors {
            stage,
            channels,
            values: vec![0.0; images * channels],
        };
        Self { stages: widths.iter().map(of_stage).collect() }
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> u64 {
        self.stages.iter().map(|of| size_of_val(&of.values[..]) as u64).sum()
    }

    /// Puts the vectors of some images in their place.
    pub(super) fn put(&mut self, stage: Stage, images: &[ImageIndex], vectors: Activations<'_>) {
        let found = self.stages.iter_mut().find(|of| of.stage == stage);
        let StageVectors { channels, values, .. } = found.expect("a stage of the model");
        for (position, image) in images.iter().enumerate() {
            let to = &mut values[*image as usize * *channels..][..*channels];
            to.copy_from_slice(vectors.image(position));
        }
    }
}

/// The vector of each image, of activations whose tokens were chosen.
pub(super) fn of_memory(
    cell: &Cell<'_>,
    stage: Stage,
    chosen: Activations<'_>,
) -> Result<Vec<f32>, ModelError> {
    check_one(cell, stage, chosen.tokens())?;
    Ok((0..chosen.images()).flat_map(|image| chosen.image(image)).copied().collect())
}

/// The vector of each image in a file.
pub(super) fn of_file(
    cell: &Cell<'_>,
    stage: Stage,
    spilled: &mut Spilled<'_>,
    choice: TokenChoice,
) -> Result<Vec<f32>, ModelError> {
    let TokenChoice { tokens, prefix } = choice;
    let of_image = spilled.file.tokens();
    check_one(cell, stage, tokens.range(of_image, prefix).map_or(1, |range| range.len()))?;
    Ok(selected_vectors(spilled, tokens, prefix)?)
}

/// The vector of each of the images that a device holds.
pub(super) fn of_device(
    cell: &Cell<'_>,
    activations: &mut dyn OnDevice,
    images: usize,
) -> Result<Vec<f32>, ModelError> {
    let [tokens, channels] = activations.shape();
    check_one(cell, activations.stage(), tokens)?;
    let mut vectors = Vec::with_capacity(images * channels);
    for image in 0..images {
        vectors.extend(activations.image(image)?);
    }
    Ok(vectors)
}

fn check_one(cell: &Cell<'_>, stage: Stage, tokens: usize) -> Result<(), ModelError> {
    match tokens {
        1 => Ok(()),
        _ => Err(ModelError::SeveralTokens { model: cell.model.to_owned(), stage, tokens }),
    }
}
