//! One panel.

use super::axes::{Axes, Frame, backdrop, logarithmic_ticks, range, ticks};
use super::curves::{Curve, Kind, PanelData, Point, Reference};
use super::mark::{Line, Mark, Tone, band, band_outline, dashes_of, published_line};
use super::palette::{CHANCE, Color, PEOPLE, Palette, stage_tone};
use super::svg::{Label, Svg, number, text_width};
use crate::model_spec::short_name;

/// With more bands than this in a panel, each is a thin outline: filled they would be one grey. The five of
/// a series at most go from dark to light.
pub(super) const MOST_FILLED: usize = 4;

/// Draws a panel into its frame.
pub(super) fn draw(svg: &mut Svg, frame: Frame, panel: &PanelData, palette: &Palette) {
    let t = frame.text;
    let (top, bottom) = (frame.top + 2.9 * t, frame.top + frame.height - 4.0 * t);
    let (low, high) = range(panel, t / (bottom - top));
    let room = (bottom - top) / (2.1 * t);
    let ticks = match panel.is_logarithmic() {
        true => logarithmic_ticks(low, high, room),
        false => ticks(low, high, room),
    };
    let labels: Vec<String> = ticks.values.iter().map(|v| ticks.label(*v)).collect();
    let widest = labels.iter().map(|l| text_width(l, t)).fold(0.0, f64::max);
    let axes = Axes {
        left: frame.left + 1.35 * t + widest + 0.5 * t,
        right: frame.left + frame.width - 0.7 * t,
        top,
        bottom,
        low,
        high,
        logarithmic: panel.is_logarithmic(),
        steps: panel.series.as_ref().map(|series| series.steps.clone()),
    };
    backdrop(svg, frame, panel, &axes, &ticks);
    reference_lines(svg, panel, &axes, t, palette);
    let own = panel.curves.iter().filter(|c| c.kind != Kind::Published);
    let bands: Vec<(&Curve, String)> =
        own.filter_map(|curve| Some((curve, band_path(curve, &axes)?))).collect();
    for (curve, path) in &bands {
        let tone = tone_of(panel, curve, palette);
        match bands.len() <= MOST_FILLED || panel.series.is_some() {
            true => band(svg, path, tone),
            false => band_outline(svg, path, t, tone),
        }
    }
    for curve in &panel.curves {
        draw_curve(svg, panel, curve, &axes, t, palette);
    }
    if let Some(pixels) = panel.pixels.as_ref().filter(|_| panel.series.is_none()) {
        let tone = palette.color("pixels");
        if let Some((low, high)) = pixels.band {
            let x = number(axes.x(pixels.depth));
            let path = format!("M{x} {}V{}", number(axes.y(low)), number(axes.y(high)));
            Line::curve(None, true).draw(svg, &path, t, tone, None);
        }
        let title = told(panel, "pixels", pixels);
        Mark::pixels(svg, axes.place(pixels), t, tone, Some(&title));
    }
    line_labels(svg, panel, &axes, t);
}

/// Chance or one half, ceiling and baselines.
fn reference_lines(svg: &mut Svg, panel: &PanelData, axes: &Axes, t: f64, palette: &Palette) {
    if let Some(line) = panel.reference.filter(|line| line.value() >= axes.low) {
        let title = format!("{}: {:.3}", line.name(), line.value());
        let path = axes.across(line.value(), 0.0);
        Line::chance().draw(svg, &path, t, CHANCE.tone(), Some(&title));
    }
    if let Some(ceiling) = panel.ceiling {
        let title = format!("{}: {ceiling:.3}", panel.ceiling_name());
        Line::ceiling().draw(svg, &axes.across(ceiling, 0.0), t, PEOPLE.tone(), Some(&title));
    }
    if let Some(pixels) = panel.pixels.as_ref().filter(|_| panel.series.is_some()) {
        let title = told_value(panel, "pixels", pixels);
        let path = axes.across(pixels.value, 0.0);
        Line::pixels().draw(svg, &path, t, palette.color("pixels"), Some(&title));
    }
    for (i, baseline) in panel.baselines.iter().enumerate() {
        let line = match baseline.published {
            true => Line::published_baseline(&baseline.model),
            false => Line::baseline(&baseline.model),
        };
        let name = match baseline.published {
            true => format!("{}, published", baseline.model),
            false => baseline.model.clone(),
        };
        // Dashes begin elsewhere, so that of two lines at one height both are seen.
        let path = axes.across(baseline.point.value, 0.25 * t * i as f64);
        let title = told_value(panel, &name, &baseline.point);
        line.draw(svg, &path, t, palette.color(&baseline.model), Some(&title));
    }
}

