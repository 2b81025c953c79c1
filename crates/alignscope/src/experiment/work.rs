//! The work of a run: each model on each data set, taken from what is kept or done now.

use std::collections::BTreeMap;
use std::time::Instant;

use super::piece::{self, LazyEncoder};
use super::prepared::PreparedDataset;
use super::reduction::StageDistances;
use super::{Experiment, ExperimentError, Model, Source, baselines, identity, pixels};
use crate::distance::Distance;
use crate::kept::KeptPiece;
use crate::progress::Progress;
use crate::results::WorkRecord;
use crate::stage::Stage;

/// A model on a data set.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) model: &'a Model,
    pub(super) encoder: Option<&'a LazyEncoder<'a>>,
    pub(super) dataset: &'a PreparedDataset,
    pub(super) foreign_scales: Option<&'a BTreeMap<String, Vec<f64>>>,
}

impl Experiment {
    /// The distances of a model on a data set, as far as they are kept from what is kept; and what was done for them.
    pub(super) fn piece(
        &self,
        piece: &Piece<'_>,
        progress: &dyn Progress,
    ) -> Result<(Vec<StageDistances>, Option<WorkRecord>), ExperimentError> {
        let Piece { model, encoder, dataset, foreign_scales } = *piece;
        let kept = self.kept_piece(model, dataset, progress)?;
        let clock = Instant::now();
        let record = |images, features_computed, wall_s| WorkRecord {
            model: model.name.clone(),
            dataset: dataset.dataset.kind.to_string(),
            images,
            features_computed,
            wall_s,
        };
        if let Some(encoder) = encoder {
            let request = piece::Request {
                model: &model.name,
                encoder,
                dataset,
                distances: &self.distances,
                tokens: self.tokens,
                memory_bytes: self.memory_bytes,
                foreign_scales,
            };
            let found = piece::stage_distances(&request, kept, progress)?;
            let done = (found.encoded > 0).then(|| record(found.encoded, None, found.wall_s));
            return Ok((found.stages, done));
        }
        let pairs = dataset.pairs.len();
        if let Some(values) = kept.as_ref().and_then(|piece| piece.all_values(pairs)) {
            let (stage, distance) = match model.source {
                Source::Baseline(_) => (Stage::Output, Distance::Own),
                _ => (Stage::Image, Distance::Euclidean),
            };
            let distances = vec![(distance, values)];
            let found = StageDistances { stage, scale: None, distances, energy: None };
            return Ok((vec![found], None));
        }
        let (stage, done) = match &model.source {
            Source::Baseline(model) => {
                let kept = kept.as_ref();
                let found =
                    baselines::distances(model, dataset, kept, self.memory_bytes, progress)?;
                let images = dataset.dataset.images.len();
                (
                    found.stage,
                    Some(record(
                        images,
                        Some(found.features_computed),
                        clock.elapsed().as_secs_f64(),
                    )),
                )
            }
            _ => {
                let stage = pixels::stage_distances(dataset, self.memory_bytes, progress)?;
                if let Some(kept) = &kept {
                    let all: Vec<u32> = (0..).take(pairs).collect();
                    kept.keep_values(&all, &stage.distances[0].1)?;
                }
                (stage, None)
            }
        };
        Ok((vec![stage], done))
    }

    /// What is kept of a model on a data set; says what of it was damaged.
    fn kept_piece(
        &self,
        model: &Model,
        dataset: &PreparedDataset,
        progress: &dyn Progress,
    ) -> Result<Option<KeptPiece>, ExperimentError> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let (identity, about) = identity::piece(model, dataset, self.tokens);
        progress.begin(&format!("{} on {}: looking into the cache", model.name, about.dataset), 0);
        let piece = kept.piece(&identity, &about)?;
        progress.end();
        for (path, why) in piece.damaged() {
            progress.note(&format!(
                "{} on {}: {} was damaged ({why}); it is removed, and computed again",
                model.name,
                about.dataset,
                path.display()
            ));
        }
        Ok(Some(piece))
    }

    /// Forgets what is kept of this run, where that is asked for.
    pub(super) fn forget(
        &self,
        models: &[Model],
        datasets: &[PreparedDataset],
    ) -> Result<(), ExperimentError> {
        let Some(kept) = self.kept.as_ref().filter(|_| self.fresh) else { return Ok(()) };
        for model in models {
            for dataset in datasets {
                kept.forget(&identity::piece(model, dataset, self.tokens).0)?;
            }
        }
        Ok(())
    }
}
