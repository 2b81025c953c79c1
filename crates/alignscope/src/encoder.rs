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
mod dreamsim;
mod embedding;
mod families;
mod family;
mod forward;
mod head;
mod keys;
mod layers;
mod library;
mod linear;
mod mlp;
mod norm;
mod open_clip;
mod open_clip_trunk;
mod plain_convnet;
mod positions;
mod precision;
mod relative_bias;
mod resnet;
mod rotary;
mod scratch;
mod siglip;
mod timm;
mod timm_expected;
mod timm_folder;
mod timm_model;
mod timm_networks;
mod timm_registered;
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
use beside::Base;
pub use beside::BesideError;
pub use catalogue::Known;
pub use config::ConfigError;
pub use convolutional::Convolutional;
pub use dreamsim::DreamSimError;
pub(crate) use dreamsim::normalized_embedding;
#[cfg(test)]
pub(crate) use families::all_family_references;
pub(crate) use families::family_references;
pub use families::{FamilyEntry, families, known_models};
use family::{CheckpointFolder, Family, WeightsOrigin};
pub use forward::{encode_last, encode_spilled, encode_stages, passes};
use layers::Layers;
pub use library::torch_library;
pub use norm::NormKind;
pub use precision::PrecisionChoice;
pub(crate) use precision::check_of;
pub use rotary::{Places, RotaryPositions};
use scratch::Scratch;
pub use tokens::{Prefix, Selected, Tokens};
use tower::Tower;

use crate::hub::{ADAPTER_FILES, Hub, HubError, HubModel, HubSettings, PATIENCE};
use crate::input_file::{ContentHash, HashedPath};
use crate::model_spec::{CheckpointFile, DreamSim, Like, ModelSource, ModelSpec, ProjectionForm};
use crate::preprocess::{PreprocessError, Preprocessing};
use crate::progress::{Progress, Silent};
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
const ROWS_AT_A_TIME: usize = 600;

/// What an encoder is made of, checked, before its tensors are read.
#[derive(Debug)]
pub struct Checkpoint {
    /// The sizes of the model.
    pub architecture: Architecture,
    /// How an image is brought to the model.
    pub preprocessing: Preprocessing,
    /// The files that weights and configuration are read from, with the hashes of what was read;
    /// none for an untrained model of the catalogue.
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
    /// [`bare_patches`](Self::bare_patches); or the model has no class token, or no registers,
    /// which are asked for.
    pub fn of(
        model: &ModelSpec,
        projection: Option<ProjectionForm>,
        tokens: Tokens,
        progress: &dyn Progress,
    ) -> Result<Option<Self>, EncoderError> {
        let ModelSpec::Encoder { source, bare_patches } = model else { return Ok(None) };
        let mut checkpoint = Self::open_source(source, progress)?;
        if *bare_patches {
            checkpoint = checkpoint.bare_patches()?;
        }
        if let Some(form) = projection {
            checkpoint.architecture.unit_projection = form == ProjectionForm::Unit;
        }
        let prefix = checkpoint.architecture.prefix(checkpoint.bare_patches);
        checkpoint.architecture.must_have(tokens, prefix)?;
        Ok(Some(checkpoint))
    }

    /// Hashes the weights, and reads the small files and the headers in a checkpoint's folder,
    /// which tell its family: `config.json`, `preprocessor_config.json` (or
    /// `processor_config.json`) and the weights of transformers; or `open_clip_config.json` and the
    /// weights of open_clip. A LoRA adapter of peft in the folder is merged; the model that it was
    /// trained for lies there too, or is the one that it names.
    ///
    /// # Errors
    /// A file is missing or damaged, the model is of another family, or a key, a tensor or another
    /// file of the folder makes another model.
    pub fn open(folder: &Path) -> Result<Self, EncoderError> {
        Self::open_telling(folder, &Silent)
    }

    /// As [`open`](Self::open), and says that it takes its time: all files are hashed.
    fn open_telling(folder: &Path, progress: &dyn Progress) -> Result<Self, EncoderError> {
        if !folder.is_dir() {
            return Err(EncoderError::NoFolder { path: folder.to_owned() });
        }
        if config_format(folder).is_none()
            && let Some(model) = dreamsim::single_in(folder)?
        {
            return Self::open_dreamsim_alone(model, folder, progress);
        }
        let adapter = beside::check(folder)?.then(|| folder.to_owned());
        let base = match &adapter {
            Some(adapter) if Needed::in_folder(folder, families::is_known).is_none() => {
                Some(Self::base_of(adapter, progress)?)
            }
            _ => None,
        };
        let folder = base.as_deref().unwrap_or(folder);
        hashing(folder, progress, || {
            let format = match Needed::in_folder(folder, families::is_known) {
                Some(needed) => needed.format,
                // Whichever has a configuration says what it lacks.
                None => config_format(folder).or_else(|| odd_config(folder)).ok_or_else(|| {
                    EncoderError::NoCheckpoint {
                        path: folder.to_owned(),
                        instead: instead_of(folder),
                    }
                })?,
            };
            let origin = WeightsOrigin { file: None, adapter };
            Self::of_folder(CheckpointFolder::open_with(folder, format, origin)?)
        })
    }

