//! A board of several runs as a page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use maud::{Markup, html};

use super::shell::{Page, explorer};
use super::table::{Cell, Table, digits};
use super::view::{Shown, json, slug};
use super::{NamedFigure, datasets_of};
use crate::ceiling::CeilingRow;
use crate::distance::Distance;
use crate::figure::Palette;
use crate::model_spec::{Specs, short_name};
use crate::results::{GalleryRow, ResultsError, ScoreRow, write_whole};
use crate::shown::thousands;

/// A run on a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryRun {
    /// Its name on the board.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// The version of alignscope that made it.
    pub version: String,
    /// Checks that came out as the run says.
    pub good: usize,
    /// What is not as the run says.
    pub different: Vec<String>,
    /// What is not on this machine, and so was not checked: weights and images of others.
    pub not_here: Vec<String>,
}

impl GalleryRun {
    /// What came of its checks, in a few words.
    pub fn verdict(&self) -> String {
        let checked = thousands(self.good);
        match (self.different.len(), self.not_here.len()) {
            (0, 0) => format!("verified: {checked} checks"),
            (0, away) => format!("verified: {checked} checks; {away} files are not here"),
            (n, _) => format!("ALTERED: {n} of {} checks", self.good + n),
        }
    }
}

/// All that the page of a board shows.
pub(crate) struct Board<'a> {
    pub(crate) rows: &'a [GalleryRow],
    pub(crate) runs: &'a [GalleryRun],
    /// The scores of all models, by their names on the board.
    pub(crate) scores: &'a [ScoreRow],
    pub(crate) ceilings: &'a [CeilingRow],
    pub(crate) distance: Distance,
    pub(crate) specs: Specs,
    pub(crate) palette: Palette,
    pub(crate) version: &'a str,
    /// What to cite.
    pub(crate) bibtex: String,
}

/// Writes `gallery.html`.
///
/// # Errors
/// The page cannot be written.
pub(crate) fn write_gallery_page(
    folder: &Path,
    board: &Board<'_>,
    figure: &NamedFigure,
) -> Result<(), ResultsError> {
    let title = "A gallery of runs";
    let simulated = board.scores.iter().any(|row| row.simulated);
    let shown = Shown {
        title,
        version: board.version,
        simulated,
        main_distance: board.distance,
        slug: slug(folder),
        scores: board.scores.iter().collect(),
        trials: board.rows.iter().map(|row| (row.dataset.as_str(), row.n)).collect(),
        ceilings: board.ceilings,
        palette: board.palette.clone(),
        specs: board.specs.clone(),
        examples: &[],
        bibtex: board.bibtex.clone(),
    };
    let page = Page {
        title,
        simulated,
        opening: opening(board),
        sections: vec![
            ("board", "Board", board_section(board, figure)),
            ("figure", "Score against depth", explorer()),
            ("runs", "Runs", runs(board)),
            ("cite", "How to cite", html! { pre tabindex="0" { (board.bibtex) } }),
        ],
        data: json(&shown),
        footer: format!("Written by alignscope {}.", board.version),
    };
    write_whole(&folder.join("gallery.html"), page.html().as_bytes())
}

fn opening(board: &Board<'_>) -> Markup {
    let models = models_of(board).len();
    let datasets = datasets(board).len();
    let count =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    html! {
        strong { (count(models, "model", "models")) } " of "
        (count(board.runs.len(), "run", "runs")) " on "
        strong { (count(datasets, "data set", "data sets")) }
        ", each at its last stage, by the distance " (board.distance) " or its own."
    }
}

fn datasets<'a>(board: &Board<'a>) -> Vec<&'a str> {
    let scores: Vec<&ScoreRow> = board.scores.iter().collect();
    let shown = |name: &&str| board.rows.iter().any(|row| row.dataset == *name);
    datasets_of(&scores).into_iter().map(|(name, _)| name).filter(shown).collect()
}

