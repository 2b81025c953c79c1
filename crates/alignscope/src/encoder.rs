//! Vision encoders, one stage at a time.

mod architecture;
mod activation_buffer;
mod aimv2;
mod attention;
mod beit;
mod beside;
mod block;
mod catalogue;
mod clip;
mod config;
mod convnet;
mod convnext;
mod convolution;
mod convolutional;
mod dinov2;
mod dinov3;
mod embedding;
mod families;
mod family;
mod forward;
mod head;
mod keys;
mod layers;
mod linear;
mod mlp;
mod norm;
mod open_clip;
mod plain_convnet;
mod positions;
mod precision;
mod relative_bias;
mod resnet;
mod rotary;
mod scratch;
mod siglip;
mod timm;
mod timm_folder;
mod tokens;
mod tower;
mod transformer;
mod vit;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

pub use activation_buffer::{Encoded, Spilled, SpilledImages};
pub use alignscope_kernel::{Activation, Precision};
pub use architecture::{Architecture, FamilyName, PoolingKind};
pub use beside::BesideError;
pub use catalogue::Known;
pub use config::ConfigError;
pub use convolutional::Convolutional;
pub use families::known_models;
use family::{CheckpointFolder, Family};
pub use forward::{encode_spilled, encode_stages, passes};
use layers::Layers;
pub use norm::NormKind;
pub use precision::PrecisionChoice;
pub use rotary::{Places, RotaryPositions};
use scratch::Scratch;
pub use tokens::{Selected, Tokens};
use tower::Tower;

use crate::hub::{Hub, HubError, HubSettings, PATIENCE};
use crate::input_file::HashedPath;
use crate::model_spec::{ModelSource, ModelSpec, ProjectionForm};
use crate::preprocess::{PreprocessError, Preprocessing};
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::stage::Stage;
use crate::weights::{Format, Needed, Weights, WeightsError};

/// A vision encoder: embedding, blocks and projection, with the preprocessing it was trained on.
///
/// Weights are packed for the precision of its products. Its methods may be called from many threads at once.
#[derive(Debug)]
pub struct Encoder {
    architecture: Architecture,
    preprocessing: Preprocessing,
    precision: Precision,
    tower: Box<dyn Tower>,
    /// Whether the blocks are fed the bare patch embedding, as the study did with BiomedCLIP.
    bare_patches: bool,
    /// Working memory that no thread uses at present.
    idle: Mutex<Vec<Scratch>>,
}

/// Rows of activations that go through a layer at a time: enough that the product's own
/// preparations cost little, few enough that they stay near the processor.
const ROWS_AT_A_TIME: usize = 520;

/// What an encoder is made of, checked, before its tensors are read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The sizes of the model.
    pub architecture: Architecture,
    /// How an image is brought to the model.
    pub preprocessing: Preprocessing,
    /// The files that weights and configuration are read from, with the hashes of what was read;
    /// none for an untrained model.
    pub files: Vec<HashedPath>,
    /// Keys that the configuration lacks, each with the default taken.
    pub defaults_used: Vec<String>,
    /// In which arithmetic its layers multiply: f32, until it is changed.
    pub precision: Precision,
    /// Whether the blocks are fed the bare patch embedding (`@bare-patches`).
    bare_patches: bool,
    family: &'static dyn Family,
    weights: Weights,
}

