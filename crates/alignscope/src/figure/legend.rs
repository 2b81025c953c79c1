//! What colours and lines mean. It stands below the panels, never on them.

use std::collections::BTreeMap;

use super::curves::{Curve, Kind, Of, PanelData};
use super::mark::{Line, Mark, dashes_of, published_line};
use super::palette::{CHANCE, Color, INK, PEOPLE, Palette, stage_tone};
use super::svg::{Label, Svg, number, text_width};
use crate::model_spec::{Parts, short_name};
use crate::shown::thousands;

/// What an entry explains.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    /// A model's colour, and whether its mark is hollow.
    Model { model: String, hollow: bool, band: bool },
    /// A line and its mark.
    Of(Of),
    /// A line alone.
    Line { model: String, color: Color, line: Line },
    /// A stage of a series or a data set, by its mark.
    Stage(usize),
    /// A bare mark.
    Pixels,
    /// What bands are.
    Band,
}

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    key: Key,
    pub(super) text: String,
}

/// All models, then all distances, then what stands alone.
pub(super) fn entries(panels: &[&PanelData]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |key: Key, text: String| {
        if !entries.iter().any(|e| e.text == text) {
            entries.push(Entry { key, text });
        }
    };
    let own = |c: &&Curve| !matches!(c.kind, Kind::Published | Kind::Stage(_) | Kind::Dataset(_));
    let curves = || panels.iter().flat_map(|p| &p.curves);
    for curve in curves().filter(own) {
        let model = curve.model.clone();
        let hollow = curve.kind != Kind::Model;
        let (band, name) = match curve.kind {
            Kind::Seeds(n) => {
                let name = short_name(&model);
                let name = name.split(", seed ").next().unwrap_or(&name);
                (true, format!("{name}, {n} seeds: mean, least to greatest"))
            }
            _ if Parts::of(&model).step.is_some() => {
                (false, format!("{} (last state)", short_name(&model)))
            }
            _ => (false, short_name(&model)),
        };
        add(Key::Model { model, hollow, band }, name);
    }
    for curve in curves().filter(own) {
        add(Key::Of(curve.of), curve.of.to_string());
    }
    for (place, text) in stages(panels) {
        add(Key::Stage(place), text);
    }
    for (panel, curve) in panels.iter().flat_map(|p| p.curves.iter().map(move |c| (p, c))) {
        if let (Kind::Dataset(_), Some(mark)) = (curve.kind, panel.mark_of(curve)) {
            add(Key::Stage(mark), panel.dataset_of(curve).to_owned());
        }
    }
    let baselines = || panels.iter().flat_map(|p| &p.baselines);
    for baseline in baselines().filter(|b| !b.published) {
        let model = baseline.model.clone();
        let line = Line::baseline(&model);
        add(Key::Line { model, color: INK, line }, baseline.model.clone());
    }
    if panels.iter().any(|p| p.pixels.is_some() && p.series.is_none()) {
        add(Key::Pixels, "pixels".to_owned());
    }
    if panels.iter().any(|p| p.pixels.is_some() && p.series.is_some()) {
        let (model, line) = ("pixels".to_owned(), Line::pixels());
        add(Key::Line { model, color: INK, line }, "pixels".to_owned());
    }
    let ink = |line| Key::Line { model: String::new(), color: INK, line };
    let published = |control: bool| {
        let of = |c: &Curve| c.kind == Kind::Published && c.control == control;
        curves().any(of)
    };
    // That a model of a run has the weights of the study's is not known, only its name; what the
    // study published is all trained.
    let text = match (published(false), published(true)) {
        (false, false) => None,
        (true, false) => Some("the model of the same name, as the study published it"),
        (false, true) => Some("the trained model, as the study published it"),
        (true, true) => Some("the model of that name (trained), as the study published it"),
    };
    if let Some(text) = text {
        let other = |panel: &&PanelData| panel.published_n.is_some_and(|n| n != panel.n);
        let other = panels.iter().copied().find(other).map(|panel| {
            let n = thousands(panel.published_n.unwrap_or_default());
            format!(" (on {} with n = {n})", panel.dataset)
        });
        add(ink(published_line()), format!("{text}{}", other.unwrap_or_default()));
    }
    for baseline in baselines().filter(|b| b.published) {
        let (model, line) = (baseline.model.clone(), Line::published_baseline(&baseline.model));
        add(Key::Line { model, color: INK, line }, format!("{} (published)", baseline.model));
    }
    for panel in panels.iter().filter(|p| p.ceiling.is_some()) {
        let (color, line) = (PEOPLE, Line::ceiling());
        add(Key::Line { model: String::new(), color, line }, panel.ceiling_name().to_owned());
    }
    for reference in panels.iter().filter_map(|p| p.reference) {
        let (color, line) = (CHANCE, Line::chance());
        add(Key::Line { model: String::new(), color, line }, reference.name().to_owned());
    }
    let interval = curves()
        .any(|c| !matches!(c.kind, Kind::Seeds(_)) && c.points.iter().any(|p| p.band.is_some()));
    if interval {
        add(Key::Band, "95 % interval".to_owned());
    }
    entries
}

