//! An experiment as it is written: in TOML by people, in JSON in the manifest of a run.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ExperimentFileError;
use super::models::IN_MEMORY;
use super::origin::Origin;
use crate::dataset::{Selection, ThingsImages};
use crate::distance::Distance;
use crate::experiment::{Choices, Experiment};
use crate::features::{Layout, Layouts};
use crate::finished::{FigureSpec, Presentation};
use crate::input_file::read_text;
use crate::model::TransformSpec;
use crate::model_spec::{Backend, ModelSpec, NamedModel, TorchOptions, matched, names_of};
use crate::name::UnknownName;
use crate::prepared::DatasetSpec;
use crate::resample::{MAX_RESAMPLES, MIN_RESAMPLES};
use crate::results::absolute;

/// An experiment as it is written: in TOML by people, in JSON in the manifest of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) models: Vec<String>,
    /// What the patterns of series matched, in the manifest of a run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) matched: BTreeMap<String, Vec<PathBuf>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) distances: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tokens: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prefix_tokens: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) layouts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) projection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) precision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backend: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dtype: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tf32: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compile: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) batch: Option<NonZeroUsize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ties: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resamples: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pixels: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_bytes: Option<u64>,
    /// Where differences are kept; said of one machine, so that a manifest does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scale_from: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) keep_going: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) simulated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline_size: Option<NonZeroUsize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weights: Option<PathBuf>,
    #[serde(default)]
    pub(super) colours: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) datasets: Vec<DatasetForm>,
    #[serde(default)]
    pub(super) figures: Vec<FigureForm>,
}

/// A data set as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatasetForm {
    /// The name in results; without `format`, what is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<String>,
    pub(super) data: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) split: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min_votes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lower_is_better: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) images: Option<ImagesWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) odd: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<usize>,
    #[serde(default)]
    pub(super) skip_missing: bool,
    #[serde(default)]
    pub(super) allow_outside: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) selection: Option<String>,
    #[serde(default)]
    pub(super) without_images: bool,
}

/// Which image stands for a concept of THINGS.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum ImagesWord {
    #[serde(rename = "first")]
    First,
    #[serde(rename = "01b")]
    Reference01b,
}

/// A figure as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FigureForm {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) models: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) distances: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) panels: Option<Vec<String>>,
}

impl From<ImagesWord> for ThingsImages {
    fn from(word: ImagesWord) -> Self {
        match word {
            ImagesWord::First => Self::First,
            ImagesWord::Reference01b => Self::Reference01b,
        }
    }
}

impl From<ThingsImages> for ImagesWord {
    fn from(images: ThingsImages) -> Self {
        match images {
            ThingsImages::First => Self::First,
            ThingsImages::Reference01b => Self::Reference01b,
        }
    }
}

/// A word that may be there.
fn word<T: FromStr<Err = UnknownName>>(
    origin: Origin<'_>,
    word: Option<&String>,
) -> Result<Option<T>, ExperimentFileError> {
    word.map(|word| word.parse()).transpose().map_err(|source| origin.word(source))
}

/// Several words.
pub(super) fn words<T: FromStr<Err = UnknownName>>(
    origin: Origin<'_>,
    words: &[String],
) -> Result<Vec<T>, ExperimentFileError> {
    words.iter().map(|word| word.parse().map_err(|source| origin.word(source))).collect()
}

/// A transform, whose file lies relative to the experiment.
fn transform(origin: Origin<'_>, text: &str) -> Result<TransformSpec, ExperimentFileError> {
    let whole = origin.place(Path::new(text))?;
    let Ok(spec) = whole.to_string_lossy().parse::<TransformSpec>();
    Ok(spec)
}

impl Root {
    /// Reads an experiment in TOML; or in JSON, in the manifest of a run.
    pub(super) fn read(origin: Origin<'_>) -> Result<Self, ExperimentFileError> {
        #[derive(Deserialize)]
        struct OfManifest {
            experiment: Root,
        }
        let path = origin.path();
        let (text, _) = match read_text(&path) {
            Ok(read) => read,
            Err(source) => return Err(ExperimentFileError::Read { path, source }),
        };
        if origin.is_json() {
            let read = serde_json::from_str::<OfManifest>(&text);
            let read = read.map_err(|source| ExperimentFileError::Manifest { path, source });
            return read.map(|manifest| manifest.experiment);
        }
        toml::from_str(&text)
            .map_err(|source| ExperimentFileError::Parse { path, source: source.into() })
    }

