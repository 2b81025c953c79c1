//! The program `alignscope` as a function: for its binary, and for the command that the Python
//! package brings.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod activations;
mod arguments;
mod cache;
mod check;
mod cite;
mod combine;
mod compare;
mod demo;
mod doctor;
mod fetch;
mod gallery;
mod import;
mod list;
mod plan;
mod progress;
mod remedy;
mod published;
mod report;
mod run;
mod score;
mod shell;
mod similarity;
mod slurm;
mod stop;
mod terminal;
mod transform;
mod typed;
mod verify;

use std::ffi::OsString;

use alignscope::{NoTorch, TorchModels, check_instructions};
use anyhow::Context;
use clap::Parser;

use arguments::{Arguments, Command};
pub use stop::end_at_once;

/// Exit code of a program that did all.
const DONE: u8 = 0;

/// What the program could not do at all.
const COULD_NOT_RUN: u8 = 2;

/// Runs the program without torch, and returns its exit code.
///
/// `command` — the program's name and what was typed after it
pub fn run(command: Vec<OsString>) -> u8 {
    run_with(command, &NoTorch)
}

/// Runs the program and returns its exit code.
///
/// `command` — the program's name and what was typed after it
/// `torch` — opens torch models
pub fn run_with(command: Vec<OsString>, torch: &dyn TorchModels) -> u8 {
    let arguments = match Arguments::try_parse_from(&command) {
        Ok(arguments) => arguments,
        Err(error) => {
            let words: Vec<String> =
                command.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
            let error = typed::explained(error, &words);
            match error.use_stderr() {
                true => terminal::tell_usage(&error),
                // Help and version go to stdout; where nobody reads, nothing can be said.
                false => drop(error.print()),
            }
            return u8::try_from(error.exit_code()).unwrap_or(COULD_NOT_RUN);
        }
    };
    let typed: Vec<String> =
        command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let quiet = arguments.quiet;
    let prints = matches!(
        arguments.command,
        Command::List { .. }
            | Command::Cache(_)
            | Command::Compare(_)
            | Command::Check(_)
            | Command::Cite(_)
            | Command::Doctor(_)
            | Command::Gallery(_)
            | Command::Import(_)
            | Command::Verify(_)
            | Command::Completions(_)
    );
    if prints {
        stop::with_the_reader();
    }
    let done = |()| DONE;
    // The doctor says itself what is wrong with them.
    let ready = match arguments.command {
        Command::Doctor(_) => Ok(()),
        _ => check_instructions().map_err(anyhow::Error::from),
    };
    let ready = ready.and_then(|()| set_threads(arguments.threads));
    let result = ready.and_then(|()| match arguments.command {
        Command::Run(run) => run::run(&run, typed, torch, quiet),
        Command::Plan(plan) => plan::run(&plan, &typed, torch, quiet).map(done),
        Command::Slurm(slurm) => slurm::run(&slurm, typed, quiet).map(done),
        Command::Score(score) => score::run(&score, typed, quiet),
        Command::Transform(transform) => transform::run(&transform, typed, torch, quiet),
        Command::Activations(activations) => activations::run(&activations, quiet).map(done),
        Command::Demo(demo) => demo::run(&demo, typed, quiet),
        Command::Doctor(doctor) => Ok(doctor::run(&doctor, torch)),
        Command::Report(report) => report::run(&report, quiet).map(done),
        Command::Published(published) => published::run(&published, quiet).map(done),
        Command::Compare(compare) if compare.models_only.models_only => {
            similarity::run(&compare, typed, torch, quiet)
        }
        Command::Compare(compare) => compare::run(&compare, quiet).map(done),
        Command::Combine(combine) => combine::run(&combine, quiet).map(done),
        Command::Cite(cite) => cite::run(&cite).map(done),
        Command::Gallery(arguments) => gallery::run(&arguments, quiet).map(done),
        Command::Fetch(fetch) => fetch::run(&fetch, quiet).map(done),
        Command::Verify(arguments) => verify::run(&arguments, quiet),
        Command::Check(arguments) => check::run(&arguments, quiet),
        Command::Import(arguments) => import::run(&arguments, quiet).map(done),
        Command::Cache(cache) => cache::run(&cache).map(done),
        Command::List { what } => list::run(what).map(done),
        Command::Completions(arguments) => shell::completions(&arguments).map(done),
        Command::Man(arguments) => shell::man(&arguments, quiet).map(done),
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            terminal::tell_error(&error);
            COULD_NOT_RUN
        }
    }
}

/// The memory that is used where nothing else is said: half of what the machine has, in bytes.
///
/// # Errors
/// The machine does not tell how much it has.
pub fn default_memory() -> anyhow::Result<u64> {
    run::memory(None)
}

/// Bytes of memory of a text such as `8GB`.
///
/// # Errors
/// The text is no size; the error says why.
pub fn memory_of_text(text: &str) -> Result<u64, String> {
    typed::memory_size(text).map(|size| size.as_u64())
}

/// Less memory than this, in bytes, is no budget for anything.
pub const LEAST_MEMORY: u64 = typed::LEAST_MEMORY;

fn set_threads(threads: Option<usize>) -> anyhow::Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .with_context(|| format!("cannot start {threads} threads"))
}
