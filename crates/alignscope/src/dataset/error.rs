//! Why a data set could not be read.

use std::io;
use std::path::{Path, PathBuf};

use crate::matlab::MatError;
use crate::remedy::{Choice, Remedy};
use crate::resample::ClusterBy;

/// A data set could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// There is nothing of that name.
    #[error("{path} does not exist")]
    NotThere {
        /// The folder or file.
        path: PathBuf,
    },
    /// A folder or file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A choice that says nothing about this data set.
    #[error("{choice} cannot be chosen for {dataset}")]
    NotApplicable {
        /// The choice.
        choice: Choice,
        /// The data set.
        dataset: String,
    },
    /// The folder does not hold what the data set consists of.
    #[error(
        "{path} holds no {dataset}: expected {expected}{}",
        instead(*looks_like, elsewhere.as_deref())
    )]
    NotFound {
        /// The folder.
        path: PathBuf,
        /// The data set.
        dataset: String,
        /// What was looked for.
        expected: String,
        /// The data set that it may be instead.
        looks_like: Option<&'static str>,
        /// A folder above or below that seems to hold it.
        elsewhere: Option<PathBuf>,
    },
    /// The data set is there in a form that is not read.
    #[error("{path}: found {found}, expected {expected}; {fix}")]
    Layout {
        /// The folder or file.
        path: PathBuf,
        /// The form.
        found: String,
        /// The form that is read.
        expected: String,
        /// What to do.
        fix: String,
    },
    /// The folder holds another release than the one asked for.
    #[error("{path} holds {found}, not {asked}: {why}; ask for it as {found}")]
    OtherRelease {
        /// The folder or file.
        path: PathBuf,
        /// The release asked for.
        asked: &'static str,
        /// What it is.
        found: String,
        /// By what that was told.
        why: String,
    },
    /// More than one file could be meant.
    #[error("{path} holds more than one file that could be meant: {}", files.join(", "))]
    Ambiguous {
        /// The folder.
        path: PathBuf,
        /// The files.
        files: Vec<String>,
    },
    /// A table lacks a column.
    #[error("{}", no_column(path, column, or, found))]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What would do as well, such as `` `dmos` ``; empty if nothing else does.
        or: String,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A table has two columns of one name.
    #[error("{path} has the column `{column}` twice")]
    ColumnTwice {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// A table has two columns that say the same, in which it may differ: of scores, or of votes.
    #[error(
        "{path} has the columns `{}` and `{}`, expected one of them; leave one out, or give it \
         another name",
        columns[0],
        columns[1]
    )]
    TwoScores {
        /// The file.
        path: PathBuf,
        /// The columns.
        columns: [&'static str; 2],
    },
    /// Two columns have one label.
    #[error("{path} has the label `{label}` twice, the second time in the column `{column}`")]
    LabelTwice {
        /// The file.
        path: PathBuf,
        /// The second column.
        column: String,
        /// The label.
        label: String,
    },
    /// A table has more columns than any table needs.
    #[error("{path} has {found} columns, expected at most {limit}")]
    Columns {
        /// The file.
        path: PathBuf,
        /// Its columns.
        found: usize,
        /// As many are read.
        limit: usize,
    },
    /// A row has no end.
    #[error("{path}, line {line}: the row has more than {limit} bytes; is a quote not closed?")]
    LongRow {
        /// The file.
        path: PathBuf,
        /// The line in which the row begins, from 1.
        line: u64,
        /// As many bytes are read.
        limit: usize,
    },
    /// A row holds other bytes than text in UTF-8 has.
    #[error(
        "{path}, line {line}: the row is not UTF-8; save the table as UTF-8 (`CSV UTF-8` in Excel)"
    )]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line in which the row begins, from 1.
        line: u64,
    },
    /// A row has more fields than the first line, or fewer.
    #[error(
        "{path}, line {line}: {found} fields, expected {expected} as in the first line; is a \
         separator missing or too many, or does one stand in a text without quotes?"
    )]
    Fields {
        /// The file.
        path: PathBuf,
        /// The line in which the row begins, from 1.
        line: u64,
        /// Its fields.
        found: u64,
        /// Fields of the first line.
        expected: u64,
    },
    /// A table is not well-formed.
    #[error("cannot read the table {path}")]
    Table {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: csv::Error,
    },
    /// A field holds what it cannot hold.
    #[error("{path}, line {line}: `{column}` is `{found}`, expected {expected}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A line without columns is not of the form that the file has.
    #[error("{path}, line {line}: found `{found}`, expected {expected}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands there.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// A row of an array is not of the form that the array has.
    #[error("{path}, row {row} (from 0): found `{found}`, expected {expected}")]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, from 0 as in NumPy.
        row: usize,
        /// What stands there.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A variable of a `.mat` file is not what it must be.
    #[error("{path}: the variable `{variable}` is {found}, expected {expected}")]
    Variable {
        /// The file.
        path: PathBuf,
        /// The variable.
        variable: String,
        /// What it is.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// Two files that go together have different lengths.
    #[error("{path} has {found} lines, expected {expected} as in {other}")]
    Length {
        /// The file.
        path: PathBuf,
        /// Its lines.
        found: usize,
        /// Lines of the other.
        expected: usize,
        /// The other.
        other: PathBuf,
    },
    /// A trial uses one image twice.
    #[error("{path}, line {line}: the image `{image}` is compared with itself")]
    SameImage {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The image.
        image: String,
    },
    /// A path that leads out of the data set's folder.
    #[error(
        "{path}, line {line}: the path `{found}` leads out of the folder of the data \
         set, expected a path below it"
    )]
    Outside {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The path in the file.
        found: String,
    },
    /// Nothing tells whether higher or lower scores are better.
    #[error(
        "nothing tells which way the scores in the column `{column}` of {path} run: it is not \
         among the tables of {known}"
    )]
    Direction {
        /// The file.
        path: PathBuf,
        /// The column of scores.
        column: &'static str,
        /// Of whom the tables are known.
        known: &'static str,
    },
    /// A split that is not there.
    #[error("there is no split `{split}` in {path}; there is {}", listed(found))]
    Split {
        /// The folder or file.
        path: PathBuf,
        /// The split asked for.
        split: String,
        /// The splits that are there.
        found: Vec<String>,
    },
    /// Images are missing.
    #[error(
        "{images} images that {path} names are missing ({}), which {trials} of {} trials need; \
         the first was looked for at {}{}",
        first.join(", "),
        trials + left,
        end_of(looked),
        if *left == 0 { "; put them there, or name the folder in which they lie" } else { "" }
    )]
    Missing {
        /// The annotation file.
        path: PathBuf,
        /// How many images.
        images: usize,
        /// How many trials need them.
        trials: usize,
        /// How many trials are left without those.
        left: usize,
        /// Where the first was looked for.
        looked: PathBuf,
        /// The first few.
        first: Vec<String>,
    },
    /// Clusters by observer are asked for, and nothing says who answered.
    #[error(
        "observers cannot be resampled: {dataset} has no label `subject` or `observer` that says \
         of all trials who answered{}",
        if labels.is_empty() { String::new() } else { format!(" (its labels are {})", labels.join(", ")) }
    )]
    NoObserver {
        /// The data set.
        dataset: String,
        /// Its labels.
        labels: Vec<String>,
    },
    /// A file of MATLAB cannot be read.
    #[error(transparent)]
    Matlab {
        /// Why, and which.
        source: Box<MatError>,
    },
    /// Intervals cannot be of what is asked for.
    #[error("intervals of {dataset} cannot be by `{by}`: {why}")]
    NotResampledBy {
        /// The data set.
        dataset: String,
        /// What is asked for.
        by: ClusterBy,
        /// Why.
        why: &'static str,
    },
    /// A data set cannot have its name.
    #[error(
        "a data set cannot be called `{name}`: {why}; give it another name, as in `mine=pairs`"
    )]
    Name {
        /// The beginning of the name.
        name: String,
        /// Why.
        why: String,
    },
    /// A trial that is selected is not there.
    #[error(
        "the trial at position {position} of {dataset} is selected, expected positions from 0 to \
         {} of its {trials} trials", trials.saturating_sub(1)
    )]
    Selection {
        /// The data set.
        dataset: String,
        /// The position.
        position: u32,
        /// Trials of the data set.
        trials: usize,
    },
    /// The list of images lacks one.
    #[error("{path} does not list the image `{image}`, expected every image of the trials")]
    Unlisted {
        /// The list.
        path: PathBuf,
        /// The image.
        image: String,
    },
    /// Nothing is left to run.
    #[error("{path} leaves no trial to run: {why}")]
    NoTrials {
        /// The annotation file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl DatasetError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NotApplicable { choice, .. } => vec![Remedy::LeaveOut(*choice)],
            Self::Direction { .. } => vec![Remedy::SayDirection],
            Self::Ambiguous { .. } => vec![Remedy::NameFile],
            Self::Outside { .. } => vec![Remedy::AllowOutside],
            Self::Missing { left: 0, .. } => vec![],
            Self::Missing { .. } => vec![Remedy::LeaveOutMissing],
            Self::NotThere { .. } => vec![Remedy::NameData],
            Self::Column { column, .. } if column == "split" => {
                vec![Remedy::LeaveOut(Choice::Split)]
            }
            Self::NoObserver { .. } | Self::NotResampledBy { .. } => {
                vec![Remedy::ClusterByDefault]
            }
            _ => vec![],
        }
    }

    /// `path` holds nothing in the format of that name, of which `expected` was looked for.
    pub fn nothing_of(format: &str, path: &Path, expected: &str) -> Self {
        Self::NotFound {
            path: path.to_owned(),
            dataset: format.to_owned(),
            expected: expected.to_owned(),
            looks_like: None,
            elsewhere: None,
        }
    }
}

