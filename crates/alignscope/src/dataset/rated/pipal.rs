//! PIPAL: distortions and restorations, rated by people's choices as players are in chess (Elo).

use std::path::{Path, PathBuf};

use super::ratings::{Images, Rating, Ratings, images_below};
use super::releases;
use crate::dataset::direction::Direction;
use crate::dataset::error::shown;
use crate::dataset::files::{Names, entry};
use crate::dataset::lines::lines;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Format, Level, Release};

/// The split that is read by default.
const SPLIT: &str = "train";

/// The splits, each with the names of the folder that holds its scores.
const SPLITS: [(&str, &[&str]); 3] = [
    ("train", &["Train_Label", "MOS_Scores_train"]),
    ("val", &["Val_Label"]),
    ("test", &["Test_Label"]),
];

/// PIPAL's layout.
pub(in crate::dataset) struct Pipal;

impl Format for Pipal {
    fn name(&self) -> &'static str {
        "pipal-like"
    }

    fn description(&self) -> &'static str {
        "rated pairs in PIPAL's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Pipal]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        SPLITS.iter().find_map(|(split, _)| labels_of(folder, split))?;
        Some(Release::Pipal.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

/// The folder with the scores of a split.
fn labels_of(root: &Path, split: &str) -> Option<PathBuf> {
    let (_, names) = SPLITS.iter().find(|(name, _)| *name == split)?;
    names.iter().find_map(|name| entry(root, name).filter(|path| path.is_dir()))
}

fn open(root: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let split = options.split.as_deref().unwrap_or(SPLIT);
    let folder = labels_of(root, split).ok_or_else(|| no_labels(root, split))?;
    let (mut rows, mut sources) = (Vec::new(), Vec::new());
    for path in texts(&folder)? {
        let (text, source) = lines(&path)?;
        sources.push(source);
        for (line, text) in text {
            rows.push(rating(&path, line, &text, rows.len() as u64)?);
        }
    }
    let files = images_below(root, options)?;
    let found = releases::of_pipal(
        split,
        rows.iter().map(|row| releases::Row {
            reference: &row.reference,
            kind: &row.labels[0],
            level: &row.distorted,
            score: row.score,
        }),
    );
    let what = format!("split {split}, {} pairs", rows.len());
    let notes = vec![found.note(&folder.display().to_string(), &what)];
    Ratings {
        path: &folder,
        scores: format!("the scores of {}", folder.display()),
        direction: Direction::HigherIsCloser,
        labels: ["distortion_type"],
        rows,
        left_out: 0,
        sources,
        notes,
    }
    .into_dataset(&Pipal, found.release, &Images { files: &files, prefer: &[] }, options)
}

/// Why there are no scores of a split: another split is there, or nothing.
fn no_labels(root: &Path, split: &str) -> DatasetError {
    let there = SPLITS.iter().filter(|(name, _)| labels_of(root, name).is_some());
    let found: Vec<String> = there.map(|(name, _)| format!("`{name}`")).collect();
    match found.is_empty() {
        true => {
            DatasetError::nothing_of(Pipal.name(), root, "`Train_Label` with a text a reference")
        }
        false => DatasetError::Split { path: root.to_owned(), split: split.to_owned(), found },
    }
}

/// The texts of a folder, in order of name.
fn texts(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let names = Names::of(folder);
    let mut texts: Vec<PathBuf> = names
        .iter()
        .filter(|name| name.to_lowercase().ends_with(".txt"))
        .map(|name| folder.join(name))
        .collect();
    texts.sort();
    match texts.is_empty() {
        true => {
            Err(DatasetError::nothing_of(Pipal.name(), folder, "a text `A0001.txt` a reference"))
        }
        false => Ok(texts),
    }
}

/// `A0001_00_03.bmp,1539.5688`: reference, distortion type, number; and the Elo score.
fn rating(path: &Path, line: u64, text: &str, id: u64) -> Result<Rating<1>, DatasetError> {
    read(text, line, id).ok_or_else(|| DatasetError::Line {
        path: path.to_owned(),
        line,
        found: shown(text),
        expected: "a name such as A0001_00_03.bmp (reference, distortion type, number), a comma, \
                   and a score",
    })
}

fn read(text: &str, line: u64, id: u64) -> Option<Rating<1>> {
    let (name, score) = text.split_once(',')?;
    let (name, score): (&str, f64) = (name.trim(), score.trim().parse().ok()?);
    let (stem, ending) = name.rsplit_once('.')?;
    let mut parts = stem.split('_');
    let (reference, kind, _) = (parts.next()?, parts.next()?, parts.next()?);
    let is_name = !reference.is_empty() && !name.contains('/') && parts.next().is_none();
    (is_name && score.is_finite()).then(|| Rating {
        id,
        line,
        reference: format!("{reference}.{ending}"),
        distorted: name.to_owned(),
        score,
        std: None,
        labels: [kind.to_owned()],
    })
}
