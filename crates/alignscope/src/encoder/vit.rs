//! The vision transformers that transformers stores under the names of its ViT: ViT, DeiT, MAE's
//! encoder and I-JEPA's.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{BASE, HALF, IMAGENET, Known, Width, cropped, squashed};
use super::config::{ConfigError, Keys};
use super::embedding::{Embedding, add};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{Head, Pooling};
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{
    BlockInit, BlockNames, Layers, VIT_IN_MEMORY, bert_block, norm_tensors, tower_prefix_of,
};
use super::linear::Linear;
use super::norm::NormKind;
use super::positions::Resizing;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe, Resample, Resize};
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Precision};

/// Whose vision transformer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vit {
    /// Supervised, with a class token; a pooler follows where one was saved.
    Plain,
    /// DeiT: a distillation token follows the class token.
    Deit,
    /// The encoder of a masked autoencoder. No patch is masked.
    Mae,
    /// I-JEPA's: without a class token; its output is the mean of the patches.
    Ijepa,
}

const PATCH: &str = "embeddings.patch_embeddings.projection";
const POOLER: &str = "pooler.dense";

impl Family for Vit {
    fn name(&self) -> FamilyName {
        match self {
            Self::Plain => {
                FamilyName { id: "vit", title: "ViT", references: &["dosovitskiy2021vit"] }
            }
            Self::Deit => {
                FamilyName { id: "deit", title: "DeiT", references: &["touvron2021deit"] }
            }
            Self::Mae => FamilyName { id: "vit-mae", title: "MAE", references: &["he2022mae"] },
            Self::Ijepa => {
                FamilyName { id: "ijepa", title: "I-JEPA", references: &["assran2023ijepa"] }
            }
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Plain => &["vit"],
            Self::Deit => &["deit"],
            Self::Mae => &["vit_mae"],
            Self::Ijepa => &["ijepa"],
        }
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        Ok(self.read(folder.config.keys())?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        let class = if *self == Self::Deit { "DeiTImageProcessor" } else { "ViTImageProcessor" };
        Preprocessing::from_folder(folder.path, class)
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let model = self.prefix(weights);
        let mut parts = vec![
            format!("{PATCH}.weight"),
            format!("{PATCH}.bias"),
            "embeddings.position_embeddings".to_owned(),
        ];
        parts.extend(self.tokens().iter().map(|token| (*token).to_owned()));
        if self.has_pooler(weights) {
            parts.extend([format!("{POOLER}.weight"), format!("{POOLER}.bias")]);
        }
        let mut names: Vec<String> = parts.iter().map(|part| format!("{model}{part}")).collect();
        let block = |i| block(architecture, model, i).tensors(NormKind::Layer);
        names.extend((0..architecture.blocks).flat_map(block));
        names.extend(norm_tensors(&format!("{model}layernorm"), NormKind::Layer));
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(self.tower())
    }

    fn outside(&self) -> &'static [&'static str] {
        match self {
            Self::Plain => {
                &["classifier.", "embeddings.mask_token", "vit.embeddings.mask_token", "decoder."]
            }
            Self::Ijepa => &["classifier.", "embeddings.mask_token", "ijepa.embeddings.mask_token"],
            Self::Deit => &[
                "classifier.",
                "cls_classifier.",
                "distillation_classifier.",
                "embeddings.mask_token",
                "deit.embeddings.mask_token",
                "decoder.",
            ],
            Self::Mae => &["decoder."],
        }
    }

    /// An untrained model's spreads are those of transformers' `ViTPreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let spread = Init::TruncatedNormal(0.02);
        let model = self.prefix(layers.weights);
        let name = |part: &str| format!("{model}{part}");
        let patch = layers.patches(&name(PATCH), spread, Some(Init::Zeros))?;
        let mut prefix = Vec::new();
        for token in self.tokens() {
            prefix.extend(layers.tensor(&name(token), &[1, 1, a.channels], spread)?);
        }
        let (of_prefix, positions) = layers.positions(
            &name("embeddings.position_embeddings"),
            a.prefix_tokens(),
            spread,
            Resizing::Bicubic,
        )?;
        add(&mut prefix, &of_prefix);
        let embedding = Embedding::new(a, patch, prefix, positions);
        let blocks = layers.blocks(BlockInit::all(spread), |i| block(a, model, i))?;
        let norm = layers.norm(&name("layernorm"))?;
        let head = match self {
            Self::Ijepa => Head::new(norm, Pooling::Mean(0..a.tokens())),
            _ => Head::new(norm, Pooling::ClassToken),
        };
        let head = match self.has_pooler(layers.weights) {
            true => {
                Head { projection: Some(pooler(layers, &name(POOLER))?.into()), tanh: true, ..head }
            }
            false => head,
        };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        let Width { channels, blocks, heads, .. } = BASE;
        let base = Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            last_channels: channels,
            layer_norm_eps: 1e-12,
            ..self.plain()
        };
        let bilinear = Preprocessing { resample: Resample::Bilinear, ..squashed(224, HALF) };
        match self {
            Self::Plain => vec![Known::new("google/vit-base-patch16-224", base, bilinear)],
            Self::Deit => {
                let preprocessing = Preprocessing {
                    resize: Some(Resize::Exact { height: 256, width: 256 }),
                    ..cropped(224, CropRounding::Floor, IMAGENET)
                };
                let id = "facebook/deit-base-distilled-patch16-224";
                vec![Known::new(id, base, preprocessing)]
            }
            Self::Mae => {
                let preprocessing =
                    Preprocessing { resample: Resample::Bilinear, ..squashed(224, IMAGENET) };
                vec![Known::new("facebook/vit-mae-base", base, preprocessing)]
            }
            Self::Ijepa => Vec::new(),
        }
    }
}

