//! What the intervals support, in plain words.

use super::Run;
use crate::comparison::{ComparisonRow, Side};
use crate::energy::EnergyOf;
use crate::findings::{Finding, FindingRow, level, points, sentences};
use crate::model_spec::short_name;
use crate::score::Measure;
use crate::stage::Stage;

/// More sentences about one data set are left to the table.
const MOST: usize = 12;
/// A difference is told where its p after Holm's correction is no more.
const LEVEL: f64 = 0.05;

/// What is said about one data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    /// The data set, and what its scores are.
    pub(super) heading: String,
    pub(super) sentences: Vec<String>,
}

/// A paragraph for each data set of the run, and nothing that its intervals do not support.
pub(super) fn summarize(run: &Run) -> Vec<Said> {
    run.datasets()
        .into_iter()
        .map(|(dataset, _)| {
            let mut said = curves(run, dataset);
            said.extend(sentences(&run.findings, dataset, run.main_distance()));
            said.extend(pairs(run, dataset));
            Said { heading: heading(run, dataset), sentences: said }
        })
        .collect()
}

/// Where curves peak, rise and drop, as `findings.csv` has it.
fn curves(run: &Run, dataset: &str) -> Vec<String> {
    let distance = run.main_distance();
    let mut findings: Vec<&FindingRow> = run.findings.iter().collect();
    let main = |f: &FindingRow| f.measure.is_some_and(Measure::is_main);
    findings.retain(|f| f.dataset == dataset && f.distance == Some(distance) && main(f));
    let standing = run.standing();
    let mut models: Vec<&str> = Vec::new();
    for finding in &findings {
        let model = finding.model.as_str();
        if !models.contains(&model) && standing.contains(model) {
            models.push(model);
        }
    }
    // Controls last, as everywhere.
    let specs = run.specs();
    models.sort_by_key(|model| specs.is_control(model));
    let mut said: Vec<String> = models
        .into_iter()
        .filter_map(|model| {
            let of = |finding: Finding| {
                findings.iter().find(|f| f.model == model && f.finding == finding).copied()
            };
            curve(model, of)
        })
        .collect();
    if said.len() > MOST {
        let more = said.len() - MOST;
        said.truncate(MOST);
        said.push(format!("The curves of {more} more models stand in the table of findings."));
    }
    said
}

