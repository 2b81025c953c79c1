//! `alignscope compare --models-only`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alignscope::results::{OutputFolder, check_finished, check_not_itself};
use alignscope::{
    Choices, Experiment, ExperimentError, ExperimentFile, SimilarityRequest, TorchModels,
};
use anyhow::bail;

use crate::arguments::Compare;
use crate::progress::progress;
use crate::run::memory;
use crate::stop::Stoppable;
use crate::terminal::{say, tell};
use crate::{DONE, cache};

/// The record of a run.
const MANIFEST: &str = "manifest.json";

/// Compares the models of an experiment, or of a run, with each other.
///
/// `torch` — opens torch models
pub fn run(
    arguments: &Compare,
    command: Vec<String>,
    torch: &dyn TorchModels,
    quiet: bool,
) -> anyhow::Result<u8> {
    let asked = &arguments.models_only;
    let Some(folder) = &asked.out else { bail!("name the folder for the table with --out") };
    let experiment = experiment(arguments, command)?;
    let request = SimilarityRequest {
        images: asked.images.unwrap_or(SimilarityRequest::IMAGES),
        stage: asked.stage,
    };
    check_not_itself([&arguments.run_a], folder)?;
    let out = OutputFolder::claim(folder)?;
    let progress = Stoppable::new(progress(quiet))?;
    match experiment.compare_models(&request, vec![], torch, Some(&out), &progress) {
        Ok(rows) => {
            drop(progress);
            say!("{} comparisons of stages in {}", rows.len(), out.path().display());
            Ok(DONE)
        }
        Err(ExperimentError::Stopped) => {
            tell!("alignscope: stopped; the same command begins again");
            out.abandon();
            Ok(progress.exit_code())
        }
        Err(error) => {
            out.abandon();
            Err(error.into())
        }
    }
}

/// The experiment that a file or the manifest of a run says.
fn experiment(arguments: &Compare, command: Vec<String>) -> anyhow::Result<Experiment> {
    let memory_bytes = memory(arguments.models_only.memory)?;
    let file = ExperimentFile::read(&file_of(&arguments.run_a)?, &BTreeMap::new(), false)?;
    let given = Choices { memory_bytes: Some(memory_bytes), ..Choices::default() };
    let mut experiment = file.into_experiment(given, memory_bytes);
    if let Some(wanted) = &arguments.dataset {
        let called: Vec<String> =
            experiment.datasets.iter().map(|dataset| format!("`{}`", dataset.called())).collect();
        experiment.datasets.retain(|dataset| dataset.called() == wanted);
        if experiment.datasets.is_empty() {
            bail!("there is no data set `{wanted}`, expected one of {}", called.join(", "));
        }
    }
    let kept = Some(cache::folder(None)?);
    Ok(Experiment { kept, command: Some(command), ..experiment })
}

/// The experiment file itself, or the manifest in the folder of a run.
fn file_of(path: &Path) -> anyhow::Result<PathBuf> {
    // A file of TOML that is not there is told as such, not as a run.
    if path.is_file() || path.extension().is_some_and(|ending| ending == "toml") {
        return Ok(path.to_owned());
    }
    check_finished(path)?;
    Ok(path.join(MANIFEST))
}