impl Checkpoint {
    /// The checkpoint of a model as users name it, with the form of projection and the tokens that
    /// they ask for; none for `pixels`. A model of the hub that is not in the cache is fetched.
    ///
    /// # Errors
    /// As for [`Hub::model`], [`open`](Self::open), [`untrained`](Self::untrained) and
    /// [`bare_patches`](Self::bare_patches); or the model has no class token, which is asked for.
    pub fn of(
        model: &ModelSpec,
        projection: Option<ProjectionForm>,
        tokens: Tokens,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, EncoderError> {
        let ModelSpec::Encoder { source, bare_patches } = model else { return Ok(None) };
        let mut checkpoint = match source {
            ModelSource::Random { id, seed } => Self::untrained(id, *seed)?,
            ModelSource::Folder(folder) => Self::open_telling(folder, progress)?,
            ModelSource::Hub(model) => {
                let folder = Hub::new(HubSettings::from_env()).model(model, progress)?;
                Self::open_telling(&folder, progress)?
            }
        };
        if *bare_patches {
            checkpoint = checkpoint.bare_patches()?;
        }
        if let Some(form) = projection {
            checkpoint.architecture.unit_projection = form == ProjectionForm::Unit;
        }
        let class_token = checkpoint.architecture.class_token && !checkpoint.bare_patches;
        if tokens == Tokens::Class && !class_token {
            return Err(EncoderError::NoClassToken { family: checkpoint.architecture.family });
        }
        Ok(Some(checkpoint))
    }

    /// As [`open`](Self::open), and says that it takes its time: all files are hashed.
    fn open_telling(folder: &Path, progress: &dyn Progress) -> Result<Self, EncoderError> {
        progress.begin(&format!("{}: hashing its files", folder.display()), 0);
        let opened = Self::open(folder);
        progress.end();
        opened
    }

    /// Hashes the weights, and reads the small files and the headers in a checkpoint's folder,
    /// which tell its family: `config.json`, `preprocessor_config.json` (or
    /// `processor_config.json`) and the weights of transformers; or `open_clip_config.json` and the
    /// weights of open_clip.
    ///
    /// # Errors
    /// A file is missing or damaged, the model is of another family, or a key, a tensor or another
    /// file of the folder makes another model.
    pub fn open(folder: &Path) -> Result<Self, EncoderError> {
        if !folder.is_dir() {
            return Err(EncoderError::NoFolder { path: folder.to_owned() });
        }
        beside::check(folder)?;
        let format = match Needed::in_folder(folder, families::is_known) {
            Some(needed) => needed.format,
            // Whichever has a configuration says what it lacks.
            None => {
                let is_there = |format: &Format| folder.join(format.config()).is_file();
                let mut formats = [Format::Transformers, Format::OpenClip].into_iter();
                formats.find(is_there).unwrap_or(Format::Transformers)
            }
        };
        let folder = CheckpointFolder::open(folder, format)?;
        let family = families::recognise(&folder.config)?;
        let (mut architecture, mut defaults_used) = family.architecture(&folder)?;
        let (recipe, recipe_file) = family.preprocessing(&folder, &architecture)?;
        if family.resizes_positions(&architecture)
            && let Some((height, width)) = recipe.preprocessing.output_size()
            && height == width
        {
            architecture.image_size = height;
            architecture = architecture.validate(&folder.config.file().path)?;
        }
        family.check_tensors(&folder, &architecture)?;
        let (config, weights) = folder.into_parts()?;
        defaults_used.extend(recipe.defaults_used);
        let mut files = vec![config.file().clone()];
        if recipe_file != files[0] {
            files.push(recipe_file);
        }
        files.extend(weights.index().cloned());
        files.extend(weights.files());
        Self {
            architecture,
            preprocessing: recipe.preprocessing,
            files,
            defaults_used,
            precision: Precision::F32,
            bare_patches: false,
            family,
            weights,
        }
        .checked()
    }

    /// The untrained control: the architecture and preprocessing of a known model, with random
    /// weights drawn from `seed` as its training would have begun.
    ///
    /// # Errors
    /// [`EncoderError::Unknown`] where `id` is not in the catalogue.
    pub fn untrained(id: &str, seed: u64) -> Result<Self, EncoderError> {
        let (family, known) = families::known(id).ok_or_else(|| EncoderError::Unknown {
            id: id.to_owned(),
            known: known_models().iter().map(|k| k.id).collect::<Vec<_>>().join(", "),
        })?;
        Self {
            architecture: known.architecture().clone(),
            preprocessing: known.preprocessing().clone(),
            files: Vec::new(),
            defaults_used: Vec::new(),
            precision: Precision::F32,
            bare_patches: false,
            family,
            weights: Weights::random(id, seed),
        }
        .checked()
    }

    /// The variant of the study's bare_patches curves of BiomedCLIP: the blocks are fed the bare
    /// patch embedding, without class token and positions, while the projection stays the model's
    /// own.
    ///
    /// # Errors
    /// [`EncoderError::NotPublished`] for a model of another family.
    pub fn bare_patches(self) -> Result<Self, EncoderError> {
        match self.family.has_bare_patches() {
            true => Ok(Self { bare_patches: true, ..self }),
            false => Err(EncoderError::NotPublished { family: self.family.name() }),
        }
    }

    /// Whether the blocks are fed the bare patch embedding (`@bare-patches`).
    pub fn has_bare_patches(&self) -> bool {
        self.bare_patches
    }

    /// Whether last digits of its numbers depend on the sizes of the processor's caches.
    pub(crate) fn sums_by_caches(&self) -> bool {
        self.family.sums_by_caches()
    }

    /// The files that tensors are read from, with the hashes of what was read; none for an
    /// untrained model.
    pub fn weight_files(&self) -> Vec<HashedPath> {
        self.weights.files()
    }

    /// The seed of an untrained model's weights.
    pub fn seed(&self) -> Option<u64> {
        self.weights.seed()
    }

    fn checked(self) -> Result<Self, EncoderError> {
        let size = self.architecture.image_size;
        match self.preprocessing.output_size() {
            Some(found) if found == (size, size) => Ok(self),
            found => Err(EncoderError::ImageSize { expected: size, found }),
        }
    }
}

impl Encoder {
    /// Reads the tensors of a checkpoint, or draws them.
    ///
    /// # Errors
    /// A tensor is missing, has another shape than the configuration asks for, or holds a number
    /// that is not finite.
    pub fn load(checkpoint: &Checkpoint) -> Result<Self, EncoderError> {
        let Checkpoint { architecture, preprocessing, weights, .. } = checkpoint;
        let precision = checkpoint.precision;
        let layers = Layers { weights, architecture, precision };
        let tower = checkpoint.family.load(&layers)?;
        Ok(Self {
            architecture: architecture.clone(),
            preprocessing: preprocessing.clone(),
            precision,
            tower,
            bare_patches: checkpoint.bare_patches,
            idle: Mutex::default(),
        })
    }

