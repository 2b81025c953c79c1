//! A file of weights as a model.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::whole_path::whole_path;
use super::{ModelSpecError, folder_at, is_hub_id};
use crate::user_folders::expand_home;

/// How the names of files of weights end; also those of lists of shards.
const ENDS: [&str; 7] =
    [".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".safetensors.index.json", ".bin.index.json"];

/// What stands before the model whose architecture a file of weights has.
pub(super) const LIKE: &str = "@like=";

/// A file of weights: `FILE[#PART][@like=WHAT]`.
///
/// Its architecture and its preprocessing are those of what `like` names, or else what a
/// configuration beside the file says.
///
/// ```
/// use alignscope::CheckpointFile;
///
/// let file = CheckpointFile::new("run/last.ckpt");
/// assert_eq!(file.to_string(), "run/last.ckpt");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckpointFile {
    /// The file.
    pub path: PathBuf,
    /// Which of several models in it: a key of its dictionaries, or how the names of its tensors
    /// begin.
    pub part: Option<String>,
    /// What the model is like.
    pub like: Option<Like>,
}

/// A model whose architecture and preprocessing another has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Like {
    /// A model of the catalogue, by its id.
    Known(String),
    /// A checkpoint's folder, of which only the configuration is read.
    Folder(PathBuf),
}

impl fmt::Display for Like {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => f.pad(id),
            Self::Folder(path) => f.pad(&path.display().to_string()),
        }
    }
}

impl FromStr for Like {
    type Err = Infallible;

    /// A folder that is there comes before an id.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::read(text, None))
    }
}

impl Like {
    /// What stands behind `@like=` in `name`.
    ///
    /// # Errors
    /// It is neither a folder nor an id.
    pub(super) fn of(name: &str, text: &str, base: Option<&Path>) -> Result<Self, ModelSpecError> {
        match Self::read(text, base) {
            Self::Known(like) if !is_hub_id(&like) => {
                Err(ModelSpecError::Like { name: name.to_owned(), like })
            }
            like => Ok(like),
        }
    }

    fn read(text: &str, base: Option<&Path>) -> Self {
        match folder_at(text, base) {
            Some(folder) => Self::Folder(folder),
            None => Self::Known(text.to_owned()),
        }
    }

    /// The same, a folder by its whole path.
    pub(super) fn whole(&self) -> Self {
        self.with_folder(&whole_path)
    }

    fn with_folder(&self, change: &dyn Fn(&Path) -> PathBuf) -> Self {
        match self {
            Self::Folder(folder) => Self::Folder(change(folder)),
            Self::Known(id) => Self::Known(id.clone()),
        }
    }
}

impl fmt::Display for CheckpointFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part.as_ref().map_or(String::new(), |part| format!("#{part}"));
        let like = self.like.as_ref().map_or(String::new(), |like| format!("{LIKE}{like}"));
        f.pad(&format!("{}{part}{like}", self.path.display()))
    }
}

impl CheckpointFile {
    /// A file whose configuration lies beside it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), part: None, like: None }
    }

    /// The same with the architecture and the preprocessing of another model.
    pub fn like(self, like: Like) -> Self {
        Self { like: Some(like), ..self }
    }

    /// The same with its paths changed.
    pub(super) fn with_paths(&self, change: &dyn Fn(&Path) -> PathBuf) -> Self {
        let like = self.like.as_ref().map(|like| like.with_folder(change));
        Self { path: change(&self.path), part: self.part.clone(), like }
    }

    /// Reads `FILE[#PART][@like=WHAT]`, which is all of `name` but for `@bare-patches`; `None` if it
    /// names no file of weights. Paths lie relative to `base`, if there is one.
    ///
    /// # Errors
    /// It names a file that is not there, or nothing behind `#` or `@like=`.
    pub(super) fn read(
        name: &str,
        rest: &str,
        base: Option<&Path>,
    ) -> Result<Option<Self>, ModelSpecError> {
        let (file, like) = match rest.split_once(LIKE) {
            Some((file, like)) => (file, Some(like)),
            None => (rest, None),
        };
        let (path, part) = match file_at(file, base) {
            Some(path) => (Some(path), None),
            None => match file.rsplit_once('#') {
                Some((file, part)) => (file_at(file, base), Some(part)),
                None => (None, None),
            },
        };
        let wanted = path.as_deref().map_or(Path::new(file), |path| path).to_string_lossy();
        let before = wanted.rsplit_once('#').map_or(&*wanted, |(before, _)| before);
        if like.is_none() && !is_weights(&wanted) && !is_weights(before) {
            return Ok(None);
        }
        let Some(path) = path else {
            return Err(ModelSpecError::NoCheckpointFile { name: name.to_owned() });
        };
        if part.is_some_and(str::is_empty) || like.is_some_and(str::is_empty) {
            let found = if part.is_some_and(str::is_empty) { "#" } else { LIKE };
            let name = name.to_owned();
            return Err(ModelSpecError::EmptyModifier { name, found: found.to_owned() });
        }
        let like = like.map(|like| Like::of(name, like, base)).transpose()?;
        Ok(Some(Self { path, part: part.map(str::to_owned), like }))
    }

    /// Whether a text is the name of a file that is there, also with what may follow it.
    pub(super) fn is_there(text: &str, base: Option<&Path>) -> bool {
        let file = text.split_once(LIKE).map_or(text, |(file, _)| file);
        let before = file.rsplit_once('#').map_or(file, |(before, _)| before);
        [file, before].iter().any(|file| file_at(file, base).is_some())
    }
}

/// Whether a file is called as files of weights are.
pub(super) fn is_weights(name: &str) -> bool {
    ENDS.iter().any(|end| name.ends_with(end))
}

/// The file of that name, if it is there; it lies relative to `base`, if there is one.
fn file_at(name: &str, base: Option<&Path>) -> Option<PathBuf> {
    let path = expand_home(Path::new(name)).ok()?;
    let path = base.map_or(path.clone(), |base| base.join(path));
    (!name.is_empty() && path.is_file()).then_some(path)
}
