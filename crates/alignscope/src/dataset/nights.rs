//! NIGHTS: two-alternative forced choices.

use std::path::Path;

use super::builder::{Builder, Found};
use super::error::shown;
use super::files::{Files, file_in, folder_of, inner_path};
use super::not_found::not_found;
use super::release::NightsRows;
use super::table::{Row, Table};
use super::{Dataset, DatasetError, DatasetKind, DatasetOptions, Trials, TwoAlternatives};

/// Reads what lies in `data`; `asked` is the name that it was asked for by, for messages.
pub(super) fn open(
    asked: DatasetKind,
    data: &Path,
    options: &DatasetOptions,
) -> Result<Dataset, DatasetError> {
    let (root, path) = match data.is_file() {
        true => (folder_of(data), Some(data.to_owned())),
        false => (data.to_owned(), file_in(data, "data.csv")),
    };
    let Some(path) = path else {
        if super::bapps::find(&root).is_some() {
            return super::bapps::open(asked, &root, options);
        }
        let expected = "`data.csv`, or BAPPS's folder `2afc` with `val/<kind>/judge/`";
        return Err(not_found(&root, asked, expected));
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

    let files =
        Files::list(&root).map_err(|source| DatasetError::Read { path: root.clone(), source })?;
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
        let id = match id {
            Some(column) => row.parse(column, "a whole number", |_| true)?,
            None => record,
        };
        let images = image_names(row, images, options)?;
        let labels: Vec<&str> = labels.iter().map(|column| row.text(*column)).collect();
        builder.add(
            id,
            row.line(),
            images.each_ref().map(String::as_str),
            |name| find(&files, name),
            |[reference, left, right]| TwoAlternatives {
                reference,
                left,
                right,
                left_votes,
                right_votes,
            },
            &labels,
        )?;
        Ok(true)
    })?;
    splits.check(&path, options)?;
    let what = format!("{} trials", rows.count());
    let found = rows.release(&lacking);
    let notes = vec![found.note(&path.display().to_string(), &what)];
    builder.finish(found.kind, Trials::TwoAlternatives, vec![source], notes)
}

fn vote(row: &Row<'_>, column: super::table::Column) -> Result<f64, DatasetError> {
    row.parse(column, "0 or 1 (or a number of votes)", |n: &f64| *n >= 0.0 && n.is_finite())
}

/// The image at a path below the folder of the data set; or anywhere, where the user allows it.
pub(super) fn find(files: &Files, name: &str) -> Found {
    if let Some(path) = files.at(name) {
        return Found::Image { id: path.to_owned(), path: files.full(path) };
    }
    let outside = files.full(name);
    match inner_path(name).is_none() && outside.is_file() {
        true => Found::Image { id: name.to_owned(), path: outside },
        false => Found::Missing,
    }
}

/// The images that a row names: paths below the folder, and others only where the user allows them.
pub(super) fn image_names<const N: usize>(
    row: &Row<'_>,
    columns: [super::table::Column; N],
    options: &DatasetOptions,
) -> Result<[String; N], DatasetError> {
    let mut names = [const { String::new() }; N];
    for (name, column) in names.iter_mut().zip(columns) {
        let found = row.name(column)?;
        *name = match inner_path(found) {
            Some(inner) => inner,
            None if options.allow_outside && !found.is_empty() => found.to_owned(),
            None => {
                return Err(DatasetError::Outside {
                    path: row.path.to_owned(),
                    line: row.line(),
                    found: shown(found),
                });
            }
        };
    }
    Ok(names)
}

/// The splits that a table names, so that one that is not there can be told from an empty one.
#[derive(Default)]
pub(super) struct Splits(std::collections::BTreeSet<String>);

impl Splits {
    /// Whether a row of split `found` is wanted.
    pub(super) fn is(&mut self, wanted: &str, found: &str) -> bool {
        if !self.0.contains(found) {
            self.0.insert(found.to_owned());
        }
        wanted == found
    }

    /// Whether the split asked for was there.
    pub(super) fn check(&self, path: &Path, options: &DatasetOptions) -> Result<(), DatasetError> {
        match &options.split {
            Some(split) if !self.0.contains(split) => Err(DatasetError::Split {
                path: path.to_owned(),
                split: split.clone(),
                found: self.0.iter().map(|s| format!("`{s}`")).collect(),
            }),
            _ => Ok(()),
        }
    }
}
