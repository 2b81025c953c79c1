//! The whole way: models × data sets to scores.

mod error;
mod file;
mod piece;
mod pixels;
mod prepared;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use error::ExperimentError;
pub use file::{ExperimentFile, ExperimentFileError};
use piece::StageDistances;
use prepared::PreparedDataset;

use crate::dataset::{DatasetKind, DatasetOptions};
use crate::distance::Distance;
use crate::encoder::{Checkpoint, Encoder, Tokens};
use crate::figure::{Figure, FigureOptions};
use crate::model::{ModelSource, ModelSpec, ProjectionForm};
use crate::progress::Progress;
use crate::results::{
    DatasetRecord, DistanceRows, DistancesWriter, FileRecord, Host, Manifest, ModelRecord,
    OutputFolder, ScaleWriter, ScoreRow, Times, read_scale, write_scores, write_trials,
};
use crate::score::{Ties, score};
use crate::stage::Stage;
use crate::weights::file_sha256;

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

/// A figure of an experiment: some of its models and distances.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FigureSpec {
    /// The name of its files.
    pub name: String,
    /// What stands over it.
    pub title: Option<String>,
    /// The models that it shows, by their names in the results; all where there is none.
    pub models: Vec<String>,
    /// The kinds of distance that it shows.
    #[serde(with = "distance_names")]
    pub distances: Vec<Distance>,
}

impl Default for FigureSpec {
    /// All models and distances, as `alignment.svg`.
    fn default() -> Self {
        let name = "alignment".to_owned();
        Self { name, title: None, models: vec![], distances: Distance::ALL.to_vec() }
    }
}

/// Distances by their names.
mod distance_names {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::distance::Distance;

