//! What a run writes down of itself.

use super::ExperimentError;
use super::models::RunModel;
use crate::encoder::{Checkpoint, check_of};
use crate::experiment::{Experiment, written};
use crate::finished::FigureSpec;
use crate::model::Role;
use crate::prepared::PreparedDataset;
use crate::results::{
    DatasetRecord, FileRecord, Host, Manifest, ModelRecord, OutputFolder, RunState, RunTable,
    Times, absolute,
};
use crate::weights::file_sha256;

/// How far a run can be had again that alignscope made from end to end.
const REPRODUCIBLE: &str = "the same command gives the same bytes of scores.csv and values of \
    distances.parquet on every processor, whatever its instructions, the threads and the memory";

/// The same where products were in bf16.
const REPRODUCIBLE_OF_BF16: &str = "the same command gives the same bytes of scores.csv and \
    values of distances.parquet where the same instructions multiply (`instructions`), whatever \
    the threads and the memory; by others last digits differ";

/// The same where activations came from the user.
const REPRODUCIBLE_OF_USER: &str = "the same activations give the same bytes of scores.csv and \
    values of distances.parquet on this kind of processor, whatever the threads and the memory; \
    whether the user's model gives the same activations again is not known";

impl Experiment {
    /// Which tokens were compared; none where no model has tokens.
    pub(super) fn tokens_compared(&self, models: &[RunModel<'_>]) -> Option<String> {
        let has_tokens = |model: &RunModel<'_>| model.model.facts().role().has_tokens();
        models.iter().any(has_tokens).then(|| self.tokens.to_string())
    }

    /// The manifest of a run that is done.
    pub(super) fn manifest(
        &self,
        models: &[RunModel<'_>],
        datasets: &[PreparedDataset],
        state: RunState,
        results: Vec<FileRecord>,
        times: Times,
    ) -> Manifest<FigureSpec> {
        let of_run = models;
        let named = self.with_names_of(models);
        let any = |is: &dyn Fn(Role) -> bool| models.iter().any(|m| is(m.model.facts().role()));
        let (of_user, pixels) = (any(&Role::is_of_user), any(&|role| role == Role::Pixels));
        let precise = models.iter().any(|model| model.model.facts().follows_precision());
        let baselines = models.iter().any(|model| model.model.facts().sees_baseline_rule());
        let models = models
            .iter()
            .map(|model| {
                let checkpoint = model.model.facts().checkpoint();
                ModelRecord {
                    name: model.name.clone(),
                    spec: model.place.clone(),
                    series: model.state.as_ref().map(|at| at.series.clone()),
                    step: model.state.as_ref().map(|at| at.step),
                    seed: checkpoint.and_then(Checkpoint::seed),
                    architecture: checkpoint.map(|c| c.architecture.clone()),
                    preprocessing: checkpoint.map(|c| c.preprocessing.clone()),
                    of_user: model.model.facts().role().is_of_user(),
                    made_with: model.model.facts().made_with(),
                    defaults_used: checkpoint.map_or_else(Vec::new, |c| c.defaults_used.clone()),
                    files: model.model.facts().files(),
                }
            })
            .collect();
        let datasets = self
            .datasets
            .iter()
            .zip(datasets)
            .map(|(spec, prepared)| {
                let dataset = &prepared.dataset;
                DatasetRecord {
                    name: dataset.name.clone(),
                    format: spec.format.to_string(),
                    release: dataset.release.map(|release| release.to_string()),
                    level: dataset.level.to_string(),
                    data: absolute(&spec.data),
                    images_root: absolute(&prepared.images_root()),
                    split: spec.options.split.clone(),
                    min_votes: spec.options.min_votes,
                    lower_is_better: spec.options.lower_is_better,
                    things_images: spec
                        .options
                        .things_images
                        .map(|images| images.name().to_owned()),
                    odd: spec.options.odd.map(|odd| odd.to_string()),
                    limit: spec.options.limit,
                    selected: spec.options.selection.is_some().then_some(dataset.trials.len()),
                    trials: dataset.trials.len(),
                    pairs: prepared.pairs.len(),
                    images: dataset.images.len(),
                    clusters: prepared.scorer.clusters().count,
                    skipped_trials: dataset.skipped_trials,
                    missing_images: dataset.missing.len(),
                    notes: dataset.notes.clone(),
                    bad_images: prepared.bad_images.clone(),
                    bad_trials: prepared.bad_trials,
                    files: prepared.files.clone(),
                    images_sha256: prepared.images_sha256(),
                    pixels: pixels.then(|| prepared.pixel_rule.to_string()),
                    compared: baselines.then(|| prepared.baseline_rule.to_string()),
                }
            })
            .collect();
        Manifest {
            alignscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            simulated: self.simulated,
            command: self.command.clone(),
            experiment: written(self, precise, baselines),
            baseline_size: baselines.then_some(self.baseline_size),
            tokens: self.tokens_compared(of_run),
            precision: precise.then(|| self.precision.to_string()),
            precision_check: check_of(self.precision).filter(|_| precise).map(str::to_owned),
            instructions: precise.then(|| self.precision.instructions().to_owned()),
            device: (!of_user).then(|| "cpu".to_owned()),
            ties: self.ties.to_string(),
            resamples: self.resampling.resamples,
            seed: self.resampling.seed,
            cluster: self.resampling.cluster.to_string(),
            distances: self.distances.iter().map(ToString::to_string).collect(),
            memory_budget_bytes: self.memory_bytes,
            scale_from: self.scale_from.as_ref().map(|p| p.display().to_string()),
            title: self.presentation.title.clone(),
            colours: named.presentation.colours.clone(),
            published: self.presentation.published,
            figures: named.figures(),
            models,
            datasets,
            inputs: state.inputs,
            choices: state.choices,
            figure_files: state.figure_files,
            results,
            reproducible: match (of_user, precise.then(|| self.precision.bound_to()).flatten()) {
                (true, _) => REPRODUCIBLE_OF_USER,
                (false, Some(_)) => REPRODUCIBLE_OF_BF16,
                (false, None) => REPRODUCIBLE,
            }
            .to_owned(),
            host: Host {
                platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                processor: alignscope_kernel::cpu_name(),
                threads: rayon::current_num_threads(),
            },
            times,
        }
    }
}

/// The tables of a run by their names, with their hashes.
pub(super) fn results_of(out: &OutputFolder) -> Result<Vec<FileRecord>, ExperimentError> {
    let record = |name: &str| {
        let path = out.file(name);
        let sha256 = file_sha256(&path).map_err(|source| ExperimentError::Hash { path, source })?;
        Ok(FileRecord { path: name.to_owned(), sha256, published: None })
    };
    RunTable::files().into_iter().map(record).collect()
}
