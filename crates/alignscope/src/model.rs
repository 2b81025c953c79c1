//! What is measured, and what a run must know of it.
//!
//! A run knows one trait, [`Model`]. Two wrappers implement it: [`Activations`] for whatever gives
//! activations ([`ActivationSource`]), and [`Metric`] for a distance of two images
//! ([`ImageMetric`]); and [`GivenModel`], whose distances are there already.
//!
//! [`Model`]: crate::model::Model
//! [`Activations`]: crate::model::Activations
//! [`ActivationSource`]: crate::model::ActivationSource
//! [`Metric`]: crate::model::Metric
//! [`ImageMetric`]: crate::model::ImageMetric
//! [`GivenModel`]: crate::model::GivenModel

mod activation_model;
mod activations;
mod arrays;
mod dense_reduction;
mod dreamsim;
mod encoder;
mod error;
mod features;
mod function;
mod given_distances;
mod given_error;
mod metric;
mod on_device;
mod pair_reduction;
mod pixels;
mod reduction;
mod set_reducer;
mod stage_transform;
mod token_choice;
mod torch;
mod transformed;
mod user;
mod vectors;

use std::collections::BTreeMap;

use serde_json::Value;

pub use activation_model::Activations;
pub use activations::{ActivationSource, SetImages};
pub use dreamsim::DreamSimMetric;
pub use encoder::{BLOCKS, EncoderSource};
pub use error::{ModelError, check_stopped};
pub use features::{FeatureValues, Features, FeaturesSource};
pub use function::{
    Batch, Capacity, Device, DeviceSet, DeviceStage, Encode, Function, FunctionSource, Held,
    StageRows, StageRowsError,
};
pub use given_distances::{GivenDistances, GivenModel, GivenOn, GivenValues};
pub use given_error::GivenError;
pub use metric::{ImageMetric, Levels, Metric};
pub use on_device::{ImageSums, PairSums};
pub use pixels::Pixels;
pub use reduction::{Begun, StageDistances};
pub use set_reducer::SetReducer;
pub use stage_transform::{StageTransform, TransformSpec};
pub use token_choice::TokenChoice;
pub use torch::{NoTorch, TorchModels, TorchRequest};
pub use user::{UserModel, UserSource};

use crate::cache::CacheEntry;
use crate::distance::Distance;
use crate::encoder::{Checkpoint, Tokens};
use crate::plan::{Coverage, Expected, Holding, WorkCost, reading_bytes};
use crate::prepared::PreparedDataset;
use crate::preprocess::Preprocessing;
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::results::FileRecord;
use crate::stage::Stage;
use crate::transform::StageVectors;

/// What is measured: gives, for the pairs of a data set, a distance at each of its stages.
pub trait Model: Send {
    /// What a run must know of it.
    fn facts(&self) -> &dyn Facts;

    /// Looks at the data sets before the first image is encoded: refuses what cannot be done, and tells
    /// what the user must know.
    ///
    /// # Errors
    /// It cannot be measured on one of them.
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError>;

    /// The distances of all pairs of a data set at each stage; of what is kept, nothing is computed
    /// again, and what is computed is kept.
    ///
    /// # Errors
    /// An image cannot be read, the budget is too small, or the user wants to stop.
    fn measure(
        &mut self,
        cell: &Cell<'_>,
        cached: Option<CacheEntry>,
        progress: &dyn Progress,
    ) -> Result<Measurement, ModelError>;

    /// Computes some pairs of a data set and keeps them, as [`measure`](Self::measure) would; reads
    /// no distance. What was done for it; `None` if all of them were kept, or none is ever. Without
    /// a cache they are computed all the same: so it is measured how long they take.
    ///
    /// `others` — what is left to others; a connected component of the pairs' graph is as a whole,
    /// or not at all
    ///
    /// # Errors
    /// As for [`measure`](Self::measure).
    fn fill(
        &mut self,
        cell: &Cell<'_>,
        cached: Option<CacheEntry>,
        others: &Coverage,
        progress: &dyn Progress,
    ) -> Result<Option<CellWork>, ModelError>;

