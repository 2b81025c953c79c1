//! Words that are typed, and what is said where they cannot be understood.

mod choice;

use std::path::{Path, PathBuf};

use alignscope::encoder::known_models;
use alignscope::resample::{MAX_RESAMPLES, MIN_RESAMPLES};
use alignscope::{ModelSpec, ModelSpecError, NamedModel, Stage, expand_home};
use bytesize::ByteSize;
use clap::builder::{PathBufValueParser, StyledStr, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Error};

use crate::arguments::{Arguments, Asked};
pub use choice::{dataset, one_of};

/// A path; `~` at its beginning is the home folder, also in quotes.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| expand_home(&path))
}

/// A model, perhaps with a name before it.
pub fn model(text: &str) -> Result<NamedModel, String> {
    text.parse().map_err(|error| with_known_id(&error))
}

/// A model alone.
pub fn spec(text: &str) -> Result<ModelSpec, String> {
    text.parse().map_err(|error| with_known_id(&error))
}

/// The error, and the known model that was probably meant.
fn with_known_id(error: &ModelSpecError) -> String {
    let ModelSpecError::Unknown { name, meant: None } = error else { return error.to_string() };
    let words: Vec<&str> = name.split([',', ' ', ';']).filter(|word| !word.is_empty()).collect();
    if words.len() > 1 && words.iter().all(|word| word.parse::<NamedModel>().is_ok()) {
        return format!("{error}; each model is a word by itself: `--model {}`", words.join(" "));
    }
    let id = name.trim().to_lowercase();
    let is_end = |known: &&str| known.split('/').next_back().is_some_and(|end| end == id);
    let known = || known_models().iter().map(|known| known.id);
    // Of four letters on, a part of a name tells which family is meant.
    let has_it = |known: &&str| id.chars().count() >= 4 && known.to_lowercase().contains(&id);
    match known().find(is_end).or_else(|| known().find(has_it)) {
        Some(known) => match known.strip_prefix("torchvision/") {
            Some(name) => format!(
                "{error}; did you mean `torchvision:{name}` (run by torch, in the Python package), \
                 or a file of its weights, `FILE.pth@like={known}`?"
            ),
            None => format!("{error}; did you mean `{known}`?"),
        },
        None => error.to_string(),
    }
}

/// Less memory than this is no budget for anything; who types less has left out a unit.
pub const LEAST_MEMORY: u64 = 1_000_000;

/// More gigabytes than this are in no machine: the number was of megabytes.
const MOST_GIGABYTES: f64 = 8192.0;

/// An amount of memory.
pub fn memory_size(text: &str) -> Result<ByteSize, String> {
    const EXPECTED: &str = "expected a number with a unit, such as `8GB` or `500MB`";
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    match (text.trim().parse::<ByteSize>(), number) {
        (Ok(size), _) if size.as_u64() >= LEAST_MEMORY => Ok(size),
        (_, Some(number)) if number > 0.0 => {
            let meant = match number {
                _ if number <= MOST_GIGABYTES => format!("{number}GB"),
                _ if number < 1e6 => format!("{number}MB"),
                _ => format!("{}MB", (number / 1e6).round()),
            };
            Err(format!(
                "without a unit this is a number of bytes; did you mean `{meant}`? {EXPECTED}"
            ))
        }
        (Ok(_), _) => Err(format!("too little, {EXPECTED}, at least `1MB`")),
        (Err(_), _) => Err(EXPECTED.to_owned()),
    }
}

/// Days since something was used.
pub fn days(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "expected a whole number of days, such as `30`".to_owned())
}

/// A stage as results call it: features from elsewhere have stages of any name.
pub fn any_stage(text: &str) -> Result<Stage, std::convert::Infallible> {
    Ok(Stage::in_results(text))
}

/// More threads than any machine has cores for would only wait for each other.
const MAX_THREADS: usize = 1024;

/// How many threads.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=MAX_THREADS).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number from 1 to {MAX_THREADS}, found `{text}`")),
    }
}
/// How many resamples.
pub fn resamples(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number == 0 || (MIN_RESAMPLES..=MAX_RESAMPLES).contains(&number) => {
            Ok(number)
        }
        _ => Err(format!(
            "expected 0 for no intervals, or a whole number from {MIN_RESAMPLES} to \
             {MAX_RESAMPLES}, found `{text}`"
        )),
    }
}

/// A whole number from 1 on.
pub fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err(format!("expected a whole number from 1 on, found `{text}`")),
    }
}

/// A stage by its name: one of an encoder, or any other.
pub fn stage(text: &str) -> Result<Stage, std::convert::Infallible> {
    Ok(Stage::in_results(text))
}

/// A number above 0.
pub fn positive_number(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => Err(format!("expected a number above 0, found `{text}`")),
    }
}

