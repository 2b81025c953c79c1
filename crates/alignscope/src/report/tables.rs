//! The tables of the page.

use std::collections::HashMap;

use super::Run;
use super::table::{Cell, Table};
use crate::comparison::Side;
use crate::dataset::Level;
use crate::distance::Distance;
use crate::energy::EnergyOf;
use crate::figure::MarkRow;
use crate::findings::{Finding, FindingRow, first_highest};
use crate::model_spec::short_name;
use crate::results::{DrawnDataset, ScoreRow};
use crate::score::Measure;
use crate::stage::Stage;

/// Of longer tables the first rows are shown; the page says how many are left out and where they are.
pub(super) const MOST_ROWS: usize = 1500;

/// Each model's score at its peak and at its last stage.
pub(super) fn scores(run: &Run) -> Table {
    let whole = |row: &&ScoreRow| row.subset == "all";
    let shown = run.scores.iter().filter(whole);
    let shown = shown.filter(|row| row.measure.is_told());
    // The curves, in the order in which they begin.
    let mut places: HashMap<(&str, &str, Distance, Measure), usize> = HashMap::new();
    let mut curves: Vec<Vec<&ScoreRow>> = Vec::new();
    for row in shown {
        let curve = (row.dataset.as_str(), row.model.as_str(), row.distance, row.measure);
        let place = *places.entry(curve).or_insert(curves.len());
        match curves.get_mut(place) {
            Some(curve) => curve.push(row),
            None => curves.push(vec![row]),
        }
    }
    let chosen = run.findings.iter().filter(|f| f.finding == Finding::ChosenStage);
    let key = |f: &FindingRow| (f.dataset.clone(), f.model.clone(), f.distance, f.measure);
    let chosen: HashMap<_, &FindingRow> = chosen.map(|f| (key(f), f)).collect();
    let mut rows = Vec::new();
    for of_curve in &curves {
        let row = of_curve[0];
        let of_row =
            (row.dataset.clone(), row.model.clone(), Some(row.distance), Some(row.measure));
        let chosen = chosen.get(&of_row);
        let peak = of_curve[first_highest(of_curve.iter().map(|r| r.value)).unwrap_or(0)];
        let last = of_curve.last().unwrap_or(&of_curve[0]);
        let ties = of_curve.iter().map(|r| r.n_ties).max().unwrap_or(0);
        let note = last.ci_note.clone().unwrap_or_default();
        rows.push(vec![
            Cell::text(row.dataset.clone()),
            Cell::text(short_name(&row.model)),
            Cell::text(row.distance.to_string()),
            Cell::text(row.measure.to_string()),
            Cell::sorted(peak.stage.to_string(), Some(peak.depth_percent)),
            Cell::interval(Some(peak.value), peak.ci_low, peak.ci_high),
            chosen
                .map_or(Cell::number(None), |f| Cell::interval(Some(f.value), f.ci_low, f.ci_high)),
            Cell::sorted(last.stage.to_string(), Some(last.depth_percent)),
            Cell::interval(Some(last.value), last.ci_low, last.ci_high),
            Cell::number(row.chance),
            Cell::number(row.ceiling),
            Cell::count(last.n),
            Cell::count(last.n_clusters),
            Cell::count(ties),
            Cell::text(note),
        ]);
    }
    Table {
        caption:
            "Scores at the peak, of a stage chosen on other clusters than it is scored on, and at the last stage, with 95 % intervals where there are any"
                .to_owned(),
        columns: owned(&[
            "data set",
            "model",
            "distance",
            "measure",
            "peak at",
            "peak",
            "chosen stage",
            "last stage",
            "score",
            "chance",
            "ceiling",
            "n",
            "clusters",
            "most ties",
            "note",
        ]),
        rows,
    }
}

/// Scores of parts of the data sets at the last stage.
pub(super) fn parts(run: &Run) -> Option<Table> {
    let (main, last) = (run.main_distance(), run.last_stages());
    let rows: Vec<Vec<Cell>> = run
        .scores
        .iter()
        .filter(|row| row.subset != "all" && row.measure.is_main())
        .filter(|row| match row.stage {
            Stage::Image => true,
            stage => {
                let shown = row.distance == main || row.distance == Distance::Own;
                shown && last.get(row.model.as_str()) == Some(&stage)
            }
        })
        .map(|row| {
            vec![
                Cell::text(row.dataset.clone()),
                Cell::text(row.subset.clone()),
                Cell::text(short_name(&row.model)),
                Cell::interval(Some(row.value), row.ci_low, row.ci_high),
                Cell::number(row.ceiling),
                Cell::count(row.n),
                Cell::count(row.n_clusters),
            ]
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        caption: format!(
            "Parts of the data sets, at each model's last stage ({main}) and for baselines and pixels"
        ),
        columns: owned(&["data set", "part", "model", "score", "ceiling", "n", "clusters"]),
        rows,
    })
}

