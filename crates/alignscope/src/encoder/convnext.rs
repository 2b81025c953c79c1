//! ConvNeXt, as transformers, timm and torchvision store it, and as a trunk of open_clip.

use serde_json::Value;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{IMAGENET, Known, cropped, of_torchvision};
use super::config::{ConfigError, ConfigFile, Keys};
use super::convnet::{ConvNet, MapBlock, MapHead, Stem, StemEnd, square};
use super::convolution::{Convolution, ConvolutionSizes, as_it_is};
use super::convolutional::{Convolutional, MapBlockKind, MapBlockSizes, MapStage};
use super::family::{CheckpointFolder, Family, Sizes};
use super::keys::{BACKBONE, NEUTRAL, PASSED_OVER};
use super::layers::{Layers, norm_tensors, prefix_of};
use super::linear::Linear;
use super::norm::{Norm, NormKind};
use super::open_clip;
use super::open_clip_trunk::{self, Trunk};
use super::precision::of_patches;
use super::scratch::Scratch;
use super::timm_folder::{self, TimmTensors};
use super::timm_networks::{self, Network};
use super::tower::Tower;
use crate::feature_map::Window;
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe, Resize};
use crate::weights::{Init, Renaming, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Depthwise, depthwise, huge_pages};

/// Whose ConvNeXt it is. They compute the same, but for what is added to the variance in the last
/// norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConvNext {
    /// That of transformers.
    Transformers,
    /// That of timm, and of torchvision, which calls its tensors otherwise.
    Timm,
    /// That of timm in an open_clip model.
    Trunk,
}

/// The architectures of timm that are the plain network.
const NAMES: [&str; 10] = [
    "convnext_atto",
    "convnext_femto",
    "convnext_pico",
    "convnext_nano",
    "convnext_tiny",
    "convnext_small",
    "convnext_base",
    "convnext_large",
    "convnext_xlarge",
    "convnext_xxlarge",
];

/// Arguments of timm that its tensors tell, and those of training.
const ARGUMENTS: [&str; 10] = [
    "depths",
    "dims",
    "in_chans",
    "num_classes",
    "ls_init_value",
    "patch_size",
    "conv_mlp",
    "drop_rate",
    "drop_path_rate",
    "head_init_scale",
];

/// Arguments of timm that make another model unless they have this value, as JSON.
const NEUTRAL_ARGUMENTS: [(&str, &str); 7] = [
    ("global_pool", "\"avg\""),
    ("output_stride", "32"),
    ("kernel_sizes", "7"),
    ("stem_type", "\"patch\""),
    ("head_norm_first", "false"),
    ("use_grn", "false"),
    ("act_layer", "\"gelu\""),
];

/// Added to the variance in all norms but transformers' last, and those of the largest of timm.
const EPS: f64 = 1e-6;

/// The same in all norms of `convnext_xxlarge`.
const EPS_OF_LARGEST: f64 = 1e-5;

/// What timm calls the classifier.
const CLASSIFIER: &str = "head.fc";

/// How torchvision calls what timm calls otherwise.
const OF_TORCHVISION: [Renaming; 16] = [
    (".features.0.", ".features.0.", ".stem."),
    (".features.1.", ".features.1.", ".stages.0.blocks."),
    (".features.2.", ".features.2.", ".stages.1.downsample."),
    (".features.3.", ".features.3.", ".stages.1.blocks."),
    (".features.4.", ".features.4.", ".stages.2.downsample."),
    (".features.5.", ".features.5.", ".stages.2.blocks."),
    (".features.6.", ".features.6.", ".stages.3.downsample."),
    (".features.7.", ".features.7.", ".stages.3.blocks."),
    (".blocks.", ".block.0.", ".conv_dw."),
    (".blocks.", ".block.2.", ".norm."),
    (".blocks.", ".block.3.", ".mlp.fc1."),
    (".blocks.", ".block.5.", ".mlp.fc2."),
    (".blocks.", ".layer_scale.", ".gamma."),
    (".classifier.0.", ".classifier.0.", ".head.norm."),
    (".classifier.2.weight.", ".classifier.2.weight.", ".head.fc.weight."),
    (".classifier.2.bias.", ".classifier.2.bias.", ".head.fc.bias."),
];

/// Side of the depthwise convolution.
const KERNEL: usize = 7;

/// What halves the map.
const HALVING: Window = Window { kernel: 2, stride: 2, padding: 0 };

