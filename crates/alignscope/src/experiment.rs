//! The whole way: models × data sets to scores.

mod baselines;
mod compare;
mod error;
mod figures;
mod file;
mod piece;
mod pixels;
mod prepared;
mod record;
mod scoring;
mod shares;
mod tiles;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use compare::{CompareError, CompareRequest, Comparisons, WithPeople, compare_runs};
pub use error::ExperimentError;
pub use figures::{FigureSpec, Presentation, draw};
pub use file::{ExperimentFile, ExperimentFileError};
use prepared::PreparedDataset;
use scoring::Scoring;

use crate::baseline::{BaselineFolders, BaselineModel};
use crate::dataset::{DatasetKind, DatasetOptions};
use crate::distance::Distance;
use crate::encoder::{Checkpoint, Encoder, Precision, Tokens};
use crate::model::{ModelSpec, ProjectionForm};
use crate::progress::Progress;
use crate::report::write_report;
use crate::resample::Resampling;
use crate::results::{
    BaselineRecord, DistanceRows, DistancesWriter, Drawn, EncodingTime, OutputFolder, ScaleWriter,
    ScoreRow, Times, read_scale, write_ceilings, write_comparisons, write_findings, write_scores,
    write_trials,
};
use crate::score::Ties;

/// A data set of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetSpec {
    /// Which data set.
    pub kind: DatasetKind,
    /// Its folder, or for a manifest also the file.
    pub data: PathBuf,
    /// What part of it.
    pub options: DatasetOptions,
}

/// A grid of models × data sets × distances.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// The models, in the order of the results.
    pub models: Vec<ModelSpec>,
    /// The data sets.
    pub datasets: Vec<DatasetSpec>,
    /// The kinds of distance.
    pub distances: Vec<Distance>,
    /// Which tokens' activations are compared.
    pub tokens: Tokens,
    /// The projection as it is, or divided by its L2 norm; as the model has it unless said
    /// otherwise.
    pub projection: Option<ProjectionForm>,
    /// In which arithmetic encoders multiply.
    pub precision: Precision,
    /// What a tie between a model's distances counts.
    pub ties: Ties,
    /// How intervals are made.
    pub resampling: Resampling,
    /// Side of the square that baselines see where a data set's images differ in size.
    pub baseline_size: usize,
    /// A folder in which weights of baselines are looked for first.
    pub weights: Option<PathBuf>,
    /// Whether `pixels` is added where `models` does not name it.
    pub pixels: bool,
    /// Bytes of memory to stay within.
    pub memory_bytes: u64,
    /// Folder of a run whose scales are taken instead of this run's own.
    pub scale_from: Option<PathBuf>,
    /// The figures; one of everything where there is none.
    pub figures: Vec<FigureSpec>,
    /// How figures and page look.
    pub presentation: Presentation,
    /// Whether the answers come from a simulated observer, which every result then says.
    pub simulated: bool,
    /// The command, for the manifest.
    pub command: Option<Vec<String>>,
}

/// The scales of another run: by model and data set, then by stage.
type ForeignScales = BTreeMap<(String, DatasetKind), BTreeMap<String, Vec<f64>>>;

/// What a model is made of.
#[derive(Debug)]
enum Source {
    Pixels,
    Baseline(BaselineModel),
    Encoder(Box<Checkpoint>),
}

