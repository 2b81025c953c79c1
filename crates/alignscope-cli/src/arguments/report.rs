//! `alignscope report` and `alignscope published`.

use std::path::PathBuf;

use clap::Args;

use crate::typed::path;

/// `alignscope report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The folder of a run.
    #[arg(value_parser = path())]
    pub run: PathBuf,

    /// Add the study's own curves and baselines to the figures, and write
    /// `published-differences.csv`, as `run --published` does.
    #[arg(long)]
    pub published: bool,

    /// Where a data set is now, as NAME=PATH, if it is not where the manifest says. Its images are
    /// shown if they are those of the run.
    #[arg(long = "data", value_name = "NAME=PATH")]
    pub data: Vec<String>,
}

/// `alignscope published`.
#[derive(Debug, Args)]
pub struct Published {
    /// The folder for the figures. It is new or empty.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,
}
