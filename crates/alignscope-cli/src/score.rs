//! `alignscope score`.

use alignscope::features::{FeatureFolder, Layouts, Reading};
use alignscope::results::OutputFolder;
use alignscope::{
    DatasetSpec, Experiment, ExperimentError, NamedDataset, Progress, Tokens, UserModel, UserSource,
};
use anyhow::{Context, bail};

use crate::DONE;
use crate::arguments::{Data, Score};
use crate::progress::progress;
use crate::run::{memory, set_levels};
use crate::stop::Stoppable;
use crate::terminal::tell;

/// The data set that is named, at its level.
pub fn dataset(data: &Data) -> anyhow::Result<DatasetSpec> {
    let NamedDataset { name, format } = data.dataset.clone();
    let (folder, options) = (data.folder.clone(), data.part.options());
    let mut spec = DatasetSpec { name, level: None, format, data: folder, options };
    set_levels(std::slice::from_mut(&mut spec), &data.levels)?;
    Ok(spec)
}

/// Scores features that were made elsewhere.
pub fn run(arguments: &Score, command: Vec<String>, quiet: bool) -> anyhow::Result<u8> {
    let layouts = Layouts::new(&arguments.arrays.layouts)?;
    let folder = FeatureFolder::open(&arguments.features).context("cannot read the features")?;
    let name = match &arguments.name {
        Some(name) => name.clone(),
        None => {
            let path = std::path::absolute(&arguments.features).unwrap_or_default();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.unwrap_or_else(|| "features".to_owned())
        }
    };
    if name.trim().is_empty() {
        bail!("the name of the model is empty; give another with --name");
    }
    let external = UserModel {
        name,
        reading: Reading {
            tokens: arguments.scoring.tokens.unwrap_or(Tokens::All),
            prefix: arguments.arrays.prefix_tokens,
            layouts,
        },
        source: UserSource::Features(folder.into()),
        depths: None,
    };
    let datasets = vec![dataset(&arguments.data)?];
    let experiment = Experiment {
        pixels: !arguments.no_pixels,
        command: Some(command),
        ..Experiment::new(vec![], datasets, memory(arguments.budget.memory)?)
    }
    .with(arguments.scoring.choices());
    let out = OutputFolder::claim(&arguments.out)?;
    let progress = Stoppable::new(progress(quiet))?;
    let measured = match experiment.measure(external, Some(&out), &progress) {
        Ok(measured) => measured,
        Err(ExperimentError::Stopped) => {
            tell!("alignscope: stopped; no result was written");
            out.abandon();
            return Ok(progress.exit_code());
        }
        Err(error) => {
            out.abandon();
            return Err(error.into());
        }
    };
    progress.note(&format!(
        "{} scores in {} after {:.1} s",
        measured.scores.len(),
        out.path().display(),
        measured.wall_s
    ));
    Ok(DONE)
}
