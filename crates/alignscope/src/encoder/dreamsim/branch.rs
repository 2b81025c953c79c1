//! One encoder of a model of DreamSim.

use std::path::{Path, PathBuf};

use super::DreamSimError;
use super::head::DreamSimTower;
use crate::encoder::EncoderError;
use crate::encoder::architecture::{Architecture, FamilyName, PoolingKind};
use crate::encoder::catalogue::{CLIP_PIXELS, IMAGENET, squashed};
use crate::encoder::config::ConfigError;
use crate::encoder::embedding::{Embedding, add};
use crate::encoder::family::{CheckpointFolder, Family, Sizes};
use crate::encoder::head::{Head, Pooling};
use crate::encoder::layers::{BlockInit, BlockNames, Layers, norm_tensors};
use crate::encoder::linear::Linear;
use crate::encoder::norm::NormKind;
use crate::encoder::positions::Resizing;
use crate::encoder::tower::Tower;
use crate::encoder::transformer::Transformer;
use crate::input_file::HashedPath;
use crate::model_spec::DreamSim;
use crate::preprocess::{PreprocessError, Recipe};
use crate::stage::Stage;
use crate::weights::{Init, TowerNames, Weights, WeightsError};
use alignscope_kernel::{Activation, Precision};

/// Blocks of each encoder: all are ViT-B, whose sizes but for these two are those of the tensors.
pub(super) const BLOCKS: usize = 12;
const HEADS: usize = 12;

/// Side of the square to which the package brings every image.
const IMAGE_SIZE: usize = 224;

/// An encoder of a model: what it was before the adapter, what of it is compared, and which of the
/// model's encoders it is.
#[derive(Debug)]
pub(super) struct Branch {
    backbone: Backbone,
    /// Whether the mean of the patches is compared too.
    with_patches: bool,
    /// How the names of the adapter's modules begin that are of other encoders.
    others: &'static [&'static str],
}

/// A vision transformer before it was tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backbone {
    DinoVitb16,
    Dinov2Vitb14,
    ClipVitb16,
    ClipVitb32,
    OpenClipVitb16,
    OpenClipVitb32,
    SynclrVitb16,
}

/// What the encoders are called.
pub(in crate::encoder) fn family_names() -> impl Iterator<Item = FamilyName> {
    let all = [
        Backbone::DinoVitb16,
        Backbone::Dinov2Vitb14,
        Backbone::ClipVitb16,
        Backbone::OpenClipVitb16,
        Backbone::SynclrVitb16,
    ];
    all.into_iter().map(Backbone::name)
}

/// The encoders of a model, in the order of its embedding.
pub(super) fn branches(model: DreamSim) -> &'static [Branch] {
    const fn alone(backbone: Backbone, with_patches: bool) -> Branch {
        Branch { backbone, with_patches, others: &[] }
    }
    const fn of_three(backbone: Backbone, others: &'static [&'static str; 2]) -> Branch {
        Branch { backbone, with_patches: false, others }
    }
    match model {
        DreamSim::Ensemble => {
            const {
                &[
                    of_three(Backbone::DinoVitb16, &["extractor_list.1.", "extractor_list.2."]),
                    of_three(Backbone::ClipVitb16, &["extractor_list.0.", "extractor_list.2."]),
                    of_three(Backbone::OpenClipVitb16, &["extractor_list.0.", "extractor_list.1."]),
                ]
            }
        }
        DreamSim::DinoVitb16 => const { &[alone(Backbone::DinoVitb16, false)] },
        DreamSim::DinoVitb16Patch => const { &[alone(Backbone::DinoVitb16, true)] },
        DreamSim::Dinov2Vitb14 => const { &[alone(Backbone::Dinov2Vitb14, false)] },
        DreamSim::Dinov2Vitb14Patch => const { &[alone(Backbone::Dinov2Vitb14, true)] },
        DreamSim::ClipVitb32 => const { &[alone(Backbone::ClipVitb32, false)] },
        DreamSim::OpenClipVitb32 => const { &[alone(Backbone::OpenClipVitb32, false)] },
        DreamSim::SynclrVitb16 => const { &[alone(Backbone::SynclrVitb16, false)] },
    }
}

/// What an adapter calls the layer that it changes in block `block` of encoder `encoder`.
pub(super) fn adapted(encoder: usize, block: usize) -> String {
    format!("extractor_list.{encoder}.model.blocks.{block}.attn.qkv")
}

