//! What learned transforms of a model's stages gain.

mod output;

use std::time::Instant;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::ExperimentError;
use super::models::RunModel;
use crate::experiment::Experiment;
use crate::model::{ModelError, TorchModels, UserModel, check_stopped};
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::resample::{Interval, Replicates};
use crate::results::OutputFolder;
use crate::score::ColumnScores;
use crate::stage::Stage;
use crate::transform::{
    Choice, Fitted, Folds, Judged, Recipe, StageVectors, TransformError, TransformKind,
    TransformRow, choices_of, cross_validate, fit, plain_distances,
};
use output::Written;

/// What is asked of learned transforms.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformRequest {
    /// Which transforms are fitted.
    pub kinds: Vec<TransformKind>,
    /// At which stages; at all if there is none.
    pub stages: Vec<Stage>,
    /// The penalties that are tried, from the greatest to the least.
    pub lambdas: Vec<f64>,
    /// The share of gLocal's contrastive term.
    pub alpha: f64,
    /// Its temperature.
    pub temperature: f64,
    /// The share of the images that a fold holds out; chosen by the trials if `None`.
    pub held_out: Option<f64>,
    /// Whether each image is given the vector of another, so that nothing is to be gained.
    pub shuffled: bool,
}

impl Default for TransformRequest {
    fn default() -> Self {
        Self {
            kinds: TransformKind::ALL.to_vec(),
            stages: vec![],
            lambdas: Recipe::LAMBDAS.to_vec(),
            alpha: Recipe::ALPHA,
            temperature: Recipe::TEMPERATURE,
            held_out: None,
            shuffled: false,
        }
    }
}

/// What transforms gain.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformSummary {
    /// The scores without and with, as in `transforms.csv`.
    pub rows: Vec<TransformRow>,
    /// Seconds from start to end.
    pub wall_s: f64,
}

/// A data set, as transforms are fitted on it.
struct Cut<'a> {
    prepared: &'a PreparedDataset,
    choices: Vec<Choice>,
    folds: Folds,
}

/// A transform of a stage, fitted to all trials.
struct StageFit {
    stage: Stage,
    kind: TransformKind,
    fitted: Fitted,
}

