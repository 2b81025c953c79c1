//! The folder of a run.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lock::{LOCK, RunLock};
use super::state::RunState;
use super::{FileRecord, ResultsError, RunTable, is_there};
use crate::atomic_write::{self, UNFINISHED, sync_folder};
use crate::user_folders;
use crate::weights::file_sha256;

/// The record of a run that is not done.
const STARTED: &str = "unfinished.json";
/// The record of a run that is.
const MANIFEST: &str = "manifest.json";

/// What else a run leaves beside its figures and its record.
const OTHERS: [&str; 2] = ["published-differences.csv", "report.html"];

/// So much is written to a folder to see whether there is room at all.
const PROBE_BYTES: usize = 1 << 16;

/// A folder that work may fill, and that nobody else fills meanwhile.
#[derive(Debug)]
pub struct OutputFolder {
    path: PathBuf,
    /// Whether it was made here, rather than found.
    made: bool,
    found: Found,
    /// Whether a run that it holds is to be discarded.
    fresh: bool,
    lock: RunLock,
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
    /// Takes a folder that is new or empty, and locks it; it is made where it does not exist, and a file is
    /// written and removed there, so that work does not end hours later at a full or read-only
    /// disk.
    ///
    /// # Errors
    /// The path is a file, the folder holds anything (but unfinished files of a run that was killed, which are
    /// removed), another process is filling it, or nothing can be written to it.
    pub fn claim(path: &Path) -> Result<Self, ResultsError> {
        let out = Self::open(path, false)?;
        // What was killed before its first table left the record of its start.
        let entries = out.entries()?;
        let left: Vec<String> = entries.into_iter().filter(|name| name != STARTED).collect();
        match left.into_iter().next() {
            Some(found) if found == MANIFEST => {
                Err(ResultsError::HoldsFinished { path: path.to_owned() })
            }
            Some(found) => Err(ResultsError::NotEmpty { path: path.to_owned(), found }),
            None => {
                out.sweep()?;
                remove(&out.file(STARTED))?;
                Ok(out)
            }
        }
    }

    /// Takes a folder for a run, and locks it: new, empty, or that of an earlier run. With `fresh`, what an earlier run left
    /// is removed when the new one [starts](Self::start).
    ///
    /// # Errors
    /// As for [`claim`](Self::claim).
    pub fn claim_run(path: &Path, fresh: bool) -> Result<Self, ResultsError> {
        let mut out = Self::open(path, fresh)?;
        let (started, manifest) = (out.file(STARTED), out.file(MANIFEST));
        // The record of a start goes last: with it, whatever else is there is not the end.
        out.found = if is_there(&started) {
            Found::Unfinished(RunState::read(&started)?)
        } else if is_there(&manifest) {
            Found::Finished(RunState::read(&manifest)?)
        } else {
            match out.entries()?.into_iter().next() {
                Some(found) => return Err(ResultsError::NotEmpty { path: path.to_owned(), found }),
                None => Found::Nothing,
            }
        };
        Ok(out)
    }

    fn open(path: &Path, fresh: bool) -> Result<Self, ResultsError> {
        let error = |source| ResultsError::Write { path: path.to_owned(), source };
        if path.exists() && !path.is_dir() {
            return Err(ResultsError::NotAFolder { path: path.to_owned() });
        }
        user_folders::refuse_tilde(path).map_err(error)?;
        let made = !path.exists();
        std::fs::create_dir_all(path).map_err(error)?;
        let lock = RunLock::take(path)?;
        let probe = || atomic_write::beside(&path.join(LOCK))?.write_all(&[0; PROBE_BYTES]);
        probe().map_err(error)?;
        Ok(Self { path: path.to_owned(), made, found: Found::Nothing, fresh, lock })
    }

    /// What the folder holds, the manifest first, without the lock and what a run that was killed left unfinished.
    fn entries(&self) -> Result<Vec<String>, ResultsError> {
        let mut names = self.names()?;
        names.retain(|name| name != LOCK && !name.starts_with(UNFINISHED));
        names.sort_by_key(|name| (name != MANIFEST, name.clone()));
        Ok(names)
    }

