//! Models of the user's: features that are there already, and functions that encode images.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use alignscope::features::{FeatureFolder, Layout, Layouts, Reading};
use alignscope::model::{Device, ModelError};
use alignscope::results::{OutputFolder, table_of_scores};
use alignscope::{
    Batch, Distance, Experiment, FeatureValues, Features, Function, GivenDistances, GivenOn,
    GivenValues, Progress, Stage, StageRows, Tokens, UserModel, UserSource,
};
use numpy::{PyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::array;
use crate::dataset::Dataset;
use crate::device::{PyDevice, images};
use crate::encoder::{checkpoint, memory_bytes};
use crate::error::{exception, in_python, raise};
use crate::experiment::Choices;
use crate::recipe::{GivenRecipe, Recipe};
use crate::table::Table;
use crate::work::{self, Worker};

/// What was measured of a model.
#[pyclass(frozen, module = "alignscope._alignscope")]
pub(crate) struct Measured {
    measured: alignscope::Measured,
}

#[pymethods]
impl Measured {
    /// The scores as a table.
    #[getter]
    fn scores(&self) -> Table {
        Table::of(table_of_scores(&self.measured.scores))
    }

    /// The stages in order of depth.
    #[getter]
    fn stages(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (stage, _, _) in &self.measured.distances {
            let name = stage.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The kinds of distance.
    #[getter]
    fn kinds(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> = Vec::new();
        for (_, distance, _) in &self.measured.distances {
            if !names.contains(&distance.name()) {
                names.push(distance.name());
            }
        }
        names
    }

    /// The distance of each pair of the data set at a stage, `[pairs]`.
    fn distances<'py>(
        &self,
        py: Python<'py>,
        stage: &str,
        distance: &str,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let kind = Distance::in_results(distance).map_err(|e| exception(py, &e))?;
        let wanted = Stage::in_results(stage);
        let found = self.measured.distances.iter().find(|(s, d, _)| *s == wanted && *d == kind);
        match found {
            Some((_, _, values)) => Ok(array::list(py, values.iter().copied())),
            None => {
                let message = format!(
                    "there are no {distance} distances at `{stage}`; there are {} at `{}`",
                    self.kinds().join(", "),
                    self.stages().join("`, `")
                );
                Err(raise(py, "InvalidValueError", message))
            }
        }
    }

    /// How much each channel of a stage varies over the data set, `[channels]`; none where the
    /// normalized distance was not asked for.
    fn scale<'py>(&self, py: Python<'py>, stage: &str) -> Option<Bound<'py, PyArray1<f64>>> {
        let wanted = Stage::in_results(stage);
        let (_, values) = self.measured.scales.iter().find(|(stage, _)| *stage == wanted)?;
        Some(array::list(py, values.iter().copied()))
    }

    /// How the activations of a function were held; none for features.
    #[getter]
    fn holding<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(holding) = &self.measured.holding else { return Ok(None) };
        let found = PyDict::new(py);
        found.set_item("place", holding.place.name())?;
        found.set_item("image_groups", holding.image_groups)?;
        let groups: Vec<Vec<String>> = holding
            .stage_groups
            .iter()
            .map(|group| group.iter().map(ToString::to_string).collect())
            .collect();
        found.set_item("stage_groups", groups)?;
        found.set_item("calls", holding.calls)?;
        found.set_item("text", holding.to_string())?;
        Ok(Some(found))
    }

    /// What is probably wrong with the arrays.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.measured.warnings.iter().map(|warning| warning.in_words(in_python)).collect()
    }

    /// Seconds that it took.
    #[getter]
    fn wall_s(&self) -> f64 {
        self.measured.wall_s
    }
}

/// Distances as Python gives them: the data set's name, if they are for one, and an array for each
/// stage.
type GivenOfDataset<'py> = (Option<String>, Vec<(String, PyReadonlyArrayDyn<'py, f64>)>);

/// Features as Python gives them: a folder, or an array for each stage.
#[derive(FromPyObject)]
enum GivenFeatures<'py> {
    Arrays(Vec<(String, PyReadonlyArrayDyn<'py, f32>)>),
    Folder(PathBuf),
}

/// A model of the user's as Python gives it: features, or a function.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Own<'py> {
    name: String,
    features: Option<GivenFeatures<'py>>,
    file_names: Option<Vec<String>>,
    encode: Option<Py<PyAny>>,
    stages: Vec<String>,
    recipe: Option<GivenRecipe>,
    batch: usize,
    spill: bool,
    version: Option<String>,
    made_with: BTreeMap<String, String>,
    device: Option<Py<PyAny>>,
    prefix: Option<usize>,
    layout: Vec<String>,
    /// Whether layout and prefix are for whatever arrays come.
    layout_where_it_fits: bool,
    /// Distances that are given, by data set.
    distances: Option<Vec<GivenOfDataset<'py>>>,
    /// Their kind.
    kind: Option<String>,
    depths: Option<Vec<f64>>,
}

