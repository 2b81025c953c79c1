//! The scores of a run as they come in, and what follows from all of them.

mod curves;

use super::ExperimentError;
use super::models::RunModel;
use super::outputs::Concluded;
use crate::ceiling::FoundCeiling;
use crate::comparison::{ComparisonRow, Measured, Side, compare, pairs};
use crate::distance::Scale;
use crate::energy::{EnergyOf, EnergyRow, Spread};
use crate::experiment::Experiment;
use crate::findings::{FindingRow, half_in_one_channel};
use crate::image::PROGRAM_BYTES;
use crate::memory::TooLittleMemory;
use crate::model::StageDistances;
use crate::model_spec::SeriesStep;
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::resample::{Replicates, SPLITS};
use crate::results::{MAX_CSV_ROWS, ScoreRow};
use crate::score::{Measure, Outcomes, ScoreError, SubsetScore};
use crate::stage::Stage;

/// Resamples that need less than this are drawn whatever the budget: the default number needs a tenth
/// of it.
const LEAST_FOR_RESAMPLES: u64 = 100_000_000;

/// Scores of models on data sets, and the resamples of the main ones.
pub(super) struct Scoring<'a> {
    experiment: &'a Experiment,
    datasets: &'a [PreparedDataset],
    /// All scores, in the order of models, data sets, stages and distances.
    rows: Vec<ScoreRow>,
    kept: Vec<Kept>,
    /// The energy of all stages that have one, in the same order.
    energy: Vec<EnergyRow>,
    /// What is found of energies.
    half_in_one: Vec<FindingRow>,
}

/// A main score with its resamples.
struct Kept {
    /// Position of the data set.
    dataset: usize,
    side: Side,
    /// Which state of a series it is of, if it is of one.
    state: Option<SeriesStep>,
    depth_percent: f64,
    replicates: Replicates,
    /// Of the last stage, if there are any.
    bits: Option<Replicates>,
    /// On both halves of each split of the clusters.
    halves: Vec<[f64; 2]>,
    /// Whether it is a point of a curve: of an encoder's, or of several stages of a model with a distance
    /// of its own.
    of_curve: bool,
    /// Whether it is at the model's last stage.
    last: bool,
    /// Of the last stage of choices.
    outcomes: Option<Outcomes>,
}

impl<'a> Scoring<'a> {
    pub(super) fn new(experiment: &'a Experiment, datasets: &'a [PreparedDataset]) -> Self {
        Self {
            experiment,
            datasets,
            rows: vec![],
            kept: vec![],
            energy: vec![],
            half_in_one: vec![],
        }
    }

