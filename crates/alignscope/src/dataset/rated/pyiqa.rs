//! The tables of pyiqa (IQA-PyTorch): `meta_info_CSIQDataset.csv` and the like.

use std::path::{Path, PathBuf};

use super::ratings::{Images, Rating, Ratings, annotation, images_below, last_name};
use crate::dataset::direction::Direction;
use crate::dataset::files::{entry, folder_of};
use crate::dataset::rows::{Splits, image_names};
use crate::dataset::table::{Column, Row, Table};
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Format, Level};
use crate::remedy::Choice;

/// What is known of a table.
struct KnownTable {
    /// Its name, without what stands around it in `meta_info_NAMEDataset.csv`, in lower case.
    name: &'static str,
    direction: Direction,
    /// Whether its `std` is the deviation of the mean score, not of single ratings.
    of_mean: bool,
    /// The folder of its images beside `meta_info`.
    folder: &'static str,
    /// Whether each part of the data set has its own copy of each reference: then all parts take
    /// one of them, found by its file's name, so that trials of one scene are one cluster.
    has_copies: bool,
}

/// The tables of pyiqa that have references.
///
/// # Source
/// `lower_better` and `dataroot_target` of `default_dataset_configs.yml` of pyiqa; the column is
/// called `mos` or `dmos` whichever way it runs.
const KNOWN: [KnownTable; 7] = [
    known("csiq", Direction::LowerIsCloser, "CSIQ"),
    KnownTable { of_mean: true, ..known("tid2008", Direction::HigherIsCloser, "tid2008") },
    KnownTable { of_mean: true, ..known("tid2013", Direction::HigherIsCloser, "tid2013") },
    known("liveiqa", Direction::LowerIsCloser, "LIVEIQA_release2"),
    KnownTable {
        has_copies: true,
        ..known("livemd", Direction::LowerIsCloser, "LIVEmultidistortiondatabase")
    },
    known("kadid10k", Direction::HigherIsCloser, "kadid10k"),
    known("pipal", Direction::HigherIsCloser, "PIPAL"),
];

const fn known(name: &'static str, direction: Direction, folder: &'static str) -> KnownTable {
    KnownTable { name, direction, of_mean: false, folder, has_copies: false }
}

/// The folder that pyiqa keeps its tables in.
const TABLES: &str = "meta_info";

/// The folders of the releases, whose images come before others of the same name.
const FOLDERS: [&str; 8] = [
    "src_imgs",
    "dst_imgs",
    "reference_images",
    "distorted_images",
    "images",
    "Train_Ref",
    "blurjpeg",
    "Ref_Images",
];

/// Columns of scores: whichever way they run.
const SCORES: [&str; 3] = ["mos", "dmos", "elo_score"];

/// Columns of splits that a name of a split alone is looked for in.
const SPLITS: [&str; 2] = ["split", "official_split"];

/// pyiqa's tables.
pub(in crate::dataset) struct Pyiqa;

