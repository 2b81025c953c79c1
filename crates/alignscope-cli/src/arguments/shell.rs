//! `alignscope completions` and `alignscope man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::typed::path;

/// `alignscope completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell. For bash: `alignscope completions bash >
    /// ~/.local/share/bash-completion/completions/alignscope`.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// `alignscope man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder for the pages, such as ~/.local/share/man/man1. It is made if it is missing.
    #[arg(value_name = "DIR", value_parser = path())]
    pub folder: PathBuf,
}
