//! alignscope for Python: the compiled part, as thin as it can be. What users see of it is written
//! and typed in Python (`python/alignscope/`); this hands arrays, files and functions over.

mod array;
mod dataset;
mod device;
mod encoder;
mod error;
mod experiment;
mod external;
mod finished;
mod raised;
mod recipe;
mod table;
mod torch;
mod work;

use std::ffi::OsString;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use torch::Torch;

/// alignscope's compiled part; use the module `alignscope`.
#[pymodule]
mod _alignscope {
    use super::*;

    #[pymodule_export]
    use super::dataset::{Dataset, datasets_folder, draw_demo, png};
    #[pymodule_export]
    use super::encoder::{Encoder, known_models, memory_of_text};
    #[pymodule_export]
    use super::experiment::{Experiment, choices};
    #[pymodule_export]
    use super::external::{Measured, measure};
    #[pymodule_export]
    use super::finished::{
        altered_tables, cite, colours_of_run, combine, compare_sides, compare_together,
        distance_matrix, gallery,
    };
    #[pymodule_export]
    use super::recipe::prepared;
    #[pymodule_export]
    use super::run_program;
    #[pymodule_export]
    use super::table::{Table, read_table};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        alignscope::check_instructions()
            .map_err(|error| PyImportError::new_err(error.to_string()))?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}

/// Runs the program with these words, the first its name, and returns its exit code.
///
/// The program has a thread of its own; this one opens torch models and runs them. A program that
/// the user stops while this one is at that does not wait for it.
#[pyfunction]
fn run_program(py: Python<'_>, command: Vec<OsString>) -> PyResult<u8> {
    work::run(py, None, None, |worker| {
        let code = alignscope_cli::run_with(command, &Torch(worker));
        if worker.is_in_call() {
            alignscope_cli::end_at_once(code);
        }
        code
    })
}
