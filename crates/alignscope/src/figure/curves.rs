//! What a panel shows: the curves of one data set.

use std::fmt;

use super::steps::Steps;
use crate::dataset::{ALL, Level, Release};
use crate::distance::Distance;
use crate::energy::{EnergyOf, EnergyRow};
use crate::model_spec::{Parts, Specs, short_name};
use crate::results::ScoreRow;
use crate::score::Measure;
use crate::shown::thousands;
use crate::stage::Stage;
use crate::study::{AskedParts, PublishedScore, is_comparable};

/// A score at a depth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) stage: Stage,
    pub(super) depth: f64,
    /// The step of the state, in a panel of a series.
    pub(super) step: Option<usize>,
    /// NaN where the score is not defined: a gap.
    pub(super) value: f64,
    /// The interval, or for several seeds the least and the greatest.
    pub(super) band: Option<(f64, f64)>,
}

/// Whose scores a curve shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Model,
    /// An untrained control.
    Control,
    /// So many seeds of an untrained control: their mean.
    Seeds(usize),
    /// What the study published of the model.
    Published,
    /// A stage of a series, with its place among those that are shown.
    Stage(usize),
    /// A data set, by its place among those of the panel.
    Dataset(usize),
}

impl Kind {
    /// The word in the table of numbers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Control => "control",
            Self::Seeds(_) => "seeds",
            Self::Published => "published",
            Self::Stage(_) => "stage",
            Self::Dataset(_) => "model",
        }
    }
}

/// What a panel shows against depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    /// A score.
    Score(Measure),
    /// The share of the energy that the largest channel holds.
    TopChannelShare,
    /// The effective number of channels.
    EffectiveChannels,
}

impl Quantity {
    /// Whether it is of energy, and so nothing that people answered.
    pub(super) fn is_of_energy(self) -> bool {
        !matches!(self, Self::Score(_))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(measure) => measure.fmt(f),
            Self::TopChannelShare => f.pad("top-channel-share"),
            Self::EffectiveChannels => f.pad("effective-channels"),
        }
    }
}

/// What of a model a curve shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Scores by a kind of distance.
    Distance(Distance),
    /// Energy.
    Energy(EnergyOf),
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Distance(distance) => distance.fmt(f),
            Self::Energy(energy) => energy.fmt(f),
        }
    }
}

/// A point on its way to a panel.
struct Found<'a> {
    dataset: &'a str,
    level: Level,
    release: Option<Release>,
    quantity: Quantity,
    model: &'a str,
    of: Of,
    n: usize,
    point: Point,
    reference: Option<Reference>,
    simulated: bool,
    ceiling: Option<f64>,
}

impl<'a> Found<'a> {
    fn of_score(row: &'a ScoreRow) -> Self {
        let ScoreRow { stage, depth_percent, value, .. } = *row;
        let band = row.ci_low.zip(row.ci_high);
        Self {
            dataset: &row.dataset,
            level: row.level,
            release: row.release,
            quantity: Quantity::Score(row.measure),
            model: &row.model,
            of: Of::Distance(row.distance),
            n: row.n,
            point: Point { stage, depth: depth_percent, step: None, value, band },
            reference: row.chance.map(Reference::Chance),
            simulated: row.simulated,
            ceiling: row.ceiling,
        }
    }

    /// The largest channel's share, and the effective number of channels.
    fn of_energy(row: &'a EnergyRow) -> [Self; 2] {
        let found = |quantity, value, reference| Self {
            dataset: &row.dataset,
            level: row.level,
            release: None,
            quantity,
            model: &row.model,
            of: Of::Energy(row.energy),
            n: row.n,
            point: Point {
                stage: row.stage,
                depth: row.depth_percent,
                step: None,
                value,
                band: None,
            },
            reference,
            simulated: false,
            ceiling: None,
        };
        [
            found(Quantity::TopChannelShare, row.top_channel_share, Some(Reference::Half)),
            found(Quantity::EffectiveChannels, row.effective_channels, None),
        ]
    }
}

/// One model with one kind of distance, or its energy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    pub(super) model: String,
    pub(super) of: Of,
    pub(super) kind: Kind,
    /// Whether the model is an untrained control.
    pub(super) control: bool,
    /// Trials; of an energy, images or pairs.
    pub(super) n: usize,
    /// In order of depth.
    pub(super) points: Vec<Point>,
}

/// A measure that has one score: a baseline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MetricKind {
    pub(super) model: String,
    pub(super) point: Point,
    pub(super) published: bool,
}

