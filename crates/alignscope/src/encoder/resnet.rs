//! ResNet, as transformers stores it, and as timm and torchvision do.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::catalogue::{IMAGENET, Known, cropped};
use super::config::{ConfigError, ConfigFile, Keys};
use super::convnet::{ConvNet, MapBlock, Stem, StemEnd, square};
use super::convolution::{BatchNormed, Convolution, ConvolutionSizes, as_it_is};
use super::convolutional::{Convolutional, MapBlockKind, MapBlockSizes, MapStage};
use super::family::{CheckpointFolder, Family, Sizes};
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER};
use super::layers::{Layers, prefix_of};
use super::precision::of_patches;
use super::scratch::Scratch;
use super::timm_folder::{self, TimmTensors};
use super::tower::Tower;
use crate::feature_map::{Window, relu};
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe, Resize};
use crate::weights::{Weights, WeightsError};
use alignscope_kernel::{Precision, huge_pages};

/// Whose ResNet it is. They compute the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResNet {
    /// That of transformers.
    Transformers,
    /// That of timm and torchvision, whose names are the same.
    Timm,
}

/// The architectures of timm that are the plain network.
const NAMES: [&str; 5] = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];

/// Arguments of timm that its tensors tell, and those of training.
const ARGUMENTS: [&str; 8] = [
    "layers",
    "channels",
    "in_chans",
    "num_classes",
    "drop_rate",
    "drop_path_rate",
    "drop_block_rate",
    "zero_init_last",
];

/// Arguments of timm that make another model unless they have this value, as JSON.
const NEUTRAL_ARGUMENTS: [(&str, &str); 9] = [
    ("global_pool", "\"avg\""),
    ("output_stride", "32"),
    ("cardinality", "1"),
    ("base_width", "64"),
    ("stem_type", "\"\""),
    ("replace_stem_pool", "false"),
    ("block_reduce_first", "1"),
    ("down_kernel_size", "1"),
    ("avg_down", "false"),
];

/// The first convolution, and the pooling after it.
const STEM: [Window; 2] =
    [Window { kernel: 7, stride: 2, padding: 3 }, Window { kernel: 3, stride: 2, padding: 1 }];

/// What halves the map.
const HALVING: Window = Window { kernel: 3, stride: 2, padding: 1 };

/// A block that adds to what came in.
#[derive(Debug)]
struct Residual {
    /// One after the other, with a ReLU between.
    convolutions: Vec<Convolution>,
    /// Brings what came in to the block's shape.
    shortcut: Option<Convolution>,
    inputs: usize,
}

impl MapBlock for Residual {
    fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Scratch) {
        let Scratch { input, products, maps: [current, next, shortcut], .. } = scratch;
        let (last, before) = self.convolutions.split_last().expect("a block has convolutions");
        let (mut now, mut channels) = (side, self.inputs);
        for (i, convolution) in before.iter().enumerate() {
            let made = convolution.output_side(now);
            let out = huge_pages::first(next, made * made * convolution.outputs(), 0.0);
            let from = if i == 0 { &*image } else { &*current };
            convolution.apply(square(now, channels, from), out, relu, (input, products));
            (now, channels) = (made, convolution.outputs());
            std::mem::swap(current, next);
        }
        let numbers = last.output_side(now).pow(2) * last.outputs();
        if let Some(convolution) = &self.shortcut {
            let out = huge_pages::first(shortcut, numbers, 0.0);
            let map = square(side, self.inputs, image);
            convolution.apply(map, out, as_it_is, (input, products));
            image[..numbers].copy_from_slice(out);
        }
        let map = square(now, channels, current);
        last.add_to(map, &mut image[..numbers], relu, (input, products));
    }

    fn bytes(&self) -> usize {
        self.convolutions.iter().chain(&self.shortcut).map(Convolution::bytes).sum()
    }

    fn scratch_bytes(&self, side: usize) -> usize {
        let (mut now, mut channels, mut largest, mut strip) = (side, self.inputs, 0, 0);
        for convolution in &self.convolutions {
            strip = strip.max(convolution.scratch_bytes(now, channels));
            (now, channels) = (convolution.output_side(now), convolution.outputs());
            largest = largest.max(now * now * channels);
        }
        let shortcut = self.shortcut.as_ref();
        strip = strip.max(shortcut.map_or(0, |s| s.scratch_bytes(side, self.inputs)));
        // Two maps between convolutions, and the shortcut's.
        3 * size_of::<f32>() * largest + strip
    }
}

/// The convolutions of a block: their inputs, outputs and windows.
fn convolutions(kind: MapBlockKind, block: &MapBlockSizes) -> Vec<(usize, usize, Window)> {
    let MapBlockSizes { inputs, outputs, window, .. } = *block;
    let strided = |kernel: usize| {
        let stride = window.map_or(1, |window| window.stride);
        Window { stride, ..Window::same(kernel) }
    };
    let inner = outputs / 4;
    match kind {
        MapBlockKind::Bottleneck => vec![
            (inputs, inner, Window::same(1)),
            (inner, inner, strided(3)),
            (inner, outputs, Window::same(1)),
        ],
        MapBlockKind::BottleneckStridedFirst => vec![
            (inputs, inner, strided(1)),
            (inner, inner, Window::same(3)),
            (inner, outputs, Window::same(1)),
        ],
        _ => vec![(inputs, outputs, strided(3)), (outputs, outputs, Window::same(3))],
    }
}

