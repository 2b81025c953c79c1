//! `alignscope import`.

use std::path::PathBuf;

use alignscope::DatasetFormat;
use clap::Args;

use super::heading;
use super::shared::Part;
use crate::typed::{one_of, path};

/// `alignscope import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The format of the data set, or its release; `alignscope list datasets` describes them.
    #[arg(value_name = "FORMAT", value_parser = one_of::<DatasetFormat>())]
    pub format: DatasetFormat,

    /// The folder of the data set, or the file in it.
    #[arg(value_name = "SOURCE", value_parser = path())]
    pub source: PathBuf,

    /// The folder to write, which is new or empty.
    #[arg(long, value_name = "DIR", value_parser = path(), help_heading = heading::OUTPUT)]
    pub out: PathBuf,

    /// Copy the images, so that the folder needs no other; by default they are links to the files.
    #[arg(long, help_heading = heading::OUTPUT)]
    pub copy: bool,

    /// Write the trials alone, without looking for their images.
    #[arg(long, conflicts_with_all = ["copy", "skip_missing"], help_heading = heading::OUTPUT)]
    pub without_images: bool,

    #[command(flatten, next_help_heading = heading::DATA)]
    pub part: Part,
}