    /// The folder of the model that the adapter in a folder was trained for; one of the hub is
    /// fetched.
    fn base_of(adapter: &Path, progress: &dyn Progress) -> Result<PathBuf, EncoderError> {
        let folder = match beside::base_model(adapter)? {
            Base::Folder(folder) => folder,
            Base::Hub(model) => Hub::new(HubSettings::from_env()).model(&model, progress)?,
        };
        match beside::check(&folder)? {
            false => Ok(folder),
            true => {
                let base = Some(folder.display().to_string());
                Err(BesideError::NoBase { path: adapter.to_owned(), base }.into())
            }
        }
    }

    /// Hashes a file of weights, and reads its header. Its architecture and its preprocessing are
    /// those of a known model, or of a folder, or what lies beside it in its folder. An adapter that
    /// lies beside it is merged.
    ///
    /// # Errors
    /// As for [`open`](Self::open); or nothing says what the architecture is, or the file holds
    /// several models and none is named.
    pub fn open_file(file: &CheckpointFile) -> Result<Self, EncoderError> {
        Self::open_file_telling(file, &Silent)
    }

    fn open_file_telling(
        file: &CheckpointFile,
        progress: &dyn Progress,
    ) -> Result<Self, EncoderError> {
        let path = file.path.as_path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if ADAPTER_FILES.contains(&name.as_str()) {
            return Err(EncoderError::AdapterFile { path: path.to_owned() });
        }
        let beside = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let adapter = beside::has_adapter(beside)?.then(|| beside.to_owned());
        let origin = WeightsOrigin { file: Some((path, file.part.as_deref())), adapter };
        hashing(path, progress, || {
            let config = match &file.like {
                Some(Like::Known(id)) => {
                    let (family, known) = known(id)?;
                    return Self::of_known(known, CheckpointFolder::of_known(family, origin));
                }
                Some(Like::Folder(folder)) => folder.as_path(),
                None => beside,
            };
            let format = config_format(config).ok_or_else(|| EncoderError::NoConfig {
                path: path.to_owned(),
                folder: config.to_owned(),
            })?;
            Self::of_folder(CheckpointFolder::open_with(config, format, origin)?)
        })
    }

