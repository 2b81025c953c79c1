//! The models whose architecture and preprocessing are known without their files. Each family
//! lists its own.

use super::architecture::Architecture;
use crate::preprocess::{CropRounding, Normalize, Preprocessing, Resample, Resize};

/// A model of the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its id on the hub.
    pub id: &'static str,
    architecture: Architecture,
    preprocessing: Preprocessing,
}

impl Known {
    /// The model `id`, with what the configurations in its repository say.
    pub(super) fn new(
        id: &'static str,
        architecture: Architecture,
        preprocessing: Preprocessing,
    ) -> Self {
        Self { id, architecture, preprocessing }
    }

    /// Its sizes, as its configuration has them.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Its preprocessing, as its processor's configuration has it.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }
}

/// A published width of vision transformers. The MLP is four times as wide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    pub(super) channels: usize,
    pub(super) blocks: usize,
    pub(super) heads: usize,
    /// Channels of CLIP's projection.
    pub(super) projection: usize,
}

pub(super) const BASE: Width = Width { channels: 768, blocks: 12, heads: 12, projection: 512 };
pub(super) const LARGE: Width = Width { channels: 1024, blocks: 24, heads: 16, projection: 768 };

/// Mean and standard deviation of the pixels that OpenAI's CLIPs were trained on; Chinese-CLIP
/// and BiomedCLIP kept them.
pub(super) const CLIP_PIXELS: Normalize = Normalize {
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
};
/// SigLIP's: from −1 to 1.
pub(super) const HALF: Normalize = Normalize { mean: [0.5; 3], std: [0.5; 3] };

/// ImageNet's mean and standard deviation.
pub(super) const IMAGENET: Normalize =
    Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// The short side to `size`, and the centre of it.
pub(super) fn cropped(size: usize, rounding: CropRounding, normalize: Normalize) -> Preprocessing {
    Preprocessing {
        resize: Some(Resize::ShortestEdge(size)),
        resample: Resample::Bicubic,
        crop: Some((size, size)),
        crop_rounding: rounding,
        rescale_factor: Some(1.0 / 255.0),
        normalize: Some(normalize),
        resize_floats: false,
    }
}

/// Both sides to `size`, whatever the proportion.
pub(super) fn squashed(size: usize, normalize: Normalize) -> Preprocessing {
    Preprocessing {
        resize: Some(Resize::Exact { height: size, width: size }),
        crop: None,
        ..cropped(size, CropRounding::Floor, normalize)
    }
}

/// torchvision's preset for classification: the short side to `size`, bilinear, and the centre of 224
/// pixels.
pub(super) fn of_torchvision(size: usize) -> Preprocessing {
    Preprocessing {
        resize: Some(Resize::ShortestEdge(size)),
        resample: Resample::Bilinear,
        ..cropped(224, CropRounding::HalfToEven, IMAGENET)
    }
}
