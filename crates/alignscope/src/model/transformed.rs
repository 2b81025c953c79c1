//! A model of which one stage is measured, its vectors transformed.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::activations::{ActivationSource, SetImages, SetReducer};
use super::{Cell, Facts, ModelError, Role};
use crate::encoder::Checkpoint;
use crate::input_file::HashedPath;
use crate::plan::{Beyond, Demand, Holding, MemoryPlan};
use crate::progress::Progress;
use crate::remedy::Advice;
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
    pub(super) fn apply(&self, cell: &Cell<'_>, vectors: &[f32]) -> Result<Vec<f32>, ModelError> {
        let _ = cell;
        Ok(self.transform.apply(vectors))
    }

    /// Finds its stage among those of the model, and holds its width to theirs.
    fn find(&mut self, widths: &[(Stage, usize)]) -> Result<(), ModelError> {
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
    fn told(&self) -> String {
        let stage = self.asked.map_or("the last stage".to_owned(), |stage| stage.to_string());
        format!("SHA-256 {} at {stage}", self.file.sha256)
    }
}

/// A source of activations of which one stage is measured, its vectors transformed.
pub(super) struct Transformed<S> {
    inner: S,
    transform: StageTransform,
}

impl<S: ActivationSource> Transformed<S> {
    pub(super) fn new(inner: S, transform: StageTransform) -> Self {
        Self { inner, transform }
    }

    /// The position of its stage among those of the source.
    fn place(&self, cell: &Cell<'_>) -> usize {
        let widths = self.inner.widths(cell);
        let place = widths.iter().position(|(stage, _)| *stage == self.transform.stage);
        place.expect("found when it was prepared")
    }
}

impl<S: ActivationSource> Facts for Transformed<S> {
    fn role(&self) -> Role {
        self.inner.role()
    }

    fn fingerprint(&self) -> Value {
        json!({ "transform": self.transform.told(), "of": self.inner.fingerprint() })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        let transform = ("transform".to_owned(), self.transform.told());
        self.inner.inputs().into_iter().chain([transform]).collect()
    }

    fn made_with(&self) -> BTreeMap<String, String> {
        self.inner.made_with()
    }

    fn compared(&self, cell: &Cell<'_>) -> (&'static str, String) {
        self.inner.compared(cell)
    }

    fn files(&self) -> Vec<FileRecord> {
        let mut files = self.inner.files();
        files.push(FileRecord::new(&self.transform.file));
        files
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        self.inner.checkpoint()
    }

    fn sums_by_caches(&self) -> bool {
        self.inner.sums_by_caches()
    }

    fn not_cached(&self) -> Option<&'static str> {
        self.inner.not_cached()
    }

    fn reads_images(&self) -> bool {
        self.inner.reads_images()
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        self.inner.depths(stages)
    }
}

impl<S: ActivationSource> ActivationSource for Transformed<S> {
    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        self.inner.prepare(cells, progress)?;
        cells.iter().try_for_each(|cell| self.transform.find(&self.inner.widths(cell)))
    }

    fn widths(&self, _: &Cell<'_>) -> Vec<(Stage, usize)> {
        vec![(self.transform.stage, self.transform.transform.outputs)]
    }

    fn load(&mut self, cell: &Cell<'_>, progress: &dyn Progress) -> Result<(), ModelError> {
        self.inner.load(cell, progress)
    }

    fn demand(&self, cell: &Cell<'_>) -> Demand {
        let demand = self.inner.demand(cell);
        let stage = demand.stages[self.place(cell)];
        let images = cell.dataset.dataset.images.len() as u64;
        let outputs = self.transform.transform.outputs;
        // The vectors of all images, and what becomes of them.
        let vectors = images * (stage.channels + outputs) as u64 * size_of::<f32>() as u64;
        Demand {
            fixed_bytes: demand.fixed_bytes + vectors,
            stages: vec![stage],
            // Stages are not asked for one after the other: there is one.
            image_bytes: match demand.beyond {
                Beyond::AskAgain => stage.image_bytes,
                _ => demand.image_bytes,
            },
            ..demand
        }
    }

    fn passes(&self) -> usize {
        self.inner.passes()
    }

    fn steps(&self, stages: usize) -> usize {
        self.inner.steps(stages)
    }

    fn encode(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        _: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let place = self.place(cell);
        let Self { inner, transform } = self;
        reducer.with_transform(transform, |reducer| {
            inner.encode(cell, images, place..place + 1, reducer)
        })
    }

    fn holding(&self, plan: &MemoryPlan, _: &[(Stage, usize)]) -> Option<Holding> {
        self.inner.holding(plan, &[(self.transform.stage, self.transform.transform.outputs)])
    }

    fn warnings(&self) -> Vec<Advice> {
        self.inner.warnings()
    }

    fn give_back(&mut self) {
        self.inner.give_back();
    }
}
