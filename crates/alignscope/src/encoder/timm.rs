//! Vision transformers of timm, in the folders that `timm.models.save_for_hf` writes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::config::{ConfigError, ConfigFile, Keys};
use super::embedding::{Embedding, add};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{AttentionPooling, Head, Pooling, PoolingMlp};
use super::layers::{BiasNames, BlockInit, BlockNames, LayerNames, Layers, norm_tensors};
use super::linear::Linear;
use super::norm::{Norm, NormKind};
use super::positions::Resizing;
use super::rotary::{Places, RotaryPositions};
use super::timm_folder::{self, FOLDER_KEYS, TimmTensors, pretrained};
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Recipe};
use crate::stage::Stage;
use crate::weights::{Format, Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Lhs, Precision, ProductScratch};

/// timm's `VisionTransformer`, `VisionTransformerDistilled` and `Eva`.
///
/// Sizes, and which parts there are, are those of the tensors; what tensors do not tell is that of the
/// architecture's name, over which `model_args` go.
#[derive(Debug)]
pub(super) struct TimmVit;

/// What a registered architecture of timm is, where its tensors do not tell.
#[derive(Debug, Clone, Copy)]
struct Registered {
    heads: usize,
    eps: f64,
    activation: Activation,
    pooling: PoolingKind,
    /// Whether tokens before the patches are pooled too.
    prefix_pooled: bool,
    pool_heads: Option<usize>,
    rotary: Option<RotaryPositions>,
    size: usize,
}

/// All of them, by name. The table's generator says what its columns are.
static REGISTERED: LazyLock<BTreeMap<&'static str, Registered>> = LazyLock::new(|| {
    let table = include_str!("../../assets/timm_architectures.csv");
    table.lines().skip(1).map(registered).collect()
});

/// A row of the table.
fn registered(row: &'static str) -> (&'static str, Registered) {
    let fields: Vec<&str> = row.split(',').collect();
    let &[name, heads, eps, activation, pool, prefix_pooled, pool_heads, rope, size] = &fields[..]
    else {
        panic!("nine columns: {row}")
    };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number: {text}"));
    let activation = Activation::ALL.into_iter().find(|a| a.name() == activation);
    let registered = Registered {
        heads: number(heads),
        eps: eps.parse().expect("a number"),
        activation: activation.unwrap_or_else(|| panic!("an activation: {row}")),
        pooling: pooling_of(pool).unwrap_or_else(|| panic!("a pooling: {row}")),
        prefix_pooled: prefix_pooled == "yes",
        pool_heads: pool_heads.parse().ok(),
        rotary: rotary_of(rope),
        size: number(size),
    };
    (name, registered)
}

fn pooling_of(name: &str) -> Option<PoolingKind> {
    Some(match name {
        "token" => PoolingKind::ClassToken,
        "avg" => PoolingKind::PatchMean,
        "map" => PoolingKind::Attention,
        _ => return None,
    })
}

/// `none`, `dinov3 BASE` or `cat BASE OFFSET REFERENCE ORDER`.
fn rotary_of(text: &str) -> Option<RotaryPositions> {
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["dinov3", base] => Some(RotaryPositions { base: number(base), places: Places::Centred }),
        ["cat", base, offset, reference, order] => Some(RotaryPositions {
            base: number(base),
            places: Places::Grid {
                offset: number(offset),
                reference: reference.parse().ok().filter(|reference| *reference > 0),
                columns_first: order == "xy",
            },
        }),
        _ => None,
    }
}

