//! CLIP and Chinese-CLIP, whose vision towers are the same, as transformers stores them.

use serde_json::Map;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::catalogue::{BASE, CLIP_PIXELS, Known, LARGE, Width, cropped, squashed};
use super::config::{ConfigError, Keys};
use super::embedding::Embedding;
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{Head, Pooling};
use super::keys::{NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{
    BlockInit, Layers, OUTSIDE_OF_TRANSFORMERS, no_other_tensors, tower_prefix, transformers_block,
};
use super::norm::NormKind;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe};
use crate::stage::Stage;
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::Activation;

/// Whose CLIP it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clip {
    /// OpenAI's, and all that were trained with its code.
    OpenAi,
    /// Chinese-CLIP: its projection is divided by its norm.
    Chinese,
    /// MetaCLIP 2.
    Meta2,
}

const PROJECTION: &str = "visual_projection.weight";

impl Family for Clip {
    fn name(&self) -> FamilyName {
        match self {
            Self::OpenAi => {
                FamilyName { id: "clip", title: "CLIP", references: &["radford2021clip"] }
            }
            Self::Chinese => FamilyName {
                id: "chinese-clip",
                title: "Chinese-CLIP",
                references: &["yang2022chineseclip"],
            },
            Self::Meta2 => FamilyName {
                id: "metaclip-2",
                title: "MetaCLIP 2",
                references: &["chuang2025metaclip2"],
            },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::OpenAi => &["clip", "clip_vision_model"],
            Self::Chinese => &["chinese_clip", "chinese_clip_vision_model"],
            Self::Meta2 => &["metaclip_2", "metaclip_2_vision_model"],
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
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        let default = match self {
            Self::OpenAi | Self::Meta2 => "CLIPImageProcessor",
            Self::Chinese => "ChineseCLIPImageProcessor",
        };
        Preprocessing::from_folder(folder.path, default)
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let tower = tower_prefix(weights);
        let outside = [
            "embeddings.class_embedding",
            "embeddings.patch_embedding.weight",
            "embeddings.position_embedding.weight",
            "pre_layrnorm.weight",
            "pre_layrnorm.bias",
            "post_layernorm.weight",
            "post_layernorm.bias",
        ];
        let blocks = (0..architecture.blocks)
            .flat_map(|i| transformers_block(tower, i).tensors(NormKind::Layer));
        let outside = outside.iter().map(|name| format!("{tower}{name}"));
        let projection = (architecture.last == Stage::Projection).then(|| PROJECTION.to_owned());
        outside.chain(blocks).chain(projection).collect()
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames {
            anchors: &["embeddings.patch_embedding.weight"],
            own: &["vision_model.", ""],
            in_memory: &[],
        })
    }

    /// Language models take the tower without its projection.
    fn within_another_model(&self, architecture: Architecture, weights: &Weights) -> Architecture {
        match weights.contains(PROJECTION) {
            true => architecture,
            false => Architecture {
                last: Stage::Output,
                last_channels: architecture.channels,
                unit_projection: false,
                ..architecture
            },
        }
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE_OF_TRANSFORMERS
    }

    /// A tower that was saved without its projection is told as such.
    fn check_tensors(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(), EncoderError> {
        let weights = folder.weights()?;
        let has_projection = weights.contains(PROJECTION) || architecture.last != Stage::Projection;
        // An adapter around the model is told as such below.
        let wrapped = weights.names().iter().any(|name| name.starts_with("base_model."));
        if !has_projection && !wrapped {
            weights.check_absent(PROJECTION)?;
        }
        let read = self.tensors(architecture, weights);
        let (path, name) = (&folder.config.file().path, self.name());
        no_other_tensors(weights, &read, self.outside(), path, &name)?;
        if has_projection {
            return Ok(());
        }
        let (tower, expected) = match self {
            Self::OpenAi => {
                ("CLIPVisionModel", "the whole `CLIPModel`, or `CLIPVisionModelWithProjection`")
            }
            Self::Chinese => ("ChineseCLIPVisionModel", "the whole `ChineseCLIPModel`"),
            Self::Meta2 => (
                "MetaClip2VisionModel",
                "the whole `MetaClip2Model`, or `MetaClip2VisionModelWithProjection`",
            ),
        };
        let folder = folder.path.to_owned();
        Err(EncoderError::NoProjection { folder, family: name, tower, expected })
    }

    /// An untrained model's spreads are those of transformers'
    /// `CLIPPreTrainedModel._init_weights` with factor 1.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let (width, depth) = (a.channels as f64, a.blocks as f64);
        let narrow = Init::Normal(libm::pow(width, -0.5) * libm::pow(2.0 * depth, -0.5));
        let wide = Init::Normal(libm::pow(width, -0.5));
        let init = BlockInit {
            qkv: narrow,
            attention_out: wide,
            mlp_in: Init::Normal(libm::pow(2.0 * width, -0.5)),
            mlp_out: narrow,
            mlp_bias: Init::Zeros,
        };
        let tower = tower_prefix(layers.weights);
        let embeddings = format!("{tower}embeddings");
        let patch =
            layers.patches(&format!("{embeddings}.patch_embedding"), Init::Normal(0.02), None)?;
        let class_token =
            layers.tensor(&format!("{embeddings}.class_embedding"), &[a.channels], wide)?;
        let positions = layers.tensor(
            &format!("{embeddings}.position_embedding.weight"),
            &[a.tokens(), a.channels],
            Init::Normal(0.02),
        )?;
        let embedding = Embedding {
            // The published spelling.
            norm: Some(layers.norm(&format!("{tower}pre_layrnorm"))?),
            ..Embedding::with_positions(a, patch, class_token, positions)
        };
        let blocks = layers.blocks(init, |i| transformers_block(tower, i))?;
        let projection = match a.last {
            Stage::Projection => {
                Some(layers.matrix(PROJECTION, [a.channels, a.last_channels], wide)?.into())
            }
            _ => None,
        };
        let norm = layers.norm(&format!("{tower}post_layernorm"))?;
        let head =
            Head { projection, unit: a.unit_projection, ..Head::new(norm, Pooling::ClassToken) };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        let known = |id, width, patch_size, image_size| {
            let preprocessing = match self {
                Self::OpenAi | Self::Meta2 => cropped(image_size, CropRounding::Floor, CLIP_PIXELS),
                Self::Chinese => squashed(image_size, CLIP_PIXELS),
            };
            Known::new(id, self.of_width(width, patch_size, image_size), preprocessing)
        };
        match self {
            Self::OpenAi => vec![
                known("openai/clip-vit-base-patch32", BASE, 32, 224),
                known("openai/clip-vit-base-patch16", BASE, 16, 224),
                known("openai/clip-vit-large-patch14", LARGE, 14, 224),
                known("openai/clip-vit-large-patch14-336", LARGE, 14, 336),
            ],
            Self::Meta2 => Vec::new(),
            Self::Chinese => vec![known("OFA-Sys/chinese-clip-vit-base-patch16", BASE, 16, 224)],
        }
    }
}

