//! `alignscope report`.

use alignscope::FigureSpec;
use alignscope::report::write_report;
use alignscope::results::{check_finished, read_drawn, read_scores};

use crate::arguments::Report;
use crate::progress::progress;

/// Draws the figures and the page of a run again.
pub fn run(arguments: &Report, quiet: bool) -> anyhow::Result<()> {
    check_finished(&arguments.run)?;
    let rows = read_scores(&arguments.run.join("scores.csv"))?;
    let mut drawn = read_drawn::<FigureSpec>(&arguments.run.join("manifest.json"))?;
    drawn.published |= arguments.published;
    let progress = progress(quiet);
    progress.begin("drawing figures", 0);
    let figures = alignscope::draw(&rows, &drawn, &arguments.run)?;
    progress.end();
    progress.begin("writing the page", 0);
    write_report(&arguments.run, &figures)?;
    progress.end();
    drop(progress);
    if !quiet {
        for note in alignscope::notes_on_published(&rows, &drawn) {
            eprintln!("{note}");
        }
        for figure in &figures {
            let path = arguments.run.join(format!("{}.svg", figure.name));
            eprintln!("{} is drawn again", path.display());
        }
        eprintln!("{} is written again", arguments.run.join("report.html").display());
    }
    Ok(())
}
