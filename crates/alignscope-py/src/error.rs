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
    GalleryError, ModelNameError, ModelSpecError, PreparedError, Remedy, StageRowsError,
    UnknownName, UnknownStage, remedies_of, with_remedies,
};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::raised::Raised;

/// The exception of an error.
pub(crate) fn exception(py: Python<'_>, error: &(dyn Error + 'static)) -> PyErr {
    exception_in_words(py, error, in_python)
}

/// The exception of an error of a function that takes a new folder, and cannot replace a run in it.
pub(crate) fn exception_of_new_folder(py: Python<'_>, error: &(dyn Error + 'static)) -> PyErr {
    exception_in_words(py, error, |remedy| match remedy {
        Remedy::ReplaceRun | Remedy::Fresh => in_python(&Remedy::RemoveFolder),
        other => in_python(other),
    })
}

fn exception_in_words(
    py: Python<'_>,
    error: &(dyn Error + 'static),
    words: impl Fn(&Remedy) -> String,
) -> PyErr {
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
    let message = with_remedies(&message, remedies_of(error).iter().map(words));
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
        Remedy::FewerTrials => {
            "take a part of them with `load_dataset(…, limit=N)` (in an experiment's file: \
             `limit = N` under [[datasets]])"
        }
        Remedy::LeaveOutImages => {
            "leave the trials of such images out with `keep_going=True` of `run` (in an \
             experiment's file: `keep_going = true`)"
        }
        Remedy::LeaveOutMissing => {
            "leave those trials out with `load_dataset(…, skip_missing=True)` (in an experiment's \
             file: `skip_missing = true` under [[datasets]])"
        }
        Remedy::NameData => {
            "name the folder where it is (for a data set of an experiment's file \
             `data={\"NAME\": path}`; paths in the file begin at its own folder)"
        }
        Remedy::WithImages => "load it with `images=True` where they are",
        Remedy::WithoutPixels => "leave the pixels out with `pixels=False`",
        Remedy::AllowOutside => {
            "if you trust the file, allow that with `load_dataset(…, allow_outside=True)` (in an \
             experiment's file: `allow_outside = true` under [[datasets]])"
        }
        Remedy::SayOdd { place } => {
            return format!(
                "if it does, say so with `load_dataset(…, odd=\"{place}\")` (in an experiment's \
                 file: `odd = \"{place}\"` under [[datasets]])"
            );
        }
        Remedy::NameFile => "name one of them instead of the folder",
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
            "say with `prefix`, as in `alignscope.Features(folder, prefix=5)`, how many stand \
             before the patches: 5 for a class token and 4 registers, 0 for none (in an \
             experiment's file: `prefix_tokens = 5`)"
        }
        Remedy::SayOtherPrefix => {
            "if that is not so, say how many stand before the patches with `prefix`, as in \
             `alignscope.Features(folder, prefix=5)` (in an experiment's file: `prefix_tokens = 5`)"
        }
        Remedy::SayClassToken => {
            "if the first is a class token, say so with `prefix=1`, as in \
             `alignscope.Features(folder, prefix=1)` (in an experiment's file: `prefix_tokens = 1`)"
        }
        Remedy::SayLayouts { layouts, axes } => {
            let said = quoted(layouts);
            let list = said.trim_matches(['[', ']']);
            return format!(
                "if its axes are {axes}, say so with `layout={said}`, as in \
                 `alignscope.Features(folder, layout={said})` (in an experiment's file: \
                 `layouts = [{list}]`)"
            );
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
        Remedy::ReplaceRun | Remedy::Fresh => {
            "replace that run with `overwrite=True`, which `run`, `score`, `evaluate` and `combine` \
             take"
        }
        Remedy::SayDirection => {
            "say with `load_dataset(…, lower_is_better=True)` that lower scores are better, or with \
             `lower_is_better=False` that higher ones are (in an experiment's file: \
             `lower_is_better = true` or `false` under [[datasets]])"
        }
        Remedy::Verify => "look into it with `alignscope verify`",
        Remedy::RunAgain => "run it again",
        Remedy::OneDataset { dataset } => {
            return format!("compare on one that both have, with `dataset=\"{dataset}\"`");
        }
        Remedy::Gallery => "put them on one board with `alignscope.gallery`",
        Remedy::NameBoardRuns => "name the runs, as in `{\"before\": run, \"after\": other}`",
        Remedy::TakeAltered => "take it as it is, and have it marked, with `altered=True`",
        Remedy::NameSide => "name one side",
        Remedy::NameRuns => "name the runs, as in `{\"before\": run, \"after\": other}`",
        Remedy::RunWithTies => "run one of them again with `ties`",
    };
    text.to_owned()
}

/// The argument, or arguments, by which something is chosen, with its key in an experiment's file
/// where that is another word.
fn argument(choice: Choice) -> &'static str {
    match choice {
        Choice::Split => "`split`",
        Choice::MinVotes => "`min_votes`",
        Choice::LowerIsBetter => "`lower_is_better`",
        Choice::ThingsImages => "`things_images` (in an experiment's file: `images`)",
        Choice::Odd => "`odd`",
        Choice::Reading => {
            "`layout` and `prefix` (in an experiment's file: `layouts` and `prefix_tokens`)"
        }
        Choice::Prefix => "`prefix` (in an experiment's file: `prefix_tokens`)",
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
    match as_a::<GalleryError>(error) {
        Some(
            GalleryError::Results(results)
            | GalleryError::Compare(CompareError::Results(results))
            | GalleryError::Draw(DrawError::Results(results)),
        ) => return Some(results),
        Some(GalleryError::Compare(error)) => return Some(error),
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
    if let Some(ResultsError::Itself { .. }) = as_a::<ResultsError>(error) {
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
            | CombineError::Different { .. }
            | CombineError::Model { .. } => Some("InvalidValueError"),
            _ => None,
        };
    }
    if let Some(error) = as_a::<GalleryError>(error) {
        return match error {
            GalleryError::Altered { .. } => Some("ResultsError"),
            GalleryError::NoDistance { .. } | GalleryError::Taken { .. } => {
                Some("InvalidValueError")
            }
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
            EncoderError::NoFolder { .. }
            | EncoderError::NoCheckpoint { .. }
            | EncoderError::NoConfig { .. } => Some("MissingFileError"),
            EncoderError::Unknown { .. }
            | EncoderError::NoClassToken { .. }
            | EncoderError::NoRegisters { .. } => Some("InvalidValueError"),
            _ => None,
        };
    }
    if let Some(error) = as_a::<FeatureFolderError>(error) {
        return match error {
            FeatureFolderError::NoFolder { .. }
            | FeatureFolderError::Nothing { .. }
            | FeatureFolderError::NoNames { .. } => Some("MissingFileError"),
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
