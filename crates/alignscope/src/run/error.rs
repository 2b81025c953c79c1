//! What can go wrong on the whole way.

use std::error::Error;
use std::path::PathBuf;

use crate::cache::CacheError;
use crate::dataset::DatasetError;
use crate::encoder::EncoderError;
use crate::features::{FeatureError, LayoutError};
use crate::finished::{CombineError, CompareError, DrawError, GalleryError};
use crate::hub::HubError;
use crate::image::ImageError;
use crate::memory::TooLittleMemory;
use crate::metric::MetricError;
use crate::model::ModelError;
use crate::model_spec::{ModelNameError, SeriesError};
use crate::plan::ShardError;
use crate::prepared::PreparedError;
use crate::remedy::{Choice, Remedy};
use crate::results::{FigureNameError, MAX_CSV_ROWS, MAX_MODELS, MAX_TRIALS, ResultsError};
use crate::score::ScoreError;
use crate::spill::SpillError;
use crate::stage::Stage;
use crate::transform::TransformError;

/// A run could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// A data set cannot be run.
    #[error(transparent)]
    Prepared(PreparedError),
    /// A model cannot be measured.
    #[error(transparent)]
    Measure(ModelError),
    /// No model, data set or distance.
    #[error("there is no {what} to run")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// A model cannot be called so in results.
    #[error(transparent)]
    Name(#[from] ModelNameError),
    /// What a pattern matches is no series.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// Two states of a series are different architectures.
    #[error(
        "the states of the series `{series}` differ: {first}, and {second}; expected one \
         architecture, name them as models of their own"
    )]
    Stages {
        /// The series.
        series: String,
        /// Its first state, and its architecture.
        first: String,
        /// A state with others, and which it has.
        second: String,
    },
    /// A model has no such stage.
    #[error("{model} has no stage `{stage}`; its stages are {}", told_stages(found))]
    NoStage {
        /// The model.
        model: String,
        /// What was asked for.
        stage: Stage,
        /// Its stages.
        found: Vec<Stage>,
    },
    /// More models than a run can have.
    #[error("there are {found} models, expected at most {MAX_MODELS}; make several runs of them")]
    Many {
        /// How many there are.
        found: usize,
    },
    /// How arrays are read is said, and no model of the run has arrays.
    #[error("it is said how arrays of features are read, and no model of this run is features")]
    FeaturesUnused,
    /// How torch models run is said, and no model of the run is one.
    #[error(
        "it is said how torch models run, and torch runs no model of this run; name one, such as \
         `timm:resnet50.a1_in1k`"
    )]
    TorchUnused,
    /// A model of the caller's that was not given.
    #[error(
        "the model `{0}` was not given: it is arrays, a function or features that the caller of a run \
         gives, which no file holds"
    )]
    NotGiven(String),
    /// A panel could mean several data sets.
    #[error(
        "the figure `{figure}` has a panel for `{panel}`, which could be each of `{names}`; give \
         one of them a name of its own, and the panel the same"
    )]
    Panel {
        /// The figure.
        figure: String,
        /// The panel.
        panel: String,
        /// The data sets.
        names: String,
    },
    /// The figures cannot all be drawn into the output folder.
    #[error(transparent)]
    Figures(#[from] FigureNameError),
    /// Statistics of pairs cannot be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The same model or data set twice.
    #[error("the {what} {name} is named twice")]
    Twice {
        /// Model or data set.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Two data sets would have one name in results.
    #[error("two data sets are called `{name}`, so that results could not tell them apart")]
    TwiceNamed {
        /// The name.
        name: String,
        /// What was asked for of the second.
        format: String,
    },
    /// Another run's scales are named where none is needed.
    #[error(
        "the scales of another run have no use here: they need an encoder and the distance \
         normalized-euclidean"
    )]
    ScaleUnused,
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
    /// More trials than the files of a run may hold.
    #[error(
        "the data sets have {found} trials, expected at most {MAX_TRIALS} in a run; make several runs"
    )]
    ManyTrials {
        /// How many they have together.
        found: usize,
    },
    /// The resamples do not fit the memory budget.
    #[error(transparent)]
    Memory(Box<TooLittleMemory>),
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
    /// A transform is named where no model has stages.
    #[error(
        "the transform has no use here: it is of the activations of a model, and no model of this run \
         has any"
    )]
    TransformUnused,
    /// A transform cannot be fitted.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// A shard has no cache to leave its part in.
    #[error(
        "a shard leaves what it computes in the cache, from which the run is assembled, and this one has \
         no cache"
    )]
    ShardWithoutCache,
    /// A shard was to discard what is kept.
    #[error(
        "a shard discards nothing: what is kept of the run may be of other shards, which are at work or \
         done"
    )]
    ShardFresh,
    /// What is measured of a model is not kept, so that no shard can do it.
    #[error(
        "{model} cannot be measured in shards: what is measured of it is not kept, since {why}"
    )]
    ShardNotKept {
        /// The model.
        model: String,
        /// Why nothing is kept of it.
        why: &'static str,
    },
    /// There is no such shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A disk has no room for what a run leaves there.
    #[error(
        "{} would take {} MB in {folder}, where {} MB are free",
        if *is_cache { "the cache" } else { "temporary files" },
        needed.div_ceil(1_000_000),
        free / 1_000_000
    )]
    Disk {
        /// Whether it is what is kept, and not temporary files.
        is_cache: bool,
        /// The folder.
        folder: PathBuf,
        /// Bytes that it would take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A speed that cannot be.
    #[error(
        "the speed {found}{} cannot be, expected a number above 0",
        model.as_ref().map_or(String::new(), |model| format!(" of {model}"))
    )]
    Speed {
        /// The model; `None` of the factor for all.
        model: Option<String>,
        /// What was given.
        found: f64,
    },
    /// A speed is given of a model that is not run.
    #[error("a speed is given of `{model}`, which is not run; the models that are run are {found}")]
    SpeedOfNone {
        /// What was given.
        model: String,
        /// The models of the run.
        found: String,
    },
    /// The user stopped the run.
    #[error("stopped; the same command goes on from here")]
    Stopped,
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
    /// The figures could not be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
}

