//! A model as users name it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::baseline::Baseline;
use crate::hub::HubModel;

/// A model as it is named on the command line and in results.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelSpec {
    /// The pixels themselves.
    Pixels,
    /// A measure of image quality.
    Baseline(Baseline),
    /// An encoder.
    Encoder {
        /// Where its weights come from.
        source: ModelSource,
        /// Whether its blocks are fed the bare patch embedding, as the study did with BiomedCLIP.
        published: bool,
    },
}

/// Where an encoder's weights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelSource {
    /// The untrained control: a known architecture with random weights.
    Random {
        /// Id of the known model.
        id: String,
        /// Seed of the weights.
        seed: u64,
    },
    /// A checkpoint's folder.
    Folder(PathBuf),
    /// A model of the hub.
    Hub(HubModel),
}

impl ModelSpec {
    /// The untrained control of a known model.
    pub fn untrained(id: impl Into<String>, seed: u64) -> Self {
        Self::Encoder { source: ModelSource::Random { id: id.into(), seed }, published: false }
    }

    /// Whether it has stages, and not one output alone.
    pub fn is_encoder(&self) -> bool {
        matches!(self, Self::Encoder { .. })
    }

    /// A checkpoint's folder.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        Self::Encoder { source: ModelSource::Folder(path.into()), published: false }
    }
}

impl fmt::Display for ModelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, published) = match self {
            Self::Pixels => return f.pad("pixels"),
            Self::Baseline(baseline) => return baseline.fmt(f),
            Self::Encoder { source, published } => (source, published),
        };
        let variant = if *published { "@published" } else { "" };
        f.pad(&match source {
            ModelSource::Random { id, seed: 0 } => format!("random:{id}{variant}"),
            ModelSource::Random { id, seed } => format!("random:{id}@seed={seed}{variant}"),
            ModelSource::Folder(path) => format!("{}{variant}", path.display()),
            ModelSource::Hub(model) => format!("{model}{variant}"),
        })
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
    #[error("the name of a model is empty")]
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
    /// Neither a folder nor another known form.
    #[error(
        "`{0}` is not a folder, nor an id of the hub (OWNER/NAME); name one of them, `random:ID` for an untrained control, a baseline, or `pixels` (see `alignscope list models`)"
    )]
    Unknown(String),
}

impl FromStr for ModelSpec {
    type Err = ModelSpecError;

    /// Reads `pixels`, a baseline, `random:ID[@seed=N][@published]`, `FOLDER[@published]` or
    /// `OWNER/NAME[@REVISION][@published]`. A folder that is there comes before an id.
    fn from_str(name: &str) -> Result<Self, ModelSpecError> {
        if name.is_empty() {
            return Err(ModelSpecError::Empty);
        }
        if name == "pixels" {
            return Ok(Self::Pixels);
        }
        if let Ok(baseline) = name.parse() {
            return Ok(Self::Baseline(baseline));
        }
        let (rest, published) = match name.strip_suffix("@published") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let source = if let Some(rest) = rest.strip_prefix("random:") {
            match rest.split_once('@') {
                None => ModelSource::Random { id: rest.to_owned(), seed: 0 },
                Some((id, modifier)) => match modifier.strip_prefix("seed=").map(str::parse) {
                    Some(Ok(seed)) => ModelSource::Random { id: id.to_owned(), seed },
                    _ => {
                        return Err(ModelSpecError::Modifier {
                            name: name.to_owned(),
                            found: modifier.to_owned(),
                        });
                    }
                },
            }
        } else if Path::new(rest).is_dir() {
            let trimmed = rest.trim_end_matches('/');
            ModelSource::Folder(if trimmed.is_empty() { rest } else { trimmed }.into())
        } else {
            let (id, revision) = match rest.split_once('@') {
                None => (rest, None),
                Some((id, revision)) => (id, Some(revision)),
            };
            if !is_hub_id(id) {
                return Err(ModelSpecError::Unknown(name.to_owned()));
            }
            if let Some(found) = revision.filter(|revision| !is_revision(revision)) {
                let (name, found) = (name.to_owned(), found.to_owned());
                return Err(ModelSpecError::Modifier { name, found });
            }
            let revision = revision.map(ToOwned::to_owned);
            ModelSource::Hub(HubModel { id: id.to_owned(), revision })
        };
        Ok(Self::Encoder { source, published })
    }
}

/// Whether a word is formed as the ids of the hub are: an owner and a name.
fn is_hub_id(word: &str) -> bool {
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
            "random:a/b@seed=7@published",
            "openai/clip-vit-base-patch32",
            "openai/clip-vit-base-patch32@refs/pr/3",
            "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224@main@published",
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
    fn a_word_that_is_neither_a_folder_nor_an_id_is_an_error() {
        for word in ["no/such/folder", "clip", "../clip", "a/..", "/a/b", "a/b c", "./b", "~/b"] {
            let result = word.parse::<ModelSpec>();
            assert!(matches!(result, Err(ModelSpecError::Unknown(_))), "{word}: {result:?}");
        }
    }

    #[test]
    fn a_revision_that_cannot_be_is_an_error() {
        for word in ["a/b@", "a/b@seed=3", "a/b@../c", "a/b@x@y"] {
            let result = word.parse::<ModelSpec>();
            assert!(matches!(result, Err(ModelSpecError::Modifier { .. })), "{word}: {result:?}");
        }
    }
}
