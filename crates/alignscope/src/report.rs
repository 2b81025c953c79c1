//! A run as a page: one file, which needs no network.
//!
//! Everything on it comes from the files of a run; images are looked for where the manifest says
//! that the data was, and shown if they are those of the run.

mod examples;
mod gallery;
mod page;
mod shell;
mod summary;
mod table;
mod tables;
mod thumbnail;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ceiling::CeilingRow;
use crate::comparison::ComparisonRow;
use crate::dataset::Level;
use crate::distance::Distance;
use crate::figure::Figure;
use crate::findings::FindingRow;
use crate::model_spec::Specs;
use crate::progress::Progress;
use crate::results::{
    Bounds, DrawnDataset, MAX_ENTRIES, MAX_MODELS, MAX_NAME_BYTES, MAX_TITLE_BYTES, ResultsError,
    ScoreRow, read_ceilings, read_comparisons, read_findings, read_record, read_scores,
    write_whole, wrong,
};
use crate::stage::Stage;

pub use gallery::GalleryRun;
pub(crate) use gallery::{Board, write_gallery_page};

/// A figure with the name of its files.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedFigure {
    /// The name, without ending.
    pub name: String,
    /// The figure.
    pub figure: Figure,
}

/// What the page is made of.
struct Run {
    folder: PathBuf,
    told: Told,
    manifest: String,
    scores: Vec<ScoreRow>,
    ceilings: Vec<CeilingRow>,
    findings: Vec<FindingRow>,
    comparisons: Vec<ComparisonRow>,
}

/// What the page needs of a manifest.
#[derive(Deserialize)]
struct Told {
    alignscope_version: String,
    simulated: bool,
    command: Option<Vec<String>>,
    title: Option<String>,
    colours: BTreeMap<String, String>,
    tokens: Option<String>,
    precision: Option<String>,
    precision_check: Option<String>,
    device: Option<String>,
    ties: String,
    models: Vec<ToldModel>,
    datasets: Vec<ToldDataset>,
    times: ToldTimes,
}

#[derive(Deserialize)]
struct ToldModel {
    name: String,
    spec: String,
    series: Option<String>,
    step: Option<usize>,
    seed: Option<u64>,
    defaults_used: Vec<String>,
    of_user: bool,
    made_with: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ToldDataset {
    /// Its name and release, and what part of it was asked for.
    #[serde(flatten)]
    asked: DrawnDataset,
    data: PathBuf,
    images_root: PathBuf,
    images_sha256: Option<String>,
    trials: usize,
    pairs: usize,
    images: usize,
    clusters: usize,
    skipped_trials: usize,
    missing_images: usize,
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct ToldTimes {
    wall_s: f64,
}

impl Told {
    /// Holds what the page shows to its bounds.
    fn check(&self, bounds: Bounds<'_>) -> Result<(), ResultsError> {
        bounds.text("title", self.title.as_deref().unwrap_or_default(), MAX_TITLE_BYTES)?;
        bounds.list("models", &self.models, MAX_MODELS)?;
        for (i, model) in self.models.iter().enumerate() {
            bounds.text(&format!("models[{i}].name"), &model.name, MAX_NAME_BYTES)?;
            bounds.list(
                &format!("models[{i}].defaults_used"),
                &model.defaults_used,
                MAX_ENTRIES,
            )?;
        }
        bounds.datasets(self.datasets.iter().map(|dataset| dataset.asked.name.as_str()))?;
        for (i, d) in self.datasets.iter().enumerate() {
            let counts = [
                ("trials", d.trials),
                ("pairs", d.pairs),
                ("images", d.images),
                ("clusters", d.clusters),
                ("skipped_trials", d.skipped_trials),
                ("missing_images", d.missing_images),
            ];
            for (name, count) in counts {
                bounds.count(&format!("datasets[{i}].{name}"), count)?;
            }
            bounds.list(&format!("datasets[{i}].notes"), &d.notes, MAX_ENTRIES)?;
        }
        let seconds = self.times.wall_s;
        match (0.0..1e10).contains(&seconds) {
            true => Ok(()),
            false => Err(wrong(bounds.path, "times.wall_s", seconds, "seconds, 0 or more")),
        }
    }
}

impl Run {
    fn read(folder: &Path) -> Result<Self, ResultsError> {
        let path = folder.join("manifest.json");
        let (told, manifest): (Told, String) = read_record(&path)?;
        told.check(Bounds { path: &path })?;
        Ok(Self {
            folder: folder.to_owned(),
            told,
            manifest,
            scores: read_scores(&folder.join("scores.csv"))?,
            ceilings: read_ceilings(&folder.join("ceilings.csv"))?,
            findings: read_findings(&folder.join("findings.csv"))?,
            comparisons: read_comparisons(&folder.join("comparisons.csv"))?,
        })
    }

    /// Refuses names that no data set of the run has.
    fn check_names<'n>(
        &self,
        mut names: impl Iterator<Item = &'n String>,
    ) -> Result<(), ResultsError> {
        match names.find(|name| self.told.datasets.iter().all(|d| d.asked.name != **name)) {
            None => Ok(()),
            Some(name) => Err(ResultsError::NotInRun {
                path: self.folder.clone(),
                dataset: name.clone(),
                found: self.told.datasets.iter().map(|d| d.asked.name.clone()).collect(),
            }),
        }
    }

    /// The data sets by name, from the low to the high level.
    fn datasets(&self) -> Vec<(&str, Level)> {
        datasets_of(&self.scores.iter().collect::<Vec<_>>())
    }

    /// The kind of distance by which the page compares models: the normalized one where it was run.
    fn main_distance(&self) -> Distance {
        // The pixels are there by one distance, whichever were asked for.
        let of_stages =
            |row: &&ScoreRow| row.stage != Stage::Image && row.distance != Distance::Own;
        let mut run = self.scores.iter().filter(of_stages).map(|row| row.distance);
        let first = run.clone().next();
        match run.any(|distance| distance == Distance::NormalizedEuclidean) {
            true => Distance::NormalizedEuclidean,
            false => first.unwrap_or(Distance::Own),
        }
    }

    /// The last stage of each model: the projection of an encoder, or whatever stands last of a
    /// model with stages of other names.
    fn last_stages(&self) -> BTreeMap<&str, Stage> {
        self.scores.iter().map(|row| (row.model.as_str(), row.stage)).collect()
    }

    /// What the models are.
    fn specs(&self) -> Specs {
        let spec = |model: &ToldModel| {
            let is_state = model.series.is_some();
            let spec = if is_state { &model.name } else { &model.spec };
            (model.name.clone(), spec.clone())
        };
        Specs::new(self.told.models.iter().map(spec))
    }

    /// Whether a model is the last state of its series, or of none: only such stand beside others.
    fn stands(&self, model: &ToldModel) -> bool {
        let later = |other: &ToldModel| other.series == model.series && other.step > model.step;
        model.series.is_none() || !self.told.models.iter().any(later)
    }

    /// The names of the models that stand beside others.
    fn standing(&self) -> BTreeSet<&str> {
        let stands = self.told.models.iter().filter(|model| self.stands(model));
        stands.map(|model| model.name.as_str()).collect()
    }

    /// How many states the series of a model has, if it is of one.
    fn states(&self, model: &ToldModel) -> Option<usize> {
        let same = |other: &&ToldModel| other.series == model.series;
        model.series.as_ref().map(|_| self.told.models.iter().filter(same).count())
    }

    /// What was asked for of each data set.
    fn asked(&self) -> Vec<DrawnDataset> {
        self.told.datasets.iter().map(|dataset| dataset.asked.clone()).collect()
    }

    /// Who answered.
    fn people(&self) -> &'static str {
        people(self.told.simulated)
    }
}

