//! Layers by the names of their tensors.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::architecture::Architecture;
use super::attention::SelfAttention;
use super::block::Block;
use super::config::ConfigError;
use super::linear::Linear;
use super::mlp::Mlp;
use super::norm::{Norm, NormKind};
use super::positions::{Resizing, resize};
use super::precision::of_patches;
use crate::weights::{Init, Renaming, TowerNames, Weights, WeightsError};
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

impl BlockInit {
    /// The same for all matrices, and biases of 0.
    pub(super) fn all(init: Init) -> Self {
        Self { qkv: init, attention_out: init, mlp_in: init, mlp_out: init, mlp_bias: Init::Zeros }
    }
}

/// The tensors of a linear layer, by their whole names.
#[derive(Debug, Clone)]
pub(super) struct LayerNames {
    pub(super) weight: String,
    pub(super) bias: BiasNames,
}

/// The bias of a linear layer.
#[derive(Debug, Clone)]
pub(super) enum BiasNames {
    /// It has none.
    None,
    /// All of it is one tensor.
    Whole(String),
    /// That of queries, keys and values, of which some may have none.
    Thirds([Option<String>; 3]),
}

impl LayerNames {
    /// `NAME.weight` and `NAME.bias`.
    pub(super) fn new(name: &str) -> Self {
        let bias = BiasNames::Whole(format!("{name}.bias"));
        Self { weight: format!("{name}.weight"), bias }
    }

    /// `NAME.weight`, and `NAME.bias` if `has_bias`.
    pub(super) fn with_bias(name: &str, has_bias: bool) -> Self {
        match has_bias {
            true => Self::new(name),
            false => Self { weight: format!("{name}.weight"), bias: BiasNames::None },
        }
    }

    fn tensors(&self) -> impl Iterator<Item = String> {
        let bias = match &self.bias {
            BiasNames::None => Vec::new(),
            BiasNames::Whole(name) => vec![name.clone()],
            BiasNames::Thirds(names) => names.iter().flatten().cloned().collect(),
        };
        std::iter::once(self.weight.clone()).chain(bias)
    }
}

/// The names of a block's tensors: those of norms without `.weight` and `.bias`.
#[derive(Debug, Clone)]
pub(super) struct BlockNames {
    pub(super) norm_1: String,
    /// Query, key and value: one layer with the three one under the other, or three.
    pub(super) qkv: Vec<LayerNames>,
    pub(super) query_key_norms: Option<[String; 2]>,
    /// Of what attention gives.
    pub(super) attention_norm: Option<String>,
    pub(super) attention_out: LayerNames,
    /// LayerScale's gain of what attention adds, by its whole name.
    pub(super) attention_scale: Option<String>,
    pub(super) norm_2: String,
    /// The first layer of the MLP, or its gate and then the layer that it gates.
    pub(super) mlp_in: Vec<LayerNames>,
    /// Of the MLP's hidden layer.
    pub(super) mlp_norm: Option<String>,
    pub(super) mlp_out: LayerNames,
    /// LayerScale's gain of what the MLP adds, by its whole name.
    pub(super) mlp_scale: Option<String>,
}

impl BlockNames {
    /// A plain block: two norms, four layers with biases (or six, where query, key and value are
    /// three), by their names without `.weight` and `.bias`.
    pub(super) fn plain(
        norms: [String; 2],
        qkv: &[String],
        attention_out: &str,
        mlp: [String; 2],
    ) -> Self {
        let [norm_1, norm_2] = norms;
        let [mlp_in, mlp_out] = mlp.map(|name| LayerNames::new(&name));
        Self {
            norm_1,
            qkv: qkv.iter().map(|name| LayerNames::new(name)).collect(),
            query_key_norms: None,
            attention_norm: None,
            attention_out: LayerNames::new(attention_out),
            attention_scale: None,
            norm_2,
            mlp_in: vec![mlp_in],
            mlp_norm: None,
            mlp_out,
            mlp_scale: None,
        }
    }

