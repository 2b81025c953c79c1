//! Manifests of one's own: `pairs.csv`, `twoafc.csv`, `oddoneout.csv`, and others below.

pub(super) mod columns;
mod quadruplets;
mod same_different;
mod votes;

use std::path::{Path, PathBuf};

use super::builder::Builder;
use super::choices::{array_in, is_array, open_with_list};
use super::direction::Direction;
use super::files::{Files, file_in, folder_of};
use super::format::Format;
use super::lines::lines;
use super::rows::{Splits, find, image_names};
use super::table::{Column, Row, Table};
use super::{
    Dataset, DatasetError, DatasetOptions, ImageIndex, Level, OddOneOut, RESPONSE_TIME, RatedPair,
    Trials, TwoAlternatives,
};
use crate::remedy::Choice;

use columns::{LABEL, LABELS, ODD_ONE_OUT, PAIRS, TRIAL, TWO_AFC};
pub(super) use quadruplets::QuadrupletsManifest;
pub(super) use same_different::SameDifferentManifest;
use votes::VoteColumns;

/// `pairs.csv`.
pub(super) struct PairsManifest;

impl Format for PairsManifest {
    fn name(&self) -> &'static str {
        "pairs"
    }

    fn description(&self) -> &'static str {
        "rated pairs of your own: pairs.csv with reference,distorted,score (or dmos, lower is \
         better)[,std,group,subject,split,response_time]"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::LowerIsBetter]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        recognise(self, folder)
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(self, data, options, rated_pairs)
    }
}

/// `twoafc.csv`.
pub(super) struct TwoAfcManifest;

impl Format for TwoAfcManifest {
    fn name(&self) -> &'static str {
        "twoafc"
    }

    fn description(&self) -> &'static str {
        "two-alternative choices of your own: twoafc.csv with reference,left,right,\
         right_vote or left_votes,right_votes[,group,subject,split,response_time]"
    }

    fn level(&self) -> Level {
        Level::Middle
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        recognise(self, folder)
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(self, data, options, two_alternatives)
    }
}

/// `oddoneout.csv`, or `triplets.npy` with a list of images.
pub(super) struct OddOneOutManifest;

impl Format for OddOneOutManifest {
    fn name(&self) -> &'static str {
        "oddoneout"
    }

    fn description(&self) -> &'static str {
        "odd-one-out triplets of your own: oddoneout.csv with image_1,image_2,image_3,odd\
         [,group,subject,split,response_time]; or triplets.npy, the odd one last, with images.txt"
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::Odd]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        recognise(self, folder).or_else(|| array_in(folder).map(|_| self.name()))
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let (array, choice) = match triplets_in(data) {
            Some(path) => (Some(path), options.split.as_ref().map(|_| Choice::Split)),
            None => (None, options.odd.map(|_| Choice::Odd)),
        };
        if let Some(choice) = choice {
            let dataset = match array {
                Some(_) => "an array of triplets, which has no splits",
                None => "oddoneout.csv, whose column `odd` says it",
            };
            return Err(DatasetError::NotApplicable { choice, dataset: dataset.to_owned() });
        }
        match array {
            Some(path) => open_with_list(self, &path, options),
            None => open(self, data, options, odd_one_out),
        }
    }
}

/// The array of triplets that is asked for; `None` if it is a table.
fn triplets_in(data: &Path) -> Option<PathBuf> {
    if data.is_file() {
        return is_array(data).then(|| data.to_owned());
    }
    match file_in(data, "oddoneout.csv") {
        Some(_) => None,
        None => array_in(data),
    }
}

/// Whether the manifest of a format is in a folder.
fn recognise(format: &impl Format, folder: &Path) -> Option<&'static str> {
    let name = format.name();
    folder.join(format!("{name}.csv")).exists().then_some(name)
}

