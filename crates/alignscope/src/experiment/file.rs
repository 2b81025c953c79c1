//! An experiment as a TOML file: data sets, and figures that each show some models and distances;
//! or in the manifest of a run.

mod datasets;
mod error;
mod figures;
mod form;
mod models;
mod origin;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use error::ExperimentFileError;
pub(crate) use form::written;

use super::{Choices, Experiment};
use crate::cache::CacheFolder;
use crate::distance::Distance;
use crate::encoder::PrecisionChoice;
use crate::finished::{FigureSpec, check_figures};
use crate::model_spec::NamedModel;
use crate::prepared::DatasetSpec;
use figures::Shown;
use form::Root;
use models::Models;
use origin::Origin;

/// An experiment file that has been read: the grid that it asks for, and what else it says.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentFile {
    /// The models: those that the file lists, then every other of any figure once, in order of
    /// first use.
    pub models: Vec<NamedModel>,
    /// What the patterns of its series matched, if it is the manifest of a run.
    pub matched: BTreeMap<String, Vec<PathBuf>>,
    /// The data sets.
    pub datasets: Vec<DatasetSpec>,
    /// The figures.
    pub figures: Vec<FigureSpec>,
    /// Colours chosen for models, as `#rrggbb`.
    pub colours: BTreeMap<String, String>,
    /// What else the file says. The kinds of distance are those that it lists, or else every one of
    /// any figure once.
    pub choices: Choices,
    /// Where differences are kept; `None` if the file does not say.
    pub cache: Option<CacheFolder>,
}

/// A data set, for an experiment that has none.
const EXAMPLE_DATASET: &str =
    "a line `[[datasets]]` with the lines `format = \"pairs\"` and `data = \"FOLDER\"` below it";

/// Models, for an experiment that has none.
const EXAMPLE_MODELS: &str = "`models = [\"openai/clip-vit-base-patch32\"]`";

impl ExperimentFile {
    /// Reads an experiment. Data sets and models' folders lie relative to the file, or where `data`
    /// says. With `untrained`, every encoder is replaced by its random control.
    ///
    /// # Errors
    /// See [`ExperimentFileError`].
    pub fn read(
        path: &Path,
        data: &BTreeMap<String, PathBuf>,
        untrained: bool,
    ) -> Result<Self, ExperimentFileError> {
        let origin = Origin::new(path);
        let root = Root::read(origin)?;
        let mut choices = root.choices(origin)?;
        let datasets = datasets::read(origin, root.datasets, data)?;
        let texts = || {
            let of_figures = root.figures.iter().filter_map(|figure| figure.models.as_ref());
            root.models.iter().chain(of_figures.flatten())
        };
        let empty =
            |what, example| Err(ExperimentFileError::Empty { path: origin.path(), what, example });
        if datasets.is_empty() {
            return empty("[[datasets]]", EXAMPLE_DATASET);
        }
        if root.models.is_empty() && root.figures.iter().all(|figure| figure.models.is_none()) {
            return empty("models", EXAMPLE_MODELS);
        }
        let models = Models::read(origin, texts(), untrained)?;
        let colours = models.colours(origin, &root.colours)?;
        let listed = choices.distances.as_deref();
        let shown = Shown { models: &models, datasets: &datasets, distances: listed };
        let figures = root.figures.into_iter().map(|form| shown.figure(origin, form));
        let figures: Vec<FigureSpec> = figures.collect::<Result<_, _>>()?;
        check_figures(&figures, choices.title.as_deref())
            .map_err(|source| ExperimentFileError::Figures { path: origin.path(), source })?;
        choices.distances = Some(all_distances(listed, &figures));
        Ok(Self {
            models: models.models,
            matched: root.matched,
            datasets,
            figures,
            colours,
            choices,
            cache: root.cache.map(|place| cache(origin, &place)).transpose()?,
        })
    }