impl Experiment {
    /// Fits transforms of the vectors of a model's stages to the choices of a data set, and scores
    /// them on images that they have not seen: the experiment's one model, on its one data set.
    ///
    /// `own` — a model of the caller's, as for [`run`](Self::run)
    /// `torch` — opens a torch model
    /// `out` — where `transforms.csv`, a figure, the manifest and the transforms that are fitted to
    /// all trials go, if anywhere
    ///
    /// # Errors
    /// See [`ExperimentError`]. `out` then holds no result with a final name.
    pub fn fit_transforms<'a>(
        &self,
        request: &TransformRequest,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        out: Option<&OutputFolder>,
        progress: &'a dyn Progress,
    ) -> Result<TransformSummary, ExperimentError> {
        let clock = Instant::now();
        let asked = Self { pixels: false, ..self.with_own(&own) };
        let [spec] = &asked.datasets[..] else {
            return Err(ExperimentError::Nothing { what: "single data set" });
        };
        let mut models = asked.models(own, torch, progress)?;
        if models.len() != 1 {
            return Err(ExperimentError::Nothing { what: "single model" });
        }
        if !models[0].model.facts().role().has_tokens() {
            return Err(ModelError::NoActivations { model: models[0].name.clone() }.into());
        }
        let datasets = [PreparedDataset::open(spec, asked.opening(true), progress)?];
        asked.prepare(&mut models, &datasets, progress)?;
        let cut = Cut::new(&datasets[0], request, asked.resampling.seed)?;
        progress.note(&cut.told());
        let stages = asked.vectors(&mut models[0], &cut, request, progress)?;
        let (rows, fits) = asked.judge(&models[0], &cut, &stages, request, progress)?;
        if let Some(out) = out {
            let written = Written { model: &models[0], prepared: cut.prepared, request };
            asked.write_transforms(out, &written, &rows, &fits)?;
        }
        Ok(TransformSummary { rows, wall_s: clock.elapsed().as_secs_f64() })
    }

    /// The vectors of the stages that are asked for.
    fn vectors(
        &self,
        model: &mut RunModel<'_>,
        cut: &Cut<'_>,
        request: &TransformRequest,
        progress: &dyn Progress,
    ) -> Result<Vec<StageVectors>, ExperimentError> {
        let cell = self.cell_without_scales(&model.name, cut.prepared);
        let mut stages = model.model.vectors(&cell, progress)?;
        model.model.give_back();
        if let Some(stage) =
            request.stages.iter().find(|asked| stages.iter().all(|of| of.stage != **asked))
        {
            let found = stages.iter().map(|of| of.stage).collect();
            let (model, stage) = (model.name.clone(), *stage);
            return Err(ModelError::NoStage { model, stage, found }.into());
        }
        stages.retain(|of| request.stages.is_empty() || request.stages.contains(&of.stage));
        if request.shuffled {
            stages.iter_mut().for_each(|of| shuffle(of, self.resampling.seed));
        }
        Ok(stages)
    }

    /// The scores of all stages without and with each transform, and the transforms.
    fn judge(
        &self,
        model: &RunModel<'_>,
        cut: &Cut<'_>,
        stages: &[StageVectors],
        request: &TransformRequest,
        progress: &dyn Progress,
    ) -> Result<(Vec<TransformRow>, Vec<StageFit>), ExperimentError> {
        let names: Vec<Stage> = stages.iter().map(|of| of.stage).collect();
        let depths = match request.stages.is_empty() {
            true => model.depths(&names),
            // Depths that the user gives are of all stages.
            false => model.model.facts().depths(&names),
        };
        let steps = stages.len() * request.kinds.len() * (cut.folds.folds.len() + 1);
        progress.begin(&format!("{}: fitting transforms", model.name), steps as u64);
        let (mut rows, mut fits) = (vec![], vec![]);
        for (vectors, depth_percent) in stages.iter().zip(depths) {
            let judged = cut.judged(&self.distances);
            let mut columns = plain_distances(vectors, judged)?;
            let mut found = vec![];
            for kind in &request.kinds {
                check_stopped(progress)?;
                let recipe = request.recipe(*kind, self.resampling.seed);
                let of_kind = cross_validate(vectors, judged, &recipe, || progress.advance(1))?;
                columns.extend(of_kind.distances);
                let all: Vec<usize> = (0..cut.choices.len()).collect();
                let fitted = fit(vectors, &cut.choices, &all, &recipe);
                progress.advance(1);
                found.push((of_kind.lambdas, fitted));
            }
            let stage = vectors.stage;
            let score = cut.prepared.scorer.score(&columns);
            let scores = score.map_err(|source| ExperimentError::Score {
                model: model.name.clone(),
                dataset: cut.prepared.name(),
                stage,
                source: source.source,
            })?;
            let (without, with) = scores.split_at(self.distances.len());
            let of_kinds = with.chunks_exact(self.distances.len()).zip(&found);
            for ((with, (lambdas, fitted)), kind) in of_kinds.zip(&request.kinds) {
                for ((with, without), distance) in with.iter().zip(without).zip(&self.distances) {
                    let side = RowOf { model, vectors, depth_percent, kind: *kind, request };
                    let found = (lambdas.as_slice(), fitted);
                    let row = side.row(cut, *distance, [without, with], found);
                    rows.push(TransformRow { simulated: self.simulated, ..row });
                }
            }
            let fitted = found.into_iter().zip(&request.kinds);
            fits.extend(fitted.map(|((_, fitted), kind)| StageFit { stage, kind: *kind, fitted }));
        }
        progress.end();
        Ok((rows, fits))
    }
}