impl Source {
    fn baseline(&self) -> Option<&BaselineModel> {
        match self {
            Self::Baseline(model) => Some(model),
            Self::Pixels | Self::Encoder(_) => None,
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// All scores, as in `scores.csv`.
    pub scores: Vec<ScoreRow>,
    /// Seconds from start to end.
    pub wall_s: f64,
}

impl Experiment {
    /// Runs all of it and fills `out`: `scores.csv`, `distances.parquet`, `trials.parquet`,
    /// `scale.parquet`, `ceilings.csv`, `findings.csv`, `comparisons.csv`, the figures as SVG, PNG
    /// and CSV, `manifest.json`, and from all of them `report.html`.
    ///
    /// The work is done by the threads of the rayon pool that this is called in; results do not
    /// depend on their number.
    ///
    /// # Errors
    /// See [`ExperimentError`]. Data sets, image headers and the models' small files are all
    /// checked before the first image is encoded. `out` then holds no file with a final name.
    pub fn run(
        &self,
        out: &OutputFolder,
        progress: &dyn Progress,
    ) -> Result<Summary, ExperimentError> {
        let started = SystemTime::now();
        let clock = Instant::now();
        let models = self.all_models()?;
        let sources = models
            .iter()
            .map(|model| self.source(model, progress))
            .collect::<Result<Vec<_>, _>>()?;
        let datasets = self
            .datasets
            .iter()
            .map(|spec| {
                let how = (&self.resampling, self.ties);
                PreparedDataset::open(spec, self.baseline_size, how, progress)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let encoders = sources.iter().any(|source| matches!(source, Source::Encoder(_)));
        if encoders && self.precision.is_imitated() {
            progress.note(&format!(
                "{}: this processor has no AMX; its sums are done by other instructions, several times slower than f32",
                self.precision
            ));
        }
        let baselines = sources.iter().filter_map(Source::baseline);
        self.check_baselines(&baselines.collect::<Vec<_>>(), &datasets, progress)?;
        let foreign_scales = self.foreign_scales(&models)?;

        let mut distances = DistancesWriter::create(&out.file("distances.parquet"))?;
        let mut scales = ScaleWriter::create(&out.file("scale.parquet"))?;
        let mut scoring = Scoring::new(self, &datasets);
        let mut computed = Vec::new();
        let mut encoding = Vec::new();
        for (model, source) in models.iter().zip(&sources) {
            let name = model.to_string();
            let encoder = match source {
                Source::Pixels | Source::Baseline(_) => None,
                Source::Encoder(checkpoint) => {
                    progress.begin(&format!("{name}: weights"), 0);
                    let encoder = Encoder::load(checkpoint).map_err(|source| {
                        ExperimentError::Model { model: name.clone(), source: Box::new(source) }
                    })?;
                    progress.end();
                    Some(encoder)
                }
            };
            for (position, dataset) in datasets.iter().enumerate() {
                let begun = Instant::now();
                let stages = match (&encoder, source) {
                    (None, Source::Baseline(model)) => {
                        let found =
                            baselines::distances(model, dataset, self.memory_bytes, progress)?;
                        computed.push(BaselineRecord {
                            model: name.clone(),
                            dataset: dataset.dataset.kind.to_string(),
                            images: dataset.dataset.images.len(),
                            features_computed: found.features_computed,
                            wall_s: found.wall_s,
                            compared: dataset.baseline_rule.to_string(),
                        });
                        vec![found.stage]
                    }
                    (None, _) => {
                        vec![pixels::stage_distances(dataset, self.memory_bytes, progress)?]
                    }
                    (Some(encoder), _) => piece::stage_distances(
                        &piece::Request {
                            model: &name,
                            encoder,
                            dataset,
                            distances: &self.distances,
                            tokens: self.tokens,
                            memory_bytes: self.memory_bytes,
                            foreign_scales: foreign_scales
                                .get(&(name.clone(), dataset.dataset.kind)),
                        },
                        progress,
                    )?,
                };
                if encoder.is_some() {
                    encoding.push(EncodingTime {
                        model: name.clone(),
                        dataset: dataset.dataset.kind.to_string(),
                        images: dataset.dataset.images.len(),
                        wall_s: begun.elapsed().as_secs_f64(),
                    });
                }
                let blocks = encoder.as_ref().map_or(0, |e| e.architecture().blocks);
                for stage in &stages {
                    if let Some(scale) = &stage.scale {
                        scales.write(dataset.dataset.kind, &name, stage.stage, scale.values())?;
                    }
                    for (distance, values) in &stage.distances {
                        distances.write(DistanceRows {
                            dataset: dataset.dataset.kind,
                            model: &name,
                            stage: stage.stage,
                            distance: *distance,
                            images: &dataset.dataset.images,
                            pairs: &dataset.pairs,
                            values,
                        })?;
                    }
                }
                scoring.add(position, &name, blocks, &stages)?;
            }
        }

        distances.finish()?;
        scales.finish()?;
        let opened: Vec<_> = datasets.iter().map(|d| (&d.dataset, d.scorer.clusters())).collect();
        write_trials(&out.file("trials.parquet"), &opened)?;
        progress.begin("comparing", 0);
        let (findings, comparisons) = (scoring.findings(), scoring.comparisons());
        progress.end();
        let rows = scoring.rows;
        let ceilings: Vec<_> =
            datasets.iter().flat_map(|d| d.ceilings.iter().map(|c| c.row.clone())).collect();
        write_ceilings(&out.file("ceilings.csv"), &ceilings)?;
        write_findings(&out.file("findings.csv"), &findings)?;
        write_comparisons(&out.file("comparisons.csv"), &comparisons)?;
        write_scores(&out.file("scores.csv"), &rows)?;
        let figures = draw(&rows, &self.drawn(), out.path())?;
        let wall_s = clock.elapsed().as_secs_f64();
        let times = Times {
            started_unix_s: started.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            wall_s,
            encoding,
        };
        self.manifest(&models, &sources, &datasets, computed, times)?
            .write(&out.file("manifest.json"))?;
        write_report(out.path(), &figures)?;
        Ok(Summary { scores: rows, wall_s })
    }

    /// What a model is made of, checked before the first image is read.
    fn source(
        &self,
        model: &ModelSpec,
        progress: &dyn Progress,
    ) -> Result<Source, ExperimentError> {
        if let ModelSpec::Baseline(baseline) = model {
            let load = || {
                let folders = BaselineFolders::new(self.weights.as_deref())?;
                BaselineModel::load(*baseline, &folders)
            };
            let error = |source| ExperimentError::Baseline { model: *baseline, source };
            return load().map(Source::Baseline).map_err(error);
        }
        match Checkpoint::of(model, self.projection, self.tokens, progress) {
            Ok(None) => Ok(Source::Pixels),
            Ok(Some(mut checkpoint)) => {
                checkpoint.precision = self.precision;
                Ok(Source::Encoder(Box::new(checkpoint)))
            }
            Err(source) => {
                let source = Box::new(source);
                Err(ExperimentError::Model { model: model.to_string(), source })
            }
        }
    }

    /// Says what of the baselines the user must know, and refuses what cannot be run.
    fn check_baselines(
        &self,
        models: &[&BaselineModel],
        datasets: &[PreparedDataset],
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        for model in models {
            for file in model.files().iter().filter(|file| !file.published) {
                progress.note(&format!(
                    "{}: {} is not the file that was published (SHA-256 {})",
                    model.baseline(),
                    file.path.display(),
                    file.sha256
                ));
            }
            datasets.iter().try_for_each(|d| baselines::check(model, d, self.memory_bytes))?;
        }
        for dataset in datasets.iter().filter(|_| !models.is_empty()) {
            let kind = dataset.dataset.kind;
            progress.note(&format!("{kind}: baselines compare {}", dataset.baseline_rule));
        }
        Ok(())
    }

    fn figures(&self) -> Vec<FigureSpec> {
        match self.figures.is_empty() {
            true => {
                let encoders = self.models.iter().filter(|model| model.is_encoder()).count();
                FigureSpec::of_all(encoders, &self.distances)
            }
            false => self.figures.clone(),
        }
    }

    /// What the figures of the run need beside its scores.
    fn drawn(&self) -> Drawn<FigureSpec> {
        let Presentation { title, colours, published } = self.presentation.clone();
        Drawn { simulated: self.simulated, title, colours, published, figures: self.figures() }
    }

    /// The models asked for, with `pixels` first where it is to be added.
    fn all_models(&self) -> Result<Vec<ModelSpec>, ExperimentError> {
        let mut models = self.models.clone();
        if self.pixels && !models.contains(&ModelSpec::Pixels) {
            models.insert(0, ModelSpec::Pixels);
        }
        for (i, model) in models.iter().enumerate() {
            if models[..i].contains(model) {
                return Err(ExperimentError::Twice { what: "model", name: model.to_string() });
            }
        }
        for (i, dataset) in self.datasets.iter().enumerate() {
            if self.datasets[..i].iter().any(|other| other.kind == dataset.kind) {
                let name = dataset.kind.to_string();
                return Err(ExperimentError::Twice { what: "data set", name });
            }
        }
        for (i, distance) in self.distances.iter().enumerate() {
            if self.distances[..i].contains(distance) {
                let name = distance.to_string();
                return Err(ExperimentError::Twice { what: "distance", name });
            }
        }
        let encoders = models.iter().any(ModelSpec::is_encoder);
        let normalized = self.distances.contains(&Distance::NormalizedEuclidean);
        if self.scale_from.is_some() && !(encoders && normalized) {
            return Err(ExperimentError::ScaleUnused);
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

    /// The scales of the run that `scale_from` names, for each model and data set of this one.
    fn foreign_scales(&self, models: &[ModelSpec]) -> Result<ForeignScales, ExperimentError> {
        let mut found = BTreeMap::new();
        let Some(run) = &self.scale_from else { return Ok(found) };
        let path = run.join("scale.parquet");
        for model in models.iter().filter(|m| m.is_encoder()).map(ToString::to_string) {
            for dataset in &self.datasets {
                let scales = read_scale(&path, &model, |name| name == dataset.kind.name())?;
                if scales.is_empty() {
                    return Err(ExperimentError::NoScale { path, model, dataset: dataset.kind });
                }
                found.insert((model.clone(), dataset.kind), scales);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Stage;

    fn experiment() -> Experiment {
        Experiment {
            models: vec![ModelSpec::untrained("a/b", 0)],
            datasets: vec![DatasetSpec {
                kind: DatasetKind::Pairs,
                data: "none".into(),
                options: DatasetOptions::default(),
            }],
            distances: Distance::ALL.to_vec(),
            tokens: Tokens::All,
            projection: None,
            baseline_size: 224,
            weights: None,
            precision: Precision::F32,
            ties: Ties::Miss,
            resampling: Resampling::default(),
            pixels: true,
            memory_bytes: 1 << 30,
            scale_from: None,
            figures: vec![],
            presentation: Presentation::default(),
            simulated: false,
            command: None,
        }
    }

    #[test]
    fn pixels_come_first_and_only_once() {
        let mut experiment = experiment();
        assert_eq!(experiment.all_models().expect("fine")[0], ModelSpec::Pixels);
        experiment.models.push(ModelSpec::Pixels);
        assert_eq!(experiment.all_models().expect("fine").len(), 2);
        experiment.models.push(ModelSpec::Pixels);
        assert!(matches!(experiment.all_models(), Err(ExperimentError::Twice { .. })));
    }

    #[test]
    fn a_grid_without_a_model_is_an_error() {
        let nothing = Experiment { models: vec![], pixels: false, ..experiment() };
        assert!(matches!(nothing.all_models(), Err(ExperimentError::Nothing { what: "model" })));
    }

    #[test]
    fn stages_of_a_model_are_in_order_of_depth() {
        let depths: Vec<f64> =
            Stage::of_encoder(24).into_iter().map(|s| s.depth_percent(24)).collect();
        assert!(depths.is_sorted());
    }
}