pub(super) fn findings(run: &Run) -> Table {
    let rows = run.findings.iter().map(|f| {
        vec![
            Cell::text(f.dataset.clone()),
            Cell::text(short_name(&f.model)),
            Cell::text(f.distance.map_or("", Distance::name)),
            Cell::text(f.measure.map_or("", Measure::name)),
            Cell::text(f.energy.map_or("", EnergyOf::name)),
            Cell::text(f.finding.to_string()),
            Cell::sorted(f.stage.map_or_else(String::new, |s| s.to_string()), f.depth_percent),
            Cell::interval(Some(f.value), f.ci_low, f.ci_high),
            Cell::text(f.chosen_on.clone().unwrap_or_default()),
            Cell::text(f.note.clone()),
        ]
    });
    Table {
        caption: "What is read off the curves".to_owned(),
        columns: owned(&[
            "data set",
            "model",
            "distance",
            "measure",
            "energy",
            "finding",
            "stage",
            "value",
            "chosen on",
            "note",
        ]),
        rows: rows.collect(),
    }
}

/// (score − chance) / (ceiling − chance) at the last stage, across the data sets of the run that have a
/// ceiling; none where no data set has.
pub(super) fn normalized(run: &Run) -> Option<Table> {
    let main = run.main_distance();
    let shown: Vec<&FindingRow> = run
        .findings
        .iter()
        .filter(|f| f.finding == Finding::NormalizedProjection && f.value.is_finite())
        .filter(|f| f.distance == Some(main) || f.distance == Some(Distance::Own))
        .collect();
    let mut datasets = run.datasets();
    datasets.retain(|(dataset, _)| shown.iter().any(|finding| finding.dataset == *dataset));
    let mut models: Vec<&str> = Vec::new();
    for finding in &shown {
        if !models.contains(&finding.model.as_str()) {
            models.push(&finding.model);
        }
    }
    let rows = models.iter().map(|model| {
        let mut row = vec![Cell::text(short_name(model))];
        row.extend(datasets.iter().map(|(dataset, _)| {
            let found = shown.iter().find(|f| f.model == *model && f.dataset == *dataset);
            found.map_or(Cell::number(None), |f| Cell::interval(Some(f.value), f.ci_low, f.ci_high))
        }));
        row
    });
    let names = datasets.iter().map(|(dataset, _)| *dataset);
    let columns = std::iter::once("model").chain(names).map(str::to_owned).collect();
    (!shown.is_empty()).then(|| Table {
        caption: format!(
            "(score − chance)/(ceiling − chance) at the projection ({main}), of baselines and pixels, from the low to the high level"
        ),
        columns,
        rows: rows.collect(),
    })
}

/// The levels, and data sets of the run, that [`normalized`] cannot have: not run, or without a ceiling.
pub(super) fn normalized_missing(run: &Run) -> Vec<String> {
    let datasets = run.datasets();
    let mut missing: Vec<String> = Level::OF_STUDY
        .into_iter()
        .filter(|level| !datasets.iter().any(|(_, of_dataset)| of_dataset == level))
        .map(|level| format!("no data set of the {level} level was run"))
        .collect();
    let known = |dataset: &str| {
        let of = |f: &FindingRow| {
            f.dataset == dataset
                && f.finding == Finding::NormalizedProjection
                && f.value.is_finite()
        };
        run.findings.iter().any(of)
    };
    let without = datasets.iter().filter(|(dataset, _)| !known(dataset));
    missing.extend(without.map(|(dataset, _)| format!("{dataset} has no ceiling")));
    missing
}

