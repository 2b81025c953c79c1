//! The tensors of timm's vision transformers, wherever they lie: sizes, names and layers.

use std::collections::BTreeSet;

use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::config::ConfigError;
use super::embedding::{Embedding, add};
use super::head::{AttentionPooling, Head, Pooling, PoolingMlp};
use super::layers::{BiasNames, BlockInit, BlockNames, LayerNames, Layers, norm_tensors};
use super::linear::Linear;
use super::norm::{Norm, NormKind};
use super::positions::Resizing;
use super::timm_expected::Expected;
use super::timm_folder::TimmTensors;
use super::timm_registered::Registered;
use super::transformer::Transformer;
use crate::weights::{Init, Weights, WeightsError};
use alignscope_kernel::{Activation, Lhs, Precision};

/// The tensors of a model of timm, by the names that it gives them.
///
/// An untrained model has those of the plain one of its sizes: with biases, positions, and a class
/// token if it has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimmModel<'a> {
    weights: &'a Weights,
    /// What stands before the names.
    prefix: &'static str,
    /// The sizes of an untrained model.
    untrained: Option<&'a Architecture>,
}

/// What is said of a model beside its name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// Side of the image, in pixels.
    pub(super) image_size: Option<usize>,
    /// Attention heads of each block.
    pub(super) heads: Option<usize>,
    /// Attention heads of the pooling.
    pub(super) pool_heads: Option<usize>,
    /// How tokens are pooled.
    pub(super) pooling: Option<PoolingKind>,
    /// Whether tokens before the patches are pooled too.
    pub(super) prefix_pooled: Option<bool>,
}

impl<'a> TimmModel<'a> {
    /// The tensors whose names begin with `prefix`.
    pub(super) fn new(weights: &'a Weights, prefix: &'static str) -> Self {
        Self { weights, prefix, untrained: None }
    }

    /// The same to be loaded: weights without files have what the sizes tell.
    pub(super) fn of(layers: &Layers<'a>, prefix: &'static str) -> Self {
        let untrained = (!layers.weights.has_files()).then_some(layers.architecture);
        Self { untrained, ..Self::new(layers.weights, prefix) }
    }

