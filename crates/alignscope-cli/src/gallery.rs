//! `alignscope gallery`.

use std::path::{Path, PathBuf};

use alignscope::results::{GalleryRow, OutputFolder, check_not_itself};
use alignscope::{GalleryRequest, expand_home, gallery, in_one_line};

use crate::arguments::Gallery;
use crate::progress::progress;
use crate::run::named_paths;
use crate::terminal::{say, tell};

/// Puts the models of several runs on one board, and prints it.
pub fn run(arguments: &Gallery, quiet: bool) -> anyhow::Result<()> {
    let request = GalleryRequest {
        runs: named_runs(&arguments.runs)?,
        distance: arguments.distance,
        data: named_paths(arguments.data.iter())?,
        sample: Some(arguments.sample),
        altered: arguments.altered,
    };
    check_not_itself(request.runs.iter().map(|(_, path)| path), &arguments.out)?;
    let folder = OutputFolder::claim(&arguments.out)?;
    let progress = progress(quiet);
    let done = gallery(&request, &folder, &*progress);
    drop(progress);
    let found = match done {
        Ok(found) => found,
        Err(error) => {
            folder.take_back();
            folder.abandon();
            return Err(error.into());
        }
    };
    if !quiet {
        for run in &found.runs {
            let verdict = format!("{}: {}", run.name, run.verdict());
            say!("{}", in_one_line(&verdict));
        }
        print(&found.rows);
        tell!("{} has them all", arguments.out.join("gallery.html").display());
    }
    Ok(())
}

/// The runs, each by the name that is given or the shortest ending of its path that no other has.
fn named_runs(runs: &[String]) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut given: Vec<(Option<String>, PathBuf)> = Vec::new();
    for run in runs {
        let is_folder = Path::new(run).is_dir();
        let named = run.split_once('=').filter(|(name, _)| !is_folder && !name.contains('/'));
        given.push(match named {
            Some((name, path)) => (Some(name.to_owned()), expand_home(Path::new(path))?),
            None => (None, expand_home(Path::new(run))?),
        });
    }
    let whole: Vec<Vec<String>> = given.iter().map(|(_, path)| parts(path)).collect();
    let name = |i: usize| {
        let shared = |depth: usize| {
            let ending = |parts: &[String]| parts[parts.len().saturating_sub(depth)..].to_vec();
            let others = whole.iter().enumerate().filter(|(j, _)| *j != i);
            let of_it = ending(&whole[i]);
            others.into_iter().any(|(_, other)| ending(other) == of_it)
        };
        let longest = whole[i].len();
        let depth = (1..longest).find(|depth| !shared(*depth)).unwrap_or(longest);
        whole[i][longest - depth..].join("/")
    };
    let names: Vec<String> = (0..given.len()).map(name).collect();
    let named = given.into_iter().zip(names);
    Ok(named.map(|((given, path), name)| (given.unwrap_or(name), path)).collect())
}

/// The components of a whole path.
fn parts(path: &Path) -> Vec<String> {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn print(rows: &[GalleryRow]) {
    for of_dataset in rows.chunk_by(|a, b| a.dataset == b.dataset) {
        let first = &of_dataset[0];
        say!("\n{}, {}: {} trials", first.dataset, first.measure, first.n);
        for row in of_dataset {
            let ranks = match row.rank_low == row.rank_high {
                true => row.rank_low.to_string(),
                false => format!("{}-{}", row.rank_low, row.rank_high),
            };
            let interval = match (row.ci_low, row.ci_high) {
                (Some(low), Some(high)) => format!("[{low:.4}, {high:.4}]"),
                _ => String::new(),
            };
            let line = format!("{ranks:>7}  {:.4} {interval:<18} {}", row.value, row.model);
            say!("{}", in_one_line(&line));
        }
    }
}
