//! Runs: models × data sets.

use std::path::PathBuf;

use alignscope::cache::CacheFolder;
use alignscope::dataset::Level;
use alignscope::results::{OutputFolder, RunTable};
use alignscope::{
    ClusterBy, DatasetFormat, Distance, Experiment, ExperimentError, ModelSpec, ModelSpecError,
    NamedModel, PrecisionChoice, ProjectionForm, Resampling, Ties, Tokens,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::dataset::Dataset;
use crate::encoder::memory_bytes;
use crate::error::{exception, raise};
use crate::external::{Given, Own};
use crate::work;

/// How distances become scores, as Python names it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Scoring {
    distances: Vec<String>,
    tokens: String,
    ties: String,
    resamples: usize,
    seed: u64,
    cluster: String,
    pixels: bool,
    memory: Option<u64>,
    simulated: bool,
}

impl Scoring {
    /// An experiment of these models and data sets.
    pub(crate) fn experiment(
        self,
        py: Python<'_>,
        models: Vec<ModelSpec>,
        datasets: Vec<alignscope::DatasetSpec>,
    ) -> PyResult<Experiment> {
        let distances = self
            .distances
            .iter()
            .map(|name| name.parse())
            .collect::<Result<Vec<Distance>, _>>()
            .map_err(|e| exception(py, &e))?;
        let word = |e| exception(py, &e);
        if self.resamples != 0 && !(100..=1_000_000).contains(&self.resamples) {
            let message = format!(
                "resamples is {}, expected 0 for no intervals, or 100 to 1000000",
                self.resamples
            );
            return Err(raise(py, "InvalidValueError", message));
        }
        Ok(Experiment {
            distances,
            tokens: self.tokens.parse().map_err(word)?,
            ties: self.ties.parse().map_err(word)?,
            resampling: Resampling {
                resamples: self.resamples,
                seed: self.seed,
                cluster: self.cluster.parse().map_err(word)?,
            },
            pixels: self.pixels,
            simulated: self.simulated,
            ..Experiment::new(models, datasets, memory_bytes(py, self.memory)?)
        })
    }
}

/// Where differences are kept: in the user's cache or nowhere, or in a folder.
#[derive(FromPyObject)]
pub(crate) enum Cache {
    Anywhere(bool),
    Folder(PathBuf),
}

/// Runs models on data sets and fills a folder; the images that could not be read: data set, image, and
/// why.
///
/// `models` — each with the name that it is given, if any; else it may stand before `=`. One without
/// a text is among `own`, by its name
/// `cache` — where differences are kept: a folder, the user's own (None), or nowhere (False)
#[pyfunction]
#[pyo3(signature = (models, own, datasets, out, scoring, projection, precision, baseline_size, weights, scale_from, title, published, cache, fresh, keep_going, reporter, threads))]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub(crate) fn run_experiment(
    py: Python<'_>,
    models: Vec<(Option<String>, Option<String>)>,
    own: Vec<Own<'_>>,
    datasets: Vec<PyRef<'_, Dataset>>,
    out: PathBuf,
    scoring: Scoring,
    projection: Option<&str>,
    precision: &str,
    baseline_size: Option<usize>,
    weights: Option<PathBuf>,
    scale_from: Option<PathBuf>,
    title: Option<String>,
    published: bool,
    cache: Cache,
    fresh: bool,
    keep_going: bool,
    reporter: Option<Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Vec<(String, String, String)>> {
    let model = |(name, text): (Option<String>, Option<String>)| match (name, text) {
        (name, None) => Ok(ModelSpec::Own(name.unwrap_or_default()).into()),
        (Some(name), Some(text)) => Ok(NamedModel { name: Some(name), spec: text.parse()? }),
        (None, Some(text)) => text.parse(),
    };
    let models = models.into_iter().map(model).collect::<Result<Vec<NamedModel>, ModelSpecError>>();
    let models = models.map_err(|e| exception(py, &e))?;
    let projection: Option<ProjectionForm> =
        projection.map(str::parse).transpose().map_err(|e| exception(py, &e))?;
    let precision: PrecisionChoice = precision.parse().map_err(|e| exception(py, &e))?;
    let datasets = datasets.iter().map(|dataset| dataset.spec.clone()).collect();
    let mut experiment = scoring.experiment(py, vec![], datasets)?;
    experiment.models = models;
    experiment.projection = projection;
    experiment.precision = precision.resolve();
    experiment.baseline_size = baseline_size.unwrap_or(experiment.baseline_size);
    experiment.weights = weights;
    experiment.scale_from = scale_from;
    experiment.presentation.title = title;
    experiment.presentation.published = published;
    experiment.kept = match cache {
        Cache::Anywhere(false) => None,
        Cache::Anywhere(true) => Some(CacheFolder::of_user().map_err(|e| exception(py, &e))?),
        Cache::Folder(path) => Some(CacheFolder::new(&path)),
    };
    experiment.fresh = fresh;
    experiment.keep_going = keep_going;
    let tokens = experiment.tokens;
    let given: Vec<Given<'_>> =
        own.iter().map(|own| own.given(py, tokens)).collect::<PyResult<_>>()?;
    let folder = OutputFolder::claim_run(&out, fresh).map_err(|e| exception(py, &e))?;
    let done = work::run(py, reporter.as_ref(), threads, |worker| {
        let own = given.into_iter().map(|given| given.external(worker));
        let own = own.collect::<Result<Vec<_>, ExperimentError>>()?;
        experiment.run(own, &folder, worker)
    });
    match done {
        Ok(Ok(summary)) => {
            let bad = summary.bad_images.into_iter();
            Ok(bad.map(|(dataset, bad)| (dataset, bad.image, bad.why)).collect())
        }
        Ok(Err(error)) => {
            folder.abandon();
            Err(exception(py, &error))
        }
        Err(stopped) => {
            folder.abandon();
            Err(stopped)
        }
    }
}

/// The words that each choice takes, by the name of the choice.
#[pyfunction]
pub(crate) fn choices(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("dataset", DatasetFormat::ALL.map(DatasetFormat::name))?;
    found.set_item("level", Level::ALL.map(Level::name))?;
    found.set_item("distance", Distance::ALL.map(Distance::name))?;
    found.set_item("tokens", Tokens::ALL.map(Tokens::name))?;
    found.set_item("ties", Ties::ALL.map(Ties::name))?;
    found.set_item("cluster", ClusterBy::ALL.map(ClusterBy::name))?;
    found.set_item("projection", ProjectionForm::ALL.map(ProjectionForm::name))?;
    found.set_item("table", RunTable::ALL.map(RunTable::name))?;
    let precisions = PrecisionChoice::ALL.map(PrecisionChoice::name);
    found.set_item("precision", precisions)?;
    Ok(found)
}
