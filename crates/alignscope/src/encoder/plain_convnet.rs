//! AlexNet and VGG: convolutions one after the other, as torchvision and timm name them.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::catalogue::{Known, of_torchvision};
use super::config::ConfigFile;
use super::convnet::{ConvNet, MapBlock, MapHead, Stem, StemEnd, square};
use super::convolution::{Convolution, ConvolutionSizes};
use super::convolutional::{Convolutional, MapBlockKind, MapBlockSizes, MapStage};
use super::family::{CheckpointFolder, Family, Sizes};
use super::layers::Layers;
use super::precision::of_patches;
use super::scratch::Scratch;
use super::timm_folder;
use super::tower::Tower;
use crate::feature_map::{Window, relu};
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Recipe};
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::huge_pages;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainConvNet {
    AlexNet,
    Vgg,
}

/// VGG's architectures without batch norms, and the convolutions of each stage.
const VGG: [(&str, [usize; 5]); 4] = [
    ("vgg11", [1, 1, 2, 2, 2]),
    ("vgg13", [2, 2, 2, 2, 2]),
    ("vgg16", [2, 2, 3, 3, 3]),
    ("vgg19", [2, 2, 4, 4, 4]),
];

/// torchvision's.
const VGG_IDS: [&str; 4] =
    ["torchvision/vgg11", "torchvision/vgg13", "torchvision/vgg16", "torchvision/vgg19"];

/// Arguments of timm that its tensors tell, that concern the classifier, and those of training.
const ARGUMENTS: [&str; 5] = ["in_chans", "num_classes", "global_pool", "mlp_ratio", "drop_rate"];

/// Arguments of timm that make another model unless they have this value, as JSON.
const NEUTRAL_ARGUMENTS: [(&str, &str); 1] = [("output_stride", "32")];

/// A ReLU after a convolution, which keeps the map's size; a pooling may stand before it.
#[derive(Debug)]
struct Block {
    pool: Option<Window>,
    convolution: Convolution,
    inputs: usize,
}

impl Block {
    /// Side of the map after the pooling.
    fn side(&self, side: usize) -> usize {
        self.pool.map_or(side, |window| window.output_side(side))
    }
}

impl MapBlock for Block {
    fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Scratch) {
        let Scratch { input, maps: [map, ..], .. } = scratch;
        let made = self.side(side);
        let map = huge_pages::first(map, made * made * self.inputs, 0.0);
        match self.pool {
            None => map.copy_from_slice(&image[..map.len()]),
            Some(window) => window.max_pool(square(side, self.inputs, image), made, map),
        }
        let out = &mut image[..made * made * self.convolution.outputs()];
        self.convolution.apply(square(made, self.inputs, map), out, relu, input);
    }

    fn bytes(&self) -> usize {
        self.convolution.bytes()
    }

    fn scratch_bytes(&self, side: usize) -> usize {
        let side = self.side(side);
        size_of::<f32>() * side * side * self.inputs + self.convolution.scratch_bytes(side)
    }
}

impl Family for PlainConvNet {
    fn name(&self) -> FamilyName {
        match self {
            Self::AlexNet => {
                FamilyName { id: "alexnet", title: "AlexNet", references: &["krizhevsky2014weird"] }
            }
            Self::Vgg => FamilyName { id: "vgg", title: "VGG", references: &["simonyan2015vgg"] },
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        match self {
            Self::AlexNet => timm_folder::is_one_of(config, &["alexnet"]),
            Self::Vgg => timm_folder::is_one_of(config, &VGG.map(|(name, _)| name)),
        }
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let keys = folder.config.keys();
        timm_folder::check(&keys, &ARGUMENTS, &NEUTRAL_ARGUMENTS)?;
        let size = timm_folder::input_size(&keys)?;
        let name = timm_folder::architecture(&folder.config).unwrap_or_default();
        let architecture = Architecture::of_maps(self.name(), size, self.sizes(name));
        Ok((architecture.validate(keys.path)?, Vec::new()))
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        timm_folder::preprocessing(&folder.config, architecture.image_size)
    }

    fn tensors(&self, architecture: &Architecture, _: &Weights) -> Vec<String> {
        let layers = numbers(architecture.maps()).into_iter();
        layers.flat_map(|i| ["weight", "bias"].map(|part| format!("features.{i}.{part}"))).collect()
    }

    fn outside(&self) -> &'static [&'static str] {
        &["classifier.", "pre_logits.", "head."]
    }

    fn tower_names(&self) -> Option<TowerNames> {
        let anchors: &[&str] = &["features.0.weight"];
        Some(TowerNames { anchors, own: &[""], in_memory: &[] })
    }

