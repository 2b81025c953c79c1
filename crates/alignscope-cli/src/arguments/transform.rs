//! `alignscope transform`.

use std::path::PathBuf;

use alignscope::{NamedModel, PrecisionChoice, ProjectionForm, Stage, TransformKind};
use clap::Args;

use super::heading;
use super::score::Data;
use super::shared::{Arrays, Budget, Scoring};
use super::torch::Torch;
use crate::typed::{inner_share, model, one_of, path, positive_number, share, stage};

/// `alignscope transform`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is transformed")]
pub struct Transform {
    /// A model with activations, as for `run`: an encoder, `features:DIR` or a torch model.
    #[arg(long, value_name = "[NAME=]MODEL", value_parser = model)]
    pub model: NamedModel,

    /// Stages, such as `embedding`, `"block 9"` or `projection`; by default all.
    #[arg(long = "stage", value_name = "STAGE", num_args = 1.., value_parser = stage)]
    pub stages: Vec<Stage>,

    /// Kinds of transform; by default all four.
    #[arg(
        long = "kind",
        value_name = "KIND",
        num_args = 1..,
        value_parser = one_of::<TransformKind>()
    )]
    pub kinds: Vec<TransformKind>,

    /// Form of an encoder's projection; by default as the model itself has it.
    #[arg(long, value_name = "FORM", value_parser = one_of::<ProjectionForm>())]
    pub projection: Option<ProjectionForm>,

    /// Arithmetic of an encoder's matrix products; by default `auto`.
    #[arg(long, value_name = "PRECISION", value_parser = one_of::<PrecisionChoice>())]
    pub precision: Option<PrecisionChoice>,

    #[command(flatten)]
    pub arrays: Arrays,

    #[command(flatten)]
    pub fitting: Fitting,

    #[command(flatten)]
    pub torch: Torch,

    #[command(flatten)]
    pub data: Data,

    #[command(flatten, next_help_heading = heading::SCORING)]
    pub scoring: Scoring,

    #[command(flatten, next_help_heading = heading::MEMORY)]
    pub budget: Budget,

    /// The folder for the results. It is new or empty.
    #[arg(long, value_name = "DIR", value_parser = path(), help_heading = heading::OUTPUT)]
    pub out: PathBuf,
}

/// How transforms are fitted.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fitting")]
pub struct Fitting {
    /// Penalties that are tried, of which held-out images of the training part choose one; by default
    /// 0.1 to 0.000001.
    #[arg(long = "lambda", value_name = "L", num_args = 1.., value_parser = positive_number)]
    pub lambdas: Vec<f64>,

    /// For `glocal`: the share of the term that keeps neighbours, 0 to 1; by default 0.1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub alpha: Option<f64>,

    /// For `glocal`: the temperature of that term; by default 0.1.
    #[arg(long, value_name = "T", value_parser = positive_number)]
    pub temperature: Option<f64>,

    /// The share of the images that a fold holds out, above 0 and below 1; by default the least of
    /// 0.1 to 0.5 that gives few folds.
    #[arg(long, value_name = "SHARE", value_parser = inner_share)]
    pub held_out: Option<f64>,

    /// A control: give each image the activations of another. Nothing is to be gained.
    #[arg(long)]
    pub shuffle: bool,
}
