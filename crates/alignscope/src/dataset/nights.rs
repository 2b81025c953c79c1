//! NIGHTS: two-alternative forced choices.

use std::path::Path;

use super::builder::Builder;
use super::files::{Files, file_in, folder_of};
use super::format::Format;
use super::release::{NightsRows, Release};
use super::rows::{Splits, find, image_names};
use super::table::{Column, Row, Table};
use super::{Dataset, DatasetError, DatasetOptions, Level, Trials, TwoAlternatives};
use crate::remedy::Choice;

/// NIGHTS's layout.
pub(super) struct Nights;

impl Format for Nights {
    fn name(&self) -> &'static str {
        "nights-like"
    }

    fn description(&self) -> &'static str {
        "two-alternative choices in NIGHTS's layout; \
         the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Middle
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Nights]
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::MinVotes]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        file_in(folder, "data.csv").map(|_| Release::Nights.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let (root, path) = match data.is_file() {
        true => (folder_of(data), Some(data.to_owned())),
        false => (data.to_owned(), file_in(data, "data.csv")),
    };
    let Some(path) = path else {
        let expected = "`data.csv`, or BAPPS's folder `2afc` with `val/<kind>/judge/`";
        return Err(DatasetError::nothing_of(Nights.name(), &root, expected));
    };
    let table = Table::open(&path)?;
    let source = table.hashed_path();
    let id = table.find("id");
    let votes = [table.column("left_vote")?, table.column("right_vote")?];
    let images =
        [table.column("ref_path")?, table.column("left_path")?, table.column("right_path")?];
    let count = match options.min_votes {
        Some(_) => Some(table.column("votes")?),
        None => table.find("votes"),
    };
    let split = match options.split {
        Some(_) => Some(table.column("split")?),
        None => table.find("split"),
    };
    // The column of the category has no fixed name.
    let category = ["category", "class", "object_class"].iter().find_map(|name| table.find(name));
    let columns = [
        ("split", split),
        ("is_imagenet", table.find("is_imagenet")),
        ("votes", count),
        ("category", category),
    ];
    let (names, labels): (Vec<&str>, Vec<_>) =
        columns.into_iter().filter_map(|(name, column)| Some((name, column?))).unzip();

    let triplet = TripletColumns { id, images, labels };
    let files = Files::images(&root, options)
        .map_err(|source| DatasetError::Read { path: root.clone(), source })?;
    let required = [("id", id), ("votes", count)];
    let lacking = required.iter().filter(|(_, column)| column.is_none()).map(|(name, _)| *name);
    let lacking: Vec<&str> = lacking.collect();
    let mut rows = NightsRows::default();
    let mut builder = Builder::new(&path, options, &names);
    let mut splits = Splits::default();
    table.for_each(|record, row| {
        // What is not run tells the release too.
        rows.see(images.map(|column| row.text(column)), votes.map(|column| row.text(column)));
        if builder.is_full() {
            return Ok(true);
        }
        let left_votes = vote(row, votes[0])?;
        let right_votes = vote(row, votes[1])?;
        if left_votes + right_votes <= 0.0 {
            return Err(row.error(votes[1], "a vote for the left or the right image"));
        }
        if let (Some(fewest), Some(column)) = (options.min_votes, count) {
            let votes: f64 = row.parse(column, "a number of votes", |n: &f64| *n >= 0.0)?;
            if votes < f64::from(fewest) {
                builder.filter();
                return Ok(true);
            }
        }
        if let (Some(wanted), Some(column)) = (&options.split, split)
            && !splits.is(wanted, row.text(column))
        {
            builder.filter();
            return Ok(true);
        }
        triplet.add(&mut builder, &files, (record, row), [left_votes, right_votes], options)?;
        Ok(true)
    })?;
    splits.check(&path, options)?;
    let what = format!("{} trials", rows.count());
    let found = rows.release(&lacking);
    let notes = vec![found.note(&path.display().to_string(), &what)];
    builder.finish(&Nights, found.release, Trials::TwoAlternatives, vec![source], notes)
}

/// The columns of a triplet beside its votes.
pub(super) struct TripletColumns {
    pub(super) id: Option<Column>,
    pub(super) images: [Column; 3],
    pub(super) labels: Vec<Column>,
}

impl TripletColumns {
    /// Adds the triplet of a row.
    ///
    /// `record` — its id where there is no column of ids
    pub(super) fn add(
        &self,
        builder: &mut Builder<'_, TwoAlternatives>,
        files: &Files,
        (record, row): (u64, &Row<'_>),
        [left_votes, right_votes]: [f64; 2],
        options: &DatasetOptions,
    ) -> Result<(), DatasetError> {
        let id = match self.id {
            Some(column) => row.parse(column, "a whole number", |_| true)?,
            None => record,
        };
        let images = image_names(row, self.images, options)?;
        let labels: Vec<&str> = self.labels.iter().map(|column| row.text(*column)).collect();
        builder.add(
            id,
            row.line(),
            images.each_ref().map(String::as_str),
            |name| find(files, name),
            |[reference, left, right]| TwoAlternatives {
                reference,
                left,
                right,
                left_votes,
                right_votes,
            },
            &labels,
        )?;
        Ok(())
    }
}

fn vote(row: &Row<'_>, column: Column) -> Result<f64, DatasetError> {
    row.parse(column, "0 or 1 (or a number of votes)", |n: &f64| *n >= 0.0 && n.is_finite())
}
