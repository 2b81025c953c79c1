//! Layers by the names of their tensors.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::architecture::Architecture;
use super::block::Block;
use super::config::ConfigError;
use super::linear::Linear;
use super::norm::LayerNorm;
use super::precision::of_patches;
use crate::weights::{Init, Weights, WeightsError};
use alignscope_kernel::{Precision, padded_width};

/// Reads the layers of one model.
#[derive(Clone, Copy)]
pub(super) struct Layers<'a> {
    pub(super) weights: &'a Weights,
    pub(super) architecture: &'a Architecture,
    /// In which arithmetic the products of its blocks are. The patch embedding follows it
    /// ([`of_patches`]); the head, a thousandth of the work, is in f32 always: its errors would not
    /// be averaged over many tokens.
    pub(super) precision: Precision,
}

/// What an untrained model has in the matrices of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockInit {
    pub(super) qkv: Init,
    pub(super) attention_out: Init,
    pub(super) mlp_in: Init,
    pub(super) mlp_out: Init,
    pub(super) mlp_bias: Init,
}

/// The names of a block's layers, without `.weight` and `.bias`.
pub(super) struct BlockNames {
    pub(super) norm_1: String,
    pub(super) qkv: QkvNames,
    pub(super) attention_out: String,
    pub(super) norm_2: String,
    pub(super) mlp_in: String,
    pub(super) mlp_out: String,
}

/// How query, key and value are stored.
pub(super) enum QkvNames {
    /// Three layers.
    Separate([String; 3]),
    /// One matrix and one bias of three times the height, by their whole names.
    Joint { weight: String, bias: String },
}

impl BlockNames {
    /// The whole names of its tensors.
    pub(super) fn tensors(&self) -> Vec<String> {
        let mut layers =
            vec![&self.norm_1, &self.attention_out, &self.norm_2, &self.mlp_in, &self.mlp_out];
        let mut names = Vec::new();
        match &self.qkv {
            QkvNames::Separate(three) => layers.extend(three),
            QkvNames::Joint { weight, bias } => names.extend([weight.clone(), bias.clone()]),
        }
        for layer in layers {
            names.extend([format!("{layer}.weight"), format!("{layer}.bias")]);
        }
        names
    }
}

/// Refuses weights with a tensor that is not among `read`: what it does would be left out. Those
/// of the other tower are not asked about: their names begin with one of `outside`. A buffer
/// `position_ids` counts the positions, and nothing else.
pub(super) fn no_other_tensors(
    weights: &Weights,
    read: &[String],
    outside: &[&str],
    path: &Path,
    model: &dyn fmt::Display,
) -> Result<(), ConfigError> {
    let read: BTreeSet<&str> = read.iter().map(String::as_str).collect();
    let other = |tensor: &String| {
        !read.contains(tensor.as_str())
            && !outside.iter().any(|start| tensor.starts_with(start))
            && tensor.rsplit('.').next() != Some("position_ids")
    };
    match weights.names().into_iter().filter(other).min() {
        None => Ok(()),
        Some(tensor) => Err(ConfigError::UnsupportedTensor {
            path: path.to_owned(),
            model: model.to_string(),
            tensor,
        }),
    }
}

/// How the names of tensors begin that lie outside of a vision tower of transformers: the text
/// tower, the scale of its products, and the head of `…ForImageClassification`.
pub(super) const OUTSIDE_OF_TRANSFORMERS: [&str; 5] =
    ["text_model.", "text_projection.", "logit_scale", "logit_bias", "classifier."];

