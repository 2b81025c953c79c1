//! A LoRA adapter as peft saves it, which is merged into the weights that it was trained for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::names::{Renaming, as_in_files};
use super::{Init, Weights, WeightsError};
use crate::input_file::{HashedPath, JsonFileError, read_json};

/// The configuration of an adapter, and its weights, the first that is there being taken.
pub(crate) const ADAPTER_CONFIG: &str = "adapter_config.json";
pub(crate) const ADAPTER_WEIGHTS: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];

/// An adapter cannot be merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// Its configuration cannot be read.
    #[error(transparent)]
    Json(#[from] JsonFileError),
    /// It is of another kind than LoRA.
    #[error(
        "{path} is an adapter of the kind {found}, expected LORA: others are not merged by \
         alignscope; merge it with peft's `merge_and_unload()`, and save the merged model"
    )]
    Kind {
        /// Its configuration.
        path: PathBuf,
        /// Its kind.
        found: String,
    },
    /// It does more than add products of two matrices.
    #[error(
        "`{key}` in {path} is {found}, expected {expected}: {why}; merge the adapter with peft's \
         `merge_and_unload()`, and save the merged model"
    )]
    Variant {
        /// Its configuration.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What would do.
        expected: &'static str,
        /// What it would do.
        why: &'static str,
    },
    /// A key of its configuration is none of those known.
    #[error(
        "`{key}` in {path} (it is {found}) is not a key of a LoRA adapter that alignscope knows, \
         and may make another model; if it changes nothing, delete it from a copy of the file"
    )]
    UnknownKey {
        /// Its configuration.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is there.
        found: String,
    },
    /// A tensor of the adapter is of none of the known forms.
    #[error(
        "the adapter {path} has the tensor `{tensor}`, expected `….lora_A.weight`, \
         `….lora_B.weight` and the modules of `modules_to_save`"
    )]
    Tensor {
        /// The adapter's weights.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// It is of a layer that peft merges in ways of its own.
    #[error(
        "the adapter {path} has the tensor `{tensor}`, of a `torch.nn.MultiheadAttention`, whose \
         `out_proj` versions of peft merge differently (0.21 adds it twice); merge the adapter with \
         peft's `merge_and_unload()`, and save the merged model"
    )]
    Attention {
        /// The adapter's weights.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// The adapter changes what the model does not have.
    #[error(
        "the adapter {path} changes `{module}`, of which the model {model} has {found}; expected \
         the adapter of this model"
    )]
    Target {
        /// The adapter's weights.
        path: PathBuf,
        /// What it changes.
        module: String,
        /// The model.
        model: String,
        /// How many tensors fit.
        found: String,
    },
    /// The matrices do not fit the weights, or each other.
    #[error("the adapter {path} adds {found} to `{tensor}`, which has the shape {expected:?}")]
    Shape {
        /// The adapter's weights.
        path: PathBuf,
        /// The tensor that it changes.
        tensor: String,
        /// The shapes of its matrices, and the rank of which they are to be.
        found: String,
        /// The shape of the tensor.
        expected: Vec<usize>,
    },
}

/// What an adapter does to a tensor.
#[derive(Debug, Clone)]
enum Change {
    /// Adds `scale · B · A`.
    Product { module: String, scale: f64, rank: usize },
    /// Puts another in its place.
    Replaced(String),
}

/// An adapter, of which the header is read.
#[derive(Debug)]
pub(crate) struct Adapter {
    config: HashedPath,
    settings: Settings,
    weights: Weights,
    /// What is done to tensors of the model, by their names.
    changes: BTreeMap<String, Change>,
}

/// What a configuration says.
#[derive(Debug)]
struct Settings {
    rank: usize,
    alpha: f64,
    /// Divides by the root of the rank, not by the rank.
    by_root: bool,
    ranks: Vec<(String, f64)>,
    alphas: Vec<(String, f64)>,
    saved: Vec<String>,
}

/// What peft puts before the names of a model's modules.
const PEFT: &str = "base_model.model.";

impl Adapter {
    /// Reads configuration and header of the adapter in a folder.
    ///
    /// # Errors
    /// It is not one of LoRA alone, or a file is damaged.
    pub(crate) fn open(folder: &Path) -> Result<Self, WeightsError> {
        let path = folder.join(ADAPTER_CONFIG);
        let (json, config) = read_json(&path).map_err(AdapterError::from)?;
        let settings = Settings::read(&json, &path)?;
        let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
        let files = ADAPTER_WEIGHTS.map(|name| folder.join(name));
        let file = files.iter().find(|path| is_there(path)).unwrap_or(&files[0]);
        let weights = Weights::open_file(file)?;
        Ok(Self { config, settings, weights, changes: BTreeMap::new() })
    }

