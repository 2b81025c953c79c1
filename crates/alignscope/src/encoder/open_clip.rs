//! Checkpoints of open_clip: its own vision transformers, CLIPA's and CoCa's among them, and the keys
//! of its configurations.

use serde_json::Value;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::config::{ConfigError, ConfigFile, Keys};
use super::embedding::Embedding;
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{AttentionPooling, Head, Pooling};
use super::layers::{BiasNames, BlockInit, BlockNames, LayerNames, Layers};
use super::linear::Linear;
use super::norm::{Norm, NormKind};
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::stage::Stage;
use crate::weights::{Format, Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Lhs, Precision};

/// CLIP's vision transformer, as open_clip stores it.
#[derive(Debug)]
pub(super) struct OpenClip;

impl Family for OpenClip {
    fn name(&self) -> FamilyName {
        FamilyName {
            id: "open-clip",
            title: "open_clip CLIP",
            references: &["radford2021clip", "ilharco2021openclip"],
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        config.format() == Format::OpenClip
            && trunk_name(config).is_none()
            && !has_residual_tower(config)
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        Ok(read_clip(&folder.config)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        preprocessing(folder, architecture)
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let outside = [
            "visual.class_embedding",
            "visual.positional_embedding",
            "visual.conv1.weight",
            "visual.ln_post.weight",
            "visual.ln_post.bias",
            "visual.proj",
        ];
        let before: &[&str] = match architecture.norm_before {
            true => &["visual.ln_pre.weight", "visual.ln_pre.bias"],
            false => &[],
        };
        let pooler = match architecture.pooling {
            PoolingKind::TokenAttention => pooler_tensors(weights),
            _ => Vec::new(),
        };
        let scaled = architecture.layer_scale.is_some();
        let blocks =
            (0..architecture.blocks).flat_map(|i| clip_block(i, scaled).tensors(NormKind::Layer));
        let named = outside.iter().chain(before).map(|name| (*name).to_owned());
        named.chain(pooler).chain(blocks).collect()
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames { anchors: &["visual.conv1.weight"], own: &[""], in_memory: &[] })
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE
    }

    /// An untrained model's spreads are those of open_clip's `CLIP` and `VisionTransformer`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let scale = Init::Normal(libm::pow(a.channels as f64, -0.5));
        let uniform = |inputs: usize| Init::Uniform(libm::pow(inputs as f64, -0.5));
        let init = BlockInit {
            qkv: Init::Uniform((6.0 / (4 * a.channels) as f64).sqrt()),
            attention_out: uniform(a.channels),
            mlp_in: uniform(a.channels),
            mlp_out: uniform(a.mlp_channels),
            mlp_bias: Init::Zeros,
        };
        let pooled = match a.pooling {
            PoolingKind::TokenAttention => a.last_channels,
            _ => a.channels,
        };
        // [pooled, projection] -> [projection, pooled]
        let stored = layers.tensor("visual.proj", &[pooled, a.last_channels], scale)?;
        let projection = (0..a.last_channels)
            .flat_map(|p| stored[p..].iter().step_by(a.last_channels).copied())
            .collect();
        let patch =
            layers.patches("visual.conv1", uniform(3 * a.patch_size * a.patch_size), None)?;
        let class_token = layers.tensor("visual.class_embedding", &[a.channels], scale)?;
        let positions =
            layers.tensor("visual.positional_embedding", &[a.tokens(), a.channels], scale)?;
        let norm_before = a.norm_before.then(|| layers.norm("visual.ln_pre"));
        let embedding = Embedding {
            norm: norm_before.transpose()?,
            ..Embedding::with_positions(a, patch, class_token, positions)
        };
        let scaled = a.layer_scale.is_some();
        let blocks = layers.blocks(init, |i| clip_block(i, scaled))?;
        let pooling = match a.pooling {
            PoolingKind::TokenAttention => Pooling::Attention(Box::new(pooler(layers)?)),
            PoolingKind::PatchMean => Pooling::Mean(a.prefix_tokens()..a.tokens()),
            _ => Pooling::ClassToken,
        };
        let last = layers.norm_over("visual.ln_post", pooled)?;
        let (norm, pooled_norm) = match (a.pooling, a.pooled_norm) {
            (PoolingKind::TokenAttention, _) => {
                (Some(pooler_norm(layers, "ln_k", a.channels)?), Some(last))
            }
            (_, true) => (None, Some(last)),
            (_, false) => (Some(last), None),
        };
        let head = Head {
            norm,
            pooled_norm,
            projection: Some(Linear::new(projection, None, pooled, Precision::F32).into()),
            unit: a.unit_projection,
            ..Head::without_norm(pooling)
        };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }
}

