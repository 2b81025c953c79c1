//! `alignscope report`.

use alignscope::read_drawn;
use alignscope::report::write_report;
use alignscope::results::{altered_tables, check_finished, read_energy, read_scores};

use crate::arguments::Report;
use crate::progress::progress;
use crate::run::named_paths;
use crate::terminal::tell;

/// Draws the figures and the page of a run again.
pub fn run(arguments: &Report, quiet: bool) -> anyhow::Result<()> {
    let data = named_paths(arguments.data.iter())?;
    check_finished(&arguments.run)?;
    let tables = ["scores.csv", "energy.csv", "ceilings.csv", "findings.csv", "comparisons.csv"];
    for table in altered_tables(&arguments.run, &tables)? {
        let path = arguments.run.join(table);
        tell!("{} is not as the run left it: what is drawn is what it says now", path.display());
    }
    let rows = read_scores(&arguments.run.join("scores.csv"))?;
    let energy = read_energy(&arguments.run.join("energy.csv"))?;
    let mut drawn = read_drawn(&arguments.run.join("manifest.json"))?;
    drawn.published |= arguments.published;
    let progress = progress(quiet);
    progress.begin("drawing figures", 0);
    let figures = alignscope::draw(&rows, &energy, &drawn, &arguments.run)?;
    progress.end();
    progress.begin("writing the page", 0);
    write_report(&arguments.run, &figures, &data, &*progress)?;
    progress.end();
    drop(progress);
    if !quiet {
        for note in alignscope::notes_on_published(&rows, &drawn) {
            tell!("{note}");
        }
        for figure in &figures {
            let path = arguments.run.join(format!("{}.svg", figure.name));
            tell!("{} is drawn again", path.display());
        }
        tell!("{} is written again", arguments.run.join("report.html").display());
    }
    Ok(())
}
