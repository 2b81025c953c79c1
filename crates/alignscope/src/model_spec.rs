//! A model as users name it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::hub::HubModel;
use crate::metric::MetricKind;
use crate::user_folders::expand_home;

mod checkpoint_file;
mod dreamsim;
mod expanded;
mod matching;
mod meant;
mod named;
mod series;
mod short_name;
mod source;
mod torch;
mod torch_options;
mod whole_path;

pub use checkpoint_file::{CheckpointFile, Like};
pub use dreamsim::DreamSim;
pub use expanded::expand;
pub(crate) use expanded::matched;
pub use named::{ModelNameError, NamedModel, SeriesState, SeriesStep, check_model_name, names_of};
pub use series::{Series, SeriesError};
pub(crate) use short_name::Parts;
pub use short_name::{Specs, base_of, short_name};
pub use source::ModelSource;
pub use torch::{TorchLibrary, TorchName, TorchPlace};
pub use torch_options::{Backend, TorchDevice, TorchDtype, TorchOptions};
use whole_path::whole_path;

/// What stands before a folder of features.
const FEATURES: &str = "features:";

/// A model as it is named on the command line and in results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelSpec {
    /// The pixels themselves.
    Pixels,
    /// A measure of image quality.
    MetricKind(MetricKind),
    /// The distance of a model of DreamSim.
    DreamSim(DreamSim),
    /// An encoder.
    Encoder {
        /// Where its weights come from.
        source: ModelSource,
        /// Whether its blocks are fed the bare patch embedding, as the study did with BiomedCLIP.
        bare_patches: bool,
    },
    /// A model in many states, each of which is a model of the run.
    Series(Series),
    /// A model of a torch library, which torch runs.
    Torch(TorchName),
    /// Activations that lie in a folder, as `alignscope activations` writes them.
    Features(PathBuf),
    /// A model of the caller's, by its name: activations in memory, or a function.
    Own(String),
}

impl ModelSpec {
    /// The untrained control of a known model.
    pub fn untrained(id: impl Into<String>, seed: u64) -> Self {
        let source = ModelSource::Hub(HubModel { id: id.into(), revision: None }).untrained(seed);
        Self::Encoder { source, bare_patches: false }
    }

    /// Its untrained control, of seed 0: the same architecture with random weights. `None` of a control, and
    /// of what is no encoder that alignscope runs itself.
    pub fn control(&self) -> Option<Self> {
        match self {
            Self::Encoder { source: ModelSource::Random { .. }, .. } => None,
            Self::Encoder { source, bare_patches } => Some(Self::Encoder {
                source: source.clone().untrained(0),
                bare_patches: *bare_patches,
            }),
            Self::Series(series) => Some(series.clone().control()),
            Self::Torch(TorchName { seed: Some(_), .. }) => None,
            Self::Torch(model) => Some(Self::Torch(TorchName { seed: Some(0), ..model.clone() })),
            Self::Pixels
            | Self::MetricKind(_)
            | Self::DreamSim(_)
            | Self::Features(_)
            | Self::Own(_) => None,
        }
    }

    /// Whether it is an encoder that alignscope runs itself.
    pub fn is_encoder(&self) -> bool {
        matches!(self, Self::Encoder { .. })
    }

    /// Whether it has stages, and not one output alone.
    pub fn has_stages(&self) -> bool {
        match self {
            Self::Pixels | Self::MetricKind(_) | Self::DreamSim(_) => false,
            Self::Encoder { .. }
            | Self::Series(_)
            | Self::Torch(_)
            | Self::Features(_)
            | Self::Own(_) => true,
        }
    }

    /// The model wherever it is named from: as it is written, but a folder or a file by its whole
    /// path.
    pub fn place(&self) -> String {
        match self {
            Self::Encoder { source, bare_patches } => {
                Self::Encoder { source: source.whole(), bare_patches: *bare_patches }.to_string()
            }
            Self::Features(path) => Self::Features(whole_path(path)).to_string(),
            Self::Series(series) => series.whole().to_string(),
            Self::Torch(model) => model.whole().to_string(),
            other => other.to_string(),
        }
    }

