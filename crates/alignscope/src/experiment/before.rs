//! What an output folder holds from before.

use super::ExperimentError;
use crate::progress::Progress;
use crate::results::{Change, Found, OutputFolder, ResultsError, RunState, shortened};
use crate::shown::in_one_line;

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
    if out.is_fresh() {
        return Ok(false);
    }
    let path = out.path().to_owned();
    match out.found() {
        Found::Nothing => Ok(false),
        Found::Finished(before) if before.is_the_same_as(now) => match out.changed_table(before) {
            None => Ok(true),
            Some(table) => Err(ExperimentError::Tampered { path: path.join(table) }),
        },
        Found::Finished(before) if before.changes(now).is_empty() => {
            let choices = lines(&before.other_choices(now));
            Err(ResultsError::HoldsRun { path, choices }.into())
        }
        Found::Finished(before) | Found::Unfinished(before) => {
            let changes = before.changes(now);
            if !changes.is_empty() {
                return Err(ExperimentError::Changed { path, changes: lines(&changes) });
            }
            let others = lines(&before.other_choices(now));
            progress.note(&format!("going on with the run in {}{others}", path.display()));
            Ok(false)
        }
    }
}

/// What changed, a line each.
fn lines(changes: &[Change]) -> String {
    let line = |change: &Change| {
        let [before, now] = [&change.before, &change.now].map(|text| shortened(text));
        format!("\n  {}", in_one_line(&format!("{}: {before}, now {now}", change.what)))
    };
    changes.iter().map(line).collect()
}
