//! Work on a run that is there: its figures, runs compared, a run held against its files.

mod combine;
mod combined_manifest;
mod compare;
mod compare_error;
mod figures;
mod gallery;
mod matrix;
mod together;
mod verify;

pub use combine::{CombineError, combine_runs};
pub use compare::{CompareRequest, Comparisons, WithPeople, compare_runs};
pub use compare_error::CompareError;
pub(crate) use figures::check as check_figures;
pub use figures::{
    DrawError, FigureSpec, Presentation, colours_of_run, draw, notes_on_published, read_drawn,
};
pub use gallery::{Gallery, GalleryError, GalleryRequest, gallery};
pub use matrix::{DistanceMatrix, MatrixRequest, read_matrix};
pub use together::{TogetherRequest, compare_together};
pub use verify::{Check, CheckOutcome, VerifyRequest, verify};
