//! What the page draws by itself: the scores, the models with their colours, and trials on which two
//! models disagree, as JSON inside the page.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::examples::{Disagreement, Example, ExampleImage, Examples};
use super::{Run, datasets_of, people};
use crate::bibliography::citations_of_run;
use crate::ceiling::CeilingRow;
use crate::dataset::{ALL, Level};
use crate::distance::Distance;
use crate::figure::{Palette, baseline_dashes, mark_of_distance};
use crate::model_spec::{Specs, short_name};
use crate::results::{ResultsError, ScoreRow};
use crate::score::Measure;
use crate::stage::Stage;

/// With more points than these the page has the main measures and bits alone.
const MOST_POINTS: usize = 60_000;

/// All of it.
#[derive(Serialize)]
struct View<'a> {
    title: &'a str,
    version: &'a str,
    simulated: bool,
    people: &'a str,
    main_distance: &'static str,
    slug: String,
    datasets: Vec<ViewDataset<'a>>,
    models: Vec<ViewModel<'a>>,
    distances: Vec<ViewDistance>,
    measures: Vec<ViewMeasure>,
    curves: Vec<ViewCurve>,
    chance: Vec<ViewChance>,
    images: BTreeMap<String, &'a str>,
    disagreements: Vec<ViewDisagreement<'a>>,
    bibtex: String,
}

#[derive(Serialize)]
struct ViewDataset<'a> {
    name: &'a str,
    level: &'static str,
    trials: usize,
    main_measure: Option<&'static str>,
    ceilings: Vec<ViewCeiling>,
}

#[derive(Serialize)]
struct ViewCeiling {
    measure: &'static str,
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    label: &'static str,
}

#[derive(Serialize)]
struct ViewModel<'a> {
    name: &'a str,
    short: String,
    kind: Kind,
    light: String,
    dark: String,
    dashes: Option<[u32; 2]>,
}

/// What a model is, for how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Model,
    Control,
    Baseline,
    Pixels,
}

#[derive(Serialize)]
struct ViewDistance {
    name: &'static str,
    mark: &'static str,
    dashes: Option<[u32; 2]>,
}

#[derive(Serialize)]
struct ViewMeasure {
    name: &'static str,
    label: &'static str,
    axis: String,
    less_is_better: bool,
}

/// A point of a curve: stage, depth in percent, value and the ends of the interval.
type ViewPoint = (String, f64, f64, Option<f64>, Option<f64>);

/// A curve.
#[derive(Serialize)]
struct ViewCurve {
    dataset: usize,
    model: usize,
    distance: Option<usize>,
    measure: usize,
    points: Vec<ViewPoint>,
}

#[derive(Serialize)]
struct ViewChance {
    dataset: usize,
    measure: usize,
    value: f64,
}

#[derive(Serialize)]
struct ViewDisagreement<'a> {
    dataset: usize,
    a: usize,
    b: usize,
    n: usize,
    differ: Option<usize>,
    trials: Vec<ViewTrial<'a>>,
}

#[derive(Serialize)]
struct ViewTrial<'a> {
    title: &'a str,
    people: &'a str,
    images: Vec<ViewImage<'a>>,
    answers: Vec<(usize, &'a str, Option<bool>)>,
}

#[derive(Serialize)]
struct ViewImage<'a> {
    id: &'a str,
    role: &'a str,
    thumb: Option<String>,
    chosen: bool,
}

/// What a view is made of: the scores of a run, or of several.
pub(super) struct Shown<'a> {
    pub(super) title: &'a str,
    pub(super) version: &'a str,
    pub(super) simulated: bool,
    /// By which models are compared first.
    pub(super) main_distance: Distance,
    /// The beginning of the names of files that are saved from it.
    pub(super) slug: String,
    /// All scores of the models that are shown.
    pub(super) scores: Vec<&'a ScoreRow>,
    /// How many trials each data set has.
    pub(super) trials: BTreeMap<&'a str, usize>,
    pub(super) ceilings: &'a [CeilingRow],
    pub(super) palette: Palette,
    pub(super) specs: Specs,
    pub(super) examples: &'a [Examples],
    /// What to cite.
    pub(super) bibtex: String,
}

impl Run {
    /// The view of a run.
    ///
    /// # Errors
    /// The manifest cannot be read again for what to cite.
    pub(super) fn shown<'a>(
        &'a self,
        title: &'a str,
        examples: &'a [Examples],
    ) -> Result<Shown<'a>, ResultsError> {
        let standing = self.standing();
        let stands = |row: &&ScoreRow| standing.contains(row.model.as_str());
        let trials = self.told.datasets.iter().map(|told| (told.asked.name.as_str(), told.trials));
        let colours = self.told.colours.iter();
        let chosen =
            colours.filter_map(|(model, color)| Some((model.clone(), color.parse().ok()?)));
        let all = distinct(self.scores.iter().map(|row| row.model.as_str()));
        Ok(Shown {
            title,
            version: &self.told.alignscope_version,
            simulated: self.told.simulated,
            main_distance: self.main_distance(),
            slug: slug(&self.folder),
            scores: self.scores.iter().filter(stands).collect(),
            trials: trials.collect(),
            ceilings: &self.ceilings,
            palette: Palette::of_run(all, &chosen.collect(), self.specs()),
            specs: self.specs(),
            examples,
            bibtex: citations_of_run(&self.folder)?.to_string(),
        })
    }
}

