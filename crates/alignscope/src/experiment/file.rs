//! An experiment as a TOML file: data sets, and figures that each show some models and distances.

mod error;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use error::ExperimentFileError;

use super::Experiment;
use crate::dataset::{DatasetFormat, DatasetOptions, Level, ThingsImages, check_dataset_name};
use crate::distance::Distance;
use crate::encoder::{PrecisionChoice, Tokens};
use crate::features::{Layout, Layouts};
use crate::figure::Color;
use crate::finished::FigureSpec;
use crate::finished::Presentation;
use crate::input_file::read_text;
use crate::model_spec::ProjectionForm;
use crate::model_spec::{
    Like, ModelSource, ModelSpec, ModelSpecError, NamedModel, base_of, names_of,
};
use crate::name::UnknownName;
use crate::prepared::DatasetSpec;
use crate::resample::{ClusterBy, MAX_RESAMPLES, MIN_RESAMPLES, Resampling};
use crate::results::absolute;
use crate::results::check_figures;
use crate::score::Ties;
use crate::user_folders::expand_home;

/// An experiment file that has been read: the grid that it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentFile {
    /// What stands over every figure that has no title of its own, and over the page.
    pub title: Option<String>,
    /// Colours chosen for models, as `#rrggbb`.
    pub colours: BTreeMap<String, String>,
    /// The models: those that the file lists, then every other of any figure once, in order of first use.
    pub models: Vec<NamedModel>,
    /// The data sets.
    pub datasets: Vec<DatasetSpec>,
    /// The kinds of distance: those that the file lists, or else every one of any figure once.
    pub distances: Vec<Distance>,
    /// The figures.
    pub figures: Vec<FigureSpec>,
    /// Side of the square that baselines see where a data set's images differ in size.
    pub baseline_size: Option<usize>,
    /// A folder in which weights of baselines are looked for first.
    pub weights: Option<PathBuf>,
    /// What else the file says.
    pub choices: Choices,
}

/// What an experiment file says beside models, data sets, distances and figures; `None` where it says
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// Which tokens' activations are compared.
    pub tokens: Option<Tokens>,
    /// How many tokens stand before the patches in features.
    pub prefix_tokens: Option<usize>,
    /// What the axes of arrays of features are.
    pub layouts: Option<Layouts>,
    /// The form of an encoder's projection.
    pub projection: Option<ProjectionForm>,
    /// In which arithmetic encoders multiply.
    pub precision: Option<PrecisionChoice>,
    /// What a tie counts.
    pub ties: Option<Ties>,
    /// Bootstrap resamples of each interval.
    pub resamples: Option<usize>,
    /// Seed of the resamples.
    pub seed: Option<u64>,
    /// What is resampled as a whole.
    pub cluster: Option<ClusterBy>,
    /// Whether `pixels` is added.
    pub pixels: Option<bool>,
    /// Bytes of memory to stay within.
    pub memory_bytes: Option<u64>,
    /// The run whose scales are taken.
    pub scale_from: Option<PathBuf>,
    /// Whether trials of images that cannot be decoded are left out.
    pub keep_going: Option<bool>,
    /// Whether the study's own scores lie under those of the run.
    pub published: Option<bool>,
}

