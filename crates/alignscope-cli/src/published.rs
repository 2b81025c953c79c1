//! `alignscope published`.

use alignscope::FigureSpec;
use alignscope::results::{Drawn, OutputFolder, write_scores};
use alignscope::study::published_rows;

use crate::arguments::Published;
use crate::terminal::tell;

/// Draws what the study published, and writes its scores as a run does.
pub fn run(arguments: &Published, quiet: bool) -> anyhow::Result<()> {
    let out = OutputFolder::claim(&arguments.out)?;
    let rows = published_rows();
    let drawn = Drawn::plain(FigureSpec::of_study());
    alignscope::draw(&rows, &[], &drawn, out.path())?;
    write_scores(&out.file("scores.csv"), &rows)?;
    if !quiet {
        tell!("{} figures of published scores in {}", drawn.figures.len(), out.path().display());
    }
    Ok(())
}