/// The tensors of a ResNet, by the names that its library gives them.
#[derive(Debug)]
struct Names {
    family: ResNet,
    prefix: &'static str,
}

impl Names {
    fn new(family: ResNet, weights: &Weights) -> Self {
        let name = "embedder.embedder.convolution.weight";
        let prefix = match family {
            ResNet::Transformers => prefix_of(weights, name, &["", "resnet."]),
            ResNet::Timm => "",
        };
        Self { family, prefix }
    }

    fn of_transformers(&self, layer: &str) -> BatchNormed {
        let name = |part: &str| format!("{}{layer}.{part}", self.prefix);
        BatchNormed { convolution: name("convolution"), norm: name("normalization") }
    }

    fn stem(&self) -> BatchNormed {
        match self.family {
            ResNet::Transformers => self.of_transformers("embedder.embedder"),
            ResNet::Timm => BatchNormed { convolution: "conv1".into(), norm: "bn1".into() },
        }
    }

    /// Convolution `number` of a block, counted from 0.
    fn convolution(&self, block: &MapBlockSizes, number: usize) -> BatchNormed {
        let MapBlockSizes { stage, number: block, .. } = *block;
        match self.family {
            ResNet::Transformers => {
                let block = format!("encoder.stages.{stage}.layers.{block}");
                self.of_transformers(&format!("{block}.layer.{number}"))
            }
            ResNet::Timm => {
                let name = |part: &str| format!("layer{}.{block}.{part}{}", stage + 1, number + 1);
                BatchNormed { convolution: name("conv"), norm: name("bn") }
            }
        }
    }

    fn shortcut(&self, block: &MapBlockSizes) -> BatchNormed {
        let MapBlockSizes { stage, number: block, .. } = *block;
        match self.family {
            ResNet::Transformers => {
                self.of_transformers(&format!("encoder.stages.{stage}.layers.{block}.shortcut"))
            }
            ResNet::Timm => {
                let name = |part: usize| format!("layer{}.{block}.downsample.{part}", stage + 1);
                BatchNormed { convolution: name(0), norm: name(1) }
            }
        }
    }
}

impl Family for ResNet {
    fn name(&self) -> FamilyName {
        match self {
            Self::Transformers => FamilyName { id: "resnet", title: "ResNet" },
            Self::Timm => FamilyName { id: "timm-resnet", title: "timm ResNet" },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["resnet"],
            Self::Timm => &[],
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        match self {
            Self::Transformers => config.model_type() == Some("resnet"),
            Self::Timm => timm_folder::is_one_of(config, &NAMES),
        }
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        match self {
            Self::Transformers => Ok(self.read(folder.config.keys())?),
            Self::Timm => {
                let keys = folder.config.keys();
                timm_folder::check(&keys, &ARGUMENTS, &NEUTRAL_ARGUMENTS)?;
                let size = timm_folder::input_size(&keys)?;
                let tensors = TimmTensors { weights: folder.weights()?, keys: &keys };
                let architecture = Architecture::of_maps(self.name(), size, of_tensors(&tensors)?);
                Ok((architecture.validate(keys.path)?, Vec::new()))
            }
        }
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        match self {
            Self::Transformers => Preprocessing::from_folder(folder.path, "ConvNextImageProcessor"),
            Self::Timm => timm_folder::preprocessing(&folder.config, architecture.image_size),
        }
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        *self == Self::Transformers
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let (sizes, names) = (architecture.maps(), Names::new(*self, weights));
        let mut tensors = names.stem().tensors();
        for block in sizes.blocks() {
            for number in 0..convolutions(sizes.block, &block).len() {
                tensors.extend(names.convolution(&block, number).tensors());
            }
            if block.has_shortcut() {
                tensors.extend(names.shortcut(&block).tensors());
            }
        }
        tensors
    }

    fn outside(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["classifier."],
            Self::Timm => &["fc."],
        }
    }

