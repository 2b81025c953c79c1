//! What an output folder holds from before.

use super::ResultsError;
use super::folder::{Found, OutputFolder};
use super::state::{Change, RunState};
use crate::progress::Progress;
use crate::shown::in_one_line;

/// Whether the folder holds this very run. Says that a run goes on, where one stopped.
///
/// # Errors
/// It holds another run: one that is done, or one that stopped and of which something has changed
/// that its numbers depend on.
pub(crate) fn is_done(
    out: &OutputFolder,
    now: &RunState,
    progress: &dyn Progress,
) -> Result<bool, ResultsError> {
    if !out.is_locked() {
        progress.note(
            "the file system of the output folder has no locks: mind that no other run writes \
             there",
        );
    }
    if out.is_fresh() {
        return Ok(false);
    }
    let path = out.path().to_owned();
    match out.found() {
        Found::Nothing => Ok(false),
        Found::Finished(before) if before.is_the_same_as(now) => match out.changed_table(before) {
            None => Ok(true),
            Some(table) => Err(ResultsError::Tampered { path: path.join(table) }),
        },
        Found::Finished(before) if before.changes(now).is_empty() => {
            let choices = lines(&before.other_choices(now));
            Err(ResultsError::HoldsRun { path, choices })
        }
        Found::Finished(before) | Found::Unfinished(before) => {
            let changes = before.changes(now);
            if !changes.is_empty() {
                return Err(ResultsError::Changed { path, changes: lines(&changes) });
            }
            let others = lines(&before.other_choices(now));
            progress.note(&format!("going on with the run in {}{others}", path.display()));
            Ok(false)
        }
    }
}

/// What changed, a line each.
pub(crate) fn lines(changes: &[Change]) -> String {
    let line = |change: &Change| {
        let [before, now] = around_difference(&change.before, &change.now);
        format!("\n  {}", in_one_line(&format!("{}: {before}, now {now}", change.what)))
    };
    changes.iter().map(line).collect()
}

/// Two texts that differ, each short enough for a line: of longer ones the part around the first
/// difference, with `…` where something is left out.
fn around_difference(a: &str, b: &str) -> [String; 2] {
    /// Characters that are shown, and those of them before the difference.
    const MOST: usize = 80;
    const BEFORE: usize = 20;
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let start = match a.chars().count().max(b.chars().count()) {
        longer if longer > MOST => same.saturating_sub(BEFORE),
        _ => 0,
    };
    [a, b].map(|text| {
        let mut rest = text.chars().skip(start);
        let shown: String = rest.by_ref().take(MOST).collect();
        let [left, right] =
            [start > 0, rest.next().is_some()].map(|cut| if cut { "…" } else { "" });
        format!("{left}{shown}{right}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_around_the_first_difference() {
        let shown = |before: &str, now: &str| {
            let (before, now) = (before.to_owned(), now.to_owned());
            lines(&[Change { what: "choice".to_owned(), before, now }])
        };
        assert_eq!(shown("f32", "bf16"), "\n  choice: f32, now bf16");
        let same = "é".repeat(100);
        let (kept, end) = ("é".repeat(20), "z".repeat(100));
        assert_eq!(
            shown(&format!("{same}a"), &format!("{same}b")),
            format!("\n  choice: …{kept}a, now …{kept}b")
        );
        assert_eq!(
            shown(&format!("{same}a{end}"), &same),
            format!("\n  choice: …{kept}a{}…, now …{kept}", "z".repeat(59))
        );
        assert_eq!(
            shown(&format!("a{end}"), &format!("b{end}")),
            format!("\n  choice: a{0}…, now b{0}…", "z".repeat(79))
        );
    }
}
