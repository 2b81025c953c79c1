//! `alignscope fetch`.

use std::path::PathBuf;

use alignscope::ModelSpec;
use clap::Args;

use crate::typed::{path, spec};

/// `alignscope fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// Models of the Hugging Face hub, `OWNER/NAME[@REVISION]`, and baselines such as `lpips-alex`.
    #[arg(value_name = "MODEL", required = true, value_parser = spec)]
    pub models: Vec<ModelSpec>,

    /// A folder with weights of baselines. It is searched before $ALIGNSCOPE_WEIGHTS and the
    /// caches.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub weights: Option<PathBuf>,
}
