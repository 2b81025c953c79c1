//! CLIP and Chinese-CLIP, whose vision towers are the same, as transformers stores them.

use serde_json::Map;

use super::Parts;
use super::architecture::{Architecture, ConfigError, Family, Keys};
use super::embedding::Embedding;
use super::head::{Head, Pooling};
use super::keys::{NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{BlockInit, Layers, tower_prefix, transformers_block};
use crate::weights::{Init, WeightsError};
use alignscope_kernel::Activation;

/// Sizes from the `config.json` of a whole model (`CLIPConfig`), whose own `projection_dim`
/// counts, or of a vision tower alone (`CLIPVisionConfig`).
pub(super) fn read_config(
    mut keys: Keys<'_>,
    family: Family,
    whole: bool,
) -> Result<(Architecture, Vec<String>), ConfigError> {
    const WHOLE: [&str; 6] = [
        "model_type",
        "projection_dim",
        "vision_config",
        "vision_config_dict",
        "text_config",
        "text_config_dict",
    ];
    if !whole {
        must_be_vision(&keys, family)?;
        let projection = keys.size("projection_dim", 512)?;
        return read(keys, family, projection);
    }
    keys.must_be_known(&[&WHOLE, &PASSED_OVER], &[&NEUTRAL])?;
    let projection = keys.size("projection_dim", 512)?;
    let none = Map::new();
    let own = keys.nested("vision_config")?.unwrap_or(&none);
    // Older files hold the sizes a second time as `vision_config_dict`; where it is there,
    // transformers takes it, and defaults for what it lacks, over `vision_config`.
    let second = keys.nested("vision_config_dict")?;
    let keys = Keys { object: own, prefix: "vision_config.", ..keys };
    must_be_vision(&keys, family)?;
    let Some(second) = second else { return read(keys, family, projection) };
    let keys = Keys { object: second, prefix: "vision_config_dict.", ..keys };
    must_be_vision(&keys, family)?;
    read(keys, family, projection)
}

/// Refuses keys that a vision tower's configuration may not have.
fn must_be_vision(keys: &Keys<'_>, family: Family) -> Result<(), ConfigError> {
    let model_type = match family {
        Family::ChineseClip => "\"chinese_clip_vision_model\"",
        _ => "\"clip_vision_model\"",
    };
    let own = [("model_type", model_type)];
    keys.must_be_known(&[&SIZES, &["projection_dim"], &PASSED_OVER], &[&NEUTRAL, &own])
}

/// The names of the tensors that [`load`] reads.
pub(super) fn tensors(architecture: &Architecture, tower: &str) -> Vec<String> {
    let outside = [
        "embeddings.class_embedding",
        "embeddings.patch_embedding.weight",
        "embeddings.position_embedding.weight",
        "pre_layrnorm.weight",
        "pre_layrnorm.bias",
        "post_layernorm.weight",
        "post_layernorm.bias",
    ];
    let blocks = (0..architecture.blocks).flat_map(|i| transformers_block(tower, i).tensors());
    let projection = std::iter::once("visual_projection.weight".to_owned());
    outside.iter().map(|name| format!("{tower}{name}")).chain(blocks).chain(projection).collect()
}

/// Keys that are missing take the defaults of transformers 5's `CLIPVisionConfig` and
/// `ChineseCLIPVisionConfig`, which are the same.
fn read(
    mut keys: Keys<'_>,
    family: Family,
    projection: usize,
) -> Result<(Architecture, Vec<String>), ConfigError> {
    let architecture = Architecture {
        family,
        channels: keys.size("hidden_size", 768)?,
        mlp_channels: keys.size("intermediate_size", 3072)?,
        blocks: keys.size("num_hidden_layers", 12)?,
        heads: keys.size("num_attention_heads", 12)?,
        patch_size: keys.size("patch_size", 32)?,
        image_size: keys.size("image_size", 224)?,
        class_token: true,
        projection,
        unit_projection: family == Family::ChineseClip,
        activation: keys.activation("hidden_act", Activation::QuickGelu)?,
        layer_norm_eps: keys.positive("layer_norm_eps", 1e-5)?,
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

/// Reads the layers. An untrained model's spreads are those of transformers'
/// `CLIPPreTrainedModel._init_weights` with factor 1.
pub(super) fn load(layers: &Layers<'_>) -> Result<Parts, WeightsError> {
    let a = layers.architecture;
    let (width, depth) = (a.channels as f64, a.blocks as f64);
    let narrow = Init::Normal(width.powf(-0.5) * (2.0 * depth).powf(-0.5));
    let wide = Init::Normal(width.powf(-0.5));
    let init = BlockInit {
        qkv: narrow,
        attention_out: wide,
        mlp_in: Init::Normal((2.0 * width).powf(-0.5)),
        mlp_out: narrow,
        mlp_bias: Init::Zeros,
    };
    let tower = tower_prefix(layers.weights);
    let embeddings = format!("{tower}embeddings");
    let positions = [a.tokens(), a.channels];
    Ok(Parts {
        embedding: Embedding {
            patch: layers.patches(
                &format!("{embeddings}.patch_embedding"),
                Init::Normal(0.02),
                None,
            )?,
            class_token: Some(layers.tensor(
                &format!("{embeddings}.class_embedding"),
                &[a.channels],
                wide,
            )?),
            positions: layers.tensor(
                &format!("{embeddings}.position_embedding.weight"),
                &positions,
                Init::Normal(0.02),
            )?,
            // The published spelling.
            norm: Some(layers.norm(&format!("{tower}pre_layrnorm"))?),
            patch_size: a.patch_size,
            image_size: a.image_size,
        },
        blocks: layers.blocks(init, |i| transformers_block(tower, i))?,
        head: Head {
            norm: layers.norm(&format!("{tower}post_layernorm"))?,
            pooling: Pooling::ClassToken,
            projection: Some(layers.matrix(
                "visual_projection.weight",
                [a.channels, a.projection],
                wide,
            )?),
            unit: a.unit_projection,
        },
    })
}
