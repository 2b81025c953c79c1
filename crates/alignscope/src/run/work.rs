//! The work of a run: each model on each data set, taken from what is kept or done now.

use super::ExperimentError;
use super::models::RunModel;
use crate::cache::CacheEntry;
use crate::experiment::Experiment;
use crate::model::{Cell, Measurement};
use crate::prepared::PreparedDataset;
use crate::progress::Progress;
use crate::results::WorkRecord;

impl Experiment {
    /// What is measured of a model on a data set, as far as it is kept from what is kept; and what was
    /// done for it.
    pub(super) fn cell(
        &self,
        model: &mut RunModel<'_>,
        dataset: &PreparedDataset,
        foreign_scales: &super::ForeignScales,
        progress: &dyn Progress,
    ) -> Result<(Measurement, Option<WorkRecord>), ExperimentError> {
        let Some(folder) = &self.kept else {
            return self.cell_with_cache(model, dataset, foreign_scales, progress);
        };
        folder.telling(progress, || self.cell_with_cache(model, dataset, foreign_scales, progress))
    }

    fn cell_with_cache(
        &self,
        model: &mut RunModel<'_>,
        dataset: &PreparedDataset,
        foreign_scales: &super::ForeignScales,
        progress: &dyn Progress,
    ) -> Result<(Measurement, Option<WorkRecord>), ExperimentError> {
        let name = &dataset.dataset.name;
        let cell = self.cell_of(&model.name, dataset, foreign_scales);
        let kept = self.cache_entry(model, &cell, progress)?;
        let found = model.model.measure(&cell, kept, progress)?;
        let record = found.work.map(|work| WorkRecord {
            model: model.name.clone(),
            dataset: name.clone(),
            images: work.images,
            features_computed: work.features_computed,
            wall_s: work.wall_s,
        });
        Ok((found, record))
    }

    /// A model on a data set.
    pub(super) fn cell_of<'a>(
        &'a self,
        model: &'a str,
        dataset: &'a PreparedDataset,
        foreign_scales: &'a super::ForeignScales,
    ) -> Cell<'a> {
        let name = (model.to_owned(), dataset.dataset.name.clone());
        let foreign_scales = foreign_scales.scales.get(&name);
        Cell { foreign_scales, ..self.cell_without_scales(model, dataset) }
    }

    /// A model on a data set, which has no scales but its own.
    pub(super) fn cell_without_scales<'a>(
        &'a self,
        model: &'a str,
        dataset: &'a PreparedDataset,
    ) -> Cell<'a> {
        let (tokens, memory_bytes) = (self.tokens, self.memory_bytes);
        let distances = &self.distances;
        Cell { model, dataset, distances, tokens, memory_bytes, foreign_scales: None }
    }

    /// What is kept of a model on a data set; says what of it was damaged.
    pub(super) fn cache_entry(
        &self,
        model: &RunModel<'_>,
        cell: &Cell<'_>,
        progress: &dyn Progress,
    ) -> Result<Option<CacheEntry>, ExperimentError> {
        let Some(kept) = self.kept.as_ref().filter(|_| model.model.facts().not_cached().is_none())
        else {
            return Ok(None);
        };
        let (fingerprint, about) = model.fingerprint(cell);
        progress.begin(&format!("{} on {}: looking into the cache", model.name, about.dataset), 0);
        let entry = kept.entry(&fingerprint, &about)?;
        progress.end();
        for (path, why) in entry.damaged() {
            progress.note(&format!(
                "{} on {}: {} was damaged ({why}); it is removed, and computed again",
                model.name,
                about.dataset,
                path.display()
            ));
        }
        Ok(Some(entry))
    }

    /// Forgets what is kept of this run, where that is asked for.
    pub(super) fn forget(
        &self,
        models: &[RunModel<'_>],
        datasets: &[PreparedDataset],
        foreign_scales: &super::ForeignScales,
        progress: &dyn Progress,
    ) -> Result<(), ExperimentError> {
        let Some(kept) = self.kept.as_ref().filter(|_| self.fresh) else { return Ok(()) };
        for model in models.iter().filter(|model| model.model.facts().not_cached().is_none()) {
            for dataset in datasets {
                let cell = self.cell_of(&model.name, dataset, foreign_scales);
                let fingerprint = model.fingerprint(&cell).0;
                kept.telling(progress, || kept.forget(&fingerprint))?;
            }
        }
        Ok(())
    }
}
