//! A map of a series: its scores over training and depth, as colours.

use super::axes::{Axes, Frame, Ticks, ticks, under_steps};
use super::palette::{Color, INK, on_scale};
use super::steps::Steps;
use super::svg::{Attributes, Label, Svg, number, text_width};
use super::table::MarkRow;
use super::training::SeriesScores;
use crate::distance::Distance;
use crate::model_spec::short_name;
use crate::results::ScoreRow;
use crate::score::Measure;
use crate::shown::thousands;
use crate::stage::Stage;

/// A cell whose score is not defined.
const UNDEFINED: Color = Color([225, 225, 225]);
/// With more cells than this, none says its value when it is pointed at.
const MOST_TOLD: usize = 2000;
/// Parts of the scale of colours.
const SCALE_PARTS: usize = 64;

/// The scores of a series on a data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    series: String,
    dataset: String,
    n: usize,
    measure: Measure,
    distance: Distance,
    steps: Steps,
    /// By depth.
    stages: Vec<(Stage, f64)>,
    cells: Vec<Cell>,
    /// Scores at the ends of the scale of colours: the least and the greatest of all series on the
    /// data set.
    ends: (f64, f64),
}

/// A state at a stage.
#[derive(Debug, Clone, PartialEq)]
struct Cell {
    /// Position of the stage.
    stage: usize,
    step: usize,
    /// NaN where it is not defined.
    value: f64,
    interval: Option<(f64, f64)>,
}

/// A map for each series on each data set.
pub(super) fn maps(rows: &[ScoreRow]) -> Vec<Map> {
    let mut maps: Vec<Map> = SeriesScores::all(rows).iter().map(Map::new).collect();
    let ends: Vec<(f64, f64)> = maps.iter().map(|map| ends_of(&maps, &map.dataset)).collect();
    maps.iter_mut().zip(ends).for_each(|(map, ends)| map.ends = ends);
    maps
}