impl Layers<'_> {
    /// A tensor by its whole name.
    pub(super) fn tensor(
        &self,
        name: &str,
        shape: &[usize],
        init: Init,
    ) -> Result<Vec<f32>, WeightsError> {
        self.weights.tensor(name, shape, init)
    }

    /// `NAME.weight` and `NAME.bias` of a layer norm over the model's channels.
    pub(super) fn norm(&self, name: &str) -> Result<LayerNorm, WeightsError> {
        let shape = [self.architecture.channels];
        Ok(LayerNorm {
            weight: self.tensor(&format!("{name}.weight"), &shape, Init::Ones)?,
            bias: self.tensor(&format!("{name}.bias"), &shape, Init::Zeros)?,
            eps: self.architecture.layer_norm_eps as f32,
        })
    }

    /// `NAME.weight`, `[outputs, inputs]`, and `NAME.bias`.
    pub(super) fn linear(
        &self,
        name: &str,
        [inputs, outputs]: [usize; 2],
        weight: Init,
        bias: Init,
    ) -> Result<Linear, WeightsError> {
        let weight = self.tensor(&format!("{name}.weight"), &[outputs, inputs], weight)?;
        let bias = self.tensor(&format!("{name}.bias"), &[outputs], bias)?;
        Ok(Linear::new(weight, Some(bias), inputs, self.precision))
    }

    /// `NAME`, `[outputs, inputs]`, without a bias: a head's projection, in f32.
    pub(super) fn matrix(
        &self,
        name: &str,
        [inputs, outputs]: [usize; 2],
        init: Init,
    ) -> Result<Linear, WeightsError> {
        let weight = self.tensor(name, &[outputs, inputs], init)?;
        Ok(Linear::new(weight, None, inputs, Precision::F32))
    }

    /// The convolution that embeds patches: `NAME.weight` of `[channels, 3, patch, patch]`, and
    /// its bias where there is one.
    pub(super) fn patches(
        &self,
        name: &str,
        weight: Init,
        bias: Option<Init>,
    ) -> Result<Linear, WeightsError> {
        let Architecture { channels, patch_size, .. } = *self.architecture;
        let shape = [channels, 3, patch_size, patch_size];
        let weight = self.tensor(&format!("{name}.weight"), &shape, weight)?;
        let bias = match bias {
            Some(init) => Some(self.tensor(&format!("{name}.bias"), &[channels], init)?),
            None => None,
        };
        Ok(Linear::new(weight, bias, 3 * patch_size * patch_size, of_patches(self.precision)))
    }

    /// All blocks, whose names `names` gives by their number from 0.
    pub(super) fn blocks(
        &self,
        init: BlockInit,
        names: impl Fn(usize) -> BlockNames,
    ) -> Result<Vec<Block>, WeightsError> {
        (0..self.architecture.blocks).map(|i| self.block(init, &names(i))).collect()
    }

    fn block(&self, init: BlockInit, names: &BlockNames) -> Result<Block, WeightsError> {
        let Architecture { channels, mlp_channels, heads, activation, .. } = *self.architecture;
        Ok(Block {
            norm_1: self.norm(&names.norm_1)?,
            qkv: self.qkv(&names.qkv, init.qkv)?,
            attention_out: self.attention_out(&names.attention_out, init.attention_out)?,
            norm_2: self.norm(&names.norm_2)?,
            mlp_in: self.linear(
                &names.mlp_in,
                [channels, mlp_channels],
                init.mlp_in,
                init.mlp_bias,
            )?,
            activation,
            mlp_out: self.linear(
                &names.mlp_out,
                [mlp_channels, channels],
                init.mlp_out,
                init.mlp_bias,
            )?,
            heads,
        })
    }

    /// Outputs of attention's query, key and value: `[3, heads, padded_width]`.
    fn qkv(&self, names: &QkvNames, init: Init) -> Result<Linear, WeightsError> {
        let channels = self.architecture.channels;
        let (weight, bias) = match names {
            QkvNames::Joint { weight, bias } => (
                self.tensor(weight, &[3 * channels, channels], init)?,
                self.tensor(bias, &[3 * channels], Init::Zeros)?,
            ),
            QkvNames::Separate(names) => {
                let mut weight = Vec::with_capacity(3 * channels * channels);
                let mut bias = Vec::with_capacity(3 * channels);
                for name in names {
                    let shape = [channels, channels];
                    weight.extend(self.tensor(&format!("{name}.weight"), &shape, init)?);
                    bias.extend(self.tensor(&format!("{name}.bias"), &[channels], Init::Zeros)?);
                }
                (weight, bias)
            }
        };
        let [weight, bias] = [self.pad_heads(weight, channels), self.pad_heads(bias, 1)];
        Ok(Linear::new(weight, Some(bias), channels, self.precision))
    }

    /// Inputs are `[heads, padded_width]`.
    fn attention_out(&self, name: &str, init: Init) -> Result<Linear, WeightsError> {
        let channels = self.architecture.channels;
        let weight = self.tensor(&format!("{name}.weight"), &[channels, channels], init)?;
        let bias = self.tensor(&format!("{name}.bias"), &[channels], Init::Zeros)?;
        let weight = self.pad_heads(weight, 1);
        let inputs = weight.len() / channels;
        Ok(Linear::new(weight, Some(bias), inputs, self.precision))
    }

    /// Pads each head's channels, of `each` numbers, by zeros to those that it takes in attention.
    fn pad_heads(&self, values: Vec<f32>, each: usize) -> Vec<f32> {
        let width = self.architecture.channels / self.architecture.heads;
        let padded = padded_width(width, self.precision);
        if padded == width {
            return values;
        }
        let mut out = vec![0.0; values.len() / width * padded];
        let heads = out.chunks_exact_mut(padded * each).zip(values.chunks_exact(width * each));
        heads.for_each(|(out, head)| out[..head.len()].copy_from_slice(head));
        out
    }
}

/// What stands before the names of a vision tower's tensors: `vision_model.`, or nothing where a
/// tower was saved alone.
pub(super) fn tower_prefix(weights: &Weights) -> &'static str {
    let prefix = "vision_model.";
    let patch = "embeddings.patch_embedding.weight";
    match !weights.contains(&format!("{prefix}{patch}")) && weights.contains(patch) {
        true => "",
        false => prefix,
    }
}

/// The names of a block in the style of transformers.
pub(super) fn transformers_block(tower: &str, i: usize) -> BlockNames {
    let name = |part: &str| format!("{tower}encoder.layers.{i}.{part}");
    BlockNames {
        norm_1: name("layer_norm1"),
        qkv: QkvNames::Separate(
            ["q_proj", "k_proj", "v_proj"].map(|p| name(&format!("self_attn.{p}"))),
        ),
        attention_out: name("self_attn.out_proj"),
        norm_2: name("layer_norm2"),
        mlp_in: name("mlp.fc1"),
        mlp_out: name("mlp.fc2"),
    }
}
