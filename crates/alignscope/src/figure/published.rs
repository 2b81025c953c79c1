//! What the study published: its own scores, to be laid under a user's.
//!
//! # Source
//! `assets/published.csv`: the result files of the authors of Hernández-Cámara, Vila-Tomás, Malo and
//! Laparra (2024), Figures 2–5 and 9, and their baselines.

use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::curves::shown_measure;
use super::name::{base_of, is_control};
use crate::dataset::DatasetKind;
use crate::distance::Distance;
use crate::results::{ResultsError, ScoreRow, csv_document, write_whole};
use crate::score::Ties;
use crate::stage::Stage;

const TABLE: &str = include_str!("../../assets/published.csv");

/// Its blocks were fed the bare patch embedding, as `@published` does.
const BIOMED_CLIP: &str = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224";

/// One score of the study.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedScore {
    /// The data set.
    pub dataset: DatasetKind,
    /// The model's id, `pixels`, `ssim`, `lpips` or `perceptnet`.
    pub model: String,
    /// The kind of distance.
    pub distance: Distance,
    /// The stage.
    pub stage: Stage,
    /// Where figures show it.
    pub depth_percent: f64,
    /// Spearman's correlation for TID2013, to three digits; the share of correct answers elsewhere.
    pub value: f64,
}

/// A score of a run beside the same of the study.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedDifference {
    /// What the study published.
    pub published: PublishedScore,
    /// The model of the run: a hub id, or for `lpips` the LPIPS that was run.
    pub model: String,
    /// What the run found.
    pub found: f64,
}

impl PublishedScore {
    /// Whether this is a score of a run's model, or of the model whose control it is: the id is the
    /// same, and BiomedCLIP has `@published`.
    pub fn shows(&self, model: &str) -> bool {
        base_of(model) == self.model && (self.model == BIOMED_CLIP) == model.ends_with("@published")
    }

    /// Whether it and a row of a run are scores of the same thing. The pixels' stands in each curve.
    fn same_as(&self, row: &ScoreRow) -> bool {
        let of_model = match self.stage {
            Stage::Output => {
                row.model == self.model
                    || (self.model == "lpips" && row.model.starts_with("lpips-"))
            }
            Stage::Image => false,
            _ => self.shows(&row.model) && !is_control(&row.model),
        };
        of_model
            && row.dataset == self.dataset
            && row.stage == self.stage
            && row.distance == self.distance
            && row.subset == "all"
            && row.measure == shown_measure(row.dataset)
            && row.value.is_finite()
    }

    /// Trials that the study scored.
    fn trials(&self) -> usize {
        match self.dataset {
            DatasetKind::Tid2013 => 3_000,
            DatasetKind::Nights => 20_019,
            _ => 15_640,
        }
    }

    fn chance(&self) -> f64 {
        match self.dataset {
            DatasetKind::Tid2013 => 0.0,
            DatasetKind::Nights => 0.5,
            _ => 1.0 / 3.0,
        }
    }
}

/// All that the study published, in the order of its tables.
pub fn published_scores() -> &'static [PublishedScore] {
    #[derive(Deserialize)]
    struct Row {
        dataset: String,
        model: String,
        distance: String,
        stage: String,
        depth_percent: f64,
        score: f64,
    }
    static SCORES: LazyLock<Vec<PublishedScore>> = LazyLock::new(|| {
        let whole = "the built-in table is whole, which a test holds";
        csv::Reader::from_reader(TABLE.as_bytes())
            .deserialize()
            .map(|row| {
                let row: Row = row.expect(whole);
                PublishedScore {
                    dataset: row.dataset.parse().expect(whole),
                    model: row.model,
                    distance: Distance::in_results(&row.distance).expect(whole),
                    stage: row.stage.parse().expect(whole),
                    depth_percent: row.depth_percent,
                    value: row.score,
                }
            })
            .collect()
    });
    &SCORES
}

/// The published scores as rows of a run, to be drawn by themselves. The pixels' score stands once.
pub fn published_rows() -> Vec<ScoreRow> {
    let mut rows: Vec<ScoreRow> = Vec::new();
    for score in published_scores() {
        let pixels = score.stage == Stage::Image;
        if pixels && rows.iter().any(|r| r.stage == Stage::Image && r.dataset == score.dataset) {
            continue;
        }
        rows.push(ScoreRow {
            dataset: score.dataset,
            subset: "all".to_owned(),
            model: match (pixels, score.model.as_str()) {
                (true, _) => "pixels".to_owned(),
                (false, BIOMED_CLIP) => format!("{BIOMED_CLIP}@published"),
                (false, model) => model.to_owned(),
            },
            stage: score.stage,
            depth_percent: score.depth_percent,
            distance: if pixels { Distance::Euclidean } else { score.distance },
            measure: shown_measure(score.dataset),
            value: score.value,
            ci_low: None,
            ci_high: None,
            n: score.trials(),
            n_clusters: 0,
            n_ties: 0,
            chance: Some(score.chance()),
            n_left_out: 0,
            zero_channels: 0,
            ties: Ties::Miss,
            simulated: false,
            bca_low: None,
            bca_high: None,
            ceiling: None,
            ci_note: None,
        });
    }
    rows
}

