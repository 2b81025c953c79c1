//! Vision encoders, one stage at a time.

mod architecture;
mod beside;
mod block;
mod catalogue;
mod clip;
mod embedding;
mod head;
mod activation_buffer;
mod keys;
mod layers;
mod linear;
mod norm;
mod open_clip;
mod precision;
mod siglip;
mod forward;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use activation_buffer::{Encoded, Spilled, SpilledImages};
pub use alignscope_kernel::{Activation, Precision};
pub use architecture::{Architecture, ConfigError, ConfigFile, Family};
pub use beside::BesideError;
use block::{Block, Scratch};
pub use catalogue::{Known, known_models};
use embedding::Embedding;
pub use forward::{encode_spilled, encode_stages, passes};
use head::Head;
use layers::{Layers, OUTSIDE_OF_TRANSFORMERS, no_other_tensors, tower_prefix};
pub use precision::PrecisionChoice;
pub use tokens::{Selected, Tokens};

use crate::hub::{Hub, HubError, HubSettings};
use crate::input_file::HashedPath;
use crate::model_spec::{ModelSource, ModelSpec, ProjectionForm};
use crate::preprocess::{PreprocessError, Preprocessing};
use crate::progress::Progress;
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
    parts: Parts,
    /// Whether the blocks are fed the bare patch embedding, as the study did with BiomedCLIP.
    bare_patches: bool,
    /// Working memory that no thread uses at present.
    idle: Mutex<Vec<Scratch>>,
}