/// Numbers of the MLP's hidden layer that a strip of positions has: it stays in the second cache.
const STRIP_NUMBERS: usize = 1 << 18;

/// A depthwise convolution and an MLP, which add to what came in. The first of a stage begins with a
/// norm and a convolution that halves the map.
#[derive(Debug)]
struct Block {
    halving: Option<(Norm, Convolution)>,
    /// `[kernel, kernel, channels]`.
    depthwise: Vec<f32>,
    /// `[channels]`.
    bias: Vec<f32>,
    norm: Norm,
    mlp_in: Linear,
    activation: Activation,
    mlp_out: Linear,
}

impl Block {
    fn channels(&self) -> usize {
        self.bias.len()
    }

    /// Side of the map after the halving.
    fn side(&self, side: usize) -> usize {
        self.halving.as_ref().map_or(side, |(_, convolution)| convolution.output_side(side))
    }

    /// Positions that go through the MLP at a time.
    fn strip_positions(&self) -> usize {
        (STRIP_NUMBERS / self.mlp_in.outputs()).max(32)
    }
}

impl MapBlock for Block {
    fn apply(&self, image: &mut [f32], side: usize, scratch: &mut Scratch) {
        let Scratch { input, hidden, wide, maps: [map, ..], .. } = scratch;
        if let Some((norm, convolution)) = &self.halving {
            let numbers = side * side * norm.channels();
            let normed = huge_pages::first(map, numbers, 0.0);
            normed.copy_from_slice(&image[..numbers]);
            norm.apply_in_place(normed, wide);
            let made = convolution.output_side(side);
            let out = &mut image[..made * made * convolution.outputs()];
            let view = square(side, norm.channels(), normed);
            convolution.apply(view, out, as_it_is, input);
        }
        let (side, channels) = (self.side(side), self.channels());
        let image = &mut image[..side * side * channels];
        let filtered = huge_pages::first(map, image.len(), 0.0);
        let of = Depthwise { weights: &self.depthwise, bias: &self.bias, kernel: KERNEL };
        depthwise(of, image, side, filtered);
        let strip = self.strip_positions() * channels;
        for (filtered, image) in filtered.chunks(strip).zip(image.chunks_mut(strip)) {
            self.mlp_in.shape(input, filtered.len() / channels);
            self.norm.fill(filtered, input);
            self.mlp_in.to_lhs(input, Some(self.activation), hidden);
            self.mlp_out.add_to(hidden, image);
        }
    }

    fn bytes(&self) -> usize {
        self.halving.as_ref().map_or(0, |(_, convolution)| convolution.bytes())
            + size_of_val(self.depthwise.as_slice())
            + self.mlp_in.bytes()
            + self.mlp_out.bytes()
    }

    fn scratch_bytes(&self, side: usize) -> usize {
        let (before, halving) = match &self.halving {
            None => (0, 0),
            Some((norm, convolution)) => {
                let channels = norm.channels();
                (side * side * channels, convolution.scratch_bytes(side))
            }
        };
        let positions = self.side(side).pow(2);
        let (channels, hidden) = (self.channels(), self.mlp_in.outputs());
        let rows = positions.min(self.strip_positions());
        let mlp = self.mlp_in.lhs_bytes(rows, channels) + self.mlp_out.lhs_bytes(rows, hidden);
        size_of::<f32>() * before.max(positions * channels) + halving.max(mlp)
    }
}

/// The tensors of a ConvNeXt, by the names that its library gives them.
#[derive(Debug)]
struct Names {
    family: ConvNext,
    prefix: &'static str,
}

impl Names {
    fn new(family: ConvNext, weights: &Weights) -> Self {
        let name = "embeddings.patch_embeddings.weight";
        let prefix = match family {
            ConvNext::Transformers => prefix_of(weights, name, &["", "convnext."]),
            ConvNext::Timm => "",
            ConvNext::Trunk => open_clip_trunk::PREFIX,
        };
        Self { family, prefix }
    }

    fn pick(&self, of_transformers: &str, of_timm: &str) -> String {
        match self.family {
            ConvNext::Transformers => format!("{}{of_transformers}", self.prefix),
            ConvNext::Timm | ConvNext::Trunk => format!("{}{of_timm}", self.prefix),
        }
    }

    /// The convolution of the stem, and the norm after it.
    fn stem(&self) -> [String; 2] {
        [
            self.pick("embeddings.patch_embeddings", "stem.0"),
            self.pick("embeddings.layernorm", "stem.1"),
        ]
    }

