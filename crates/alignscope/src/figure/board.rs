//! Models beside each other at one stage: a dot and an interval for each.

use super::axes::{Frame, ticks};
use super::mark::{Mark, Tone};
use super::palette::{CHANCE, GRID, INK, PEOPLE, Palette};
use super::svg::{Attributes, Label, Svg, number, text_width};
use super::table::MarkRow;
use crate::model_spec::short_name;
use crate::results::GalleryRow;
use crate::shown::thousands;

/// More models are left to the table.
const MOST: usize = 24;
/// So much of a panel's width may be names.
const NAME_SHARE: f64 = 0.38;
/// Text is no smaller than this share of the panel's; a longer name of a model loses its end.
const SMALLEST: f64 = 0.7;

/// The models on a data set, the best first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Board {
    rows: Vec<GalleryRow>,
    left_out: usize,
}

/// A board for each data set, in the order of the rows.
pub(super) fn boards(rows: &[GalleryRow]) -> Vec<Board> {
    let mut found: Vec<Board> = Vec::new();
    for row in rows.iter().filter(|row| row.value.is_finite()) {
        match found.iter_mut().find(|board| board.rows[0].dataset == row.dataset) {
            Some(board) => board.rows.push(row.clone()),
            None => found.push(Board { rows: vec![row.clone()], left_out: 0 }),
        }
    }
    for board in &mut found {
        let least = board.rows[0].measure.less_is_better();
        let sign = if least { 1.0 } else { -1.0 };
        board.rows.sort_by(|a, b| {
            (sign * a.value).total_cmp(&(sign * b.value)).then(a.model.cmp(&b.model))
        });
        board.left_out = board.rows.len().saturating_sub(MOST);
        board.rows.truncate(MOST);
    }
    found
}

impl Board {
    /// What stands over it.
    pub(super) fn titles(&self) -> [String; 2] {
        let row = &self.rows[0];
        let more = match self.left_out {
            0 => String::new(),
            n => format!("; {n} more in the table"),
        };
        [row.dataset.clone(), format!("n = {}{more}", thousands(row.n))]
    }

    /// What it shows, in words.
    pub(super) fn described(&self) -> String {
        let said =
            self.rows.iter().map(|row| format!("{} {:.3}", short_name(&row.model), row.value));
        format!("{}.", said.collect::<Vec<_>>().join(", "))
    }

    /// The numbers behind it.
    pub(super) fn rows(&self) -> Vec<MarkRow> {
        let row = |row: &GalleryRow| MarkRow {
            dataset: row.dataset.clone(),
            measure: row.measure.to_string(),
            n: row.n,
            model: row.model.clone(),
            kind: format!("rank {} to {} of {}", row.rank_low, row.rank_high, row.models),
            distance: row.distance.to_string(),
            stage: row.stage,
            depth_percent: row.stage.depth_percent(1),
            value: row.value,
            band: row.ci_low.map(|_| "interval".to_owned()),
            low: row.ci_low,
            high: row.ci_high,
            chance: row.chance,
            ceiling: row.ceiling,
            step: None,
        };
        self.rows.iter().map(row).collect()
    }

    /// Draws it into its frame.
    pub(super) fn draw(&self, svg: &mut Svg, frame: Frame, palette: &Palette) {
        let t = frame.text;
        let (top, bottom) = (frame.top + 2.9 * t, frame.top + frame.height - 3.2 * t);
        let step = (bottom - top) / self.rows.len() as f64;
        let room = NAME_SHARE * frame.width;
        // Long names are written smaller, as far as they can be read.
        let longest = self.rows.iter().map(|row| text_width(&short_name(&row.model), t));
        let fits = t * (room / longest.fold(1.0, f64::max));
        let size = t.min(0.86 * step).min(fits.max(SMALLEST * t));
        let names: Vec<String> =
            self.rows.iter().map(|row| within(&short_name(&row.model), size, room)).collect();
        let widest = names.iter().map(|name| text_width(name, size)).fold(0.0, f64::max);
        let ranks = text_width("10–10", size);
        let (low, high) = self.ends();
        let axis = Axis {
            left: frame.left + 0.4 * t + widest + 0.5 * t,
            right: frame.left + frame.width - ranks - 0.9 * t,
            low,
            high,
        };
        self.draw_axis(svg, frame, &axis, top, bottom);
        for (i, (row, name)) in self.rows.iter().zip(&names).enumerate() {
            let y = top + (i as f64 + 0.5) * step;
            draw_model(svg, row, name, &axis, Line { y, size, left: frame.left }, palette);
        }
    }

