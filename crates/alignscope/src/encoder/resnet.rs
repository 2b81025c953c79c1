//! ResNet, as transformers stores it, and as timm and torchvision do.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{IMAGENET, Known, cropped};
use super::config::{ConfigError, ConfigFile, Keys};
use super::convnet::{ConvNet, MapAttention, MapBlock, MapHead, Stem, StemEnd, square};
use super::convolution::{BatchNormed, Convolution, ConvolutionSizes, as_it_is};
use super::convolutional::{Convolutional, MapBlockKind, MapBlockSizes, MapStage};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::AttentionPooling;
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER};
use super::layers::{LayerNames, Layers, prefix_of};
use super::linear::Linear;
use super::open_clip;
use super::precision::of_patches;
use super::scratch::Scratch;
use super::timm_folder::{self, TimmTensors};
use super::tower::Tower;
use crate::feature_map::{Window, relu};
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe, Resize};
use crate::stage::Stage;
use crate::weights::{Init, Weights, WeightsError};
use alignscope_kernel::{Precision, huge_pages};

/// Whose ResNet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResNet {
    /// That of transformers.
    Transformers,
    /// That of timm and torchvision, whose names are the same. It computes what that of transformers
    /// does.
    Timm,
    /// CLIP's, as open_clip stores it: with three convolutions in the stem, mean poolings in place of
    /// strides, and attention in place of the last mean.
    OpenClip,
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

/// The three convolutions of CLIP's, and the pooling after them.
const CLIP_STEM: [Window; 4] = [HALVING, Window::same(3), Window::same(3), MEAN_POOL];

/// What halves the map in CLIP's.
const MEAN_POOL: Window = Window { kernel: 2, stride: 2, padding: 0 };

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
        let mut scratch = (input, products);
        let (last, before) = self.convolutions.split_last().expect("a block has convolutions");
        let (mut now, mut channels) = (side, self.inputs);
        for (i, convolution) in before.iter().enumerate() {
            let made = convolution.output_side(now);
            let out = huge_pages::first(next, made * made * convolution.outputs(), 0.0);
            let from = if i == 0 { &*image } else { &*current };
            convolution.apply(square(now, channels, from), out, relu, &mut scratch);
            (now, channels) = (made, convolution.outputs());
            std::mem::swap(current, next);
        }
        let numbers = last.output_side(now).pow(2) * last.outputs();
        if let Some(convolution) = &self.shortcut {
            let out = huge_pages::first(shortcut, numbers, 0.0);
            let map = square(side, self.inputs, image);
            convolution.apply(map, out, as_it_is, &mut scratch);
            image[..numbers].copy_from_slice(out);
        }
        let map = square(now, channels, current);
        last.add_to(map, &mut image[..numbers], relu, &mut scratch);
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

/// Inputs and outputs of a convolution, its window, and whether it is of the mean of what that sees.
type Sizing = (usize, usize, Window, bool);

/// The shortcut's convolution.
fn shortcut(kind: MapBlockKind, block: &MapBlockSizes) -> Sizing {
    let MapBlockSizes { inputs, outputs, window, .. } = *block;
    match (kind, window) {
        (MapBlockKind::BottleneckMeanPooled, Some(window)) => (inputs, outputs, window, true),
        _ => {
            let stride = window.map_or(1, |window| window.stride);
            (inputs, outputs, Window { stride, ..Window::same(1) }, false)
        }
    }
}

