//! The library of torch that reads a checkpoint.

use std::path::Path;

use super::config::ConfigFile;
use super::{EncoderError, beside, config_format, dreamsim, families};
use crate::model_spec::TorchLibrary;
use crate::weights::{Format, Needed};

/// The library that reads the checkpoint in a folder, whether or not its family is known here;
/// `None` if an adapter or a model of DreamSim lies there.
///
/// # Errors
/// There is no folder, or no configuration in it that can be read; or what lies beside it would make
/// another model of it.
pub fn torch_library(folder: &Path) -> Result<Option<TorchLibrary>, EncoderError> {
    if !folder.is_dir() {
        return Err(EncoderError::NoFolder { path: folder.to_owned() });
    }
    let format = match Needed::in_folder(folder, families::is_known) {
        Some(needed) => Some(needed.format),
        None => config_format(folder),
    };
    if format.is_none() && dreamsim::single_in(folder)?.is_some() {
        return Ok(None);
    }
    if beside::check(folder)? {
        return Ok(None);
    }
    Ok(Some(match format {
        Some(Format::OpenClip) => TorchLibrary::OpenClip,
        // Where there is no configuration, the error says which is missing.
        Some(Format::Transformers) | None => {
            let config = ConfigFile::read(folder, Format::Transformers)?;
            match config.model_type() {
                Some(_) => TorchLibrary::Transformers,
                None => TorchLibrary::Timm,
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_checkpoints_are_of_the_library_that_wrote_them() {
        let families = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families");
        for (name, library) in [
            ("dinov2", TorchLibrary::Transformers),
            ("siglip", TorchLibrary::Transformers),
            ("../clip/base", TorchLibrary::Transformers),
            ("timm_vit", TorchLibrary::Timm),
            ("timm_resnet50", TorchLibrary::Timm),
            ("open_clip", TorchLibrary::OpenClip),
            ("open_clip_resnet", TorchLibrary::OpenClip),
        ] {
            let found = torch_library(&families.join(name)).expect("a checkpoint");
            assert_eq!(found, Some(library), "{name}");
        }
    }

    #[test]
    fn a_folder_without_a_checkpoint_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(torch_library(folder.path()).is_err());
        let none = folder.path().join("none");
        assert!(matches!(torch_library(&none), Err(EncoderError::NoFolder { .. })));
    }
}