/// The least and the greatest score on a data set.
fn ends_of(maps: &[Map], dataset: &str) -> (f64, f64) {
    let of_dataset = maps.iter().filter(|map| map.dataset == dataset);
    let values = of_dataset.flat_map(|map| &map.cells).map(|cell| cell.value);
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

impl Map {
    fn new(of_series: &SeriesScores<'_>) -> Self {
        let stages = of_series.stages();
        let cell = |row: &&ScoreRow| {
            let stage = stages.iter().position(|(stage, _)| *stage == row.stage)?;
            let interval = row.ci_low.zip(row.ci_high);
            Some(Cell { stage, step: row.step?, value: row.value, interval })
        };
        let mut cells: Vec<Cell> = of_series.rows.iter().filter_map(cell).collect();
        cells.sort_by_key(|cell| (cell.step, cell.stage));
        let first = of_series.rows[0];
        Self {
            series: of_series.series.to_owned(),
            dataset: of_series.dataset.to_owned(),
            n: first.n,
            measure: first.measure,
            distance: first.distance,
            steps: of_series.steps(),
            cells,
            stages,
            ends: (f64::NAN, f64::NAN),
        }
    }

    /// What stands over it.
    pub(super) fn titles(&self) -> [String; 2] {
        let n = thousands(self.n);
        [short_name(&self.series), format!("{}, n = {n}", self.dataset)]
    }

    /// What it shows, in words.
    pub(super) fn described(&self) -> String {
        let defined = || self.cells.iter().filter(|cell| cell.value.is_finite());
        let said = |cell: &Cell| {
            format!("{:.3} at {}, step {}", cell.value, self.stages[cell.stage].0, cell.step)
        };
        let lowest = defined().min_by(|a, b| a.value.total_cmp(&b.value));
        let highest = defined().max_by(|a, b| a.value.total_cmp(&b.value));
        match (lowest, highest) {
            (Some(low), Some(high)) => format!("From {} to {}.", said(low), said(high)),
            _ => "No score is defined.".to_owned(),
        }
    }

    /// The numbers behind it, one row a cell.
    pub(super) fn rows(&self) -> Vec<MarkRow> {
        let row = |cell: &Cell| MarkRow {
            dataset: self.dataset.clone(),
            measure: self.measure.to_string(),
            n: self.n,
            model: self.series.clone(),
            kind: "cell".to_owned(),
            distance: self.distance.to_string(),
            stage: self.stages[cell.stage].0,
            depth_percent: self.stages[cell.stage].1,
            value: cell.value,
            band: cell.interval.map(|_| "interval".to_owned()),
            low: cell.interval.map(|(low, _)| low),
            high: cell.interval.map(|(_, high)| high),
            chance: None,
            ceiling: None,
            step: Some(cell.step),
        };
        self.cells.iter().map(row).collect()
    }

    /// Draws it into its frame: stages from the first at the foot to the last at the head.
    pub(super) fn draw(&self, svg: &mut Svg, frame: Frame) {
        let t = frame.text;
        let (top, bottom) = (frame.top + 2.9 * t, frame.top + frame.height - 4.0 * t);
        let scale = self.scale_ticks((bottom - top) / (2.1 * t));
        let labels = scale.values.iter().map(|value| text_width(&scale.label(*value), t));
        let right_of = labels.fold(0.0, f64::max) + 3.9 * t;
        let names = (0..self.stages.len()).map(|i| text_width(&self.stage_name(i), t));
        let axes = Axes {
            left: frame.left + 1.35 * t + names.fold(0.0, f64::max) + 0.5 * t,
            right: frame.left + frame.width - right_of,
            top,
            bottom,
            low: 0.0,
            high: self.stages.len() as f64,
            logarithmic: false,
            steps: None,
        };
        self.draw_titles(svg, frame, &axes);
        let columns = Columns::new(&self.steps, axes.left, axes.right);
        self.draw_cells(svg, &axes, &columns);
        self.draw_stages(svg, frame, &axes);
        let ends = (axes.left, axes.right);
        under_steps(svg, &self.steps, |step| columns.middle(step), ends, axes.bottom, t);
        self.draw_scale(svg, &axes, &scale, t);
    }

    fn draw_titles(&self, svg: &mut Svg, frame: Frame, axes: &Axes) {
        let (t, ink) = (frame.text, INK.to_string());
        let [series, dataset] = self.titles();
        let room = frame.left + frame.width - text_width(&series, 1.06 * t) * 1.1;
        let left = axes.left.min(room).max(frame.left);
        let label =
            |y, size| Label { x: left, y, size, anchor: "start", class: "ink", color: &ink };
        let bold: Attributes<'_> = &[("font-weight", &"bold")];
        svg.text_with(label(frame.top + t, t), bold, &series);
        svg.text(label(frame.top + 2.2 * t, 0.9 * t), &dataset);
    }

    fn draw_cells(&self, svg: &mut Svg, axes: &Axes, columns: &Columns<'_>) {
        let told = self.cells.len() <= MOST_TOLD;
        svg.open("g", &[("shape-rendering", &"crispEdges"), ("class", &"series")]);
        for cell in &self.cells {
            let Some((from, to)) = columns.ends(cell.step) else { continue };
            let (foot, head) = (axes.y(cell.stage as f64), axes.y(cell.stage as f64 + 1.0));
            let title = told.then(|| self.told(cell));
            svg.element(
                "rect",
                &[
                    ("class", if told { &"pt" } else { &"cell" }),
                    ("x", &number(from)),
                    ("y", &number(head)),
                    ("width", &number(to - from)),
                    ("height", &number(foot - head)),
                    ("fill", &self.color(cell.value)),
                ],
                title.as_deref(),
            );
        }
        svg.close("g");
    }

    /// What is said of a cell when it is pointed at.
    fn told(&self, cell: &Cell) -> String {
        let place = format!("{}, step {}", self.stages[cell.stage].0, cell.step);
        let ends = |(low, high)| format!(" [{low:.3}, {high:.3}]");
        match cell.value.is_finite() {
            true => {
                format!("{place}: {:.3}{}", cell.value, cell.interval.map_or(String::new(), ends))
            }
            false => format!("{place}: not defined"),
        }
    }

    fn color(&self, value: f64) -> Color {
        let (low, high) = self.ends;
        match value.is_finite() {
            // Where all are equal, each is in the middle.
            true if high <= low => on_scale(0.5),
            true => on_scale((value - low) / (high - low)),
            false => UNDEFINED,
        }
    }

    /// A stage's name beside the map: a block by its number.
    fn stage_name(&self, stage: usize) -> String {
        match self.stages[stage].0 {
            Stage::Embedding => "emb".to_owned(),
            Stage::Block(i) => i.to_string(),
            Stage::Projection => "proj".to_owned(),
            Stage::Output => "out".to_owned(),
            other => other.to_string(),
        }
    }

    /// The names of the stages that have room for them, and what they are.
    fn draw_stages(&self, svg: &mut Svg, frame: Frame, axes: &Axes) {
        let (t, ink) = (frame.text, INK.to_string());
        let label = |x, y, anchor| Label { x, y, size: t, anchor, class: "ink", color: &ink };
        let height = (axes.bottom - axes.top) / self.stages.len().max(1) as f64;
        let apart = (1.15 * t / height).ceil().max(1.0) as usize;
        let last = self.stages.len() - 1;
        let has_room = |i: &usize| *i == last || (i.is_multiple_of(apart) && *i + apart <= last);
        for stage in (0..=last).filter(has_room) {
            let y = axes.y(stage as f64 + 0.5) + 0.35 * t;
            svg.text(label(axes.left - 0.4 * t, y, "end"), &self.stage_name(stage));
        }
        let (x, y) = (frame.left + t, (axes.top + axes.bottom) / 2.0);
        let turned = format!("rotate(-90 {} {})", number(x), number(y));
        svg.text_with(
            label(x, y, "middle"),
            &[("transform", &turned)],
            "stage (number of the block)",
        );
    }

    /// The marks of the scale of colours: none where all scores are equal or not defined.
    fn scale_ticks(&self, room: f64) -> Ticks {
        match self.ends {
            (low, high) if low < high => ticks(low, high, room),
            _ => Ticks::none(),
        }
    }

    /// The scale of colours at the right of the map.
    fn draw_scale(&self, svg: &mut Svg, axes: &Axes, scale: &Ticks, t: f64) {
        let ink = INK.to_string();
        let (low, high) = self.ends;
        let (x, width) = (axes.right + 0.6 * t, 0.8 * t);
        let part = (axes.bottom - axes.top) / SCALE_PARTS as f64;
        svg.open("g", &[("shape-rendering", &"crispEdges")]);
        for i in 0..SCALE_PARTS {
            let color = on_scale((i as f64 + 0.5) / SCALE_PARTS as f64);
            svg.element(
                "rect",
                &[
                    ("class", &"cell"),
                    ("x", &number(x)),
                    ("y", &number(axes.bottom - (i + 1) as f64 * part)),
                    ("width", &number(width)),
                    ("height", &number(part + 0.5)),
                    ("fill", &color),
                ],
                None,
            );
        }
        svg.close("g");
        let label = |x, y, anchor| Label { x, y, size: t, anchor, class: "ink", color: &ink };
        for value in &scale.values {
            let y = axes.bottom - (value - low) / (high - low) * (axes.bottom - axes.top);
            let tick = format!("M{} {}h{}", number(x + width), number(y), number(0.3 * t));
            let look: Attributes<'_> = &[
                ("class", &"axis"),
                ("d", &tick),
                ("stroke", &INK),
                ("stroke-width", &number(0.08 * t)),
            ];
            svg.element("path", look, None);
            svg.text(label(x + width + 0.45 * t, y + 0.35 * t, "start"), &scale.label(*value));
        }
        let labels = scale.values.iter().map(|value| text_width(&scale.label(*value), t));
        let x = x + width + 1.4 * t + labels.fold(0.0, f64::max);
        let y = (axes.top + axes.bottom) / 2.0;
        let turned = format!("rotate(-90 {} {})", number(x), number(y));
        svg.text_with(label(x, y, "middle"), &[("transform", &turned)], self.measure.title());
    }
}

