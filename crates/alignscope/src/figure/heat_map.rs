//! A matrix of two models' stages: how alike they are, as colours.

use super::axes::{Frame, Ticks, ticks};
use super::palette::{Color, INK, on_scale};
use super::svg::{Attributes, Label, Svg, number, text_width};
use super::table::MarkRow;
use crate::model_spec::short_name;
use crate::shown::thousands;
use crate::similarity::{SimilarityMeasure, SimilarityRow};
use crate::stage::Stage;

/// A cell whose value is not defined.
const UNDEFINED: Color = Color([225, 225, 225]);
/// Parts of the scale of colours.
const SCALE_PARTS: usize = 64;

/// How alike the stages of two models are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeatMap {
    dataset: String,
    measure: SimilarityMeasure,
    n_images: usize,
    /// The models: the first one's stages go up, the second one's to the right.
    models: [String; 2],
    stages: [Vec<Stage>; 2],
    rows: Vec<SimilarityRow>,
    /// Values at the ends of the scale of colours, of all matrices of the figure.
    ends: (f64, f64),
}

/// A matrix for each two models of which one is defined, different ones first.
pub(super) fn heat_maps(rows: &[SimilarityRow]) -> Vec<HeatMap> {
    let mut pairs: Vec<[&str; 2]> = Vec::new();
    for row in rows {
        let pair = [row.model_a.as_str(), row.model_b.as_str()];
        if !pairs.contains(&pair) {
            pairs.push(pair);
        }
    }
    // Metrics have no inner products, and so no CKA.
    let is_defined = |[a, b]: &[&str; 2]| {
        let mut values = rows.iter().filter(|row| row.model_a == *a && row.model_b == *b);
        values.any(|row| row.value.is_finite())
    };
    pairs.retain(is_defined);
    pairs.sort_by_key(|[a, b]| a == b);
    let finite = || rows.iter().map(|row| row.value).filter(|value| value.is_finite());
    let (low, high) = (finite().fold(1.0, f64::min), finite().fold(0.0, f64::max));
    let of_pair = |[a, b]: [&str; 2]| {
        let rows: Vec<SimilarityRow> =
            rows.iter().filter(|row| row.model_a == a && row.model_b == b).cloned().collect();
        HeatMap {
            dataset: rows[0].dataset.clone(),
            measure: rows[0].measure,
            n_images: rows[0].n_images,
            models: [a.to_owned(), b.to_owned()],
            stages: [
                different(rows.iter().map(|row| row.stage_a)),
                different(rows.iter().map(|row| row.stage_b)),
            ],
            rows,
            ends: (low.min(0.0), high),
        }
    };
    pairs.into_iter().map(of_pair).collect()
}

/// Each stage once, in order of first use.
fn different(stages: impl Iterator<Item = Stage>) -> Vec<Stage> {
    let mut found = Vec::new();
    for stage in stages {
        if !found.contains(&stage) {
            found.push(stage);
        }
    }
    found
}

impl HeatMap {
    /// What stands over it.
    pub(super) fn titles(&self) -> [String; 2] {
        let [a, b] = self.models.each_ref().map(|model| short_name(model));
        let n = thousands(self.n_images);
        let models = if a == b { format!("{a}, with itself") } else { format!("{a} and {b}") };
        [models, format!("{}, {n} images", self.dataset)]
    }

    /// What it shows, in words.
    pub(super) fn described(&self) -> String {
        let defined = self.rows.iter().filter(|row| row.value.is_finite());
        let highest = defined
            .filter(|row| row.model_a != row.model_b || row.stage_a != row.stage_b)
            .max_by(|a, b| a.value.total_cmp(&b.value));
        highest.map_or_else(
            || "No value is defined.".to_owned(),
            |row| {
                let (a, b) = (row.stage_a, row.stage_b);
                format!("{} at most {:.3}, of {a} and {b}.", self.measure.title(), row.value)
            },
        )
    }