/// The JSON of a view, as it may stand inside a `script` element: no `<` is in it.
pub(super) fn json(shown: &Shown<'_>) -> String {
    let text = serde_json::to_string(&view(shown)).expect("a view is plain data");
    text.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

fn view<'a>(shown: &'a Shown<'a>) -> View<'a> {
    let rows = shown_rows(shown);
    let names = datasets_of(&rows);
    let models = models(shown, &rows);
    let measures = distinct(rows.iter().map(|row| row.measure));
    let of_stages = |row: &&&ScoreRow| distance_of(row).is_some();
    let distances = distinct(rows.iter().filter(of_stages).map(|row| row.distance));
    let place = Places {
        datasets: names.iter().map(|(name, _)| *name).zip(0..).collect(),
        models: models.iter().map(|model| model.name).zip(0..).collect(),
    };
    let mut images = Thumbs::default();
    let disagreements = shown
        .examples
        .iter()
        .flat_map(|of| of.disagreements.iter().map(|d| (of.dataset.as_str(), d)))
        .filter_map(|(dataset, found)| place.disagreement(dataset, found, &mut images))
        .collect();
    View {
        title: shown.title,
        version: shown.version,
        simulated: shown.simulated,
        people: people(shown.simulated),
        main_distance: shown.main_distance.name(),
        slug: shown.slug.clone(),
        datasets: names.iter().map(|(name, level)| dataset(shown, &rows, name, *level)).collect(),
        distances: distances.iter().map(|distance| view_distance(*distance)).collect(),
        measures: measures.iter().map(|measure| view_measure(*measure)).collect(),
        chance: chances(&rows, &place.datasets, &measures),
        curves: curves(&rows, &place, &distances, &measures),
        models,
        images: images.uris(),
        disagreements,
        bibtex: shown.bibtex.clone(),
    }
}

/// The scores of whole data sets that are defined.
fn shown_rows<'a>(shown: &Shown<'a>) -> Vec<&'a ScoreRow> {
    let is_shown = |row: &&ScoreRow| row.subset == ALL && row.value.is_finite();
    let mut rows: Vec<&ScoreRow> = shown.scores.iter().copied().filter(is_shown).collect();
    if rows.len() > MOST_POINTS {
        rows.retain(|row| row.measure.is_main() || row.measure == Measure::Bits);
    }
    rows
}

/// Each once, in the order of first appearance.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// The distance by which a curve is drawn; the pixels and baselines have none.
fn distance_of(row: &ScoreRow) -> Option<Distance> {
    let is_of_stages = row.stage != Stage::Image && row.distance != Distance::Own;
    is_of_stages.then_some(row.distance)
}

/// The models in the order in which they are listed: encoders, controls, baselines, the pixels.
fn models<'a>(shown: &Shown<'_>, rows: &[&'a ScoreRow]) -> Vec<ViewModel<'a>> {
    let kind = |row: &ScoreRow| match (row.stage, row.distance) {
        (Stage::Image, _) if row.model == "pixels" => Kind::Pixels,
        (_, Distance::Own) => Kind::Baseline,
        _ if shown.specs.is_control(&row.model) => Kind::Control,
        _ => Kind::Model,
    };
    let mut found: Vec<ViewModel<'_>> = Vec::new();
    for row in rows {
        if found.iter().any(|model| model.name == row.model) {
            continue;
        }
        let (light, dark) = shown.palette.color(&row.model);
        let kind = kind(row);
        let dashes = (kind == Kind::Baseline).then(|| baseline_dashes(&row.model));
        found.push(ViewModel {
            name: &row.model,
            short: short_name(&row.model),
            kind,
            light: light.to_string(),
            dark: dark.to_string(),
            dashes,
        });
    }
    found.sort_by_key(|model| model.kind);
    found
}

fn view_distance(distance: Distance) -> ViewDistance {
    let (mark, dashes) = mark_of_distance(distance);
    ViewDistance { name: distance.name(), mark, dashes }
}

fn view_measure(measure: Measure) -> ViewMeasure {
    let label = measure.title();
    let mut letters = label.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let axis = format!("{first}{}", letters.as_str());
    ViewMeasure { name: measure.name(), label, axis, less_is_better: measure.less_is_better() }
}

fn dataset<'a>(
    shown: &Shown<'_>,
    rows: &[&ScoreRow],
    name: &'a str,
    level: Level,
) -> ViewDataset<'a> {
    let of_dataset = || rows.iter().filter(|row| row.dataset == name);
    let ceiling = |measure: Measure| {
        let value =
            of_dataset().filter(|row| row.measure == measure).find_map(|row| row.ceiling)?;
        let is_it = |c: &&CeilingRow| {
            c.dataset == name && c.subset == ALL && c.measure == measure && c.value == value
        };
        let row = shown.ceilings.iter().find(is_it);
        Some(ViewCeiling {
            measure: measure.name(),
            value,
            low: row.and_then(|row| row.ci_low),
            high: row.and_then(|row| row.ci_high),
            label: if shown.simulated { "answers agree" } else { "people agree" },
        })
    };
    let measures = distinct(of_dataset().map(|row| row.measure));
    ViewDataset {
        name,
        level: level.name(),
        trials: shown.trials.get(name).copied().unwrap_or(0),
        main_measure: measures
            .iter()
            .find(|measure| measure.is_main())
            .map(|measure| measure.name()),
        ceilings: measures.into_iter().filter_map(ceiling).collect(),
    }
}

