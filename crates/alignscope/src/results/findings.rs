//! `findings.csv`: what is read off the curves.

use std::path::Path;

use super::bounds::few;
use super::fields::{self, number, optional};
use super::{MAX_MODELS, ResultsError};
use crate::findings::FindingRow;

const COLUMNS: [&str; 12] = [
    "dataset",
    "model",
    "distance",
    "measure",
    "energy",
    "finding",
    "stage",
    "depth_percent",
    "value",
    "ci_low",
    "ci_high",
    "note",
];

/// Writes `findings.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_findings(path: &Path, rows: &[FindingRow]) -> Result<(), ResultsError> {
    let record = |row: &FindingRow| {
        [
            row.dataset.clone(),
            row.model.clone(),
            row.distance.map_or_else(String::new, |distance| distance.to_string()),
            row.measure.map_or_else(String::new, |measure| measure.to_string()),
            row.energy.map_or_else(String::new, |energy| energy.to_string()),
            row.finding.to_string(),
            row.stage.map_or_else(String::new, |stage| stage.to_string()),
            optional(row.depth_percent),
            number(row.value),
            optional(row.ci_low),
            optional(row.ci_high),
            row.note.clone(),
        ]
    };
    fields::write(path, COLUMNS, rows.iter().map(record))
}

/// Reads `findings.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_findings(path: &Path) -> Result<Vec<FindingRow>, ResultsError> {
    let rows: Vec<FindingRow> = fields::read(path, &COLUMNS, COLUMNS.len(), |row| {
        Ok(FindingRow {
            dataset: row.name(0)?,
            model: row.name(1)?,
            distance: match row.text(2) {
                "" => None,
                _ => Some(row.distance(2)?),
            },
            measure: row.optional(3)?,
            energy: row.optional(4)?,
            finding: row.get(5)?,
            stage: match row.text(6) {
                "" => None,
                _ => Some(row.stage(6)?),
            },
            depth_percent: row.optional(7)?,
            value: row.number(8)?,
            ci_low: row.optional(9)?,
            ci_high: row.optional(10)?,
            note: row.get(11)?,
        })
    })?;
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
        }];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("findings.csv");
        write_findings(&path, &rows).expect("written");
        assert_eq!(read_findings(&path).expect("read"), rows);
    }
}