impl TransformRequest {
    fn recipe(&self, kind: TransformKind, seed: u64) -> Recipe {
        let (lambdas, temperature) = (self.lambdas.clone(), self.temperature);
        Recipe { kind, lambdas, alpha: self.alpha, temperature, seed }
    }
}

impl<'a> Cut<'a> {
    fn new(
        prepared: &'a PreparedDataset,
        request: &TransformRequest,
        seed: u64,
    ) -> Result<Self, TransformError> {
        let choices = choices_of(prepared.dataset.trials.paradigm());
        if choices.is_empty() {
            return Err(TransformError::NoChoices { dataset: prepared.name() });
        }
        let folds = Folds::new(&choices, request.held_out, seed)?;
        Ok(Self { prepared, choices, folds })
    }

    /// How the trials are cut, in a sentence.
    fn told(&self) -> String {
        format!(
            "{}: {} different questions in {} folds that hold out {:.0} % of the images; each \
             transform is fitted on {} questions or more",
            self.prepared.name(),
            self.choices.len(),
            self.folds.folds.len(),
            100.0 * self.folds.share,
            self.folds.least()
        )
    }

    fn judged<'s>(&'s self, distances: &'s [crate::distance::Distance]) -> Judged<'s> {
        let (pairs, choices, folds) = (&self.prepared.pairs, &self.choices, &self.folds);
        Judged { pairs, choices, folds, distances }
    }
}

/// What a row of the table is of.
struct RowOf<'a> {
    model: &'a RunModel<'a>,
    vectors: &'a StageVectors,
    depth_percent: f64,
    kind: TransformKind,
    request: &'a TransformRequest,
}

impl RowOf<'_> {
    fn row(
        &self,
        cut: &Cut<'_>,
        distance: crate::distance::Distance,
        [without, with]: [&ColumnScores; 2],
        (lambdas, fitted): (&[Option<f64>], &Fitted),
    ) -> TransformRow {
        let scorer = &cut.prepared.scorer;
        let gain = with.main.with(&without.main, |with, without| with - without);
        let ends =
            |of: &Replicates| of.interval().ok().map(|Interval { low, high, .. }| [low, high]);
        let [of_without, of_with, of_gain] = [&without.main, &with.main, &gain].map(ends);
        let low = |ends: Option<[f64; 2]>| ends.map(|ends| ends[0]);
        let high = |ends: Option<[f64; 2]>| ends.map(|ends| ends[1]);
        let chosen = || lambdas.iter().flatten().copied();
        let contrastive = self.kind == TransformKind::Glocal;
        TransformRow {
            dataset: cut.prepared.name(),
            model: self.model.name.clone(),
            stage: self.vectors.stage,
            depth_percent: self.depth_percent,
            kind: self.kind,
            distance,
            measure: scorer.main_measure(),
            without: without.main.estimate,
            without_low: low(of_without),
            without_high: high(of_without),
            with: with.main.estimate,
            with_low: low(of_with),
            with_high: high(of_with),
            gain: gain.estimate,
            gain_low: low(of_gain),
            gain_high: high(of_gain),
            p: gain.p().ok(),
            chance: scorer.chance(),
            n: with.scores[0].score.n,
            n_clusters: gain.clusters,
            questions: cut.choices.len(),
            folds: cut.folds.folds.len(),
            held_out: cut.folds.share,
            least_trained_on: cut.folds.least(),
            lambda: fitted.lambda,
            lambda_low: chosen().reduce(f64::min),
            lambda_high: chosen().reduce(f64::max),
            alpha: contrastive.then_some(self.request.alpha),
            temperature: contrastive.then_some(self.request.temperature),
            channels: self.vectors.channels,
            shuffled: self.request.shuffled,
            simulated: false,
        }
    }
}

/// Gives each image the vector of another, the same other at every stage.
fn shuffle(vectors: &mut StageVectors, seed: u64) {
    let mut order: Vec<u32> = (0..vectors.images() as u32).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    vectors.values = vectors.of_images(&order);
}
