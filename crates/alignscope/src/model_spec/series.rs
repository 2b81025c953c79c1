//! One model in many states: the checkpoints of a training, which a pattern matches.

use std::fmt;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::checkpoint_file::{CheckpointFile, LIKE, Like, is_weights};
use super::matching::{Unreadable, has_wildcard, matches};
use super::named::ModelNameError;
use super::{ModelSource, ModelSpec, ModelSpecError};
use crate::csv_row::MAX_COUNT;
use crate::user_folders::expand_home;

/// What stands before the pattern of a series.
const SERIES: &str = "series:";

/// The states of a model over its training: `series:GLOB[#PART][@like=WHAT][@bare-patches]`.
///
/// In the pattern `*` and `?` stand for characters of a name, `[…]` for one of several, and `**` for
/// folders. Its last part with one of them tells the states apart: what it matches has the step. The
/// parts before it tell series apart: each folder in which states are found has one of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Series {
    /// The pattern of its files or folders.
    pub pattern: String,
    /// Which of several models in each file.
    pub part: Option<String>,
    /// What the model is like, where states are files.
    pub like: Option<Like>,
    /// Whether its blocks are fed the bare patch embedding.
    pub bare_patches: bool,
}

/// States that lie in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundSeries {
    /// The folder.
    pub(super) folder: PathBuf,
    /// The states, by step.
    pub(super) states: Vec<FoundState>,
}

/// A file or a folder that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundState {
    pub(super) step: usize,
    pub(super) path: PathBuf,
}

/// What a pattern matches is no series.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// It matches nothing.
    #[error(
        "the pattern `{pattern}` matches nothing, expected two or more files of weights or \
         checkpoint folders, such as `epoch_1.pt` and `epoch_2.pt`"
    )]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// It matches one state of a folder.
    #[error(
        "the pattern `{pattern}` matches one state alone, `{path}`, expected two or more in its \
         folder; name a single state as a model by itself"
    )]
    OneMatch {
        /// The pattern.
        pattern: String,
        /// The state.
        path: PathBuf,
    },
    /// The name of a state has no number.
    #[error(
        "the pattern `{pattern}` matches `{path}`, which has no whole number where the pattern \
         varies, expected the step or epoch there, as in `epoch_3.pt`; leave it out by a narrower \
         pattern, such as `epoch_[0-9]*.pt`"
    )]
    NoNumber {
        /// The pattern.
        pattern: String,
        /// The state.
        path: PathBuf,
    },
    /// The number of a state is too large.
    #[error(
        "the pattern `{pattern}` matches `{path}`, whose number {number} is no step, expected at \
         most {MAX_COUNT}"
    )]
    LargeNumber {
        /// The pattern.
        pattern: String,
        /// The state.
        path: PathBuf,
        /// The number.
        number: String,
    },
    /// Two states have one number.
    #[error(
        "the pattern `{pattern}` matches two states of step {step}, `{first}` and `{second}`; \
         expected one for each step: the last whole number where the pattern varies"
    )]
    SameStep {
        /// The pattern.
        pattern: String,
        /// The step.
        step: usize,
        /// The first state.
        first: PathBuf,
        /// The second.
        second: PathBuf,
    },
    /// A state that is a folder cannot have what only a file has.
    #[error(
        "the pattern `{pattern}` matches `{path}`, which is a folder and has its own \
         configuration, expected a file for `{found}`; leave that out"
    )]
    Folder {
        /// The pattern.
        pattern: String,
        /// The state.
        path: PathBuf,
        /// What is said of files alone.
        found: String,
    },
    /// A state that is no file of weights.
    #[error(
        "the pattern `{pattern}` matches `{path}`, expected a checkpoint's folder, or a file of \
         weights (`.pt`, `.pth`, `.ckpt`, `.bin` or `.safetensors`; of another name with `@like=` \
         behind the pattern)"
    )]
    NoWeights {
        /// The pattern.
        pattern: String,
        /// The state.
        path: PathBuf,
    },
    /// A series cannot be called so in results.
    #[error(transparent)]
    Name(#[from] ModelNameError),
    /// A folder cannot be looked into.
    #[error("cannot look for `{pattern}` in `{path}`")]
    Read {
        /// The pattern.
        pattern: String,
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = self.part.as_ref().map_or(String::new(), |part| format!("#{part}"));
        let like = self.like.as_ref().map_or(String::new(), |like| format!("{LIKE}{like}"));
        let variant = if self.bare_patches { "@bare-patches" } else { "" };
        f.pad(&format!("{SERIES}{}{part}{like}{variant}", self.pattern))
    }
}

