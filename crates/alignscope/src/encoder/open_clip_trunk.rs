//! Trunks of timm in models of open_clip: what their configuration says, and the head that open_clip
//! puts on them. Vision transformers, such as BiomedCLIP's and SigLIP's, are read here, convolutional
//! networks where theirs are.

use serde_json::Value;

use super::EncoderError;
use super::architecture::{Architecture, FamilyName, PoolingKind};
use super::catalogue::{BASE, CLIP_PIXELS, HALF, Known, Width, cropped, squashed};
use super::config::{ConfigError, ConfigFile, Keys};
use super::convnet::{MapAttention, MapHead};
use super::family::{CheckpointFolder, Family, Sizes};
use super::head::{AttentionPooling, Head, Pooling, Projection};
use super::layers::{LayerNames, Layers};
use super::linear::Linear;
use super::norm::Norm;
use super::open_clip::{self, OUTSIDE, trunk_name};
use super::positions::{Resizing, resize};
use super::rotary::{Places, RotaryPositions};
use super::timm_expected::Expected;
use super::timm_folder::TimmTensors;
use super::timm_model::{Said, TimmModel};
use super::timm_registered::{Registered, pooling_of};
use super::tower::Tower;
use crate::input_file::HashedPath;
use crate::preprocess::{CropRounding, PreprocessError, Preprocessing, Recipe};
use crate::stage::Stage;
use crate::weights::{Format, Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Precision};

/// What stands before the names of a trunk's tensors.
pub(super) const PREFIX: &str = "visual.trunk.";

/// What stands before the names of the head's.
const HEAD: &str = "visual.head.";

/// Channels of a head of timm's pooling of maps by attention.
const HEAD_WIDTH: usize = 64;

/// Positions on a side that it was made for, whatever the image.
const POOL_SIDE: usize = 7;

/// What follows a trunk's pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proj {
    /// Nothing.
    None,
    /// The classifier of the trunk.
    Classifier,
    Linear,
    Mlp,
}

/// What a configuration says of a trunk.
pub(super) struct Trunk<'a> {
    pub(super) keys: Keys<'a>,
    /// The architecture in timm.
    pub(super) name: &'a str,
    /// Side of the image, in pixels.
    pub(super) image_size: usize,
    /// Channels of the space shared with texts.
    pub(super) projection: usize,
    pool: String,
    proj: Proj,
    has_bias: bool,
}

impl<'a> Trunk<'a> {
    /// Keys that are missing take the defaults of open_clip 3's `CLIPVisionCfg`.
    ///
    /// # Errors
    /// A value that cannot be, or a key that is not known.
    pub(super) fn read(config: &'a ConfigFile) -> Result<Self, ConfigError> {
        let (mut keys, projection) = open_clip::trunk_keys(config)?;
        let name = keys.object.get("timm_model_name").unwrap_or(&Value::Null);
        let name = name.as_str().ok_or_else(|| keys.value("timm_model_name", name, "a name"))?;
        // A tag of the weights may follow.
        let name = name.split_once('.').map_or(name, |(name, _)| name);
        let image_size = keys.size("image_size", 224)?;
        let pool = keys.text("timm_pool", "avg")?;
        let pools_map = matches!(pool.as_str(), "abs_attn" | "rot_attn");
        let proj = match keys.object.get("timm_proj") {
            // Null is not the default, but no projection of open_clip's own.
            Some(Value::Null) => String::new(),
            _ => keys.text("timm_proj", "linear")?,
        };
        let proj = match proj.as_str() {
            "linear" => Proj::Linear,
            "mlp" => Proj::Mlp,
            "none" => Proj::None,
            "" if pools_map => Proj::None,
            "" => Proj::Classifier,
            other => {
                let expected = "`linear`, `mlp`, `none`, `` or null";
                return Err(keys.value("timm_proj", &other.into(), expected));
            }
        };
        let has_bias = keys.flag("timm_proj_bias", false)?;
        Ok(Self { keys, name, image_size, projection, pool, proj, has_bias })
    }

