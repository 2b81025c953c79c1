//! `alignscope verify`.

use std::collections::BTreeMap;

use alignscope::{Check, DatasetKind, VerifyRequest, verify};
use anyhow::bail;

use crate::DONE;
use crate::arguments::Verify;
use crate::progress::progress;
use crate::run::DONE_WITH_FAILURES;

/// Holds a finished run against its files.
pub fn run(arguments: &Verify, quiet: bool) -> anyhow::Result<u8> {
    let mut data = BTreeMap::new();
    for text in &arguments.data {
        let Some((name, path)) = text.split_once('=') else {
            bail!("`--data {text}` is not understood, expected NAME=PATH");
        };
        data.insert(name.parse::<DatasetKind>()?, path.into());
    }
    let sample = (!arguments.all).then_some(arguments.sample);
    let request = VerifyRequest { run: arguments.run.clone(), data, sample };
    let checks = verify(&request, &*progress(quiet))?;
    for check in &checks {
        println!("{check}");
    }
    let bad = checks.iter().filter(|check| !Check::is_good(check)).count();
    println!("{} of {} are as the run says", checks.len() - bad, checks.len());
    Ok(if bad == 0 { DONE } else { DONE_WITH_FAILURES })
}
