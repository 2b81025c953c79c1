//! `alignscope report`.

use alignscope::results::{read_scores, was_simulated};

use crate::arguments::Report;

/// Draws the figure of a run again.
pub fn run(arguments: &Report, quiet: bool) -> anyhow::Result<()> {
    let rows = read_scores(&arguments.run.join("scores.csv"))?;
    let simulated = was_simulated(&arguments.run.join("manifest.json"))?;
    alignscope::draw(&rows, simulated, &arguments.run)?;
    if !quiet {
        eprintln!("{} is drawn again", arguments.run.join("alignment.svg").display());
    }
    Ok(())
}
