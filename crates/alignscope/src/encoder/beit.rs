//! BEiT, as transformers stores it.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{HALF, Known, squashed};
use super::config::{ConfigError, Keys};
use super::embedding::{Embedding, add};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{Head, Pooling};
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER, SIZES};
use super::layers::{
    BlockInit, BlockNames, Layers, VIT_IN_MEMORY, bert_block, norm_tensors, tower_prefix_of,
};
use super::norm::NormKind;
use super::positions::Resizing;
use super::relative_bias;
use super::tower::Tower;
use super::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::weights::{Init, Renaming, TowerNames, Weights, WeightsError};
use alignscope_kernel::Activation;

/// Attention with a relative position bias, no bias of keys, and LayerScale.
///
/// Which kinds of positions a model has is told by its tensors, which its configuration must agree
/// with.
#[derive(Debug)]
pub(super) struct Beit;

const PATCH: &str = "embeddings.patch_embeddings.projection";
const POSITIONS: &str = "embeddings.position_embeddings";
/// The table of a block's own bias, behind the block's name, and that of all blocks.
const OWN_TABLE: &str = "attention.attention.relative_position_bias.relative_position_bias_table";
const SHARED_TABLE: &str = "encoder.relative_position_bias.relative_position_bias_table";

/// How transformers 5 calls in memory what files call otherwise.
const IN_MEMORY: [Renaming; 9] = {
    let [query, key, value, out, mlp_in, mlp_out, layers] = VIT_IN_MEMORY;
    let own_table = ".attention.attention.relative_position_bias.";
    let shared = ".shared_position_bias.";
    [
        query,
        key,
        value,
        out,
        mlp_in,
        mlp_out,
        (".layers.", ".relative_position_bias.", own_table),
        layers,
        (shared, shared, ".encoder.relative_position_bias."),
    ]
};

/// Where its tensors lie.
const TOWER: TowerNames = TowerNames {
    anchors: &["embeddings.patch_embeddings.projection.weight"],
    own: &["beit.", ""],
    in_memory: &IN_MEMORY,
};

impl Family for Beit {
    fn name(&self) -> FamilyName {
        FamilyName { id: "beit", title: "BEiT", references: &["bao2022beit"] }
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["beit"]
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        Ok(read(folder.config.keys(), folder.weights()?)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        Preprocessing::from_folder(folder.path, "BeitImageProcessor")
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        true
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let model = prefix(weights);
        let mut names: Vec<String> = ["embeddings.cls_token", POSITIONS, SHARED_TABLE]
            .iter()
            .map(|part| format!("{model}{part}"))
            .filter(|name| weights.contains(name))
            .collect();
        names.extend(["weight", "bias"].map(|end| format!("{model}{PATCH}.{end}")));
        for i in 0..architecture.blocks {
            names.extend(block(weights, i).tensors(NormKind::Layer));
            names.extend(own_table(weights, i));
        }
        names.extend(norm_tensors(&last_norm(model, architecture), NormKind::Layer));
        names
    }

    /// What masked image modelling adds, a classifier, and the numbers of the bias's rows, which
    /// follow from the grid.
    fn tower_names(&self) -> Option<TowerNames> {
        Some(TOWER)
    }

    fn outside(&self) -> &'static [&'static str] {
        &[
            "classifier.",
            "lm_head.",
            "layernorm.",
            "embeddings.mask_token",
            "beit.embeddings.mask_token",
        ]
    }

    /// An untrained model's spreads are those of transformers' `BeitPreTrainedModel._init_weights`;
    /// its biases by position are 0.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let (a, weights) = (layers.architecture, layers.weights);
        let spread = Init::TruncatedNormal(0.02);
        let model = prefix(weights);
        let name = |part: &str| format!("{model}{part}");
        let patch = layers.patches(&name(PATCH), spread, Some(Init::Zeros))?;
        let mut class_token =
            layers.tensor(&name("embeddings.cls_token"), &[1, 1, a.channels], Init::Zeros)?;
        let mut positions = Vec::new();
        if weights.shape(&name(POSITIONS)).is_some() {
            let (of_class, of_patches) =
                layers.positions(&name(POSITIONS), 1, Init::Zeros, Resizing::Bicubic)?;
            add(&mut class_token, &of_class);
            positions = of_patches;
        }
        let embedding = Embedding::new(a, patch, class_token, positions);
        let mut blocks = layers.blocks(BlockInit::all(spread), |i| block(weights, i))?;
        let shape = [relative_bias::rows(a.position_grid), a.heads];
        let shared = Some(name(SHARED_TABLE)).filter(|name| weights.shape(name).is_some());
        for (i, block) in blocks.iter_mut().enumerate() {
            let mut bias: Option<Vec<f32>> = None;
            for table in shared.iter().cloned().chain(own_table(weights, i)) {
                let table = layers.tensor(&table, &shape, Init::Zeros)?;
                let side = a.image_size / a.patch_size;
                let found = relative_bias::gather(&table, a.position_grid, side, a.heads);
                match &mut bias {
                    Some(bias) => add(bias, &found),
                    None => bias = Some(found),
                }
            }
            block.attention.relative_bias = bias;
        }
        let norm = layers.norm(&last_norm(model, a))?;
        let head = match a.pooling {
            PoolingKind::PatchMean => {
                let pooling = Pooling::Mean(1..a.tokens());
                Head { pooled_norm: Some(norm), ..Head::without_norm(pooling) }
            }
            _ => Head::new(norm, Pooling::ClassToken),
        };
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }

    fn known_models(&self) -> Vec<Known> {
        let architecture = Architecture {
            pooling: PoolingKind::PatchMean,
            layer_norm_eps: 1e-12,
            layer_scale: Some(0.1),
            ..Architecture::plain(self.name())
        };
        vec![Known::new("microsoft/beit-base-patch16-224", architecture, squashed(224, HALF))]
    }
}

