//! How closely do the image distances inside a vision model follow the judgements of people?
//!
//! The modules stand in the order in which data passes through them; each looks only to
//! those above it.

#[macro_use]
mod name;
mod csv_row;
mod normal_draw;
mod user_folders;
mod remedy;
mod progress;
mod shown;
mod process_name;
mod atomic_write;
/// Numbers in a temporary file.
mod spill;
mod disk;
mod open_files;
mod input_file;
mod text;
mod memory;
mod locks;
/// What lies in a folder, without what operating systems leave there.
pub mod listing;
/// Variables of MATLAB's `.mat` files.
pub mod matlab;
/// Arrays of NumPy: `.npy` files, and those in `.npz` archives.
mod numpy_file;
/// The stages of a model, and how deep they lie.
mod stage;
/// Drawing clusters of trials again, for intervals.
pub mod resample;
/// Scores of trials and distances, and how they are resampled.
pub mod measure;
/// What people can be asked: kinds of trials, and the measures of each.
pub mod paradigm;
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
mod feature_map;
/// The measures of image quality that models are held against.
pub mod metric;
mod model_spec;
/// Differences of two images' activations, per channel.
pub mod pair_statistics;
/// Vision encoders, one stage at a time.
pub mod encoder;
/// One number for a pair of images at a stage.
pub mod distance;
/// Sums of all pairs of a data set at once.
mod dense_pairs;
/// How the energy of a stage is spread over its channels.
pub mod energy;
/// How the memory budget of a run is shared out.
pub mod plan;
/// Statistics of pairs that outlive a run.
pub mod cache;
/// How well distances follow the answers of people.
pub mod score;
/// The most that a model can reach, given how much people agree.
pub mod ceiling;
/// What is read off a curve of scores against depth.
pub mod findings;
/// Two models on the same trials.
pub mod comparison;
/// How alike two models see the same images.
pub mod similarity;
/// The files that a run leaves.
pub mod results;
/// Activations as arrays, and as `features.npy` and `file_names.txt`.
pub mod features;
/// Learned transforms of a stage's vectors.
pub mod transform;
mod prepared;
/// What is measured: encoders, features, functions, and metrics of two images.
pub mod model;
/// What one study published, and the differences from it.
pub mod study;
/// What to cite of a run.
mod bibliography;
/// Score against depth, as a figure.
pub mod figure;
/// A run as a page.
pub mod report;
mod finished;
/// Models × data sets × distances: what is asked for, and the file that says it.
mod experiment;
/// The whole way: an experiment to scores, tables, figures and a page.
mod run;
/// Images and trials that are drawn rather than collected.
pub mod demo;

pub use crate::bibliography::{Citation, Citations, citations};
pub use crate::dataset::{
    Dataset, DatasetError, DatasetFormat, DatasetOptions, NamedDataset, NamedLevel, OddOneOut,
    Pairs, RatedPair, Trials, TwoAlternatives, check_dataset_name,
};
pub use crate::disk::free_bytes;
pub use crate::distance::Distance;
pub use crate::encoder::{Precision, PrecisionChoice, Tokens};
pub use crate::experiment::{Choices, Experiment, ExperimentFile, ExperimentFileError};
pub use crate::finished::{
    Check, CheckOutcome, CombineError, CompareError, CompareRequest, Comparisons, DistanceMatrix,
    DrawError, FigureSpec, Gallery, GalleryError, GalleryRequest, MatrixRequest, Presentation,
    TogetherRequest, VerifyRequest, WithPeople, colours_of_run, combine_runs, compare_runs,
    compare_together, draw, gallery, notes_on_published, read_drawn, read_matrix, verify,
};
pub use crate::hub::{Hub, HubModel, HubSettings, reach_hub};
pub use crate::input_file::{ContentHash, HashedPath, JsonFileError};
pub use crate::memory::TooLittleMemory;
pub use crate::metric::{LoadedMetric, MetricFolders, MetricKind};
pub use crate::model::{
    Batch, Encode, FeatureValues, Features, Function, GivenDistances, GivenOn, GivenValues,
    NoTorch, StageRows, StageRowsError, TorchModels, TorchRequest, TransformSpec, UserModel,
    UserSource,
};
pub use crate::model_spec::{
    Backend, CheckpointFile, DreamSim, Like, ModelNameError, ModelSource, ModelSpec,
    ModelSpecError, NamedModel, ProjectionForm, Series, SeriesError, SeriesState, SeriesStep,
    Specs, TorchDevice, TorchDtype, TorchLibrary, TorchName, TorchOptions, TorchPlace, base_of,
    check_model_name, expand, names_of, short_name,
};
pub use crate::name::UnknownName;
pub use crate::plan::{Holding, Place, PlannedCell, Shard, ShardCell, ShardError};
pub use crate::prepared::{DatasetSpec, PreparedError};
pub use crate::progress::{Progress, Silent};
pub use crate::remedy::{Advice, Choice, Remedy, with_remedies};
pub use crate::resample::{ClusterBy, Resampling};
pub use crate::run::{
    ExperimentError, Measured, PlanRequest, PlannedTotal, RunPlan, ShardSummary, SimilarityRequest,
    Summary, TransformRequest, TransformSummary, remedies_of,
};
pub use crate::score::{Measure, Ties};
pub use crate::shown::{in_lines, in_one_line};
pub use crate::spill::SpillError;
pub use crate::stage::{Stage, StageName, UnknownStage, depths};
pub use crate::transform::TransformKind;
pub use crate::user_folders::{NoHome, expand_home};
pub use alignscope_kernel::{InstructionsError, check_instructions, cpu_name, instructions};
