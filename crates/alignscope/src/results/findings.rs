//! `findings.csv`: what is read off the curves.

use std::path::Path;

use super::ResultsError;
use super::csv_table::CsvTable;
use crate::dataset::DatasetKind;

/// One finding about a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    /// The data set.
    pub dataset: DatasetKind,
    /// The model.
    pub model: String,
    /// The kind of distance.
    pub distance: String,
    /// Of which measure.
    pub measure: String,
    /// `peak`, `onset`, `mid-depth-drop`, `projection` or `normalized-peak`.
    pub finding: String,
    /// At which stage; empty where there is none.
    pub stage: String,
    /// At which depth.
    pub depth_percent: Option<f64>,
    /// The number.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end of its interval.
    pub ci_high: Option<f64>,
    /// What else there is to know.
    pub note: String,
}

/// Reads `findings.csv`; none where a run has none.
///
/// # Errors
/// The file cannot be read.
pub fn read_findings(path: &Path) -> Result<Option<Vec<FindingRow>>, ResultsError> {
    let columns = [
        "dataset",
        "model",
        "distance",
        "measure",
        "finding",
        "stage",
        "depth_percent",
        "value",
        "ci_low",
        "ci_high",
        "note",
    ];
    let Some(table) = CsvTable::read(path, columns)? else { return Ok(None) };
    let rows = table.rows().map(|row| {
        Ok(FindingRow {
            dataset: row.get(0)?,
            model: row.text(1),
            distance: row.text(2),
            measure: row.text(3),
            finding: row.text(4),
            stage: row.text(5),
            depth_percent: row.optional(6)?,
            value: row.optional(7)?,
            ci_low: row.optional(8)?,
            ci_high: row.optional(9)?,
            note: row.text(10),
        })
    });
    rows.collect::<Result<_, _>>().map(Some)
}
