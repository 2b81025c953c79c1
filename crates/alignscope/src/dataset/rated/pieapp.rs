//! PieAPP: which of two distorted images people find closer to the reference.

use std::path::{Path, PathBuf};

use super::releases;
use crate::dataset::builder::Builder;
use crate::dataset::files::{Files, Names, between, entry};
use crate::dataset::rows::find;
use crate::dataset::table::{Column, Row, Table};
use crate::dataset::{
    Dataset, DatasetError, DatasetOptions, Format, Level, Release, Trials, TwoAlternatives,
};

/// The split of which people answered every pair, and which scores are told of.
const SPLIT: &str = "test";

/// The splits as published.
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// What ends the names of the tables of choices.
const CHOICES: &str = "_pairwise_labels.csv";

/// PieAPP's layout: choices.
pub(in crate::dataset) struct PieApp;

impl Format for PieApp {
    fn name(&self) -> &'static str {
        "pieapp-like"
    }

    fn description(&self) -> &'static str {
        "two-alternative choices in PieAPP's layout; \
         the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::PieApp]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let has_choices = |split: &str| tables_of(folder, split, CHOICES).is_some();
        SPLITS.into_iter().any(has_choices).then(|| Release::PieApp.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

/// The tables of a folder whose names end so, in order of the numbers in their names: each with the
/// stem of its reference's name, such as `ref_12`.
pub(super) fn tables(folder: &Path, ending: &str) -> Vec<(String, PathBuf)> {
    let names = Names::of(folder);
    let mut tables: Vec<(String, PathBuf)> = names
        .iter()
        .filter_map(|name| Some((between("", name, ending)?.to_owned(), folder.join(name))))
        .collect();
    let number = |stem: &str| stem.rsplit('_').next().and_then(|n| n.parse::<u64>().ok());
    tables.sort_by_cached_key(|(stem, _)| (number(stem), stem.clone()));
    tables
}

/// The folder of labels of a split, if it has a table whose name ends in `ending`.
pub(super) fn tables_of(root: &Path, split: &str, ending: &str) -> Option<PathBuf> {
    let folder = entry(&entry(root, "labels")?, split)?;
    (!tables(&folder, ending).is_empty()).then_some(folder)
}

/// The folder of labels of a split.
///
/// # Errors
/// It has no table whose name ends in `ending`.
pub(super) fn labels_of(
    root: &Path,
    split: &str,
    ending: &str,
    format: &dyn Format,
) -> Result<PathBuf, DatasetError> {
    // A split is a name, not a path.
    let is_split = |split: &str| SPLITS.contains(&split);
    let of = |split: &str| is_split(split).then(|| tables_of(root, split, ending)).flatten();
    if let Some(folder) = of(split) {
        return Ok(folder);
    }
    let there = SPLITS.iter().filter(|split| of(split).is_some());
    let found: Vec<String> = there.map(|split| format!("`{split}`")).collect();
    let expected = format!("tables `labels/{split}/ref_0{ending}`");
    match found.is_empty() {
        true => Err(DatasetError::nothing_of(format.name(), root, &expected)),
        false => {
            let (path, split) = (root.join("labels"), split.to_owned());
            Err(DatasetError::Split { path, split, found })
        }
    }
}

/// Where the images of a split are.
pub(super) struct Places<'a> {
    split: &'a str,
    /// The stem of the reference's name.
    stem: &'a str,
}

impl<'a> Places<'a> {
    pub(super) fn new(split: &'a str, stem: &'a str) -> Self {
        Self { split, stem }
    }

    /// The path of the reference, from its file's name.
    pub(super) fn reference(&self, name: &str) -> String {
        format!("reference_images/{}/{name}", self.split)
    }

    /// The path of a distorted image, from its file's name.
    pub(super) fn distorted(&self, name: &str) -> String {
        format!("distorted_images/{}/{}/{name}", self.split, self.stem)
    }
}

/// The name of a file that a field holds.
///
/// # Errors
/// It is empty or leads elsewhere.
pub(super) fn file_name<'r>(row: &'r Row<'_>, column: Column) -> Result<&'r str, DatasetError> {
    let name = row.name(column)?;
    match name.contains(['/', '\\']) {
        true => Err(row.error(column, "the name of an image, without a folder")),
        false => Ok(name),
    }
}

/// What was read of all tables beside the trials.
#[derive(Default)]
struct Counts {
    rows: usize,
    unanswered: usize,
    beside_reference: usize,
}

fn open(root: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let split = options.split.as_deref().unwrap_or(SPLIT);
    let folder = labels_of(root, split, CHOICES, &PieApp)?;
    let files = super::ratings::images_below(root, options)?;
    let mut builder = Builder::new(&folder, options, &[]);
    let (mut counts, mut references, mut sources) = (Counts::default(), 0, Vec::new());
    for (stem, path) in tables(&folder, CHOICES) {
        let table = Table::open(&path)?;
        sources.push(table.hashed_path());
        references += 1;
        builder.begin_file(&path);
        read(table, &Places::new(split, &stem), &files, &mut builder, &mut counts)?;
    }
    let Counts { rows, unanswered, beside_reference } = counts;
    let found = releases::of_pieapp(split, references, rows, beside_reference);
    let what = format!("split {split}, {references} references, {rows} pairs");
    let mut notes = vec![found.note(&folder.display().to_string(), &what)];
    if unanswered > 0 {
        notes.push(format!(
            "{unanswered} pairs are left out: nobody was asked about them (their raw preference is \
             empty)"
        ));
    }
    if beside_reference > 0 {
        notes.push(format!(
            "{beside_reference} pairs are left out: one of the two images is the reference itself"
        ));
    }
    builder.finish(&PieApp, found.release, Trials::TwoAlternatives, sources, notes)
}

/// Adds the choices of one table.
fn read(
    table: Table,
    places: &Places<'_>,
    files: &Files,
    builder: &mut Builder<'_, TwoAlternatives>,
    counts: &mut Counts,
) -> Result<(), DatasetError> {
    let reference = table.column("ref. image")?;
    let images = [table.column("distorted image A")?, table.column("distorted image B")?];
    let share = match table.find("preference for A") {
        Some(column) => column,
        None => table.column("raw preference for A")?,
    };
    table.for_each(|_, row| {
        let id = counts.rows as u64;
        counts.rows += 1;
        let reference = file_name(row, reference)?;
        let [a, b] = [file_name(row, images[0])?, file_name(row, images[1])?];
        if row.text(share).is_empty() {
            counts.unanswered += 1;
            return Ok(true);
        }
        let chose_a: f64 =
            row.parse(share, "a share from 0 to 1, or nothing", |n| (0.0..=1.0).contains(n))?;
        if a == reference || b == reference {
            counts.beside_reference += 1;
            return Ok(true);
        }
        if a == b {
            return Err(row.error(images[1], "another image than A"));
        }
        if builder.is_full() {
            return Ok(true);
        }
        let names = [places.reference(reference), places.distorted(a), places.distorted(b)];
        builder.add(
            id,
            row.line(),
            names.each_ref().map(String::as_str),
            |name| find(files, name),
            |[reference, left, right]| TwoAlternatives {
                reference,
                left,
                right,
                left_votes: chose_a,
                right_votes: 1.0 - chose_a,
            },
            &[],
        )?;
        Ok(true)
    })
}
