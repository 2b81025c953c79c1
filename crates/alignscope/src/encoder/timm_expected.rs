//! What the weights of a vision transformer of timm must have, by its name and its arguments.
//!
//! timm loads strictly. Weights that lack a part are not those of a smaller model.

use std::collections::BTreeMap;

use serde_json::Value;

use super::architecture::PoolingKind;
use super::config::{ConfigError, Keys};
use super::timm_folder::TimmTensors;
use super::timm_registered::{OPTIONAL, Registered};

/// Tensors of which the weights must have one set whole.
type Sets = &'static [&'static [&'static str]];

/// The tensors that an argument brings unless it is false or 0.
const BY_ARGUMENT: [(&str, Sets); 11] = [
    ("class_token", &[&["cls_token"]]),
    ("use_abs_pos_emb", &[&["pos_embed"]]),
    ("reg_tokens", REGISTERS),
    ("num_reg_tokens", REGISTERS),
    ("pre_norm", NORM_BEFORE),
    ("use_pre_transformer_norm", NORM_BEFORE),
    (
        "init_values",
        &[&["blocks.0.ls1.gamma", "blocks.0.ls2.gamma"], &["blocks.0.gamma_1", "blocks.0.gamma_2"]],
    ),
    ("qk_norm", &[&["blocks.0.attn.q_norm.weight", "blocks.0.attn.k_norm.weight"]]),
    ("scale_attn_inner", &[&["blocks.0.attn.norm.weight"]]),
    ("scale_mlp", &[&["blocks.0.mlp.norm.weight"]]),
    ("qkv_bias", BIASES),
];

const REGISTERS: Sets = &[&["reg_token"]];

const NORM_BEFORE: Sets = &[&["norm_pre.weight"]];

const BIASES: Sets = &[
    &["blocks.0.attn.qkv.bias"],
    &["blocks.0.attn.q_bias", "blocks.0.attn.v_bias"],
    &["blocks.0.attn.q_proj.bias", "blocks.0.attn.v_proj.bias"],
];

/// Arguments that give tensors other names, and those names: any of them may be there. The layers
/// that they are of must be there under one of the names to be loaded.
const RENAMING: [(&str, &[&str]); 5] = [
    ("qkv_bias", &["blocks.0.attn.k_proj.bias"]),
    (
        "qkv_fused",
        &[
            "blocks.0.attn.qkv.bias",
            "blocks.0.attn.q_bias",
            "blocks.0.attn.v_bias",
            "blocks.0.attn.q_proj.weight",
            "blocks.0.attn.q_proj.bias",
            "blocks.0.attn.k_proj.bias",
            "blocks.0.attn.v_proj.bias",
        ],
    ),
    ("swiglu_mlp", SWIGLU),
    ("swiglu_align_to", SWIGLU),
    // A gated MLP with a norm of its own is not packed.
    ("scale_mlp", SWIGLU),
];

const SWIGLU: &[&str] = &[
    "blocks.0.mlp.fc1_g.weight",
    "blocks.0.mlp.fc1_g.bias",
    "blocks.0.mlp.fc1_x.bias",
    "blocks.0.mlp.fc1.bias",
];

/// The norm of the tokens, and that of the pooled vector.
const LAST_NORMS: [&str; 2] = ["norm.weight", "fc_norm.weight"];

/// One of the last norms must be there; the first is the likelier one.
const OF_TOKENS: Sets = &[&[LAST_NORMS[0]], &[LAST_NORMS[1]]];
const OF_POOLED: Sets = &[&[LAST_NORMS[1]], &[LAST_NORMS[0]]];

/// What the weights must have.
#[derive(Debug)]
pub(super) struct Expected {
    /// `None` if the tensors alone tell them.
    blocks: Option<usize>,
    channels: Option<usize>,
    registers: usize,
    /// Whether an optional tensor is there. Blocks are alike, so that the first stands for all.
    has: BTreeMap<&'static str, bool>,
    one_of: Vec<Sets>,
}

impl Expected {
    /// What the architecture has without arguments.
    fn new(registered: Registered) -> Self {
        Self {
            blocks: Some(registered.blocks),
            channels: Some(registered.channels),
            registers: registered.registers,
            has: OPTIONAL.into_iter().map(|part| (part, registered.has(part))).collect(),
            one_of: Vec::new(),
        }
    }

    /// What it has as a trunk of open_clip, in tokens of so many channels.
    ///
    /// A trunk has no arguments, so that one of another width than timm's is an architecture of
    /// one's own under timm's name: its tensors tell how many blocks it has.
    ///
    /// `pooling` — if the trunk is made with it
    pub(super) fn of_trunk(
        registered: Registered,
        channels: usize,
        pooling: Option<PoolingKind>,
    ) -> Self {
        let mut expected = Self::new(registered);
        if registered.channels != channels {
            (expected.blocks, expected.channels) = (None, None);
        }
        if let Some(pooling) = pooling {
            expected.pool(registered, pooling);
        }
        expected
    }

    /// What it has with arguments.
    ///
    /// `pooling` — if an argument says it
    ///
    /// # Errors
    /// An argument that cannot be.
    pub(super) fn with(
        registered: Registered,
        arguments: &Keys<'_>,
        pooling: Option<PoolingKind>,
    ) -> Result<Self, ConfigError> {
        let mut expected = Self::new(registered);
        let given = |key: &str| arguments.object.get(key).filter(|value| !value.is_null());
        let size = |key: &str| given(key).map(|_| arguments.required_size(key)).transpose();
        expected.blocks = size("depth")?.or(expected.blocks);
        expected.channels = size("embed_dim")?.or(expected.channels);
        for key in ["reg_tokens", "num_reg_tokens"] {
            match given(key) {
                Some(value) if value.as_u64() == Some(0) => expected.registers = 0,
                Some(_) => expected.registers = arguments.required_size(key)?,
                None => {}
            }
        }
        for (key, sets) in BY_ARGUMENT {
            // LayerScale alone is left out by null.
            let null = arguments.object.get(key).filter(|_| key == "init_values");
            if let Some(value) = given(key).or(null) {
                expected.choose(sets, is_on(value));
            }
        }
        for (key, names) in RENAMING {
            if given(key).is_some() {
                expected.has.retain(|part, _| !names.contains(part));
            }
        }
        if given("qkv_fused").is_some() && given("qkv_bias").is_none() {
            let has_bias = BIASES.iter().any(|set| set.iter().all(|part| registered.has(part)));
            expected.choose(BIASES, has_bias);
        }
        for key in ["pre_norm", "use_pre_transformer_norm"] {
            if let Some(value) = given(key) {
                // The norm takes the place of the bias.
                expected.has.insert("patch_embed.proj.bias", !is_on(value));
            }
        }
        expected.place_norms(registered, arguments, pooling)?;
        Ok(expected)
    }

    /// Whether one of these sets is there; what the architecture has of them by its name stays.
    fn choose(&mut self, sets: Sets, on: bool) {
        let is_registered = |part: &&str| self.has.get(part) == Some(&true);
        if on && sets.iter().copied().flatten().any(is_registered) {
            return;
        }
        for part in sets.iter().copied().flatten().copied() {
            match on {
                true => self.has.remove(part),
                false => self.has.insert(part, false),
            };
        }
        if on {
            self.one_of.push(sets);
        }
    }

    /// A pooling of its own may move the last norm, but not where the architecture fixes its place.
    fn pool(&mut self, registered: Registered, pooling: PoolingKind) {
        let has_norm = LAST_NORMS.iter().any(|norm| registered.has(norm));
        if pooling != registered.pooling && has_norm {
            self.has.retain(|part, _| !LAST_NORMS.contains(part));
            self.one_of.push(match pooling {
                PoolingKind::PatchMean => OF_POOLED,
                _ => OF_TOKENS,
            });
        }
    }

    /// Where the last norm is.
    fn place_norms(
        &mut self,
        registered: Registered,
        arguments: &Keys<'_>,
        pooling: Option<PoolingKind>,
    ) -> Result<(), ConfigError> {
        let flag = |key: &str| match arguments.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => arguments.given_flag(key).map(Some),
        };
        let of_pooled = flag("fc_norm")?.or(flag("use_fc_norm")?);
        let is_there = flag("final_norm")?
            .unwrap_or_else(|| LAST_NORMS.iter().any(|norm| registered.has(norm)));
        let [norm, pooled_norm] = LAST_NORMS;
        match (is_there, of_pooled) {
            (false, _) => self.has.extend([(norm, false), (pooled_norm, false)]),
            (true, Some(after)) => self.has.extend([(norm, !after), (pooled_norm, after)]),
            (true, None) => {
                if let Some(pooling) = pooling {
                    self.pool(registered, pooling);
                }
            }
        }
        if let Some(is_there) = flag("use_post_transformer_norm")? {
            self.has.insert(norm, is_there);
        }
        Ok(())
    }

    /// Holds weights with so many whole blocks to it.
    ///
    /// # Errors
    /// A part is missing, or there but not expected; or a size is another.
    pub(super) fn hold(
        &self,
        tensors: TimmTensors<'_>,
        blocks: usize,
        channels: usize,
    ) -> Result<(), ConfigError> {
        let first_norm = format!("blocks.{blocks}.norm1.weight");
        // A block that has lost but its first tensor.
        if blocks == 0 || tensors.has_any(&format!("blocks.{blocks}.")) {
            return Err(tensors.missing(&first_norm));
        }
        tensors.must_be("blocks", &blocks, &self.blocks.unwrap_or(blocks))?;
        tensors.must_be("channels", &channels, &self.channels.unwrap_or(channels))?;
        for (part, expected) in &self.has {
            match (tensors.has(part), expected) {
                (false, true) => return Err(tensors.missing(part)),
                (true, false) => return Err(tensors.unexpected(part)),
                _ => {}
            }
        }
        for sets in &self.one_of {
            let is_whole = |set: &&[&str]| set.iter().all(|part| tensors.has(part));
            if !sets.iter().any(is_whole) {
                // Of a set of which a part is there, it is known which tensor is missing.
                let begun = sets.iter().find(|set| set.iter().any(|part| tensors.has(part)));
                let set = begun.unwrap_or(&sets[0]);
                let missing = set.iter().find(|part| !tensors.has(part));
                return Err(tensors.missing(missing.expect("the set is not whole")));
            }
        }
        match tensors.has("reg_token") {
            true => {
                tensors.must_be("register tokens", &tensors.axis("reg_token", 1)?, &self.registers)
            }
            false => Ok(()),
        }
    }
}

/// Whether an argument is neither null, false nor 0.
fn is_on(value: &Value) -> bool {
    !value.is_null() && *value != Value::Bool(false) && value.as_f64() != Some(0.0)
}