impl Series {
    /// Reads `series:GLOB[#PART][@like=WHAT][@bare-patches]`; `None` if it does not begin so.
    /// Paths lie relative to `base`, if there is one.
    ///
    /// # Errors
    /// The pattern cannot be, matches one file at most, or nothing stands where something is
    /// expected.
    pub(super) fn read(name: &str, base: Option<&Path>) -> Result<Option<Self>, ModelSpecError> {
        let Some(rest) = name.strip_prefix(SERIES) else { return Ok(None) };
        let (rest, bare_patches) = match rest.strip_suffix("@bare-patches") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (rest, like) = match rest.split_once(LIKE) {
            Some((rest, like)) => (rest, Some(like)),
            None => (rest, None),
        };
        let (pattern, part) = match rest.rsplit_once('#') {
            Some((pattern, part)) if !part.contains('/') => (pattern, Some(part)),
            _ => (rest, None),
        };
        let given = [(SERIES, Some(pattern)), ("#", part), (LIKE, like)];
        if let Some((found, _)) =
            given.into_iter().find(|(_, text)| text.is_some_and(str::is_empty))
        {
            let (name, found) = (name.to_owned(), found.to_owned());
            return Err(ModelSpecError::EmptyModifier { name, found });
        }
        check_pattern(pattern)?;
        Ok(Some(Self {
            pattern: placed(pattern, base),
            part: part.map(str::to_owned),
            like: like.map(|like| Like::of(name, like, base)).transpose()?,
            bare_patches,
        }))
    }

    /// The same with whole paths.
    pub(super) fn whole(&self) -> Self {
        let like = self.like.as_ref().map(Like::whole);
        let pattern = match (Path::new(&self.pattern).is_absolute(), std::env::current_dir()) {
            (false, Ok(folder)) => below(&folder, &self.pattern),
            _ => self.pattern.clone(),
        };
        Self { pattern, like, ..self.clone() }
    }

    /// What the model is of one of its states.
    pub(super) fn state(&self, path: &Path) -> Result<ModelSpec, SeriesError> {
        let bare_patches = self.bare_patches;
        let (pattern, owned) = (self.pattern.clone(), path.to_owned());
        if path.is_dir() {
            let part = self.part.as_ref().map(|part| format!("#{part}"));
            let like = self.like.as_ref().map(|like| format!("{LIKE}{like}"));
            return match part.or(like) {
                Some(found) => Err(SeriesError::Folder { pattern, path: owned, found }),
                None => Ok(ModelSpec::Encoder { source: ModelSource::Folder(owned), bare_patches }),
            };
        }
        if self.like.is_none() && !is_weights(&path.to_string_lossy()) {
            return Err(SeriesError::NoWeights { pattern, path: owned });
        }
        let (part, like) = (self.part.clone(), self.like.clone());
        let source = ModelSource::File(CheckpointFile { path: owned, part, like });
        Ok(ModelSpec::Encoder { source, bare_patches })
    }

    /// A model that would be called as the series of a folder is: by the folder, which has the part
    /// and the way of feeding blocks behind it.
    pub(super) fn stand_in(&self, folder: &Path) -> ModelSpec {
        let (path, part) = (folder.to_owned(), self.part.clone());
        let source = ModelSource::File(CheckpointFile { path, part, like: None });
        ModelSpec::Encoder { source, bare_patches: self.bare_patches }
    }

