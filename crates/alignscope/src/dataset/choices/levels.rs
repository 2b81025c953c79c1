//! *Levels*: odd-one-out triplets of ImageNet's images at three levels of abstraction.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::imagenet::{ImageNet, class};
use crate::dataset::builder::Builder;
use crate::dataset::error::shown;
use crate::dataset::files::{Names, folder_of};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Level, OddOneOut, Trials};
use crate::input_file::{HashedPath, InputFile};
use crate::listing::for_each_file;
use crate::remedy::Choice;
use crate::text::{self, Lines};

/// The answers of *Levels*: a `.json` file for each person, with an object a line for each part of
/// the session; those of triplets name three images and the one that was chosen.
///
/// # Source
/// The authors' own analysis (`stats_eval.ipynb` of their experiment's code), which reads such
/// files and their response times (`rt`), leaves out trials that check attention, and tells a triplet's level by how many classes
/// its images have.
pub(in crate::dataset) struct Levels;

impl Format for Levels {
    fn name(&self) -> &'static str {
        "levels"
    }

    fn description(&self) -> &'static str {
        "odd-one-out triplets: Levels (a .json file a person), each level a group; with ImageNet's \
         images"
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn references(&self) -> &'static [&'static str] {
        &["muttenthaler2025aligning"]
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let names = Names::of(folder);
        let first = names.iter().filter(|name| name.to_lowercase().ends_with(".json")).min()?;
        has_answer(&folder.join(first)).ok()?.then(|| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        if data.is_file() {
            return open(&folder_of(data), &[data.to_owned()], Vec::new(), options);
        }
        let error = |source| DatasetError::Read { path: data.to_owned(), source };
        let (others, answers): (Vec<PathBuf>, Vec<PathBuf>) =
            json_files(data).map_err(error)?.into_iter().partition(|path| is_other(path));
        if answers.is_empty() {
            let expected = "a `.json` file for each person, with an object a line";
            return Err(DatasetError::nothing_of(self.name(), data, expected));
        }
        open(data, &answers, note_on_other_files(&others).into_iter().collect(), options)
    }
}

/// A part of a session, as far as it is of use.
#[derive(Deserialize)]
struct Part {
    subject_id: Option<String>,
    #[serde(rename = "image1Path")]
    image1: Option<String>,
    #[serde(rename = "image2Path")]
    image2: Option<String>,
    #[serde(rename = "image3Path")]
    image3: Option<String>,
    /// A path, or text or a number that says that none was chosen.
    selected_image: Option<serde_json::Value>,
    exp_trial_type: Option<String>,
    /// How long the part took; nothing, or no number, if nobody answered.
    rt: Option<serde_json::Value>,
}

/// The keys of [`Part`], of which every part of a session has one.
const KEYS: [&str; 6] =
    ["subject_id", "image1Path", "image2Path", "image3Path", "selected_image", "exp_trial_type"];

/// So many lines of a file tell whether it is of *Levels*: what comes before the first trial is
/// shorter.
const FIRST_LINES: u64 = 200;

/// So many bytes tell it.
const FIRST_BYTES: u64 = 1 << 20;

