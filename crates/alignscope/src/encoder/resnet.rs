//! ResNet and its relatives (ResNeXt, wide, with a deep stem), as transformers stores them, as timm and
//! torchvision do, and as trunks of open_clip.

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{IMAGENET, Known, cropped, of_torchvision};
use super::config::{ConfigError, ConfigFile, Keys};
use super::convnet::{ConvNet, MapAttention, MapBlock, MapHead, Stem, StemEnd, square};
use super::convolution::{BatchNormed, Convolution, ConvolutionSizes, as_it_is};
use super::convolutional::{Convolutional, Grouped, MapBlockKind, MapBlockSizes, MapStage};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::AttentionPooling;
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER};
use super::layers::{LayerNames, Layers, prefix_of};
use super::linear::Linear;
use super::open_clip;
use super::open_clip_trunk::{self, Trunk};
use super::precision::of_patches;
use super::scratch::Scratch;
use super::timm_folder::{self, TimmTensors};
use super::timm_networks::{self, Network};
use super::tower::Tower;
use crate::feature_map::{Window, relu};
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe, Resize};
use crate::stage::Stage;
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Precision, huge_pages};

/// Whose ResNet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResNet {
    /// That of transformers.
    Transformers,
    /// That of timm and torchvision, whose names are the same. It computes what that of transformers
    /// does.
    Timm,
    /// That of timm in an open_clip model.
    Trunk,
    /// CLIP's, as open_clip stores it: with three convolutions in the stem, mean poolings in place of
    /// strides, and attention in place of the last mean.
    OpenClip,
}

/// The architectures of timm that have convolutions, batch norms and ReLUs alone, and a pooling by
/// the largest value in the stem; what else they are, their tensors tell.
const NAMES: [&str; 37] = [
    "resnet10t",
    "resnet14t",
    "resnet18",
    "resnet18d",
    "resnet26",
    "resnet26d",
    "resnet26t",
    "resnet34",
    "resnet34d",
    "resnet50",
    "resnet50c",
    "resnet50d",
    "resnet50s",
    "resnet50t",
    "resnet101",
    "resnet101c",
    "resnet101d",
    "resnet101s",
    "resnet152",
    "resnet152c",
    "resnet152d",
    "resnet152s",
    "resnet200",
    "resnet200d",
    "resnext50_32x4d",
    "resnext50d_32x4d",
    "resnext101_32x4d",
    "resnext101_32x8d",
    "resnext101_32x16d",
    "resnext101_32x32d",
    "resnext101_64x4d",
    "tv_resnet34",
    "tv_resnet50",
    "tv_resnet101",
    "tv_resnext50_32x4d",
    "wide_resnet50_2",
    "wide_resnet101_2",
];

/// Arguments of timm that its tensors tell, and those of training.
const ARGUMENTS: [&str; 13] = [
    "layers",
    "channels",
    "cardinality",
    "base_width",
    "stem_type",
    "stem_width",
    "avg_down",
    "in_chans",
    "num_classes",
    "drop_rate",
    "drop_path_rate",
    "drop_block_rate",
    "zero_init_last",
];

/// Arguments of timm that make another model unless they have this value, as JSON.
const NEUTRAL_ARGUMENTS: [(&str, &str); 5] = [
    ("global_pool", "\"avg\""),
    ("output_stride", "32"),
    ("replace_stem_pool", "false"),
    ("block_reduce_first", "1"),
    ("down_kernel_size", "1"),
];

/// The first convolution, and the pooling after it.
const STEM: [Window; 2] =
    [Window { kernel: 7, stride: 2, padding: 3 }, Window { kernel: 3, stride: 2, padding: 1 }];

/// The three convolutions of CLIP's, and the pooling after them.
const CLIP_STEM: [Window; 4] = [HALVING, Window::same(3), Window::same(3), MEAN_POOL];

/// The three convolutions of a deep stem, and the pooling after them.
const DEEP_STEM: [Window; 4] = [HALVING, Window::same(3), Window::same(3), STEM[1]];

/// What halves the map in CLIP's, and before a shortcut.
const MEAN_POOL: Window = Window { kernel: 2, stride: 2, padding: 0 };