    /// Whether both are one model, also where they name one folder by two paths.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Encoder { source: one, bare_patches },
                Self::Encoder { source: two, bare_patches: other },
            ) => bare_patches == other && one.real() == two.real(),
            (Self::Series(one), Self::Series(two)) => one.whole() == two.whole(),
            (Self::Torch(one), Self::Torch(two)) => one.real() == two.real(),
            (Self::Features(one), Self::Features(two)) => {
                let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
                real(one) == real(two)
            }
            _ => self == other,
        }
    }

    /// A checkpoint's folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::Encoder { source: ModelSource::Folder(path.into()), bare_patches: false }
    }

    /// A file of weights.
    pub fn file(file: CheckpointFile) -> Self {
        Self::Encoder { source: ModelSource::File(file), bare_patches: false }
    }

    /// The same model, and whether it is a file of weights (or a series of them) that says nothing of
    /// its architecture: it then has that of `like`.
    pub fn with_like(self, like: &Like) -> (Self, bool) {
        match self {
            Self::Encoder { source, bare_patches } => {
                let (source, changed) = source.with_like(like);
                (Self::Encoder { source, bare_patches }, changed)
            }
            Self::Series(series) if series.like.is_none() => {
                (Self::Series(Series { like: Some(like.clone()), ..series }), true)
            }
            other => (other, false),
        }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, bare_patches) = match self {
            Self::Pixels => return f.pad("pixels"),
            Self::MetricKind(baseline) => return baseline.fmt(f),
            Self::DreamSim(model) => return model.fmt(f),
            Self::Features(path) => return f.pad(&format!("{FEATURES}{}", path.display())),
            Self::Own(name) => return f.pad(name),
            Self::Series(series) => return series.fmt(f),
            Self::Torch(model) => return model.fmt(f),
            Self::Encoder { source, bare_patches } => (source, bare_patches),
        };
        let variant = if *bare_patches { "@bare-patches" } else { "" };
        f.pad(&format!("{source}{variant}"))
    }
}

/// What becomes of an encoder's projection: a comparison of families by Euclidean distance is
/// otherwise confounded, since some divide it by its norm and some do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectionForm {
    /// As it comes out of the last layer.
    Raw,
    /// Divided by its L2 norm.
    Unit,
}

impl ProjectionForm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Raw, Self::Unit];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Unit => "unit",
        }
    }
}

choice!(ProjectionForm, "form of the projection");

