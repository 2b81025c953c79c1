//! `alignscope score`.

use std::path::PathBuf;

use alignscope::{NamedDataset, NamedLevel};
use clap::Args;

use super::heading;
use super::shared::{Arrays, Budget, Part, Scoring};
use crate::typed::{dataset, path};

/// `alignscope score`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is scored")]
pub struct Score {
    /// A folder with `features.npy` (images × channels, images × tokens × channels, or feature maps
    /// with --layout) and `file_names.txt` (one line for each image, which ends in its path inside
    /// the folder of the data set); or a folder with one such folder for each stage, as
    /// `activations` writes them.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub features: PathBuf,

    /// Name of the model in the results; by default the name of the folder.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    #[command(flatten)]
    pub arrays: Arrays,

    /// Do not add the model `pixels`.
    #[arg(long)]
    pub no_pixels: bool,

    #[command(flatten)]
    pub data: Data,

    #[command(flatten, next_help_heading = heading::SCORING)]
    pub scoring: Scoring,

    #[command(flatten, next_help_heading = heading::MEMORY)]
    pub budget: Budget,

    /// The folder for the results. It is new or empty.
    #[arg(long, value_name = "DIR", value_parser = path(), help_heading = heading::OUTPUT)]
    pub out: PathBuf,
}

/// What features are scored on.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::DATA)]
pub struct Data {
    /// The format of the data set, or its release; `alignscope list datasets` describes them.
    /// NAME names it in the results.
    #[arg(long, value_name = "[NAME=]FORMAT", value_parser = dataset())]
    pub dataset: NamedDataset,

    /// The folder of the data set, or its manifest, as for `run`.
    #[arg(long = "data", value_name = "PATH", value_parser = path())]
    pub folder: PathBuf,

    /// The level of abstraction of a data set: `low`, `middle`, `high` or `none`; by default that
    /// of its format. Can be given several times.
    #[arg(long = "level", value_name = "NAME=LEVEL")]
    pub levels: Vec<NamedLevel>,

    #[command(flatten)]
    pub part: Part,
}