impl Backbone {
    /// In results, and in messages.
    fn name(self) -> FamilyName {
        let (id, title, references): (_, _, &[_]) = match self {
            Self::DinoVitb16 => {
                ("dreamsim-dino", "DreamSim's DINO", &["fu2023dreamsim", "caron2021dino"])
            }
            Self::Dinov2Vitb14 => {
                ("dreamsim-dinov2", "DreamSim's DINOv2", &["fu2023dreamsim", "oquab2024dinov2"])
            }
            Self::ClipVitb16 | Self::ClipVitb32 => {
                ("dreamsim-clip", "DreamSim's CLIP", &["fu2023dreamsim", "radford2021clip"])
            }
            Self::OpenClipVitb16 | Self::OpenClipVitb32 => (
                "dreamsim-open-clip",
                "DreamSim's open_clip",
                &["fu2023dreamsim", "ilharco2021openclip"],
            ),
            Self::SynclrVitb16 => {
                ("dreamsim-synclr", "DreamSim's SynCLR", &["fu2023dreamsim", "tian2024synclr"])
            }
        };
        FamilyName { id, title, references }
    }

    /// Where its weights lie in the folder, the first that is there being taken. PyTorch's hub keeps
    /// what it fetches in a folder of its own.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::DinoVitb16 => {
                &["checkpoints/dino_vitbase16_pretrain.pth", "dino_vitbase16_pretrain.pth"]
            }
            Self::Dinov2Vitb14 => {
                &["checkpoints/dinov2_vitb14_pretrain.pth", "dinov2_vitb14_pretrain.pth"]
            }
            Self::ClipVitb16 => &["clip_vitb16_pretrain.pth.tar"],
            Self::ClipVitb32 => &["clip_vitb32_pretrain.pth.tar"],
            Self::OpenClipVitb16 => &["open_clip_vitb16_pretrain.pth.tar"],
            Self::OpenClipVitb32 => &["open_clip_vitb32_pretrain.pth.tar"],
            Self::SynclrVitb16 => &["synclr_vit_b_16.pth"],
        }
    }

    /// Where its weights are published; `None` if they are in the archive of the model.
    fn url(self) -> Option<&'static str> {
        match self {
            Self::DinoVitb16 => Some(concat!(
                "https://dl.fbaipublicfiles.com/dino/dino_vitbase16_pretrain/",
                "dino_vitbase16_pretrain.pth"
            )),
            Self::Dinov2Vitb14 => Some(
                "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
            ),
            _ => None,
        }
    }

    /// Whether it is a CLIP: a norm stands before its blocks, and its class token is projected.
    fn is_clip(self) -> bool {
        !matches!(self, Self::DinoVitb16 | Self::Dinov2Vitb14 | Self::SynclrVitb16)
    }
}

impl Branch {
    /// The file of its weights in a folder, if it is there.
    pub(super) fn file_in(&self, folder: &Path) -> Option<PathBuf> {
        let files = self.backbone.files().iter().map(|name| folder.join(name));
        files.into_iter().find(|path| path.is_file())
    }

    /// What is said where there is none.
    pub(super) fn missing(&self, model: DreamSim, folder: &Path) -> DreamSimError {
        let files = self.backbone.files().iter().map(|name| format!("`{name}`"));
        // The archive has a file of nearly the same name.
        let note = (self.backbone == Backbone::DinoVitb16).then_some(
            "`dino_vitb16_pretrain.pth` of the archive is another file, of which no model of \
             DreamSim uses anything",
        );
        DreamSimError::NoBackbone {
            model,
            folder: folder.to_owned(),
            files: files.collect::<Vec<_>>().join(" or "),
            url: self.backbone.url().map_or_else(|| model.url(), str::to_owned),
            note,
        }
    }

    /// Which of several dictionaries in its file it is.
    pub(super) fn part(&self) -> Option<&'static str> {
        (self.backbone == Backbone::SynclrVitb16).then_some("model.visual")
    }

    fn block(&self, i: usize) -> BlockNames {
        let name = |part: &str| format!("blocks.{i}.{part}");
        let scale = |part: &str| (self.backbone == Backbone::Dinov2Vitb14).then(|| name(part));
        BlockNames {
            attention_scale: scale("ls1.gamma"),
            mlp_scale: scale("ls2.gamma"),
            ..BlockNames::plain(
                ["norm1", "norm2"].map(name),
                &[name("attn.qkv")],
                &name("attn.proj"),
                ["mlp.fc1", "mlp.fc2"].map(name),
            )
        }
    }

    /// Class token and positions, the latter brought to the image as DINO's code does it.
    fn embedding(&self, layers: &Layers<'_>) -> Result<Embedding, WeightsError> {
        let (a, spread) = (layers.architecture, Init::TruncatedNormal(0.02));
        let patch = layers.patches("patch_embed.proj", spread, Some(Init::Zeros))?;
        let mut prefix = layers.tensor("cls_token", &[1, 1, a.channels], spread)?;
        let (of_class, positions) =
            layers.positions("pos_embed", 1, spread, Resizing::BicubicTenth)?;
        add(&mut prefix, &of_class);
        // The package puts CLIP's first norm where DINO's code has a dropout.
        let norm = self.backbone.is_clip().then(|| layers.norm("pos_drop")).transpose()?;
        Ok(Embedding { norm, ..Embedding::new(a, patch, prefix, positions) })
    }

    /// The class token of the last block; of a CLIP, normed and projected.
    fn head(&self, layers: &Layers<'_>) -> Result<Head, WeightsError> {
        if !self.backbone.is_clip() {
            return Ok(Head::without_norm(Pooling::ClassToken));
        }
        let Architecture { channels, last_channels, .. } = *layers.architecture;
        let spread = Init::Normal(libm::pow(channels as f64, -0.5));
        let stored = layers.tensor("proj", &[channels, last_channels], spread)?;
        // [channels, projection] -> [projection, channels]
        let weight = (0..last_channels)
            .flat_map(|p| stored[p..].iter().step_by(last_channels).copied())
            .collect();
        let projection = Some(Linear::new(weight, None, channels, Precision::F32));
        Ok(Head {
            projection: projection.map(Into::into),
            ..Head::new(layers.norm("norm")?, Pooling::ClassToken)
        })
    }
}

