//! What panels of series show: the scores of some stages over a training.

use super::curves::{Curve, Kind, Of, PanelData, Point, ShownSeries};
use super::steps::Steps;
use crate::dataset::ALL;
use crate::results::ScoreRow;
use crate::stage::Stage;

/// The stages that have a line are the first, those at quarters of the depth, and the last.
const QUARTERS: usize = 4;

/// The scores of a series on a data set.
pub(super) struct SeriesScores<'a> {
    pub(super) series: &'a str,
    pub(super) dataset: &'a str,
    /// Of whole data sets and main measures.
    pub(super) rows: Vec<&'a ScoreRow>,
}

impl<'a> SeriesScores<'a> {
    /// Of each series in the rows on each data set: series in their order, data sets from the low to
    /// the high level.
    pub(super) fn all(rows: &'a [ScoreRow]) -> Vec<Self> {
        let shown = |row: &&ScoreRow| row.subset == ALL && row.measure.is_main();
        let mut names: Vec<&str> = Vec::new();
        let mut found: Vec<Self> = Vec::new();
        for row in rows.iter().filter(shown) {
            let (Some(series), dataset) = (row.series.as_deref(), row.dataset.as_str()) else {
                continue;
            };
            if !names.contains(&series) {
                names.push(series);
            }
            let same = |known: &&mut Self| known.series == series && known.dataset == dataset;
            match found.iter_mut().find(same) {
                Some(known) => known.rows.push(row),
                None => found.push(Self { series, dataset, rows: vec![row] }),
            }
        }
        found.sort_by_key(|of_series| {
            let place = names.iter().position(|name| *name == of_series.series);
            (place, of_series.rows[0].level)
        });
        found
    }

    /// The steps of its states.
    pub(super) fn steps(&self) -> Steps {
        Steps::new(self.rows.iter().filter_map(|row| row.step).collect())
    }

    /// Its stages and where they stand, by depth.
    pub(super) fn stages(&self) -> Vec<(Stage, f64)> {
        let mut stages: Vec<(Stage, f64)> = Vec::new();
        for row in &self.rows {
            if !stages.iter().any(|(stage, _)| *stage == row.stage) {
                stages.push((row.stage, row.depth_percent));
            }
        }
        stages.sort_by(|a, b| a.1.total_cmp(&b.1));
        stages
    }

    /// Its scores at a stage, by step.
    fn points(&self, stage: Stage) -> Vec<Point> {
        let of_stage = self.rows.iter().filter(|row| row.stage == stage && row.step.is_some());
        let point = |row: &&ScoreRow| Point {
            stage,
            depth: row.depth_percent,
            step: row.step,
            value: row.value,
            band: row.ci_low.zip(row.ci_high),
        };
        let mut points: Vec<Point> = of_stage.map(point).collect();
        points.sort_by_key(|point| point.step);
        points
    }

    /// A line for each stage that has one.
    fn curves(&self) -> Vec<Curve> {
        let stages = self.stages();
        let curve = |(place, stage): (usize, usize)| Curve {
            model: self.series.to_owned(),
            of: Of::Distance(self.rows[0].distance),
            kind: Kind::Stage(place),
            control: false,
            n: self.rows[0].n,
            points: self.points(stages[stage].0),
        };
        with_lines(stages.len()).into_iter().map(curve).collect()
    }
}

/// Which of so many stages have a line, each with its place among five: from the first at 0 to the
/// last at 4.
fn with_lines(stages: usize) -> Vec<(usize, usize)> {
    match stages {
        0 => vec![],
        1 => vec![(QUARTERS, 0)],
        n if n <= QUARTERS => {
            (0..n).map(|stage| ((stage * QUARTERS + (n - 1) / 2) / (n - 1), stage)).collect()
        }
        n => (0..=QUARTERS)
            .map(|place| (place, (place * (n - 1) + QUARTERS / 2) / QUARTERS))
            .collect(),
    }
}

/// A panel for each series on each data set: the scores of some stages over the training, and beside
/// them lines of the pixels, baselines, people and chance.
pub(super) fn panels(rows: &[ScoreRow]) -> Vec<PanelData> {
    let panel = |of_series: SeriesScores<'_>| {
        let beside = rows.iter().filter(|row| row.dataset == of_series.dataset);
        let beside = beside.filter(|row| row.series.is_none() && row.subset == ALL);
        let beside = beside.filter(|row| row.measure.is_main());
        let all = beside.chain(of_series.rows.iter().copied());
        let mut panel = PanelData::of_scores(all).into_iter().next()?;
        panel.n = of_series.rows[0].n;
        panel.curves = of_series.curves();
        let (name, steps) = (of_series.series.to_owned(), of_series.steps());
        panel.series = Some(ShownSeries { name, steps });
        Some(panel)
    };
    SeriesScores::all(rows).into_iter().filter_map(panel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_stages_have_lines_at_quarters_of_the_depth() {
        let of = |stages: usize| with_lines(stages);
        assert_eq!(of(14), [(0, 0), (1, 3), (2, 7), (3, 10), (4, 13)]);
        assert_eq!(of(5), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
        assert_eq!(of(4), [(0, 0), (1, 1), (3, 2), (4, 3)]);
        assert_eq!(of(3), [(0, 0), (2, 1), (4, 2)]);
        assert_eq!(of(2), [(0, 0), (4, 1)]);
        assert_eq!(of(1), [(4, 0)]);
        assert!(of(0).is_empty());
    }
}
