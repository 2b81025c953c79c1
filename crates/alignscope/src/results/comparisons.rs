//! `comparisons.csv`: models against each other on the same trials.

use std::path::Path;

use super::bounds::{MAX_SIDES, few};
use super::{MAX_MODELS, ResultsError, csv_file};
use crate::comparison::ComparisonRow;

/// Writes `comparisons.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_comparisons(path: &Path, rows: &[ComparisonRow]) -> Result<(), ResultsError> {
    csv_file::write(path, rows)
}

/// Reads `comparisons.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_comparisons(path: &Path) -> Result<Vec<ComparisonRow>, ResultsError> {
    let rows: Vec<ComparisonRow> = csv_file::read(path)?;
    let models = rows.iter().flat_map(|row| [&row.model_a, &row.model_b]);
    few(path, "models", models, MAX_MODELS)?;
    let sides = rows.iter().flat_map(|row| [row.a(), row.b()]);
    few(path, "models by stage and distance", sides, MAX_SIDES)?;
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
        let rows = [ComparisonRow {
            dataset: "nights".to_owned(),
            subset: "all".to_owned(),
            measure: Measure::Accuracy,
            model_a: "m".to_owned(),
            stage_a: Stage::Projection,
            distance_a: Distance::Cosine,
            model_b: "ssim".to_owned(),
            stage_b: Stage::Output,
            distance_b: Distance::Own,
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
            series_a: Some("run".to_owned()),
            step_a: Some(300),
            series_b: None,
            step_b: None,
        }];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("comparisons.csv");
        write_comparisons(&path, &rows).expect("written");
        assert_eq!(read_comparisons(&path).expect("read"), rows);
    }
}