/// The convolutions of a block, but for the shortcut's.
fn convolutions_of(kind: MapBlockKind, block: &MapBlockSizes) -> Vec<Sizing> {
    let MapBlockSizes { inputs, outputs, window, .. } = *block;
    let strided = |kernel: usize| {
        let stride = window.map_or(1, |window| window.stride);
        Window { stride, ..Window::same(kernel) }
    };
    let inner = outputs / 4;
    match kind {
        MapBlockKind::Bottleneck => vec![
            (inputs, inner, Window::same(1), false),
            (inner, inner, strided(3), false),
            (inner, outputs, Window::same(1), false),
        ],
        MapBlockKind::BottleneckStridedFirst => vec![
            (inputs, inner, strided(1), false),
            (inner, inner, Window::same(3), false),
            (inner, outputs, Window::same(1), false),
        ],
        MapBlockKind::BottleneckMeanPooled => vec![
            (inputs, inner, Window::same(1), false),
            (inner, inner, Window::same(3), false),
            (inner, outputs, window.unwrap_or(Window::same(1)), window.is_some()),
        ],
        MapBlockKind::Basic | MapBlockKind::ConvNext | MapBlockKind::Plain => {
            vec![(inputs, outputs, strided(3), false), (outputs, outputs, Window::same(3), false)]
        }
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
            ResNet::OpenClip => "visual.",
        };
        Self { family, prefix }
    }

    fn of_transformers(&self, layer: &str) -> BatchNormed {
        let name = |part: &str| format!("{}{layer}.{part}", self.prefix);
        BatchNormed { convolution: name("convolution"), norm: name("normalization") }
    }

    /// Convolution `number` of a place, counted from 0, in timm's and open_clip's style.
    fn of_timm(&self, place: &str, number: usize) -> BatchNormed {
        let name = |part: &str| format!("{}{place}{part}{}", self.prefix, number + 1);
        BatchNormed { convolution: name("conv"), norm: name("bn") }
    }

    /// Convolution `number` of the stem, counted from 0.
    fn stem(&self, number: usize) -> BatchNormed {
        match self.family {
            ResNet::Transformers => self.of_transformers("embedder.embedder"),
            ResNet::Timm | ResNet::OpenClip => self.of_timm("", number),
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
            ResNet::Timm | ResNet::OpenClip => {
                self.of_timm(&format!("layer{}.{block}.", stage + 1), number)
            }
        }
    }

    fn shortcut(&self, block: &MapBlockSizes) -> BatchNormed {
        let MapBlockSizes { stage, number: block, .. } = *block;
        match self.family {
            ResNet::Transformers => {
                self.of_transformers(&format!("encoder.stages.{stage}.layers.{block}.shortcut"))
            }
            ResNet::Timm | ResNet::OpenClip => {
                let place = format!("{}layer{}.{block}.downsample", self.prefix, stage + 1);
                BatchNormed { convolution: format!("{place}.0"), norm: format!("{place}.1") }
            }
        }
    }
}

/// CLIP's pooling by attention.
const ATTENTION: &str = "visual.attnpool";

