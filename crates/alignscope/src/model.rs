//! A model as users name it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A model as it is named on the command line and in results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelSpec {
    /// The pixels themselves.
    Pixels,
    /// The untrained control: a known architecture with random weights.
    Random {
        /// Id of the known model.
        id: String,
        /// Seed of the weights.
        seed: u64,
    },
    /// A checkpoint's folder.
    Folder(PathBuf),
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels => f.pad("pixels"),
            Self::Random { id, seed: 0 } => f.pad(&format!("random:{id}")),
            Self::Random { id, seed } => f.pad(&format!("random:{id}@seed={seed}")),
            Self::Folder(path) => f.pad(&path.display().to_string()),
        }
    }
}

/// A word that names no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelSpecError {
    /// No name at all.
    #[error("the name of a model is empty")]
    Empty,
    /// What follows `@` cannot be read.
    #[error(
        "`{found}` in the model `{name}` is not understood, expected `seed=` and a whole number"
    )]
    Modifier {
        /// The whole name.
        name: String,
        /// What follows `@`.
        found: String,
    },
    /// Neither a folder nor a known form.
    #[error(
        "`{0}` is not a folder; name a checkpoint's folder, `random:ID` for an untrained control, or `pixels` (see `alignscope list models`)"
    )]
    Unknown(String),
}

impl FromStr for ModelSpec {
    type Err = ModelSpecError;

    /// Reads `pixels`, `random:ID[@seed=N]` or the path of a folder.
    fn from_str(name: &str) -> Result<Self, ModelSpecError> {
        if name.is_empty() {
            return Err(ModelSpecError::Empty);
        }
        if name == "pixels" {
            return Ok(Self::Pixels);
        }
        if let Some(rest) = name.strip_prefix("random:") {
            let Some((id, modifier)) = rest.split_once('@') else {
                return Ok(Self::Random { id: rest.to_owned(), seed: 0 });
            };
            return match modifier.strip_prefix("seed=").map(str::parse) {
                Some(Ok(seed)) => Ok(Self::Random { id: id.to_owned(), seed }),
                _ => Err(ModelSpecError::Modifier {
                    name: name.to_owned(),
                    found: modifier.to_owned(),
                }),
            };
        }
        if Path::new(name).is_dir() {
            let trimmed = name.trim_end_matches('/');
            return Ok(Self::Folder(if trimmed.is_empty() { name } else { trimmed }.into()));
        }
        Err(ModelSpecError::Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_is_read_back_from_its_name() {
        for name in ["pixels", "random:openai/clip-vit-base-patch32", "random:a/b@seed=7"] {
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
    fn a_word_that_is_no_folder_is_an_error() {
        assert!(matches!("no/such/folder".parse::<ModelSpec>(), Err(ModelSpecError::Unknown(_))));
    }
}
