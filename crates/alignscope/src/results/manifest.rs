//! `manifest.json`: what lets another person repeat the run.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Bounds, FileRecord, ResultsError, read_record, write_whole};
use crate::dataset::{Release, THINGS_SPLIT};
use crate::encoder::Architecture;
use crate::preprocess::Preprocessing;
use crate::resample::Resampling;

/// The story of a run; `F` describes a figure.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest<F> {
    /// Version of alignscope.
    pub alignscope_version: String,
    /// Whether people answered the trials, or a simulated observer did.
    pub simulated: bool,
    /// The command as it was given, where there was one.
    pub command: Option<Vec<String>>,
    /// Side of the square that baselines saw where images differ in size; none without a baseline.
    pub baseline_size: Option<usize>,
    /// The experiment, with which `alignscope run` of this file repeats the run.
    pub experiment: serde_json::Value,
    /// Which tokens' activations were compared; none where no model has tokens.
    pub tokens: Option<String>,
    /// Number format of the encoders' products; none without an encoder. That of a model of the
    /// user's is not known.
    pub precision: Option<String>,
    /// How far scores in it are from those in f32, as was measured; none of f32 itself.
    pub precision_check: Option<String>,
    /// The instructions that did them.
    pub instructions: Option<String>,
    /// What all models ran on; none where one is of the user's, whose device is not known.
    pub device: Option<String>,
    /// The rule for ties.
    pub ties: String,
    /// Resamples of each interval.
    pub resamples: usize,
    /// Seed of the resamples and of simulated ceilings.
    pub seed: u64,
    /// What was resampled as a whole.
    pub cluster: String,
    /// Distances asked for.
    pub distances: Vec<String>,
    /// Memory budget in bytes.
    pub memory_budget_bytes: u64,
    /// The run whose scales were used, where another's were.
    pub scale_from: Option<String>,
    /// What stands over the run's page and over figures without a title of their own.
    pub title: Option<String>,
    /// Colours chosen for models, as `#rrggbb`.
    pub colours: BTreeMap<String, String>,
    /// Whether the study's own scores lie under those of the run.
    pub published: bool,
    /// The figures drawn, each from some of the scores.
    pub figures: Vec<F>,
    /// The models, in the order in which they ran.
    pub models: Vec<ModelRecord>,
    /// The data sets.
    pub datasets: Vec<DatasetRecord>,
    /// All that the numbers depend on, by what it is; another run on this folder must have the same.
    pub inputs: BTreeMap<String, String>,
    /// What was asked of them.
    pub choices: BTreeMap<String, String>,
    /// Names of the figures' files.
    pub figure_files: Vec<String>,
    /// The tables of the run, by their names in its folder.
    pub results: Vec<FileRecord>,
    /// How far the results can be had again.
    pub reproducible: String,
    /// Where it ran; differs between equal runs on different machines.
    pub host: Host,
    /// When, and how long; differs between equal runs.
    pub times: Times,
}

/// A model of a run.
#[derive(Debug, Clone, Serialize)]
pub struct ModelRecord {
    /// Its name in the results.
    pub name: String,
    /// What it is: an id, a baseline, `random:ID`, or the whole path of a folder; the name, for
    /// features from elsewhere.
    pub spec: String,
    /// The series that it is a state of, if it is one.
    pub series: Option<String>,
    /// The step of that state.
    pub step: Option<usize>,
    /// Seed of random weights, for an untrained control.
    pub seed: Option<u64>,
    /// Its sizes; none for `pixels`.
    pub architecture: Option<Architecture>,
    /// Its preprocessing; none for `pixels`, whose rule stands with each data set.
    pub preprocessing: Option<Preprocessing>,
    /// Whether its activations came from the user, as features or from a function, so that nothing
    /// is known of how they were made but what is said here.
    pub of_user: bool,
    /// What it is made of and where it ran, by what each is called, where it is the user's: libraries
    /// with their versions, device, driver, number format.
    pub made_with: BTreeMap<String, String>,
    /// Keys that its configuration lacked, with the defaults taken.
    pub defaults_used: Vec<String>,
    /// Its files.
    pub files: Vec<FileRecord>,
}

