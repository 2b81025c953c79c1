//! `alignscope demo`.

use std::path::PathBuf;

use clap::Args;

use super::shared::Budget;
use crate::typed::path;

/// `alignscope demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// The folder for images and results. It is new or empty.
    #[arg(long, value_name = "DIR", default_value = "alignscope-demo", value_parser = path())]
    pub out: PathBuf,

    /// Seed of the images, of the simulated answers and of the model's weights.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    #[command(flatten)]
    pub budget: Budget,
}