    /// The whole names of its tensors, where its norms are of this kind.
    pub(super) fn tensors(&self, kind: NormKind) -> Vec<String> {
        let norms = [&self.norm_1, &self.norm_2].into_iter();
        let norms = norms
            .chain(self.query_key_norms.iter().flatten())
            .chain(&self.attention_norm)
            .chain(&self.mlp_norm);
        let layers = self.qkv.iter().chain(&self.mlp_in);
        let layers = layers.chain([&self.attention_out, &self.mlp_out]);
        let scales = [&self.attention_scale, &self.mlp_scale].into_iter().flatten().cloned();
        norms
            .flat_map(|name| norm_tensors(name, kind))
            .chain(layers.flat_map(LayerNames::tensors))
            .chain(scales)
            .collect()
    }
}

/// The whole names of a norm's tensors.
pub(super) fn norm_tensors(name: &str, kind: NormKind) -> Vec<String> {
    let parts: &[&str] = match kind {
        NormKind::Layer => &["weight", "bias"],
        NormKind::Rms => &["weight"],
    };
    parts.iter().map(|part| format!("{name}.{part}")).collect()
}

/// Refuses weights with a tensor that is not among `read`: what it does would be left out. Those
/// of the other tower are not asked about: their names begin with one of `outside`. A buffer
/// `position_ids` or `relative_position_index` counts the positions, `num_batches_tracked` the steps
/// of training, and nothing else.
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
            && !matches!(
                tensor.rsplit('.').next(),
                Some("position_ids" | "relative_position_index" | "num_batches_tracked")
            )
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

    /// `NAME.weight` and, of a layer norm, `NAME.bias`, over the model's channels.
    pub(super) fn norm(&self, name: &str) -> Result<Norm, WeightsError> {
        self.norm_over(name, self.architecture.channels)
    }

    /// As [`norm`](Self::norm), over so many channels.
    pub(super) fn norm_over(&self, name: &str, channels: usize) -> Result<Norm, WeightsError> {
        let kind = self.architecture.norm;
        Ok(Norm {
            kind,
            weight: self.tensor(&format!("{name}.weight"), &[channels], Init::Ones)?,
            bias: match kind {
                NormKind::Layer => {
                    self.tensor(&format!("{name}.bias"), &[channels], Init::Zeros)?
                }
                NormKind::Rms => Vec::new(),
            },
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
        let names = [LayerNames::new(name)];
        let (weight, bias) = self.stacked(&names, [inputs, outputs], weight, bias)?;
        Ok(Linear::new(weight, bias, inputs, self.precision))
    }

    /// Weights, `[outputs, inputs]`, and bias of some layers of equal size, one under the other.
    pub(super) fn stacked(
        &self,
        names: &[LayerNames],
        [inputs, outputs]: [usize; 2],
        weight: Init,
        bias: Init,
    ) -> Result<(Vec<f32>, Option<Vec<f32>>), WeightsError> {
        let each = outputs / names.len();
        let mut weights = Vec::with_capacity(outputs * inputs);
        let mut biases = Vec::with_capacity(outputs);
        for layer in names {
            weights.extend(self.tensor(&layer.weight, &[each, inputs], weight)?);
            match &layer.bias {
                BiasNames::None => biases.resize(biases.len() + each, 0.0),
                BiasNames::Whole(name) => biases.extend(self.tensor(name, &[each], bias)?),
                BiasNames::Thirds(names) => {
                    for name in names {
                        match name {
                            Some(name) => biases.extend(self.tensor(name, &[each / 3], bias)?),
                            None => biases.resize(biases.len() + each / 3, 0.0),
                        }
                    }
                }
            }
        }
        let has_bias = names.iter().any(|layer| !matches!(layer.bias, BiasNames::None));
        Ok((weights, has_bias.then_some(biases)))
    }

    /// Multiplies what a layer of `[outputs, inputs]` adds by LayerScale's gain of each output.
    fn scale(
        &self,
        name: Option<&String>,
        inputs: usize,
        weight: &mut [f32],
        bias: Option<&mut Vec<f32>>,
    ) -> Result<(), WeightsError> {
        let Some(name) = name else { return Ok(()) };
        let init = Init::Constant(self.architecture.layer_scale.unwrap_or(1.0));
        let gains = self.tensor(name, &[self.architecture.channels], init)?;
        for (row, gain) in weight.chunks_exact_mut(inputs).zip(&gains) {
            row.iter_mut().for_each(|w| *w *= gain);
        }
        if let Some(bias) = bias {
            bias.iter_mut().zip(&gains).for_each(|(b, gain)| *b *= gain);
        }
        Ok(())
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

    /// Learned positions, `[1, before + grid², channels]`: those of the tokens before the patches,
    /// and those of the patches, resized where the image has another number of them.
    pub(super) fn positions(
        &self,
        name: &str,
        before: usize,
        init: Init,
        resizing: Resizing,
    ) -> Result<(Vec<f32>, Vec<f32>), WeightsError> {
        let Architecture { channels, position_grid: grid, image_size, patch_size, .. } =
            *self.architecture;
        let mut of_prefix = self.tensor(name, &[1, before + grid * grid, channels], init)?;
        let stored = of_prefix.split_off(before * channels);
        let side = image_size / patch_size;
        Ok((of_prefix, resize(&stored, [grid; 2], [side; 2], channels, resizing)))
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
        Ok(Block {
            norm_1: self.norm(&names.norm_1)?,
            attention: self.attention(init, names)?,
            norm_2: self.norm(&names.norm_2)?,
            mlp: self.mlp(init, names)?,
        })
    }

    fn attention(
        &self,
        init: BlockInit,
        names: &BlockNames,
    ) -> Result<SelfAttention, WeightsError> {
        let Architecture { channels, heads, .. } = *self.architecture;
        let width = channels / heads;
        let norm = |name: &String| self.norm_over(name, width);
        Ok(SelfAttention {
            qkv: self.qkv(&names.qkv, init.qkv)?,
            out: self.attention_out(names, init.attention_out)?,
            heads,
            width,
            query_key_norms: match &names.query_key_norms {
                Some([query, key]) => Some([norm(query)?, norm(key)?]),
                None => None,
            },
            rotary: None,
            prefix: self.architecture.prefix_tokens(),
            relative_bias: None,
            norm: names.attention_norm.as_ref().map(|name| self.norm(name)).transpose()?,
        })
    }

    fn mlp(&self, init: BlockInit, names: &BlockNames) -> Result<Mlp, WeightsError> {
        let Architecture { channels, mlp_channels, activation, gated, .. } = *self.architecture;
        let outputs = if gated { 2 * mlp_channels } else { mlp_channels };
        let (weight, bias) =
            self.stacked(&names.mlp_in, [channels, outputs], init.mlp_in, init.mlp_bias)?;
        let input = Linear::new(weight, bias, channels, self.precision);
        let (mut weight, mut bias) = self.stacked(
            std::slice::from_ref(&names.mlp_out),
            [mlp_channels, channels],
            init.mlp_out,
            init.mlp_bias,
        )?;
        self.scale(names.mlp_scale.as_ref(), mlp_channels, &mut weight, bias.as_mut())?;
        let norm = |name: &String| self.norm_over(name, mlp_channels);
        Ok(Mlp {
            input,
            activation,
            gated,
            norm: names.mlp_norm.as_ref().map(norm).transpose()?,
            out: Linear::new(weight, bias, mlp_channels, self.precision),
        })
    }

    /// Outputs are attention's query, key and value: `[3, heads, padded_width]`.
    fn qkv(&self, names: &[LayerNames], init: Init) -> Result<Linear, WeightsError> {
        let channels = self.architecture.channels;
        let (weight, bias) = self.stacked(names, [channels, 3 * channels], init, Init::Zeros)?;
        let weight = self.pad_heads(weight, channels);
        let bias = bias.map(|bias| self.pad_heads(bias, 1));
        Ok(Linear::new(weight, bias, channels, self.precision))
    }

    /// Inputs are `[heads, padded_width]`.
    fn attention_out(&self, names: &BlockNames, init: Init) -> Result<Linear, WeightsError> {
        let channels = self.architecture.channels;
        let layer = std::slice::from_ref(&names.attention_out);
        let (mut weight, mut bias) =
            self.stacked(layer, [channels, channels], init, Init::Zeros)?;
        self.scale(names.attention_scale.as_ref(), channels, &mut weight, bias.as_mut())?;
        let weight = self.pad_heads(weight, 1);
        let inputs = weight.len() / channels;
        Ok(Linear::new(weight, bias, inputs, self.precision))
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
    BlockNames::plain(
        ["layer_norm1", "layer_norm2"].map(name),
        &["q_proj", "k_proj", "v_proj"].map(|part| name(&format!("self_attn.{part}"))),
        &name("self_attn.out_proj"),
        ["mlp.fc1", "mlp.fc2"].map(name),
    )
}

/// The names of a block in the style of transformers' BERT and ViT, whose names begin with `block`:
/// with these norms and these layers of the MLP; query, key and value have a bias each if `biases`
/// says so.
pub(super) fn bert_block(
    block: &str,
    norms: [&str; 2],
    biases: [bool; 3],
    mlp: [&str; 2],
) -> BlockNames {
    let name = |part: &str| format!("{block}.{part}");
    let layers = ["query", "key", "value"].into_iter().zip(biases);
    let layer = |(part, has_bias)| {
        LayerNames::with_bias(&name(&format!("attention.attention.{part}")), has_bias)
    };
    BlockNames {
        qkv: layers.map(layer).collect(),
        ..BlockNames::plain(norms.map(name), &[], &name("attention.output.dense"), mlp.map(name))
    }
}

/// How transformers 5 calls the layers of attention in memory that files call as [`bert_block`].
pub(super) const ATTENTION_IN_MEMORY: [Renaming; 4] = [
    (".attention.q_proj.", ".attention.q_proj.", ".attention.attention.query."),
    (".attention.k_proj.", ".attention.k_proj.", ".attention.attention.key."),
    (".attention.v_proj.", ".attention.v_proj.", ".attention.attention.value."),
    (".attention.o_proj.", ".attention.o_proj.", ".attention.output.dense."),
];

/// The same for all of its ViT.
pub(super) const VIT_IN_MEMORY: [Renaming; 7] = {
    let [query, key, value, out] = ATTENTION_IN_MEMORY;
    [
        query,
        key,
        value,
        out,
        (".layers.", ".mlp.fc1.", ".intermediate.dense."),
        (".layers.", ".mlp.fc2.", ".output.dense."),
        (".layers.", ".layers.", ".encoder.layer."),
    ]
};

/// What stands before the names of a tower's tensors in the weights; nothing, if the tower is not
/// there, as in an untrained model.
pub(super) fn tower_prefix_of(weights: &Weights, tower: TowerNames) -> &'static str {
    let shortest_first: Vec<&str> = tower.own.iter().rev().copied().collect();
    prefix_of(weights, tower.anchors[0], &shortest_first)
}

/// Which of these stands before `name` in the weights; the first if none does.
pub(super) fn prefix_of<'a>(weights: &Weights, name: &str, prefixes: &[&'a str]) -> &'a str {
    let is_there = |prefix: &&&str| weights.shape(&format!("{prefix}{name}")).is_some();
    prefixes.iter().find(is_there).unwrap_or(&prefixes[0])
}
