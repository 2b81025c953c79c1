//! Models of several runs on one board.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::compare_error::CompareError;
use super::figures::{DrawError, FigureSpec, read_drawn};
use super::together::{TogetherRequest, compare_together};
use super::verify::{CheckOutcome, VerifyRequest, verify};
use crate::bibliography::citations;
use crate::ceiling::CeilingRow;
use crate::comparison::{ComparisonRow, Side};
use crate::dataset::ALL;
use crate::distance::Distance;
use crate::figure::{Color, Figure, FigureError, FigureOptions, Palette};
use crate::findings::{Finding, FindingRow};
use crate::model_spec::Specs;
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::report::{Board, GalleryRun, NamedFigure, write_gallery_page};
use crate::results::{
    DrawnModel, GalleryRow, OutputFolder, ResultsError, ScoreRow, check_finished, read_ceilings,
    read_findings, read_record, read_scores, write_gallery,
};
use crate::stage::Stage;

/// A difference is clear where its p after Holm's correction is no more.
const LEVEL: f64 = 0.05;

/// Runs that are to stand on one board.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GalleryRequest {
    /// Their folders, each with its name on the board.
    pub runs: Vec<(String, PathBuf)>,
    /// The kind of distance; the normalized one by default, or else the first.
    pub distance: Option<Distance>,
    /// Where data sets lie now, if not where the manifests say.
    pub data: BTreeMap<String, PathBuf>,
    /// So many stages and distances of each data set of a run are scored again; all if `None`.
    pub sample: Option<usize>,
    /// Whether runs that are not as their manifests say are taken, too, and marked.
    pub altered: bool,
}

/// A board.
#[derive(Debug, Clone, PartialEq)]
pub struct Gallery {
    /// The models on each data set.
    pub rows: Vec<GalleryRow>,
    /// The runs, and what came of their checks.
    pub runs: Vec<GalleryRun>,
}

/// Runs cannot be put on one board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalleryError {
    /// A file of a run cannot be read, or the board cannot be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The models cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// The figure cannot be drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
    /// A run is not what its manifest says.
    #[error("{run} is not as its manifest says: {}", different.join("; "))]
    Altered {
        /// The run.
        run: PathBuf,
        /// What differs.
        different: Vec<String>,
    },
    /// No model has a score by the distance.
    #[error("no run has scores by the distance {distance}; they have {}", found.join(", "))]
    NoDistance {
        /// The distance.
        distance: Distance,
        /// Those that there are.
        found: Vec<String>,
    },
    /// Two runs would have one name.
    #[error("two runs would be called `{name}`: {first} and {second}")]
    Taken {
        /// The name.
        name: String,
        /// The first run.
        first: PathBuf,
        /// The second run.
        second: PathBuf,
    },
}

impl GalleryError {
    /// What a user can do.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Altered { .. } => vec![Remedy::Verify, Remedy::TakeAltered],
            Self::Results(error) => error.remedies(),
            Self::Compare(error) => error.remedies(),
            Self::Taken { .. } => vec![Remedy::NameBoardRuns],
            Self::Draw(_) | Self::NoDistance { .. } => vec![],
        }
    }
}

impl From<FigureError> for GalleryError {
    fn from(error: FigureError) -> Self {
        Self::Draw(error.into())
    }
}

/// A run as far as the board needs it.
struct BoardRun {
    name: String,
    scores: Vec<ScoreRow>,
    findings: Vec<FindingRow>,
    ceilings: Vec<CeilingRow>,
    models: Vec<DrawnModel>,
    colours: BTreeMap<String, String>,
}

