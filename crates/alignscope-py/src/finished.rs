//! Work on runs that are there: compared, combined, their distances as matrices, their colours.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alignscope::results::{OutputFolder, check_not_itself, table_of_comparisons, table_of_gallery};
use alignscope::{
    CompareRequest, Distance, GalleryRequest, MatrixRequest, Stage, TogetherRequest, citations,
    combine_runs, compare_runs, compare_together as together, read_matrix,
};
use numpy::PyArrayDyn;
use pyo3::prelude::*;

use crate::array;
use crate::error::{exception, exception_of_new_folder};
use crate::table::Table;
use crate::work;

/// So many stages and distances of each data set are scored again before a run stands on a board.
const SCORED_AGAIN: usize = 20;

fn kind(py: Python<'_>, name: Option<String>) -> PyResult<Option<Distance>> {
    let found = name.as_deref().map(Distance::in_results).transpose();
    found.map_err(|e| exception(py, &e))
}

/// The tables of a run that comparing reads, and that are not as the run left them.
#[pyfunction]
pub(crate) fn altered_tables(py: Python<'_>, run: PathBuf) -> PyResult<Vec<String>> {
    let names = ["trials.parquet", "distances.parquet"];
    alignscope::results::altered_tables(&run, &names).map_err(|e| exception(py, &e))
}

/// Two sides of a comparison, of which each may be left open.
type Sides = [Option<String>; 2];

/// Compares sides of one run, or of two.
#[pyfunction]
#[pyo3(signature = (run_a, run_b, models, stages, distances, dataset, resamples, seed))]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub(crate) fn compare_sides(
    py: Python<'_>,
    run_a: PathBuf,
    run_b: Option<PathBuf>,
    models: Sides,
    stages: Sides,
    distances: Sides,
    dataset: Option<String>,
    resamples: Option<usize>,
    seed: Option<u64>,
) -> PyResult<Table> {
    let [first, second] = distances;
    let distances = [kind(py, first)?, kind(py, second)?];
    let stages = stages.map(|stage| stage.as_deref().map(Stage::in_results));
    let request =
        CompareRequest { run_a, run_b, models, stages, distances, dataset, resamples, seed };
    let found = py.detach(|| compare_runs(&request)).map_err(|e| exception(py, &e))?;
    Ok(Table::of(table_of_comparisons(&found.rows)))
}

/// Compares all models of some runs, each with what tells its models from those of others.
#[pyfunction]
#[pyo3(signature = (runs, dataset, resamples, seed))]
pub(crate) fn compare_together(
    py: Python<'_>,
    runs: Vec<(Option<String>, PathBuf)>,
    dataset: Option<String>,
    resamples: Option<usize>,
    seed: Option<u64>,
) -> PyResult<Table> {
    let request = TogetherRequest { runs, dataset, resamples, seed };
    let found = py.detach(|| together(&request)).map_err(|e| exception(py, &e))?;
    Ok(Table::of(table_of_comparisons(&found.rows)))
}

/// Puts several runs into one.
#[pyfunction]
#[pyo3(signature = (runs, out, title, overwrite, reporter, threads))]
pub(crate) fn combine(
    py: Python<'_>,
    runs: Vec<PathBuf>,
    out: PathBuf,
    title: Option<String>,
    overwrite: bool,
    reporter: Option<Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<()> {
    check_not_itself(&runs, &out).map_err(|e| exception(py, &e))?;
    let claimed = match overwrite {
        true => OutputFolder::claim_run(&out, true),
        false => OutputFolder::claim(&out),
    };
    let folder = claimed.map_err(|e| exception(py, &e))?;
    let done = work::run(py, reporter.as_ref(), threads, |worker| {
        combine_runs(&runs, &folder, title.as_deref(), worker)
    });
    let failed = match done {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => exception(py, &error),
        Err(stopped) => stopped,
    };
    folder.take_back();
    folder.abandon();
    Err(failed)
}

/// Puts the models of several runs on one board.
#[pyfunction]
#[pyo3(signature = (runs, out, distance, data, altered, reporter, threads))]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub(crate) fn gallery(
    py: Python<'_>,
    runs: Vec<(String, PathBuf)>,
    out: PathBuf,
    distance: Option<String>,
    data: BTreeMap<String, PathBuf>,
    altered: bool,
    reporter: Option<Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Table> {
    let sample = Some(SCORED_AGAIN);
    let request = GalleryRequest { runs, distance: kind(py, distance)?, data, sample, altered };
    let of_runs = request.runs.iter().map(|(_, path)| path);
    check_not_itself(of_runs, &out).map_err(|e| exception(py, &e))?;
    let folder = OutputFolder::claim(&out).map_err(|e| exception_of_new_folder(py, &e))?;
    let done = work::run(py, reporter.as_ref(), threads, |worker| {
        alignscope::gallery(&request, &folder, worker)
    });
    let failed = match done {
        Ok(Ok(found)) => return Ok(Table::of(table_of_gallery(&found.rows))),
        Ok(Err(error)) => exception(py, &error),
        Err(stopped) => stopped,
    };
    folder.take_back();
    folder.abandon();
    Err(failed)
}

/// What to cite of some runs, as BibTeX.
#[pyfunction]
pub(crate) fn cite(py: Python<'_>, runs: Vec<PathBuf>) -> PyResult<String> {
    let found = citations(&runs).map_err(|e| exception(py, &e))?;
    Ok(found.to_string())
}

/// A matrix with what it is of: data set, model, stage, kind of distance, and its images.
type Labelled<'py> = (String, String, String, String, Vec<String>, Bound<'py, PyArrayDyn<f64>>);

/// The distances of a model of a run, `[images, images]`.
#[pyfunction]
#[pyo3(signature = (run, model, stage, distance, dataset))]
pub(crate) fn distance_matrix<'py>(
    py: Python<'py>,
    run: PathBuf,
    model: Option<String>,
    stage: Option<String>,
    distance: Option<String>,
    dataset: Option<String>,
) -> PyResult<Labelled<'py>> {
    let distance = kind(py, distance)?;
    let stage = stage.as_deref().map(Stage::in_results);
    let request = MatrixRequest { dataset, model, stage, distance };
    let found = py.detach(|| read_matrix(&run, &request)).map_err(|e| exception(py, &e))?;
    let shape = [found.images.len(); 2];
    let values = array::array(py, found.values, &shape);
    let (stage, distance) = (found.side.stage.to_string(), found.side.distance.to_string());
    Ok((found.dataset, found.side.model, stage, distance, found.images, values))
}

/// The colour that figures give each model of a run, as `#rrggbb`.
#[pyfunction]
pub(crate) fn colours_of_run(py: Python<'_>, run: PathBuf) -> PyResult<Vec<(String, String)>> {
    let found = alignscope::colours_of_run(&run).map_err(|e| exception(py, &e))?;
    Ok(found.into_iter().map(|(model, colour)| (model, colour.to_string())).collect())
}
