//! The sizes of an encoder.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::config::ConfigError;
use super::norm::NormKind;
use super::rotary::RotaryPositions;
use crate::stage::Stage;
use alignscope_kernel::Activation;

/// What a family of encoders is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyName {
    /// In results: `siglip`.
    pub id: &'static str,
    /// In messages: `SigLIP`.
    pub title: &'static str,
}

impl fmt::Display for FamilyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title)
    }
}

impl Serialize for FamilyName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

/// How the tokens after the last block become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PoolingKind {
    /// The class token.
    ClassToken,
    /// The mean of the patches.
    PatchMean,
    /// The mean of all tokens.
    TokenMean,
    /// The mean of the tokens before the patches: class and distillation token.
    PrefixMean,
    /// A learned query attends to the patches, and an MLP follows.
    Attention,
    /// The same, and the query attends to the tokens before the patches too.
    TokenAttention,
}

/// The sizes of a vision encoder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Architecture {
    /// The family.
    pub family: FamilyName,
    /// Channels of every token.
    pub channels: usize,
    /// Width of the MLP's hidden layer.
    pub mlp_channels: usize,
    /// Number of blocks.
    pub blocks: usize,
    /// Attention heads of each block.
    pub heads: usize,
    /// Side of a patch, in pixels.
    pub patch_size: usize,
    /// Side of the image, in pixels.
    pub image_size: usize,
    /// Patches on a side that learned positions are stored for; they are resized where the image
    /// has another number.
    pub position_grid: usize,
    /// Whether a class token stands before the patches.
    pub class_token: bool,
    /// Tokens between the class token and the patches: registers, or a distillation token.
    pub registers: usize,
    /// What becomes of the tokens after the last block.
    pub pooling: PoolingKind,
    /// The last stage: the projection, or the output of a model that has none.
    #[serde(serialize_with = "as_name")]
    pub last: Stage,
    /// Attention heads of the pooling, if it is by attention.
    pub pool_heads: usize,
    /// Channels of the last stage.
    pub last_channels: usize,
    /// Whether the last stage is divided by its L2 norm.
    pub unit_projection: bool,
    /// The MLP's non-linearity.
    #[serde(serialize_with = "as_name")]
    pub activation: Activation,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether one half of the MLP's hidden layer multiplies the other (SwiGLU).
    pub gated: bool,
    /// Which norm stands before attention, MLP and pooling.
    pub norm: NormKind,
    /// Added to the variance, or the mean square, in norms.
    pub layer_norm_eps: f64,
    /// With which gain LayerScale begins, if the model has it.
    pub layer_scale: Option<f64>,
    /// Rotary positions, if the model has them.
    pub rotary: Option<RotaryPositions>,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} stages (embedding, {} blocks, {}), {} tokens × {} channels, {} {}{}, {:.0} million weights",
            self.family,
            self.blocks + 2,
            self.blocks,
            self.last,
            self.tokens(),
            self.channels,
            self.last,
            self.last_channels,
            if self.unit_projection { " (of norm 1)" } else { "" },
            self.weights() as f64 / 1e6,
        )
    }
}

fn as_name<S: serde::Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Architecture {
    /// A plain vision transformer of this family, B/16 at 224 pixels: with a class token, learned
    /// positions and an exact GELU, whose output is the class token behind a last norm.
    pub(super) fn plain(family: FamilyName) -> Self {
        Self {
            family,
            channels: 768,
            mlp_channels: 3072,
            blocks: 12,
            heads: 12,
            patch_size: 16,
            image_size: 224,
            position_grid: 14,
            class_token: true,
            registers: 0,
            pooling: PoolingKind::ClassToken,
            pool_heads: 0,
            last: Stage::Output,
            last_channels: 768,
            unit_projection: false,
            activation: Activation::Gelu,
            qkv_bias: true,
            gated: false,
            norm: NormKind::Layer,
            layer_norm_eps: 1e-6,
            layer_scale: None,
            rotary: None,
        }
    }

    /// The stages, from the embedding to the projection or the output.
    pub fn stages(&self) -> Vec<Stage> {
        Stage::of_encoder(self.blocks, self.last)
    }

    /// Channels of a token at `stage`.
    pub fn channels_at(&self, stage: Stage) -> usize {
        match stage {
            Stage::Projection | Stage::Output => self.last_channels,
            _ => self.channels,
        }
    }

    /// Tokens of an image: the patches, and those before them.
    pub fn tokens(&self) -> usize {
        self.prefix_tokens() + self.patches()
    }

    /// Tokens before the patches: the class token, if there is one, and registers.
    pub fn prefix_tokens(&self) -> usize {
        usize::from(self.class_token) + self.registers
    }

    /// Patches of an image.
    pub fn patches(&self) -> usize {
        let side = self.image_size / self.patch_size;
        side * side
    }

    /// The numbers in the matrices of the vision tower, which are nearly all of its weights.
    pub fn weights(&self) -> usize {
        let mlp = if self.gated { 3 } else { 2 } * self.channels * self.mlp_channels;
        let block = 4 * self.channels * self.channels + mlp;
        let embedding = (3 * self.patch_size * self.patch_size + self.tokens()) * self.channels;
        let head = match (self.pooling, self.last) {
            (PoolingKind::Attention | PoolingKind::TokenAttention, _) => block,
            (_, Stage::Projection) => self.channels * self.last_channels,
            _ => 0,
        };
        embedding + self.blocks * block + head
    }

    /// Checks what the sizes must satisfy together.
    pub(super) fn validate(self, path: &Path) -> Result<Self, ConfigError> {
        let contradiction =
            |what: String| Err(ConfigError::Contradiction { path: path.to_owned(), what });
        if self.heads == 0 || self.blocks == 0 || self.mlp_channels == 0 || self.patch_size == 0 {
            return contradiction("it has no heads, blocks, MLP or patches".to_owned());
        }
        if !self.channels.is_multiple_of(self.heads) {
            return contradiction(format!(
                "hidden_size {} is not a multiple of num_attention_heads {}",
                self.channels, self.heads
            ));
        }
        if self.rotary.is_some() && !(self.channels / self.heads).is_multiple_of(4) {
            return contradiction(format!(
                "rotary positions turn heads of a multiple of 4 channels, and here are {} heads of {} \
                 channels together",
                self.heads, self.channels
            ));
        }
        if self.patch_size > self.image_size {
            return contradiction(format!(
                "patch_size {} is larger than image_size {}",
                self.patch_size, self.image_size
            ));
        }
        Ok(self)
    }
}
