//! Data sets as arrays.

use std::path::PathBuf;

use alignscope::cache::CacheFolder;
use alignscope::dataset::{ImageFiles, Selection, ThingsImages};
use alignscope::paradigm::Column;
use alignscope::{DatasetFormat, DatasetOptions, DatasetSpec, NamedDataset, Pairs, demo};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::array::{self, list, rows};
use crate::error::{exception, raise};

/// An opened data set.
#[pyclass(frozen, module = "alignscope._alignscope")]
pub(crate) struct Dataset {
    pub(crate) spec: DatasetSpec,
    dataset: alignscope::Dataset,
    pairs: Pairs,
}

#[pymethods]
impl Dataset {
    /// Reads the annotations of a data set.
    #[new]
    #[pyo3(signature = (
        format, path, name, level, split, min_votes, lower_is_better, things_images, odd, skip_missing,
        allow_outside, limit, selection, without_images
    ))]
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    fn open(
        py: Python<'_>,
        format: &str,
        path: PathBuf,
        name: Option<String>,
        level: Option<&str>,
        split: Option<String>,
        min_votes: Option<u32>,
        lower_is_better: Option<bool>,
        things_images: Option<&str>,
        odd: Option<&str>,
        skip_missing: bool,
        allow_outside: bool,
        limit: Option<usize>,
        selection: Option<PyReadonlyArray1<'_, u32>>,
        without_images: bool,
    ) -> PyResult<Self> {
        let asked: NamedDataset = format.parse().map_err(|e| exception(py, &e))?;
        let name = name.or(asked.name);
        let level = level.map(str::parse).transpose().map_err(|e| exception(py, &e))?;
        let things_images = match things_images {
            None => None,
            Some("first") => Some(ThingsImages::First),
            Some("01b") => Some(ThingsImages::Reference01b),
            Some(other) => {
                let message = format!("unknown images `{other}`, expected one of `first`, `01b`");
                return Err(raise(py, "InvalidValueError", message));
            }
        };
        let selection =
            selection.map(|positions| Selection::new(positions.as_array().iter().copied()));
        let options = DatasetOptions {
            split,
            min_votes,
            lower_is_better,
            things_images,
            odd: odd.map(str::parse).transpose().map_err(|e| exception(py, &e))?,
            skip_missing,
            allow_outside,
            limit,
            selection,
            without_images,
        };
        let spec = DatasetSpec { name, level, format: asked.format, data: path, options };
        let dataset = py.detach(|| spec.open()).map_err(|e| exception(py, &e))?;
        let pairs = Pairs::of(&dataset.trials);
        Ok(Self { spec, dataset, pairs })
    }

    #[getter]
    fn name(&self) -> &str {
        &self.dataset.name
    }

    #[getter]
    fn release(&self) -> Option<&'static str> {
        self.dataset.release.map(|release| release.name())
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.spec.data.clone()
    }

    #[getter]
    fn level(&self) -> &'static str {
        self.dataset.level.name()
    }

    #[getter]
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.dataset.images.iter().map(|image| &image.id))
    }

    #[getter]
    fn files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.dataset.images.iter().map(|image| &image.path))
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.dataset.notes.clone()
    }

    #[getter]
    fn skipped_trials(&self) -> usize {
        self.dataset.skipped_trials
    }

    /// What was asked for, as the library reads it.
    #[getter]
    fn format(&self) -> &'static str {
        self.spec.format.name()
    }

    /// SHA-256 over trials, answers and labels.
    #[getter]
    fn trials_sha256(&self) -> String {
        self.dataset.trials_hash().to_string()
    }

    /// Writes it as a manifest into a new or empty folder: the word that asks for what was written,
    /// and what a manifest does not say.
    fn write(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        copy: bool,
    ) -> PyResult<(&'static str, Vec<String>)> {
        let images = match (self.spec.options.without_images, copy) {
            (true, _) => ImageFiles::Absent,
            (false, true) => ImageFiles::Copies,
            (false, false) => ImageFiles::Links,
        };
        let written = py.detach(|| self.dataset.write(&folder, images));
        let written = written.map_err(|e| exception(py, &e))?;
        Ok((written.format.name(), written.notes))
    }

    fn __len__(&self) -> usize {
        self.dataset.trials.len()
    }

    /// The columns of the trials, by name.
    fn trials<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = PyDict::new(py);
        for (name, column) in self.dataset.trials.paradigm().columns() {
            match column {
                Column::Images(values) => columns.set_item(name, list(py, values))?,
                Column::Triplets(values) => columns.set_item(name, rows(py, values))?,
                Column::Numbers(values) => columns.set_item(name, list(py, values))?,
                Column::Positions(values) => columns.set_item(name, list(py, values))?,
            }
        }
        columns.set_item("trial", list(py, self.dataset.trial_ids.iter().copied()))?;
        Ok(columns)
    }

    /// The labels of the trials by name: the different values, and the position of each trial's.
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let labels = PyDict::new(py);
        for label in &self.dataset.labels {
            let codes = list(py, label.codes.iter().copied());
            labels.set_item(&label.name, (&label.values, codes))?;
        }
        Ok(labels)
    }

    /// The different pairs of images, `[pairs, 2]`.
    fn pairs<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<u32>> {
        rows(py, self.pairs.images.iter().copied())
    }

    /// How often trials use each pair.
    fn pair_uses<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        list(py, self.pairs.uses.iter().copied())
    }

    /// The pair of each comparison of each trial, trial after trial.
    fn pairs_of_trials<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        list(py, self.pairs.of_trials.iter().copied())
    }
}

/// The bytes of an image `[height, width, 3]` of `uint8` as a PNG file.
#[pyfunction]
pub(crate) fn png<'py>(
    py: Python<'py>,
    image: PyReadonlyArrayDyn<'py, u8>,
) -> PyResult<Bound<'py, PyBytes>> {
    let image = array::image(&image)?;
    let bytes = py.detach(|| image.to_png());
    Ok(PyBytes::new(py, &bytes))
}

/// Where data sets are kept that are made of arrays.
#[pyfunction]
pub(crate) fn datasets_folder(py: Python<'_>) -> PyResult<PathBuf> {
    CacheFolder::of_datasets().map_err(|e| exception(py, &e))
}

/// Draws the demo's images and trials into a new folder; its three data sets by name.
#[pyfunction]
pub(crate) fn draw_demo<'py>(
    py: Python<'py>,
    folder: PathBuf,
    seed: u64,
) -> PyResult<Bound<'py, PyDict>> {
    let folders = py.detach(|| demo::draw(&folder, seed)).map_err(|e| exception(py, &e))?;
    let found = PyDict::new(py);
    for (format, path) in [
        (DatasetFormat::PAIRS, folders.low),
        (DatasetFormat::TWO_AFC, folders.middle),
        (DatasetFormat::ODD_ONE_OUT, folders.high),
    ] {
        found.set_item(format.name(), path)?;
    }
    Ok(found)
}
