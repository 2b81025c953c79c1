//! What models are called in results.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use super::whole_path::whole_path;
use super::{DreamSim, ModelSource, ModelSpec, ModelSpecError};
use crate::metric::MetricKind;
use crate::name::MAX_NAME_BYTES;
use crate::shown::is_hidden;

/// What has a meaning of its own in the name of a model: folders, `random:`, revisions and seeds,
/// and what sets the name apart from the model.
const NOT_IN_NAMES: [char; 5] = ['/', '\\', ':', '@', '='];

/// A model, and what it is to be called in results.
///
/// As text it is `NAME=MODEL`, or `MODEL` alone. What stands before the first `=` is a name where
/// it has no `/`, `\`, `:` or `@` and the whole is not a folder or a file: `lr=0.1` is the folder of
/// that name where there is one.
///
/// ```
/// use alignscope::NamedModel;
///
/// let model: NamedModel = "mine=openai/clip-vit-base-patch32".parse()?;
/// assert_eq!(model.name.as_deref(), Some("mine"));
/// assert_eq!(model.spec.to_string(), "openai/clip-vit-base-patch32");
/// # Ok::<(), alignscope::ModelSpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedModel {
    /// The name that the user gives it; `None` for the name that [`names_of`] finds.
    pub name: Option<String>,
    /// The model.
    pub spec: ModelSpec,
    /// Which state it is, if it is one of a series.
    pub state: Option<SeriesState>,
}

/// A state of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesState {
    /// Which one.
    pub at: SeriesStep,
    /// The series as it was asked for: a pattern, perhaps with a name.
    pub asked: Box<NamedModel>,
}

/// A step of a series.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesStep {
    /// What results call the series.
    pub series: String,
    /// The step or epoch: the number in the state's name.
    pub step: usize,
}

/// As results call the state.
impl fmt::Display for SeriesStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@step={}", self.series, self.step))
    }
}

/// A model cannot be called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelNameError {
    /// There is no name.
    #[error("the name of a model is empty")]
    Empty,
    /// The name is longer than results can hold.
    #[error("the name of a model has {bytes} bytes, expected at most {MAX_NAME_BYTES}")]
    Long {
        /// Its bytes.
        bytes: usize,
    },
    /// The name has a character that means something else, or that cannot be shown.
    #[error(
        "{name:?} cannot be the name of a model, since it has the character {found:?}; expected a \
         name without `/`, `\\`, `:`, `@`, `=` and characters that do not show"
    )]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        found: char,
    },
    /// The name means a baseline or the pixels.
    #[error(
        "a model cannot be called `{name}`, which is what results call the baseline (or the pixels) \
         of that name; give it another name"
    )]
    Reserved {
        /// The name.
        name: String,
    },
    /// A baseline or the pixels are to have another name.
    #[error(
        "`{spec}` is always called `{spec}` in results, so that figures and comparisons know it; \
         leave out `{name}=`"
    )]
    Fixed {
        /// What was named.
        spec: String,
        /// The name.
        name: String,
    },
    /// A model is there twice.
    #[error("the model `{name}` is named twice; leave one out")]
    Twice {
        /// What it is called.
        name: String,
    },
    /// Two models have one name.
    #[error("two models would be called `{name}`: {first} and {second}; give one another name")]
    Taken {
        /// The name.
        name: String,
        /// The first model.
        first: String,
        /// The second.
        second: String,
    },
    /// A folder's name cannot be shown.
    #[error(
        "the folder {path:?} has a character in its name that does not show; give the model a name, \
         as in `NAME=FOLDER`"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
    },
}

/// Whether a name is what results call a baseline or the pixels.
fn is_reserved(name: &str) -> bool {
    name == "pixels" || name.parse::<MetricKind>().is_ok() || name.parse::<DreamSim>().is_ok()
}

