//! What can go wrong on the whole way.

use std::path::PathBuf;

use crate::cache::{CacheError, StoreError};
use crate::dataset::DatasetError;
use crate::encoder::{EncoderError, Precision};
use crate::features::{FeatureFolderError, LayoutError, NpyError, RowsError};
use crate::figure::FigureError;
use crate::image::ImageError;
use crate::metric::{MetricError, MetricKind};
use crate::model_spec::ModelNameError;
use crate::name::MAX_NAME_BYTES;
use crate::progress::Progress;
use crate::results::{FigureNameError, MAX_CSV_ROWS, MAX_MODELS, MAX_TRIALS, ResultsError};
use crate::score::ScoreError;
use crate::spill::SpillError;
use crate::stage::Stage;

/// A run could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// No model, data set or distance.
    #[error("there is no {what} to run")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// A model cannot be called so in results.
    #[error(transparent)]
    Name(#[from] ModelNameError),
    /// More models than a run can have.
    #[error("there are {found} models, expected at most {MAX_MODELS}; make several runs of them")]
    Many {
        /// How many there are.
        found: usize,
    },
    /// How arrays are read is said, and no model of the run has arrays.
    #[error(
        "--layout and --prefix-tokens say how features are read, and no model of this run is \
         features (`features:DIR`); leave them out"
    )]
    FeaturesUnused,
    /// A model of the caller's that was not given.
    #[error("the model `{0}` was not given")]
    NotGiven(String),
    /// A folder of features cannot be opened.
    #[error("cannot read the features {model}")]
    FeatureFolder {
        /// What results would call them.
        model: String,
        /// Why.
        #[source]
        source: Box<FeatureFolderError>,
    },
    /// The figures cannot all be drawn into the output folder.
    #[error(transparent)]
    Figures(#[from] FigureNameError),
    /// The same model or data set twice.
    #[error("the {what} {name} is named twice")]
    Twice {
        /// Model or data set.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Two data sets would have one name in results.
    #[error(
        "two data sets are called `{name}`, so that results could not tell them apart; give one \
         another name, as in `--dataset mine={format}`"
    )]
    TwiceNamed {
        /// The name.
        name: String,
        /// What was asked for of the second.
        format: String,
    },
    /// Another run's scales are named where none is needed.
    #[error(
        "--scale-from has no use here: it needs an encoder and the distance normalized-euclidean"
    )]
    ScaleUnused,
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
    MetricKind {
        /// Which one.
        model: MetricKind,
        /// Why.
        #[source]
        source: MetricError,
    },
    /// The memory budget does not hold what a metric computes of two images.
    #[error(
        "{model} on {dataset} needs {} of memory even with one thread, the budget is {}; allow more \
         with `--memory {}`{}",
        megabytes(*needed),
        megabytes(*budget),
        megabytes(*needed).replace(' ', ""),
        if *can_be_smaller {
            ", or bring images to a smaller square with --baseline-size"
        } else {
            ""
        }
    )]
    MetricMemory {
        /// The metric.
        model: String,
        /// The data set.
        dataset: String,
        /// Whether images are brought to a square, whose size can be chosen.
        can_be_smaller: bool,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
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
         × {height}; leave it out{}",
        if *cropped { ", or bring images to a larger square with --baseline-size" } else { "" }
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
    /// A data set cannot be read.
    #[error("cannot read the data set {dataset} from {data}")]
    Dataset {
        /// Which one.
        dataset: String,
        /// Its folder or file.
        data: PathBuf,
        /// Why.
        #[source]
        source: Box<DatasetError>,
    },
    /// Images cannot be read; found before the first is encoded.
    #[error(
        "{count} of the {total} images of {dataset} cannot be read; fetch them again{}. The first is \
         {id}",
        if *can_leave_out { ", or leave their trials out with --keep-going" } else { "" }
    )]
    Images {
        /// The data set.
        dataset: String,
        /// How many cannot.
        count: usize,
        /// Of how many.
        total: usize,
        /// Whether trials of such images can be left out here.
        can_leave_out: bool,
        /// The id of the first.
        id: String,
        /// Why the first cannot.
        #[source]
        source: Box<ImageError>,
    },
    /// An image cannot be read.
    #[error("cannot read the image {id} of {dataset}")]
    Image {
        /// The data set.
        dataset: String,
        /// The image.
        id: String,
        /// Why.
        #[source]
        source: Box<ImageError>,
    },
    /// An image is not what it was earlier in the run.
    #[error("the image {id} of {dataset} changed during the run; run again")]
    ImageChanged {
        /// The data set.
        dataset: String,
        /// The image.
        id: String,
    },
    /// The memory budget does not hold an image while it is decoded; found before it is.
    #[error(
        "the image {id} of {dataset} needs {} of memory while it is decoded, the budget is {}; allow \
         more with `--memory {}`, or make the image smaller",
        megabytes(*needed), megabytes(*budget), megabytes(*needed).replace(' ', "")
    )]
    ImageMemory {
        /// The data set.
        dataset: String,
        /// The image that needs most.
        id: String,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// The memory budget does not hold the least that an encoder needs.
    #[error(
        "{model} on {dataset} needs {} of memory even with activations in a file (its weights in {precision}, the working memory of each thread, two images), the budget is {}; allow more with `--memory {}`{}",
        megabytes(*needed),
        megabytes(*budget),
        megabytes(*needed).replace(' ', ""),
        if *f32_may_do { ", or choose `--precision f32`, whose weights take a third less" } else { "" }
    )]
    Memory {
        /// The model.
        model: String,
        /// In which arithmetic its blocks multiply.
        precision: Precision,
        /// Whether weights in f32, which are smaller than those in bf16x6, would leave enough.
        f32_may_do: bool,
        /// The data set.
        dataset: String,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// Another run's scales lack this model and data set.
    #[error("{path} holds no scale of {model} on {dataset}; that run must have had both")]
    NoScale {
        /// The table.
        path: PathBuf,
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
    },
    /// Another run's scales are of another model with the same name.
    #[error(
        "{run} has a model called `{model}`, too, but with other weights, another architecture or \
         other input of its blocks: its scales are not those of this model; name a run of this model"
    )]
    ScaleOfAnother {
        /// The folder of the run.
        run: PathBuf,
        /// The name.
        model: String,
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
    /// Distances cannot be scored.
    #[error("cannot score {model} on {dataset} at {stage}")]
    Score {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// The stage.
        stage: Stage,
        /// Why.
        #[source]
        source: ScoreError,
    },
    /// A stage of a model of the user's has a name that means something else.
    #[error(
        "{model} has a stage called `{stage}`, which is no name for it: `image` is what pixels have, `output` what baselines have; give it another name"
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
    /// More trials than the files of a run may hold.
    #[error(
        "the data sets have {found} trials, expected at most {MAX_TRIALS} in a run; make several runs, \
         or take a part of them with --limit"
    )]
    ManyTrials {
        /// How many they have together.
        found: usize,
    },
    /// The resamples do not fit the memory budget.
    #[error(
        "the scores of {resamples} resamples need {} of memory with {model}, the budget is {}; draw \
         fewer with `--resamples`, or allow more with `--memory`",
        megabytes(*needed),
        megabytes(*budget)
    )]
    ResampleMemory {
        /// The model that is scored.
        model: String,
        /// Resamples.
        resamples: usize,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// More scores than the files of a run may hold.
    #[error(
        "{model} would bring the scores of the run to {found} rows, expected at most {MAX_CSV_ROWS}; make \
         several runs of fewer models, distances or data sets"
    )]
    ManyScores {
        /// The model.
        model: String,
        /// Rows with it.
        found: usize,
    },
    /// Features are not of the shape that they should have.
    #[error(
        "the features at {stage} have the shape {found:?}, the first axis that of images; expected \
         {expected} images, as there are {what}"
    )]
    FeatureShape {
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
        source: LayoutError,
    },
    /// How arrays are to be read has no use for them.
    #[error("cannot read the activations of {model} as they are said to be")]
    Reading {
        /// The model.
        model: String,
        /// Why.
        #[source]
        source: LayoutError,
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
    /// A file of features cannot be used.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// The memory budget does not hold two images' features.
    #[error(
        "{model} at {stage} needs {} of memory even with its features in a file, the budget is {}; allow more with `--memory`",
        megabytes(*needed), megabytes(*budget)
    )]
    FeatureMemory {
        /// The model.
        model: String,
        /// The stage.
        stage: Stage,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// The memory budget does not hold a stage of all images that are connected by pairs.
    #[error(
        "{model} on {dataset} needs {} of memory {}, the budget is {}; allow more with `--memory`{}",
        megabytes(*needed),
        match spilled {
            true => format!("even with activations in a temporary file (two images of {stage})"),
            false => format!("for {stage} of {images} images that are connected by pairs"),
        },
        megabytes(*budget),
        if *spilled { "" } else { ", or let activations be spilled to a temporary file" }
    )]
    CallbackMemory {
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
        /// The stage.
        stage: Stage,
        /// Images of the largest connected component.
        images: usize,
        /// Whether they were to go through a file.
        spilled: bool,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// The function that encodes images failed.
    #[error("the function that encodes images for {model} failed")]
    Callback {
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
    CallbackShape {
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
    Kept(#[from] CacheError),
    /// The user stopped the run.
    #[error("stopped; the same command goes on from here")]
    Stopped,
    /// The output folder holds a run that is made of something else.
    #[error(
        "{path} holds a run of other inputs; results are never mixed from two. What changed:{changes}\nName another folder with --out, or discard that run with --fresh"
    )]
    Changed {
        /// The folder.
        path: PathBuf,
        /// What changed, a line each.
        changes: String,
    },
    /// A table of a finished run is not as the run left it.
    #[error(
        "{path} is not as this very run left it; look into it with `alignscope verify`, or run again with --fresh"
    )]
    Tampered {
        /// The table.
        path: PathBuf,
    },
    /// A file could not be hashed.
    #[error("cannot read {path} to hash it")]
    Hash {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A result could not be written or read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The figure could not be drawn.
    #[error("cannot draw the figure")]
    Figure(#[from] FigureError),
}

/// Bytes in units of 10^6, rounded up, as `--memory` takes them.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// An error where the user wants to stop.
pub(super) fn check_stopped(progress: &dyn Progress) -> Result<(), ExperimentError> {
    match progress.is_stopped() {
        true => Err(ExperimentError::Stopped),
        false => Ok(()),
    }
}

impl From<StoreError> for ExperimentError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Kept(error) => error.into(),
            StoreError::Spill(error) => error.into(),
        }
    }
}