/// The names of the lines that have room of their own: over the ceiling, under chance.
fn line_labels(svg: &mut Svg, panel: &PanelData, axes: &Axes, t: f64) {
    let write = |svg: &mut Svg, y: f64, color: Color, text: &str| {
        let color = color.to_string();
        let x = axes.right - 0.02 * t;
        let place = Label { x, y, size: 0.85 * t, anchor: "end", class: "ink halo", color: &color };
        let halo = number(0.22 * t);
        svg.text_with(
            place,
            &[("stroke", &"#ffffff"), ("stroke-width", &halo), ("paint-order", &"stroke")],
            text,
        );
    };
    // Where curves are, a name would hide them; the legend has it too.
    let of_curves = || panel.curves.iter().flat_map(|c| &c.points).chain(&panel.pixels);
    let of_baselines = || panel.baselines.iter().map(|b| &b.point);
    let values = || of_curves().chain(of_baselines()).filter(|p| p.value.is_finite());
    let lowest = values().map(|p| p.band.map_or(p.value, |b| b.0)).fold(f64::INFINITY, f64::min);
    let highest =
        values().map(|p| p.band.map_or(p.value, |b| b.1)).fold(f64::NEG_INFINITY, f64::max);
    if let Some(ceiling) = panel.ceiling.filter(|ceiling| *ceiling >= highest) {
        write(svg, axes.y(ceiling) - 0.3 * t, PEOPLE, panel.ceiling_name());
    }
    let Some(Reference::Chance(chance)) = panel.reference else { return };
    match chance >= axes.low {
        true if chance > lowest => {}
        true => write(svg, axes.y(chance) + 0.95 * t, CHANCE, "chance"),
        false => {
            let text = format!("chance ({}) is below", number(chance));
            write(svg, axes.bottom - 0.4 * t, CHANCE, &text);
        }
    }
}

