//! An experiment as a TOML file: data sets, and figures that each show some models and distances.

mod error;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::ExperimentFileError;

use crate::dataset::{DatasetFormat, DatasetOptions, Level, ThingsImages, check_dataset_name};
use crate::distance::Distance;
use crate::figure::Color;
use crate::finished::FigureSpec;
use crate::input_file::read_text;
use crate::model_spec::{ModelSource, ModelSpec, ModelSpecError, NamedModel, base_of, names_of};
use crate::prepared::DatasetSpec;
use crate::results::check_figures;
use crate::user_folders::expand_home;

/// An experiment file that has been read: the grid that it asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentFile {
    /// What stands over every figure that has no title of its own, and over the page.
    pub title: Option<String>,
    /// Colours chosen for models, as `#rrggbb`.
    pub colours: BTreeMap<String, String>,
    /// Every model of any figure once, in order of first use.
    pub models: Vec<NamedModel>,
    /// The data sets.
    pub datasets: Vec<DatasetSpec>,
    /// Every kind of distance of any figure once.
    pub distances: Vec<Distance>,
    /// The figures.
    pub figures: Vec<FigureSpec>,
    /// Side of the square that baselines see where a data set's images differ in size.
    pub baseline_size: Option<usize>,
    /// A folder in which weights of baselines are looked for first.
    pub weights: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Root {
    title: Option<String>,
    baseline_size: Option<NonZeroUsize>,
    weights: Option<PathBuf>,
    #[serde(default)]
    colours: BTreeMap<String, String>,
    #[serde(default)]
    datasets: Vec<Dataset>,
    #[serde(default)]
    figures: Vec<Figure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dataset {
    /// The name in results; without `format`, what is asked for.
    name: Option<String>,
    format: Option<String>,
    level: Option<String>,
    data: PathBuf,
    split: Option<String>,
    min_votes: Option<u32>,
    images: Option<ImagesWord>,
    limit: Option<usize>,
    #[serde(default)]
    skip_missing: bool,
}

#[derive(Deserialize)]
enum ImagesWord {
    #[serde(rename = "first")]
    First,
    #[serde(rename = "01b")]
    Reference01b,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    name: String,
    title: Option<String>,
    models: Vec<String>,
    distances: Option<Vec<String>>,
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
        let root: Root = toml::from_str(&text).map_err(|source| ExperimentFileError::Parse {
            path: owned(),
            source: source.into(),
        })?;
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
                allow_outside: false,
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
        if root.figures.is_empty() {
            return Err(ExperimentFileError::Empty { path: owned(), what: "[[figures]]" });
        }

        let named = root.figures.iter().map(|figure| {
            let title = figure.title.as_deref().or(root.title.as_deref());
            (figure.name.as_str(), title)
        });
        check_figures(named)
            .map_err(|source| ExperimentFileError::Figures { path: owned(), source })?;

        let texts = || root.figures.iter().flat_map(|figure| &figure.models);
        let models = Models::read(path, texts(), folder, untrained)?;
        let mut distances = Vec::new();
        let mut figures: Vec<FigureSpec> = Vec::new();
        for entry in root.figures {
            let figure_models: Vec<String> =
                entry.models.iter().map(|text| models.name(text).to_owned()).collect();
            let figure_distances: Vec<Distance> = match &entry.distances {
                None => Distance::STUDY.to_vec(),
                Some(names) => {
                    names.iter().map(|n| n.parse()).collect::<Result<_, _>>().map_err(word)?
                }
            };
            let panels = entry.panels.clone().unwrap_or_default();
            let place = FigurePlace { path, figure: &entry.name };
            place.check("models", &figure_models)?;
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
        distances.sort();
        Ok(Self {
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
