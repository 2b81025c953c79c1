//! The list of families, and what is asked of all of them.

use std::path::Path;
use std::sync::LazyLock;

use super::aimv2::Aimv2;
use super::architecture::FamilyName;
use super::beit::Beit;
use super::catalogue::Known;
use super::clip::Clip;
use super::config::{ConfigError, ConfigFile};
use super::convnext::ConvNext;
use super::dinov2::Dinov2;
use super::dinov3::Dinov3;
use super::dreamsim;
use super::family::Family;
use super::open_clip::OpenClip;
use super::open_clip_trunk::TimmTrunk;
use super::plain_convnet::PlainConvNet;
use super::resnet::ResNet;
use super::siglip::Siglip;
use super::timm::TimmVit;
use super::vit::Vit;
use crate::weights::Format;

/// All families. One more is one more line here, and its file; no other place knows which there
/// are. Models are listed in this order.
static FAMILIES: [&dyn Family; 26] = [
    &Clip::OpenAi,
    &Siglip::Fixed,
    &Siglip::NaFlex,
    &Clip::Chinese,
    &Clip::Meta2,
    &OpenClip,
    &ConvNext::Trunk,
    &ResNet::Trunk,
    &TimmTrunk,
    &Dinov2::Plain,
    &Dinov2::Registers,
    &Dinov3,
    &Vit::Plain,
    &Vit::Deit,
    &Vit::Mae,
    &Vit::Ijepa,
    &Beit,
    &Aimv2,
    &ResNet::Transformers,
    &ConvNext::Transformers,
    &ResNet::OpenClip,
    &ResNet::Timm,
    &ConvNext::Timm,
    &PlainConvNet::AlexNet,
    &PlainConvNet::Vgg,
    // All other architectures of timm, which it may not know.
    &TimmVit,
];

/// The family of a configuration.
///
/// # Errors
/// It is of none.
pub(super) fn recognise(config: &ConfigFile) -> Result<&'static dyn Family, ConfigError> {
    find(config).ok_or_else(|| {
        let path = config.file().path.clone();
        let types = FAMILIES.iter().flat_map(|family| family.model_types());
        let known = types.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match config.model_type() {
            None => ConfigError::NoModelType { path, known },
            Some(found) => ConfigError::Unsupported { path, found: found.to_owned(), known },
        }
    })
}

fn find(config: &ConfigFile) -> Option<&'static dyn Family> {
    FAMILIES.into_iter().find(|family| family.recognises(config))
}

/// Whether the `config.json` of a folder is of a family.
pub(super) fn is_known(folder: &Path) -> bool {
    let config = ConfigFile::read(folder, Format::Transformers);
    config.is_ok_and(|config| find(&config).is_some())
}

/// The models of the catalogue, in the order of the study.
pub fn known_models() -> &'static [Known] {
    static KNOWN: LazyLock<Vec<Known>> =
        LazyLock::new(|| FAMILIES.iter().flat_map(|family| family.known_models()).collect());
    &KNOWN
}

/// A family of encoders, as lists show it.
#[derive(Debug, Clone)]
pub struct FamilyEntry {
    /// What it is called.
    pub name: FamilyName,
    /// The `model_type`s of transformers that are of it.
    pub model_types: &'static [&'static str],
    /// Its models of the catalogue.
    pub models: Vec<&'static Known>,
}

/// All families, and their models of the catalogue, in the order of the study.
pub fn families() -> Vec<FamilyEntry> {
    let entry = |family: &&'static dyn Family| {
        let name = family.name();
        let models = known_models().iter().filter(|known| known.architecture().family == name);
        FamilyEntry { name, model_types: family.model_types(), models: models.collect() }
    };
    FAMILIES.iter().map(entry).collect()
}

/// Keys of the papers of a family, by its id in results; none if it is not known.
pub(crate) fn family_references(id: &str) -> &'static [&'static str] {
    let names = FAMILIES.iter().map(|family| family.name()).chain(dreamsim::family_names());
    let mut of_id = names.filter(|name| name.id == id);
    of_id.next().map_or(&[], |name| name.references)
}

/// Keys of the papers of all families.
#[cfg(test)]
pub(crate) fn all_family_references() -> impl Iterator<Item = &'static str> {
    let names = FAMILIES.iter().map(|family| family.name()).chain(dreamsim::family_names());
    names.flat_map(|name| name.references.iter().copied())
}

/// A model of the catalogue, and its family.
pub(super) fn known(id: &str) -> Option<(&'static dyn Family, &'static Known)> {
    let known = known_models().iter().find(|known| known.id == id)?;
    let name = known.architecture().family;
    let family = FAMILIES.into_iter().find(|family| family.name() == name);
    Some((family.expect("a family lists models of its own"), known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_differ_in_name_and_share_no_model_type() {
        for (i, one) in FAMILIES.iter().enumerate() {
            for other in &FAMILIES[..i] {
                assert_ne!(one.name().id, other.name().id);
                assert_ne!(one.name().title, other.name().title);
                let shared = one.model_types().iter().find(|t| other.model_types().contains(t));
                assert_eq!(shared, None, "{other:?} and {one:?}");
            }
            for known in one.known_models() {
                assert_eq!(known.architecture().family, one.name(), "{}", known.id);
            }
        }
    }

    #[test]
    fn a_configuration_of_another_program_is_of_no_family() {
        let folder = tempfile::tempdir().expect("a folder");
        for (config, expected) in [
            (r#"{"model_type": "clip"}"#, true),
            (r#"{"model_type": "siglip_vision_model"}"#, true),
            (r#"{"model_type": "regnet"}"#, false),
            (r#"{"architecture": "vit_base_patch16_clip_224"}"#, true),
            ("[]", false),
            ("{", false),
        ] {
            std::fs::write(folder.path().join("config.json"), config).expect("written");
            assert_eq!(is_known(folder.path()), expected, "{config}");
        }
    }
}