impl Family for TimmVit {
    fn name(&self) -> FamilyName {
        FamilyName { id: "timm", title: "timm ViT" }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        config.format() == Format::Transformers
            && config.model_type().is_none()
            && config.object().contains_key("architecture")
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let keys = folder.config.keys();
        keys.must_be_known(&[&FOLDER_KEYS], &[])?;
        let found = keys.object.get("architecture").unwrap_or(&Value::Null);
        let name = found.as_str().unwrap_or_default();
        let registered = *REGISTERED.get(name).ok_or_else(|| {
            let expected = "a vision transformer of timm 1.0 (`VisionTransformer` or `Eva`), or a plain \
                 `resnet…`, `convnext_…`, `vgg…` or `alexnet`";
            keys.value("architecture", found, expected)
        })?;
        let pretrained = pretrained(&keys)?;
        let none = Map::new();
        let arguments = keys.nested("model_args")?.unwrap_or(&none);
        let path = keys.path;
        let arguments =
            Keys { object: arguments, path, prefix: "model_args.", defaults_used: Vec::new() };
        arguments.must_be_known(&[&OF_TENSORS, &OF_NAME], &[&NEUTRAL_ARGUMENTS])?;
        let model = TimmModel { weights: folder.weights()? };
        let tensors = TimmTensors { weights: folder.weights()?, keys: &keys };
        let mut architecture = model.sizes(registered, &arguments, tensors)?;
        if let Some(head) = model.shape("head.weight")
            && is_projection(name, head[0], pretrained)
        {
            architecture =
                Architecture { last: Stage::Projection, last_channels: head[0], ..architecture };
        }
        Ok((architecture.validate(path)?, Vec::new()))
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        timm_folder::preprocessing(&folder.config, architecture.image_size)
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let model = TimmModel { weights };
        let mut names = model.tensors(architecture);
        if architecture.last == Stage::Projection {
            names.extend(["head.weight", "head.bias"].map(str::to_owned));
        }
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames { anchor: "patch_embed.proj.weight", own: &[""], in_memory: &[] })
    }

    fn outside(&self) -> &'static [&'static str] {
        &["head.", "head_dist.", "rope.periods", "mask_token", "decoder_"]
    }

    fn model_of(&self, config: &ConfigFile) -> String {
        let name = config.object().get("architecture").and_then(Value::as_str);
        name.map_or_else(|| self.name().to_string(), str::to_owned)
    }

    /// Pooling by attention, and attention with a norm of its own, multiply by `gemm`.
    fn sums_by_caches(&self) -> bool {
        true
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let model = TimmModel { weights: layers.weights };
        let mut tower = model.load(layers)?;
        if a.last == Stage::Projection {
            let in_f32 = Layers { precision: Precision::F32, ..*layers };
            let shape = [a.channels, a.last_channels];
            let spread = Init::TruncatedNormal(0.02);
            let projection = in_f32.linear("head", shape, spread, Init::Zeros)?;
            tower.head.projection = Some(projection);
        }
        Ok(Box::new(tower))
    }
}

/// Arguments of a model that its tensors tell, so that their values are not asked for.
const OF_TENSORS: [&str; 26] = [
    "attn_pool_mlp_ratio",
    "class_token",
    "depth",
    "embed_dim",
    "fc_norm",
    "final_norm",
    "in_chans",
    "init_values",
    "mlp_ratio",
    "no_embed_class",
    "num_classes",
    "num_reg_tokens",
    "patch_size",
    "pre_norm",
    "qk_norm",
    "qkv_bias",
    "qkv_fused",
    "reg_tokens",
    "scale_attn_inner",
    "scale_mlp",
    "swiglu_align_to",
    "swiglu_mlp",
    "use_abs_pos_emb",
    "use_fc_norm",
    "use_post_transformer_norm",
    "use_pre_transformer_norm",
];

/// Arguments that are read, and those of training.
const OF_NAME: [&str; 12] = [
    "attn_drop_rate",
    "attn_pool_num_heads",
    "drop_path_rate",
    "drop_rate",
    "dynamic_img_size",
    "global_pool",
    "img_size",
    "num_heads",
    "patch_drop_rate",
    "pool_include_prefix",
    "pos_drop_rate",
    "proj_drop_rate",
];

/// Arguments that make another model unless they have this value, as JSON.
const NEUTRAL_ARGUMENTS: [(&str, &str); 2] =
    [("dynamic_img_pad", "false"), ("use_post_norm", "false")];

/// Whether the head of a model with so many outputs is the projection that it was trained with, as
/// CLIP's and the Perception Encoder's are, and not a classifier that was put on later.
fn is_projection(name: &str, outputs: usize, pretrained: &Map<String, Value>) -> bool {
    const PROJECTIONS: [usize; 7] = [512, 640, 768, 896, 1024, 1152, 1280];
    let tag = pretrained.get("tag").and_then(Value::as_str).unwrap_or_default();
    (name.contains("_clip_") || name.contains("_pe_core_"))
        && PROJECTIONS.contains(&outputs)
        && !tag.contains("_ft_")
}

/// The tensors of a model of timm, by the names that it gives them.
#[derive(Debug, Clone, Copy)]
struct TimmModel<'a> {
    weights: &'a Weights,
}

