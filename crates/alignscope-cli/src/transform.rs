//! `alignscope transform`.

use alignscope::results::OutputFolder;
use alignscope::transform::TransformRow;
use alignscope::{
    Choices, Distance, Experiment, ExperimentError, PrecisionChoice, Progress, Tokens, TorchModels,
    TransformRequest, in_one_line,
};
use anyhow::bail;

use crate::DONE;
use crate::arguments::Transform;
use crate::progress::progress;
use crate::run::memory;
use crate::score::dataset;
use crate::stop::Stoppable;
use crate::terminal::{say, tell};

/// Fits transforms of a model's stages, and says what they gain.
///
/// `torch` — opens torch models
pub fn run(
    arguments: &Transform,
    command: Vec<String>,
    torch: &dyn TorchModels,
    quiet: bool,
) -> anyhow::Result<u8> {
    let experiment = experiment(arguments, command)?;
    let out = OutputFolder::claim(&arguments.out)?;
    let progress = Stoppable::new(progress(quiet))?;
    let request = request(arguments);
    match experiment.fit_transforms(&request, vec![], torch, Some(&out), &progress) {
        Ok(found) => {
            let (path, wall_s) = (out.path().display(), found.wall_s);
            progress.note(&format!("{} rows in {path} after {wall_s:.1} s", found.rows.len()));
            if !quiet {
                found.rows.iter().for_each(print);
            }
            Ok(DONE)
        }
        Err(error) => {
            out.take_back();
            out.abandon();
            match error {
                ExperimentError::Stopped => {
                    tell!("alignscope: stopped; no result was written");
                    Ok(progress.exit_code())
                }
                error => Err(error.into()),
            }
        }
    }
}

fn experiment(arguments: &Transform, command: Vec<String>) -> anyhow::Result<Experiment> {
    if let alignscope::ModelSpec::Series(_) = arguments.model.spec {
        bail!("`{}` is a series of models; name one of its files or folders", arguments.model);
    }
    let datasets = vec![dataset(&arguments.data)?];
    let choices = Choices {
        projection: arguments.projection,
        precision: arguments.precision,
        backend: arguments.torch.backend,
        torch: arguments.torch.options(),
        prefix_tokens: arguments.arrays.prefix_tokens,
        layouts: arguments.arrays.layouts()?,
        ..arguments.scoring.choices()
    };
    Ok(Experiment {
        models: vec![arguments.model.clone()],
        distances: vec![Distance::Cosine],
        tokens: Tokens::Mean,
        precision: PrecisionChoice::Auto.resolve(),
        command: Some(command),
        ..Experiment::new(vec![], datasets, memory(arguments.budget.memory)?)
    }
    .with(choices))
}

fn request(arguments: &Transform) -> TransformRequest {
    let fitting = &arguments.fitting;
    let default = TransformRequest::default();
    let or = |given: &[f64], default: Vec<f64>| match given.is_empty() {
        true => default,
        false => {
            let mut given = given.to_vec();
            given.sort_by(|a, b| b.total_cmp(a));
            given
        }
    };
    TransformRequest {
        kinds: match arguments.kinds.is_empty() {
            true => default.kinds,
            false => {
                let mut kinds = arguments.kinds.clone();
                kinds.sort_unstable();
                kinds.dedup();
                kinds
            }
        },
        stages: arguments.stages.clone(),
        lambdas: or(&fitting.lambdas, default.lambdas),
        alpha: fitting.alpha.unwrap_or(default.alpha),
        temperature: fitting.temperature.unwrap_or(default.temperature),
        held_out: fitting.held_out,
        shuffled: fitting.shuffle,
    }
}

fn print(row: &TransformRow) {
    let interval = match (row.gain_low, row.gain_high) {
        (Some(low), Some(high)) => format!(" [{low:+.4}, {high:+.4}]"),
        _ => String::new(),
    };
    let stage = row.stage.to_string();
    say!(
        "{:<12} {:<11} {:<10} {:.4} -> {:.4}  gain {:+.4}{interval}",
        in_one_line(&stage),
        row.kind,
        row.distance,
        row.without,
        row.with,
        row.gain
    );
}