impl Clip {
    /// A published model.
    fn of_width(self, width: Width, patch_size: usize, image_size: usize) -> Architecture {
        let Width { channels, blocks, heads, projection } = width;
        Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            patch_size,
            image_size,
            position_grid: image_size / patch_size,
            last: Stage::Projection,
            last_channels: projection,
            unit_projection: self == Self::Chinese,
            activation: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            ..Architecture::plain(self.name())
        }
    }

    /// Sizes from the `config.json` of a whole model (`CLIPConfig`), whose own `projection_dim`
    /// counts, or of a vision tower alone (`CLIPVisionConfig`).
    fn read_config(self, mut keys: Keys<'_>, whole: bool) -> Result<Sizes, ConfigError> {
        const WHOLE: [&str; 6] = [
            "model_type",
            "projection_dim",
            "vision_config",
            "vision_config_dict",
            "text_config",
            "text_config_dict",
        ];
        if !whole {
            self.must_be_vision(&keys)?;
            let projection = keys.size("projection_dim", 512)?;
            return self.read(keys, projection);
        }
        keys.must_be_known(&[&WHOLE, &PASSED_OVER], &[&NEUTRAL])?;
        let projection = keys.size("projection_dim", 512)?;
        let none = Map::new();
        let own = keys.nested("vision_config")?.unwrap_or(&none);
        // Older files hold the sizes a second time as `vision_config_dict`; where it is there,
        // transformers takes it, and defaults for what it lacks, over `vision_config`.
        let second = keys.nested("vision_config_dict")?;
        let keys = Keys { object: own, prefix: "vision_config.", ..keys };
        self.must_be_vision(&keys)?;
        let Some(second) = second else { return self.read(keys, projection) };
        let keys = Keys { object: second, prefix: "vision_config_dict.", ..keys };
        self.must_be_vision(&keys)?;
        self.read(keys, projection)
    }

    /// Refuses keys that a vision tower's configuration may not have.
    fn must_be_vision(self, keys: &Keys<'_>) -> Result<(), ConfigError> {
        let model_type = match self {
            Self::OpenAi => "\"clip_vision_model\"",
            Self::Chinese => "\"chinese_clip_vision_model\"",
            Self::Meta2 => "\"metaclip_2_vision_model\"",
        };
        let own = [("model_type", model_type)];
        keys.must_be_known(&[&SIZES, &["projection_dim"], &PASSED_OVER], &[&NEUTRAL, &own])
    }

    /// Keys that are missing take the defaults of transformers 5's `CLIPVisionConfig` and
    /// `ChineseCLIPVisionConfig`, which are the same.
    fn read(self, mut keys: Keys<'_>, projection: usize) -> Result<Sizes, ConfigError> {
        let (patch_size, image_size) =
            (keys.size("patch_size", 32)?, keys.size("image_size", 224)?);
        let architecture = Architecture {
            channels: keys.size("hidden_size", 768)?,
            mlp_channels: keys.size("intermediate_size", 3072)?,
            blocks: keys.size("num_hidden_layers", 12)?,
            heads: keys.size("num_attention_heads", 12)?,
            patch_size,
            image_size,
            position_grid: image_size / patch_size,
            last: Stage::Projection,
            last_channels: projection,
            unit_projection: self == Self::Chinese,
            activation: keys.activation("hidden_act", Activation::QuickGelu)?,
            layer_norm_eps: keys.positive("layer_norm_eps", 1e-5)?,
            ..Architecture::plain(self.name())
        };
        Ok((architecture.validate(keys.path)?, keys.defaults_used))
    }
}
