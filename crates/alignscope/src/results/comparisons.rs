//! `comparisons.csv`: models against each other on the same trials.

use std::path::Path;

use super::bounds::{MAX_SIDES, few};
use super::fields::{self, Fields, number, optional};
use super::{MAX_MODELS, ResultsError};
use crate::comparison::{ComparisonRow, Side};

const COLUMNS: [&str; 21] = [
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

/// Writes `comparisons.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_comparisons(path: &Path, rows: &[ComparisonRow]) -> Result<(), ResultsError> {
    let record = |row: &ComparisonRow| {
        [
            row.dataset.clone(),
            row.subset.clone(),
            row.measure.to_string(),
            row.a.model.clone(),
            row.a.stage.to_string(),
            row.a.distance.to_string(),
            row.b.model.clone(),
            row.b.stage.to_string(),
            row.b.distance.to_string(),
            number(row.value_a),
            number(row.value_b),
            number(row.difference),
            optional(row.ci_low),
            optional(row.ci_high),
            optional(row.p),
            optional(row.p_holm),
            row.n.to_string(),
            row.n_clusters.to_string(),
            optional(row.kappa),
            optional(row.kappa_low),
            optional(row.kappa_high),
        ]
    };
    fields::write(path, COLUMNS, rows.iter().map(record))
}

/// Reads `comparisons.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_comparisons(path: &Path) -> Result<Vec<ComparisonRow>, ResultsError> {
    let side = |row: &Fields<'_>, first: usize| -> Result<Side, ResultsError> {
        Ok(Side {
            model: row.name(first)?,
            stage: row.stage(first + 1)?,
            distance: row.distance(first + 2)?,
        })
    };
    let rows: Vec<ComparisonRow> = fields::read(path, &COLUMNS, COLUMNS.len(), |row| {
        Ok(ComparisonRow {
            dataset: row.name(0)?,
            subset: row.get(1)?,
            measure: row.get(2)?,
            a: side(row, 3)?,
            b: side(row, 6)?,
            value_a: row.number(9)?,
            value_b: row.number(10)?,
            difference: row.number(11)?,
            ci_low: row.optional(12)?,
            ci_high: row.optional(13)?,
            p: row.optional(14)?,
            p_holm: row.optional(15)?,
            n: row.count(16)?,
            n_clusters: row.count(17)?,
            kappa: row.optional(18)?,
            kappa_low: row.optional(19)?,
            kappa_high: row.optional(20)?,
        })
    })?;
    let sides = || rows.iter().flat_map(|row| [&row.a, &row.b]);
    few(path, "models", sides().map(|side| side.model.as_str()), MAX_MODELS)?;
    let key = |side: &Side| (side.model.clone(), side.stage, side.distance);
    few(path, "models by stage and distance", sides().map(key), MAX_SIDES)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Distance;
    use crate::score::Measure;
    use crate::stage::Stage;

    #[test]
    fn comparisons_are_read_back_as_they_were_written() {
        let side = |model: &str, stage, distance| Side { model: model.to_owned(), stage, distance };
        let rows = [ComparisonRow {
            dataset: "nights".to_owned(),
            subset: "all".to_owned(),
            measure: Measure::Accuracy,
            a: side("m", Stage::Projection, Distance::Cosine),
            b: side("ssim", Stage::Output, Distance::Own),
            value_a: 0.9,
            value_b: 0.7,
            difference: 0.9 - 0.7,
            ci_low: Some(0.1),
            ci_high: Some(0.3),
            p: Some(0.001),
            p_holm: None,
            n: 100,
            n_clusters: 50,
            kappa: Some(0.5),
            kappa_low: None,
            kappa_high: Some(0.6),
        }];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("comparisons.csv");
        write_comparisons(&path, &rows).expect("written");
        assert_eq!(read_comparisons(&path).expect("read"), rows);
    }
}
