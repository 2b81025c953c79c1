//! Errors of the library as exceptions by kind (`alignscope._errors`).

use std::error::Error;
use std::io;

use alignscope::dataset::{DatasetError, NamedDatasetError, WriteDatasetError};
use alignscope::encoder::EncoderError;
use alignscope::features::{FeatureError, FeatureFolderError, LayoutError, NpyError, RowsError};
use alignscope::image::ImageError;
use alignscope::model::{GivenError, ModelError};
use alignscope::results::ResultsError;
use alignscope::{
    Choice, CombineError, CompareError, DrawError, ExperimentError, ExperimentFileError,
    ModelNameError, ModelSpecError, PreparedError, Remedy, StageRowsError, UnknownName,
    UnknownStage, remedies_of, with_remedies,
};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::raised::Raised;

/// The exception of an error.
pub(crate) fn exception(py: Python<'_>, error: &(dyn Error + 'static)) -> PyErr {
    let mut chain: Vec<&(dyn Error + 'static)> = vec![error];
    while let Some(cause) = chain[chain.len() - 1].source() {
        chain.push(cause);
    }
    // What a function of the user's raised comes out as it is.
    if let Some(raised) = chain.iter().find_map(|error| error.downcast_ref::<Raised>()) {
        return raised.error.clone_ref(py);
    }
    let stopped = |error: &&(dyn Error + 'static)| {
        matches!(as_a(*error), Some(ExperimentError::Stopped))
            || matches!(as_a(*error), Some(FeatureError::Stopped))
    };
    if chain.iter().any(stopped) {
        return PyKeyboardInterrupt::new_err("stopped");
    }
    let message = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let message = with_remedies(&message, remedies_of(error).iter().map(in_python));
    // A name in a file that is obeyed by a terminal is shown by it instead.
    let message = alignscope::in_lines(&message).into_owned();
    raise(py, class(&chain), message)
}

/// What would help, and by which argument.
pub(crate) fn in_python(remedy: &Remedy) -> String {
    let text = match remedy {
        Remedy::MoreMemory { bytes: Some(bytes) } => {
            return format!("allow more with `memory={}`", bytes.div_ceil(1_000_000) * 1_000_000);
        }
        Remedy::MoreMemory { bytes: None } => "allow more memory with `memory`",
        Remedy::SmallerImage => "make the image smaller",
        Remedy::SmallerSquare => "bring images to a smaller square with `baseline_size`",
        Remedy::LargerSquare => "bring images to a larger square with `baseline_size`",
        Remedy::PrecisionF32 => "choose `precision=\"f32\"`, whose weights take a third less",
        Remedy::Spill => "let activations be spilled to a temporary file with `spill=True`",
        Remedy::FreeSpace => "free some space there",
        Remedy::OtherTemporaryFolder => "name another folder in the environment variable TMPDIR",
        Remedy::FewerResamples => "draw fewer with `resamples`",
        Remedy::FewerTrials => "take a part of them with `limit`",
        Remedy::LeaveOutImages => "leave the trials of such images out with `keep_going=True`",
        Remedy::LeaveOutMissing => "leave those trials out with `skip_missing=True`",
        Remedy::WithImages => "load it with `images=True` where they are",
        Remedy::WithoutPixels => "leave the pixels out with `pixels=False`",
        Remedy::AllowOutside => "if you trust the file, allow that with `allow_outside=True`",
        Remedy::SayOdd { place } => return format!("if it does, say so with `odd=\"{place}\"`"),
        Remedy::NameFile => "name one of them as the path",
        Remedy::RenameDataset { .. } => "give one another name with `name`",
        Remedy::ClusterByDefault => "choose `cluster=\"default\"`",
        Remedy::LeaveOut(choice) => return format!("leave out {}", argument(*choice)),
        Remedy::PythonPackage { library } => {
            return format!("install them with `pip install torch {library}`");
        }
        Remedy::TorchBackend => "let torch run encoders with `backend=\"torch\"`",
        Remedy::OwnBackend => "let alignscope run encoders itself with `backend=\"own\"`",
        Remedy::OtherTokens => "choose `tokens=\"all\"`, `\"patches\"` or `\"mean\"`",
        Remedy::OneVector => "choose `tokens=\"class\"` or `\"mean\"`",
        Remedy::SayLike => {
            "name a model of the same architecture and preprocessing behind the file, as in \
             `FILE@like=openai/clip-vit-base-patch32`"
        }
        Remedy::SayPrefix => {
            "say with `prefix` how many stand before the patches, such as 5 for a class token and \
             4 registers, 0 for none"
        }
        Remedy::SayOtherPrefix => {
            "if that is not so, say with `prefix` how many stand before the patches"
        }
        Remedy::SayClassToken => "if the first is a class token, say so with `prefix=1`",
        Remedy::SayLayouts { layouts, axes } => {
            return format!("if its axes are {axes}, say so with `layout={}`", quoted(layouts));
        }
        Remedy::FetchWeights { metric } => {
            return format!("fetch them with `alignscope fetch {metric}`");
        }
        Remedy::NameWeights => {
            "bring the files from elsewhere and name their folder with `weights`"
        }
        Remedy::NameCache => "keep them elsewhere, in a place that you name with `cache`",
        Remedy::WithoutCache => "keep nothing of a run with `cache=False`",
        Remedy::WithCache => "leave out `cache=False`",
        Remedy::WithoutFresh => "leave out `fresh`",
        Remedy::OtherFolder => "name another folder with `out`",
        Remedy::RemoveFolder => "remove what is there",
        Remedy::ReplaceRun | Remedy::Fresh => "replace that run with `overwrite=True`",
        Remedy::SayDirection => {
            "say with `lower_is_better=True` that lower scores are better, or with \
             `lower_is_better=False` that higher ones are"
        }
        Remedy::Verify => "look into it with `alignscope verify`",
        Remedy::NameSide => "name one side",
        Remedy::NameRuns => "name the runs, as in `{\"before\": run, \"after\": other}`",
        Remedy::RunWithTies => "run one of them again with `ties`",
    };
    text.to_owned()
}

/// The argument, or arguments, by which something is chosen.
fn argument(choice: Choice) -> &'static str {
    match choice {
        Choice::Split => "`split`",
        Choice::MinVotes => "`min_votes`",
        Choice::LowerIsBetter => "`lower_is_better`",
        Choice::ThingsImages => "`things_images`",
        Choice::Odd => "`odd`",
        Choice::Reading => "`layout` and `prefix`",
        Choice::Prefix => "`prefix`",
        Choice::Scales => "`scale_from`",
        Choice::Transform => "`transform`",
        Choice::Torch => "`device`, `dtype`, `tf32`, `compile` and `batch`",
    }
}

