//! A finished run held against its files: are they still what its numbers came from, and do the scores come out again?
//!
//! Intervals, ceilings, findings and comparisons are held to their hashes alone, and figures and page not at all: they follow from
//! the tables (`alignscope report`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::comparison::Side;
use crate::dataset::{ALL, Subset};
use crate::listing::sha256_of_all;
use crate::progress::Progress;
use crate::resample::{ClusterBy, Draws, Resampling};
use crate::results::{
    Bounds, FileRecord, MAX_MODELS, MAX_NAME_BYTES, ResultsError, RunDataset, RunTable, ScoreRow,
    check_finished, hash_images, images_root, moved, read_pair_distances, read_record, read_scores,
    read_trials, recorded_sha256,
};
use crate::score::{ScoreError, Scorer, Ties};

/// What is to be verified.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifyRequest {
    /// The folder of a run.
    pub run: PathBuf,
    /// Where data sets lie now, if not where the manifest says.
    pub data: BTreeMap<String, PathBuf>,
    /// So many stages and distances of each data set are scored again, spread over all; all where there is none.
    pub sample: Option<usize>,
}

/// Something that was held against what the run says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub what: String,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// The data set whose files it is about, which may lie elsewhere now.
    pub dataset: Option<String>,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It is what the run says.
    Same,
    /// It is not; found and expected.
    Different(String),
    /// It is not there, or cannot be read.
    NotThere(String),
}

impl Check {
    /// Whether it is what the run says.
    pub fn is_good(&self) -> bool {
        self.outcome == CheckOutcome::Same
    }

    fn new(what: impl Into<String>, outcome: CheckOutcome) -> Self {
        Self { what: what.into(), outcome, dataset: None }
    }

    /// The same, about the files of a data set.
    fn of(self, dataset: &str) -> Self {
        Self { dataset: Some(dataset.to_owned()), ..self }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            CheckOutcome::Same => write!(f, "the same   {}", self.what),
            CheckOutcome::Different(how) => write!(f, "DIFFERENT  {}: {how}", self.what),
            CheckOutcome::NotThere(why) => write!(f, "NOT THERE  {}: {why}", self.what),
        }
    }
}

/// What verification needs of a manifest.
#[derive(Deserialize)]
struct Recorded {
    models: Vec<RecordedModel>,
    datasets: Vec<RecordedDataset>,
    results: Vec<FileRecord>,
}

#[derive(Deserialize)]
struct RecordedModel {
    name: String,
    files: Vec<FileRecord>,
}

#[derive(Deserialize)]
struct RecordedDataset {
    name: String,
    data: PathBuf,
    files: Vec<FileRecord>,
    images_root: PathBuf,
    images_sha256: Option<String>,
}

impl Recorded {
    /// Reads it, each of its values within its bounds.
    fn read(path: &Path) -> Result<Self, ResultsError> {
        let (recorded, _): (Self, _) = read_record(path)?;
        let bounds = Bounds { path };
        bounds.results(&recorded.results)?;
        bounds.list("models", &recorded.models, MAX_MODELS)?;
        for (i, model) in recorded.models.iter().enumerate() {
            bounds.text(&format!("models[{i}].name"), &model.name, MAX_NAME_BYTES)?;
            bounds.files(&format!("models[{i}].files"), &model.files)?;
        }
        bounds.datasets(recorded.datasets.iter().map(|dataset| dataset.name.as_str()))?;
        for (i, dataset) in recorded.datasets.iter().enumerate() {
            bounds.files(&format!("datasets[{i}].files"), &dataset.files)?;
            if let Some(hash) = &dataset.images_sha256 {
                bounds.hash(&format!("datasets[{i}].images_sha256"), hash)?;
            }
        }
        Ok(recorded)
    }
}