impl Vit {
    /// Where its tensors lie: their names begin with nothing, or with the model's name where a head was
    /// saved with it.
    fn tower(self) -> TowerNames {
        let own: &[&str] = match self {
            Self::Plain | Self::Mae => &["vit.", ""],
            Self::Deit => &["deit.", ""],
            Self::Ijepa => &["ijepa.", ""],
        };
        TowerNames {
            anchors: &["embeddings.patch_embeddings.projection.weight"],
            own,
            in_memory: &VIT_IN_MEMORY,
        }
    }

    fn prefix(self, weights: &Weights) -> &'static str {
        tower_prefix_of(weights, self.tower())
    }

    /// The tokens before the patches.
    fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::Plain | Self::Mae => &["embeddings.cls_token"],
            Self::Deit => &["embeddings.cls_token", "embeddings.distillation_token"],
            Self::Ijepa => &[],
        }
    }

    /// Whether the files hold a pooler. An untrained model has none.
    fn has_pooler(self, weights: &Weights) -> bool {
        let name = format!("{}{POOLER}.weight", self.prefix(weights));
        matches!(self, Self::Plain | Self::Deit) && weights.shape(&name).is_some()
    }

    /// What all models of the kind have.
    fn plain(self) -> Architecture {
        let plain = Architecture::plain(self.name());
        match self {
            Self::Plain | Self::Mae => plain,
            Self::Deit => Architecture { registers: 1, ..plain },
            Self::Ijepa => {
                Architecture { class_token: false, pooling: PoolingKind::PatchMean, ..plain }
            }
        }
    }

    /// Keys that are missing take the defaults of transformers 5's configurations, which are the
    /// same.
    fn read(self, mut keys: Keys<'_>) -> Result<Sizes, ConfigError> {
        let own: &[&str] = match self {
            // How much is masked, and the decoder, which no stage depends on.
            Self::Mae => &[
                "mask_ratio",
                "norm_pix_loss",
                "decoder_hidden_size",
                "decoder_intermediate_size",
                "decoder_num_attention_heads",
                "decoder_num_hidden_layers",
            ],
            Self::Plain | Self::Deit | Self::Ijepa => &["pooler_output_size", "pooler_act"],
        };
        let read: &[&str] = &["model_type", "qkv_bias"];
        keys.must_be_known(&[&SIZES, read, own, &BACKBONE, &PASSED_OVER], &[&NEUTRAL])?;
        if let Some(act) = keys.object.get("pooler_act").filter(|act| !act.is_null())
            && act != "tanh"
        {
            return Err(keys.value("pooler_act", act, "`tanh`"));
        }
        let channels = keys.size("hidden_size", 768)?;
        if let Some(size) = keys.object.get("pooler_output_size").filter(|size| !size.is_null())
            && size.as_u64() != Some(channels as u64)
        {
            return Err(keys.value("pooler_output_size", size, "`hidden_size`, as published"));
        }
        let (patch_size, image_size) =
            (keys.size("patch_size", 16)?, keys.size("image_size", 224)?);
        let architecture = Architecture {
            channels,
            mlp_channels: keys.size("intermediate_size", 3072)?,
            blocks: keys.size("num_hidden_layers", 12)?,
            heads: keys.size("num_attention_heads", 12)?,
            patch_size,
            image_size,
            position_grid: image_size / patch_size,
            last_channels: channels,
            activation: keys.activation("hidden_act", Activation::Gelu)?,
            qkv_bias: keys.flag("qkv_bias", true)?,
            layer_norm_eps: keys.positive("layer_norm_eps", 1e-12)?,
            ..self.plain()
        };
        Ok((architecture.validate(keys.path)?, keys.defaults_used))
    }
}

fn block(architecture: &Architecture, model: &str, i: usize) -> BlockNames {
    bert_block(
        &format!("{model}encoder.layer.{i}"),
        ["layernorm_before", "layernorm_after"],
        [architecture.qkv_bias; 3],
        ["intermediate.dense", "output.dense"],
    )
}

/// The layer of a pooler, in f32 as all of a head.
fn pooler(layers: &Layers<'_>, name: &str) -> Result<Linear, WeightsError> {
    let channels = layers.architecture.channels;
    let layers = Layers { precision: Precision::F32, ..*layers };
    layers.linear(name, [channels, channels], Init::TruncatedNormal(0.02), Init::Zeros)
}
