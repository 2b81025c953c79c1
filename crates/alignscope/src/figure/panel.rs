//! One panel.

use super::curves::{Curve, Kind, PanelData, Point};
use super::name::short_name;
use super::palette::{BANDS, CHANCE, Color, GRID, INK, PEOPLE, Palette, baseline_dashes};
use super::svg::{Label, Svg, number, text_width};
use crate::distance::Distance;

/// Depths at which a part of the model begins and ends, its name, and where that stands.
const PARTS: [(f64, f64, &str); 4] = [
    (-2.5, 1.25, "image"),
    (1.25, 5.0, "embedding"),
    (5.0, 98.75, "blocks"),
    (98.75, 102.5, "projection"),
];
/// Ends of the axis of depth.
const DEPTHS: (f64, f64) = (-2.5, 102.5);

/// Colours on white and on a dark page.
type Tone = (Color, Color);

/// Where a panel stands, and how large its text is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) text: f64,
}

/// How a line looks; lengths are for a text of 15 units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    width: f64,
    dashes: Option<[u32; 2]>,
    opacity: f64,
}

impl Line {
    pub(super) fn curve(dashes: Option<[u32; 2]>, hollow: bool) -> Self {
        Self { width: if hollow { 1.3 } else { 1.9 }, dashes, opacity: 1.0 }
    }

    pub(super) fn baseline(name: &str) -> Self {
        Self { width: 1.7, dashes: Some(baseline_dashes(name)), opacity: 1.0 }
    }

    pub(super) fn published_baseline(name: &str) -> Self {
        let [on, off] = baseline_dashes(name);
        Self { width: 1.0, dashes: Some([(on / 4).max(1), off]), opacity: 1.0 }
    }

    pub(super) fn ceiling() -> Self {
        Self { width: 1.3, dashes: None, opacity: 1.0 }
    }

    pub(super) fn chance() -> Self {
        Self { width: 1.2, dashes: Some([6, 5]), opacity: 1.0 }
    }

    pub(super) fn draw(
        self,
        svg: &mut Svg,
        path: &str,
        text: f64,
        tone: Tone,
        title: Option<&str>,
    ) {
        let unit = text / 15.0;
        let dashes = self.dashes.map(|d| d.map(|d| number(f64::from(d) * unit)).join(" "));
        let dashes = dashes.unwrap_or_else(|| "none".to_owned());
        let (width, style) = (number(self.width * unit), style_of(tone));
        let opacity = number(self.opacity);
        svg.element(
            "path",
            &[
                ("class", if title.is_some() { &"stroke pt" } else { &"stroke" }),
                ("d", &path),
                ("fill", &"none"),
                ("stroke", &tone.0),
                ("style", &style),
                ("stroke-width", &width),
                ("stroke-dasharray", &dashes),
                ("stroke-linejoin", &"round"),
                ("opacity", &opacity),
            ],
            title,
        );
    }

    /// A box as bands are filled.
    pub(super) fn band_rectangle(svg: &mut Svg, [from, to]: [(f64, f64); 2], tone: Tone) {
        let path = format!(
            "M{} {}H{}V{}H{}Z",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1),
            number(from.0)
        );
        band(svg, &path, tone);
    }
}

/// The dark page's tone of a colour, as a variable that the page's style sheet takes.
fn style_of((_, dark): Tone) -> String {
    format!("--dark:{dark}")
}

fn band(svg: &mut Svg, path: &str, tone: Tone) {
    svg.element(
        "path",
        &[
            ("class", &"fill"),
            ("d", &path),
            ("fill", &tone.0),
            ("style", &style_of(tone)),
            ("opacity", &"0.18"),
        ],
        None,
    );
}

/// The mark of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    /// Circle (normalized, or none), square (Euclidean) or triangle (cosine).
    pub(super) distance: Option<Distance>,
    /// Untrained controls have hollow marks.
    pub(super) hollow: bool,
}

