//! What the intervals support, in plain words.

use super::Run;
use crate::comparison::{ComparisonRow, Side};
use crate::dataset::{DatasetKind, Level};
use crate::figure::{short_name, shown_measure};
use crate::findings::{Finding, FindingRow};
use crate::stage::Stage;

/// More sentences about one data set are left to the table.
const MOST: usize = 12;
/// A difference is told where its p after Holm's correction is no more.
const LEVEL: f64 = 0.05;

/// What is said about one data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) dataset: DatasetKind,
    pub(super) sentences: Vec<String>,
}

/// A paragraph for each data set of the run, and nothing that its intervals do not support.
pub(super) fn summarize(run: &Run) -> Vec<Said> {
    let mut kinds: Vec<DatasetKind> = Vec::new();
    for row in &run.scores {
        if !kinds.contains(&row.dataset) {
            kinds.push(row.dataset);
        }
    }
    kinds.sort_by_key(|kind| (kind.level(), *kind));
    kinds
        .into_iter()
        .map(|dataset| {
            let mut sentences = curves(run, dataset);
            sentences.extend(pairs(run, dataset));
            Said { dataset, sentences }
        })
        .collect()
}

/// Where curves peak, rise and drop, as `findings.csv` has it.
fn curves(run: &Run, dataset: DatasetKind) -> Vec<String> {
    let (distance, measure) = (run.main_distance(), shown_measure(dataset));
    let mut findings: Vec<&FindingRow> = run.findings.iter().flatten().collect();
    findings.retain(|f| f.dataset == dataset && f.distance == distance && f.measure == measure);
    let mut models: Vec<&str> = Vec::new();
    for finding in &findings {
        if !models.contains(&finding.model.as_str()) {
            models.push(&finding.model);
        }
    }
    let points = scale_of(dataset);
    models
        .into_iter()
        .take(MOST)
        .filter_map(|model| {
            let of = |finding: Finding| {
                findings.iter().find(|f| f.model == model && f.finding == finding).copied()
            };
            let peak = of(Finding::Peak)?;
            let mut said = format!(
                "{} peaks at {}{} with {}",
                short_name(model),
                peak.stage?,
                peak.depth_percent.map_or(String::new(), |d| format!(" ({d:.0} % deep)")),
                points.level(peak.value, peak.ci_low, peak.ci_high)
            );
            if let Some(onset) = of(Finding::Onset) {
                match onset.stage {
                    Some(stage) => said.push_str(&format!(
                        "; it is clearly above the pixels from {stage} on{}",
                        onset.depth_percent.map_or(String::new(), |d| format!(" ({d:.0} %)"))
                    )),
                    None => said.push_str(&format!("; no onset: {}", onset.note)),
                }
            }
            if let Some(drop) = of(Finding::MidDepthDrop)
                && drop.ci_low.is_some_and(|low| low > 0.0)
            {
                let amount = points.amount(drop.value, drop.ci_low, drop.ci_high);
                let from = drop.stage.map_or(String::new(), |s| s.to_string());
                said.push_str(&format!(
                    "; its largest fall before the projection is {amount}, from {from} {}",
                    drop.note
                ));
            }
            said.push('.');
            Some(said)
        })
        .collect()
}