/// Where names stand in the lists.
struct Places<'a> {
    datasets: BTreeMap<&'a str, usize>,
    models: BTreeMap<&'a str, usize>,
}

impl Places<'_> {
    fn disagreement<'e>(
        &self,
        dataset: &str,
        found: &'e Disagreement,
        images: &mut Thumbs<'e>,
    ) -> Option<ViewDisagreement<'e>> {
        let [a, b] = found.models.each_ref().map(|name| self.models.get(name.as_str()).copied());
        Some(ViewDisagreement {
            dataset: *self.datasets.get(dataset)?,
            a: a?,
            b: b?,
            n: found.questions,
            differ: found.differ,
            trials: found.trials.iter().map(|trial| self.trial(trial, images)).collect(),
        })
    }

    fn trial<'e>(&self, trial: &'e Example, images: &mut Thumbs<'e>) -> ViewTrial<'e> {
        let image = |image: &'e ExampleImage, images: &mut Thumbs<'e>| ViewImage {
            id: &image.id,
            role: image.role,
            thumb: image.uri.as_deref().map(|uri| images.key(uri)),
            chosen: image.chosen,
        };
        let answer = |(model, answer, agrees): &'e (String, String, Option<bool>)| {
            Some((*self.models.get(model.as_str())?, answer.as_str(), *agrees))
        };
        ViewTrial {
            title: &trial.title,
            people: &trial.people,
            images: trial.images.iter().map(|one| image(one, images)).collect(),
            answers: trial.answers.iter().filter_map(answer).collect(),
        }
    }
}

/// Thumbnails, each once in the page.
#[derive(Default)]
struct Thumbs<'a>(BTreeMap<&'a str, usize>);

impl<'a> Thumbs<'a> {
    fn key(&mut self, uri: &'a str) -> String {
        let next = self.0.len();
        format!("i{}", self.0.entry(uri).or_insert(next))
    }

    fn uris(self) -> BTreeMap<String, &'a str> {
        self.0.into_iter().map(|(uri, number)| (format!("i{number}"), uri)).collect()
    }
}

fn chances(
    rows: &[&ScoreRow],
    datasets: &BTreeMap<&str, usize>,
    measures: &[Measure],
) -> Vec<ViewChance> {
    let mut found: Vec<ViewChance> = Vec::new();
    for row in rows {
        let Some(value) = row.chance else { continue };
        let dataset = datasets[row.dataset.as_str()];
        let measure = place_in(measures, row.measure);
        if !found.iter().any(|chance| (chance.dataset, chance.measure) == (dataset, measure)) {
            found.push(ViewChance { dataset, measure, value });
        }
    }
    found
}

fn place_in<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).expect("it is one of them")
}

fn curves(
    rows: &[&ScoreRow],
    place: &Places<'_>,
    distances: &[Distance],
    measures: &[Measure],
) -> Vec<ViewCurve> {
    let mut order: BTreeMap<(usize, usize, Option<usize>, usize), usize> = BTreeMap::new();
    let mut found: Vec<ViewCurve> = Vec::new();
    for row in rows {
        let (dataset, model) =
            (place.datasets[row.dataset.as_str()], place.models[row.model.as_str()]);
        let distance = distance_of(row).map(|distance| place_in(distances, distance));
        let measure = place_in(measures, row.measure);
        let position = *order.entry((dataset, model, distance, measure)).or_insert_with(|| {
            found.push(ViewCurve { dataset, model, distance, measure, points: vec![] });
            found.len() - 1
        });
        let point = (row.stage.to_string(), row.depth_percent, row.value, row.ci_low, row.ci_high);
        found[position].points.push(point);
    }
    found
}

/// A name for files: that of the run's folder, without what a file system may not like.
pub(super) fn slug(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.unwrap_or_default().chars().map(plain).take(60).collect();
    if name.trim_matches(['-', '.']).is_empty() { "alignment".to_owned() } else { name }
}