/// The models from the best to the last: by the middle of their ranks as a share of the models on a
/// data set, the mean over those that they were run on.
fn models_of<'a>(board: &Board<'a>) -> Vec<&'a str> {
    let mut found: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for row in board.rows {
        let middle = (row.rank_low + row.rank_high) as f64 / 2.0 / row.models as f64;
        let (sum, n) = found.entry(&row.model).or_default();
        *sum += middle;
        *n += 1;
    }
    let mut models: Vec<(&str, f64)> =
        found.into_iter().map(|(model, (sum, n))| (model, sum / n as f64)).collect();
    models.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
    models.into_iter().map(|(model, _)| model).collect()
}

/// A rank, or the ranks that the differences leave open: `2`, `1–3`.
pub(crate) fn ranks(row: &GalleryRow) -> String {
    match row.rank_low == row.rank_high {
        true => row.rank_low.to_string(),
        false => format!("{}–{}", row.rank_low, row.rank_high),
    }
}

fn board_section(board: &Board<'_>, figure: &NamedFigure) -> Markup {
    html! {
        p.note {
            "Ranks are those that the paired differences of the models leave: a model whose difference from another is not clear (its interval holds 0, or its p does not stand after Holm’s correction) shares ranks with it. In brackets is the 95 % interval. The peak is the highest score of any stage, which is a little too high; the stage that is chosen on half of the clusters is scored on the other half."
        }
        (table(board).html())
        figure.chart {
            div.panels.two { @for panel in figure.figure.inline_panels() { (super::page::panel_html(&panel)) } }
            p.note { "Files: " code { (figure.name) ".svg" } ", " code { (figure.name) ".png" } ", " code { (figure.name) ".csv" } "; the table is " code { "gallery.csv" } "." }
        }
    }
}

fn table(board: &Board<'_>) -> Table {
    let datasets = datasets(board);
    let rows = models_of(board).into_iter().map(|model| {
        let of_model = |dataset: &str| {
            board.rows.iter().find(|row| row.model == model && row.dataset == dataset)
        };
        let first = datasets.iter().find_map(|dataset| of_model(dataset));
        let mut cells = vec![
            Cell::text(short_name(model)),
            Cell::text(first.map_or("", |row| row.run.as_str())),
        ];
        for dataset in &datasets {
            cells.extend(match of_model(dataset) {
                None => vec![Cell::number(None), Cell::number(None), Cell::text("")],
                Some(row) => vec![
                    Cell::ranks(ranks(row), (row.rank_low + row.rank_high) as f64 / 2.0),
                    Cell::interval(Some(row.value), row.ci_low, row.ci_high),
                    Cell::sorted(peak(row), row.peak),
                ],
            });
        }
        cells
    });
    let rows = rows.collect();
    let mut columns = vec!["model".to_owned(), "run".to_owned()];
    for dataset in &datasets {
        columns.push(format!("{dataset}: rank"));
        columns.push(format!("{dataset}: score"));
        columns.push(format!("{dataset}: peak (chosen)"));
    }
    Table { caption: "Models at their last stage, the best first".to_owned(), columns, rows }
}

/// The highest score, where it stands, and what a stage that is chosen on other clusters has.
fn peak(row: &GalleryRow) -> String {
    let Some((peak, stage)) = row.peak.zip(row.peak_stage) else { return String::new() };
    let chosen = row.chosen.map_or(String::new(), |chosen| format!(" ({})", digits(chosen)));
    format!("{} at {stage}{chosen}", digits(peak))
}

fn runs(board: &Board<'_>) -> Markup {
    let rows = board.runs.iter().map(|run| {
        vec![
            Cell::text(run.name.clone()),
            Cell::text(run.version.clone()),
            Cell::text(run.verdict()),
        ]
    });
    let table = Table {
        caption: "Runs, and whether their files are those that they say and their scores come out \
                  again"
            .to_owned(),
        columns: ["run", "alignscope", "checks"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    };
    html! {
        (table.html())
        @for run in board.runs.iter().filter(|run| !run.different.is_empty()) {
            p.alert { (run.name) " is not as its manifest says: " (run.different.join("; ")) }
        }
        @for run in board.runs.iter().filter(|run| !run.not_here.is_empty()) {
            details {
                summary { (run.name) ": what is not on the machine that made this page" }
                ul { @for what in &run.not_here { li { (what) } } }
            }
        }
    }
}
