//! The sizes of an encoder.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::EncoderError;
use super::config::ConfigError;
use super::convolutional::{Convolutional, MapRange};
use super::norm::NormKind;
use super::rotary::RotaryPositions;
use super::tokens::{Prefix, Tokens};
use crate::stage::Stage;
use alignscope_kernel::Activation;

/// What a family of encoders is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyName {
    /// In results: `siglip`.
    pub id: &'static str,
    /// In messages: `SigLIP`.
    pub title: &'static str,
    /// Keys of the papers to cite, in `assets/references.bib`.
    pub references: &'static [&'static str],
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
    /// The class token, and behind it the mean of the patches.
    ClassAndPatchMean,
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
    /// The mean of a map, with a learned position, attends to the map's positions, which have one too.
    MapAttention,
    /// The same with rotary positions of the map's keys.
    RotaryMapAttention,
}

/// The sizes of a vision encoder. Those of a transformer's attention and MLPs are 0 in a
/// convolutional network, and the other way round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Architecture {
    /// The family.
    pub family: FamilyName,
    /// The sizes of a convolutional network; `None` of a transformer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convolutional: Option<Convolutional>,
    /// Channels of every token; of a convolutional network, those of its last map.
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
    /// Whether a norm stands before the blocks, in a family whose models differ in it.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub norm_before: bool,
    /// Whether the last norm is of the pooled vector, and not of the tokens, in a family whose models
    /// differ in it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pooled_norm: bool,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, blocks, last, last_channels, .. } = self;
        let stages = self.stages().len();
        let embedding = if self.has_embedding() { "embedding, " } else { "" };
        write!(f, "{family}: {stages} stages ({embedding}{blocks} blocks, {last}), ")?;
        match &self.convolutional {
            None => write!(f, "{} tokens × {} channels", self.tokens(), self.channels)?,
            Some(sizes) => {
                let maps = sizes.maps(self.image_size);
                write!(f, "{}", MapRange(maps[0], maps[maps.len() - 1]))?;
            }
        }
        write!(
            f,
            ", {last} {last_channels}{}, {:.0} million weights",
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
            convolutional: None,
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
            norm_before: true,
            pooled_norm: false,
        }
    }

    /// A convolutional network of this family, whose output is the mean over the positions of its last
    /// map.
    pub(super) fn of_maps(family: FamilyName, image_size: usize, sizes: Convolutional) -> Self {
        let channels = sizes.last_channels();
        Self {
            channels,
            mlp_channels: 0,
            blocks: sizes.blocks().len() + usize::from(!sizes.has_embedding()),
            heads: 0,
            patch_size: 0,
            image_size,
            position_grid: 0,
            class_token: false,
            pooling: PoolingKind::PatchMean,
            last_channels: channels,
            qkv_bias: false,
            convolutional: Some(sizes),
            ..Self::plain(family)
        }
    }

    /// The sizes of a convolutional network.
    ///
    /// # Panics
    /// It is a transformer.
    pub(super) fn maps(&self) -> &Convolutional {
        self.convolutional.as_ref().expect("the family is one of convolutional networks")
    }

    /// The stages, from the embedding to the projection or the output.
    pub fn stages(&self) -> Vec<Stage> {
        let mut stages = Stage::of_encoder(self.blocks, self.last);
        if !self.has_embedding() {
            stages.remove(0);
        }
        stages
    }

    /// Whether the first stage is an embedding, and not a block.
    fn has_embedding(&self) -> bool {
        self.convolutional.as_ref().is_none_or(Convolutional::has_embedding)
    }

    /// Tokens and channels of an image at `stage`.
    ///
    /// # Panics
    /// A convolutional network has no such stage.
    pub fn shape_at(&self, stage: Stage) -> [usize; 2] {
        match (stage, &self.convolutional) {
            (Stage::Projection | Stage::Output, _) => [1, self.last_channels],
            (_, None) => [self.tokens(), self.channels],
            (_, Some(sizes)) => {
                let position = self.stages().iter().position(|found| *found == stage);
                let position = position.expect("a stage of the network");
                let [side, channels] = sizes.maps(self.image_size)[position];
                [side * side, channels]
            }
        }
    }

    /// Channels of a token at `stage`.
    ///
    /// # Panics
    /// A convolutional network has no such stage.
    pub fn channels_at(&self, stage: Stage) -> usize {
        self.shape_at(stage)[1]
    }

    /// About the products of numbers that encoding an image takes, without pooling and projection.
    pub fn products(&self) -> u64 {
        if let Some(sizes) = &self.convolutional {
            return sizes.products(self.image_size);
        }
        let [tokens, channels, mlp] = [self.tokens(), self.channels, self.mlp_channels];
        let of_mlp = if self.gated { 3 } else { 2 } * channels * mlp;
        let block = 4 * channels * channels + of_mlp + 2 * tokens * channels;
        let embedding = 3 * self.patch_size * self.patch_size * channels;
        (tokens * (self.blocks * block + embedding)) as u64
    }

    /// Numbers of an image at its largest stage.
    pub(super) fn room(&self) -> usize {
        let sizes = self.stages().into_iter().map(|stage| {
            let [tokens, channels] = self.shape_at(stage);
            tokens * channels
        });
        // The last stage is kept apart.
        sizes.rev().skip(1).max().unwrap_or(0)
    }

    /// Tokens of an image, of the stage that has most: the patches and those before them, or the
    /// positions of a map.
    pub fn tokens(&self) -> usize {
        self.prefix_tokens() + self.patches()
    }

    /// Tokens before the patches: the class token, if there is one, and registers.
    pub fn prefix_tokens(&self) -> usize {
        usize::from(self.class_token) + self.registers
    }

    /// The tokens before the patches; none where the blocks are fed bare patches.
    pub(crate) fn prefix(&self, bare_patches: bool) -> Prefix {
        match bare_patches {
            true => Prefix::default(),
            false => Prefix { class_token: self.class_token, registers: self.registers },
        }
    }

    /// Refuses a choice of tokens that a model with these before its patches does not have.
    ///
    /// # Errors
    /// [`EncoderError::NoClassToken`] or [`EncoderError::NoRegisters`].
    pub(super) fn must_have(&self, tokens: Tokens, prefix: Prefix) -> Result<(), EncoderError> {
        let family = self.family;
        match tokens {
            Tokens::Class if !prefix.class_token => Err(EncoderError::NoClassToken { family }),
            Tokens::Registers if prefix.registers == 0 => {
                let found = match self.convolutional {
                    Some(_) => "the positions of its maps".to_owned(),
                    None => prefix.to_string(),
                };
                Err(EncoderError::NoRegisters { family, found })
            }
            _ => Ok(()),
        }
    }

    /// Whether a learned query pools the tokens.
    pub(super) fn pools_by_attention(&self) -> bool {
        matches!(self.pooling, PoolingKind::Attention | PoolingKind::TokenAttention)
    }

    /// Patches of an image, or positions of the largest map.
    pub fn patches(&self) -> usize {
        let side = match &self.convolutional {
            None => self.image_size / self.patch_size,
            Some(sizes) => sizes.maps(self.image_size)[0][0],
        };
        side * side
    }

    /// The numbers in the matrices of the vision tower, which are nearly all of its weights.
    pub fn weights(&self) -> usize {
        if let Some(sizes) = &self.convolutional {
            return sizes.weights();
        }
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
        if let Some(sizes) = &self.convolutional {
            return match sizes.maps(self.image_size).iter().all(|[side, _]| *side > 0) {
                true => Ok(self),
                false => contradiction(format!(
                    "an image of {} pixels on a side is too small for its convolutions",
                    self.image_size
                )),
            };
        }
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
