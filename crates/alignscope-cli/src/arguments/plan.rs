//! `alignscope plan`.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::heading;
use super::run::Asked;
use crate::typed::{model_speed, positive_number};

/// `alignscope plan`.
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub asked: Asked,

    #[command(flatten)]
    pub planning: Planning,
}

/// What a plan depends on beside the run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan")]
pub struct Planning {
    /// Plan the run in so many shards, as `run --shard` computes them; by default on one machine.
    #[arg(long, value_name = "N")]
    pub shards: Option<NonZeroUsize>,

    /// Images a second that a model encodes, as in `mine=120`, by its name in results; by default
    /// it encodes a few images now. Can be given several times.
    #[arg(long = "speed", value_name = "MODEL=IMAGES/S", value_parser = model_speed)]
    pub speeds: Vec<(String, f64)>,

    /// How many times as fast as this machine the one is that will run it; by default 1.
    #[arg(long, value_name = "FACTOR", value_parser = positive_number)]
    pub factor: Option<f64>,

    /// How the plan is printed.
    #[arg(long, value_name = "FORM", default_value = "table", help_heading = heading::OUTPUT)]
    pub form: PlanForm,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanForm {
    /// In columns, with totals.
    Table,
    /// As CSV, a row for each model on each data set.
    Csv,
    /// As JSON.
    Json,
}
