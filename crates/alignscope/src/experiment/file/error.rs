//! What can be wrong with an experiment file.

use std::path::PathBuf;

use crate::cache::CacheError;
use crate::dataset::{DatasetError, SelectionError};
use crate::features::LayoutError;
use crate::figure::NoColor;
use crate::model_spec::{ModelNameError, ModelSpecError};
use crate::name::UnknownName;
use crate::resample::{MAX_RESAMPLES, MIN_RESAMPLES};
use crate::results::FigureNameError;
use crate::user_folders::NoHome;

/// An experiment file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentFileError {
    /// The file cannot be read.
    #[error("cannot read the experiment {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that is not known.
    #[error("cannot understand the experiment {path}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The cache that it names cannot be.
    #[error("the experiment {path} names a cache that cannot be")]
    Cache {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: CacheError,
    },
    /// A manifest holds no experiment that can be repeated.
    #[error("cannot find an experiment in {path}, expected the `manifest.json` of a run")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// Layouts that do not go together.
    #[error("in the experiment {path}")]
    Layouts {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: LayoutError,
    },
    /// A number of resamples that cannot be.
    #[error(
        "the experiment {path} asks for {found} resamples, expected 0 for no intervals, or {MIN_RESAMPLES} to \
         {MAX_RESAMPLES}"
    )]
    Resamples {
        /// The file.
        path: PathBuf,
        /// How many.
        found: usize,
    },
    /// A word that is not among the choices.
    #[error("in the experiment {path}")]
    Word {
        /// The file.
        path: PathBuf,
        /// Which word.
        #[source]
        source: UnknownName,
    },
    /// A model that cannot be.
    #[error("in the experiment {path}, whose paths begin at its own folder")]
    Model {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ModelSpecError,
    },
    /// A model cannot be called so in results.
    #[error("in the experiment {path}")]
    Name {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ModelNameError,
    },
    /// One model is given two names.
    #[error(
        "the experiment {path} calls the model {spec} `{first}` and `{second}`, expected one name \
         for a model"
    )]
    TwoNames {
        /// The file.
        path: PathBuf,
        /// The model.
        spec: String,
        /// Its first name.
        first: String,
        /// Its second name.
        second: String,
    },
    /// A path begins with `~`, and the home is not known.
    #[error("in the experiment {path}")]
    Home {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: NoHome,
    },
    /// Nothing is shown.
    #[error("the experiment {path} has no {what}, expected such as {example}")]
    Empty {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// What could be there.
        example: &'static str,
    },
    /// Data for a data set that is not in the experiment.
    #[error(
        "a folder is named for `{dataset}`, which the experiment {path} has not; its data \
         sets are {}",
        quoted(found)
    )]
    NoDataset {
        /// The file.
        path: PathBuf,
        /// The data set.
        dataset: String,
        /// The data sets that it has.
        found: Vec<String>,
    },
    /// A data set says neither what it is nor what it is called.
    #[error(
        "{} of the experiment {path} has no `format`, expected one such as `format = \"pairs\"`{}; \
         `alignscope list datasets` lists them",
        name.as_ref().map_or("a [[datasets]]".to_owned(), |name| format!("the data set `{name}`")),
        if name.is_some() { ", or a format as its name" } else { "" }
    )]
    NoFormat {
        /// The file.
        path: PathBuf,
        /// What the data set is called.
        name: Option<String>,
    },
    /// A data set cannot have its name.
    #[error("in the experiment {path}")]
    DatasetName {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<DatasetError>,
    },
    /// What is selected of a data set is no list of trials.
    #[error("in the experiment {path}")]
    Selection {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SelectionError,
    },
    /// A figure shows nothing.
    #[error("in the experiment {path}, the figure `{figure}` has an empty list of {what}")]
    EmptyFigure {
        /// The file.
        path: PathBuf,
        /// The figure.
        figure: String,
        /// What is missing.
        what: &'static str,
    },
    /// A figure names a thing twice.
    #[error("in the experiment {path}, the figure `{figure}` names the {what} `{name}` twice")]
    TwiceInFigure {
        /// The file.
        path: PathBuf,
        /// The figure.
        figure: String,
        /// What is named.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A figure has a panel for a data set that is not run.
    #[error(
        "in the experiment {path}, the figure `{figure}` has a panel for `{dataset}`, which is not among its [[datasets]]: {}",
        quoted(found)
    )]
    NoPanel {
        /// The file.
        path: PathBuf,
        /// The figure.
        figure: String,
        /// The data set.
        dataset: String,
        /// The data sets that it has.
        found: Vec<String>,
    },
    /// A text that is no colour.
    #[error("in the experiment {path}, the colour of `{model}`")]
    Color {
        /// The file.
        path: PathBuf,
        /// Whose colour.
        model: String,
        /// What is wrong with it.
        #[source]
        source: NoColor,
    },
    /// One model is given two colours, under two of its names.
    #[error("the experiment {path} gives `{model}` the colours `{first}` and `{second}`")]
    TwoColours {
        /// The file.
        path: PathBuf,
        /// The model.
        model: String,
        /// Its first colour.
        first: String,
        /// Its second colour.
        second: String,
    },
    /// A colour for a model that no figure shows.
    #[error(
        "the experiment {path} has a colour for `{model}`, which no figure names (models are named as in `models`)"
    )]
    ColorOfNone {
        /// The file.
        path: PathBuf,
        /// The model.
        model: String,
    },
    /// The figures cannot all be drawn into the folder of one run.
    #[error("in the experiment {path}")]
    Figures {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FigureNameError,
    },
}

/// Names with commas.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