/// An experiment as it is written: in TOML by people, in JSON in the manifest of a run.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distances: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_tokens: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layouts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) precision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ties: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resamples: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pixels: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale_from: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_going: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline_size: Option<NonZeroUsize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<PathBuf>,
    #[serde(default)]
    colours: BTreeMap<String, String>,
    #[serde(default)]
    datasets: Vec<Dataset>,
    #[serde(default)]
    figures: Vec<Figure>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dataset {
    /// The name in results; without `format`, what is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    data: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_votes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<ImagesWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
    #[serde(default)]
    skip_missing: bool,
    #[serde(default)]
    allow_outside: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum ImagesWord {
    #[serde(rename = "first")]
    First,
    #[serde(rename = "01b")]
    Reference01b,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distances: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    panels: Option<Vec<String>>,
}

impl ExperimentFile {
    /// Reads an experiment. Data sets and models' folders lie relative to the file, or where `data` says. With
    /// `untrained`, every encoder is replaced by its random control.
    ///
    /// # Errors
    /// See [`ExperimentFileError`].
    pub fn read(
        path: &Path,
        data: &BTreeMap<String, PathBuf>,
        untrained: bool,
    ) -> Result<Self, ExperimentFileError> {
        let owned = || path.to_owned();
        let (text, _) = read_text(path)
            .map_err(|source| ExperimentFileError::Read { path: owned(), source })?;
        let root = Root::parse(path, &text)?;
        let choices = root.choices(path)?;
        let word = |source| ExperimentFileError::Word { path: owned(), source };
        let home = |source| ExperimentFileError::Home { path: owned(), source };
        let folder = path.parent().unwrap_or(Path::new("."));

        let mut datasets = Vec::new();
        for entry in root.datasets {
            let (name, format) = match (entry.name, entry.format) {
                (name, Some(format)) => (name, format),
                (Some(format), None) => (None, format),
                (None, None) => return Err(ExperimentFileError::NoFormat { path: owned() }),
            };
            let format: DatasetFormat = format.parse().map_err(word)?;
            if let Some(name) = &name {
                check_dataset_name(name)
                    .map_err(Box::new)
                    .map_err(|source| ExperimentFileError::DatasetName { path: owned(), source })?;
            }
            let level: Option<Level> =
                entry.level.map(|level| level.parse()).transpose().map_err(word)?;
            let place = match data.get(name.as_deref().unwrap_or(format.name())) {
                Some(place) => place.clone(),
                None => folder.join(expand_home(&entry.data).map_err(home)?),
            };
            let things_images = entry.images.map(|images| match images {
                ImagesWord::First => ThingsImages::First,
                ImagesWord::Reference01b => ThingsImages::Reference01b,
            });
            let options = DatasetOptions {
                split: entry.split,
                min_votes: entry.min_votes,
                things_images,
                skip_missing: entry.skip_missing,
                allow_outside: entry.allow_outside,
                limit: entry.limit,
            };
            datasets.push(DatasetSpec { name, level, format, data: place, options });
        }
        let called = || datasets.iter().map(DatasetSpec::called);
        if let Some(dataset) = data.keys().find(|name| called().all(|other| other != **name)) {
            return Err(ExperimentFileError::NoDataset {
                path: owned(),
                dataset: dataset.clone(),
                found: called().map(str::to_owned).collect(),
            });
        }
        if datasets.is_empty() {
            return Err(ExperimentFileError::Empty { path: owned(), what: "[[datasets]]" });
        }
        if root.figures.is_empty() && root.models.is_empty() {
            return Err(ExperimentFileError::Empty { path: owned(), what: "[[figures]]" });
        }

        let named = root.figures.iter().map(|figure| {
            let title = figure.title.as_deref().or(root.title.as_deref());
            (figure.name.as_str(), title)
        });
        check_figures(named)
            .map_err(|source| ExperimentFileError::Figures { path: owned(), source })?;

        let of_figures = || root.figures.iter().filter_map(|figure| figure.models.as_ref());
        let texts = || root.models.iter().chain(of_figures().flatten());
        if let Some(name) = texts().find_map(|text| text.strip_prefix(IN_MEMORY)) {
            return Err(ExperimentFileError::InMemory { path: owned(), model: name.to_owned() });
        }
        if root.models.is_empty() && of_figures().next().is_none() {
            return Err(ExperimentFileError::Empty { path: owned(), what: "models" });
        }
        let models = Models::read(path, texts(), folder, untrained)?;
        let listed: Option<Vec<Distance>> = match &root.distances {
            None => None,
            Some(names) => {
                Some(names.iter().map(|n| n.parse()).collect::<Result<_, _>>().map_err(word)?)
            }
        };
        let mut distances = listed.clone().unwrap_or_default();
        let mut figures: Vec<FigureSpec> = Vec::new();
        for entry in root.figures {
            let figure_models: Vec<String> =
                entry.models.iter().flatten().map(|text| models.name(text).to_owned()).collect();
            let figure_distances: Vec<Distance> = match &entry.distances {
                None => listed.clone().unwrap_or_else(|| Distance::STUDY.to_vec()),
                Some(names) => {
                    names.iter().map(|n| n.parse()).collect::<Result<_, _>>().map_err(word)?
                }
            };
            let panels = entry.panels.clone().unwrap_or_default();
            let place = FigurePlace { path, figure: &entry.name };
            if entry.models.is_some() {
                place.check("models", &figure_models)?;
            }
            place.check("distances", &figure_distances)?;
            if entry.panels.is_some() {
                place.check("panels", &panels)?;
            }
            if let Some(dataset) = panels.iter().find(|p| called().all(|name| name != **p)) {
                let found = called().map(str::to_owned).collect();
                let (path, figure, dataset) = (owned(), entry.name, dataset.clone());
                return Err(ExperimentFileError::NoPanel { path, figure, dataset, found });
            }
            for distance in &figure_distances {
                if !distances.contains(distance) {
                    distances.push(*distance);
                }
            }
            figures.push(FigureSpec {
                name: entry.name,
                title: entry.title.or(root.title.clone()),
                models: figure_models,
                distances: figure_distances,
                panels,
            });
        }
        let mut colours = BTreeMap::new();
        for (model, color) in &root.colours {
            color.parse::<Color>().map_err(|source| ExperimentFileError::Color {
                path: owned(),
                model: model.clone(),
                source,
            })?;
            let mut bases = models.models.iter().map(|m| m.spec.to_string());
            let named = match models.known(model) {
                Some(name) => name.to_owned(),
                // Of a control, or of an id without what stands behind it.
                None if model == "pixels" || bases.any(|spec| base_of(&spec) == model) => {
                    model.clone()
                }
                None => {
                    let (path, model) = (owned(), model.clone());
                    return Err(ExperimentFileError::ColorOfNone { path, model });
                }
            };
            if let Some(twice) = colours.insert(named.clone(), color.clone()) {
                let (path, first, second) = (owned(), twice, color.clone());
                return Err(ExperimentFileError::TwoColours { path, model: named, first, second });
            }
        }
        if distances.is_empty() {
            distances = Distance::STUDY.to_vec();
        }
        if listed.is_none() {
            distances.sort();
        }
        Ok(Self {
            choices: Choices {
                scale_from: match root.scale_from {
                    Some(run) => Some(folder.join(expand_home(&run).map_err(home)?)),
                    None => None,
                },
                ..choices
            },
            title: root.title,
            colours,
            models: models.models,
            datasets,
            distances,
            figures,
            baseline_size: root.baseline_size.map(NonZeroUsize::get),
            weights: match root.weights {
                Some(weights) => Some(folder.join(expand_home(&weights).map_err(home)?)),
                None => None,
            },
        })
    }
}

impl ExperimentFile {
    /// The experiment that it is; what it does not say is as in [`Experiment::new`].
    ///
    /// `memory_bytes` — the budget where it says none
    pub fn into_experiment(self, memory_bytes: u64) -> Experiment {
        let Choices { resamples, seed, cluster, .. } = self.choices;
        let choices = self.choices;
        let memory_bytes = choices.memory_bytes.unwrap_or(memory_bytes);
        let by_default = Experiment::new(vec![], self.datasets, memory_bytes);
        let of_default = &by_default.resampling;
        Experiment {
            models: self.models,
            distances: self.distances,
            tokens: choices.tokens.unwrap_or(by_default.tokens),
            prefix_tokens: choices.prefix_tokens,
            layouts: choices.layouts.unwrap_or_default(),
            projection: choices.projection,
            precision: choices.precision.unwrap_or(PrecisionChoice::Auto).resolve(),
            ties: choices.ties.unwrap_or(by_default.ties),
            resampling: Resampling {
                resamples: resamples.unwrap_or(of_default.resamples),
                seed: seed.unwrap_or(of_default.seed),
                cluster: cluster.unwrap_or(of_default.cluster),
            },
            baseline_size: self.baseline_size.unwrap_or(Experiment::BASELINE_SIZE),
            weights: self.weights,
            pixels: choices.pixels.unwrap_or(true),
            scale_from: choices.scale_from,
            figures: self.figures,
            presentation: Presentation {
                title: self.title,
                colours: self.colours,
                published: choices.published.unwrap_or(false),
            },
            keep_going: choices.keep_going.unwrap_or(false),
            ..by_default
        }
    }
}

/// Before the name of a model of which only its arrays or its function were given.
const IN_MEMORY: &str = "in-memory:";

impl Root {
    /// An experiment in TOML; or in JSON, in the manifest of a run.
    fn parse(path: &Path, text: &str) -> Result<Self, ExperimentFileError> {
        #[derive(Deserialize)]
        struct OfManifest {
            experiment: Root,
        }
        let owned = || path.to_owned();
        if path.extension().is_some_and(|extension| extension == "json") {
            let read = serde_json::from_str::<OfManifest>(text);
            let read =
                read.map_err(|source| ExperimentFileError::Manifest { path: owned(), source });
            return read.map(|manifest| manifest.experiment);
        }
        toml::from_str(text)
            .map_err(|source| ExperimentFileError::Parse { path: owned(), source: source.into() })
    }

    /// The words that it says of how models are run and scored.
    fn choices(&self, path: &Path) -> Result<Choices, ExperimentFileError> {
        fn read<T: FromStr<Err = UnknownName>>(
            path: &Path,
            word: Option<&String>,
        ) -> Result<Option<T>, ExperimentFileError> {
            let path = path.to_owned();
            let read = word.map(|word| word.parse()).transpose();
            read.map_err(|source| ExperimentFileError::Word { path, source })
        }
        let layouts: Vec<Layout> = self
            .layouts
            .iter()
            .map(|word| read(path, Some(word)).map(|layout| layout.expect("it is there")))
            .collect::<Result<_, _>>()?;
        let layouts = match layouts.is_empty() {
            true => None,
            false => Some(Layouts::new(&layouts).map_err(|source| {
                ExperimentFileError::Layouts { path: path.to_owned(), source }
            })?),
        };
        if let Some(found) =
            self.resamples.filter(|n| *n != 0 && !(MIN_RESAMPLES..=MAX_RESAMPLES).contains(n))
        {
            return Err(ExperimentFileError::Resamples { path: path.to_owned(), found });
        }
        Ok(Choices {
            tokens: read(path, self.tokens.as_ref())?,
            prefix_tokens: self.prefix_tokens,
            layouts,
            projection: read(path, self.projection.as_ref())?,
            precision: read(path, self.precision.as_ref())?,
            ties: read(path, self.ties.as_ref())?,
            resamples: self.resamples,
            seed: self.seed,
            cluster: read(path, self.cluster.as_ref())?,
            pixels: self.pixels,
            memory_bytes: self.memory_bytes,
            scale_from: None,
            keep_going: self.keep_going,
            published: self.published,
        })
    }

    /// An experiment as it is written in the manifest of its run: all that it says, by whole paths.
    ///
    /// `names` — what results call each of its models
    pub(super) fn new(experiment: &Experiment, names: &[String]) -> Self {
        let whole = |path: &Path| PathBuf::from(absolute(path));
        let model = |(model, name): (&NamedModel, &String)| match &model.spec {
            ModelSpec::Own(own) => format!("{IN_MEMORY}{own}"),
            spec if spec.place() == *name => spec.place(),
            spec => format!("{name}={}", spec.place()),
        };
        let dataset = |spec: &DatasetSpec| Dataset {
            name: spec.name.clone(),
            format: Some(spec.format.name().to_owned()),
            level: spec.level.map(|level| level.to_string()),
            data: whole(&spec.data),
            split: spec.options.split.clone(),
            min_votes: spec.options.min_votes,
            images: spec.options.things_images.map(|images| match images {
                ThingsImages::First => ImagesWord::First,
                ThingsImages::Reference01b => ImagesWord::Reference01b,
            }),
            limit: spec.options.limit,
            skip_missing: spec.options.skip_missing,
            allow_outside: spec.options.allow_outside,
        };
        let list = |distances: &[Distance]| distances.iter().map(ToString::to_string).collect();
        let figure = |figure: &FigureSpec| Figure {
            name: figure.name.clone(),
            title: figure.title.clone(),
            models: (!figure.models.is_empty()).then(|| figure.models.clone()),
            distances: Some(list(&figure.distances)),
            panels: (!figure.panels.is_empty()).then(|| figure.panels.clone()),
        };
        let Presentation { title, colours, published } = experiment.presentation.clone();
        Self {
            title,
            models: experiment.models.iter().zip(names).map(model).collect(),
            distances: Some(list(&experiment.distances)),
            tokens: Some(experiment.tokens.to_string()),
            prefix_tokens: experiment.prefix_tokens,
            layouts: experiment.layouts.iter().map(|layout| layout.to_string()).collect(),
            projection: experiment.projection.map(|form| form.to_string()),
            precision: Some(experiment.precision.to_string()),
            ties: Some(experiment.ties.to_string()),
            resamples: Some(experiment.resampling.resamples),
            seed: Some(experiment.resampling.seed),
            cluster: Some(experiment.resampling.cluster.to_string()),
            pixels: Some(experiment.pixels),
            memory_bytes: Some(experiment.memory_bytes),
            scale_from: experiment.scale_from.as_deref().map(whole),
            keep_going: Some(experiment.keep_going),
            published: Some(published),
            baseline_size: NonZeroUsize::new(experiment.baseline_size),
            weights: experiment.weights.as_deref().map(whole),
            colours,
            datasets: experiment.datasets.iter().map(dataset).collect(),
            figures: experiment.figures.iter().map(figure).collect(),
        }
    }
}

/// Where a figure stands, for errors.
struct FigurePlace<'a> {
    path: &'a Path,
    figure: &'a str,
}

