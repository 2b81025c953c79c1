//! `ceilings.csv`: what models are held against.

use std::path::Path;

use super::{ResultsError, csv_file};
use crate::ceiling::CeilingRow;

/// Writes `ceilings.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_ceilings(path: &Path, rows: &[CeilingRow]) -> Result<(), ResultsError> {
    csv_file::write(path, rows)
}

/// Reads `ceilings.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_ceilings(path: &Path) -> Result<Vec<CeilingRow>, ResultsError> {
    csv_file::read(path)
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