/// What halves the map.
const HALVING: Window = Window { kernel: 3, stride: 2, padding: 1 };

/// A block that adds to what came in.
#[derive(Debug)]
struct Residual {
    /// One after the other, with a ReLU between.
    convolutions: Vec<Convolution>,
    /// Brings what came in to the block's shape.
    shortcut: Option<Shortcut>,
    inputs: usize,
}

/// What brings a map to the shape of another.
#[derive(Debug)]
struct Shortcut {
    /// The mean of each window comes first; those at the edge see a part of the map.
    pool: Option<Window>,
    convolution: Convolution,
}

impl MapBlock for Residual {
    fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Scratch) {
        let Scratch { input, maps: [current, next, shortcut], .. } = scratch;
        let (last, before) = self.convolutions.split_last().expect("a block has convolutions");
        let (mut now, mut channels) = (side, self.inputs);
        for (i, convolution) in before.iter().enumerate() {
            let made = convolution.output_side(now);
            let out = huge_pages::first(next, made * made * convolution.outputs(), 0.0);
            let from = if i == 0 { &*image } else { &*current };
            convolution.apply(square(now, channels, from), out, relu, input);
            (now, channels) = (made, convolution.outputs());
            std::mem::swap(current, next);
        }
        let numbers = last.output_side(now).pow(2) * last.outputs();
        if let Some(Shortcut { pool, convolution }) = &self.shortcut {
            let out = huge_pages::first(shortcut, numbers, 0.0);
            let mut map = square(side, self.inputs, image);
            if let Some(window) = pool {
                let made = last.output_side(now);
                let pooled = huge_pages::first(next, made * made * self.inputs, 0.0);
                window.mean_pool(map, made, pooled);
                map = square(made, self.inputs, pooled);
            }
            convolution.apply(map, out, as_it_is, input);
            image[..numbers].copy_from_slice(out);
        }
        let map = square(now, channels, current);
        last.add_to(map, &mut image[..numbers], relu, input);
    }

    fn bytes(&self) -> usize {
        let shortcut = self.shortcut.iter().map(|shortcut| &shortcut.convolution);
        self.convolutions.iter().chain(shortcut).map(Convolution::bytes).sum()
    }

    fn scratch_bytes(&self, side: usize) -> usize {
        let (mut now, mut largest, mut strip) = (side, 0, 0);
        for convolution in &self.convolutions {
            strip = strip.max(convolution.scratch_bytes(now));
            now = convolution.output_side(now);
            largest = largest.max(now * now * convolution.outputs());
        }
        if let Some(Shortcut { pool, convolution }) = &self.shortcut {
            strip = strip.max(convolution.scratch_bytes(side));
            largest = largest.max(pool.map_or(0, |_| now * now * self.inputs));
        }
        // Two maps between convolutions, and the shortcut's.
        3 * size_of::<f32>() * largest + strip
    }
}

/// The sizes of a convolution, but for its arithmetic.
#[derive(Debug, Clone, Copy)]
struct Sizing {
    inputs: usize,
    outputs: usize,
    window: Window,
    groups: usize,
    /// Whether it is of the mean of what its window sees.
    of_mean: bool,
}

impl Sizing {
    fn new(inputs: usize, outputs: usize, window: Window) -> Self {
        Self { inputs, outputs, window, groups: 1, of_mean: false }
    }
}