/// What stands before the names of the pooling by attention of CoCa.
const POOLER: &str = "visual.attn_pool.";

/// The layers of its attention for queries, keys and values: one, where an image's tokens have as many
/// channels as its queries, else three.
fn pooler_layers(weights: &Weights) -> [String; 3] {
    let fused = format!("{POOLER}attn.in_proj_weight");
    match weights.has_files() && weights.contains(&fused) {
        true => [fused.clone(), fused.clone(), fused],
        false => ["q", "k", "v"].map(|part| format!("{POOLER}attn.{part}_proj_weight")),
    }
}

fn pooler_tensors(weights: &Weights) -> Vec<String> {
    let rest = [
        "query",
        "attn.in_proj_bias",
        "attn.out_proj.weight",
        "attn.out_proj.bias",
        "ln_q.weight",
        "ln_q.bias",
        "ln_k.weight",
        "ln_k.bias",
    ];
    let rest = rest.map(|part| format!("{POOLER}{part}"));
    pooler_layers(weights).into_iter().chain(rest).collect()
}

/// A norm of the pooling, whose epsilon is PyTorch's own whatever the blocks have.
fn pooler_norm(layers: &Layers<'_>, part: &str, channels: usize) -> Result<Norm, WeightsError> {
    let norm = layers.norm_over(&format!("{POOLER}{part}"), channels)?;
    Ok(Norm { eps: 1e-5, ..norm })
}

/// CoCa's `AttentionalPooler`, of which the first query alone makes the image's vector; in f32 as all
/// of a head.
fn pooler(layers: &Layers<'_>) -> Result<AttentionPooling, WeightsError> {
    let layers = &Layers { precision: Precision::F32, ..*layers };
    let a = layers.architecture;
    let (c, tokens) = (a.last_channels, a.channels);
    let spread = Init::Normal(libm::pow(c as f64, -0.5));
    let name = format!("{POOLER}query");
    let queries = layers.weights.shape(&name).map_or(QUERIES, first_axis);
    let stored = layers.tensor(&name, &[queries, c], Init::Normal(1.0))?;
    let names = pooler_layers(layers.weights);
    let [to_query, mut key, value] = match names[0] == names[1] {
        true => {
            let mut to_query = layers.tensor(&names[0], &[3 * c, tokens], spread)?;
            let mut key = to_query.split_off(c * tokens);
            let value = key.split_off(c * tokens);
            [to_query, key, value]
        }
        false => {
            let [q, k, v] = &names;
            [
                layers.tensor(q, &[c, c], spread)?,
                layers.tensor(k, &[c, tokens], spread)?,
                layers.tensor(v, &[c, tokens], spread)?,
            ]
        }
    };
    let name = format!("{POOLER}attn.in_proj_bias");
    let mut query_bias = layers.tensor(&name, &[3 * c], Init::Zeros)?;
    let bias = query_bias.split_off(c);
    key.extend(value);
    let mut normed = vec![0.0; c];
    pooler_norm(layers, "ln_q", c)?.apply(&stored[..c], &mut normed);
    let to_query = Linear::new(to_query, Some(query_bias), c, Precision::F32);
    let mut query = vec![0.0; c];
    to_query.apply_row(&normed, &mut query, &mut Lhs::default());
    let out = format!("{POOLER}attn.out_proj");
    Ok(AttentionPooling {
        skip: 0,
        query,
        key_value: Linear::new(key, Some(bias), tokens, Precision::F32),
        rotary: None,
        out: layers.linear(&out, [c, c], spread, Init::Zeros)?,
        mlp: None,
        heads: a.pool_heads,
    })
}

