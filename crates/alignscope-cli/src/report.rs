//! `alignscope report`.

use alignscope::read_drawn;
use alignscope::report::write_report;
use alignscope::results::{check_finished, read_scores};

use crate::arguments::Report;
use crate::progress::progress;
use crate::terminal::tell;
use crate::verify::data_folders;

/// Draws the figures and the page of a run again.
pub fn run(arguments: &Report, quiet: bool) -> anyhow::Result<()> {
    let data = data_folders(&arguments.data)?;
    check_finished(&arguments.run)?;
    let rows = read_scores(&arguments.run.join("scores.csv"))?;
    let mut drawn = read_drawn(&arguments.run.join("manifest.json"))?;
    drawn.published |= arguments.published;
    let figures = alignscope::draw(&rows, &drawn, &arguments.run)?;
    write_report(&arguments.run, &figures, &data, &*progress(quiet))?;
    if !quiet {
        for figure in &figures {
            let path = arguments.run.join(format!("{}.svg", figure.name));
            tell!("{} is drawn again", path.display());
        }
        tell!("{} is written again", arguments.run.join("report.html").display());
    }
    Ok(())
}