    /// What it says of how models are run and scored.
    pub(super) fn choices(&self, origin: Origin<'_>) -> Result<Choices, ExperimentFileError> {
        let layouts: Vec<Layout> = words(origin, &self.layouts)?;
        let layouts = match Layouts::new(&layouts) {
            Ok(found) => Some(found).filter(|_| !layouts.is_empty()),
            Err(source) => {
                return Err(ExperimentFileError::Layouts { path: origin.path(), source });
            }
        };
        let possible = |n: usize| n == 0 || (MIN_RESAMPLES..=MAX_RESAMPLES).contains(&n);
        if let Some(found) = self.resamples.filter(|n| !possible(*n)) {
            return Err(ExperimentFileError::Resamples { path: origin.path(), found });
        }
        let place =
            |path: &Option<PathBuf>| path.as_deref().map(|path| origin.place(path)).transpose();
        Ok(Choices {
            title: self.title.clone(),
            distances: self.distances.as_ref().map(|names| words(origin, names)).transpose()?,
            tokens: word(origin, self.tokens.as_ref())?,
            prefix_tokens: self.prefix_tokens,
            layouts,
            projection: word(origin, self.projection.as_ref())?,
            precision: word(origin, self.precision.as_ref())?,
            backend: word(origin, self.backend.as_ref())?,
            torch: TorchOptions {
                device: word(origin, self.device.as_ref())?,
                dtype: word(origin, self.dtype.as_ref())?,
                tf32: self.tf32,
                compile: self.compile,
                batch: self.batch,
            },
            ties: word(origin, self.ties.as_ref())?,
            resamples: self.resamples,
            seed: self.seed,
            cluster: word(origin, self.cluster.as_ref())?,
            baseline_size: self.baseline_size.map(NonZeroUsize::get),
            weights: place(&self.weights)?,
            pixels: self.pixels,
            memory_bytes: self.memory_bytes,
            scale_from: place(&self.scale_from)?,
            transform: self.transform.as_deref().map(|text| transform(origin, text)).transpose()?,
            keep_going: self.keep_going,
            published: self.published,
            simulated: self.simulated,
        })
    }

    /// All that an experiment says, by whole paths.
    ///
    /// `names` — what results call each of its models
    fn new(experiment: &Experiment, names: &[String]) -> Self {
        let Presentation { title, colours, published } = experiment.presentation.clone();
        let figure = |figure: &FigureSpec| {
            let mut asked: Vec<String> = Vec::new();
            for model in figure.models.iter().map(|model| experiment.asked(model, names)) {
                if !asked.contains(&model) {
                    asked.push(model);
                }
            }
            FigureForm::new(&FigureSpec { models: asked, ..figure.clone() }, title.as_ref())
        };
        let colour = |(model, colour): (String, String)| (experiment.asked(&model, names), colour);
        let colours = colours.into_iter().map(colour).collect();
        Self {
            models: texts_of_models(&experiment.models),
            matched: matched(&experiment.models).into_iter().map(whole_paths).collect(),
            distances: Some(names_of_distances(&experiment.distances)),
            tokens: Some(experiment.tokens.to_string()),
            prefix_tokens: experiment.prefix_tokens,
            layouts: experiment.layouts.iter().map(|layout| layout.to_string()).collect(),
            projection: experiment.projection.map(|form| form.to_string()),
            precision: Some(experiment.precision.to_string()),
            backend: (experiment.backend == Backend::Torch).then(|| experiment.backend.to_string()),
            device: experiment.torch.device.map(|device| device.to_string()),
            dtype: experiment.torch.dtype.map(|dtype| dtype.to_string()),
            tf32: experiment.torch.tf32,
            compile: experiment.torch.compile,
            batch: experiment.torch.batch,
            ties: Some(experiment.ties.to_string()),
            resamples: Some(experiment.resampling.resamples),
            seed: Some(experiment.resampling.seed),
            cluster: Some(experiment.resampling.cluster.to_string()),
            pixels: Some(experiment.pixels),
            memory_bytes: Some(experiment.memory_bytes),
            cache: None,
            scale_from: experiment.scale_from.as_deref().map(whole),
            transform: experiment
                .transform
                .as_ref()
                .map(|of| TransformSpec { file: whole(&of.file), ..of.clone() }.to_string()),
            keep_going: Some(experiment.keep_going),
            published: Some(published),
            simulated: experiment.simulated.then_some(true),
            baseline_size: NonZeroUsize::new(experiment.baseline_size),
            weights: experiment.weights.as_deref().map(whole),
            colours,
            datasets: experiment.datasets.iter().map(DatasetForm::new).collect(),
            figures: experiment.figures.iter().map(figure).collect(),
            title,
        }
    }
}

