//! DINOv2, with and without registers, as transformers stores it.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::catalogue::{IMAGENET, Known, cropped};
use super::config::{ConfigError, Keys};
use super::embedding::{Embedding, add};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{Head, Pooling};
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER};
use super::layers::{
    ATTENTION_IN_MEMORY, BlockInit, BlockNames, Layers, bert_block, norm_tensors, tower_prefix_of,
};
use super::norm::NormKind;
use super::positions::Resizing;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe, Resize};
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::Activation;

/// A vision transformer with LayerScale, whose positions are resized to the image at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dinov2 {
    /// A class token before the patches.
    Plain,
    /// Registers between them.
    Registers,
}

const PATCH: &str = "embeddings.patch_embeddings.projection";

impl Family for Dinov2 {
    fn name(&self) -> FamilyName {
        match self {
            Self::Plain => {
                FamilyName { id: "dinov2", title: "DINOv2", references: &["oquab2024dinov2"] }
            }
            Self::Registers => FamilyName {
                id: "dinov2-registers",
                title: "DINOv2 with registers",
                references: &["oquab2024dinov2", "darcet2024registers"],
            },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Plain => &["dinov2"],
            Self::Registers => &["dinov2_with_registers"],
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
        Preprocessing::from_folder(folder.path, "BitImageProcessor")
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        true
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let model = self.prefix(weights);
        let mut names = vec![
            format!("{model}embeddings.cls_token"),
            format!("{model}embeddings.position_embeddings"),
            format!("{model}{PATCH}.weight"),
            format!("{model}{PATCH}.bias"),
        ];
        if *self == Self::Registers {
            names.push(format!("{model}embeddings.register_tokens"));
        }
        let block = |i| self.block(architecture, model, i).tensors(NormKind::Layer);
        names.extend((0..architecture.blocks).flat_map(block));
        names.extend(norm_tensors(&format!("{model}layernorm"), NormKind::Layer));
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(self.tower())
    }

    fn outside(&self) -> &'static [&'static str] {
        &[
            "classifier.",
            "embeddings.mask_token",
            "dinov2.embeddings.mask_token",
            "dinov2_with_registers.embeddings.mask_token",
        ]
    }

    /// An untrained model's spreads are those of transformers' `Dinov2PreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let spread = Init::TruncatedNormal(0.02);
        let model = self.prefix(layers.weights);
        let resizing = match self {
            Self::Plain => Resizing::Bicubic,
            Self::Registers => Resizing::BicubicAntialias,
        };
        let name = |part: &str| format!("{model}{part}");
        let patch = layers.patches(&name(PATCH), spread, Some(Init::Zeros))?;
        let mut prefix =
            layers.tensor(&name("embeddings.cls_token"), &[1, 1, a.channels], spread)?;
        let (of_class, positions) =
            layers.positions(&name("embeddings.position_embeddings"), 1, spread, resizing)?;
        add(&mut prefix, &of_class);
        if a.registers > 0 {
            let shape = [1, a.registers, a.channels];
            let registers = name("embeddings.register_tokens");
            prefix.extend(layers.tensor(&registers, &shape, Init::Zeros)?);
        }
        let embedding = Embedding::new(a, patch, prefix, positions);
        let blocks = layers.blocks(BlockInit::all(spread), |i| self.block(a, model, i))?;
        let head = Head::new(layers.norm(&name("layernorm"))?, Pooling::ClassToken);
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        let sizes = [("small", 384, 12, 6), ("base", 768, 12, 12), ("large", 1024, 24, 16)];
        let preprocessing = Preprocessing {
            resize: Some(Resize::ShortestEdge(256)),
            ..cropped(224, CropRounding::Floor, IMAGENET)
        };
        let registers = if *self == Self::Registers { 4 } else { 0 };
        let known = |(size, channels, blocks, heads)| {
            let id = match (self, size) {
                (Self::Plain, "small") => "facebook/dinov2-small",
                (Self::Plain, "base") => "facebook/dinov2-base",
                (Self::Plain, _) => "facebook/dinov2-large",
                (Self::Registers, "small") => "facebook/dinov2-with-registers-small",
                (Self::Registers, "base") => "facebook/dinov2-with-registers-base",
                (Self::Registers, _) => "facebook/dinov2-with-registers-large",
            };
            let architecture = Architecture {
                channels,
                mlp_channels: 4 * channels,
                blocks,
                heads,
                patch_size: 14,
                position_grid: 37,
                registers,
                last_channels: channels,
                layer_scale: Some(1.0),
                ..Architecture::plain(self.name())
            };
            Known::new(id, architecture, preprocessing.clone())
        };
        sizes.into_iter().map(known).collect()
    }
}