/// Puts the models of several runs on one board: verifies each run, compares all models that were
/// run on a data set with each other, pair by pair, and writes `gallery.csv`, a figure, and
/// `gallery.html`.
///
/// Models stand there at their last stage. What a run was made of that is not on this machine
/// (weights and images of others) is told and not checked; its tables must be whole, and its scores
/// must come out of its distances again.
///
/// `out` — the folder of the board, which was claimed for it
///
/// # Errors
/// See [`GalleryError`].
pub fn gallery(
    request: &GalleryRequest,
    out: &OutputFolder,
    progress: &dyn Progress,
) -> Result<Gallery, GalleryError> {
    check_names(&request.runs)?;
    for (_, path) in &request.runs {
        check_finished(path)?;
    }
    let mut runs = Vec::new();
    for (name, path) in &request.runs {
        runs.push(checked(request, name, path, progress)?);
    }
    progress.begin("comparing", 0);
    let named = |(name, path): &(String, PathBuf)| (Some(name.clone()), path.clone());
    let together = TogetherRequest {
        runs: request.runs.iter().map(named).collect(),
        ..TogetherRequest::default()
    };
    let compared = compare_together(&together)?;
    progress.end();
    let read: Vec<BoardRun> = request
        .runs
        .iter()
        .map(|(name, path)| BoardRun::read(name, path))
        .collect::<Result<_, _>>()?;
    let distance = distance(request, &compared.rows)?;
    let merged = Merged::new(&read, &compared.rows);
    let rows = rows(&merged, &compared.rows, distance);
    let names: Vec<&str> = merged.scores.iter().map(|row| row.model.as_str()).collect();
    let options = FigureOptions {
        title: Some("Models at their last stage".to_owned()),
        caption: simulated(&merged.scores),
        palette: Palette::of_run(names, &merged.colours, merged.specs.clone()),
        ..FigureOptions::default()
    };
    let figure = Figure::from_gallery(&rows, &options).ok_or(FigureError::NoScores)?;
    let figure = NamedFigure { name: "gallery-figure".to_owned(), figure };
    figure.figure.save(out.path(), &figure.name)?;
    write_gallery(&out.file("gallery.csv"), &rows)?;
    let paths: Vec<PathBuf> = request.runs.iter().map(|(_, path)| path.clone()).collect();
    let board = Board {
        rows: &rows,
        runs: &runs,
        scores: &merged.scores,
        ceilings: &merged.ceilings,
        distance,
        specs: merged.specs.clone(),
        palette: options.palette.clone(),
        version: env!("CARGO_PKG_VERSION"),
        bibtex: citations(&paths)?.to_string(),
    };
    write_gallery_page(out.path(), &board, &figure)?;
    Ok(Gallery { rows, runs })
}

fn check_names(runs: &[(String, PathBuf)]) -> Result<(), GalleryError> {
    for (i, (name, second)) in runs.iter().enumerate() {
        if let Some((_, first)) = runs[..i].iter().find(|(other, _)| other == name) {
            let (first, second) = (first.clone(), second.clone());
            return Err(GalleryError::Taken { name: name.clone(), first, second });
        }
    }
    Ok(())
}

fn simulated(scores: &[ScoreRow]) -> Option<String> {
    let some = scores.iter().any(|row| row.simulated);
    some.then(|| "simulated answers, not human data".to_owned())
}

/// What a manifest says of how it was made.
#[derive(serde::Deserialize)]
struct Made {
    alignscope_version: String,
}

/// Verifies a run.
fn checked(
    request: &GalleryRequest,
    name: &str,
    path: &Path,
    progress: &dyn Progress,
) -> Result<GalleryRun, GalleryError> {
    let of_run = read_drawn(&path.join("manifest.json"))?;
    let is_of_run = |name: &&String| of_run.datasets.iter().any(|set| set.name == **name);
    let data = request.data.iter().filter(|(name, _)| is_of_run(name));
    let data = data.map(|(name, path)| (name.clone(), path.clone())).collect();
    let asked = VerifyRequest { run: path.to_owned(), data, sample: request.sample };
    let checks = verify(&asked, progress)?;
    let (made, _): (Made, String) = read_record(&path.join("manifest.json"))?;
    let mut run = GalleryRun {
        name: name.to_owned(),
        path: path.to_owned(),
        version: made.alignscope_version,
        good: 0,
        different: vec![],
        not_here: vec![],
    };
    for check in checks {
        // The run's own tables must be there; what it was made of may be elsewhere.
        let is_own = check.what.starts_with("result: ") || check.what.starts_with("scores of ");
        match &check.outcome {
            CheckOutcome::Same => run.good += 1,
            CheckOutcome::NotThere(_) if !is_own => run.not_here.push(check.what),
            CheckOutcome::NotThere(why) | CheckOutcome::Different(why) => {
                run.different.push(format!("{}: {why}", check.what));
            }
        }
    }
    match run.different.is_empty() || request.altered {
        true => Ok(run),
        false => Err(GalleryError::Altered { run: run.path, different: run.different }),
    }
}

