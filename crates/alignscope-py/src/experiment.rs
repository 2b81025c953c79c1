//! Runs: models × data sets.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use alignscope::cache::CacheFolder;
use alignscope::dataset::Level;
use alignscope::resample::{MAX_RESAMPLES, MIN_RESAMPLES};
use alignscope::results::{
    OutputFolder, RunTable, table_of_plan, table_of_shard, table_of_similarities,
};
use alignscope::{
    Backend, ClusterBy, DatasetFormat, DatasetSpec, Distance, ExperimentError, ExperimentFile,
    Measure, ModelSpec, ModelSpecError, NamedModel, PlanRequest, PrecisionChoice, ProjectionForm,
    Shard, ShardError, SimilarityRequest, Ties, Tokens, TorchDtype, TorchOptions, TransformSpec,
    UnknownName, UserModel,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::dataset::Dataset;
use crate::encoder::memory_bytes;
use crate::error::{exception, exception_of_new_folder, raise};
use crate::external::{Given, Own};
use crate::table::Table;
use crate::torch::Torch;
use crate::work::{self, Worker};

/// What is chosen of an experiment, as Python names it; `None` where nothing is.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Choices {
    title: Option<String>,
    distances: Option<Vec<String>>,
    tokens: Option<String>,
    projection: Option<String>,
    precision: Option<String>,
    backend: Option<String>,
    device: Option<String>,
    dtype: Option<String>,
    tf32: Option<bool>,
    compile: Option<bool>,
    batch: Option<NonZeroUsize>,
    ties: Option<String>,
    resamples: Option<usize>,
    seed: Option<u64>,
    cluster: Option<String>,
    baseline_size: Option<usize>,
    weights: Option<PathBuf>,
    pixels: Option<bool>,
    memory: Option<u64>,
    scale_from: Option<PathBuf>,
    transform: Option<String>,
    published: Option<bool>,
    simulated: Option<bool>,
}

impl Choices {
    /// The same as the library has it.
    pub(crate) fn read(self, py: Python<'_>) -> PyResult<alignscope::Choices> {
        fn word<T: FromStr<Err = UnknownName>>(
            py: Python<'_>,
            word: Option<String>,
        ) -> PyResult<Option<T>> {
            word.map(|word| word.parse()).transpose().map_err(|e| exception(py, &e))
        }
        let possible = |n: usize| n == 0 || (MIN_RESAMPLES..=MAX_RESAMPLES).contains(&n);
        if let Some(found) = self.resamples.filter(|n| !possible(*n)) {
            let message = format!(
                "resamples is {found}, expected 0 for no intervals, or {MIN_RESAMPLES} to \
                 {MAX_RESAMPLES}"
            );
            return Err(raise(py, "InvalidValueError", message));
        }
        let distances = self.distances.map(|names| {
            names.iter().map(|name| name.parse()).collect::<Result<Vec<Distance>, _>>()
        });
        Ok(alignscope::Choices {
            title: self.title,
            distances: distances.transpose().map_err(|e| exception(py, &e))?,
            tokens: word(py, self.tokens)?,
            projection: word(py, self.projection)?,
            precision: word(py, self.precision)?,
            backend: word(py, self.backend)?,
            torch: TorchOptions {
                device: word(py, self.device)?,
                dtype: word(py, self.dtype)?,
                tf32: self.tf32,
                compile: self.compile,
                batch: self.batch,
            },
            ties: word(py, self.ties)?,
            resamples: self.resamples,
            seed: self.seed,
            cluster: word(py, self.cluster)?,
            baseline_size: self.baseline_size,
            weights: self.weights,
            pixels: self.pixels,
            memory_bytes: match self.memory {
                None => None,
                given => Some(memory_bytes(py, given)?),
            },
            scale_from: self.scale_from,
            transform: self.transform.map(|text| {
                let Ok(spec) = text.parse::<TransformSpec>();
                spec
            }),
            published: self.published,
            simulated: self.simulated,
            ..alignscope::Choices::default()
        })
    }
}

/// A model as Python names it: the name that it is given, if any, which may also stand before `=` in
/// the text; and the text, without which it is one of the user's own of that name.
type GivenModel = (Option<String>, Option<String>);

fn models(py: Python<'_>, given: Vec<GivenModel>) -> PyResult<Vec<NamedModel>> {
    let model = |given: GivenModel| match given {
        (name, None) => Ok(ModelSpec::Own(name.unwrap_or_default()).into()),
        (Some(name), Some(text)) => Ok(NamedModel::new(Some(name), text.parse()?)),
        (None, Some(text)) => text.parse(),
    };
    let models: Result<_, ModelSpecError> = given.into_iter().map(model).collect();
    models.map_err(|e| exception(py, &e))
}

