//! NIGHTS before it was filtered: 100,000 triplets with the votes of all who saw them.

use std::path::Path;

use crate::dataset::builder::Builder;
use crate::dataset::files::{Files, file_in, folder_of};
use crate::dataset::format::Format;
use crate::dataset::nights::TripletColumns;
use crate::dataset::rows::Splits;
use crate::dataset::table::{Column, Row, Table};
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Level, Trials};
use crate::remedy::Choice;

/// The layout of NIGHTS's unfiltered release: `nights_raw.csv` beside `ref/` and `distort/`, with
/// the columns of NIGHTS's `data.csv`; a vote is the share of the `votes` people who saw the
/// triplet, or their number.
pub(in crate::dataset) struct NightsRaw;

/// The name of the table.
const TABLE: &str = "nights_raw.csv";

/// The votes that a share stands for may be off by so much: shares are written with a few digits.
const TOLERANCE: f64 = 0.05;

impl Format for NightsRaw {
    fn name(&self) -> &'static str {
        "nights-raw"
    }

    fn description(&self) -> &'static str {
        "two-alternative choices: NIGHTS before it was filtered (nights_raw.csv), with all votes"
    }

    fn level(&self) -> Level {
        Level::Middle
    }

    fn references(&self) -> &'static [&'static str] {
        &["fu2023dreamsim"]
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::MinVotes]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        file_in(folder, TABLE).map(|_| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let (root, path) = match data.is_file() {
            true => (folder_of(data), Some(data.to_owned())),
            false => (data.to_owned(), file_in(data, TABLE)),
        };
        let Some(path) = path else {
            return Err(DatasetError::nothing_of(self.name(), &root, &format!("`{TABLE}`")));
        };
        open(&root, &path, options)
    }
}

/// The columns of the table.
struct Columns {
    id: Option<Column>,
    images: [Column; 3],
    votes: Votes,
    split: Option<Column>,
    labels: Vec<(&'static str, Column)>,
}

impl Columns {
    fn of(table: &Table, options: &DatasetOptions) -> Result<Self, DatasetError> {
        let count = table.column("votes")?;
        let split = match options.split {
            Some(_) => Some(table.column("split")?),
            None => table.find("split"),
        };
        let category = ["category", "class", "object_class"].iter().find_map(|n| table.find(n));
        let labels = [
            ("split", split),
            ("is_imagenet", table.find("is_imagenet")),
            ("votes", Some(count)),
            ("category", category),
        ];
        let sides = [table.column("left_vote")?, table.column("right_vote")?];
        Ok(Self {
            id: table.find("id"),
            images: [
                table.column("ref_path")?,
                table.column("left_path")?,
                table.column("right_path")?,
            ],
            votes: Votes { sides, count },
            split,
            labels: labels.into_iter().filter_map(|(name, c)| Some((name, c?))).collect(),
        })
    }
}

fn open(root: &Path, path: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let table = Table::open(path)?;
    let source = table.hashed_path();
    let columns = Columns::of(&table, options)?;
    let files = Files::images(root, options)
        .map_err(|source| DatasetError::Read { path: root.to_owned(), source })?;
    let (names, labels): (Vec<&str>, Vec<Column>) = columns.labels.iter().copied().unzip();
    let triplet = TripletColumns { id: columns.id, images: columns.images, labels };
    let mut builder = Builder::new(path, options, &names);
    let (mut splits, mut unseen) = (Splits::default(), 0_usize);
    table.for_each(|record, row| {
        if builder.is_full() {
            return Ok(false);
        }
        // What is not of the split is not read: it may be damaged.
        if let (Some(wanted), Some(column)) = (&options.split, columns.split)
            && !splits.is(wanted, row.text(column))
        {
            builder.filter();
            return Ok(true);
        }
        let Some([left_votes, right_votes]) = columns.votes.of(row)? else {
            unseen += 1;
            return Ok(true);
        };
        if options.min_votes.is_some_and(|n| left_votes + right_votes < f64::from(n)) {
            builder.filter();
            return Ok(true);
        }
        triplet.add(&mut builder, &files, (record, row), [left_votes, right_votes], options)?;
        Ok(true)
    })?;
    splits.check(path, options)?;
    let note = format!("{unseen} triplets are left out, as nobody voted on them");
    let notes = if unseen > 0 { vec![note] } else { vec![] };
    builder.finish(&NightsRaw, None, Trials::TwoAlternatives, vec![source], notes)
}

/// The votes of a triplet.
struct Votes {
    sides: [Column; 2],
    count: Column,
}

impl Votes {
    /// How many people chose left and right; `None` if nobody voted.
    fn of(&self, row: &Row<'_>) -> Result<Option<[f64; 2]>, DatasetError> {
        let is_count = |n: &f64| *n >= 0.0 && n.fract() == 0.0 && *n < 1e9;
        let count = match row.text(self.count) {
            "" => 0.0,
            _ => row.parse(self.count, "a whole number of votes, 0 or more", is_count)?,
        };
        if count == 0.0 {
            return Ok(None);
        }
        let side = |column| {
            let is_vote = |n: &f64| *n >= 0.0 && n.is_finite();
            row.parse(column, "a share of the votes from 0 to 1, or their number", is_vote)
        };
        let sides = [side(self.sides[0])?, side(self.sides[1])?];
        let sum: f64 = sides.iter().sum();
        // One vote is the whole share and the number alike.
        let votes = match (sum - 1.0).abs() < 0.02 {
            true => sides.map(|share| share * count),
            false => sides,
        };
        let whole = votes.map(f64::round);
        let is_whole = votes.iter().zip(whole).all(|(v, w)| (v - w).abs() <= TOLERANCE);
        match is_whole && whole.iter().sum::<f64>() == count {
            true => Ok(Some(whole)),
            false => Err(row.error(
                self.sides[1],
                &format!("with `{}` the share or the number of {count} votes", self.side_of(row)),
            )),
        }
    }

    fn side_of<'a>(&self, row: &'a Row<'_>) -> &'a str {
        row.text(self.sides[0])
    }
}
