//! What Python raised, on its way through the library.

use std::error::Error;
use std::fmt;

use pyo3::prelude::*;

/// An exception. In Python it comes out as it is; the command shows its text.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) error: PyErr,
    /// Its message; before that of an exception that is not of this package stands its class.
    text: String,
}

impl Raised {
    pub(crate) fn new(py: Python<'_>, error: PyErr) -> Self {
        let text = text_of(py, &error).unwrap_or_else(|_| error.to_string());
        Self { error, text }
    }
}

fn text_of(py: Python<'_>, error: &PyErr) -> PyResult<String> {
    let own = py.import("alignscope._errors")?.getattr("AlignscopeError")?;
    match error.value(py).is_instance(&own)? {
        true => Ok(error.value(py).str()?.to_string()),
        false => Ok(error.to_string()),
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Error for Raised {}
