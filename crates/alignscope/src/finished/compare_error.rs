//! Why runs cannot be compared.

use std::path::PathBuf;

use crate::remedy::Remedy;
use crate::results::ResultsError;
use crate::score::{ColumnError, Ties};

/// Pairs that are compared with each other in one go.
pub(super) const MAX_PAIRS: usize = 100_000;

/// Runs cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A file of a run cannot be read.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A run does not have what is asked for.
    #[error(
        "{}{run} has no {what} `{name}` on {dataset}; it has {}",
        model.as_ref().map_or(String::new(), |model| format!("`{model}` of ")),
        found.join(", ")
    )]
    NotThere {
        /// The run.
        run: PathBuf,
        /// The model whose stage or distance it is, where one is named.
        model: Option<Box<str>>,
        /// Model, stage or distance.
        what: &'static str,
        /// Its name.
        name: String,
        /// The data set.
        dataset: String,
        /// What there is.
        found: Box<[String]>,
    },
    /// A run does not have a data set.
    #[error(
        "{run} has no scores on {dataset}; it has {}",
        if found.is_empty() { "none at all".to_owned() } else { found.join(", ") }
    )]
    NoDataset {
        /// The run.
        run: PathBuf,
        /// The data set.
        dataset: String,
        /// Those that it has.
        found: Vec<String>,
        /// A data set that both runs have.
        shared: Option<String>,
    },
    /// No run has a data set.
    #[error("no run has scores on {dataset}; they have {}", found.join(", "))]
    UnknownDataset {
        /// The data set.
        dataset: String,
        /// Those that there are.
        found: Vec<String>,
    },
    /// There are several of which one is to be named.
    #[error("{dataset} has several {what}s, name one of {}", found.join(", "))]
    Several {
        /// Model, distance or data set.
        what: &'static str,
        /// The data set.
        dataset: String,
        /// What there is.
        found: Vec<String>,
    },
    /// Two runs have models of one name that are not one.
    #[error(
        "the model `{model}` has other scores on {dataset} in one of {} than in another",
        listed(runs)
    )]
    SameName {
        /// The runs.
        runs: Vec<PathBuf>,
        /// The model.
        model: String,
        /// The data set.
        dataset: String,
    },
    /// Two runs are not of the same trials.
    #[error(
        "{run_a} and {run_b} are not of the same trials of {dataset}, so that nothing is paired: {difference}"
    )]
    Trials {
        /// The first run.
        run_a: PathBuf,
        /// The second run.
        run_b: PathBuf,
        /// The data set.
        dataset: String,
        /// The first difference.
        difference: String,
    },
    /// Two runs count ties in another way.
    #[error(
        "{run_a} counts ties by the rule `{a}`, {run_b} by `{b}`: their scores cannot be compared"
    )]
    Ties {
        /// The first run.
        run_a: PathBuf,
        /// The second run.
        run_b: PathBuf,
        /// Its rule.
        a: Ties,
        /// The other's.
        b: Ties,
    },
    /// Nothing is left to compare.
    #[error("there is nothing to compare on {dataset}: {why}")]
    Nothing {
        /// The data set.
        dataset: String,
        /// Why.
        why: &'static str,
    },
    /// There are more pairs than can be compared.
    #[error("there are {found} pairs to compare on {dataset}, expected at most {MAX_PAIRS}")]
    Many {
        /// The data set.
        dataset: String,
        /// How many there are.
        found: usize,
    },
    /// The manifest of a run says so many resamples that comparing takes too long, or too much
    /// memory.
    #[error(
        "{run} has {resamples} resamples, which with {count} {of} on {dataset} are {} {makes}, \
         expected at most {most}",
        *resamples as u64 * *count as u64
    )]
    Resamples {
        /// The run.
        run: PathBuf,
        /// Its resamples.
        resamples: usize,
        /// How many clusters or sides there are.
        count: usize,
        /// Which of the two.
        of: &'static str,
        /// The data set.
        dataset: String,
        /// What their product is a number of.
        makes: &'static str,
        /// The largest product.
        most: u64,
    },
    /// The distances of a run cannot be scored.
    #[error("cannot score the distances of {run}")]
    Score {
        /// The run.
        run: PathBuf,
        /// Why.
        #[source]
        source: ColumnError,
    },
}

impl CompareError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Results(error) => error.remedies(),
            Self::Ties { .. } => vec![Remedy::RunWithTies],
            Self::SameName { .. } => vec![Remedy::NameRuns],
            Self::Many { .. } => vec![Remedy::NameSide],
            Self::NoDataset { shared: Some(dataset), .. } => {
                vec![Remedy::OneDataset { dataset: dataset.clone() }]
            }
            Self::Resamples { .. } => vec![Remedy::FewerResamples],
            _ => vec![],
        }
    }
}

fn listed(runs: &[PathBuf]) -> String {
    let shown: Vec<String> = runs.iter().map(|run| run.display().to_string()).collect();
    shown.join(", ")
}