/// The length of a tensor along its first axis, at least 1.
fn first_axis(shape: &[usize]) -> usize {
    shape.first().copied().unwrap_or(1).max(1)
}

/// Queries of CoCa's pooling, of which all but the first are for texts.
const QUERIES: usize = 256;

/// The keys of `model_cfg.vision_cfg`, the projection and whether QuickGELU is asked for, of any
/// `open_clip_config.json`.
fn vision_keys<'a>(config: &'a ConfigFile) -> Result<(Keys<'a>, usize, bool), ConfigError> {
    let keys = config.keys();
    // `model_cfg` and `preprocess_cfg` are all that `push_to_hf_hub` writes.
    keys.must_be_known(&[&["model_cfg", "preprocess_cfg"]], &[])?;
    let nothing = "an object with `embed_dim` and `vision_cfg`";
    let model =
        keys.nested("model_cfg")?.ok_or_else(|| keys.value("model_cfg", &Value::Null, nothing))?;
    let mut keys = Keys { object: model, prefix: "model_cfg.", ..keys };
    keys.must_be_known(&[&MODEL_KEYS], &[])?;
    let vision = keys
        .nested("vision_cfg")?
        .ok_or_else(|| keys.value("vision_cfg", &Value::Null, "an object"))?;
    let projection = keys.required_size("embed_dim")?;
    let quick_gelu = keys.flag("quick_gelu", false)?;
    let keys = Keys { object: vision, prefix: "model_cfg.vision_cfg.", ..keys };
    Ok((keys, projection, quick_gelu))
}

/// The keys of a tower that is a trunk of timm, all known, and its projection. Such a trunk takes
/// nothing of open_clip's own tower.
pub(super) fn trunk_keys(config: &ConfigFile) -> Result<(Keys<'_>, usize), ConfigError> {
    let (keys, projection, _) = vision_keys(config)?;
    let [neutral, options] =
        [&CLIP_NEUTRAL[..], &RESNET_NEUTRAL].map(|keys| keys.iter().map(|(key, _)| *key));
    let own: Vec<&str> = neutral.chain(options).collect();
    keys.must_be_known(&[&CLIP_KEYS, &TIMM_KEYS, &own], &[])?;
    Ok((keys, projection))
}

/// The name of a trunk of timm, if a configuration has one.
pub(super) fn trunk_name(config: &ConfigFile) -> Option<&Value> {
    let vision = config.object().get("model_cfg")?.get("vision_cfg")?;
    vision.get("timm_model_name").filter(|name| !name.is_null())
}

/// Whether the tower is one of CLIP's ResNets: those have a list of `layers`.
pub(super) fn has_residual_tower(config: &ConfigFile) -> bool {
    let vision = config.object().get("model_cfg").and_then(|model| model.get("vision_cfg"));
    config.format() == Format::OpenClip
        && trunk_name(config).is_none()
        && vision.and_then(|vision| vision.get("layers")).is_some_and(Value::is_array)
}

/// The keys of a ResNet of open_clip's own, all known, and its projection.
pub(super) fn resnet_keys(config: &ConfigFile) -> Result<(Keys<'_>, usize), ConfigError> {
    let (keys, projection, _) = vision_keys(config)?;
    keys.must_be_known(&[&CLIP_KEYS, &TIMM_KEYS], &[&CLIP_NEUTRAL, &RESNET_NEUTRAL])?;
    Ok((keys, projection))
}

/// The recipe in the same file.
pub(super) fn preprocessing(
    folder: &CheckpointFolder<'_>,
    architecture: &Architecture,
) -> Result<(Recipe, HashedPath), PreprocessError> {
    let (object, file) = (folder.config.object(), folder.config.file());
    let recipe = Preprocessing::from_open_clip(object, &file.path, architecture.image_size)?;
    Ok((recipe, file.clone()))
}

