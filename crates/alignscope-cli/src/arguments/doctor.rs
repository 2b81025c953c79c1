//! `alignscope doctor`.

use std::path::PathBuf;

use clap::Args;

use crate::typed::path;

/// `alignscope doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Do not ask the hub whether it can be reached.
    #[arg(long)]
    pub offline: bool,

    /// The cache to look at, if it is not the usual one: a folder, or `s3://BUCKET/PREFIX`.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub cache: Option<PathBuf>,
}
