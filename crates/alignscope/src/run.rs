//! The whole way: an experiment is run.

mod error;
mod fingerprint;
mod measure;
mod models;
mod outputs;
mod planned;
mod record;
mod scoring;
mod shard;
mod similarity;
mod tables;
mod torch;
mod transforms;
mod work;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

pub use error::{ExperimentError, remedies_of};
pub use measure::Measured;
pub use planned::{PlanRequest, PlannedTotal, RunPlan};
pub use shard::ShardSummary;
pub use similarity::SimilarityRequest;
pub use transforms::{TransformRequest, TransformSummary};

use models::{RunModel, transformed_name};
use outputs::{Concluded, Done};
use scoring::Scoring;
use tables::Tables;

use crate::comparison::ComparisonRow;
use crate::encoder::Architecture;
use crate::energy::EnergyRow;
use crate::experiment::Experiment;
use crate::findings::FindingRow;
use crate::finished::{FigureSpec, Presentation, check_figures};
use crate::input_file::ContentHash;
use crate::model::{
    Cell, Facts, Measurement, ModelError, NoTorch, Role, TorchModels, UserModel, check_stopped,
};
use crate::model_spec::ModelSpec;
use crate::open_files;
use crate::prepared::{DatasetSpec, Opening, PreparedDataset};
use crate::progress::Progress;
use crate::results::{
    BadImage, Drawn, DrawnDataset, DrawnModel, MAX_TRIALS, OutputFolder, RunState, ScaleFile,
    ScoreRow, check_finished, is_done, read_energy, read_scores,
};

/// The scales of another run.
#[derive(Debug, Default)]
struct ForeignScales {
    /// By model and data set, then by stage.
    scales: BTreeMap<(String, String), BTreeMap<String, Vec<f64>>>,
    /// SHA-256 of the file that they were read from; `None` where the data sets' own are used.
    sha256: Option<ContentHash>,
}

/// What a run is made of, checked before the first image is encoded.
struct Opened<'a> {
    /// The experiment, its data sets called as they were found.
    this: Experiment,
    models: Vec<RunModel<'a>>,
    datasets: Vec<PreparedDataset>,
    foreign_scales: ForeignScales,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// All scores, as in `scores.csv`.
    pub scores: Vec<ScoreRow>,
    /// How the energy of stages is spread, as in `energy.csv`.
    pub energy: Vec<EnergyRow>,
    /// Seconds from start to end.
    pub wall_s: f64,
    /// Whether the folder held this very run already, and nothing was done.
    pub was_done: bool,
    /// Images that could not be read, by data set; their trials are left out.
    pub bad_images: Vec<(String, BadImage)>,
}

/// What became of a run.
#[derive(Debug, Default)]
struct Outcome {
    scores: Vec<ScoreRow>,
    energy: Vec<EnergyRow>,
    findings: Vec<FindingRow>,
    comparisons: Vec<ComparisonRow>,
    wall_s: f64,
    was_done: bool,
    bad_images: Vec<(String, BadImage)>,
    /// What was measured of each model, where that is handed out.
    measured: Vec<Measurement>,
}

impl Experiment {
    /// Runs all of it and fills `out`: `scores.csv`, `distances.parquet`, `trials.parquet`,
    /// `scale.parquet`, `ceilings.csv`, `findings.csv`, `comparisons.csv`, the figures as SVG, PNG
    /// and CSV, `manifest.json`, and from all of them `report.html`.
    ///
    /// `own` — models of the caller's: features in memory, or functions. Those that `models` does not
    /// name, as [`ModelSpec::Own`], come after the others
    ///
    /// A run that stopped goes on: what is kept of it is not encoded again. A folder that holds this
    /// very run is left as it is.
    ///
    /// The work is done by the threads of the rayon pool that this is called in; results do not
    /// depend on their number.
    ///
    /// # Errors
    /// See [`ExperimentError`]. Data sets, image headers and the models' small files are all
    /// checked before the first image is encoded. `out` then holds no result with a final name, and where it held
    /// nothing before, nothing at all, unless the run was stopped: a run that could not be done is none to go on with.
    pub fn run(
        &self,
        own: Vec<UserModel<'_>>,
        out: &OutputFolder,
        progress: &dyn Progress,
    ) -> Result<Summary, ExperimentError> {
        self.run_with(own, &NoTorch, out, progress)
    }

