//! CLIP's vision tower, as transformers stores it.

use std::path::Path;

use serde_json::{Map, Value};

use super::Parts;
use super::architecture::{Architecture, ConfigError, Family, Keys};
use super::block::Block;
use super::embedding::Embedding;
use super::head::Head;
use super::linear::Linear;
use super::norm::LayerNorm;
use crate::kernel::Activation;
use crate::weights::{Init, Weights, WeightsError};

/// Sizes from the `config.json` of a whole CLIP (`CLIPConfig`), whose own `projection_dim` counts.
pub(super) fn read_config(
    top: &Map<String, Value>,
    path: &Path,
) -> Result<(Architecture, Vec<String>), ConfigError> {
    let nested = |key| top.get(key).and_then(Value::as_object);
    // Older files hold the sizes a second time as `vision_config_dict`; where it is there,
    // transformers takes it, and defaults for what it lacks, over `vision_config`.
    let none = Map::new();
    let vision = nested("vision_config_dict").or(nested("vision_config")).unwrap_or(&none);
    let mut keys = Keys { object: top, path, prefix: "", defaults_used: Vec::new() };
    let projection = keys.size("projection_dim", 512)?;
    let defaults_used = keys.defaults_used;
    let keys = Keys { object: vision, path, prefix: "vision_config.", defaults_used };
    read(keys, Some(projection))
}

/// Sizes from the `config.json` of a vision tower alone (`CLIPVisionConfig`).
pub(super) fn read_vision_config(
    top: &Map<String, Value>,
    path: &Path,
) -> Result<(Architecture, Vec<String>), ConfigError> {
    read(Keys { object: top, path, prefix: "", defaults_used: Vec::new() }, None)
}

/// Keys that are missing take the defaults of transformers 5's `CLIPVisionConfig`.
fn read(
    mut keys: Keys<'_>,
    projection: Option<usize>,
) -> Result<(Architecture, Vec<String>), ConfigError> {
    let architecture = Architecture {
        family: Family::Clip,
        channels: keys.size("hidden_size", 768)?,
        mlp_channels: keys.size("intermediate_size", 3072)?,
        blocks: keys.size("num_hidden_layers", 12)?,
        heads: keys.size("num_attention_heads", 12)?,
        patch_size: keys.size("patch_size", 32)?,
        image_size: keys.size("image_size", 224)?,
        projection: match projection {
            Some(projection) => projection,
            None => keys.size("projection_dim", 512)?,
        },
        activation: keys.activation("hidden_act", Activation::QuickGelu)?,
        layer_norm_eps: keys.positive("layer_norm_eps", 1e-5)?,
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

/// Reads the layers. An untrained model's spreads are those of transformers'
/// `CLIPPreTrainedModel._init_weights` with factor 1.
pub(super) fn load(a: &Architecture, weights: &Weights) -> Result<Parts, WeightsError> {
    let (c, d) = (a.channels as f64, a.blocks as f64);
    let reader = Reader { weights, channels: a.channels, eps: a.layer_norm_eps as f32 };
    let in_std = c.powf(-0.5) * (2.0 * d).powf(-0.5);
    let out_std = c.powf(-0.5);

    let patch_pixels = 3 * a.patch_size * a.patch_size;
    let embedding = Embedding {
        patch: Linear::new(
            weights.tensor(
                "vision_model.embeddings.patch_embedding.weight",
                &[a.channels, 3, a.patch_size, a.patch_size],
                Init::Normal(0.02),
            )?,
            None,
            patch_pixels,
        ),
        class_token: Some(weights.tensor(
            "vision_model.embeddings.class_embedding",
            &[a.channels],
            Init::Normal(out_std),
        )?),
        positions: weights.tensor(
            "vision_model.embeddings.position_embedding.weight",
            &[a.tokens(), a.channels],
            Init::Normal(0.02),
        )?,
        // The published spelling.
        norm: Some(reader.norm("vision_model.pre_layrnorm")?),
        patch_size: a.patch_size,
        image_size: a.image_size,
    };

    let blocks = (0..a.blocks)
        .map(|i| {
            let name = |part: &str| format!("vision_model.encoder.layers.{i}.{part}");
            let mut qkv = Vec::with_capacity(3 * a.channels * a.channels);
            let mut qkv_bias = Vec::with_capacity(3 * a.channels);
            for part in ["q_proj", "k_proj", "v_proj"] {
                let (weight, bias) = reader.linear(
                    &name(&format!("self_attn.{part}")),
                    a.channels,
                    a.channels,
                    in_std,
                )?;
                qkv.extend(weight);
                qkv_bias.extend(bias);
            }
            let linear = |part: &str, inputs, outputs, std| {
                let (weight, bias) = reader.linear(&name(part), inputs, outputs, std)?;
                Ok(Linear::new(weight, Some(bias), inputs))
            };
            Ok(Block {
                norm_1: reader.norm(&name("layer_norm1"))?,
                qkv: Linear::new(qkv, Some(qkv_bias), a.channels),
                attention_out: linear("self_attn.out_proj", a.channels, a.channels, out_std)?,
                norm_2: reader.norm(&name("layer_norm2"))?,
                mlp_in: linear("mlp.fc1", a.channels, a.mlp_channels, (2.0 * c).powf(-0.5))?,
                activation: a.activation,
                mlp_out: linear("mlp.fc2", a.mlp_channels, a.channels, in_std)?,
                heads: a.heads,
            })
        })
        .collect::<Result<_, WeightsError>>()?;

    let head = Head {
        norm: reader.norm("vision_model.post_layernorm")?,
        projection: Linear::new(
            weights.tensor(
                "visual_projection.weight",
                &[a.projection, a.channels],
                Init::Normal(out_std),
            )?,
            None,
            a.channels,
        ),
    };
    Ok(Parts { embedding, blocks, head })
}

/// Reads layers by their names.
struct Reader<'a> {
    weights: &'a Weights,
    channels: usize,
    eps: f32,
}

impl Reader<'_> {
    fn norm(&self, name: &str) -> Result<LayerNorm, WeightsError> {
        let shape = [self.channels];
        Ok(LayerNorm {
            weight: self.weights.tensor(&format!("{name}.weight"), &shape, Init::Ones)?,
            bias: self.weights.tensor(&format!("{name}.bias"), &shape, Init::Zeros)?,
            eps: self.eps,
        })
    }

    /// Weight `[outputs, inputs]` and bias `[outputs]`.
    fn linear(
        &self,
        name: &str,
        inputs: usize,
        outputs: usize,
        std: f64,
    ) -> Result<(Vec<f32>, Vec<f32>), WeightsError> {
        let weight = format!("{name}.weight");
        let weight = self.weights.tensor(&weight, &[outputs, inputs], Init::Normal(std))?;
        let bias = self.weights.tensor(&format!("{name}.bias"), &[outputs], Init::Zeros)?;
        Ok((weight, bias))
    }
}