/// The arguments of open_clip 3's `CLIP`, `CustomTextCLIP` and `CoCa`, and of its configurations:
/// those beside the first three are of the text tower, or of the scale of products.
const MODEL_KEYS: [&str; 11] = [
    "embed_dim",
    "vision_cfg",
    "quick_gelu",
    "text_cfg",
    "multimodal_cfg",
    "custom_text",
    "init_logit_scale",
    "init_logit_bias",
    "nonscalar_logit_scale",
    "cast_dtype",
    "output_dict",
];
/// What `CLIPVisionCfg` of open_clip 3 may say without making another model: keys whose value is
/// read, or does not matter when nothing is trained, or matters only with one of
/// [`CLIP_NEUTRAL`].
const CLIP_KEYS: [&str; 11] = [
    "layers",
    "width",
    "head_width",
    "mlp_ratio",
    "patch_size",
    "image_size",
    "patch_dropout",
    "attn_pooler_queries",
    "attn_pooler_heads",
    "output_tokens",
    // `attn_pooler_queries` of open_clip 2.
    "n_queries",
];
/// The keys of `CLIPVisionCfg` for trunks of timm, which take effect where `timm_model_name` is
/// there.
const TIMM_KEYS: [&str; 7] = [
    "timm_model_name",
    "timm_model_pretrained",
    "timm_pool",
    "timm_proj",
    "timm_proj_bias",
    "timm_drop",
    "timm_drop_path",
];
/// Keys of `CLIPVisionCfg` for its vision transformers, which are read.
const TRANSFORMER_KEYS: [&str; 8] = [
    "pool_type",
    "pos_embed_type",
    "ls_init_value",
    "attentional_pool",
    "no_ln_pre",
    "final_ln_after_pool",
    "act_kwargs",
    "norm_kwargs",
];
/// The same for its ResNets, which must have this value, as JSON, or be null.
const RESNET_NEUTRAL: [(&str, &str); 8] = [
    ("pool_type", "\"tok\""),
    ("pos_embed_type", "\"learnable\""),
    ("ls_init_value", "null"),
    ("attentional_pool", "false"),
    ("no_ln_pre", "false"),
    ("final_ln_after_pool", "false"),
    ("act_kwargs", "{}"),
    ("norm_kwargs", "{}"),
];
/// Keys of `CLIPVisionCfg` that must have this value, as JSON, or be null.
const CLIP_NEUTRAL: [(&str, &str); 9] = [
    ("block_type", "\"default\""),
    ("qk_norm", "false"),
    ("scaled_cosine_attn", "false"),
    ("scale_heads", "false"),
    ("scale_attn_inner", "false"),
    ("scale_attn", "false"),
    ("scale_fc", "false"),
    // Of open_clip 2.
    ("global_average_pool", "false"),
    ("input_patchnorm", "false"),
];

/// How the names of tensors begin that lie outside of the vision tower: the text tower of `CLIP`,
/// of `CustomTextCLIP` and of `CoCa`, and the scale of products.
pub(super) const OUTSIDE: [&str; 10] = [
    "text.",
    "text_decoder.",
    "transformer.",
    "token_embedding.",
    "positional_embedding",
    "ln_final.",
    "text_projection",
    "attn_mask",
    "logit_scale",
    "logit_bias",
];

