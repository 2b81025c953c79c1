//! A data set as its trials come in, one by one.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::error::shown;
use super::format::Format;
use super::{
    Dataset, DatasetError, DatasetOptions, ImageEntry, ImageIndex, LabelColumn, NumberColumn,
    RESPONSE_TIME, Release, Trials,
};
use crate::input_file::HashedPath;

/// How many names an error shows.
const SHOWN: usize = 3;

/// Collects trials, and leaves out those whose images are missing.
pub(super) struct Builder<'a, T> {
    options: &'a DatasetOptions,
    /// The annotation file, or the folder of several, for messages.
    path: PathBuf,
    /// The annotation file whose trials are added, for messages with a line.
    file: PathBuf,
    images: Vec<ImageEntry>,
    /// The images by the names that annotations give them.
    known: HashMap<String, ImageIndex>,
    by_id: HashMap<String, ImageIndex>,
    trials: Vec<T>,
    trial_ids: Vec<u64>,
    labels: Vec<Labels>,
    /// Of each trial, or empty.
    response_times: Vec<f64>,
    missing: BTreeSet<String>,
    /// The first few in order of use.
    first_missing: Vec<String>,
    /// Where the first was looked for.
    looked: Option<PathBuf>,
    skipped_trials: usize,
    /// Trials that an option leaves out (a split, votes).
    filtered: usize,
    /// Positions of images of a trial that must be different; `None` for all of them.
    compared: Option<&'static [[usize; 2]]>,
}

struct Labels {
    column: LabelColumn,
    codes: HashMap<String, u32>,
}

/// An image that a trial names: where it is, or that it is not there.
pub(super) enum Found {
    Image {
        id: String,
        path: PathBuf,
    },
    /// With where it was looked for first.
    Missing {
        looked: PathBuf,
    },
}

impl<'a, T> Builder<'a, T> {
    /// Nothing yet; every trial will have a value for each of `labels`.
    pub(super) fn new(path: &Path, options: &'a DatasetOptions, labels: &[&str]) -> Self {
        let label = |name: &&str| Labels {
            column: LabelColumn { name: (*name).to_owned(), values: vec![], codes: vec![] },
            codes: HashMap::new(),
        };
        Self {
            options,
            path: path.to_owned(),
            file: path.to_owned(),
            images: Vec::new(),
            known: HashMap::new(),
            by_id: HashMap::new(),
            trials: Vec::new(),
            trial_ids: Vec::new(),
            labels: labels.iter().map(label).collect(),
            response_times: Vec::new(),
            missing: BTreeSet::new(),
            first_missing: Vec::new(),
            looked: None,
            skipped_trials: 0,
            filtered: 0,
            compared: None,
        }
    }

    /// Trials may have an image twice, but not at two of these positions.
    pub(super) fn comparing(self, compared: &'static [[usize; 2]]) -> Self {
        Self { compared: Some(compared), ..self }
    }

    /// The trials that follow are those of this file, one of several.
    pub(super) fn begin_file(&mut self, path: &Path) {
        path.clone_into(&mut self.file);
    }

    /// The first image of a trial that is compared with itself.
    fn compared_with_itself(&self, images: &[ImageIndex]) -> Option<ImageIndex> {
        let twice = match self.compared {
            None => (1..images.len()).find(|i| images[..*i].contains(&images[*i])),
            Some(pairs) => pairs.iter().find(|[a, b]| images[*a] == images[*b]).map(|[a, _]| *a),
        };
        twice.map(|i| images[i])
    }

    /// Counts a trial that an option leaves out.
    pub(super) fn filter(&mut self) {
        self.filtered += 1;
    }

    /// Whether as many trials are there as may be.
    pub(super) fn is_full(&self) -> bool {
        self.options.limit.is_some_and(|limit| self.trials.len() >= limit)
    }