impl From<ModelError> for ExperimentError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Stopped => Self::Stopped,
            ModelError::Image(error) => (*error).into(),
            other => Self::Measure(other),
        }
    }
}

impl From<PreparedError> for ExperimentError {
    fn from(error: PreparedError) -> Self {
        match error {
            PreparedError::Stopped => Self::Stopped,
            other => Self::Prepared(other),
        }
    }
}

impl From<TooLittleMemory> for ExperimentError {
    fn from(error: TooLittleMemory) -> Self {
        Self::Memory(Box::new(error))
    }
}

impl ExperimentError {
    /// The budget that is too small, where that is the error.
    pub fn too_little_memory(&self) -> Option<&TooLittleMemory> {
        match self {
            Self::Memory(error)
            | Self::Prepared(PreparedError::Memory(error))
            | Self::Measure(ModelError::Memory(error)) => Some(error),
            _ => None,
        }
    }

    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Prepared(error) => error.remedies(),
            Self::Measure(error) => error.remedies(),
            Self::FeaturesUnused => vec![Remedy::LeaveOut(Choice::Reading)],
            Self::TorchUnused => vec![Remedy::TorchBackend, Remedy::LeaveOut(Choice::Torch)],
            Self::Cache(error) => error.remedies(),
            Self::TwiceNamed { format, .. } => {
                vec![Remedy::RenameDataset { format: format.clone() }]
            }
            Self::ScaleUnused => vec![Remedy::LeaveOut(Choice::Scales)],
            Self::TransformUnused => vec![Remedy::LeaveOut(Choice::Transform)],
            Self::ManyTrials { .. } => vec![Remedy::FewerTrials],
            Self::ShardWithoutCache => vec![Remedy::WithCache],
            Self::ShardFresh => vec![Remedy::WithoutFresh],
            Self::Disk { is_cache: true, .. } => {
                vec![Remedy::FreeSpace, Remedy::NameCache, Remedy::WithoutCache]
            }
            Self::Disk { is_cache: false, .. } => {
                let more = Remedy::MoreMemory { bytes: None };
                vec![Remedy::FreeSpace, more, Remedy::OtherTemporaryFolder]
            }
            Self::Memory(error) => error.remedies(),
            Self::Results(error) | Self::Draw(DrawError::Results(error)) => error.remedies(),
            _ => vec![],
        }
    }
}

/// What would help with an error of this library, or with the first of its causes that something
/// would help with.
pub fn remedies_of(error: &(dyn Error + 'static)) -> Vec<Remedy> {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(remedies_of_one).find(|remedies| !remedies.is_empty()).unwrap_or_default()
}

/// What would help with one error, whichever of the library's it is.
fn remedies_of_one(error: &(dyn Error + 'static)) -> Vec<Remedy> {
    of(error, ExperimentError::remedies)
        .or_else(|| of(error, CompareError::remedies))
        .or_else(|| of(error, CombineError::remedies))
        .or_else(|| of(error, GalleryError::remedies))
        .or_else(|| of(error, FeatureError::remedies))
        .or_else(|| of(error, ResultsError::remedies))
        .or_else(|| of(error, ModelError::remedies))
        .or_else(|| of(error, PreparedError::remedies))
        .or_else(|| of(error, DatasetError::remedies))
        .or_else(|| of(error, LayoutError::remedies))
        .or_else(|| of(error, EncoderError::remedies))
        .or_else(|| of(error, MetricError::remedies))
        .or_else(|| of(error, HubError::remedies))
        .or_else(|| of(error, ImageError::remedies))
        .or_else(|| of(error, CacheError::remedies))
        .or_else(|| of(error, SpillError::remedies))
        .or_else(|| of(error, TooLittleMemory::remedies))
        .unwrap_or_default()
}

/// What would help with an error of one type, also in a box; `None` if it is of another.
fn of<E: Error + 'static>(
    error: &(dyn Error + 'static),
    remedies: fn(&E) -> Vec<Remedy>,
) -> Option<Vec<Remedy>> {
    let boxed = || error.downcast_ref::<Box<E>>().map(|inner| &**inner);
    error.downcast_ref::<E>().or_else(boxed).map(remedies)
}

/// Stages in a row.
fn told_stages(stages: &[Stage]) -> String {
    stages.iter().map(|stage| format!("`{stage}`")).collect::<Vec<_>>().join(", ")
}
