//! A checkpoint's configuration, and its keys.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::input_file::{HashedPath, JsonFileError, read_json};
use crate::weights::Format;
use alignscope_kernel::Activation;

/// No size of an encoder is larger; a configuration that says so is damaged.
const MAX_SIZE: usize = 1 << 16;

/// A configuration that was read: a JSON object, and the hash of the very bytes that it was parsed
/// from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConfigFile {
    format: Format,
    object: Map<String, Value>,
    file: HashedPath,
}

impl ConfigFile {
    /// Reads the configuration in a folder of this format.
    ///
    /// # Errors
    /// The file cannot be read or parsed, or holds no object.
    pub(super) fn read(folder: &Path, format: Format) -> Result<Self, ConfigError> {
        let path = folder.join(format.config());
        let (json, file) = read_json(&path)?;
        match json {
            Value::Object(object) => Ok(Self { format, object, file }),
            other => Err(ConfigError::Value {
                path,
                key: "(the whole file)".to_owned(),
                found: shorten(&other),
                expected: "an object",
            }),
        }
    }

    /// That of a model of the catalogue, whose sizes are known: it has no keys, and messages name
    /// the file of the weights.
    pub(super) fn of_known(weights: &Path) -> Self {
        let file = HashedPath { path: weights.to_owned(), sha256: String::new() };
        Self { format: Format::Transformers, object: Map::new(), file }
    }

    /// Who wrote it.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Where it is, and its hash.
    pub(super) fn file(&self) -> &HashedPath {
        &self.file
    }

    /// Its keys.
    pub(super) fn object(&self) -> &Map<String, Value> {
        &self.object
    }

    /// Its `model_type`, if it is a configuration of transformers.
    pub(super) fn model_type(&self) -> Option<&str> {
        let value = self.object.get("model_type").filter(|_| self.format == Format::Transformers);
        value.and_then(Value::as_str)
    }

    /// A reader of its keys.
    pub(super) fn keys(&self) -> Keys<'_> {
        let (object, path) = (&self.object, self.file.path.as_path());
        Keys { object, path, prefix: "", defaults_used: Vec::new() }
    }
}

/// Reads keys of a JSON object, and keeps a list of those that were not there.
pub(super) struct Keys<'a> {
    pub(super) object: &'a Map<String, Value>,
    pub(super) path: &'a Path,
    /// What stands before a key in messages: `vision_config.` or nothing.
    pub(super) prefix: &'static str,
    pub(super) defaults_used: Vec<String>,
}

impl<'a> Keys<'a> {
    /// A positive whole number; `[n, n]` counts as n.
    pub(super) fn size(&mut self, key: &str, default: usize) -> Result<usize, ConfigError> {
        match self.get(key, &default) {
            None => Ok(default),
            Some(value) => self.size_of(key, value),
        }
    }

    /// A positive whole number that must be there.
    pub(super) fn required_size(&self, key: &str) -> Result<usize, ConfigError> {
        self.size_of(key, self.object.get(key).unwrap_or(&Value::Null))
    }

