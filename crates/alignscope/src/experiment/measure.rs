//! One external model on one data set.

use std::time::{Instant, SystemTime};

use super::conclusion::{Concluded, Done};
use super::external::{self, External, Found, Holding, depths};
use super::prepared::PreparedDataset;
use super::reduction::{StageDistances, Wanted};
use super::scoring::Scoring;
use super::tables::Tables;
use super::{Experiment, ExperimentError, Model, Source, check_trials, pixels};
use crate::comparison::ComparisonRow;
use crate::distance::Distance;
use crate::features::ArrayAxes;
use crate::findings::FindingRow;
use crate::model::{ModelSpec, check_model_name};
use crate::progress::Progress;
use crate::results::{FileRecord, OutputFolder, ScoreRow, WorkRecord};
use crate::stage::Stage;

/// What was measured of an external model.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// All scores, as in `scores.csv`; those of `pixels` first, where they were run.
    pub scores: Vec<ScoreRow>,
    /// What is read off the curves, as in `findings.csv`.
    pub findings: Vec<FindingRow>,
    /// Differences from `pixels`, as in `comparisons.csv`.
    pub comparisons: Vec<ComparisonRow>,
    /// The model's distances, one for each pair of the data set.
    pub distances: Vec<(Stage, Distance, Vec<f64>)>,
    /// How much each channel of a stage varies over the data set, where the normalized distance was
    /// asked for.
    pub scales: Vec<(Stage, Vec<f64>)>,
    /// How the activations of a function were held.
    pub holding: Option<Holding>,
    /// What is probably wrong with the arrays: axes that look exchanged. Progress told it too.
    pub warnings: Vec<String>,
    /// Seconds from start to end.
    pub wall_s: f64,
}

impl Experiment {
    /// Measures a model whose activations come from outside on the experiment's one data set; its
    /// own models are not run, but `pixels` is where it is to be added.
    ///
    /// `out` — where all files of a run go, if anywhere
    ///
    /// # Errors
    /// See [`ExperimentError`]. `out` then holds no result with a final name.
    pub fn measure(
        &self,
        mut external: External<'_>,
        out: Option<&OutputFolder>,
        progress: &dyn Progress,
    ) -> Result<Measured, ExperimentError> {
        let (started, clock) = (SystemTime::now(), Instant::now());
        let [spec] = &self.datasets[..] else {
            return Err(ExperimentError::Nothing { what: "single data set" });
        };
        if self.distances.is_empty() {
            return Err(ExperimentError::Nothing { what: "distance" });
        }
        check_model_name(&external.name)?;
        external.check()?;
        let datasets = [PreparedDataset::open(spec, self.opening(false), progress)?];
        check_trials(&datasets)?;
        let dataset = &datasets[0];
        let mut scoring = Scoring::new(self, &datasets);
        let pixels = match self.pixels {
            true => Some(pixels::stage_distances(dataset, self.memory_bytes, progress)?),
            false => None,
        };
        if let Some(stage) = &pixels {
            let depth = |stage: Stage| stage.depth_percent(0);
            let name = ModelSpec::Pixels.to_string();
            scoring.add(0, &name, &depth, std::slice::from_ref(stage), progress)?;
        }

        let name = external.name.clone();
        let wanted =
            Wanted { model: &name, dataset, distances: &self.distances, foreign_scales: None };
        let begun = Instant::now();
        let found = external::stage_distances(wanted, &mut external, self.memory_bytes, progress)?;
        let Found { stages, holding, arrays, warnings } = found;
        let work = WorkRecord {
            model: name.clone(),
            dataset: dataset.dataset.kind.to_string(),
            images: dataset.dataset.images.len(),
            features_computed: None,
            wall_s: begun.elapsed().as_secs_f64(),
        };
        let names: Vec<Stage> = stages.iter().map(|stage| stage.stage).collect();
        let depths = depths(&names);
        let depth = |stage: Stage| {
            let position = names.iter().position(|name| *name == stage);
            depths[position.expect("a stage of the model")]
        };
        scoring.add(0, &name, &depth, &stages, progress)?;

        let concluded = scoring.conclude(progress);
        if let Some(out) = out {
            // Nothing is in the folder before all is computed: what fails leaves it as it was.
            let models = self.models_beside(&external, &arrays)?;
            let state = self.state(&models, &datasets, None)?;
            out.start(&state)?;
            let mut tables = Tables::create(out)?;
            if let Some(stage) = &pixels {
                let name = ModelSpec::Pixels.to_string();
                tables.write(&name, dataset, std::slice::from_ref(stage), progress)?;
            }
            tables.write(&name, dataset, &stages, progress)?;
            let done =
                Done { models: &models, datasets: &datasets, state, tables, work: vec![work] };
            self.write_rest(out, done, &concluded, (started, clock), progress)?;
        }
        let mut distances = Vec::new();
        let mut scales = Vec::new();
        for StageDistances { stage, scale, distances: found, .. } in stages {
            scales.extend(scale.map(|scale| (stage, scale.values().to_vec())));
            distances.extend(found.into_iter().map(|(distance, values)| (stage, distance, values)));
        }
        let Concluded { scores, findings, comparisons } = concluded;
        Ok(Measured {
            scores,
            findings,
            comparisons,
            distances,
            scales,
            holding,
            warnings,
            wall_s: clock.elapsed().as_secs_f64(),
        })
    }

    /// The models of the run, as its files tell of them.
    fn models_beside(
        &self,
        external: &External<'_>,
        arrays: &[(Stage, ArrayAxes)],
    ) -> Result<Vec<Model>, ExperimentError> {
        let pixels = || {
            let name = ModelSpec::Pixels.to_string();
            Model { place: name.clone(), name, source: Source::Pixels, files: vec![] }
        };
        let source = Source::External(external.made_of(arrays));
        let files = external.files().iter().map(FileRecord::of).collect();
        let name = external.name.clone();
        let external = Model { place: name.clone(), name, source, files };
        Ok(self.pixels.then(pixels).into_iter().chain([external]).collect())
    }
}