fn prefix(weights: &Weights) -> &'static str {
    tower_prefix_of(weights, TOWER)
}

/// The last norm: of the mean of the patches, or of each token.
fn last_norm(model: &str, architecture: &Architecture) -> String {
    match architecture.pooling {
        PoolingKind::PatchMean => format!("{model}pooler.layernorm"),
        _ => format!("{model}layernorm"),
    }
}

/// The table of a block's own bias, if it has one.
fn own_table(weights: &Weights, i: usize) -> Option<String> {
    let name = format!("{}encoder.layer.{i}.{OWN_TABLE}", prefix(weights));
    Some(name).filter(|name| weights.shape(name).is_some())
}

fn block(weights: &Weights, i: usize) -> BlockNames {
    let block = format!("{}encoder.layer.{i}", prefix(weights));
    let name = |part: &str| format!("{block}.{part}");
    let norms = ["layernorm_before", "layernorm_after"];
    let scale = |part: &str| Some(name(part)).filter(|name| weights.contains(name));
    BlockNames {
        attention_scale: scale("lambda_1"),
        mlp_scale: scale("lambda_2"),
        ..bert_block(&block, norms, [true, false, true], ["intermediate.dense", "output.dense"])
    }
}

/// Keys that are missing take the defaults of transformers 5's `BeitConfig`.
fn read(mut keys: Keys<'_>, weights: &Weights) -> Result<Sizes, ConfigError> {
    // Those of the segmentation head, which no stage depends on, and of texts.
    const READ: [&str; 17] = [
        "model_type",
        "layer_scale_init_value",
        "use_absolute_position_embeddings",
        "use_mask_token",
        "use_mean_pooling",
        "use_relative_position_bias",
        "use_shared_relative_position_bias",
        "vocab_size",
        "pool_scales",
        "use_auxiliary_head",
        "auxiliary_loss_weight",
        "auxiliary_channels",
        "auxiliary_num_convs",
        "auxiliary_concat_input",
        "semantic_loss_ignore_index",
        "add_fpn",
        "segmentation_indices",
    ];
    keys.must_be_known(&[&SIZES, &READ, &BACKBONE, &PASSED_OVER], &[&NEUTRAL])?;
    let model = prefix(weights);
    for (flag, tensor) in [
        ("use_absolute_position_embeddings", format!("{model}{POSITIONS}")),
        ("use_relative_position_bias", format!("{model}encoder.layer.0.{OWN_TABLE}")),
        ("use_shared_relative_position_bias", format!("{model}{SHARED_TABLE}")),
    ] {
        if keys.flag(flag, false)? && !weights.contains(&tensor) {
            let (path, model) = (keys.path.to_owned(), Beit.name().to_string());
            return Err(ConfigError::NoTensor { path, model, tensor });
        }
    }
    let channels = keys.size("hidden_size", 768)?;
    let (patch_size, image_size) = (keys.size("patch_size", 16)?, keys.size("image_size", 224)?);
    let architecture = Architecture {
        channels,
        mlp_channels: keys.size("intermediate_size", 3072)?,
        blocks: keys.size("num_hidden_layers", 12)?,
        heads: keys.size("num_attention_heads", 12)?,
        patch_size,
        image_size,
        position_grid: image_size / patch_size,
        pooling: match keys.flag("use_mean_pooling", true)? {
            true => PoolingKind::PatchMean,
            false => PoolingKind::ClassToken,
        },
        last_channels: channels,
        activation: keys.activation("hidden_act", Activation::Gelu)?,
        layer_norm_eps: keys.positive("layer_norm_eps", 1e-12)?,
        layer_scale: Some(0.1),
        ..Architecture::plain(Beit.name())
    };
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}