    fn size_of(&self, key: &str, value: &Value) -> Result<usize, ConfigError> {
        let number = match value {
            Value::Array(sides) if sides.len() == 2 && sides[0] == sides[1] => sides[0].as_u64(),
            other => other.as_u64(),
        };
        number
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=MAX_SIZE).contains(n))
            .ok_or_else(|| self.value(key, value, "a whole number from 1 to 65536"))
    }

    /// A list of positive whole numbers, at least one.
    pub(super) fn sizes(
        &mut self,
        key: &str,
        default: &[usize],
    ) -> Result<Vec<usize>, ConfigError> {
        let Some(value) = self.get(key, &format!("{default:?}")) else {
            return Ok(default.to_vec());
        };
        let size = |value: &Value| {
            let size = value.as_u64().and_then(|n| usize::try_from(n).ok());
            size.filter(|n| (1..=MAX_SIZE).contains(n))
        };
        let sizes = value.as_array().and_then(|values| values.iter().map(size).collect());
        sizes
            .filter(|sizes: &Vec<usize>| !sizes.is_empty())
            .ok_or_else(|| self.value(key, value, "a list of whole numbers from 1 to 65536"))
    }

    /// Refuses two keys that are not for as many stages of a network.
    pub(super) fn must_be_as_many(
        &self,
        one: &str,
        of_one: usize,
        other: &str,
        of_other: usize,
    ) -> Result<(), ConfigError> {
        match of_one == of_other {
            true => Ok(()),
            false => Err(ConfigError::Contradiction {
                path: self.path.to_owned(),
                what: format!("`{one}` is for {of_one} stages and `{other}` for {of_other}"),
            }),
        }
    }

    /// A positive number.
    pub(super) fn positive(&mut self, key: &str, default: f64) -> Result<f64, ConfigError> {
        let Some(value) = self.get(key, &default) else { return Ok(default) };
        value
            .as_f64()
            .filter(|n| *n > 0.0 && n.is_finite())
            .ok_or_else(|| self.value(key, value, "a number above 0"))
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> Result<bool, ConfigError> {
        let Some(value) = self.get(key, &default) else { return Ok(default) };
        value.as_bool().ok_or_else(|| self.value(key, value, "true or false"))
    }

    /// True or false; false without it, which is no default that is worth telling.
    pub(super) fn given_flag(&self, key: &str) -> Result<bool, ConfigError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.value(key, value, "true or false")),
        }
    }

    /// A text; the default without it, which is not worth telling.
    pub(super) fn given_text(&self, key: &str, default: &str) -> Result<String, ConfigError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(default.to_owned()),
            Some(value) => {
                let text = value.as_str().map(str::to_owned);
                text.ok_or_else(|| self.value(key, value, "a text"))
            }
        }
    }

    /// The arguments of a layer, all of which are `known`; `None` where there are none.
    pub(super) fn of_arguments(
        &self,
        key: &str,
        known: &[&str],
    ) -> Result<Option<&'a Map<String, Value>>, ConfigError> {
        let Some(arguments) = self.nested(key)? else { return Ok(None) };
        match arguments.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Some(arguments)),
            Some(name) => Err(ConfigError::UnknownKey {
                path: self.path.to_owned(),
                key: format!("{}{key}.{name}", self.prefix),
                found: shorten(&arguments[name]),
            }),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, default: &str) -> Result<String, ConfigError> {
        let Some(value) = self.get(key, &default) else { return Ok(default.to_owned()) };
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| self.value(key, value, "a text"))
    }

    /// A flag without which the model is another one.
    pub(super) fn must_be_true(&self, key: &str) -> Result<(), ConfigError> {
        match self.object.get(key) {
            None | Some(Value::Null | Value::Bool(true)) => Ok(()),
            Some(other) => {
                Err(self.value(key, other, "true: without it the model has no projection"))
            }
        }
    }

    /// The keys of the object at `key`; none where it is missing or null.
    ///
    /// # Errors
    /// Something else than an object stands there.
    pub(super) fn nested(&self, key: &str) -> Result<Option<&'a Map<String, Value>>, ConfigError> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(self.value(key, other, "an object")),
        }
    }

    /// Refuses every key that might make another model: all but those in `known`, which are read or
    /// do not matter, those of `neutral` with the value (as JSON) that stands there, and null.
    pub(super) fn must_be_known(
        &self,
        known: &[&[&str]],
        neutral: &[&[(&str, &'static str)]],
    ) -> Result<(), ConfigError> {
        for (key, found) in self.object {
            if found.is_null() || known.iter().any(|known| known.contains(&key.as_str())) {
                continue;
            }
            let (path, found_text) = (self.path.to_owned(), shorten(found));
            let full = format!("{}{key}", self.prefix);
            match neutral.iter().copied().flatten().find(|(name, _)| name == key) {
                Some((_, expected)) if is(found, expected) => {}
                Some((_, "{}")) if key == "quantization_config" => {
                    return Err(ConfigError::Quantized { path, key: full });
                }
                Some((_, "{}")) if key == "auto_map" => {
                    return Err(ConfigError::OwnCode { path, key: full, found: found_text });
                }
                Some((_, expected)) => {
                    let key = full;
                    return Err(ConfigError::Variant { path, key, found: found_text, expected });
                }
                None => return Err(ConfigError::UnknownKey { path, key: full, found: found_text }),
            }
        }
        Ok(())
    }

    /// The name of an activation function.
    pub(super) fn activation(
        &mut self,
        key: &str,
        default: Activation,
    ) -> Result<Activation, ConfigError> {
        let Some(value) = self.get(key, &default) else { return Ok(default) };
        value
            .as_str()
            .and_then(|name| Activation::ALL.into_iter().find(|a| a.name() == name))
            .ok_or_else(|| {
                self.value(key, value, "`quick_gelu`, `gelu`, `gelu_pytorch_tanh` or `silu`")
            })
    }

    fn get(&mut self, key: &str, default: &dyn fmt::Display) -> Option<&'a Value> {
        match self.object.get(key) {
            None | Some(Value::Null) => {
                self.defaults_used.push(format!("{}{key} = {default}", self.prefix));
                None
            }
            found => found,
        }
    }

    /// The error of a value that cannot be.
    pub(super) fn value(&self, key: &str, found: &Value, expected: &'static str) -> ConfigError {
        ConfigError::Value {
            path: self.path.to_owned(),
            key: format!("{}{key}", self.prefix),
            found: shorten(found),
            expected,
        }
    }
}

/// Whether a value is the one that stands in JSON; 0 is 0.0.
fn is(value: &Value, json: &str) -> bool {
    match (value.as_f64(), json.parse::<f64>()) {
        (Some(found), Ok(expected)) => found == expected,
        _ => value.to_string().as_str() == json,
    }
}

/// A JSON value for a message.
fn shorten(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A checkpoint's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A small file of the model cannot be read.
    #[error(transparent)]
    Json(#[from] JsonFileError),
    /// The file names no model type.
    #[error("{path} has no `model_type`, so the family of the model is unknown; expected {known}")]
    NoModelType {
        /// The file.
        path: PathBuf,
        /// The model types that are supported.
        known: String,
    },
    /// The model type is not one of those supported.
    #[error("{path} is of model type `{found}`, which is not supported; expected {known}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The model type.
        found: String,
        /// The model types that are supported.
        known: String,
    },
    /// A key holds what it cannot hold.
    #[error("`{key}` in {path} is {found}, expected {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// A key of another model.
    #[error(
        "`{key}` in {path} is {found}, expected {expected}: anything else makes another model, \
         which is not supported"
    )]
    Variant {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// The value at which the model is the plain one, as JSON.
        expected: &'static str,
    },
    /// A key is none of those known.
    #[error(
        "`{key}` in {path} (it is {found}) is not a key that alignscope knows, and may make \
         another model; if it changes nothing in the vision tower, delete it from a copy of the \
         file"
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its value.
        found: String,
    },
    /// The weights are quantized.
    #[error(
        "`{key}` in {path} says that the weights are quantized, expected f32, f16, bf16 or f64; \
         name the model that was quantized, or call `model.dequantize()` and save it again"
    )]
    Quantized {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// The model comes with code of its own.
    #[error(
        "`{key}` in {path} names code that the model brings along ({found}), which is not run, and \
         may compute something else than the model type says; expected a model of transformers \
         itself"
    )]
    OwnCode {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is there.
        found: String,
    },
    /// The weights hold a part that the supported models do not have.
    #[error(
        "the weights of the model {model} of {path} have the tensor `{tensor}`, {}",
        what_tensor(tensor)
    )]
    UnsupportedTensor {
        /// The file.
        path: PathBuf,
        /// The model in it.
        model: String,
        /// The tensor.
        tensor: String,
    },
    /// The weights lack a part.
    #[error("the weights of the model {model} of {path} lack the tensor `{tensor}`")]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The model in it.
        model: String,
        /// The tensor.
        tensor: String,
    },
    /// A block of a transformer has a part that another one has not.
    #[error(
        "the weights of the model {model} of {path} have the tensor `{tensor}`, but not `{other}`; \
         expected blocks of one kind"
    )]
    UnevenBlocks {
        /// The file.
        path: PathBuf,
        /// The model in it.
        model: String,
        /// The tensor that is there.
        tensor: String,
        /// The tensor that is not.
        other: String,
    },
    /// The weights are of another size than the model.
    #[error(
        "the weights of the model {model} of {path} are not those that its name and arguments say: \
         {what} is {found}, expected {expected}; correct the configuration, or take the whole weights"
    )]
    OtherSize {
        /// The file.
        path: PathBuf,
        /// The model in it.
        model: String,
        /// Which size.
        what: &'static str,
        /// That of the tensors.
        found: String,
        /// That of the configuration.
        expected: String,
    },
    /// Two values contradict each other.
    #[error("{path} contradicts itself: {what}")]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// How.
        what: String,
    },
}

