//! A run as a page: one file, which needs no network.
//!
//! Everything on it comes from the files of a run; images are looked for where the manifest says
//! that the data was.

mod examples;
mod page;
mod summary;
mod table;
mod tables;
mod thumbnail;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ceiling::CeilingRow;
use crate::comparison::ComparisonRow;
use crate::distance::Distance;
use crate::figure::{Figure, Specs};
use crate::findings::FindingRow;
use crate::results::{
    ResultsError, ScoreRow, read_ceilings, read_comparisons, read_findings, read_scores,
    write_whole,
};
use crate::stage::Stage;

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
    ceilings: Option<Vec<CeilingRow>>,
    findings: Option<Vec<FindingRow>>,
    comparisons: Option<Vec<ComparisonRow>>,
}

/// What the page needs of a manifest.
#[derive(Deserialize)]
struct Told {
    alignscope_version: String,
    simulated: bool,
    command: Option<Vec<String>>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    tokens: Option<String>,
    #[serde(default)]
    precision: Option<String>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    ties: String,
    models: Vec<ToldModel>,
    datasets: Vec<ToldDataset>,
    times: ToldTimes,
}

#[derive(Deserialize)]
struct ToldModel {
    name: String,
    #[serde(default)]
    spec: Option<String>,
    #[serde(default)]
    seed: Option<u64>,
    #[serde(default)]
    defaults_used: Vec<String>,
    #[serde(default)]
    of_user: bool,
}

#[derive(Deserialize)]
struct ToldDataset {
    name: String,
    data: PathBuf,
    limit: Option<usize>,
    trials: usize,
    pairs: usize,
    images: usize,
    clusters: usize,
    skipped_trials: usize,
    missing_images: usize,
    #[serde(default)]
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct ToldTimes {
    wall_s: f64,
}

impl Run {
    fn read(folder: &Path) -> Result<Self, ResultsError> {
        let path = folder.join("manifest.json");
        let manifest = std::fs::read_to_string(&path)
            .map_err(|source| ResultsError::Read { path: path.clone(), source })?;
        let told = serde_json::from_str(&manifest)
            .map_err(|source| ResultsError::Manifest { path, source })?;
        Ok(Self {
            folder: folder.to_owned(),
            told,
            manifest,
            scores: read_scores(&folder.join("scores.csv"))?,
            ceilings: if_there(&folder.join("ceilings.csv"), read_ceilings)?,
            findings: if_there(&folder.join("findings.csv"), read_findings)?,
            comparisons: if_there(&folder.join("comparisons.csv"), read_comparisons)?,
        })
    }

    /// The kind of distance by which the page compares models: the normalized one where it was run.
    fn main_distance(&self) -> Distance {
        let none = |d: &Distance| *d == Distance::Own || d.is_of_energy();
        let mut run = self.scores.iter().map(|row| row.distance).filter(|d| !none(d));
        let normalized = |row: &ScoreRow| row.distance == Distance::NormalizedEuclidean;
        match self.scores.iter().any(normalized) {
            true => Distance::NormalizedEuclidean,
            false => run.next().unwrap_or(Distance::Own),
        }
    }

    /// The last stage of each model: the projection of an encoder, or whatever stands last of a
    /// model with stages of other names.
    fn last_stages(&self) -> BTreeMap<&str, Stage> {
        self.scores.iter().map(|row| (row.model.as_str(), row.stage)).collect()
    }

    /// What the models are.
    fn specs(&self) -> Specs {
        let spec = |model: &ToldModel| Some((model.name.clone(), model.spec.clone()?));
        Specs::new(self.told.models.iter().filter_map(spec))
    }

    /// Who answered.
    fn people(&self) -> &'static str {
        if self.told.simulated { "the simulated observer" } else { "people" }
    }
}

/// What a file holds; none where there is no such file, as in runs of earlier versions.
fn if_there<T>(
    path: &Path,
    read: impl Fn(&Path) -> Result<Vec<T>, ResultsError>,
) -> Result<Option<Vec<T>>, ResultsError> {
    match path.exists() {
        true => read(path).map(Some),
        false => Ok(None),
    }
}

/// Writes `report.html` into the folder of a run, from its files and the figures that were drawn of it.
///
/// # Errors
/// A file of the run cannot be read, or the page cannot be written. An image that is not to be found is
/// none: the page says so.
pub fn write_report(folder: &Path, figures: &[NamedFigure]) -> Result<(), ResultsError> {
    let run = Run::read(folder)?;
    let examples = examples::gather(&run)?;
    let page = page::render(&run, figures, &examples)?;
    write_whole(&folder.join("report.html"), page.as_bytes())
}

#[cfg(test)]
mod tests;