impl Mark {
    pub(super) fn draw(
        self,
        svg: &mut Svg,
        (x, y): (f64, f64),
        text: f64,
        tone: Tone,
        title: Option<&str>,
    ) {
        let r = text * 0.22;
        let path = match self.distance {
            Some(Distance::Euclidean) => polygon(&[(-r, -r), (r, -r), (r, r), (-r, r)], x, y),
            Some(Distance::Cosine) => {
                polygon(&[(0.0, -1.3 * r), (1.2 * r, 0.9 * r), (-1.2 * r, 0.9 * r)], x, y)
            }
            _ => circle(x, y, r),
        };
        self.shape(svg, &path, text, tone, title);
    }

    /// The diamond of the pixels.
    pub(super) fn pixels(
        svg: &mut Svg,
        (x, y): (f64, f64),
        text: f64,
        tone: Tone,
        title: Option<&str>,
    ) {
        let r = text * 0.36;
        let path = polygon(&[(0.0, -r), (r, 0.0), (0.0, r), (-r, 0.0)], x, y);
        Self { distance: None, hollow: false }.shape(svg, &path, text, tone, title);
    }

    fn shape(self, svg: &mut Svg, path: &str, text: f64, tone: Tone, title: Option<&str>) {
        let (width, style) = (number(text * 0.09), style_of(tone));
        let fill = if self.hollow { Color([255; 3]) } else { tone.0 };
        let class = match (self.hollow, title.is_some()) {
            (true, true) => "stroke hollow pt",
            (true, false) => "stroke hollow",
            (false, true) => "stroke fill pt",
            (false, false) => "stroke fill",
        };
        svg.element(
            "path",
            &[
                ("class", &class),
                ("d", &path),
                ("fill", &fill),
                ("stroke", &tone.0),
                ("style", &style),
                ("stroke-width", &width),
            ],
            title,
        );
    }
}

fn polygon(corners: &[(f64, f64)], x: f64, y: f64) -> String {
    let places: Vec<String> =
        corners.iter().map(|(dx, dy)| format!("{} {}", number(x + dx), number(y + dy))).collect();
    format!("M{}Z", places.join("L"))
}

fn circle(x: f64, y: f64, r: f64) -> String {
    let r2 = number(2.0 * r);
    let r1 = number(r);
    format!("M{} {}a{r1} {r1} 0 1 0 {r2} 0a{r1} {r1} 0 1 0 -{r2} 0Z", number(x - r), number(y))
}

/// Lengths of dash and gap; none for a whole line.
pub(super) fn dashes_of(distance: Distance) -> Option<[u32; 2]> {
    match distance {
        Distance::Euclidean => Some([7, 4]),
        Distance::Cosine => Some([2, 3]),
        _ => None,
    }
}

/// What the study published: thin and dotted, whatever the distance.
pub(super) fn published_line() -> Line {
    Line { width: 1.2, dashes: Some([1, 3]), opacity: 1.0 }
}

/// From depth and score to a place.
struct Axes {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    low: f64,
    high: f64,
}

impl Axes {
    fn x(&self, depth: f64) -> f64 {
        let (from, to) = DEPTHS;
        self.left + (depth - from) / (to - from) * (self.right - self.left)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)
    }

    fn place(&self, point: &Point) -> (f64, f64) {
        (self.x(point.depth), self.y(point.value))
    }

    fn across(&self, value: f64, from: f64) -> String {
        let y = number(self.y(value));
        format!("M{} {y}H{}", number(self.left + from), number(self.right))
    }
}