    /// Whether the trunk is one of these architectures of timm.
    pub(super) fn is_one_of(config: &ConfigFile, names: &[&str]) -> bool {
        let name = trunk_name(config).and_then(Value::as_str).unwrap_or_default();
        let name = name.split_once('.').map_or(name, |(name, _)| name);
        config.format() == Format::OpenClip && names.contains(&name)
    }

    /// The trunk's tensors.
    pub(super) fn tensors(&self, weights: &'a Weights) -> TimmTensors<'a> {
        TimmTensors { weights, path: self.keys.path, model: self.name, prefix: PREFIX }
    }

    /// How a vision transformer's tokens are pooled; `None` if as the architecture itself does.
    fn pooling(&self) -> Result<Option<PoolingKind>, ConfigError> {
        // open_clip leaves the trunk's own pooling where it puts a projection on it.
        let as_it_is = self.pool.is_empty() && matches!(self.proj, Proj::Linear | Proj::Mlp);
        match pooling_of(&self.pool) {
            None if as_it_is => Ok(None),
            Some(pooling) => Ok(Some(pooling)),
            // Of older versions of timm.
            None if self.pool == "tok" => Ok(Some(PoolingKind::ClassToken)),
            None => {
                let expected =
                    "`token`, `avg` or `map`; or ``, the trunk's own, with a `timm_proj`";
                Err(self.keys.value("timm_pool", &self.pool.as_str().into(), expected))
            }
        }
    }

    /// How a convolutional network's map is pooled.
    fn map_pooling(&self) -> Result<PoolingKind, ConfigError> {
        let as_it_is = matches!(self.proj, Proj::Linear | Proj::Mlp);
        match self.pool.as_str() {
            "avg" => Ok(PoolingKind::PatchMean),
            "" if as_it_is => Ok(PoolingKind::PatchMean),
            "abs_attn" => Ok(PoolingKind::MapAttention),
            "rot_attn" => Ok(PoolingKind::RotaryMapAttention),
            other => {
                let expected = "`avg`, `abs_attn`, `rot_attn`; or `` with a `timm_proj`";
                Err(self.keys.value("timm_pool", &other.into(), expected))
            }
        }
    }

    /// A convolutional network with the pooling that is said, which may be by attention.
    ///
    /// # Errors
    /// A pooling that maps do not have, or heads that are not whole.
    pub(super) fn pooled(&self, plain: Architecture) -> Result<Architecture, ConfigError> {
        let pooling = self.map_pooling()?;
        let channels = plain.channels;
        let pool_heads = match pooling {
            PoolingKind::PatchMean => 0,
            _ if channels.is_multiple_of(HEAD_WIDTH) => channels / HEAD_WIDTH,
            _ => {
                return Err(ConfigError::Contradiction {
                    path: self.keys.path.to_owned(),
                    what: format!("{channels} channels are not whole heads of {HEAD_WIDTH}"),
                });
            }
        };
        Ok(Architecture { pooling, pool_heads, ..plain })
    }

    /// Channels of the last stage, of a trunk whose pooled vector has so many.
    fn last_channels(&self, channels: usize) -> Result<usize, ConfigError> {
        let pools_map = matches!(self.pool.as_str(), "abs_attn" | "rot_attn");
        if self.proj != Proj::None || pools_map || channels == self.projection {
            return Ok(self.projection);
        }
        Err(ConfigError::Contradiction {
            path: self.keys.path.to_owned(),
            what: format!(
                "`embed_dim` is {}, but without a projection the model gives {channels} channels",
                self.projection
            ),
        })
    }

    /// The sizes of the whole, of the trunk's own.
    ///
    /// # Errors
    /// The weights have another head than the configuration says, or one that does not fit.
    pub(super) fn whole(
        self,
        trunk: Architecture,
        classifier: &str,
        weights: &Weights,
    ) -> Result<Sizes, ConfigError> {
        self.check_head(classifier, weights)?;
        let last_channels = self.last_channels(trunk.channels)?;
        let whole = Architecture { last: Stage::Projection, last_channels, ..trunk };
        Ok((whole.validate(self.keys.path)?, self.keys.defaults_used))
    }

    /// Refuses tensors of a head that the configuration does not have, and the want of those that it
    /// has.
    fn check_head(&self, classifier: &str, weights: &Weights) -> Result<(), ConfigError> {
        let head = |part: &str| format!("{HEAD}{part}");
        let bias = |name: String| self.has_bias.then_some(name);
        let expected: Vec<String> = match self.proj {
            Proj::None => Vec::new(),
            Proj::Classifier => vec![format!("{PREFIX}{classifier}.weight")],
            Proj::Linear => {
                std::iter::once(head("proj.weight")).chain(bias(head("proj.bias"))).collect()
            }
            Proj::Mlp => ["mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight"]
                .map(head)
                .into_iter()
                .chain(bias(head("mlp.fc2.bias")))
                .collect(),
        };
        let (path, model) = (self.keys.path.to_owned(), self.name.to_owned());
        if let Some(tensor) = expected.iter().find(|name| !weights.contains(name)) {
            return Err(ConfigError::NoTensor { path, model, tensor: tensor.clone() });
        }
        let of_classifier = format!("{PREFIX}{classifier}.");
        let is_projection = |name: &String| {
            name.starts_with(&head("proj.")) || name.starts_with(&head("mlp.")) || {
                self.proj != Proj::Classifier && name.starts_with(&of_classifier)
            }
        };
        let other = |name: &String| is_projection(name) && !expected.contains(name);
        match weights.names().into_iter().find(other) {
            None => Ok(()),
            Some(tensor) => Err(ConfigError::UnsupportedTensor { path, model, tensor }),
        }
    }
}

/// The whole names of the tensors of a head, of which `classifier` is a part of the trunk.
pub(super) fn head_tensors(
    architecture: &Architecture,
    classifier: &str,
    weights: &Weights,
) -> Vec<String> {
    let mut names: Vec<String> = [
        format!("{HEAD}proj.weight"),
        format!("{HEAD}proj.bias"),
        format!("{PREFIX}{classifier}.weight"),
        format!("{PREFIX}{classifier}.bias"),
    ]
    .into_iter()
    .chain(
        ["fc1", "fc2"]
            .into_iter()
            .flat_map(|layer| ["weight", "bias"].map(|part| format!("{HEAD}mlp.{layer}.{part}"))),
    )
    .filter(|name| weights.contains(name))
    .collect();
    let parts: &[&str] = match architecture.pooling {
        PoolingKind::MapAttention => {
            &["qkv.weight", "qkv.bias", "proj.weight", "proj.bias", "pos_embed"]
        }
        PoolingKind::RotaryMapAttention => &["qkv.weight", "qkv.bias", "proj.weight", "proj.bias"],
        _ => &[],
    };
    names.extend(parts.iter().map(|part| format!("{HEAD}pool.{part}")));
    names
}

/// What follows the pooling to a vector of so many channels, in f32 as all of a head. Untrained
/// models have what PyTorch begins with.
pub(super) fn projection(
    layers: &Layers<'_>,
    classifier: &str,
    channels: usize,
) -> Result<Option<Projection>, WeightsError> {
    let layers = Layers { precision: Precision::F32, ..*layers };
    let (a, weights) = (layers.architecture, layers.weights);
    let linear = |name: String, [inputs, outputs]: [usize; 2]| {
        let has_bias = weights.has_files() && weights.contains(&format!("{name}.bias"));
        let names = [LayerNames::with_bias(&name, has_bias)];
        let init = Init::Uniform(libm::pow(inputs as f64, -0.5));
        let (weight, bias) = layers.stacked(&names, [inputs, outputs], init, init)?;
        Ok::<_, WeightsError>(Linear::new(weight, bias, inputs, Precision::F32))
    };
    let is_there = |name: &str| weights.contains(&format!("{name}.weight"));
    if !weights.has_files() {
        // Of the models of the catalogue those with a pooling of their own have no projection.
        return match a.pooling {
            PoolingKind::Attention => Ok(None),
            _ => Ok(Some(linear(format!("{HEAD}proj"), [channels, a.last_channels])?.into())),
        };
    }
    let [of_head, of_trunk] = [format!("{HEAD}proj"), format!("{PREFIX}{classifier}")];
    for name in [of_head, of_trunk] {
        if is_there(&name) {
            return Ok(Some(linear(name, [channels, a.last_channels])?.into()));
        }
    }
    let [fc1, fc2] = ["fc1", "fc2"].map(|layer| format!("{HEAD}mlp.{layer}"));
    if !is_there(&fc1) {
        return Ok(None);
    }
    let hidden = 2 * a.last_channels;
    Ok(Some(Projection::Mlp {
        input: linear(fc1, [channels, hidden])?,
        activation: Activation::Gelu,
        out: linear(fc2, [hidden, a.last_channels])?,
    }))
}

/// The head of a convolutional network; `norm` is of the mean.
pub(super) fn map_head(
    layers: &Layers<'_>,
    classifier: &str,
    norm: Option<Norm>,
) -> Result<MapHead, WeightsError> {
    let a = layers.architecture;
    if a.pooling != PoolingKind::PatchMean {
        return Ok(MapHead::Attention(Box::new(map_attention(layers, classifier)?)));
    }
    let [side, _] = *a.maps().maps(a.image_size).last().expect("a network has maps");
    Ok(MapHead::Mean {
        pool: None,
        head: Box::new(Head {
            pooled_norm: norm,
            projection: projection(layers, classifier, a.channels)?,
            unit: a.unit_projection,
            ..Head::without_norm(Pooling::Mean(0..side * side))
        }),
    })
}

/// timm's `AttentionPool2d`, or its `RotAttentionPool2d`, and what follows.
fn map_attention(layers: &Layers<'_>, classifier: &str) -> Result<MapAttention, WeightsError> {
    let whole = layers;
    let layers = Layers { precision: Precision::F32, ..*layers };
    let a = layers.architecture;
    let c = a.channels;
    let [side, _] = *a.maps().maps(a.image_size).last().expect("a network has maps");
    let named = |part: &str| format!("{HEAD}pool.{part}");
    let spread = Init::TruncatedNormal(libm::pow(c as f64, -0.5));
    let fused = [LayerNames::new(&named("qkv"))];
    let (mut query, bias) = layers.stacked(&fused, [c, 3 * c], spread, Init::Zeros)?;
    let mut query_bias = bias.expect("the layer has a bias");
    let (key_value, key_value_bias) = (query.split_off(c * c), query_bias.split_off(c));
    let linear = |weight, bias| Linear::new(weight, Some(bias), c, Precision::F32);
    let is_rotary = a.pooling == PoolingKind::RotaryMapAttention;
    let positions = match is_rotary {
        true => Vec::new(),
        false => {
            let shape = [1 + POOL_SIDE * POOL_SIDE, c];
            let mut positions = layers.tensor(&named("pos_embed"), &shape, spread)?;
            let of_map = positions.split_off(c);
            let resizing = Resizing::BicubicAntialias;
            positions.extend(resize(&of_map, [POOL_SIDE; 2], [side; 2], c, resizing));
            positions
        }
    };
    let turns = RotaryPositions {
        base: 10_000.0,
        places: Places::Grid { offset: 0.0, reference: Some(POOL_SIDE), columns_first: false },
    };
    Ok(MapAttention {
        positions,
        query: linear(query, query_bias),
        pooling: AttentionPooling {
            skip: 0,
            query: Vec::new(),
            key_value: linear(key_value, key_value_bias),
            rotary: is_rotary.then(|| turns.turns(side, HEAD_WIDTH)),
            out: layers.linear(&named("proj"), [c, a.last_channels], spread, Init::Zeros)?,
            mlp: None,
            heads: a.pool_heads,
        },
        projection: projection(whole, classifier, a.last_channels)?,
        unit: a.unit_projection,
    })
}

/// A vision transformer of timm in an open_clip model.
#[derive(Debug)]
pub(super) struct TimmTrunk;

/// What timm calls the classifier of a vision transformer.
const CLASSIFIER: &str = "head";

impl Family for TimmTrunk {
    fn name(&self) -> FamilyName {
        FamilyName {
            id: "timm-vit",
            title: "open_clip timm ViT",
            references: &["ilharco2021openclip", "wightman2019timm"],
        }
    }

