//! The folder of a run.

use std::io;
use std::path::{Path, PathBuf};

use super::ResultsError;
use super::lock::{LOCK, RunLock};
use super::state::RunState;
use crate::whole::{self, UNFINISHED};

/// The record of a run that is not done.
const STARTED: &str = "unfinished.json";
/// The record of a run that is.
const MANIFEST: &str = "manifest.json";

/// The files that a run leaves, but for its figures.
const FILES: [&str; 11] = [
    "scores.csv",
    "distances.parquet",
    "trials.parquet",
    "scale.parquet",
    "ceilings.csv",
    "findings.csv",
    "comparisons.csv",
    "published-differences.csv",
    "report.html",
    MANIFEST,
    STARTED,
];

/// A folder that a run may fill.
#[derive(Debug)]
pub struct OutputFolder {
    path: PathBuf,
    /// Whether it was made here, rather than found.
    made: bool,
    found: Found,
    lock: Option<RunLock>,
}

/// What a folder held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A run that did not come to its end.
    Unfinished(RunState),
    /// A run that is done.
    Finished(RunState),
}

impl OutputFolder {
    /// Takes a folder that is new or empty; it is made where it does not exist, and a file is
    /// written and removed there, so that work does not end hours later at a full or read-only
    /// disk.
    ///
    /// # Errors
    /// The path is a file, the folder holds anything (but unfinished files of a run that was killed, which are
    /// removed), or nothing can be written to it.
    pub fn claim(path: &Path) -> Result<Self, ResultsError> {
        let out = Self::open(path)?;
        match out.entries()?.into_iter().next() {
            Some(found) if found == MANIFEST => {
                Err(ResultsError::HoldsRun { path: path.to_owned() })
            }
            Some(found) => Err(ResultsError::NotEmpty { path: path.to_owned(), found }),
            None => Ok(out),
        }
    }

    /// Takes a folder for a run: new, empty, or that of an earlier run, and locks it. With `fresh`, the files of an earlier
    /// run are removed.
    ///
    /// # Errors
    /// As for [`claim`](Self::claim), or another process is filling the folder.
    pub fn claim_run(path: &Path, fresh: bool) -> Result<Self, ResultsError> {
        let mut out = Self::open(path)?;
        out.lock = Some(RunLock::take(path)?);
        let started = out.file(STARTED);
        let manifest = out.file(MANIFEST);
        // The record of a start goes last: with it, whatever else is there is not the end.
        out.found = if started.exists() {
            Found::Unfinished(RunState::read(&started)?)
        } else if manifest.exists() {
            Found::Finished(RunState::read(&manifest)?)
        } else {
            let first = out.entries()?.into_iter().find(|name| name != LOCK);
            match first {
                Some(found) => return Err(ResultsError::NotEmpty { path: path.to_owned(), found }),
                None => Found::Nothing,
            }
        };
        if fresh && let Found::Unfinished(state) | Found::Finished(state) = &out.found {
            let figures = state.figure_files.iter();
            let figures = figures.flat_map(|f| ["svg", "png", "csv"].map(|e| format!("{f}.{e}")));
            for name in FILES.map(str::to_owned).into_iter().chain(figures) {
                match std::fs::remove_file(out.file(&name)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => {
                        let path = out.file(&name);
                        return Err(ResultsError::Write { path, source: e });
                    }
                    _ => {}
                }
            }
            out.found = Found::Nothing;
        }
        Ok(out)
    }

    fn open(path: &Path) -> Result<Self, ResultsError> {
        let error = |source| ResultsError::Write { path: path.to_owned(), source };
        if path.exists() && !path.is_dir() {
            return Err(ResultsError::NotAFolder { path: path.to_owned() });
        }
        let made = !path.exists();
        std::fs::create_dir_all(path).map_err(error)?;
        tempfile::NamedTempFile::new_in(path).map_err(error)?;
        Ok(Self { path: path.to_owned(), made, found: Found::Nothing, lock: None })
    }

    /// What the folder holds, the manifest first, without what a run that was killed left unfinished: that is nobody's, and
    /// removed.
    fn entries(&self) -> Result<Vec<String>, ResultsError> {
        let error = |source| ResultsError::Write { path: self.path.clone(), source };
        let entries = std::fs::read_dir(&self.path).map_err(error)?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(error)?.file_name().to_string_lossy().into_owned();
            if name.starts_with(UNFINISHED) {
                let path = self.path.join(name);
                // One that cannot be removed does no harm: it is never read.
                let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
            } else {
                names.push(name);
            }
        }
        names.sort_by_key(|name| (name != MANIFEST, name.clone()));
        Ok(names)
    }

    /// What it held when it was taken.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Whether no other process can take it as long as this one has it; some file systems have no locks.
    pub fn is_locked(&self) -> bool {
        self.lock.as_ref().is_some_and(RunLock::is_held)
    }

    /// Writes down what a run is made of, before its first result; and removes what a killed run left unfinished.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn start(&self, state: &RunState) -> Result<(), ResultsError> {
        self.entries()?;
        state.write(&self.file(STARTED))
    }

    /// Removes the record of the start, once everything is there.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn end(&self) -> Result<(), ResultsError> {
        let path = self.file(STARTED);
        std::fs::remove_file(&path).map_err(|source| ResultsError::Write { path, source })
    }

    /// Gives the folder up after a run that could not be done: it is removed where it was made
    /// here and nothing was put into it.
    pub fn abandon(self) {
        let Self { path, made, lock, .. } = self;
        drop(lock);
        if made {
            // A folder that is not empty, or not there any more, is left as it is.
            let _ = std::fs::remove_dir(path);
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Writes a file beside its place and renames it, so that nobody ever sees half of it.
///
/// # Errors
/// The folder cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    whole::write(path, bytes)
        .map_err(|source| ResultsError::Write { path: path.to_owned(), source })
}
