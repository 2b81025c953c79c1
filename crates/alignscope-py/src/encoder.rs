//! Encoders: images to activations.

use std::path::PathBuf;

use alignscope::encoder::{Checkpoint, Encoder as VisionEncoder, EncoderError};
use alignscope::features::{FeatureError, FeatureRequest, Picture, features};
use alignscope::image::DecodingBudget;
use alignscope::{ModelSpec, PrecisionChoice, Progress, ProjectionForm, Stage, Tokens};
use numpy::{PyArrayDyn, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::prelude::*;

use crate::array;
use crate::error::{exception, raise};
use crate::work;

/// An encoder with its weights.
#[pyclass(frozen, module = "alignscope._alignscope")]
pub(crate) struct Encoder {
    name: String,
    encoder: VisionEncoder,
}

/// An image as Python gives it.
#[derive(FromPyObject)]
pub(crate) enum Given<'py> {
    Pixels(PyReadonlyArrayDyn<'py, u8>),
    Preprocessed(PyReadonlyArrayDyn<'py, f32>),
    File(PathBuf),
}

/// The images, in their order.
fn pictures(images: Vec<Given<'_>>) -> PyResult<Vec<Picture>> {
    images
        .into_iter()
        .enumerate()
        .map(|(i, given)| match given {
            Given::File(path) => Ok(Picture::File(path)),
            Given::Pixels(pixels) => {
                Ok(Picture::Pixels(array::image(&pixels)?, format!("number {i}")))
            }
            Given::Preprocessed(values) => {
                Ok(Picture::Preprocessed(values.as_slice()?.to_vec(), format!("number {i}")))
            }
        })
        .collect()
}

/// The checkpoint of a model by its name, which must be an encoder.
pub(crate) fn checkpoint(
    model: &ModelSpec,
    projection: Option<ProjectionForm>,
    tokens: Tokens,
    progress: &dyn Progress,
) -> Result<Option<Checkpoint>, EncoderError> {
    Checkpoint::of(model, projection, tokens, progress)
}

#[pymethods]
impl Encoder {
    /// Loads a model: an id of the hub, a folder, or `random:ID`.
    #[new]
    #[pyo3(signature = (model, projection, precision, reporter, threads))]
    fn load(
        py: Python<'_>,
        model: &str,
        projection: Option<&str>,
        precision: &str,
        reporter: Option<Bound<'_, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let name = model.to_owned();
        let spec: ModelSpec = model.parse().map_err(|e| exception(py, &e))?;
        let projection: Option<ProjectionForm> =
            projection.map(str::parse).transpose().map_err(|e| exception(py, &e))?;
        let precision: PrecisionChoice = precision.parse().map_err(|e| exception(py, &e))?;
        let loaded = work::run(py, reporter.as_ref(), threads, |worker| {
            let Some(mut found) = checkpoint(&spec, projection, Tokens::All, worker)? else {
                return Ok(None);
            };
            found.precision = precision.resolve();
            VisionEncoder::load(&found).map(Some)
        })?;
        match loaded {
            Ok(Some(encoder)) => Ok(Self { name, encoder }),
            Ok(None) => {
                let message = match &spec {
                    ModelSpec::Torch(of_torch) => format!(
                        "`{name}` is a torch model, which is no encoder of alignscope's own; take \
                         `alignscope.torch.from_{}(…).activations`",
                        of_torch.library
                    ),
                    _ => format!("`{name}` has no activations; name an encoder"),
                };
                Err(raise(py, "InvalidValueError", message))
            }
            Err(error) => Err(exception(py, &error)),
        }
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn architecture(&self) -> String {
        self.encoder.architecture().to_string()
    }

    #[getter]
    fn preprocessing(&self) -> String {
        self.encoder.preprocessing().to_string()
    }

    #[getter]
    fn image_size(&self) -> usize {
        self.encoder.architecture().image_size
    }

    /// The stages by name, each with its tokens and channels.
    #[getter]
    fn stages(&self) -> Vec<(String, [usize; 2])> {
        let shape = |stage: Stage| (stage.to_string(), self.encoder.shape(stage));
        self.encoder.stages().into_iter().map(shape).collect()
    }

    /// The images as the model takes them, `[images, 3, height, width]`.
    #[pyo3(signature = (images, reporter, threads))]
    fn preprocess<'py>(
        &self,
        py: Python<'py>,
        images: Vec<Given<'py>>,
        reporter: Option<Bound<'py, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        let pictures = pictures(images)?;
        let size = self.encoder.architecture().image_size;
        let len = self.encoder.pixels_len();
        let decoding = DecodingBudget::new(memory_bytes(py, None)?);
        let values = work::run(py, reporter.as_ref(), threads, |_| {
            let mut values = vec![0.0; pictures.len() * len];
            let done = values.par_chunks_exact_mut(len).zip(&pictures).map(|(out, picture)| {
                let recipe = self.encoder.preprocessing();
                match picture {
                    Picture::File(path) => {
                        let prepare = |image| picture.preprocess(&image, recipe, out);
                        decoding.open(path, prepare).map_err(Box::new)??;
                    }
                    Picture::Pixels(image, _) => picture.preprocess(image, recipe, out)?,
                    Picture::Preprocessed(values, _) => out.copy_from_slice(values),
                }
                Ok(())
            });
            let done: Vec<Result<(), FeatureError>> = done.collect();
            done.into_iter().collect::<Result<(), _>>().map(|()| values)
        })?;
        let values = values.map_err(|e| exception(py, &e))?;
        Ok(array::array(py, values, &[pictures.len(), 3, size, size]))
    }

    /// The activations of images at each stage, by name.
    #[pyo3(signature = (images, stages, tokens, memory, reporter, threads))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn activations<'py>(
        &self,
        py: Python<'py>,
        images: Vec<Given<'py>>,
        stages: Vec<String>,
        tokens: &str,
        memory: Option<u64>,
        reporter: Option<Bound<'py, PyAny>>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let pictures = pictures(images)?;
        let stages = stages
            .iter()
            .map(|name| name.parse::<Stage>())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| exception(py, &e))?;
        let tokens: Tokens = tokens.parse().map_err(|e| exception(py, &e))?;
        self.encoder.must_have(tokens).map_err(|e| exception(py, &e))?;
        let memory_bytes = memory_bytes(py, memory)?;
        let encoder = &self.encoder;
        let request =
            FeatureRequest { encoder, images: &pictures, tokens, stages: &stages, memory_bytes };
        let found = work::run(py, reporter.as_ref(), threads, |worker| features(request, worker))?
            .map_err(|e| exception(py, &e))?;
        let by_stage = PyDict::new(py);
        for stage in found {
            let values = array::array(py, stage.values, &stage.shape);
            by_stage.set_item(stage.stage.to_string(), values)?;
        }
        Ok(by_stage)
    }
}