    fn recognises(&self, config: &ConfigFile) -> bool {
        config.format() == Format::OpenClip && trunk_name(config).is_some()
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let trunk = Trunk::read(&folder.config)?;
        let registered = Registered::find(trunk.name).ok_or_else(|| {
            let expected = "a vision transformer of timm 1.0 (`VisionTransformer` or `Eva`), or a \
                            plain `convnext_…` or `resnet…`";
            trunk.keys.value("timm_model_name", &trunk.name.into(), expected)
        })?;
        let weights = folder.weights()?;
        let said = Said {
            image_size: Some(trunk.image_size),
            pooling: trunk.pooling()?,
            ..Said::default()
        };
        let model = TimmModel::new(weights, PREFIX);
        let tensors = trunk.tensors(weights);
        // open_clip sets the pooling of a trunk with a projection of its own after timm has made it.
        let made_with = match trunk.proj {
            Proj::None | Proj::Classifier => said.pooling,
            Proj::Linear | Proj::Mlp => None,
        };
        let channels = tensors.axis("patch_embed.proj.weight", 0)?;
        let expected = Expected::of_trunk(registered, channels, made_with);
        let sizes = model.sizes(self.name(), registered, said, &expected, tensors)?;
        if sizes.position_grid != sizes.image_size / sizes.patch_size {
            return Err(ConfigError::Contradiction {
                path: trunk.keys.path.to_owned(),
                what: format!(
                    "`image_size` {} is of {} patches of {} pixels a side, and the positions in the \
                     weights are of {}; open_clip does not resize those of a trunk",
                    sizes.image_size,
                    sizes.image_size / sizes.patch_size,
                    sizes.patch_size,
                    sizes.position_grid,
                ),
            }
            .into());
        }
        Ok(trunk.whole(sizes, CLASSIFIER, weights)?)
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        open_clip::preprocessing(folder, architecture)
    }

    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String> {
        let mut names = TimmModel::new(weights, PREFIX).tensors(architecture);
        names.extend(head_tensors(architecture, CLASSIFIER, weights));
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames {
            anchors: &["visual.trunk.patch_embed.proj.weight"],
            own: &[""],
            in_memory: &[],
        })
    }

