//! What can go wrong while a model is measured.

use std::path::PathBuf;

use super::given_error::GivenError;
use crate::cache::{CacheError, StoreError};
use crate::encoder::EncoderError;
use crate::features::{FeatureFolderError, LayoutError, NpyError, RowsError};
use crate::memory::TooLittleMemory;
use crate::metric::{MetricError, MetricKind};
use crate::model_spec::ModelNameError;
use crate::name::MAX_NAME_BYTES;
use crate::prepared::PreparedError;
use crate::preprocess::NotSquare;
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::spill::SpillError;
use crate::stage::Stage;
use crate::transform::TransformFileError;

/// A model cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A model cannot be made.
    #[error("cannot load the model {model}")]
    Model {
        /// Its name.
        model: String,
        /// Why.
        #[source]
        source: Box<EncoderError>,
    },
    /// A baseline cannot be made.
    #[error("cannot load the baseline {model}")]
    Metric {
        /// Which one.
        model: MetricKind,
        /// Why.
        #[source]
        source: Box<MetricError>,
    },
    /// The folder of the weights of a baseline is none.
    #[error("cannot load the baseline {model}")]
    Folders {
        /// Which one.
        model: String,
        /// Why.
        #[source]
        source: Box<MetricError>,
    },
    /// A data set was opened without its images.
    #[error("{model} reads images, and {dataset} is loaded without its images")]
    WithoutImages {
        /// What results call the model.
        model: String,
        /// The data set.
        dataset: String,
        /// Whether it is the model `pixels`, which is there if nobody leaves it out.
        is_pixels: bool,
    },
    /// Threads cannot be started.
    #[error("cannot start {threads} threads")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// A data set's images are too small for a baseline.
    #[error(
        "{model} needs images of at least {needed} pixels a side, those of {dataset} come to {width} \
         × {height}; leave it out"
    )]
    TooSmall {
        /// The metric.
        model: String,
        /// The data set.
        dataset: String,
        /// Whether images are brought to a square, since they differ in size.
        cropped: bool,
        /// Width of all images.
        width: usize,
        /// Their height.
        height: usize,
        /// The shortest side that would do.
        needed: usize,
    },
    /// Images have other grids of patches than squares have.
    #[error("{model} cannot take {count} of the {total} images of {dataset}; the first is {id}")]
    NotSquare {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// How many images.
        count: usize,
        /// Of how many.
        total: usize,
        /// The id of the first.
        id: String,
        /// What its size comes to.
        #[source]
        source: Box<NotSquare>,
    },
    /// A folder of features cannot be opened.
    #[error("cannot read the features {model}")]
    FeatureFolder {
        /// What results would call them.
        model: String,
        /// Why.
        #[source]
        source: Box<FeatureFolderError>,
    },
    /// Another run's scale does not fit the model.
    #[error(
        "the other run's scale of {model} on {dataset} has {found} channels at {stage}, expected {expected}"
    )]
    ScaleShape {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// The stage.
        stage: Stage,
        /// Channels found.
        found: usize,
        /// Channels of the model.
        expected: usize,
    },
    /// Another run's scale is no mean of squares.
    #[error(
        "the other run's scale of {model} on {dataset} is {value} at {stage}, channel {channel}, expected a number, 0 or more"
    )]
    ScaleValue {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// The stage.
        stage: Stage,
        /// The channel.
        channel: usize,
        /// The number.
        value: f64,
    },
    /// An activation is NaN, infinite or too large.
    #[error(
        "{model} gives {value} for the image {id} of {dataset} at {stage} (token {token}, channel {channel}), expected finite activations below 1e18; check its weights, or what made the features"
    )]
    Unusable {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// The image.
        id: String,
        /// The stage.
        stage: Stage,
        /// The token.
        token: usize,
        /// The channel.
        channel: usize,
        /// The number.
        value: f32,
    },
    /// A stage of a model of the user's has a name that means something else.
    #[error(
        "{model} has a stage called `{stage}`, which is no name for it: `image` is what pixels have; give it another name"
    )]
    StageName {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
    },
    /// The name of a stage is longer than results can hold.
    #[error("{model} has a stage whose name has {bytes} bytes, expected at most {MAX_NAME_BYTES}")]
    LongStageName {
        /// The model.
        model: String,
        /// Its bytes.
        bytes: usize,
    },
    /// Features are not of the shape that they should have.
    #[error(
        "the features {model} at {stage} have the shape {found:?}, the first axis that of images; expected \
         {expected} images, as there are {what}"
    )]
    FeatureShape {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
        /// The sizes of their axes.
        found: Vec<usize>,
        /// Images expected.
        expected: usize,
        /// What there are so many of.
        what: &'static str,
    },
    /// An array of features cannot be read.
    #[error("cannot read the activations of {model} at {stage}")]
    Array {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
        /// Why.
        #[source]
        source: Box<LayoutError>,
    },
    /// How arrays are to be read has no use for them.
    #[error("cannot read the activations of {model} as they are said to be")]
    Reading {
        /// The model.
        model: String,
        /// Why.
        #[source]
        source: Box<LayoutError>,
    },
    /// It is not clear which image each row is.
    #[error("cannot tell the images of {dataset} in the features of {model}")]
    Rows {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// Why.
        #[source]
        source: Box<RowsError>,
    },
    /// Distances that are given cannot be taken.
    #[error("cannot take the distances of {model} on {dataset}")]
    Given {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// Why.
        #[source]
        source: Box<GivenError>,
    },
    /// Depths that are no depths of the stages.
    #[error(
        "the depths of {model} are {found:?}, expected {stages} numbers from 0 to 100, one for each \
         stage, each more than the one before"
    )]
    Depths {
        /// The model.
        model: String,
        /// The depths.
        found: Vec<f64>,
        /// How many stages there are.
        stages: usize,
    },
    /// A file of features cannot be used.
    #[error(transparent)]
    Npy(Box<NpyError>),
    /// A torch model, where there is no torch.
    #[error("{model} is a torch model, which this program cannot run: it has no Python")]
    NoTorch {
        /// The model.
        model: String,
        /// The package of its library, as `pip` knows it.
        library: &'static str,
    },
    /// A torch model cannot be opened.
    #[error("cannot open the torch model {model}")]
    Torch {
        /// The model.
        model: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Torch is to run an encoder that it cannot.
    #[error("torch cannot run {model}, which is {what}; {instead}")]
    NotOfTorch {
        /// The model.
        model: String,
        /// What it is.
        what: &'static str,
        /// What to do.
        instead: String,
    },
    /// The function that encodes images failed.
    #[error("the function that encodes images for {model} failed")]
    Function {
        /// The model.
        model: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The function that encodes images gives something else than was asked for.
    #[error(
        "the function that encodes images for {model} gives {found} at {stage}, expected {expected}"
    )]
    FunctionShape {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
        /// What came.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A recipe makes images of different sizes, which are no batch.
    #[error(
        "the preprocessing for {model} leaves images of different sizes; expected a recipe that crops, or resizes to one size"
    )]
    VaryingSize {
        /// The model.
        model: String,
    },
    /// What is beyond the memory budget could not be kept in a file.
    #[error(transparent)]
    Spill(#[from] SpillError),
    /// Differences cannot be kept, or read back.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The memory budget does not hold what has to be in memory at once.
    #[error(transparent)]
    Memory(Box<TooLittleMemory>),
    /// An image cannot be read.
    #[error(transparent)]
    Image(Box<PreparedError>),
    /// No stage at all.
    #[error("{model} has no stages")]
    NoStages {
        /// The model.
        model: String,
    },
    /// The same stage twice.
    #[error("the stage {stage} of {model} is named twice")]
    StageTwice {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
    },
    /// A model cannot be called so in results.
    #[error(transparent)]
    Name(#[from] ModelNameError),
    /// Vectors of images are asked of what gives distances alone.
    #[error(
        "{model} gives distances and no activations, which a transform is of; name an encoder, \
         features or a function"
    )]
    NoActivations {
        /// The model.
        model: String,
    },
    /// A transform is of one vector an image, and several are chosen.
    #[error(
        "a transform is of one vector for each image, and {tokens} tokens of {model} are chosen at \
         {stage}"
    )]
    SeveralTokens {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
        /// Tokens of an image that are chosen.
        tokens: usize,
    },
    /// A transform is of another width than the stage.
    #[error(
        "the array `weights` of {path} takes {found} channels, {model} has {expected} at {stage}"
    )]
    TransformWidth {
        /// The model.
        model: String,
        /// The file.
        path: PathBuf,
        /// The stage.
        stage: Stage,
        /// Channels that it takes.
        found: usize,
        /// Channels of the stage.
        expected: usize,
    },
    /// A transform is of a stage that the model has not.
    #[error(
        "{model} has no stage `{stage}` for the transform {path}; its stages are {}",
        list(found)
    )]
    TransformStage {
        /// The model.
        model: String,
        /// The file.
        path: PathBuf,
        /// The stage.
        stage: Stage,
        /// Those of the model.
        found: Vec<Stage>,
    },
    /// A stage that the model has not.
    #[error("{model} has no stage `{stage}`; its stages are {}", list(found))]
    NoStage {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
        /// Those of the model.
        found: Vec<Stage>,
    },
    /// A transform cannot be read.
    #[error("cannot transform the activations of {model}")]
    TransformFile {
        /// The model.
        model: String,
        /// Why.
        #[source]
        source: Box<TransformFileError>,
    },
    /// The user stopped the run.
    #[error("stopped; the same command goes on from here")]
    Stopped,
}