/// Hashes the files of a finished run again: tables, weights, annotations, images; and scores its distances again.
///
/// # Errors
/// The folder holds no finished run, or its manifest cannot be read; or a data set is named that it has
/// not. What is not as the run says, or cannot be read, is no error.
pub fn verify(
    request: &VerifyRequest,
    progress: &dyn Progress,
) -> Result<Vec<Check>, ResultsError> {
    let manifest = request.run.join("manifest.json");
    check_finished(&request.run)?;
    let recorded = Recorded::read(&manifest)?;
    for name in request.data.keys() {
        if recorded.datasets.iter().all(|dataset| dataset.name != *name) {
            return Err(ResultsError::NotInRun {
                path: request.run.clone(),
                dataset: name.clone(),
                found: recorded.datasets.iter().map(|d| d.name.clone()).collect(),
            });
        }
    }
    let mut hashes = Hashes::default();
    let mut checks = Vec::new();
    for name in
        RunTable::files().iter().filter(|name| recorded.results.iter().all(|r| r.path != **name))
    {
        let outcome = CheckOutcome::NotThere("the manifest has no hash of it".to_owned());
        checks.push(Check::new(format!("result: {name}"), outcome));
    }
    progress.begin("hashing tables and weights", 0);
    for file in &recorded.results {
        let path = request.run.join(&file.path);
        checks.push(hashes.check("result", &path, &file.sha256));
    }
    for model in &recorded.models {
        let what = format!("file of {}", model.name);
        for file in &model.files {
            checks.push(hashes.check(&what, Path::new(&file.path), &file.sha256));
        }
    }
    progress.end();
    progress.begin("reading trials and scores", 0);
    let datasets = read_trials(&request.run.join("trials.parquet"));
    let scores = read_scores(&request.run.join("scores.csv"));
    progress.end();
    let (datasets, scores) = match (datasets, scores) {
        (Ok(datasets), Ok(scores)) => (datasets, scores),
        (Err(error), _) | (_, Err(error)) => {
            checks.push(unread("scores of all data sets".to_owned(), &error));
            return Ok(checks);
        }
    };
    let mut unknown: Vec<&str> = scores.iter().map(|row| row.model.as_str()).collect();
    unknown.sort_unstable();
    unknown.dedup();
    for model in unknown.iter().filter(|name| recorded.models.iter().all(|m| m.name != **name)) {
        let outcome = CheckOutcome::NotThere("the manifest has no such model".to_owned());
        checks.push(Check::new(format!("model in scores.csv: {model}"), outcome));
    }
    for recorded in &recorded.datasets {
        let Some(dataset) = datasets.iter().find(|d| d.name == recorded.name) else {
            let outcome = CheckOutcome::NotThere("trials.parquet has none".to_owned());
            checks.push(Check::new(format!("trials of {}", recorded.name), outcome));
            continue;
        };
        let data = request.data.get(&dataset.name).unwrap_or(&recorded.data);
        let now = request.data.get(&dataset.name).map(PathBuf::as_path);
        let root = images_root(&recorded.data, &recorded.images_root, now);
        for file in &recorded.files {
            let path = moved(&recorded.data, data, Path::new(&file.path));
            let what = format!("annotations of {}", recorded.name);
            checks.push(hashes.check(&what, &path, &file.sha256).of(&recorded.name));
        }
        if let Some(expected) = &recorded.images_sha256 {
            let check = check_images(dataset, &root, expected, progress);
            checks.push(check.of(&recorded.name));
        }
        checks.extend(check_scores(request, dataset, &scores, progress)?);
    }
    Ok(checks)
}

/// Hashes of files, each computed once, however often a manifest names it.
#[derive(Default)]
struct Hashes(BTreeMap<PathBuf, Result<String, String>>);

impl Hashes {
    fn check(&mut self, what: &str, path: &Path, expected: &str) -> Check {
        let what = format!("{what}: {}", path.display());
        let found = self.0.entry(path.to_owned()).or_insert_with(|| hash_of(path));
        let outcome = match found {
            Ok(found) if found == expected => CheckOutcome::Same,
            Ok(found) => CheckOutcome::Different(format!("SHA-256 {found}, expected {expected}")),
            Err(why) => CheckOutcome::NotThere(why.clone()),
        };
        Check::new(what, outcome)
    }
}