    /// The untrained control, which all its states share: that of its first state. What matches no
    /// series stays as it is, and is told when its states are looked for.
    pub(crate) fn control(self) -> ModelSpec {
        let found = self.found().ok();
        let first = found.and_then(|found| found.into_iter().next()?.states.into_iter().next());
        match first.map(|first| self.state(&first.path)) {
            Some(Ok(ModelSpec::Encoder { source, bare_patches })) => {
                ModelSpec::Encoder { source: source.untrained(0), bare_patches }
            }
            _ => ModelSpec::Series(self),
        }
    }

    /// What is there now: the series of each folder, in the order of their paths.
    ///
    /// # Errors
    /// A folder cannot be looked into, or what is found is no series: see [`SeriesError`].
    pub(super) fn found(&self) -> Result<Vec<FoundSeries>, SeriesError> {
        let pattern = || self.pattern.clone();
        let paths = matches(&self.pattern).map_err(|Unreadable { folder, source }| {
            SeriesError::Read { pattern: pattern(), path: folder, source }
        })?;
        let mut series: Vec<FoundSeries> = Vec::new();
        for path in paths {
            let (folder, step) = self.folder_and_step(&path)?;
            let known = series.iter().position(|series| series.folder == folder);
            let place = known.unwrap_or_else(|| {
                series.push(FoundSeries { folder, states: vec![] });
                series.len() - 1
            });
            series[place].states.push(FoundState { step, path });
        }
        series.iter_mut().try_for_each(|series| self.in_order(series))?;
        series.sort_by(|a, b| a.folder.cmp(&b.folder));
        match series.is_empty() {
            true => Err(SeriesError::NoMatch { pattern: pattern() }),
            false => Ok(series),
        }
    }

    /// Brings the states of a folder into the order of their steps.
    fn in_order(&self, series: &mut FoundSeries) -> Result<(), SeriesError> {
        let pattern = self.pattern.clone();
        series.states.sort_by(|a, b| (a.step, &a.path).cmp(&(b.step, &b.path)));
        let same = series.states.windows(2).find(|pair| pair[0].step == pair[1].step);
        if let Some([a, b]) = same {
            let (first, second) = (a.path.clone(), b.path.clone());
            return Err(SeriesError::SameStep { pattern, step: a.step, first, second });
        }
        match &series.states[..] {
            [one] => Err(SeriesError::OneMatch { pattern, path: one.path.clone() }),
            _ => Ok(()),
        }
    }

    /// The folder that a state's series has, and the state's step.
    fn folder_and_step(&self, path: &Path) -> Result<(PathBuf, usize), SeriesError> {
        let parts = self.pattern.split(std::path::is_separator);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        let varying = parts.iter().rposition(|part| has_wildcard(part)).expect("checked before");
        let behind = parts.len() - 1 - varying;
        let state = path.ancestors().nth(behind).unwrap_or(path);
        let name = state.file_name().unwrap_or_default().to_string_lossy();
        let folder = state.parent().unwrap_or(Path::new("")).to_owned();
        let (pattern, path) = (self.pattern.clone(), path.to_owned());
        let Some(number) = last_number(&name, parts[varying]) else {
            return Err(SeriesError::NoNumber { pattern, path });
        };
        match number.parse::<u64>() {
            Ok(step) if step <= MAX_COUNT => Ok((folder, step as usize)),
            _ => Err(SeriesError::LargeNumber { pattern, path, number: number.to_owned() }),
        }
    }
}

/// Refuses what is no pattern, or matches one file at most.
fn check_pattern(pattern: &str) -> Result<(), ModelSpecError> {
    let name = pattern.to_owned();
    match Pattern::new(pattern) {
        Err(source) => Err(ModelSpecError::Pattern { name, why: source.msg.to_owned() }),
        Ok(_) if !has_wildcard(pattern) => Err(ModelSpecError::NoWildcard { name }),
        Ok(_) => Ok(()),
    }
}

