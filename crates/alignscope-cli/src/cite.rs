//! `alignscope cite`.

use alignscope::citations;

use crate::arguments::Cite;
use crate::terminal::say;

/// Prints what to cite of some runs as BibTeX.
pub fn run(arguments: &Cite) -> anyhow::Result<()> {
    say!("{}", citations(&arguments.runs)?.to_string().trim_end());
    Ok(())
}