/// Each published score that a run has too.
pub fn published_differences(rows: &[ScoreRow]) -> Vec<PublishedDifference> {
    let mut found = Vec::new();
    for published in published_scores() {
        for row in rows.iter().filter(|row| published.same_as(row)) {
            let (published, model) = (published.clone(), row.model.clone());
            found.push(PublishedDifference { published, model, found: row.value });
        }
    }
    for dataset in DatasetKind::ALL {
        let first = |s: &&PublishedScore| s.dataset == dataset && s.stage == Stage::Image;
        let row = rows.iter().find(|r| {
            r.dataset == dataset
                && r.stage == Stage::Image
                && r.subset == "all"
                && r.measure == shown_measure(dataset)
                && r.value.is_finite()
        });
        if let (Some(published), Some(row)) = (published_scores().iter().find(first), row) {
            let distance = Distance::Euclidean;
            let published =
                PublishedScore { model: "pixels".to_owned(), distance, ..published.clone() };
            found.push(PublishedDifference {
                published,
                model: row.model.clone(),
                found: row.value,
            });
        }
    }
    found
}

/// Writes `published-differences.csv`: `dataset, model, distance, stage, published, found, difference`,
/// the last found − published.
///
/// # Errors
/// The file cannot be written.
pub fn write_published_differences(
    path: &Path,
    differences: &[PublishedDifference],
) -> Result<(), ResultsError> {
    let columns = ["dataset", "model", "distance", "stage", "published", "found", "difference"];
    let row = |d: &PublishedDifference| {
        [
            d.published.dataset.to_string(),
            d.model.clone(),
            d.published.distance.to_string(),
            d.published.stage.to_string(),
            d.published.value.to_string(),
            d.found.to_string(),
            (d.found - d.published.value).to_string(),
        ]
    };
    write_whole(path, &csv_document(columns, differences.iter().map(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_holds_what_the_study_says() {
        let scores = published_scores();
        // 27 curves: 7 models of 15 or 27 points on 3 data sets, two more distances for B/16; 9 baselines.
        assert_eq!(scores.len(), 3 * (7 * 15 + 2 * 27) + 9);
        let of = |dataset, model: &str, distance, stage| {
            let same = |s: &&PublishedScore| {
                s.dataset == dataset
                    && s.model == model
                    && s.distance == distance
                    && s.stage == stage
            };
            scores.iter().find(same).map(|s| s.value)
        };
        let b32 = "openai/clip-vit-base-patch32";
        let normalized = Distance::NormalizedEuclidean;
        assert_eq!(of(DatasetKind::Tid2013, b32, normalized, Stage::Image), Some(0.687));
        assert_eq!(of(DatasetKind::Tid2013, b32, normalized, Stage::Embedding), Some(0.816));
        assert_eq!(
            of(DatasetKind::Tid2013, "perceptnet", Distance::Own, Stage::Output),
            Some(0.909)
        );
        assert_eq!(of(DatasetKind::Things, "ssim", Distance::Own, Stage::Output), Some(0.344));
        assert!(scores.iter().all(|s| (0.0..=1.0).contains(&s.value)));
        for score in scores.iter().filter(|s| s.distance != Distance::Own) {
            let blocks = if score.model.contains("large") { 24 } else { 12 };
            assert!((score.depth_percent - score.stage.depth_percent(blocks)).abs() < 5e-3);
        }
    }

    #[test]
    fn a_run_that_found_the_published_scores_differs_by_nothing() {
        let mut rows = published_rows();
        let differences = published_differences(&rows);
        // The pixels' score stands once a data set, and `lpips` is none of ours.
        assert_eq!(differences.len(), rows.len());
        assert!(differences.iter().all(|d| d.found == d.published.value));
        rows.retain(|row| row.model == "openai/clip-vit-base-patch16");
        for row in &mut rows {
            row.model = format!("random:{}", row.model);
        }
        assert_eq!(published_differences(&rows), [], "a control is another model");
    }
}