    fn names(&self) -> Result<Vec<String>, ResultsError> {
        let error = |source| ResultsError::Write { path: self.path.clone(), source };
        let entries = std::fs::read_dir(&self.path).map_err(error)?;
        entries
            .map(|entry| Ok(entry.map_err(error)?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// Removes what a run that was killed left unfinished; the folder is locked, so that it is nobody's.
    fn sweep(&self) -> Result<(), ResultsError> {
        for name in self.names()?.into_iter().filter(|name| name.starts_with(UNFINISHED)) {
            let path = self.path.join(name);
            // One that cannot be removed does no harm: it is never read.
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
        }
        Ok(())
    }

    /// What it held when it was taken.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Whether what it holds is to be discarded.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether no other process can take it as long as this one has it; some file systems have no locks.
    pub fn is_locked(&self) -> bool {
        self.lock.is_held()
    }

    /// Writes down what a run is made of, before its first result; and removes what an earlier run left, so that results
    /// are never of two.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn start(&self, state: &RunState) -> Result<(), ResultsError> {
        self.sweep()?;
        let (started, mut state) = (self.file(STARTED), state.clone());
        if let Found::Unfinished(before) | Found::Finished(before) = &self.found {
            // Until they are gone, figures of the earlier run are on record.
            let now = std::mem::take(&mut state.figure_files);
            state.figure_files = before.figure_files.iter().cloned().chain(now.clone()).collect();
            state.write(&started)?;
            let figures: Vec<String> = state.figures().collect();
            let names = [MANIFEST]
                .into_iter()
                .chain(RunTable::files())
                .chain(OTHERS)
                .map(str::to_owned)
                .chain(figures);
            names.map(|name| self.file(&name)).try_for_each(|path| remove(&path))?;
            state.figure_files = now;
        }
        state.write(&started)
    }

    /// Removes the record of the start after work that could not be done, where the folder held nothing before and
    /// no result came to be.
    pub fn take_back(&self) {
        let alone = || self.entries().is_ok_and(|entries| entries == [STARTED]);
        if self.found == Found::Nothing && alone() {
            // Where it cannot be removed, the next run goes on from it.
            let _ = std::fs::remove_file(self.file(STARTED));
        }
    }

    /// Removes the record of the start, once everything is there.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn end(&self) -> Result<(), ResultsError> {
        let path = self.file(STARTED);
        let end = || {
            std::fs::remove_file(&path)?;
            sync_folder(&self.path)
        };
        end().map_err(|source| ResultsError::Write { path: path.clone(), source })
    }

    /// The first table that is not as a finished run left it; none where all are.
    pub fn changed_table(&self, state: &RunState) -> Option<String> {
        altered(&self.path, state, |_| true).next()
    }

    /// Gives the folder up after work that could not be done: it is removed where it was made
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

/// Refuses a folder that holds no run, or one that is not done: its files may be of two attempts.
///
/// # Errors
/// It holds the record of a start, or no manifest.
pub fn check_finished(run: &Path) -> Result<(), ResultsError> {
    let (started, path) = (run.join(STARTED), run.to_owned());
    if run.is_file() {
        return Err(ResultsError::NoRun { path });
    }
    if is_there(&started) {
        let state = RunState::read(&started);
        let is_simulated = |state: RunState| state.choices.get("simulated").cloned();
        let simulated = state.is_ok_and(|state| is_simulated(state).as_deref() == Some("true"));
        return Err(ResultsError::NotDone { path, simulated });
    }
    match is_there(&run.join(MANIFEST)) {
        true => Ok(()),
        false => Err(ResultsError::NoRun { path }),
    }
}

/// Refuses an output that is one of the runs that are read.
///
/// # Errors
/// It is.
pub fn check_not_itself<'a>(
    runs: impl IntoIterator<Item = &'a PathBuf>,
    out: &Path,
) -> Result<(), ResultsError> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match runs.into_iter().find(|run| real(run) == real(out)) {
        Some(path) => Err(ResultsError::Itself { path: path.clone() }),
        None => Ok(()),
    }
}