impl ModelError {
    /// Whether somebody removed from the cache what was counted on: it can be done again.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self, Self::Cache(error) if error.is_gone())
    }

    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::TooSmall { cropped: true, .. } => vec![Remedy::LargerSquare],
            Self::WithoutImages { is_pixels: true, .. } => {
                vec![Remedy::WithImages, Remedy::WithoutPixels]
            }
            Self::WithoutImages { is_pixels: false, .. } => vec![Remedy::WithImages],
            Self::NoTorch { library, .. } => vec![Remedy::PythonPackage { library }],
            Self::NotOfTorch { .. } => vec![Remedy::OwnBackend],
            Self::SeveralTokens { .. } => vec![Remedy::OneVector],
            Self::Spill(error) => error.remedies(),
            Self::Cache(error) => error.remedies(),
            Self::Memory(error) => error.remedies(),
            Self::Image(error) => error.remedies(),
            _ => vec![],
        }
    }
}

/// Stages as a list.
fn list(stages: &[Stage]) -> String {
    stages.iter().map(|stage| format!("`{stage}`")).collect::<Vec<_>>().join(", ")
}

impl From<StoreError> for ModelError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Kept(error) => error.into(),
            StoreError::Spill(error) => error.into(),
        }
    }
}

/// An error where the user wants to stop.
///
/// # Errors
/// [`ModelError::Stopped`].
pub fn check_stopped(progress: &dyn Progress) -> Result<(), ModelError> {
    match progress.is_stopped() {
        true => Err(ModelError::Stopped),
        false => Ok(()),
    }
}

/// Tells of so many steps as the part of them that is done grows, from 0 to 1; an error where the
/// user wants to stop.
pub(super) fn in_parts(
    progress: &dyn Progress,
    steps: usize,
) -> impl FnMut(f64) -> Result<(), ModelError> {
    let mut told = 0;
    move |part| {
        let now = (part * steps as f64) as u64;
        progress.advance(now - told);
        told = now;
        check_stopped(progress)
    }
}

impl From<TooLittleMemory> for ModelError {
    fn from(error: TooLittleMemory) -> Self {
        Self::Memory(Box::new(error))
    }
}

impl From<PreparedError> for ModelError {
    fn from(error: PreparedError) -> Self {
        match error {
            PreparedError::Stopped => Self::Stopped,
            other => Self::Image(Box::new(other)),
        }
    }
}

impl From<NpyError> for ModelError {
    fn from(error: NpyError) -> Self {
        Self::Npy(Box::new(error))
    }
}
