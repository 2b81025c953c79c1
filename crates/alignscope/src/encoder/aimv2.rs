//! AIMv2, as transformers stores it.

use serde_json::Map;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::config::{ConfigError, Keys};
use super::embedding::Embedding;
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{AttentionPooling, Head, Pooling};
use super::keys::{NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{
    BlockInit, BlockNames, LayerNames, Layers, OUTSIDE_OF_TRANSFORMERS, norm_tensors,
    tower_prefix_of,
};
use super::linear::Linear;
use super::norm::NormKind;
use super::positions::sine_cosine;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::stage::Stage;
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Precision};

/// No class token, norms by the root of the mean square, gated MLPs, and a head of attention whose
/// query is learned as it is.
#[derive(Debug)]
pub(super) struct Aimv2;

const PATCH: &str = "embeddings.patch_embed";
const POSITIONS: &str = "embeddings.position_embedding.weight";
const PROJECTION: &str = "visual_projection.weight";

/// Where its tensors lie.
const TOWER: TowerNames = TowerNames {
    anchors: &["embeddings.patch_embed.weight"],
    own: &["vision_model.", ""],
    in_memory: &[],
};

impl Family for Aimv2 {
    fn name(&self) -> FamilyName {
        FamilyName { id: "aimv2", title: "AIMv2", references: &["fini2025aimv2"] }
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["aimv2_vision_model", "aimv2"]
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let whole = folder.config.model_type() == Some("aimv2");
        Ok(read(folder.config.keys(), whole)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        Preprocessing::from_folder(folder.path, "CLIPImageProcessor")
    }

    fn resizes_positions(&self, architecture: &Architecture) -> bool {
        architecture.position_grid == 0
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let model = prefix(weights);
        let name = |part: &str| format!("{model}{part}");
        let mut names: Vec<String> = [name(POSITIONS), PROJECTION.to_owned()]
            .into_iter()
            .filter(|n| weights.contains(n))
            .collect();
        names.extend(["weight", "bias"].map(|end| name(&format!("{PATCH}.{end}"))));
        for norm in ["embeddings.rms_norm", "rms_norm"] {
            names.extend(norm_tensors(&name(norm), NormKind::Rms));
        }
        if architecture.pooling == PoolingKind::Attention {
            let parts = [
                "cls_token",
                "k_proj.weight",
                "v_proj.weight",
                "output_proj.weight",
                "output_proj.bias",
            ];
            names.extend(parts.map(|part| name(&format!("head.{part}"))));
        }
        let block = |i| block(weights, i).tensors(NormKind::Rms);
        names.extend((0..architecture.blocks).flat_map(block));
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TOWER)
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE_OF_TRANSFORMERS
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let (a, weights) = (layers.architecture, layers.weights);
        let spread = Init::Normal(0.02);
        let model = prefix(weights);
        let name = |part: &str| format!("{model}{part}");
        let patch = layers.patches(&name(PATCH), spread, Some(Init::Zeros))?;
        let positions = match a.position_grid {
            0 => sine_cosine(a.image_size / a.patch_size, a.channels),
            _ => layers.tensor(&name(POSITIONS), &[a.patches(), a.channels], spread)?,
        };
        let embedding = Embedding {
            patch_norm: Some(layers.norm(&name("embeddings.rms_norm"))?),
            ..Embedding::new(a, patch, Vec::new(), positions)
        };
        let blocks = layers.blocks(BlockInit::all(spread), |i| block(weights, i))?;
        let pooling = match a.pooling {
            PoolingKind::Attention => Pooling::Attention(Box::new(pooling(layers, model)?)),
            _ => Pooling::Mean(0..a.tokens()),
        };
        let projection = match a.last {
            Stage::Projection => {
                Some(layers.matrix(PROJECTION, [a.channels, a.last_channels], spread)?.into())
            }
            _ => None,
        };
        let norm = layers.norm(&name("rms_norm"))?;
        let head = Head { projection, unit: a.unit_projection, ..Head::new(norm, pooling) };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }
}

fn prefix(weights: &Weights) -> &'static str {
    tower_prefix_of(weights, TOWER)
}

