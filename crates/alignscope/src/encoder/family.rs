//! What a family of encoders has to say.

use std::cell::OnceCell;
use std::fmt;
use std::path::{Path, PathBuf};

use super::EncoderError;
use super::architecture::{Architecture, FamilyName};
use super::catalogue::Known;
use super::config::{ConfigError, ConfigFile};
use super::layers::{Layers, no_other_tensors};
use super::tower::Tower;
use crate::input_file::HashedPath;
use crate::preprocess::{PreprocessError, Recipe};
use crate::weights::{Adapter, Format, TowerNames, Weights, WeightsError};

#[cfg(test)]
mod example;

/// A family of encoders: it recognises a checkpoint, reads its sizes, says how images are brought
/// to it, and makes layers of its tensors.
///
/// Its file is beside `clip.rs`, its line in `families.rs`; nothing else asks which family a model
/// is of. [`Layers`] reads the parts that vision transformers share; a family names the tensors.
///
/// A checkpoint is opened in this order, so that a model that is not supported is refused before
/// its weights are hashed: [`recognises`](Self::recognises), [`architecture`](Self::architecture),
/// [`preprocessing`](Self::preprocessing), [`check_tensors`](Self::check_tensors); and when it is
/// to encode, [`load`](Self::load).
///
/// A whole family, which is compiled and encodes images in a test (`family/example.rs`):
#[doc = concat!("```text\n", include_str!("family/example.rs"), "\n```")]
pub(super) trait Family: fmt::Debug + Sync {
    /// What it is called.
    fn name(&self) -> FamilyName;

    /// The `model_type`s of transformers that are of this family.
    fn model_types(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a configuration is of this family: of those that say so, the first of the list. It
    /// need not be sound: what is wrong with it is an error of [`architecture`](Self::architecture).
    fn recognises(&self, config: &ConfigFile) -> bool {
        config.model_type().is_some_and(|found| self.model_types().contains(&found))
    }

    /// The sizes, and each key that the configuration lacks with the default taken.
    ///
    /// A key that is not known is an error, so that no model is taken for another.
    ///
    /// # Errors
    /// A value that cannot be, or a key or a tensor that makes another model.
    fn architecture(&self, folder: &CheckpointFolder<'_>) -> Result<Sizes, EncoderError>;

    /// How an image is brought to the model, and the file that says so.
    ///
    /// # Errors
    /// The file is missing, or asks for what is not done.
    fn preprocessing(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(Recipe, HashedPath), PreprocessError>;

    /// Whether the model takes images of the size that its preprocessing makes, whatever size its
    /// configuration says, as positions are resized or computed.
    fn resizes_positions(&self, architecture: &Architecture) -> bool {
        let _ = architecture;
        false
    }

    /// The names of all tensors that [`load`](Self::load) reads.
    fn tensors(&self, architecture: &Architecture, weights: &Weights) -> Vec<String>;

    /// Which tensor tells where the tower lies in a file that holds more than the model; `None` if it
    /// must stand by itself.
    fn tower_names(&self) -> Option<TowerNames> {
        None
    }

    /// The sizes of a tower that is a part of a language model, which may lack what follows the
    /// tower.
    fn within_another_model(&self, architecture: Architecture, weights: &Weights) -> Architecture {
        let _ = weights;
        architecture
    }

    /// How the names of tensors begin that lie outside of the vision tower.
    fn outside(&self) -> &'static [&'static str];

    /// What messages call a model of this configuration.
    fn model_of(&self, config: &ConfigFile) -> String {
        let _ = config;
        self.name().to_string()
    }

    /// Refuses weights with a tensor that would not be read, or without one that must be there.
    ///
    /// # Errors
    /// Such a tensor.
    fn check_tensors(
        &self,
        folder: &CheckpointFolder<'_>,
        architecture: &Architecture,
    ) -> Result<(), EncoderError> {
        let weights = folder.weights()?;
        let (read, outside) = (self.tensors(architecture, weights), self.outside());
        let (path, model) = (&folder.config.file().path, self.model_of(&folder.config));
        Ok(no_other_tensors(weights, &read, outside, path, &model)?)
    }

    /// Makes the layers. What it says of how an untrained model begins is that model's own rule.
    ///
    /// # Errors
    /// A tensor is missing, or has another shape than the sizes ask for.
    fn load(&self, layers: &Layers<'_>) -> Result<Box<dyn Tower>, WeightsError>;

    /// Its models of the catalogue, which can be had untrained as `random:ID`.
    fn known_models(&self) -> Vec<Known> {
        Vec::new()
    }

    /// Whether it has the variant `@bare-patches`.
    fn has_bare_patches(&self) -> bool {
        false
    }
}

/// Sizes, and each key that a configuration lacks with the default taken.
pub(super) type Sizes = (Architecture, Vec<String>);

/// A checkpoint while it is opened. Its weights are opened, and hashed, when they are first asked
/// for.
#[derive(Debug)]
pub(super) struct CheckpointFolder<'a> {
    /// The folder of configuration and preprocessing.
    pub(super) path: &'a Path,
    pub(super) config: ConfigFile,
    origin: WeightsOrigin<'a>,
    family: Option<&'static dyn Family>,
    weights: OnceCell<Weights>,
}

/// Where the weights of a checkpoint are.
#[derive(Debug, Clone, Default)]
pub(super) struct WeightsOrigin<'a> {
    /// A file, and which of several models in it; `None` for those in the folder of the
    /// configuration.
    pub(super) file: Option<(&'a Path, Option<&'a str>)>,
    /// The folder of an adapter that is merged into them.
    pub(super) adapter: Option<PathBuf>,
}

impl<'a> CheckpointFolder<'a> {
    /// Reads the configuration of a folder of this format, in which the weights lie too.
    #[cfg(test)]
    pub(super) fn open(path: &'a Path, format: Format) -> Result<Self, ConfigError> {
        Self::open_with(path, format, WeightsOrigin::default())
    }

