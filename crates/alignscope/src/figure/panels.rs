//! The kinds of panels that a figure has.

use super::axes::Frame;
use super::board::Board;
use super::curves::{Kind, PanelData, Point};
use super::heat_map::HeatMap;
use super::map::Map;
use super::palette::Palette;
use super::panel;
use super::svg::Svg;
use super::table::{self, MarkRow};
use crate::findings::first_highest;
use crate::model_spec::short_name;

/// A panel of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Panel {
    /// Curves against depth or over a training.
    Curves(PanelData),
    /// A map of training and depth.
    Map(Map),
    /// A matrix of two models' stages.
    HeatMap(HeatMap),
    /// Models beside each other at one stage.
    Board(Board),
}

impl Panel {
    /// Its curves, if it has any.
    pub(super) fn curves(&self) -> Option<&PanelData> {
        match self {
            Self::Curves(panel) => Some(panel),
            Self::Map(_) | Self::HeatMap(_) | Self::Board(_) => None,
        }
    }

    /// What stands over it.
    pub(super) fn titles(&self) -> [String; 2] {
        match self {
            Self::Curves(panel) => panel.titles(),
            Self::Map(map) => map.titles(),
            Self::HeatMap(map) => map.titles(),
            Self::Board(board) => board.titles(),
        }
    }

    /// Draws it into its frame.
    pub(super) fn draw(&self, svg: &mut Svg, frame: Frame, palette: &Palette) {
        match self {
            Self::Curves(panel) => panel::draw(svg, frame, panel, palette),
            Self::Map(map) => map.draw(svg, frame),
            Self::HeatMap(map) => map.draw(svg, frame),
            Self::Board(board) => board.draw(svg, frame, palette),
        }
    }

    /// What it shows, in words.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Curves(panel) => describe(panel),
            Self::Map(map) => map.described(),
            Self::HeatMap(map) => map.described(),
            Self::Board(board) => board.described(),
        }
    }

    /// The numbers behind it.
    pub(super) fn rows(&self) -> Vec<MarkRow> {
        match self {
            Self::Curves(panel) => table::rows(panel),
            Self::Map(map) => map.rows(),
            Self::HeatMap(map) => map.rows(),
            Self::Board(board) => board.rows(),
        }
    }
}

/// What a panel shows, in words: for each curve where it begins, peaks and ends.
fn describe(panel: &PanelData) -> String {
    let mut said = Vec::new();
    for curve in &panel.curves {
        let points = || curve.points.iter().filter(|p| p.value.is_finite());
        let best = first_highest(points().map(|p| p.value)).and_then(|i| points().nth(i));
        let (Some(first), Some(best), Some(last)) = (points().next(), best, points().next_back())
        else {
            continue;
        };
        let study = if curve.kind == Kind::Published { " as published" } else { "" };
        if let Some([first, best, last]) = steps_of([first, best, last]) {
            let [start, top, end] = [first, best, last].map(|(_, value)| panel.said(value));
            said.push(format!(
                "{}: {start} at step {}, highest {top} at step {}, {end} at step {}.",
                curve.points[0].stage, first.0, best.0, last.0
            ));
            continue;
        }
        let name = match curve.kind {
            Kind::Dataset(_) => panel.dataset_of(curve).to_owned(),
            _ => format!("{}{study}, {}", short_name(&curve.model), curve.of),
        };
        said.push(format!(
            "{name}: {} at {}, highest {} at {}, {} at {}.",
            panel.said(first.value),
            first.stage,
            panel.said(best.value),
            best.stage,
            panel.said(last.value),
            last.stage
        ));
    }
    let mut lines: Vec<String> = panel
        .baselines
        .iter()
        .map(|b| {
            let study = if b.published { " as published" } else { "" };
            format!("{}{study} {:.3}", b.model, b.point.value)
        })
        .collect();
    lines.extend(panel.pixels.iter().map(|p| format!("pixels {:.3}", p.value)));
    lines.extend(panel.ceiling.map(|c| format!("{} {c:.3}", panel.ceiling_name())));
    lines.extend(panel.reference.map(|line| format!("{} {:.3}", line.name(), line.value())));
    match lines.is_empty() {
        true => said.join(" "),
        false => format!("{} {}.", said.join(" "), lines.join(", ")),
    }
}

/// Steps and values of points that are states of a series.
fn steps_of(points: [&Point; 3]) -> Option<[(usize, f64); 3]> {
    let [first, best, last] = points.map(|point| Some((point.step?, point.value)));
    Some([first?, best?, last?])
}