/// A data set of a run.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetRecord {
    /// Its name.
    pub name: String,
    /// What was asked for: a format, or a release by its name.
    pub format: String,
    /// The release that it was found to be, if a known one.
    pub release: Option<String>,
    /// Its level of abstraction.
    pub level: String,
    /// Its folder or file, as given.
    pub data: String,
    /// The folder that the images' names are paths below.
    pub images_root: String,
    /// The split asked for, where one was.
    pub split: Option<String>,
    /// The fewest votes asked for, where they were.
    pub min_votes: Option<u32>,
    /// Whether lower scores were said to be better, where it was said.
    pub lower_is_better: Option<bool>,
    /// Which image of a concept was asked for, where it was: `first` or `01b`.
    pub things_images: Option<String>,
    /// Where the odd one was said to stand, where it was said.
    pub odd: Option<String>,
    /// The most trials asked for, where a limit was.
    pub limit: Option<usize>,
    /// How many trials were selected by their positions, if some were.
    pub selected: Option<usize>,
    /// Trials run.
    pub trials: usize,
    /// Different pairs among them.
    pub pairs: usize,
    /// Different images among them.
    pub images: usize,
    /// Independent clusters of trials.
    pub clusters: usize,
    /// Trials left out because an image is missing.
    pub skipped_trials: usize,
    /// Images that the annotations name and that are not there.
    pub missing_images: usize,
    /// Images that cannot be read.
    pub bad_images: Vec<BadImage>,
    /// Trials left out because of them.
    pub bad_trials: usize,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// The annotation files, and folders of them.
    pub files: Vec<FileRecord>,
    /// SHA-256 over the ids and SHA-256 of all images, in order of id; `None` if the data set was
    /// opened without its images.
    pub images_sha256: Option<String>,
    /// What the stage `image` compares; none where the pixels were not run.
    pub pixels: Option<String>,
    /// What baselines compare; none without a baseline.
    pub compared: Option<String>,
}

/// An image that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadImage {
    /// Its name.
    pub image: String,
    /// Why.
    pub why: String,
}

/// The machine of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// Operating system and processor family.
    pub platform: String,
    /// The processor, as it calls itself.
    pub processor: String,
    /// Threads used.
    pub threads: usize,
}

/// The times of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Times {
    /// Seconds since 1970-01-01 UTC at the start.
    pub started_unix_s: u64,
    /// Seconds from start to end.
    pub wall_s: f64,
    /// The parts of it that went to models; what was kept from before is not among them.
    pub work: Vec<WorkRecord>,
}

/// What a model took on a data set: images read, brought to the model, encoded or compared, and reduced to distances.
#[derive(Debug, Clone, Serialize)]
pub struct WorkRecord {
    /// The model.
    pub model: String,
    /// The data set.
    pub dataset: String,
    /// Images that were encoded or compared.
    pub images: usize,
    /// How often a baseline's features of an image were computed; more than there are images where the memory
    /// budget did not hold all that are connected by pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features_computed: Option<usize>,
    /// Seconds, without reading weights.
    pub wall_s: f64,
}

impl<F: Serialize> Manifest<F> {
    /// Writes `manifest.json`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ResultsError> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        text.push('\n');
        write_whole(path, text.as_bytes())
    }
}

/// What `tokens` is where all were compared.
const ALL_TOKENS: &str = "all";

/// What is needed of a manifest to draw a run's figures again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Drawn<F> {
    /// Whether the answers came from a simulated observer.
    pub simulated: bool,
    /// What stands over the run's page.
    pub title: Option<String>,
    /// Colours chosen for models, as `#rrggbb`.
    pub colours: BTreeMap<String, String>,
    /// Whether the study's own scores lie under those of the run.
    pub published: bool,
    /// Which tokens were compared, where models have any.
    pub tokens: Option<String>,
    /// The figures.
    pub figures: Vec<F>,
    /// The models.
    pub models: Vec<DrawnModel>,
    /// The data sets.
    pub datasets: Vec<DrawnDataset>,
}

