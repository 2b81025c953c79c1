//! `alignscope run`.

use std::path::PathBuf;

use alignscope::{
    Like, NamedDataset, NamedLevel, NamedModel, PrecisionChoice, ProjectionForm, Shard,
    TransformSpec,
};
use clap::Args;

use super::heading;
use super::shared::{Arrays, Budget, Part, Scoring};
use super::torch::Torch;
use crate::typed::{dataset, model, one_of, path, positive};

/// `alignscope run`.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub asked: Asked,

    /// Compute one part of N of the run, as in `2/8`, into the cache, and write no results. The N
    /// parts may run on as many machines that share the cache, at the same time; the same command
    /// without --shard then writes the results, which are those of one machine.
    #[arg(
        long,
        value_name = "I/N",
        help_heading = heading::OUTPUT,
        conflicts_with_all = ["no_cache", "fresh"]
    )]
    pub shard: Option<Shard>,

    /// The folder for the results. It is new, empty, or that of a stopped run, which continues.
    #[arg(
        long,
        value_name = "DIR",
        value_parser = path(),
        help_heading = heading::OUTPUT,
        required_unless_present = "shard"
    )]
    pub out: Option<PathBuf>,
}

/// What is run, and how: what `run` and `plan` are asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is run")]
pub struct Asked {
    /// An experiment as a TOML file, such as experiments/paper.toml; or the manifest.json of a run,
    /// which is repeated. It replaces --model and --dataset; other options change what it says.
    #[arg(value_name = "EXPERIMENT", value_parser = path(), help_heading = heading::ARGUMENTS)]
    pub experiment: Option<PathBuf>,

    /// With an experiment: run the untrained control of each encoder instead of the encoder.
    #[arg(long, requires = "experiment")]
    pub untrained: bool,

    /// A model: one of
    ///
    /// - an id of the Hugging Face hub, `OWNER/NAME[@REVISION]`;
    /// - the folder of a checkpoint, or of a LoRA adapter;
    /// - `FILE.pt[#PART][@like=WHAT]`, a file of weights, as --like describes;
    /// - `series:GLOB[#PART][@like=WHAT]`, in quotes, one model in many states: the files or
    ///   checkpoint folders that the pattern matches, by the step in their names, as in
    ///   `series:runs/a/epoch_*.pt`;
    /// - a torch model, in the Python package: `timm:NAME`, `transformers:ID`,
    ///   `open_clip:NAME/PRETRAINED` or `torchvision:NAME[/WEIGHTS]`;
    /// - `features:DIR`, features that are already computed, in the folder DIR as for `score`;
    /// - an untrained control: `random:ID[@seed=N]`, `random:FOLDER` or `random:timm:NAME`;
    /// - `FOLDER#TYPE`, the stages of a single model of DreamSim, as `models#dino_vitb16`;
    /// - a baseline such as `ssim`, `lpips-alex` or `dreamsim`;
    /// - `pixels`.
    ///
    /// `NAME=MODEL` names the model in the results, as in `mine=./checkpoints/last`. A folder or file
    /// without a name is called by the shortest ending of its path that is unique. `@bare-patches`
    /// after BiomedCLIP runs it as the study did. Can be given several times.
    #[arg(
        long = "model",
        value_name = "[NAME=]MODEL",
        required_unless_present = "experiment",
        num_args = 1..,
        value_parser = model,
        help = "A model: an id of the hub, a checkpoint's folder, `FILE.pt[#PART][@like=WHAT]`, \
                `series:GLOB[#PART][@like=WHAT]`, `timm:NAME`, `transformers:ID`, `features:DIR`, \
                `random:ID[@seed=N]`, a baseline such as `ssim`, or `pixels`; --help says more of each",
        verbatim_doc_comment
    )]
    pub models: Vec<NamedModel>,

    /// For files of weights, and series of them (`.pt`, `.pth`, `.ckpt`, `.bin`, `.safetensors`): the model whose
    /// architecture and preprocessing they have, as an id of `alignscope list models` or the folder
    /// of a checkpoint. By default what the configuration beside the file says. `FILE@like=WHAT`
    /// says it of one file.
    #[arg(long, value_name = "WHAT", requires = "models")]
    pub like: Option<Like>,

    /// Do not add the model `pixels`.
    #[arg(long)]
    pub no_pixels: bool,

    /// Form of an encoder's projection; by default as the model itself has it.
    #[arg(long, value_name = "FORM", value_parser = one_of::<ProjectionForm>())]
    pub projection: Option<ProjectionForm>,

    /// Arithmetic of an encoder's matrix products; by default `auto`. The manifest says which was
    /// used.
    #[arg(
        long,
        value_name = "PRECISION",
        value_parser = one_of::<PrecisionChoice>()
    )]
    pub precision: Option<PrecisionChoice>,

    #[command(flatten)]
    pub arrays: Arrays,

    /// A transform of activations, as `transform` writes it and gLocal publishes it
    /// (`transform.npz`): `FILE` for the last stage, `FILE@STAGE` for another. Of models with stages
    /// that stage alone is measured, with one vector for each image (--tokens class or mean).
    #[arg(long, value_name = "FILE[@STAGE]")]
    pub transform: Option<TransformSpec>,

    /// Side of the square to which images are resized for baselines if the images of a data set
    /// differ in size; by default 224, or what the experiment says.
    #[arg(long, value_name = "PX", value_parser = positive)]
    pub baseline_size: Option<usize>,

    /// A folder with the weights of LPIPS, PerceptNet and DreamSim under their published names. It is
    /// searched before $ALIGNSCOPE_WEIGHTS and the caches.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub weights: Option<PathBuf>,

    #[command(flatten)]
    pub torch: Torch,

    #[command(flatten)]
    pub data: Data,

    #[command(flatten, next_help_heading = heading::SCORING)]
    pub scoring: Scoring,

    /// Use the scales of another run for the normalized distance.
    #[arg(long, value_name = "RUN", value_parser = path(), help_heading = heading::SCORING)]
    pub scale_from: Option<PathBuf>,

    #[command(flatten)]
    pub store: Store,

    /// Add the study's own curves and baselines (TID2013, NIGHTS, THINGS) to the figures, thin and
    /// dotted, and write `published-differences.csv`.
    #[arg(long, help_heading = heading::OUTPUT)]
    pub published: bool,
}