fn open(
    format: &impl Format,
    data: &Path,
    options: &DatasetOptions,
    read: impl FnOnce(&Reading<'_>, Table) -> Result<Dataset, DatasetError>,
) -> Result<Dataset, DatasetError> {
    let name = format!("{}.csv", format.name());
    let (root, path) = match data.is_file() {
        true => (folder_of(data), Some(data.to_owned())),
        false => (data.to_owned(), file_in(data, &name)),
    };
    let Some(path) = path else {
        return Err(DatasetError::nothing_of(format.name(), &root, &format!("`{name}`")));
    };
    let files = Files::images(&root, options)
        .map_err(|source| DatasetError::Read { path: root.clone(), source })?;
    let table = Table::open(&path)?;
    let dataset =
        read(&Reading { format, path: &path, files: &files, options, compared: None }, table)?;
    match file_in(&root, IMAGE_ORDER) {
        Some(list) => in_order_of_list(dataset, &list),
        None => Ok(dataset),
    }
}

/// The data set with its images in the order of a list, one a line.
fn in_order_of_list(dataset: Dataset, list: &Path) -> Result<Dataset, DatasetError> {
    let (names, source) = lines(list)?;
    let names: Vec<&str> = names.iter().map(|(_, name)| name.as_str()).collect();
    let mut dataset = dataset.in_order_of(&names, list)?;
    dataset.sources.push(source);
    Ok(dataset)
}

/// The file beside a manifest that says in which order the data set has its images.
const IMAGE_ORDER: &str = "image_order.txt";

/// The labels of a manifest that are there, by name.
fn labels_of<'t>(table: &'t Table, path: &Path) -> Result<Vec<(&'t str, Column)>, DatasetError> {
    let known = LABELS.iter().filter_map(|name| Some((*name, table.find(name)?)));
    let mut labels: Vec<(&str, Column)> = known.collect();
    for (name, column) in table.beginning_with(LABEL) {
        if labels.iter().any(|(known, _)| *known == name) {
            let (path, column) = (path.to_owned(), format!("{LABEL}{name}"));
            return Err(DatasetError::LabelTwice { path, column, label: name.to_owned() });
        }
        labels.push((name, column));
    }
    Ok(labels)
}

/// What all manifests share.
struct Reading<'a> {
    format: &'a dyn Format,
    path: &'a Path,
    files: &'a Files,
    options: &'a DatasetOptions,
    /// Positions of the images that must be different; `None` for all of them.
    compared: Option<&'static [[usize; 2]]>,
}

