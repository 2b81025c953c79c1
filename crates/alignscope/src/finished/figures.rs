//! The figures of a run: each shows some of its scores.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::dataset::ALL;
use crate::distance::Distance;
use crate::energy::EnergyRow;
use crate::figure::{Color, Figure, FigureError, FigureOptions, Palette};
use crate::model_spec::Specs;
use crate::report::NamedFigure;
use crate::results::{
    self, CHANNEL_ENERGY, Drawn, DrawnModel, FigureNameError, OF_LIKELIHOOD, ResultsError,
    ScoreRow, check_figures, parts_of, shortened, wrong,
};
use crate::score::Measure;
use crate::stage::Stage;
use crate::study::{
    other_tokens, published_differences, published_notes, write_published_differences,
};

/// What stands over figures of a simulated observer's answers.
const SIMULATED: &str = "simulated answers, not human data";

/// The figures of a run cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// They cannot all be drawn into the run's folder.
    #[error(transparent)]
    Names(#[from] FigureNameError),
    /// One of them cannot be drawn.
    #[error("cannot draw the figure")]
    Figure(#[from] FigureError),
    /// The differences from the study cannot be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

/// How the figures and the page of a run look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Presentation {
    /// What stands over the page, and over figures without a title of their own.
    pub title: Option<String>,
    /// Colours chosen for models by name, as `#rrggbb`.
    pub colours: BTreeMap<String, String>,
    /// Whether the study's own curves and baselines lie under those of the run.
    pub published: bool,
}

/// A figure of an experiment: some of its models and distances.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FigureSpec {
    /// The name of its files.
    pub name: String,
    /// What stands over it.
    pub title: Option<String>,
    /// The models that it shows, by their names in the results; all where there is none.
    pub models: Vec<String>,
    /// The kinds of distance that it shows.
    #[serde(with = "names")]
    pub distances: Vec<Distance>,
    /// The data sets that it shows; all where there is none.
    pub panels: Vec<String>,
}

impl FigureSpec {
    /// The figures of a run that names none: `alignment` with everything; or, where more than two encoders would
    /// make too many curves, one figure for each distance, the normalized one as `alignment`.
    pub fn of_all(encoders: usize, distances: &[Distance]) -> Vec<Self> {
        let figure = |name: String, distances: &[Distance]| Self {
            name,
            title: None,
            models: vec![],
            distances: distances.to_vec(),
            panels: vec![],
        };
        if encoders <= 2 {
            return vec![figure("alignment".to_owned(), distances)];
        }
        let Some(first) = Self::main_of(distances) else { return vec![] };
        let others = distances.iter().filter(|d| **d != first);
        std::iter::once(figure("alignment".to_owned(), &[first]))
            .chain(others.map(|d| figure(format!("alignment-{d}"), &[*d])))
            .collect()
    }

    /// The kind of distance by which models are compared first: the normalized one, or else the first.
    pub(crate) fn main_of(distances: &[Distance]) -> Option<Distance> {
        let normalized = |d: &&Distance| **d == Distance::NormalizedEuclidean;
        distances.iter().find(normalized).or(distances.first()).copied()
    }

    /// The figures of the study's main text that its published scores fill, by the names of
    /// `experiments/paper.toml`, in which a model's own colour tells it.
    pub fn of_study() -> Vec<Self> {
        let clip = |size: &str| format!("openai/clip-vit-{size}");
        let sizes = ["base-patch32", "base-patch16", "large-patch14", "large-patch14-336"];
        let beside = |other: &str| vec![clip("base-patch16"), other.to_owned()];
        let normalized = vec![Distance::NormalizedEuclidean];
        let figure = |name: &str, title: &str, models, distances| Self {
            name: name.to_owned(),
            title: Some(format!("Published: {title}")),
            models,
            distances,
            panels: vec![],
        };
        let biomed = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224@bare-patches";
        vec![
            figure(
                "architecture",
                "architecture, four sizes of CLIP",
                sizes.map(clip).to_vec(),
                normalized.clone(),
            ),
            figure(
                "activation",
                "activation, softmax (CLIP) and sigmoid (SigLIP)",
                beside("google/siglip-base-patch16-224"),
                normalized.clone(),
            ),
            figure(
                "language",
                "language, English (CLIP) and Chinese (Chinese-CLIP)",
                beside("OFA-Sys/chinese-clip-vit-base-patch16"),
                normalized.clone(),
            ),
            figure(
                "data",
                "data, images of the web (CLIP) and of medicine (BiomedCLIP)",
                beside(biomed),
                normalized,
            ),
            figure(
                "distance",
                "distance, Euclidean, normalised Euclidean and cosine",
                vec![clip("base-patch16")],
                Distance::STUDY.to_vec(),
            ),
        ]
    }