    /// The norm before a stage, and the convolution that halves the map.
    fn halving(&self, stage: usize) -> [String; 2] {
        let name = |part: usize| {
            self.pick(
                &format!("encoder.stages.{stage}.downsampling_layer.{part}"),
                &format!("stages.{stage}.downsample.{part}"),
            )
        };
        [name(0), name(1)]
    }

    /// A part of a block.
    fn part(&self, block: &MapBlockSizes, of_transformers: &str, of_timm: &str) -> String {
        let MapBlockSizes { stage, number, .. } = *block;
        self.pick(
            &format!("encoder.stages.{stage}.layers.{number}.{of_transformers}"),
            &format!("stages.{stage}.blocks.{number}.{of_timm}"),
        )
    }

    /// The depthwise convolution, the norm, and the two layers of the MLP.
    fn block(&self, block: &MapBlockSizes) -> [String; 4] {
        [
            self.part(block, "dwconv", "conv_dw"),
            self.part(block, "layernorm", "norm"),
            self.part(block, "pwconv1", "mlp.fc1"),
            self.part(block, "pwconv2", "mlp.fc2"),
        ]
    }

    /// LayerScale's gains.
    fn scale(&self, block: &MapBlockSizes) -> String {
        self.part(block, "layer_scale_parameter", "gamma")
    }

    fn last_norm(&self) -> String {
        self.pick("layernorm", "head.norm")
    }
}

impl Family for ConvNext {
    fn name(&self) -> FamilyName {
        match self {
            Self::Transformers => {
                FamilyName { id: "convnext", title: "ConvNeXt", references: &["liu2022convnext"] }
            }
            Self::Timm => FamilyName {
                id: "timm-convnext",
                title: "timm ConvNeXt",
                references: &["liu2022convnext", "wightman2019timm"],
            },
            Self::Trunk => FamilyName {
                id: "open-clip-timm-convnext",
                title: "open_clip timm ConvNeXt",
                references: &["liu2022convnext", "ilharco2021openclip", "wightman2019timm"],
            },
        }
    }

    fn model_types(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["convnext"],
            Self::Timm | Self::Trunk => &[],
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        match self {
            Self::Transformers => config.model_type() == Some("convnext"),
            Self::Timm => timm_folder::is_one_of(config, &NAMES),
            Self::Trunk => Trunk::is_one_of(config, &NAMES),
        }
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        match self {
            Self::Transformers => Ok(self.read(folder.config.keys())?),
            Self::Timm => {
                let keys = folder.config.keys();
                timm_folder::check(&keys, &ARGUMENTS, &NEUTRAL_ARGUMENTS)?;
                let size = timm_folder::input_size(&keys)?;
                let tensors = TimmTensors::of_folder(folder.weights()?, &keys);
                let name = timm_folder::architecture(&folder.config).unwrap_or_default();
                let architecture = self.of_tensors(name, size, &tensors)?;
                let mut arguments = timm_folder::arguments(&keys)?;
                let network = Network::find(name).with_of_convnext(&mut arguments)?;
                timm_networks::hold(&tensors, architecture.maps(), &of_network(&network))?;
                // Null leaves the gains out.
                check_gains(&tensors, arguments.object.get("ls_init_value") != Some(&Value::Null))?;
                Ok((architecture.validate(keys.path)?, Vec::new()))
            }
            Self::Trunk => {
                let trunk = Trunk::read(&folder.config)?;
                let weights = folder.weights()?;
                let tensors = trunk.tensors(weights);
                let plain = self.of_tensors(trunk.name, trunk.image_size, &tensors)?;
                let network = of_network(&Network::find(trunk.name));
                timm_networks::hold_trunk(&tensors, plain.maps(), &network)?;
                check_gains(&tensors, true)?;
                let plain = trunk.pooled(plain)?;
                if plain.pooling != PoolingKind::PatchMean {
                    let (pool, expected) = ("timm_pool", "`avg`, or `` with a `timm_proj`");
                    let found = trunk.keys.object.get(pool).cloned().unwrap_or_default();
                    return Err(trunk.keys.value(pool, &found, expected).into());
                }
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
            Self::Trunk => open_clip::preprocessing(folder, architecture),
        }
    }

    fn resizes_positions(&self, _: &Architecture) -> bool {
        *self == Self::Transformers
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let (sizes, names) = (architecture.maps(), Names::new(*self, weights));
        // A norm has a weight and a bias too.
        let layer = |name: &String| norm_tensors(name, NormKind::Layer);
        let mut tensors: Vec<String> = names.stem().iter().flat_map(layer).collect();
        for block in sizes.blocks() {
            if block.window.is_some() {
                tensors.extend(names.halving(block.stage).iter().flat_map(layer));
            }
            tensors.extend(names.block(&block).iter().flat_map(layer));
            if architecture.layer_scale.is_some() {
                tensors.push(names.scale(&block));
            }
        }
        tensors.extend(layer(&names.last_norm()));
        if *self == Self::Trunk {
            tensors.extend(open_clip_trunk::head_tensors(architecture, CLASSIFIER, weights));
        }
        tensors
    }

    fn outside(&self) -> &'static [&'static str] {
        match self {
            Self::Transformers => &["classifier."],
            Self::Timm => &["head.fc."],
            Self::Trunk => &open_clip::OUTSIDE,
        }
    }

