//! The axes of a panel, and what stands around them.

use super::curves::{PanelData, Point, Quantity, Reference};
use super::palette::{BANDS, GRID, INK};
use super::steps::Steps;
use super::svg::{Label, Svg, number, text_width};

/// Depths at which image, embedding, blocks and last stage begin and end.
const PARTS: [(f64, f64); 4] = [(-2.5, 1.25), (1.25, 5.0), (5.0, 98.75), (98.75, 102.5)];
/// Ends of the axis of depth.
const DEPTHS: (f64, f64) = (-2.5, 102.5);

/// Where a panel stands, and how large its text is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) text: f64,
}

/// From depth and score to a place.
pub(super) struct Axes {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Ends of the axis of values, above 0 where it is logarithmic.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) logarithmic: bool,
    /// The steps that stand across it in the place of depths, in a panel of a series.
    pub(super) steps: Option<Steps>,
}

impl Axes {
    pub(super) fn x(&self, depth: f64) -> f64 {
        let (from, to) = DEPTHS;
        self.left + (depth - from) / (to - from) * (self.right - self.left)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let along = |value: f64| if self.logarithmic { libm::log10(value) } else { value };
        let (low, high) = (along(self.low), along(self.high));
        self.bottom - (along(value) - low) / (high - low) * (self.bottom - self.top)
    }

    /// Where a point stands across.
    pub(super) fn along(&self, point: &Point) -> f64 {
        let step = self.steps.as_ref().zip(point.step);
        self.x(step.map_or(point.depth, |(steps, step)| steps.place(step)))
    }

    pub(super) fn place(&self, point: &Point) -> (f64, f64) {
        (self.along(point), self.y(point.value))
    }

    pub(super) fn across(&self, value: f64, from: f64) -> String {
        let y = number(self.y(value));
        format!("M{} {y}H{}", number(self.left + from), number(self.right))
    }
}