/// Draws a panel into its frame.
pub(super) fn draw(svg: &mut Svg, frame: Frame, panel: &PanelData, palette: &Palette) {
    let t = frame.text;
    let (top, bottom) = (frame.top + 2.9 * t, frame.top + frame.height - 4.0 * t);
    let (low, high) = range(panel, t / (bottom - top));
    let ticks = ticks(low, high, (bottom - top) / (2.1 * t));
    let labels: Vec<String> = ticks.values.iter().map(|v| ticks.label(*v)).collect();
    let widest = labels.iter().map(|l| text_width(l, t)).fold(0.0, f64::max);
    let axes = Axes {
        left: frame.left + 1.35 * t + widest + 0.5 * t,
        right: frame.left + frame.width - 0.7 * t,
        top,
        bottom,
        low,
        high,
    };
    backdrop(svg, frame, panel, &axes, &ticks);
    reference_lines(svg, panel, &axes, t, palette);
    for curve in panel.curves.iter().filter(|c| c.kind != Kind::Published) {
        if let Some(path) = band_path(curve, &axes) {
            band(svg, &path, palette.color(&curve.model));
        }
    }
    for curve in &panel.curves {
        draw_curve(svg, panel, curve, &axes, t, palette);
    }
    if let Some(pixels) = &panel.pixels {
        let tone = palette.color("pixels");
        if let Some((low, high)) = pixels.band {
            let x = number(axes.x(pixels.depth));
            let path = format!("M{x} {}V{}", number(axes.y(low)), number(axes.y(high)));
            Line::curve(None, true).draw(svg, &path, t, tone, None);
        }
        let title = told("pixels", pixels);
        Mark::pixels(svg, axes.place(pixels), t, tone, Some(&title));
    }
    line_labels(svg, panel, &axes, t);
}

/// Titles, bands of the model's parts, grid and axes.
fn backdrop(svg: &mut Svg, frame: Frame, panel: &PanelData, axes: &Axes, ticks: &Ticks) {
    let t = frame.text;
    let ink = INK.to_string();
    let label = |x, y, size, anchor| Label { x, y, size, anchor, class: "ink", color: &ink };
    let [level, dataset] = panel.titles();
    let left = axes.left.min(frame.left + frame.width - text_width(&level, 1.06 * t) * 1.1);
    let bold: [(&str, &dyn std::fmt::Display); 1] = [("font-weight", &"bold")];
    svg.text_with(label(left, frame.top + t, 1.0 * t, "start"), &bold, &level);
    svg.text(label(left, frame.top + 2.2 * t, 0.9 * t, "start"), &dataset);

    let size = |from: f64, to: f64| number(to - from);
    let shades = [("part", BANDS[0]), ("part light", BANDS[1]), ("", BANDS[1]), ("part", BANDS[0])];
    for ((from, to, _), (class, shade)) in PARTS.iter().zip(shades) {
        if *to - *from > 50.0 {
            continue;
        }
        svg.element(
            "rect",
            &[
                ("class", &class),
                ("x", &number(axes.x(*from))),
                ("y", &number(axes.top)),
                ("width", &size(axes.x(*from), axes.x(*to))),
                ("height", &size(axes.top, axes.bottom)),
                ("fill", &shade),
            ],
            None,
        );
    }
    for value in &ticks.values {
        let (path, width) = (axes.across(*value, 0.0), number(0.06 * t));
        let look: [(&str, &dyn std::fmt::Display); 4] =
            [("class", &"grid"), ("d", &path), ("stroke", &GRID), ("stroke-width", &width)];
        svg.element("path", &look, None);
        let place = label(axes.left - 0.4 * t, axes.y(*value) + 0.35 * t, t, "end");
        svg.text(place, &ticks.label(*value));
    }
    let corner = format!(
        "M{} {}V{}H{}",
        number(axes.left),
        number(axes.top),
        number(axes.bottom),
        number(axes.right)
    );
    let small: String = [25, 50, 75]
        .map(|d| {
            format!("M{} {}v{}", number(axes.x(f64::from(d))), number(axes.bottom), number(0.3 * t))
        })
        .concat();
    let (path, width) = (corner + &small, number(0.08 * t));
    svg.element(
        "path",
        &[
            ("class", &"axis"),
            ("d", &path),
            ("fill", &"none"),
            ("stroke", &INK),
            ("stroke-width", &width),
        ],
        None,
    );
    for depth in [0.0, 50.0, 100.0] {
        let place = label(axes.x(depth), axes.bottom + 2.5 * t, t, "middle");
        svg.text(place, &format!("{depth:.0}"));
    }
    parts(svg, axes, t);
    let middle = (axes.left + axes.right) / 2.0;
    svg.text(label(middle, axes.bottom + 3.75 * t, t, "middle"), "depth (%)");
    let (x, y) = (frame.left + t, (axes.top + axes.bottom) / 2.0);
    let turned = format!("rotate(-90 {} {})", number(x), number(y));
    svg.text_with(label(x, y, t, "middle"), &[("transform", &turned)], panel.score_name());
}

