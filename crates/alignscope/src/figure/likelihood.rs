//! What figures of bits show: the data sets of a model on one axis.

use super::curves::{Curve, Kind, Of, PanelData, Point};
use crate::dataset::ALL;
use crate::results::ScoreRow;
use crate::score::{Measure, OF_MEANS};
use crate::stage::Stage;

/// A panel for each model that has several stages: a measure of likelihood against depth, one line
/// for each data set, from the low to the high level. All panels have one axis of values, so that
/// levels and models can be laid side by side. The pixels stand at 0 %.
///
/// `rows` — of one kind of distance, but for pixels and distances of a model's own
pub(super) fn panels(rows: &[ScoreRow], measure: Measure) -> Vec<PanelData> {
    let shown = |row: &&ScoreRow| row.subset == ALL && row.measure == measure;
    // All that have bits, so that a data set looks the same in every such figure.
    let has_bits = |row: &&ScoreRow| row.subset == ALL && row.measure == Measure::Bits;
    let with_bits: Vec<&ScoreRow> = rows.iter().filter(has_bits).collect();
    let datasets = datasets(&with_bits);
    let rows: Vec<&ScoreRow> = rows.iter().filter(shown).collect();
    let mut panels = Vec::new();
    for model in models(&rows) {
        let panel = PanelData::of_scores(rows.iter().copied().filter(|row| row.model == model));
        let Some(mut panel) = panel.into_iter().next() else { continue };
        let curve = |place: usize| curve(&rows, model, place, datasets[place]);
        panel.curves = (0..datasets.len()).filter_map(curve).collect();
        panel.baselines = vec![];
        panel.ceiling = None;
        panel.datasets = datasets.iter().map(|name| (*name).to_owned()).collect();
        panel.dataset = model.to_owned();
        panels.push(panel);
    }
    let low = panels.iter().map(|p| p.extent().0).fold(f64::INFINITY, f64::min);
    let high = panels.iter().map(|p| p.extent().1).fold(f64::NEG_INFINITY, f64::max);
    panels.iter_mut().for_each(|panel| panel.ends = Some((low, high)));
    panels
}

/// Which data sets' values are of mean scores, in words; `None` if there is none.
pub(super) fn of_means(rows: &[ScoreRow], measure: Measure) -> Option<String> {
    let is_of_means = |row: &&ScoreRow| {
        let note = row.ci_note.as_deref().unwrap_or_default();
        row.subset == ALL && row.measure == measure && note.contains(OF_MEANS)
    };
    let rows: Vec<&ScoreRow> = rows.iter().filter(is_of_means).collect();
    let names = datasets(&rows);
    (!names.is_empty()).then(|| format!("{}: {OF_MEANS}", names.join(", ")))
}

/// The data sets, from the low to the high level.
fn datasets<'a>(rows: &[&'a ScoreRow]) -> Vec<&'a str> {
    let mut found: Vec<&ScoreRow> = Vec::new();
    for row in rows {
        if !found.iter().any(|known| known.dataset == row.dataset) {
            found.push(row);
        }
    }
    found.sort_by_key(|row| row.level);
    found.into_iter().map(|row| row.dataset.as_str()).collect()
}

/// The models that have a score at several stages of a data set.
fn models<'a>(rows: &[&'a ScoreRow]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for row in rows {
        let other = |one: &&&ScoreRow| {
            one.model == row.model && one.dataset == row.dataset && one.stage != row.stage
        };
        if !found.contains(&row.model.as_str()) && rows.iter().any(|one| other(&one)) {
            found.push(&row.model);
        }
    }
    found
}

/// A model on a data set, from the pixels on.
fn curve(rows: &[&ScoreRow], model: &str, place: usize, dataset: &str) -> Option<Curve> {
    let of_dataset = || rows.iter().filter(|row| row.dataset == dataset);
    let of_model: Vec<_> = of_dataset().filter(|row| row.model == model).collect();
    let first = of_model.first()?;
    let pixels = of_dataset().filter(|row| row.stage == Stage::Image && row.model != model);
    let point = |row: &&&ScoreRow| Point {
        stage: row.stage,
        depth: row.depth_percent,
        step: None,
        value: row.value,
        band: row.ci_low.zip(row.ci_high),
    };
    let mut points: Vec<Point> = pixels.map(|row| point(&row)).collect();
    points.extend(of_model.iter().map(point));
    points.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    Some(Curve {
        model: model.to_owned(),
        of: Of::Distance(first.distance),
        kind: Kind::Dataset(place),
        control: false,
        n: first.n,
        points,
    })
}
