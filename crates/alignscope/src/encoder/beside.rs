//! What lies beside a checkpoint's own files, and would make another model of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::hub::{ADAPTER_FILES, MODULES_FILE};
use crate::input_file::{self, JsonFileError, read_json};

/// The files of a folder make another model than its configuration and its weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BesideError {
    /// An adapter lies in the folder.
    #[error(
        "{path} is an adapter{}, which alignscope does not apply: the activations would be those \
         of the model without it; merge it, with peft's `model.merge_and_unload()` and \
         `save_pretrained` to another folder, and name that folder; or name a folder without the \
         adapter's files",
        base.as_ref().map_or(String::new(), |base| format!(" for `{base}`"))
    )]
    Adapter {
        /// The adapter's file.
        path: PathBuf,
        /// The model that it was trained for, where it says so.
        base: Option<String>,
    },
    /// The model lies in a folder of sentence-transformers.
    #[error(
        "{folder} is a folder of sentence-transformers, whose model lies in a folder of its own; \
         name that: {inner}"
    )]
    InnerFolder {
        /// The folder.
        folder: PathBuf,
        /// The folder of the model.
        inner: PathBuf,
    },
    /// sentence-transformers would add a layer to the model.
    #[error(
        "{path} adds `{module}` after the model, which alignscope does not apply: its projection \
         would not be what sentence-transformers gives; name a folder with the model's own files \
         alone to score the model without it"
    )]
    Module {
        /// The list of modules.
        path: PathBuf,
        /// The module's type.
        module: String,
    },
    /// A small file of the model cannot be read.
    #[error(transparent)]
    Json(#[from] JsonFileError),
}

/// Refuses a folder in which an adapter lies, or that is one of sentence-transformers around a
/// model, or with more layers after it.
///
/// # Errors
/// What [`BesideError`] says.
pub(super) fn check(folder: &Path) -> Result<(), BesideError> {
    let in_folder = adapter_in(folder);
    // peft keeps an adapter of a name of its own in a folder of that name.
    let only_inside = || match folder.join("config.json").exists() {
        true => None,
        false => inner_folders(folder).iter().find_map(|inner| adapter_in(inner)),
    };
    if let Some(path) = in_folder.or_else(only_inside) {
        return Err(BesideError::Adapter { base: base_of(&path), path });
    }
    let path = folder.join(MODULES_FILE);
    if !path.is_file() {
        return Ok(());
    }
    let (modules, _) = read_json(&path)?;
    let modules = modules.as_array().map_or(&[][..], Vec::as_slice);
    let inner = modules.first().and_then(|first| first["path"].as_str()).unwrap_or_default();
    if !inner.is_empty() && !folder.join("config.json").exists() {
        let folder = folder.to_owned();
        return Err(BesideError::InnerFolder { inner: folder.join(inner), folder });
    }
    // A mean or a norm of what comes out is no layer: the projection is the model's own.
    let layer = |module: &Value| {
        let kind = module["type"].as_str().unwrap_or_default();
        !matches!(kind.rsplit('.').next(), Some("Pooling" | "Normalize"))
    };
    match modules.iter().skip(1).find(|module| layer(module)) {
        None => Ok(()),
        Some(module) => {
            let module = module["type"].as_str().unwrap_or_default().to_owned();
            Err(BesideError::Module { path, module })
        }
    }
}

/// An adapter's file in a folder.
fn adapter_in(folder: &Path) -> Option<PathBuf> {
    let is_adapter = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        ADAPTER_FILES.contains(&name.as_str())
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_adapter).collect();
    found.sort();
    found.into_iter().next()
}

fn inner_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut inner: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    inner.sort();
    inner
}

/// The model that an adapter says it is for.
fn base_of(path: &Path) -> Option<String> {
    // It is only told: an adapter is refused whatever its configuration says.
    let (text, _) = input_file::read_text(&path.with_file_name("adapter_config.json")).ok()?;
    let config: Value = serde_json::from_str(&text).ok()?;
    let name =
        ["base_model_name_or_path", "model_name"].iter().find_map(|key| config[key].as_str());
    name.filter(|name| !name.is_empty()).map(str::to_owned)
}