/// A word that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelSpecError {
    /// No name at all.
    #[error("the model is missing: nothing is named")]
    Empty,
    /// What follows `@` cannot be read.
    #[error(
        "`@{found}` in the model `{name}` is not understood, expected a revision of the hub after an id, or `@seed=N` with a whole number after `random:ID`"
    )]
    Modifier {
        /// The whole name.
        name: String,
        /// What follows `@`.
        found: String,
    },
    /// What follows `random:` is no encoder.
    #[error(
        "`{name}` is no untrained control: expected after `random:` an encoder: an id on the hub \
         (OWNER/NAME), a folder, a file of weights, or a torch model such as `timm:resnet50`"
    )]
    NoControl {
        /// The whole name.
        name: String,
    },
    /// Neither a folder nor another known form.
    #[error(
        "`{name}` is not a folder, nor an id of the hub (OWNER/NAME){}; name one of \
         them, `random:ID` for an untrained control, a baseline, or `pixels` (see `alignscope list \
         models`)",
        did_you_mean(meant.as_deref())
    )]
    Unknown {
        /// What was named.
        name: String,
        /// The word that is nearest to it, if one is near.
        meant: Option<String>,
    },
    /// A file that holds no weights.
    #[error(
        "`{0}` is a file, expected a checkpoint's folder, or a file of weights (`.pt`, `.pth`, \
         `.ckpt`, `.bin` or `.safetensors`; of another name with `@like=` behind it); an \
         experiment in TOML stands by itself, as in `alignscope run FILE`"
    )]
    File(String),
    /// There is no such file of weights.
    #[error(
        "`{name}` names no file, expected a file of weights that is there, as in `FILE.pt`, \
         `FILE.pt#teacher` or `FILE.pt@like=openai/clip-vit-base-patch32`"
    )]
    NoCheckpointFile {
        /// What was named.
        name: String,
    },
    /// The pattern of a series is none.
    #[error(
        "`{name}` is no pattern of files or folders ({why}), expected one such as \
         `series:runs/*/epoch_*.pt`"
    )]
    Pattern {
        /// The pattern.
        name: String,
        /// Why.
        why: String,
    },
    /// The pattern of a series matches one name alone.
    #[error(
        "the pattern `{name}` of a series matches one name alone, expected `*`, `?` or `[…]` where \
         the step stands, as in `epoch_*.pt`"
    )]
    NoWildcard {
        /// The pattern.
        name: String,
    },
    /// Nothing stands where something is expected.
    #[error("nothing follows `{found}` in the model `{name}`")]
    EmptyModifier {
        /// The whole name.
        name: String,
        /// What nothing follows.
        found: String,
    },
    /// What a model is to be like is neither a folder nor an id.
    #[error(
        "`{like}`, which `{name}` is to be like, is not a folder, nor an id of the catalogue (see \
         `alignscope list models`)"
    )]
    Like {
        /// The whole name.
        name: String,
        /// What it is to be like.
        like: String,
    },
    /// There is no such model of DreamSim.
    #[error(
        "`#{found}` in `{name}` names no model of DreamSim in that folder, expected one of {expected}"
    )]
    DreamSim {
        /// The whole name.
        name: String,
        /// What follows `#`.
        found: String,
        /// What would do.
        expected: String,
    },
    /// There is no such folder of features.
    #[error(
        "`features:{0}` names no folder, expected one with `features.npy` and `file_names.txt`, or \
         with such a folder for each stage"
    )]
    NoFeatures(String),
    /// There is no such folder of a torch model.
    #[error(
        "`{folder}` in `{name}` names no folder, expected one that the library has saved, or an id \
         of the hub (OWNER/NAME)"
    )]
    NoTorchFolder {
        /// The whole name.
        name: String,
        /// What is no folder.
        folder: String,
    },
    /// A name before the model, where a model alone is expected.
    #[error("a name has no use before the model here; leave out `{name}=` of `{name}={rest}`")]
    Named {
        /// The name.
        name: String,
        /// The model.
        rest: String,
    },
    /// The name before the model cannot be.
    #[error(transparent)]
    Name(#[from] ModelNameError),
}

/// What is said of a word that may have been meant.
fn did_you_mean(word: Option<&str>) -> String {
    word.map_or(String::new(), |word| format!(" (did you mean `{word}`?)"))
}

impl FromStr for ModelSpec {
    type Err = ModelSpecError;

    /// Reads `pixels`, a baseline, `features:FOLDER`, `LIBRARY:NAME` of a torch library,
    /// `random:WHAT[@seed=N][@bare-patches]` of an id, a folder or a torch model,
    /// `series:GLOB[#PART][@like=WHAT][@bare-patches]`, `FOLDER[@bare-patches]`,
    /// `FILE[#PART][@like=WHAT][@bare-patches]`, `FOLDER#TYPE` of DreamSim or
    /// `OWNER/NAME[@REVISION][@bare-patches]`. A folder or a file that is there comes before an id;
    /// `~/` is the user's home.
    fn from_str(name: &str) -> Result<Self, ModelSpecError> {
        Self::read(name, None)
    }
}

/// The folder of that name, if it is there; it lies relative to `base`, if there is one.
fn folder_at(name: &str, base: Option<&Path>) -> Option<PathBuf> {
    let path = expand_home(Path::new(name)).ok()?;
    let path = base.map_or(path.clone(), |base| base.join(path));
    path.is_dir().then_some(path)
}

/// Whether the name is that of a folder or a file that is there, also with what may follow it.
fn is_place(name: &str, base: Option<&Path>) -> bool {
    let rest = name.strip_suffix("@bare-patches").unwrap_or(name);
    !name.is_empty()
        && (folder_at(rest, base).is_some()
            || CheckpointFile::is_there(rest, base)
            || dreamsim::is_there(rest, base))
}

