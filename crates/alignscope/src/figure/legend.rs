//! What colours and lines mean, below the panels.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::curves::PanelData;
use super::palette::{CHANCE, INK, baseline_dashes, color_of, rgb};
use super::panel::{dashes_of, marker};
use super::{MARGIN_PX, TEXT_PX, font};
use crate::distance::Distance;

/// What an entry explains.
#[derive(Debug, Clone, PartialEq)]
enum Key {
    /// A colour.
    Model(RGBColor),
    /// A line and its mark.
    Distance(Distance),
    /// A line alone, with its dashes.
    Baseline(RGBColor, (u32, u32)),
    Pixels,
    Chance,
}

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    key: Key,
    text: String,
}

/// Width of the sample, its distance from the text, and of entries from each other.
const SAMPLE_PX: u32 = 34;
const GAP_PX: u32 = 8;
const BETWEEN_PX: u32 = 26;
const LINE_PX: u32 = TEXT_PX + 10;

/// All models, then all distances, then what stands alone.
pub(super) fn entries(panels: &[PanelData]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut add = |key: Key, text: String| {
        if !entries.iter().any(|e| e.text == text) {
            entries.push(Entry { key, text });
        }
    };
    let curves = || panels.iter().flat_map(|p| &p.curves);
    for curve in curves() {
        add(Key::Model(rgb(color_of(&curve.model))), curve.model.clone());
    }
    for curve in curves() {
        add(Key::Distance(curve.distance), curve.distance.to_string());
    }
    for (name, _) in panels.iter().flat_map(|p| &p.baselines) {
        add(Key::Baseline(rgb(color_of(name)), baseline_dashes(name)), name.clone());
    }
    if panels.iter().any(|p| p.pixels.is_some()) {
        add(Key::Pixels, "pixels".to_owned());
    }
    add(Key::Chance, "chance".to_owned());
    entries
}

/// The entries, broken into lines of at most `width` pixels.
pub(super) fn lines(entries: &[Entry], width: u32) -> Vec<Vec<(u32, Entry)>> {
    let mut lines: Vec<Vec<(u32, Entry)>> = vec![Vec::new()];
    let mut x = 0;
    for entry in entries {
        let wide = entry_width(entry);
        let line = lines.last_mut().expect("there is always a line");
        // Models and what follows them stand on lines of their own.
        let new_group = line.last().is_some_and(|(_, last)| {
            matches!(last.key, Key::Model(_)) && !matches!(entry.key, Key::Model(_))
        });
        if !line.is_empty() && (new_group || x + wide > width) {
            lines.push(Vec::new());
            x = 0;
        }
        lines.last_mut().expect("there is always a line").push((x, entry.clone()));
        x += wide + BETWEEN_PX;
    }
    lines
}

fn entry_width(entry: &Entry) -> u32 {
    let text = font(TEXT_PX - 1).font.box_size(&entry.text).map_or(0, |(width, _)| width);
    SAMPLE_PX + GAP_PX + text
}

/// Height of the legend.
pub(super) fn height(lines: &[Vec<(u32, Entry)>]) -> u32 {
    lines.len() as u32 * LINE_PX + 10
}

/// Draws the lines into the area below the panels.
pub(super) fn draw(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    lines: &[Vec<(u32, Entry)>],
) -> Result<(), String> {
    let text = |e: &dyn Display| e.to_string();
    for (number, line) in lines.iter().enumerate() {
        let y = (10 + number as u32 * LINE_PX + LINE_PX / 2) as i32;
        for (x, entry) in line {
            let x = (MARGIN_PX + x) as i32;
            let end = x + SAMPLE_PX as i32;
            let middle = (x + end) / 2;
            let sample = [(x, y), (end, y)];
            match &entry.key {
                Key::Model(color) => {
                    let bar = Rectangle::new([(x, y - 5), (end, y + 5)], color.filled());
                    area.draw(&bar).map_err(|e| text(&e))?;
                }
                Key::Distance(distance) => {
                    draw_line(area, sample, dashes_of(*distance), INK.stroke_width(2))?;
                    let element = EmptyElement::at((middle, y)) + marker(*distance, INK);
                    area.draw(&element).map_err(|e| text(&e))?;
                }
                Key::Pixels => {
                    let diamond = Polygon::new(
                        vec![(0, -6), (6, 0), (0, 6), (-6, 0)],
                        rgb(color_of("pixels")),
                    );
                    area.draw(&(EmptyElement::at((middle, y)) + diamond)).map_err(|e| text(&e))?;
                }
                Key::Baseline(color, dashes) => {
                    draw_line(area, sample, Some(*dashes), color.stroke_width(2))?;
                }
                Key::Chance => draw_line(area, sample, Some((6, 5)), CHANCE.stroke_width(1))?,
            }
            let place = (end + GAP_PX as i32, y - TEXT_PX as i32 / 2);
            let style = font(TEXT_PX - 1).color(&INK);
            area.draw(&Text::new(entry.text.clone(), place, style)).map_err(|e| text(&e))?;
        }
    }
    Ok(())
}

fn draw_line(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    [from, to]: [(i32, i32); 2],
    dashes: Option<(u32, u32)>,
    style: ShapeStyle,
) -> Result<(), String> {
    let (on, off) = dashes.map_or((to.0 - from.0, 1), |(on, off)| (on as i32, off as i32));
    let mut x = from.0;
    while x < to.0 {
        let path = PathElement::new([(x, from.1), ((x + on).min(to.0), to.1)], style);
        area.draw(&path).map_err(|e| e.to_string())?;
        x += on + off;
    }
    Ok(())
}