    /// The numbers behind it stand in `similarities.csv`.
    pub(super) fn rows(&self) -> Vec<MarkRow> {
        let row = |row: &SimilarityRow| MarkRow {
            dataset: row.dataset.clone(),
            measure: row.measure.to_string(),
            n: row.n_images,
            model: format!("{} / {}", row.model_a, row.model_b),
            kind: format!("cell of {}", row.stage_b),
            distance: row.distance.map_or_else(String::new, |distance| distance.to_string()),
            stage: row.stage_a,
            depth_percent: row.depth_a,
            value: row.value,
            band: None,
            low: None,
            high: None,
            chance: None,
            ceiling: None,
            step: None,
        };
        self.rows.iter().map(row).collect()
    }

    /// Draws it into its frame: both models' stages from the lower left corner on.
    pub(super) fn draw(&self, svg: &mut Svg, frame: Frame) {
        let t = frame.text;
        let scale = self.scale_ticks(frame.height / (3.0 * t));
        let labels = scale.values.iter().map(|value| text_width(&scale.label(*value), t));
        let right_of = labels.fold(0.0, f64::max) + 3.9 * t;
        let names = self.stages[0].iter().map(|stage| text_width(&short(*stage), t));
        let place = Place {
            left: frame.left + 1.6 * t + names.fold(0.0, f64::max) + 0.5 * t,
            right: frame.left + frame.width - right_of,
            top: frame.top + 2.9 * t,
            bottom: frame.top + frame.height - 3.6 * t,
            across: self.stages[1].len() as f64,
            up: self.stages[0].len() as f64,
        };
        self.draw_titles(svg, frame);
        self.draw_cells(svg, &place);
        self.draw_stages(svg, frame, &place);
        self.draw_scale(svg, &place, &scale, t);
    }

    fn draw_titles(&self, svg: &mut Svg, frame: Frame) {
        let (t, ink) = (frame.text, INK.to_string());
        let [models, dataset] = self.titles();
        let label = |y, size| {
            let (x, anchor, class) = (frame.left + 0.4 * t, "start", "ink");
            Label { x, y, size, anchor, class, color: &ink }
        };
        // A name that is longer than the panel is written smaller.
        let room = frame.width - 0.8 * t;
        let size = t * (room / text_width(&models, 1.06 * t)).min(1.0);
        svg.text_with(label(frame.top + t, size), &[("font-weight", &"bold")], &models);
        svg.text(label(frame.top + 2.2 * t, 0.9 * t), &dataset);
    }

    fn draw_cells(&self, svg: &mut Svg, place: &Place) {
        svg.open("g", &[("shape-rendering", &"crispEdges"), ("class", &"series")]);
        for row in &self.rows {
            let at = |stages: &[Stage], stage| stages.iter().position(|other| *other == stage);
            let (Some(up), Some(across)) =
                (at(&self.stages[0], row.stage_a), at(&self.stages[1], row.stage_b))
            else {
                continue;
            };
            let (x, y) = (place.x(across as f64), place.y(up as f64 + 1.0));
            let title = format!("{} and {}: {:.3}", row.stage_a, row.stage_b, row.value);
            svg.element(
                "rect",
                &[
                    ("class", &"pt"),
                    ("x", &number(x)),
                    ("y", &number(y)),
                    ("width", &number(place.x(across as f64 + 1.0) - x)),
                    ("height", &number(place.y(up as f64) - y)),
                    ("fill", &self.color(row.value)),
                ],
                Some(&title),
            );
        }
        svg.close("g");
    }

    fn color(&self, value: f64) -> Color {
        let (low, high) = self.ends;
        match value.is_finite() {
            true if high <= low => on_scale(0.5),
            true => on_scale((value - low) / (high - low)),
            false => UNDEFINED,
        }
    }