    /// How many numbers of an image it compares at each of its stages on a data set.
    fn compared_numbers(&self, cell: &Cell<'_>) -> Vec<u64>;

    /// What of a data set is kept; nothing without an entry.
    fn kept(&self, cell: &Cell<'_>, entry: Option<&CacheEntry>) -> Coverage;

    /// What that takes of memory and disk, by the plan that it would be done by.
    ///
    /// `covered` — what is kept, or left to others
    /// `is_cached` — whether what is computed is kept
    ///
    /// # Errors
    /// The budget is too small, or what is to be loaded cannot be.
    fn expected(
        &mut self,
        cell: &Cell<'_>,
        covered: &Coverage,
        is_cached: bool,
        progress: &dyn Progress,
    ) -> Result<Expected, ModelError>;

    /// The vector of each image of a data set at each of its stages, of the tokens that the cell
    /// chooses; it was [prepared](Self::prepare) for the data set.
    ///
    /// # Errors
    /// It has no activations, or several tokens of an image are chosen; else as for
    /// [`measure`](Self::measure).
    fn vectors(
        &mut self,
        cell: &Cell<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<StageVectors>, ModelError> {
        let _ = progress;
        Err(ModelError::NoActivations { model: cell.model.to_owned() })
    }

    /// The model of which only one stage is measured, its vectors transformed.
    ///
    /// # Errors
    /// It has no activations.
    fn transformed<'a>(
        self: Box<Self>,
        transform: StageTransform,
    ) -> Result<Box<dyn Model + 'a>, ModelError>
    where
        Self: 'a,
    {
        Err(ModelError::NoActivations { model: transform.model })
    }

    /// Gives back what it holds for its data sets: the last one is done.
    fn give_back(&mut self) {}
}

/// What a model's numbers depend on, and where its stages stand.
pub trait Facts {
    /// What kind of model it is, for the manifest.
    fn role(&self) -> Role;

    /// All that its numbers depend on but the images: what it is kept by.
    fn fingerprint(&self) -> Value;

    /// The same for people, by what each is called: what a run that goes on holds against.
    fn inputs(&self) -> Vec<(String, String)>;

    /// What it is made of and where it runs, by what each is called, as far as its numbers are not told
    /// from others' by it: versions of libraries, device, driver.
    fn made_with(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// What of the images of a data set it compares, by what that is called.
    fn compared(&self, cell: &Cell<'_>) -> (&'static str, String) {
        ("tokens", cell.tokens.to_string())
    }

    /// Whether its products are in the precision that the run asks for.
    fn follows_precision(&self) -> bool {
        self.role() == Role::Encoder
    }

    /// Whether it compares what baselines see of a data set, and not what is its own rule.
    fn sees_baseline_rule(&self) -> bool {
        false
    }

    /// Its files, with the hashes of what was read of them.
    fn files(&self) -> Vec<FileRecord> {
        vec![]
    }

    /// The checkpoint of an encoder.
    fn checkpoint(&self) -> Option<&Checkpoint> {
        None
    }

    /// Whether last digits may differ between processors: so it is where numbers are made outside
    /// of the library, by a function of the user's. Results are then kept apart by processor.
    fn follows_processor(&self) -> bool {
        false
    }

    /// Why what is measured of it is not kept; `None` where its fingerprint tells it from any other, so
    /// that it is.
    fn not_cached(&self) -> Option<&'static str> {
        None
    }

    /// Whether it reads the images of a data set.
    fn reads_images(&self) -> bool {
        true
    }

    /// What its work on a data set costs beside that of other models; the same on every machine.
    fn cost(&self, cell: &Cell<'_>) -> WorkCost {
        let _ = cell;
        WorkCost::UNKNOWN
    }

    /// Where each of some stages, all of the model's, stands in figures: 0 to 100.
    fn depths(&self, stages: &[Stage]) -> Vec<f64>;
}

/// What kind of model it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The pixels themselves.
    Pixels,
    /// A metric that others are held against.
    Baseline,
    /// An encoder that alignscope runs.
    Encoder,
    /// Activations or a function of the user's.
    OfUser,
    /// Distances that the user gives.
    Distances,
}

impl Role {
    /// Whether its activations have tokens.
    pub(crate) fn has_tokens(self) -> bool {
        matches!(self, Self::Encoder | Self::OfUser)
    }

    /// Whether its numbers come from the user.
    pub(crate) fn is_of_user(self) -> bool {
        matches!(self, Self::OfUser | Self::Distances)
    }
}

/// A model on a data set.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    /// What results call the model.
    pub(crate) model: &'a str,
    pub(crate) dataset: &'a PreparedDataset,
    pub(crate) distances: &'a [Distance],
    pub(crate) tokens: Tokens,
    pub(crate) memory_bytes: u64,
    /// Scales of another run, by stage.
    pub(crate) foreign_scales: Option<&'a BTreeMap<String, Vec<f64>>>,
}

impl Cell<'_> {
    /// What messages call it: `clip on things`.
    pub fn name(&self) -> String {
        format!("{} on {}", self.model, self.dataset.name())
    }

    /// Refuses a data set with images that a recipe does not bring to the one shape of all.
    ///
    /// # Errors
    /// [`ModelError::NotSquare`].
    pub(crate) fn check_sizes(&self, recipe: &Preprocessing) -> Result<(), ModelError> {
        let sizes = self.dataset.sizes.iter().enumerate();
        let mut refused = sizes.filter_map(|(i, (width, height))| {
            Some((i, recipe.check_size(*width, *height).err()?))
        });
        let Some((first, source)) = refused.next() else { return Ok(()) };
        Err(ModelError::NotSquare {
            model: self.model.to_owned(),
            dataset: self.dataset.name(),
            count: 1 + refused.count(),
            total: self.dataset.sizes.len(),
            id: self.dataset.dataset.images[first].id.clone(),
            source: Box::new(source),
        })
    }

    /// Bytes that reading and decoding the images takes.
    pub fn reading_bytes(&self) -> u64 {
        reading_bytes(self.dataset.decoding.bytes(), self.dataset.largest_file)
    }
}

/// What was measured of a model on a data set.
#[derive(Debug)]
pub struct Measurement {
    pub(crate) stages: Vec<StageDistances>,
    /// Images that were encoded for it, and seconds that it took; `None` where all was kept.
    pub(crate) work: Option<CellWork>,
    /// How the activations of a function were held.
    pub(crate) holding: Option<Holding>,
    /// What is probably wrong with the arrays.
    pub(crate) warnings: Vec<Advice>,
}

impl Measurement {
    /// The distances of a model without more to say.
    pub(crate) fn new(stages: Vec<StageDistances>, work: Option<CellWork>) -> Self {
        Self { stages, work, holding: None, warnings: vec![] }
    }
}

/// What was done for a model on a data set.
#[derive(Debug, Clone, Copy)]
pub struct CellWork {
    /// Images that were encoded.
    pub(crate) images: usize,
    /// How often features of an image were computed, by a metric.
    pub(crate) features_computed: Option<usize>,
    /// Seconds that it took, without reading weights.
    pub(crate) wall_s: f64,
}