    /// Reads the configuration of a folder of this format.
    pub(super) fn open_with(
        path: &'a Path,
        format: Format,
        origin: WeightsOrigin<'a>,
    ) -> Result<Self, ConfigError> {
        let config = ConfigFile::read(path, format)?;
        Ok(Self { path, config, origin, family: None, weights: OnceCell::new() })
    }

    /// Of a model of the catalogue, whose configuration is known; messages name its weights.
    pub(super) fn of_known(family: &'static dyn Family, origin: WeightsOrigin<'a>) -> Self {
        let path = origin.file.map_or(Path::new(""), |(path, _)| path);
        let config = ConfigFile::of_known(path);
        Self { path, config, origin, family: Some(family), weights: OnceCell::new() }
    }

    /// The same when its family is known.
    pub(super) fn of_family(self, family: &'static dyn Family) -> Self {
        Self { family: Some(family), ..self }
    }

    /// The weights, of which the headers are read.
    pub(super) fn weights(&self) -> Result<&Weights, WeightsError> {
        if let Some(weights) = self.weights.get() {
            return Ok(weights);
        }
        let weights = self.open_weights()?;
        Ok(self.weights.get_or_init(|| weights))
    }

    fn open_weights(&self) -> Result<Weights, WeightsError> {
        let mut weights = match self.origin.file {
            Some((path, part)) => Weights::open_part(path, part)?,
            None => Weights::open(self.path, self.config.format())?,
        };
        let Some(family) = self.family else { return Ok(weights) };
        let tower = family.tower_names();
        if let Some(tower) = &tower {
            weights = weights.within(tower)?;
            if self.origin.file.is_some() {
                weights.check_tower(tower)?;
            }
        }
        let Some(folder) = &self.origin.adapter else { return Ok(weights) };
        let in_memory = tower.map_or(&[][..], |tower| tower.in_memory);
        weights.with_adapter(Adapter::open(folder)?, family.outside(), in_memory)
    }

    /// Its configuration and its weights.
    pub(super) fn into_parts(self) -> Result<(ConfigFile, Weights), WeightsError> {
        self.weights()?;
        let weights = self.weights.into_inner().expect("they were opened in the line before");
        Ok((self.config, weights))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;

    use super::example::Example;
    use super::*;
    use crate::encoder::{Encoder, Precision, encode_stages};

    #[test]
    fn the_family_of_the_doc_comment_encodes_images() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = r#"{"model_type": "example", "hidden_size": 8}"#;
        std::fs::write(folder.path().join("config.json"), config).expect("written");
        let recipe = r#"{"size": {"height": 16, "width": 16}}"#;
        std::fs::write(folder.path().join("preprocessor_config.json"), recipe).expect("written");

        let family = &Example;
        let opened = CheckpointFolder::open(folder.path(), Format::Transformers).expect("read");
        assert!(family.recognises(&opened.config));
        let (architecture, defaults) = family.architecture(&opened).expect("sizes");
        assert_eq!((architecture.tokens(), defaults), (16, vec!["image_size = 16".to_owned()]));
        let (recipe, _) = family.preprocessing(&opened, &architecture).expect("a recipe");
        let (weights, precision) = (Weights::random("example", 0), Precision::F32);
        assert_eq!(family.tensors(&architecture, &weights).len(), 4 + 2 * 12);
        let layers = Layers { weights: &weights, architecture: &architecture, precision };
        let encoder = Encoder {
            tower: family.load(&layers).expect("layers"),
            architecture,
            preprocessing: recipe.preprocessing,
            precision,
            bare_patches: false,
            idle: Mutex::default(),
        };
        let mut shapes = Vec::new();
        encode_stages(
            &encoder,
            2,
            |i, pixels| {
                pixels.iter_mut().enumerate().for_each(|(p, x)| *x = ((p * (i + 3)) as f32).sin());
                Ok::<(), Infallible>(())
            },
            |stage, activations| {
                assert!(activations.values().iter().all(|x| x.is_finite()), "{stage}");
                shapes.push([activations.tokens(), activations.channels()]);
                Ok(())
            },
            |_| Ok(()),
        )
        .expect("encoded");
        assert_eq!(shapes, [[16, 8], [16, 8], [16, 8], [1, 8]]);
    }
}
