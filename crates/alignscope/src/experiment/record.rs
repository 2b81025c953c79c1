//! What a run writes down of itself.

use std::io;
use std::path::Path;

use super::model::{Role, RunModel};
use super::prepared::PreparedDataset;
use super::{Experiment, ExperimentError, FigureSpec};
use crate::encoder::Checkpoint;
use crate::input_file::{self, ContentHash, HashedPath};
use crate::listing::{MAX_ANSWER_BYTES, answer_names, sha256_of_all};
use crate::results::{
    DatasetRecord, FileRecord, Host, Manifest, ModelRecord, OutputFolder, RunState, TABLES, Times,
};
use crate::weights::file_sha256;

/// How far a run can be had again that alignscope made from end to end.
const REPRODUCIBLE: &str = "the same command gives the same bytes of scores.csv and values of \
    distances.parquet on this kind of processor, whatever the threads and the memory; on another \
    last digits may differ";

/// The same where activations came from the user.
const REPRODUCIBLE_OF_USER: &str = "the same activations give the same bytes of scores.csv and \
    values of distances.parquet on this kind of processor, whatever the threads and the memory; \
    whether the user's model gives the same activations again is not known";

impl Experiment {
    /// Which tokens were compared; none where no model has tokens.
    pub(super) fn tokens_compared(&self, models: &[RunModel<'_>]) -> Option<String> {
        let has_tokens = |model: &RunModel<'_>| model.model.role().has_tokens();
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
        let any = |role| models.iter().any(|model| model.model.role() == role);
        let [encoders, of_user] = [Role::Encoder, Role::OfUser].map(any);
        let [baselines, pixels] = [Role::Baseline, Role::Pixels].map(any);
        let models = models
            .iter()
            .map(|model| {
                let checkpoint = model.model.checkpoint();
                ModelRecord {
                    name: model.name.clone(),
                    spec: model.place.clone(),
                    seed: checkpoint.and_then(Checkpoint::seed),
                    architecture: checkpoint.map(|c| c.architecture.clone()),
                    preprocessing: checkpoint.map(|c| c.preprocessing.clone()),
                    of_user: model.model.role() == Role::OfUser,
                    defaults_used: checkpoint.map_or_else(Vec::new, |c| c.defaults_used.clone()),
                    files: model.model.files(),
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
                    limit: spec.options.limit,
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
            baseline_size: baselines.then_some(self.baseline_size),
            tokens: self.tokens_compared(of_run),
            precision: encoders.then(|| self.precision.to_string()),
            instructions: encoders.then(|| self.precision.instructions().to_owned()),
            device: (!of_user).then(|| "cpu".to_owned()),
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
            inputs: state.inputs,
            choices: state.choices,
            figure_files: state.figure_files,
            results,
            reproducible: if of_user { REPRODUCIBLE_OF_USER } else { REPRODUCIBLE }.to_owned(),
            host: Host {
                platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
                processor: alignscope_kernel::cpu_name(),
                threads: rayon::current_num_threads(),
            },
            times,
        }
    }
}

impl FileRecord {
    /// A file that was read, by the hash of what was read.
    pub(super) fn of(file: &HashedPath) -> Self {
        let HashedPath { path, sha256 } = file;
        Self { path: absolute(path), sha256: sha256.clone(), published: None }
    }
}

/// The tables of a run by their names, with their hashes.
pub(super) fn results_of(out: &OutputFolder) -> Result<Vec<FileRecord>, ExperimentError> {
    let record = |name: &str| {
        let sha256 = sha256_of(&out.file(name))?;
        Ok(FileRecord { path: name.to_owned(), sha256, published: None })
    };
    TABLES.into_iter().map(record).collect()
}

/// A path that means the same from any folder.
pub(super) fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// SHA-256 of a file, or of a folder of answers.
pub(super) fn sha256_of(path: &Path) -> Result<String, ExperimentError> {
    recorded_sha256(path).map_err(|source| ExperimentError::Hash { path: path.to_owned(), source })
}

/// SHA-256 of a file; of a folder with a `.npy` file for each answer, that over all of them.
pub(super) fn recorded_sha256(path: &Path) -> io::Result<String> {
    if !path.is_dir() {
        return file_sha256(path);
    }
    let mut files = Vec::new();
    for name in answer_names(path)? {
        let named = |source| io::Error::other(format!("{name}: {source}"));
        let bytes = input_file::read(&path.join(&name), MAX_ANSWER_BYTES).map_err(named)?;
        files.push((name, ContentHash::of(&bytes)));
    }
    Ok(sha256_of_all(files.iter().map(|(name, hash)| (name.as_str(), hash))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_answers_has_one_hash() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        let hash = || recorded_sha256(folder.path()).expect("read");
        write("000001.npy", "b");
        write("000000.npy", "a");
        // Of `sha256sum *.npy | sha256sum` in that folder; other files and folders are none of it.
        write("notes.txt", "c");
        std::fs::create_dir(folder.path().join("old.npy")).expect("made");
        assert_eq!(hash(), "dce1ca8fbc9d89b494bf6a123b967e42ebf3183f01a134012c2a6c71e240c73e");
        let before = hash();
        write("000001.npy", "c");
        assert_ne!(hash(), before);
        let file = folder.path().join("000000.npy");
        assert_eq!(recorded_sha256(&file).expect("read"), file_sha256(&file).expect("read"));
    }
}
