//! A vision transformer without a class token, whose projection is the mean of the patches.

use super::super::architecture::{Architecture, FamilyName, PoolingKind};
use super::super::embedding::Embedding;
use super::super::head::{Head, Pooling};
use super::super::layers::{BlockInit, BlockNames, Layers, QkvNames};
use super::super::{EncoderError, Parts};
use super::{CheckpointFolder, Family, Sizes};
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::weights::{Init, Weights, WeightsError};
use alignscope_kernel::Activation;

#[derive(Debug)]
pub(super) struct Example;

impl Family for Example {
    fn name(&self) -> FamilyName {
        FamilyName { id: "example", title: "Example" }
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["example"]
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let mut keys = folder.config.keys();
        keys.must_be_known(&[&["model_type", "hidden_size", "image_size"]], &[])?;
        let channels = keys.required_size("hidden_size")?;
        let architecture = Architecture {
            family: self.name(),
            channels,
            mlp_channels: 4 * channels,
            blocks: 2,
            heads: 2,
            patch_size: 4,
            image_size: keys.size("image_size", 16)?,
            class_token: false,
            pooling: PoolingKind::PatchMean,
            projection: channels,
            unit_projection: false,
            activation: Activation::Gelu,
            layer_norm_eps: 1e-6,
        };
        Ok((architecture.validate(keys.path)?, keys.defaults_used))
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        _: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        Preprocessing::from_folder(folder.path, "ViTImageProcessor")
    }

    fn tensors(&self, architecture: &Architecture, _: &Weights) -> Vec<String> {
        let outside = ["patch.weight", "positions", "norm.weight", "norm.bias"];
        let blocks = (0..architecture.blocks).flat_map(|i| block(i).tensors());
        outside.map(str::to_owned).into_iter().chain(blocks).collect()
    }

    fn outside(&self) -> &'static [&'static str] {
        &["classifier."]
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Parts, WeightsError> {
        let a = layers.architecture;
        let spread = Init::Normal(0.02);
        let init = BlockInit {
            qkv: spread,
            attention_out: spread,
            mlp_in: spread,
            mlp_out: spread,
            mlp_bias: Init::Zeros,
        };
        Ok(Parts {
            embedding: Embedding {
                patch: layers.patches("patch", spread, None)?,
                class_token: None,
                positions: layers.tensor("positions", &[a.tokens(), a.channels], spread)?,
                norm: None,
                patch_size: a.patch_size,
                image_size: a.image_size,
            },
            blocks: layers.blocks(init, block)?,
            head: Head {
                norm: layers.norm("norm")?,
                pooling: Pooling::PatchMean { prefix: 0 },
                projection: None,
                unit: a.unit_projection,
            },
        })
    }
}

fn block(i: usize) -> BlockNames {
    let name = |part: &str| format!("blocks.{i}.{part}");
    BlockNames {
        norm_1: name("norm_1"),
        qkv: QkvNames::Joint { weight: name("qkv.weight"), bias: name("qkv.bias") },
        attention_out: name("out"),
        norm_2: name("norm_2"),
        mlp_in: name("mlp_in"),
        mlp_out: name("mlp_out"),
    }
}
