//! `alignscope plan`.

use alignscope::{PlanRequest, PlannedCell, PlannedTotal, RunPlan, TorchModels};
use anyhow::Context;

use crate::arguments::{Plan, PlanForm};
use crate::progress::progress;
use crate::run::experiment;
use crate::stop::Stoppable;
use crate::terminal::{print_as_it_is, say};

/// Says what a run will take.
///
/// `words` — all that was typed
/// `torch` — opens torch models
pub fn run(
    arguments: &Plan,
    words: &[String],
    torch: &dyn TorchModels,
    quiet: bool,
) -> anyhow::Result<()> {
    let experiment = experiment(&arguments.asked, words)?;
    let planning = &arguments.planning;
    let request = PlanRequest {
        shards: planning.shards.map(Into::into),
        speeds: planning.speeds.iter().cloned().collect(),
        factor: planning.factor.unwrap_or(1.0),
    };
    let progress = Stoppable::new(progress(quiet))?;
    let plan = experiment.plan(&request, vec![], torch, &progress)?;
    match planning.form {
        PlanForm::Table => table(&plan),
        PlanForm::Csv => print_as_it_is(&plan.csv()).context("cannot print the plan")?,
        PlanForm::Json => say!("{}", plan.json()),
    }
    Ok(())
}

/// Prints a plan in columns, with totals.
fn table(plan: &RunPlan) {
    let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
    rows.extend(plan.cells().iter().map(of_cell));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..HEADER.len()).map(|column| width(column).unwrap_or(0)).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (text, width))| {
            match column < TEXTS {
                true => format!("{text:<width$}"),
                false => format!("{text:>width$}"),
            }
        });
        say!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    say!("");
    let shards = plan.of_shards();
    for (index, total) in shards.iter().enumerate() {
        say!("shard {}/{}: {}", index + 1, shards.len(), told(total));
    }
    if plan.parts.is_some() {
        say!("assembling: {}", duration(plan.assembling_s()));
    }
    say!("on one machine: {}", told(&plan.on_one_machine()));
    say!(
        "of that, {} to read the data sets and check their images, and {} for figures and page",
        duration(plan.opening_s),
        duration(plan.finishing_s)
    );
}

/// The columns, texts first.
const HEADER: [&str; 11] = [
    "model",
    "data set",
    "shard",
    "images",
    "pairs",
    "stages",
    "memory",
    "cache",
    "temporary",
    "time",
    "scoring",
];

/// So many columns are texts.
const TEXTS: usize = 3;

fn of_cell(cell: &PlannedCell) -> Vec<String> {
    vec![
        cell.model.clone(),
        cell.dataset.clone(),
        cell.shard.clone(),
        cell.images.to_string(),
        cell.pairs.to_string(),
        cell.stages.to_string(),
        size(cell.memory_bytes),
        size(cell.cache_bytes),
        size(cell.temporary_bytes),
        duration(cell.seconds),
        duration(cell.scoring_s),
    ]
}

fn told(total: &PlannedTotal) -> String {
    format!(
        "{}, {} of memory, {} for the cache, {} of temporary files",
        duration(total.seconds),
        size(total.memory_bytes),
        size(total.cache_bytes),
        size(total.temporary_bytes)
    )
}

/// Bytes in megabytes, from 10 GB on in gigabytes.
fn size(bytes: usize) -> String {
    match bytes {
        0 => "0".to_owned(),
        bytes if bytes < 10_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        bytes => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Seconds in the unit that a reader would choose.
fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.1} s"),
        seconds if seconds < 5_400.0 => format!("{:.1} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_units_that_fit_them() {
        assert_eq!(
            [0, 1, 9_999_999_999, 12_345_678_901].map(size),
            ["0", "1 MB", "10000 MB", "12.3 GB"]
        );
        let told = [0.04, 89.0, 90.0, 5_400.0].map(duration);
        assert_eq!(told, ["0.0 s", "89.0 s", "1.5 min", "1.5 h"]);
    }
}
