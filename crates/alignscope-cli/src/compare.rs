//! `alignscope compare`.

use std::path::{Path, PathBuf};

use alignscope::comparison::{ComparisonRow, Side};
use alignscope::resample::{MIN_CLUSTERS, finest_p};
use alignscope::results::{altered_tables, check_finished, write_comparisons};
use alignscope::{CompareRequest, Comparisons, compare_runs, in_one_line};

use anyhow::bail;

use crate::arguments::Compare;
use crate::progress::progress;
use crate::terminal::{say, tell};

/// Compares models of one run or of two, and prints a table.
pub fn run(arguments: &Compare, quiet: bool) -> anyhow::Result<()> {
    if arguments.models_only.stage.is_some() {
        bail!(
            "`--stage` goes with `--models-only`; in a comparison with people say `--stage-a` or \
             `--stage-b`"
        );
    }
    if arguments.models_only.images.is_some() {
        bail!("`--images` goes with `--models-only`; a comparison with people reads no images");
    }
    if let Some(path) = &arguments.csv {
        refuse_run(path, [Some(&arguments.run_a), arguments.run_b.as_ref()])?;
    }
    for run in [Some(&arguments.run_a), arguments.run_b.as_ref()].into_iter().flatten() {
        check_finished(run)?;
        let read = ["trials.parquet", "judgements.parquet", "distances.parquet"];
        for table in altered_tables(run, &read)? {
            let path = run.join(table);
            tell!("{} is not as the run left it: it is compared as it is now", path.display());
        }
    }
    let progress = progress(quiet);
    progress.begin("comparing", 0);
    let found = compare_runs(&CompareRequest {
        run_a: arguments.run_a.clone(),
        run_b: arguments.run_b.clone(),
        models: [arguments.model_a.clone(), arguments.model_b.clone()],
        stages: [arguments.stage_a, arguments.stage_b],
        distances: [arguments.distance_a, arguments.distance_b],
        dataset: arguments.dataset.clone(),
        resamples: arguments.resamples,
        seed: arguments.seed,
    })?;
    progress.end();
    drop(progress);
    if let Some(path) = &arguments.csv {
        write_comparisons(path, &found.rows)?;
    }
    print(&found);
    Ok(())
}

/// Refuses a file in the folder of a run that is compared: its own tables lie there.
fn refuse_run(path: &Path, runs: [Option<&PathBuf>; 2]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(folder) = folder.unwrap_or(Path::new(".")).canonicalize() else { return Ok(()) };
    for run in runs.into_iter().flatten() {
        if run.canonicalize().is_ok_and(|run| run == folder) {
            bail!(
                "--csv {} lies in the folder of a run, whose tables are there; name a file \
                 elsewhere",
                path.display()
            );
        }
    }
    Ok(())
}

fn print(found: &Comparisons) {
    let mut shown = None;
    let mut rows = Vec::new();
    for row in &found.rows {
        if shown != Some((&row.dataset, row.measure)) {
            print_table(&std::mem::take(&mut rows));
            let title = format!("{}, {}", row.dataset, row.measure);
            say!("{title}: {} trials, {} clusters\n", row.n, row.n_clusters);
            shown = Some((&row.dataset, row.measure));
            rows.push(
                [
                    "first",
                    "second",
                    "score",
                    "score",
                    "difference",
                    "95 % interval",
                    "p",
                    "p (Holm)",
                    "kappa",
                ]
                .map(str::to_owned)
                .to_vec(),
            );
        }
        rows.push(cells(row));
    }
    print_table(&rows);
    if !found.with_people.is_empty() {
        say!(
            "agreement with people beyond chance: (accuracy - chance) / (1 - chance), and Cohen's \
             kappa with what most people answer\n"
        );
        let head =
            ["data set", "model", "beyond chance", "95 % interval", "kappa", "95 % interval"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for with in &found.with_people {
            rows.push(vec![
                with.dataset.clone(),
                name(&with.side),
                format!("{:.4}", with.beyond_chance),
                interval(with.interval.map(|i| i.low), with.interval.map(|i| i.high)),
                if with.kappa.is_nan() { String::new() } else { format!("{:.4}", with.kappa) },
                interval(with.kappa_interval.map(|i| i.low), with.kappa_interval.map(|i| i.high)),
            ]);
        }
        print_table(&rows);
    }
    let resamples = found.resampling.resamples;
    if resamples > 0 {
        let mut limits: Vec<String> = Vec::new();
        for row in found.rows.iter().filter(|row| row.n_clusters >= MIN_CLUSTERS) {
            let finest = finest_p(resamples, row.n_clusters);
            let limit = format!("{finest:.5} with {} clusters", row.n_clusters);
            if !limits.contains(&limit) {
                limits.push(limit);
            }
        }
        let limits = match limits.is_empty() {
            true => format!("no p from fewer than {MIN_CLUSTERS} clusters"),
            false => format!("no p is finer than {}", limits.join(", ")),
        };
        say!("{resamples} resamples of seed {}: {limits}.", found.resampling.seed);
        say!(
            "Holm's correction is over the rows of a data set that have the same measure and kind \
             of distance; of p values by Student's t on the bootstrap standard error, which \
             resamples do not bound, and never below p."
        );
    }
}

fn cells(row: &ComparisonRow) -> Vec<String> {
    let p = |p: Option<f64>| p.map_or_else(String::new, |p| format!("{p:.4}"));
    vec![
        name(&row.a()),
        name(&row.b()),
        format!("{:.4}", row.value_a),
        format!("{:.4}", row.value_b),
        format!("{:+.4}", row.difference),
        interval(row.ci_low, row.ci_high),
        p(row.p),
        p(row.p_holm),
        match row.kappa {
            Some(kappa) => format!("{kappa:.3} {}", interval(row.kappa_low, row.kappa_high)),
            None => String::new(),
        },
    ]
}

/// Model, stage and distance, as far as they say something.
fn name(side: &Side) -> String {
    let name = match side.is_of_encoder() {
        true => format!("{} / {} / {}", side.model, side.stage, side.distance),
        false => side.model.clone(),
    };
    in_one_line(&name).into_owned()
}

fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("[{low:.4}, {high:.4}]"),
        _ => String::new(),
    }
}

/// Columns side by side, as wide as their widest cell.
fn print_table(rows: &[Vec<String>]) {
    let Some(first) = rows.first() else { return };
    let widths: Vec<usize> = (0..first.len())
        .map(|c| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        say!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    say!("");
}