impl FigurePlace<'_> {
    /// A list that is empty, or names a thing twice, is an error.
    fn check<T: PartialEq + ToString>(
        &self,
        list: &'static str,
        items: &[T],
    ) -> Result<(), ExperimentFileError> {
        let (path, figure) = (self.path.to_owned(), self.figure.to_owned());
        if items.is_empty() {
            return Err(ExperimentFileError::EmptyFigure { path, figure, what: list });
        }
        match items.iter().enumerate().find(|(i, item)| items[..*i].contains(item)) {
            None => Ok(()),
            Some((_, item)) => {
                let (what, name) = (list.trim_end_matches('s'), item.to_string());
                Err(ExperimentFileError::TwiceInFigure { path, figure, what, name })
            }
        }
    }
}

/// The models of an experiment, and which of them each text in `models` is.
struct Models {
    /// Every model once, in order of first use.
    models: Vec<NamedModel>,
    /// What they are called in results.
    names: Vec<String>,
    /// Position of the model that a text names.
    texts: BTreeMap<String, usize>,
}

impl Models {
    /// Reads all texts. A name that is given in one figure may stand alone in others.
    fn read<'a>(
        path: &Path,
        texts: impl Iterator<Item = &'a String> + Clone,
        base: &Path,
        untrained: bool,
    ) -> Result<Self, ExperimentFileError> {
        let error = |source| ExperimentFileError::Model { path: path.to_owned(), source };
        let mut found = Self { models: vec![], names: vec![], texts: BTreeMap::new() };
        let mut given: Vec<(&str, &str)> = Vec::new();
        for text in texts.clone() {
            // Whether it is a name is known once all have been read.
            let Ok(NamedModel { name: Some(_), .. }) = NamedModel::read(text, Some(base)) else {
                continue;
            };
            let (name, _) = text.split_once('=').expect("it has a name");
            given.push((name, text));
        }
        for text in texts {
            let alone = given.iter().find(|(name, _)| name == text);
            let NamedModel { name, spec } =
                parse_model(alone.map_or(text, |(_, whole)| whole), base, untrained)
                    .map_err(error)?;
            let known = found.models.iter().position(|model| model.spec.is_same_as(&spec));
            let position = known.unwrap_or_else(|| {
                found.models.push(NamedModel { name: None, spec: spec.clone() });
                found.models.len() - 1
            });
            let before = &mut found.models[position].name;
            match (&before, name) {
                (Some(first), Some(second)) if *first != second => {
                    let (path, first, spec) = (path.to_owned(), first.clone(), spec.to_string());
                    return Err(ExperimentFileError::TwoNames { path, spec, first, second });
                }
                (None, Some(name)) => *before = Some(name),
                _ => {}
            }
            found.texts.insert(text.clone(), position);
        }
        let error = |source| ExperimentFileError::Name { path: path.to_owned(), source };
        found.names = names_of(&found.models).map_err(error)?;
        Ok(found)
    }

    /// What the model of a text is called in results.
    fn name(&self, text: &str) -> &str {
        &self.names[self.texts[text]]
    }

    /// The same of a text that may name no model; or the name itself.
    fn known<'a>(&'a self, text: &'a str) -> Option<&'a str> {
        match self.texts.get(text) {
            Some(position) => Some(&self.names[*position]),
            None => self.names.iter().any(|name| name == text).then_some(text),
        }
    }
}