    /// An untrained model's spreads are those of torchvision: PyTorch's own for AlexNet,
    /// `kaiming_normal_` of `fan_out` and ReLU for VGG.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let a = layers.architecture;
        let (sizes, numbers) = (a.maps(), numbers(a.maps()));
        let read = |number: usize, of: ConvolutionSizes| {
            let area = of.window.kernel.pow(2);
            let init = match self {
                Self::AlexNet => Init::Uniform(libm::pow((of.inputs * area) as f64, -0.5)),
                Self::Vgg => Init::Normal((2.0 / (of.outputs * area) as f64).sqrt()),
            };
            Convolution::read(layers, &format!("features.{number}"), of, init)
        };
        let (outputs, window) = (sizes.stem_channels, sizes.stem[0]);
        let precision = of_patches(layers.precision);
        let stem = read(
            0,
            ConvolutionSizes { inputs: 3, outputs, groups: 1, window, of_mean: false, precision },
        )?;
        let block = |(block, number): (MapBlockSizes, &usize)| {
            let MapBlockSizes { inputs, outputs, kernel, window: pool, .. } = block;
            let (window, precision) = (Window::same(kernel), layers.precision);
            let of =
                ConvolutionSizes { inputs, outputs, groups: 1, window, of_mean: false, precision };
            let block = Block { pool, convolution: read(*number, of)?, inputs };
            Ok::<Box<dyn MapBlock>, WeightsError>(Box::new(block))
        };
        let blocks = sizes.blocks().into_iter().zip(&numbers[1..]).map(block);
        let [side, _] = *sizes.maps(a.image_size).last().expect("a network has maps");
        let positions = self.pool().output_side(side).pow(2);
        Ok(Box::new(ConvNet {
            image_size: a.image_size,
            stem: Stem { convolutions: vec![stem], end: StemEnd::Relu },
            blocks: blocks.collect::<Result<_, _>>()?,
            maps: sizes.maps(a.image_size),
            head: MapHead::mean(Some(self.pool()), positions, None),
        }))
    }

    fn known_models(&self) -> Vec<Known> {
        let known = |id: &'static str| {
            let name = id.rsplit('/').next().unwrap_or_default();
            let architecture = Architecture::of_maps(self.name(), 224, self.sizes(name));
            Known::new(id, architecture, of_torchvision(256))
        };
        match self {
            Self::AlexNet => vec![known("torchvision/alexnet")],
            Self::Vgg => VGG_IDS.map(known).to_vec(),
        }
    }
}

impl PlainConvNet {
    /// The pooling between convolutions, and after the last.
    fn pool(self) -> Window {
        let kernel = if self == Self::AlexNet { 3 } else { 2 };
        Window { kernel, stride: 2, padding: 0 }
    }

    fn sizes(self, name: &str) -> Convolutional {
        let pool = self.pool();
        let stage = |blocks, channels, kernel, window| MapStage {
            blocks,
            channels,
            kernel,
            window,
            within: None,
        };
        match self {
            Self::AlexNet => Convolutional {
                block: MapBlockKind::Plain,
                stem: vec![Window { kernel: 11, stride: 4, padding: 2 }],
                stem_inner: Vec::new(),
                stem_channels: 64,
                mean_shortcut: false,
                stages: vec![
                    stage(1, 192, 5, Some(pool)),
                    stage(1, 384, 3, Some(pool)),
                    stage(2, 256, 3, None),
                ],
            },
            Self::Vgg => {
                let found = VGG.into_iter().find(|(known, _)| *known == name);
                let (_, depths) = found.unwrap_or(VGG[2]);
                let stages = depths.into_iter().zip([64, 128, 256, 512, 512]).enumerate();
                // The very first convolution is the stem.
                let stages = stages.map(|(i, (blocks, channels))| match i {
                    0 => stage(blocks - 1, channels, 3, None),
                    _ => stage(blocks, channels, 3, Some(pool)),
                });
                Convolutional {
                    block: MapBlockKind::Plain,
                    stem: vec![Window::same(3)],
                    stem_inner: Vec::new(),
                    stem_channels: 64,
                    mean_shortcut: false,
                    stages: stages.collect(),
                }
            }
        }
    }
}

/// The numbers of the convolutions in `features`, where ReLUs and poolings count too.
fn numbers(sizes: &Convolutional) -> Vec<usize> {
    let mut numbers = vec![0];
    let mut number = 0;
    for block in sizes.blocks() {
        number += if block.window.is_some() { 3 } else { 2 };
        numbers.push(number);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convolutions_stand_where_torchvision_has_them() {
        let of = |net: PlainConvNet, name: &str| numbers(&net.sizes(name));
        assert_eq!(of(PlainConvNet::AlexNet, "alexnet"), [0, 3, 6, 8, 10]);
        let vgg16 = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
        assert_eq!(of(PlainConvNet::Vgg, "vgg16"), vgg16);
        assert_eq!(of(PlainConvNet::Vgg, "vgg11"), [0, 3, 6, 8, 11, 13, 16, 18]);
    }

    #[test]
    fn maps_are_of_the_published_sizes() {
        let maps = |net: PlainConvNet, name: &str| net.sizes(name).maps(224);
        let alexnet = [[55, 64], [27, 192], [13, 384], [13, 256], [13, 256]];
        assert_eq!(maps(PlainConvNet::AlexNet, "alexnet"), alexnet);
        let vgg16 = maps(PlainConvNet::Vgg, "vgg16");
        assert_eq!((vgg16.len(), vgg16[0], vgg16[12]), (13, [224, 64], [14, 512]));
    }
}