/// The line that values are held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reference {
    /// The score of answers by chance.
    Chance(f64),
    /// One half of the energy.
    Half,
}

impl Reference {
    pub(super) fn value(self) -> f64 {
        match self {
            Self::Chance(chance) => chance,
            Self::Half => 0.5,
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chance(_) => "chance",
            Self::Half => "one half",
        }
    }
}

/// One data set by one quantity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PanelData {
    pub(super) dataset: String,
    pub(super) level: Level,
    pub(super) release: Option<Release>,
    pub(super) quantity: Quantity,
    pub(super) n: usize,
    /// Trials of the published scores that lie under those of the run.
    pub(super) published_n: Option<usize>,
    pub(super) reference: Option<Reference>,
    /// Whether a simulated observer answered.
    pub(super) simulated: bool,
    /// The score of people, where it is known.
    pub(super) ceiling: Option<f64>,
    /// Published curves first, so that they lie under the others.
    pub(super) curves: Vec<Curve>,
    /// The score of the pixels, at 0 %.
    pub(super) pixels: Option<Point>,
    pub(super) baselines: Vec<MetricKind>,
    /// The series whose training it shows, if it shows one.
    pub(super) series: Option<ShownSeries>,
    /// The data sets of which it has a line each, if it shows one model on several: `dataset` is
    /// then the model's name.
    pub(super) datasets: Vec<String>,
    /// Ends of the values of all panels that share an axis.
    pub(super) ends: Option<(f64, f64)>,
}

/// A series, in a panel of its training.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ShownSeries {
    pub(super) name: String,
    pub(super) steps: Steps,
}

impl PanelData {
    /// A panel for each data set in the rows, from the low to the high level.
    pub(super) fn of_rows(
        rows: &[ScoreRow],
        specs: &Specs,
        published: &[PublishedScore],
        parts: &AskedParts,
    ) -> Vec<Self> {
        let shown = |row: &&ScoreRow| row.subset == ALL && row.measure.is_main();
        let mut panels = Self::collect(rows.iter().filter(shown).map(Found::of_score), specs);
        for panel in &mut panels {
            if is_comparable(rows, &panel.dataset, parts) {
                panel.lay_under(specs, published);
            }
            panel.sort_points();
        }
        panels.sort_by_key(|panel| panel.level);
        panels
    }

