//! Vision transformers of timm, in the folders that `timm.models.save_for_hf` writes.

use serde_json::{Map, Value};

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::config::{ConfigError, ConfigFile, Keys};
use super::family::{CheckpointFolder, Family, Sizes};
use super::layers::Layers;
use super::timm_expected::Expected;
use super::timm_folder::{self, FOLDER_KEYS, TimmTensors, pretrained};
use super::timm_model::{Said, TimmModel};
use super::timm_registered::{Registered, pooling_of};
use super::tower::Tower;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Recipe};
use crate::stage::Stage;
use crate::weights::{Format, Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::Precision;

/// timm's `VisionTransformer`, `VisionTransformerDistilled` and `Eva`.
///
/// Sizes, and which parts there are, are those of the tensors, which are held to what the architecture's
/// name says, over which `model_args` go; what tensors do not tell is that of the name.
#[derive(Debug)]
pub(super) struct TimmVit;

impl Family for TimmVit {
    fn name(&self) -> FamilyName {
        FamilyName { id: "timm", title: "timm ViT", references: &["wightman2019timm"] }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        config.format() == Format::Transformers
            && config.model_type().is_none()
            && config.object().contains_key("architecture")
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let keys = folder.config.keys();
        keys.must_be_known(&[&FOLDER_KEYS], &[])?;
        let found = keys.object.get("architecture").unwrap_or(&Value::Null);
        let name = found.as_str().unwrap_or_default();
        let registered = Registered::find(name).ok_or_else(|| {
            let expected = "a vision transformer of timm 1.0 (`VisionTransformer` or `Eva`), or a plain \
                 `resnet…`, `convnext_…`, `vgg…` or `alexnet`";
            keys.value("architecture", found, expected)
        })?;
        let pretrained = pretrained(&keys)?;
        let arguments = timm_folder::arguments(&keys)?;
        arguments.must_be_known(&[&OF_TENSORS, &OF_NAME], &[&NEUTRAL_ARGUMENTS])?;
        let model = TimmModel::new(folder.weights()?, "");
        let tensors = TimmTensors::of_folder(folder.weights()?, &keys);
        let said = said(&arguments)?;
        let expected = Expected::with(registered, &arguments, said.pooling)?;
        let mut architecture = model.sizes(self.name(), registered, said, &expected, tensors)?;
        if let Some(head) = model.shape("head.weight")
            && let Some(outputs) = head.first().copied()
            && is_projection(name, outputs, pretrained)
        {
            architecture =
                Architecture { last: Stage::Projection, last_channels: outputs, ..architecture };
        }
        Ok((architecture.validate(keys.path)?, Vec::new()))
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        timm_folder::preprocessing(&folder.config, architecture.image_size)
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let model = TimmModel::new(weights, "");
        let mut names = model.tensors(architecture);
        if architecture.last == Stage::Projection {
            names.extend(["head.weight", "head.bias"].map(str::to_owned));
        }
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames { anchors: &["patch_embed.proj.weight"], own: &[""], in_memory: &[] })
    }

    fn outside(&self) -> &'static [&'static str] {
        &["head.", "head_dist.", "rope.periods", "mask_token", "decoder_"]
    }

    fn model_of(&self, config: &ConfigFile) -> String {
        let name = config.object().get("architecture").and_then(Value::as_str);
        name.map_or_else(|| self.name().to_string(), str::to_owned)
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let mut tower = TimmModel::of(layers, "").load(layers)?;
        if a.last == Stage::Projection {
            let in_f32 = Layers { precision: Precision::F32, ..*layers };
            let shape = [a.channels, a.last_channels];
            let spread = Init::TruncatedNormal(0.02);
            let projection = in_f32.linear("head", shape, spread, Init::Zeros)?;
            tower.head.projection = Some(projection.into());
        }
        Ok(Box::new(tower))
    }
}

/// Arguments of a model that its tensors tell; some of them are held against these.
const OF_TENSORS: [&str; 26] = [
    "attn_pool_mlp_ratio",
    "class_token",
    "depth",
    "embed_dim",
    "fc_norm",
    "final_norm",
    "in_chans",
    "init_values",
    "mlp_ratio",
    "no_embed_class",
    "num_classes",
    "num_reg_tokens",
    "patch_size",
    "pre_norm",
    "qk_norm",
    "qkv_bias",
    "qkv_fused",
    "reg_tokens",
    "scale_attn_inner",
    "scale_mlp",
    "swiglu_align_to",
    "swiglu_mlp",
    "use_abs_pos_emb",
    "use_fc_norm",
    "use_post_transformer_norm",
    "use_pre_transformer_norm",
];

/// Arguments that are read, and those of training.
const OF_NAME: [&str; 12] = [
    "attn_drop_rate",
    "attn_pool_num_heads",
    "drop_path_rate",
    "drop_rate",
    "dynamic_img_size",
    "global_pool",
    "img_size",
    "num_heads",
    "patch_drop_rate",
    "pool_include_prefix",
    "pos_drop_rate",
    "proj_drop_rate",
];

/// Arguments that make another model unless they have this value, as JSON.
const NEUTRAL_ARGUMENTS: [(&str, &str); 2] =
    [("dynamic_img_pad", "false"), ("use_post_norm", "false")];

/// Whether the head of a model with so many outputs is the projection that it was trained with, as
/// CLIP's and the Perception Encoder's are, and not a classifier that was put on later.
fn is_projection(name: &str, outputs: usize, pretrained: &Map<String, Value>) -> bool {
    const PROJECTIONS: [usize; 7] = [512, 640, 768, 896, 1024, 1152, 1280];
    let tag = pretrained.get("tag").and_then(Value::as_str).unwrap_or_default();
    (name.contains("_clip_") || name.contains("_pe_core_"))
        && PROJECTIONS.contains(&outputs)
        && !tag.contains("_ft_")
}

/// What the arguments of a model say.
fn said(arguments: &Keys<'_>) -> Result<Said, ConfigError> {
    let given = |key: &str| arguments.object.get(key).filter(|value| !value.is_null());
    let size = |key: &str| given(key).map(|_| arguments.required_size(key)).transpose();
    let pooling = |value: &Value| {
        let pooling = value.as_str().and_then(pooling_of);
        let expected = "`token`, `avg` or `map`";
        pooling.ok_or_else(|| arguments.value("global_pool", value, expected))
    };
    let flag = |value: &Value| {
        let error = || arguments.value("pool_include_prefix", value, "true or false");
        value.as_bool().ok_or_else(error)
    };
    Ok(Said {
        image_size: size("img_size")?,
        heads: size("num_heads")?,
        pool_heads: size("attn_pool_num_heads")?,
        pooling: given("global_pool").map(pooling).transpose()?,
        prefix_pooled: given("pool_include_prefix").map(flag).transpose()?,
    })
}