/// Who answered.
fn people(simulated: bool) -> &'static str {
    if simulated { "the simulated observer" } else { "people" }
}

/// The data sets of scores by name, from the low to the high level.
fn datasets_of<'a>(rows: &[&'a ScoreRow]) -> Vec<(&'a str, Level)> {
    let mut found: Vec<(&str, Level)> = Vec::new();
    for row in rows {
        if !found.iter().any(|(name, _)| *name == row.dataset) {
            found.push((&row.dataset, row.level));
        }
    }
    found.sort_by_key(|(_, level)| *level);
    found
}

/// The images of data sets, by their ids: where each lies, and the SHA-256 of its bytes.
pub(crate) type KnownImages = BTreeMap<String, HashMap<String, (PathBuf, String)>>;

/// Where the page's images come from.
enum Images<'a> {
    /// From where the run itself has just read them.
    Known(&'a KnownImages),
    /// From where the manifest says, or `data`; if together they are those of the run.
    LookedFor { data: &'a BTreeMap<String, PathBuf>, progress: &'a dyn Progress },
}

/// Writes `report.html` into the folder of a run, from its files and the figures that were drawn of it.
///
/// `data` — where data sets lie now, if not where the manifest says
///
/// The images of a data set are shown if together they have the SHA-256 that the run recorded: a
/// manifest from elsewhere may name any folder and any file in it, but it cannot know what is in
/// them.
///
/// # Errors
/// A file of the run cannot be read, or the page cannot be written. That the images are not to be
/// found, or are others, is no error: the page says so.
pub fn write_report(
    folder: &Path,
    figures: &[NamedFigure],
    data: &BTreeMap<String, PathBuf>,
    progress: &dyn Progress,
) -> Result<(), ResultsError> {
    write(folder, figures, &Images::LookedFor { data, progress })
}

/// As [`write_report`], of a run that has just read its images.
pub(crate) fn write_report_of_run(
    folder: &Path,
    figures: &[NamedFigure],
    images: &KnownImages,
) -> Result<(), ResultsError> {
    write(folder, figures, &Images::Known(images))
}

fn write(folder: &Path, figures: &[NamedFigure], images: &Images<'_>) -> Result<(), ResultsError> {
    let run = Run::read(folder)?;
    if let Images::LookedFor { data, .. } = images {
        run.check_names(data.keys())?;
    }
    let examples = examples::gather(&run, images)?;
    let page = page::render(&run, figures, &examples)?;
    write_whole(&folder.join("report.html"), page.as_bytes())
}

#[cfg(test)]
mod tests;
