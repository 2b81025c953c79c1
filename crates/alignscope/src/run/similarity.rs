//! Models compared with each other, people left aside.

use serde::Serialize;

use super::models::RunModel;
use super::{ExperimentError, ForeignScales, check_stages};
use crate::distance::Distance;
use crate::experiment::Experiment;
use crate::figure::{Figure, FigureOptions};
use crate::finished::DrawError;
use crate::model::{StageDistances, TorchModels, UserModel, check_stopped};
use crate::prepared::{DatasetSpec, PreparedDataset};
use crate::progress::Progress;
use crate::results::{OutputFolder, csv_document, write_whole};
use crate::similarity::{SimilarityMeasure, SimilarityRow, StageGeometry, compare_stages};
use crate::stage::Stage;

/// Which stages of which models are compared with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarityRequest {
    /// Take so many images of a data set at most, evenly spread over it: the work grows by the
    /// square of their number.
    pub images: usize,
    /// Compare this stage alone; all if `None`.
    pub stage: Option<Stage>,
}

impl SimilarityRequest {
    /// Images of a data set, unless said otherwise.
    pub const IMAGES: usize = 300;
}

impl Default for SimilarityRequest {
    fn default() -> Self {
        Self { images: Self::IMAGES, stage: None }
    }
}

/// What `similarity.json` says of how the table beside it came to be.
#[derive(Debug, Serialize)]
struct Record<'a> {
    alignscope_version: &'a str,
    command: Option<&'a Vec<String>>,
    tokens: String,
    precision: String,
    models: Vec<RecordOfModel>,
    datasets: Vec<RecordOfDataset>,
}

#[derive(Debug, Serialize)]
struct RecordOfModel {
    name: String,
    spec: String,
    made_with: std::collections::BTreeMap<String, String>,
    files: Vec<crate::results::FileRecord>,
}

#[derive(Debug, Serialize)]
struct RecordOfDataset {
    name: String,
    images_sha256: Option<String>,
    images: Vec<String>,
}

