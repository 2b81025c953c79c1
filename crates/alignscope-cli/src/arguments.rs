//! What is typed.

use std::path::PathBuf;

use alignscope::dataset::ThingsImages;
use alignscope::features::Layout;
use alignscope::{
    ClusterBy, DatasetKind, DatasetOptions, Distance, ModelSpec, NamedModel, PrecisionChoice,
    ProjectionForm, Stage, Ties, Tokens,
};
use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::typed::{any_stage, days, memory_size, model, path, positive, resamples, spec, threads};

/// How closely do the image distances inside a vision model follow the judgements of people?
///
/// Exit codes: 0 done, 1 done but for failures that are named, 2 could not run, 130 stopped with Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "alignscope", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Threads to use; all cores unless said otherwise. Results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Say nothing but errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure models on data sets.
    Run(Run),
    /// Score features from anywhere on a data set: what `activations` writes, or the `features.npy`
    /// and `file_names.txt` of another tool.
    Score(Score),
    /// Write an encoder's activations as `features.npy` and `file_names.txt`, a folder a stage.
    Activations(Activations),
    /// The whole way on images that it draws itself, with a simulated observer; no download.
    Demo(Demo),
    /// Draw the figures and the page of a run again, from its files alone.
    Report(Report),
    /// Draw the curves that the study published, by themselves.
    Published(Published),
    /// Compare models, stages or distances of a run, or of two runs of the same trials.
    ///
    /// Without choices: all pairs of models at their last stage, for each kind of distance, and each
    /// with every baseline and the pixels. The difference of each pair has a bootstrap interval and
    /// a two-sided p, no finer than the resamples allow, and Holm's correction; choices also have
    /// error consistency (Cohen's kappa of being right) and each model's agreement with people
    /// beyond chance, also as Cohen's kappa with what most people answer.
    Compare(Compare),
    /// Fetch models from the Hugging Face hub to the cache that Python's huggingface_hub uses, and
    /// weights of baselines.
    ///
    /// HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what they mean there.
    /// `run` and `activations` fetch by themselves what is not in the cache; `fetch` also asks
    /// whether there is something newer.
    Fetch(Fetch),
    /// What is kept of earlier runs, so that nothing is encoded twice: list it, size it, remove it.
    Cache(Cache),
    /// Hold a finished run against its files: results, weights, annotations and images by their hashes, and some of its
    /// scores by scoring its distances again. Exit code 1 where something is not as the run says.
    Verify(Verify),
    /// Look through a data set before it is run: counts against the published release, missing and unused files, images
    /// that cannot be decoded, equal images, trials twice. Exit code 1 where something is wrong.
    Check(Check),
    /// List what there is.
    List {
        /// What to list.
        what: Listed,
    },
}

/// How the arrays of features are read.
#[derive(Debug, Clone, Args)]
pub struct Arrays {
    /// How many tokens stand before the patches: 1 for a class token, 5 for a class token and four
    /// registers, 0 for none. By default 1 if the number of tokens is a square and one more, 0 if
    /// it is a square; else an error if --tokens depends on it.
    #[arg(long, value_name = "N")]
    pub prefix_tokens: Option<usize>,

    /// What the axes of features are: NCHW (feature maps, images × channels × height × width),
    /// NHWC (images × height × width × channels), NCL (images × channels × tokens), or NLC
    /// (images × tokens × channels), as three axes are by default. May be given twice, for stages
    /// of four axes and for those of three.
    #[arg(long = "layout", value_name = "LAYOUT")]
    pub layouts: Vec<Layout>,
}

/// `alignscope run`.
#[derive(Debug, Args)]
pub struct Run {
    /// An experiment as TOML, such as experiments/paper.toml, in the place of --model and
    /// --dataset.
    #[arg(value_name = "EXPERIMENT", value_parser = path())]
    pub experiment: Option<PathBuf>,

    /// With an experiment: run the untrained control of every encoder in its place.
    #[arg(long, requires = "experiment")]
    pub untrained: bool,