impl ModelSpec {
    /// As [`from_str`](Self::from_str); folders lie relative to `base`, if there is one.
    fn read(name: &str, base: Option<&Path>) -> Result<Self, ModelSpecError> {
        if name.trim().is_empty() {
            return Err(ModelSpecError::Empty);
        }
        if name == "pixels" {
            return Ok(Self::Pixels);
        }
        if let Ok(baseline) = name.parse() {
            return Ok(Self::MetricKind(baseline));
        }
        if let Ok(model) = name.parse() {
            return Ok(Self::DreamSim(model));
        }
        if let Some(folder) = name.strip_prefix(FEATURES) {
            return match folder_at(folder, base) {
                Some(path) => Ok(Self::Features(path)),
                None => Err(ModelSpecError::NoFeatures(folder.to_owned())),
            };
        }
        if let Some(series) = Series::read(name, base)? {
            return Ok(Self::Series(series));
        }
        if let Some(model) = TorchName::read(name, base)? {
            return Ok(Self::Torch(model));
        }
        let (rest, bare_patches) = match name.strip_suffix("@bare-patches") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        if let Some(rest) = rest.strip_prefix("random:") {
            return control(name, rest, bare_patches, base);
        }
        let source = if let Some(folder) = folder_at(rest, base) {
            let text = folder.to_string_lossy();
            let trimmed = text.trim_end_matches('/');
            ModelSource::Folder(if trimmed.is_empty() { folder } else { trimmed.into() })
        } else if let Some(file) = CheckpointFile::read(name, rest, base)? {
            ModelSource::File(file)
        } else if let Some((folder, model)) = dreamsim::read(name, rest, base)? {
            ModelSource::DreamSim { folder, model }
        } else {
            ModelSource::Hub(hub_model(name, rest, base)?)
        };
        Ok(Self::Encoder { source, bare_patches })
    }
}

/// The untrained control of the encoder that `rest` names, `WHAT[@seed=N]`; `name` is the whole word.
fn control(
    name: &str,
    rest: &str,
    bare_patches: bool,
    base: Option<&Path>,
) -> Result<ModelSpec, ModelSpecError> {
    let (what, seed) = match rest.rsplit_once("@seed=") {
        Some((what, seed)) if folder_at(rest, base).is_none() => (what, Some(seed)),
        _ => (rest, None),
    };
    let seed = seed.map_or(Ok(0), str::parse).map_err(|_| ModelSpecError::Modifier {
        name: name.to_owned(),
        found: format!("seed={}", seed.unwrap_or_default()),
    })?;
    match ModelSpec::read(what, base)? {
        ModelSpec::Encoder { source, bare_patches: false }
            if !matches!(source, ModelSource::Random { .. }) =>
        {
            Ok(ModelSpec::Encoder { source: source.untrained(seed), bare_patches })
        }
        ModelSpec::Torch(_) if bare_patches => Err(ModelSpecError::Modifier {
            name: name.to_owned(),
            found: "bare-patches".to_owned(),
        }),
        ModelSpec::Torch(model) if model.seed.is_none() => {
            Ok(ModelSpec::Torch(model.untrained(seed)))
        }
        _ => Err(ModelSpecError::NoControl { name: name.to_owned() }),
    }
}

/// The model of the hub that `rest` names, which is all of `name` but for `@bare-patches`.
fn hub_model(name: &str, rest: &str, base: Option<&Path>) -> Result<HubModel, ModelSpecError> {
    let path = expand_home(Path::new(rest)).unwrap_or_else(|_| rest.into());
    if base.map_or(path.clone(), |base| base.join(path)).is_file() {
        return Err(ModelSpecError::File(name.to_owned()));
    }
    let (id, revision) = match rest.split_once('@') {
        None => (rest, None),
        Some((id, revision)) => (id, Some(revision)),
    };
    // `ViT-B/32` of OpenAI is formed as an id, and is none.
    if let Some(meant) = meant::elsewhere(rest) {
        return Err(ModelSpecError::Unknown {
            name: name.to_owned(),
            meant: Some(meant.to_owned()),
        });
    }
    if !is_hub_id(id) {
        if let Some((name, rest)) = named::split_name(name) {
            let (name, rest) = (name.to_owned(), rest.to_owned());
            return Err(ModelSpecError::Named { name, rest });
        }
        let meant = meant::meant(id);
        return Err(ModelSpecError::Unknown { name: name.to_owned(), meant });
    }
    if let Some(found) = revision.filter(|revision| !is_revision(revision)) {
        let (name, found) = (name.to_owned(), found.to_owned());
        return Err(ModelSpecError::Modifier { name, found });
    }
    Ok(HubModel { id: id.to_owned(), revision: revision.map(ToOwned::to_owned) })
}