    /// Ends of the axis: all intervals, and chance where it lies near.
    fn ends(&self) -> (f64, f64) {
        let ends = |row: &GalleryRow| {
            [row.value, row.ci_low.unwrap_or(row.value), row.ci_high.unwrap_or(row.value)]
        };
        let all = || self.rows.iter().flat_map(ends);
        let (low, high) =
            (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let span = (high - low).max(0.02);
        let near = |value: &f64| *value > low - 0.6 * span && *value < high + 0.6 * span;
        let lines = [self.rows[0].chance, self.rows[0].ceiling];
        let lines: Vec<f64> = lines.into_iter().flatten().filter(near).collect();
        let low = lines.iter().copied().fold(low, f64::min);
        let high = lines.iter().copied().fold(high, f64::max);
        let room = 0.05 * (high - low).max(0.02);
        (low - room, high + room)
    }

    fn draw_axis(&self, svg: &mut Svg, frame: Frame, axis: &Axis, top: f64, bottom: f64) {
        let (t, ink) = (frame.text, INK.to_string());
        let label = |x, y, size, anchor| Label { x, y, size, anchor, class: "ink", color: &ink };
        let [dataset, n] = self.titles();
        let bold: Attributes<'_> = &[("font-weight", &"bold")];
        svg.text_with(label(frame.left + 0.4 * t, frame.top + t, t, "start"), bold, &dataset);
        svg.text(label(frame.left + 0.4 * t, frame.top + 2.2 * t, 0.9 * t, "start"), &n);
        let end = frame.left + frame.width - 0.2 * t;
        svg.text(label(end, frame.top + 2.2 * t, 0.9 * t, "end"), "rank");
        let marks = ticks(axis.low, axis.high, (axis.right - axis.left) / (2.6 * t));
        for value in &marks.values {
            let x = axis.x(*value);
            vertical(svg, x, top, bottom, &GRID.to_string(), "grid", "none");
            svg.text(label(x, bottom + 1.2 * t, 0.9 * t, "middle"), &marks.label(*value));
        }
        let middle = (axis.left + axis.right) / 2.0;
        let measure = self.rows[0].measure.title();
        svg.text(label(middle, bottom + 2.6 * t, t, "middle"), measure);
        let lines = [
            (self.rows[0].chance, CHANCE.to_string(), "6 5", "chance"),
            (self.rows[0].ceiling, PEOPLE.to_string(), "none", "people agree"),
        ];
        for (value, color, dashes, name) in lines {
            let Some(value) = value.filter(|value| (axis.low..=axis.high).contains(value)) else {
                continue;
            };
            vertical(svg, axis.x(value), top, bottom, &color, "axis", dashes);
            let anchor = if axis.x(value) > middle { "end" } else { "start" };
            let x = axis.x(value) + if anchor == "end" { -0.3 * t } else { 0.3 * t };
            svg.text(label(x, top - 0.1 * t, 0.75 * t, anchor), name);
        }
    }
}

/// From a value to a place.
struct Axis {
    left: f64,
    right: f64,
    low: f64,
    high: f64,
}

impl Axis {
    fn x(&self, value: f64) -> f64 {
        self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)
    }
}

/// Where the line of a model stands, and how large its text is.
#[derive(Clone, Copy)]
struct Line {
    y: f64,
    size: f64,
    left: f64,
}