    /// A model: an id of the Hugging Face hub, `OWNER/NAME[@REVISION]`; a checkpoint's folder;
    /// `random:ID[@seed=N]` for an untrained control; a baseline such as `ssim` or `lpips-alex`;
    /// or `pixels`. `@published` after BiomedCLIP runs it as the study did. NAME= before it gives
    /// it a name in results, as in `mine=./checkpoints/last`; a folder without one is called by the
    /// shortest ending of its path that tells it apart. May be given several times.
    #[arg(
        long = "model",
        value_name = "[NAME=]MODEL",
        required_unless_present = "experiment",
        num_args = 1..,
        value_parser = model
    )]
    pub models: Vec<NamedModel>,

    /// A data set; see `alignscope list datasets`. May be given several times, each with its
    /// --data in the same order.
    #[arg(long = "dataset", value_name = "NAME", required_unless_present = "experiment")]
    pub datasets: Vec<DatasetKind>,

    /// The data set's folder as its authors publish it; for `pairs`, `twoafc` and `oddoneout` the
    /// folder with the manifest, or the manifest itself. With an experiment: NAME=PATH, where it
    /// lies elsewhere than the experiment says.
    #[arg(
        long = "data",
        value_name = "PATH",
        required_unless_present = "experiment",
        num_args = 1..,
        value_parser = path()
    )]
    pub data: Vec<PathBuf>,

    /// A kind of distance; all unless said otherwise.
    #[arg(long = "distance", value_name = "DISTANCE", num_args = 1..)]
    pub distances: Vec<Distance>,

    #[command(flatten)]
    pub part: Part,

    /// Which tokens' activations are compared: all (as published), class, patches or mean.
    #[arg(long, value_name = "TOKENS", default_value_t = Tokens::All)]
    pub tokens: Tokens,

    #[command(flatten)]
    pub arrays: Arrays,

    /// The projection raw, or divided by its L2 norm (unit), instead of as the model has it.
    #[arg(long, value_name = "FORM")]
    pub projection: Option<ProjectionForm>,

    /// In which arithmetic encoders multiply: f32; bf16x6 (six products of bf16, about as accurate; made for
    /// processors with AMX); bf16x3 (three, distances mostly within 1e-5 of f32's; with AMX); bf16 (one; with
    /// AMX, or AVX-512 for bf16). auto takes the fastest that keeps every distance within 1e-4: bf16x6
    /// with AMX, else f32. The manifest says which ran.
    #[arg(long, value_name = "PRECISION", default_value_t = PrecisionChoice::Auto)]
    pub precision: PrecisionChoice,

    /// What a tie between the model's distances counts: a miss (as published), or 1/k among k tied.
    #[arg(long, value_name = "RULE", default_value_t = Ties::Miss)]
    pub ties: Ties,

    #[command(flatten)]
    pub resampling: Resampling,

    /// What is resampled as a whole: default (the reference image, or the three images of a
    /// triplet), observer (where the data set names who answered), or none (trial by trial, as if
    /// all were independent).
    #[arg(long, value_name = "WHAT", default_value_t = ClusterBy::Default)]
    pub cluster: ClusterBy,

    /// Side of the square that baselines see where a data set's images differ in size; 224, or what
    /// the experiment says.
    #[arg(long, value_name = "PX", value_parser = positive)]
    pub baseline_size: Option<usize>,

    /// A folder with the weights of LPIPS and PerceptNet under their published names; looked
    /// through before $ALIGNSCOPE_WEIGHTS and the caches.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub weights: Option<PathBuf>,

    /// Lay the study's own curves and baselines (TID2013, NIGHTS, THINGS) under those of this run,
    /// thin and dotted, and write `published-differences.csv`.
    #[arg(long)]
    pub published: bool,

    /// Do not add the model `pixels`.
    #[arg(long)]
    pub no_pixels: bool,

    /// Use the scales of another run for the normalized distance.
    #[arg(long, value_name = "RUN", value_parser = path())]
    pub scale_from: Option<PathBuf>,

    /// Memory to stay within, such as 8GB; half of the machine's unless said otherwise.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<ByteSize>,

    /// Leave out trials of images that cannot be decoded, name and count them, and exit with 1, instead of stopping; all
    /// images are decoded before anything is encoded.
    #[arg(long)]
    pub keep_going: bool,

    /// Where differences are kept, so that nothing is encoded twice, and a run that was stopped goes on; by default
    /// $ALIGNSCOPE_CACHE, else alignscope/kept in $XDG_CACHE_HOME or ~/.cache.
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache", value_parser = path())]
    pub cache: Option<PathBuf>,

    /// Keep nothing: a run that is stopped begins anew.
    #[arg(long)]
    pub no_cache: bool,

    /// Discard what the folder and the cache hold of this run, and begin anew.
    #[arg(long)]
    pub fresh: bool,

    /// The folder for the results; new, empty, or that of a run that was stopped, which goes on.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}

