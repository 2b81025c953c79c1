//! SigLIP (and SigLIP 2 at a fixed resolution), as transformers stores it.

use serde_json::Map;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{BASE, HALF, Known, Width, squashed};
use super::config::{ConfigError, Keys};
use super::embedding::Embedding;
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{AttentionPooling, Head, Pooling, PoolingMlp};
use super::keys::{NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{BlockInit, Layers, OUTSIDE_OF_TRANSFORMERS, tower_prefix, transformers_block};
use super::linear::Linear;
use super::norm::NormKind;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::stage::Stage;
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Lhs, Precision, ProductScratch};

/// No class token, and a pooling head of attention.
#[derive(Debug)]
pub(super) struct Siglip;

impl Family for Siglip {
    fn name(&self) -> FamilyName {
        FamilyName { id: "siglip", title: "SigLIP" }
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["siglip", "siglip_vision_model"]
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let whole = folder.config.model_type() == Some("siglip");
        Ok(read_config(folder.config.keys(), whole)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        Preprocessing::from_folder(folder.path, "SiglipImageProcessor")
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let tower = tower_prefix(weights);
        let outside = [
            "embeddings.patch_embedding.weight",
            "embeddings.patch_embedding.bias",
            "embeddings.position_embedding.weight",
            "post_layernorm.weight",
            "post_layernorm.bias",
            "head.probe",
            "head.attention.in_proj_weight",
            "head.attention.in_proj_bias",
            "head.attention.out_proj.weight",
            "head.attention.out_proj.bias",
            "head.layernorm.weight",
            "head.layernorm.bias",
            "head.mlp.fc1.weight",
            "head.mlp.fc1.bias",
            "head.mlp.fc2.weight",
            "head.mlp.fc2.bias",
        ];
        let blocks = (0..architecture.blocks)
            .flat_map(|i| transformers_block(tower, i).tensors(NormKind::Layer));
        outside.iter().map(|name| format!("{tower}{name}")).chain(blocks).collect()
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames {
            anchors: &["embeddings.patch_embedding.weight"],
            own: &["vision_model.", ""],
            in_memory: &[],
        })
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE_OF_TRANSFORMERS
    }

    /// An untrained model's spreads are those of transformers'
    /// `SiglipPreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let (c, m) = (a.channels, a.mlp_channels);
        let tiny = Init::Normal(1e-6);
        let init = BlockInit {
            qkv: xavier(c, c),
            attention_out: xavier(c, c),
            mlp_in: xavier(c, m),
            mlp_out: xavier(m, c),
            mlp_bias: tiny,
        };
        let tower = tower_prefix(layers.weights);
        let embeddings = format!("{tower}embeddings");
        let patch = layers.patches(
            &format!("{embeddings}.patch_embedding"),
            lecun(3 * a.patch_size * a.patch_size),
            Some(Init::Zeros),
        )?;
        let positions = layers.tensor(
            &format!("{embeddings}.position_embedding.weight"),
            &[a.tokens(), c],
            Init::Normal((c as f64).powf(-0.5)),
        )?;
        let embedding = Embedding::with_positions(a, patch, Vec::new(), positions);
        let blocks = layers.blocks(init, |i| transformers_block(tower, i))?;
        let norm = layers.norm(&format!("{tower}post_layernorm"))?;
        let pooling = Pooling::Attention(Box::new(pooling(layers, tower, init)?));
        let head = Head { unit: a.unit_projection, ..Head::new(norm, pooling) };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        let Width { channels, blocks, heads, .. } = BASE;
        let architecture = Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            last_channels: channels,
            ..plain()
        };
        vec![Known::new("google/siglip-base-patch16-224", architecture, squashed(224, HALF))]
    }

    /// Its head multiplies by `gemm`.
    fn sums_by_caches(&self) -> bool {
        true
    }
}

/// What all models of the family have.
fn plain() -> Architecture {
    Architecture {
        class_token: false,
        pooling: PoolingKind::Attention,
        last: Stage::Projection,
        unit_projection: true,
        activation: Activation::GeluTanh,
        ..Architecture::plain(Siglip.name())
    }
}

