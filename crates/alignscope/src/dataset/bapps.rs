//! BAPPS: one file an answer, of two alternatives (as in NIGHTS) and of just noticeable differences.

mod jnd;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::builder::{Builder, Found};
use super::files::{Files, Names};
use super::format::Format;
use super::release::{self, Release};
use super::rows::find as find_image;
use super::{Dataset, DatasetError, DatasetOptions, ImageIndex, Level, Trials, TwoAlternatives};
use crate::input_file::{self, ContentHash, HashedPath};
use crate::listing::{MAX_ANSWER_BYTES, answer_names, sha256_of_all};
use crate::numpy_file::NumpyArray;

/// The split that BAPPS's scores are told of.
const SPLIT: &str = "val";

/// The splits as published.
const SPLITS: [&str; 2] = ["train", "val"];

/// Where the answers to a question lie, and what each is called.
struct Layout {
    /// The folder that holds the splits.
    folder: &'static str,
    /// The folder with the answers of a kind.
    answers: &'static str,
}

/// Two alternatives.
const TWO_ALTERNATIVES: Layout = Layout { folder: "2afc", answers: "judge" };

impl Layout {
    /// The folder that holds the splits, at or below `root`: in it are kinds with their answers.
    fn find(&self, root: &Path) -> Option<PathBuf> {
        let holds_split = |folder: &PathBuf| SPLITS.iter().any(|s| self.is_split(&folder.join(s)));
        [root.join(self.folder), root.to_owned()].into_iter().find(holds_split)
    }

    /// Whether a folder holds a kind that has answers.
    fn is_split(&self, folder: &Path) -> bool {
        Names::of(folder).iter().any(|kind| folder.join(kind).join(self.answers).is_dir())
    }
}

/// BAPPS's layout.
pub(super) struct Bapps;

pub(super) use jnd::BappsJnd;

impl Format for Bapps {
    fn name(&self) -> &'static str {
        "bapps-like"
    }

    fn description(&self) -> &'static str {
        "two-alternative choices in BAPPS's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Middle
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Bapps]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        TWO_ALTERNATIVES.find(folder).map(|_| Release::Bapps.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

/// Reads `<split>/<kind>/{ref,p0,p1}/NNNNNN.png` and `judge/NNNNNN.npy`, the share of people who
/// chose `p1`.
fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let Some(folder) = TWO_ALTERNATIVES.find(data) else {
        let expected = "the folder `2afc` with `val` or `train` in it";
        return Err(DatasetError::nothing_of(Bapps.name(), data, expected));
    };
    let split = Split::find(&TWO_ALTERNATIVES, &Bapps, &folder, options)?;
    let found = release::of_bapps(split.name, &split.counts());
    let notes = vec![found.note(&folder.display().to_string(), &split.in_words())];
    let (builder, sources) = split.read(["ref", "p0", "p1"], options, |images, right_votes| {
        let [reference, left, right] = images;
        let left_votes = 1.0 - right_votes;
        TwoAlternatives { reference, left, right, left_votes, right_votes }
    })?;
    builder.finish(&Bapps, found.release, Trials::TwoAlternatives, sources, notes)
}

/// A split with its answers.
struct Split<'a> {
    name: &'a str,
    root: PathBuf,
    files: Files,
    /// The kind and the name of each answer, those of a folder one after the other.
    judgements: Vec<(String, String)>,
    /// The folder of the answers of a kind.
    answers: &'static str,
}

impl<'a> Split<'a> {
    /// The split that is asked for.
    fn find(
        layout: &Layout,
        format: &dyn Format,
        folder: &Path,
        options: &'a DatasetOptions,
    ) -> Result<Self, DatasetError> {
        let name = options.split.as_deref().unwrap_or(SPLIT);
        let root = folder.join(name);
        if !root.is_dir() {
            let splits = SPLITS.iter().filter(|split| folder.join(split).is_dir());
            return Err(DatasetError::Split {
                path: folder.to_owned(),
                split: name.to_owned(),
                found: splits.map(|s| format!("`{s}`")).collect(),
            });
        }
        let files = Files::list(&root).map_err(read_error(&root))?;
        let judgements = judgements(&files, layout.answers);
        if judgements.is_empty() {
            let expected =
                format!("answers `{}/NNNNNN.npy` in a folder for each kind", layout.answers);
            return Err(DatasetError::nothing_of(format.name(), &root, &expected));
        }
        Ok(Self { name, root, files, judgements, answers: layout.answers })
    }