    pub(super) fn serialize<S: Serializer>(
        distances: &[Distance],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(distances.iter().map(|d| d.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Distance>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
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
    /// What a tie between a model's distances counts.
    pub ties: Ties,
    /// Whether `pixels` is added where `models` does not name it.
    pub pixels: bool,
    /// Bytes of memory to stay within.
    pub memory_bytes: u64,
    /// Folder of a run whose scales are taken instead of this run's own.
    pub scale_from: Option<PathBuf>,
    /// The figures; one of everything where there is none.
    pub figures: Vec<FigureSpec>,
    /// Whether the answers come from a simulated observer, which every result then says.
    pub simulated: bool,
    /// The command, for the manifest.
    pub command: Option<Vec<String>>,
}

/// The scales of another run: by model and data set, then by stage.
type ForeignScales = BTreeMap<(String, DatasetKind), BTreeMap<String, Vec<f64>>>;

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
    /// `scale.parquet`, the figure as SVG and PNG, and `manifest.json` last.
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
        let checkpoints = models
            .iter()
            .map(|model| {
                Checkpoint::of(model, self.projection, self.tokens).map_err(|source| {
                    ExperimentError::Model { model: model.to_string(), source: Box::new(source) }
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let datasets = self
            .datasets
            .iter()
            .map(|spec| PreparedDataset::open(spec, progress))
            .collect::<Result<Vec<_>, _>>()?;
        let foreign_scales = self.foreign_scales(&models)?;

        let mut distances = DistancesWriter::create(&out.file("distances.parquet"))?;
        let mut scales = ScaleWriter::create(&out.file("scale.parquet"))?;
        let mut rows = Vec::new();
        for (model, checkpoint) in models.iter().zip(&checkpoints) {
            let name = model.to_string();
            let encoder = match checkpoint {
                None => None,
                Some(checkpoint) => {
                    progress.begin(&format!("{name}: weights"), 0);
                    let encoder = Encoder::load(checkpoint).map_err(|source| {
                        ExperimentError::Model { model: name.clone(), source: Box::new(source) }
                    })?;
                    progress.end();
                    Some(encoder)
                }
            };
            for dataset in &datasets {
                let stages = match &encoder {
                    None => vec![pixels::stage_distances(dataset, self.memory_bytes, progress)?],
                    Some(encoder) => piece::stage_distances(
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
                        self.score_stage(
                            &mut rows, &name, blocks, dataset, stage, *distance, values,
                        )?;
                    }
                }
            }
        }

        distances.finish()?;
        scales.finish()?;
        let opened: Vec<_> = datasets.iter().map(|d| &d.dataset).collect();
        write_trials(&out.file("trials.parquet"), &opened)?;
        write_scores(&out.file("scores.csv"), &rows)?;
        draw(&rows, &self.figures(), self.simulated, out.path())?;
        let wall_s = clock.elapsed().as_secs_f64();
        let times = Times {
            started_unix_s: started.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            wall_s,
        };
        self.manifest(&models, &checkpoints, &datasets, times)?
            .write(&out.file("manifest.json"))?;
        Ok(Summary { scores: rows, wall_s })
    }

    fn figures(&self) -> Vec<FigureSpec> {
        match self.figures.is_empty() {
            true => vec![FigureSpec::default()],
            false => self.figures.clone(),
        }
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
        let encoders = models.iter().any(|m| *m != ModelSpec::Pixels);
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
        for model in models.iter().filter(|m| **m != ModelSpec::Pixels).map(ToString::to_string) {
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

    #[expect(clippy::too_many_arguments, reason = "the fields of a row")]
    fn score_stage(
        &self,
        rows: &mut Vec<ScoreRow>,
        model: &str,
        blocks: usize,
        dataset: &PreparedDataset,
        stage: &StageDistances,
        distance: Distance,
        values: &[f64],
    ) -> Result<(), ExperimentError> {
        let of_trials: Vec<f64> =
            dataset.pairs.of_trials.iter().map(|pair| values[*pair as usize]).collect();
        let scores = score(&dataset.dataset.trials, &of_trials, self.ties).map_err(|source| {
            ExperimentError::Score {
                model: model.to_owned(),
                dataset: dataset.dataset.kind,
                stage: stage.stage,
                source,
            }
        })?;
        rows.extend(scores.into_iter().map(|score| ScoreRow {
            dataset: dataset.dataset.kind,
            subset: "all".to_owned(),
            model: model.to_owned(),
            stage: stage.stage,
            depth_percent: stage.stage.depth_percent(blocks),
            distance,
            measure: score.measure,
            value: score.value,
            ci_low: None,
            ci_high: None,
            n: score.n,
            n_clusters: match score.n_left_out {
                0 => dataset.clusters,
                _ => dataset.decided_clusters,
            },
            n_ties: score.n_ties,
            chance: score.chance,
            n_left_out: score.n_left_out,
            zero_channels: match (distance, &stage.scale) {
                (Distance::NormalizedEuclidean, Some(scale)) => scale.zero_channels(),
                _ => 0,
            },
            ties: self.ties,
            simulated: self.simulated,
        }));
        Ok(())
    }

    fn manifest(
        &self,
        models: &[ModelSpec],
        checkpoints: &[Option<Checkpoint>],
        datasets: &[PreparedDataset],
        times: Times,
    ) -> Result<Manifest<FigureSpec>, ExperimentError> {
        let models = models
            .iter()
            .zip(checkpoints)
            .map(|(model, checkpoint)| {
                Ok(ModelRecord {
                    name: model.to_string(),
                    seed: match model {
                        ModelSpec::Encoder { source: ModelSource::Random { seed, .. }, .. } => {
                            Some(*seed)
                        }
                        _ => None,
                    },
                    architecture: checkpoint.as_ref().map(|c| c.architecture.clone()),
                    preprocessing: checkpoint.as_ref().map(|c| c.preprocessing.clone()),
                    defaults_used: checkpoint
                        .as_ref()
                        .map_or_else(Vec::new, |c| c.defaults_used.clone()),
                    files: file_records(checkpoint.as_ref().map_or(&[], |c| &c.files))?,
                })
            })
            .collect::<Result<_, ExperimentError>>()?;
        let datasets = self
            .datasets
            .iter()
            .zip(datasets)
            .map(|(spec, prepared)| {
                let dataset = &prepared.dataset;
                Ok(DatasetRecord {
                    name: dataset.kind.to_string(),
                    data: spec.data.display().to_string(),
                    split: spec.options.split.clone(),
                    min_votes: spec.options.min_votes,
                    limit: spec.options.limit,
                    trials: dataset.trials.len(),
                    pairs: prepared.pairs.len(),
                    images: dataset.images.len(),
                    clusters: prepared.clusters,
                    skipped_trials: dataset.skipped_trials,
                    missing_images: dataset.missing_images,
                    notes: dataset.notes.clone(),
                    files: file_records(&dataset.sources)?,
                    images_sha256: prepared.images_sha256(),
                    pixels: Some(prepared.pixel_rule.to_string()),
                })
            })
            .collect::<Result<_, ExperimentError>>()?;
        Ok(Manifest {
            alignscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            simulated: self.simulated,
            command: self.command.clone(),
            tokens: self.tokens.to_string(),
            precision: "f32".to_owned(),
            device: "cpu".to_owned(),
            ties: self.ties.to_string(),
            distances: self.distances.iter().map(ToString::to_string).collect(),
            memory_budget_bytes: self.memory_bytes,
            scale_from: self.scale_from.as_ref().map(|p| p.display().to_string()),
            figures: self.figures(),
            models,
            datasets,
            host: Host {
                platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                threads: rayon::current_num_threads(),
            },
            times,
        })
    }
}

fn file_records(paths: &[PathBuf]) -> Result<Vec<FileRecord>, ExperimentError> {
    paths
        .iter()
        .map(|path| {
            let sha256 = file_sha256(path)
                .map_err(|source| ExperimentError::Hash { path: path.clone(), source })?;
            Ok(FileRecord { path: path.display().to_string(), sha256 })
        })
        .collect()
}

/// Draws the figures of a run from its scores alone.
///
/// # Errors
/// A figure has nothing to show, or the files cannot be written.
pub fn draw(
    rows: &[ScoreRow],
    figures: &[FigureSpec],
    simulated: bool,
    out: &Path,
) -> Result<(), ExperimentError> {
    for figure in figures {
        let shown: Vec<ScoreRow> = rows
            .iter()
            .filter(|row| {
                let of_pixels = row.stage == Stage::Image;
                let model = figure.models.is_empty() || figure.models.contains(&row.model);
                of_pixels || (model && figure.distances.contains(&row.distance))
            })
            .cloned()
            .collect();
        let options = FigureOptions {
            title: match simulated {
                true => Some("Alignment with a simulated observer".to_owned()),
                false => figure.title.clone(),
            },
            caption: simulated.then(|| "simulated answers, not human data".to_owned()),
        };
        Figure::from_scores(&shown, &options)?.save(out, &figure.name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ties: Ties::Miss,
            pixels: true,
            memory_bytes: 1 << 30,
            scale_from: None,
            figures: vec![],
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
