//! What an output folder holds from before.

use super::ExperimentError;
use crate::progress::Progress;
use crate::results::{Found, OutputFolder, ResultsError, RunState};

/// Whether the folder holds this very run. Says that a run goes on, where one stopped.
///
/// # Errors
/// It holds another run: one that is done, or one that stopped and of which something has changed that its numbers depend
/// on.
pub(super) fn is_done(
    out: &OutputFolder,
    now: &RunState,
    progress: &dyn Progress,
) -> Result<bool, ExperimentError> {
    if !out.is_locked() {
        progress.note("the file system of the output folder has no locks: mind that no other run writes there");
    }
    let path = out.path().to_owned();
    match out.found() {
        Found::Nothing => Ok(false),
        Found::Finished(before) if before == now => Ok(true),
        Found::Finished(before) if before.changes(now).is_empty() => {
            Err(ResultsError::HoldsRun { path }.into())
        }
        Found::Finished(before) | Found::Unfinished(before) => {
            let changes = before.changes(now);
            if changes.is_empty() {
                progress.note(&format!("going on with the run in {}", path.display()));
                return Ok(false);
            }
            let lines = changes.iter().map(|change| {
                let [before, now] = [&change.before, &change.now].map(|text| shortened(text));
                format!("\n  {}: {before}, now {now}", change.what)
            });
            Err(ExperimentError::Changed { path, changes: lines.collect() })
        }
    }
}

/// A value of a state, short enough for a line.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
