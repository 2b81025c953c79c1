//! One panel.

use std::fmt::Display;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::curves::{Curve, PanelData, Point};
use super::palette::{BAND, CHANCE, GRID, INK, baseline_dashes, color_of, rgb};
use super::{TEXT_PX, font};
use crate::distance::Distance;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Depths at which a part of the model begins, and its name.
const PARTS: [(f64, f64, &str); 4] =
    [(-2.5, 1.25, "img"), (1.25, 5.0, "emb"), (5.0, 98.75, "blocks"), (98.75, 102.5, "proj")];

/// Draws a panel into its area.
pub(super) fn draw(area: &Area<'_>, panel: &PanelData) -> Result<(), String> {
    let text = |e: &dyn Display| e.to_string();
    let (low, high) = panel.range();
    let mut chart = ChartBuilder::on(area)
        .margin_right(10)
        .margin_left(2)
        .caption(panel.title(), font(TEXT_PX).color(&INK))
        .x_label_area_size(44)
        .y_label_area_size(62)
        .build_cartesian_2d(-2.5..102.5_f64, low..high)
        .map_err(|e| text(&e))?;

    for (from, to, _) in PARTS.iter().filter(|part| part.2 != "blocks") {
        let band = Rectangle::new([(*from, low), (*to, high)], BAND.filled());
        chart.draw_series([band]).map_err(|e| text(&e))?;
    }
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .x_labels(6)
        .y_labels(7)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.2}").replace('-', "−"))
        .x_desc("depth (%)")
        .y_desc(panel.score_name())
        .axis_desc_style(font(TEXT_PX).color(&INK))
        .label_style(font(TEXT_PX - 2).color(&INK))
        .draw()
        .map_err(|e| text(&e))?;

    let chance = [(-2.5, panel.chance), (102.5, panel.chance)];
    let dashes = DashedLineSeries::new(chance, 6, 5, CHANCE.stroke_width(1));
    chart.draw_series(dashes).map_err(|e| text(&e))?;

    for (i, (name, point)) in panel.baselines.iter().enumerate() {
        // Dashes begin elsewhere, so that of two lines at one height both are seen.
        let line = [(-2.5 + 1.7 * i as f64, point.value), (102.5, point.value)];
        let (on, off) = baseline_dashes(name);
        let style = rgb(color_of(name)).stroke_width(2);
        chart.draw_series(DashedLineSeries::new(line, on, off, style)).map_err(|e| text(&e))?;
    }

    for curve in &panel.curves {
        let color = rgb(color_of(&curve.model));
        if let Some(band) = interval_band(curve) {
            let polygon = Polygon::new(band, color.mix(0.15));
            chart.draw_series([polygon]).map_err(|e| text(&e))?;
        }
    }
    for curve in &panel.curves {
        let style = rgb(color_of(&curve.model)).stroke_width(2);
        if let (Some(pixels), Some(first)) = (panel.pixels, curve.points.first()) {
            let thin = rgb(color_of(&curve.model)).mix(0.5).stroke_width(1);
            let link = LineSeries::new([place(&pixels), place(first)], thin);
            chart.draw_series(link).map_err(|e| text(&e))?;
        }
        let points = curve.points.iter().map(place);
        match dashes_of(curve.distance) {
            None => chart.draw_series(LineSeries::new(points, style)).map(|_| ()),
            Some((on, off)) => {
                chart.draw_series(DashedLineSeries::new(points, on, off, style)).map(|_| ())
            }
        }
        .map_err(|e| text(&e))?;
        let color = rgb(color_of(&curve.model));
        for point in &curve.points {
            let marker = marker(curve.distance, color);
            let element = EmptyElement::at(place(point)) + marker;
            chart.draw_series([element]).map_err(|e| text(&e))?;
        }
    }
    if let Some(pixels) = &panel.pixels {
        let color = rgb(color_of("pixels"));
        let diamond = Polygon::new(vec![(0, -6), (6, 0), (0, 6), (-6, 0)], color);
        let element = EmptyElement::at(place(pixels)) + diamond;
        chart.draw_series([element]).map_err(|e| text(&e))?;
    }
    Ok(())
}

fn place(point: &Point) -> (f64, f64) {
    (point.depth, point.value)
}

/// Where the intervals of all points are known, the outline of their band.
fn interval_band(curve: &Curve) -> Option<Vec<(f64, f64)>> {
    let ends: Option<Vec<_>> =
        curve.points.iter().map(|p| p.interval.map(|(low, high)| (p.depth, low, high))).collect();
    let ends = ends.filter(|ends| ends.len() > 1)?;
    let lower = ends.iter().map(|(depth, low, _)| (*depth, *low));
    let upper = ends.iter().rev().map(|(depth, _, high)| (*depth, *high));
    Some(lower.chain(upper).collect())
}

/// Lengths of dash and gap; none for a whole line.
pub(super) fn dashes_of(distance: Distance) -> Option<(u32, u32)> {
    match distance {
        Distance::NormalizedEuclidean | Distance::Own => None,
        Distance::Euclidean => Some((7, 4)),
        Distance::Cosine => Some((2, 3)),
    }
}

/// The mark of a kind of distance: circle, square or triangle.
pub(super) fn marker(distance: Distance, color: RGBColor) -> Polygon<(i32, i32)> {
    let outline = match distance {
        Distance::NormalizedEuclidean | Distance::Own => {
            let angle = |i: u32| f64::from(i) * std::f64::consts::TAU / 12.0;
            let at =
                |i| ((angle(i).cos() * 4.0).round() as i32, (angle(i).sin() * 4.0).round() as i32);
            (0..12).map(at).collect()
        }
        Distance::Euclidean => vec![(-3, -3), (4, -3), (4, 4), (-3, 4)],
        Distance::Cosine => vec![(0, -5), (5, 4), (-5, 4)],
    };
    Polygon::new(outline, color)
}