/// Holds the name of a model from outside to what every name must be: something, of characters that
/// show, and not what baselines or the pixels are called.
///
/// # Errors
/// It is not so.
pub fn check_model_name(name: &str) -> Result<(), ModelNameError> {
    if name.trim().is_empty() {
        return Err(ModelNameError::Empty);
    }
    if let Some(found) = name.chars().find(|c| is_hidden(*c)) {
        return Err(ModelNameError::Character { name: name.to_owned(), found });
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(ModelNameError::Long { bytes: name.len() });
    }
    match is_reserved(name) {
        true => Err(ModelNameError::Reserved { name: name.to_owned() }),
        false => Ok(()),
    }
}

impl From<ModelSpec> for NamedModel {
    fn from(spec: ModelSpec) -> Self {
        Self { name: None, spec, state: None }
    }
}

impl fmt::Display for NamedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}={}", self.spec),
            None => self.spec.fmt(f),
        }
    }
}

impl FromStr for NamedModel {
    type Err = ModelSpecError;

    fn from_str(text: &str) -> Result<Self, ModelSpecError> {
        Self::read(text, None)
    }
}

impl NamedModel {
    /// A model with the name that the user gives it, if any.
    pub fn new(name: Option<String>, spec: ModelSpec) -> Self {
        Self { name, spec, state: None }
    }

    /// What the experiment calls it beside its results: the name that the user gives it, or else the
    /// model wherever it is named from.
    pub(crate) fn called(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.spec.place())
    }

    /// Reads `NAME=MODEL` or `MODEL`; folders lie relative to `base`, if there is one.
    ///
    /// # Errors
    /// The name or the model cannot be read.
    pub(crate) fn read(text: &str, base: Option<&Path>) -> Result<Self, ModelSpecError> {
        let spec = |text: &str| ModelSpec::read(text, base);
        match split_name(text) {
            Some((name, rest)) if !super::is_place(text, base) => {
                let named = Self::new(Some(name.to_owned()), spec(rest)?);
                named.check()?;
                Ok(named)
            }
            _ => spec(text).map(Self::from),
        }
    }

    /// Whether its name is the same whatever stands beside it.
    pub(super) fn has_fixed_name(&self) -> bool {
        Folder::of(self).is_none()
    }

    /// What it is called whatever stands beside it.
    fn fixed_name(&self) -> String {
        match (&self.state, &self.name, &self.spec) {
            (Some(state), _, _) => state.at.to_string(),
            (None, Some(name), _) => name.clone(),
            (None, None, ModelSpec::Series(_)) => self.spec.place(),
            (None, None, spec) => spec.to_string(),
        }
    }

    /// Whether the name that the user gives can be.
    fn check(&self) -> Result<(), ModelNameError> {
        let Some(name) = &self.name else { return Ok(()) };
        let spec = self.spec.to_string();
        match self.spec {
            ModelSpec::Pixels | ModelSpec::MetricKind(_) | ModelSpec::DreamSim(_) => {
                if *name == spec {
                    return Ok(());
                }
                return Err(ModelNameError::Fixed { spec, name: name.clone() });
            }
            ModelSpec::Encoder { .. }
            | ModelSpec::Series(_)
            | ModelSpec::Torch(_)
            | ModelSpec::Features(_)
            | ModelSpec::Own(_) => {}
        }
        check_model_name(name)?;
        match name.chars().find(|c| NOT_IN_NAMES.contains(c)) {
            Some(found) => Err(ModelNameError::Character { name: name.clone(), found }),
            None => Ok(()),
        }
    }
}

/// The name before the first `=`, and what stands behind it; `None` if what stands there cannot be
/// a name.
pub(super) fn split_name(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, _)| !name.contains(NOT_IN_NAMES))
}