    /// The cache that an experiment names; `None` if it does not say.
    ///
    /// # Errors
    /// The file cannot be read, or the place cannot be.
    pub fn cache_of(path: &Path) -> Result<Option<CacheFolder>, ExperimentFileError> {
        let origin = Origin::new(path);
        Root::read(origin)?.cache.map(|place| cache(origin, &place)).transpose()
    }

    /// The same with other models. Its figures show all of them.
    #[must_use]
    pub fn with_models(mut self, models: Vec<NamedModel>) -> Self {
        self.models = models;
        self.figures.iter_mut().for_each(|figure| figure.models.clear());
        self
    }

    /// The same with other data sets. Its figures show all of them.
    #[must_use]
    pub fn with_datasets(mut self, datasets: Vec<DatasetSpec>) -> Self {
        self.datasets = datasets;
        self.figures.iter_mut().for_each(|figure| figure.panels.clear());
        self
    }

    /// The experiment that it is; what nobody chooses is as in [`Experiment::new`], but for the
    /// precision, which is the processor's best.
    ///
    /// `given` — what takes the place of what it says; figures show those of their kinds of
    /// distance that are then left, or all of them
    ///
    /// `memory_bytes` — the budget where neither says one
    pub fn into_experiment(self, given: Choices, memory_bytes: u64) -> Experiment {
        let mut experiment = Experiment {
            models: self.models,
            matched_before: self.matched,
            precision: PrecisionChoice::Auto.resolve(),
            kept: self.cache,
            ..Experiment::new(vec![], self.datasets, memory_bytes)
        }
        .with(self.choices)
        .with(given);
        experiment.presentation.colours = self.colours;
        let title = experiment.presentation.title.clone();
        for mut figure in self.figures {
            figure.title = figure.title.or_else(|| title.clone());
            figure.distances.retain(|distance| experiment.distances.contains(distance));
            if figure.distances.is_empty() {
                figure.distances.clone_from(&experiment.distances);
            }
            experiment.figures.push(figure);
        }
        experiment
    }
}

/// The cache at a place that an experiment names: a folder, relative to the file, or an address.
fn cache(origin: Origin<'_>, place: &Path) -> Result<CacheFolder, ExperimentFileError> {
    let place = match CacheFolder::is_address(place) {
        true => place.to_owned(),
        false => origin.place(place)?,
    };
    CacheFolder::at(&place)
        .map_err(|source| ExperimentFileError::Cache { path: origin.path(), source })
}

