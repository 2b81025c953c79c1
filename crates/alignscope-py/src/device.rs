//! A device of Python's that encodes images, holds their activations, and reduces their pairs.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use alignscope::Progress;
use alignscope::model::{
    Batch, Capacity, Device, DeviceSet, DeviceStage, Held, ImageSums, ModelError, PairSums,
};
use alignscope::pair_statistics::ImageProducts;
use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::array;
use crate::work::Worker;

type AnyError = Box<dyn Error + Send + Sync>;

/// An object with the methods of `alignscope.torch._store.Store`, called by the thread that looks after
/// Python.
pub(crate) struct PyDevice<'w> {
    pub(crate) object: Arc<Py<PyAny>>,
    pub(crate) worker: &'w Worker,
    pub(crate) progress: &'w dyn Progress,
}

impl PyDevice<'_> {
    fn call<R: Send + 'static>(
        &self,
        call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R> + Send + 'static,
    ) -> Result<R, AnyError> {
        let object = Arc::clone(&self.object);
        let call = move |py: Python<'_>| call(object.bind(py));
        Ok(self.worker.call(self.progress, call).ok_or(ModelError::Stopped)??)
    }
}

impl Device for PyDevice<'_> {
    fn capacity(
        &mut self,
        stages: &[DeviceStage],
        memory_bytes: u64,
    ) -> Result<Capacity, AnyError> {
        let stages = stages.to_vec();
        self.call(move |device| {
            let stages = of_stages(device.py(), &stages)?;
            let found = device.call_method1("capacity", (stages, memory_bytes))?;
            let (images, batch, host_bytes) = found.extract()?;
            Ok(Capacity { images, batch, host_bytes })
        })
    }

    fn begin(&mut self, set: DeviceSet<'_>) -> Result<Held, AnyError> {
        let DeviceSet { images, stages, host_bytes, folder } = set;
        let stages = stages.to_vec();
        self.call(move |device| {
            let stages = of_stages(device.py(), &stages)?;
            let found = device
                .call_method1("begin", (images, stages, host_bytes, folder.to_string_lossy()))?;
            let (place, tile): (String, usize) = found.extract()?;
            let place = place.parse().map_err(|e| crate::error::exception(device.py(), &e))?;
            Ok(Held { place, tile: tile.max(1) })
        })
    }

    fn encode(&mut self, batch: Batch) -> Result<usize, AnyError> {
        self.call(move |device| {
            let images = images(device.py(), batch)?;
            device.call_method1("encode", (images,))?.extract()
        })
    }

    fn images(&mut self, stage: usize) -> Result<ImageSums, AnyError> {
        self.call(move |device| {
            let found = device.call_method1("images", (stage,))?;
            let (energy, aa, a1): (Floats<'_>, Doubles<'_>, Doubles<'_>) = found.extract()?;
            let products = aa.as_slice()?.iter().zip(a1.as_slice()?);
            let products = products.map(|(&aa, &a1)| ImageProducts { aa, a1 }).collect();
            Ok(ImageSums { energy: energy.as_slice()?.to_vec(), products })
        })
    }

    fn image(&mut self, stage: usize, image: usize) -> Result<Vec<f32>, AnyError> {
        self.call(move |device| {
            let found: Floats<'_> = device.call_method1("image", (stage, image))?.extract()?;
            Ok(found.as_slice()?.to_vec())
        })
    }

    fn numbers(&mut self, stage: usize, numbers: Range<usize>) -> Result<Vec<f32>, AnyError> {
        self.call(move |device| {
            let call = (stage, numbers.start, numbers.end);
            let found: Floats<'_> = device.call_method1("numbers", call)?.extract()?;
            Ok(found.as_slice()?.to_vec())
        })
    }

    fn pairs(&mut self, stage: usize, pairs: &[[u32; 2]]) -> Result<PairSums, AnyError> {
        // NumPy's indices are signed.
        let pairs: Vec<[i64; 2]> = pairs.iter().map(|pair| pair.map(i64::from)).collect();
        self.call(move |device| {
            let pairs = array::rows(device.py(), pairs);
            let found = device.call_method1("pairs", (stage, pairs))?;
            let (msd, ab): (Floats<'_>, Doubles<'_>) = found.extract()?;
            Ok(PairSums { msd: msd.as_slice()?.to_vec(), ab: ab.as_slice()?.to_vec() })
        })
    }

    fn give_back(&mut self) {
        // It is asked at the end of the work, which may have been stopped.
        let _ = self.call(|device| device.call_method0("give_back").map(|_| ()));
    }
}

type Floats<'py> = PyReadonlyArrayDyn<'py, f32>;
type Doubles<'py> = PyReadonlyArrayDyn<'py, f64>;

/// Stages as mappings.
fn of_stages<'py>(py: Python<'py>, stages: &[DeviceStage]) -> PyResult<Bound<'py, PyList>> {
    let stages = stages.iter().map(|stage| of_stage(py, stage));
    PyList::new(py, stages.collect::<PyResult<Vec<_>>>()?)
}

/// A stage as a mapping.
fn of_stage<'py>(py: Python<'py>, stage: &DeviceStage) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    found.set_item("stage", stage.stage.to_string())?;
    found.set_item("tokens", stage.tokens)?;
    found.set_item("channels", stage.channels)?;
    found.set_item("channels_first", stage.channels_first)?;
    found.set_item("chosen", stage.chosen.as_ref().map(|chosen| (chosen.start, chosen.end)))?;
    found.set_item("registers", (stage.registers.start, stage.registers.end))?;
    Ok(found)
}

/// The images of a batch: one array if they are preprocessed, else a list of arrays.
pub(crate) fn images(py: Python<'_>, batch: Batch) -> PyResult<Bound<'_, PyAny>> {
    Ok(match batch {
        Batch::Preprocessed { values, shape } => array::array(py, values, &shape).into_any(),
        Batch::Decoded(images) => {
            PyList::new(py, images.iter().map(|image| array::pixels(py, image)))?.into_any()
        }
    })
}