fn draw_model(
    svg: &mut Svg,
    row: &GalleryRow,
    name: &str,
    axis: &Axis,
    line: Line,
    palette: &Palette,
) {
    let Line { y, size, left } = line;
    let ink = INK.to_string();
    let label =
        |x, anchor| Label { x, y: y + 0.35 * size, size, anchor, class: "ink", color: &ink };
    svg.open("g", &[("class", &"series")]);
    svg.text(label(left + 0.4 * size, "start"), name);
    let ranks = match row.rank_low == row.rank_high {
        true => row.rank_low.to_string(),
        false => format!("{}–{}", row.rank_low, row.rank_high),
    };
    svg.text(label(axis.right + 0.7 * size + text_width("10–10", size), "end"), &ranks);
    let tone: Tone = palette.color(&row.model);
    if let (Some(low), Some(high)) = (row.ci_low, row.ci_high) {
        let path = format!("M{} {}H{}", number(axis.x(low)), number(y), number(axis.x(high)));
        svg.element(
            "path",
            &[
                ("class", &"stroke"),
                ("d", &path),
                ("fill", &"none"),
                ("stroke", &tone.0),
                ("style", &format!("--dark:{}", tone.1)),
                ("stroke-width", &number(0.14 * size)),
            ],
            None,
        );
    }
    let interval = row.ci_low.zip(row.ci_high);
    let interval = interval.map_or(String::new(), |(low, high)| format!(" [{low:.3}, {high:.3}]"));
    let told = format!("{}, rank {ranks}: {:.3}{interval}", short_name(&row.model), row.value);
    let mark = Mark { of: None, hollow: palette.specs().is_control(&row.model) };
    mark.draw(svg, (axis.x(row.value), y), 1.2 * size, tone, Some(&told));
    svg.close("g");
}

fn vertical(svg: &mut Svg, x: f64, top: f64, bottom: f64, color: &str, class: &str, dashes: &str) {
    let path = format!("M{} {}V{}", number(x), number(top), number(bottom));
    svg.element(
        "path",
        &[
            ("class", &class),
            ("d", &path),
            ("fill", &"none"),
            ("stroke", &color),
            ("stroke-width", &"1"),
            ("stroke-dasharray", &dashes),
        ],
        None,
    );
}

/// A name that fits into a width: its end is left out where it does not.
fn within(name: &str, size: f64, width: f64) -> String {
    let mut text = name.to_owned();
    let mut letters: Vec<char> = name.chars().collect();
    while text_width(&text, size) > width && !letters.is_empty() {
        letters.pop();
        text = letters.iter().chain(&['…']).collect();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Level;
    use crate::distance::Distance;
    use crate::score::Measure;
    use crate::stage::Stage;

    fn row(model: &str, value: f64, ranks: [usize; 2]) -> GalleryRow {
        GalleryRow {
            dataset: "nights".to_owned(),
            level: Level::Middle,
            measure: Measure::Accuracy,
            model: model.to_owned(),
            run: "a".to_owned(),
            stage: Stage::Projection,
            distance: Distance::Cosine,
            value,
            ci_low: Some(value - 0.01),
            ci_high: Some(value + 0.01),
            rank_low: ranks[0],
            rank_high: ranks[1],
            models: 3,
            n: 1000,
            n_clusters: 1000,
            peak_stage: Some(Stage::Block(3)),
            peak: Some(value + 0.05),
            chosen: None,
            chance: Some(0.5),
            ceiling: Some(0.9),
        }
    }

    #[test]
    fn the_best_stand_first_with_their_ranks_and_a_board_has_no_more_than_it_can_show() {
        let rows = [row("b", 0.7, [1, 2]), row("c", 0.6, [3, 3]), row("a", 0.71, [1, 2])];
        let boards = boards(&rows);
        assert_eq!(boards.len(), 1);
        let order: Vec<&str> = boards[0].rows.iter().map(|row| row.model.as_str()).collect();
        assert_eq!(order, ["a", "b", "c"]);
        assert_eq!(boards[0].described(), "a 0.710, b 0.700, c 0.600.");
        let mut svg = Svg::default();
        let frame = Frame { left: 0.0, top: 0.0, width: 400.0, height: 300.0, text: 13.0 };
        boards[0].draw(&mut svg, frame, &Palette::default());
        let svg = svg.finish();
        assert_eq!(svg.matches(">1–2<").count(), 2, "{svg}");
        assert!(svg.contains("a, rank 1–2: 0.710 [0.700, 0.720]"), "{svg}");
        assert!(!svg.contains(">chance<"), "chance lies far below");

        let many: Vec<GalleryRow> =
            (0..30).map(|i| row(&format!("m{i}"), 0.5 + 0.01 * f64::from(i), [1, 30])).collect();
        let boards = super::boards(&many);
        assert_eq!((boards[0].rows.len(), boards[0].left_out), (MOST, 6));
        assert!(boards[0].titles()[1].contains("6 more in the table"));
    }
}
