//! `ceilings.csv`: what models are held against.

use std::path::Path;

use super::ResultsError;
use super::fields::{self, number, optional};
use crate::ceiling::CeilingRow;

const COLUMNS: [&str; 9] =
    ["dataset", "subset", "ceiling", "measure", "value", "ci_low", "ci_high", "n", "n_clusters"];

/// Writes `ceilings.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_ceilings(path: &Path, rows: &[CeilingRow]) -> Result<(), ResultsError> {
    let record = |row: &CeilingRow| {
        [
            row.dataset.clone(),
            row.subset.clone(),
            row.ceiling.to_string(),
            row.measure.to_string(),
            number(row.value),
            optional(row.ci_low),
            optional(row.ci_high),
            row.n.to_string(),
            row.n_clusters.to_string(),
        ]
    };
    fields::write(path, COLUMNS, rows.iter().map(record))
}

/// Reads `ceilings.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_ceilings(path: &Path) -> Result<Vec<CeilingRow>, ResultsError> {
    fields::read(path, &COLUMNS, COLUMNS.len(), |row| {
        Ok(CeilingRow {
            dataset: row.name(0)?,
            subset: row.get(1)?,
            ceiling: row.get(2)?,
            measure: row.get(3)?,
            value: row.number(4)?,
            ci_low: row.optional(5)?,
            ci_high: row.optional(6)?,
            n: row.count(7)?,
            n_clusters: row.count(8)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceiling::Ceiling;
    use crate::score::Measure;

    #[test]
    fn ceilings_are_read_back_as_they_were_written() {
        let rows = [CeilingRow {
            dataset: "things".to_owned(),
            subset: "all".to_owned(),
            ceiling: Ceiling::MajorityOfOthers,
            measure: Measure::Accuracy,
            value: 2.0 / 3.0,
            ci_low: Some(0.1),
            ci_high: None,
            n: 3,
            n_clusters: 2,
        }];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ceilings.csv");
        write_ceilings(&path, &rows).expect("written");
        assert_eq!(read_ceilings(&path).expect("read"), rows);
    }
}
