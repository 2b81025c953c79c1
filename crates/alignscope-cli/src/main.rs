//! `alignscope`: how closely a vision model's image distances follow the judgements of people.

mod activations;
mod arguments;
mod cache;
mod check;
mod compare;
mod demo;
mod fetch;
mod list;
mod progress;
mod published;
mod report;
mod run;
mod stop;
mod verify;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use arguments::{Arguments, Command};

/// What the program could not do at all.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let quiet = arguments.quiet;
    let prints = matches!(
        arguments.command,
        Command::List { .. }
            | Command::Cache(_)
            | Command::Compare(_)
            | Command::Check(_)
            | Command::Verify(_)
    );
    if prints {
        stop::with_the_reader();
    }
    let done = |()| ExitCode::SUCCESS;
    let result = set_threads(arguments.threads).and_then(|()| match arguments.command {
        Command::Run(run) => run::run(&run, quiet),
        Command::Activations(activations) => activations::run(&activations, quiet).map(done),
        Command::Demo(demo) => demo::run(&demo, quiet),
        Command::Report(report) => report::run(&report, quiet).map(done),
        Command::Published(published) => published::run(&published, quiet).map(done),
        Command::Compare(compare) => compare::run(&compare).map(done),
        Command::Fetch(fetch) => fetch::run(&fetch, quiet).map(done),
        Command::Verify(arguments) => verify::run(&arguments, quiet),
        Command::Check(arguments) => check::run(&arguments, quiet),
        Command::Cache(cache) => cache::run(&cache).map(done),
        Command::List { what } => list::run(what).map(done),
    });
    match result {
        Ok(code) => code,
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