impl Dinov2 {
    /// Where its tensors lie: their names begin with nothing, or with the model's name where a head was
    /// saved with it.
    fn tower(self) -> TowerNames {
        let own: &[&str] = match self {
            Self::Plain => &["dinov2.", ""],
            Self::Registers => &["dinov2_with_registers.", ""],
        };
        TowerNames {
            anchors: &["embeddings.patch_embeddings.projection.weight"],
            own,
            in_memory: &ATTENTION_IN_MEMORY,
        }
    }

    fn prefix(self, weights: &Weights) -> &'static str {
        tower_prefix_of(weights, self.tower())
    }

    /// Keys that are missing take the defaults of transformers 5's `Dinov2Config` and
    /// `Dinov2WithRegistersConfig`.
    fn read(self, mut keys: Keys<'_>) -> Result<Sizes, ConfigError> {
        const READ: [&str; 13] = [
            "model_type",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "mlp_ratio",
            "hidden_act",
            "layer_norm_eps",
            "image_size",
            "patch_size",
            "layerscale_value",
            "use_swiglu_ffn",
            "use_mask_token",
            "qkv_bias",
        ];
        let own: &[&str] = if self == Self::Registers { &["num_register_tokens"] } else { &[] };
        keys.must_be_known(&[&READ, own, &BACKBONE, &PASSED_OVER], &[&NEUTRAL])?;
        let channels = keys.size("hidden_size", 768)?;
        let hidden = (channels as f64 * keys.positive("mlp_ratio", 4.0)?) as usize;
        let gated = keys.flag("use_swiglu_ffn", false)?;
        let activation = keys.activation("hidden_act", Activation::Gelu)?;
        let patch_size = keys.size("patch_size", if self == Self::Plain { 14 } else { 16 })?;
        let image_size = keys.size("image_size", 224)?;
        let architecture = Architecture {
            channels,
            // Two thirds, to the next multiple of 8: as wide as a layer that is not gated.
            mlp_channels: if gated { (hidden * 2 / 3).next_multiple_of(8) } else { hidden },
            blocks: keys.size("num_hidden_layers", 12)?,
            heads: keys.size("num_attention_heads", 12)?,
            patch_size,
            image_size,
            position_grid: image_size / patch_size,
            registers: match self {
                Self::Plain => 0,
                Self::Registers => keys.size("num_register_tokens", 4)?,
            },
            last_channels: channels,
            activation: if gated { Activation::Silu } else { activation },
            qkv_bias: keys.flag("qkv_bias", true)?,
            gated,
            layer_norm_eps: keys.positive("layer_norm_eps", 1e-6)?,
            layer_scale: Some(keys.positive("layerscale_value", 1.0)?),
            ..Architecture::plain(self.name())
        };
        Ok((architecture.validate(keys.path)?, keys.defaults_used))
    }

    fn block(self, architecture: &Architecture, model: &str, i: usize) -> BlockNames {
        let block = format!("{model}encoder.layer.{i}");
        let mlp = match architecture.gated {
            true => ["mlp.weights_in", "mlp.weights_out"],
            false => ["mlp.fc1", "mlp.fc2"],
        };
        BlockNames {
            attention_scale: Some(format!("{block}.layer_scale1.lambda1")),
            mlp_scale: Some(format!("{block}.layer_scale2.lambda1")),
            ..bert_block(&block, ["norm1", "norm2"], [architecture.qkv_bias; 3], mlp)
        }
    }
}
