//! What a panel shows: the curves of one data set.

use crate::dataset::{DatasetKind, Level};
use crate::distance::Distance;
use crate::results::ScoreRow;
use crate::score::Measure;
use crate::stage::Stage;

/// A score at a depth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) depth: f64,
    pub(super) value: f64,
    pub(super) interval: Option<(f64, f64)>,
}

/// One model with one kind of distance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    pub(super) model: String,
    pub(super) distance: Distance,
    /// In order of depth; undefined scores are left out.
    pub(super) points: Vec<Point>,
}

/// One data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PanelData {
    pub(super) dataset: DatasetKind,
    pub(super) measure: Measure,
    pub(super) n: usize,
    pub(super) chance: f64,
    pub(super) curves: Vec<Curve>,
    /// The score of the pixels, at 0 %.
    pub(super) pixels: Option<Point>,
    /// Name and score of each baseline.
    pub(super) baselines: Vec<(String, Point)>,
}

impl PanelData {
    /// A panel for each data set in the rows, in order of first use.
    pub(super) fn of_rows(rows: &[ScoreRow]) -> Vec<Self> {
        let mut panels: Vec<Self> = Vec::new();
        for row in rows {
            let measure = match row.dataset.level() {
                Level::Low => Measure::Spearman,
                Level::Middle | Level::High => Measure::Accuracy,
            };
            if row.subset != "all" || row.measure != measure {
                continue;
            }
            let panel = match panels.iter().position(|p| p.dataset == row.dataset) {
                Some(index) => &mut panels[index],
                None => {
                    panels.push(Self {
                        dataset: row.dataset,
                        measure,
                        n: row.n,
                        chance: row.chance,
                        curves: Vec::new(),
                        pixels: None,
                        baselines: Vec::new(),
                    });
                    panels.last_mut().expect("just added")
                }
            };
            panel.add(row);
        }
        for curve in panels.iter_mut().flat_map(|p| &mut p.curves) {
            curve.points.sort_by(|a, b| a.depth.total_cmp(&b.depth));
        }
        panels
    }

    fn add(&mut self, row: &ScoreRow) {
        let point = Point {
            depth: row.depth_percent,
            value: row.value,
            interval: row.ci_low.zip(row.ci_high),
        };
        if row.stage == Stage::Image {
            self.pixels = row.value.is_finite().then_some(point);
            return;
        }
        if row.stage == Stage::Output {
            if row.value.is_finite() {
                self.baselines.push((row.model.clone(), point));
            }
            return;
        }
        let same = |c: &Curve| c.model == row.model && c.distance == row.distance;
        let index = self.curves.iter().position(same).unwrap_or_else(|| {
            let (model, distance) = (row.model.clone(), row.distance);
            self.curves.push(Curve { model, distance, points: Vec::new() });
            self.curves.len() - 1
        });
        if row.value.is_finite() {
            self.curves[index].points.push(point);
        }
    }

    /// What stands over the panel.
    pub(super) fn title(&self) -> String {
        format!(
            "{} ({}, n = {})",
            super::level_name(self.dataset.level()),
            self.dataset,
            thousands(self.n)
        )
    }

    /// What stands beside the axis of scores.
    pub(super) fn score_name(&self) -> &'static str {
        match self.measure {
            Measure::Spearman => "Spearman correlation",
            _ => "accuracy (share of trials)",
        }
    }

    /// Ends of the axis of scores: all values, intervals and chance, with some room, on whole
    /// twentieths.
    pub(super) fn range(&self) -> (f64, f64) {
        let points = self.curves.iter().flat_map(|c| &c.points).chain(&self.pixels);
        let points = points.chain(self.baselines.iter().map(|(_, point)| point));
        let (mut low, mut high) = (self.chance, self.chance);
        for point in points {
            let (from, to) = point.interval.unwrap_or((point.value, point.value));
            low = low.min(from).min(point.value);
            high = high.max(to).max(point.value);
        }
        let room = ((high - low) * 0.06).max(0.02);
        let step = 0.05;
        let low = ((low - room) / step).floor() * step;
        let high = ((high + room) / step).ceil() * step;
        (low.max(-1.0), high.min(1.0))
    }
}

/// A number with commas.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