/// The columns of a map, which fill it from the left to the right.
struct Columns<'a> {
    steps: &'a Steps,
    /// Where they begin and end, in units of the axis of steps.
    edges: Vec<f64>,
    left: f64,
    right: f64,
}

impl<'a> Columns<'a> {
    /// Columns that meet in the middle between two steps.
    fn new(steps: &'a Steps, left: f64, right: f64) -> Self {
        let places: Vec<f64> = steps.all().iter().map(|step| steps.place(*step)).collect();
        let between: Vec<f64> = places.windows(2).map(|two| (two[0] + two[1]) / 2.0).collect();
        let [first, last] = [places.first(), places.last()].map(|end| *end.unwrap_or(&50.0));
        let [before, behind] = match (between.first(), between.last()) {
            (Some(from), Some(to)) => [2.0 * first - from, 2.0 * last - to],
            _ => [first - 50.0, last + 50.0],
        };
        let edges = std::iter::once(before).chain(between).chain([behind]).collect();
        Self { steps, edges, left, right }
    }

    fn x(&self, place: f64) -> f64 {
        let [from, to] = [self.edges[0], self.edges[self.edges.len() - 1]];
        self.left + (place - from) / (to - from) * (self.right - self.left)
    }

    /// Where the column of a step begins and ends.
    fn ends(&self, step: usize) -> Option<(f64, f64)> {
        let column = self.steps.all().iter().position(|other| *other == step)?;
        Some((self.x(self.edges[column]), self.x(self.edges[column + 1])))
    }