/// Names of the model's parts under the axis: whole words where they fit.
fn parts(svg: &mut Svg, axes: &Axes, t: f64) {
    let ink = INK.to_string();
    let size = 0.82 * t;
    let y = axes.bottom + 1.35 * t;
    let wide: f64 = PARTS.iter().map(|p| text_width(p.2, size) + 0.7 * t).sum();
    let names = match wide < axes.right - axes.left {
        true => PARTS.map(|p| p.2),
        false => ["img", "emb", "blocks", "proj"],
    };
    let mut x = axes.left;
    for (name, (from, to, _)) in names.into_iter().zip(PARTS) {
        let width = text_width(name, size);
        let left = match (from, to) {
            (from, _) if from > 90.0 => axes.right - width,
            (_, to) if to > 90.0 => ((axes.x(from) + axes.x(to) - width) / 2.0).max(x),
            _ => x,
        };
        x = left + width + 0.35 * t;
        let middle = (from + to) / 2.0;
        if to - from < 50.0 {
            // From the part to its name.
            let end = left + (if from > 90.0 { 0.8 } else { 0.3 }) * width;
            let leader = format!(
                "M{} {}L{} {}",
                number(axes.x(middle)),
                number(axes.bottom + 0.1 * t),
                number(end),
                number(y - 0.72 * t)
            );
            let look: [(&str, &dyn std::fmt::Display); 4] = [
                ("class", &"axis"),
                ("d", &leader),
                ("stroke", &INK),
                ("stroke-width", &number(0.06 * t)),
            ];
            svg.element("path", &look, None);
        }
        let place = Label { x: left, y, size, anchor: "start", class: "ink", color: &ink };
        svg.text(place, name);
    }
}

