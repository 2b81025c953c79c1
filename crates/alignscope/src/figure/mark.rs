//! Lines and marks.

use super::curves::Of;
use super::palette::{Color, baseline_dashes};
use super::svg::{Svg, number};
use crate::distance::Distance;
use crate::energy::EnergyOf;

/// Colours on white and on a dark page.
pub(super) type Tone = (Color, Color);

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

    /// From the pixels to the first stage.
    pub(super) fn link() -> Self {
        Self { width: 0.8, dashes: None, opacity: 0.55 }
    }

    pub(super) fn baseline(name: &str) -> Self {
        Self { width: 1.7, dashes: Some(baseline_dashes(name)), opacity: 1.0 }
    }

    pub(super) fn published_baseline(name: &str) -> Self {
        let [on, off] = baseline_dashes(name);
        Self { width: 1.0, dashes: Some([(on / 4).max(1), off]), opacity: 1.0 }
    }

    /// The score of the pixels, where it does not stand at a depth.
    pub(super) fn pixels() -> Self {
        Self { width: 1.7, dashes: Some([3, 3]), opacity: 1.0 }
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

/// An area in a colour that lets through what lies under it.
pub(super) fn band(svg: &mut Svg, path: &str, tone: Tone) {
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

/// The outline of such an area, for panels in which many of them would lie over each other.
pub(super) fn band_outline(svg: &mut Svg, path: &str, text: f64, tone: Tone) {
    let width = number(0.5 * text / 15.0);
    svg.element(
        "path",
        &[
            ("class", &"stroke"),
            ("d", &path),
            ("fill", &"none"),
            ("stroke", &tone.0),
            ("style", &style_of(tone)),
            ("stroke-width", &width),
            ("stroke-linejoin", &"round"),
            ("opacity", &"0.55"),
        ],
        None,
    );
}

/// The mark of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    /// What the curve shows; a circle if `None`.
    pub(super) of: Option<Of>,
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
        let shape = self.of.map_or(Shape::Circle, |of| style_of_curve(of).mark);
        self.shape(svg, &shape.path(x, y, r), text, tone, title);
    }

    /// The mark of a stage of a series, by its place among those that are shown.
    pub(super) fn of_stage(
        svg: &mut Svg,
        place: usize,
        (x, y): (f64, f64),
        text: f64,
        tone: Tone,
        title: Option<&str>,
    ) {
        let path = STAGES[place % STAGES.len()].path(x, y, text * 0.22);
        Self { of: None, hollow: false }.shape(svg, &path, text, tone, title);
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
        Self { of: None, hollow: false }.shape(svg, &path, text, tone, title);
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

/// The outline of a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Circle,
    Square,
    Triangle,
    TriangleDown,
    Cross,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Circle => "circle",
            Self::Square => "square",
            Self::Triangle => "triangle",
            Self::TriangleDown => "triangle-down",
            Self::Cross => "cross",
        }
    }

    /// About as far as `r` to all sides.
    fn path(self, x: f64, y: f64, r: f64) -> String {
        match self {
            Self::Circle => circle(x, y, r),
            Self::Square => polygon(&[(-r, -r), (r, -r), (r, r), (-r, r)], x, y),
            Self::Triangle => {
                polygon(&[(0.0, -1.3 * r), (1.2 * r, 0.9 * r), (-1.2 * r, 0.9 * r)], x, y)
            }
            Self::TriangleDown => {
                polygon(&[(0.0, 1.3 * r), (1.2 * r, -0.9 * r), (-1.2 * r, -0.9 * r)], x, y)
            }
            Self::Cross => {
                let (far, near) = (1.3 * r, 0.45 * r);
                let arm = |(u, v): (f64, f64)| {
                    // The two corners at the end of an arm, and the inner one after it.
                    [(far, -near), (far, near), (near, near)]
                        .map(|(x, y)| (u * x - v * y, v * x + u * y))
                };
                let arms = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)].map(arm);
                polygon(arms.as_flattened(), x, y)
            }
        }
    }
}

/// How a kind of distance is drawn, so that it is told without its colour.
#[derive(Debug, Clone, Copy)]
struct Style {
    /// Lengths of dash and gap; `None` for a whole line.
    dashes: Option<[u32; 2]>,
    mark: Shape,
}

/// The style of each distance of [`Distance::ALL`], in its order.
const STYLES: [Style; Distance::ALL.len()] = [
    Style { dashes: Some([7, 4]), mark: Shape::Square },
    Style { dashes: None, mark: Shape::Circle },
    Style { dashes: Some([2, 3]), mark: Shape::Triangle },
    Style { dashes: Some([12, 3]), mark: Shape::TriangleDown },
    Style { dashes: Some([5, 9]), mark: Shape::Cross },
];

/// The marks of stages of a series, from the first to the last.
const STAGES: [Shape; 5] =
    [Shape::Circle, Shape::Square, Shape::Triangle, Shape::TriangleDown, Shape::Cross];

/// The style of a curve. A baseline's own distance is drawn as the normalized one is.
fn style_of_curve(of: Of) -> Style {
    let plain = Style { dashes: None, mark: Shape::Circle };
    match of {
        Of::Energy(EnergyOf::Activations) => plain,
        Of::Energy(EnergyOf::Differences) => Style { dashes: Some([7, 4]), mark: Shape::Square },
        Of::Distance(distance) => {
            let place = Distance::ALL.iter().position(|other| *other == distance);
            place.map_or(plain, |i| STYLES[i])
        }
    }
}

/// Lengths of dash and gap; none for a whole line.
pub(super) fn dashes_of(of: Of) -> Option<[u32; 2]> {
    style_of_curve(of).dashes
}

/// The mark of a distance by its name, and the lengths of dash and gap of its line; `None` for a whole
/// line. For a page that draws by itself.
pub(crate) fn mark_of_distance(distance: Distance) -> (&'static str, Option<[u32; 2]>) {
    let style = style_of_curve(Of::Distance(distance));
    (style.mark.name(), style.dashes)
}

/// What the study published: thin and dotted, whatever the distance.
pub(super) fn published_line() -> Line {
    Line { width: 1.2, dashes: Some([1, 3]), opacity: 1.0 }
}