/// A text, or a list of texts, as Python writes it.
fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    match &quoted[..] {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
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
    if let Some(CompareError::Results(results)) = as_a::<CompareError>(error) {
        return Some(results);
    }
    match as_a::<CombineError>(error) {
        Some(
            CombineError::Results(results)
            | CombineError::Compare(CompareError::Results(results))
            | CombineError::Draw(DrawError::Results(results)),
        ) => return Some(results),
        Some(CombineError::Compare(error)) => return Some(error),
        _ => {}
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
        || is_a::<NamedDatasetError>(error)
        || is_a::<UnknownStage>(error)
        || is_a::<ModelSpecError>(error)
        || is_a::<ModelNameError>(error)
        || is_a::<RowsError>(error)
        || is_a::<LayoutError>(error)
        || is_a::<GivenError>(error)
        || is_a::<StageRowsError>(error);
    if word {
        return Some("InvalidValueError");
    }
    if let Some(error) = as_a::<CompareError>(error) {
        return match error {
            CompareError::Results(_) => None,
            _ => Some("InvalidValueError"),
        };
    }
    if let Some(error) = as_a::<CombineError>(error) {
        return match error {
            CombineError::Few { .. }
            | CombineError::Itself { .. }
            | CombineError::Different { .. }
            | CombineError::Model { .. } => Some("InvalidValueError"),
            _ => None,
        };
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
            EncoderError::Unknown { .. }
            | EncoderError::NoClassToken { .. }
            | EncoderError::NoRegisters { .. } => Some("InvalidValueError"),
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
            | ModelError::Depths { .. }
            | ModelError::Name(_)
            | ModelError::WithoutImages { .. }
            | ModelError::Unusable { .. },
        )
        | ExperimentError::Twice { .. }
        | ExperimentError::NotGiven(_)
        | ExperimentError::TorchUnused
        | ExperimentError::Measure(ModelError::NotOfTorch { .. })
        | ExperimentError::Panel { .. }
        | ExperimentError::Name(_)
        | ExperimentError::Series(_)
        | ExperimentError::Stages { .. }
        | ExperimentError::Many { .. }
        | ExperimentError::ManyTrials { .. }
        | ExperimentError::ManyScores { .. }
        | ExperimentError::Figures(_)
        | ExperimentError::Shard(_)
        | ExperimentError::ShardWithoutCache
        | ExperimentError::ShardFresh
        | ExperimentError::ShardNotKept { .. }
        | ExperimentError::Speed { .. }
        | ExperimentError::SpeedOfNone { .. }
        | ExperimentError::Nothing { .. } => Some("InvalidValueError"),
        _ => None,
    }
}

fn by_part(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if is_a::<DatasetError>(error) || is_a::<WriteDatasetError>(error) {
        Some("DatasetError")
    } else if is_a::<EncoderError>(error) {
        Some("ModelError")
    } else if is_a::<ImageError>(error) {
        Some("ImageError")
    } else if is_a::<NpyError>(error) || is_a::<FeatureFolderError>(error) {
        Some("FeatureFileError")
    } else if is_a::<ResultsError>(error) {
        Some("ResultsError")
    } else if is_a::<ExperimentFileError>(error) {
        Some("ExperimentFileError")
    } else {
        None
    }
}