/// The kinds of distance that are computed: those that are listed, in their order, then those of
/// figures; the study's where there are none.
fn all_distances(listed: Option<&[Distance]>, figures: &[FigureSpec]) -> Vec<Distance> {
    let mut distances = listed.unwrap_or_default().to_vec();
    for distance in figures.iter().flat_map(|figure| &figure.distances) {
        if !distances.contains(distance) {
            distances.push(*distance);
        }
    }
    if distances.is_empty() {
        distances = Distance::STUDY.to_vec();
    }
    if listed.is_none() {
        distances.sort();
    }
    distances
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::dataset::DatasetFormat;
    use crate::model_spec::{Backend, ModelSpec, TorchDevice, TorchDtype, TorchOptions};

    fn paper() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/paper.toml")
    }

    #[test]
    fn the_study_has_seven_models_five_figures_and_an_appendix() {
        let experiment = ExperimentFile::read(&paper(), &BTreeMap::new(), true).expect("read");
        assert_eq!(experiment.models.len(), 7);
        assert_eq!(experiment.figures.len(), 6);
        assert_eq!(experiment.figures[5].distances, [Distance::Euclidean]);
        assert_eq!(experiment.choices.distances.as_deref(), Some(&Distance::STUDY[..]));
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
        assert_eq!(experiment.choices.baseline_size, Some(224));
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
    fn what_is_given_takes_the_place_of_what_a_file_says() {
        let file = ExperimentFile::read(&paper(), &BTreeMap::new(), true).expect("read");
        let given = Choices {
            title: Some("Given".to_owned()),
            distances: Some(vec![Distance::Cosine]),
            ..Choices::default()
        };
        let experiment = file.clone().into_experiment(given, 1 << 30);
        assert_eq!(experiment.distances, [Distance::Cosine]);
        assert!(experiment.figures.iter().all(|figure| figure.distances == [Distance::Cosine]));
        assert_eq!(experiment.presentation.title.as_deref(), Some("Given"));

        let other = file.with_models(vec![ModelSpec::Pixels.into()]);
        let experiment = other.into_experiment(Choices::default(), 1 << 30);
        assert_eq!(experiment.models.len(), 1);
        assert!(experiment.figures.iter().all(|figure| figure.models.is_empty()));
    }

    #[test]
    fn an_experiment_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let dataset = DatasetSpec {
            name: Some("mine".to_owned()),
            ..DatasetSpec::new(DatasetFormat::PAIRS, folder.path().join("data"))
        };
        let models = ["random:a/b@seed=1", "ssim", "timm:vit", "random:timm:vit@seed=2"];
        let models = models.map(|text| text.parse().expect("a model"));
        let mut models = models.to_vec();
        models.push(ModelSpec::Own("arrays".to_owned()));
        let figure = |name: &str, title: Option<&str>, models: &[&str]| FigureSpec {
            name: name.to_owned(),
            title: title.map(str::to_owned),
            models: models.iter().map(|model| (*model).to_owned()).collect(),
            distances: vec![Distance::Cosine],
            panels: vec!["mine".to_owned()],
        };
        let experiment = Experiment {
            figures: vec![
                figure("all", Some("Its own"), &[]),
                figure("some", Some("Of all"), &["arrays", "random:a/b@seed=1"]),
            ],
            distances: vec![Distance::Cosine, Distance::Dot],
            simulated: true,
            ..Experiment::new(models, vec![dataset], 1 << 30)
        };
        let experiment = experiment.with(Choices {
            title: Some("Of all".to_owned()),
            seed: Some(3),
            backend: Some(Backend::Torch),
            torch: TorchOptions {
                device: Some(TorchDevice::Cuda(Some(1))),
                dtype: Some(TorchDtype::Bfloat16),
                tf32: Some(true),
                compile: Some(false),
                batch: NonZeroUsize::new(8),
            },
            ..Choices::default()
        });
        let manifest = serde_json::json!({ "experiment": written(&experiment, true, true) });
        let path = folder.path().join("manifest.json");
        std::fs::write(&path, manifest.to_string()).expect("written");
        let file = ExperimentFile::read(&path, &BTreeMap::new(), false).expect("read");
        assert_eq!(file.into_experiment(Choices::default(), 1), experiment);
    }

    #[test]
    fn a_word_for_torch_that_is_none_is_named() {
        let models = "models = [\"timm:vit\"]";
        assert!(
            said_of("device = \"cuda:1\"\nbackend = \"torch\"\nbatch = 4", models).contains("[]")
        );
        for (root, words) in [
            ("device = \"gpu\"", "unknown device `gpu`, expected one of `cpu`"),
            ("dtype = \"f64\"", "unknown number format `f64`, expected one of `float32`"),
            ("backend = \"jax\"", "unknown backend `jax`, expected one of `own`, `torch`"),
            ("batch = 0", "nonzero"),
            ("tf32 = 1", "expected a boolean"),
        ] {
            let said = said_of(root, models);
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn torch_models_of_an_experiment_have_controls() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("e.toml");
        let text = "models = [\"timm:vit\", \"m=open_clip:ViT-B-32/openai\"]\n\
                    [[datasets]]\nname = \"pairs\"\ndata = \".\"\n";
        std::fs::write(&path, text).expect("written");
        let models = |untrained| {
            let read = ExperimentFile::read(&path, &BTreeMap::new(), untrained).expect("read");
            read.models.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(models(false), ["timm:vit", "m=open_clip:ViT-B-32/openai"]);
        assert_eq!(models(true), ["random:timm:vit", "m=random:open_clip:ViT-B-32/openai"]);
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
