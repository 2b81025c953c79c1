//! A data set: images, the trials in which people saw them, and what the people answered.

mod bapps;
mod builder;
mod choices;
mod clusters;
mod direction;
mod error;
mod files;
mod fingerprint;
mod format;
mod formats;
mod image_list;
mod level;
mod lines;
mod manifest;
mod name;
mod named;
mod nights;
mod not_found;
mod open;
mod pairs;
mod part;
mod rated;
mod raid;
mod rdm;
mod release;
mod rows;
mod selection;
mod subsets;
mod table;
mod things;
mod tid;
mod write;

use std::path::PathBuf;

pub use choices::{OddPlace, OddPlaceFound, PlaceAgreement};
pub use clusters::Clusters;
pub use error::DatasetError;
pub use format::Format;
pub use formats::{AnyFormat, DatasetFormat};
pub use level::Level;
pub use name::check_dataset_name;
pub use named::{NamedDataset, NamedDatasetError, NamedLevel, NamedLevelError};
pub use pairs::Pairs;
pub(crate) use pairs::is_dense;
pub use release::{Release, ReleaseCounts};
pub use selection::{Selection, SelectionError};
pub use subsets::{ALL, Subset, WITHIN_TYPES};
pub(crate) use things::THINGS_SPLIT;
pub use write::{ImageFiles, WriteDatasetError, WrittenDataset};

use crate::input_file::HashedPath;
pub use crate::paradigm::{
    ImageIndex, MIN_ANSWERS, OddOneOut, Quadruplet, RatedPair, SameDifferent, SimilarityMatrices,
    Trials, TwoAlternatives,
};

/// An image that at least one trial uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageEntry {
    /// Name of the image in results: its path below the data set's folder, with `/`.
    pub id: String,
    /// Where the file is.
    pub path: PathBuf,
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

/// A number of each trial.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberColumn {
    /// Its name.
    pub name: String,
    /// The number of each trial; NaN where it is not known.
    pub values: Vec<f64>,
}

/// The name of the column with how long people took to answer, in any unit of time.
pub const RESPONSE_TIME: &str = "response_time";

/// A data set as it will be run.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What results call it: as the user says; else its release's name; else its format's.
    pub name: String,
    /// The release that its annotations were found to be, whatever it is called. Published scores
    /// are scores of a release.
    pub release: Option<Release>,
    /// The level of abstraction of what people compared.
    pub level: Level,
    /// The images that the trials use: in order of first use, or of a manifest's list.
    pub images: Vec<ImageEntry>,
    /// The trials.
    pub trials: Trials,
    /// Name of each trial: its number in the annotation file (an `id` column where there is one,
    /// else the 0-based record).
    pub trial_ids: Vec<u64>,
    /// Labels of each trial; every column has one code a trial.
    pub labels: Vec<LabelColumn>,
    /// Numbers of each trial.
    pub numbers: Vec<NumberColumn>,
    /// Whether the deviations of rated pairs are those of single ratings, as KADID-10k's are, and
    /// not of the mean score: no ceiling follows from them.
    pub std_of_ratings: bool,
    /// Where the odd one of every triplet was taken to stand, if no column of the files says it.
    pub odd_taken_as: Option<OddPlace>,
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

impl ThingsImages {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Reference01b => "01b",
        }
    }
}

/// What part of a data set to take.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DatasetOptions {
    /// A split by its name: one of THINGS's files (`testset1` unless said otherwise), a value of
    /// the `split` column elsewhere (all rows unless said otherwise).
    pub split: Option<String>,
    /// Leave out NIGHTS trials with fewer votes.
    pub min_votes: Option<u32>,
    /// Whether a lower score of a rated pair means closer to the reference, as a DMOS's does: such
    /// scores are turned where they are read. By default as the data set's files have it.
    pub lower_is_better: Option<bool>,
    /// Which image stands for a THINGS concept; the first unless said otherwise.
    pub things_images: Option<ThingsImages>,
    /// Where the odd one stands in lists of triplets that have it at a fixed place; last by default.
    pub odd: Option<OddPlace>,
    /// Leave out trials whose images are missing, and count them, instead of failing.
    pub skip_missing: bool,
    /// Whether paths in manifests may lead out of the data set's folder.
    pub allow_outside: bool,
    /// Take only the first trials, after those left out.
    pub limit: Option<usize>,
    /// Of the trials that all else leaves, take only these.
    pub selection: Option<Selection>,
    /// Whether the images are not at hand, so that none is looked for: only features that are there
    /// already can be measured.
    pub without_images: bool,
}

impl Dataset {
    /// A data set of no known release, whose trials have no labels and are numbered from 0.
    pub fn new(name: &str, level: Level, images: Vec<ImageEntry>, trials: Trials) -> Self {
        Self {
            name: name.to_owned(),
            release: None,
            level,
            images,
            trial_ids: (0..trials.len() as u64).collect(),
            trials,
            labels: vec![],
            numbers: vec![],
            std_of_ratings: false,
            odd_taken_as: None,
            sources: vec![],
            notes: vec![],
            skipped_trials: 0,
            missing: vec![],
        }
    }

    /// How long people took to answer each trial, if the data set says so; NaN where it does not.
    pub fn response_times(&self) -> Option<&[f64]> {
        let times = self.numbers.iter().find(|column| column.name == RESPONSE_TIME)?;
        Some(&times.values)
    }
}