/// `alignscope verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder of a run.
    #[arg(value_name = "RUN", value_parser = path())]
    pub run: PathBuf,

    /// Where a data set lies now, as NAME=PATH, if not where the run found it.
    #[arg(long = "data", value_name = "NAME=PATH")]
    pub data: Vec<String>,

    /// So many stages and distances of each data set are scored again.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = positive)]
    pub sample: usize,

    /// All of them are scored again.
    #[arg(long)]
    pub all: bool,
}

/// `alignscope check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The data set; see `alignscope list datasets`.
    #[arg(long, value_name = "NAME")]
    pub dataset: DatasetKind,

    /// Its folder, or its manifest.
    #[arg(long, value_name = "PATH", value_parser = path())]
    pub data: PathBuf,

    /// Look at one split.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,

    /// Let paths in manifests lead out of the data set's folder.
    #[arg(long)]
    pub allow_outside: bool,

    /// Which image stands for a THINGS concept, as for `run`.
    #[arg(long, value_name = "WHICH", value_enum)]
    pub images: Option<ConceptImages>,

    /// Memory to stay within, such as 8GB; half of the machine's by default.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<ByteSize>,
}

/// `alignscope cache`.
#[derive(Debug, Args)]
pub struct Cache {
    /// What to do.
    #[command(subcommand)]
    pub action: CacheAction,

    /// The folder, where it is not the user's.
    #[arg(long, value_name = "DIR", global = true, value_parser = path())]
    pub cache: Option<PathBuf>,
}

/// What to do with what is kept.
#[derive(Debug, Subcommand)]
pub enum CacheAction {
    /// Each model on each data set: its size, when it was last written, its number of pairs.
    List,
    /// The size of all.
    Size,
    /// Remove all, or what the options choose.
    Clean {
        /// Only of this model: as it is named for `run`, or by its name in results.
        #[arg(long = "model", value_name = "MODEL")]
        models: Vec<String>,
        /// Only of this data set.
        #[arg(long = "dataset", value_name = "NAME")]
        datasets: Vec<String>,
        /// Only what was not written to for so many days.
        #[arg(long, value_name = "DAYS", value_parser = days)]
        older_than: Option<u64>,
    },
}

/// How intervals are made.
#[derive(Debug, Clone, Copy, Args)]
pub struct Resampling {
    /// Bootstrap resamples of each interval; 0 for no intervals.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = resamples)]
    pub resamples: usize,

    /// Seed of the resamples.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// `alignscope score`.
#[derive(Debug, Args)]
pub struct Score {
    /// A folder with `features.npy` (images × channels, images × tokens × channels, or feature maps
    /// with --layout) and `file_names.txt` (a line for each image, which ends in its path below the
    /// data set's folder); or with such a folder for each stage, as `activations` writes them.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub features: PathBuf,

    /// What the model is called in the results; the folder's name unless said otherwise.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// The data set; see `alignscope list datasets`.
    #[arg(long, value_name = "NAME")]
    pub dataset: DatasetKind,

