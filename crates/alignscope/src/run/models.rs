//! The models of a run: which specification becomes which model.

use std::path::Path;

use super::ExperimentError;
use crate::encoder::Checkpoint;
use crate::experiment::Experiment;
use crate::features::{FeatureFolder, Reading};
use crate::metric::{LoadedMetric, MetricError, MetricFolders, MetricKind};
use crate::model::{
    Activations, DreamSimMetric, EncoderSource, Metric, Model, ModelError, Pixels, StageTransform,
    TorchModels, UserModel, UserSource,
};
use crate::model_spec::{Backend, DreamSim, ModelSpec, NamedModel, SeriesStep, names_of};
use crate::progress::Progress;
use crate::results::MAX_MODELS;
use crate::stage::Stage;

/// A model of a run, checked before the first image is read.
pub(super) struct RunModel<'a> {
    /// As results call it.
    pub(super) name: String,
    /// Wherever it is named from: as it is written, but a folder by its whole path.
    pub(super) place: String,
    /// Which state of a series it is, if it is one.
    pub(super) state: Option<SeriesStep>,
    /// Where its stages stand in figures, if the user says it.
    pub(super) depths: Option<Vec<f64>>,
    pub(super) model: Box<dyn Model + 'a>,
}

impl RunModel<'_> {
    /// Where each of its stages stands in figures: where the user says, or as follows from their names.
    pub(super) fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        self.depths.clone().unwrap_or_else(|| self.model.facts().depths(stages))
    }
}

impl Experiment {
    /// The models, their files hashed.
    pub(super) fn models<'a>(
        &self,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        progress: &'a dyn Progress,
    ) -> Result<Vec<RunModel<'a>>, ExperimentError> {
        let specs = self.all_models()?;
        let names = names_of(&specs)?;
        let mut own: Vec<Option<UserModel<'a>>> = own.into_iter().map(Some).collect();
        let mut models = Vec::with_capacity(specs.len());
        for (NamedModel { spec, state, .. }, name) in specs.into_iter().zip(names) {
            let mut depths = None;
            let model: Box<dyn Model + 'a> = match &spec {
                ModelSpec::Own(wanted) => {
                    let mut own = own.iter_mut();
                    let is_it = |own: &&mut Option<UserModel<'_>>| {
                        own.as_ref().is_some_and(|own| own.name == *wanted)
                    };
                    let found = own.find(is_it).and_then(Option::take);
                    let found = found.ok_or_else(|| ExperimentError::NotGiven(name.clone()))?;
                    depths.clone_from(&found.depths);
                    found.into_model()?
                }
                ModelSpec::Features(path) => self.features(path, &name)?,
                ModelSpec::MetricKind(baseline) => Box::new(Metric(self.baseline(*baseline)?)),
                ModelSpec::DreamSim(model) => Box::new(Metric(self.dreamsim(*model, progress)?)),
                ModelSpec::Pixels => Box::new(Metric(Pixels)),
                ModelSpec::Torch(model) => self.torch_model(model, &name, torch, progress)?,
                ModelSpec::Encoder { source, bare_patches } if self.backend == Backend::Torch => {
                    let called = as_named(&name, &spec);
                    let model = self.by_torch(source, *bare_patches, &called, progress)?;
                    self.torch_model(&model, &name, torch, progress)?
                }
                ModelSpec::Encoder { .. } => {
                    Box::new(Activations(self.encoder(&spec, &name, progress)?))
                }
                ModelSpec::Series(_) => unreachable!("a run has the states of a series"),
            };
            let state = state.map(|state| state.at);
            let (name, model) = match self.transform.as_ref().filter(|_| spec.has_stages()) {
                Some(transform) => {
                    depths = None;
                    let transform = StageTransform::read(&name, transform)?;
                    (transformed_name(&name), model.transformed(transform)?)
                }
                None => (name, model),
            };
            models.push(RunModel { name, place: spec.place(), state, depths, model });
        }
        match own.into_iter().flatten().next() {
            Some(twice) => Err(ExperimentError::Twice { what: "model", name: twice.name }),
            None => Ok(models),
        }
    }

    /// Features in a folder.
    fn features<'a>(
        &self,
        path: &Path,
        name: &str,
    ) -> Result<Box<dyn Model + 'a>, ExperimentError> {
        let folder = FeatureFolder::open(path).map_err(|source| ModelError::FeatureFolder {
            model: name.to_owned(),
            source: Box::new(source),
        })?;
        let reading =
            Reading { tokens: self.tokens, prefix: self.prefix_tokens, layouts: self.layouts };
        let source = UserSource::Features(folder.into());
        Ok(UserModel { name: name.to_owned(), reading, source, depths: None }.into_model()?)
    }

    fn baseline(&self, model: MetricKind) -> Result<LoadedMetric, ExperimentError> {
        let load = || {
            let folders = MetricFolders::new(self.weights.as_deref())?;
            LoadedMetric::load(model, &folders)
        };
        Ok(load().map_err(|source| ModelError::Metric { model, source: Box::new(source) })?)
    }

    /// The distance of DreamSim, its encoders checked before the first image is read.
    fn dreamsim(
        &self,
        model: DreamSim,
        progress: &dyn Progress,
    ) -> Result<DreamSimMetric, ExperimentError> {
        let folders = MetricFolders::new(self.weights.as_deref());
        let folders = folders.map_err(|source: MetricError| ModelError::Folders {
            model: model.to_string(),
            source: Box::new(source),
        })?;
        let found = Checkpoint::find_dreamsim(model, folders.folders(), progress);
        let checkpoints = found.map_err(|source| ModelError::Model {
            model: model.to_string(),
            source: Box::new(source),
        })?;
        Ok(DreamSimMetric::new(model, checkpoints, self.precision))
    }

    /// An encoder, checked before the first image is read.
    fn encoder(
        &self,
        spec: &ModelSpec,
        name: &str,
        progress: &dyn Progress,
    ) -> Result<EncoderSource, ExperimentError> {
        let checkpoint = Checkpoint::of(spec, self.projection, self.tokens, progress);
        let checkpoint = checkpoint.map_err(|source| {
            let source = Box::new(source);
            ModelError::Model { model: as_named(name, spec), source }
        })?;
        let mut checkpoint = checkpoint.expect("the specification is an encoder's");
        checkpoint.precision = self.precision;
        Ok(EncoderSource::new(name.to_owned(), Box::new(checkpoint)))
    }

    /// The models asked for, with `pixels` first where it is to be added.
    fn all_models(&self) -> Result<Vec<NamedModel>, ExperimentError> {
        let mut models = self.models.clone();
        if self.pixels && models.iter().all(|model| model.spec != ModelSpec::Pixels) {
            models.insert(0, ModelSpec::Pixels.into());
        }
        if models.len() > MAX_MODELS {
            return Err(ExperimentError::Many { found: models.len() });
        }
        for (i, model) in models.iter().enumerate() {
            if let Some(other) = models[..i].iter().find(|other| other.spec.is_same_as(&model.spec))
            {
                let name = format!("{}{}", model.spec, of_series([other, model]));
                return Err(ExperimentError::Twice { what: "model", name });
            }
        }
        self.check_datasets()?;
        for (i, distance) in self.distances.iter().enumerate() {
            if self.distances[..i].contains(distance) {
                let name = distance.to_string();
                return Err(ExperimentError::Twice { what: "distance", name });
            }
        }
        let torch = |model: &NamedModel| matches!(model.spec, ModelSpec::Torch(_));
        let encoders = models.iter().any(|model| model.spec.is_encoder() || torch(model));
        let scaled = self.distances.iter().any(|d| d.needs_scale());
        if self.scale_from.is_some() && !(encoders && scaled) {
            return Err(ExperimentError::ScaleUnused);
        }
        let features = models.iter().any(|model| matches!(model.spec, ModelSpec::Features(_)));
        if !features && (self.prefix_tokens.is_some() || !self.layouts.is_empty()) {
            return Err(ExperimentError::FeaturesUnused);
        }
        self.check_torch(&models)?;
        if self.transform.is_some() && models.iter().all(|model| !model.spec.has_stages()) {
            return Err(ExperimentError::TransformUnused);
        }
        if models.is_empty() {
            return Err(ExperimentError::Nothing { what: "model" });
        }
        if self.datasets.is_empty() {
            return Err(ExperimentError::Nothing { what: "data set" });
        }
        if self.distances.is_empty() {
            return Err(ExperimentError::Nothing { what: "distance" });
        }
        Ok(models)
    }
}