    /// Adds the trial that `make` makes of its images, unless one of them is missing; says whether
    /// it did.
    ///
    /// `names` are the images as the annotations name them; `find` looks one up that is not known
    /// yet.
    ///
    /// # Errors
    /// Two of the images, which are compared, are the same.
    pub(super) fn add<const N: usize>(
        &mut self,
        id: u64,
        line: u64,
        names: [&str; N],
        mut find: impl FnMut(&str) -> Found,
        make: impl FnOnce([ImageIndex; N]) -> T,
        labels: &[&str],
    ) -> Result<bool, DatasetError> {
        let mut found: [Option<Result<ImageIndex, (String, PathBuf)>>; N] = [const { None }; N];
        for (name, found) in names.iter().zip(&mut found) {
            if let Some(index) = self.known.get(*name) {
                *found = Some(Ok(*index));
            } else if !self.missing.contains(*name) {
                match find(name) {
                    Found::Image { id, path } => *found = Some(Err((id, path))),
                    Found::Missing { looked } => {
                        self.looked.get_or_insert(looked);
                        self.missing.insert((*name).to_owned());
                        if self.first_missing.len() < SHOWN {
                            self.first_missing.push(shown(name));
                        }
                    }
                }
            }
        }
        if found.iter().any(Option::is_none) {
            self.skipped_trials += 1;
            return Ok(false);
        }
        let mut images = [0; N];
        for ((image, name), found) in images.iter_mut().zip(names).zip(found) {
            *image = match found.expect("all were found") {
                Ok(index) => index,
                Err((id, path)) => self.intern(name, id, path),
            };
        }
        if let Some(image) = self.compared_with_itself(&images) {
            return Err(DatasetError::SameImage {
                path: self.file.clone(),
                line,
                image: self.images[image as usize].id.clone(),
            });
        }
        self.trials.push(make(images));
        self.trial_ids.push(id);
        assert_eq!(labels.len(), self.labels.len(), "a value for each label");
        for (labels, value) in self.labels.iter_mut().zip(labels) {
            let code = match labels.codes.get(*value) {
                Some(code) => *code,
                None => {
                    let code = u32::try_from(labels.column.values.len()).expect("few values");
                    labels.column.values.push((*value).to_owned());
                    labels.codes.insert((*value).to_owned(), code);
                    code
                }
            };
            labels.column.codes.push(code);
        }
        Ok(true)
    }

    /// Says how long people took to answer the trial that was added last; NaN if that is not known.
    /// Of all trials, or of none.
    pub(super) fn answered_in(&mut self, time: f64) {
        self.response_times.push(time);
    }

    /// The number of an image; the same file under two spellings of its name is one image.
    fn intern(&mut self, name: &str, id: String, path: PathBuf) -> ImageIndex {
        let index = match self.by_id.get(&id) {
            Some(index) => *index,
            None => {
                let index = u32::try_from(self.images.len()).expect("fewer than 2^32 images");
                self.images.push(ImageEntry { id: id.clone(), path });
                self.by_id.insert(id, index);
                index
            }
        };
        self.known.insert(name.to_owned(), index);
        index
    }

    /// The data set, once all trials have been offered.
    pub(super) fn finish(
        self,
        format: &dyn Format,
        release: Option<Release>,
        wrap: impl FnOnce(Vec<T>) -> Trials,
        sources: Vec<HashedPath>,
        mut notes: Vec<String>,
    ) -> Result<Dataset, DatasetError> {
        let missing_images = self.missing.len();
        let mut first = self.first_missing;
        if missing_images > first.len() {
            first.push("…".to_owned());
        }
        let looked = self.looked.unwrap_or_else(|| self.path.clone());
        if self.skipped_trials > 0 && !self.options.skip_missing {
            return Err(DatasetError::Missing {
                path: self.path,
                images: missing_images,
                trials: self.skipped_trials,
                left: self.trials.len(),
                looked,
                first,
            });
        }
        if self.trials.is_empty() {
            return Err(DatasetError::NoTrials {
                why: why_none(self.skipped_trials, self.filtered, &first, &looked),
                path: self.path,
            });
        }
        if self.skipped_trials > 0 {
            notes.push(format!(
                "{} trials are left out because {missing_images} images are missing",
                self.skipped_trials
            ));
        }
        if self.filtered > 0 {
            notes.push(format!(
                "{} trials are left out: they are not of the split or have too few votes",
                self.filtered
            ));
        }
        let mut numbers = Vec::new();
        // A column without a time says nothing.
        if self.response_times.iter().any(|time| !time.is_nan()) {
            assert_eq!(self.response_times.len(), self.trials.len(), "a time for each trial");
            let (name, values) = (RESPONSE_TIME.to_owned(), self.response_times);
            numbers.push(NumberColumn { name, values });
        }
        Ok(Dataset {
            name: release.map_or(format.name(), Release::name).to_owned(),
            release,
            level: format.level(),
            images: self.images,
            trials: wrap(self.trials),
            trial_ids: self.trial_ids,
            labels: self.labels.into_iter().map(|l| l.column).collect(),
            numbers,
            std_of_ratings: false,
            odd_taken_as: None,
            sources,
            notes,
            skipped_trials: self.skipped_trials,
            missing: self.missing.into_iter().collect(),
        })
    }
}

/// Why no trial is left.
///
/// `skipped`, `filtered` — trials whose images are missing, and that an option leaves out
/// `first`, `looked` — the first missing images, and where the first was looked for
fn why_none(skipped: usize, filtered: usize, first: &[String], looked: &Path) -> String {
    let looked = looked.display();
    let missing = format!(
        "{skipped} have missing images ({}), the first of which was looked for at {looked}",
        first.join(", ")
    );
    let left_out = format!("{filtered} are not of the split or have too few votes");
    match (skipped, filtered) {
        (0, 0) => "it has no rows".to_owned(),
        (_, 0) => missing,
        (0, _) => left_out,
        _ => format!("{left_out}, {missing}"),
    }
}