    /// Scores all stages of a model on a data set.
    pub(super) fn add(
        &mut self,
        dataset: usize,
        of: &RunModel<'_>,
        stages: &[StageDistances],
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        let (model, state) = (of.name.as_str(), of.state.as_ref());
        let names: Vec<Stage> = stages.iter().map(|stage| stage.stage).collect();
        let depths = of.depths(&names);
        let depth = |stage: Stage| {
            let position = names.iter().position(|name| *name == stage);
            depths[position.expect("a stage of the model")]
        };
        let prepared = &self.datasets[dataset];
        let mut lists: Vec<&[f64]> = Vec::new();
        let mut places = Vec::new();
        for stage in stages {
            for (distance, values) in &stage.distances {
                lists.push(values);
                places.push((stage, *distance));
            }
        }
        let name = &prepared.dataset.name;
        // What people's choices say is found first, if it is not known yet.
        progress.begin(&format!("{name}: reading people's choices"), 0);
        let checked = self.check_memory(model, lists.len());
        progress.end();
        checked?;
        let steps = prepared.scorer.steps(lists.len());
        progress.begin(&format!("{model} on {name}: scoring"), steps);
        let pairs = &prepared.pairs.of_trials;
        let found = prepared.scorer.score_pairs(&lists, pairs, progress).map_err(|source| {
            if source.source == ScoreError::Stopped {
                return ExperimentError::Stopped;
            }
            let (stage, _) = places[source.column];
            ExperimentError::Score {
                model: model.to_owned(),
                dataset: prepared.dataset.name.clone(),
                stage: stage.stage,
                source: source.source,
            }
        })?;
        let last_stage = stages.last().map(|stage| stage.stage);
        for ((found, (stage, distance)), list) in found.into_iter().zip(places).zip(&lists) {
            let scale = stage.scale.as_ref().filter(|_| distance.needs_scale());
            let zero_channels = scale.map_or(0, Scale::zero_channels);
            let side = Side { model: model.to_owned(), stage: stage.stage, distance };
            let depth_percent = depth(stage.stage);
            for score in &found.scores {
                let row = self.row(dataset, &side, depth_percent, zero_channels, score);
                self.rows.push(ScoreRow {
                    series: state.map(|at| at.series.clone()),
                    step: state.map(|at| at.step),
                    ..row
                });
            }
            let of_curve = side.is_of_encoder() || stages.len() > 1;
            let last = Some(stage.stage) == last_stage;
            let outcomes = if last { prepared.scorer.outcomes_of_pairs(list, pairs) } else { None };
            let (replicates, halves) = (found.main, found.halves);
            let bits = found.bits.filter(|_| last);
            let state = state.cloned();
            self.kept.push(Kept {
                dataset,
                side,
                state,
                depth_percent,
                replicates,
                bits,
                halves,
                of_curve,
                last,
                outcomes,
            });
        }
        self.add_energy(dataset, of, &depth, stages);
        progress.end();
        let found = self.rows.len();
        if found > MAX_CSV_ROWS {
            return Err(ExperimentError::ManyScores { model: model.to_owned(), found });
        }
        Ok(())
    }

    /// Refuses resamples whose scores the budget does not hold: of each list of distances that was
    /// scored one number a resample and half stays, and of those of a model that is scored some more are there
    /// (counted: at most sixteen, two for each of up to six measures of a trial, and those that are
    /// kept); what is kept of people's choices; and what very many clusters need while they are
    /// drawn.
    fn check_memory(&self, model: &str, columns: usize) -> Result<(), ExperimentError> {
        let resamples = self.experiment.resampling.resamples;
        // Of matrices also the scores when people and images are drawn by themselves.
        let has_matrices = |d: &PreparedDataset| d.dataset.trials.paradigm().matrices().is_some();
        let each = if self.datasets.iter().any(has_matrices) { 3 } else { 1 };
        let lists = each * (self.kept.len() + 16 * columns) as u64;
        let numbers = lists * (resamples + 2 * SPLITS) as u64;
        let of_choices: usize = self.datasets.iter().map(|d| d.scorer.choice_bytes()).sum();
        let most = |d: &PreparedDataset| d.scorer.resampling_bytes(columns);
        let at_work = self.datasets.iter().map(most).max().unwrap_or(0);
        let needed = PROGRAM_BYTES + 8 * numbers + (of_choices + at_work) as u64;
        let budget = self.experiment.memory_bytes;
        match needed > budget.max(LEAST_FOR_RESAMPLES) {
            true => {
                let remedies = vec![Remedy::FewerResamples];
                let (what, how) = (
                    format!("scoring {model}"),
                    format!("for the scores of {resamples} resamples"),
                );
                Err(TooLittleMemory { what, how, needed, budget, remedies }.into())
            }
            false => Ok(()),
        }
    }

    /// The energy of all stages that have one.
    fn add_energy(
        &mut self,
        dataset: usize,
        of_model: &RunModel<'_>,
        depth: &dyn Fn(Stage) -> f64,
        stages: &[StageDistances],
    ) {
        let prepared = &self.datasets[dataset];
        let row = |stage: Stage, energy: EnergyOf, spread: Spread| EnergyRow {
            dataset: prepared.dataset.name.clone(),
            model: of_model.name.clone(),
            stage,
            depth_percent: depth(stage),
            energy,
            top_channel: spread.top_channel,
            top_channel_share: spread.top_channel_share,
            effective_channels: spread.effective_channels,
            zero_channels: spread.zero_channels,
            n: match energy {
                EnergyOf::Activations => prepared.dataset.images.len(),
                EnergyOf::Differences => prepared.pairs.len(),
            },
            level: prepared.dataset.level,
            series: of_model.state.as_ref().map(|at| at.series.clone()),
            step: of_model.state.as_ref().map(|at| at.step),
        };
        let stages = stages.iter().filter_map(|found| Some((found.stage, found.energy?)));
        let rows: Vec<EnergyRow> = stages
            .flat_map(|(stage, found)| EnergyOf::ALL.map(|of| row(stage, of, found.spread(of))))
            .collect();
        for of in EnergyOf::ALL {
            let of_one: Vec<_> = rows.iter().filter(|row| row.energy == of).cloned().collect();
            self.half_in_one.extend(half_in_one_channel(&of_one));
        }
        self.energy.extend(rows);
    }