/// Titles, bands of the model's parts, grid and axes.
pub(super) fn backdrop(svg: &mut Svg, frame: Frame, panel: &PanelData, axes: &Axes, ticks: &Ticks) {
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
    for ((from, to), (class, shade)) in PARTS.iter().zip(shades) {
        let named = panel.has_named_stages() && *from > 0.0;
        if *to - *from > 50.0 || named || axes.steps.is_some() {
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
    let small: String = small_ticks(axes)
        .into_iter()
        .map(|x| format!("M{} {}v{}", number(x), number(axes.bottom), number(0.3 * t)))
        .collect();
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
    match &axes.steps {
        Some(steps) => {
            let x = |step| axes.x(steps.place(step));
            under_steps(svg, steps, x, (axes.left, axes.right), axes.bottom, t);
        }
        None => {
            for depth in [0.0, 50.0, 100.0] {
                let place = label(axes.x(depth), axes.bottom + 2.5 * t, t, "middle");
                svg.text(place, &format!("{depth:.0}"));
            }
            // The parts of an encoder are not those of a model with stages of other names.
            if !panel.has_named_stages() {
                parts(svg, axes, t, panel.last_stage());
            }
            let middle = (axes.left + axes.right) / 2.0;
            svg.text(label(middle, axes.bottom + 3.75 * t, t, "middle"), "depth (%)");
        }
    }
    let (x, y) = (frame.left + t, (axes.top + axes.bottom) / 2.0);
    let turned = format!("rotate(-90 {} {})", number(x), number(y));
    svg.text_with(label(x, y, t, "middle"), &[("transform", &turned)], panel.score_name());
}

/// Where the axis across has small ticks: at each step, or at quarters of the depth.
fn small_ticks(axes: &Axes) -> Vec<f64> {
    match &axes.steps {
        Some(steps) => steps.all().iter().map(|step| axes.x(steps.place(*step))).collect(),
        None => [25.0, 50.0, 75.0].map(|depth| axes.x(depth)).to_vec(),
    }
}

/// The numbers of steps under their axis, as many as there is room for, and what they are.
///
/// `x` — where a step stands
/// `ends` — of the axis, which lies at the height `bottom`
pub(super) fn under_steps(
    svg: &mut Svg,
    steps: &Steps,
    x: impl Fn(usize) -> f64,
    ends: (f64, f64),
    bottom: f64,
    t: f64,
) {
    let ink = INK.to_string();
    let label = |x, y| Label { x, y, size: t, anchor: "middle", class: "ink", color: &ink };
    for (step, text) in steps.labels(&x, |text| text_width(text, t) + 0.6 * t) {
        svg.text(label(x(step), bottom + 1.4 * t), &text);
    }
    svg.text(label((ends.0 + ends.1) / 2.0, bottom + 2.75 * t), steps.title());
}

/// Names of the model's parts under the axis, of which `last` is that of the last stage, whole and
/// short: whole words where they fit.
fn parts(svg: &mut Svg, axes: &Axes, t: f64, last: [&str; 2]) {
    let ink = INK.to_string();
    let size = 0.82 * t;
    let y = axes.bottom + 1.35 * t;
    let [whole, short] = last;
    let names = ["image", "embedding", "blocks", whole];
    let wide: f64 = names.iter().map(|name| text_width(name, size) + 0.7 * t).sum();
    let names = match wide < axes.right - axes.left {
        true => names,
        false => ["img", "emb", "blocks", short],
    };
    let mut x = axes.left;
    for (name, (from, to)) in names.into_iter().zip(PARTS) {
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

/// Ends of the axis of scores: what is shown, with room for the names of chance and ceiling; `text` is the
/// height of a text as a share of the axis. Of a share always from 0 to 1, and of a number of channels from 1 on,
/// with room for marks.
pub(super) fn range(panel: &PanelData, text: f64) -> (f64, f64) {
    let (low, high) = panel.extent();
    match panel.quantity {
        Quantity::TopChannelShare => return (-0.03, 1.03),
        Quantity::EffectiveChannels => return (0.9, high.max(9.0) * 1.2),
        Quantity::Score(_) => {}
    }
    let span = (high - low).max(0.04);
    let above = if panel.ceiling.is_some_and(|c| c > high - span * 2.0 * text) { 1.5 } else { 0.5 };
    let chance = panel.reference.map_or(f64::INFINITY, Reference::value);
    let below = if chance < low + span * 2.0 * text { 1.4 } else { 0.8 };
    let whole = span / (1.0 - (above + below) * text).max(0.3);
    (low - whole * below * text, low + span + whole * above * text)
}

/// The marks of an axis.
pub(super) struct Ticks {
    pub(super) values: Vec<f64>,
    decimals: usize,
}

impl Ticks {
    /// No marks at all.
    pub(super) fn none() -> Self {
        Self { values: vec![], decimals: 0 }
    }

    pub(super) fn label(&self, value: f64) -> String {
        format!("{value:.*}", self.decimals).replace('-', "−")
    }
}

/// At most `most` round numbers from `low` to `high`.
pub(super) fn ticks(low: f64, high: f64, most: f64) -> Ticks {
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

/// Powers of ten from `low` (above 0) to `high`; where they are few and there is room for at most
/// `most`, also twice and five times as much.
pub(super) fn logarithmic_ticks(low: f64, high: f64, most: f64) -> Ticks {
    let decades = libm::log10(low).floor() as i32..=libm::log10(high).ceil() as i32;
    let of = |factors: &[f64]| -> Vec<f64> {
        let all = decades.clone().flat_map(|d| factors.iter().map(move |f| f * 10_f64.powi(d)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let dense = of(&[1.0, 2.0, 5.0]);
    let values = if dense.len() as f64 <= most { dense } else { of(&[1.0]) };
    Ticks { values, decimals: 0 }
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

    #[test]
    fn ticks_of_factors_are_powers_of_ten_where_there_is_no_room_for_more() {
        assert_eq!(logarithmic_ticks(0.9, 921.6, 8.0).values, [1.0, 10.0, 100.0]);
        assert_eq!(logarithmic_ticks(0.9, 25.0, 8.0).values, [1.0, 2.0, 5.0, 10.0, 20.0]);
    }

    #[test]
    fn equal_factors_are_equally_far_on_a_logarithmic_axis() {
        let frame = Axes {
            left: 0.0,
            right: 1.0,
            top: 0.0,
            bottom: 100.0,
            low: 1.0,
            high: 100.0,
            logarithmic: true,
            steps: None,
        };
        assert_eq!([1.0, 10.0, 100.0].map(|v| frame.y(v)), [100.0, 50.0, 0.0]);
    }
}