    fn tower_names(&self) -> Option<TowerNames> {
        let (anchors, own): (&[&str], &[&str]) = match self {
            Self::Transformers => (&["embeddings.patch_embeddings.weight"], &["convnext.", ""]),
            Self::Timm => (&["stem.0.weight", "features.0.0.weight"], &[""]),
            Self::Trunk => (&["visual.trunk.stem.0.weight"], &[""]),
        };
        let in_memory: &[Renaming] = match self {
            Self::Timm => &OF_TORCHVISION,
            Self::Transformers | Self::Trunk => &[],
        };
        Some(TowerNames { anchors, own, in_memory })
    }

    /// An untrained model's spreads are those of transformers' `PreTrainedModel._init_weights`.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let (a, names) = (layers.architecture, Names::new(*self, layers.weights));
        let sizes = a.maps();
        let [stem, stem_norm] = names.stem();
        let (inputs, outputs, window) = (3, sizes.stem_channels, sizes.stem[0]);
        let precision = of_patches(layers.precision);
        let (groups, of_mean) = (1, false);
        let of_stem = ConvolutionSizes { inputs, outputs, groups, window, of_mean, precision };
        let stem = Stem {
            convolutions: vec![Convolution::read(layers, &stem, of_stem, SPREAD)?],
            end: StemEnd::Norm(norm(layers, &stem_norm, outputs, self.eps(a))?),
        };
        let block = |sizes: MapBlockSizes| -> Result<Box<dyn MapBlock>, WeightsError> {
            Ok(Box::new(block(layers, &names, sizes, self.eps(a))?))
        };
        let last_norm = norm(layers, &names.last_norm(), a.channels, a.layer_norm_eps)?;
        let [side, _] = *sizes.maps(a.image_size).last().expect("a network has maps");
        Ok(Box::new(ConvNet {
            image_size: a.image_size,
            stem,
            blocks: sizes.blocks().into_iter().map(block).collect::<Result<_, _>>()?,
            maps: sizes.maps(a.image_size),
            head: match self {
                Self::Transformers | Self::Timm => {
                    MapHead::mean(None, side * side, Some(last_norm))
                }
                Self::Trunk => open_clip_trunk::map_head(layers, CLASSIFIER, Some(last_norm))?,
            },
        }))
    }

    fn known_models(&self) -> Vec<Known> {
        match self {
            Self::Transformers => {
                let sizes = convnext(4, &[3, 3, 9, 3], &[96, 192, 384, 768]);
                let architecture = Architecture {
                    layer_scale: Some(1e-6),
                    layer_norm_eps: 1e-12,
                    ..Architecture::of_maps(self.name(), 224, sizes)
                };
                let preprocessing = Preprocessing {
                    resize: Some(Resize::ShortestEdge(256)),
                    ..cropped(224, CropRounding::Floor, IMAGENET)
                };
                vec![Known::new("facebook/convnext-tiny-224", architecture, preprocessing)]
            }
            Self::Timm => torchvision(*self),
            Self::Trunk => Vec::new(),
        }
    }
}

