//! `alignscope verify`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alignscope::{Check, DatasetKind, VerifyRequest, in_one_line, verify};
use anyhow::bail;

use crate::DONE;
use crate::arguments::Verify;
use crate::progress::progress;
use crate::run::DONE_WITH_FAILURES;
use crate::terminal::say;

/// Data sets that are named with their folders, as NAME=PATH.
pub fn data_folders(named: &[String]) -> anyhow::Result<BTreeMap<DatasetKind, PathBuf>> {
    let mut data = BTreeMap::new();
    for text in named {
        let Some((name, path)) = text.split_once('=') else {
            bail!("`--data {text}` is not understood, expected NAME=PATH");
        };
        data.insert(name.parse::<DatasetKind>()?, path.into());
    }
    Ok(data)
}

/// Holds a finished run against its files.
pub fn run(arguments: &Verify, quiet: bool) -> anyhow::Result<u8> {
    let data = data_folders(&arguments.data)?;
    let sample = (!arguments.all).then_some(arguments.sample);
    let request = VerifyRequest { run: arguments.run.clone(), data, sample };
    let checks = verify(&request, &*progress(quiet))?;
    for check in &checks {
        say!("{}", in_one_line(&check.to_string()));
    }
    let bad = checks.iter().filter(|check| !Check::is_good(check)).count();
    say!("{} of {} are as the run says", checks.len() - bad, checks.len());
    Ok(if bad == 0 { DONE } else { DONE_WITH_FAILURES })
}