    /// The names of the stages that have room for them, and whose they are.
    fn draw_stages(&self, svg: &mut Svg, frame: Frame, place: &Place) {
        let (t, ink) = (frame.text, INK.to_string());
        let label = |x, y, anchor| Label { x, y, size: t, anchor, class: "ink", color: &ink };
        let [up, across] = self.stages.each_ref();
        for stage in with_room(up, 1.15 * t / (place.y(0.0) - place.y(1.0))) {
            let y = place.y(stage as f64 + 0.5) + 0.35 * t;
            svg.text(label(place.left - 0.4 * t, y, "end"), &short(up[stage]));
        }
        let widest = across.iter().map(|stage| text_width(&short(*stage), t)).fold(0.0, f64::max);
        for stage in with_room(across, (widest + 0.4 * t) / (place.x(1.0) - place.x(0.0))) {
            let (x, y) = (place.x(stage as f64 + 0.5), place.bottom + 1.2 * t);
            svg.text(label(x, y, "middle"), &short(across[stage]));
        }
        let [a, b] = self.models.each_ref().map(|model| short_name(model));
        let (x, y) = (frame.left + t, (place.top + place.bottom) / 2.0);
        let turned = format!("rotate(-90 {} {})", number(x), number(y));
        let size = |name: &str, room: f64| t * (room / text_width(name, t)).min(1.0);
        let name = Label { size: size(&a, place.bottom - place.top), ..label(x, y, "middle") };
        svg.text_with(name, &[("transform", &turned)], &a);
        let (x, y) = ((place.left + place.right) / 2.0, place.bottom + 2.6 * t);
        svg.text(Label { size: size(&b, place.right - place.left), ..label(x, y, "middle") }, &b);
    }

    fn scale_ticks(&self, room: f64) -> Ticks {
        match self.ends {
            (low, high) if low < high => ticks(low, high, room),
            _ => Ticks::none(),
        }
    }

    /// The scale of colours at the right of the matrix.
    fn draw_scale(&self, svg: &mut Svg, place: &Place, scale: &Ticks, t: f64) {
        let ink = INK.to_string();
        let (low, high) = self.ends;
        let (x, width) = (place.right + 0.6 * t, 0.8 * t);
        let part = (place.bottom - place.top) / SCALE_PARTS as f64;
        svg.open("g", &[("shape-rendering", &"crispEdges")]);
        for i in 0..SCALE_PARTS {
            let look: Attributes<'_> = &[
                ("class", &"cell"),
                ("x", &number(x)),
                ("y", &number(place.bottom - (i + 1) as f64 * part)),
                ("width", &number(width)),
                ("height", &number(part + 0.5)),
                ("fill", &on_scale((i as f64 + 0.5) / SCALE_PARTS as f64)),
            ];
            svg.element("rect", look, None);
        }
        svg.close("g");
        let label = |x, y, anchor| Label { x, y, size: t, anchor, class: "ink", color: &ink };
        for value in &scale.values {
            let share = (value - low) / (high - low);
            let y = place.bottom - share * (place.bottom - place.top);
            svg.text(label(x + width + 0.45 * t, y + 0.35 * t, "start"), &scale.label(*value));
        }
        let labels = scale.values.iter().map(|value| text_width(&scale.label(*value), t));
        let x = x + width + 1.4 * t + labels.fold(0.0, f64::max);
        let y = (place.top + place.bottom) / 2.0;
        let turned = format!("rotate(-90 {} {})", number(x), number(y));
        let title = self.measure.title();
        svg.text_with(label(x, y, "middle"), &[("transform", &turned)], title);
    }
}

/// Where the matrix stands, and how many cells it has.
struct Place {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    across: f64,
    up: f64,
}

impl Place {
    fn x(&self, cell: f64) -> f64 {
        self.left + cell / self.across * (self.right - self.left)
    }

    fn y(&self, cell: f64) -> f64 {
        self.bottom - cell / self.up * (self.bottom - self.top)
    }
}

/// The stages whose names have room, one in so many, and the last.
fn with_room(stages: &[Stage], needed: f64) -> Vec<usize> {
    let apart = needed.ceil().max(1.0) as usize;
    let last = stages.len() - 1;
    let has_room = |i: &usize| *i == last || (i.is_multiple_of(apart) && *i + apart <= last);
    (0..=last).filter(has_room).collect()
}

/// A stage's name beside the matrix: a block by its number.
fn short(stage: Stage) -> String {
    match stage {
        Stage::Embedding => "emb".to_owned(),
        Stage::Block(i) => i.to_string(),
        Stage::Projection => "proj".to_owned(),
        Stage::Output => "out".to_owned(),
        other => other.to_string(),
    }
}