impl Experiment {
    /// Compares the experiment's models with each other on the images of its data sets: linear CKA and
    /// correlations of distances, of every stage with every stage. People's answers are not used.
    ///
    /// `out` — where `similarities.csv`, the figures and `similarity.json` go, if anywhere
    ///
    /// # Errors
    /// As for [`run_with`](Self::run_with); or a model has no stage of the name that is asked for.
    pub fn compare_models<'a>(
        &self,
        request: &SimilarityRequest,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        out: Option<&OutputFolder>,
        progress: &'a dyn Progress,
    ) -> Result<Vec<SimilarityRow>, ExperimentError> {
        let distances = with_euclidean(&self.distances);
        let asked = Self { distances, ..self.with_own(&own).expanded(progress)? };
        let mut models = asked.models(own, torch, progress)?;
        check_stages(&models)?;
        let open = |spec: &DatasetSpec| -> Result<PreparedDataset, ExperimentError> {
            let opened = PreparedDataset::open(spec, asked.opening(false), progress)?;
            Ok(opened.with_all_pairs(request.images))
        };
        let datasets = asked.datasets.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let this = asked.as_found(&datasets)?;
        this.prepare(&mut models, &datasets, progress)?;
        let mut rows = Vec::new();
        for dataset in &datasets {
            let mut stages = Vec::new();
            for model in &mut models {
                check_stopped(progress)?;
                let scales = ForeignScales::default();
                let (found, _) = this.cell(model, dataset, &scales, progress)?;
                stages.extend(geometries(model, found.stages, request.stage)?);
            }
            progress.begin(&format!("{}: comparing models", dataset.dataset.name), 0);
            let (name, images) = (&dataset.dataset.name, dataset.dataset.images.len());
            rows.extend(compare_stages(name, &stages, &self.distances, images));
            progress.end();
        }
        if let Some(out) = out {
            this.write_similarities(out, &rows, &models, &datasets)?;
        }
        Ok(rows)
    }

    /// The table, its figures, and the record of how they came to be, which comes last.
    fn write_similarities(
        &self,
        out: &OutputFolder,
        rows: &[SimilarityRow],
        models: &[RunModel<'_>],
        datasets: &[PreparedDataset],
    ) -> Result<(), ExperimentError> {
        write_whole(&out.file("similarities.csv"), &csv_document(rows))?;
        for (stem, rows) in by_figure(rows) {
            let options = FigureOptions::default();
            if let Some(figure) = Figure::from_similarities(&rows, &options) {
                figure.save(out.path(), &stem).map_err(DrawError::from)?;
            }
        }
        let record = self.record(models, datasets);
        let text = serde_json::to_vec_pretty(&record).expect("texts and lists");
        Ok(write_whole(&out.file("similarity.json"), &text)?)
    }

    fn record(&self, models: &[RunModel<'_>], datasets: &[PreparedDataset]) -> Record<'_> {
        let of_model = |model: &RunModel<'_>| RecordOfModel {
            name: model.name.clone(),
            spec: model.place.clone(),
            made_with: model.model.facts().made_with(),
            files: model.model.facts().files(),
        };
        let of_dataset = |prepared: &PreparedDataset| RecordOfDataset {
            name: prepared.name(),
            images_sha256: prepared.images_sha256(),
            images: prepared.dataset.images.iter().map(|image| image.id.clone()).collect(),
        };
        Record {
            alignscope_version: env!("CARGO_PKG_VERSION"),
            command: self.command.as_ref(),
            tokens: self.tokens.to_string(),
            precision: self.precision.to_string(),
            models: models.iter().map(of_model).collect(),
            datasets: datasets.iter().map(of_dataset).collect(),
        }
    }
}

/// The kinds of distance with the Euclidean one, from which inner products follow.
fn with_euclidean(distances: &[Distance]) -> Vec<Distance> {
    let mut all = distances.to_vec();
    if !all.contains(&Distance::Euclidean) {
        all.push(Distance::Euclidean);
    }
    all
}

/// The stages of a model that are compared.
fn geometries(
    model: &RunModel<'_>,
    stages: Vec<StageDistances>,
    wanted: Option<Stage>,
) -> Result<Vec<StageGeometry>, ExperimentError> {
    let names: Vec<Stage> = stages.iter().map(|stage| stage.stage).collect();
    let depths = model.depths(&names);
    // A model with a single stage, such as a baseline, is compared at it.
    let wanted = wanted.filter(|_| names.len() > 1);
    if let Some(stage) = wanted.filter(|stage| !names.contains(stage)) {
        return Err(ExperimentError::NoStage { model: model.name.clone(), stage, found: names });
    }
    let of_stage = |(found, depth_percent): (StageDistances, f64)| StageGeometry {
        model: model.name.clone(),
        stage: found.stage,
        depth_percent,
        distances: found.distances,
    };
    let stages = stages.into_iter().zip(depths);
    let stages = stages.filter(|(found, _)| wanted.is_none_or(|stage| stage == found.stage));
    Ok(stages.map(of_stage).collect())
}

/// The rows of each figure, by the name of its files.
fn by_figure(rows: &[SimilarityRow]) -> Vec<(String, Vec<SimilarityRow>)> {
    let mut figures: Vec<(String, Vec<SimilarityRow>)> = Vec::new();
    for row in rows {
        let measure = match (row.measure, row.distance) {
            (SimilarityMeasure::Rsa, Some(distance)) => format!("rsa-{distance}"),
            (measure, _) => measure.to_string(),
        };
        // A data set may be called by what no file can be.
        let dataset: String = row
            .dataset
            .chars()
            .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' })
            .collect();
        let stem = format!("similarity-{dataset}-{measure}");
        match figures.iter_mut().find(|(other, _)| *other == stem) {
            Some((_, of_figure)) => of_figure.push(row.clone()),
            None => figures.push((stem, vec![row.clone()])),
        }
    }
    figures
}
