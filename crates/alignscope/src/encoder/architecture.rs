//! The sizes of an encoder.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::config::ConfigError;
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
    /// A learned query attends to all tokens, and an MLP follows.
    Attention,
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
    /// Whether a class token stands before the patches.
    pub class_token: bool,
    /// What becomes of the tokens after the last block.
    pub pooling: PoolingKind,
    /// Channels of the projection.
    pub projection: usize,
    /// Whether the projection is divided by its L2 norm.
    pub unit_projection: bool,
    /// The MLP's non-linearity.
    #[serde(serialize_with = "as_name")]
    pub activation: Activation,
    /// Added to the variance in layer norms.
    pub layer_norm_eps: f64,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} stages (embedding, {} blocks, projection), {} tokens × {} channels, projection {}{}, {:.0} million weights",
            self.family,
            self.blocks + 2,
            self.blocks,
            self.tokens(),
            self.channels,
            self.projection,
            if self.unit_projection { " (of norm 1)" } else { "" },
            self.weights() as f64 / 1e6,
        )
    }
}

fn as_name<S: serde::Serializer>(value: &Activation, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Architecture {
    /// The stages, from the embedding to the projection.
    pub fn stages(&self) -> Vec<Stage> {
        Stage::of_encoder(self.blocks)
    }

    /// Channels of a token at `stage`.
    pub fn channels_at(&self, stage: Stage) -> usize {
        match stage {
            Stage::Projection => self.projection,
            _ => self.channels,
        }
    }

    /// Tokens of an image: the patches, and the class token where there is one.
    pub fn tokens(&self) -> usize {
        usize::from(self.class_token) + self.patches()
    }

    /// Patches of an image.
    pub fn patches(&self) -> usize {
        let side = self.image_size / self.patch_size;
        side * side
    }

    /// The numbers in the matrices of the vision tower, which are nearly all of its weights.
    pub fn weights(&self) -> usize {
        let block = 4 * self.channels * self.channels + 2 * self.channels * self.mlp_channels;
        let embedding = (3 * self.patch_size * self.patch_size + self.tokens()) * self.channels;
        let head = match self.pooling {
            PoolingKind::Attention => block,
            PoolingKind::ClassToken | PoolingKind::PatchMean => self.channels * self.projection,
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
        if self.patch_size > self.image_size {
            return contradiction(format!(
                "patch_size {} is larger than image_size {}",
                self.patch_size, self.image_size
            ));
        }
        Ok(self)
    }
}
