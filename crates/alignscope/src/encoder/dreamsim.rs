//! DreamSim's encoders, in the folder that the package `dreamsim` keeps its weights in.

mod branch;
mod head;

use std::path::{Path, PathBuf};

pub(super) use branch::family_names;
use branch::{Branch, branches};
pub(crate) use head::normalize as normalized_embedding;

use super::family::{CheckpointFolder, Family, WeightsOrigin};
use super::{Checkpoint, EncoderError};
use crate::model_spec::DreamSim;
use crate::weights::Weights;
use alignscope_kernel::Precision;

/// The files of DreamSim make no model of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DreamSimError {
    /// No folder has the adapter.
    #[error(
        "{} needs the folder `{}` of the archive published at {}, which no folder of {searched} has",
        model.description(), model.adapter(), model.url()
    )]
    NoAdapter {
        /// The model.
        model: DreamSim,
        /// Where it was looked for.
        searched: String,
    },
    /// The archive was downloaded, and not unpacked.
    #[error("{path} is packed; unpack it where it lies, as with `unzip`")]
    Packed {
        /// The archive.
        path: PathBuf,
    },
    /// The weights of an encoder are not there.
    #[error(
        "{} needs {files} in {folder}, published at {url}{}",
        model.description(), note.map_or(String::new(), |note| format!("; {note}"))
    )]
    NoBackbone {
        /// The model.
        model: DreamSim,
        /// Where they were looked for.
        folder: PathBuf,
        /// Their names.
        files: String,
        /// Where they are published.
        url: String,
        /// What is easily taken for them.
        note: Option<&'static str>,
    },
    /// The adapter is of another model.
    #[error(
        "the adapter {path} {found}, expected one that changes `attn.qkv` in each of the {blocks} \
         blocks of {encoders}, as that of {} does",
        model.description()
    )]
    OtherAdapter {
        /// The adapter's folder.
        path: PathBuf,
        /// The model.
        model: DreamSim,
        /// What it changes, or does not.
        found: String,
        /// How many encoders the model has.
        encoders: String,
        /// How many blocks each has.
        blocks: usize,
    },
    /// The folder has several models.
    #[error("{folder} has several models of DreamSim; name one of them: {}", names.join(", "))]
    Several {
        /// The folder.
        folder: PathBuf,
        /// How each is named.
        names: Vec<String>,
    },
    /// The ensemble has no stages.
    #[error(
        "DreamSim's ensemble in {folder} is three encoders, whose stages are not those of one \
         model; its distance is the baseline `{}`",
        DreamSim::Ensemble
    )]
    Ensemble {
        /// The folder.
        folder: PathBuf,
    },
}

/// The single model of DreamSim whose adapter lies in a folder; `None` if the folder is none of
/// DreamSim's.
///
/// # Errors
/// There are several, or the ensemble alone, or an archive that was not unpacked.
pub(super) fn single_in(folder: &Path) -> Result<Option<DreamSim>, DreamSimError> {
    let is_there = |model: &DreamSim| folder.join(model.adapter()).is_dir();
    let found: Vec<DreamSim> = DreamSim::ALL.into_iter().filter(is_there).collect();
    let single: Vec<DreamSim> = found.iter().copied().filter(|model| model.is_single()).collect();
    match single.as_slice() {
        [one] => Ok(Some(*one)),
        [] if !found.is_empty() => Err(DreamSimError::Ensemble { folder: folder.to_owned() }),
        [] => archive_in(folder).map_or(Ok(None), |path| Err(DreamSimError::Packed { path })),
        several => {
            let name = |m: &DreamSim| format!("`{}#{}`", folder.display(), m.type_name());
            let names = several.iter().map(name).collect();
            Err(DreamSimError::Several { folder: folder.to_owned(), names })
        }
    }
}