/// What was asked for of a data set, as in [`DatasetRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DrawnDataset {
    /// Its name.
    pub name: String,
    /// The release that it is, if a known one.
    pub release: Option<String>,
    /// The split.
    pub split: Option<String>,
    /// The fewest votes.
    pub min_votes: Option<u32>,
    /// The most trials.
    pub limit: Option<usize>,
    /// How many trials were selected by their positions.
    pub selected: Option<usize>,
}

impl DrawnDataset {
    /// What was asked for where it is a part of the whole; of THINGS the whole is `testset1`.
    fn part(&self) -> Option<String> {
        let of_things = self.release.as_deref() == Some(Release::Things.name());
        let split = self.split.as_deref().filter(|split| !of_things || *split != THINGS_SPLIT);
        let asked = [
            split.map(|split| format!("split `{split}`")),
            self.min_votes.map(|votes| format!("at least {votes} votes")),
            self.limit.map(|limit| format!("at most {limit} trials")),
            self.selected.map(|trials| format!("{trials} selected trials")),
        ];
        let asked: Vec<String> = asked.into_iter().flatten().collect();
        (!asked.is_empty()).then(|| asked.join(", "))
    }
}

/// The data sets of which a part was asked for, and what was asked.
pub fn parts_of(datasets: &[DrawnDataset]) -> BTreeMap<String, String> {
    datasets.iter().filter_map(|d| Some((d.name.clone(), d.part()?))).collect()
}

/// What figures need of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DrawnModel {
    /// Its name in the results.
    pub name: String,
    /// What it is, as in [`ModelRecord`].
    pub spec: String,
    /// The series that it is a state of, if it is one.
    pub series: Option<String>,
    /// The step of that state.
    pub step: Option<usize>,
}

impl DrawnModel {
    /// What figures know it by: a state of a series by its name, which has the series in it.
    pub(crate) fn place(&self) -> (String, String) {
        let is_state = self.series.is_some();
        (self.name.clone(), if is_state { self.name.clone() } else { self.spec.clone() })
    }
}

impl<F> Drawn<F> {
    /// Whether the study's own scores lie under those of the run: they were asked for, people
    /// answered, and all tokens were compared, as in the study.
    pub fn lays_published(&self) -> bool {
        let tokens = self.tokens.as_deref();
        self.published && !self.simulated && tokens.is_none_or(|tokens| tokens == ALL_TOKENS)
    }

    /// Figures of people's answers, without more.
    pub fn plain(figures: Vec<F>) -> Self {
        let (title, colours) = (None, BTreeMap::new());
        let (tokens, models, datasets) = (None, vec![], vec![]);
        let (simulated, published) = (false, false);
        Self { simulated, title, colours, published, tokens, figures, models, datasets }
    }
}

/// Reads how the intervals of a run were made: resamples and seed. Its clusters stand with its trials.
///
/// # Errors
/// The manifest cannot be read, or does not say.
pub fn read_resampling(path: &Path) -> Result<Resampling, ResultsError> {
    #[derive(Deserialize)]
    struct Told {
        resamples: usize,
        seed: u64,
    }
    let (Told { resamples, seed }, _) = read_record(path)?;
    Bounds { path }.resamples(resamples)?;
    Ok(Resampling { resamples, seed, ..Resampling::default() })
}

/// Reads what the figures of a run need of its manifest.
///
/// # Errors
/// The manifest cannot be read, or does not say.
pub fn read_drawn<F: serde::de::DeserializeOwned>(path: &Path) -> Result<Drawn<F>, ResultsError> {
    let (drawn, _) = read_record::<Drawn<F>>(path)?;
    Ok(drawn)
}
