//! `alignscope cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::typed::{days, path};

/// `alignscope cache`.
#[derive(Debug, Args)]
pub struct Cache {
    /// What to do.
    #[command(subcommand)]
    pub action: CacheAction,

    /// Place of the cache: a folder or `s3://BUCKET/PREFIX`; by default the one that `run` uses.
    #[arg(long, value_name = "PLACE", global = true, value_parser = path())]
    pub cache: Option<PathBuf>,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub enum CacheAction {
    /// List each model on each data set: its size, when it was last written, how many pairs it has.
    List,
    /// Print the size of the cache.
    Size,
    /// Remove the cache, or the part of it that the options choose.
    Clean {
        /// Only this model: as it is typed for `run`, or by its name in results.
        #[arg(long = "model", value_name = "MODEL")]
        models: Vec<String>,
        /// Only this data set.
        #[arg(long = "dataset", value_name = "NAME")]
        datasets: Vec<String>,
        /// Only what was last written at least this many days ago.
        #[arg(long, value_name = "DAYS", value_parser = days)]
        older_than: Option<u64>,
    },
}