/// Sizes of open_clip's own tower. Keys that are missing take the defaults of open_clip 3's
/// `CLIPVisionCfg`.
fn read_clip(config: &ConfigFile) -> Result<Sizes, ConfigError> {
    let (mut keys, projection, quick_gelu) = vision_keys(config)?;
    keys.must_be_known(&[&CLIP_KEYS, &TIMM_KEYS, &TRANSFORMER_KEYS], &[&CLIP_NEUTRAL])?;
    let channels = keys.size("width", 768)?;
    let head_width = keys.size("head_width", 64)?;
    let ratio = keys.positive("mlp_ratio", 4.0)?;
    let position_type = keys.given_text("pos_embed_type", "learnable")?;
    // Those of sines and cosines lie in the weights too.
    if !["learnable", "sin_cos_2d"].contains(&position_type.as_str()) {
        let expected = "`learnable` or `sin_cos_2d`";
        return Err(keys.value("pos_embed_type", &position_type.into(), expected));
    }
    let pool_type = keys.given_text("pool_type", "tok")?;
    let attentional = match keys.object.get("attentional_pool") {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(other) => return Err(keys.value("attentional_pool", other, "true or false")),
    };
    let pooling = match (pool_type.as_str(), attentional) {
        ("tok", false) => PoolingKind::ClassToken,
        ("avg", false) => PoolingKind::PatchMean,
        // The first of its queries.
        ("tok", true) => PoolingKind::TokenAttention,
        (_, attentional) => {
            let expected = match attentional {
                true => "`tok`, which is its first query",
                false => "`tok` or `avg`",
            };
            return Err(keys.value("pool_type", &pool_type.into(), expected));
        }
    };
    let pool_heads = match attentional {
        true => keys.size("attn_pooler_heads", 8)?,
        false => 0,
    };
    if attentional && !projection.is_multiple_of(pool_heads) {
        return Err(ConfigError::Contradiction {
            path: keys.path.to_owned(),
            what: format!(
                "`embed_dim` {projection} is not a multiple of `attn_pooler_heads` {pool_heads}"
            ),
        });
    }
    let norm = keys.of_arguments("norm_kwargs", &["eps"])?;
    let eps = match norm.and_then(|norm| norm.get("eps")) {
        None => 1e-5,
        Some(found) => found
            .as_f64()
            .filter(|eps| *eps > 0.0)
            .ok_or_else(|| keys.value("norm_kwargs", found, "an `eps` above 0"))?,
    };
    let gelu = keys.of_arguments("act_kwargs", &["approximate"])?;
    let activation = match (quick_gelu, gelu.and_then(|gelu| gelu.get("approximate"))) {
        (true, None) => Activation::QuickGelu,
        (false, None) => Activation::Gelu,
        (false, Some(kind)) if kind == "none" => Activation::Gelu,
        (false, Some(kind)) if kind == "tanh" => Activation::GeluTanh,
        (_, Some(found)) => {
            let expected = "`approximate` `none` or `tanh`, and no `quick_gelu`";
            return Err(keys.value("act_kwargs", found, expected));
        }
    };
    let scale = match keys.object.get("ls_init_value") {
        None | Some(Value::Null) => None,
        Some(_) => Some(keys.positive("ls_init_value", 1.0)?),
    };
    let norm_before = !keys.given_flag("no_ln_pre")?;
    // Without effect where tokens are pooled by attention, whose norm is last in any case.
    let pooled_norm = keys.given_flag("final_ln_after_pool")? || attentional;
    let (patch_size, image_size) = (keys.size("patch_size", 16)?, keys.size("image_size", 224)?);
    let architecture = Architecture {
        channels,
        mlp_channels: (channels as f64 * ratio) as usize,
        blocks: keys.size("layers", 12)?,
        heads: channels / head_width,
        patch_size,
        image_size,
        position_grid: image_size / patch_size,
        last: Stage::Projection,
        last_channels: projection,
        pooling,
        pool_heads,
        activation,
        layer_norm_eps: eps,
        layer_scale: scale,
        norm_before,
        pooled_norm,
        ..Architecture::plain(OpenClip.name())
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

fn clip_block(i: usize, scaled: bool) -> BlockNames {
    let name = |part: &str| format!("visual.transformer.resblocks.{i}.{part}");
    let scale = |part: &str| scaled.then(|| name(part));
    BlockNames {
        attention_scale: scale("ls_1.gamma"),
        mlp_scale: scale("ls_2.gamma"),
        qkv: vec![LayerNames {
            weight: name("attn.in_proj_weight"),
            bias: BiasNames::Whole(name("attn.in_proj_bias")),
        }],
        ..BlockNames::plain(
            ["ln_1", "ln_2"].map(name),
            &[],
            &name("attn.out_proj"),
            ["mlp.c_fc", "mlp.c_proj"].map(name),
        )
    }
}