/// What the curve of a model shows, a sentence for each thing.
fn curve<'a>(model: &str, of: impl Fn(Finding) -> Option<&'a FindingRow>) -> Option<String> {
    let said = [
        Some(peak(model, of(Finding::Peak)?, of(Finding::Projection), of(Finding::FallToLast))?),
        of(Finding::ChosenStage).and_then(chosen),
        of(Finding::Onset).map(onset),
        of(Finding::MidDepthDrop).and_then(drop),
    ];
    Some(said.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// A stage in a sentence.
fn the(stage: Stage) -> String {
    match stage {
        Stage::Embedding | Stage::Projection | Stage::Output => format!("the {stage}"),
        stage => stage.to_string(),
    }
}

/// Where a curve peaks, and whether it falls from there to the last stage.
fn peak(
    model: &str,
    peak: &FindingRow,
    last: Option<&FindingRow>,
    fall: Option<&FindingRow>,
) -> Option<String> {
    let (model, stage) = (short_name(model), peak.stage?);
    let at = level(peak.value, peak.ci_low, peak.ci_high);
    let unsure = peak.note.strip_prefix("in 95 % of resamples between ");
    let unsure = unsure.map_or(String::new(), |between| {
        format!(" In 95 % of resamples the peak lies between {between}.")
    });
    let Some(last) = last.filter(|last| last.stage != peak.stage) else {
        return Some(format!(
            "{model} is highest at its last stage, {} ({at}).{unsure}",
            the(stage)
        ));
    };
    let begin = format!("{model} peaks at {} ({at})", the(stage));
    let end = last.stage.map_or_else(|| "the last stage".to_owned(), the);
    let by = fall.filter(|fall| fall.value.is_finite());
    let said = match by.map(|fall| (fall, fall.ci_low)) {
        Some((fall, Some(low))) if low > 0.0 => {
            let by = points(fall.value, fall.ci_low, fall.ci_high);
            format!("{begin} and falls by {by} to {end}.")
        }
        Some((_, Some(_))) => {
            let at = level(last.value, last.ci_low, last.ci_high);
            format!("{begin}; that {end} ({at}) is lower is not clear.")
        }
        _ => format!("{begin}; {end} has {}.", level(last.value, last.ci_low, last.ci_high)),
    };
    Some(said + &unsure)
}

/// What a stage scores that is chosen on other clusters.
fn chosen(chosen: &FindingRow) -> Option<String> {
    let score = level(chosen.value, chosen.ci_low, chosen.ci_high);
    chosen.value.is_finite().then(|| {
        format!("Its best stage, chosen on half of the clusters, scores {score} on the other half.")
    })
}

/// From where on it is above the pixels.
fn onset(onset: &FindingRow) -> String {
    let Some(stage) = onset.stage.map(the) else {
        return match onset.note.as_str() {
            "no stage is clearly above image" => "No stage is clearly above the pixels.".to_owned(),
            why => format!("Where it rises above the pixels is not known: {why}."),
        };
    };
    match onset.note.strip_prefix("above image by the value, ") {
        Some("and at every later stage") => {
            format!("It is clearly above the pixels from {stage} on.")
        }
        Some("at the last stage alone") => {
            format!("It is clearly above the pixels at {stage} alone, its last stage.")
        }
        Some(rest) => format!("It is first clearly above the pixels at {stage}; {rest}."),
        None => format!("It is first clearly above the pixels at {stage}."),
    }
}

/// Where it falls and rises again, if that is clear.
fn drop(drop: &FindingRow) -> Option<String> {
    drop.ci_low.filter(|low| *low > 0.0)?;
    let by = points(drop.value, drop.ci_low, drop.ci_high);
    Some(format!("From {} it falls by {by} {}.", the(drop.stage?), drop.note))
}

/// From which stage on one channel holds half of the energy, a sentence for each model and data set.
pub(super) fn energy(run: &Run) -> Vec<String> {
    let standing = run.standing();
    let half = |f: &&FindingRow| {
        f.finding == Finding::HalfInOneChannel && standing.contains(f.model.as_str())
    };
    let findings: Vec<&FindingRow> = run.findings.iter().filter(half).collect();
    let mut said: Vec<String> = Vec::new();
    let same = |a: &&FindingRow, b: &&FindingRow| (&a.dataset, &a.model) == (&b.dataset, &b.model);
    for of_model in findings.chunk_by(same) {
        let (dataset, model) = (&of_model[0].dataset, short_name(&of_model[0].model));
        let whose = |f: &FindingRow| f.energy.map_or("", EnergyOf::name);
        let parts = of_model.iter().map(|f| match f.stage {
            Some(stage) => format!(
                "half of the energy of {} lies in one channel first at {} ({})",
                whose(f),
                the(stage),
                f.note
            ),
            None => format!("of the energy of {} {}", whose(f), f.note),
        });
        let parts: Vec<String> = parts.collect();
        said.push(format!("{model} on {dataset}: {}.", parts.join("; ")));
    }
    if said.len() > MOST {
        let more = said.len() - MOST;
        said.truncate(MOST);
        said.push(format!("{more} more stand in the table of findings."));
    }
    said
}

/// How a comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The interval holds no 0, and p stands after Holm's correction.
    Clear,
    /// The interval holds 0.
    Open,
    /// The interval holds no 0, but p does not stand.
    Uncorrected,
    /// p is above the level by itself though the interval holds no 0: resamples are too few to tell.
    FewResamples,
    /// There is no interval.
    Without,
}

impl Verdict {
    fn of(c: &ComparisonRow) -> Self {
        match (c.ci_low, c.ci_high) {
            (Some(low), Some(high)) if low <= 0.0 && high >= 0.0 => Self::Open,
            (Some(_), Some(_)) if c.p_holm.is_some_and(|p| p <= LEVEL) => Self::Clear,
            (Some(_), Some(_)) if c.p.is_some_and(|p| p > LEVEL) => Self::FewResamples,
            (Some(_), Some(_)) => Self::Uncorrected,
            _ => Self::Without,
        }
    }
}

/// Which model is ahead of which: first encoders that are no controls with each other, then how they stand to each
/// control, each baseline and the pixels, a sentence for each; what is left is counted.
fn pairs(run: &Run, dataset: &str) -> Vec<String> {
    let distance = run.main_distance();
    let shown = |side: &Side| side.distance == distance || !side.is_of_encoder();
    let of_dataset: Vec<&ComparisonRow> = run
        .comparisons
        .iter()
        .filter(|c| c.dataset == dataset && c.subset == "all" && c.measure.is_main())
        .filter(|c| shown(&c.a()) && shown(&c.b()))
        .collect();
    // Whether a checkpoint was trained cannot be seen; a control says that it was not.
    let specs = run.specs();
    let no_control = |side: &Side| side.is_of_encoder() && !specs.is_control(&side.model);
    let (first, rest): (Vec<&ComparisonRow>, Vec<&ComparisonRow>) =
        of_dataset.into_iter().partition(|c| no_control(&c.a()) && no_control(&c.b()));
    let mut said = each(&first);
    said.extend(counted(&first, "comparisons of models"));

    let (against, among): (Vec<&ComparisonRow>, Vec<&ComparisonRow>) =
        rest.into_iter().partition(|c| no_control(&c.a()) || no_control(&c.b()));
    let mut others: Vec<Side> = Vec::new();
    for c in &against {
        let other = if no_control(&c.a()) { c.b() } else { c.a() };
        if !others.contains(&other) {
            others.push(other);
        }
    }
    // Controls, then baselines, then the pixels.
    others.sort_by_key(|side| (!side.is_of_encoder(), side.stage == Stage::Image));
    for other in others {
        let of_other: Vec<&ComparisonRow> =
            against.iter().filter(|c| c.a() == other || c.b() == other).copied().collect();
        said.push(beside(&other, &of_other));
    }
    if !among.is_empty() {
        let clear = among.iter().filter(|c| Verdict::of(c) == Verdict::Clear).count();
        said.push(format!(
            "Among controls, baselines and pixels {clear} of {} differences are clear; the table of comparisons has them.",
            among.len()
        ));
    }
    said
}

/// A side as it is called.
fn called(side: &Side) -> String {
    match side.stage {
        Stage::Projection | Stage::Output | Stage::Image => short_name(&side.model),
        stage => format!("{} at {stage}", short_name(&side.model)),
    }
}

/// A sentence for each clear difference, the largest first.
fn each(rows: &[&ComparisonRow]) -> Vec<String> {
    let mut clear: Vec<&&ComparisonRow> =
        rows.iter().filter(|c| Verdict::of(c) == Verdict::Clear).collect();
    clear.sort_by(|a, b| b.difference.abs().total_cmp(&a.difference.abs()));
    let more = clear.len().saturating_sub(MOST);
    let mut said: Vec<String> = clear
        .into_iter()
        .take(MOST)
        .map(|c| {
            let (first, second) = if c.difference > 0.0 { (c.a(), c.b()) } else { (c.b(), c.a()) };
            let last = [&first, &second].into_iter().find(|side| {
                side.is_of_encoder() && matches!(side.stage, Stage::Projection | Stage::Output)
            });
            let at = last.map_or(String::new(), |side| format!(" at the {}", side.stage));
            format!("{} is ahead of {}{at} by {}.", called(&first), called(&second), gap(c))
        })
        .collect();
    if more > 0 {
        said.push(format!(
            "{more} more such differences of models stand in the table of comparisons."
        ));
    }
    said
}

/// By how much the one that is ahead is, with the interval.
fn gap(c: &ComparisonRow) -> String {
    let (low, high) = match c.difference > 0.0 {
        true => (c.ci_low, c.ci_high),
        false => (c.ci_high.map(|v| -v), c.ci_low.map(|v| -v)),
    };
    points(c.difference.abs(), low, high)
}

/// How the models that are no controls stand to a control, a baseline or the pixels: one sentence.
fn beside(other: &Side, rows: &[&ComparisonRow]) -> String {
    let (mut ahead, mut behind, mut open) = (vec![], vec![], vec![]);
    for c in rows {
        let is_first = c.b() == *other;
        let model = called(&if is_first { c.a() } else { c.b() });
        match (Verdict::of(c), (c.difference > 0.0) == is_first) {
            (Verdict::Clear, true) => ahead.push(format!("{model} by {}", gap(c))),
            (Verdict::Clear, false) => behind.push(format!("{model} by {}", gap(c))),
            _ => open.push(model),
        }
    }
    let (other, it) = match other.stage {
        Stage::Image => ("the pixels".to_owned(), "them"),
        _ => (called(other), "it"),
    };
    let part = |of: &[String], one: &str, many: &str| {
        let verb = if of.len() == 1 { one } else { many };
        (!of.is_empty()).then(|| (listed(of), verb.to_owned()))
    };
    let parts = [
        part(&ahead, "is ahead of", "are ahead of"),
        part(&behind, "is behind", "are behind"),
        part(&open, "is not clearly ahead of or behind", "are not clearly ahead of or behind"),
    ];
    let parts: Vec<(String, String)> = parts.into_iter().flatten().collect();
    let said = parts.iter().enumerate().map(|(i, (models, verb))| match verb.contains("clearly") {
        true => format!("{models} {verb} {}", if i == 0 { other.as_str() } else { it }),
        // `X is ahead of the pixels by 3 points`, `X by 3 points and Y by 2 points are ahead of …`.
        false => with_amounts(models, verb, if i == 0 { &other } else { it }),
    });
    format!("{}.", said.collect::<Vec<_>>().join("; "))
}

/// Who is ahead or behind: of one model the amount stands at the end.
fn with_amounts(models: &str, verb: &str, other: &str) -> String {
    match models.split_once(" by ").filter(|(_, by)| verb.starts_with("is") && !by.contains(" by "))
    {
        Some((model, by)) => format!("{model} {verb} {other} by {by}"),
        None => format!("{models} {verb} {other}"),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What is not clear, counted.
fn counted(rows: &[&ComparisonRow], what: &str) -> Vec<String> {
    let of = |verdict| rows.iter().filter(|c| Verdict::of(c) == verdict).count();
    let mut said = Vec::new();
    let open = of(Verdict::Open);
    if open > 0 {
        let leave = if open == 1 { "leaves" } else { "leave" };
        said.push(format!(
            "Of {} {what}, {open} {leave} open which is ahead: the interval holds 0.",
            rows.len()
        ));
    }
    let uncorrected = of(Verdict::Uncorrected);
    if uncorrected > 0 {
        let [have, do_not] =
            if uncorrected == 1 { ["has", "does not"] } else { ["have", "do not"] };
        said.push(format!(
            "{uncorrected} more {have} an interval without 0 but {do_not} stand after Holm's correction for all comparisons by this distance."
        ));
    }
    let few = of(Verdict::FewResamples);
    if few > 0 {
        let have = if few == 1 { "has" } else { "have" };
        said.push(format!(
            "{few} more {have} an interval without 0, of too few resamples to tell."
        ));
    }
    let without = of(Verdict::Without);
    if without > 0 {
        said.push(format!("{without} have no interval, so nothing is said of them."));
    }
    said
}

/// A data set, and the measure in which it is told.
fn heading(run: &Run, dataset: &str) -> String {
    let mut of_dataset = run.scores.iter().filter(|row| row.dataset == dataset);
    match of_dataset.find(|row| row.measure.is_main()) {
        Some(row) => format!("{dataset}: {}", row.measure.title()),
        None => dataset.to_owned(),
    }
}
