//! How closely do the image distances inside a vision model follow the judgements of people?
//!
//! The modules stand in the order in which data passes through them; each looks only to
//! those above it.

#[macro_use]
mod name;
mod user_folders;
mod progress;
mod shown;
mod atomic_write;
/// Numbers in a temporary file.
mod spill;
mod input_file;
mod text;
mod locks;
/// What lies in a folder, without what operating systems leave there.
pub mod listing;
/// The stages of a model, and how deep they lie.
mod stage;
/// Drawing clusters of trials again, for intervals.
pub mod resample;
/// Trials: which images were shown to people, and what they answered.
pub mod dataset;
/// A file to 8-bit RGB pixels.
pub mod image;
/// What is wrong with a data set's folder.
pub mod inspection;
/// Pixels to the array that a model takes, by the model's own recipe.
pub mod preprocess;
/// The tensors of a model: from a checkpoint's files, or drawn at random.
pub mod weights;
/// Models by their id on the Hugging Face hub.
pub mod hub;
/// The measures of image quality that models are held against.
pub mod metric;
mod model_spec;
/// Differences of two images' activations, per channel.
pub mod pair_statistics;
/// Vision encoders, one stage at a time.
pub mod encoder;
mod budget;
/// Groups of images that hold both ends of all their pairs.
pub mod resident;
/// One number for a pair of images at a stage.
pub mod distance;
/// How the energy of a stage is spread over its channels.
pub mod energy;
/// Differences that outlive a run.
pub mod cache;
/// How well distances follow the answers of people.
pub mod score;
/// The most that a model can reach, given how much people agree.
pub mod ceiling;
/// What is read off a curve of scores against depth.
pub mod findings;
/// Two models on the same trials.
pub mod comparison;
/// The files that a run leaves.
pub mod results;
/// Score against depth, as a figure.
pub mod figure;
/// A run as a page.
pub mod report;
/// Images and trials that are drawn rather than collected.
pub mod demo;
/// Activations as arrays, and as `features.npy` and `file_names.txt`.
pub mod features;
/// The whole way: models × data sets to scores.
mod experiment;

pub use crate::dataset::{
    Dataset, DatasetError, DatasetFormat, DatasetOptions, NamedDataset, NamedLevel, OddOneOut,
    Pairs, RatedPair, Trials, TwoAlternatives, check_dataset_name,
};
pub use crate::distance::Distance;
pub use crate::encoder::{Precision, PrecisionChoice, Tokens};
pub use crate::experiment::{
    Batch, Callback, Check, CheckOutcome, CompareError, CompareRequest, Comparisons, DatasetSpec,
    Encode, Experiment, ExperimentError, ExperimentFile, ExperimentFileError, External,
    ExternalSource, FeatureValues, Features, FigureSpec, Holding, Measured, Place, Presentation,
    StageRows, StageRowsError, Summary, VerifyRequest, WithPeople, compare_runs, depths, draw,
    notes_on_published, read_drawn, verify,
};
pub use crate::hub::{Hub, HubModel, HubSettings};
pub use crate::input_file::{ContentHash, HashedPath};
pub use crate::metric::{LoadedMetric, MetricFolders, MetricKind};
pub use crate::model_spec::{
    ModelNameError, ModelSource, ModelSpec, ModelSpecError, NamedModel, ProjectionForm,
    check_model_name, names_of,
};
pub use crate::name::UnknownName;
pub use crate::progress::{Progress, Silent};
pub use crate::resample::{ClusterBy, Resampling};
pub use crate::score::{Measure, Ties};
pub use crate::shown::{in_lines, in_one_line};
pub use crate::spill::SpillError;
pub use crate::stage::{Stage, StageName, UnknownStage};
pub use crate::user_folders::{NoHome, expand_home};