    /// Whether the figure shows a score; `models` are those that it names.
    fn shows(&self, row: &ScoreRow, models: &HashSet<&str>) -> bool {
        if row.subset != ALL || !row.measure.is_main() {
            return false;
        }
        let panel = self.panels.is_empty() || self.panels.contains(&row.dataset);
        let is_named = |name: &str| models.contains(name);
        let model = models.is_empty()
            || is_named(&row.model)
            || row.series.as_deref().is_some_and(is_named);
        let distance = row.distance == Distance::Own || self.distances.contains(&row.distance);
        panel && (row.stage == Stage::Image || (model && distance))
    }

    /// What stands over the figure: its own title or the run's; of several figures one without a title of
    /// its own tells its distance, so that they can be told from each other.
    fn title_of(&self, drawn: &Drawn<Self>) -> Option<String> {
        let title = match (drawn.simulated, &self.title) {
            (true, _) => Some("Alignment with a simulated observer"),
            (false, Some(title)) => return Some(title.clone()),
            (false, None) => drawn.title.as_deref(),
        };
        match self.distances.as_slice() {
            [distance] if drawn.figures.len() > 1 => {
                let title = title.unwrap_or("Alignment with human judgements");
                Some(format!("{title}: {distance}"))
            }
            _ => title.map(str::to_owned),
        }
    }

    /// Draws the figure from the scores of a run. A series stands there as its last state.
    ///
    /// # Errors
    /// It has nothing to show.
    pub fn figure(&self, rows: &[ScoreRow], drawn: &Drawn<Self>) -> Result<Figure, FigureError> {
        let models = self.models.iter().map(String::as_str).collect();
        let last = LastStates::of(rows);
        let is_shown =
            |row: &&ScoreRow| last.has(&row.series, row.step) && self.shows(row, &models);
        let shown: Vec<ScoreRow> = rows.iter().filter(is_shown).cloned().collect();
        let options = FigureOptions {
            title: self.title_of(drawn),
            caption: drawn.simulated.then(|| SIMULATED.to_owned()),
            palette: palette(rows, drawn),
            published: drawn.lays_published(),
            parts: parts_of(&drawn.datasets),
        };
        Figure::from_scores(&shown, &options)
    }
}

/// The last step of each series of a run.
struct LastStates<'a>(BTreeMap<&'a str, usize>);

impl<'a> LastStates<'a> {
    /// Of the series that the scores of a run have.
    fn of(rows: &'a [ScoreRow]) -> Self {
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            if let (Some(series), Some(step)) = (&row.series, row.step) {
                let known = last.entry(series).or_insert(step);
                *known = (*known).max(step);
            }
        }
        Self(last)
    }

    /// Whether a state is the last of its series, or a model is of no series.
    fn has(&self, series: &Option<String>, step: Option<usize>) -> bool {
        series.as_ref().is_none_or(|series| self.0.get(series.as_str()).copied() == step)
    }
}

