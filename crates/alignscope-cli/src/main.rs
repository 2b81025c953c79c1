//! `alignscope`: how closely a vision model's image distances follow the judgements of people.

use std::process::ExitCode;

fn main() -> ExitCode {
    alignscope_cli::run(std::env::args_os().collect()).into()
}
