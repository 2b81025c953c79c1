//! `scale.parquet`: how much each channel varies over the pairs of a data set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::table::{ParquetRow, TableWriter, batches_from, parquet_row};
use super::{ResultsError, wrong};
use crate::input_file::{self, ContentHash};
use crate::stage::Stage;

parquet_row! {
    /// The scale of a channel: a row of `scale.parquet`.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct ScaleRow<'a> {
        /// The data set.
        dataset: &'a str,
        /// The model's name.
        model: &'a str,
        /// The stage.
        stage: &'a str,
        /// The channel, counted from 0.
        channel: u32,
        /// How much it varies.
        scale: f64,
    }
}

/// Writes `scale.parquet`.
pub struct ScaleWriter(TableWriter);

impl ScaleWriter {
    /// Begins the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path) -> Result<Self, ResultsError> {
        TableWriter::create(path, ScaleRow::fields()).map(Self)
    }

    /// Adds the scale of one stage, one value a channel.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(
        &mut self,
        dataset: &str,
        model: &str,
        stage: Stage,
        scale: &[f64],
    ) -> Result<(), ResultsError> {
        let stage = stage.to_string();
        let stage = stage.as_str();
        let row = |(channel, &scale)| ScaleRow { dataset, model, stage, channel, scale };
        self.0.write(ScaleRow::arrays((0..).zip(scale).map(row)))
    }

    /// Adds those rows of another run's file whose data set and model `wanted` takes.
    ///
    /// # Errors
    /// That file cannot be read, or lacks a column; or this one cannot be written.
    pub(crate) fn copy(
        &mut self,
        path: &Path,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<(), ResultsError> {
        let bytes = ScaleFile::read(path)?.bytes;
        for batch in batches_from(path, bytes, ScaleRow::COLUMNS)? {
            let batch = batch?;
            let rows = ScaleRow::rows(&batch)?.filter(|row| wanted(row.dataset, row.model));
            let rows: Vec<ScaleRow<'_>> = rows.collect();
            self.0.write(ScaleRow::arrays(rows.into_iter()))?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> Result<(), ResultsError> {
        self.0.finish()
    }
}

/// Seven models of the study on three data sets have a hundredth of it.
const MAX_BYTES: u64 = 1 << 30;
/// No stage has more channels, and no model more stages.
const MAX_CHANNELS: usize = 1 << 20;
const MAX_STAGES: usize = 10_000;

/// A file of scales, which is read once: what is parsed is what was hashed.
pub struct ScaleFile {
    path: PathBuf,
    bytes: Bytes,
    sha256: ContentHash,
}

impl ScaleFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has more than 1 GiB.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let error = |source| ResultsError::Read { path: path.to_owned(), source };
        let bytes = input_file::read(path, MAX_BYTES).map_err(error)?;
        let sha256 = ContentHash::of(&bytes);
        Ok(Self { path: path.to_owned(), bytes: bytes.into(), sha256 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of what was read.
    pub fn sha256(&self) -> ContentHash {
        self.sha256
    }

    /// The scales that the run kept of `model`, by stage, for the first of its data sets that
    /// `accept` takes.
    ///
    /// # Errors
    /// The file is no table, or lacks a column.
    pub fn scales(
        &self,
        model: &str,
        accept: impl Fn(&str) -> bool,
    ) -> Result<BTreeMap<String, Vec<f64>>, ResultsError> {
        scales(&self.path, self.bytes.clone(), model, accept)
    }
}

fn scales(
    path: &Path,
    bytes: Bytes,
    model: &str,
    accept: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<f64>>, ResultsError> {
    let mut scales = BTreeMap::<String, Vec<f64>>::new();
    for batch in batches_from(path, bytes, ScaleRow::COLUMNS)? {
        for row in ScaleRow::rows(&batch?)? {
            if row.model != model || !accept(row.dataset) {
                continue;
            }
            if !(0.0..f64::INFINITY).contains(&row.scale) {
                let key = format!("scale of {model} at {}", row.stage);
                return Err(wrong(path, key, row.scale, "a number, 0 or more"));
            }
            let of_stage = scales.entry(row.stage.to_owned()).or_default();
            of_stage.push(row.scale);
            if of_stage.len() > MAX_CHANNELS || scales.len() > MAX_STAGES {
                let found =
                    format_args!("of more than {MAX_CHANNELS} channels or {MAX_STAGES} stages");
                return Err(wrong(path, format!("scale of {model}"), found, "fewer"));
            }
        }
    }
    Ok(scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_read_back_for_its_model_and_data_set() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("scale.parquet");
        let mut writer = ScaleWriter::create(&path).expect("created");
        let kind = "nights";
        writer.write(kind, "a", Stage::Embedding, &[1.0, 0.1]).expect("written");
        writer.write(kind, "a", Stage::Block(1), &[3.0]).expect("written");
        writer.write(kind, "b", Stage::Block(1), &[4.0]).expect("written");
        writer.write("things", "a", Stage::Block(1), &[5.0]).expect("written");
        assert!(!path.exists(), "the table has its name only when it is whole");
        writer.finish().expect("finished");
        let file = ScaleFile::read(&path).expect("read");
        assert_eq!(file.sha256(), ContentHash::of(&std::fs::read(&path).expect("read")));
        std::fs::write(&path, "another").expect("written");
        let scales = file.scales("a", |dataset| dataset == "nights").expect("parsed");
        assert_eq!(scales.len(), 2);
        assert_eq!(scales["embedding"], [1.0, 0.1]);
        assert_eq!(scales["block 1"], [3.0]);
    }
}