    /// Its files, with the hashes of what was read.
    pub(super) fn files(&self) -> Vec<HashedPath> {
        std::iter::once(self.config.clone()).chain(self.weights.files()).collect()
    }

    fn path(&self) -> PathBuf {
        self.weights.files()[0].path.clone()
    }

    /// The modules that its tensors belong to, without what peft puts before their names.
    pub(super) fn modules(&self) -> BTreeSet<String> {
        let module = |tensor: &String| {
            let base = tensor_base(tensor);
            base.strip_prefix(PEFT).unwrap_or(&base).to_owned()
        };
        self.weights.names().iter().map(module).collect()
    }

    /// Finds the tensors that it changes among those of a model. What lies outside of the vision
    /// tower, whose names begin with one of `outside`, is left alone.
    ///
    /// # Errors
    /// It changes something that the model does not have, or that is there more than once.
    pub(super) fn aim(
        &mut self,
        names: &[String],
        outside: &[&str],
        in_memory: &[Renaming],
        model: &str,
    ) -> Result<(), AdapterError> {
        let tensors = self.weights.names();
        let mut changes = BTreeMap::new();
        for tensor in &tensors {
            let module = tensor.strip_prefix(PEFT).unwrap_or(tensor);
            if module.contains(".base_layer.out_proj.") {
                let (path, tensor) = (self.path(), tensor.clone());
                return Err(AdapterError::Attention { path, tensor });
            }
            let (module, change, end) = if let Some(module) = module.strip_suffix(LORA[0]) {
                let (rank, scale) = self.settings.of(module);
                let change = Change::Product { module: tensor_base(tensor), scale, rank };
                (module, change, ".weight")
            } else if module.ends_with(LORA[1]) {
                if !tensors.contains(&format!("{}{}", tensor_base(tensor), LORA[0])) {
                    return Err(self.unknown(tensor));
                }
                continue;
            } else if self.settings.is_saved(module) {
                (module, Change::Replaced(tensor.clone()), "")
            } else {
                return Err(self.unknown(tensor));
            };
            let module = as_in_files(module, in_memory);
            let is_outside = |name: &str| outside.iter().any(|start| name.starts_with(start));
            if is_outside(&module) {
                continue;
            }
            match targets(names, &format!("{module}{end}"), is_outside).as_slice() {
                [one] => drop(changes.insert((*one).clone(), change)),
                [] if module.match_indices('.').any(|(at, _)| is_outside(&module[at + 1..])) => {}
                several => {
                    let found = match several.len() {
                        0 => "none".to_owned(),
                        n => format!("{n} ({}, …)", several[0]),
                    };
                    let (path, model) = (self.path(), model.to_owned());
                    return Err(AdapterError::Target { path, module, model, found });
                }
            }
        }
        self.changes = changes;
        Ok(())
    }

    fn unknown(&self, tensor: &str) -> AdapterError {
        AdapterError::Tensor { path: self.path(), tensor: tensor.to_owned() }
    }

    /// Merges what it has for a tensor of the model into its values.
    ///
    /// # Errors
    /// Its matrices have other shapes, or hold numbers that are not finite.
    pub(super) fn merge(
        &self,
        name: &str,
        shape: &[usize],
        values: &mut Vec<f32>,
    ) -> Result<(), WeightsError> {
        let read = |name: &str, shape: &[usize]| self.weights.tensor(name, shape, Init::Zeros);
        match self.changes.get(name) {
            None => Ok(()),
            Some(Change::Replaced(tensor)) => {
                *values = read(tensor, shape)?;
                Ok(())
            }
            Some(Change::Product { module, scale, rank }) => {
                let [a_name, b_name] = LORA.map(|end| format!("{module}{end}"));
                let of = |name: &str| self.weights.shape(name).unwrap_or_default().to_vec();
                let (a, b) = (of(&a_name), of(&b_name));
                let fits = match (a.as_slice(), b.as_slice()) {
                    ([found, inputs @ ..], [outputs, inner, ones @ ..]) => {
                        found == rank
                            && inner == rank
                            && shape == [&[*outputs], inputs].concat()
                            && ones.iter().all(|one| *one == 1)
                    }
                    _ => false,
                };
                if !fits {
                    let found = format!("the product {b:?} times {a:?} of rank {rank}");
                    let (path, tensor, expected) = (self.path(), name.to_owned(), shape.to_vec());
                    let error = AdapterError::Shape { path, tensor, found, expected };
                    return Err(error.into());
                }
                add_product(values, &read(&b_name, &b)?, &read(&a_name, &a)?, *rank, *scale);
                Ok(())
            }
        }
    }
}