fn draw_curve(
    svg: &mut Svg,
    panel: &PanelData,
    curve: &Curve,
    axes: &Axes,
    t: f64,
    palette: &Palette,
) {
    let tone = tone_of(panel, curve, palette);
    let hollow = !matches!(curve.kind, Kind::Model | Kind::Stage(_) | Kind::Dataset(_));
    let published = curve.kind == Kind::Published;
    let name = match curve.kind {
        Kind::Stage(_) => curve_name(curve),
        Kind::Dataset(_) => panel.dataset_of(curve).to_owned(),
        _ => format!("{}, {}", curve_name(curve), curve.of),
    };
    svg.open("g", &[("class", &"series")]);
    let line = match curve.kind {
        Kind::Published => published_line(),
        Kind::Stage(_) | Kind::Dataset(_) => Line::curve(None, false),
        _ => Line::curve(dashes_of(curve.of), hollow),
    };
    let first = curve.points.first().filter(|p| p.value.is_finite() && p.step.is_none());
    if let (Some(pixels), Some(first), false) = (&panel.pixels, first, published) {
        let ((x1, y1), (x2, y2)) = (axes.place(pixels), axes.place(first));
        let path = format!("M{} {}L{} {}", number(x1), number(y1), number(x2), number(y2));
        let thin = Line::link();
        thin.draw(svg, &path, t, tone, None);
    }
    let mut path = String::new();
    let mut begun = false;
    for point in &curve.points {
        if point.value.is_finite() {
            let (x, y) = axes.place(point);
            path.push_str(&format!("{}{} {}", if begun { 'L' } else { 'M' }, number(x), number(y)));
        }
        begun = point.value.is_finite();
    }
    if !path.is_empty() {
        line.draw(svg, &path, t, tone, None);
    }
    // One point has no band: its interval is a line, as that of the pixels.
    if let [only] = &curve.points[..]
        && let Some((low, high)) = only.band
    {
        let x = axes.along(only);
        let bar = format!("M{} {}V{}", number(x), number(axes.y(low)), number(axes.y(high)));
        Line::curve(None, false).draw(svg, &bar, t, tone, None);
    }
    if published {
        for point in curve.points.iter().filter(|p| p.value.is_finite()) {
            let (x, y) = axes.place(point);
            let title = told(panel, &name, point);
            let mark = Mark { of: Some(curve.of), hollow: true };
            mark.draw(svg, (x, y), 0.4 * t, tone, Some(&title));
        }
    } else {
        // Marks of deep models would touch each other at full size, those of many energies too.
        let many = panel.quantity.is_of_energy() && panel.curves.len() > 6;
        let size = if curve.points.len() > 16 || many { 0.75 * t } else { t };
        for point in curve.points.iter().filter(|p| p.value.is_finite()) {
            let (place, title) = (axes.place(point), told(panel, &name, point));
            match panel.mark_of(curve) {
                Some(i) => Mark::of_stage(svg, i, place, size, tone, Some(&title)),
                None => {
                    Mark { of: Some(curve.of), hollow }.draw(svg, place, size, tone, Some(&title))
                }
            }
        }
    }
    svg.close("g");
}

fn curve_name(curve: &Curve) -> String {
    let name = short_name(&curve.model);
    match curve.kind {
        Kind::Published => format!("{}, published", name.replace("untrained ", "")),
        Kind::Seeds(n) => {
            format!("{}, mean of {n} seeds", name.split(", seed ").next().unwrap_or(&name))
        }
        Kind::Model | Kind::Control | Kind::Dataset(_) => name,
        Kind::Stage(_) => curve.points.first().map_or(name, |point| point.stage.to_string()),
    }
}

/// The colour of a curve.
fn tone_of(panel: &PanelData, curve: &Curve, palette: &Palette) -> Tone {
    match panel.mark_of(curve) {
        Some(place) => stage_tone(place),
        None => palette.color(&curve.model),
    }
}

/// What is said of a point when it is pointed at.
fn told(panel: &PanelData, name: &str, point: &Point) -> String {
    let value = told_value(panel, name, point);
    match point.step {
        Some(step) => format!("{value} at step {step}"),
        None => format!("{value} at {} ({:.1} %)", point.stage, point.depth),
    }
}

/// The same without the stage, which a baseline has not.
fn told_value(panel: &PanelData, name: &str, point: &Point) -> String {
    let said = |value| panel.said(value);
    let ends = |(low, high)| format!(" [{}, {}]", said(low), said(high));
    let band = point.band.map_or(String::new(), ends);
    format!("{name}: {}{band}", said(point.value))
}

/// The outline of a curve's bands, where it has two or more.
fn band_path(curve: &Curve, axes: &Axes) -> Option<String> {
    let ends: Vec<(f64, f64, f64)> = curve
        .points
        .iter()
        .filter_map(|p| p.band.map(|(low, high)| (axes.along(p), low, high)))
        .filter(|(_, low, high)| low.is_finite() && high.is_finite())
        .collect();
    if ends.len() < 2 {
        return None;
    }
    let lower = ends.iter().map(|(x, low, _)| (*x, *low));
    let upper = ends.iter().rev().map(|(x, _, high)| (*x, *high));
    let corners: Vec<String> = lower
        .chain(upper)
        .map(|(x, value)| format!("{} {}", number(x), number(axes.y(value))))
        .collect();
    Some(format!("M{}Z", corners.join("L")))
}