impl BoardRun {
    fn read(name: &str, path: &Path) -> Result<Self, ResultsError> {
        let drawn = read_drawn(&path.join("manifest.json"))?;
        Ok(Self {
            name: name.to_owned(),
            scores: read_scores(&path.join("scores.csv"))?,
            findings: read_findings(&path.join("findings.csv"))?,
            ceilings: read_ceilings(&path.join("ceilings.csv"))?,
            models: drawn.models,
            colours: drawn.colours,
        })
    }
}

/// The distance of the board.
fn distance(request: &GalleryRequest, rows: &[ComparisonRow]) -> Result<Distance, GalleryError> {
    let mut found: Vec<Distance> = Vec::new();
    for side in rows.iter().flat_map(|row| [row.a(), row.b()]).filter(Side::is_of_encoder) {
        if !found.contains(&side.distance) {
            found.push(side.distance);
        }
    }
    match request.distance {
        Some(distance) if !found.is_empty() && !found.contains(&distance) => {
            let found = found.iter().map(ToString::to_string).collect();
            Err(GalleryError::NoDistance { distance, found })
        }
        Some(distance) => Ok(distance),
        None => Ok(FigureSpec::main_of(&found).unwrap_or(Distance::Own)),
    }
}

/// The tables of all runs as one, models by their names on the board, each once.
struct Merged {
    scores: Vec<ScoreRow>,
    findings: Vec<FindingRow>,
    ceilings: Vec<CeilingRow>,
    specs: Specs,
    /// Colours that runs chose for models.
    colours: BTreeMap<String, Color>,
    /// Of which run a model on a data set is.
    run_of: BTreeMap<(String, String), String>,
}

impl Merged {
    fn new(runs: &[BoardRun], compared: &[ComparisonRow]) -> Self {
        let sides = compared
            .iter()
            .flat_map(|row| [(&row.dataset, &row.model_a), (&row.dataset, &row.model_b)]);
        let on_board: BTreeSet<(&str, &str)> =
            sides.map(|(dataset, model)| (dataset.as_str(), model.as_str())).collect();
        let mut merged = Self {
            scores: vec![],
            findings: vec![],
            ceilings: vec![],
            specs: Specs::default(),
            colours: BTreeMap::new(),
            run_of: BTreeMap::new(),
        };
        let mut specs = BTreeMap::new();
        for run in runs {
            // A model whose scores differ between runs is called by its run, too.
            let called = |dataset: &str, model: &str| {
                let by_run = format!("{model} ({})", run.name);
                let is_there = on_board.contains(&(dataset, by_run.as_str()));
                if is_there { by_run } else { model.to_owned() }
            };
            let mut own: BTreeSet<(String, String)> = BTreeSet::new();
            for row in &run.scores {
                let key = (row.dataset.clone(), called(&row.dataset, &row.model));
                if own.contains(&key) || !merged.run_of.contains_key(&key) {
                    own.insert(key.clone());
                    merged.run_of.entry(key.clone()).or_insert_with(|| run.name.clone());
                    let spec = run.models.iter().map(DrawnModel::place);
                    let spec = spec.into_iter().find(|(name, _)| *name == row.model);
                    specs.extend(spec.map(|(_, spec)| (key.1.clone(), spec)));
                    let colour = run.colours.get(&row.model).and_then(|color| color.parse().ok());
                    merged.colours.extend(colour.map(|color| (key.1.clone(), color)));
                    merged.scores.push(ScoreRow { model: key.1, ..row.clone() });
                }
            }
            for row in &run.findings {
                let model = called(&row.dataset, &row.model);
                if own.contains(&(row.dataset.clone(), model.clone())) {
                    merged.findings.push(FindingRow { model, ..row.clone() });
                }
            }
            for row in &run.ceilings {
                if !merged.ceilings.contains(row) {
                    merged.ceilings.push(row.clone());
                }
            }
        }
        merged.specs = Specs::new(specs);
        merged
    }
}

