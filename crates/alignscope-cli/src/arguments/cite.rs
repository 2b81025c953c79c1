//! `alignscope cite`.

use std::path::PathBuf;

use clap::Args;

use crate::typed::path;

/// `alignscope cite`.
#[derive(Debug, Args)]
pub struct Cite {
    /// The folders of finished runs.
    #[arg(value_name = "RUN", required = true, value_parser = path())]
    pub runs: Vec<PathBuf>,
}
