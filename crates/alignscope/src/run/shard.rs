//! A part of a run, computed into the cache from which the whole is assembled.

use std::time::Instant;

use super::models::RunModel;
use super::{ExperimentError, Opened};
use crate::experiment::Experiment;
use crate::model::{Role, TorchModels, UserModel, check_stopped};
use crate::plan::{Divided, Shard, ShardCell, Units, dealt_to};
use crate::prepared::PreparedDataset;
use crate::progress::Progress;

/// What a shard did.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardSummary {
    /// Which it was.
    pub shard: Shard,
    /// The cells of which a part is its own, in the order of models and data sets.
    pub cells: Vec<ShardCell>,
    /// Seconds from start to end.
    pub wall_s: f64,
}

impl ShardSummary {
    /// Images that were encoded now.
    pub fn encoded(&self) -> usize {
        self.cells.iter().map(|cell| cell.encoded).sum()
    }
}

impl Experiment {
    /// Computes one part of several into the cache; writes no result. Once all shards are done,
    /// [`run_with`](Self::run_with) finds all in the cache, and its results are those of a run
    /// without shards, to the byte. What a shard that stopped or was lost has not done is done when
    /// it is run again, or else by that last run.
    ///
    /// Shards share out the connected components of the pairs of each model on each data set, so
    /// that all cost about the same; every one sees the same parts whatever is in the cache, and
    /// they may be run at the same time. A component is not divided: that of a data set which
    /// compares images in a ring is one part of one shard. Of a data set that asks for a good part
    /// of all pairs the stages are shared out, as far as reducing their pairs costs more than
    /// encoding all images once more.
    ///
    /// `own`, `torch` — as for [`run_with`](Self::run_with)
    ///
    /// # Errors
    /// As for [`run_with`](Self::run_with); or there is no cache, something is to be discarded, or
    /// a model is one of which nothing can be kept.
    pub fn run_shard<'a>(
        &self,
        shard: Shard,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        progress: &'a dyn Progress,
    ) -> Result<ShardSummary, ExperimentError> {
        let clock = Instant::now();
        let opened = self.with_own(&own).opened_for_shards(own, torch, progress)?;
        let Opened { this, mut models, datasets, foreign_scales } = opened;
        let divided: Vec<Divided> = datasets.iter().map(divided).collect();
        let units = this.units(&models, &datasets, &divided);
        let ranges = dealt_to(shard, &units);
        let mut of_cells = units.iter().zip(&ranges);
        let mut cells = Vec::new();
        for model in &mut models {
            for dataset in &datasets {
                let (units, range) = of_cells.next().expect("units of each model on each data set");
                if range.is_empty() || model.model.facts().role() == Role::Distances {
                    continue;
                }
                check_stopped(progress)?;
                let name = model.name.clone();
                let cell = this.cell_of(&name, dataset, &foreign_scales);
                let others = units.others(range);
                let kept = this.kept.as_ref().expect("asked for when it was opened");
                let work = kept.telling(progress, || {
                    let entry = this.cache_entry(model, &cell, progress)?;
                    assert!(entry.is_some(), "a cache, and a model that is kept");
                    Ok::<_, ExperimentError>(model.model.fill(&cell, entry, &others, progress)?)
                })?;
                let [images, pairs, stages] = units.sizes(range);
                let (encoded, wall_s) = work.map_or((0, 0.0), |work| (work.images, work.wall_s));
                let (model, dataset) = (model.name.clone(), dataset.dataset.name.clone());
                cells.push(ShardCell { model, dataset, images, pairs, stages, encoded, wall_s });
            }
            model.model.give_back();
        }
        Ok(ShardSummary { shard, cells, wall_s: clock.elapsed().as_secs_f64() })
    }

    /// What the run is made of, if it can be done in shards.
    fn opened_for_shards<'a>(
        &self,
        own: Vec<UserModel<'a>>,
        torch: &'a dyn TorchModels,
        progress: &'a dyn Progress,
    ) -> Result<Opened<'a>, ExperimentError> {
        if self.kept.is_none() {
            return Err(ExperimentError::ShardWithoutCache);
        }
        if self.fresh {
            return Err(ExperimentError::ShardFresh);
        }
        let opened = self.opened(own, torch, true, progress)?;
        let not_kept =
            |model: &RunModel<'_>| Some((model.name.clone(), model.model.facts().not_cached()?));
        match opened.models.iter().find_map(not_kept) {
            Some((model, why)) => Err(ExperimentError::ShardNotKept { model, why }),
            None => Ok(opened),
        }
    }

    /// The units of each model on each data set.
    ///
    /// `divided` — each data set
    pub(super) fn units<'d>(
        &self,
        models: &[RunModel<'_>],
        datasets: &[PreparedDataset],
        divided: &'d [Divided],
    ) -> Vec<Units<'d>> {
        let of_model = |model: &RunModel<'_>| {
            let of_cell = |(dataset, divided): (&PreparedDataset, &'d Divided)| {
                let cell = self.cell_without_scales(&model.name, dataset);
                let numbers = model.model.compared_numbers(&cell);
                Units::new(divided, &numbers, model.model.facts().cost(&cell))
            };
            datasets.iter().zip(divided).map(of_cell).collect::<Vec<_>>()
        };
        models.iter().flat_map(of_model).collect()
    }
}

/// How a data set is dealt: by its components, or by stages if it asks for a good part of all
/// pairs.
pub(super) fn divided(dataset: &PreparedDataset) -> Divided {
    let images = dataset.dataset.images.len();
    match dataset.is_dense() {
        true => Divided::into_stages(images, &dataset.pairs),
        false => Divided::into_components(images, &dataset.pairs),
    }
}
