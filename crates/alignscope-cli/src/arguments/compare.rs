//! `alignscope compare`.

use std::path::PathBuf;

use alignscope::{Distance, Stage};
use clap::Args;

use super::heading;
use crate::typed::{any_stage, one_of, path, resamples};

/// `alignscope compare`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is compared")]
pub struct Compare {
    /// The folder of a run.
    #[arg(value_name = "RUN_A", value_parser = path(), help_heading = heading::ARGUMENTS)]
    pub run_a: PathBuf,

    /// The folder of another run of the same trials, for the second side; by default the same run.
    #[arg(value_name = "RUN_B", value_parser = path(), help_heading = heading::ARGUMENTS)]
    pub run_b: Option<PathBuf>,

    /// The first model, by its name in scores.csv; by default each.
    #[arg(long, value_name = "MODEL")]
    pub model_a: Option<String>,

    /// The second model; by default each other one, or the first one if --stage-b or --distance-b
    /// is given.
    #[arg(long, value_name = "MODEL")]
    pub model_b: Option<String>,

    /// The first model's stage; by default its last.
    #[arg(long, value_name = "STAGE", value_parser = any_stage)]
    pub stage_a: Option<Stage>,

    /// The second model's stage; by default its last, or --stage-a if it is the same model.
    #[arg(long, value_name = "STAGE", value_parser = any_stage)]
    pub stage_b: Option<Stage>,

    /// The first model's kind of distance; by default each.
    #[arg(long, value_name = "DISTANCE", value_parser = one_of::<Distance>())]
    pub distance_a: Option<Distance>,

    /// The second model's kind of distance; by default the first one's.
    #[arg(long, value_name = "DISTANCE", value_parser = one_of::<Distance>())]
    pub distance_b: Option<Distance>,

    /// Compare on this data set only, by its name in the results.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Bootstrap resamples of each interval; 0 for no intervals; by default as many as in the run.
    #[arg(
        long,
        value_name = "N",
        value_parser = resamples,
        help_heading = heading::SCORING
    )]
    pub resamples: Option<usize>,

    /// Seed of the resamples; by default the run's.
    #[arg(long, value_name = "N", help_heading = heading::SCORING)]
    pub seed: Option<u64>,

    /// Write the table to this file, with the columns of comparisons.csv.
    #[arg(
        long,
        value_name = "FILE",
        value_parser = path(),
        help_heading = heading::OUTPUT
    )]
    pub csv: Option<PathBuf>,
}
