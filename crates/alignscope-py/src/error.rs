//! Errors of the library as exceptions by kind (`alignscope._errors`).

use std::error::Error;
use std::io;

use alignscope::dataset::DatasetError;
use alignscope::encoder::EncoderError;
use alignscope::features::{FeatureError, FeatureFolderError, LayoutError, NpyError, RowsError};
use alignscope::image::ImageError;
use alignscope::model::ModelError;
use alignscope::results::ResultsError;
use alignscope::{
    DrawError, ExperimentError, ModelNameError, ModelSpecError, PreparedError, Remedy,
    StageRowsError, UnknownName, UnknownStage, remedies_of, with_remedies,
};
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
    let message = with_remedies(&message, remedies_of(error).into_iter().map(in_python));
    // A name in a file that is obeyed by a terminal is shown by it instead.
    let message = alignscope::in_lines(&as_python_says(&message)).into_owned();
    raise(py, class(&chain), message)
}

/// What would help, and by which argument.
fn in_python(remedy: Remedy) -> String {
    let text = match remedy {
        Remedy::MoreMemory { bytes } => {
            return format!("allow more with `memory={}`", bytes.div_ceil(1_000_000) * 1_000_000);
        }
        Remedy::SmallerImage => "make the image smaller",
        Remedy::SmallerSquare => "bring images to a smaller square with `baseline_size`",
        Remedy::LargerSquare => "bring images to a larger square with `baseline_size`",
        Remedy::PrecisionF32 => "choose `precision=\"f32\"`, whose weights take a third less",
        Remedy::Spill => "let activations be spilled to a temporary file with `spill=True`",
        Remedy::FewerResamples => "draw fewer with `resamples`",
        Remedy::FewerTrials => "take a part of them with `limit`",
        Remedy::LeaveOutImages => "leave their trials out with `keep_going=True`",
        Remedy::OtherFolder => "name another folder with `out`",
        Remedy::RemoveFolder => "remove what is there",
        Remedy::Fresh => "discard that run with `fresh=True`",
        Remedy::Verify => "look into it with `alignscope verify`",
        _ => return format!("{remedy:?}"),
    };
    text.to_owned()
}

/// Arguments that are true or false: what Python writes for the option.
const SWITCHES: [(&str, &str); 6] = [
    ("no-cache", "cache=False"),
    ("fresh", "fresh=True"),
    ("skip-missing", "skip_missing=True"),
    ("keep-going", "keep_going=True"),
    ("allow-outside", "allow_outside=True"),
    ("published", "published=True"),
];

/// Options that are called otherwise in Python.
const RENAMED: [(&str, &str); 3] =
    [("images", "things_images"), ("data", "path"), ("prefix-tokens", "prefix")];

/// Options whose value is a word that may stand behind them.
const OF_WORDS: [(&str, &[&str]); 6] = [
    ("layout", &["NCHW", "NHWC", "NLC", "NCL"]),
    ("cluster", &["default", "observer", "none"]),
    ("tokens", &["all", "class", "patches", "mean"]),
    ("precision", &["auto", "f32", "bf16x6", "bf16x3", "bf16"]),
    ("ties", &["miss", "half"]),
    ("projection", &["raw", "unit"]),
];

/// Options of the program as the arguments that they are in Python: `--skip-missing` as
/// `skip_missing=True`, `--memory 700MB` as `memory=700000000`. A command that is quoted whole stays.
pub(crate) fn as_python_says(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some((before, after)) = rest.split_once("--") {
        text.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let (option, left) = after.split_at(end.unwrap_or(after.len()));
        let of_name = before.ends_with(|c: char| c.is_alphanumeric()) || option.is_empty();
        let quoted = text.rsplit_once('`').filter(|_| text.matches('`').count() % 2 == 1);
        let of_command = quoted.is_some_and(|(_, quoted)| quoted.starts_with("alignscope "));
        if of_name || of_command {
            text.push_str(&format!("--{option}"));
            rest = left;
            continue;
        }
        let (argument, value) = argument(option, left);
        text.push_str(&argument);
        rest = &left[value..];
    }
    text + rest
}