    /// The data set's folder, or the manifest itself, as for `run`.
    #[arg(long, value_name = "PATH", value_parser = path())]
    pub data: PathBuf,

    #[command(flatten)]
    pub part: Part,

    /// A kind of distance; all unless said otherwise.
    #[arg(long = "distance", value_name = "DISTANCE", num_args = 1..)]
    pub distances: Vec<Distance>,

    /// Which tokens are compared: all; class (the first); patches (all but those before them); or
    /// mean (over the class token, if there is one, and the patches, without registers).
    #[arg(long, value_name = "TOKENS", default_value_t = Tokens::All)]
    pub tokens: Tokens,

    #[command(flatten)]
    pub arrays: Arrays,

    /// What a tie between the model's distances counts: a miss (as published), or 1/k among k tied.
    #[arg(long, value_name = "RULE", default_value_t = Ties::Miss)]
    pub ties: Ties,

    #[command(flatten)]
    pub resampling: Resampling,

    /// What is resampled as a whole, as for `run`.
    #[arg(long, value_name = "WHAT", default_value_t = ClusterBy::Default)]
    pub cluster: ClusterBy,

    /// Do not add the model `pixels`.
    #[arg(long)]
    pub no_pixels: bool,

    /// Memory to stay within, such as 8GB; half of the machine's unless said otherwise.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<ByteSize>,

    /// The folder for the results; new or empty.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}

/// What part of a data set to take.
#[derive(Debug, Clone, Args)]
pub struct Part {
    /// Take one split: a file of THINGS (testset1 unless said otherwise), or a value of the column
    /// `split` elsewhere (all rows unless said otherwise).
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,

    /// Leave out NIGHTS trials with fewer votes.
    #[arg(long, value_name = "N")]
    pub min_votes: Option<u32>,

    /// Which image stands for a THINGS concept: the first in sorted order (as in the study), or
    /// `_01b`.
    #[arg(long, value_name = "WHICH", value_enum)]
    pub images: Option<ConceptImages>,

    /// Take only the first N trials that can be run.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<usize>,

    /// Let paths in manifests lead out of the data set's folder.
    #[arg(long)]
    pub allow_outside: bool,

    /// Leave out trials whose images are missing, and count them, instead of stopping.
    #[arg(long)]
    pub skip_missing: bool,
}

impl Part {
    /// The same as the library has it.
    pub fn options(&self) -> DatasetOptions {
        DatasetOptions {
            split: self.split.clone(),
            min_votes: self.min_votes,
            things_images: self.images.map(Into::into),
            skip_missing: self.skip_missing,
            allow_outside: self.allow_outside,
            limit: self.limit,
        }
    }
}

/// `alignscope activations`.
#[derive(Debug, Args)]
pub struct Activations {
    /// An encoder, as for `run`.
    #[arg(long, value_name = "MODEL", value_parser = spec)]
    pub model: ModelSpec,

    /// Images, or folders of images (those below them too, in order of name).
    #[arg(long, value_name = "PATH", required = true, num_args = 1.., value_parser = path())]
    pub images: Vec<PathBuf>,

    /// Stages, such as `embedding`, `"block 3"` or `projection`; all unless said otherwise.
    #[arg(long = "stage", value_name = "STAGE", num_args = 1..)]
    pub stages: Vec<Stage>,

    /// Which tokens to write: all, class, patches, or their mean.
    #[arg(long, value_name = "TOKENS", default_value_t = Tokens::All)]
    pub tokens: Tokens,

    /// The projection raw, or divided by its L2 norm (unit), instead of as the model has it.
    #[arg(long, value_name = "FORM")]
    pub projection: Option<ProjectionForm>,

    /// In which arithmetic the encoder multiplies: f32, bf16x6, bf16x3, bf16 or auto, as for `run`.
    #[arg(long, value_name = "PRECISION", default_value_t = PrecisionChoice::Auto)]
    pub precision: PrecisionChoice,

    /// Memory to stay within, such as 8GB; half of the machine's unless said otherwise.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<ByteSize>,