/// Chance, ceiling and baselines.
fn reference_lines(svg: &mut Svg, panel: &PanelData, axes: &Axes, t: f64, palette: &Palette) {
    if panel.chance >= axes.low {
        let title = format!("chance: {:.3}", panel.chance);
        let path = axes.across(panel.chance, 0.0);
        Line::chance().draw(svg, &path, t, CHANCE.tone(), Some(&title));
    }
    if let Some(ceiling) = panel.ceiling {
        let title = format!("{}: {ceiling:.3}", panel.ceiling_name());
        Line::ceiling().draw(svg, &axes.across(ceiling, 0.0), t, PEOPLE.tone(), Some(&title));
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
        let title = told(&name, &baseline.point);
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
    let values = || panel.curves.iter().flat_map(|c| &c.points).filter(|p| p.value.is_finite());
    let lowest = values().map(|p| p.band.map_or(p.value, |b| b.0)).fold(f64::INFINITY, f64::min);
    let highest =
        values().map(|p| p.band.map_or(p.value, |b| b.1)).fold(f64::NEG_INFINITY, f64::max);
    if let Some(ceiling) = panel.ceiling.filter(|ceiling| *ceiling >= highest) {
        write(svg, axes.y(ceiling) - 0.3 * t, PEOPLE, panel.ceiling_name());
    }
    match panel.chance >= axes.low {
        true if panel.chance > lowest => {}
        true => write(svg, axes.y(panel.chance) + 0.95 * t, CHANCE, "chance"),
        false => {
            let text = format!("chance ({}) is below", number(panel.chance));
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
    let tone = palette.color(&curve.model);
    let hollow = curve.kind != Kind::Model;
    let published = curve.kind == Kind::Published;
    let name = format!("{}, {}", curve_name(curve), curve.distance);
    svg.open("g", &[("class", &"series")]);
    let line = match published {
        true => published_line(),
        false => Line::curve(dashes_of(curve.distance), hollow),
    };
    let first = curve.points.first().filter(|p| p.value.is_finite());
    if let (Some(pixels), Some(first), false) = (&panel.pixels, first, published) {
        let ((x1, y1), (x2, y2)) = (axes.place(pixels), axes.place(first));
        let path = format!("M{} {}L{} {}", number(x1), number(y1), number(x2), number(y2));
        let thin = Line { width: 0.8, dashes: None, opacity: 0.55 };
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
    if published {
        for point in curve.points.iter().filter(|p| p.value.is_finite()) {
            let (x, y) = axes.place(point);
            let title = told(&name, point);
            let mark = Mark { distance: Some(curve.distance), hollow: true };
            mark.draw(svg, (x, y), 0.4 * t, tone, Some(&title));
        }
    } else {
        // Marks of deep models would touch each other at full size.
        let size = if curve.points.len() > 16 { 0.75 * t } else { t };
        for point in curve.points.iter().filter(|p| p.value.is_finite()) {
            let mark = Mark { distance: Some(curve.distance), hollow };
            mark.draw(svg, axes.place(point), size, tone, Some(&told(&name, point)));
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
        Kind::Model | Kind::Control => name,
    }
}

/// What is said of a point when it is pointed at.
fn told(name: &str, point: &Point) -> String {
    let band = point.band.map_or(String::new(), |(low, high)| format!(" [{low:.3}, {high:.3}]"));
    format!("{name}: {:.3}{band} at {} ({:.1} %)", point.value, point.stage, point.depth)
}

/// The outline of a curve's bands, where it has two or more.
fn band_path(curve: &Curve, axes: &Axes) -> Option<String> {
    let ends: Vec<(f64, f64, f64)> = curve
        .points
        .iter()
        .filter_map(|p| p.band.map(|(low, high)| (p.depth, low, high)))
        .filter(|(_, low, high)| low.is_finite() && high.is_finite())
        .collect();
    if ends.len() < 2 {
        return None;
    }
    let lower = ends.iter().map(|(depth, low, _)| (*depth, *low));
    let upper = ends.iter().rev().map(|(depth, _, high)| (*depth, *high));
    let corners: Vec<String> = lower
        .chain(upper)
        .map(|(depth, value)| format!("{} {}", number(axes.x(depth)), number(axes.y(value))))
        .collect();
    Some(format!("M{}Z", corners.join("L")))
}

/// Ends of the axis of scores: what is shown, with room for the names of chance and ceiling; `text` is the
/// height of a text as a share of the axis.
fn range(panel: &PanelData, text: f64) -> (f64, f64) {
    let (low, high) = panel.extent();
    let span = (high - low).max(0.04);
    let above = if panel.ceiling.is_some_and(|c| c > high - span * 2.0 * text) { 1.5 } else { 0.5 };
    let below = if panel.chance < low + span * 2.0 * text { 1.4 } else { 0.8 };
    let whole = span / (1.0 - (above + below) * text).max(0.3);
    (low - whole * below * text, low + span + whole * above * text)
}

/// The marks of an axis.
struct Ticks {
    values: Vec<f64>,
    decimals: usize,
}

impl Ticks {
    fn label(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals).replace('-', "−")
    }
}

/// At most `most` round numbers from `low` to `high`.
fn ticks(low: f64, high: f64, most: f64) -> Ticks {
    let steps = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0];
    let fits = |step: &&f64| (high - low) / **step <= most.max(2.0);
    let step = steps.iter().find(fits).copied().unwrap_or(1.0);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let decimals = if step < 0.01 {
        3
    } else if step < 0.1 {
        2
    } else {
        1
    };
    Ticks { values: (first..=last).map(|i| i as f64 * step).collect(), decimals }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let found = ticks(0.312, 0.687, 5.0);
        assert_eq!(found.decimals, 1);
        assert_eq!(found.values.len(), 3, "{:?}", found.values);
        assert_eq!(ticks(-0.02, 0.03, 6.0).label(-0.02), "−0.02");
    }
}