    fn row(
        &self,
        dataset: usize,
        side: &Side,
        depth_percent: f64,
        zero_channels: usize,
        found: &SubsetScore,
    ) -> ScoreRow {
        let prepared = &self.datasets[dataset];
        let score = found.score;
        let interval = found.interval.ok();
        ScoreRow {
            dataset: prepared.dataset.name.clone(),
            subset: prepared.scorer.subsets()[found.subset].name.clone(),
            model: side.model.clone(),
            stage: side.stage,
            depth_percent,
            distance: side.distance,
            measure: score.measure,
            value: score.value,
            ci_low: interval.map(|i| i.low),
            ci_high: interval.map(|i| i.high),
            n: score.n,
            n_clusters: found.n_clusters,
            n_ties: score.n_ties,
            chance: Some(score.chance),
            n_left_out: score.n_left_out,
            zero_channels,
            ties: self.experiment.ties,
            simulated: self.experiment.simulated,
            bca_low: interval.and_then(|i| i.bca).map(|[low, _]| low),
            bca_high: interval.and_then(|i| i.bca).map(|[_, high]| high),
            ceiling: prepared.ceiling(found.subset, score.measure),
            ci_note: prepared.scorer.interval_note(found),
            level: prepared.dataset.level,
            release: prepared.dataset.release,
            series: None,
            step: None,
        }
    }

    /// What follows from all scores.
    pub(super) fn conclude(self, progress: &dyn Progress) -> Concluded {
        progress.begin("comparing", 0);
        let (findings, comparisons) = (self.findings(), self.comparisons());
        progress.end();
        Concluded { scores: self.rows, energy: self.energy, findings, comparisons }
    }

    /// All pairs of models at their last stage, for each kind of distance; encoders first, then
    /// baselines, then pixels. A series stands there as its last state, and beside its first.
    fn comparisons(&self) -> Vec<ComparisonRow> {
        let mut rows = Vec::new();
        for (position, prepared) in self.datasets.iter().enumerate() {
            let last = |kept: &&Kept| kept.dataset == position && kept.last;
            let sides: Vec<Measured> = self
                .kept
                .iter()
                .filter(last)
                .map(|kept| Measured {
                    side: kept.side.clone(),
                    replicates: kept.replicates.clone(),
                    bits: kept.bits.clone(),
                    outcomes: kept.outcomes.clone(),
                    state: kept.state.clone(),
                })
                .collect();
            let pairs = pairs(&sides);
            rows.extend(compare(&prepared.dataset.name, &prepared.scorer, &sides, &pairs));
        }
        rows
    }
}

impl PreparedDataset {
    /// The ceiling that figures draw, of a subset and measure.
    fn drawn_ceiling(&self, subset: usize, measure: Measure) -> Option<&FoundCeiling> {
        self.ceilings.iter().find(|ceiling| {
            let row = &ceiling.row;
            ceiling.subset == subset && row.measure == measure && row.ceiling.is_drawn()
        })
    }

    /// The same as the column `ceiling` has it.
    fn ceiling(&self, subset: usize, measure: Measure) -> Option<f64> {
        let chance = self.scorer.chance();
        match measure.turned() {
            Some((of, turn)) => Some(turn(self.drawn_ceiling(subset, of)?.row.value, chance)),
            None => Some(self.drawn_ceiling(subset, measure)?.row.value),
        }
    }
}