    /// The encoders of a model of DreamSim, whose weights and adapter lie in a folder: that of its
    /// type, or for the ensemble three.
    ///
    /// # Errors
    /// A file is missing or damaged, or the adapter is of another model.
    pub fn open_dreamsim(
        model: DreamSim,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Vec<Self>, EncoderError> {
        hashing(folder, progress, || dreamsim::open(model, folder))
    }

    /// The same of the first of some folders that has the adapter of the model.
    ///
    /// # Errors
    /// As for [`open_dreamsim`](Self::open_dreamsim); or none has it.
    pub fn find_dreamsim(
        model: DreamSim,
        folders: &[PathBuf],
        progress: &dyn Progress,
    ) -> Result<Vec<Self>, EncoderError> {
        Self::open_dreamsim(model, dreamsim::find(model, folders)?, progress)
    }

    /// The encoder of a single model of DreamSim.
    fn open_dreamsim_alone(
        model: DreamSim,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Self, EncoderError> {
        if !model.is_single() {
            return Err(DreamSimError::Ensemble { folder: folder.to_owned() }.into());
        }
        let mut encoders = Self::open_dreamsim(model, folder, progress)?;
        Ok(encoders.pop().expect("a single model is one encoder"))
    }

    /// A checkpoint of which the configuration was read.
    fn of_folder(folder: CheckpointFolder<'_>) -> Result<Self, EncoderError> {
        let family = families::recognise(&folder.config)?;
        let folder = folder.of_family(family);
        let (mut architecture, mut defaults_used) = family.architecture(&folder)?;
        let (recipe, recipe_file) = family.preprocessing(&folder, &architecture)?;
        if family.resizes_positions(&architecture)
            && let Some((height, width)) = recipe.preprocessing.output_size()
            && height == width
        {
            architecture.image_size = height;
            architecture = architecture.validate(&folder.config.file().path)?;
        }
        architecture = fitted(family, architecture, &folder)?;
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

    /// A checkpoint of the architecture and the preprocessing of a model of the catalogue.
    fn of_known(known: &Known, folder: CheckpointFolder<'_>) -> Result<Self, EncoderError> {
        let (family, _) = families::known(known.id).expect("a model of the catalogue");
        let architecture = fitted(family, known.architecture().clone(), &folder)?;
        family.check_tensors(&folder, &architecture)?;
        let (_, weights) = folder.into_parts()?;
        Self {
            architecture,
            preprocessing: known.preprocessing().clone(),
            files: weights.index().cloned().into_iter().chain(weights.files()).collect(),
            defaults_used: Vec::new(),
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
        let (family, known) = known(id)?;
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

    fn open_source(source: &ModelSource, progress: &dyn Progress) -> Result<Self, EncoderError> {
        match source {
            ModelSource::Random { of, seed } => Self::control(of, *seed, progress),
            ModelSource::Folder(folder) => Self::open_telling(folder, progress),
            ModelSource::File(file) => Self::open_file_telling(file, progress),
            ModelSource::DreamSim { folder, model } => {
                Self::open_dreamsim_alone(*model, folder, progress)
            }
            ModelSource::Hub(model) if is_of_torchvision(model) => {
                Err(EncoderError::FilesAlone { id: model.id.clone() })
            }
            ModelSource::Hub(model) => {
                let folder = Hub::new(HubSettings::from_env()).model(model, progress)?;
                Self::open_telling(&folder, progress)
            }
        }
    }

    /// The untrained control of a model: of one of the catalogue without any file; of another, whose
    /// files are opened, with weights of its tensors' names and shapes. An adapter does not count.
    fn control(of: &ModelSource, seed: u64, progress: &dyn Progress) -> Result<Self, EncoderError> {
        match of {
            ModelSource::Hub(HubModel { id, revision: None }) if families::known(id).is_some() => {
                Self::untrained(id, seed)
            }
            _ => Ok(Self::open_source(of, progress)?.drawn_anew(seed)),
        }
    }

    fn drawn_anew(self, seed: u64) -> Self {
        Self { weights: self.weights.drawn_anew(seed), ..self }
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

    /// The files that tensors, or their shapes, are read from, with the hashes of what was read; none
    /// for an untrained model of the catalogue.
    pub fn weight_files(&self) -> Vec<HashedPath> {
        self.weights.files()
    }

    /// Which of several models in its file it is, if one was named.
    pub(crate) fn part(&self) -> Option<&str> {
        self.weights.part()
    }

    /// The seed of an untrained model's weights.
    pub fn seed(&self) -> Option<u64> {
        self.weights.seed()
    }

    /// How an untrained model's weights are drawn: its seed and, where they have the names and shapes
    /// of files, the SHA-256 of those.
    pub(crate) fn drawing(&self) -> Option<String> {
        let seed = self.seed()?;
        let mut names = self.family.tensors(&self.architecture, &self.weights);
        names.sort();
        let tensors: Vec<String> = names
            .iter()
            .filter_map(|name| self.weights.shape(name).map(|shape| format!("{name} {shape:?}\n")))
            .collect();
        Some(match tensors.is_empty() {
            true => format!("random, seed {seed}"),
            false => {
                let hash = ContentHash::of(tensors.concat().as_bytes());
                format!("random, seed {seed}, tensors {hash}")
            }
        })
    }

    fn checked(self) -> Result<Self, EncoderError> {
        let size = self.architecture.image_size;
        match self.preprocessing.output_size() {
            Some(found) if found == (size, size) => Ok(self),
            found => Err(EncoderError::ImageSize { expected: size, found }),
        }
    }
}

/// Whether a model of the catalogue is on no hub.
fn is_of_torchvision(model: &HubModel) -> bool {
    model.id.starts_with("torchvision/") && families::known(&model.id).is_some()
}

/// Does what takes its time since files are hashed, and says so.
fn hashing<T>(path: &Path, progress: &dyn Progress, work: impl FnOnce() -> T) -> T {
    progress.begin(&format!("{}: hashing its files", path.display()), 0);
    let done = work();
    progress.end();
    done
}

/// The format of the configuration in a folder, if there is one.
fn config_format(folder: &Path) -> Option<Format> {
    let is_there = |format: Format| folder.join(format.config()).is_file();
    if is_there(Format::Transformers) && (families::is_known(folder) || !is_there(Format::OpenClip))
    {
        return Some(Format::Transformers);
    }
    is_there(Format::OpenClip).then_some(Format::OpenClip)
}

/// The format if there is something by the name of a configuration that is no file, which an error
/// is to tell.
fn odd_config(folder: &Path) -> Option<Format> {
    let is_there = |name: &str| folder.join(name).symlink_metadata().is_ok();
    (is_there("config.json") || is_there("open_clip_config.json")).then_some(Format::Transformers)
}

/// What may have been meant by a folder without a configuration, as the end of a sentence.
fn instead_of(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    if let Some(inner) = paths.iter().find(|path| path.is_dir() && config_format(path).is_some()) {
        return format!("; {} has one: name that", inner.display());
    }
    let holds_features = |folder: &Path| folder.join("features.npy").is_file();
    if holds_features(folder) || paths.iter().any(|path| holds_features(path)) {
        return format!("; it holds features: name it as `features:{}`", folder.display());
    }
    let is_weights = |path: &&PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let known = ["pt", "pth", "ckpt", "bin", "safetensors"];
        path.is_file() && ending.is_some_and(|ending| known.contains(&ending.as_str()))
    };
    paths.iter().find(is_weights).map_or_else(String::new, |file| {
        format!(
            "; for a file of weights alone say what it is like, as in \
             `{}@like=openai/clip-vit-base-patch32`",
            file.display()
        )
    })
}

/// A model of the catalogue, and its family.
fn known(id: &str) -> Result<(&'static dyn Family, &'static Known), EncoderError> {
    families::known(id).ok_or_else(|| EncoderError::Unknown {
        id: id.to_owned(),
        known: known_models().iter().map(|k| k.id).collect::<Vec<_>>().join(", "),
    })
}

/// The sizes of a tower as its weights have it.
fn fitted(
    family: &dyn Family,
    architecture: Architecture,
    folder: &CheckpointFolder<'_>,
) -> Result<Architecture, WeightsError> {
    let weights = folder.weights()?;
    Ok(match weights.is_within_another_model() {
        true => family.within_another_model(architecture, weights),
        false => architecture,
    })
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

    /// The tokens before the patches at every stage but the last.
    pub fn prefix(&self) -> Prefix {
        self.architecture.prefix(self.bare_patches)
    }

    /// Refuses a choice of tokens that the model does not have.
    ///
    /// # Errors
    /// [`EncoderError::NoClassToken`] or [`EncoderError::NoRegisters`].
    pub fn must_have(&self, tokens: Tokens) -> Result<(), EncoderError> {
        self.architecture.must_have(tokens, self.prefix())
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
    /// The folder is none of a checkpoint.
    #[error(
        "{path} holds no checkpoint: expected `config.json` or `open_clip_config.json` with its \
         weights{instead}"
    )]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
        /// What may have been meant, as the end of the sentence.
        instead: String,
    },
    /// Nothing says what the architecture of a file of weights is.
    #[error(
        "no configuration for {path}: expected `config.json` or `open_clip_config.json` in {folder}"
    )]
    NoConfig {
        /// The file.
        path: PathBuf,
        /// Where a configuration was looked for.
        folder: PathBuf,
    },
    /// An adapter is no model.
    #[error(
        "{path} is a part of an adapter; name its folder, from which it is merged into the model \
         that it was trained for"
    )]
    AdapterFile {
        /// The file.
        path: PathBuf,
    },
    /// The id is not in the catalogue.
    #[error(
        "no architecture is known for `{id}`, expected a checkpoint's folder that is there, an id of the \
         hub (OWNER/NAME), or one of the catalogue: {known}"
    )]
    Unknown {
        /// The id.
        id: String,
        /// The ids of the catalogue.
        known: String,
    },
    /// A model of torchvision, which is on no hub.
    #[error(
        "`{id}` is known by its architecture alone; name a file of its weights, as in \
         `FILE.pth@like={id}`, or its untrained control, `random:{id}`"
    )]
    FilesAlone {
        /// The id.
        id: String,
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
    /// The model has no registers.
    #[error(
        "the registers were asked for, but this model ({family}) has none; its tokens are {found}"
    )]
    NoRegisters {
        /// The model's family.
        family: FamilyName,
        /// The tokens that it has.
        found: String,
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
    /// The files of DreamSim make no model of it.
    #[error(transparent)]
    DreamSim(#[from] DreamSimError),
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
            Self::NoClassToken { .. } | Self::NoRegisters { .. } => vec![Remedy::OtherTokens],
            Self::NoConfig { .. } => vec![Remedy::SayLike],
            Self::DreamSim(DreamSimError::NoAdapter { .. }) => vec![Remedy::NameWeights],
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
