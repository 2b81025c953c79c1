//! The sizes of an encoder, read from a checkpoint's `config.json`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::kernel::Activation;

/// A family of encoders: which file format, and which layers between pixels and projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// CLIP's vision transformer, as transformers stores it.
    Clip,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Clip => "clip",
        })
    }
}

/// The sizes of a vision encoder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Architecture {
    /// The family.
    pub family: Family,
    /// Channels of every token.
    pub channels: usize,
    /// Width of the perceptron's hidden layer.
    pub mlp_channels: usize,
    /// Number of blocks.
    pub blocks: usize,
    /// Attention heads of each block.
    pub heads: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Side of the image, in pixels.
    pub image_size: usize,
    /// Channels of the projection.
    pub projection: usize,
    /// The perceptron's non-linearity.
    #[serde(serialize_with = "as_name")]
    pub activation: Activation,
    /// Added to the variance in layer norms.
    pub layer_norm_eps: f64,
}

fn as_name<S: serde::Serializer>(value: &Activation, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// No size of a vision transformer is larger; a configuration that says so is damaged.
const MAX_SIZE: usize = 1 << 16;

impl Architecture {
    /// Tokens of an image: the class token and the patches.
    pub fn tokens(&self) -> usize {
        let side = self.image_size / self.patch_size;
        1 + side * side
    }

    /// Reads `config.json`, and names each key that it lacks with the default taken.
    ///
    /// # Errors
    /// The file cannot be read or parsed, names no model type or an unsupported one, or holds a
    /// value that cannot be.
    pub fn read(path: &Path) -> Result<(Self, Vec<String>), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let json: Value = serde_json::from_str(&text)
            .map_err(|source| ConfigError::Parse { path: path.to_owned(), source })?;
        let top = json.as_object().ok_or_else(|| ConfigError::Value {
            path: path.to_owned(),
            key: "(the whole file)".to_owned(),
            found: shorten(&json),
            expected: "an object",
        })?;
        match top.get("model_type").and_then(Value::as_str) {
            None => Err(ConfigError::NoModelType { path: path.to_owned() }),
            Some("clip") => super::clip::read_config(top, path),
            Some("clip_vision_model") => super::clip::read_vision_config(top, path),
            Some(other) => {
                Err(ConfigError::Unsupported { path: path.to_owned(), found: other.to_owned() })
            }
        }
    }

    /// Checks what the sizes must satisfy together.
    pub(super) fn validate(self, path: &Path) -> Result<Self, ConfigError> {
        let contradiction =
            |what: String| Err(ConfigError::Contradiction { path: path.to_owned(), what });
        if !self.channels.is_multiple_of(self.heads) {
            return contradiction(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.channels, self.heads
            ));
        }
        if self.patch_size > self.image_size {
            return contradiction(format!(
                "patch_size {} is larger than image_size {}",
                self.patch_size, self.image_size
            ));
        }
        Ok(self)
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
        let Some(value) = self.get(key, &default) else { return Ok(default) };
        let number = match value {
            Value::Array(sides) if sides.len() == 2 && sides[0] == sides[1] => sides[0].as_u64(),
            other => other.as_u64(),
        };
        number
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=MAX_SIZE).contains(n))
            .ok_or_else(|| self.error(key, value, "a whole number from 1 to 65536"))
    }

    /// A positive number.
    pub(super) fn positive(&mut self, key: &str, default: f64) -> Result<f64, ConfigError> {
        let Some(value) = self.get(key, &default) else { return Ok(default) };
        value
            .as_f64()
            .filter(|n| *n > 0.0 && n.is_finite())
            .ok_or_else(|| self.error(key, value, "a number above 0"))
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
            .and_then(|name| name.parse().ok())
            .ok_or_else(|| self.error(key, value, "`quick_gelu`, `gelu` or `gelu_pytorch_tanh`"))
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

    fn error(&self, key: &str, found: &Value, expected: &'static str) -> ConfigError {
        ConfigError::Value {
            path: self.path.to_owned(),
            key: format!("{}{key}", self.prefix),
            found: shorten(found),
            expected,
        }
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
    /// The file cannot be read.
    #[error("cannot read the model's configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not JSON.
    #[error("{path} is not valid JSON")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The file names no model type.
    #[error(
        "{path} has no `model_type`, so the family of the model is unknown; expected `clip` or `clip_vision_model`"
    )]
    NoModelType {
        /// The file.
        path: PathBuf,
    },
    /// The model type is not one of those supported.
    #[error(
        "{path} is of model type `{found}`, which is not supported; expected `clip` or `clip_vision_model`"
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The model type.
        found: String,
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
    /// Two values contradict each other.
    #[error("{path} contradicts itself: {what}")]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// How.
        what: String,
    },
}