    /// An untrained model's spreads are those of transformers' `ResNetPreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let (a, names) = (layers.architecture, Names::new(*self, layers.weights));
        let sizes = a.maps();
        let read = |names: &BatchNormed, (inputs, outputs, window), precision: Precision| {
            let sizes = ConvolutionSizes { inputs, outputs, window, precision };
            Convolution::read_normed(layers, names, sizes)
        };
        let stem = (3, sizes.stem_channels, STEM[0]);
        let stem = read(&names.stem(), stem, of_patches(layers.precision))?;
        let block = |block: MapBlockSizes| -> Result<Box<dyn MapBlock>, WeightsError> {
            let convolutions = convolutions(sizes.block, &block).into_iter().enumerate();
            let convolutions = convolutions
                .map(|(i, of)| read(&names.convolution(&block, i), of, layers.precision))
                .collect::<Result<_, _>>()?;
            let MapBlockSizes { inputs, outputs, window, .. } = block;
            let shortcut = match block.has_shortcut() {
                true => {
                    let stride = window.map_or(1, |window| window.stride);
                    let of = (inputs, outputs, Window { stride, ..Window::same(1) });
                    Some(read(&names.shortcut(&block), of, layers.precision)?)
                }
                false => None,
            };
            Ok(Box::new(Residual { convolutions, shortcut, inputs }))
        };
        Ok(Box::new(ConvNet {
            image_size: a.image_size,
            stem: Stem { convolution: stem, end: StemEnd::Pool(STEM[1]) },
            blocks: sizes.blocks().into_iter().map(block).collect::<Result<_, _>>()?,
            maps: sizes.maps(a.image_size),
            last_pool: None,
            last_norm: None,
        }))
    }

    fn known_models(&self) -> Vec<Known> {
        match self {
            Self::Transformers => {
                let sizes = residual(
                    MapBlockKind::Bottleneck,
                    64,
                    &[3, 4, 6, 3],
                    &[256, 512, 1024, 2048],
                    false,
                );
                let preprocessing = Preprocessing {
                    resize: Some(Resize::ShortestEdge(256)),
                    ..cropped(224, CropRounding::Floor, IMAGENET)
                };
                let architecture = Architecture::of_maps(self.name(), 224, sizes);
                vec![Known::new("microsoft/resnet-50", architecture, preprocessing)]
            }
            Self::Timm => Vec::new(),
        }
    }
}

/// The sizes of a ResNet of these blocks and channels after each stage.
fn residual(
    block: MapBlockKind,
    stem_channels: usize,
    depths: &[usize],
    channels: &[usize],
    halves_first: bool,
) -> Convolutional {
    let stage = |(i, (blocks, channels)): (usize, (&usize, &usize))| MapStage {
        blocks: *blocks,
        channels: *channels,
        kernel: 3,
        window: (i > 0 || halves_first).then_some(HALVING),
    };
    let stages = depths.iter().zip(channels).enumerate().map(stage).collect();
    Convolutional { block, stem: STEM.to_vec(), stem_channels, stages }
}

/// The sizes that the tensors of timm's ResNet tell.
fn of_tensors(tensors: &TimmTensors<'_>) -> Result<Convolutional, ConfigError> {
    let stem_channels = tensors.axis("conv1.weight", 0)?;
    let (block, last) = match tensors.has("layer1.0.conv3.weight") {
        true => (MapBlockKind::Bottleneck, "conv3.weight"),
        false => (MapBlockKind::Basic, "conv2.weight"),
    };
    let (mut depths, mut channels) = (Vec::new(), Vec::new());
    for stage in 1..=4 {
        let is_there = |i: &usize| tensors.has(&format!("layer{stage}.{i}.conv1.weight"));
        channels.push(tensors.axis(&format!("layer{stage}.0.{last}"), 0)?);
        depths.push((0..).take_while(is_there).count());
    }
    Ok(residual(block, stem_channels, &depths, &channels, false))
}

impl ResNet {
    /// Keys that are missing take the defaults of transformers 5's `ResNetConfig`.
    fn read(self, mut keys: Keys<'_>) -> Result<Sizes, ConfigError> {
        let read: &[&str] = &[
            "model_type",
            "embedding_size",
            "hidden_sizes",
            "depths",
            "layer_type",
            "downsample_in_first_stage",
            "downsample_in_bottleneck",
        ];
        let neutral: &[(&str, &str)] = &[("hidden_act", "\"relu\"")];
        keys.must_be_known(&[read, &BACKBONE, &PASSED_OVER], &[neutral, &NEUTRAL])?;
        let stem_channels = keys.size("embedding_size", 64)?;
        let channels = keys.sizes("hidden_sizes", &[256, 512, 1024, 2048])?;
        let depths = keys.sizes("depths", &[3, 4, 6, 3])?;
        keys.must_be_as_many("hidden_sizes", channels.len(), "depths", depths.len())?;
        let strided_first = keys.flag("downsample_in_bottleneck", false)?;
        let block = match (keys.text("layer_type", "bottleneck")?.as_str(), strided_first) {
            ("basic", _) => MapBlockKind::Basic,
            ("bottleneck", false) => MapBlockKind::Bottleneck,
            ("bottleneck", true) => MapBlockKind::BottleneckStridedFirst,
            (other, _) => {
                return Err(keys.value("layer_type", &other.into(), "`basic` or `bottleneck`"));
            }
        };
        let halves_first = keys.flag("downsample_in_first_stage", false)?;
        let sizes = residual(block, stem_channels, &depths, &channels, halves_first);
        // The preprocessing tells the size.
        let architecture = Architecture::of_maps(self.name(), 224, sizes);
        Ok((architecture.validate(keys.path)?, keys.defaults_used))
    }
}
