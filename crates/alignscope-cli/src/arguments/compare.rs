//! `alignscope compare`.

use std::path::PathBuf;

use alignscope::{Distance, Stage};
use bytesize::ByteSize;
use clap::Args;

use super::heading;
use crate::typed::{any_stage, memory_size, one_of, path, resamples, three_or_more};

/// `alignscope compare`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is compared")]
pub struct Compare {
    /// The folder of a run; with --models-only also an experiment as a TOML file.
    #[arg(value_name = "RUN_A", value_parser = path(), help_heading = heading::ARGUMENTS)]
    pub run_a: PathBuf,

    /// The folder of another run of the same trials, for the second side; by default the same run.
    #[arg(
        value_name = "RUN_B",
        value_parser = path(),
        conflicts_with = "models_only",
        help_heading = heading::ARGUMENTS
    )]
    pub run_b: Option<PathBuf>,

    /// The first model, by its name in scores.csv; by default each.
    #[arg(long, value_name = "MODEL", conflicts_with = "models_only")]
    pub model_a: Option<String>,

    /// The second model; by default each other one, or the first one if --stage-b or --distance-b
    /// is given.
    #[arg(long, value_name = "MODEL", conflicts_with = "models_only")]
    pub model_b: Option<String>,

    /// The first model's stage; by default its last.
    #[arg(long, value_name = "STAGE", value_parser = any_stage, conflicts_with = "models_only")]
    pub stage_a: Option<Stage>,

    /// The second model's stage; by default its last, or --stage-a if it is the same model.
    #[arg(long, value_name = "STAGE", value_parser = any_stage, conflicts_with = "models_only")]
    pub stage_b: Option<Stage>,

    /// The first model's kind of distance; by default each.
    #[arg(
        long,
        value_name = "DISTANCE",
        value_parser = one_of::<Distance>(),
        conflicts_with = "models_only"
    )]
    pub distance_a: Option<Distance>,

    /// The second model's kind of distance; by default the first one's.
    #[arg(
        long,
        value_name = "DISTANCE",
        value_parser = one_of::<Distance>(),
        conflicts_with = "models_only"
    )]
    pub distance_b: Option<Distance>,

    /// Compare on this data set only, by its name in the results.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Bootstrap resamples of each interval; 0 for no intervals; by default as many as in the run.
    #[arg(
        long,
        value_name = "N",
        value_parser = resamples,
        conflicts_with = "models_only",
        help_heading = heading::SCORING
    )]
    pub resamples: Option<usize>,

    /// Seed of the resamples; by default the run's.
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "models_only",
        help_heading = heading::SCORING
    )]
    pub seed: Option<u64>,

    /// Write the table to this file, with the columns of comparisons.csv.
    #[arg(
        long,
        value_name = "FILE",
        value_parser = path(),
        conflicts_with = "models_only",
        help_heading = heading::OUTPUT
    )]
    pub csv: Option<PathBuf>,

    #[command(flatten)]
    pub models_only: ModelsOnly,
}

/// How models are compared with each other, people left aside.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models only")]
pub struct ModelsOnly {
    /// Compare the models of a run, or of an experiment, with each other and not with people: linear
    /// CKA and the correlation of distances, of every stage with every stage, on the images of its
    /// data sets. The images are encoded for it. Writes similarities.csv and figures.
    #[arg(long, requires = "out")]
    pub models_only: bool,

    /// Take at most so many images of each data set, evenly spread over it; by default 300. The work
    /// grows by the square of their number.
    #[arg(long, value_name = "N", value_parser = three_or_more)]
    pub images: Option<usize>,

    /// Compare models at this stage alone; by default at all.
    #[arg(long, value_name = "STAGE", value_parser = any_stage)]
    pub stage: Option<Stage>,

    /// The folder for the table and its figures. It is new or empty.
    #[arg(long, value_name = "DIR", value_parser = path(), requires = "models_only")]
    pub out: Option<PathBuf>,

    /// Most memory to use, such as 8GB; by default half of the machine's.
    #[arg(long, value_name = "SIZE", value_parser = memory_size, requires = "models_only")]
    pub memory: Option<ByteSize>,
}
