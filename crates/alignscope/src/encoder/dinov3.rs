//! DINOv3's vision transformers, as transformers stores them.

use serde_json::Value;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::catalogue::{IMAGENET, Known, squashed};
use super::config::{ConfigError, Keys};
use super::embedding::Embedding;
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{Head, Pooling};
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{BlockInit, BlockNames, LayerNames, Layers, norm_tensors};
use super::norm::NormKind;
use super::rotary::{Places, RotaryPositions};
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe, Resample};
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::Activation;

/// Registers, LayerScale, and rotary positions in place of learned ones.
#[derive(Debug)]
pub(super) struct Dinov3;

const PATCH: &str = "embeddings.patch_embeddings";

/// The flags that say which layers have a bias, each with one such layer and the default.
const BIASES: [(&str, &str, bool); 5] = [
    ("query_bias", "attention.q_proj", true),
    ("key_bias", "attention.k_proj", false),
    ("value_bias", "attention.v_proj", true),
    ("proj_bias", "attention.o_proj", true),
    ("mlp_bias", "mlp.down_proj", true),
];

impl Family for Dinov3 {
    fn name(&self) -> FamilyName {
        FamilyName { id: "dinov3", title: "DINOv3", references: &["simeoni2025dinov3"] }
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["dinov3_vit"]
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let weights = folder.weights()?;
        Ok(read(folder.config.keys(), weights)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        Preprocessing::from_folder(folder.path, "DINOv3ViTImageProcessor")
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        true
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let mut names = vec![
            "embeddings.cls_token".to_owned(),
            format!("{PATCH}.weight"),
            format!("{PATCH}.bias"),
        ];
        if architecture.registers > 0 {
            names.push("embeddings.register_tokens".to_owned());
        }
        let block = |i| block(architecture, weights, i).tensors(NormKind::Layer);
        names.extend((0..architecture.blocks).flat_map(block));
        names.extend(norm_tensors("norm", NormKind::Layer));
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames {
            anchors: &["embeddings.patch_embeddings.weight"],
            own: &[""],
            in_memory: &[(".model.layer.", ".model.layer.", ".layer.")],
        })
    }

    fn outside(&self) -> &'static [&'static str] {
        &["embeddings.mask_token"]
    }

    /// An untrained model's spreads are those of transformers'
    /// `DINOv3ViTPreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let spread = Init::TruncatedNormal(0.02);
        let patch = layers.patches(PATCH, spread, Some(Init::Zeros))?;
        let mut prefix = layers.tensor("embeddings.cls_token", &[1, 1, a.channels], spread)?;
        if a.registers > 0 {
            let shape = [1, a.registers, a.channels];
            prefix.extend(layers.tensor("embeddings.register_tokens", &shape, spread)?);
        }
        let embedding = Embedding::new(a, patch, prefix, Vec::new());
        let blocks = layers.blocks(BlockInit::all(spread), |i| block(a, layers.weights, i))?;
        let head = Head::new(layers.norm("norm")?, Pooling::ClassToken);
        Ok(Box::new(Transformer::new(embedding, blocks, head).with_rotary(a)))
    }

    fn known_models(&self) -> Vec<Known> {
        let preprocessing =
            Preprocessing { resample: Resample::Bilinear, ..squashed(224, IMAGENET) };
        let known = |id, channels, blocks, heads| {
            let architecture = Architecture {
                channels,
                mlp_channels: 4 * channels,
                blocks,
                heads,
                last_channels: channels,
                registers: 4,
                layer_norm_eps: 1e-5,
                layer_scale: Some(1.0),
                ..plain()
            };
            Known::new(id, architecture, preprocessing.clone())
        };
        vec![
            known("facebook/dinov3-vits16-pretrain-lvd1689m", 384, 12, 6),
            known("facebook/dinov3-vitb16-pretrain-lvd1689m", 768, 12, 12),
            known("facebook/dinov3-vitl16-pretrain-lvd1689m", 1024, 24, 16),
        ]
    }
}