/// How the names of the two matrices end.
const LORA: [&str; 2] = [".lora_A.weight", ".lora_B.weight"];

/// The name of a matrix without its end.
fn tensor_base(tensor: &str) -> String {
    let base = LORA.iter().find_map(|end| tensor.strip_suffix(end));
    base.unwrap_or(tensor).to_owned()
}

/// The tensors of a model that a change is for: that of its very name, or those of its name where
/// one stands within a larger model.
fn targets<'a>(
    names: &'a [String],
    wanted: &str,
    is_outside: impl Fn(&str) -> bool,
) -> Vec<&'a String> {
    match names.iter().find(|name| *name == wanted) {
        Some(one) => vec![one],
        None => names.iter().filter(|name| !is_outside(name) && is_same(name, wanted)).collect(),
    }
}

/// Whether both are one name, also where one stands within a larger model.
fn is_same(one: &str, other: &str) -> bool {
    let within = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    within(one, other) || within(other, one)
}

/// Adds `scale · b · a` to `[outputs, inputs]`, where `b` is `[outputs, rank]` and `a` is
/// `[rank, inputs]`; each sum is one of f64.
fn add_product(values: &mut [f32], b: &[f32], a: &[f32], rank: usize, scale: f64) {
    let inputs = a.len() / rank;
    let mut sums = vec![0.0_f64; inputs];
    for (row, weights) in values.chunks_exact_mut(inputs).zip(b.chunks_exact(rank)) {
        sums.fill(0.0);
        for (weight, a) in weights.iter().zip(a.chunks_exact(inputs)) {
            sums.iter_mut().zip(a).for_each(|(s, a)| *s += f64::from(*weight) * f64::from(*a));
        }
        row.iter_mut().zip(&sums).for_each(|(w, s)| *w = (f64::from(*w) + scale * s) as f32);
    }
}

/// Keys that are read, and those that change nothing once an adapter is trained. `fan_in_fan_out`
/// is of layers that keep their weights transposed, as no vision tower here does; peft, too, passes
/// over it for others.
const KNOWN: [&str; 27] = [
    "alpha_pattern",
    "auto_mapping",
    "base_model_class",
    "base_model_name_or_path",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "fan_in_fan_out",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "lora_alpha",
    "lora_dropout",
    "megatron_core",
    // Of peft 0.2: whether products are merged while the model runs.
    "merge_weights",
    "modules_to_save",
    "parent_library",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "use_rslora",
];

/// What must have this value, as JSON, and what another would do.
const NEUTRAL: [(&str, &str, &str); 17] = [
    ("use_dora", "false", "DoRA scales each row of the weights anew"),
    ("use_qalora", "false", "QA-LoRA pools what goes into a layer"),
    ("use_bdlora", "null", "the matrices would be block-diagonal"),
    ("bias", "\"none\"", "biases were trained too"),
    ("lora_bias", "false", "the products have biases"),
    ("megatron_config", "null", "the layers are Megatron's"),
    ("layer_replication", "null", "blocks of the model would be repeated"),
    ("alora_invocation_tokens", "null", "it acts on tokens after some"),
    ("target_parameters", "null", "it changes parameters, not layers"),
    ("trainable_token_indices", "null", "embeddings of tokens were trained too"),
    ("arrow_config", "null", "it chooses among several adapters"),
    ("corda_config", "null", "it changed the model's own weights before it was trained"),
    ("loftq_config", "{}", "it changed the model's own weights before it was trained"),
    ("lora_ga_config", "null", "it changed the model's own weights before it was trained"),
    ("kasa_config", "null", "it is a variant that alignscope does not know"),
    ("monteclora_config", "null", "its weights are drawn at random"),
    ("velora_config", "null", "it is a variant that alignscope does not know"),
];

