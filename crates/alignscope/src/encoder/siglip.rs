//! SigLIP, and SigLIP 2 at a fixed resolution and with patches of any number (NaFlex), as transformers
//! stores them.

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
use super::positions::{Resizing, resize};
use super::precision::of_patches;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe, Resize};
use crate::stage::Stage;
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Lhs, Precision};

/// No class token, and a pooling head of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Siglip {
    /// Of images of one size.
    Fixed,
    /// SigLIP 2 that keeps the proportion of an image. Here it sees squares alone, which all have one
    /// grid of patches, so that none is padding.
    NaFlex,
}

impl Family for Siglip {
    fn name(&self) -> FamilyName {
        match self {
            Self::Fixed => {
                FamilyName { id: "siglip", title: "SigLIP", references: &["zhai2023siglip"] }
            }
            Self::NaFlex => FamilyName {
                id: "siglip2-naflex",
                title: "SigLIP 2 NaFlex",
                references: &["tschannen2025siglip2"],
            },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Fixed => &["siglip", "siglip_vision_model"],
            Self::NaFlex => &["siglip2", "siglip2_vision_model"],
        }
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let [whole, _] = self.model_types() else { unreachable!("a model, and its tower alone") };
        let whole = folder.config.model_type() == Some(whole);
        Ok(self.read_config(folder.config.keys(), whole)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        match self {
            Self::Fixed => Preprocessing::from_folder(folder.path, "SiglipImageProcessor"),
            Self::NaFlex => {
                let found = Preprocessing::from_folder(folder.path, "Siglip2ImageProcessor")?;
                cuts_patches(&found.0, architecture.patch_size)?;
                Ok(found)
            }
        }
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        *self == Self::NaFlex
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
        let patch = self.patches(layers, &format!("{embeddings}.patch_embedding"))?;
        let (grid, side) = (a.position_grid, a.image_size / a.patch_size);
        let positions = layers.tensor(
            &format!("{embeddings}.position_embedding.weight"),
            &[grid * grid, c],
            Init::Normal(libm::pow(c as f64, -0.5)),
        )?;
        let positions = resize(&positions, [grid; 2], [side; 2], c, Resizing::BilinearAntialias);
        let embedding = Embedding::with_positions(a, patch, Vec::new(), positions);
        let blocks = layers.blocks(init, |i| transformers_block(tower, i))?;
        let norm = layers.norm(&format!("{tower}post_layernorm"))?;
        let pooling = Pooling::Attention(Box::new(pooling(layers, tower, init)?));
        let head = Head { unit: a.unit_projection, ..Head::new(norm, pooling) };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        if *self == Self::NaFlex {
            return Vec::new();
        }
        let Width { channels, blocks, heads, .. } = BASE;
        let architecture = Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            last_channels: channels,
            ..self.plain()
        };
        vec![Known::new("google/siglip-base-patch16-224", architecture, squashed(224, HALF))]
    }
}

impl Siglip {
    /// What all models of the family have.
    fn plain(self) -> Architecture {
        Architecture {
            class_token: false,
            pooling: PoolingKind::Attention,
            last: Stage::Projection,
            unit_projection: true,
            activation: Activation::GeluTanh,
            ..Architecture::plain(self.name())
        }
    }