/// Whether the first side of a difference is clearly ahead, or the second.
fn clear(row: &ComparisonRow) -> Option<bool> {
    let (low, high) = row.ci_low.zip(row.ci_high)?;
    let holds = row.p_holm.is_some_and(|p| p <= LEVEL) && (low > 0.0 || high < 0.0);
    holds.then_some((row.difference > 0.0) != row.measure.less_is_better())
}

/// The rows of the board: of each data set the models by the distance, what has none, and their
/// ranks.
fn rows(merged: &Merged, compared: &[ComparisonRow], distance: Distance) -> Vec<GalleryRow> {
    let on_board = |side: &Side| side.distance == distance || !side.is_of_encoder();
    let between: Vec<&ComparisonRow> = compared
        .iter()
        .filter(|row| row.subset == ALL && row.measure.is_main())
        .filter(|row| on_board(&row.a()) && on_board(&row.b()))
        .collect();
    let mut found: Vec<GalleryRow> = Vec::new();
    let mut known: BTreeSet<(&str, String, Stage)> = BTreeSet::new();
    for row in &between {
        for side in [row.a(), row.b()] {
            if !known.insert((&row.dataset, side.model.clone(), side.stage)) {
                continue;
            }
            let of_dataset: Vec<&ComparisonRow> =
                between.iter().filter(|other| other.dataset == row.dataset).copied().collect();
            found.extend(row_of(merged, &row.dataset, &side, &of_dataset));
        }
    }
    let count = |dataset: &str| found.iter().filter(|row| row.dataset == dataset).count();
    let counts: BTreeMap<String, usize> =
        found.iter().map(|row| (row.dataset.clone(), count(&row.dataset))).collect();
    for row in &mut found {
        row.models = counts[&row.dataset];
        row.rank_high = row.models - row.rank_high;
    }
    found.sort_by(|a, b| {
        (a.level, &a.dataset, a.rank_low + a.rank_high)
            .cmp(&(b.level, &b.dataset, b.rank_low + b.rank_high))
            .then(b.value.total_cmp(&a.value))
            .then(a.model.cmp(&b.model))
    });
    found
}

/// A model's row; `rank_high` is how many models are clearly behind it.
fn row_of(
    merged: &Merged,
    dataset: &str,
    side: &Side,
    between: &[&ComparisonRow],
) -> Option<GalleryRow> {
    let of_side = |row: &&ScoreRow| {
        row.dataset == dataset
            && row.subset == ALL
            && row.measure.is_main()
            && row.model == side.model
            && row.stage == side.stage
            && row.distance == side.distance
    };
    let score = merged.scores.iter().find(of_side)?;
    let (mut ahead_of_it, mut behind_it) = (0, 0);
    for row in between {
        let Some(first_is_ahead) = clear(row) else { continue };
        match (row.a() == *side, row.b() == *side) {
            (true, _) if first_is_ahead => behind_it += 1,
            (_, true) if !first_is_ahead => behind_it += 1,
            (false, false) => {}
            _ => ahead_of_it += 1,
        }
    }
    let finding = |finding: Finding| {
        merged.findings.iter().find(|row| {
            row.finding == finding
                && row.dataset == dataset
                && row.model == side.model
                && row.distance == Some(side.distance)
                && row.measure == Some(score.measure)
                && row.value.is_finite()
        })
    };
    let peak = finding(Finding::Peak);
    Some(GalleryRow {
        dataset: dataset.to_owned(),
        level: score.level,
        measure: score.measure,
        model: side.model.clone(),
        run: merged.run_of.get(&(dataset.to_owned(), side.model.clone())).cloned()?,
        stage: side.stage,
        distance: side.distance,
        value: score.value,
        ci_low: score.ci_low,
        ci_high: score.ci_high,
        rank_low: 1 + ahead_of_it,
        rank_high: behind_it,
        models: 0,
        n: score.n,
        n_clusters: score.n_clusters,
        peak_stage: peak.and_then(|row| row.stage),
        peak: peak.map(|row| row.value),
        chosen: finding(Finding::ChosenStage).map(|row| row.value),
        chance: score.chance,
        ceiling: score.ceiling,
    })
}
