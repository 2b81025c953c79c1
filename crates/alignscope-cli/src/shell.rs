//! `alignscope completions` and `alignscope man`.

use anyhow::Context;
use clap::CommandFactory;

use crate::arguments::{Arguments, Completions, Man};
use crate::terminal::{print_as_it_is, tell};

/// Name of the program.
const PROGRAM: &str = "alignscope";

/// Prints the completions of a shell on stdout.
pub fn completions(arguments: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), PROGRAM, &mut script);
    print_as_it_is(&script).context("cannot print the completions")
}

/// Writes one manual page for the program and one for each command.
pub fn man(arguments: &Man, quiet: bool) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        .with_context(|| format!("cannot write the manual pages to {}", folder.display()))?;
    if !quiet {
        tell!("the manual pages are in {}; `alignscope.1` is the first", folder.display());
    }
    Ok(())
}