impl Own<'_> {
    /// The model, as far as it is known before there are threads for it.
    pub(crate) fn given(&self, py: Python<'_>, tokens: Tokens) -> PyResult<Given<'_>> {
        let source = match (&self.features, &self.encode) {
            _ if self.distances.is_some() => GivenSource::Distances(self.distances(py)?),
            (Some(features), _) => GivenSource::Features(self.features(py, features)?),
            (None, Some(encode)) => GivenSource::Function(GivenFunction {
                encode: Arc::new(encode.clone_ref(py)),
                stages: self.stages.iter().map(|name| Stage::in_results(name)).collect(),
                recipe: self.recipe.as_ref().map(|given| Recipe::new(py, given)).transpose()?,
                batch: self.batch,
                spill: self.spill,
                version: self.version.clone(),
                made_with: self.made_with.clone(),
                device: self.device.as_ref().map(|device| Arc::new(device.clone_ref(py))),
            }),
            (None, None) => {
                let message = format!("{} has neither features nor a function", self.name);
                return Err(raise(py, "InvalidValueError", message));
            }
        };
        let mut reading = reading(py, tokens, self.prefix, &self.layout)?;
        if self.layout_where_it_fits {
            reading.layouts = reading.layouts.where_they_fit();
        }
        let depths = self.depths.clone();
        Ok(Given { name: self.name.clone(), reading, source, depths })
    }

    /// The distances that are given; file names are those of their rows.
    fn distances(&self, py: Python<'_>) -> PyResult<GivenDistances<'_>> {
        let kind = self.kind.as_deref().map(Distance::in_results).transpose();
        let kind = kind.map_err(|e| exception(py, &e))?.unwrap_or(Distance::Own);
        let mut datasets = Vec::new();
        for (dataset, given) in self.distances.iter().flatten() {
            let mut stages = Vec::with_capacity(given.len());
            for (name, array) in given {
                let (values, shape) = array::numbers(array)?;
                stages.push((Stage::in_results(name), GivenValues { values, shape }));
            }
            datasets.push(GivenOn { dataset: dataset.clone(), stages });
        }
        Ok(GivenDistances { kind, datasets, file_names: self.file_names.clone() })
    }

    fn features<'a>(
        &self,
        py: Python<'_>,
        features: &'a GivenFeatures<'_>,
    ) -> PyResult<Features<'a>> {
        let arrays = match features {
            GivenFeatures::Folder(folder) => {
                let folder = py.detach(|| FeatureFolder::open(folder));
                return Ok(Features::from(folder.map_err(|e| exception(py, &e))?));
            }
            GivenFeatures::Arrays(arrays) => arrays,
        };
        let mut stages = Vec::with_capacity(arrays.len());
        for (name, array) in arrays {
            let (values, shape) = array::features(array)?;
            stages.push((Stage::in_results(name), FeatureValues::Memory { values, shape }));
        }
        Ok(Features { stages, file_names: self.file_names.clone() })
    }
}

/// A model of the user's, before there are threads for it.
pub(crate) struct Given<'a> {
    name: String,
    reading: Reading,
    source: GivenSource<'a>,
    depths: Option<Vec<f64>>,
}