/// So many choices are told.
const MAX_LISTED: usize = 20;

/// So many characters of a text are told.
const MAX_SHOWN: usize = 200;

/// The first of some choices.
fn listed(choices: &[String]) -> String {
    let first: Vec<String> = choices.iter().take(MAX_LISTED).map(|choice| shown(choice)).collect();
    match choices.len() {
        0 => "none".to_owned(),
        n if n > MAX_LISTED => format!("{} and {} more", first.join(", "), n - MAX_LISTED),
        _ => first.join(", "),
    }
}

/// A path, or the end of a very long one.
fn end_of(path: &Path) -> String {
    const LONGEST: usize = 300;
    let text = path.display().to_string();
    let count = text.chars().count();
    match count > LONGEST {
        true => format!("…{}", text.chars().skip(count - LONGEST).collect::<String>()),
        false => text,
    }
}

/// What is said of a table without a column.
fn no_column(path: &Path, column: &str, or: &str, found: &[String]) -> String {
    let path = path.display();
    if found.iter().all(String::is_empty) {
        return format!("{path} is empty, expected a first line with the names of its columns");
    }
    let or = if or.is_empty() { String::new() } else { format!(" (or {or})") };
    let (listed, separator) = (listed(found), separator(found));
    let rename = match (separator, column) {
        ("", "split") => "",
        ("", _) => "; if one of them is it, rename it in the first line",
        (separator, _) => separator,
    };
    format!("{path} has no column `{column}`{or}; its columns are {listed}{rename}")
}

/// What a table of one column may be.
fn separator(columns: &[String]) -> &'static str {
    match columns {
        [one] if one.contains(';') => "; fields are separated by `,` or a tab, not by `;`",
        _ => "",
    }
}

/// Where the data set may be instead.
fn instead(looks_like: Option<&str>, elsewhere: Option<&Path>) -> String {
    let mut told = looks_like
        .map_or(String::new(), |other| format!("; it looks like {other}: name that format"));
    if let Some(folder) = elsewhere {
        told.push_str(&format!("; {} seems to hold it: name that folder", folder.display()));
    }
    told
}

/// The beginning of a text that stands in a file.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
