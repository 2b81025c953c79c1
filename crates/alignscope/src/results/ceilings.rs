//! `ceilings.csv`: how well people agree with each other.

use std::path::Path;

use super::ResultsError;
use super::csv_table::CsvTable;
use crate::dataset::DatasetKind;

/// One ceiling.
#[derive(Debug, Clone, PartialEq)]
pub struct CeilingRow {
    /// The data set.
    pub dataset: DatasetKind,
    /// Part of the data set.
    pub subset: String,
    /// Which ceiling: `majority-share`, `one-other-person`, `majority-of-others`, `vote-agreement`, `repeated-mos`.
    pub ceiling: String,
    /// Of which measure.
    pub measure: String,
    /// The score of people.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub ci_low: Option<f64>,
    /// Upper end of its interval.
    pub ci_high: Option<f64>,
    /// Trials.
    pub n: usize,
    /// Independent clusters among them.
    pub n_clusters: usize,
}

/// Reads `ceilings.csv`; none where a run has none.
///
/// # Errors
/// The file cannot be read.
pub fn read_ceilings(path: &Path) -> Result<Option<Vec<CeilingRow>>, ResultsError> {
    let columns = [
        "dataset",
        "subset",
        "ceiling",
        "measure",
        "value",
        "ci_low",
        "ci_high",
        "n",
        "n_clusters",
    ];
    let Some(table) = CsvTable::read(path, columns)? else { return Ok(None) };
    let rows = table.rows().map(|row| {
        Ok(CeilingRow {
            dataset: row.get(0)?,
            subset: row.text(1),
            ceiling: row.text(2),
            measure: row.text(3),
            value: row.optional(4)?,
            ci_low: row.optional(5)?,
            ci_high: row.optional(6)?,
            n: row.get(7)?,
            n_clusters: row.get(8)?,
        })
    });
    rows.collect::<Result<_, _>>().map(Some)
}
