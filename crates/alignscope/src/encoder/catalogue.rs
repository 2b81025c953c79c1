//! The models whose architecture and preprocessing are known without their files.

use super::architecture::{Architecture, Family};
use crate::preprocess::{CropRounding, Normalize, Preprocessing, Resample, Resize};
use alignscope_kernel::Activation;

/// A model of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id on the hub.
    pub id: &'static str,
    family: Family,
    size: Size,
    patch_size: usize,
    image_size: usize,
}

/// The published widths of vision transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Base,
    Large,
}

/// Mean and standard deviation of the pixels that OpenAI's CLIPs were trained on; Chinese-CLIP
/// and BiomedCLIP kept them.
const CLIP: Normalize = Normalize {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
};
/// SigLIP's: from −1 to 1.
const HALF: Normalize = Normalize { mean: [0.5; 3], std: [0.5; 3] };

/// The seven encoders of the study, as the configurations in their repositories have them.
const MODELS: [Known; 7] = {
    use Family::{ChineseClip, Clip, Siglip, TimmVit};
    const fn known(
        id: &'static str,
        family: Family,
        size: Size,
        patch_size: usize,
        image_size: usize,
    ) -> Known {
        Known { id, family, size, patch_size, image_size }
    }
    [
        known("openai/clip-vit-base-patch32", Clip, Size::Base, 32, 224),
        known("openai/clip-vit-base-patch16", Clip, Size::Base, 16, 224),
        known("openai/clip-vit-large-patch14", Clip, Size::Large, 14, 224),
        known("openai/clip-vit-large-patch14-336", Clip, Size::Large, 14, 336),
        known("google/siglip-base-patch16-224", Siglip, Size::Base, 16, 224),
        known("OFA-Sys/chinese-clip-vit-base-patch16", ChineseClip, Size::Base, 16, 224),
        known(
            "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
            TimmVit,
            Size::Base,
            16,
            224,
        ),
    ]
};

/// The models of the catalogue, in the order of the study.
pub fn known_models() -> &'static [Known] {
    &MODELS
}

impl Known {
    /// The model `id`.
    pub fn find(id: &str) -> Option<&'static Self> {
        MODELS.iter().find(|known| known.id == id)
    }

    /// Its sizes, as its configuration has them.
    pub fn architecture(&self) -> Architecture {
        let (channels, blocks, heads, projection) = match self.size {
            Size::Base => (768, 12, 12, 512),
            Size::Large => (1024, 24, 16, 768),
        };
        let (activation, layer_norm_eps) = match self.family {
            Family::Siglip => (Activation::GeluTanh, 1e-6),
            Family::TimmVit | Family::TimmVitMean => (Activation::Gelu, 1e-6),
            Family::OpenClip => (Activation::Gelu, 1e-5),
            Family::Clip | Family::ChineseClip => (Activation::QuickGelu, 1e-5),
        };
        Architecture {
            family: self.family,
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            patch_size: self.patch_size,
            image_size: self.image_size,
            class_token: self.family != Family::Siglip,
            projection: match self.family {
                Family::Siglip => channels,
                _ => projection,
            },
            unit_projection: matches!(self.family, Family::Siglip | Family::ChineseClip),
            activation,
            layer_norm_eps,
        }
    }

    /// Its preprocessing, as its processor's configuration has it.
    pub fn preprocessing(&self) -> Preprocessing {
        let size = self.image_size;
        let squashes = matches!(self.family, Family::Siglip | Family::ChineseClip);
        Preprocessing {
            resize: Some(match squashes {
                true => Resize::Exact { height: size, width: size },
                false => Resize::ShortestEdge(size),
            }),
            resample: Resample::Bicubic,
            crop: (!squashes).then_some((size, size)),
            crop_rounding: match self.family {
                Family::TimmVit | Family::TimmVitMean | Family::OpenClip => {
                    CropRounding::HalfToEven
                }
                _ => CropRounding::Floor,
            },
            rescale_factor: Some(1.0 / 255.0),
            normalize: Some(if self.family == Family::Siglip { HALF } else { CLIP }),
        }
    }
}