fn remove(path: &Path) -> Result<(), ResultsError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ResultsError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Writes a file beside its place and renames it, so that nobody ever sees half of it.
///
/// # Errors
/// The folder cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    atomic_write::write(path, bytes)
        .map_err(|source| ResultsError::Write { path: path.to_owned(), source })
}

/// The tables of a finished run that are not as it left them, among those called `names`.
///
/// # Errors
/// The folder's manifest cannot be read.
pub fn altered_tables(run: &Path, names: &[&str]) -> Result<Vec<String>, ResultsError> {
    let state = RunState::read(&run.join(MANIFEST))?;
    Ok(altered(run, &state, |name| names.contains(&name)).collect())
}

/// The tables in a folder that have not the hash that the state says, of those that `wanted` takes:
/// no other is read.
fn altered(
    folder: &Path,
    state: &RunState,
    wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = String> {
    let is_same = |record: &&FileRecord| {
        file_sha256(&folder.join(&record.path)).is_ok_and(|sha256| sha256 == record.sha256)
    };
    state
        .results
        .iter()
        .filter(move |r| wanted(&r.path) && !is_same(r))
        .map(|record| record.path.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_and_nothing_in_it_is_touched() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let out = OutputFolder::claim_run(folder.path(), false).expect("empty");
        std::fs::write(out.file(".alignscope-half"), "").expect("written");
        assert!(matches!(OutputFolder::claim(folder.path()), Err(ResultsError::Locked { .. })));
        assert!(out.file(".alignscope-half").exists());
        drop(out);
        OutputFolder::claim(folder.path()).expect("a killed run's leftovers are nobody's");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
    }

    #[test]
    fn what_is_no_run_is_not_discarded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(MANIFEST);
        std::fs::write(&path, r#"{"name": "a web page", "icons": []}"#).expect("written");
        assert!(OutputFolder::claim_run(folder.path(), true).is_err());
        assert!(path.exists());
    }

    #[test]
    fn a_start_is_taken_back_where_nothing_came_of_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let taken_back = |result: Option<&str>| {
            let out = OutputFolder::claim_run(folder.path(), false).expect("a run or nothing");
            out.start(&RunState::default()).expect("started");
            if let Some(name) = result {
                std::fs::write(out.file(name), "").expect("written");
            }
            out.take_back();
            !out.file(STARTED).exists()
        };
        assert!(taken_back(None));
        assert!(!taken_back(Some("scores.csv")), "results of it are there");
        std::fs::remove_file(folder.path().join("scores.csv")).expect("removed");
        assert!(!taken_back(None), "an earlier run started here");
    }

    #[test]
    fn an_earlier_run_is_removed_when_the_new_one_starts_and_nothing_outside() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let folder = place.path().join("out");
        std::fs::create_dir(&folder).expect("made");
        let outside = place.path().join("labels.csv");
        std::fs::write(&outside, "mine").expect("written");
        let state = RunState {
            figure_files: vec!["alignment".to_owned(), "../labels".to_owned()],
            ..RunState::default()
        };
        for name in ["scores.csv", "alignment.svg", "alignment.png", "alignment.csv", "notes.txt"] {
            std::fs::write(folder.join(name), "").expect("written");
        }
        state.write(&folder.join(MANIFEST)).expect("written");
        let out = OutputFolder::claim_run(&folder, true).expect("a run");
        assert!(folder.join("scores.csv").exists(), "not before it starts");
        out.start(&RunState::default()).expect("started");
        assert_eq!(out.entries().expect("listed"), ["notes.txt", STARTED]);
        assert!(outside.exists());
        out.end().expect("ended");
    }
}
