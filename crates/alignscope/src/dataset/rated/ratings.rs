//! Ratings of distorted images, made into a data set.

use std::path::{Path, PathBuf};

use crate::dataset::builder::{Builder, Found};
use crate::dataset::direction::Direction;
use crate::dataset::files::{Files, Names, note_on_others};
use crate::dataset::{
    Dataset, DatasetError, DatasetOptions, Format, RatedPair, Release, Trials, files,
};
use crate::input_file::HashedPath;

/// A rating as an annotation file has it.
pub(super) struct Rating<const LABELS: usize> {
    /// What results call the trial by.
    pub(super) id: u64,
    /// Its line in the annotation file, from 1.
    pub(super) line: u64,
    /// The reference, as [`Images`] finds it.
    pub(super) reference: String,
    /// The distorted image, as [`Images`] finds it.
    pub(super) distorted: String,
    /// As published, whichever way it runs; finite.
    pub(super) score: f64,
    /// Deviation of the mean score.
    pub(super) std: Option<f64>,
    /// The value of each label.
    pub(super) labels: [String; LABELS],
}

/// All ratings of a data set.
pub(super) struct Ratings<'a, const LABELS: usize> {
    /// The annotation file, or the folder of several, for messages.
    pub(super) path: &'a Path,
    /// What the scores are, for a note, such as `the DMOS of csiq.txt`.
    pub(super) scores: String,
    /// Which way they run.
    pub(super) direction: Direction,
    /// The names of the labels.
    pub(super) labels: [&'static str; LABELS],
    /// The ratings, in the order of the file.
    pub(super) rows: Vec<Rating<LABELS>>,
    /// Ratings of the file that are not of the split.
    pub(super) left_out: usize,
    /// The files that were read.
    pub(super) sources: Vec<HashedPath>,
    /// What else is to be told.
    pub(super) notes: Vec<String>,
}

/// The images that annotations name.
pub(super) struct Images<'a> {
    /// The files below the data set's folder.
    pub(super) files: &'a Files,
    /// The folders whose images come before others of the same name.
    pub(super) prefer: &'a [&'a str],
}

impl Images<'_> {
    /// The image of a name: with a `/` it is a path below the data set's folder; without, a file of
    /// that name in whatever folder, and whether there are others of the name.
    pub(super) fn find(&self, name: &str) -> (Found, bool) {
        let found = match self.files.at(name) {
            Some(path) => Some((path, false)),
            None if name.contains('/') => None,
            None => self.files.named(name, self.prefer),
        };
        match found {
            Some((path, others)) => {
                let (id, path) = (path.to_owned(), self.files.full(path));
                (Found::Image { id, path }, others)
            }
            None => (Found::Missing { looked: self.files.full(name) }, false),
        }
    }
}

impl<const LABELS: usize> Ratings<'_, LABELS> {
    /// The data set of all ratings whose images are there, with scores that are higher for closer
    /// images.
    ///
    /// # Errors
    /// An image is rated beside itself, or images are missing and may not be.
    pub(super) fn into_dataset(
        self,
        format: &dyn Format,
        release: Option<Release>,
        images: &Images<'_>,
        options: &DatasetOptions,
    ) -> Result<Dataset, DatasetError> {
        let mut builder = Builder::new(self.path, options, &self.labels);
        (0..self.left_out).for_each(|_| builder.filter());
        let mut passed_over = 0;
        for rating in self.rows {
            if builder.is_full() {
                break;
            }
            let score = self.direction.turned(rating.score);
            builder.add(
                rating.id,
                rating.line,
                [&rating.reference, &rating.distorted],
                |name| {
                    let (found, others) = images.find(name);
                    passed_over += usize::from(others);
                    found
                },
                |[reference, distorted]| RatedPair { reference, distorted, score, std: rating.std },
                &rating.labels.each_ref().map(String::as_str),
            )?;
        }
        let mut notes = self.notes;
        notes.extend(self.direction.note(&self.scores));
        notes.extend(note_on_others(passed_over));
        builder.finish(format, release, Trials::RatedPairs, self.sources, notes)
    }
}

/// The folder of a data set and its annotation file, where `data` is either; the file is looked for
/// among those that `is_annotation` takes by their names in lower case. `None` if there is none.
///
/// # Errors
/// There are several, or the folder cannot be read.
pub(super) fn annotation(
    data: &Path,
    is_annotation: impl Fn(&str) -> bool,
) -> Result<(PathBuf, Option<PathBuf>), DatasetError> {
    if data.is_file() {
        return Ok((files::folder_of(data), Some(data.to_owned())));
    }
    let read_error = |source| DatasetError::Read { path: data.to_owned(), source };
    std::fs::read_dir(data).map_err(read_error)?;
    let names = Names::of(data);
    let found = names.iter().filter(|name| is_annotation(&name.to_lowercase()));
    let mut found: Vec<String> = found.map(str::to_owned).collect();
    found.sort();
    match &found[..] {
        [] => Ok((data.to_owned(), None)),
        [one] => Ok((data.to_owned(), Some(data.join(one)))),
        _ => Err(DatasetError::Ambiguous { path: data.to_owned(), files: found }),
    }
}

/// The files below a data set's folder that may be its images.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn images_below(root: &Path, options: &DatasetOptions) -> Result<Files, DatasetError> {
    Files::images(root, options)
        .map_err(|source| DatasetError::Read { path: root.to_owned(), source })
}

/// The last name of a path.
pub(super) fn last_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().expect("a split has a part")
}
