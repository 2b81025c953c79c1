//! `alignscope gallery`.

use std::path::PathBuf;

use alignscope::Distance;
use clap::Args;

use crate::typed::{one_of, path, positive};

/// `alignscope gallery`.
#[derive(Debug, Args)]
pub struct Gallery {
    /// The folders of finished runs, each as FOLDER or NAME=FOLDER: the name by which it stands on
    /// the board.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<String>,

    /// The folder of the board, new or empty.
    #[arg(long, short, value_name = "DIR", value_parser = path())]
    pub out: PathBuf,

    /// The kind of distance by which models stand on the board; the normalized one by default.
    #[arg(long, value_name = "DISTANCE", value_parser = one_of::<Distance>())]
    pub distance: Option<Distance>,

    /// Where a data set is now, as NAME=PATH, if it is not where the runs found it.
    #[arg(long = "data", value_name = "NAME=PATH")]
    pub data: Vec<String>,

    /// How many stages and distances of each data set of a run are scored again.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = positive)]
    pub sample: usize,

    /// Take runs that are not as their manifests say, too, and mark them.
    #[arg(long)]
    pub altered: bool,
}