/// A whole number from 3 on: of fewer images there is nothing to correlate.
pub fn three_or_more(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 3 => Ok(number),
        _ => Err(format!("expected a whole number from 3 on, found `{text}`")),
    }
}

/// A number between 0 and 1, neither of the two.
pub fn inner_share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number < 1.0 => Ok(number),
        _ => Err(format!("expected a number above 0 and below 1, found `{text}`")),
    }
}

/// A number from 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from 0 to 1, found `{text}`")),
    }
}

/// The error with tips that clap cannot know: which command an option belongs to, and which option
/// a word that stands alone was for.
///
/// `words` — what was typed after the program's name
pub fn explained(mut error: Error, words: &[String]) -> Error {
    let tip = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(found))) => {
            tip_on(&found.clone(), words, error.get(ContextKind::SuggestedArg).is_some())
        }
        _ => None,
    };
    if let Some(tip) = tip {
        let tips = vec![StyledStr::from(tip)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

/// What is said of an argument that a command does not know; `near` says whether clap has found a
/// similar one.
fn tip_on(found: &str, words: &[String], near: bool) -> Option<String> {
    let program = Arguments::command();
    let is_command = |word: &&String| program.find_subcommand(word.as_str()).is_some();
    let place = words.iter().position(|word| is_command(&word))?;
    let command = program.find_subcommand(&words[place])?;
    let Some(option) = found.strip_prefix("--") else {
        let before = option_before(found, words)?;
        return (takes(command, "data") && before.0 == "--dataset")
            .then(|| after_data(found, &before.1));
    };
    let option = option.split('=').next().unwrap_or(option);
    if takes(command, option) {
        let name = command.get_name();
        return Some(format!(
            "the options of a command stand after it: `alignscope {name} --{option} …`"
        ));
    }
    let others: Vec<String> = program
        .get_subcommands()
        .filter(|other| takes(other, option))
        .map(|other| format!("`{}`", other.get_name()))
        .collect();
    let name = command.get_name();
    match others.is_empty() {
        true if near => None,
        true => Some(format!("see `alignscope {name} --help` for the options of `{name}`")),
        false => {
            Some(format!("`--{option}` is an option of {}, not of `{name}`", others.join(", ")))
        }
    }
}

/// Whether a command, or one below it, has an option.
fn takes(command: &Command, option: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(option))
        || command.get_subcommands().any(|below| takes(below, option))
}

/// The option that stands before a word, with what stands between them.
fn option_before(word: &str, words: &[String]) -> Option<(String, String)> {
    let place = words.iter().rposition(|other| other == word)?;
    let start = words[..place].iter().rposition(|other| other.starts_with("--"))?;
    let between = words[start + 1..place].join(" ");
    match words[start].split_once('=') {
        Some((option, value)) => Some((option.to_owned(), value.to_owned())),
        None => Some((words[start].clone(), between)),
    }
}

fn after_data(word: &str, dataset: &str) -> String {
    format!("the folder of a data set stands after `--data`: `--dataset {dataset} --data {word}`")
}

/// Whether a word that stands alone was probably to be a model: it can be one, and does not look
/// like an experiment that is not there.
fn is_model(path: &Path, word: &str) -> bool {
    !is_experiment(path) && !path.exists() && word.parse::<NamedModel>().is_ok()
}

/// Whether a path ends as an experiment does, or as the manifest of a run.
fn is_experiment(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml" || ending == "json")
}

/// Refuses a word that stands alone in `run` beside --model and --dataset, where it would be an
/// experiment; or one that is a folder.
pub fn check_experiment(arguments: &Asked, words: &[String]) -> anyhow::Result<()> {
    let Some(path) = &arguments.experiment else { return Ok(()) };
    let word = path.display().to_string();
    let found = words.iter().rfind(|typed| typed.as_str() == word).cloned();
    let before = found.and_then(|word| option_before(&word, words));
    let what = match (&before, arguments.models.is_empty() && arguments.data.datasets.is_empty()) {
        (Some((option, dataset)), _) if option == "--dataset" => {
            let is_dataset = word.parse::<alignscope::NamedDataset>().is_ok();
            match is_dataset {
                true => format!(
                    "each data set has a `--dataset` of its own: `--dataset {dataset} \
                     --dataset {word}`"
                ),
                false => after_data(&word, dataset),
            }
        }
        (_, true) if path.is_dir() => {
            "it is a folder; a model's stands after `--model`, a data set's after `--data`"
                .to_owned()
        }
        _ if is_model(path, &word) => {
            format!("a model stands after `--model`: `--model {word}`")
        }
        (_, true) => return Ok(()),
        // What is typed takes the place of the file's models and data sets.
        _ if is_experiment(path) && path.is_file() => return Ok(()),
        (Some((option, value)), false) if !value.is_empty() => format!(
            "it follows `{option} {value}`, which takes one value; write the option before it \
             that it is for"
        ),
        (_, false) => "write the option before it that it is for".to_owned(),
    };
    anyhow::bail!(
        "`{word}` is not understood: {what} (alone it would be an experiment, a file that \
         ends in .toml or the manifest.json of a run)"
    )
}

/// The speed of a model, such as `mine=120`; its name may have a `=` in it.
pub fn model_speed(text: &str) -> Result<(String, f64), String> {
    let found = text.rsplit_once('=').filter(|(name, _)| !name.is_empty());
    let speed = found.and_then(|(name, number)| Some((name, number.parse::<f64>().ok()?)));
    match speed {
        Some((name, speed)) if speed > 0.0 && speed.is_finite() => Ok((name.to_owned(), speed)),
        _ => Err("expected MODEL=IMAGES/S, as in `mine=120`".to_owned()),
    }
}

/// Memory as Slurm takes it, such as `16G`.
pub fn slurm_memory(text: &str) -> Result<String, String> {
    match slurm_memory_bytes(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("expected a whole number with K, M, G or T, such as `16G`".to_owned()),
    }
}

/// Bytes of memory as Slurm takes it: 1024 of each unit make the next, and megabytes need none.
pub fn slurm_memory_bytes(text: &str) -> Option<u64> {
    let (digits, power) = match text.to_ascii_uppercase().pop()? {
        'K' => (&text[..text.len() - 1], 1),
        'M' => (&text[..text.len() - 1], 2),
        'G' => (&text[..text.len() - 1], 3),
        'T' => (&text[..text.len() - 1], 4),
        _ => (text, 2),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|number| is_number && *number > 0)?;
    number.checked_mul(1024_u64.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_speed_is_a_name_and_a_number() {
        assert_eq!(model_speed("mine=120"), Ok(("mine".to_owned(), 120.0)));
        assert_eq!(model_speed("a.pt@like=b=0.5"), Ok(("a.pt@like=b".to_owned(), 0.5)));
        for text in ["", "120", "=120", "mine=", "mine=0", "mine=-1", "mine=inf", "mine=NaN"] {
            assert!(model_speed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn memory_of_slurm_is_in_units_of_1024() {
        assert_eq!(slurm_memory_bytes("16G"), Some(16 << 30));
        assert_eq!(slurm_memory_bytes("512m"), Some(512 << 20));
        assert_eq!(slurm_memory_bytes("4000"), Some(4000 << 20));
        for text in ["", "G", "1.5G", "16GB", "-1G", "+1G", "0", "99999999999T"] {
            assert_eq!(slurm_memory_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_needs_a_unit() {
        for (text, bytes) in [
            ("8GB", 8_000_000_000),
            ("8 GB", 8_000_000_000),
            ("500MB", 500_000_000),
            ("1.5GiB", 1_610_612_736),
            ("8g", 8_000_000_000),
            ("8000000000", 8_000_000_000),
        ] {
            assert_eq!(memory_size(text).map(|size| size.as_u64()), Ok(bytes), "{text}");
        }
        for (text, said) in [
            ("8", "did you mean `8GB`?"),
            ("0.5", "did you mean `0.5GB`?"),
            ("16000", "did you mean `16000MB`?"),
            ("64KB", "too little"),
            ("8B", "too little"),
            ("0", "too little"),
            ("0GB", "too little"),
            ("-8", "such as `8GB`"),
            ("8,5GB", "such as `8GB`"),
            ("lots", "such as `8GB`"),
            ("", "such as `8GB`"),
            ("8GBs", "such as `8GB`"),
        ] {
            let found = memory_size(text).expect_err("no size");
            assert!(found.contains(said), "{text}: {found}");
        }
    }

    #[test]
    fn an_option_of_another_command_is_told() {
        let tip = |found: &str, text: &str| tip_on(found, &words(text), false).unwrap_or_default();
        let said = tip("--keep-going", "published --keep-going");
        assert!(said.contains("`run`") && said.contains("not of `published`"), "{said}");
        let said = tip("--model", "--model ssim run");
        assert!(said.contains("alignscope run --model"), "{said}");
        let said = tip("--older-than", "run --older-than 3");
        assert!(said.contains("`cache`"), "{said}");
        assert!(tip("--zzz", "run --zzz").contains("alignscope run --help"));
    }

    #[test]
    fn a_folder_after_the_name_of_a_data_set_belongs_after_data() {
        for text in ["check --dataset things ./x", "check --dataset=things ./x"] {
            let said = tip_on("./x", &words(text), false).unwrap_or_default();
            assert!(said.contains("--dataset things --data ./x"), "{said}");
        }
        assert_eq!(tip_on("./x", &words("list models ./x"), false), None);
    }
}
