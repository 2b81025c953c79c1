//! Work on a run that is there: its figures, runs compared, a run held against its files.

mod compare;
mod figures;
mod verify;

pub use compare::{CompareError, CompareRequest, Comparisons, WithPeople, compare_runs};
pub(crate) use figures::check as check_figures;
pub use figures::{DrawError, FigureSpec, Presentation, draw, notes_on_published, read_drawn};
pub use verify::{Check, CheckOutcome, VerifyRequest, verify};