/// The layers of an encoder.
#[derive(Debug)]
struct Parts {
    embedding: Embedding,
    blocks: Vec<Block>,
    head: Head,
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
        let config = folder.join("config.json");
        let open_clip = folder.join("open_clip_config.json");
        let is_open_clip = match Needed::in_folder(folder) {
            Some(needed) => needed.format == Format::OpenClip,
            // Whichever has a configuration says what it lacks.
            None => open_clip.is_file() && !config.is_file(),
        };
        let (config, (architecture, mut defaults_used), recipe, weights) = match is_open_clip {
            false => {
                let config = ConfigFile::read(&config)?;
                let architecture = Architecture::read_transformers(&config)?;
                let family = architecture.0.family;
                let recipe = Preprocessing::from_folder(folder, family.processor())?;
                let weights = Weights::open_transformers(folder)?;
                let projection = "visual_projection.weight";
                let has_projection = family == Family::Siglip || weights.contains(projection);
                // An adapter around the model is told as such below.
                let wrapped = weights.names().iter().any(|n| n.starts_with("base_model."));
                if !has_projection && !wrapped {
                    weights.check_absent(projection)?;
                }
                let tower = tower_prefix(&weights);
                let read = match family {
                    Family::Siglip => siglip::tensors(&architecture.0, tower),
                    _ => clip::tensors(&architecture.0, tower),
                };
                let path = &config.file().path;
                no_other_tensors(&weights, &read, &OUTSIDE_OF_TRANSFORMERS, path, &family)?;
                if !has_projection {
                    return Err(EncoderError::NoProjection { folder: folder.to_owned(), family });
                }
                (config, architecture, recipe, weights)
            }
            true => {
                let weights = Weights::open_open_clip(folder)?;
                let config = ConfigFile::read(&open_clip)?;
                let architecture = Architecture::read_open_clip(&config, &weights)?;
                let size = architecture.0.image_size;
                let recipe = Preprocessing::from_open_clip(config.object(), &open_clip, size)?;
                let recipe = (recipe, config.file().clone());
                (config, architecture, recipe, weights)
            }
        };
        let (recipe, recipe_file) = recipe;
        defaults_used.extend(recipe.defaults_used);
        let mut files = vec![config.file().clone()];
        if recipe_file != files[0] {
            files.push(recipe_file);
        }
        files.extend(weights.index().cloned());
        files.extend(weights.files());
        let preprocessing = recipe.preprocessing;
        let (precision, bare_patches) = (Precision::F32, false);
        Self { architecture, preprocessing, files, defaults_used, precision, bare_patches, weights }
            .checked()
    }

    /// The untrained control: the architecture and preprocessing of a known model, with random
    /// weights drawn from `seed` as its training would have begun.
    ///
    /// # Errors
    /// [`EncoderError::Unknown`] where `id` is not in the catalogue.
    pub fn untrained(id: &str, seed: u64) -> Result<Self, EncoderError> {
        let known = Known::find(id).ok_or_else(|| EncoderError::Unknown {
            id: id.to_owned(),
            known: known_models().iter().map(|k| k.id).collect::<Vec<_>>().join(", "),
        })?;
        Self {
            architecture: known.architecture(),
            preprocessing: known.preprocessing(),
            files: Vec::new(),
            defaults_used: Vec::new(),
            precision: Precision::F32,
            bare_patches: false,
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
        match self.architecture.family {
            Family::TimmVit | Family::TimmVitMean => Ok(Self { bare_patches: true, ..self }),
            family => Err(EncoderError::NotPublished { family }),
        }
    }

    /// Whether the blocks are fed the bare patch embedding (`@bare-patches`).
    pub fn has_bare_patches(&self) -> bool {
        self.bare_patches
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
        let parts = match architecture.family {
            Family::Clip | Family::ChineseClip => clip::load(&layers)?,
            Family::Siglip => siglip::load(&layers)?,
            Family::OpenClip => open_clip::load_clip(&layers)?,
            Family::TimmVit | Family::TimmVitMean => open_clip::load_timm(&layers)?,
        };
        Ok(Self {
            architecture: architecture.clone(),
            preprocessing: preprocessing.clone(),
            precision,
            parts,
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
        let tokens = match stage {
            Stage::Projection => 1,
            _ if self.bare_patches => self.architecture.patches(),
            _ => self.architecture.tokens(),
        };
        [tokens, self.architecture.channels_at(stage)]
    }

    /// Whether the first token of every stage but the projection is a class token.
    pub fn has_class_token(&self) -> bool {
        self.architecture.class_token && !self.bare_patches
    }

    /// Tokens before the patches at every stage but the projection: the class token, if there is
    /// one.
    pub fn prefix_tokens(&self) -> usize {
        usize::from(self.has_class_token())
    }

    /// Numbers in a preprocessed image: `3 · size · size`.
    pub fn pixels_len(&self) -> usize {
        3 * self.architecture.image_size * self.architecture.image_size
    }

    /// Bytes of weights and of the working memory of `threads` threads.
    pub fn resident_bytes(&self, threads: usize) -> usize {
        let blocks = &self.parts.blocks;
        let weights: usize = blocks.iter().map(Block::bytes).sum::<usize>()
            + self.parts.embedding.patch.bytes()
            + size_of_val(self.parts.embedding.positions.as_slice())
            + self.parts.head.bytes();
        let tokens = self.architecture.tokens();
        let rows = self.images_at_a_time() * tokens;
        let scratch = blocks.first().map_or(0, |block| block.scratch_bytes(rows, tokens))
            + size_of::<f32>() * self.pixels_len();
        weights + threads * scratch
    }

    /// Bytes that each image of a resident set holds: its activations and its projection.
    pub fn bytes_per_image(&self) -> usize {
        let a = &self.architecture;
        size_of::<f32>() * (a.tokens() * a.channels + a.projection)
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
    #[error("this model ({family}) has no class token; use `--tokens all`, `patches` or `mean`")]
    NoClassToken {
        /// The model's family.
        family: Family,
    },
    /// A CLIP tower that was saved without its projection.
    #[error(
        "{folder} holds a {family} tower without its projection (no tensor \
         `visual_projection.weight`, as in `{}VisionModel`); expected {}",
        class(*family),
        match family {
            Family::ChineseClip => "the whole `ChineseCLIPModel`",
            _ => "the whole `CLIPModel`, or `CLIPVisionModelWithProjection`",
        }
    )]
    NoProjection {
        /// The folder.
        folder: PathBuf,
        /// The model's family.
        family: Family,
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
        family: Family,
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

/// How the names of a family's classes begin in transformers.
fn class(family: Family) -> &'static str {
    match family {
        Family::ChineseClip => "ChineseCLIP",
        _ => "CLIP",
    }
}