    /// The sizes of the model.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How an image is brought to the model.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.preprocessing
    }

    /// In which arithmetic its blocks multiply.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The stages, from the embedding to the projection.
    pub fn stages(&self) -> Vec<Stage> {
        self.architecture.stages()
    }

    /// Tokens and channels of an image's activations at `stage`.
    pub fn shape(&self, stage: Stage) -> [usize; 2] {
        let [tokens, channels] = self.architecture.shape_at(stage);
        match self.bare_patches && !matches!(stage, Stage::Projection | Stage::Output) {
            true => [self.architecture.patches(), channels],
            false => [tokens, channels],
        }
    }

    /// Whether the first token of every stage but the last is a class token.
    pub fn has_class_token(&self) -> bool {
        self.architecture.class_token && !self.bare_patches
    }

    /// Tokens before the patches at every stage but the last: the class token, if there is one, and
    /// registers.
    pub fn prefix_tokens(&self) -> usize {
        if self.bare_patches { 0 } else { self.architecture.prefix_tokens() }
    }

    /// Numbers in a preprocessed image: `3 · size · size`.
    pub fn pixels_len(&self) -> usize {
        3 * self.architecture.image_size * self.architecture.image_size
    }

    /// Bytes of weights and of the working memory of `threads` threads.
    pub fn resident_bytes(&self, threads: usize) -> usize {
        let scratch = self.tower.scratch_bytes(self.images_at_a_time())
            + size_of::<f32>() * self.pixels_len();
        self.tower.bytes() + threads * scratch
    }

    /// Bytes that each image of a resident set holds: its activations, with room for its largest
    /// stage, and its projection.
    pub fn bytes_per_image(&self) -> usize {
        size_of::<f32>() * (self.architecture.room() + self.architecture.last_channels)
    }

    /// Images that one thread takes at a time, at most.
    pub(crate) fn images_at_a_time(&self) -> usize {
        (ROWS_AT_A_TIME / self.architecture.tokens()).max(1)
    }

    /// Calls `work` with working memory that is not in use.
    fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let pop = || self.idle.lock().expect("no thread panics while it holds the list").pop();
        let mut scratch = pop().unwrap_or_default();
        let result = work(&mut scratch);
        self.idle.lock().expect("no thread panics while it holds the list").push(scratch);
        result
    }
}

/// An encoder could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// There is no such folder.
    #[error(
        "{path} is not a folder; name a checkpoint's folder, or `random:ID` for an untrained control (see `alignscope list models`)"
    )]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// The id is not in the catalogue.
    #[error("no architecture is known for `{id}`; known are {known}")]
    Unknown {
        /// The id.
        id: String,
        /// The ids of the catalogue.
        known: String,
    },
    /// Preprocessing makes images of another size than the encoder takes.
    #[error(
        "the model takes images of {expected} × {expected} pixels, but its preprocessing makes {}",
        found.map_or("images of varying size".to_owned(), |(h, w)| format!("{h} × {w}"))
    )]
    ImageSize {
        /// Side of the encoder's image.
        expected: usize,
        /// Height and width after preprocessing, where they are fixed.
        found: Option<(usize, usize)>,
    },
    /// The model has no class token.
    #[error("this model ({family}) has no class token")]
    NoClassToken {
        /// The model's family.
        family: FamilyName,
    },
    /// A CLIP tower that was saved without its projection.
    #[error(
        "{folder} holds a {family} tower without its projection (no tensor \
         `visual_projection.weight`, as in `{tower}`); expected {expected}"
    )]
    NoProjection {
        /// The folder.
        folder: PathBuf,
        /// The model's family.
        family: FamilyName,
        /// The class of such a tower.
        tower: &'static str,
        /// The classes that have a projection.
        expected: &'static str,
    },
    /// Another file of the folder makes another model.
    #[error(transparent)]
    Beside(#[from] BesideError),
    /// The variant `@bare-patches` is of another family.
    #[error(
        "`@bare-patches` is how the study ran BiomedCLIP (an open_clip timm ViT), this model is of the family {family}"
    )]
    NotPublished {
        /// The model's family.
        family: FamilyName,
    },
    /// The model cannot be had from the hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The preprocessing cannot be used.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl EncoderError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NoClassToken { .. } => vec![Remedy::OtherTokens],
            _ => vec![],
        }
    }
}

impl Hub {
    /// The hub of these settings.
    pub fn new(settings: HubSettings) -> Self {
        Self::with_patience(settings, PATIENCE)
    }

    /// The same, but a server that says nothing is given up after `patience`, not after 30 seconds.
    pub fn with_patience(settings: HubSettings, patience: Duration) -> Self {
        Self::reading(settings, patience, families::is_known)
    }
}
