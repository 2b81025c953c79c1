//! Several runs of the same trials as one.

use std::collections::HashMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::combined_manifest::{CombinedManifest, RunManifest};
use super::compare_error::CompareError;
use super::figures::{DrawError, draw, read_drawn};
use super::together::{TogetherRequest, compare_together};
use crate::atomic_write;
use crate::energy::EnergyRow;
use crate::findings::FindingRow;
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::report::write_report;
use crate::results::{
    Change, DistancesWriter, FileRecord, OutputFolder, ResultsError, RunState, RunTable,
    ScaleWriter, ScoreRow, altered_tables, check_finished, check_not_itself, read_energy,
    read_findings, read_scores, told_changes, write_comparisons, write_energy, write_findings,
    write_scores, write_whole,
};
use crate::weights::file_sha256;

/// Runs cannot be combined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CombineError {
    /// A file of a run cannot be read or written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The models cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// The figures cannot be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// There is nothing to combine.
    #[error("there are {found} runs to combine, expected two or more")]
    Few {
        /// How many there are.
        found: usize,
    },
    /// Two runs are not made alike.
    #[error(
        "{run_a} and {run_b} are made otherwise, and cannot be one run. What differs:{}",
        told_changes(changes)
    )]
    Different {
        /// The first run.
        run_a: PathBuf,
        /// The second run.
        run_b: PathBuf,
        /// What differs: of the first run, and of the second.
        changes: Vec<Change>,
    },
    /// Two runs have a model of one name whose numbers differ.
    #[error(
        "{run_a} and {run_b} both have a model `{model}`, and its {what} on {dataset} differ; name one \
         of them otherwise and run it again"
    )]
    Model {
        /// The first run.
        run_a: PathBuf,
        /// The second run.
        run_b: PathBuf,
        /// The model.
        model: String,
        /// What differs.
        what: &'static str,
        /// The data set.
        dataset: String,
    },
    /// A table cannot be read to hash it.
    #[error("cannot read {path} to hash it")]
    Hash {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The trials cannot be copied.
    #[error("cannot copy {from} to {to}")]
    Copy {
        /// The table of the first run.
        from: PathBuf,
        /// The table of the combined run.
        to: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl CombineError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Results(ResultsError::Tampered { .. }) => {
                vec![Remedy::Verify, Remedy::RunAgain]
            }
            Self::Results(error) => error.remedies(),
            Self::Compare(error) => error.remedies(),
            Self::Different { .. } => vec![Remedy::Gallery],
            _ => vec![],
        }
    }
}

/// A run that is to be combined.
struct Part {
    path: PathBuf,
    manifest: RunManifest,
    scores: Vec<ScoreRow>,
    energy: Vec<EnergyRow>,
    findings: Vec<FindingRow>,
}

impl Part {
    fn read(path: &Path) -> Result<Self, CombineError> {
        check_finished(path)?;
        if let Some(table) = altered_tables(path, &RunTable::files())?.into_iter().next() {
            return Err(ResultsError::Tampered { path: path.join(table) }.into());
        }
        Ok(Self {
            path: path.to_owned(),
            manifest: RunManifest::read(path)?,
            scores: read_scores(&path.join("scores.csv"))?,
            energy: read_energy(&path.join("energy.csv"))?,
            findings: read_findings(&path.join("findings.csv"))?,
        })
    }
}

/// What rows are told apart by: data set, model, and kind of distance where they have one.
type Key = (String, String, String);

/// Puts the models of several finished runs of the same data sets into one run in the folder `out`, with all
/// its files: tables, comparisons of all models with each other, figures, page and manifest. Nothing is
/// measured again. A model that several runs have with the same numbers is there once.
///
/// `title` — what stands over figures and page, instead of the first run's
///
/// # Errors
/// A run cannot be read; two are of other trials, images, resamples, rules for ties or versions; or both
/// have a model of one name whose numbers differ.
pub fn combine_runs(
    runs: &[PathBuf],
    out: &OutputFolder,
    title: Option<&str>,
    progress: &dyn Progress,
) -> Result<(), CombineError> {
    if runs.len() < 2 {
        return Err(CombineError::Few { found: runs.len() });
    }
    check_not_itself(runs, out.path())?;
    progress.begin("reading the runs", 0);
    let parts: Vec<Part> = runs.iter().map(|path| Part::read(path)).collect::<Result<_, _>>()?;
    check_alike(&parts)?;
    let whole = CombinedManifest::new(parts.iter().map(|part| &part.manifest), title);
    let scores = joined(&parts, "scores", |part| &part.scores, key_of_score)?;
    let energy = joined(
        &parts,
        "energies",
        |part| &part.energy,
        |row| (row.dataset.clone(), row.model.clone(), String::new()),
    )?;
    let findings = joined(
        &parts,
        "findings",
        |part| &part.findings,
        |row| {
            let distance = row.distance.map_or(String::new(), |distance| distance.to_string());
            (row.dataset.clone(), row.model.clone(), distance)
        },
    )?;
    progress.end();
    progress.begin("comparing", 0);
    let runs = runs.iter().map(|run| (None, run.clone())).collect();
    let request = TogetherRequest { runs, ..TogetherRequest::default() };
    let comparisons = match compare_together(&request) {
        Err(CompareError::Nothing { .. }) => vec![],
        found => found?.rows,
    };
    progress.end();
    progress.begin("writing tables", 0);
    let state = whole.state();
    out.start(&state)?;
    copy_first(&parts[0].path, out)?;
    write_distances(&parts, &scores, out)?;
    write_findings(&out.file("findings.csv"), &findings)?;
    write_comparisons(&out.file("comparisons.csv"), &comparisons)?;
    write_energy(&out.file("energy.csv"), &energy)?;
    write_scores(&out.file("scores.csv"), &scores)?;
    progress.end();
    finish(whole, &state, (&scores, &energy), out, progress)
}