impl Reading<'_> {
    /// Reads the rows of a manifest: the images of `columns`, the answer, and the labels and
    /// numbers of trials that are there. `trial` reads the answer of a row, and returns what makes
    /// a trial of its images.
    fn read<const N: usize, F: FnOnce([ImageIndex; N]) -> T, T>(
        &self,
        table: Table,
        columns: [&'static str; N],
        trial: impl Fn(&Row<'_>) -> Result<F, DatasetError>,
        wrap: impl FnOnce(Vec<T>) -> Trials,
    ) -> Result<Dataset, DatasetError> {
        let source = table.hashed_path();
        let mut images = Vec::with_capacity(N);
        for column in columns {
            images.push(table.column(column)?);
        }
        let images: [Column; N] = images.try_into().expect("one for each name");
        let split = match self.options.split {
            Some(_) => Some(table.column("split")?),
            None => table.find("split"),
        };
        let number = table.find(TRIAL);
        let response_time = table.find(RESPONSE_TIME);
        let (names, labels): (Vec<String>, Vec<Column>) = labels_of(&table, self.path)?
            .into_iter()
            .map(|(name, column)| (name.to_owned(), column))
            .unzip();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut builder = Builder::new(self.path, self.options, &names);
        if let Some(compared) = self.compared {
            builder = builder.comparing(compared);
        }
        let mut splits = Splits::default();
        table.for_each(|record, row| {
            if builder.is_full() {
                return Ok(false);
            }
            let trial = trial(row)?;
            let images = image_names(row, images, self.options)?;
            if let (Some(wanted), Some(column)) = (&self.options.split, split)
                && !splits.is(wanted, row.text(column))
            {
                builder.filter();
                return Ok(true);
            }
            let id = match number {
                Some(column) => row.parse(column, "a whole number, 0 or more", |_: &u64| true)?,
                None => record,
            };
            let labels: Vec<&str> = labels.iter().map(|column| row.text(*column)).collect();
            let names = images.each_ref().map(String::as_str);
            let find = |name: &str| find(self.files, name);
            let time = response_time.map(|column| time(row, column)).transpose()?;
            let is_added = builder.add(id, row.line(), names, find, trial, &labels)?;
            time.filter(|_| is_added).into_iter().for_each(|time| builder.answered_in(time));
            Ok(true)
        })?;
        splits.check(self.path, self.options)?;
        builder.finish(self.format, None, wrap, vec![source], Vec::new())
    }
}

/// How long people took to answer; NaN where that is not said.
fn time(row: &Row<'_>, column: Column) -> Result<f64, DatasetError> {
    match row.text(column) {
        "" => Ok(f64::NAN),
        _ => row.parse(column, "a number above 0, or nothing", |time: &f64| {
            *time > 0.0 && time.is_finite()
        }),
    }
}

/// The column of scores, which way they run, and a note if that is to be told.
fn scores(
    reading: &Reading<'_>,
    table: &Table,
) -> Result<(Column, Direction, Option<String>), DatasetError> {
    let [score, _] = PAIRS.answers;
    let (column, name, own) = match (table.find(score), table.find("dmos")) {
        (Some(_), Some(_)) => {
            let columns = [score, "dmos"];
            return Err(DatasetError::TwoScores { path: reading.path.to_owned(), columns });
        }
        (None, Some(column)) => (column, "dmos", Direction::LowerIsCloser),
        _ => (table.column_or(score, "`dmos`")?, score, Direction::HigherIsCloser),
    };
    let direction = Direction::chosen(reading.options, own);
    let what = format!("the column `{name}` of {}", reading.path.display());
    let note = match (own, direction) {
        (Direction::LowerIsCloser, Direction::HigherIsCloser) => {
            Some(format!("{what} is taken as it stands, as was asked for: higher is closer"))
        }
        _ => direction.note(&what),
    };
    Ok((column, direction, note))
}

fn rated_pairs(reading: &Reading<'_>, table: Table) -> Result<Dataset, DatasetError> {
    let (score, direction, note) = scores(reading, &table)?;
    let [_, std] = PAIRS.answers;
    let std = table.find(std);
    let mut dataset = reading.read(
        table,
        PAIRS.images,
        |row| {
            let std = match std {
                Some(column) if !row.text(column).is_empty() => {
                    Some(row.parse(column, "a number, 0 or more", |n: &f64| {
                        *n >= 0.0 && n.is_finite()
                    })?)
                }
                _ => None,
            };
            let score = direction.turned(row.number(score)?);
            Ok(move |[reference, distorted]: [ImageIndex; 2]| RatedPair {
                reference,
                distorted,
                score,
                std,
            })
        },
        Trials::RatedPairs,
    )?;
    dataset.notes.extend(note);
    Ok(dataset)
}

fn two_alternatives(reading: &Reading<'_>, table: Table) -> Result<Dataset, DatasetError> {
    let votes = VoteColumns::find(&table, "right_vote", TWO_AFC.answers)?;
    reading.read(
        table,
        TWO_AFC.images,
        |row| {
            let [left_votes, right_votes] = votes.read(row)?;
            Ok(move |[reference, left, right]: [ImageIndex; 3]| TwoAlternatives {
                reference,
                left,
                right,
                left_votes,
                right_votes,
            })
        },
        Trials::TwoAlternatives,
    )
}

fn odd_one_out(reading: &Reading<'_>, table: Table) -> Result<Dataset, DatasetError> {
    let [odd] = ODD_ONE_OUT.answers;
    let odd = table.column(odd)?;
    reading.read(
        table,
        ODD_ONE_OUT.images,
        |row| {
            let odd = row.parse(odd, "1, 2 or 3", |n: &u8| (1..=3).contains(n))? - 1;
            Ok(move |images: [ImageIndex; 3]| OddOneOut { images, odd })
        },
        Trials::OddOneOut,
    )
}
