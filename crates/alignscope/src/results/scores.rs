//! `scores.csv`: a long, tidy table, one row a score.

use std::path::Path;

use super::bounds::few;
use super::{MAX_MODELS, ResultsError, csv_file};
use crate::csv_row::{csv_row, depth, name, within};
use crate::dataset::{Level, Release};
use crate::distance::Distance;
use crate::score::{Measure, Ties};
use crate::stage::Stage;

csv_row! {
    /// One score: a row of `scores.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct ScoreRow {
        /// The name of the data set.
        pub dataset: String as name,
        /// Part of the data set: `all` for the whole.
        pub subset: String as name,
        /// The model's name, as it was asked for.
        pub model: String as name,
        /// The stage.
        pub stage: Stage,
        /// Where the stage stands in figures, 0 to 100.
        pub depth_percent: f64 as depth,
        /// The kind of distance.
        pub distance: Distance,
        /// What was measured.
        pub measure: Measure,
        /// The score; NaN (an empty field) where it is not defined.
        pub value: f64 as within(measure.ends()),
        /// Lower end of the interval, where there is one.
        pub ci_low: Option<f64> as within(measure.ends()),
        /// Upper end of the interval, where there is one.
        pub ci_high: Option<f64> as within(measure.ends()),
        /// Trials that entered the score.
        pub n: usize,
        /// Independent clusters among them.
        pub n_clusters: usize,
        /// Trials in which the model's distances tie.
        pub n_ties: usize,
        /// The score of answers by chance, where it is known.
        pub chance: Option<f64> as within(measure.ends()),
        /// Trials left out of this measure because as many people chose one image as the other.
        pub n_left_out: usize,
        /// Channels in which no pair differs at all; they add nothing to the normalized distance.
        pub zero_channels: usize,
        /// What a tie between the model's distances counts.
        pub ties: Ties,
        /// Whether a simulated observer answered, not people.
        pub simulated: bool,
        /// Lower end of the BCa interval, where there is one.
        pub bca_low: Option<f64>,
        /// Upper end of the BCa interval, where there is one.
        pub bca_high: Option<f64>,
        /// The ceiling that figures draw for the data set and measure, where it is known.
        pub ceiling: Option<f64> as within(measure.ends()),
        /// Why there is no interval.
        pub ci_note: Option<String>,
        /// The level of abstraction of the data set.
        pub level: Level,
        /// The release that the data set is, if it is a known one.
        pub release: Option<Release>,
        /// The series of which the model is a state, if it is one.
        pub series: Option<String>,
        /// The step of that state.
        pub step: Option<usize>,
    }
}

/// Writes `scores.csv` whole, in full precision: a number is read back as the same number.
///
/// # Errors
/// The file cannot be written.
pub fn write_scores(path: &Path, rows: &[ScoreRow]) -> Result<(), ResultsError> {
    csv_file::write(path, rows)
}

/// Reads `scores.csv`, by the names of its columns.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_scores(path: &Path) -> Result<Vec<ScoreRow>, ResultsError> {
    let rows: Vec<ScoreRow> = csv_file::read(path)?;
    few(path, "models", rows.iter().map(|row| row.model.as_str()), MAX_MODELS)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv_row::CsvRow;

    #[test]
    fn scores_are_read_back_as_they_were_written() {
        let row = ScoreRow {
            dataset: "things".to_owned(),
            subset: "all".to_owned(),
            model: "folder, with a \"comma\"".to_owned(),
            stage: Stage::Block(3),
            depth_percent: 7.5 + 90.0 / 11.0,
            distance: Distance::Cosine,
            measure: Measure::Accuracy,
            value: 1.0 / 3.0,
            ci_low: Some(0.1),
            ci_high: None,
            n: 18_985,
            n_clusters: 949,
            n_ties: 1,
            chance: Some(1.0 / 3.0),
            n_left_out: 2,
            zero_channels: 0,
            ties: Ties::Miss,
            simulated: true,
            bca_low: Some(0.2),
            bca_high: None,
            ceiling: Some(0.672),
            ci_note: Some("fewer than 8 clusters".to_owned()),
            level: Level::High,
            release: Some(Release::Things),
            series: Some("run".to_owned()),
            step: Some(500),
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("scores.csv");
        write_scores(&path, std::slice::from_ref(&row)).expect("written");
        assert_eq!(read_scores(&path).expect("read"), std::slice::from_ref(&row));

        let undefined = ScoreRow { value: f64::NAN, ..row };
        write_scores(&path, &[undefined]).expect("written");
        assert!(read_scores(&path).expect("read")[0].value.is_nan());
    }

    #[test]
    fn a_field_that_cannot_be_read_names_line_and_column() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("scores.csv");
        let columns = ScoreRow::COLUMNS.join(",");
        let row =
            "things,all,m,block 1,2.5,cosine,accuracy,much,,,1,1,0,0.5,0,0,miss,false,,,,,high,,,";
        std::fs::write(&path, format!("{columns}\n{row}\n")).expect("written");
        let message = read_scores(&path).expect_err("not a number").to_string();
        assert!(message.contains("line 2: column `value` is `much`"), "{message}");
        let row =
            "things,all,m,block 1,2.5,cosine,kappa,0.5,,,1,1,0,0.5,0,0,miss,false,,,,,high,,,";
        std::fs::write(&path, format!("{columns}\n{row}\n")).expect("written");
        let message = read_scores(&path).expect_err("not a measure").to_string();
        assert!(message.contains("is `kappa`, expected one of `spearman`, "), "{message}");
        let row = "tid2013,all,m,block 1,2.5,cosine,rmse-logistic4,inf,,,1,1,0,0.5,0,0,miss,false,,,,,high,,,";
        std::fs::write(&path, format!("{columns}\n{row}\n")).expect("written");
        let message = read_scores(&path).expect_err("not finite").to_string();
        assert!(message.contains("`value` is `inf`, expected a finite number"), "{message}");
    }
}
