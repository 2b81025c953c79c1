//! `distances.parquet`: one row for each pair, stage and kind of distance.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Float64Array, StringArray, UInt32Array};
use arrow_schema::DataType;

use super::table::{TableWriter, batches, repeated, text_column};
use super::{ResultsError, wrong};
use crate::dataset::{ImageEntry, Pairs};
use crate::distance::Distance;
use crate::stage::Stage;

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
        let columns = vec![
            text_column("dataset"),
            text_column("model"),
            text_column("stage"),
            text_column("distance"),
            text_column("image_a"),
            text_column("image_b"),
            ("uses".to_owned(), DataType::UInt32, false),
            ("value".to_owned(), DataType::Float64, false),
        ];
        TableWriter::create(path, columns).map(Self)
    }

    /// Adds the distances of one stage.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, rows: DistanceRows<'_>) -> Result<(), ResultsError> {
        let n = rows.pairs.len();
        let image = |side: usize| {
            Arc::new(StringArray::from_iter_values(
                rows.pairs.images.iter().map(|pair| &rows.images[pair[side] as usize].id),
            ))
        };
        self.0.write(vec![
            repeated(rows.dataset, n),
            repeated(rows.model, n),
            repeated(&rows.stage.to_string(), n),
            repeated(rows.distance.name(), n),
            image(0),
            image(1),
            Arc::new(UInt32Array::from_iter_values(rows.pairs.uses.iter().copied())),
            Arc::new(Float64Array::from_iter_values(rows.values.iter().copied())),
        ])
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<(), ResultsError> {
        self.0.finish()
    }
}

/// One row of `distances.parquet`.
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
    /// The pair.
    pub images: [&'a str; 2],
    /// Its distance.
    pub value: f64,
}

/// What is read of the file.
pub(super) const COLUMNS: [&str; 7] =
    ["dataset", "model", "stage", "distance", "image_a", "image_b", "value"];

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
    for batch in batches(path, &COLUMNS)? {
        let batch = batch?;
        let (datasets, models) = (batch.names("dataset")?, batch.names("model")?);
        let (stages, distances) = (batch.names("stage")?, batch.names("distance")?);
        let (a, b) = (batch.names("image_a")?, batch.names("image_b")?);
        let values: Float64Array = batch.column("value", "64-bit floats")?;
        for row in 0..batch.len() {
            check_distance(path, values.value(row))?;
            visit(DistanceRow {
                dataset: datasets.value(row),
                model: models.value(row),
                stage: stages.value(row),
                distance: distances.value(row),
                images: [a.value(row), b.value(row)],
                value: values.value(row),
            });
        }
    }
    Ok(())
}
