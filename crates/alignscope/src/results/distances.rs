//! `distances.parquet`: one row for each pair, stage and kind of distance.

use std::path::Path;

use super::table::{BATCH_ROWS, ParquetRow, TableWriter, batches, parquet_row};
use super::{ResultsError, wrong};
use crate::dataset::{ImageEntry, Pairs};
use crate::distance::Distance;
use crate::stage::Stage;

parquet_row! {
    /// The distance of a pair: a row of `distances.parquet`.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct DistanceRow<'a> {
        /// The data set.
        pub dataset: &'a str,
        /// The model's name.
        pub model: &'a str,
        /// The stage.
        pub stage: &'a str,
        /// The kind of distance.
        pub distance: &'a str,
        /// The first image of the pair.
        pub image_a: &'a str,
        /// The second image.
        pub image_b: &'a str,
        /// How many comparisons of trials use the pair.
        pub uses: u32,
        /// The distance.
        pub value: f64,
    }
}

/// Writes `distances.parquet`.
pub struct DistancesWriter(TableWriter);

/// The distances of all pairs of a data set at one stage.
#[derive(Debug, Clone, Copy)]
pub struct DistanceRows<'a> {
    /// The data set.
    pub dataset: &'a str,
    /// The model's name.
    pub model: &'a str,
    /// The stage.
    pub stage: Stage,
    /// The kind of distance.
    pub distance: Distance,
    /// The data set's images.
    pub images: &'a [ImageEntry],
    /// Its pairs.
    pub pairs: &'a Pairs,
    /// Distance of each pair.
    pub values: &'a [f64],
}

impl DistancesWriter {
    /// Begins the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path) -> Result<Self, ResultsError> {
        TableWriter::create(path, DistanceRow::fields()).map(Self)
    }

    /// Adds the distances of one stage.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, rows: DistanceRows<'_>) -> Result<(), ResultsError> {
        let stage = rows.stage.to_string();
        let id = |image: u32| rows.images[image as usize].id.as_str();
        let row = |i: usize| {
            let [a, b] = rows.pairs.images[i];
            DistanceRow {
                dataset: rows.dataset,
                model: rows.model,
                stage: &stage,
                distance: rows.distance.name(),
                image_a: id(a),
                image_b: id(b),
                uses: rows.pairs.uses[i],
                value: rows.values[i],
            }
        };
        let pairs = rows.pairs.len();
        for first in (0..pairs).step_by(BATCH_ROWS) {
            let last = pairs.min(first + BATCH_ROWS);
            self.0.write(DistanceRow::arrays((first..last).map(row)))?;
        }
        Ok(())
    }

    /// Adds those rows of another run's file that `wanted` takes.
    ///
    /// # Errors
    /// That file cannot be read, or lacks a column; or this one cannot be written.
    pub(crate) fn copy(
        &mut self,
        path: &Path,
        wanted: impl Fn(&DistanceRow<'_>) -> bool,
    ) -> Result<(), ResultsError> {
        for batch in batches(path, DistanceRow::COLUMNS)? {
            let batch = batch?;
            let rows: Vec<DistanceRow<'_>> = DistanceRow::rows(&batch)?.filter(&wanted).collect();
            for row in &rows {
                check_distance(path, row.value)?;
            }
            self.0.write(DistanceRow::arrays(rows.into_iter()))?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<(), ResultsError> {
        self.0.finish()
    }
}

/// Refuses what is no distance: no run writes it, and nothing can be ranked by it.
pub(super) fn check_distance(path: &Path, value: f64) -> Result<(), ResultsError> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(wrong(path, "value", value, "a finite number in every row")),
    }
}

/// Calls `visit` with every row of `distances.parquet`, in order, without holding them all.
///
/// # Errors
/// The file cannot be read, or lacks a column.
pub fn visit_distances(
    path: &Path,
    mut visit: impl FnMut(DistanceRow<'_>),
) -> Result<(), ResultsError> {
    for batch in batches(path, DistanceRow::COLUMNS)? {
        for row in DistanceRow::rows(&batch?)? {
            check_distance(path, row.value)?;
            visit(row);
        }
    }
    Ok(())
}