/// What results call a model whose vectors are transformed.
pub(super) fn transformed_name(name: &str) -> String {
    format!("{name} (transformed)")
}

/// The series that a model of two that are the same is a state of, as an error says it.
fn of_series(models: [&NamedModel; 2]) -> String {
    let state = models.iter().find_map(|model| model.state.as_ref());
    state.map_or(String::new(), |state| format!(" (a state of `{}`)", state.asked.spec))
}

/// A model in an error: what it is called, and what it is where that is something else.
fn as_named(name: &str, spec: &ModelSpec) -> String {
    match spec.place() {
        place if place == name => place,
        place => format!("{name} ({place})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetFormat;
    use crate::prepared::DatasetSpec;

    fn experiment() -> Experiment {
        let dataset = DatasetSpec::new(DatasetFormat::PAIRS, "none".into());
        Experiment::new(vec![ModelSpec::untrained("a/b", 0)], vec![dataset], 1 << 30)
    }

    #[test]
    fn pixels_come_first_and_only_once() {
        let mut experiment = experiment();
        assert_eq!(experiment.all_models().expect("fine")[0].spec, ModelSpec::Pixels);
        experiment.models.push(ModelSpec::Pixels.into());
        assert_eq!(experiment.all_models().expect("fine").len(), 2);
        experiment.models.push(ModelSpec::Pixels.into());
        assert!(matches!(experiment.all_models(), Err(ExperimentError::Twice { .. })));
    }

    #[test]
    fn a_grid_without_a_model_is_an_error() {
        let nothing = Experiment { models: vec![], pixels: false, ..experiment() };
        assert!(matches!(nothing.all_models(), Err(ExperimentError::Nothing { what: "model" })));
    }
}