/// What the models of a run are called in its results, in their order: the name that the user gives;
/// of a folder without one the shortest ending of its path, in whole components, that no other model
/// of the run has; of a state of a series `SERIES@step=N`; of a series that is not
/// [expanded](super::expand) the pattern wherever it is named from; else the model as it is written.
///
/// # Errors
/// A given name cannot be, or two models have one.
pub fn names_of(models: &[NamedModel]) -> Result<Vec<String>, ModelNameError> {
    models.iter().try_for_each(NamedModel::check)?;
    let folders: Vec<Option<Folder>> = models.iter().map(Folder::of).collect();
    let fixed: Vec<Option<String>> = models
        .iter()
        .zip(&folders)
        .map(|(model, folder)| match folder {
            Some(_) => None,
            None => Some(model.fixed_name()),
        })
        .collect();
    let series = models.iter().filter_map(|model| Some(model.state.as_ref()?.at.series.as_str()));
    let taken: BTreeSet<&str> = fixed.iter().flatten().map(String::as_str).chain(series).collect();
    let name = |(i, fixed): (usize, &Option<String>)| match (&folders[i], fixed) {
        (None, Some(name)) => Ok(name.clone()),
        (Some(folder), _) => {
            let others = folders.iter().enumerate().filter(|(j, _)| *j != i);
            folder.shortest(&others.filter_map(|(_, f)| f.as_ref()).collect::<Vec<_>>(), &taken)
        }
        (None, None) => unreachable!("what is no folder has a name"),
    };
    let names: Vec<String> = fixed.iter().enumerate().map(name).collect::<Result<_, _>>()?;
    for (i, name) in names.iter().enumerate() {
        if let Some(first) = names[..i].iter().position(|other| other == name) {
            // Two objects of the user's are two models, though they may have one name.
            let is_object = matches!(models[i].spec, ModelSpec::Own(_));
            if models[first].spec == models[i].spec && !is_object {
                return Err(ModelNameError::Twice { name: name.clone() });
            }
            return Err(ModelNameError::Taken {
                name: name.clone(),
                first: models[first].spec.to_string(),
                second: models[i].spec.to_string(),
            });
        }
    }
    Ok(names)
}

/// A model's folder or file, or the folder of a control, that the user gave no name.
struct Folder {
    /// What stands before the path in the name.
    prefix: String,
    /// The whole path.
    path: PathBuf,
    /// The parts of the path, without its root.
    parts: Vec<String>,
    /// What follows the path in the name.
    suffix: String,
}

impl Folder {
    fn of(model: &NamedModel) -> Option<Self> {
        let (prefix, path, suffix) = match &model.spec {
            ModelSpec::Encoder { source, bare_patches } => {
                let (prefix, path, suffix) = place_of(source)?;
                let variant = if *bare_patches { "@bare-patches" } else { "" };
                (prefix.to_owned(), path, format!("{suffix}{variant}"))
            }
            ModelSpec::Features(path) => (String::new(), path.as_path(), String::new()),
            ModelSpec::Torch(model) => (model.before_folder(), model.folder()?, model.behind()),
            _ => return None,
        };
        if model.name.is_some() || model.state.is_some() {
            return None;
        }
        let path = whole_path(path);
        let part = |part: Component<'_>| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        };
        let parts = path.components().filter_map(part).collect();
        Some(Self { prefix, path, parts, suffix })
    }

    /// The shortest ending that is not an ending of another folder, nor among names that are taken.
    fn shortest(&self, others: &[&Self], taken: &BTreeSet<&str>) -> Result<String, ModelNameError> {
        let Self { prefix, suffix, .. } = self;
        let fits = |ending: &&[String], name: &str| {
            // A control is called as its model is.
            let again = |other: &&Self| other.path != self.path && other.parts.ends_with(ending);
            let is_control = prefix.is_empty() && name.starts_with("random:");
            let meant = is_reserved(name) || is_control || taken.contains(name);
            !meant && !others.iter().any(again)
        };
        let endings = (1..=self.parts.len()).map(|n| &self.parts[self.parts.len() - n..]);
        let mut names =
            endings.map(|ending| (ending, format!("{prefix}{}{suffix}", ending.join("/"))));
        let whole = || format!("{prefix}{}{suffix}", self.path.display());
        let name = names.find(|(e, name)| fits(e, name)).map_or_else(whole, |(_, name)| name);
        match name.contains(is_hidden) {
            true => Err(ModelNameError::Folder { path: self.path.clone() }),
            false => Ok(name),
        }
    }
}