/// The pattern below a folder that is taken as it is written.
fn below(folder: &Path, pattern: &str) -> String {
    format!("{}/{pattern}", Pattern::escape(&folder.to_string_lossy()))
}

/// The pattern with the home folder in the place of `~`, below `base` if it is not whole.
fn placed(pattern: &str, base: Option<&Path>) -> String {
    if let Some(rest) = pattern.strip_prefix("~/") {
        let home = expand_home(Path::new("~")).unwrap_or_else(|_| "~".into());
        return below(&home, rest);
    }
    match base {
        Some(base) if !Path::new(pattern).is_absolute() && !base.as_os_str().is_empty() => {
            below(base, pattern)
        }
        _ => pattern.to_owned(),
    }
}

/// Whether a number behind this is the exponent of another: `1e`, `1e-`, `1e+`.
fn is_exponent(before: &[u8]) -> bool {
    let before = match before {
        [rest @ .., b'-' | b'+'] => rest,
        before => before,
    };
    matches!(before, [.., digit, b'e' | b'E'] if digit.is_ascii_digit())
}

/// Whether a number behind this is below 0: `=-7`, `_-7`.
fn is_negative(before: &[u8]) -> bool {
    before.ends_with(b"=-") || before.ends_with(b"_-")
}

/// Whether a number before this is of thousands or millions: `10k`, `3M`.
fn is_rounded(behind: &[u8]) -> bool {
    match behind {
        [b'k' | b'K' | b'M' | b'B'] => true,
        [b'k' | b'K' | b'M' | b'B', next, ..] => !next.is_ascii_alphanumeric(),
        _ => false,
    }
}

/// Whether an exponent follows: `e5`, `e-05`, `e+05`.
fn is_mantissa(behind: &[u8]) -> bool {
    match behind {
        [b'e' | b'E', b'-' | b'+', digit, ..] | [b'e' | b'E', digit, ..] => digit.is_ascii_digit(),
        _ => false,
    }
}

/// Whether a number between these is a version: behind `-v`, at the end of the name.
fn is_version(before: &[u8], behind: &[u8]) -> bool {
    before.ends_with(b"-v") && (behind.is_empty() || behind.starts_with(b"."))
}

