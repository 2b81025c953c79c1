//! A vision transformer without a class token, whose output is the mean of the patches.

use super::super::EncoderError;
use super::super::architecture::{Architecture, FamilyName, PoolingKind};
use super::super::embedding::Embedding;
use super::super::head::{Head, Pooling};
use super::super::layers::{BlockInit, BlockNames, Layers};
use super::super::norm::NormKind;
use super::super::tower::Tower;
use super::super::transformer::Transformer;
use super::{CheckpointFolder, Family, Sizes};
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Preprocessing, Recipe};
use crate::weights::{Init, Weights, WeightsError};

#[derive(Debug)]
pub(super) struct Example;

impl Family for Example {
    fn name(&self) -> FamilyName {
        FamilyName { id: "example", title: "Example", references: &[] }
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["example"]
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let mut keys = folder.config.keys();
        keys.must_be_known(&[&["model_type", "hidden_size", "image_size"]], &[])?;
        let channels = keys.required_size("hidden_size")?;
        let image_size = keys.size("image_size", 16)?;
        let architecture = Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks: 2,
            heads: 2,
            patch_size: 4,
            image_size,
            position_grid: image_size / 4,
            class_token: false,
            pooling: PoolingKind::PatchMean,
            last_channels: channels,
            ..Architecture::plain(self.name())
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
        let blocks = (0..architecture.blocks).flat_map(|i| block(i).tensors(NormKind::Layer));
        outside.map(str::to_owned).into_iter().chain(blocks).collect()
    }

    fn outside(&self) -> &'static [&'static str] {
        &["classifier."]
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let spread = Init::Normal(0.02);
        let patch = layers.patches("patch", spread, None)?;
        let positions = layers.tensor("positions", &[a.tokens(), a.channels], spread)?;
        let embedding = Embedding::with_positions(a, patch, Vec::new(), positions);
        let blocks = layers.blocks(BlockInit::all(spread), block)?;
        let head = Head::new(layers.norm("norm")?, Pooling::Mean(0..a.tokens()));
        Ok(Box::new(Transformer::new(embedding, blocks, head)))
    }
}

fn block(i: usize) -> BlockNames {
    let name = |part: &str| format!("blocks.{i}.{part}");
    BlockNames::plain(
        ["norm_1", "norm_2"].map(name),
        &[name("qkv")],
        &name("out"),
        ["mlp_in", "mlp_out"].map(name),
    )
}
