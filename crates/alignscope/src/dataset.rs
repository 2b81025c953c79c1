//! A data set: images, the trials in which people saw them, and what the people answered.

mod bapps;
mod builder;
mod clusters;
mod error;
mod files;
mod fingerprint;
mod kind;
mod manifest;
mod nights;
mod not_found;
mod pairs;
mod release;
mod subsets;
mod table;
mod things;
mod tid;
mod exclude_images;

use std::path::{Path, PathBuf};

pub use clusters::Clusters;
pub use error::DatasetError;
pub use kind::{DatasetKind, Level};
pub use pairs::Pairs;
pub use subsets::{ALL, MIN_ANSWERS, Subset, WITHIN_TYPES};
pub(crate) use things::THINGS_SPLIT;

use crate::input_file::HashedPath;

/// Index into [`Dataset::images`].
pub type ImageIndex = u32;

/// An image that at least one trial uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEntry {
    /// Name of the image in results: its path below the data set's folder, with `/`.
    pub id: String,
    /// Where the file is.
    pub path: PathBuf,
}

/// A pair of images with a mean opinion score: how much alike people say they look.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedPair {
    /// The undistorted image.
    pub reference: ImageIndex,
    /// The image that people rated.
    pub distorted: ImageIndex,
    /// Mean opinion score in the data set's own units; higher means closer to the reference.
    pub score: f64,
    /// Standard deviation of the score, where the data set has it.
    pub std: Option<f64>,
}

/// A two-alternative forced choice: which of two images is more like the reference?
#[derive(Debug, Clone, PartialEq)]
pub struct TwoAlternatives {
    /// The image to compare with.
    pub reference: ImageIndex,
    /// The first alternative.
    pub left: ImageIndex,
    /// The second alternative.
    pub right: ImageIndex,
    /// People (or their share) who chose `left`; ≥ 0.
    pub left_votes: f64,
    /// People (or their share) who chose `right`; ≥ 0, and not both 0.
    pub right_votes: f64,
}

/// An odd-one-out triplet: which of three images is least like the others?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddOneOut {
    /// The three images shown.
    pub images: [ImageIndex; 3],
    /// Which of the three was chosen as the odd one: 0, 1 or 2.
    pub odd: u8,
}

/// All trials of a data set, of one kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Trials {
    /// Pairs with a mean opinion score (low level of abstraction: TID2013).
    RatedPairs(Vec<RatedPair>),
    /// Two-alternative forced choices (middle: NIGHTS).
    TwoAlternatives(Vec<TwoAlternatives>),
    /// Odd-one-out triplets (high: THINGS).
    OddOneOut(Vec<OddOneOut>),
}

impl Trials {
    /// Number of trials.
    pub fn len(&self) -> usize {
        match self {
            Self::RatedPairs(trials) => trials.len(),
            Self::TwoAlternatives(trials) => trials.len(),
            Self::OddOneOut(trials) => trials.len(),
        }
    }

    /// Whether there is no trial.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many pairs of images a trial compares: one, two, or three of a triplet.
    pub fn comparisons(&self) -> usize {
        match self {
            Self::RatedPairs(_) => 1,
            Self::TwoAlternatives(_) => 2,
            Self::OddOneOut(_) => 3,
        }
    }

    /// The trials at some positions.
    pub fn part(&self, positions: &[u32]) -> Self {
        fn pick<T: Clone>(trials: &[T], positions: &[u32]) -> Vec<T> {
            positions.iter().map(|i| trials[*i as usize].clone()).collect()
        }
        match self {
            Self::RatedPairs(trials) => Self::RatedPairs(pick(trials, positions)),
            Self::TwoAlternatives(trials) => Self::TwoAlternatives(pick(trials, positions)),
            Self::OddOneOut(trials) => Self::OddOneOut(pick(trials, positions)),
        }
    }
}

/// A label of every trial (its split, its distortion type, the observer, …), stored as
/// categories so that millions of trials stay small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumn {
    /// What the label is: `split`, `distortion_type`, `distortion_level`, `subject`, ….
    pub name: String,
    /// The different values, in order of first use.
    pub values: Vec<String>,
    /// Index into `values` for each trial.
    pub codes: Vec<u32>,
}

/// A data set as it will be run.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Which data set this is: the release that its annotations were found to be, whatever name
    /// it was asked for by.
    pub kind: DatasetKind,
    /// The images that the trials use, in order of first use.
    pub images: Vec<ImageEntry>,
    /// The trials.
    pub trials: Trials,
    /// Name of each trial: its number in the annotation file (an `id` column where there is one,
    /// else the 0-based record).
    pub trial_ids: Vec<u64>,
    /// Labels of each trial; every column has one code a trial.
    pub labels: Vec<LabelColumn>,
    /// The annotation files that were read, or folders of them, with the hashes of what was read.
    pub sources: Vec<HashedPath>,
    /// What a reader of the results must know: the release found, counts, substitutes, what was
    /// left out and why. One sentence each.
    pub notes: Vec<String>,
    /// Trials left out because an image is missing (`skip_missing`).
    pub skipped_trials: usize,
    /// Images named by the annotations that are not there, in order of name.
    pub missing: Vec<String>,
}

