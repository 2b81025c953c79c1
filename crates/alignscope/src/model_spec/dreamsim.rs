//! DreamSim's models, by the names of their authors.

use std::path::{Path, PathBuf};

use super::{ModelSpecError, folder_at};

/// A model of DreamSim (Fu et al. 2023): one encoder, or three, with an adapter that was trained on
/// NIGHTS. Its distance of two images is a baseline; a single model is an encoder with stages too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DreamSim {
    /// DINO, CLIP and open_clip B/16 together.
    Ensemble,
    /// DINO B/16.
    DinoVitb16,
    /// The same, trained on its class token and the mean of its patches.
    DinoVitb16Patch,
    /// DINOv2 B/14.
    Dinov2Vitb14,
    /// The same, trained on its class token and the mean of its patches.
    Dinov2Vitb14Patch,
    /// CLIP B/32.
    ClipVitb32,
    /// open_clip's B/32.
    OpenClipVitb32,
    /// SynCLR B/16.
    SynclrVitb16,
}

impl DreamSim {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ensemble,
        Self::DinoVitb16,
        Self::DinoVitb16Patch,
        Self::Dinov2Vitb14,
        Self::Dinov2Vitb14Patch,
        Self::ClipVitb32,
        Self::OpenClipVitb32,
        Self::SynclrVitb16,
    ];

    /// The name of its distance on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ensemble => "dreamsim",
            Self::DinoVitb16 => "dreamsim-dino-vitb16",
            Self::DinoVitb16Patch => "dreamsim-dino-vitb16-patch",
            Self::Dinov2Vitb14 => "dreamsim-dinov2-vitb14",
            Self::Dinov2Vitb14Patch => "dreamsim-dinov2-vitb14-patch",
            Self::ClipVitb32 => "dreamsim-clip-vitb32",
            Self::OpenClipVitb32 => "dreamsim-open-clip-vitb32",
            Self::SynclrVitb16 => "dreamsim-synclr-vitb16",
        }
    }

    /// What the package `dreamsim` calls it: its `dreamsim_type`, with `_patch` behind it where
    /// `use_patch_model` is true.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Ensemble => "ensemble",
            Self::DinoVitb16 => "dino_vitb16",
            Self::DinoVitb16Patch => "dino_vitb16_patch",
            Self::Dinov2Vitb14 => "dinov2_vitb14",
            Self::Dinov2Vitb14Patch => "dinov2_vitb14_patch",
            Self::ClipVitb32 => "clip_vitb32",
            Self::OpenClipVitb32 => "open_clip_vitb32",
            Self::SynclrVitb16 => "synclr_vitb16",
        }
    }

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Ensemble => "DreamSim's ensemble of DINO, CLIP and open_clip B/16",
            Self::DinoVitb16 => "DreamSim on DINO B/16",
            Self::DinoVitb16Patch => "DreamSim on DINO B/16, class token and mean of patches",
            Self::Dinov2Vitb14 => "DreamSim on DINOv2 B/14",
            Self::Dinov2Vitb14Patch => "DreamSim on DINOv2 B/14, class token and mean of patches",
            Self::ClipVitb32 => "DreamSim on CLIP B/32",
            Self::OpenClipVitb32 => "DreamSim on open_clip's B/32",
            Self::SynclrVitb16 => "DreamSim on SynCLR B/16",
        }
    }

    /// The folder of its adapter, in that of the weights.
    pub(crate) fn adapter(self) -> &'static str {
        match self {
            Self::Ensemble => "ensemble_lora",
            Self::DinoVitb16 => "dino_vitb16_single_lora",
            Self::DinoVitb16Patch => "dino_vitb16_patch_lora",
            Self::Dinov2Vitb14 => "dinov2_vitb14_single_lora",
            Self::Dinov2Vitb14Patch => "dinov2_vitb14_patch_lora",
            Self::ClipVitb32 => "clip_vitb32_single_lora",
            Self::OpenClipVitb32 => "open_clip_vitb32_single_lora",
            Self::SynclrVitb16 => "synclr_vitb16_single_lora",
        }
    }

    /// Where its archive is published, as the package's version 0.2.1 has it.
    pub fn url(self) -> String {
        let release = match self {
            Self::Ensemble | Self::DinoVitb16 | Self::ClipVitb32 | Self::OpenClipVitb32 => "v0.2.0",
            _ => "v0.2.1",
        };
        format!(
            "https://github.com/ssundaram21/dreamsim/releases/download/{release}-checkpoints/{}",
            self.archive()
        )
    }

    /// The name of its archive.
    pub(crate) fn archive(self) -> String {
        format!("dreamsim_{}_checkpoint.zip", self.type_name())
    }

    /// Whether it is one encoder alone.
    pub fn is_single(self) -> bool {
        self != Self::Ensemble
    }
}

choice!(DreamSim, "baseline");

/// Reads `FOLDER#TYPE`, which is all of `name` but for `@bare-patches`; `None` if no folder stands
/// before a `#`.
///
/// # Errors
/// There is no model of that type.
pub(super) fn read(
    name: &str,
    rest: &str,
    base: Option<&Path>,
) -> Result<Option<(PathBuf, DreamSim)>, ModelSpecError> {
    let Some((folder, found)) = split(rest) else { return Ok(None) };
    let Some(folder) = folder_at(folder, base) else { return Ok(None) };
    let model = DreamSim::ALL.into_iter().find(|model| model.type_name() == found);
    match model {
        Some(model) => Ok(Some((folder, model))),
        None => {
            let types = DreamSim::ALL.iter().filter(|model| model.is_single());
            let types = types.map(|model| format!("`{}`", model.type_name()));
            let expected = types.collect::<Vec<_>>().join(", ");
            let (name, found) = (name.to_owned(), found.to_owned());
            Err(ModelSpecError::DreamSim { name, found, expected })
        }
    }
}

/// Whether a text is the name of a folder that is there, with `#TYPE` behind it.
pub(super) fn is_there(text: &str, base: Option<&Path>) -> bool {
    split(text).is_some_and(|(folder, _)| folder_at(folder, base).is_some())
}

fn split(text: &str) -> Option<(&str, &str)> {
    text.rsplit_once('#').filter(|(folder, _)| !folder.is_empty())
}
