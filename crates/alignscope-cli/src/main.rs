//! `alignscope`: how closely a vision model's image distances follow the judgements of people.

mod activations;
mod arguments;
mod compare;
mod demo;
mod fetch;
mod list;
mod progress;
mod published;
mod report;
mod run;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use arguments::{Arguments, Command};

/// What the program could not do at all.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = set_threads(arguments.threads).and_then(|()| match arguments.command {
        Command::Run(run) => run::run(&run, arguments.quiet),
        Command::Activations(activations) => activations::run(&activations, arguments.quiet),
        Command::Demo(demo) => demo::run(&demo, arguments.quiet),
        Command::Report(report) => report::run(&report, arguments.quiet),
        Command::Published(published) => published::run(&published, arguments.quiet),
        Command::Compare(compare) => compare::run(&compare),
        Command::Fetch(fetch) => fetch::run(&fetch, arguments.quiet),
        Command::List { what } => list::run(what),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("alignscope: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn set_threads(threads: Option<usize>) -> anyhow::Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .with_context(|| format!("cannot start {threads} threads"))
}
