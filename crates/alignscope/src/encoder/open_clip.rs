//! Checkpoints of open_clip: its own CLIP towers, and trunks of timm such as BiomedCLIP's.

use serde_json::Value;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{BASE, CLIP_PIXELS, Known, Width, cropped};
use super::config::{ConfigError, ConfigFile, Keys};
use super::embedding::Embedding;
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{Head, Pooling};
use super::layers::{BiasNames, BlockInit, BlockNames, LayerNames, Layers};
use super::linear::Linear;
use super::norm::NormKind;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe};
use crate::stage::Stage;
use crate::weights::{Format, Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Precision};

/// CLIP's vision transformer, as open_clip stores it.
#[derive(Debug)]
pub(super) struct OpenClip;

impl Family for OpenClip {
    fn name(&self) -> FamilyName {
        FamilyName { id: "open-clip", title: "open_clip CLIP" }
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

    fn tensors(&self, architecture: &Architecture, _: &Weights) -> Vec<String> {
        let outside = [
            "visual.class_embedding",
            "visual.positional_embedding",
            "visual.conv1.weight",
            "visual.ln_pre.weight",
            "visual.ln_pre.bias",
            "visual.ln_post.weight",
            "visual.ln_post.bias",
            "visual.proj",
        ];
        let blocks = (0..architecture.blocks).flat_map(|i| clip_block(i).tensors(NormKind::Layer));
        outside.map(str::to_owned).into_iter().chain(blocks).collect()
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames { anchor: "visual.conv1.weight", own: &[""], in_memory: &[] })
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE
    }

    /// An untrained model's spreads are those of open_clip's `CLIP` and `VisionTransformer`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let scale = Init::Normal((a.channels as f64).powf(-0.5));
        let uniform = |inputs: usize| Init::Uniform((inputs as f64).powf(-0.5));
        let init = BlockInit {
            qkv: Init::Uniform((6.0 / (4 * a.channels) as f64).sqrt()),
            attention_out: uniform(a.channels),
            mlp_in: uniform(a.channels),
            mlp_out: uniform(a.mlp_channels),
            mlp_bias: Init::Zeros,
        };
        // [channels, projection] -> [projection, channels]
        let stored = layers.tensor("visual.proj", &[a.channels, a.last_channels], scale)?;
        let projection = (0..a.last_channels)
            .flat_map(|p| stored[p..].iter().step_by(a.last_channels).copied())
            .collect();
        let patch =
            layers.patches("visual.conv1", uniform(3 * a.patch_size * a.patch_size), None)?;
        let class_token = layers.tensor("visual.class_embedding", &[a.channels], scale)?;
        let positions =
            layers.tensor("visual.positional_embedding", &[a.tokens(), a.channels], scale)?;
        let embedding = Embedding {
            norm: Some(layers.norm("visual.ln_pre")?),
            ..Embedding::with_positions(a, patch, class_token, positions)
        };
        let blocks = layers.blocks(init, clip_block)?;
        let head = Head {
            projection: Some(Linear::new(projection, None, a.channels, Precision::F32)),
            unit: a.unit_projection,
            ..Head::new(layers.norm("visual.ln_post")?, Pooling::ClassToken)
        };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }
}

/// A vision transformer of timm in an open_clip model.
#[derive(Debug)]
pub(super) struct TimmTrunk;

impl Family for TimmTrunk {
    fn name(&self) -> FamilyName {
        FamilyName { id: "timm-vit", title: "open_clip timm ViT" }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        config.format() == Format::OpenClip && trunk_name(config).is_some()
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        read_timm(folder)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        preprocessing(folder, architecture)
    }