/// From which stage on one channel holds half of the energy, a sentence for each model and data set.
pub(super) fn energy(run: &Run) -> Vec<String> {
    let half = |f: &&FindingRow| f.finding == Finding::HalfInOneChannel;
    let findings: Vec<&FindingRow> = run.findings.iter().flatten().filter(half).collect();
    let mut said: Vec<String> = Vec::new();
    let same = |a: &&FindingRow, b: &&FindingRow| (a.dataset, &a.model) == (b.dataset, &b.model);
    for of_model in findings.chunk_by(same) {
        let (dataset, model) = (of_model[0].dataset, short_name(&of_model[0].model));
        let parts = of_model.iter().map(|f| match (f.stage, f.depth_percent) {
            (Some(stage), Some(depth)) => format!(
                "of the energy of {} one channel holds half first at {stage} ({depth:.0} % deep): {}",
                f.distance, f.note
            ),
            _ => format!("of the energy of {} {}", f.distance, f.note),
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

/// Which model is ahead of which.
fn pairs(run: &Run, dataset: DatasetKind) -> Vec<String> {
    let Some(comparisons) = &run.comparisons else { return vec![] };
    let (distance, measure) = (run.main_distance(), shown_measure(dataset));
    let shown = |side: &Side| side.distance == distance || !side.is_of_encoder();
    let of_dataset: Vec<&ComparisonRow> = comparisons
        .iter()
        .filter(|c| c.dataset == dataset && c.subset == "all" && c.measure == measure)
        .filter(|c| shown(&c.a) && shown(&c.b))
        .collect();
    if of_dataset.is_empty() {
        return vec![];
    }
    let points = scale_of(dataset);
    let mut ahead: Vec<(f64, String)> = Vec::new();
    let (mut uncorrected, mut open, mut without) = (0, 0, 0);
    for c in &of_dataset {
        let (Some(low), Some(high)) = (c.ci_low, c.ci_high) else {
            without += 1;
            continue;
        };
        if low <= 0.0 && high >= 0.0 {
            open += 1;
        } else if c.p_holm.is_none_or(|p| p > LEVEL) {
            uncorrected += 1;
        } else {
            let forward = c.difference > 0.0;
            let side = |side: &Side| match side.stage {
                Stage::Projection | Stage::Output | Stage::Image => short_name(&side.model),
                stage => format!("{} at {stage}", short_name(&side.model)),
            };
            let (a, b) = (side(&c.a), side(&c.b));
            let (first, second) = if forward { (a, b) } else { (b, a) };
            let (low, high) = if forward { (low, high) } else { (-high, -low) };
            let amount = points.amount(c.difference.abs(), Some(low), Some(high));
            let at = match [c.a.stage, c.b.stage].contains(&Stage::Projection) {
                true => " at the projection",
                false => "",
            };
            let text = format!("{first} is ahead of {second} on {dataset}{at} by {amount}.");
            ahead.push((c.difference.abs(), text));
        }
    }
    ahead.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (told, count) = (ahead.len(), of_dataset.len());
    let mut said: Vec<String> = ahead.into_iter().take(MOST).map(|(_, text)| text).collect();
    if told > MOST {
        said.push(format!("{} more such differences stand in the table below.", told - MOST));
    }
    if open > 0 {
        let leave = if open == 1 { "leaves" } else { "leave" };
        said.push(format!(
            "Of {count} comparisons on {dataset}, {open} {leave} open which is ahead: the interval holds 0."
        ));
    }
    if uncorrected > 0 {
        let [have, do_not] =
            if uncorrected == 1 { ["has", "does not"] } else { ["have", "do not"] };
        said.push(format!(
            "{uncorrected} more {have} an interval without 0 but {do_not} stand after Holm's correction for all comparisons by this distance on {dataset}."
        ));
    }
    if without > 0 {
        said.push(format!("{without} have no interval, so nothing is said of them."));
    }
    said
}

/// How differences are told: in points of 100 for accuracies, as they are for correlations.
#[derive(Clone, Copy)]
struct Points {
    accuracy: bool,
}

fn scale_of(dataset: DatasetKind) -> Points {
    Points { accuracy: dataset.level() != Level::Low }
}

impl Points {
    fn amount(self, value: f64, low: Option<f64>, high: Option<f64>) -> String {
        let show = |v: f64| match self.accuracy {
            true => format!("{:.1}", 100.0 * v),
            false => format!("{v:.3}"),
        };
        let unit = if self.accuracy { " points" } else { "" };
        let interval = low.zip(high).map_or(String::new(), |(low, high)| {
            format!(" [{}, {}]", show(low).replace('-', "−"), show(high).replace('-', "−"))
        });
        format!("{}{unit}{interval}", show(value).replace('-', "−"))
    }

    fn level(self, value: f64, low: Option<f64>, high: Option<f64>) -> String {
        match self.accuracy {
            true => self.amount(value, low, high).replacen(" points", " %", 1),
            false => format!("a correlation of {}", self.amount(value, low, high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_of_a_hundred_for_accuracies_and_as_they_are_for_correlations() {
        let said = scale_of(DatasetKind::Nights).amount(0.022, Some(0.015), Some(0.029));
        assert_eq!(said, "2.2 points [1.5, 2.9]");
        let said = scale_of(DatasetKind::Tid2013).amount(-0.0221, Some(-0.03), Some(0.01));
        assert_eq!(said, "−0.022 [−0.030, 0.010]");
    }
}
