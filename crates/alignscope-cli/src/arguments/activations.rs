//! `alignscope activations`.

use std::path::PathBuf;

use alignscope::{Like, ModelSpec, PrecisionChoice, ProjectionForm, Stage, Tokens};
use clap::Args;

use super::heading;
use super::shared::Budget;
use crate::typed::{one_of, path, spec};

/// `alignscope activations`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is encoded")]
pub struct Activations {
    /// An encoder: an id of the Hugging Face hub, a folder, a file of weights or `random:ID`, as for
    /// `run`.
    #[arg(long, value_name = "MODEL", value_parser = spec)]
    pub model: ModelSpec,

    /// For a file of weights: the model whose architecture and preprocessing it has, as for `run`.
    #[arg(long, value_name = "WHAT")]
    pub like: Option<Like>,

    /// Images, or folders with images. Folders inside them are read too, in order of name.
    #[arg(long, value_name = "PATH", required = true, num_args = 1.., value_parser = path())]
    pub images: Vec<PathBuf>,

    /// Arithmetic of the encoder's matrix products.
    #[arg(
        long,
        value_name = "PRECISION",
        default_value_t = PrecisionChoice::Auto,
        value_parser = one_of::<PrecisionChoice>()
    )]
    pub precision: PrecisionChoice,

    #[command(flatten, next_help_heading = heading::MEMORY)]
    pub budget: Budget,

    #[command(flatten)]
    pub output: Output,
}

/// What is written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub struct Output {
    /// The folder for the features. It is new or empty.
    #[arg(long = "out", value_name = "DIR", value_parser = path())]
    pub folder: PathBuf,

    /// Stages to write, such as `embedding`, `"block 3"` or `projection`; by default all.
    #[arg(long = "stage", value_name = "STAGE", num_args = 1..)]
    pub stages: Vec<Stage>,

    /// Which tokens to write.
    #[arg(
        long,
        value_name = "TOKENS",
        default_value_t = Tokens::All,
        value_parser = one_of::<Tokens>()
    )]
    pub tokens: Tokens,

    /// Form of the projection; by default as the model itself has it.
    #[arg(long, value_name = "FORM", value_parser = one_of::<ProjectionForm>())]
    pub projection: Option<ProjectionForm>,
}