pub(super) fn ceilings(run: &Run) -> Table {
    let rows = run.ceilings.iter().map(|c| {
        vec![
            Cell::text(c.dataset.clone()),
            Cell::text(c.subset.clone()),
            Cell::text(c.ceiling.to_string()),
            Cell::text(c.measure.to_string()),
            Cell::interval(Some(c.value), c.ci_low, c.ci_high),
            Cell::count(c.n),
            Cell::count(c.n_clusters),
        ]
    });
    Table {
        caption: format!(
            "How well {} agree with each other",
            match run.told.simulated {
                true => "the simulated observer's answers",
                false => "people",
            }
        ),
        columns: owned(&["data set", "part", "ceiling", "measure", "value", "n", "clusters"]),
        rows: rows.collect(),
    }
}

pub(super) fn comparisons(run: &Run) -> Table {
    let side = |side: &Side| {
        let name = short_name(&side.model);
        match side.stage {
            _ if !side.is_of_encoder() => name,
            stage => format!("{name}, {stage}, {}", side.distance),
        }
    };
    let whole = run.comparisons.iter().filter(|c| c.subset == "all");
    let rows = whole.map(|c| {
        vec![
            Cell::text(c.dataset.clone()),
            Cell::text(c.measure.name()),
            Cell::text(side(&c.a())),
            Cell::text(side(&c.b())),
            Cell::number(Some(c.value_a)),
            Cell::number(Some(c.value_b)),
            Cell::interval(Some(c.difference), c.ci_low, c.ci_high),
            Cell::p(c.p),
            Cell::p(c.p_holm),
            Cell::interval(c.kappa, c.kappa_low, c.kappa_high),
        ]
    });
    Table {
        caption: "Paired differences, first less second; p, and p after Holm's correction for all rows of a data set, measure and kind of distance; agreement beyond chance (κ)"
            .to_owned(),
        columns: owned(&[
            "data set",
            "measure",
            "first",
            "second",
            "its score",
            "the other's",
            "difference",
            "p",
            "p (Holm)",
            "κ",
        ]),
        rows: rows.collect(),
    }
}

/// Which of its trials a data set was held to.
fn limit(asked: &DrawnDataset) -> String {
    let parts = [
        asked.limit.map(|limit| format!("the first {limit} trials")),
        asked.selected.map(|trials| format!("{trials} selected trials")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What each data set is, and what was left out of it.
pub(super) fn datasets(run: &Run) -> Table {
    let rows = run.told.datasets.iter().map(|d| {
        let tied = run.scores.iter().filter(|r| r.dataset == d.asked.name && r.subset == "all");
        let left_out = tied.map(|r| r.n_left_out).max().unwrap_or(0);
        vec![
            Cell::text(d.asked.name.clone()),
            Cell::count(d.trials),
            Cell::count(d.clusters),
            Cell::count(d.pairs),
            Cell::count(d.images),
            Cell::count(d.skipped_trials),
            Cell::count(d.missing_images),
            Cell::count(left_out),
            Cell::text(limit(&d.asked)),
        ]
    });
    Table {
        caption: "Data sets: trials run, and those left out".to_owned(),
        columns: owned(&[
            "data set",
            "trials",
            "clusters",
            "pairs",
            "images",
            "skipped",
            "images missing",
            "equal votes",
            "limit",
        ]),
        rows: rows.collect(),
    }
}

/// The numbers behind a figure; none where there are too many for a page.
pub(super) fn behind(rows: &[MarkRow], title: &str) -> Option<Table> {
    let over_training = rows.iter().any(|row| row.step.is_some());
    let cells = |row: &MarkRow| {
        let mut cells = vec![
            Cell::text(row.dataset.as_str()),
            Cell::text(row.measure.as_str()),
            Cell::text(short_name(&row.model)),
            Cell::text(row.kind.as_str()),
            Cell::text(row.distance.as_str()),
            Cell::sorted(row.stage.to_string(), Some(row.depth_percent)),
            Cell::number(Some(row.depth_percent)),
            Cell::interval(Some(row.value), row.low, row.high),
        ];
        if over_training {
            let step = row.step.map_or_else(String::new, |step| step.to_string());
            cells.push(Cell::sorted(step, row.step.map(|step| step as f64)));
        }
        cells
    };
    let mut columns =
        owned(&["data set", "measure", "model", "kind", "distance", "stage", "depth (%)", "value"]);
    columns.extend(over_training.then(|| "step".to_owned()));
    (rows.len() <= MOST_ROWS).then(|| Table {
        caption: format!("The numbers behind “{title}”"),
        columns,
        rows: rows.iter().map(cells).collect(),
    })
}

/// Heads of columns.
fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| (*column).to_owned()).collect()
}
