//! The end of a run: what follows from all scores, and the files that are left to write.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::models::RunModel;
use super::tables::Tables;
use super::{ExperimentError, record};
use crate::comparison::ComparisonRow;
use crate::energy::EnergyRow;
use crate::experiment::Experiment;
use crate::findings::{FindingRow, sentences};
use crate::finished::{FigureSpec, draw, notes_on_published};
use crate::model::check_stopped;
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::report::write_report_of_run;
use crate::results::{
    OutputFolder, RunState, ScoreRow, Times, WorkRecord, write_ceilings, write_comparisons,
    write_energy, write_findings, write_judgements, write_scores, write_trials,
};

/// All scores of a run, and what follows from them.
pub(super) struct Concluded {
    pub(super) scores: Vec<ScoreRow>,
    pub(super) energy: Vec<EnergyRow>,
    pub(super) findings: Vec<FindingRow>,
    pub(super) comparisons: Vec<ComparisonRow>,
}

/// What a run was made of, and what of its files is begun.
pub(super) struct Done<'a> {
    pub(super) models: &'a [RunModel<'a>],
    pub(super) datasets: &'a [PreparedDataset],
    pub(super) state: RunState,
    pub(super) tables: Tables,
    pub(super) work: Vec<WorkRecord>,
}

impl Experiment {
    /// When series peak on each data set by the main distance, in sentences.
    fn told_training(&self, datasets: &[PreparedDataset], findings: &[FindingRow]) -> Vec<String> {
        let Some(distance) = FigureSpec::main_of(&self.distances) else { return vec![] };
        let names = datasets.iter().map(|prepared| prepared.dataset.name.as_str());
        let said = |name: &str| {
            let found = sentences(findings, name, distance).into_iter();
            found.map(|sentence| format!("{name}: {sentence}")).collect::<Vec<_>>()
        };
        names.flat_map(said).collect()
    }

    /// Writes what is left to write of a run.
    pub(super) fn write_rest(
        &self,
        out: &OutputFolder,
        done: Done<'_>,
        concluded: &Concluded,
        (started, clock): (SystemTime, Instant),
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        let Done { models, datasets, state, tables, work } = done;
        let Concluded { scores, energy, findings, comparisons } = concluded;
        check_stopped(progress)?;
        let trials: usize = datasets.iter().map(|dataset| dataset.dataset.trials.len()).sum();
        progress.begin("writing trials", trials as u64);
        tables.finish()?;
        let opened: Vec<_> = datasets.iter().map(|d| (&d.dataset, &d.scorer)).collect();
        write_trials(&out.file("trials.parquet"), &opened, progress)?;
        progress.end();
        progress.begin("writing tables", 0);
        let of_people: Vec<_> = opened.iter().map(|(dataset, _)| *dataset).collect();
        write_judgements(&out.file("judgements.parquet"), &of_people)?;
        let ceilings: Vec<_> =
            datasets.iter().flat_map(|d| d.ceilings.iter().map(|c| c.row.clone())).collect();
        write_ceilings(&out.file("ceilings.csv"), &ceilings)?;
        write_findings(&out.file("findings.csv"), findings)?;
        write_comparisons(&out.file("comparisons.csv"), comparisons)?;
        write_energy(&out.file("energy.csv"), energy)?;
        write_scores(&out.file("scores.csv"), scores)?;
        progress.end();
        progress.begin("drawing figures", 0);
        let drawn = self.drawn(models, datasets);
        let figures = draw(scores, energy, &drawn, out.path())?;
        progress.end();
        notes_on_published(scores, &drawn).iter().for_each(|note| progress.note(note));
        self.told_training(datasets, findings).iter().for_each(|note| progress.note(note));
        progress.begin("writing the manifest and the page", 0);
        let times = Times {
            started_unix_s: started.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            wall_s: clock.elapsed().as_secs_f64(),
            work,
        };
        let results = record::results_of(out)?;
        self.manifest(models, datasets, state, results, times).write(&out.file("manifest.json"))?;
        let at_hand = datasets.iter().filter(|dataset| dataset.has_images());
        let images = at_hand.map(|d| (d.dataset.name.clone(), d.known_images())).collect();
        write_report_of_run(out.path(), &figures, &images)?;
        progress.end();
        Ok(out.end()?)
    }
}
