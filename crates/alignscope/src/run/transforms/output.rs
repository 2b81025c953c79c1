//! The files that learned transforms leave.

use serde_json::{Value, json};

use super::{StageFit, TransformRequest};
use crate::dataset::ALL;
use crate::experiment::Experiment;
use crate::features::stage_folder;
use crate::figure::{Figure, FigureOptions, Palette};
use crate::finished::DrawError;
use crate::input_file::ContentHash;
use crate::prepared::PreparedDataset;
use crate::results::{FileRecord, OutputFolder, ResultsError, ScoreRow, write_whole};
use crate::run::ExperimentError;
use crate::run::models::RunModel;
use crate::stage::Stage;
use crate::transform::{TransformKind, TransformRow, write_transform, write_transforms};

/// The file of a transform of a stage.
fn file_name(kind: TransformKind, stage: Stage) -> String {
    let stage = stage_folder(stage).replace(['/', '\\'], "-");
    format!("transform-{kind}-{stage}.npz")
}

/// What is written down of the model and the data set.
pub(super) struct Written<'a> {
    pub(super) model: &'a RunModel<'a>,
    pub(super) prepared: &'a PreparedDataset,
    pub(super) request: &'a TransformRequest,
}

impl Experiment {
    /// Writes the table, the figure, the transforms and the manifest.
    pub(super) fn write_transforms(
        &self,
        out: &OutputFolder,
        written: &Written<'_>,
        rows: &[TransformRow],
        fits: &[StageFit],
    ) -> Result<(), ExperimentError> {
        write_transforms(&out.file("transforms.csv"), rows)?;
        let mut names = vec!["transforms.csv".to_owned()];
        for StageFit { stage, kind, fitted } in fits {
            let name = file_name(*kind, *stage);
            write_transform(&out.file(&name), &fitted.transform)?;
            names.push(name);
        }
        let shown = self.shown(written, rows);
        let caption = match (self.simulated, written.request.shuffled) {
            (_, true) => Some("control: each image has the vector of another"),
            (true, false) => Some("simulated answers, not human data"),
            (false, false) => None,
        };
        let options = FigureOptions {
            title: Some(format!("{}: without and with a transform", written.model.name)),
            caption: caption.map(str::to_owned),
            palette: Palette::new(shown.iter().map(|row| row.model.as_str()), &Default::default()),
            ..FigureOptions::default()
        };
        let figure = Figure::from_scores(&shown, &options).map_err(DrawError::from)?;
        figure.save(out.path(), "gain").map_err(DrawError::from)?;
        let results = names.iter().map(|name| record(out, name)).collect::<Result<Vec<_>, _>>()?;
        let manifest = self.transform_manifest(written, &results);
        let text = serde_json::to_string_pretty(&manifest).expect("JSON of plain values");
        Ok(write_whole(&out.file("manifest.json"), format!("{text}\n").as_bytes())?)
    }

    /// The rows of a figure: scores by depth, without a transform and with each, by the first of the
    /// distances.
    fn shown(&self, written: &Written<'_>, rows: &[TransformRow]) -> Vec<ScoreRow> {
        let of_first = |row: &&TransformRow| Some(&row.distance) == self.distances.first();
        let plain = written.request.kinds.first().copied();
        let without = rows.iter().filter(of_first).filter(|row| Some(row.kind) == plain);
        let without = without.map(|row| {
            let ends = (row.without_low, row.without_high);
            self.point(written, row, "without a transform".to_owned(), row.without, ends)
        });
        let with = rows.iter().filter(of_first).map(|row| {
            let ends = (row.with_low, row.with_high);
            self.point(written, row, row.kind.to_string(), row.with, ends)
        });
        without.chain(with).collect()
    }

    fn point(
        &self,
        written: &Written<'_>,
        row: &TransformRow,
        model: String,
        value: f64,
        (ci_low, ci_high): (Option<f64>, Option<f64>),
    ) -> ScoreRow {
        let dataset = &written.prepared.dataset;
        let ceilings = written.prepared.ceilings.iter().map(|found| &found.row);
        let ceiling = ceilings
            .filter(|of| of.subset == ALL && of.measure == row.measure && of.ceiling.is_drawn())
            .map(|of| of.value)
            .next();
        ScoreRow {
            dataset: row.dataset.clone(),
            subset: ALL.to_owned(),
            model,
            stage: row.stage,
            depth_percent: row.depth_percent,
            distance: row.distance,
            measure: row.measure,
            value,
            ci_low,
            ci_high,
            n: row.n,
            n_clusters: row.n_clusters,
            n_ties: 0,
            chance: Some(row.chance),
            n_left_out: 0,
            zero_channels: 0,
            ties: self.ties,
            simulated: self.simulated,
            bca_low: None,
            bca_high: None,
            ceiling,
            ci_note: None,
            level: dataset.level,
            release: None,
            series: None,
            step: None,
        }
    }

    /// What the transforms were made of.
    fn transform_manifest(&self, written: &Written<'_>, results: &[FileRecord]) -> Value {
        let Written { model, prepared, request } = written;
        let facts = model.model.facts();
        json!({
            "alignscope_version": env!("CARGO_PKG_VERSION"),
            "command": self.command,
            "simulated": self.simulated,
            "model": {
                "name": model.name,
                "spec": model.place,
                "inputs": facts.inputs().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                "made_with": facts.made_with(),
                "files": facts.files(),
            },
            "dataset": {
                "name": prepared.name(),
                "trials": prepared.dataset.trials.len(),
                "images": prepared.dataset.images.len(),
                "files": prepared.files,
                "images_sha256": prepared.images_sha256(),
            },
            "tokens": self.tokens.to_string(),
            "ties": self.ties.to_string(),
            "resamples": self.resampling.resamples,
            "seed": self.resampling.seed,
            "cluster": self.resampling.cluster.to_string(),
            "distances": self.distances.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "kinds": request.kinds.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "lambdas": request.lambdas,
            "alpha": request.alpha,
            "temperature": request.temperature,
            "held_out": request.held_out,
            "shuffled": request.shuffled,
            "processor": alignscope_kernel::cpu_name(),
            "results": results,
        })
    }
}

/// A result and its hash.
fn record(out: &OutputFolder, name: &str) -> Result<FileRecord, ResultsError> {
    let path = out.file(name);
    let bytes = std::fs::read(&path).map_err(|source| ResultsError::Read { path, source })?;
    let sha256 = ContentHash::of(&bytes).to_string();
    Ok(FileRecord { path: name.to_owned(), sha256, published: None })
}
