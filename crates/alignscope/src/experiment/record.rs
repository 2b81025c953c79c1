//! What a run writes down of itself.

use std::path::PathBuf;

use super::prepared::PreparedDataset;
use super::{Experiment, ExperimentError, FigureSpec, Source};
use crate::model::{ModelSource, ModelSpec};
use crate::results::{
    BaselineRecord, DatasetRecord, FileRecord, Host, Manifest, ModelRecord, Times,
};
use crate::weights::file_sha256;

impl Experiment {
    /// The manifest of a run that is done.
    pub(super) fn manifest(
        &self,
        models: &[ModelSpec],
        sources: &[Source],
        datasets: &[PreparedDataset],
        baselines: Vec<BaselineRecord>,
        times: Times,
    ) -> Result<Manifest<FigureSpec>, ExperimentError> {
        let models = models
            .iter()
            .zip(sources)
            .map(|(model, source)| {
                let checkpoint = match source {
                    Source::Encoder(checkpoint) => Some(&**checkpoint),
                    Source::Baseline(_) | Source::Pixels => None,
                };
                let files = match source {
                    Source::Encoder(checkpoint) => file_records(&checkpoint.files)?,
                    Source::Baseline(baseline) => baseline
                        .files()
                        .iter()
                        .map(|file| FileRecord {
                            path: file.path.display().to_string(),
                            sha256: file.sha256.clone(),
                            published: Some(file.published),
                        })
                        .collect(),
                    Source::Pixels => vec![],
                };
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
                    files,
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
                    clusters: prepared.scorer.clusters().count,
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
            baseline_size: self.baseline_size,
            tokens: self.tokens.to_string(),
            precision: self.precision.to_string(),
            instructions: self.precision.instructions().to_owned(),
            device: "cpu".to_owned(),
            ties: self.ties.to_string(),
            resamples: self.resampling.resamples,
            seed: self.resampling.seed,
            cluster: self.resampling.cluster.to_string(),
            distances: self.distances.iter().map(ToString::to_string).collect(),
            memory_budget_bytes: self.memory_bytes,
            scale_from: self.scale_from.as_ref().map(|p| p.display().to_string()),
            title: self.presentation.title.clone(),
            colours: self.presentation.colours.clone(),
            published: self.presentation.published,
            figures: self.figures(),
            models,
            datasets,
            baselines,
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
            Ok(FileRecord { path: path.display().to_string(), sha256, published: None })
        })
        .collect()
}
