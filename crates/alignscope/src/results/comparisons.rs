//! `comparisons.csv`: paired differences of two scores.

use std::path::Path;

use super::ResultsError;
use super::csv_table::CsvTable;
use crate::dataset::DatasetKind;

/// One paired difference.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonRow {
    /// The data set.
    pub dataset: DatasetKind,
    /// Part of the data set.
    pub subset: String,
    /// Of which measure.
    pub measure: String,
    /// One model, …
    pub model_a: String,
    /// … its stage …
    pub stage_a: String,
    /// … and distance.
    pub distance_a: String,
    /// The other model, …
    pub model_b: String,
    /// … its stage …
    pub stage_b: String,
    /// … and distance.
    pub distance_b: String,
    /// The score of one.
    pub value_a: Option<f64>,
    /// The score of the other.
    pub value_b: Option<f64>,
    /// The first less the second.
    pub difference: Option<f64>,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end of its interval.
    pub ci_high: Option<f64>,
    /// Of no difference.
    pub p: Option<f64>,
    /// The same after Holm's correction for all comparisons of the file.
    pub p_holm: Option<f64>,
    /// Trials.
    pub n: usize,
    /// Independent clusters among them.
    pub n_clusters: usize,
    /// Agreement of the two beyond chance.
    pub kappa: Option<f64>,
    /// Lower end of its interval.
    pub kappa_low: Option<f64>,
    /// Upper end of its interval.
    pub kappa_high: Option<f64>,
}

/// Reads `comparisons.csv`; none where a run has none.
///
/// # Errors
/// The file cannot be read.
pub fn read_comparisons(path: &Path) -> Result<Option<Vec<ComparisonRow>>, ResultsError> {
    let columns = [
        "dataset",
        "subset",
        "measure",
        "model_a",
        "stage_a",
        "distance_a",
        "model_b",
        "stage_b",
        "distance_b",
        "value_a",
        "value_b",
        "difference",
        "ci_low",
        "ci_high",
        "p",
        "p_holm",
        "n",
        "n_clusters",
        "kappa",
        "kappa_low",
        "kappa_high",
    ];
    let Some(table) = CsvTable::read(path, columns)? else { return Ok(None) };
    let rows = table.rows().map(|row| {
        Ok(ComparisonRow {
            dataset: row.get(0)?,
            subset: row.text(1),
            measure: row.text(2),
            model_a: row.text(3),
            stage_a: row.text(4),
            distance_a: row.text(5),
            model_b: row.text(6),
            stage_b: row.text(7),
            distance_b: row.text(8),
            value_a: row.optional(9)?,
            value_b: row.optional(10)?,
            difference: row.optional(11)?,
            ci_low: row.optional(12)?,
            ci_high: row.optional(13)?,
            p: row.optional(14)?,
            p_holm: row.optional(15)?,
            n: row.get(16)?,
            n_clusters: row.get(17)?,
            kappa: row.optional(18)?,
            kappa_low: row.optional(19)?,
            kappa_high: row.optional(20)?,
        })
    });
    rows.collect::<Result<_, _>>().map(Some)
}
