//! What the intervals support, in plain words.

use super::Run;
use crate::comparison::{ComparisonRow, Side};
use crate::energy::EnergyOf;
use crate::findings::{Finding, FindingRow, Points, sentences};
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
    pub(super) dataset: String,
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
            Said { dataset: dataset.to_owned(), sentences: said }
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
    let points = scale_of(run, dataset);
    let mut said: Vec<String> = models
        .into_iter()
        .filter_map(|model| {
            let of = |finding: Finding| {
                findings.iter().find(|f| f.model == model && f.finding == finding).copied()
            };
            curve(model, of, points)
        })
        .collect();
    if said.len() > MOST {
        let more = said.len() - MOST;
        said.truncate(MOST);
        said.push(format!("The curves of {more} more models stand in the table of findings."));
    }
    said
}

/// What the curve of a model shows.
fn curve<'a>(
    model: &str,
    of: impl Fn(Finding) -> Option<&'a FindingRow>,
    points: Points,
) -> Option<String> {
    let peak = of(Finding::Peak)?;
    let depth = |f: &FindingRow| f.depth_percent.map(|d| format!("{d:.1} %"));
    let mut deep: Vec<String> = depth(peak).into_iter().collect();
    deep.extend((!peak.note.is_empty()).then(|| peak.note.clone()));
    let mut said = format!(
        "{} peaks at {}{} with {}",
        short_name(model),
        peak.stage?,
        if deep.is_empty() { String::new() } else { format!(" ({})", deep.join("; ")) },
        points.level(peak.value, peak.ci_low, peak.ci_high)
    );
    if let Some(chosen) = of(Finding::ChosenStage).filter(|chosen| chosen.value.is_finite()) {
        let level = points.level(chosen.value, chosen.ci_low, chosen.ci_high);
        said.push_str(&format!(
            "; chosen by half of the clusters, a stage has {level} on the other half"
        ));
    }
    if let Some(onset) = of(Finding::Onset) {
        match onset.stage {
            Some(stage) => said.push_str(&format!(
                "; it is first clearly above the pixels at {stage}{}{}",
                depth(onset).map_or(String::new(), |d| format!(" ({d})")),
                onset.note.strip_prefix("above image by the value").unwrap_or_default()
            )),
            None => said.push_str(&format!("; no onset: {}", onset.note)),
        }
    }
    if let Some(drop) = of(Finding::MidDepthDrop)
        && drop.ci_low.is_some_and(|low| low > 0.0)
    {
        let amount = points.amount(drop.value, drop.ci_low, drop.ci_high);
        let from = drop.stage.map_or(String::new(), |s| s.to_string());
        said.push_str(&format!("; it drops by {amount} from {from} {}", drop.note));
    }
    said.push('.');
    Some(said)
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
        let parts = of_model.iter().map(|f| match (f.stage, f.depth_percent) {
            (Some(stage), Some(depth)) => format!(
                "of the energy of {} one channel holds half first at {stage} ({depth:.1} % deep): {}",
                whose(f), f.note
            ),
            _ => format!("of the energy of {} {}", whose(f), f.note),
        });
        let parts: Vec<String> = parts.collect();
        said.push(format!("{model} on {dataset}: {}.", parts.join(" — ")));
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
    let points = scale_of(run, dataset);
    let (first, rest): (Vec<&ComparisonRow>, Vec<&ComparisonRow>) =
        of_dataset.into_iter().partition(|c| no_control(&c.a()) && no_control(&c.b()));
    let mut said = each(&first, dataset, points);
    said.extend(counted(&first, &format!("comparisons of models on {dataset}")));

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
        said.push(beside(&other, &of_other, dataset, points));
    }
    if !among.is_empty() {
        let clear = among.iter().filter(|c| Verdict::of(c) == Verdict::Clear).count();
        said.push(format!(
            "Controls, baselines and pixels among each other on {dataset}: {clear} of {} differences are clear; they stand in the table of comparisons.",
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
fn each(rows: &[&ComparisonRow], dataset: &str, points: Points) -> Vec<String> {
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
            let amount = gap(c, points);
            format!(
                "{} is ahead of {} on {dataset}{at} by {amount}.",
                called(&first),
                called(&second)
            )
        })
        .collect();
    if more > 0 {
        said.push(format!(
            "{more} more such differences of models on {dataset} stand in the table of comparisons."
        ));
    }
    said
}

/// By how much the one that is ahead is, with the interval.
fn gap(c: &ComparisonRow, points: Points) -> String {
    let (low, high) = match c.difference > 0.0 {
        true => (c.ci_low, c.ci_high),
        false => (c.ci_high.map(|v| -v), c.ci_low.map(|v| -v)),
    };
    points.amount(c.difference.abs(), low, high)
}

/// How the models that are no controls stand to a control, a baseline or the pixels: one sentence.
fn beside(other: &Side, rows: &[&ComparisonRow], dataset: &str, points: Points) -> String {
    let (mut ahead, mut behind, mut open) = (vec![], vec![], vec![]);
    for c in rows {
        let is_first = c.b() == *other;
        let model = called(&if is_first { c.a() } else { c.b() });
        match (Verdict::of(c), (c.difference > 0.0) == is_first) {
            (Verdict::Clear, true) => ahead.push(format!("{model} by {}", gap(c, points))),
            (Verdict::Clear, false) => behind.push(format!("{model} by {}", gap(c, points))),
            _ => open.push(model),
        }
    }
    let part =
        |word: &str, of: &[String]| (!of.is_empty()).then(|| format!("{word}: {}", of.join(", ")));
    let parts = [
        part("clearly ahead of it", &ahead),
        part("clearly behind it", &behind),
        part("not clearly either", &open),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("Models beside {} on {dataset} — {}.", called(other), parts.join("; "))
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

/// How differences on a data set are told.
fn scale_of(run: &Run, dataset: &str) -> Points {
    let of_dataset = run.scores.iter().filter(|row| row.dataset == dataset);
    Points::of(of_dataset.map(|row| row.measure))
}
