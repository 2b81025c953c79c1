//! A transform of one stage of a model.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::ModelError;
use crate::input_file::HashedPath;
use crate::results::FileRecord;
use crate::stage::Stage;
use crate::transform::{Transform, read_transform};

/// A transform as the user names it: `FILE`, or `FILE@STAGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransformSpec {
    /// The file, as gLocal publishes it.
    pub file: PathBuf,
    /// The stage; `None` for the last of the model.
    pub stage: Option<Stage>,
}

impl FromStr for TransformSpec {
    type Err = std::convert::Infallible;

    /// What stands behind the last `@` is a stage, unless the whole is a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = || Self { file: text.into(), stage: None };
        Ok(match text.rsplit_once('@') {
            Some((file, stage)) if !stage.contains(['/', '\\']) && !Path::new(text).exists() => {
                Self { file: file.into(), stage: Some(Stage::in_results(stage)) }
            }
            _ => whole(),
        })
    }
}

impl fmt::Display for TransformSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stage {
            Some(stage) => write!(f, "{}@{stage}", self.file.display()),
            None => write!(f, "{}", self.file.display()),
        }
    }
}

/// A transform that was read, for a model.
#[derive(Debug, Clone)]
pub struct StageTransform {
    /// What results call the model.
    pub model: String,
    /// The stage; [`Stage::Output`] stands for the last until the model says its own.
    pub(super) stage: Stage,
    asked: Option<Stage>,
    transform: Arc<Transform>,
    file: HashedPath,
}

impl StageTransform {
    /// Reads the transform of a model.
    ///
    /// # Errors
    /// [`ModelError::TransformFile`].
    pub fn read(model: &str, spec: &TransformSpec) -> Result<Self, ModelError> {
        let read = read_transform(&spec.file).map_err(|source| ModelError::TransformFile {
            model: model.to_owned(),
            source: Box::new(source),
        });
        let (transform, file) = read?;
        Ok(Self {
            model: model.to_owned(),
            stage: spec.stage.unwrap_or(Stage::Output),
            asked: spec.stage,
            transform: Arc::new(transform),
            file,
        })
    }

    /// The transformed vectors, `[images, outputs]`.
    pub(super) fn apply(&self, vectors: &[f32]) -> Vec<f32> {
        self.transform.apply(vectors)
    }

    /// Numbers of a transformed vector.
    pub(super) fn outputs(&self) -> usize {
        self.transform.outputs
    }

    /// Its file.
    pub(super) fn file(&self) -> FileRecord {
        FileRecord::new(&self.file)
    }

    /// Finds its stage among those of the model, and holds its width to theirs.
    pub(super) fn find(&mut self, widths: &[(Stage, usize)]) -> Result<(), ModelError> {
        let place = match self.asked {
            None => widths.len().checked_sub(1),
            Some(asked) => widths.iter().position(|(stage, _)| *stage == asked),
        };
        let path = self.file.path.clone();
        let Some(place) = place else {
            return Err(ModelError::TransformStage {
                model: self.model.clone(),
                path,
                stage: self.stage,
                found: widths.iter().map(|(stage, _)| *stage).collect(),
            });
        };
        let (stage, expected) = widths[place];
        self.stage = stage;
        match self.transform.channels() {
            found if found == expected => Ok(()),
            found => {
                let model = self.model.clone();
                Err(ModelError::TransformWidth { model, path, stage, found, expected })
            }
        }
    }

    /// What it is, for fingerprints.
    pub(super) fn told(&self) -> String {
        let stage = self.asked.map_or("the last stage".to_owned(), |stage| stage.to_string());
        format!("SHA-256 {} at {stage}", self.file.sha256)
    }
}