/// An archive of any model of DreamSim that lies in a folder, by the name that it is published by.
fn archive_in(folder: &Path) -> Option<PathBuf> {
    DreamSim::ALL.iter().find_map(|model| archive_of(*model, folder))
}

/// The archive of a model in a folder that was not unpacked: by its published name; or by that of
/// the package, which gives all archives one and leaves it there, if there is no adapter yet.
fn archive_of(model: DreamSim, folder: &Path) -> Option<PathBuf> {
    let is_unpacked = DreamSim::ALL.iter().any(|model| folder.join(model.adapter()).is_dir());
    let shared = (!is_unpacked).then(|| "pretrained.zip".to_owned());
    let names = std::iter::once(model.archive()).chain(shared);
    names.map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The first of some folders that has the adapter of a model.
///
/// # Errors
/// None has it.
pub(super) fn find(model: DreamSim, folders: &[PathBuf]) -> Result<&Path, DreamSimError> {
    let found = folders.iter().find(|folder| folder.join(model.adapter()).is_dir());
    match (found, folders.iter().find_map(|folder| archive_of(model, folder))) {
        (Some(folder), _) => Ok(folder),
        (None, Some(path)) => Err(DreamSimError::Packed { path }),
        (None, None) => {
            let searched: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
            Err(DreamSimError::NoAdapter { model, searched: searched.join(", ") })
        }
    }
}

/// The encoders of a model whose files lie in a folder, with its adapter merged. The last stage of a
/// single one is what DreamSim compares; of several, what it makes one vector of.
///
/// # Errors
/// A file is missing or damaged, or the adapter is of another model.
pub(super) fn open(model: DreamSim, folder: &Path) -> Result<Vec<Checkpoint>, EncoderError> {
    find(model, &[folder.to_owned()])?;
    branches(model).iter().map(|branch| open_branch(model, branch, folder)).collect()
}

fn open_branch(
    model: DreamSim,
    branch: &'static Branch,
    folder: &Path,
) -> Result<Checkpoint, EncoderError> {
    let path = branch.file_in(folder).ok_or_else(|| branch.missing(model, folder))?;
    let adapter = folder.join(model.adapter());
    let file = Some((path.as_path(), branch.part()));
    let origin = WeightsOrigin { file, adapter: Some(adapter.clone()) };
    let opened = CheckpointFolder::of_known(branch, origin);
    check_adapter(model, opened.weights()?, &adapter)?;
    let (mut architecture, defaults_used) = branch.architecture(&opened)?;
    architecture.unit_projection = model.is_single();
    let (recipe, _) = branch.preprocessing(&opened, &architecture)?;
    branch.check_tensors(&opened, &architecture)?;
    let (_, weights) = opened.into_parts()?;
    Checkpoint {
        architecture,
        preprocessing: recipe.preprocessing,
        files: weights.files(),
        defaults_used,
        precision: Precision::F32,
        bare_patches: false,
        family: branch,
        weights,
    }
    .checked()
}

/// Refuses an adapter that does not change what that of the model changes.
fn check_adapter(model: DreamSim, weights: &Weights, path: &Path) -> Result<(), DreamSimError> {
    let found = weights.adapted_modules();
    let count = branches(model).len();
    let expected: Vec<String> = (0..count)
        .flat_map(|i| (0..branch::BLOCKS).map(move |block| branch::adapted(i, block)))
        .collect();
    let other = found.iter().find(|module| !expected.contains(module));
    let missing = expected.iter().find(|module| !found.contains(*module));
    let found = match (other, missing) {
        (None, None) => return Ok(()),
        (Some(other), _) => format!("changes `{other}`"),
        (None, Some(missing)) => format!("does not change `{missing}`"),
    };
    let encoders = if count == 1 { "one encoder".to_owned() } else { format!("{count} encoders") };
    let (path, blocks) = (path.to_owned(), branch::BLOCKS);
    Err(DreamSimError::OtherAdapter { path, model, found, encoders, blocks })
}
