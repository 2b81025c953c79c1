//! The models of several runs compared, as if they had been one run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::compare::{Bounds, CompareRequest, ComparedRun, Comparisons, few, measure, scorer};
use super::compare_error::CompareError;
use crate::comparison::{Measured, compare, pairs};
use crate::results::RunDataset;

/// Runs whose models are to be compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TogetherRequest {
    /// Their folders, each with what tells its models from those of other runs that have the same
    /// name, where it is given: `clip` of the run `new` is then called `clip (new)`.
    pub runs: Vec<(Option<String>, PathBuf)>,
    /// One data set of them.
    pub dataset: Option<String>,
    /// Resamples, where not as many as the first run has.
    pub resamples: Option<usize>,
    /// Their seed, where not the first run's.
    pub seed: Option<u64>,
}

impl TogetherRequest {
    /// The same as a request of the first run alone, for what has bounds by it.
    fn of_first(&self) -> CompareRequest {
        CompareRequest {
            run_a: self.runs.first().map(|(_, path)| path.clone()).unwrap_or_default(),
            run_b: None,
            models: [None, None],
            stages: [None; 2],
            distances: [None; 2],
            dataset: self.dataset.clone(),
            resamples: self.resamples,
            seed: self.seed,
        }
    }
}

/// A run, and what tells its models from others of the same name.
struct NamedRun<'a> {
    name: Option<&'a str>,
    run: ComparedRun<'a>,
}

/// Compares all models of some runs with each other at their last stage: the table that one run of
/// all of them would have. On each data set those runs are compared that have it; Holm's correction
/// is over all rows of a data set that have the same kind of distance, whichever run they are of.
///
/// A model that several runs have with the same scores is one.
///
/// # Errors
/// A run cannot be read, or is not of the same trials, or counts ties otherwise; or two runs have
/// models of one name whose scores differ, and no names that tell them apart.
pub fn compare_together(request: &TogetherRequest) -> Result<Comparisons, CompareError> {
    let mut runs = Vec::with_capacity(request.runs.len());
    for (name, path) in &request.runs {
        runs.push(NamedRun { name: name.as_deref(), run: ComparedRun::read(path)? });
    }
    check_ties(&runs)?;
    let datasets = datasets(request, &runs)?;
    let of_first = request.of_first();
    let resampling = of_first.resampling()?;
    let mut found = Comparisons { resampling, rows: vec![], with_people: vec![] };
    for dataset in datasets {
        compare_dataset(&of_first, &runs, dataset, &mut found)?;
    }
    Ok(found)
}

fn check_ties(runs: &[NamedRun<'_>]) -> Result<(), CompareError> {
    let Some((first, others)) = runs.split_first() else { return Ok(()) };
    match others.iter().find(|other| other.run.ties != first.run.ties) {
        None => Ok(()),
        Some(other) => {
            let [run_a, run_b] = [first, other].map(|of| of.run.path.to_owned());
            Err(CompareError::Ties { run_a, run_b, a: first.run.ties, b: other.run.ties })
        }
    }
}

/// The data sets that are asked for, in order of first appearance; of the same trials in each run that has
/// them.
fn datasets<'a>(
    request: &TogetherRequest,
    runs: &'a [NamedRun<'_>],
) -> Result<Vec<&'a RunDataset>, CompareError> {
    let mut found: Vec<(&RunDataset, PathBuf)> = Vec::new();
    for NamedRun { run, .. } in runs {
        for dataset in &run.datasets {
            let Some((first, run_a)) = found.iter().find(|(of, _)| of.name == dataset.name) else {
                found.push((dataset, run.path.to_owned()));
                continue;
            };
            if let Some(difference) = first.first_difference(dataset) {
                let (run_a, run_b) = (run_a.clone(), run.path.to_owned());
                let dataset = dataset.name.clone();
                return Err(CompareError::Trials { run_a, run_b, dataset, difference });
            }
        }
    }
    let names: Vec<String> = found.iter().map(|(dataset, _)| dataset.name.clone()).collect();
    found.retain(|(of, _)| request.dataset.as_ref().is_none_or(|name| of.name == *name));
    match (&request.dataset, found.is_empty()) {
        (Some(dataset), true) => {
            Err(CompareError::UnknownDataset { dataset: dataset.clone(), found: names })
        }
        _ => Ok(found.into_iter().map(|(dataset, _)| dataset).collect()),
    }
}

fn compare_dataset(
    request: &CompareRequest,
    runs: &[NamedRun<'_>],
    dataset: &RunDataset,
    found: &mut Comparisons,
) -> Result<(), CompareError> {
    let name = dataset.name.as_str();
    let bounds = Bounds { request, resamples: found.resampling.resamples, dataset: name };
    bounds.clusters(dataset.clusters.count)?;
    let ties = runs.first().map(|first| first.run.ties).unwrap_or_default();
    let scorer = scorer(&found.resampling, ties, dataset);
    let mut sides: Vec<(usize, Measured)> = Vec::new();
    for (position, NamedRun { run, .. }) in runs.iter().enumerate() {
        let mut chosen = run.choose(name, None, None, None)?;
        chosen.retain(|side| run.stands(side, true));
        few(name, pairs_of(sides.len() + chosen.len()))?;
        bounds.sides(sides.len() + chosen.len())?;
        let of_run = measure(run, dataset, &scorer, &chosen, found)?;
        sides.extend(of_run.into_iter().map(|side| (position, side)));
    }
    let sides = told_apart(runs, sides, name)?;
    let chosen = pairs(&sides);
    if chosen.is_empty() {
        let why = "there is only one model";
        return Err(CompareError::Nothing { dataset: name.to_owned(), why });
    }
    found.rows.extend(compare(name, &scorer, &sides, &chosen));
    Ok(())
}

fn pairs_of(sides: usize) -> usize {
    sides * sides.saturating_sub(1) / 2
}

/// The sides, each once; those of a model that has other scores in another run are called by their
/// run, too.
fn told_apart(
    runs: &[NamedRun<'_>],
    sides: Vec<(usize, Measured)>,
    dataset: &str,
) -> Result<Vec<Measured>, CompareError> {
    let mut kept: Vec<(usize, Measured)> = Vec::new();
    let mut differ: BTreeSet<String> = BTreeSet::new();
    for (run, side) in sides {
        let of_one_name = kept.iter().filter(|(_, other)| other.side == side.side);
        let of_one_name: Vec<&Measured> = of_one_name.map(|(_, other)| other).collect();
        if of_one_name.iter().any(|other| is_same(other, &side)) {
            continue;
        }
        if !of_one_name.is_empty() {
            differ.insert(side.side.model.clone());
        }
        kept.push((run, side));
    }
    let called = |(run, mut side): (usize, Measured)| {
        if differ.contains(&side.side.model) {
            let NamedRun { name: Some(name), .. } = runs[run] else {
                let runs = runs.iter().map(|of| of.run.path.to_owned()).collect();
                let (model, dataset) = (side.side.model, dataset.to_owned());
                return Err(CompareError::SameName { runs, model, dataset });
            };
            side.side.model = format!("{} ({name})", side.side.model);
        }
        Ok(side)
    };
    kept.into_iter().map(called).collect()
}

/// Whether two sides have the same scores under all resamples; what is not defined is the same as itself.
fn is_same(a: &Measured, b: &Measured) -> bool {
    let bits = |of: &Measured| {
        let estimate = [of.replicates.estimate.to_bits()].into_iter();
        estimate.chain(of.replicates.resampled.iter().map(|x| x.to_bits())).collect::<Vec<u64>>()
    };
    bits(a) == bits(b) && a.outcomes == b.outcomes
}
