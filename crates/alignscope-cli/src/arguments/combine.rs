//! `alignscope combine`.

use std::path::PathBuf;

use clap::Args;

use super::heading;
use crate::typed::path;

/// `alignscope combine`.
#[derive(Debug, Args)]
pub struct Combine {
    /// The folders of two runs or more.
    #[arg(
        value_name = "RUN",
        num_args = 2..,
        required = true,
        value_parser = path(),
        help_heading = heading::ARGUMENTS
    )]
    pub runs: Vec<PathBuf>,

    /// A new folder for the combined run.
    #[arg(long, short, value_name = "DIR", value_parser = path(), help_heading = heading::OUTPUT)]
    pub out: PathBuf,

    /// What stands over figures and page; by default as in the first run.
    #[arg(long, value_name = "TEXT", help_heading = heading::OUTPUT)]
    pub title: Option<String>,
}