    /// A panel for each data set in the rows, with all of them.
    pub(super) fn of_scores<'a>(rows: impl Iterator<Item = &'a ScoreRow>) -> Vec<Self> {
        Self::collect(rows.map(Found::of_score), &Specs::default())
    }

    /// Two panels for each data set in the rows that has an energy: the largest channel's share
    /// and the effective number of channels. Those of one measure stand beside each other, from
    /// the low to the high level; the two of one data set where they are one or more than `most`.
    pub(super) fn of_energy(rows: &[EnergyRow], specs: &Specs, most: usize) -> Vec<Self> {
        let mut panels = Self::collect(rows.iter().flat_map(Found::of_energy), specs);
        panels.iter_mut().for_each(Self::sort_points);
        panels.sort_by_key(|panel| panel.level);
        if panels.len() / 2 <= most {
            panels.sort_by_key(|panel| panel.quantity);
        }
        panels
    }

    /// A panel for each data set and quantity that is found, in their order.
    fn collect<'a>(all: impl Iterator<Item = Found<'a>>, specs: &Specs) -> Vec<Self> {
        let mut panels: Vec<Self> = Vec::new();
        for found in all {
            let same = |p: &Self| p.dataset == found.dataset && p.quantity == found.quantity;
            let index = panels.iter().position(same).unwrap_or_else(|| {
                panels.push(Self {
                    dataset: found.dataset.to_owned(),
                    level: found.level,
                    release: found.release,
                    quantity: found.quantity,
                    n: found.n,
                    published_n: None,
                    reference: found.reference,
                    simulated: found.simulated,
                    ceiling: None,
                    curves: Vec::new(),
                    pixels: None,
                    baselines: Vec::new(),
                    series: None,
                    datasets: vec![],
                    ends: None,
                });
                panels.len() - 1
            });
            panels[index].add(&found, specs);
        }
        panels.iter_mut().for_each(Self::join_stages);
        panels.iter_mut().for_each(Self::join_seeds);
        panels
    }

    fn sort_points(&mut self) {
        for curve in &mut self.curves {
            curve.points.sort_by(|a, b| a.depth.total_cmp(&b.depth));
        }
    }

    fn add(&mut self, found: &Found<'_>, specs: &Specs) {
        let point = found.point;
        self.ceiling = self.ceiling.or(found.ceiling);
        match point.stage {
            Stage::Image => self.pixels = point.value.is_finite().then_some(point),
            _ if found.of == Of::Distance(Distance::Own) => {
                let model = found.model.to_owned();
                if point.value.is_finite() {
                    self.baselines.push(MetricKind { model, point, published: false });
                }
            }
            _ => {
                let control = specs.is_control(found.model);
                let kind = if control { Kind::Control } else { Kind::Model };
                self.curve_of(found, kind).points.push(point);
            }
        }
    }

    /// A model with a distance of its own at several stages has a curve, and no lines.
    fn join_stages(&mut self) {
        let (n, own) = (self.n, Of::Distance(Distance::Own));
        let baselines = std::mem::take(&mut self.baselines);
        let points = |model: &str| {
            let of_model = baselines.iter().filter(|line| line.model == model && !line.published);
            of_model.map(|line| line.point).collect::<Vec<Point>>()
        };
        for line in &baselines {
            let points = points(&line.model);
            if line.published || points.len() == 1 {
                self.baselines.push(line.clone());
            } else if !self.curves.iter().any(|c| c.model == line.model && c.of == own) {
                let (model, kind) = (line.model.clone(), Kind::Model);
                self.curves.push(Curve { model, of: own, kind, control: false, n, points });
            }
        }
    }

    /// The curve of a point, which is added where there is none.
    fn curve_of(&mut self, found: &Found<'_>, kind: Kind) -> &mut Curve {
        let same = |c: &Curve| c.model == found.model && c.of == found.of && c.kind == kind;
        let index = self.curves.iter().position(same).unwrap_or_else(|| {
            let (model, of, n) = (found.model.to_owned(), found.of, found.n);
            let control = kind == Kind::Control;
            self.curves.push(Curve { model, of, kind, control, n, points: vec![] });
            self.curves.len() - 1
        });
        &mut self.curves[index]
    }

    /// Several seeds of one control become one curve: their mean, with a band from the least to the
    /// greatest. Those that are given names of their own are shown by themselves.
    fn join_seeds(&mut self) {
        let mut joined: Vec<Curve> = Vec::new();
        let curves = std::mem::take(&mut self.curves);
        for curve in &curves {
            let key = |c: &Curve| {
                let parts = Parts::of(&c.model);
                (parts.control, parts.base.to_owned(), parts.published, c.of)
            };
            let of_one: Vec<&Curve> = curves.iter().filter(|c| key(c) == key(curve)).collect();
            if curve.kind != Kind::Control || of_one.len() == 1 {
                joined.push(curve.clone());
            } else if of_one[0] == curve {
                joined.push(mean_of(&of_one));
            }
        }
        self.curves = joined;
    }

    /// Adds what the study published of the models that are shown, and of its baselines where any
    /// is shown.
    fn lay_under(&mut self, specs: &Specs, published: &[PublishedScore]) {
        let shown: Vec<(String, Of)> =
            self.curves.iter().map(|c| (c.model.clone(), c.of)).collect();
        let mut under: Vec<Curve> = Vec::new();
        for score in published.iter().filter(|s| Some(s.release) == self.release) {
            self.published_n = Some(score.trials());
            let point = Point {
                stage: score.stage,
                depth: score.depth_percent,
                step: None,
                value: score.value,
                band: None,
            };
            if score.distance == Distance::Own {
                let model = score.model.clone();
                self.baselines.push(MetricKind { model, point, published: true });
                continue;
            }
            let same = |(m, of): &&(String, Of)| {
                score.shows(specs.of(m)) && *of == Of::Distance(score.distance)
            };
            let Some((model, of)) = shown.iter().find(same) else { continue };
            match under.iter_mut().find(|c| c.model == *model && c.of == *of) {
                Some(curve) => curve.points.push(point),
                None => under.push(Curve {
                    model: model.clone(),
                    of: *of,
                    kind: Kind::Published,
                    control: specs.is_control(model),
                    n: self.n,
                    points: vec![point],
                }),
            }
        }
        under.append(&mut self.curves);
        self.curves = under;
    }

    /// Whether a curve has stages that are not an encoder's.
    pub(super) fn has_named_stages(&self) -> bool {
        let mut points = self.curves.iter().flat_map(|curve| &curve.points);
        points.any(|point| matches!(point.stage, Stage::Named(_)))
    }

    /// What the last stage of the encoders is called, whole and short.
    pub(super) fn last_stage(&self) -> [&'static str; 2] {
        let has = |stage| self.curves.iter().any(|c| c.points.iter().any(|p| p.stage == stage));
        match (has(Stage::Projection), has(Stage::Output)) {
            (false, true) => ["output", "out"],
            (true, true) => ["last", "last"],
            _ => ["projection", "proj"],
        }
    }

    /// What stands over the panel: the level or what is measured, and the data set.
    pub(super) fn titles(&self) -> [String; 2] {
        let measured = match self.quantity {
            Quantity::TopChannelShare => Some("largest channel"),
            Quantity::EffectiveChannels => Some("effective channels"),
            Quantity::Score(_) => None,
        };
        if let Some(measured) = measured {
            let images = format!("{}, {} images", self.dataset, thousands(self.n));
            return [measured.to_owned(), images];
        }
        if let Some(series) = &self.series {
            let n = thousands(self.n);
            return [short_name(&series.name), format!("{}, n = {n}", self.dataset)];
        }
        if let Some(curve) = self.curves.first().filter(|_| !self.datasets.is_empty()) {
            return [short_name(&self.dataset), curve.of.to_string()];
        }
        let level = match self.level {
            Level::Low => "low: distortions",
            Level::Middle => "middle: within a class",
            Level::High => "high: between classes",
            Level::None => "no level",
        };
        [level.to_owned(), format!("{}, n = {}", self.dataset, thousands(self.n))]
    }

    /// The data set of a curve.
    pub(super) fn dataset_of(&self, curve: &Curve) -> &str {
        match curve.kind {
            Kind::Dataset(place) => &self.datasets[place],
            _ => &self.dataset,
        }
    }

    /// Which of five marks a curve has that is not told by its model: stages and data sets are
    /// spread over them.
    pub(super) fn mark_of(&self, curve: &Curve) -> Option<usize> {
        match curve.kind {
            Kind::Stage(place) => Some(place),
            Kind::Dataset(place) if self.datasets.len() <= 5 => {
                Some(place * 4 / (self.datasets.len() - 1).max(1))
            }
            Kind::Dataset(place) => Some(place),
            _ => None,
        }
    }

    /// What the line of the ceiling is called.
    pub(super) fn ceiling_name(&self) -> &'static str {
        if self.simulated { "answers agree" } else { "people agree" }
    }

    /// What stands beside the axis of scores.
    pub(super) fn score_name(&self) -> &'static str {
        match self.quantity {
            Quantity::Score(measure) => measure.title(),
            Quantity::TopChannelShare => "share of the energy",
            Quantity::EffectiveChannels => "number of channels",
        }
    }

    /// Whether equal steps of the axis of scores are equal factors.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.quantity == Quantity::EffectiveChannels
    }

    /// A value as it is said.
    pub(super) fn said(&self, value: f64) -> String {
        match self.quantity {
            Quantity::EffectiveChannels => format!("{value:.1}"),
            Quantity::Score(_) | Quantity::TopChannelShare => format!("{value:.3}"),
        }
    }

    /// Ends of the axis of scores before room is added: all values, bands, the ceiling, and chance, unless it
    /// lies so far below that the curves would have less than half of the axis.
    pub(super) fn extent(&self) -> (f64, f64) {
        if let Some(ends) = self.ends {
            return ends;
        }
        let points = self.curves.iter().flat_map(|c| &c.points).chain(&self.pixels);
        let points = points.chain(self.baselines.iter().map(|b| &b.point));
        let bands = points.flat_map(|p| {
            let (low, high) = p.band.unwrap_or((p.value, p.value));
            [p.value, low, high]
        });
        let (low, high) = bands
            .chain(self.ceiling)
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        match self.reference.map(Reference::value) {
            Some(line) if low - line <= high - low || high - low <= 0.05 => {
                (low.min(line), high.max(line))
            }
            _ => (low, high),
        }
    }
}

/// The mean of several curves of the same stages; undefined where any is.
fn mean_of(curves: &[&Curve]) -> Curve {
    let points = curves[0].points.iter().map(|first| {
        let same = |c: &&Curve| c.points.iter().find(|p| p.stage == first.stage).map(|p| p.value);
        let values: Vec<f64> = curves.iter().filter_map(same).collect();
        let value = values.iter().sum::<f64>() / values.len() as f64;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Point { value, band: value.is_finite().then_some((low, high)), ..*first }
    });
    Curve {
        model: curves[0].model.clone(),
        of: curves[0].of,
        kind: Kind::Seeds(curves.len()),
        control: true,
        n: curves[0].n,
        points: points.collect(),
    }
}
