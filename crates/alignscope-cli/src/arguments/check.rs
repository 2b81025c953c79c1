//! `alignscope check`.

use std::path::PathBuf;

use alignscope::DatasetFormat;
use alignscope::dataset::OddPlace;
use clap::Args;

use super::shared::{Budget, ConceptImages, Scores};
use crate::typed::{one_of, path};

/// `alignscope check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The format of the data set, or its release; `alignscope list datasets` describes them.
    #[arg(long, value_name = "FORMAT", value_parser = one_of::<DatasetFormat>())]
    pub dataset: DatasetFormat,

    /// The folder of the data set, or its manifest, as for `run`.
    #[arg(long, value_name = "PATH", value_parser = path())]
    pub data: PathBuf,

    /// Check one split only.
    #[arg(long, value_name = "NAME")]
    pub split: Option<String>,

    #[command(flatten)]
    pub scores: Scores,

    /// Allow paths in a manifest that lead out of the folder of the data set.
    #[arg(long)]
    pub allow_outside: bool,

    /// Which image stands for a THINGS concept; by default `first`.
    #[arg(long, value_name = "WHICH", value_enum)]
    pub images: Option<ConceptImages>,

    /// Where the odd one stands in each triplet of a file that has it at one place; by default
    /// `last`.
    #[arg(long, value_name = "PLACE", value_parser = one_of::<OddPlace>())]
    pub odd: Option<OddPlace>,

    #[command(flatten)]
    pub budget: Budget,
}
