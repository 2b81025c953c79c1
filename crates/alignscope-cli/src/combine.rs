//! `alignscope combine`.

use alignscope::combine_runs;
use alignscope::results::{OutputFolder, check_not_itself};

use crate::arguments::Combine;
use crate::progress::progress;
use crate::terminal::tell;

/// Puts the models of several runs into one.
pub fn run(arguments: &Combine, quiet: bool) -> anyhow::Result<()> {
    let Combine { runs, out, title } = arguments;
    check_not_itself(runs, out)?;
    let folder = OutputFolder::claim(out)?;
    let progress = progress(quiet);
    let done = combine_runs(runs, &folder, title.as_deref(), &*progress);
    drop(progress);
    match done {
        Ok(()) if quiet => Ok(()),
        Ok(()) => {
            tell!("{} has the models of {} runs", out.join("report.html").display(), runs.len());
            Ok(())
        }
        Err(error) => {
            folder.take_back();
            folder.abandon();
            Err(error.into())
        }
    }
}
