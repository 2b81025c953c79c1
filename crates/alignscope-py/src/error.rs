//! Errors of the library as exceptions by kind (`alignscope._errors`).

use std::error::Error;
use std::io;

use alignscope::dataset::DatasetError;
use alignscope::encoder::EncoderError;
use alignscope::features::{FeatureError, FeatureFolderError, NpyError, RowsError};
use alignscope::image::ImageError;
use alignscope::results::ResultsError;
use alignscope::{ExperimentError, ModelSpecError, ShapeChanged, UnknownName, UnknownStage};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

/// The exception of an error.
pub(crate) fn exception(py: Python<'_>, error: &(dyn Error + 'static)) -> PyErr {
    let mut chain: Vec<&(dyn Error + 'static)> = vec![error];
    while let Some(cause) = chain[chain.len() - 1].source() {
        chain.push(cause);
    }
    // What a function of the user's raised comes out as it is.
    if let Some(raised) = chain.iter().find_map(|error| error.downcast_ref::<PyErr>()) {
        return raised.clone_ref(py);
    }
    let stopped = |error: &&(dyn Error + 'static)| {
        matches!(as_a(*error), Some(ExperimentError::Stopped))
            || matches!(as_a(*error), Some(FeatureError::Stopped))
    };
    if chain.iter().any(stopped) {
        return PyKeyboardInterrupt::new_err("stopped");
    }
    let message = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    // A name in a file that is obeyed by a terminal is shown by it instead.
    let message = alignscope::in_lines(&as_python_says(&message)).into_owned();
    raise(py, class(&chain), message)
}

/// Options of the program as the arguments that they are in Python: `--skip-missing` as `skip_missing`.
fn as_python_says(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("--") {
        text.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let (option, left) = after.split_at(end.unwrap_or(after.len()));
        match before.ends_with(|c: char| c.is_alphanumeric()) || option.is_empty() {
            // Part of a name.
            true => text.push_str(&format!("--{option}")),
            false => text.push_str(&option.replace('-', "_")),
        }
        rest = left;
    }
    text + rest
}

/// An exception of `alignscope._errors`, by the name of its class.
pub(crate) fn raise(py: Python<'_>, class: &str, message: String) -> PyErr {
    let make = || py.import("alignscope._errors")?.getattr(class)?.call1((message,));
    make().map_or_else(|error| error, PyErr::from_value)
}

/// The error as one of a kind, also where its cause is in a box.
fn as_a<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    error.downcast_ref::<T>().or_else(|| error.downcast_ref::<Box<T>>().map(|inner| &**inner))
}

/// Whether the error is of a kind.
fn is_a<T: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    as_a::<T>(error).is_some()
}

/// The error that one shows as if it were its own, and which is not among its causes.
fn shown<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(error) = as_a::<FeatureError>(error) {
        return match error {
            FeatureError::Image(image) => Some(&**image),
            FeatureError::Results(results) => Some(results),
            _ => None,
        };
    }
    if let Some(error) = as_a::<ExperimentError>(error) {
        return match error {
            ExperimentError::Results(results) => Some(results),
            ExperimentError::Npy(npy) => Some(npy),
            _ => None,
        };
    }
    match as_a::<FeatureFolderError>(error) {
        Some(FeatureFolderError::Npy(npy)) => Some(npy),
        _ => None,
    }
}

/// The class of an error with these causes, the last the first cause.
fn class(chain: &[&(dyn Error + 'static)]) -> &'static str {
    let chain: Vec<_> = chain.iter().flat_map(|e| std::iter::once(*e).chain(shown(*e))).collect();
    // First the causes that Python has a class for, then the part of the way where it happened.
    chain
        .iter()
        .rev()
        .find_map(|error| by_cause(*error))
        .or_else(|| chain.iter().rev().find_map(|error| by_part(*error)))
        .unwrap_or("AlignscopeError")
}

fn by_cause(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = as_a::<io::Error>(error) {
        return match error.kind() {
            io::ErrorKind::NotFound => Some("MissingFileError"),
            io::ErrorKind::PermissionDenied => Some("AccessError"),
            _ => None,
        };
    }
    let word = is_a::<UnknownName>(error)
        || is_a::<UnknownStage>(error)
        || is_a::<ModelSpecError>(error)
        || is_a::<RowsError>(error)
        || is_a::<ShapeChanged>(error);
    if word {
        return Some("InvalidValueError");
    }
    if let Some(error) = as_a::<DatasetError>(error) {
        return match error {
            DatasetError::NotThere { .. } | DatasetError::Missing { .. } => {
                Some("MissingFileError")
            }
            _ => None,
        };
    }
    if let Some(error) = as_a::<EncoderError>(error) {
        return match error {
            EncoderError::NoFolder { .. } => Some("MissingFileError"),
            EncoderError::Unknown { .. } | EncoderError::NoClassToken { .. } => {
                Some("InvalidValueError")
            }
            _ => None,
        };
    }
    if let Some(error) = as_a::<FeatureFolderError>(error) {
        return match error {
            FeatureFolderError::NoFolder { .. } | FeatureFolderError::Nothing { .. } => {
                Some("MissingFileError")
            }
            _ => None,
        };
    }
    if let Some(error) = as_a::<FeatureError>(error) {
        return match error {
            FeatureError::Memory { .. } => Some("MemoryBudgetError"),
            FeatureError::NoStage { .. }
            | FeatureError::NoImages
            | FeatureError::Preprocessed { .. } => Some("InvalidValueError"),
            _ => None,
        };
    }
    match as_a::<ExperimentError>(error)? {
        ExperimentError::Memory { .. }
        | ExperimentError::PixelMemory { .. }
        | ExperimentError::BaselineMemory { .. }
        | ExperimentError::FeatureMemory { .. }
        | ExperimentError::CallbackMemory { .. } => Some("MemoryBudgetError"),
        ExperimentError::FeatureShape { .. }
        | ExperimentError::CallbackShape { .. }
        | ExperimentError::StageName { .. }
        | ExperimentError::Twice { .. }
        | ExperimentError::Many { .. }
        | ExperimentError::Figures(_)
        | ExperimentError::Nothing { .. }
        | ExperimentError::Unusable { .. } => Some("InvalidValueError"),
        _ => None,
    }
}

fn by_part(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if is_a::<DatasetError>(error) {
        Some("DatasetError")
    } else if is_a::<EncoderError>(error) {
        Some("ModelError")
    } else if is_a::<ImageError>(error) {
        Some("ImageError")
    } else if is_a::<NpyError>(error) || is_a::<FeatureFolderError>(error) {
        Some("FeatureFileError")
    } else if is_a::<ResultsError>(error) {
        Some("ResultsError")
    } else {
        None
    }
}