    /// The folder for the features; new or empty.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}

/// `alignscope fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// Models of the hub, `OWNER/NAME[@REVISION]`, and baselines such as `lpips-alex`.
    #[arg(value_name = "MODEL", required = true, value_parser = spec)]
    pub models: Vec<ModelSpec>,

    /// A folder with weights of baselines, looked through before $ALIGNSCOPE_WEIGHTS and the caches.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub weights: Option<PathBuf>,
}

/// `alignscope demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// The folder for images and results; new or empty.
    #[arg(long, value_name = "DIR", default_value = "alignscope-demo", value_parser = path())]
    pub out: PathBuf,

    /// Seed of the images, of the simulated observer and of the model's weights.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Memory to stay within, such as 8GB; half of the machine's unless said otherwise.
    #[arg(long, value_name = "SIZE", value_parser = memory_size)]
    pub memory: Option<ByteSize>,
}

/// `alignscope compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// The folder of a run.
    #[arg(value_name = "RUN_A", value_parser = path())]
    pub run_a: PathBuf,

    /// The folder of another run of the same trials, for the second side; the same run unless said
    /// otherwise.
    #[arg(value_name = "RUN_B", value_parser = path())]
    pub run_b: Option<PathBuf>,

    /// The first model, as it is called in scores.csv; all unless said otherwise.
    #[arg(long, value_name = "MODEL")]
    pub model_a: Option<String>,

    /// The second model; all others unless said otherwise, or the first one where --stage-b or
    /// --distance-b is given.
    #[arg(long, value_name = "MODEL")]
    pub model_b: Option<String>,

    /// The first model's stage; its last unless said otherwise.
    #[arg(long, value_name = "STAGE", value_parser = any_stage)]
    pub stage_a: Option<Stage>,

    /// The second model's stage; its last unless said otherwise, or --stage-a where it is the same
    /// model.
    #[arg(long, value_name = "STAGE", value_parser = any_stage)]
    pub stage_b: Option<Stage>,

    /// The first model's kind of distance; each unless said otherwise.
    #[arg(long, value_name = "DISTANCE")]
    pub distance_a: Option<Distance>,

    /// The second model's kind of distance; the first one's unless said otherwise.
    #[arg(long, value_name = "DISTANCE")]
    pub distance_b: Option<Distance>,

    /// Compare on this data set only.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<DatasetKind>,

    /// Bootstrap resamples of each interval; as many as the run has unless said otherwise; 0 for no
    /// intervals.
    #[arg(long, value_name = "N", value_parser = resamples)]
    pub resamples: Option<usize>,

    /// Seed of the resamples; the run's unless said otherwise.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Write the table to this file, with the columns of comparisons.csv.
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub csv: Option<PathBuf>,
}

/// `alignscope report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The folder of a run.
    #[arg(value_parser = path())]
    pub run: PathBuf,

    /// Lay the study's own curves and baselines under those of the run, and write
    /// `published-differences.csv`; as `run --published` does.
    #[arg(long)]
    pub published: bool,

    /// Where a data set lies now, as NAME=PATH, if not where the manifest says; its images are
    /// shown if they are those of the run.
    #[arg(long = "data", value_name = "NAME=PATH")]
    pub data: Vec<String>,
}

/// `alignscope published`.
#[derive(Debug, Args)]
pub struct Published {
    /// The folder for the figures; new or empty.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}

/// What `alignscope list` lists.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Listed {
    /// Models whose architecture is known, for `random:`.
    Models,
    /// Data sets.
    Datasets,
    /// Kinds of distance.
    Distances,
}

/// Which image stands for a THINGS concept.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ConceptImages {
    /// The first in sorted order.
    First,
    /// The image `_01b`.
    #[value(name = "01b")]
    Reference01b,
}

impl From<ConceptImages> for ThingsImages {
    fn from(images: ConceptImages) -> Self {
        match images {
            ConceptImages::First => Self::First,
            ConceptImages::Reference01b => Self::Reference01b,
        }
    }
}