/// Writes manifest, figures and page.
fn finish(
    whole: CombinedManifest,
    state: &RunState,
    (scores, energy): (&[ScoreRow], &[EnergyRow]),
    out: &OutputFolder,
    progress: &dyn Progress,
) -> Result<(), CombineError> {
    progress.begin("drawing figures", 0);
    let record = |name: &str| {
        let path = out.file(name);
        let sha256 = file_sha256(&path).map_err(|source| CombineError::Hash { path, source })?;
        Ok(FileRecord { path: name.to_owned(), sha256, published: None })
    };
    let results = RunTable::files().into_iter().map(record);
    let results: Vec<FileRecord> = results.collect::<Result<_, CombineError>>()?;
    let manifest = out.file("manifest.json");
    write_whole(&manifest, whole.text(state, &results).as_bytes())?;
    let figures = draw(scores, energy, &read_drawn(&manifest)?, out.path())?;
    write_report(out.path(), &figures, &Default::default(), progress)?;
    progress.end();
    Ok(out.end()?)
}

/// Refuses runs that cannot be one.
fn check_alike(parts: &[Part]) -> Result<(), CombineError> {
    for (i, part) in parts.iter().enumerate().skip(1) {
        for before in &parts[..i] {
            let changes = before.manifest.differences(&part.manifest);
            if !changes.is_empty() {
                let [run_a, run_b] = [before, part].map(|part| part.path.clone());
                return Err(CombineError::Different { run_a, run_b, changes });
            }
        }
    }
    Ok(())
}

fn key_of_score(row: &ScoreRow) -> Key {
    (row.dataset.clone(), row.model.clone(), row.distance.to_string())
}

/// The rows of all runs, in their order; of what several have, those of the first.
fn joined<R: Clone + Debug>(
    parts: &[Part],
    what: &'static str,
    rows: impl Fn(&Part) -> &Vec<R>,
    key: impl Fn(&R) -> Key,
) -> Result<Vec<R>, CombineError> {
    // By what rows are told apart by: the run that has them first.
    let mut first: HashMap<Key, usize> = HashMap::new();
    let mut all = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let mut again: HashMap<Key, Vec<&R>> = HashMap::new();
        for row in rows(part) {
            let of = key(row);
            match *first.entry(of.clone()).or_insert(i) {
                run if run == i => all.push(row.clone()),
                _ => again.entry(of).or_default().push(row),
            }
        }
        for (of, found) in again {
            let before = first[&of];
            let there: Vec<&R> = rows(&parts[before]).iter().filter(|r| key(r) == of).collect();
            // As text, since what is not defined is NaN in both.
            if format!("{there:?}") != format!("{found:?}") {
                let (dataset, model, _) = of;
                let [run_a, run_b] = [before, i].map(|run| parts[run].path.clone());
                return Err(CombineError::Model { run_a, run_b, model, what, dataset });
            }
        }
    }
    Ok(all)
}

/// Copies what is the same of all runs.
fn copy_first(first: &Path, out: &OutputFolder) -> Result<(), CombineError> {
    for table in [RunTable::Trials, RunTable::Judgements, RunTable::Ceilings] {
        let (from, to) = (first.join(table.file()), out.file(table.file()));
        let copied = std::fs::read(&from).and_then(|bytes| atomic_write::write(&to, &bytes));
        copied.map_err(|source| CombineError::Copy { from, to, source })?;
    }
    Ok(())
}

/// Writes the distances of all scores, and the scales.
fn write_distances(
    parts: &[Part],
    scores: &[ScoreRow],
    out: &OutputFolder,
) -> Result<(), CombineError> {
    let mut distances = DistancesWriter::create(&out.file("distances.parquet"))?;
    let mut scales = ScaleWriter::create(&out.file("scale.parquet"))?;
    let mut done: Vec<Key> = Vec::new();
    for part in parts {
        let is_new = |of: &Key| !done.contains(of);
        let mut keys: Vec<Key> = part.scores.iter().map(key_of_score).filter(is_new).collect();
        keys.dedup();
        let has = |dataset: &str, model: &str, distance: Option<&str>| {
            keys.iter().any(|of| {
                of.0 == dataset && of.1 == model && distance.is_none_or(|name| of.2 == name)
            })
        };
        let known =
            |dataset: &str, model: &str| done.iter().any(|of| of.0 == dataset && of.1 == model);
        distances.copy(&part.path.join("distances.parquet"), |row| {
            has(row.dataset, row.model, Some(row.distance))
        })?;
        scales.copy(&part.path.join("scale.parquet"), |dataset, model| {
            has(dataset, model, None) && !known(dataset, model)
        })?;
        done.extend(keys);
    }
    debug_assert!(scores.iter().all(|row| done.contains(&key_of_score(row))), "all are written");
    distances.finish()?;
    Ok(scales.finish()?)
}