enum GivenSource<'a> {
    Features(Features<'a>),
    Distances(GivenDistances<'a>),
    Function(GivenFunction),
}

/// A function, before there are threads for it.
struct GivenFunction {
    encode: Arc<Py<PyAny>>,
    stages: Vec<Stage>,
    recipe: Option<Recipe>,
    batch: usize,
    spill: bool,
    version: Option<String>,
    made_with: BTreeMap<String, String>,
    device: Option<Arc<Py<PyAny>>>,
}

impl<'a> Given<'a> {
    /// The same under another name, if it is a function, which borrows nothing of Python.
    pub(crate) fn of_function(self, name: String) -> Option<Given<'static>> {
        let Self { reading, source, depths, .. } = self;
        let GivenSource::Function(function) = source else { return None };
        Some(Given { name, reading, source: GivenSource::Function(function), depths })
    }

    /// The model; its function is called through the worker.
    ///
    /// `progress` — says whether the user wants to stop
    ///
    /// # Errors
    /// The checkpoint whose recipe of preprocessing is named cannot be opened.
    pub(crate) fn external<'w>(
        self,
        worker: &'w Worker,
        progress: &'w dyn Progress,
    ) -> Result<UserModel<'w>, ModelError>
    where
        'a: 'w,
    {
        let Self { name, reading, source, depths } = self;
        let source = match source {
            GivenSource::Features(features) => UserSource::Features(features),
            GivenSource::Distances(given) => UserSource::Distances(given),
            GivenSource::Function(function) => {
                let GivenFunction {
                    encode,
                    stages,
                    recipe,
                    batch,
                    spill,
                    version,
                    made_with,
                    device,
                } = function;
                let preprocessing = match recipe {
                    None => None,
                    Some(Recipe::Known(recipe)) => Some(recipe),
                    Some(Recipe::Checkpoint(model)) => {
                        let failed = |source| ModelError::Model {
                            model: model.to_string(),
                            source: Box::new(source),
                        };
                        let found = checkpoint(&model, None, Tokens::All, progress);
                        found.map_err(failed)?.map(|checkpoint| checkpoint.preprocessing)
                    }
                };
                let call = move |batch: Batch, rows: Vec<StageRows>| {
                    let encode = Arc::clone(&encode);
                    let call = move |py: Python<'_>| of_batch(py, encode.bind(py), batch, rows);
                    Ok(worker.call(progress, call).ok_or(ModelError::Stopped)??)
                };
                let encode = Box::new(call);
                let device = device.map(|object| PyDevice { object, worker, progress });
                let device = device.map(|device| Box::new(device) as Box<dyn Device + 'w>);
                UserSource::Function(Function {
                    stages,
                    preprocessing,
                    batch,
                    spill,
                    version,
                    made_with,
                    encode,
                    device,
                })
            }
        };
        Ok(UserModel { name, reading, source, depths })
    }
}

/// Measures a model of the user's on a data set.
#[pyfunction]
#[pyo3(signature = (dataset, own, choices, out, overwrite, reporter, threads))]
#[expect(clippy::too_many_arguments, reason = "Python names them")]
pub(crate) fn measure(
    py: Python<'_>,
    dataset: PyRef<'_, Dataset>,
    own: Own<'_>,
    choices: Choices,
    out: Option<PathBuf>,
    overwrite: bool,
    reporter: Option<Bound<'_, PyAny>>,
    threads: Option<usize>,
) -> PyResult<Measured> {
    let datasets = vec![dataset.spec.clone()];
    let experiment =
        Experiment::new(vec![], datasets, memory_bytes(py, None)?).with(choices.read(py)?);
    let given = own.given(py, experiment.tokens)?;
    let claim = |out: PathBuf| match overwrite {
        true => OutputFolder::claim_run(&out, true),
        false => OutputFolder::claim(&out),
    };
    let folder = out.map(claim).transpose().map_err(|e| exception(py, &e))?;
    let done = work::run(py, reporter.as_ref(), threads, |worker| {
        experiment.measure(given.external(worker, worker)?, folder.as_ref(), worker)
    });
    let failed = match done {
        Ok(Ok(measured)) => return Ok(Measured { measured }),
        Ok(Err(error)) => exception(py, &error),
        Err(stopped) => stopped,
    };
    if let Some(folder) = folder {
        folder.abandon();
    }
    Err(failed)
}

/// How the arrays of a model are read.
fn reading(
    py: Python<'_>,
    tokens: Tokens,
    prefix: Option<usize>,
    layout: &[String],
) -> PyResult<Reading> {
    let named: Result<Vec<Layout>, _> = layout.iter().map(|name| name.parse()).collect();
    let named = named.map_err(|e| exception(py, &e))?;
    let layouts = Layouts::new(&named).map_err(|e| exception(py, &e))?;
    Ok(Reading { tokens, prefix, layouts })
}

/// Has the user's function encode a batch.
fn of_batch(
    py: Python<'_>,
    encode: &Bound<'_, PyAny>,
    batch: Batch,
    mut rows: Vec<StageRows>,
) -> PyResult<Vec<StageRows>> {
    let stages: Vec<String> = rows.iter().map(|rows| rows.stage().to_string()).collect();
    let images = images(py, batch)?;
    let found: Vec<PyReadonlyArrayDyn<'_, f32>> = encode.call1((images, stages))?.extract()?;
    for (rows, array) in rows.iter_mut().zip(&found) {
        let (values, shape) = array::features(array)?;
        rows.append(values, &shape).map_err(|e| exception(py, &e))?;
    }
    Ok(rows)
}