impl Settings {
    fn read(json: &Value, path: &Path) -> Result<Self, AdapterError> {
        let none = Map::new();
        let object = json.as_object().unwrap_or(&none);
        let kind = object.get("peft_type").and_then(Value::as_str);
        if kind != Some("LORA") {
            let found = kind.map_or_else(|| "unknown (no `peft_type`)".to_owned(), str::to_owned);
            return Err(AdapterError::Kind { path: path.to_owned(), found });
        }
        for (key, value) in object {
            check_key(key, value, path)?;
        }
        let wrong = |key: &str, expected: &'static str, why: &'static str| AdapterError::Variant {
            path: path.to_owned(),
            key: key.to_owned(),
            found: short(object.get(key).unwrap_or(&Value::Null)),
            expected,
            why,
        };
        let rank = object.get("r").and_then(Value::as_u64).filter(|r| (1..1 << 16).contains(r));
        let rank =
            rank.ok_or_else(|| wrong("r", "a rank of 1 or more", "it scales the products"))?;
        let alpha = object.get("lora_alpha").and_then(Value::as_f64).filter(|a| a.is_finite());
        let alpha =
            alpha.ok_or_else(|| wrong("lora_alpha", "a number", "it scales the products"))?;
        let by_root = match object.get("use_rslora") {
            None | Some(Value::Null) => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| wrong("use_rslora", "true or false", "it scales the products"))?,
        };
        let pattern = |key: &str| {
            pattern_of(object.get(key)).ok_or_else(|| {
                let why = "regular expressions are not read";
                wrong(key, "an object of ends of modules' names, each with a number", why)
            })
        };
        let ranks = pattern("rank_pattern")?;
        if ranks.iter().any(|(_, rank)| *rank < 1.0 || rank.fract() != 0.0) {
            return Err(wrong("rank_pattern", "whole numbers", "ranks scale the products"));
        }
        let saved = object.get("modules_to_save").and_then(Value::as_array);
        let saved = saved.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Ok(Self {
            rank: rank as usize,
            alpha,
            by_root,
            ranks,
            alphas: pattern("alpha_pattern")?,
            saved: saved.collect(),
        })
    }

    /// The rank of a module, and what its product is multiplied by.
    fn of(&self, module: &str) -> (usize, f64) {
        let find = |pattern: &[(String, f64)]| {
            let fits = |key: &str| match key.strip_prefix('^') {
                Some(whole) => module == whole,
                None => is_same(module, key) && module.len() >= key.len(),
            };
            pattern.iter().find(|(key, _)| fits(key)).map(|(_, value)| *value)
        };
        let rank = find(&self.ranks).map_or(self.rank, |rank| rank as usize);
        let alpha = find(&self.alphas).unwrap_or(self.alpha);
        let by = if self.by_root { (rank as f64).sqrt() } else { rank as f64 };
        (rank, alpha / by)
    }

    /// Whether a tensor is of a module that is saved as a whole.
    fn is_saved(&self, tensor: &str) -> bool {
        let module = tensor.rsplit_once('.').map_or("", |(module, _)| module);
        let fits = |saved: &String| {
            is_same(module, saved) && module.len() >= saved.len()
                || module.contains(&format!(".{saved}."))
                || module.starts_with(&format!("{saved}."))
        };
        self.saved.iter().any(fits)
    }
}

fn check_key(key: &str, value: &Value, path: &Path) -> Result<(), AdapterError> {
    let (path, key) = (path.to_owned(), key.to_owned());
    if key == "init_lora_weights" {
        // Others change the model's own weights before training begins.
        return match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::String(text) if ["gaussian", "orthogonal", "eva"].contains(&&**text) => Ok(()),
            other => Err(AdapterError::Variant {
                path,
                key,
                found: short(other),
                expected: "true, false, `gaussian`, `orthogonal` or `eva`",
                why: "it changed the model's own weights before it was trained",
            }),
        };
    }
    if let Some((_, expected, why)) = NEUTRAL.iter().find(|(name, ..)| *name == key) {
        let empty = match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(items) => items.is_empty(),
            other => serde_json::from_str(expected).is_ok_and(|value: Value| value == *other),
        };
        return match empty {
            true => Ok(()),
            false => Err(AdapterError::Variant { path, key, found: short(value), expected, why }),
        };
    }
    match value.is_null() || KNOWN.contains(&key.as_str()) {
        true => Ok(()),
        false => Err(AdapterError::UnknownKey { path, key, found: short(value) }),
    }
}

/// Ends of names, each with a number, in their order; `None` if it is something else.
fn pattern_of(value: Option<&Value>) -> Option<Vec<(String, f64)>> {
    let object = match value {
        None | Some(Value::Null) => return Some(Vec::new()),
        Some(value) => value.as_object()?,
    };
    let plain = |key: &str| {
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let key = key.strip_prefix('^').unwrap_or(key);
        !key.is_empty() && key.chars().all(fit)
    };
    let entry = |(key, value): (&String, &Value)| {
        let number = value.as_f64().filter(|n| n.is_finite() && *n > 0.0 && plain(key))?;
        Some((key.clone(), number))
    };
    object.iter().map(entry).collect()
}

/// A JSON value for a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