/// The models as they are named from anywhere, with the names that the user gives them; a series by its
/// pattern, once.
fn texts_of_models(models: &[NamedModel]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::with_capacity(models.len());
    for model in models {
        let asked = model.state.as_ref().map_or(model, |state| &state.asked);
        let text = match (&asked.name, &asked.spec) {
            (_, ModelSpec::Own(own)) => format!("{IN_MEMORY}{own}"),
            (Some(name), spec) if *name != spec.place() => format!("{name}={}", spec.place()),
            (_, spec) => spec.place(),
        };
        if model.state.is_none() || texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts
}

impl DatasetForm {
    fn new(spec: &DatasetSpec) -> Self {
        Self {
            name: spec.name.clone(),
            format: Some(spec.format.name().to_owned()),
            level: spec.level.map(|level| level.to_string()),
            data: whole(&spec.data),
            split: spec.options.split.clone(),
            min_votes: spec.options.min_votes,
            lower_is_better: spec.options.lower_is_better,
            images: spec.options.things_images.map(Into::into),
            odd: spec.options.odd.map(|odd| odd.to_string()),
            limit: spec.options.limit,
            skip_missing: spec.options.skip_missing,
            allow_outside: spec.options.allow_outside,
            selection: spec.options.selection.as_ref().map(Selection::to_string),
            without_images: spec.options.without_images,
        }
    }
}

impl FigureForm {
    /// `title` — the experiment's, which a figure has that says no other
    fn new(figure: &FigureSpec, title: Option<&String>) -> Self {
        Self {
            name: figure.name.clone(),
            title: figure.title.clone().filter(|own| Some(own) != title),
            models: (!figure.models.is_empty()).then(|| figure.models.clone()),
            distances: Some(names_of_distances(&figure.distances)),
            panels: (!figure.panels.is_empty()).then(|| figure.panels.clone()),
        }
    }
}

fn names_of_distances(distances: &[Distance]) -> Vec<String> {
    distances.iter().map(ToString::to_string).collect()
}

/// The paths that a pattern matched, from the root of the file system.
fn whole_paths((pattern, paths): (String, Vec<PathBuf>)) -> (String, Vec<PathBuf>) {
    (pattern, paths.iter().map(|path| whole(path)).collect())
}

/// A path from the root of the file system.
fn whole(path: &Path) -> PathBuf {
    PathBuf::from(absolute(path))
}

/// The experiment as the manifest of its run has it, from which [`ExperimentFile`](super::ExperimentFile) reads it again.
///
/// `precise`, `baselines` — whether a model multiplies in the precision of the run, and whether one
/// sees what baselines do: for those alone some of it means something
pub(crate) fn written(experiment: &Experiment, precise: bool, baselines: bool) -> Value {
    let models = &experiment.models;
    let names = names_of(models)
        .unwrap_or_else(|_| models.iter().map(|model| model.spec.to_string()).collect());
    let mut root = Root::new(experiment, &names);
    root.precision = root.precision.filter(|_| precise);
    root.baseline_size = root.baseline_size.filter(|_| baselines);
    json!(root)
}
