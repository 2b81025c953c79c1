//! The files that a run leaves.

mod ceilings;
mod comparisons;
mod distances;
mod fields;
mod findings;
mod folder;
mod manifest;
mod run;
mod scale;
mod scores;
mod table;
mod trials;

use std::path::PathBuf;

pub use ceilings::{read_ceilings, write_ceilings};
pub use comparisons::{read_comparisons, write_comparisons};
pub use distances::{DistanceRow, DistanceRows, DistancesWriter, visit_distances};
pub use findings::{read_findings, write_findings};
pub use folder::{OutputFolder, write_whole};
pub(crate) use folder::{beside, keep};
pub use manifest::{
    BaselineRecord, DatasetRecord, Drawn, EncodingTime, FileRecord, Host, Manifest, ModelRecord,
    Times, read_drawn,
};
pub use run::{RunDataset, read_distances, read_trials};
pub use scale::{ScaleWriter, read_scale};
pub use scores::{ScoreRow, read_scores, write_scores};
pub use trials::write_trials;

/// A result could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The output folder holds something already.
    #[error(
        "the output folder {path} is not empty (it holds `{found}`); name a new folder with --out, or remove it"
    )]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of its entries.
        found: String,
    },
    /// The output folder holds a run.
    #[error(
        "the output folder {path} holds a finished run already; name a new folder with --out, or remove it"
    )]
    HoldsRun {
        /// The folder.
        path: PathBuf,
    },
    /// The output is not a folder.
    #[error("the output {path} is a file, expected a folder")]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
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
    #[error("{path} has no column `{column}` of {expected}; was it written by another version?")]
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