/// Whether one of the first lines of a file has an answer.
fn has_answer(path: &Path) -> std::io::Result<bool> {
    let file = InputFile::open(path)?;
    let mut lines = Lines::of(&file)?;
    let mut bytes = 0;
    while let Some((number, line)) = lines.next()? {
        bytes += line.len() as u64;
        if number > FIRST_LINES || bytes > FIRST_BYTES {
            return Ok(false);
        }
        if serde_json::from_str::<Part>(line).is_ok_and(|part| part.image1.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a `.json` file is of something else: it begins with an object without any of the
/// [`KEYS`]. A file that cannot be read, or begins with no object, is not: reading it says what is
/// wrong.
fn is_other(path: &Path) -> bool {
    let Ok(file) = InputFile::open(path) else { return false };
    let Ok(reader) = text::reader(&file) else { return false };
    let beginning = BufReader::new(reader.take(FIRST_BYTES));
    let mut values = serde_json::Deserializer::from_reader(beginning).into_iter();
    match values.next() {
        Some(Ok(serde_json::Value::Object(first))) => !KEYS.iter().any(|k| first.contains_key(*k)),
        _ => false,
    }
}

/// What is told of `.json` files that are of something else.
fn note_on_other_files(files: &[PathBuf]) -> Option<String> {
    let first = files.first()?.display();
    let count = files.len();
    Some(format!(
        "{count} `.json` files are left out, as they have no answers: {first} is the first"
    ))
}

/// What those who chose no image in time have instead of its name.
const NONE_CHOSEN: &str = "No image selected";

/// What trials are called that ask rather than check attention.
const ASKS: &str = "exp_trial";

/// The `.json` files in a folder, or in folders below it, in order of path.
fn json_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for_each_file(folder, &mut |path| {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
            files.push(path.to_owned());
        }
    })?;
    Ok(files)
}

/// What is left out.
#[derive(Default)]
struct LeftOut {
    checks: usize,
    unanswered: usize,
}

fn open(
    root: &Path,
    answers: &[PathBuf],
    mut notes: Vec<String>,
    options: &DatasetOptions,
) -> Result<Dataset, DatasetError> {
    let mut files = ImageNet::list(root, options)?;
    let mut builder = Builder::new(root, options, &["group", "subject"]);
    let (mut left_out, mut sources, mut record) = (LeftOut::default(), Vec::new(), 0);
    for path in answers {
        builder.begin_file(path);
        let read = |line: u64, text: &str| -> Result<(), DatasetError> {
            let Some(answer) = Answer::read(path, line, text, &mut left_out)? else {
                return Ok(());
            };
            record += 1;
            if builder.is_full() {
                return Ok(());
            }
            let names = answer.images.each_ref().map(String::as_str);
            let labels = [level(&answer.images), answer.person.as_str()];
            let odd = answer.odd;
            let make = |images| OddOneOut { images, odd };
            if builder.add(record - 1, line, names, |name| files.find(name), make, &labels)? {
                builder.answered_in(answer.time);
            }
            Ok(())
        };
        sources.push(each_line(path, read)?);
    }
    let note = format!(
        "{} trials are left out as they check attention, {} as no image was chosen in them",
        left_out.checks, left_out.unanswered
    );
    notes.insert(0, note);
    notes.extend(files.note());
    builder.finish(&Levels, None, Trials::OddOneOut, sources, notes)
}

/// Calls `read` with the lines of a file.
fn each_line(
    path: &Path,
    mut read: impl FnMut(u64, &str) -> Result<(), DatasetError>,
) -> Result<HashedPath, DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(error)?;
    let mut lines = Lines::of(&file).map_err(error)?;
    while let Some((line, text)) = lines.next().map_err(error)? {
        if !text.trim().is_empty() {
            read(line, text)?;
        }
    }
    Ok(file.hashed_path())
}

/// What a person said of three images.
struct Answer {
    person: String,
    /// Their names without folders.
    images: [String; 3],
    odd: u8,
    /// How long it took, as the file has it; NaN if that is not known.
    time: f64,
}

impl Answer {
    /// The answer in a line; `None` for what is none, or is left out.
    fn read(
        path: &Path,
        line: u64,
        text: &str,
        left_out: &mut LeftOut,
    ) -> Result<Option<Self>, DatasetError> {
        let wrong = |expected| DatasetError::Line {
            path: path.to_owned(),
            line,
            found: shown(text),
            expected,
        };
        let part: Part = serde_json::from_str(text)
            .map_err(|_| wrong("an object of JSON with a part of a session"))?;
        let (Some(a), Some(b), Some(c)) = (part.image1, part.image2, part.image3) else {
            return Ok(None);
        };
        let (Some(person), Some(chosen)) = (part.subject_id, part.selected_image) else {
            return Ok(None);
        };
        if part.exp_trial_type.as_deref() != Some(ASKS) {
            left_out.checks += 1;
            return Ok(None);
        }
        let chosen = chosen.as_str().map(name_of).filter(|name| name != NONE_CHOSEN);
        let Some(chosen) = chosen else {
            left_out.unanswered += 1;
            return Ok(None);
        };
        let images = [a, b, c].map(|image| name_of(&image));
        let odd = images.iter().position(|image| *image == chosen);
        let odd = odd.ok_or_else(|| wrong("`selected_image` to be one of the three images"))?;
        let time = part.rt.and_then(|rt| rt.as_f64()).filter(|time| *time > 0.0);
        let time = time.unwrap_or(f64::NAN);
        Ok(Some(Self { person: person.trim().to_owned(), images, odd: odd as u8, time }))
    }
}

/// The last part of a path.
fn name_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().trim().to_owned()
}

/// The level of a triplet: whether its images are of one class, of two, or of three. Classes are
/// what ImageNet's names begin with.
fn level(images: &[String; 3]) -> &'static str {
    match images.iter().map(|image| class(image)).collect::<BTreeSet<&str>>().len() {
        1 => "local fine-grained",
        2 => "class-boundary",
        _ => "global coarse-grained",
    }
}