    fn outside(&self) -> &'static [&'static str] {
        &OUTSIDE
    }

    fn model_of(&self, config: &ConfigFile) -> String {
        let name = trunk_name(config).and_then(Value::as_str);
        name.map_or_else(|| self.name().to_string(), str::to_owned)
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let mut tower = TimmModel::of(layers, PREFIX).load(layers)?;
        tower.head.projection = projection(layers, CLASSIFIER, layers.architecture.channels)?;
        Ok(Box::new(tower))
    }

    fn known_models(&self) -> Vec<Known> {
        let Width { channels, blocks, heads, projection } = BASE;
        let plain = Architecture {
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            last: Stage::Projection,
            ..Architecture::plain(self.name())
        };
        let biomedclip = Architecture { last_channels: projection, ..plain.clone() };
        let siglip = Architecture {
            class_token: false,
            pooling: PoolingKind::Attention,
            pool_heads: heads,
            last_channels: channels,
            ..plain
        };
        let id = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224";
        let of_clip = cropped(224, CropRounding::HalfToEven, CLIP_PIXELS);
        let of_siglip =
            Preprocessing { crop_rounding: CropRounding::HalfToEven, ..squashed(224, HALF) };
        vec![
            Known::new(id, biomedclip, of_clip),
            Known::new("timm/ViT-B-16-SigLIP", siglip, of_siglip),
        ]
    }

    /// The study ran BiomedCLIP so.
    fn has_bare_patches(&self) -> bool {
        true
    }
}