    /// The whole name of a tensor or a layer.
    fn named(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    pub(super) fn shape(&self, part: &str) -> Option<Vec<usize>> {
        match self.untrained {
            None => self.weights.shape(&self.named(part)).map(<[usize]>::to_vec),
            Some(architecture) => plain_shape(architecture, part),
        }
    }

    fn has(&self, part: &str) -> bool {
        self.shape(part).is_some()
    }

    /// A layer, with a bias if it has one.
    pub(super) fn layer(&self, part: &str) -> LayerNames {
        LayerNames::with_bias(&self.named(part), self.has(&format!("{part}.bias")))
    }

    /// The name of a norm, if it is there.
    fn norm(&self, part: &str) -> Option<String> {
        self.has(&format!("{part}.weight")).then(|| self.named(part))
    }

    /// The sizes that the tensors tell; the rest is as it was registered, or as is said.
    ///
    /// # Errors
    /// A tensor is missing that every model has, or the weights are not those that are expected.
    pub(super) fn sizes(
        &self,
        family: FamilyName,
        registered: Registered,
        said: Said,
        expected: &Expected,
        tensors: TimmTensors<'_>,
    ) -> Result<Architecture, ConfigError> {
        let channels = tensors.axis("patch_embed.proj.weight", 0)?;
        let has_block = |i: &usize| self.has(&format!("blocks.{i}.norm1.weight"));
        let blocks = (0..).take_while(has_block).count();
        expected.hold(tensors, blocks, channels)?;
        let patch_size = tensors.axis("patch_embed.proj.weight", 2)?;
        let mlp_channels = tensors.axis("blocks.0.mlp.fc2.weight", 1)?;
        let packed =
            tensors.axis("blocks.0.mlp.fc1.weight", 0).is_ok_and(|rows| rows == 2 * mlp_channels);
        let gated = packed || self.has("blocks.0.mlp.fc1_g.weight");
        let registers = if self.has("reg_token") { tensors.axis("reg_token", 1)? } else { 0 };
        let distilled = self.has("dist_token");
        let image_size = said.image_size.unwrap_or(registered.size);
        let class_token = self.has("cls_token");
        let heads = said.heads.unwrap_or(registered.heads);
        let mut architecture = Architecture {
            channels,
            mlp_channels,
            blocks,
            heads,
            patch_size,
            image_size,
            position_grid: image_size / patch_size,
            class_token,
            registers: registers + usize::from(distilled),
            pooling: self.pooling(registered, said),
            pool_heads: said
                .pool_heads
                // Those that are as many as a block's follow them.
                .or(registered.pool_heads.filter(|pool| *pool != registered.heads))
                .unwrap_or(heads),
            last_channels: channels,
            activation: if gated { Activation::Silu } else { registered.activation },
            gated,
            norm: match self.has("blocks.0.norm1.bias") {
                true => NormKind::Layer,
                false => NormKind::Rms,
            },
            layer_norm_eps: registered.eps,
            rotary: registered.rotary,
            ..Architecture::plain(family)
        };
        if let Some([_, rows, _]) = self.shape("pos_embed").as_deref() {
            let of_patches = rows.saturating_sub(architecture.prefix_tokens());
            let grid = [of_patches, *rows].into_iter().find(|n| n.isqrt().pow(2) == *n);
            architecture.position_grid = grid.map_or(0, usize::isqrt);
        }
        self.check(&architecture, tensors)?;
        Ok(architecture)
    }

    /// Refuses weights without a part that all models of these sizes have, or whose blocks differ in
    /// their parts: they would be read as another model.
    fn check(&self, a: &Architecture, tensors: TimmTensors<'_>) -> Result<(), ConfigError> {
        let before_blocks = self.has("norm_pre.weight");
        let needed = [
            // A norm before the blocks takes its place.
            ("patch_embed.proj.bias", !before_blocks),
            ("pos_embed", a.rotary.is_none()),
            ("cls_token", a.pooling == PoolingKind::ClassToken),
            ("attn_pool.latent", a.pools_by_attention()),
        ];
        let missing = needed.into_iter().find(|(part, needed)| *needed && !self.has(part));
        if let Some((part, _)) = missing {
            return Err(tensors.missing(part));
        }
        let parts = |i: usize| -> BTreeSet<String> {
            let start = self.named(&format!("blocks.{i}."));
            let names = self.block(i).tensors(a.norm).into_iter();
            names.filter_map(|name| name.strip_prefix(&start).map(str::to_owned)).collect()
        };
        let first = parts(0);
        for i in 1..a.blocks {
            let of_block = parts(i);
            if let Some(part) = first.symmetric_difference(&of_block).next() {
                let names = [0, i].map(|block| self.named(&format!("blocks.{block}.{part}")));
                let [tensor, other] = match first.contains(part) {
                    true => names,
                    false => [names[1].clone(), names[0].clone()],
                };
                return Err(ConfigError::UnevenBlocks {
                    path: tensors.path.to_owned(),
                    model: tensors.model.to_owned(),
                    tensor,
                    other,
                });
            }
        }
        Ok(())
    }

    fn pooling(&self, registered: Registered, said: Said) -> PoolingKind {
        if self.has("dist_token") {
            return PoolingKind::PrefixMean;
        }
        let pooling = said.pooling.unwrap_or(registered.pooling);
        match (pooling, said.prefix_pooled.unwrap_or(registered.prefix_pooled)) {
            (PoolingKind::PatchMean, true) => PoolingKind::TokenMean,
            (PoolingKind::Attention, true) => PoolingKind::TokenAttention,
            (pooling, _) => pooling,
        }
    }

    /// The names of all tensors but those of a head.
    pub(super) fn tensors(&self, architecture: &Architecture) -> Vec<String> {
        let kind = architecture.norm;
        let mut names: Vec<String> =
            ["cls_token", "dist_token", "reg_token", "pos_embed", "patch_embed.proj.bias"]
                .into_iter()
                .filter(|part| self.has(part))
                .chain(["patch_embed.proj.weight"])
                .map(|part| self.named(part))
                .collect();
        let [norm, pooled_norm] = self.last_norms();
        let norms = [self.norm("patch_embed.norm"), self.norm("norm_pre"), norm, pooled_norm];
        let norms = norms.into_iter().flatten();
        names.extend(norms.flat_map(|name| norm_tensors(&name, kind)));
        names.extend((0..architecture.blocks).flat_map(|i| self.block(i).tensors(kind)));
        if architecture.pools_by_attention() {
            names.push(self.named("attn_pool.latent"));
            for part in ["q", "kv", "proj", "norm", "mlp.fc1", "mlp.fc2"] {
                let name = self.named(&format!("attn_pool.{part}"));
                names.extend(["weight", "bias"].map(|end| format!("{name}.{end}")));
            }
        }
        names
    }

    /// The norm of the tokens, or that of the pooled vector: a model has one of them.
    fn last_norms(&self) -> [Option<String>; 2] {
        match self.norm("norm") {
            Some(norm) => [Some(norm), None],
            None => [None, self.norm("fc_norm")],
        }
    }

    fn block(&self, i: usize) -> BlockNames {
        let part = |part: &str| format!("blocks.{i}.{part}");
        let named = |name: &str| self.named(&part(name));
        let has = |name: &str| self.has(&part(name));
        let layer = |name: &str| self.layer(&part(name));
        let scale = |names: [&str; 2]| names.into_iter().find(|name| has(name)).map(named);
        let fused = LayerNames {
            weight: named("attn.qkv.weight"),
            bias: match (has("attn.qkv.bias"), has("attn.q_bias")) {
                (true, _) => BiasNames::Whole(named("attn.qkv.bias")),
                (_, true) => BiasNames::Thirds([
                    Some(named("attn.q_bias")),
                    None,
                    Some(named("attn.v_bias")),
                ]),
                _ => BiasNames::None,
            },
        };
        let apart = ["attn.q_proj", "attn.k_proj", "attn.v_proj"];
        let gated = ["mlp.fc1_g", "mlp.fc1_x"];
        BlockNames {
            norm_1: named("norm1"),
            qkv: match has("attn.q_proj.weight") {
                true => apart.map(layer).to_vec(),
                false => vec![fused],
            },
            query_key_norms: has("attn.q_norm.weight")
                .then(|| ["attn.q_norm", "attn.k_norm"].map(named)),
            attention_norm: self.norm(&part("attn.norm")),
            attention_out: layer("attn.proj"),
            attention_scale: scale(["ls1.gamma", "gamma_1"]),
            norm_2: named("norm2"),
            mlp_in: match has("mlp.fc1_g.weight") {
                true => gated.map(layer).to_vec(),
                false => vec![layer("mlp.fc1")],
            },
            mlp_norm: self.norm(&part("mlp.norm")),
            mlp_out: layer("mlp.fc2"),
            mlp_scale: scale(["ls2.gamma", "gamma_2"]),
        }
    }

    /// All but a head's projection. An untrained model's spreads are those of timm's
    /// `init_weights_vit_timm`, and PyTorch's own for the convolution.
    pub(super) fn load(&self, layers: &Layers<'_>) -> Result<Transformer, WeightsError> {
        let a = layers.architecture;
        let spread = Init::TruncatedNormal(0.02);
        let of_patches = Init::Uniform(libm::pow((3 * a.patch_size * a.patch_size) as f64, -0.5));
        let has_bias = self.has("patch_embed.proj.bias");
        let name = self.named("patch_embed.proj");
        let patch = layers.patches(&name, of_patches, has_bias.then_some(of_patches))?;
        let mut prefix = Vec::new();
        for token in ["cls_token", "dist_token", "reg_token"] {
            if self.has(token) {
                let registers = a.registers - usize::from(self.has("dist_token"));
                let shape = [1, if token == "reg_token" { registers } else { 1 }, a.channels];
                prefix.extend(layers.tensor(&self.named(token), &shape, Init::Normal(1e-6))?);
            }
        }
        let mut of_patches = Vec::new();
        if let Some(&[_, rows, _]) = self.shape("pos_embed").as_deref() {
            let before = rows.saturating_sub(a.position_grid * a.position_grid);
            let resizing = Resizing::BicubicAntialias;
            let name = self.named("pos_embed");
            let (of_prefix, rest) = layers.positions(&name, before, spread, resizing)?;
            add(&mut prefix, &of_prefix);
            of_patches = rest;
        }
        let norm = |name: Option<String>| -> Result<Option<Norm>, WeightsError> {
            name.map(|name| layers.norm(&name)).transpose()
        };
        let [last_norm, pooled_norm] = self.last_norms();
        let embedding = Embedding {
            patch_norm: norm(self.norm("patch_embed.norm"))?,
            norm: norm(self.norm("norm_pre"))?,
            ..Embedding::new(a, patch, prefix, of_patches)
        };
        let blocks = layers.blocks(BlockInit::all(spread), |i| self.block(i))?;
        let before = a.prefix_tokens();
        let pooling = match a.pooling {
            PoolingKind::ClassToken => Pooling::ClassToken,
            PoolingKind::PatchMean => Pooling::Mean(before..a.tokens()),
            PoolingKind::TokenMean => Pooling::Mean(0..a.tokens()),
            PoolingKind::PrefixMean => Pooling::Mean(0..before),
            PoolingKind::Attention => Pooling::Attention(self.attention_pooling(layers, before)?),
            PoolingKind::TokenAttention => Pooling::Attention(self.attention_pooling(layers, 0)?),
            PoolingKind::MapAttention
            | PoolingKind::RotaryMapAttention
            | PoolingKind::ClassAndPatchMean => unreachable!("no pooling of timm's transformers"),
        };
        let head = Head {
            norm: norm(last_norm)?,
            pooling,
            pooled_norm: norm(pooled_norm)?,
            projection: None,
            tanh: false,
            unit: a.unit_projection,
        };
        Ok(Transformer::new(embedding, blocks, head).with_rotary(a))
    }

    /// timm's `AttentionPoolLatent` of one query, in f32 as all of a head.
    fn attention_pooling(
        &self,
        layers: &Layers<'_>,
        skip: usize,
    ) -> Result<Box<AttentionPooling>, WeightsError> {
        let layers = Layers { precision: Precision::F32, ..*layers };
        let a = layers.architecture;
        let (c, spread) = (a.channels, Init::TruncatedNormal(0.02));
        let named = |part: &str| self.named(&format!("attn_pool.{part}"));
        let hidden = self
            .shape("attn_pool.mlp.fc1.weight")
            .map_or(4 * c, |shape| shape.first().copied().unwrap_or(0));
        let latent = layers.tensor(&named("latent"), &[1, 1, c], spread)?;
        let linear = |part: &str, shape| layers.linear(&named(part), shape, spread, Init::Zeros);
        let to_query: Linear = linear("q", [c, c])?;
        let mut query = vec![0.0; c];
        to_query.apply_row(&latent, &mut query, &mut Lhs::default());
        Ok(Box::new(AttentionPooling {
            skip,
            query,
            key_value: linear("kv", [c, 2 * c])?,
            rotary: None,
            out: linear("proj", [c, c])?,
            mlp: Some(PoolingMlp {
                norm: layers.norm(&named("norm"))?,
                input: linear("mlp.fc1", [c, hidden])?,
                activation: if a.gated { Activation::Gelu } else { a.activation },
                out: linear("mlp.fc2", [hidden, c])?,
            }),
            heads: a.pool_heads,
        }))
    }
}

/// The shape of a tensor of a plain model of these sizes, if it has it. That of blocks' tensors is
/// not asked for: it says only that they are there.
fn plain_shape(architecture: &Architecture, part: &str) -> Option<Vec<usize>> {
    let a = architecture;
    let has_attention = a.pooling == PoolingKind::Attention;
    let of_block = ["attn.qkv.bias", "attn.proj.bias", "mlp.fc1.bias", "mlp.fc2.bias"];
    match part {
        "cls_token" if a.class_token => Some(vec![1, 1, a.channels]),
        "pos_embed" => Some(vec![1, a.tokens(), a.channels]),
        "patch_embed.proj.bias" | "norm.weight" => Some(vec![a.channels]),
        "attn_pool.latent" if has_attention => Some(vec![1, 1, a.channels]),
        _ if part.starts_with("blocks.") && of_block.iter().any(|end| part.ends_with(end)) => {
            Some(Vec::new())
        }
        _ => None,
    }
}
