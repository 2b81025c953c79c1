//! The tables of a run that grow model by model.

use super::ExperimentError;
use crate::model::StageDistances;
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::results::{DistanceRows, DistancesWriter, OutputFolder, ScaleWriter};

/// `distances.parquet` and `scale.parquet`.
pub(super) struct Tables {
    distances: DistancesWriter,
    scales: ScaleWriter,
}

impl Tables {
    pub(super) fn create(out: &OutputFolder) -> Result<Self, ExperimentError> {
        Ok(Self {
            distances: DistancesWriter::create(&out.file("distances.parquet"))?,
            scales: ScaleWriter::create(&out.file("scale.parquet"))?,
        })
    }

    /// Adds all stages of a model on a data set.
    pub(super) fn write(
        &mut self,
        model: &str,
        dataset: &PreparedDataset,
        stages: &[StageDistances],
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        let name = &dataset.dataset.name;
        let lists: usize = stages.iter().map(|stage| stage.distances.len()).sum();
        progress.begin(&format!("{model} on {name}: writing distances"), lists as u64);
        for stage in stages {
            if let Some(scale) = &stage.scale {
                self.scales.write(name, model, stage.stage, scale.values())?;
            }
            for (distance, values) in &stage.distances {
                self.distances.write(DistanceRows {
                    dataset: name,
                    model,
                    stage: stage.stage,
                    distance: *distance,
                    images: &dataset.dataset.images,
                    pairs: &dataset.pairs,
                    values,
                })?;
                progress.advance(1);
            }
        }
        progress.end();
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), ExperimentError> {
        self.distances.finish()?;
        Ok(self.scales.finish()?)
    }
}
