//! One model of the caller's on one data set.

use super::{ExperimentError, Outcome};
use crate::comparison::ComparisonRow;
use crate::distance::Distance;
use crate::experiment::Experiment;
use crate::findings::FindingRow;
use crate::model::{Measurement, NoTorch, StageDistances, UserModel};
use crate::plan::Holding;
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::results::{OutputFolder, ScoreRow};
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
    pub warnings: Vec<Advice>,
    /// Seconds from start to end.
    pub wall_s: f64,
}

impl Experiment {
    /// Measures a model of the caller's on the experiment's one data set; its own models are not run,
    /// but `pixels` is where it is to be added.
    ///
    /// `out` — where all files of a run go, if anywhere
    ///
    /// # Errors
    /// See [`ExperimentError`]. `out` then holds no result with a final name.
    pub fn measure(
        &self,
        external: UserModel<'_>,
        out: Option<&OutputFolder>,
        progress: &dyn Progress,
    ) -> Result<Measured, ExperimentError> {
        if self.datasets.len() != 1 {
            return Err(ExperimentError::Nothing { what: "single data set" });
        }
        let own = vec![external];
        let whole = Self { models: vec![], ..self.clone() }.with_own(&own);
        let outcome = whole.run_inner(own, &NoTorch, out, true, progress);
        if let (Some(out), Err(_)) = (out, &outcome) {
            out.take_back();
        }
        let Outcome { scores, findings, comparisons, wall_s, mut measured, .. } = outcome?;
        let found = measured.pop().expect("one model is the caller's, and the last");
        let Measurement { stages, holding, warnings, .. } = found;
        let mut distances = Vec::new();
        let mut scales = Vec::new();
        for StageDistances { stage, scale, distances: found, .. } in stages {
            scales.extend(scale.map(|scale| (stage, scale.values().to_vec())));
            distances.extend(found.into_iter().map(|(distance, values)| (stage, distance, values)));
        }
        Ok(Measured { scores, findings, comparisons, distances, scales, holding, warnings, wall_s })
    }
}