    /// How many answers there are of each kind.
    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (kind, _) in &self.judgements {
            *counts.entry(kind.clone()).or_default() += 1;
        }
        counts
    }

    fn in_words(&self) -> String {
        format!("split {}, {} trials", self.name, self.judgements.len())
    }

    /// The trials, of the images in the folders `parts` and of the number that each answer is; and
    /// where the answers lie.
    fn read<'o, const N: usize, T>(
        &self,
        parts: [&str; N],
        options: &'o DatasetOptions,
        trial: impl Fn([ImageIndex; N], f64) -> T,
    ) -> Result<(Builder<'o, T>, Vec<HashedPath>), DatasetError> {
        let unread = Files::taken_for_there(&self.root);
        let images = if options.without_images { &unread } else { &self.files };
        let mut builder = Builder::new(&self.root, options, &["kind"]);
        let mut sources = Vec::new();
        let mut answers = Answers::default();
        for (record, (kind, name)) in self.judgements.iter().enumerate() {
            if builder.is_full() {
                break;
            }
            let path = self.files.full(&format!("{kind}/{}/{name}.npy", self.answers));
            let folder = path.parent().expect("it lies in a folder");
            if answers.folder != folder {
                answers = Answers::read(folder)?;
                sources.push(answers.hashed_path());
            }
            let bytes = answers.of(&path)?;
            let answer = share(bytes).ok_or_else(|| DatasetError::Line {
                path: path.clone(),
                line: 1,
                found: format!("{} bytes", bytes.len()),
                expected: "a NumPy array of one number from 0 to 1",
            })?;
            let names = parts.map(|part| format!("{kind}/{part}/{name}.png"));
            builder.add(
                record as u64,
                1,
                names.each_ref().map(String::as_str),
                |name| -> Found { find_image(images, name) },
                |images| trial(images, answer),
                &[kind],
            )?;
        }
        Ok((builder, sources))
    }
}

/// The kind and the name of each answer, those of a folder one after the other.
fn judgements(files: &Files, answers: &str) -> Vec<(String, String)> {
    let in_answers = format!("/{answers}");
    let judgement = |file: &str| {
        let (folder, name) = file.rsplit_once('/')?;
        let kind = folder.strip_suffix(&in_answers)?;
        Some((kind.to_owned(), name.strip_suffix(".npy")?.to_owned()))
    };
    let mut judgements: Vec<_> = files.iter().filter_map(judgement).collect();
    judgements.sort_unstable();
    judgements
}

/// The answers of a folder, as they were read; all of them, since the folder has one hash.
#[derive(Default)]
struct Answers {
    folder: PathBuf,
    /// Each file by its name, with its hash.
    files: BTreeMap<String, (Vec<u8>, ContentHash)>,
}

impl Answers {
    fn read(folder: &Path) -> Result<Self, DatasetError> {
        let mut files = BTreeMap::new();
        for name in answer_names(folder).map_err(read_error(folder))? {
            let path = folder.join(&name);
            let bytes = input_file::read(&path, MAX_ANSWER_BYTES).map_err(read_error(&path))?;
            let hash = ContentHash::of(&bytes);
            files.insert(name, (bytes, hash));
        }
        Ok(Self { folder: folder.to_owned(), files })
    }

    fn hashed_path(&self) -> HashedPath {
        let files = self.files.iter().map(|(name, (_, hash))| (name.as_str(), hash));
        HashedPath { path: self.folder.clone(), sha256: sha256_of_all(files) }
    }

    /// The bytes of an answer.
    fn of(&self, path: &Path) -> Result<&[u8], DatasetError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match self.files.get(name) {
            Some((bytes, _)) => Ok(bytes),
            None => Err(DatasetError::NotThere { path: path.to_owned() }),
        }
    }
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> DatasetError + use<> {
    let path = path.to_owned();
    move |source| DatasetError::Read { path, source }
}

/// The one number of a `.npy` file, from 0 to 1.
fn share(bytes: &[u8]) -> Option<f64> {
    let numbers = NumpyArray::read(Box::new(bytes)).and_then(|array| array.numbers(1)).ok()?;
    numbers.values.first().copied().filter(|share| (0.0..=1.0).contains(share))
}
