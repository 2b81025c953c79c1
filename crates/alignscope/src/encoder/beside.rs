//! What lies beside a checkpoint's own files, and would make another model of it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::hub::{ADAPTER_FILES, HubModel, MODULES_FILE};
use crate::input_file::{self, JsonFileError, read_json};
use crate::model_spec::is_hub_id;
use crate::user_folders::expand_home;
use crate::weights::{ADAPTER_CONFIG, ADAPTER_WEIGHTS, Format};

/// The files of a folder make another model than its configuration and its weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BesideError {
    /// An adapter lies in the folder that cannot be merged.
    #[error(
        "{path} is an adapter{}, which alignscope does not merge: it merges those of LoRA that peft \
         saved as `adapter_config.json` with `adapter_model.safetensors` or `.bin`; merge it, with \
         peft's `model.merge_and_unload()` and `save_pretrained` to another folder, and name that \
         folder; or name a folder without the adapter's files",
        base.as_ref().map_or(String::new(), |base| format!(" for `{base}`"))
    )]
    Adapter {
        /// The adapter's file.
        path: PathBuf,
        /// The model that it was trained for, where it says so.
        base: Option<String>,
    },
    /// The adapter of a name of its own lies in a folder below.
    #[error("the adapter lies in a folder of its own; name that: {inner}")]
    InnerAdapter {
        /// The adapter's folder.
        inner: PathBuf,
    },
    /// The model of an adapter cannot be found.
    #[error(
        "{path} is an adapter without the model that it was trained for{}; write that model's \
         folder or its id of the hub as `base_model_name_or_path` into it, or put the adapter's \
         files into the folder of the model",
        base.as_ref().map_or(String::new(), |base| {
            format!(", which it says is `{base}`: that is neither a folder nor an id of the hub")
        })
    )]
    NoBase {
        /// The adapter's configuration.
        path: PathBuf,
        /// What it says.
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

/// Refuses a folder in which an adapter lies that cannot be merged, or that is one of
/// sentence-transformers around a model, or with more layers after it. Returns whether an adapter
/// lies in it that can be merged.
///
/// # Errors
/// What [`BesideError`] says.
pub(super) fn check(folder: &Path) -> Result<bool, BesideError> {
    if has_adapter(folder)? {
        return Ok(true);
    }
    // peft keeps an adapter of a name of its own in a folder of that name.
    let configs =
        [Format::Transformers, Format::OpenClip].map(|format| folder.join(format.config()));
    if !configs.iter().any(|config| config.exists())
        && let Some(inner) = inner_folders(folder).iter().find(|f| !adapter_files(f).is_empty())
    {
        return Err(BesideError::InnerAdapter { inner: inner.clone() });
    }
    check_modules(folder)?;
    Ok(false)
}

/// Whether an adapter lies in a folder that can be merged.
///
/// # Errors
/// One lies there that cannot.
pub(super) fn has_adapter(folder: &Path) -> Result<bool, BesideError> {
    let found = adapter_files(folder);
    let is_peft = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name == ADAPTER_CONFIG || ADAPTER_WEIGHTS.contains(&&*name)
    };
    let whole = folder.join(ADAPTER_CONFIG).is_file() && found.len() > 1;
    let other = found.iter().find(|path| !(whole && is_peft(path)));
    if let Some(path) = other {
        return Err(BesideError::Adapter { base: base_of(path), path: path.clone() });
    }
    Ok(whole)
}

/// The model that the adapter in a folder was trained for: a folder, from here or from the adapter's
/// own, or an id of the hub.
///
/// # Errors
/// It says none, or it is neither.
pub(super) fn base_model(folder: &Path) -> Result<Base, BesideError> {
    let path = folder.join(ADAPTER_CONFIG);
    let (config, _) = read_json(&path)?;
    let text = |key: &str| config[key].as_str().filter(|text| !text.is_empty());
    let Some(base) = text("base_model_name_or_path") else {
        return Err(BesideError::NoBase { path, base: None });
    };
    let places = [expand_home(Path::new(base)).unwrap_or_else(|_| base.into()), folder.join(base)];
    if let Some(found) = places.into_iter().find(|place| place.is_dir()) {
        return Ok(Base::Folder(found));
    }
    match is_hub_id(base) {
        true => {
            let revision = text("revision").map(str::to_owned);
            Ok(Base::Hub(HubModel { id: base.to_owned(), revision }))
        }
        false => Err(BesideError::NoBase { path, base: Some(base.to_owned()) }),
    }
}

/// The model that an adapter was trained for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Base {
    Folder(PathBuf),
    Hub(HubModel),
}

fn check_modules(folder: &Path) -> Result<(), BesideError> {
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

/// The files of adapters in a folder.
fn adapter_files(folder: &Path) -> Vec<PathBuf> {
    let is_adapter = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        ADAPTER_FILES.contains(&name.as_str())
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_adapter).collect();
    found.sort();
    found
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