    /// As [`run`](Self::run), where there may be torch.
    ///
    /// `torch` — opens torch models: those that `models` names, and with [`Backend::Torch`] encoders
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// [`Backend::Torch`]: crate::Backend::Torch
    pub fn run_with<'a>(
        &self,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        out: &OutputFolder,
        progress: &'a dyn Progress,
    ) -> Result<Summary, ExperimentError> {
        let result = self.with_own(&own).run_inner(own, torch, Some(out), false, progress);
        match &result {
            Ok(_) | Err(ExperimentError::Stopped) => {}
            Err(_) => out.take_back(),
        }
        let Outcome { scores, energy, wall_s, was_done, bad_images, .. } = result?;
        Ok(Summary { scores, energy, wall_s, was_done, bad_images })
    }

    /// The same, of which the caller's models are part.
    fn with_own(&self, own: &[UserModel<'_>]) -> Self {
        let mut whole = self.clone();
        for UserModel { name, .. } in own {
            let spec = ModelSpec::Own(name.clone());
            if whole.models.iter().all(|model| model.spec != spec) {
                whole.models.push(spec.into());
            }
        }
        whole
    }

    /// As [`run`](Self::run), which sees to what an error leaves; without `out`, no file is written.
    ///
    /// `alone` — whether it is one model of the caller's, whose measurement is handed out; such a run
    /// does not go on, and trials of images that cannot be read cannot be left out
    fn run_inner<'a>(
        &self,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        out: Option<&OutputFolder>,
        alone: bool,
        progress: &'a dyn Progress,
    ) -> Result<Outcome, ExperimentError> {
        let started = SystemTime::now();
        let clock = Instant::now();
        let Opened { this, mut models, datasets, foreign_scales } =
            self.opened(own, torch, !alone, progress)?;
        let bad_images: Vec<(String, BadImage)> = datasets
            .iter()
            .flat_map(|d| d.bad_images.iter().map(|image| (d.dataset.name.clone(), image.clone())))
            .collect();
        let mut filling = None;
        if let Some(out) = out {
            let state = this.state(&models, &datasets, foreign_scales.sha256);
            if !alone && is_done(out, &state, progress)? {
                let scores = read_scores(&out.file("scores.csv"))?;
                let energy = read_energy(&out.file("energy.csv"))?;
                let wall_s = clock.elapsed().as_secs_f64();
                return Ok(Outcome {
                    was_done: true,
                    bad_images,
                    scores,
                    energy,
                    wall_s,
                    ..Outcome::default()
                });
            }
            this.forget(&models, &datasets, &foreign_scales, progress)?;
            out.start(&state)?;
            filling = Some((out, state, Tables::create(out)?));
        }

        let mut scoring = Scoring::new(&this, &datasets);
        let (mut work, mut measured) = (Vec::new(), Vec::new());
        for model in &mut models {
            for (position, dataset) in datasets.iter().enumerate() {
                check_stopped(progress)?;
                let (found, record) = this.cell(model, dataset, &foreign_scales, progress)?;
                work.extend(record);
                if let Some((_, _, tables)) = &mut filling {
                    tables.write(&model.name, dataset, &found.stages, progress)?;
                }
                check_stopped(progress)?;
                scoring.add(position, model, &found.stages, progress)?;
                if alone {
                    measured.push(found);
                }
            }
            model.model.give_back();
        }
        let concluded = scoring.conclude(progress);
        if let Some((out, state, tables)) = filling {
            let done = Done { models: &models, datasets: &datasets, state, tables, work };
            this.write_rest(out, done, &concluded, (started, clock), progress)?;
        }
        let Concluded { scores, energy, findings, comparisons } = concluded;
        let wall_s = clock.elapsed().as_secs_f64();
        let was_done = false;
        Ok(Outcome {
            scores,
            energy,
            findings,
            comparisons,
            wall_s,
            was_done,
            bad_images,
            measured,
        })
    }

    /// Opens all that the run is made of.
    ///
    /// `can_keep_going` — whether the user can ask to leave out trials of images that cannot be
    /// read
    ///
    /// # Errors
    /// Something of it cannot be run.
    fn opened<'a>(
        &self,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        can_keep_going: bool,
        progress: &'a dyn Progress,
    ) -> Result<Opened<'a>, ExperimentError> {
        let asked = self.expanded(progress)?;
        check_figures(&asked.figures(), self.presentation.title.as_deref())?;
        open_files::raise_limit();
        let mut models = asked.models(own, torch, progress)?;
        check_stages(&models)?;
        let open = |spec| PreparedDataset::open(spec, self.opening(can_keep_going), progress);
        let datasets = self.datasets.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        check_trials(&datasets)?;
        let this = asked.as_found(&datasets)?;
        this.prepare(&mut models, &datasets, progress)?;
        let foreign_scales = this.foreign_scales(&models)?;
        Ok(Opened { this, models, datasets, foreign_scales })
    }

    /// Has each model look at the data sets, and says what the user must know of all.
    fn prepare(
        &self,
        models: &mut [RunModel<'_>],
        datasets: &[PreparedDataset],
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        let precise = models.iter().any(|model| model.model.facts().follows_precision());
        if precise && self.precision.is_slower_than_f32() {
            progress.note(&format!(
                "{} is slower than f32 on this processor, which lacks the instructions that it is made for; it is done by {}",
                self.precision,
                self.precision.instructions()
            ));
        }
        for RunModel { name, model, .. } in models.iter_mut() {
            check_images(name, model.facts(), datasets)?;
            let cell = |dataset| self.cell_without_scales(name, dataset);
            let cells: Vec<Cell<'_>> = datasets.iter().map(cell).collect();
            model.prepare(&cells, progress)?;
            if let Some(why) = model.facts().not_cached().filter(|_| self.kept.is_some()) {
                progress.note(&format!("{name}: nothing of it is kept, since {why}"));
            }
        }
        let seen = models.iter().any(|model| model.model.facts().sees_baseline_rule());
        for dataset in datasets.iter().filter(|_| seen) {
            let name = &dataset.dataset.name;
            progress.note(&format!("{name}: baselines compare {}", dataset.baseline_rule));
        }
        Ok(())
    }

    /// The same experiment, its data sets and the panels of its figures named by what was found,
    /// as results name them.
    fn as_found(&self, datasets: &[PreparedDataset]) -> Result<Self, ExperimentError> {
        let mut found = self.clone();
        for (spec, prepared) in found.datasets.iter_mut().zip(datasets) {
            spec.name = Some(prepared.dataset.name.clone());
        }
        found.check_datasets()?;
        let names: Vec<(&str, &str)> = self
            .datasets
            .iter()
            .zip(&found.datasets)
            .map(|(asked, found)| (asked.called(), found.called()))
            .collect();
        for figure in &mut found.figures {
            for panel in &mut figure.panels {
                *panel = name_of_panel(panel, &names).map_err(|names| {
                    let (figure, panel) = (figure.name.clone(), panel.clone());
                    ExperimentError::Panel { figure, panel, names: names.join("` and `") }
                })?;
            }
        }
        Ok(found)
    }

    /// No data set stands there twice.
    fn check_datasets(&self) -> Result<(), ExperimentError> {
        for (i, dataset) in self.datasets.iter().enumerate() {
            let Some(name) = dataset.known_name() else { continue };
            if self.datasets[..i].iter().any(|other| other.known_name() == Some(name)) {
                let (name, format) = (name.to_owned(), dataset.format.to_string());
                return Err(ExperimentError::TwiceNamed { name, format });
            }
        }
        Ok(())
    }

    /// How data sets are opened; `can_keep_going` says whether the user can ask to leave out trials
    /// of images that cannot be read.
    fn opening(&self, can_keep_going: bool) -> Opening<'_> {
        Opening {
            baseline_side: self.baseline_size,
            resampling: &self.resampling,
            ties: self.ties,
            memory_bytes: self.memory_bytes,
            keep_going: self.keep_going,
            can_keep_going,
        }
    }

    /// What the figures of the run need beside its scores.
    fn drawn(&self, models: &[RunModel<'_>], datasets: &[PreparedDataset]) -> Drawn<FigureSpec> {
        let named = self.with_names_of(models);
        let Presentation { title, colours, published } = named.presentation.clone();
        let (simulated, figures) = (self.simulated, named.figures());
        let tokens = self.tokens_compared(models);
        let model = |model: &RunModel<'_>| DrawnModel {
            name: model.name.clone(),
            spec: model.place.clone(),
            series: model.state.as_ref().map(|at| at.series.clone()),
            step: model.state.as_ref().map(|at| at.step),
        };
        let dataset = |(spec, read): (&DatasetSpec, &PreparedDataset)| DrawnDataset {
            name: read.dataset.name.clone(),
            release: read.dataset.release.map(|release| release.to_string()),
            split: spec.options.split.clone(),
            min_votes: spec.options.min_votes,
            limit: spec.options.limit,
            selected: spec.options.selection.is_some().then_some(read.dataset.trials.len()),
        };
        let models = models.iter().map(model).collect();
        let datasets = self.datasets.iter().zip(datasets).map(dataset).collect();
        Drawn { simulated, title, colours, published, tokens, figures, models, datasets }
    }

    /// The same, whose figures and colours are of transformed models where those are run.
    fn with_names_of(&self, models: &[RunModel<'_>]) -> Self {
        let mut named = self.clone();
        let of_result = |name: &str| {
            let transformed = transformed_name(name);
            match models.iter().any(|model| model.name == transformed) {
                true => transformed,
                false => name.to_owned(),
            }
        };
        for model in named.figures.iter_mut().flat_map(|figure| &mut figure.models) {
            *model = of_result(model);
        }
        let colours = std::mem::take(&mut named.presentation.colours);
        let colours = colours.into_iter().map(|(model, colour)| (of_result(&model), colour));
        named.presentation.colours = colours.collect();
        named
    }

    /// The scales of the run that `scale_from` names, for each model and data set of this one.
    fn foreign_scales(&self, models: &[RunModel<'_>]) -> Result<ForeignScales, ExperimentError> {
        let Some(run) = &self.scale_from else { return Ok(ForeignScales::default()) };
        check_finished(run)?;
        let file = ScaleFile::read(&run.join("scale.parquet"))?;
        let mut scales = BTreeMap::new();
        let other = RunState::read(&run.join("manifest.json"))?;
        for model in
            models.iter().filter(|m| matches!(m.model.facts().role(), Role::Encoder | Role::OfUser))
        {
            let there = model.name_in(&other);
            if there.is_none() && other.inputs.contains_key(&format!("weights of {}", model.name)) {
                let (run, model) = (run.clone(), model.name.clone());
                return Err(ExperimentError::ScaleOfAnother { run, model });
            }
            let there = there.unwrap_or(&model.name);
            for dataset in &self.datasets {
                let found = file.scales(there, |name| name == dataset.called())?;
                if found.is_empty() {
                    let path = file.path().to_owned();
                    let (model, dataset) = (model.name.clone(), dataset.called().to_owned());
                    return Err(ExperimentError::NoScale { path, model, dataset });
                }
                scales.insert((model.name.clone(), dataset.called().to_owned()), found);
            }
        }
        Ok(ForeignScales { scales, sha256: Some(file.sha256()) })
    }
}

/// A model that reads images is measured on data sets that have them.
fn check_images(
    model: &str,
    facts: &dyn Facts,
    datasets: &[PreparedDataset],
) -> Result<(), ModelError> {
    let without = datasets.iter().find(|dataset| !dataset.has_images());
    match without.filter(|_| facts.reads_images()) {
        None => Ok(()),
        Some(dataset) => Err(ModelError::WithoutImages {
            model: model.to_owned(),
            dataset: dataset.name(),
            is_pixels: facts.role() == Role::Pixels,
        }),
    }
}

/// All states of a series have the architecture of its first.
fn check_stages(models: &[RunModel<'_>]) -> Result<(), ExperimentError> {
    let mut first: Option<&RunModel<'_>> = None;
    for model in models {
        let Some(at) = &model.state else { continue };
        let same = |first: &&RunModel<'_>| {
            first.state.as_ref().is_some_and(|of_first| of_first.series == at.series)
        };
        let Some(of_series) = first.filter(same) else {
            first = Some(model);
            continue;
        };
        if architecture_of(of_series) != architecture_of(model) {
            let [first, second] = [of_series, model].map(told_architecture);
            return Err(ExperimentError::Stages { series: at.series.clone(), first, second });
        }
    }
    Ok(())
}

/// The architecture of a state, which is an encoder.
fn architecture_of<'m>(model: &'m RunModel<'_>) -> Option<&'m Architecture> {
    model.model.facts().checkpoint().map(|checkpoint| &checkpoint.architecture)
}

/// Where a state lies, and its architecture.
fn told_architecture(model: &RunModel<'_>) -> String {
    let architecture = architecture_of(model).map(ToString::to_string).unwrap_or_default();
    format!("{} is {architecture}", model.place)
}

/// The data sets together have no more trials than the files of a run may hold.
fn check_trials(datasets: &[PreparedDataset]) -> Result<(), ExperimentError> {
    let found: usize = datasets.iter().map(|d| d.dataset.trials.len()).sum();
    match found as u64 > MAX_TRIALS {
        true => Err(ExperimentError::ManyTrials { found }),
        false => Ok(()),
    }
}

/// The data set that a panel shows, by its name in results: the one of that name, else the one that was
/// asked for so.
///
/// `names` — of each data set, what the user calls it, and its name in results
///
/// # Errors
/// Several were asked for so, and none has that name.
fn name_of_panel<'a>(panel: &str, names: &[(&str, &'a str)]) -> Result<String, Vec<&'a str>> {
    if names.iter().any(|(_, name)| *name == panel) {
        return Ok(panel.to_owned());
    }
    let asked = names.iter().filter(|(called, _)| *called == panel).map(|(_, name)| *name);
    match asked.collect::<Vec<_>>()[..] {
        [] => Ok(panel.to_owned()),
        [name] => Ok(name.to_owned()),
        ref several => Err(several.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_shows_the_data_set_of_its_name_then_the_one_that_was_asked_for_so() {
        let found = |panel, names: &[(&str, &'static str)]| name_of_panel(panel, names);
        let (kadid, tid) = (("tid2013", "kadid10k"), ("tid2013", "tid2013"));
        assert_eq!(found("tid2013", &[kadid]), Ok("kadid10k".to_owned()));
        // Asked for first, but called otherwise.
        assert_eq!(found("tid2013", &[kadid, tid]), Ok("tid2013".to_owned()));
        assert_eq!(found("mine", &[kadid, ("mine", "mine")]), Ok("mine".to_owned()));
        assert_eq!(
            found("tid2013", &[kadid, ("tid2013", "tid2008")]),
            Err(vec!["kadid10k", "tid2008"])
        );
    }
}