impl Family for Branch {
    fn name(&self) -> FamilyName {
        self.backbone.name()
    }

    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError> {
        let weights = folder.weights()?;
        let path = &folder.config.file().path;
        let axis = |name: &str, axis: usize| {
            let length = weights.shape(name).and_then(|shape| shape.get(axis).copied());
            length.filter(|n| *n > 0).ok_or_else(|| ConfigError::NoTensor {
                path: path.clone(),
                model: self.name().to_string(),
                tensor: name.to_owned(),
            })
        };
        let is_clip = self.backbone.is_clip();
        let channels = axis("patch_embed.proj.weight", 0)?;
        let patch_size = axis("patch_embed.proj.weight", 2)?;
        let stored = axis("pos_embed", 1)? - 1;
        let (pooling, last_channels) = match (is_clip, self.with_patches) {
            (true, _) => (PoolingKind::ClassToken, axis("proj", 1)?),
            (false, true) => (PoolingKind::ClassAndPatchMean, 2 * channels),
            (false, false) => (PoolingKind::ClassToken, channels),
        };
        let is_quick = matches!(self.backbone, Backbone::ClipVitb16 | Backbone::ClipVitb32);
        let architecture = Architecture {
            channels,
            mlp_channels: axis("blocks.0.mlp.fc1.weight", 0)?,
            blocks: BLOCKS,
            heads: HEADS,
            patch_size,
            image_size: IMAGE_SIZE,
            position_grid: stored.isqrt(),
            pooling,
            last: if is_clip { Stage::Projection } else { Stage::Output },
            last_channels,
            activation: if is_quick { Activation::QuickGelu } else { Activation::Gelu },
            layer_norm_eps: if is_clip { 1e-5 } else { 1e-6 },
            ..Architecture::plain(self.name())
        };
        Ok((architecture.validate(path)?, Vec::new()))
    }

    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError> {
        let pixels = if self.backbone.is_clip() { CLIP_PIXELS } else { IMAGENET };
        let file = folder.config.file().clone();
        let preprocessing = squashed(architecture.image_size, pixels);
        let (path, defaults_used) = (file.path.clone(), Vec::new());
        Ok((Recipe { preprocessing, path, defaults_used }, file))
    }

    fn tensors(&self, architecture: &Architecture, _: &Weights) -> Vec<String> {
        let mut names: Vec<String> =
            ["cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"]
                .map(str::to_owned)
                .to_vec();
        // The last norm of what is no CLIP is there, and what is compared stands before it.
        names.extend(norm_tensors("norm", NormKind::Layer));
        if self.backbone.is_clip() {
            names.extend(norm_tensors("pos_drop", NormKind::Layer));
            names.push("proj".to_owned());
        }
        if self.backbone == Backbone::Dinov2Vitb14 {
            // Of training alone.
            names.push("mask_token".to_owned());
        }
        let block = |i| self.block(i).tensors(NormKind::Layer);
        names.extend((0..architecture.blocks).flat_map(block));
        names
    }

    fn tower_names(&self) -> Option<TowerNames> {
        Some(TowerNames { anchors: &["patch_embed.proj.weight"], own: &[""], in_memory: &[] })
    }

    fn outside(&self) -> &'static [&'static str] {
        self.others
    }

    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError> {
        let embedding = self.embedding(layers)?;
        let init = BlockInit::all(Init::TruncatedNormal(0.02));
        let blocks = layers.blocks(init, |i| self.block(i))?;
        let transformer = Transformer::new(embedding, blocks, self.head(layers)?);
        let (with_patches, is_normalized) =
            (self.with_patches, layers.architecture.unit_projection);
        Ok(Box::new(DreamSimTower { transformer, with_patches, is_normalized }))
    }
}