/// What all models of the family have.
fn plain() -> Architecture {
    Architecture {
        rotary: Some(RotaryPositions { base: 100.0, places: Places::Centred }),
        ..Architecture::plain(Dinov3.name())
    }
}

/// Keys that are missing take the defaults of transformers 5's `DINOv3ViTConfig`.
fn read(mut keys: Keys<'_>, weights: &Weights) -> Result<Sizes, ConfigError> {
    // Those of positions move them in training alone.
    const READ: [&str; 9] = [
        "model_type",
        "layerscale_value",
        "num_register_tokens",
        "pos_embed_jitter",
        "pos_embed_rescale",
        "pos_embed_shift",
        "return_class_token",
        "rope_theta",
        "use_gated_mlp",
    ];
    let flags = BIASES.map(|(flag, ..)| flag);
    keys.must_be_known(&[&SIZES, &READ, &flags, &BACKBONE, &PASSED_OVER], &[&NEUTRAL])?;
    for (flag, layer, default) in BIASES {
        let said = keys.flag(flag, default)?;
        let bias = format!("layer.0.{layer}.bias");
        if said != weights.contains(&bias) {
            let found = Value::Bool(said);
            return Err(match said {
                true => ConfigError::NoTensor {
                    path: keys.path.to_owned(),
                    model: Dinov3.name().to_string(),
                    tensor: bias,
                },
                false => keys.value(flag, &found, "true: the weights have such a bias"),
            });
        }
    }
    let channels = keys.size("hidden_size", 384)?;
    let registers = keys.object.get("num_register_tokens").and_then(Value::as_u64);
    let architecture = Architecture {
        channels,
        mlp_channels: keys.size("intermediate_size", 1536)?,
        blocks: keys.size("num_hidden_layers", 12)?,
        heads: keys.size("num_attention_heads", 6)?,
        patch_size: keys.size("patch_size", 16)?,
        image_size: keys.size("image_size", 224)?,
        registers: match registers {
            Some(0) => 0,
            Some(_) => keys.required_size("num_register_tokens")?,
            None => 0,
        },
        last_channels: channels,
        activation: keys.activation("hidden_act", Activation::Gelu)?,
        gated: keys.flag("use_gated_mlp", false)?,
        layer_norm_eps: keys.positive("layer_norm_eps", 1e-5)?,
        layer_scale: Some(keys.positive("layerscale_value", 1.0)?),
        rotary: Some(RotaryPositions {
            base: keys.positive("rope_theta", 100.0)?,
            places: Places::Centred,
        }),
        ..plain()
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

/// Layers have the biases that the weights have; those of an untrained model would be 0.
fn block(architecture: &Architecture, weights: &Weights, i: usize) -> BlockNames {
    let name = |part: &str| format!("layer.{i}.{part}");
    let layer = |part: &str| {
        let has_bias = weights.shape(&name(&format!("{part}.bias"))).is_some();
        LayerNames::with_bias(&name(part), has_bias)
    };
    let mlp: &[&str] = match architecture.gated {
        true => &["mlp.gate_proj", "mlp.up_proj"],
        false => &["mlp.up_proj"],
    };
    let projections = ["q_proj", "k_proj", "v_proj"];
    BlockNames {
        norm_1: name("norm1"),
        qkv: projections.iter().map(|part| layer(&format!("attention.{part}"))).collect(),
        query_key_norms: None,
        attention_norm: None,
        attention_out: layer("attention.o_proj"),
        attention_scale: Some(name("layer_scale1.lambda1")),
        norm_2: name("norm2"),
        mlp_in: mlp.iter().map(|part| layer(part)).collect(),
        mlp_norm: None,
        mlp_out: layer("mlp.down_proj"),
        mlp_scale: Some(name("layer_scale2.lambda1")),
    }
}