/// The memory budget in bytes: as given, or half of what the machine has.
pub(crate) fn memory_bytes(py: Python<'_>, given: Option<u64>) -> PyResult<u64> {
    match given {
        Some(given) if given < alignscope_cli::LEAST_MEMORY => {
            let message = format!(
                "memory is {given}, which is a number of bytes; expected at least {}, such as \
                 memory=8_000_000_000 for 8 GB",
                alignscope_cli::LEAST_MEMORY
            );
            Err(raise(py, "InvalidValueError", message))
        }
        Some(given) => Ok(given),
        None => alignscope_cli::default_memory()
            .map_err(|e| raise(py, "AlignscopeError", e.to_string())),
    }
}

/// Bytes of memory of a text such as `8GB`, as `--memory` takes it.
#[pyfunction]
pub(crate) fn memory_of_text(py: Python<'_>, text: &str) -> PyResult<u64> {
    alignscope_cli::memory_of_text(text)
        .map_err(|why| raise(py, "InvalidValueError", format!("memory is '{text}': {why}")))
}

/// The models whose architecture is known: id, sizes, preprocessing.
#[pyfunction]
pub(crate) fn known_models() -> Vec<(&'static str, String, String)> {
    let known = alignscope::encoder::known_models().iter();
    known.map(|k| (k.id, k.architecture().to_string(), k.preprocessing().to_string())).collect()
}