/// An option with what follows it as Python writes it, and how long the value was that it took.
fn argument(option: &str, left: &str) -> (String, usize) {
    let of = |table: &[(&str, &'static str)]| {
        table.iter().find(|(name, _)| *name == option).map(|(_, python)| (*python).to_owned())
    };
    if let Some(written) = of(&SWITCHES) {
        return (written, 0);
    }
    let name = of(&RENAMED).unwrap_or_else(|| option.replace('-', "_"));
    let Some(after) = left.strip_prefix(' ') else { return (name, 0) };
    let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
    let word = &after[..end];
    let words = OF_WORDS.iter().find(|(of, _)| *of == option).map_or(&[][..], |(_, words)| *words);
    if words.contains(&word) {
        return words_of(option, &name, words, left);
    }
    if option == "prefix-tokens" && word.parse::<u64>().is_ok() {
        return (format!("{name}={word}"), 1 + end);
    }
    match (option, word.strip_suffix("MB").map(str::parse::<u64>)) {
        ("memory", Some(Ok(megabytes))) => (format!("{name}={megabytes}000000"), 1 + end),
        _ => (name, 0),
    }
}

/// As [`argument`], of an option of words that may be given again: `layout="NCHW"`, or
/// `layout=["NCHW", "NCL"]` for `--layout NCHW --layout NCL`.
fn words_of(option: &str, name: &str, words: &[&str], left: &str) -> (String, usize) {
    let again = format!(" --{option}");
    let (mut found, mut rest) = (Vec::new(), left);
    while let Some((word, after)) = word_behind(rest, words) {
        found.push(format!("\"{word}\""));
        rest = after;
        match rest.strip_prefix(&again) {
            Some(more) if word_behind(more, words).is_some() => rest = more,
            _ => break,
        }
    }
    let taken = left.len() - rest.len();
    match &found[..] {
        [one] => (format!("{name}={one}"), taken),
        several => (format!("{name}=[{}]", several.join(", ")), taken),
    }
}

/// The word of a list that stands first behind an option, and what follows it.
fn word_behind<'a>(left: &'a str, words: &[&str]) -> Option<(&'a str, &'a str)> {
    let after = left.strip_prefix(' ')?;
    let end = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
    let (word, rest) = after.split_at(end);
    words.contains(&word).then_some((word, rest))
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
            ExperimentError::Results(results)
            | ExperimentError::Draw(DrawError::Results(results)) => Some(results),
            ExperimentError::Measure(ModelError::Npy(npy)) => Some(&**npy),
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
        || is_a::<ModelNameError>(error)
        || is_a::<RowsError>(error)
        || is_a::<LayoutError>(error)
        || is_a::<StageRowsError>(error);
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
    if let Some(ImageError::Memory { .. }) = as_a::<ImageError>(error) {
        return Some("MemoryBudgetError");
    }
    if let Some(error) = as_a::<EncoderError>(error) {
        return match error {
            EncoderError::NoFolder { .. } | EncoderError::NoConfig { .. } => {
                Some("MissingFileError")
            }
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
            | FeatureError::Name { .. }
            | FeatureError::Preprocessed { .. } => Some("InvalidValueError"),
            _ => None,
        };
    }
    match as_a::<ExperimentError>(error)? {
        ExperimentError::Memory { .. }
        | ExperimentError::Prepared(PreparedError::Memory { .. })
        | ExperimentError::Measure(ModelError::Memory { .. }) => Some("MemoryBudgetError"),
        ExperimentError::Measure(
            ModelError::FeatureShape { .. }
            | ModelError::FunctionShape { .. }
            | ModelError::StageName { .. }
            | ModelError::StageTwice { .. }
            | ModelError::NoStages { .. }
            | ModelError::LongStageName { .. }
            | ModelError::Name(_)
            | ModelError::Unusable { .. },
        )
        | ExperimentError::Twice { .. }
        | ExperimentError::NotGiven(_)
        | ExperimentError::Name(_)
        | ExperimentError::Many { .. }
        | ExperimentError::ManyTrials { .. }
        | ExperimentError::ManyScores { .. }
        | ExperimentError::Figures(_)
        | ExperimentError::Nothing { .. } => Some("InvalidValueError"),
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