    /// Sizes from the `config.json` of a whole model (`SiglipConfig`, `Siglip2Config`) or of a vision
    /// tower alone. Keys that are missing take the defaults of the vision tower's configuration class
    /// in transformers 5.
    fn read_config(self, keys: Keys<'_>, whole: bool) -> Result<Sizes, ConfigError> {
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
        let (own, size, other_size) = match self {
            Self::Fixed => ("\"siglip_vision_model\"", "image_size", "num_patches"),
            Self::NaFlex => ("\"siglip2_vision_model\"", "num_patches", "image_size"),
        };
        let sizes = SIZES.into_iter().filter(|key| *key != other_size);
        let read: Vec<&str> = sizes.chain([size, "vision_use_head"]).collect();
        keys.must_be_known(&[&read, &PASSED_OVER], &[&NEUTRAL, &[("model_type", own)]])?;
        keys.must_be_true("vision_use_head")?;
        let channels = keys.size("hidden_size", 768)?;
        let patch_size = keys.size("patch_size", 16)?;
        let (image_size, position_grid) = match self {
            Self::Fixed => {
                let image_size = keys.size("image_size", 224)?;
                (image_size, image_size / patch_size)
            }
            // Of a square of as many patches, before the processor says how many there are.
            Self::NaFlex => {
                let grid = grid_of_positions(&mut keys)?;
                (grid * patch_size, grid)
            }
        };
        let architecture = Architecture {
            channels,
            mlp_channels: keys.size("intermediate_size", 3072)?,
            blocks: keys.size("num_hidden_layers", 12)?,
            heads: keys.size("num_attention_heads", 12)?,
            patch_size,
            image_size,
            position_grid,
            last_channels: channels,
            activation: keys.activation("hidden_act", Activation::GeluTanh)?,
            layer_norm_eps: keys.positive("layer_norm_eps", 1e-6)?,
            ..self.plain()
        };
        Ok((architecture.validate(keys.path)?, keys.defaults_used))
    }

    /// The patch embedding: a convolution or, of patches that the processor cuts, a linear layer.
    fn patches(self, layers: &Layers<'_>, name: &str) -> Result<Linear, WeightsError> {
        let Architecture { channels, patch_size, .. } = *layers.architecture;
        let inputs = 3 * patch_size * patch_size;
        match self {
            Self::Fixed => layers.patches(name, lecun(inputs), Some(Init::Zeros)),
            Self::NaFlex => {
                let shape = [channels, inputs];
                let weight = layers.tensor(&format!("{name}.weight"), &shape, lecun(inputs))?;
                let bias = layers.tensor(&format!("{name}.bias"), &[channels], Init::Zeros)?;
                let weight = channels_first(&weight, inputs);
                Ok(Linear::new(weight, Some(bias), inputs, of_patches(layers.precision)))
            }
        }
    }
}

/// Patches on a side of the grid that `num_patches` positions are of.
fn grid_of_positions(keys: &mut Keys<'_>) -> Result<usize, ConfigError> {
    let positions = keys.size("num_patches", 256)?;
    match positions.isqrt() {
        grid if grid * grid == positions => Ok(grid),
        _ => Err(keys.value("num_patches", &positions.into(), "the square of a whole number")),
    }
}

/// Refuses a recipe that does not cut patches of this side.
fn cuts_patches(recipe: &Recipe, patch_size: usize) -> Result<(), PreprocessError> {
    let error = |key: &str, found: String, expected| {
        let (path, key) = (recipe.path.clone(), key.to_owned());
        Err(PreprocessError::Value { path, key, found, expected })
    };
    match recipe.preprocessing.resize {
        Some(Resize::Patches(grid)) if grid.patch_px == patch_size => Ok(()),
        Some(Resize::Patches(grid)) => {
            error("patch_size", grid.patch_px.to_string(), "the model's `patch_size`")
        }
        _ => {
            let found = "that of another class".to_owned();
            error("image_processor_type", found, "`Siglip2ImageProcessor`, which cuts patches")
        }
    }
}

/// Weights of patches, each output's: `[patch, patch, 3]` -> `[3, patch, patch]`.
fn channels_first(weight: &[f32], inputs: usize) -> Vec<f32> {
    let channel = |row: &[f32], channel: usize| -> Vec<f32> {
        row[channel..].iter().step_by(3).copied().collect()
    };
    let rows = weight.chunks_exact(inputs);
    rows.flat_map(|row| (0..3).flat_map(|c| channel(row, c)).collect::<Vec<f32>>()).collect()
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