/// What stands before the path of a folder or a file in the name of its model, the path, and what
/// stands behind it; `None` if it lies in none.
fn place_of(source: &ModelSource) -> Option<(&'static str, &Path, String)> {
    Some(match source {
        ModelSource::Folder(path) => ("", path, String::new()),
        ModelSource::File(file) => {
            let part = file.part.as_ref().map_or(String::new(), |part| format!("#{part}"));
            ("", &file.path, part)
        }
        ModelSource::DreamSim { folder, model } => ("", folder, format!("#{}", model.type_name())),
        ModelSource::Random { of, seed } => {
            let (_, path, suffix) = place_of(of)?;
            let seed = if *seed == 0 { String::new() } else { format!("@seed={seed}") };
            ("random:", path, format!("{suffix}{seed}"))
        }
        ModelSource::Hub(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: Option<&str>, spec: &str) -> NamedModel {
        let spec = match spec.starts_with('/') {
            true => ModelSpec::folder(spec),
            false => spec.parse().expect("a model"),
        };
        NamedModel::new(name.map(str::to_owned), spec)
    }

    fn names(specs: &[&str]) -> Vec<String> {
        names_of(&specs.iter().map(|spec| named(None, spec)).collect::<Vec<_>>()).expect("names")
    }

    #[test]
    fn a_folder_is_called_by_the_shortest_ending_that_tells_it_apart() {
        assert_eq!(names(&["/home/me/ckpt/dinov2-vits14"]), ["dinov2-vits14"]);
        assert_eq!(names(&["/x/a/model", "/x/b/model"]), ["a/model", "b/model"]);
        assert_eq!(names(&["/x/model", "/model"]), ["x/model", "/model"]);
        assert_eq!(names(&["/a/m", "/a/m/m", "/a/n"]), ["a/m", "m/m", "n"]);
        assert_eq!(names(&["/a/xmodel", "/b/model"]), ["xmodel", "model"], "whole components");
    }

    #[test]
    fn a_control_of_a_folder_is_called_after_it() {
        let control = |path: &str, seed| {
            let source = ModelSource::Folder(path.into()).untrained(seed);
            NamedModel::from(ModelSpec::Encoder { source, bare_patches: false })
        };
        let models = [
            ModelSpec::folder("/x/a/net").into(),
            control("/x/a/net", 0),
            control("/x/a/net", 3),
            control("/x/b/net", 3),
        ];
        let names = names_of(&models).expect("names");
        assert_eq!(names, ["a/net", "random:a/net", "random:a/net@seed=3", "random:b/net@seed=3"]);
    }

    #[test]
    fn a_folder_is_not_called_what_means_something_else() {
        assert_eq!(names(&["/ckpt/ssim", "/ckpt/pixels"]), ["ckpt/ssim", "ckpt/pixels"]);
        assert_eq!(names(&["/ckpt/random:x"]), ["ckpt/random:x"]);
        assert_eq!(names(&["/x/a/b", "a/b", "/y/b"]), ["x/a/b", "a/b", "y/b"]);
        let mine = [named(Some("model"), "a/b"), named(None, "/x/model")];
        assert_eq!(names_of(&mine).expect("names"), ["model", "x/model"]);
    }

    #[test]
    fn what_is_not_a_folder_keeps_its_name() {
        let specs = ["a/b@main", "random:a/b@seed=3", "ssim", "pixels", "a/b@bare-patches"];
        assert_eq!(names(&specs), specs);
    }

    #[test]
    fn a_folder_as_published_has_another_name_than_the_folder() {
        let folder = |bare_patches| {
            let source = ModelSource::Folder("/x/bio".into());
            NamedModel::from(ModelSpec::Encoder { source, bare_patches })
        };
        let found = names_of(&[folder(false), folder(true)]).expect("names");
        assert_eq!(found, ["bio", "bio@bare-patches"]);
    }

    #[test]
    fn a_name_that_cannot_be_is_an_error() {
        let error = |name: &str, spec: &str| {
            names_of(&[named(Some(name), spec)]).expect_err("no name").to_string()
        };
        for (name, spec, words) in [
            ("", "a/b", "empty"),
            (" ", "a/b", "empty"),
            ("a\nb", "a/b", "'\\n'"),
            ("a\u{202e}b", "a/b", "u{202e}"),
            ("a\u{61c}b", "a/b", "u{61c}"),
            ("a\u{feff}b", "a/b", "u{feff}"),
            ("a/b", "c/d", "'/'"),
            ("a@1", "c/d", "'@'"),
            ("random:x", "c/d", "':'"),
            ("ssim", "a/b", "`ssim`"),
            ("pixels", "a/b", "`pixels`"),
            ("mine", "ssim", "leave out `mine=`"),
            ("lpips-vgg", "lpips-alex", "leave out"),
        ] {
            let said = error(name, spec);
            assert!(said.contains(words), "{name} {spec}: {said}");
        }
        assert_eq!(names_of(&[named(Some("ssim"), "ssim")]).expect("itself"), ["ssim"]);
        let two = [named(Some("x"), "a/b"), named(Some("x"), "c/d")];
        let said = names_of(&two).expect_err("one name").to_string();
        assert!(said.contains("a/b and c/d"), "{said}");
    }

    #[test]
    fn a_folder_whose_name_does_not_show_must_be_given_one() {
        let models = [named(None, "/x/a\nb")];
        assert!(matches!(names_of(&models), Err(ModelNameError::Folder { .. })));
        let models = [named(Some("fine"), "/x/a\nb")];
        assert_eq!(names_of(&models).expect("a name"), ["fine"]);
    }

    #[test]
    fn a_name_stands_before_the_first_equals_sign() {
        let read = |text: &str| text.parse::<NamedModel>().map(|m| (m.name, m.spec.to_string()));
        let some = |name: &str, spec: &str| Ok((Some(name.to_owned()), spec.to_owned()));
        assert_eq!(read("mine=a/b@main"), some("mine", "a/b@main"));
        assert_eq!(read("my model=random:a/b@seed=3"), some("my model", "random:a/b@seed=3"));
        assert_eq!(read("random:a/b@seed=3"), Ok((None, "random:a/b@seed=3".to_owned())));
        assert!(matches!(read("=a/b"), Err(ModelSpecError::Name(ModelNameError::Empty))));
        assert!(matches!(read("mine="), Err(ModelSpecError::Empty)));
        assert!(matches!(read("a/b@x=c"), Err(ModelSpecError::Modifier { .. })));
        assert!(matches!(read("C:\\models=1"), Err(ModelSpecError::Unknown { .. })));
    }

    #[test]
    fn a_folder_with_an_equals_sign_is_a_folder() {
        let place = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(place.path().join("lr=0.1/last")).expect("made");
        let read = |text: &str| NamedModel::read(text, Some(place.path())).expect("a folder");
        let plain = read("lr=0.1");
        assert_eq!((plain.name, names(&[&plain.spec.to_string()])[0].as_str()), (None, "lr=0.1"));
        assert_eq!(read("lr=0.1/last").name, None);
        let mine = read("mine=lr=0.1/last");
        assert_eq!(mine.name.as_deref(), Some("mine"));
        assert_eq!(mine.spec, ModelSpec::folder(place.path().join("lr=0.1/last")));
    }
}