/// torchvision's ConvNeXts, by blocks and channels of each stage, and to which side an image is brought.
fn torchvision(family: ConvNext) -> Vec<Known> {
    let known = |(id, third, width, side): (&'static str, usize, usize, usize)| {
        let sizes = convnext(4, &[3, 3, third, 3], &[1, 2, 4, 8].map(|times| times * width));
        let architecture = Architecture {
            layer_scale: Some(1e-6),
            layer_norm_eps: EPS,
            ..Architecture::of_maps(family.name(), 224, sizes)
        };
        Known::new(id, architecture, of_torchvision(side))
    };
    [
        ("torchvision/convnext_tiny", 9, 96, 236),
        ("torchvision/convnext_small", 27, 96, 230),
        ("torchvision/convnext_base", 27, 128, 232),
        ("torchvision/convnext_large", 27, 192, 232),
    ]
    .map(known)
    .to_vec()
}

/// How an untrained model's matrices begin.
const SPREAD: Init = Init::Normal(0.02);

fn norm(layers: &Layers<'_>, name: &str, channels: usize, eps: f64) -> Result<Norm, WeightsError> {
    Ok(Norm {
        kind: NormKind::Layer,
        weight: layers.tensor(&format!("{name}.weight"), &[channels], Init::Ones)?,
        bias: layers.tensor(&format!("{name}.bias"), &[channels], Init::Zeros)?,
        eps: eps as f32,
    })
}

fn block(
    layers: &Layers<'_>,
    names: &Names,
    sizes: MapBlockSizes,
    eps: f64,
) -> Result<Block, WeightsError> {
    let MapBlockSizes { stage, inputs, outputs: channels, window, .. } = sizes;
    let halving = match window {
        None => None,
        Some(window) => {
            let [before, name] = names.halving(stage);
            let (outputs, precision) = (channels, layers.precision);
            let (groups, of_mean) = (1, false);
            let of = ConvolutionSizes { inputs, outputs, groups, window, of_mean, precision };
            let convolution = Convolution::read(layers, &name, of, SPREAD)?;
            Some((norm(layers, &before, inputs, eps)?, convolution))
        }
    };
    let [filter, of_norm, mlp_in, mlp_out] = names.block(&sizes);
    let shape = [channels, 1, KERNEL, KERNEL];
    let filters = layers.tensor(&format!("{filter}.weight"), &shape, SPREAD)?;
    let mut depthwise = vec![0.0; filters.len()];
    // [channel, y, x] -> [y, x, channel]
    for (channel, filter) in filters.chunks_exact(KERNEL * KERNEL).enumerate() {
        let places = depthwise[channel..].iter_mut().step_by(channels);
        places.zip(filter).for_each(|(out, w)| *out = *w);
    }
    let linear = |name: &str, [inputs, outputs]: [usize; 2]| {
        let weight = format!("{name}.weight");
        // Some models of timm have convolutions of one pixel here.
        let shape = [outputs, inputs, 1, 1];
        let is_map = layers.weights.shape(&weight).is_some_and(|found| found.len() == 4);
        let weight = layers.tensor(&weight, if is_map { &shape } else { &shape[..2] }, SPREAD)?;
        let bias = layers.tensor(&format!("{name}.bias"), &[outputs], Init::Zeros)?;
        Ok::<_, WeightsError>((weight, bias))
    };
    let hidden = 4 * channels;
    let (in_weight, in_bias) = linear(&mlp_in, [channels, hidden])?;
    let (mut out_weight, mut out_bias) = linear(&mlp_out, [hidden, channels])?;
    if let Some(scale) = layers.architecture.layer_scale {
        let name = names.scale(&sizes);
        // torchvision's are maps of one pixel.
        let is_map = layers.weights.shape(&name).is_some_and(|found| found.len() == 3);
        let shape = [channels, 1, 1];
        let shape = if is_map { &shape } else { &shape[..1] };
        let gains = layers.tensor(&name, shape, Init::Constant(scale))?;
        let rows = out_weight.chunks_exact_mut(hidden).zip(&mut out_bias);
        for ((row, bias), gain) in rows.zip(&gains) {
            row.iter_mut().for_each(|w| *w *= gain);
            *bias *= gain;
        }
    }
    Ok(Block {
        halving,
        depthwise,
        bias: layers.tensor(&format!("{filter}.bias"), &[channels], Init::Zeros)?,
        norm: norm(layers, &of_norm, channels, eps)?,
        mlp_in: Linear::new(in_weight, Some(in_bias), channels, layers.precision),
        activation: layers.architecture.activation,
        mlp_out: Linear::new(out_weight, Some(out_bias), hidden, layers.precision),
    })
}