    /// Where a step stands.
    fn middle(&self, step: usize) -> f64 {
        self.x(self.steps.place(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::tests::row;

    /// Scores of a series at two stages of three steps.
    fn rows(value: impl Fn(usize) -> f64) -> Vec<ScoreRow> {
        let mut rows = Vec::new();
        for step in [0, 10, 20] {
            for (i, stage) in [Stage::Block(1), Stage::Output].into_iter().enumerate() {
                let model = format!("run@step={step}");
                let row = row("nights", &model, stage, Distance::Cosine);
                let (series, step) = (Some("run".to_owned()), Some(step));
                rows.push(ScoreRow { value: value(i), series, step, ..row });
            }
        }
        rows
    }

    #[test]
    fn equal_scores_and_scores_that_are_not_defined_have_no_scale_but_are_drawn() {
        for value in [0.5, f64::NAN] {
            let maps = maps(&rows(|_| value));
            assert_eq!(maps[0].rows().len(), 6);
            let mut svg = Svg::default();
            let (left, top) = (0.0, 0.0);
            maps[0].draw(&mut svg, Frame { left, top, width: 400.0, height: 300.0, text: 13.0 });
            let svg = svg.finish();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let color = if value.is_nan() { UNDEFINED } else { on_scale(0.5) };
            assert_eq!(svg.matches("class=\"pt\"").count(), 6);
            assert!(svg.contains(&format!("fill=\"{color}\"")));
        }
    }

    #[test]
    fn the_ends_of_the_scale_are_the_least_and_the_greatest_score() {
        let maps = maps(&rows(|stage| [0.4, 0.7][stage]));
        assert_eq!(maps[0].ends, (0.4, 0.7));
        assert_eq!([0.4, 0.7].map(|v| maps[0].color(v)), [0.0, 1.0].map(on_scale));
        assert!(maps[0].described().starts_with("From 0.400 at block 1, step 0 to 0.700"));
    }

    #[test]
    fn columns_meet_between_steps_and_fill_the_map() {
        let steps = Steps::new(vec![0, 10, 20, 60]);
        let columns = Columns::new(&steps, 100.0, 200.0);
        let ends = steps.all().iter().filter_map(|step| columns.ends(*step)).collect::<Vec<_>>();
        assert_eq!((ends[0].0, ends[3].1), (100.0, 200.0));
        assert!(ends.windows(2).all(|two| two[0].1 == two[1].0));
        // From −5 to 80: a column is from the middle to the middle.
        assert!((ends[0].1 - (100.0 + 100.0 * 10.0 / 85.0)).abs() < 1e-9, "{ends:?}");
        assert!((columns.middle(10) - (100.0 + 100.0 * 15.0 / 85.0)).abs() < 1e-9);
        let one = Steps::new(vec![7]);
        assert_eq!(Columns::new(&one, 0.0, 10.0).ends(7), Some((0.0, 10.0)));
    }
}