/// Layers have the biases that the weights have.
fn block(weights: &Weights, i: usize) -> BlockNames {
    let name = |part: &str| format!("{}encoder.layers.{i}.{part}", prefix(weights));
    let layer = |part: &str| {
        let has_bias = weights.shape(&name(&format!("{part}.bias"))).is_some();
        LayerNames::with_bias(&name(part), has_bias)
    };
    let qkv = ["attention.q_proj", "attention.k_proj", "attention.v_proj"];
    BlockNames {
        norm_1: name("rms_norm1"),
        qkv: qkv.map(layer).to_vec(),
        query_key_norms: None,
        attention_norm: None,
        attention_out: layer("attention.out_proj"),
        attention_scale: None,
        norm_2: name("rms_norm2"),
        mlp_in: ["ffn.gate_proj", "ffn.up_proj"].map(layer).to_vec(),
        mlp_norm: None,
        mlp_out: layer("ffn.down_proj"),
        mlp_scale: None,
    }
}

/// The head, in f32.
fn pooling(layers: &Layers<'_>, model: &str) -> Result<AttentionPooling, WeightsError> {
    let c = layers.architecture.channels;
    let layers = Layers { precision: Precision::F32, ..*layers };
    let spread = Init::Normal(0.02);
    let head = |part: &str| format!("{model}head.{part}");
    let key_value = ["k_proj", "v_proj"].map(|part| LayerNames::with_bias(&head(part), false));
    let (weight, bias) = layers.stacked(&key_value, [c, 2 * c], spread, Init::Zeros)?;
    Ok(AttentionPooling {
        skip: 0,
        query: layers.tensor(&head("cls_token"), &[1, 1, c], spread)?,
        key_value: Linear::new(weight, bias, c, layers.precision),
        rotary: None,
        out: layers.linear(&head("output_proj"), [c, c], spread, Init::Zeros)?,
        mlp: None,
        heads: layers.architecture.heads,
    })
}

/// Sizes from the configuration of a whole model or of its vision tower. Keys that are missing take
/// the defaults of transformers 5's `Aimv2VisionConfig`.
fn read(keys: Keys<'_>, whole: bool) -> Result<Sizes, ConfigError> {
    // The largest scale of products with texts is of no stage.
    const WHOLE: [&str; 5] =
        ["model_type", "projection_dim", "vision_config", "text_config", "max_logit_scale"];
    const READ: [&str; 6] =
        ["qkv_bias", "mlp_bias", "rms_norm_eps", "use_head", "is_native", "model_type"];
    let none = Map::new();
    let mut projection = None;
    let mut keys = keys;
    if whole {
        keys.must_be_known(&[&WHOLE, &PASSED_OVER], &[&NEUTRAL])?;
        projection = Some(keys.size("projection_dim", 512)?);
        let vision = keys.nested("vision_config")?.unwrap_or(&none);
        keys = Keys { object: vision, prefix: "vision_config.", ..keys };
    }
    keys.must_be_known(&[&SIZES, &READ, &PASSED_OVER], &[&NEUTRAL])?;
    let channels = keys.size("hidden_size", 1024)?;
    let (patch_size, image_size) = (keys.size("patch_size", 14)?, keys.size("image_size", 224)?);
    let use_head = keys.flag("use_head", true)?;
    let architecture = Architecture {
        channels,
        mlp_channels: keys.size("intermediate_size", 2816)?,
        blocks: keys.size("num_hidden_layers", 24)?,
        heads: keys.size("num_attention_heads", 8)?,
        patch_size,
        image_size,
        // Native positions are computed, for any grid.
        position_grid: if keys.flag("is_native", false)? { 0 } else { image_size / patch_size },
        class_token: false,
        pooling: if use_head { PoolingKind::Attention } else { PoolingKind::PatchMean },
        last: if whole { Stage::Projection } else { Stage::Output },
        last_channels: projection.unwrap_or(channels),
        unit_projection: whole,
        activation: keys.activation("hidden_act", Activation::Silu)?,
        qkv_bias: keys.flag("qkv_bias", false)?,
        gated: true,
        norm: NormKind::Rms,
        layer_norm_eps: keys.positive("rms_norm_eps", 1e-5)?,
        ..Architecture::plain(Aimv2.name())
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}