/// A model by its name, or the control of the model that is known by its id.
/// Folders lie relative to the experiment's own.
fn parse_model(text: &str, base: &Path, untrained: bool) -> Result<NamedModel, ModelSpecError> {
    let NamedModel { name, spec } = NamedModel::read(text, Some(base))?;
    let spec = match spec {
        ModelSpec::Encoder { source: ModelSource::Hub(model), bare_patches } if untrained => {
            let source = ModelSource::Random { id: model.id, seed: 0 };
            ModelSpec::Encoder { source, bare_patches }
        }
        ModelSpec::Encoder { source: ModelSource::File(file), bare_patches } if untrained => {
            match file.like {
                Some(Like::Known(id)) => {
                    let source = ModelSource::Random { id, seed: 0 };
                    ModelSpec::Encoder { source, bare_patches }
                }
                _ => format!("random:{}", file.path.display()).parse()?,
            }
        }
        ModelSpec::Encoder { source: ModelSource::Folder(folder), .. } if untrained => {
            // No architecture is known by a folder, which is what the error then says.
            format!("random:{}", folder.display()).parse()?
        }
        spec => spec,
    };
    Ok(NamedModel { name, spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/paper.toml")
    }

    #[test]
    fn the_study_has_seven_models_five_figures_and_an_appendix() {
        let experiment = ExperimentFile::read(&paper(), &BTreeMap::new(), true).expect("read");
        assert_eq!(experiment.models.len(), 7);
        assert_eq!(experiment.figures.len(), 6);
        assert_eq!(experiment.figures[5].distances, [Distance::Euclidean]);
        assert_eq!(experiment.distances, Distance::STUDY);
        let names: Vec<_> = experiment.models.iter().map(ToString::to_string).collect();
        assert!(names.iter().all(|n| n.starts_with("random:")));
        assert!(names.iter().any(|n| n.ends_with("@bare-patches")));
    }

    #[test]
    fn baselines_stand_in_experiments_and_have_no_control() {
        let experiments = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
        let path = experiments.join("paper-baselines.toml");
        let experiment = ExperimentFile::read(&path, &BTreeMap::new(), true).expect("read");
        let names: Vec<_> = experiment.models.iter().map(ToString::to_string).collect();
        let expected = ["ssim", "lpips-alex", "perceptnet", "random:openai/clip-vit-base-patch16"];
        assert_eq!(names, expected);
        assert_eq!(experiment.baseline_size, Some(224));
    }

    #[test]
    fn data_named_on_the_command_line_wins() {
        let data = BTreeMap::from([("nights".to_owned(), PathBuf::from("/elsewhere"))]);
        let experiment = ExperimentFile::read(&paper(), &data, true).expect("read");
        assert_eq!(experiment.datasets[1].data, Path::new("/elsewhere"));
        let data = BTreeMap::from([("pairs".to_owned(), PathBuf::from("x"))]);
        let error = ExperimentFile::read(&paper(), &data, true).expect_err("not in it");
        assert!(matches!(error, ExperimentFileError::NoDataset { .. }));
    }

    /// What is said of an experiment with one data set and one figure, beside what is given.
    fn said_of(root: &str, figure: &str) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("e.toml");
        let text = format!(
            "{root}\n[[datasets]]\nname = \"pairs\"\ndata = \".\"\n[[figures]]\nname = \"f\"\n{figure}\n"
        );
        std::fs::write(&path, text).expect("written");
        match ExperimentFile::read(&path, &BTreeMap::new(), false) {
            Ok(experiment) => {
                format!("{:?} {:?}", experiment.figures[0].panels, experiment.colours)
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                format!("{error}: {}", source.unwrap_or_default())
            }
        }
    }

    #[test]
    fn panels_and_colours_are_read_and_what_cannot_be_is_named() {
        let models = "models = [\"a/b\", \"random:a/b@seed=1\"]";
        let colours = |of: &str| format!("colours = {{ {of} }}");
        let good = said_of(
            &colours("\"a/b\" = \"#102030\", pixels = \"#000000\""),
            &format!("{models}\npanels = [\"pairs\"]"),
        );
        assert!(good.contains("[\"pairs\"]") && good.contains("#102030"), "{good}");
        for (root, figure, words) in [
            (colours("\"a/b\" = \"blue\""), models.to_owned(), "`blue` is not a colour"),
            (colours("\"c/d\" = \"#102030\""), models.to_owned(), "colour for `c/d`"),
            (
                colours("\"x=a/b\" = \"#102030\", x = \"#ffffff\""),
                "models = [\"x=a/b\"]".to_owned(),
                "gives `x` the colours `#ffffff` and `#102030`",
            ),
            (String::new(), "models = []".to_owned(), "an empty list of models"),
            (String::new(), "models = [\"a/b\", \"a/b\"]".to_owned(), "the model `a/b` twice"),
            (String::new(), format!("{models}\ndistances = []"), "an empty list of distances"),
            (
                String::new(),
                format!("{models}\npanels = [\"things\"]"),
                "a panel for `things`, which is not among",
            ),
            (String::new(), format!("{models}\npanels = [\"low\"]"), "[[datasets]]: `pairs`"),
        ] {
            let said = said_of(&root, &figure);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_figure_has_a_name_that_no_other_file_of_the_run_has() {
        for (name, words) in [
            ("energy", "the name `energy` of a figure is taken"),
            ("scores", "the name `scores` of a figure is taken"),
            ("../x", "the name `../x` of a figure is not fit"),
            ("F", "two figures are called `f` and `F`"),
        ] {
            let models = "models = [\"a/b\"]";
            let said = said_of("", &format!("{models}\n[[figures]]\nname = \"{name}\"\n{models}"));
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn a_key_that_is_not_known_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("e.toml");
        std::fs::write(&path, "title = \"x\"\nmodles = []\n").expect("written");
        let error = ExperimentFile::read(&path, &BTreeMap::new(), false).expect_err("a typo");
        let ExperimentFileError::Parse { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("modles"), "{source}");
    }
}
