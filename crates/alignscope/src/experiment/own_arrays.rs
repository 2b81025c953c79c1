//! How the arrays of a model of the caller's are read, and what is said of it.

use super::ExperimentError;
use super::reduction::Wanted;
use crate::features::{ArrayAxes, Reading};
use crate::pair_statistics::PairStatisticsStore;
use crate::progress::Progress;
use crate::stage::Stage;

/// Bytes of a pair in lists: its images and number as the data set has them, and in the order of
/// reduction.
const PAIR_BYTES: u64 = 64;

/// The program, its tables, and blocks of differences on their way.
const OTHER_BYTES: u64 = 64_000_000 + 2 * PairStatisticsStore::BLOCK_BYTES as u64;

/// How the arrays of a model's stages are read.
pub(super) fn arrays(
    model: &str,
    reading: Reading,
    shapes: &[(Stage, Vec<usize>)],
) -> Result<Vec<(Stage, ArrayAxes)>, ExperimentError> {
    let read = |(stage, shape): &(Stage, Vec<usize>)| {
        let axes = reading.of(shape).map_err(|source| ExperimentError::Array {
            model: model.to_owned(),
            stage: *stage,
            source,
        })?;
        Ok((*stage, axes))
    };
    let arrays: Vec<_> = shapes.iter().map(read).collect::<Result<_, ExperimentError>>()?;
    reading
        .check_used(&arrays)
        .map_err(|source| ExperimentError::Reading { model: model.to_owned(), source })?;
    Ok(arrays)
}

/// Tells how the arrays of a model's stages are read, as far as nobody said so; what is probably
/// wrong with it.
pub(super) fn tell(
    model: &str,
    reading: Reading,
    shapes: &[(Stage, Vec<usize>)],
    arrays: &[(Stage, ArrayAxes)],
    progress: &dyn Progress,
) -> Vec<String> {
    let warnings = reading.warnings(model, shapes);
    for note in reading.notes(model, arrays).iter().chain(&warnings) {
        progress.note(note);
    }
    warnings
}

/// Bytes that are needed whatever the activations are.
pub(super) fn fixed_bytes(wanted: Wanted<'_>, stages: usize) -> u64 {
    let pairs = wanted.dataset.pairs.len();
    let distances = (pairs * stages * wanted.distances.len() * size_of::<f64>()) as u64;
    OTHER_BYTES + distances + pairs as u64 * PAIR_BYTES
}
