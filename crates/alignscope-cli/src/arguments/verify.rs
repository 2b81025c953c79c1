//! `alignscope verify`.

use std::path::PathBuf;

use clap::Args;

use crate::typed::{path, positive};

/// `alignscope verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder of a run.
    #[arg(value_name = "RUN", value_parser = path())]
    pub run: PathBuf,

    /// Where a data set is now, as NAME=PATH, if it is not where the run found it.
    #[arg(long = "data", value_name = "NAME=PATH")]
    pub data: Vec<String>,

    /// How many stages and distances of each data set are scored again.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = positive)]
    pub sample: usize,

    /// Score all stages and distances again.
    #[arg(long)]
    pub all: bool,
}