/// Sizes from the `config.json` of a whole model (`SiglipConfig`) or of a vision tower alone. Keys
/// that are missing take the defaults of transformers 5's `SiglipVisionConfig`.
fn read_config(keys: Keys<'_>, whole: bool) -> Result<Sizes, ConfigError> {
    const WHOLE: [&str; 3] = ["model_type", "vision_config", "text_config"];
    let none = Map::new();
    let mut keys = match whole {
        true => {
            keys.must_be_known(&[&WHOLE, &PASSED_OVER], &[&NEUTRAL])?;
            let vision = keys.nested("vision_config")?;
            Keys { object: vision.unwrap_or(&none), prefix: "vision_config.", ..keys }
        }
        false => keys,
    };
    let own = [("model_type", "\"siglip_vision_model\"")];
    keys.must_be_known(&[&SIZES, &["vision_use_head"], &PASSED_OVER], &[&NEUTRAL, &own])?;
    keys.must_be_true("vision_use_head")?;
    let channels = keys.size("hidden_size", 768)?;
    let (patch_size, image_size) = (keys.size("patch_size", 16)?, keys.size("image_size", 224)?);
    let architecture = Architecture {
        channels,
        mlp_channels: keys.size("intermediate_size", 3072)?,
        blocks: keys.size("num_hidden_layers", 12)?,
        heads: keys.size("num_attention_heads", 12)?,
        patch_size,
        image_size,
        position_grid: image_size / patch_size,
        last_channels: channels,
        activation: keys.activation("hidden_act", Activation::GeluTanh)?,
        layer_norm_eps: keys.positive("layer_norm_eps", 1e-6)?,
        ..plain()
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

/// Xavier's uniform limit.
fn xavier(inputs: usize, outputs: usize) -> Init {
    Init::Uniform((6.0 / (inputs + outputs) as f64).sqrt())
}

/// LeCun's truncated normal: the deviation is corrected for the tails that are cut.
fn lecun(inputs: usize) -> Init {
    Init::TruncatedNormal((1.0 / inputs as f64).sqrt() / 0.879_625_661_034_239_8)
}

fn pooling(
    layers: &Layers<'_>,
    tower: &str,
    init: BlockInit,
) -> Result<AttentionPooling, WeightsError> {
    let Architecture { channels: c, mlp_channels: m, .. } = *layers.architecture;
    let layers = Layers { precision: Precision::F32, ..*layers };
    let head = |part: &str| format!("{tower}head.{part}");
    let probe = layers.tensor(&head("probe"), &[1, 1, c], xavier(c, c))?;
    // Query, key and value one under the other.
    let mut weight =
        layers.tensor(&head("attention.in_proj_weight"), &[3 * c, c], xavier(c, 3 * c))?;
    let mut bias = layers.tensor(&head("attention.in_proj_bias"), &[3 * c], Init::Zeros)?;
    let (key_value, key_value_bias) = (weight.split_off(c * c), bias.split_off(c));
    let mut query = vec![0.0; c];
    Linear::new(weight, Some(bias), c, layers.precision).apply_row(
        &probe,
        &mut query,
        &mut Lhs::default(),
        &mut ProductScratch::default(),
    );
    Ok(AttentionPooling {
        skip: 0,
        query,
        key_value: Linear::new(key_value, Some(key_value_bias), c, layers.precision),
        rotary: None,
        out: layers.linear(&head("attention.out_proj"), [c, c], lecun(c), Init::Zeros)?,
        mlp: Some(PoolingMlp {
            norm: layers.norm(&head("layernorm"))?,
            input: layers.linear(&head("mlp.fc1"), [c, m], init.mlp_in, init.mlp_bias)?,
            activation: layers.architecture.activation,
            out: layers.linear(&head("mlp.fc2"), [m, c], init.mlp_out, init.mlp_bias)?,
        }),
        heads: layers.architecture.heads,
    })
}
