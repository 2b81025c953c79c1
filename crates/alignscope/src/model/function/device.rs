//! Activations that stay on a device, where their pairs are reduced.

use std::ops::Range;
use std::path::PathBuf;

use super::super::ModelError;
use super::super::on_device::{ImageSums, OnDevice, PairSums};
use super::super::set_reducer::SetReducer;
use super::batches::Batch;
use super::look::Shape;
use super::{AnyError, function_failed};
use crate::encoder::Tokens;
use crate::features::ArrayAxes;
use crate::plan::{Place, ResidentSet};
use crate::stage::Stage;

/// A device that encodes images, holds their activations, and reduces their pairs: only statistics
/// come from it.
///
/// It is told of one resident set after the other: [`begin`](Self::begin), then
/// [`encode`](Self::encode) until all images of the set are there, then
/// [`images`](Self::images) and [`pairs`](Self::pairs) of each stage.
pub trait Device: Send {
    /// What it can do with these stages; asked before the first set of a data set.
    ///
    /// `memory_bytes` — the run's budget of main memory, for devices that have no other
    ///
    /// # Errors
    /// It cannot be asked.
    fn capacity(&mut self, stages: &[DeviceStage], memory_bytes: u64)
    -> Result<Capacity, AnyError>;

    /// Begins with a set; what was held of the one before is forgotten.
    ///
    /// # Errors
    /// It cannot hold what it must.
    fn begin(&mut self, set: DeviceSet<'_>) -> Result<Held, AnyError>;

    /// Encodes the next images of the set, and gives how many it takes next time at most.
    ///
    /// # Errors
    /// The model fails, or the device has too little memory for one image.
    fn encode(&mut self, batch: Batch) -> Result<usize, AnyError>;

    /// What each image of the set has by itself at a stage, by its position in the set.
    ///
    /// # Errors
    /// The device fails.
    fn images(&mut self, stage: usize) -> Result<ImageSums, AnyError>;

    /// The activations of one image at a stage, `[tokens, channels]`, for a message.
    ///
    /// # Errors
    /// The device fails.
    fn image(&mut self, stage: usize, image: usize) -> Result<Vec<f32>, AnyError>;

    /// Some of the numbers of all images of the set at a stage, `[images, numbers]`: of a data set
    /// that asks for a good part of all pairs, which are then reduced in main memory. Number
    /// t · channels + c is channel c of token t, of the tokens that are compared.
    ///
    /// # Errors
    /// The device fails.
    fn numbers(&mut self, stage: usize, numbers: Range<usize>) -> Result<Vec<f32>, AnyError>;

    /// Reduces pairs of images of the set, by position in it, at a stage.
    ///
    /// # Errors
    /// The device fails.
    fn pairs(&mut self, stage: usize, pairs: &[[u32; 2]]) -> Result<PairSums, AnyError>;

    /// Gives its memory back: the last set of a data set is done.
    fn give_back(&mut self);
}

/// What a device can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Images whose activations it holds while it encodes.
    pub images: usize,
    /// Images that it takes at a time at first; ≥ 1.
    pub batch: usize,
    /// Bytes of main memory that they take, where the device has no other.
    pub host_bytes: u64,
}

/// A resident set, as a device is told of it.
#[derive(Debug)]
pub struct DeviceSet<'a> {
    /// Images of the set.
    pub images: usize,
    /// The stages that are measured, in order of depth.
    pub stages: &'a [DeviceStage],
    /// Bytes of main memory for activations that the device cannot hold.
    pub host_bytes: u64,
    /// A folder on a disk for those that main memory does not hold.
    pub folder: PathBuf,
}

/// A stage, and which of its tokens are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStage {
    /// The stage.
    pub stage: Stage,
    /// Tokens of an image, before any are chosen.
    pub tokens: usize,
    /// Channels of a token.
    pub channels: usize,
    /// Whether the numbers of an image are `[channels, tokens]`, not `[tokens, channels]`.
    pub channels_first: bool,
    /// The tokens that are compared; `None` for the mean of all but the `registers`.
    pub chosen: Option<Range<usize>>,
    /// The registers among the tokens.
    pub registers: Range<usize>,
}

impl DeviceStage {
    pub(super) fn new(stage: Stage, axes: &ArrayAxes, tokens: Tokens) -> Self {
        let prefix = axes.before_patches();
        let class = usize::from(prefix.class_token);
        Self {
            stage,
            tokens: axes.tokens,
            channels: axes.channels,
            channels_first: axes.channels_first,
            chosen: tokens.range(axes.tokens, prefix),
            registers: class..prefix.tokens(),
        }
    }
}

/// How a device holds a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Where the activations are of which it holds the fewest.
    pub place: Place,
    /// Images that are brought to the device together, in order, where it does not hold all: pairs
    /// of the images of two such tiles are best reduced together; ≥ 1.
    pub tile: usize,
}

/// A set whose activations a device holds.
pub(super) struct DeviceEncodedSet<'a> {
    pub(super) device: &'a mut (dyn Device + 'a),
    pub(super) model: &'a str,
    pub(super) set: &'a ResidentSet,
    pub(super) shapes: &'a [Shape],
    pub(super) held: Held,
}

impl DeviceEncodedSet<'_> {
    /// Has every stage reduced, and hands it on.
    pub(super) fn reduce(&mut self, reducer: &mut SetReducer<'_>) -> Result<(), ModelError> {
        for position in 0..self.shapes.len() {
            let mut at_stage = DeviceActivations { of: self, position };
            reducer.stage_on_device(&mut at_stage)?;
        }
        Ok(())
    }
}

/// The activations of a set at one stage, on a device.
struct DeviceActivations<'a, 'b> {
    of: &'a mut DeviceEncodedSet<'b>,
    position: usize,
}

impl OnDevice for DeviceActivations<'_, '_> {
    fn stage(&self) -> Stage {
        self.of.shapes[self.position].0
    }

    fn shape(&self) -> [usize; 2] {
        self.of.shapes[self.position].1
    }

    fn tile(&self) -> usize {
        self.of.held.tile
    }

    fn images(&mut self) -> Result<ImageSums, ModelError> {
        let [_, channels] = self.shape();
        let images = self.of.set.images.len();
        let found = self.of.device.images(self.position).map_err(|source| self.failed(source))?;
        assert_eq!(found.products.len(), images, "products of each image");
        assert_eq!(found.energy.len(), images * channels, "energy of [images, channels]");
        Ok(found)
    }

    fn image(&mut self, image: usize) -> Result<Vec<f32>, ModelError> {
        let found = self.of.device.image(self.position, image);
        found.map_err(|source| self.failed(source))
    }

    fn numbers(&mut self, numbers: Range<usize>) -> Result<Vec<f32>, ModelError> {
        let expected = self.of.set.images.len() * numbers.len();
        let found = self.of.device.numbers(self.position, numbers);
        let found = found.map_err(|source| self.failed(source))?;
        assert_eq!(found.len(), expected, "[images, numbers]");
        Ok(found)
    }

    fn pairs(&mut self, pairs: &[[u32; 2]]) -> Result<PairSums, ModelError> {
        let found = self.of.device.pairs(self.position, pairs);
        found.map_err(|source| self.failed(source))
    }
}

impl DeviceActivations<'_, '_> {
    fn failed(&self, source: AnyError) -> ModelError {
        function_failed(self.of.model, source)
    }
}