/// Choices by their names.
mod names {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer, T: Display>(
        choices: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(choices.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
}

/// Reads from a run's manifest what its figures need.
///
/// # Errors
/// The manifest cannot be read, or names figures that cannot be drawn into the run's folder, a
/// colour that is none, or a title that is no line.
pub fn read_drawn(manifest: &Path) -> Result<Drawn<FigureSpec>, ResultsError> {
    let drawn = results::read_drawn::<FigureSpec>(manifest)?;
    check(&drawn.figures, drawn.title.as_deref())
        .map_err(|source| ResultsError::Figures { path: manifest.to_owned(), source })?;
    for (model, color) in &drawn.colours {
        color.parse::<Color>().map_err(|error| {
            let key = format!("colours.{}", shortened(model));
            wrong(manifest, key, format_args!("`{}`", error.0), "`#rrggbb` such as `#0a50a0`")
        })?;
    }
    Ok(drawn)
}

/// Refuses figures that cannot all be drawn into one folder; `title` is that of those without one.
pub(crate) fn check(figures: &[FigureSpec], title: Option<&str>) -> Result<(), FigureNameError> {
    check_figures(figures.iter().map(|f| (f.name.as_str(), f.title.as_deref().or(title))))
}

/// The colours of a run's models: those chosen first.
fn palette(rows: &[ScoreRow], drawn: &Drawn<FigureSpec>) -> Palette {
    // A colour that cannot be read was refused with the experiment.
    let chosen = drawn.colours.iter().filter_map(|(m, c)| Some((m.clone(), c.parse().ok()?)));
    let mut known = HashSet::new();
    let models = rows.iter().map(|row| row.model.as_str()).filter(|model| known.insert(*model));
    Palette::of_run(models, &chosen.collect(), specs(drawn))
}

/// The colour on white that figures give each model of a run, in the order of its scores.
///
/// # Errors
/// Its scores or its manifest cannot be read.
pub fn colours_of_run(run: &Path) -> Result<Vec<(String, Color)>, ResultsError> {
    let rows = results::read_scores(&run.join("scores.csv"))?;
    let palette = palette(&rows, &read_drawn(&run.join("manifest.json"))?);
    let mut found: Vec<(String, Color)> = Vec::new();
    for row in rows {
        if !found.iter().any(|(model, _)| *model == row.model) {
            let (color, _) = palette.color(&row.model);
            found.push((row.model, color));
        }
    }
    Ok(found)
}

/// What a run's models are.
fn specs(drawn: &Drawn<FigureSpec>) -> Specs {
    Specs::new(drawn.models.iter().map(DrawnModel::place))
}

/// What a user who asked for the study's own scores must know: which data sets are not held against
/// them and why, or that nothing is.
pub fn notes_on_published(rows: &[ScoreRow], drawn: &Drawn<FigureSpec>) -> Vec<String> {
    match (drawn.published && !drawn.simulated, &drawn.tokens) {
        (false, _) => vec![],
        (true, _) if drawn.lays_published() => published_notes(rows, &parts_of(&drawn.datasets)),
        (true, tokens) => vec![other_tokens(tokens.as_deref().unwrap_or_default())],
    }
}

/// The figures of series over their training, two for each kind of distance.
fn training(
    rows: &[ScoreRow],
    drawn: &Drawn<FigureSpec>,
    out: &Path,
) -> Result<Vec<NamedFigure>, FigureError> {
    let of_series = |row: &&ScoreRow| row.series.is_some();
    let mut distances: Vec<Distance> = Vec::new();
    for row in rows.iter().filter(of_series) {
        if !distances.contains(&row.distance) {
            distances.push(row.distance);
        }
    }
    let mut figures = Vec::new();
    let main = FigureSpec::main_of(&distances);
    for distance in distances {
        let shown = |row: &&ScoreRow| match row.series {
            Some(_) => row.distance == distance,
            None => row.stage == Stage::Image || row.distance == Distance::Own,
        };
        let shown: Vec<ScoreRow> = rows.iter().filter(shown).cloned().collect();
        let over = drawn.title.as_ref().filter(|_| !drawn.simulated);
        let over = over.map_or("Alignment".to_owned(), |title| format!("{title}:"));
        let options = |what: &str| FigureOptions {
            title: Some(format!("{over} over {what}, {distance}")),
            caption: drawn.simulated.then(|| SIMULATED.to_owned()),
            palette: palette(rows, drawn),
            ..FigureOptions::default()
        };
        let drawn = [
            Figure::from_series(&shown, &options("training")),
            Figure::map_of_series(&shown, &options("training and depth")),
        ];
        let names = results::training_figures(distance, main == Some(distance));
        for (name, figure) in names.into_iter().zip(drawn) {
            let Some(figure) = figure else { continue };
            figure.save(out, &name)?;
            figures.push(NamedFigure { name, figure });
        }
    }
    Ok(figures)
}

/// The figures of bits and of the share explained, by the run's main distance; of series the last
/// state.
fn likelihoods(
    rows: &[ScoreRow],
    drawn: &Drawn<FigureSpec>,
    out: &Path,
) -> Result<Vec<NamedFigure>, FigureError> {
    let mut distances: Vec<Distance> = Vec::new();
    for row in rows.iter().filter(|row| row.stage != Stage::Image && row.distance != Distance::Own)
    {
        if !distances.contains(&row.distance) {
            distances.push(row.distance);
        }
    }
    let (main, last) = (FigureSpec::main_of(&distances), LastStates::of(rows));
    let shown = |row: &&ScoreRow| {
        let of_main = Some(row.distance) == main || row.distance == Distance::Own;
        (row.stage == Stage::Image || of_main) && last.has(&row.series, row.step)
    };
    let shown: Vec<ScoreRow> = rows.iter().filter(shown).cloned().collect();
    let options = FigureOptions {
        caption: drawn.simulated.then(|| SIMULATED.to_owned()),
        palette: palette(rows, drawn),
        ..FigureOptions::default()
    };
    let mut figures = Vec::new();
    for (name, measure) in OF_LIKELIHOOD.into_iter().zip([Measure::Bits, Measure::Explained]) {
        if let Some(figure) = Figure::from_likelihood(&shown, measure, &options) {
            figure.save(out, name)?;
            figures.push(NamedFigure { name: name.to_owned(), figure });
        }
    }
    Ok(figures)
}

/// Draws the figures of a run from its scores; those of bits, as `bits` and `explained`; of series, how they change over their training, as
/// `training` and `training-map`; and if it has an encoder how energy is spread over
/// channels, as `channel-energy`; where the study's scores lie under them, the
/// differences from those are written as `published-differences.csv`.
///
/// # Errors
/// A figure has nothing to show, or a name that is not fit for its files, before any is written; or
/// the files cannot be written.
pub fn draw(
    rows: &[ScoreRow],
    energy: &[EnergyRow],
    drawn: &Drawn<FigureSpec>,
    out: &Path,
) -> Result<Vec<NamedFigure>, DrawError> {
    check(&drawn.figures, drawn.title.as_deref())?;
    let mut figures = Vec::new();
    for spec in &drawn.figures {
        let figure = spec.figure(rows, drawn)?;
        figure.save(out, &spec.name)?;
        figures.push(NamedFigure { name: spec.name.clone(), figure });
    }
    figures.extend(likelihoods(rows, drawn, out)?);
    figures.extend(training(rows, drawn, out)?);
    let options = FigureOptions { palette: palette(rows, drawn), ..FigureOptions::default() };
    let last = LastStates::of(rows);
    let shown = |row: &&EnergyRow| last.has(&row.series, row.step);
    let energy: Vec<EnergyRow> = energy.iter().filter(shown).cloned().collect();
    if let Some(figure) = Figure::from_energy(&energy, &options) {
        figure.save(out, CHANNEL_ENERGY)?;
        figures.push(NamedFigure { name: CHANNEL_ENERGY.to_owned(), figure });
    }
    if drawn.published && !drawn.simulated {
        let differences = match drawn.lays_published() {
            true => published_differences(rows, &specs(drawn), &parts_of(&drawn.datasets)),
            false => vec![],
        };
        write_published_differences(&out.join("published-differences.csv"), &differences)?;
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_figures_are_those_of_the_experiment_file() {
        let paper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/paper.toml");
        let experiment = crate::ExperimentFile::read(&paper, &BTreeMap::new(), false);
        let experiment = experiment.expect("read");
        for (study, file) in FigureSpec::of_study().iter().zip(&experiment.figures) {
            assert_eq!((&study.name, &study.models), (&file.name, &file.models));
            assert_eq!(study.distances, file.distances);
            let drawn = Drawn::plain(vec![]);
            study.figure(&crate::study::published_rows(), &drawn).expect("something to show");
        }
    }

    #[test]
    fn other_tokens_than_the_studys_are_not_held_against_its_scores() {
        let rows = crate::study::published_rows();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lines = |tokens: Option<&str>| {
            let published = true;
            let tokens = tokens.map(str::to_owned);
            let drawn = Drawn { published, tokens, ..Drawn::plain(vec![]) };
            draw(&rows, &[], &drawn, folder.path()).expect("drawn");
            let table = std::fs::read_to_string(folder.path().join("published-differences.csv"));
            (table.expect("a table").lines().count(), notes_on_published(&rows, &drawn))
        };
        for tokens in [None, Some("all")] {
            assert_eq!(lines(tokens), (1 + rows.len(), vec![]));
        }
        for tokens in ["class", "registers", "patches", "mean"] {
            let (count, notes) = lines(Some(tokens));
            assert_eq!(count, 1, "the header alone");
            assert!(notes[0].contains(&format!("compared are `{tokens}`")), "{notes:?}");
        }
    }

    #[test]
    fn many_models_have_a_figure_for_each_distance() {
        let names = |encoders, distances: &[Distance]| {
            FigureSpec::of_all(encoders, distances).into_iter().map(|f| f.name).collect::<Vec<_>>()
        };
        assert_eq!(names(2, &Distance::STUDY), ["alignment"]);
        let three = ["alignment", "alignment-euclidean", "alignment-cosine"];
        assert_eq!(names(3, &Distance::STUDY), three);
        assert_eq!(names(3, &[Distance::Cosine]), ["alignment"]);
        let mut drawn = Drawn::plain(FigureSpec::of_all(3, &Distance::STUDY));
        let title = |drawn: &Drawn<FigureSpec>, i: usize| drawn.figures[i].title_of(drawn);
        let cosine = "Alignment with human judgements: cosine";
        assert_eq!(title(&drawn, 2).as_deref(), Some(cosine));
        assert!(title(&drawn, 0).is_some_and(|t| t.ends_with(": normalized-euclidean")));
        drawn.title = Some("Mine".to_owned());
        assert_eq!(title(&drawn, 1).as_deref(), Some("Mine: euclidean"));
        drawn.figures[1].title = Some("Its own".to_owned());
        assert_eq!(title(&drawn, 1).as_deref(), Some("Its own"));
        let one = Drawn::plain(FigureSpec::of_all(3, &[Distance::Cosine]));
        assert_eq!(title(&one, 0), None);
    }
}
