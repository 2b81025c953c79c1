//! The models whose architecture and preprocessing are known without their files.

use super::architecture::{Architecture, Family};
use crate::kernel::Activation;
use crate::preprocess::{CropRounding, Normalize, Preprocessing, Resample, Resize};

/// A model of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id on the hub.
    pub id: &'static str,
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

/// Mean and standard deviation of the pixels that OpenAI's CLIPs were trained on, of
/// `preprocessor_config.json` in their repositories.
const CLIP_MEAN: [f64; 3] = [0.48145466, 0.4578275, 0.40821073];
const CLIP_STD: [f64; 3] = [0.26862954, 0.26130258, 0.27577711];

const MODELS: [Known; 4] = [
    Known::clip("openai/clip-vit-base-patch32", Size::Base, 32, 224),
    Known::clip("openai/clip-vit-base-patch16", Size::Base, 16, 224),
    Known::clip("openai/clip-vit-large-patch14", Size::Large, 14, 224),
    Known::clip("openai/clip-vit-large-patch14-336", Size::Large, 14, 336),
];

/// The models of the catalogue, in the order of the study.
pub fn known_models() -> &'static [Known] {
    &MODELS
}

impl Known {
    const fn clip(id: &'static str, size: Size, patch_size: usize, image_size: usize) -> Self {
        Self { id, size, patch_size, image_size }
    }

    /// The model `id`.
    pub fn find(id: &str) -> Option<&'static Self> {
        MODELS.iter().find(|known| known.id == id)
    }

    /// Its sizes, as its `config.json` has them.
    pub fn architecture(&self) -> Architecture {
        let (channels, blocks, heads, projection) = match self.size {
            Size::Base => (768, 12, 12, 512),
            Size::Large => (1024, 24, 16, 768),
        };
        Architecture {
            family: Family::Clip,
            channels,
            mlp_channels: 4 * channels,
            blocks,
            heads,
            patch_size: self.patch_size,
            image_size: self.image_size,
            projection,
            activation: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
        }
    }

    /// Its preprocessing, as its `preprocessor_config.json` has it.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            resize: Some(Resize::ShortestEdge(self.image_size)),
            resample: Resample::Bicubic,
            crop: Some((self.image_size, self.image_size)),
            crop_rounding: CropRounding::Floor,
            rescale_factor: Some(1.0 / 255.0),
            normalize: Some(Normalize { mean: CLIP_MEAN, std: CLIP_STD }),
        }
    }
}