/// Whether a word is formed as the ids of the hub are: an owner and a name.
pub(crate) fn is_hub_id(word: &str) -> bool {
    let plain = |part: &str| {
        let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        part.chars().all(fit)
            && part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && !part.contains("..")
    };
    word.split_once('/').is_some_and(|(owner, name)| plain(owner) && plain(name))
}

/// Whether a word can name a branch, a tag or a commit.
fn is_revision(word: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(fit)
        && !word.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_read_back_from_its_name() {
        for name in [
            "pixels",
            "ssim",
            "lpips-alex",
            "random:openai/clip-vit-base-patch32",
            "random:a/b@seed=7",
            "random:a/b@seed=7@bare-patches",
            "openai/clip-vit-base-patch32",
            "openai/clip-vit-base-patch32@refs/pr/3",
            "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224@main@bare-patches",
        ] {
            assert_eq!(name.parse::<ModelSpec>().expect("a model").to_string(), name);
        }
    }

    #[test]
    fn a_seed_that_is_no_number_is_an_error() {
        assert!(matches!(
            "random:a/b@seed=x".parse::<ModelSpec>(),
            Err(ModelSpecError::Modifier { found, .. }) if found == "seed=x"
        ));
    }

    #[test]
    fn a_control_may_be_that_of_a_folder() {
        let place = tempfile::tempdir().expect("a temporary folder");
        for (folder, seed) in [("dino", ""), ("dino@seed=2", "@seed=7"), ("a/b", "@seed=7")] {
            let path = place.path().join(folder);
            std::fs::create_dir_all(&path).expect("made");
            let name = format!("random:{}{seed}", path.display());
            let spec: ModelSpec = name.parse().expect("a model");
            assert_eq!(spec.to_string(), name);
            assert_eq!(base_of(&name), path.display().to_string());
            let seed = if seed.is_empty() { 0 } else { 7 };
            let source = ModelSource::Folder(path).untrained(seed);
            assert_eq!(spec, ModelSpec::Encoder { source, bare_patches: false });
            let within = ModelSpec::read(&format!("random:{folder}"), Some(place.path()));
            assert!(within.expect("a model").is_same_as(&spec) == (seed == 0));
        }
    }

    #[test]
    fn a_word_that_is_neither_a_folder_nor_an_id_is_an_error() {
        for word in ["no/such/folder", "clip", "../clip", "a/..", "/a/b", "a/b c", "./b", "~/b?"] {
            let result = word.parse::<ModelSpec>();
            assert!(matches!(result, Err(ModelSpecError::Unknown { .. })), "{word}: {result:?}");
        }
    }

    #[test]
    fn a_word_that_is_nearly_a_model_is_told_so() {
        for (word, meant) in
            [("SSIM", "`ssim`"), ("lpips_alex", "`lpips-alex`"), ("pixel", "`pixels`")]
        {
            let said = word.parse::<ModelSpec>().expect_err("no model").to_string();
            assert!(said.contains(&format!("did you mean {meant}")), "{said}");
        }
        for (word, meant) in [
            ("ViT-B/32", "`openai/clip-vit-base-patch32`"),
            ("ViT-L/14@336px", "`openai/clip-vit-large-patch14-336`"),
            ("dinov2", "`facebook/dinov2-base`"),
            ("resnet50", "`torchvision:resnet50`"),
            ("openai/clip-vit-base-patch32/", "`openai/clip-vit-base-patch32`"),
            ("https://huggingface.co/a/b", "`a/b`"),
        ] {
            let said = word.parse::<ModelSpec>().expect_err("no model").to_string();
            assert!(said.contains(&format!("did you mean {meant}")), "{said}");
        }
        let said = "quux".parse::<ModelSpec>().expect_err("no model").to_string();
        assert!(!said.contains("did you mean"), "{said}");
    }

    #[test]
    fn a_file_that_holds_no_weights_is_no_model() {
        let place = tempfile::tempdir().expect("a temporary folder");
        for name in ["weights.h5", "paper.toml"] {
            let path = place.path().join(name);
            std::fs::write(&path, "").expect("written");
            let result = path.to_string_lossy().parse::<ModelSpec>();
            assert!(matches!(result, Err(ModelSpecError::File(_))), "{result:?}");
            let result = ModelSpec::read(name, Some(place.path()));
            assert!(matches!(result, Err(ModelSpecError::File(_))), "{result:?}");
        }
    }

    #[test]
    fn a_file_of_weights_is_read_back_from_its_name() {
        let place = tempfile::tempdir().expect("a temporary folder");
        for name in ["last.ckpt", "weights.h5", "a#b.pt"] {
            std::fs::write(place.path().join(name), "").expect("written");
        }
        std::fs::create_dir(place.path().join("base")).expect("made");
        let read = |name: &str| ModelSpec::read(name, Some(place.path()));
        let at = |name: &str| place.path().join(name).display().to_string();
        for (name, expected) in [
            ("last.ckpt", at("last.ckpt")),
            ("last.ckpt#teacher", at("last.ckpt#teacher")),
            ("last.ckpt@like=a/b", at("last.ckpt@like=a/b")),
            ("last.ckpt#model.student@like=a/b", at("last.ckpt#model.student@like=a/b")),
            ("last.ckpt@like=base", format!("{}@like={}", at("last.ckpt"), at("base"))),
            ("last.ckpt@like=a/b@bare-patches", at("last.ckpt@like=a/b@bare-patches")),
            ("weights.h5@like=a/b", at("weights.h5@like=a/b")),
            ("a#b.pt#c", at("a#b.pt#c")),
        ] {
            let spec = read(name).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(spec.to_string(), expected);
            assert!(read(&expected).expect("again").is_same_as(&spec), "{name}");
        }
        let named = |name: &str| NamedModel::read(name, Some(place.path())).expect(name);
        assert_eq!(named("mine=last.ckpt@like=a/b").name.as_deref(), Some("mine"));
        assert_eq!(named("last.ckpt@like=a/b").name, None);
        let names = names_of(&[named("last.ckpt#teacher"), named("last.ckpt@like=a/b")]);
        assert_eq!(names.expect("names"), ["last.ckpt#teacher", "last.ckpt"]);
    }

    #[test]
    fn a_file_of_weights_that_cannot_be_is_an_error() {
        let place = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(place.path().join("a.pt"), "").expect("written");
        let said = |name: &str| {
            ModelSpec::read(name, Some(place.path())).expect_err("no model").to_string()
        };
        for (name, words) in [
            ("b.pt", "names no file"),
            ("b.pt#x@like=a/b", "names no file"),
            ("b@like=a/b", "names no file"),
            ("a.pt#", "nothing follows `#`"),
            ("a.pt@like=", "nothing follows `@like=`"),
            ("a.pt@like=nothing", "not a folder, nor an id of the catalogue"),
        ] {
            assert!(said(name).contains(words), "{name}: {}", said(name));
        }
    }

    #[test]
    fn a_name_before_the_model_is_refused_where_it_has_no_use() {
        let result = "mine=a/b".parse::<ModelSpec>();
        assert!(matches!(result, Err(ModelSpecError::Named { .. })), "{result:?}");
    }

    #[test]
    fn one_folder_by_two_paths_is_one_model() {
        let place = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(place.path().join("m")).expect("made");
        let one = ModelSpec::folder(place.path().join("m"));
        assert!(one.is_same_as(&ModelSpec::folder(place.path().join("./m/../m"))));
        assert!(!one.is_same_as(&ModelSpec::folder(place.path())));
        assert!(!ModelSpec::Pixels.is_same_as(&one));
    }

    #[test]
    fn a_revision_that_cannot_be_is_an_error() {
        for word in ["a/b@", "a/b@seed=3", "a/b@../c", "a/b@x@y"] {
            let result = word.parse::<ModelSpec>();
            assert!(matches!(result, Err(ModelSpecError::Modifier { .. })), "{word}: {result:?}");
        }
    }
}
