//! Torch models by their names, which Python opens.

use alignscope::model::ModelError;
use alignscope::{Progress, Silent, Tokens, TorchModels, TorchOptions, TorchRequest, UserModel};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::external::{Given, Own};
use crate::work::Worker;

/// Torch models are opened, and run, by the thread that called.
pub(crate) struct Torch<'w>(pub(crate) &'w Worker);

impl TorchModels for Torch<'_> {
    fn open<'a>(
        &'a self,
        asked: TorchRequest<'_>,
        progress: &'a dyn Progress,
    ) -> Result<UserModel<'a>, ModelError> {
        let wanted = Wanted::new(asked);
        let opened = self.0.call(progress, move |py| wanted.open(py)).ok_or(ModelError::Stopped)?;
        let given = opened.map_err(|raised| {
            let source = Box::new(raised);
            ModelError::Torch { model: asked.name.to_owned(), source }
        })?;
        given.external(self.0, progress)
    }

    fn facts(&self) -> Vec<(String, String)> {
        let of_python = |py: Python<'_>| -> PyResult<Vec<(String, String)>> {
            py.import("alignscope.torch._facts")?.getattr("facts")?.call0()?.extract()
        };
        let unknown = |why: String| vec![("python".to_owned(), why)];
        match self.0.call(&Silent, of_python) {
            None => unknown("stopped".to_owned()),
            Some(found) => found.unwrap_or_else(|raised| unknown(raised.to_string())),
        }
    }
}

/// A torch model that is asked for, on its way to the thread that called.
struct Wanted {
    name: String,
    library: &'static str,
    of_library: String,
    seed: Option<u64>,
    options: TorchOptions,
    tokens: Tokens,
}

impl Wanted {
    fn new(asked: TorchRequest<'_>) -> Self {
        Self {
            name: asked.name.to_owned(),
            library: asked.model.library.name(),
            of_library: asked.model.of_library(),
            seed: asked.model.seed,
            options: asked.options.clone(),
            tokens: asked.tokens,
        }
    }

    /// The model that `alignscope.torch._named.named` gives.
    fn open(self, py: Python<'_>) -> PyResult<Given<'static>> {
        let named = py.import("alignscope.torch._named")?.getattr("named")?;
        let options = PyDict::new(py);
        let TorchOptions { device, dtype, tf32, compile, batch } = self.options;
        if let Some(device) = device {
            options.set_item("device", device.to_string())?;
        }
        if let Some(dtype) = dtype {
            options.set_item("dtype", dtype.name())?;
        }
        if let Some(tf32) = tf32 {
            options.set_item("tf32", tf32)?;
        }
        if let Some(compile) = compile {
            options.set_item("compile", compile)?;
        }
        if let Some(batch) = batch {
            options.set_item("batch", batch.get())?;
        }
        let model = named.call1((self.library, self.of_library, self.seed, options))?;
        let own: Own<'_> = model.getattr("_own")?.extract()?;
        let given = own.given(py, self.tokens)?;
        Ok(given.of_function(self.name).expect("a torch model is a function"))
    }
}