/// The sizes of a ConvNeXt of these blocks and channels of each stage.
fn convnext(patch: usize, depths: &[usize], channels: &[usize]) -> Convolutional {
    let stage = |(i, (blocks, channels)): (usize, (&usize, &usize))| MapStage {
        blocks: *blocks,
        channels: *channels,
        kernel: KERNEL,
        window: (i > 0).then_some(HALVING),
        within: None,
    };
    Convolutional {
        block: MapBlockKind::ConvNext,
        stem: vec![Window { kernel: patch, stride: patch, padding: 0 }],
        stem_inner: Vec::new(),
        stem_channels: channels[0],
        mean_shortcut: false,
        stages: depths.iter().zip(channels).enumerate().map(stage).collect(),
    }
}

/// The sizes that the tensors of timm's ConvNeXt tell.
fn of_tensors(tensors: &TimmTensors<'_>) -> Result<Convolutional, ConfigError> {
    let patch = tensors.axis("stem.0.weight", 2)?;
    let (mut depths, mut channels) = (Vec::new(), Vec::new());
    for stage in 0..4 {
        let name = |i: usize| format!("stages.{stage}.blocks.{i}.conv_dw.weight");
        channels.push(tensors.axis(&name(0), 0)?);
        depths.push((0..).take_while(|i| tensors.has(&name(*i))).count());
    }
    Ok(convnext(patch, &depths, &channels))
}

/// The sizes of a ConvNeXt that timm has registered.
fn of_network(network: &Network) -> Convolutional {
    convnext(network.patch, &network.layers, &network.channels)
}

/// Refuses blocks without gains in a model that has them, and the other way round.
fn check_gains(tensors: &TimmTensors<'_>, expected: bool) -> Result<(), ConfigError> {
    const FIRST: &str = "stages.0.blocks.0.gamma";
    match (tensors.has(FIRST), expected) {
        (false, true) => Err(tensors.missing(FIRST)),
        (true, false) => Err(tensors.unexpected(FIRST)),
        _ => Ok(()),
    }
}

impl ConvNext {
    /// Added to the variance in all norms but the last.
    fn eps(self, architecture: &Architecture) -> f64 {
        match self {
            Self::Transformers => EPS,
            Self::Timm | Self::Trunk => architecture.layer_norm_eps,
        }
    }

    /// The sizes that the tensors of an architecture of timm tell.
    fn of_tensors(
        self,
        name: &str,
        image_size: usize,
        tensors: &TimmTensors<'_>,
    ) -> Result<Architecture, ConfigError> {
        let has_scale = tensors.has("stages.0.blocks.0.gamma");
        Ok(Architecture {
            layer_scale: has_scale.then_some(1e-6),
            layer_norm_eps: if name == "convnext_xxlarge" { EPS_OF_LARGEST } else { EPS },
            ..Architecture::of_maps(self.name(), image_size, of_tensors(tensors)?)
        })
    }

    /// Keys that are missing take the defaults of transformers 5's `ConvNextConfig`.
    fn read(self, mut keys: Keys<'_>) -> Result<Sizes, ConfigError> {
        let read: &[&str] = &[
            "model_type",
            "patch_size",
            "num_stages",
            "hidden_sizes",
            "depths",
            "hidden_act",
            "layer_norm_eps",
            "layer_scale_init_value",
            // Of no effect: the preprocessing tells the size.
            "image_size",
        ];
        keys.must_be_known(&[read, &BACKBONE, &PASSED_OVER], &[&NEUTRAL])?;
        let patch = keys.size("patch_size", 4)?;
        let channels = keys.sizes("hidden_sizes", &[96, 192, 384, 768])?;
        let depths = keys.sizes("depths", &[3, 3, 9, 3])?;
        keys.must_be_as_many("hidden_sizes", channels.len(), "depths", depths.len())?;
        let stages = keys.size("num_stages", 4)?;
        keys.must_be_as_many("num_stages", stages, "depths", depths.len())?;
        let scale = match keys.object.get("layer_scale_init_value") {
            // No gains at all.
            Some(value) if value.as_f64() == Some(0.0) => None,
            _ => Some(keys.positive("layer_scale_init_value", 1e-6)?),
        };
        let architecture = Architecture {
            activation: keys.activation("hidden_act", Activation::Gelu)?,
            layer_scale: scale,
            layer_norm_eps: keys.positive("layer_norm_eps", 1e-12)?,
            ..Architecture::of_maps(self.name(), 224, convnext(patch, &depths, &channels))
        };
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