/// A file of more bytes is not hashed: no checkpoint has as many, but some files that a system
/// makes up as they are read say that they have.
const MAX_HASHED_BYTES: u64 = 1 << 40;

/// SHA-256 of a regular file, or of a folder of answers; or why it cannot be had.
fn hash_of(path: &Path) -> Result<String, String> {
    let bytes = std::fs::metadata(path).map(|metadata| metadata.len());
    match bytes {
        Ok(bytes) if bytes > MAX_HASHED_BYTES => {
            Err(format!("it says that it has {bytes} bytes, expected at most {MAX_HASHED_BYTES}"))
        }
        _ => recorded_sha256(path).map_err(|error| error.to_string()),
    }
}

fn check_images(
    dataset: &RunDataset,
    root: &Path,
    expected: &str,
    progress: &dyn Progress,
) -> Check {
    let what = format!("{} images of {}", dataset.images.len(), dataset.name);
    let hashes = hash_images(dataset, root, progress);
    let outcome = match hashes {
        Err(why) => CheckOutcome::NotThere(why),
        Ok(hashes) => {
            let found = sha256_of_all(dataset.images.iter().map(String::as_str).zip(&hashes));
            match found == expected {
                true => CheckOutcome::Same,
                false => CheckOutcome::Different(format!(
                    "SHA-256 over all is {found}, expected {expected}"
                )),
            }
        }
    };
    Check::new(what, outcome)
}

/// That a table cannot be read, of which something was to be computed again.
fn unread(what: String, error: &ResultsError) -> Check {
    let why = std::error::Error::source(error).map_or(String::new(), |why| format!(": {why}"));
    Check::new(what, CheckOutcome::NotThere(format!("{error}{why}")))
}

/// A score that comes out again differs by no more than this, or by this share of itself.
///
/// A run adds up the parts of a data set, and their trials, in an order of its own; here all trials
/// are one part. Means of whole numbers are the same in any order. Those of bits are off by the
/// rounding of sums of n values of about 1, some 1e-16 × √n; this is far above it, and far below
/// what any change of a distance or an answer does.
const SUMMED_OTHERWISE: f64 = 1e-12;

/// Whether a score is that of the run; what is not defined is the same as itself.
fn comes_out_again(found: f64, expected: f64) -> bool {
    let off = (found - expected).abs();
    found == expected
        || off <= SUMMED_OTHERWISE * expected.abs().max(1.0)
        || (found.is_nan() && expected.is_nan())
}