/// The stages that panels of series show, by their place among those: several names where series have
/// another number of stages.
fn stages(panels: &[&PanelData]) -> BTreeMap<usize, String> {
    let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for curve in panels.iter().flat_map(|panel| &panel.curves) {
        let (Kind::Stage(place), Some(point)) = (curve.kind, curve.points.first()) else {
            continue;
        };
        let names = found.entry(place).or_default();
        if !names.contains(&point.stage.to_string()) {
            names.push(point.stage.to_string());
        }
    }
    found.into_iter().map(|(place, names)| (place, names.join(" or "))).collect()
}

/// The entries with their places in lines of at most `width`, for a text of `size`.
pub(super) fn lines(entries: &[Entry], width: f64, size: f64) -> Vec<Vec<(f64, Entry)>> {
    if entries.is_empty() {
        return vec![];
    }
    let mut lines: Vec<Vec<(f64, Entry)>> = vec![Vec::new()];
    let mut x = 0.0;
    for entry in entries {
        let wide = 2.9 * size + text_width(&entry.text, size);
        let line = lines.last().expect("there is always a line");
        // Models stand on lines of their own.
        let of_model = |e: &Entry| matches!(e.key, Key::Model { .. });
        let new_group = line.last().is_some_and(|(_, last)| of_model(last) && !of_model(entry));
        if !line.is_empty() && (new_group || x + wide > width) {
            lines.push(Vec::new());
            x = 0.0;
        }
        lines.last_mut().expect("there is always a line").push((x, entry.clone()));
        x += wide + 1.2 * size;
    }
    lines
}

/// Height of so many lines.
pub(super) fn height(lines: usize, size: f64) -> f64 {
    lines as f64 * size * 1.55
}

/// Draws the lines with their left upper corner at `(left, top)`.
pub(super) fn draw(
    svg: &mut Svg,
    lines: &[Vec<(f64, Entry)>],
    (left, top): (f64, f64),
    size: f64,
    palette: &Palette,
) {
    let ink = INK.to_string();
    for (number, line) in lines.iter().enumerate() {
        let y = top + (number as f64 + 0.5) * size * 1.55;
        for (x, entry) in line {
            let x = left + x;
            sample(svg, entry, (x, y), size, palette);
            let place = Label {
                x: x + 2.7 * size,
                y: y + 0.36 * size,
                size,
                anchor: "start",
                class: "ink",
                color: &ink,
            };
            svg.text(place, &entry.text);
        }
    }
}

/// Draws the sample of an entry, `2.3 · size` wide, its middle at height `y`.
pub(super) fn sample(
    svg: &mut Svg,
    entry: &Entry,
    (x, y): (f64, f64),
    size: f64,
    palette: &Palette,
) {
    let (end, middle) = (x + 2.3 * size, x + 1.15 * size);
    let path = format!("M{} {y:.2}H{}", number(x), number(end));
    match &entry.key {
        Key::Model { model, hollow, band } => {
            let color = palette.color(model);
            if *band {
                let ends = [(x, y - 0.35 * size), (end, y + 0.35 * size)];
                Line::band_rectangle(svg, ends, color);
            }
            Line::curve(None, *hollow).draw(svg, &path, size, color, None);
            Mark { of: None, hollow: *hollow }.draw(svg, (middle, y), size, color, None);
        }
        Key::Of(of) => {
            let ink = INK.tone();
            Line::curve(dashes_of(*of), false).draw(svg, &path, size, ink, None);
            let mark = Mark { of: Some(*of), hollow: false };
            mark.draw(svg, (middle, y), size, ink, None);
        }
        Key::Stage(place) => {
            Line::curve(None, false).draw(svg, &path, size, stage_tone(*place), None);
            Mark::of_stage(svg, *place, (middle, y), size, stage_tone(*place), None);
        }
        Key::Line { model, color, line } => {
            let color = if model.is_empty() { color.tone() } else { palette.color(model) };
            line.draw(svg, &path, size, color, None);
        }
        Key::Pixels => {
            Mark::pixels(svg, (middle, y), size, palette.color("pixels"), None);
        }
        Key::Band => {
            let ends = [(x, y - 0.35 * size), (end, y + 0.35 * size)];
            Line::band_rectangle(svg, ends, INK.tone());
        }
    }
}