/// The last whole number in a name that lies where the pattern varies, or reaches into it: what stands
/// before its first wildcard and behind its last does not vary. The digits of a number with a point or
/// an exponent (`loss=0.32`, `lr=1e-05`), of thousands (`10k`) or below 0 are none, nor is the version that a trainer puts at the end
/// of a name that was taken (`epoch=3-v1.ckpt`).
fn last_number<'n>(name: &'n str, pattern: &str) -> Option<&'n str> {
    let before = pattern.find(['*', '?', '['])?;
    let behind = pattern.len() - 1 - pattern.rfind(['*', '?', ']'])?;
    let (from, to) = (before, name.len().saturating_sub(behind));
    let bytes = name.as_bytes();
    let is_digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let is_point = |i: usize| bytes.get(i) == Some(&b'.');
    let mut last = None;
    let mut start = 0;
    while start < bytes.len() {
        if !is_digit(start) {
            start += 1;
            continue;
        }
        let end = (start..).find(|i| !is_digit(*i)).expect("a name ends");
        let behind_point = start >= 2 && is_point(start - 1) && is_digit(start - 2);
        let before_point = is_point(end) && is_digit(end + 1);
        let (before, behind) = (&bytes[..start], &bytes[end..]);
        let other = is_exponent(before)
            || is_mantissa(behind)
            || is_version(before, behind)
            || is_negative(before)
            || is_rounded(behind);
        let reaches = start <= to && (end > from || end == from && from == to);
        if !behind_point && !before_point && !other && reaches {
            last = Some(&name[start..end]);
        }
        start = end;
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_the_last_whole_number_where_the_pattern_varies() {
        for (name, pattern, number) in [
            ("epoch_10.pt", "epoch_*.pt", Some("10")),
            ("epoch_010.pt", "epoch_*", Some("010")),
            ("epoch=3-step=500.ckpt", "*.ckpt", Some("500")),
            ("epoch=09-val_loss=0.32.ckpt", "*.ckpt", Some("09")),
            ("vit-b16-7.pt", "vit-b16-*.pt", Some("7")),
            ("checkpoint-500", "checkpoint-*", Some("500")),
            // A number that begins before the wildcard, or is all of it.
            ("epoch_10.pt", "epoch_1*.pt", Some("10")),
            ("epoch_1.pt", "epoch_1*.pt", Some("1")),
            ("epoch_2.pt", "epoch_[0-9]*.pt", Some("2")),
            ("ep3.safetensors", "ep?.safetensors", Some("3")),
            // What the pattern spells out does not count, nor do exponents and versions.
            ("ckpt_v2_final.pt", "ckpt_v2*.pt", None),
            ("ckpt_v2_100.pt", "ckpt_v2*.pt", Some("100")),
            ("vit16_last.pt", "vit16*.pt", None),
            ("step=7-lr=1e-05.ckpt", "*.ckpt", Some("7")),
            ("epoch=3-v1.ckpt", "*.ckpt", Some("3")),
            ("m_1e3.pt", "m_*.pt", None),
            ("m_10k.pt", "m_*.pt", None),
            ("m_-7.pt", "m_*.pt", None),
            ("step_10keys.pt", "step_*.pt", Some("10")),
            ("model.12.pt", "model*.pt", Some("12")),
            // What does not vary tells nothing.
            ("vit16-last.pt", "vit16-*.pt", None),
            ("last_v2.pt", "*_v2.pt", None),
            ("v1.5.pt", "*.pt", None),
            ("last.pt", "*.pt", None),
        ] {
            assert_eq!(last_number(name, pattern), number, "{name} of {pattern}");
        }
    }

    #[test]
    fn a_series_is_read_back_from_its_name() {
        for name in [
            "series:runs/*/epoch_*.pt",
            "series:runs/a/epoch_?.pt#teacher",
            "series:runs/a#2/epoch_*.pt",
            "series:runs/a/*.ckpt#model.student@like=a/b@bare-patches",
        ] {
            let read = Series::read(name, None).expect("a series").expect("it begins so");
            assert_eq!(read.to_string(), name);
        }
        assert_eq!(Series::read("runs/a/epoch_1.pt", None), Ok(None));
        let placed = Series::read("series:r/*.pt", Some(Path::new("/x[1]"))).expect("a series");
        assert_eq!(placed.expect("it begins so").pattern, "/x[[]1[]]/r/*.pt");
    }

    #[test]
    fn a_pattern_that_cannot_be_is_an_error() {
        for (name, words) in [
            ("series:", "nothing follows `series:`"),
            ("series:a/*.pt#", "nothing follows `#`"),
            ("series:a/*.pt@like=", "nothing follows `@like=`"),
            ("series:a/*.pt@like=nothing", "not a folder, nor an id of the catalogue"),
            ("series:a/epoch_1.pt", "expected `*`, `?` or `[…]`"),
            ("series:a/[1.pt", "is no pattern"),
            ("series:a/***.pt", "is no pattern"),
        ] {
            let said = Series::read(name, None).expect_err("no pattern").to_string();
            assert!(said.contains(words), "{name}: {said}");
        }
    }

    /// A folder with these files; what ends in `/` is a folder.
    fn place(files: &[&str]) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = place.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            match file.ends_with('/') {
                true => std::fs::create_dir_all(&path).expect("made"),
                false => std::fs::write(&path, "").expect("written"),
            }
        }
        place
    }

    /// The folders and steps of the series below a folder.
    fn found(place: &Path, pattern: &str) -> Result<Vec<(String, Vec<usize>)>, SeriesError> {
        let name = format!("{SERIES}{pattern}");
        let series = Series::read(&name, Some(place)).expect("a pattern").expect("a series");
        let short =
            |folder: &Path| folder.strip_prefix(place).expect("below").display().to_string();
        let of = |series: FoundSeries| {
            (short(&series.folder), series.states.iter().map(|state| state.step).collect())
        };
        Ok(series.found()?.into_iter().map(of).collect())
    }

    #[test]
    fn states_are_in_numeric_order_and_each_folder_has_its_series() {
        let files = [
            "runs/b/epoch_10.pt",
            "runs/b/epoch_9.pt",
            "runs/a/epoch_0.pt",
            "runs/a/epoch_100.pt",
            "runs/a/epoch_20.pt",
            "runs/a/.epoch_30.pt",
            "out/checkpoint-500/model.safetensors",
            "out/checkpoint-1000/model.safetensors",
        ];
        let place = place(&files);
        let found = |pattern: &str| found(place.path(), pattern).expect("found");
        let series = |folder: &str, steps: &[usize]| (folder.to_owned(), steps.to_vec());
        let a = series("runs/a", &[0, 20, 100]);
        assert_eq!(found("runs/*/epoch_*.pt"), [a.clone(), series("runs/b", &[9, 10])]);
        assert_eq!(found("runs/a/*"), std::slice::from_ref(&a));
        assert_eq!(found("**/epoch_*.pt"), [a, series("runs/b", &[9, 10])]);
        for pattern in
            ["out/checkpoint-*", "out/checkpoint-*/", "out/checkpoint-*/model.safetensors"]
        {
            assert_eq!(found(pattern), [series("out", &[500, 1000])], "{pattern}");
        }
    }

    #[test]
    fn what_is_no_series_is_told_with_the_pattern() {
        let place =
            place(&["a/e_1.pt", "a/e_01.pt", "b/e_1.pt", "c/e_1.pt", "c/last.pt", "d/9e30.pt"]);
        std::fs::write(place.path().join("d/99999999999999999999.pt"), "").expect("written");
        for (pattern, words) in [
            ("x/*.pt", &["matches nothing", "x/*.pt"][..]),
            ("b/e_*.pt", &["one state alone", "b/e_1.pt", "b/e_*.pt"]),
            ("a/e_*.pt", &["step 1", "e_01.pt", "e_1.pt"]),
            ("c/*.pt", &["no whole number", "last.pt", "c/*.pt"]),
            ("d/*.pt", &["no step", "99999999999999999999"]),
        ] {
            let said = found(place.path(), pattern).expect_err("no series").to_string();
            assert!(words.iter().all(|word| said.contains(word)), "{pattern}: {said}");
        }
    }

    #[test]
    fn a_state_is_a_file_or_a_folder_and_says_what_it_cannot_be() {
        let place = place(&["checkpoint-1/", "e_1.pt", "e_1.h5"]);
        let series = |text: &str| {
            let name = format!("{SERIES}*{text}");
            Series::read(&name, Some(place.path())).expect("a pattern").expect("a series")
        };
        let state = |text: &str, file: &str| series(text).state(&place.path().join(file));
        let spec = |text: &str, file: &str| state(text, file).expect("a model").to_string();
        let at = |name: &str| place.path().join(name).display().to_string();
        assert_eq!(spec("", "checkpoint-1"), at("checkpoint-1"));
        assert_eq!(spec("#ema@like=a/b", "e_1.pt"), at("e_1.pt#ema@like=a/b"));
        assert_eq!(spec("@like=a/b", "e_1.h5"), at("e_1.h5@like=a/b"));
        for (text, file, words) in [
            ("#ema", "checkpoint-1", "expected a file for `#ema`"),
            ("@like=a/b", "checkpoint-1", "expected a file for `@like=a/b`"),
            ("", "e_1.h5", "expected a checkpoint's folder, or a file of weights"),
        ] {
            let said = state(text, file).expect_err("no model").to_string();
            assert!(said.contains(words) && said.contains(file), "{said}");
        }
    }
}