fn datasets(given: &[PyRef<'_, Dataset>]) -> Vec<DatasetSpec> {
    given.iter().map(|dataset| dataset.spec.clone()).collect()
}

/// Where differences are kept: in the user's cache or nowhere, or in a folder.
#[derive(FromPyObject)]
pub(crate) enum Cache {
    Anywhere(bool),
    Folder(PathBuf),
}

impl Cache {
    /// `of_file` — where the file of the experiment says
    fn folder(
        self,
        of_file: Option<&CacheFolder>,
        py: Python<'_>,
    ) -> PyResult<Option<CacheFolder>> {
        let found = match (self, of_file) {
            (Self::Anywhere(false), _) => return Ok(None),
            (Self::Anywhere(true), Some(of_file)) => Ok(of_file.clone()),
            (Self::Anywhere(true), None) => CacheFolder::of_user(),
            (Self::Folder(place), _) => CacheFolder::at(&place),
        };
        found.map(Some).map_err(|e| exception(py, &e))
    }
}

/// Models × data sets, and how they are run.
#[pyclass(frozen, module = "alignscope._alignscope")]
pub(crate) struct Experiment {
    experiment: alignscope::Experiment,
}

#[pymethods]
impl Experiment {
    #[new]
    #[pyo3(signature = (models, datasets, choices, control))]
    fn new(
        py: Python<'_>,
        models: Vec<GivenModel>,
        datasets: Vec<PyRef<'_, Dataset>>,
        choices: Choices,
        control: bool,
    ) -> PyResult<Self> {
        let choices = choices.read(py)?;
        let datasets = self::datasets(&datasets);
        let experiment = alignscope::Experiment {
            models: self::models(py, models)?,
            ..alignscope::Experiment::new(vec![], datasets, memory_bytes(py, None)?)
        };
        let experiment = experiment.with(choices);
        Ok(Self { experiment: if control { experiment.with_controls() } else { experiment } })
    }

    /// The experiment of a file; what is given takes the place of what it says.
    ///
    /// `data` — where data sets lie that are not where it says, by name
    /// `untrained` — whether each encoder is replaced by its untrained control
    /// `control` — whether each has it beside it
    #[staticmethod]
    #[pyo3(signature = (path, data, untrained, models, datasets, choices, control))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn read(
        py: Python<'_>,
        path: PathBuf,
        data: BTreeMap<String, PathBuf>,
        untrained: bool,
        models: Option<Vec<GivenModel>>,
        datasets: Option<Vec<PyRef<'_, Dataset>>>,
        choices: Choices,
        control: bool,
    ) -> PyResult<Self> {
        let choices = choices.read(py)?;
        let read = py.detach(|| ExperimentFile::read(&path, &data, untrained));
        let mut file = read.map_err(|e| exception(py, &e))?;
        if let Some(models) = models {
            file = file.with_models(self::models(py, models)?);
        }
        if let Some(datasets) = datasets {
            file = file.with_datasets(self::datasets(&datasets));
        }
        let experiment = file.into_experiment(choices, memory_bytes(py, None)?);
        Ok(Self { experiment: if control { experiment.with_controls() } else { experiment } })
    }

    /// The models as they are named.
    #[getter]
    fn models(&self) -> Vec<String> {
        self.experiment.models.iter().map(ToString::to_string).collect()
    }

    /// What the data sets are called.
    #[getter]
    fn datasets(&self) -> Vec<String> {
        self.experiment.datasets.iter().map(|dataset| dataset.called().to_owned()).collect()
    }

    /// Runs it and fills a folder; the images that could not be read: data set, image, and why.
    ///
    /// `own` — the user's own models. Those that the experiment does not name come after the others
    /// `cache` — where differences are kept: a folder, the user's own (True), or nowhere (False)
    /// `fresh` — whether what folder and cache hold of the run is discarded
    /// `overwrite` — whether a run that the folder holds is
    #[pyo3(signature = (own, out, cache, fresh, overwrite, keep_going, reporter, threads))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn run(
        &self,
        py: Python<'_>,
        own: Vec<Own<'_>>,
        out: PathBuf,
        cache: Cache,
        fresh: bool,
        overwrite: bool,
        keep_going: bool,
        reporter: Option<Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Vec<(String, String, String)>> {
        let kept = cache.folder(self.experiment.kept.as_ref(), py)?;
        let keep_going = keep_going || self.experiment.keep_going;
        let experiment =
            alignscope::Experiment { kept, fresh, keep_going, ..self.experiment.clone() };
        let given = given(py, &own, experiment.tokens)?;
        let claimed = OutputFolder::claim_run(&out, fresh || overwrite);
        let folder = claimed.map_err(|e| exception(py, &e))?;
        let done = work::run(py, reporter.as_ref(), threads, |worker| {
            let own = external(given, worker)?;
            experiment.run_with(own, &Torch(worker), &folder, worker)
        });
        let failed = match done {
            Ok(Ok(summary)) => {
                let bad = summary.bad_images.into_iter();
                return Ok(bad.map(|(dataset, bad)| (dataset, bad.image, bad.why)).collect());
            }
            Ok(Err(error)) => exception(py, &error),
            Err(stopped) => stopped,
        };
        folder.abandon();
        Err(failed)
    }

    /// The cache that its file names.
    #[getter]
    fn cache(&self) -> Option<PathBuf> {
        self.experiment.kept.as_ref().map(|kept| kept.path().to_owned())
    }

    /// Computes one part of several into the cache: the cells that it did.
    ///
    /// `shard` — which part, as `2/8`; else as for `run`
    #[pyo3(signature = (own, shard, cache, keep_going, reporter, threads))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn run_shard(
        &self,
        py: Python<'_>,
        own: Vec<Own<'_>>,
        shard: &str,
        cache: Cache,
        keep_going: bool,
        reporter: Option<Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Table> {
        let shard: Shard =
            shard.parse().map_err(|e: ShardError| raise(py, "InvalidValueError", e.to_string()))?;
        let keep_going = keep_going || self.experiment.keep_going;
        let kept = cache.folder(self.experiment.kept.as_ref(), py)?;
        let experiment = alignscope::Experiment { kept, keep_going, ..self.experiment.clone() };
        let given = given(py, &own, experiment.tokens)?;
        let done = work::run(py, reporter.as_ref(), threads, |worker| {
            let own = external(given, worker)?;
            experiment.run_shard(shard, own, &Torch(worker), worker)
        });
        match done? {
            Ok(summary) => Ok(Table::of(table_of_shard(&summary.cells))),
            Err(error) => Err(exception(py, &error)),
        }
    }

    /// What the run will take: a table of cells, and all of it as JSON.
    ///
    /// `shards` — in how many shards it is computed, if it is
    /// `speeds` — images a second of models by their names
    /// `factor` — so many times as fast as this machine are those that will run it
    #[pyo3(signature = (own, shards, speeds, factor, cache, keep_going, reporter, threads))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn plan(
        &self,
        py: Python<'_>,
        own: Vec<Own<'_>>,
        shards: Option<usize>,
        speeds: BTreeMap<String, f64>,
        factor: f64,
        cache: Cache,
        keep_going: bool,
        reporter: Option<Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<(Table, String)> {
        let request = PlanRequest { shards, speeds, factor };
        let keep_going = keep_going || self.experiment.keep_going;
        let kept = cache.folder(self.experiment.kept.as_ref(), py)?;
        let experiment = alignscope::Experiment { kept, keep_going, ..self.experiment.clone() };
        let given = given(py, &own, experiment.tokens)?;
        let done = work::run(py, reporter.as_ref(), threads, |worker| {
            let own = external(given, worker)?;
            experiment.plan(&request, own, &Torch(worker), worker)
        });
        match done? {
            Ok(plan) => Ok((Table::of(table_of_plan(&plan.cells())), plan.json())),
            Err(error) => Err(exception(py, &error)),
        }
    }

    /// Compares the models with each other, and fills a folder if one is given.
    ///
    /// `images` — at most so many of each data set
    /// `stage` — the only one that is compared
    #[pyo3(signature = (own, out, images, stage, cache, reporter, threads))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn compare_models(
        &self,
        py: Python<'_>,
        own: Vec<Own<'_>>,
        out: Option<PathBuf>,
        images: usize,
        stage: Option<&str>,
        cache: Cache,
        reporter: Option<Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Table> {
        let stage = stage.map(str::parse).transpose().map_err(|e| exception(py, &e))?;
        let request = SimilarityRequest { images, stage };
        let kept = cache.folder(self.experiment.kept.as_ref(), py)?;
        let experiment = alignscope::Experiment { kept, ..self.experiment.clone() };
        let given = given(py, &own, experiment.tokens)?;
        let folder = out.map(|out| OutputFolder::claim(&out)).transpose();
        let folder = folder.map_err(|e| exception_of_new_folder(py, &e))?;
        let done = work::run(py, reporter.as_ref(), threads, |worker| {
            let own = external(given, worker)?;
            experiment.compare_models(&request, own, &Torch(worker), folder.as_ref(), worker)
        });
        let failed = match done {
            Ok(Ok(rows)) => return Ok(Table::of(table_of_similarities(&rows))),
            Ok(Err(error)) => exception(py, &error),
            Err(stopped) => stopped,
        };
        if let Some(folder) = folder {
            folder.abandon();
        }
        Err(failed)
    }
}

/// The user's own models as they were given.
fn given<'a>(py: Python<'_>, own: &'a [Own<'_>], tokens: Tokens) -> PyResult<Vec<Given<'a>>> {
    own.iter().map(|own| own.given(py, tokens)).collect()
}

/// The same as a run takes them.
fn external<'w, 'a: 'w>(
    given: Vec<Given<'a>>,
    worker: &'w Worker,
) -> Result<Vec<UserModel<'w>>, ExperimentError> {
    let models = given.into_iter().map(|given| given.external(worker, worker));
    Ok(models.collect::<Result<Vec<_>, _>>()?)
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
    found.set_item("measure", Measure::ALL.map(Measure::name))?;
    let main = Measure::ALL.into_iter().filter(|measure| measure.is_main());
    found.set_item("main measure", main.map(Measure::name).collect::<Vec<_>>())?;
    found.set_item("table", RunTable::ALL.map(RunTable::name))?;
    let precisions = PrecisionChoice::ALL.map(PrecisionChoice::name);
    found.set_item("precision", precisions)?;
    found.set_item("backend", Backend::ALL.map(Backend::name))?;
    found.set_item("dtype", TorchDtype::ALL.map(TorchDtype::name))?;
    Ok(found)
}
