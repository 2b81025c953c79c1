//! `alignscope verify`.

use alignscope::{Check, CheckOutcome, VerifyRequest, in_one_line, verify};

use crate::DONE;
use crate::arguments::Verify;
use crate::progress::progress;
use crate::run::{DONE_WITH_FAILURES, named_paths, quoted};
use crate::terminal::say;

/// Holds a finished run against its files.
pub fn run(arguments: &Verify, quiet: bool) -> anyhow::Result<u8> {
    let data = named_paths(arguments.data.iter())?;
    let sample = (!arguments.all).then_some(arguments.sample);
    let request = VerifyRequest { run: arguments.run.clone(), data, sample };
    let checks = verify(&request, &*progress(quiet))?;
    for check in &checks {
        say!("{}", in_one_line(&check.to_string()));
    }
    let bad = checks.iter().filter(|check| !Check::is_good(check)).count();
    let elsewhere = checks.iter().find_map(|check| match check.outcome {
        CheckOutcome::NotThere(_) => check.dataset.as_deref(),
        _ => None,
    });
    if let Some(dataset) = elsewhere {
        let named = in_one_line(&quoted(&format!("{dataset}=PATH"))).into_owned();
        say!("where a data set lies elsewhere now, name its folder with `--data {named}`");
    }
    say!("{} of {} are as the run says", checks.len() - bad, checks.len());
    Ok(if bad == 0 { DONE } else { DONE_WITH_FAILURES })
}
