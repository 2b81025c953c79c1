//! The folders that `timm.models.save_for_hf` writes.

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::config::{ConfigError, ConfigFile, Keys};
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::weights::{Format, Weights};

/// The keys of a folder's `config.json`; those of its `pretrained_cfg` stand there in older ones.
pub(super) const FOLDER_KEYS: [&str; 33] = [
    "architecture",
    "architectures",
    "model_args",
    "pretrained_cfg",
    "num_classes",
    "num_features",
    "global_pool",
    "label_names",
    "label_descriptions",
    "labels",
    "url",
    "file",
    "hf_hub_id",
    "hf_hub_filename",
    "source",
    "custom_load",
    "input_size",
    "test_input_size",
    "min_input_size",
    "fixed_input_size",
    "interpolation",
    "crop_pct",
    "test_crop_pct",
    "crop_mode",
    "mean",
    "std",
    "pool_size",
    "first_conv",
    "classifier",
    "license",
    "tag",
    "paper_ids",
    "paper_name",
];

/// The architecture's name, if the configuration is timm's.
pub(super) fn architecture(config: &ConfigFile) -> Option<&str> {
    let is_of_timm = config.format() == Format::Transformers && config.model_type().is_none();
    config.object().get("architecture").filter(|_| is_of_timm).and_then(Value::as_str)
}

/// Whether the architecture is one of these.
pub(super) fn is_one_of(config: &ConfigFile, names: &[&str]) -> bool {
    architecture(config).is_some_and(|name| names.contains(&name))
}

/// `pretrained_cfg`, or the whole file, in which its keys stand in older folders.
pub(super) fn pretrained<'a>(keys: &Keys<'a>) -> Result<&'a Map<String, Value>, ConfigError> {
    Ok(keys.nested("pretrained_cfg")?.unwrap_or(keys.object))
}

/// Refuses every key that is not known, and every argument of the model but those `known` and those
/// of `neutral` with the value that stands there.
pub(super) fn check(
    keys: &Keys<'_>,
    known: &[&str],
    neutral: &[(&str, &'static str)],
) -> Result<(), ConfigError> {
    keys.must_be_known(&[&FOLDER_KEYS], &[])?;
    arguments(keys)?.must_be_known(&[known], &[neutral])
}

/// The arguments of the model; none where a folder has none.
pub(super) fn arguments<'a>(keys: &Keys<'a>) -> Result<Keys<'a>, ConfigError> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    let object = keys.nested("model_args")?.unwrap_or(&NONE);
    Ok(Keys { object, path: keys.path, prefix: "model_args.", defaults_used: Vec::new() })
}

/// Side of the images that `input_size`, `[3, side, side]`, says; 224 without it.
pub(super) fn input_size(keys: &Keys<'_>) -> Result<usize, ConfigError> {
    match pretrained(keys)?.get("input_size") {
        None | Some(Value::Null) => Ok(224),
        Some(found) => match found.as_array().map(Vec::as_slice) {
            Some([channels, height, width]) if channels == 3 && height == width => {
                let side = height.as_u64().filter(|side| (1..=8192).contains(side));
                side.map(|side| side as usize)
            }
            _ => None,
        }
        .ok_or_else(|| keys.value("input_size", found, "[3, side, side]")),
    }
}

/// How an image is brought to a model that takes so many pixels on a side.
pub(super) fn preprocessing(
    config: &ConfigFile,
    image_size: usize,
) -> Result<(Recipe, HashedPath), PreprocessError> {
    let (file, object) = (config.file(), config.object());
    let pretrained = object.get("pretrained_cfg").and_then(Value::as_object).unwrap_or(object);
    let recipe = Preprocessing::from_timm(pretrained, &file.path, image_size)?;
    Ok((recipe, file.clone()))
}

/// The tensors of a model, which tell its sizes.
#[derive(Clone, Copy)]
pub(super) struct TimmTensors<'a> {
    pub(super) weights: &'a Weights,
    /// The configuration, and the model in it, for messages.
    pub(super) path: &'a Path,
    pub(super) model: &'a str,
    /// What stands before their names.
    pub(super) prefix: &'static str,
}

impl<'a> TimmTensors<'a> {
    /// Those of a folder with this configuration.
    pub(super) fn of_folder(weights: &'a Weights, keys: &Keys<'a>) -> Self {
        let model = keys.object.get("architecture").and_then(Value::as_str);
        Self { weights, path: keys.path, model: model.unwrap_or_default(), prefix: "" }
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.weights.shape(&format!("{}{name}", self.prefix))
    }

    /// Whether it is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    /// The length of a tensor along an axis.
    pub(super) fn axis(&self, name: &str, axis: usize) -> Result<usize, ConfigError> {
        let length = self.shape(name).and_then(|shape| shape.get(axis).copied());
        length.filter(|n| *n > 0).ok_or_else(|| self.missing(name))
    }

    /// Whether the name of a tensor begins so.
    pub(super) fn has_any(&self, start: &str) -> bool {
        let start = format!("{}{start}", self.prefix);
        self.weights.names().iter().any(|name| name.starts_with(&start))
    }

    /// Refuses a size of the tensors that is not the expected one.
    pub(super) fn must_be<T: PartialEq + fmt::Debug>(
        &self,
        what: &'static str,
        found: &T,
        expected: &T,
    ) -> Result<(), ConfigError> {
        match found == expected {
            true => Ok(()),
            false => Err(ConfigError::OtherSize {
                path: self.path.to_owned(),
                model: self.model.to_owned(),
                what,
                found: format!("{found:?}"),
                expected: format!("{expected:?}"),
            }),
        }
    }

    /// The error of a tensor that should not be there.
    pub(super) fn unexpected(&self, name: &str) -> ConfigError {
        ConfigError::UnsupportedTensor {
            path: self.path.to_owned(),
            model: self.model.to_owned(),
            tensor: format!("{}{name}", self.prefix),
        }
    }

    /// The error of a tensor that is not there.
    pub(super) fn missing(&self, name: &str) -> ConfigError {
        ConfigError::NoTensor {
            path: self.path.to_owned(),
            model: self.model.to_owned(),
            tensor: format!("{}{name}", self.prefix),
        }
    }
}