/// Which image of a concept stands for it in THINGS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThingsImages {
    /// The first in sorted order, as in the study.
    #[default]
    First,
    /// The reference image `_01b`; a concept without one has no image.
    Reference01b,
}

/// What part of a data set to take.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DatasetOptions {
    /// A split by its name: one of THINGS's files (`testset1` unless said otherwise), a value of
    /// the `split` column elsewhere (all rows unless said otherwise).
    pub split: Option<String>,
    /// Leave out NIGHTS trials with fewer votes.
    pub min_votes: Option<u32>,
    /// Which image stands for a THINGS concept; the first unless said otherwise.
    pub things_images: Option<ThingsImages>,
    /// Leave out trials whose images are missing, and count them, instead of failing.
    pub skip_missing: bool,
    /// Whether paths in manifests may lead out of the data set's folder.
    pub allow_outside: bool,
    /// Take only the first trials, after those left out.
    pub limit: Option<usize>,
}

impl Dataset {
    /// Reads the data set `kind` from `data`: its folder, or the annotation file in it.
    ///
    /// What lies there may be another release in the same layout: then the result's
    /// [`kind`](Self::kind) says which, and a note too; unless `kind`
    /// [is exact](DatasetKind::is_exact).
    ///
    /// # Errors
    /// See [`DatasetError`]: each names the file, and the line and column where there is one.
    pub fn open(
        kind: DatasetKind,
        data: &Path,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        if !data.exists() {
            return Err(DatasetError::NotThere { path: data.to_owned() });
        }
        let layout = Layout::of(kind);
        if options.min_votes.is_some() && layout != Layout::Nights {
            return Err(DatasetError::NotApplicable { option: "--min-votes", dataset: kind });
        }
        if options.things_images.is_some() && layout != Layout::Things {
            return Err(DatasetError::NotApplicable { option: "--images", dataset: kind });
        }
        let mut dataset = match layout {
            Layout::Tid => tid::open(kind, data, options),
            Layout::Nights => nights::open(kind, data, options),
            Layout::Bapps => bapps::open(kind, data, options),
            Layout::Things => things::open(data, options),
            Layout::Manifest => manifest::open(kind, data, options),
        }?;
        if dataset.kind != kind {
            let asked_for = format!("asked for as {kind}; in results it is {}", dataset.kind);
            if kind.is_exact() {
                return Err(DatasetError::OtherRelease {
                    path: data.to_owned(),
                    asked: kind,
                    found: dataset.kind,
                    why: dataset.notes.first().cloned().unwrap_or_default(),
                });
            }
            dataset.notes.push(asked_for);
        }
        debug_assert!(dataset.labels.iter().all(|l| l.codes.len() == dataset.trials.len()));
        Ok(dataset)
    }
}

/// How the files of a data set lie and what is in them; each has its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Tid,
    Nights,
    Bapps,
    Things,
    Manifest,
}

impl Layout {
    /// The layout that a data set is in.
    fn of(kind: DatasetKind) -> Self {
        match kind {
            DatasetKind::Tid2013
            | DatasetKind::Tid2008
            | DatasetKind::Kadid10k
            | DatasetKind::TidLike => Self::Tid,
            DatasetKind::Nights | DatasetKind::NightsLike => Self::Nights,
            DatasetKind::Bapps | DatasetKind::BappsLike => Self::Bapps,
            DatasetKind::Things | DatasetKind::ThingsLike => Self::Things,
            DatasetKind::Pairs | DatasetKind::TwoAfc | DatasetKind::OddOneOut => Self::Manifest,
        }
    }
}

/// The data set that a folder seems to hold, for a message.
fn looks_like(folder: &Path) -> Option<DatasetKind> {
    let has = |name: &str| folder.join(name).exists();
    let first = |choices: &[(DatasetKind, bool)]| choices.iter().find(|c| c.1).map(|c| c.0);
    first(&[
        (DatasetKind::Nights, has("data.csv")),
        (DatasetKind::Bapps, has("2afc")),
        (DatasetKind::Things, has("unique_id.txt") || has("triplet_dataset")),
        (DatasetKind::Tid2013, has("mos_with_names.txt") || has("distorted_images")),
        (DatasetKind::Kadid10k, has("dmos.csv")),
        (DatasetKind::Pairs, has("pairs.csv")),
        (DatasetKind::TwoAfc, has("twoafc.csv")),
        (DatasetKind::OddOneOut, has("oddoneout.csv")),
    ])
}