/// Scores distances again, and holds them to the rows of the whole data set.
fn check_scores(
    request: &VerifyRequest,
    dataset: &RunDataset,
    rows: &[ScoreRow],
    progress: &dyn Progress,
) -> Result<Vec<Check>, ResultsError> {
    let whole: Vec<&ScoreRow> =
        rows.iter().filter(|row| row.dataset == dataset.name && row.subset == ALL).collect();
    let mut sides: Vec<Side> = Vec::new();
    for row in &whole {
        let side = Side { model: row.model.clone(), stage: row.stage, distance: row.distance };
        if sides.last() != Some(&side) {
            sides.push(side);
        }
    }
    let all = sides.len();
    if all == 0 {
        let outcome = CheckOutcome::NotThere("scores.csv has none".to_owned());
        return Ok(vec![Check::new(format!("scores of {}", dataset.name), outcome)]);
    }
    if let Some(sample) = request.sample.filter(|sample| *sample < all) {
        let chosen = (0..sample).map(|i| sides[i * all / sample].clone()).collect();
        sides = chosen;
    }
    let ties = whole.first().map_or(Ties::Miss, |row| row.ties);
    let scorer = {
        let trials = (0..dataset.trials.len() as u32).collect();
        let subset = Subset { name: ALL.to_owned(), trials, within: vec![] };
        let clusters = dataset.clusters.clone();
        let none = Resampling { resamples: 0, seed: 0, cluster: ClusterBy::Default };
        let draws = Draws::new(&none, &dataset.name, clusters.count);
        let scorer = Scorer::new(dataset.trials.clone(), clusters, vec![subset], draws, ties);
        scorer.with_facts(dataset.facts())
    };
    let what =
        format!("scores of {} of {all} stages and distances on {}", sides.len(), dataset.name);
    let path = request.run.join("distances.parquet");
    progress.begin(&format!("{}: reading distances", dataset.name), 0);
    let read = read_pair_distances(&path, dataset, &sides);
    progress.end();
    let (pairs, distances) = match read {
        Ok(read) => read,
        Err(error) => return Ok(vec![unread(what, &error)]),
    };
    let lists: Vec<&[f64]> = distances.iter().map(Vec::as_slice).collect();
    progress.begin(&format!("{}: scoring again", dataset.name), scorer.steps(lists.len()));
    let found = scorer.score_pairs(&lists, &pairs.of_trials, progress);
    progress.end();
    let found = match found {
        Err(error) if error.source == ScoreError::Stopped => return Err(ResultsError::Stopped),
        Ok(found) => found,
        Err(error) => {
            let why = format!("they cannot be scored: {}", error.source);
            return Ok(vec![Check::new(what, CheckOutcome::Different(why))]);
        }
    };
    for (side, found) in sides.iter().zip(found) {
        if found.scores.is_empty() {
            let why = format!("{}, {}, {} cannot be scored", side.model, side.stage, side.distance);
            return Ok(vec![Check::new(what, CheckOutcome::Different(why))]);
        }
        let of_side = |row: &&&ScoreRow| {
            row.model == side.model && row.stage == side.stage && row.distance == side.distance
        };
        let is_found =
            |row: &ScoreRow| found.scores.iter().any(|score| score.score.measure == row.measure);
        if let Some(row) = whole.iter().filter(of_side).find(|row| !is_found(row)) {
            let Side { model, stage, distance } = side;
            let measure = row.measure;
            let why =
                format!("{model}, {stage}, {distance}: {measure} does not follow from trials");
            return Ok(vec![Check::new(what, CheckOutcome::Different(why))]);
        }
        for score in found.scores {
            let same_place = |row: &&&ScoreRow| of_side(row) && row.measure == score.score.measure;
            let Some(row) = whole.iter().find(same_place) else {
                let Side { model, stage, distance } = side;
                let measure = score.score.measure;
                let why = format!("{model}, {stage}, {distance}: scores.csv has no {measure}");
                return Ok(vec![Check::new(what, CheckOutcome::Different(why))]);
            };
            let (found, expected) = (score.score.value, row.value);
            if !comes_out_again(found, expected) {
                let Side { model, stage, distance } = side;
                let measure = score.score.measure;
                let why = format!(
                    "{model}, {stage}, {distance}: {measure} is {found}, scores.csv has {expected}"
                );
                return Ok(vec![Check::new(what, CheckOutcome::Different(why))]);
            }
        }
    }
    Ok(vec![Check::new(what, CheckOutcome::Same)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_was_summed_otherwise_comes_out_again_and_another_does_not() {
        // Bits of DINOv2 on 24,144 trials, as one part and as several.
        assert!(comes_out_again(0.2035234798442539, 0.20352347984425392));
        assert!(comes_out_again(f64::NAN, f64::NAN));
        assert!(comes_out_again(-35.0, -35.0 * (1.0 + 1e-14)));
        assert!(!comes_out_again(0.2035234798442539, 0.2035234808));
        assert!(!comes_out_again(0.5, f64::NAN) && !comes_out_again(f64::NAN, 0.5));
        assert!(!comes_out_again(f64::INFINITY, 0.5));
    }
}