/// What a tensor says about a model that should not have it, and what to do.
fn what_tensor(name: &str) -> &'static str {
    // peft's names, and those of the first implementations of LoRA.
    const ADAPTERS: [&str; 8] =
        ["lora_", "base_layer.", "base_model.", "hada_", "lokr_", "ia3_", "oft_", "vera_"];
    // bitsandbytes, GPTQ, AWQ, quanto, compressed-tensors and FP8.
    const QUANTIZED: [&str; 12] = [
        ".SCB",
        ".weight_format",
        ".qweight",
        ".qzeros",
        ".scales",
        ".g_idx",
        ".weight_scale",
        ".weight_scale_inv",
        ".weight_zero_point",
        ".absmax",
        ".quant_map",
        "._data",
    ];
    if ADAPTERS.iter().any(|part| name.contains(part)) {
        return "which is an adapter's (such as LoRA); save it with peft's `save_pretrained` and name \
                that folder, or merge it with `merge_and_unload()` and save the merged model";
    }
    if QUANTIZED.iter().any(|end| name.ends_with(end)) || name.contains(".quant_state.") {
        return "so they are quantized; name the model that was quantized, or call \
                `model.dequantize()` and save it again";
    }
    "which that model, as its configuration describes it, does not have; alignscope would leave \
     out what it does, so expected are the tensors of the plain model alone"
}
