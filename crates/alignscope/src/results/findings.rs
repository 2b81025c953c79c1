//! `findings.csv`: what is read off the curves.

use std::path::Path;

use super::bounds::few;
use super::{MAX_MODELS, ResultsError, csv_file};
use crate::findings::FindingRow;

/// Writes `findings.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_findings(path: &Path, rows: &[FindingRow]) -> Result<(), ResultsError> {
    csv_file::write(path, rows)
}

/// Reads `findings.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_findings(path: &Path) -> Result<Vec<FindingRow>, ResultsError> {
    let rows: Vec<FindingRow> = csv_file::read(path)?;
    few(path, "models", rows.iter().map(|row| row.model.as_str()), MAX_MODELS)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Distance;
    use crate::findings::Finding;
    use crate::score::Measure;
    use crate::stage::Stage;

    #[test]
    fn findings_are_read_back_as_they_were_written() {
        let rows = [FindingRow {
            dataset: "things".to_owned(),
            model: "m".to_owned(),
            distance: Some(Distance::Cosine),
            measure: Some(Measure::Accuracy),
            energy: None,
            finding: Finding::MidDepthDrop,
            stage: Some(Stage::Block(2)),
            depth_percent: Some(7.5 + 90.0 / 11.0),
            value: 0.1,
            ci_low: None,
            ci_high: Some(0.2),
            note: "to block 3, \"it\" says".to_owned(),
            series: Some("run".to_owned()),
            step: Some(300),
            step_low: Some(200),
            step_high: None,
            chosen_on: Some("nights".to_owned()),
        }];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("findings.csv");
        write_findings(&path, &rows).expect("written");
        assert_eq!(read_findings(&path).expect("read"), rows);
    }
}