impl TimmModel<'_> {
    fn shape(&self, part: &str) -> Option<&[usize]> {
        self.weights.shape(part)
    }

    fn has(&self, part: &str) -> bool {
        self.shape(part).is_some()
    }

    /// A layer, with a bias if it has one.
    fn layer(&self, part: &str) -> LayerNames {
        LayerNames::with_bias(part, self.has(&format!("{part}.bias")))
    }

    /// The name of a norm, if it is there.
    fn norm(&self, part: &str) -> Option<String> {
        self.has(&format!("{part}.weight")).then(|| part.to_owned())
    }

    /// The sizes that the tensors tell; the rest is as it was registered, or as arguments say.
    fn sizes(
        &self,
        registered: Registered,
        arguments: &Keys<'_>,
        tensors: TimmTensors<'_>,
    ) -> Result<Architecture, ConfigError> {
        let argument = |key: &str| match arguments.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => arguments.required_size(key).map(Some),
        };
        let channels = tensors.axis("patch_embed.proj.weight", 0)?;
        let patch_size = tensors.axis("patch_embed.proj.weight", 2)?;
        let mlp_channels = tensors.axis("blocks.0.mlp.fc2.weight", 1)?;
        let packed =
            tensors.axis("blocks.0.mlp.fc1.weight", 0).is_ok_and(|rows| rows == 2 * mlp_channels);
        let gated = packed || self.has("blocks.0.mlp.fc1_g.weight");
        let has_block = |i: &usize| self.has(&format!("blocks.{i}.norm1.weight"));
        let registers = self.shape("reg_token").map_or(0, |shape| shape[1]);
        let distilled = self.has("dist_token");
        let image_size = argument("img_size")?.unwrap_or(registered.size);
        let class_token = self.has("cls_token");
        let heads = argument("num_heads")?.unwrap_or(registered.heads);
        let mut architecture = Architecture {
            channels,
            mlp_channels,
            blocks: (0..).take_while(has_block).count(),
            heads,
            patch_size,
            image_size,
            position_grid: image_size / patch_size,
            class_token,
            registers: registers + usize::from(distilled),
            pooling: self.pooling(registered, arguments)?,
            pool_heads: argument("attn_pool_num_heads")?
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
            ..Architecture::plain(TimmVit.name())
        };
        if let Some([_, rows, _]) = self.shape("pos_embed") {
            let of_patches = rows.saturating_sub(architecture.prefix_tokens());
            let grid = [of_patches, *rows].into_iter().find(|n| n.isqrt().pow(2) == *n);
            architecture.position_grid = grid.map_or(0, usize::isqrt);
        }
        Ok(architecture)
    }

    fn pooling(
        &self,
        registered: Registered,
        arguments: &Keys<'_>,
    ) -> Result<PoolingKind, ConfigError> {
        if self.has("dist_token") {
            return Ok(PoolingKind::PrefixMean);
        }
        let pooling = match arguments.object.get("global_pool") {
            None | Some(Value::Null) => registered.pooling,
            Some(value) => value
                .as_str()
                .and_then(pooling_of)
                .ok_or_else(|| arguments.value("global_pool", value, "`token`, `avg` or `map`"))?,
        };
        let prefix_pooled = match arguments.object.get("pool_include_prefix") {
            None | Some(Value::Null) => registered.prefix_pooled,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| arguments.value("pool_include_prefix", value, "true or false"))?,
        };
        Ok(match (pooling, prefix_pooled) {
            (PoolingKind::PatchMean, true) => PoolingKind::TokenMean,
            (PoolingKind::Attention, true) => PoolingKind::TokenAttention,
            (pooling, _) => pooling,
        })
    }

    /// The names of all tensors but those of a head.
    fn tensors(&self, architecture: &Architecture) -> Vec<String> {
        let kind = architecture.norm;
        let mut names: Vec<String> =
            ["cls_token", "dist_token", "reg_token", "pos_embed", "patch_embed.proj.bias"]
                .into_iter()
                .filter(|part| self.has(part))
                .chain(["patch_embed.proj.weight"])
                .map(str::to_owned)
                .collect();
        let norms = ["patch_embed.norm", "norm_pre", "norm", "fc_norm"];
        let norms = norms.into_iter().filter_map(|part| self.norm(part));
        names.extend(norms.flat_map(|name| norm_tensors(&name, kind)));
        names.extend((0..architecture.blocks).flat_map(|i| self.block(i).tensors(kind)));
        if self.has("attn_pool.latent") {
            names.push("attn_pool.latent".to_owned());
            for part in ["q", "kv", "proj", "norm", "mlp.fc1", "mlp.fc2"] {
                let name = format!("attn_pool.{part}");
                names.extend(["weight", "bias"].map(|end| format!("{name}.{end}")));
            }
        }
        names
    }

    fn block(&self, i: usize) -> BlockNames {
        let named = |part: &str| format!("blocks.{i}.{part}");
        let has = |name: &str| self.has(&named(name));
        let layer = |name: &str| self.layer(&named(name));
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
            attention_norm: self.norm(&named("attn.norm")),
            attention_out: layer("attn.proj"),
            attention_scale: scale(["ls1.gamma", "gamma_1"]),
            norm_2: named("norm2"),
            mlp_in: match has("mlp.fc1_g.weight") {
                true => gated.map(layer).to_vec(),
                false => vec![layer("mlp.fc1")],
            },
            mlp_norm: self.norm(&named("mlp.norm")),
            mlp_out: layer("mlp.fc2"),
            mlp_scale: scale(["ls2.gamma", "gamma_2"]),
        }
    }

    /// All but a head's projection. An untrained model's spreads are those of timm's
    /// `init_weights_vit_timm`, and PyTorch's own for the convolution.
    fn load(&self, layers: &Layers<'_>) -> Result<Transformer, WeightsError> {
        let a = layers.architecture;
        let spread = Init::TruncatedNormal(0.02);
        let patch = layers.patches(
            "patch_embed.proj",
            spread,
            self.has("patch_embed.proj.bias").then_some(Init::Zeros),
        )?;
        let mut prefix = Vec::new();
        for token in ["cls_token", "dist_token", "reg_token"] {
            if let Some(shape) = self.shape(token) {
                prefix.extend(layers.tensor(token, shape, Init::Normal(1e-6))?);
            }
        }
        let mut of_patches = Vec::new();
        if let Some(&[_, rows, _]) = self.shape("pos_embed") {
            let before = rows.saturating_sub(a.position_grid * a.position_grid);
            let resizing = Resizing::BicubicAntialias;
            let (of_prefix, rest) = layers.positions("pos_embed", before, spread, resizing)?;
            add(&mut prefix, &of_prefix);
            of_patches = rest;
        }
        let norm = |part: &str| -> Result<Option<Norm>, WeightsError> {
            self.norm(part).map(|name| layers.norm(&name)).transpose()
        };
        let embedding = Embedding {
            patch_norm: norm("patch_embed.norm")?,
            norm: norm("norm_pre")?,
            ..Embedding::new(a, patch, prefix, of_patches)
        };
        let blocks = layers.blocks(BlockInit::all(spread), |i| self.block(i))?;
        let before = a.prefix_tokens();
        let pooling = match a.pooling {
            PoolingKind::ClassToken => Pooling::ClassToken,
            PoolingKind::ClassAndPatchMean => unreachable!("no pooling of timm"),
            PoolingKind::PatchMean => Pooling::Mean(before..a.tokens()),
            PoolingKind::TokenMean => Pooling::Mean(0..a.tokens()),
            PoolingKind::PrefixMean => Pooling::Mean(0..before),
            PoolingKind::Attention => Pooling::Attention(self.attention_pooling(layers, before)?),
            PoolingKind::TokenAttention => Pooling::Attention(self.attention_pooling(layers, 0)?),
        };
        let head = Head {
            norm: norm("norm")?,
            pooling,
            pooled_norm: norm("fc_norm")?,
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
        let named = |part: &str| format!("attn_pool.{part}");
        let hidden = self.shape("attn_pool.mlp.fc1.weight").map_or(4 * c, |shape| shape[0]);
        let latent = layers.tensor(&named("latent"), &[1, 1, c], spread)?;
        let linear = |part: &str, shape| layers.linear(&named(part), shape, spread, Init::Zeros);
        let to_query: Linear = linear("q", [c, c])?;
        let mut query = vec![0.0; c];
        let (lhs, scratch) = (&mut Lhs::default(), &mut ProductScratch::default());
        to_query.apply_row(&latent, &mut query, lhs, scratch);
        Ok(Box::new(AttentionPooling {
            skip,
            query,
            key_value: linear("kv", [c, 2 * c])?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        assert!(REGISTERED.len() > 200);
        let of = |name: &str| REGISTERED[name];
        assert_eq!(of("vit_giant_patch14_dinov2").heads, 24);
        assert_eq!(of("vit_base_patch32_clip_224").eps, 1e-5);
        assert_eq!(of("vit_so400m_patch14_siglip_384").pooling, PoolingKind::Attention);
        assert_eq!(of("vit_small_patch16_dinov3").rotary.map(|r| r.base), Some(100.0));
        let turns = of("vit_pe_core_base_patch16_224").rotary.expect("rotary positions");
        let places = Places::Grid { offset: 1.0, reference: Some(14), columns_first: true };
        assert_eq!(turns.places, places);
    }
}