    fn tensors(&self, architecture: &Architecture, _: &Weights) -> Vec<String> {
        let outside = [
            "visual.trunk.cls_token",
            "visual.trunk.pos_embed",
            "visual.trunk.patch_embed.proj.weight",
            "visual.trunk.patch_embed.proj.bias",
            "visual.trunk.norm.weight",
            "visual.trunk.norm.bias",
            "visual.head.proj.weight",
            "visual.head.proj.bias",
        ];
        let blocks = (0..architecture.blocks).flat_map(|i| timm_block(i).tensors(NormKind::Layer));
        outside.map(str::to_owned).into_iter().chain(blocks).collect()
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames {
            anchor: "visual.trunk.patch_embed.proj.weight",
            own: &[""],
            in_memory: &[],
        })
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE
    }

    fn model_of(&self, config: &ConfigFile) -> String {
        let name = trunk_name(config).and_then(Value::as_str);
        name.map_or_else(|| self.name().to_string(), str::to_owned)
    }

    /// An untrained model's spreads are those of timm's `init_weights_vit_timm`, and PyTorch's own
    /// for the convolution and the projection.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let spread = Init::TruncatedNormal(0.02);
        let uniform = |inputs: usize| Init::Uniform((inputs as f64).powf(-0.5));
        let init = BlockInit {
            qkv: spread,
            attention_out: spread,
            mlp_in: spread,
            mlp_out: spread,
            mlp_bias: Init::Zeros,
        };
        let patch = uniform(3 * a.patch_size * a.patch_size);
        let patch = layers.patches("visual.trunk.patch_embed.proj", patch, Some(patch))?;
        let class_token =
            layers.tensor("visual.trunk.cls_token", &[1, 1, a.channels], Init::Normal(1e-6))?;
        let positions =
            layers.tensor("visual.trunk.pos_embed", &[1, a.tokens(), a.channels], spread)?;
        let embedding = Embedding::with_positions(a, patch, class_token, positions);
        let blocks = layers.blocks(init, timm_block)?;
        let pooling = match a.pooling {
            PoolingKind::PatchMean => Pooling::Mean(1..a.tokens()),
            _ => Pooling::ClassToken,
        };
        let head = Head {
            projection: Some(timm_projection(layers)?),
            unit: a.unit_projection,
            ..Head::new(layers.norm("visual.trunk.norm")?, pooling)
        };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        let Width { channels, blocks, heads, projection } = BASE;
        let architecture = Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            last: Stage::Projection,
            last_channels: projection,
            ..Architecture::plain(self.name())
        };
        let id = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224";
        vec![Known::new(id, architecture, cropped(224, CropRounding::HalfToEven, CLIP_PIXELS))]
    }

    /// The study ran BiomedCLIP so.
    fn has_bare_patches(&self) -> bool {
        true
    }
}

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