/// The shortcut's convolution, and the window that is pooled before it.
fn shortcut(sizes: &Convolutional, block: &MapBlockSizes) -> (Option<Window>, Sizing) {
    let MapBlockSizes { inputs, outputs, window, .. } = *block;
    match (sizes.block, window) {
        (MapBlockKind::BottleneckMeanPooled, Some(window)) => {
            (None, Sizing { of_mean: true, ..Sizing::new(inputs, outputs, window) })
        }
        (_, window) if sizes.mean_shortcut => {
            (window.map(|_| MEAN_POOL), Sizing::new(inputs, outputs, Window::same(1)))
        }
        (_, window) => {
            let stride = window.map_or(1, |window| window.stride);
            (None, Sizing::new(inputs, outputs, Window { stride, ..Window::same(1) }))
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
    let Grouped { channels: inner, groups } = block.within;
    let one = Window::same(1);
    match kind {
        MapBlockKind::Bottleneck => vec![
            Sizing::new(inputs, inner, one),
            Sizing { groups, ..Sizing::new(inner, inner, strided(3)) },
            Sizing::new(inner, outputs, one),
        ],
        MapBlockKind::BottleneckStridedFirst => vec![
            Sizing::new(inputs, inner, strided(1)),
            Sizing::new(inner, inner, Window::same(3)),
            Sizing::new(inner, outputs, one),
        ],
        MapBlockKind::BottleneckMeanPooled => {
            let last = Sizing::new(inner, outputs, window.unwrap_or(one));
            vec![
                Sizing::new(inputs, inner, one),
                Sizing::new(inner, inner, Window::same(3)),
                Sizing { of_mean: window.is_some(), ..last },
            ]
        }
        MapBlockKind::Basic | MapBlockKind::ConvNext | MapBlockKind::Plain => vec![
            Sizing::new(inputs, outputs, strided(3)),
            Sizing::new(outputs, outputs, Window::same(3)),
        ],
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
            ResNet::Trunk => open_clip_trunk::PREFIX,
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

    /// Convolution `number` of a stem of so many, counted from 0.
    fn stem(&self, number: usize, of: usize) -> BatchNormed {
        let name = |part: String| format!("{}{part}", self.prefix);
        match self.family {
            ResNet::Transformers => self.of_transformers("embedder.embedder"),
            // A deep stem has norms and ReLUs between, which count too.
            ResNet::Timm | ResNet::Trunk if of > 1 => BatchNormed {
                convolution: name(format!("conv1.{}", 3 * number)),
                norm: match number + 1 == of {
                    true => name("bn1".to_owned()),
                    false => name(format!("conv1.{}", 3 * number + 1)),
                },
            },
            ResNet::Timm | ResNet::Trunk | ResNet::OpenClip => self.of_timm("", number),
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
            ResNet::Timm | ResNet::Trunk | ResNet::OpenClip => {
                self.of_timm(&format!("layer{}.{block}.", stage + 1), number)
            }
        }
    }

    /// The shortcut's convolution, before which a mean pooling may count.
    fn shortcut(&self, block: &MapBlockSizes, after_pooling: bool) -> BatchNormed {
        let MapBlockSizes { stage, number: block, .. } = *block;
        match self.family {
            ResNet::Transformers => {
                self.of_transformers(&format!("encoder.stages.{stage}.layers.{block}.shortcut"))
            }
            ResNet::Timm | ResNet::Trunk | ResNet::OpenClip => {
                let place = format!("{}layer{}.{block}.downsample", self.prefix, stage + 1);
                let first = usize::from(after_pooling);
                let [convolution, norm] = [first, first + 1].map(|i| format!("{place}.{i}"));
                BatchNormed { convolution, norm }
            }
        }
    }
}

/// CLIP's pooling by attention.
const ATTENTION: &str = "visual.attnpool";

impl Family for ResNet {
    fn name(&self) -> FamilyName {
        match self {
            Self::Transformers => {
                FamilyName { id: "resnet", title: "ResNet", references: &["he2016resnet"] }
            }
            Self::Timm => FamilyName {
                id: "timm-resnet",
                title: "timm ResNet",
                references: &["he2016resnet", "wightman2019timm"],
            },
            Self::Trunk => FamilyName {
                id: "open-clip-timm-resnet",
                title: "open_clip timm ResNet",
                references: &["he2016resnet", "ilharco2021openclip", "wightman2019timm"],
            },
            Self::OpenClip => FamilyName {
                id: "open-clip-resnet",
                title: "open_clip ResNet",
                references: &["radford2021clip", "ilharco2021openclip"],
            },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["resnet"],
            Self::Timm | Self::Trunk | Self::OpenClip => &[],
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        match self {
            Self::Transformers => config.model_type() == Some("resnet"),
            Self::Timm => timm_folder::is_one_of(config, &NAMES),
            Self::Trunk => Trunk::is_one_of(config, &NAMES),
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
                let tensors = TimmTensors::of_folder(folder.weights()?, &keys);
                let sizes = of_tensors(&tensors)?;
                let network = Network::find(tensors.model);
                let network = network.with(&mut timm_folder::arguments(&keys)?)?;
                timm_networks::hold(&tensors, &sizes, &of_network(&network))?;
                let architecture = Architecture::of_maps(self.name(), size, sizes);
                Ok((architecture.validate(keys.path)?, Vec::new()))
            }
            Self::Trunk => {
                let trunk = Trunk::read(&folder.config)?;
                let weights = folder.weights()?;
                let tensors = trunk.tensors(weights);
                let sizes = of_tensors(&tensors)?;
                timm_networks::hold_trunk(
                    &tensors,
                    &sizes,
                    &of_network(&Network::find(trunk.name)),
                )?;
                let plain = Architecture::of_maps(self.name(), trunk.image_size, sizes);
                let plain = trunk.pooled(plain)?;
                Ok(trunk.whole(plain, CLASSIFIER, weights)?)
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
            Self::Trunk | Self::OpenClip => open_clip::preprocessing(folder, architecture),
        }
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        *self == Self::Transformers
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let (sizes, names) = (architecture.maps(), Names::new(*self, weights));
        let of_stem = sizes.stem_inner.len() + 1;
        let stem = (0..of_stem).flat_map(|number| names.stem(number, of_stem).tensors());
        let mut tensors: Vec<String> = stem.collect();
        if *self == Self::Trunk {
            tensors.extend(open_clip_trunk::head_tensors(architecture, CLASSIFIER, weights));
        }
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
                tensors.extend(names.shortcut(&block, sizes.mean_shortcut).tensors());
            }
        }
        tensors
    }

    fn outside(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["classifier."],
            Self::Timm => &["fc."],
            Self::Trunk | Self::OpenClip => &open_clip::OUTSIDE,
        }
    }

    fn tower_names(&self) -> Option<TowerNames> {
        let (anchors, own): (&[&str], &[&str]) = match self {
            Self::Transformers => (&["embedder.embedder.convolution.weight"], &["resnet.", ""]),
            // The stem's name tells of its depth.
            Self::Timm => (&["layer1.0.conv1.weight"], &[""]),
            Self::Trunk => (&["visual.trunk.layer1.0.conv1.weight"], &[""]),
            Self::OpenClip => (&["visual.layer1.0.conv1.weight"], &[""]),
        };
        Some(TowerNames { anchors, own, in_memory: &[] })
    }

    /// An untrained model's spreads are those of transformers' `ResNetPreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let (a, names) = (layers.architecture, Names::new(*self, layers.weights));
        let sizes = a.maps();
        let read = |names: &BatchNormed, sizing: Sizing, precision: Precision| {
            let Sizing { inputs, outputs, window, groups, of_mean } = sizing;
            let sizes = ConvolutionSizes { inputs, outputs, groups, window, of_mean, precision };
            Convolution::read_normed(layers, names, sizes)
        };
        let end = match self {
            Self::Transformers | Self::Timm | Self::Trunk => StemEnd::Pool(STEM[1]),
            Self::OpenClip => StemEnd::MeanPool(MEAN_POOL),
        };
        let mut inputs = 3;
        let outputs = sizes.stem_inner.iter().copied().chain([sizes.stem_channels]);
        let of_stem = sizes.stem_inner.len() + 1;
        let convolutions = outputs.zip(&sizes.stem).enumerate().map(|(i, (outputs, window))| {
            let sizing = Sizing::new(inputs, outputs, *window);
            inputs = outputs;
            read(&names.stem(i, of_stem), sizing, of_patches(layers.precision))
        });
        let stem = Stem { convolutions: convolutions.collect::<Result<_, _>>()?, end };
        let block = |block: MapBlockSizes| -> Result<Box<dyn MapBlock>, WeightsError> {
            let convolutions = convolutions_of(sizes.block, &block).into_iter().enumerate();
            let convolutions = convolutions
                .map(|(i, of)| read(&names.convolution(&block, i), of, layers.precision))
                .collect::<Result<_, _>>()?;
            let shortcut = match block.has_shortcut() {
                true => {
                    let (pool, of) = shortcut(sizes, &block);
                    let names = names.shortcut(&block, sizes.mean_shortcut);
                    let convolution = read(&names, of, layers.precision)?;
                    Some(Shortcut { pool, convolution })
                }
                false => None,
            };
            Ok(Box::new(Residual { convolutions, shortcut, inputs: block.inputs }))
        };
        let [side, _] = *sizes.maps(a.image_size).last().expect("a network has maps");
        let positions = side * side;
        Ok(Box::new(ConvNet {
            image_size: a.image_size,
            stem,
            blocks: sizes.blocks().into_iter().map(block).collect::<Result<_, _>>()?,
            maps: sizes.maps(a.image_size),
            head: match self {
                Self::Transformers | Self::Timm => MapHead::mean(None, positions, None),
                Self::Trunk => open_clip_trunk::map_head(layers, CLASSIFIER, None)?,
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
            Self::Timm => torchvision(*self),
            Self::Trunk | Self::OpenClip => Vec::new(),
        }
    }
}

/// What timm calls the classifier.
const CLASSIFIER: &str = "fc";

/// torchvision's ResNets, by blocks a stage and the channels and groups within the first bottleneck, if
/// they have any. Those of its newer weights are brought to 232 pixels.
fn torchvision(family: ResNet) -> Vec<Known> {
    const SIZES: [(&str, [usize; 4], Option<Grouped>); 9] = [
        ("torchvision/resnet18", [2, 2, 2, 2], None),
        ("torchvision/resnet34", [3, 4, 6, 3], None),
        ("torchvision/resnet50", [3, 4, 6, 3], Some(Grouped { channels: 64, groups: 1 })),
        ("torchvision/resnet101", [3, 4, 23, 3], Some(Grouped { channels: 64, groups: 1 })),
        ("torchvision/resnet152", [3, 8, 36, 3], Some(Grouped { channels: 64, groups: 1 })),
        ("torchvision/resnext50_32x4d", [3, 4, 6, 3], Some(Grouped { channels: 128, groups: 32 })),
        (
            "torchvision/resnext101_32x8d",
            [3, 4, 23, 3],
            Some(Grouped { channels: 256, groups: 32 }),
        ),
        ("torchvision/wide_resnet50_2", [3, 4, 6, 3], Some(Grouped { channels: 128, groups: 1 })),
        ("torchvision/wide_resnet101_2", [3, 4, 23, 3], Some(Grouped { channels: 128, groups: 1 })),
    ];
    let known = |(id, depths, first): (&'static str, [usize; 4], Option<Grouped>)| {
        let (block, channels) = match first {
            None => (MapBlockKind::Basic, [64, 128, 256, 512]),
            Some(_) => (MapBlockKind::Bottleneck, [256, 512, 1024, 2048]),
        };
        let mut sizes = residual(block, 64, &depths, &channels, false);
        for (i, stage) in sizes.stages.iter_mut().enumerate() {
            stage.within = first
                .map(|Grouped { channels, groups }| Grouped { channels: channels << i, groups });
        }
        Known::new(id, Architecture::of_maps(family.name(), 224, sizes), of_torchvision(256))
    };
    SIZES.into_iter().map(known).collect()
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
        within: None,
    };
    let stages = depths.iter().zip(channels).enumerate().map(stage).collect();
    let (stem, stem_inner) = (STEM.to_vec(), Vec::new());
    Convolutional { block, stem, stem_inner, stem_channels, mean_shortcut: false, stages }
}

/// The sizes that the tensors of timm's ResNet tell.
fn of_tensors(tensors: &TimmTensors<'_>) -> Result<Convolutional, ConfigError> {
    let is_deep = tensors.has("conv1.0.weight");
    let stem_channels = tensors.axis(if is_deep { "conv1.6.weight" } else { "conv1.weight" }, 0)?;
    let (block, last) = match tensors.has("layer1.0.conv3.weight") {
        true => (MapBlockKind::Bottleneck, "conv3.weight"),
        false => (MapBlockKind::Basic, "conv2.weight"),
    };
    let (mut depths, mut channels, mut within) = (Vec::new(), Vec::new(), Vec::new());
    for stage in 1..=4 {
        let is_there = |i: &usize| tensors.has(&format!("layer{stage}.{i}.conv1.weight"));
        channels.push(tensors.axis(&format!("layer{stage}.0.{last}"), 0)?);
        depths.push((0..).take_while(is_there).count());
        let name = format!("layer{stage}.0.conv2.weight");
        let (inner, of_group) = (tensors.axis(&name, 0)?, tensors.axis(&name, 1)?);
        if !inner.is_multiple_of(of_group) {
            return Err(ConfigError::Contradiction {
                path: tensors.path.to_owned(),
                what: format!(
                    "`{}{name}` makes {inner} channels of groups of {of_group}, which are not whole",
                    tensors.prefix
                ),
            });
        }
        within.push(Grouped { channels: inner, groups: inner / of_group });
    }
    let mut sizes = residual(block, stem_channels, &depths, &channels, false);
    if is_deep {
        sizes.stem = DEEP_STEM.to_vec();
        sizes.stem_inner =
            vec![tensors.axis("conv1.0.weight", 0)?, tensors.axis("conv1.3.weight", 0)?];
    }
    sizes.mean_shortcut = tensors.has("layer2.0.downsample.1.weight")
        && tensors.axis("layer2.0.downsample.1.weight", 3).is_ok();
    if block == MapBlockKind::Bottleneck {
        for (stage, within) in sizes.stages.iter_mut().zip(within) {
            let is_plain = within == Grouped { channels: stage.channels / 4, groups: 1 };
            stage.within = (!is_plain).then_some(within);
        }
    }
    Ok(sizes)
}

/// The sizes of a ResNet that timm has registered.
fn of_network(network: &Network) -> Convolutional {
    let (depths, outputs) = (&network.layers, network.outputs());
    let mut sizes = residual(network.block, network.stem_channels(), depths, &outputs, false);
    if let Some(inner) = network.stem_inner() {
        (sizes.stem, sizes.stem_inner) = (DEEP_STEM.to_vec(), inner);
    }
    sizes.mean_shortcut = network.mean_shortcut;
    if network.block == MapBlockKind::Bottleneck {
        for (stage, within) in sizes.stages.iter_mut().zip(network.within()) {
            stage.within = Some(within);
        }
    }
    sizes
}

/// The sizes of CLIP's ResNet. Keys that are missing take the defaults of open_clip 3's
/// `CLIPVisionCfg`.
fn read_clip(config: &ConfigFile) -> Result<Sizes, ConfigError> {
    let (mut keys, projection) = open_clip::resnet_keys(config)?;
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
        stem_inner: vec![width / 2; 2],
        stem_channels: width,
        mean_shortcut: false,
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
    let spread = Init::Normal(libm::pow(c as f64, -0.5));
    let named = |part: &str| format!("{ATTENTION}.{part}");
    let linear =
        |part: &str, outputs| layers.linear(&named(part), [c, outputs], spread, Init::Zeros);
    let names = ["k_proj", "v_proj"].map(|part| LayerNames::new(&named(part)));
    let (weight, bias) = layers.stacked(&names, [c, 2 * c], spread, Init::Zeros)?;
    let pooling = AttentionPooling {
        skip: 0,
        query: Vec::new(),
        key_value: Linear::new(weight, bias, c, Precision::F32),
        rotary: None,
        out: linear("c_proj", a.last_channels)?,
        mlp: None,
        heads: a.pool_heads,
    };
    let shape = [side * side + 1, c];
    Ok(MapAttention {
        projection: None,
        positions: layers.tensor(&named("positional_embedding"), &shape, spread)?,
        query: linear("q_proj", c)?,
        pooling,
        unit: a.unit_projection,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_the_table() {
        for name in NAMES {
            assert_eq!(of_network(&Network::find(name)).stages.len(), 4, "{name}");
        }
    }
}