/// What models are measured on.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::DATA)]
pub struct Data {
    /// The format of a data set, or its release; `alignscope list datasets` describes them.
    /// `NAME=FORMAT` names the data set in the results, as in `mine=pairs`; without a name it has
    /// that of its release, else of its format. Can be given several times, each with its own
    /// --data in the same order.
    #[arg(
        long = "dataset",
        value_name = "[NAME=]FORMAT",
        required_unless_present = "experiment",
        value_parser = dataset()
    )]
    pub datasets: Vec<NamedDataset>,

    /// The folder of the data set as its authors publish it. For `pairs`, `twoafc` and `oddoneout`:
    /// the folder with the manifest, or the manifest itself. With an experiment: NAME=PATH, if the
    /// data set is not where the experiment says.
    #[arg(
        long = "data",
        value_name = "PATH",
        required_unless_present = "experiment",
        num_args = 1..,
        value_parser = path()
    )]
    pub folders: Vec<PathBuf>,

    /// The level of abstraction of a data set: `low`, `middle`, `high` or `none`; by default that
    /// of its format. Can be given several times.
    #[arg(long = "level", value_name = "NAME=LEVEL")]
    pub levels: Vec<NamedLevel>,

    #[command(flatten)]
    pub part: Part,

    /// Leave out trials whose images cannot be decoded, instead of stopping. They are named and
    /// counted, and the exit code is 1. All images are decoded before anything is encoded.
    #[arg(long)]
    pub keep_going: bool,
}

/// How much memory is used, and what is stored for later runs.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::MEMORY_AND_CACHE)]
pub struct Store {
    #[command(flatten)]
    pub budget: Budget,

    /// Place of the cache, with which nothing is encoded twice and a stopped run can continue: a
    /// folder or `s3://BUCKET/PREFIX`, which many machines may share. By default what an experiment
    /// says, else $ALIGNSCOPE_CACHE, else alignscope/cells in $XDG_CACHE_HOME or ~/.cache.
    #[arg(long, value_name = "PLACE", conflicts_with = "no_cache", value_parser = path())]
    pub cache: Option<PathBuf>,

    /// Use no cache. A stopped run then starts again from the beginning.
    #[arg(long)]
    pub no_cache: bool,

    /// Delete what the folder and the cache hold of this run, and start again.
    #[arg(long)]
    pub fresh: bool,
}
