//! `alignscope report`.

use alignscope::FigureSpec;
use alignscope::results::{read_drawn, read_scores};

use crate::arguments::Report;

/// Draws the figures of a run again.
pub fn run(arguments: &Report, quiet: bool) -> anyhow::Result<()> {
    let rows = read_scores(&arguments.run.join("scores.csv"))?;
    let drawn = read_drawn::<FigureSpec>(&arguments.run.join("manifest.json"))?;
    alignscope::draw(&rows, &drawn.figures, drawn.simulated, &arguments.run)?;
    if !quiet {
        for figure in &drawn.figures {
            let path = arguments.run.join(format!("{}.svg", figure.name));
            eprintln!("{} is drawn again", path.display());
        }
    }
    Ok(())
}