impl Family for ResNet {
    fn name(&self) -> FamilyName {
        match self {
            Self::Transformers => FamilyName { id: "resnet", title: "ResNet" },
            Self::Timm => FamilyName { id: "timm-resnet", title: "timm ResNet" },
            Self::OpenClip => FamilyName { id: "open-clip-resnet", title: "open_clip ResNet" },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["resnet"],
            Self::Timm | Self::OpenClip => &[],
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        match self {
            Self::Transformers => config.model_type() == Some("resnet"),
            Self::Timm => timm_folder::is_one_of(config, &NAMES),
            Self::OpenClip => open_clip::has_residual_tower(config),
        }
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        match self {
            Self::Transformers => Ok(self.read(folder.config.keys())?),
            Self::OpenClip => Ok(read_clip(&folder.config)?),
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
            Self::OpenClip => open_clip::preprocessing(folder, architecture),
        }
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        *self == Self::Transformers
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let (sizes, names) = (architecture.maps(), Names::new(*self, weights));
        let stem = (0..self.stem_convolutions()).flat_map(|number| names.stem(number).tensors());
        let mut tensors: Vec<String> = stem.collect();
        if *self == Self::OpenClip {
            let layers = ["q_proj", "k_proj", "v_proj", "c_proj"].into_iter();
            let parts =
                |layer| ["weight", "bias"].map(|part| format!("{ATTENTION}.{layer}.{part}"));
            tensors.extend(layers.flat_map(parts));
            tensors.push(format!("{ATTENTION}.positional_embedding"));
        }
        for block in sizes.blocks() {
            for number in 0..convolutions_of(sizes.block, &block).len() {
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
            Self::OpenClip => &open_clip::OUTSIDE,
        }
    }

    /// Pooling by attention multiplies by `gemm`.
    fn sums_by_caches(&self) -> bool {
        *self == Self::OpenClip
    }

    /// An untrained model's spreads are those of transformers' `ResNetPreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let (a, names) = (layers.architecture, Names::new(*self, layers.weights));
        let sizes = a.maps();
        let read = |names: &BatchNormed, sizing: Sizing, precision: Precision| {
            let (inputs, outputs, window, of_mean) = sizing;
            let sizes = ConvolutionSizes { inputs, outputs, window, of_mean, precision };
            Convolution::read_normed(layers, names, sizes)
        };
        let channels = sizes.stem_channels;
        let (of_stem, end) = match self {
            Self::Transformers | Self::Timm => (vec![(3, channels)], StemEnd::Pool(STEM[1])),
            Self::OpenClip => {
                let half = channels / 2;
                (vec![(3, half), (half, half), (half, channels)], StemEnd::MeanPool(MEAN_POOL))
            }
        };
        let convolutions = of_stem.into_iter().zip(&sizes.stem).enumerate();
        let convolutions = convolutions.map(|(i, ((inputs, outputs), window))| {
            let precision = of_patches(layers.precision);
            read(&names.stem(i), (inputs, outputs, *window, false), precision)
        });
        let stem = Stem { convolutions: convolutions.collect::<Result<_, _>>()?, end };
        let block = |block: MapBlockSizes| -> Result<Box<dyn MapBlock>, WeightsError> {
            let convolutions = convolutions_of(sizes.block, &block).into_iter().enumerate();
            let convolutions = convolutions
                .map(|(i, of)| read(&names.convolution(&block, i), of, layers.precision))
                .collect::<Result<_, _>>()?;
            let shortcut = match block.has_shortcut() {
                true => {
                    let of = shortcut(sizes.block, &block);
                    Some(read(&names.shortcut(&block), of, layers.precision)?)
                }
                false => None,
            };
            Ok(Box::new(Residual { convolutions, shortcut, inputs: block.inputs }))
        };
        Ok(Box::new(ConvNet {
            image_size: a.image_size,
            stem,
            blocks: sizes.blocks().into_iter().map(block).collect::<Result<_, _>>()?,
            maps: sizes.maps(a.image_size),
            head: match self {
                Self::Transformers | Self::Timm => MapHead::Mean { pool: None, norm: None },
                Self::OpenClip => MapHead::Attention(Box::new(attention(layers)?)),
            },
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
            Self::Timm | Self::OpenClip => Vec::new(),
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

/// The sizes of CLIP's ResNet. Keys that are missing take the defaults of open_clip 3's
/// `CLIPVisionCfg`.
fn read_clip(config: &ConfigFile) -> Result<Sizes, ConfigError> {
    let (mut keys, projection) = open_clip::own_tower_keys(config)?;
    let depths = keys.sizes("layers", &[3, 4, 6, 3])?;
    keys.must_be_as_many("layers", depths.len(), "width", 4)?;
    let width = keys.size("width", 768)?;
    let head_width = keys.size("head_width", 64)?;
    let channels = [4, 8, 16, 32].map(|times| times * width);
    let stages = residual(MapBlockKind::BottleneckMeanPooled, width, &depths, &channels, false);
    let stages = stages
        .stages
        .into_iter()
        .map(|stage| MapStage { window: stage.window.map(|_| MEAN_POOL), ..stage });
    let sizes = Convolutional {
        block: MapBlockKind::BottleneckMeanPooled,
        stem: CLIP_STEM.to_vec(),
        stem_channels: width,
        stages: stages.collect(),
    };
    let architecture = Architecture {
        last: Stage::Projection,
        last_channels: projection,
        pooling: PoolingKind::Attention,
        pool_heads: channels[3] / head_width,
        ..Architecture::of_maps(ResNet::OpenClip.name(), keys.size("image_size", 224)?, sizes)
    };
    let (heads, of_last) = (architecture.pool_heads, channels[3]);
    if heads == 0 || !of_last.is_multiple_of(heads) {
        return Err(ConfigError::Contradiction {
            path: keys.path.to_owned(),
            what: format!("{of_last} channels are not whole heads of {head_width}"),
        });
    }
    Ok((architecture.validate(keys.path)?, keys.defaults_used))
}

/// CLIP's `AttentionPool2d`, in f32 as all of a head.
fn attention(layers: &Layers<'_>) -> Result<MapAttention, WeightsError> {
    let layers = Layers { precision: Precision::F32, ..*layers };
    let a = layers.architecture;
    let c = a.channels;
    let [side, _] = *a.maps().maps(a.image_size).last().expect("a network has maps");
    let spread = Init::Normal((c as f64).powf(-0.5));
    let named = |part: &str| format!("{ATTENTION}.{part}");
    let linear =
        |part: &str, outputs| layers.linear(&named(part), [c, outputs], spread, Init::Zeros);
    let names = ["k_proj", "v_proj"].map(|part| LayerNames::new(&named(part)));
    let (weight, bias) = layers.stacked(&names, [c, 2 * c], spread, Init::Zeros)?;
    let pooling = AttentionPooling {
        skip: 0,
        query: Vec::new(),
        key_value: Linear::new(weight, bias, c, Precision::F32),
        out: linear("c_proj", a.last_channels)?,
        mlp: None,
        heads: a.pool_heads,
    };
    let shape = [side * side + 1, c];
    Ok(MapAttention {
        positions: layers.tensor(&named("positional_embedding"), &shape, spread)?,
        query: linear("q_proj", c)?,
        pooling,
        unit: a.unit_projection,
    })
}

impl ResNet {
    /// Convolutions of the stem.
    fn stem_convolutions(self) -> usize {
        if self == Self::OpenClip { 3 } else { 1 }
    }

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