impl Format for Pyiqa {
    fn name(&self) -> &'static str {
        "pyiqa"
    }

    fn description(&self) -> &'static str {
        "rated pairs in a table of pyiqa: meta_info_*.csv with \
         ref_name,dist_name,mos (or dmos)[,std,split]"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn references(&self) -> &'static [&'static str] {
        &["chen2022pyiqa"]
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::LowerIsBetter]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        if !folder.is_dir() {
            return None;
        }
        let found = annotation(folder, is_table);
        // Several are a sign of pyiqa too.
        let is_here = !matches!(found, Ok((_, None)) | Err(DatasetError::Read { .. }));
        is_here.then(|| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn is_table(name: &str) -> bool {
    name.starts_with("meta_info_") && name.ends_with(".csv")
}

impl KnownTable {
    /// What is known of a table, by its name.
    fn of(path: &Path) -> Option<&'static Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let name = name.strip_prefix("meta_info_")?.strip_suffix(".csv")?;
        let name = name.strip_suffix("dataset").unwrap_or(name);
        KNOWN.iter().find(|known| known.name == name)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let (folder, path) = annotation(data, is_table)?;
    let Some(path) = path else {
        let expected = "a table `meta_info_*.csv`";
        return Err(DatasetError::nothing_of(Pyiqa.name(), &folder, expected));
    };
    let known = KnownTable::of(&path);
    let table = Table::open(&path)?;
    let sources = vec![table.hashed_path()];
    let columns = Columns::of(&table, &path, options)?;
    let own = known.map(|known| known.direction);
    let direction = match (options.lower_is_better, own) {
        (None, None) => {
            let (column, known) = (columns.score_name, "pyiqa");
            return Err(DatasetError::Direction { path, column, known });
        }
        (_, own) => Direction::chosen(options, own.unwrap_or(Direction::HigherIsCloser)),
    };
    let mut notes = notes(&path, known, direction, &columns);
    let (rows, left_out) = columns.read(table, &path, known, options)?;
    notes.insert(0, format!("{} has {} pairs", path.display(), rows.len() + left_out));
    let files = images_below(&root_of(&folder, known), options)?;
    Ratings {
        path: &path,
        scores: format!("the column `{}` of {}", columns.score_name, path.display()),
        direction,
        labels: [],
        rows,
        left_out,
        sources,
        notes,
    }
    .into_dataset(&Pyiqa, None, &Images { files: &files, prefer: &FOLDERS }, options)
}

/// What is told of a table beside its number of pairs.
fn notes(
    path: &Path,
    known: Option<&KnownTable>,
    direction: Direction,
    columns: &Columns,
) -> Vec<String> {
    let mut notes = Vec::new();
    if known.is_some_and(|known| known.direction != direction) {
        notes.push(format!(
            "the column `{}` of {} runs the other way in pyiqa; it is taken as was asked for",
            columns.score_name,
            path.display()
        ));
    }
    if known.is_some_and(|known| !known.of_mean) && columns.std.is_some() {
        notes.push(format!(
            "the deviations of {} are not taken: they are of single ratings",
            path.display()
        ));
    }
    if known.is_some_and(|known| known.has_copies) {
        notes.push(
            "each part has a copy of the references; one of them stands for both, so that trials \
             of one scene are resampled together"
                .to_owned(),
        );
    }
    notes
}

/// The folder of the images: that of the table; or, if it lies in pyiqa's folder of tables, the one
/// beside that, by its name in pyiqa.
fn root_of(folder: &Path, known: Option<&KnownTable>) -> PathBuf {
    let is_tables = folder.file_name().is_some_and(|name| name.eq_ignore_ascii_case(TABLES));
    if !is_tables {
        return folder.to_owned();
    }
    let around = folder_of(folder);
    match known.and_then(|known| entry(&around, known.folder)) {
        Some(images) if images.is_dir() => images,
        _ => around,
    }
}

/// The columns of a table.
struct Columns {
    reference: Column,
    distorted: Column,
    score: Column,
    score_name: &'static str,
    std: Option<Column>,
    /// The column of the split that is asked for, and its name there.
    split: Option<(Column, String)>,
}

impl Columns {
    fn of(table: &Table, path: &Path, options: &DatasetOptions) -> Result<Self, DatasetError> {
        let reference = match table.find("hq_name") {
            Some(column) => column,
            None => table.column("ref_name")?,
        };
        let there: Vec<&'static str> =
            SCORES.into_iter().filter(|name| table.find(name).is_some()).collect();
        let score_name = match there[..] {
            [] => SCORES[0],
            [one] => one,
            [first, second, ..] => {
                let (path, columns) = (path.to_owned(), [first, second]);
                return Err(DatasetError::TwoScores { path, columns });
            }
        };
        let split = options.split.as_deref().map(|asked| split_of(table, asked)).transpose()?;
        Ok(Self {
            reference,
            distorted: table.column("dist_name")?,
            score: table.column(score_name)?,
            score_name,
            std: table.find("std"),
            split,
        })
    }

    /// The ratings of the split, and how many are not of it.
    fn read(
        &self,
        table: Table,
        path: &Path,
        known: Option<&KnownTable>,
        options: &DatasetOptions,
    ) -> Result<(Vec<Rating<0>>, usize), DatasetError> {
        let std = self.std.filter(|_| known.is_none_or(|known| known.of_mean));
        let (mut rows, mut left_out, mut splits) = (Vec::new(), 0, Splits::default());
        table.for_each(|record, row| {
            let mut rating = self.rating(row, record, std, options)?;
            if known.is_some_and(|known| known.has_copies) {
                rating.reference = last_name(&rating.reference).to_owned();
            }
            if let Some((column, wanted)) = &self.split
                && !splits.is(wanted, row.text(*column))
            {
                left_out += 1;
            } else {
                rows.push(rating);
            }
            Ok(true)
        })?;
        let split = self.split.as_ref().map(|(_, wanted)| wanted.clone());
        splits.check(path, &DatasetOptions { split, ..options.clone() })?;
        Ok((rows, left_out))
    }

    fn rating(
        &self,
        row: &Row<'_>,
        id: u64,
        std: Option<Column>,
        options: &DatasetOptions,
    ) -> Result<Rating<0>, DatasetError> {
        let [reference, distorted] = image_names(row, [self.reference, self.distorted], options)?;
        let std = match std {
            Some(column) if !row.text(column).is_empty() => {
                let accept = |n: &f64| *n >= 0.0 && n.is_finite();
                Some(row.parse(column, "a number, 0 or more", accept)?)
            }
            _ => None,
        };
        Ok(Rating {
            id,
            line: row.line(),
            distorted: with_ending(&distorted, &reference),
            reference,
            score: row.number(self.score)?,
            std,
            labels: [],
        })
    }
}

/// The column of a split and its name there: `test` in the column `split` or `official_split`, or
/// `COLUMN=NAME` in any.
fn split_of(table: &Table, asked: &str) -> Result<(Column, String), DatasetError> {
    if let Some((column, name)) = asked.split_once('=') {
        return Ok((table.column_of_user(column, "split")?, name.to_owned()));
    }
    let column = match SPLITS.iter().find_map(|name| table.find(name)) {
        Some(column) => column,
        None => table.column(SPLITS[1])?,
    };
    Ok((column, asked.to_owned()))
}

/// The name of a distorted image; an earlier table of LIVE has `jp2k/img2`, without its ending.
fn with_ending(name: &str, reference: &str) -> String {
    let has_ending = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    match reference.rsplit_once('.') {
        Some((_, ending)) if !has_ending => format!("{name}.{ending}"),
        _ => name.to_owned(),
    }
}