/// The name of a trunk of timm, if a configuration has one.
fn trunk_name(config: &ConfigFile) -> Option<&Value> {
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

/// The keys of a tower of open_clip's own, all known, and its projection.
pub(super) fn own_tower_keys(config: &ConfigFile) -> Result<(Keys<'_>, usize), ConfigError> {
    let (keys, projection, _) = vision_keys(config)?;
    keys.must_be_known(&[&CLIP_KEYS, &TIMM_KEYS], &[&CLIP_NEUTRAL])?;
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
/// Keys of `CLIPVisionCfg` that must have this value, as JSON, or be null.
const CLIP_NEUTRAL: [(&str, &str); 17] = [
    ("pool_type", "\"tok\""),
    ("pos_embed_type", "\"learnable\""),
    ("block_type", "\"default\""),
    ("ls_init_value", "null"),
    ("attentional_pool", "false"),
    ("no_ln_pre", "false"),
    ("final_ln_after_pool", "false"),
    ("act_kwargs", "{}"),
    ("norm_kwargs", "{}"),
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
    keys.must_be_known(&[&CLIP_KEYS, &TIMM_KEYS], &[&CLIP_NEUTRAL])?;
    let channels = keys.size("width", 768)?;
    let head_width = keys.size("head_width", 64)?;
    let ratio = keys.positive("mlp_ratio", 4.0)?;
    let activation = match quick_gelu {
        true => Activation::QuickGelu,
        false => Activation::Gelu,
    };
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
        activation,
        layer_norm_eps: 1e-5,
        ..Architecture::plain(OpenClip.name())
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

fn clip_block(i: usize) -> BlockNames {
    let name = |part: &str| format!("visual.transformer.resblocks.{i}.{part}");
    BlockNames {
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

fn timm_block(i: usize) -> BlockNames {
    let name = |part: &str| format!("visual.trunk.blocks.{i}.{part}");
    BlockNames::plain(
        ["norm1", "norm2"].map(name),
        &[name("attn.qkv")],
        &name("attn.proj"),
        ["mlp.fc1", "mlp.fc2"].map(name),
    )
}

/// Attention heads of timm's plain vision transformers by the word in their names (timm 1.0,
/// `vision_transformer.py`); nothing in the tensors tells them.
const TIMM_HEADS: [(&str, usize); 8] = [
    ("tiny", 3),
    ("small", 6),
    ("base", 12),
    ("large", 16),
    ("so400m", 16),
    ("huge", 16),
    ("giant", 16),
    ("gigantic", 16),
];

/// The size in the name of a plain vision transformer, `vit_SIZE_patchN_PIXELS`, with a tag of its
/// weights after a dot. Another word between, as in `vit_base_patch16_plus_240`, makes another
/// model.
fn timm_size(name: &str) -> Option<&str> {
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let parts: Vec<&str> = name.split('_').collect();
    let number = |text: &str| text.parse::<usize>().is_ok();
    match parts.as_slice() {
        ["vit", size, patch, pixels]
            if patch.strip_prefix("patch").is_some_and(number) && number(pixels) =>
        {
            Some(size)
        }
        _ => None,
    }
}

/// Sizes of a trunk of timm, from its tensors and its name.
fn read_timm(folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
    let (mut keys, projection, _) = vision_keys(&folder.config)?;
    let name = keys.object.get("timm_model_name").unwrap_or(&Value::Null);
    let name = name.as_str().ok_or_else(|| keys.value("timm_model_name", name, "a name"))?;
    // A trunk of timm takes nothing of open_clip's own tower.
    let own = CLIP_NEUTRAL.map(|(key, _)| key);
    keys.must_be_known(&[&CLIP_KEYS, &TIMM_KEYS, &own], &[])?;
    let size = timm_size(name);
    let heads = TIMM_HEADS.iter().find(|(word, _)| Some(*word) == size).map(|(_, n)| *n);
    let found = Value::String(name.to_owned());
    let heads = heads.ok_or_else(|| {
        let expected = "a plain vision transformer, `vit_SIZE_patchN_PIXELS` with SIZE tiny, small, base, large, so400m, huge, giant or gigantic";
        keys.value("timm_model_name", &found, expected)
    })?;
    let pool = keys.text("timm_pool", "avg")?;
    let pooling = match pool.as_str() {
        "" | "tok" | "token" => PoolingKind::ClassToken,
        "avg" => PoolingKind::PatchMean,
        _ => {
            let found = Value::String(pool);
            return Err(keys.value("timm_pool", &found, "`` (the class token) or `avg`").into());
        }
    };
    let proj = keys.text("timm_proj", "linear")?;
    if proj != "linear" {
        return Err(keys.value("timm_proj", &Value::String(proj), "`linear`").into());
    }
    let weights = folder.weights()?;
    let trunk = "visual.trunk.";
    let axis = |part: &str, axis: usize| {
        let tensor = format!("{trunk}{part}");
        weights.shape(&tensor).and_then(|shape| shape.get(axis).copied()).ok_or_else(|| {
            ConfigError::NoTensor { path: keys.path.to_owned(), model: name.to_owned(), tensor }
        })
    };
    let channels = axis("patch_embed.proj.weight", 0)?;
    let patch_size = axis("patch_embed.proj.weight", 2)?;
    let mlp_channels = axis("blocks.0.mlp.fc1.weight", 0)?;
    let patches = axis("pos_embed", 1)?.saturating_sub(1);
    let side = patches.isqrt() * patch_size;
    let image_size = keys.size("image_size", side)?;
    let has_block = |i: &usize| weights.contains(&format!("{trunk}blocks.{i}.norm1.weight"));
    let architecture = Architecture {
        channels,
        mlp_channels,
        blocks: (0..).take_while(has_block).count(),
        heads,
        patch_size,
        image_size,
        position_grid: image_size / patch_size,
        pooling,
        last: Stage::Projection,
        last_channels: projection,
        ..Architecture::plain(TimmTrunk.name())
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

/// The projection, with its bias where `timm_proj_bias` put one.
fn timm_projection(layers: &Layers<'_>) -> Result<Linear, WeightsError> {
    let a = layers.architecture;
    let (weight, bias) = ("visual.head.proj.weight", "visual.head.proj.bias");
    let uniform = Init::Uniform((a.channels as f64).powf(-0.5));
    let shape = [a.channels, a.last_channels];
    if !layers.weights.contains(bias) {
        return layers.matrix(weight, shape, uniform);
    }
    let matrix = layers.tensor(weight, &[a.last_channels, a.channels], uniform)?;
    let bias = layers.tensor(bias, &[a.last_channels], uniform)?;
    Ok(Linear::new(matrix, Some(bias), a.channels, Precision::F32))
}
