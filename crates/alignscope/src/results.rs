//! The files that a run leaves.

mod arrow;
mod bounds;
mod ceilings;
mod comparisons;
mod csv_file;
mod distances;
mod energy;
mod existing_run;
mod file_record;
mod findings;
mod folder;
mod gallery;
mod images;
mod judgements;
mod lock;
mod manifest;
mod names;
mod parquet_field;
mod run;
mod scale;
mod scores;
mod state;
mod table;
mod tables;
mod trials;

use std::path::{Path, PathBuf};

pub(crate) use crate::atomic_write::is_there;
use crate::remedy::Remedy;
use crate::spill::is_full;
pub use arrow::{
    TableReader, one_batch, read_table, table_of_comparisons, table_of_gallery, table_of_plan,
    table_of_scores, table_of_shard, table_of_similarities,
};
pub(crate) use bounds::{
    Bounds, MAX_CSV_ROWS, MAX_ENTRIES, MAX_MODELS, MAX_NAME_BYTES, MAX_TRIALS, read_record,
    shortened, wrong,
};
pub use ceilings::{read_ceilings, write_ceilings};
pub use comparisons::{read_comparisons, write_comparisons};
pub(crate) use csv_file::{
    document as csv_document, read as read_rows, rows as rows_of_csv, write as write_rows,
};
pub use distances::{DistanceRow, DistanceRows, DistancesWriter, visit_distances};
pub use energy::{read_energy, write_energy};
pub(crate) use existing_run::{is_done, lines as told_changes};
pub use file_record::FileRecord;
pub(crate) use file_record::{absolute, recorded_sha256};
pub use findings::{read_findings, write_findings};
pub use folder::{
    Found, OutputFolder, altered_tables, check_finished, check_not_itself, write_whole,
};
pub use gallery::{GalleryRow, write_gallery};
pub(crate) use images::{MAX_IMAGE_BYTES, hash_images, images_root, moved};
pub use judgements::write_judgements;
pub use manifest::{
    BadImage, DatasetRecord, Drawn, DrawnDataset, DrawnModel, Host, Manifest, ModelRecord, Times,
    WorkRecord, parts_of, read_drawn, read_resampling,
};
pub(crate) use names::{
    CHANNEL_ENERGY, OF_LIKELIHOOD, figures_of_any_run, own_figures, training_figures,
};
pub use names::{FigureNameError, MAX_FIGURES, MAX_TITLE_BYTES, check_figure_name, check_figures};
pub(crate) use run::read_pair_distances;
pub use run::{RunDataset, read_distances, read_trials};
pub use scale::{ScaleFile, ScaleWriter};
pub use scores::{ScoreRow, read_scores, write_scores};
pub use state::{Change, RunState};
pub use tables::RunTable;
pub use trials::write_trials;

/// A result could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The output folder holds something already.
    #[error("the output folder {path} is not empty (it holds `{found}`)")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of its entries.
        found: String,
    },
    /// The output folder holds a run.
    #[error("the output folder {path} holds a finished run already{choices}")]
    HoldsRun {
        /// The folder.
        path: PathBuf,
        /// What was chosen otherwise, a line each; nothing where it was not asked.
        choices: String,
    },
    /// The output folder holds a run that is made of something else.
    #[error(
        "{path} holds a run of other inputs; results are never mixed from two. What changed:{changes}"
    )]
    Changed {
        /// The folder.
        path: PathBuf,
        /// What changed, a line each.
        changes: String,
    },
    /// A table of a finished run is not as the run left it.
    #[error("{path} is not as this very run left it")]
    Tampered {
        /// The table.
        path: PathBuf,
    },
    /// The output folder holds a run, where none can go on.
    #[error("the output folder {path} holds a finished run already")]
    HoldsFinished {
        /// The folder.
        path: PathBuf,
    },
    /// The run in a folder is not done.
    #[error("the run in {path} is not done (it holds unfinished.json); {}", again(*simulated))]
    NotDone {
        /// The folder.
        path: PathBuf,
        /// Whether it is of simulated answers: such a run does not go on.
        simulated: bool,
    },
    /// The folder holds no finished run.
    #[error("{path} holds no finished run: {}", no_run(path))]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The output is a folder that is read: what comes of it would take its place.
    #[error("{path} is one of the runs that are read, expected another folder for the output")]
    Itself {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes to the folder.
    #[error("another run is writing to {path} ({holder}); wait for it")]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who it is.
        holder: String,
    },
    /// A data set that the run has not.
    #[error("{path} has no data set `{dataset}`; it has {}", found.join(", "))]
    NotInRun {
        /// The folder of the run.
        path: PathBuf,
        /// The data set that was named.
        dataset: String,
        /// Those of the run.
        found: Vec<String>,
    },
    /// The output is not a folder.
    #[error("the output {path} is a file, expected a folder")]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The user stopped the work.
    #[error("stopped")]
    Stopped,
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A table could not be written.
    #[error("cannot write the table {path}")]
    WriteTable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A table could not be read.
    #[error("cannot read the table {path}")]
    ReadTable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A table lacks a column, or has it with another type.
    #[error("{path} has no column `{column}` of {expected}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The type expected.
        expected: &'static str,
    },
    /// A table does not go with another one of its run.
    #[error("{path} does not go with {other}: {why}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The other.
        other: &'static str,
        /// What does not fit.
        why: String,
    },
    /// A value of a run's file that cannot be meant.
    #[error("in {path}, `{key}` is {found}, expected {expected}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Where in it the value stands.
        key: String,
        /// What it is.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The figures that a manifest names cannot be drawn.
    #[error("in {path}")]
    Figures {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FigureNameError,
    },
    /// The manifest of a run cannot be read.
    #[error("{path} is not the manifest of a run")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A row of a CSV file cannot be read.
    #[error("{path}, line {line}: column `{column}` is `{found}`, expected {expected}")]
    Field {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A CSV file cannot be parsed.
    #[error("cannot read {path}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why, and where.
        #[source]
        source: csv::Error,
    },
}

/// How a run that is not done comes to its end.
fn again(simulated: bool) -> &'static str {
    match simulated {
        true => "remove the folder and begin anew",
        false => "run it again into the same folder, and it goes on",
    }
}

/// Why there is no run at a path, and what to name.
fn no_run(path: &Path) -> &'static str {
    match (path.is_file(), path.exists()) {
        (true, _) if path.ends_with("manifest.json") => {
            "it is a file; name the folder in which it lies"
        }
        (true, _) => "it is a file; name the folder that was a run's output",
        (false, true) => "there is no manifest.json in it; name the folder that was a run's output",
        (false, false) => "there is no such folder; name the folder that was a run's output",
    }
}

impl ResultsError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::NotEmpty { .. } => vec![Remedy::OtherFolder, Remedy::RemoveFolder],
            Self::HoldsFinished { .. } => vec![Remedy::OtherFolder, Remedy::ReplaceRun],
            Self::HoldsRun { .. } | Self::Changed { .. } => {
                vec![Remedy::OtherFolder, Remedy::Fresh]
            }
            Self::Tampered { .. } => vec![Remedy::Verify, Remedy::Fresh],
            Self::Locked { .. } => vec![Remedy::OtherFolder],
            Self::Write { source, .. } if is_full(source) => vec![Remedy::FreeSpace],
            _ => vec![],
        }
    }
}
