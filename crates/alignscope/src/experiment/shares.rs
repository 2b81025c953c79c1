//! How the memory budget of a run is shared out.

use super::ExperimentError;
use super::model::Cell;
use super::remaining::Open;
use crate::budget::{ahead_limit, fixed_bytes, more_ahead_bytes};
use crate::encoder::{Encoder, Precision, Tokens};
use crate::energy::EnergyAccumulator;
use crate::pair_statistics::PairStatisticsStore;
use crate::progress::Progress;
use crate::resident::{ResidentSet, plan, plan_whole};
use crate::spill;

/// Bytes of a pair in lists: its images and number as the data set has them, in its set, and in the order of reduction.
const PAIR_BYTES: u64 = 64;

/// Rows of `distances.parquet` that are not written yet, and a batch of them.
const TABLE_BYTES: u64 = 24_000_000;

/// Activations of a resident set take no more than this where components are small enough, however
/// large the budget is: beyond it only memory is lost. Where there are many threads they take as much as gives each
/// of them some groups of images.
pub(super) const SET_BYTES: u64 = 512_000_000;

/// Groups of images that each thread has of a set at least, so that none waits long for the last.
const GROUPS_A_THREAD: usize = 4;

/// What is in memory, and what is not.
pub(super) struct Shares {
    /// The resident sets.
    pub(super) sets: Vec<ResidentSet>,
    /// Images whose activations are in memory at a time; those of a larger set go through a file.
    pub(super) in_memory: usize,
    /// Whether differences are kept in memory, or in a file.
    pub(super) store_in_memory: bool,
    /// Bytes of files that are read ahead.
    pub(super) ahead_bytes: usize,
}

impl Shares {
    /// Shares out the budget: images first, then differences. Where these are `kept` in files, those of several sets
    /// need no room beside the images.
    pub(super) fn of(
        cell: &Cell<'_>,
        encoder: &Encoder,
        open: &Open,
        kept: bool,
    ) -> Result<Self, ExperimentError> {
        let Cell { model, dataset, memory_bytes, .. } = cell;
        let images = open.images.len();
        let pairs = dataset.pairs.len();
        let stages = encoder.stages();
        let channels: Vec<usize> = stages.iter().map(|s| encoder.shape(*s)[1]).collect();
        let numbers: usize = channels.iter().sum();
        let widest = channels.iter().copied().max().expect("an encoder has stages");
        let one_stage = PairStatisticsStore::bytes(pairs, 1, widest);
        let all_stages = match kept {
            true => 0,
            false => PairStatisticsStore::bytes(pairs, stages.len(), numbers),
        };

        let distances = (pairs * stages.len() * cell.distances.len() * size_of::<f64>()) as u64;
        let fixed = fixed_bytes(encoder, dataset.decoding.bytes(), dataset.largest_file)
            + 2 * PairStatisticsStore::BLOCK_BYTES as u64
            + TABLE_BYTES
            + distances
            + (2 * numbers * EnergyAccumulator::CHANNEL_BYTES) as u64
            + pairs as u64 * PAIR_BYTES;
        let per_image = encoder.bytes_per_image() as u64
            + match cell.tokens {
                Tokens::Mean => (widest * size_of::<f32>()) as u64,
                _ => 0,
            };
        let fitting = |bytes: u64| usize::try_from(bytes / per_image).unwrap_or(usize::MAX);
        let left = memory_bytes.saturating_sub(fixed);
        let more_ahead = more_ahead_bytes(left);
        let ahead_bytes = ahead_limit(more_ahead);
        let free = left - more_ahead;
        let shares = |sets: Vec<ResidentSet>, in_memory, store_in_memory| {
            let sets = sets.into_iter().map(|set| open.in_dataset(set)).collect();
            Ok(Self { sets, in_memory, store_in_memory, ahead_bytes })
        };

        let busy = rayon::current_num_threads() * encoder.images_at_a_time() * GROUPS_A_THREAD;
        let easy = fitting(SET_BYTES).max(busy);
        // Of the images that fit, as many as keep all threads busy; whole components.
        let enough = |most: usize| match plan(images, &open.pairs, easy.min(most)) {
            Ok(_) => easy.min(most),
            Err(large) => large.images.min(most),
        };
        let whole = images as u64 * per_image;
        if whole <= free {
            // Several sets of that size keep all threads as busy as one large one.
            if whole > SET_BYTES + all_stages
                && all_stages <= free / 2
                && let Ok(sets) = plan(images, &open.pairs, easy)
            {
                return shares(sets, easy, true);
            }
            let sets = plan_whole(images, &open.pairs, images);
            return shares(sets, images, whole + one_stage <= free);
        }
        let most = enough(fitting(free));
        let largest = match plan(images, &open.pairs, most) {
            Ok(sets) => {
                let beside = fitting(free.saturating_sub(all_stages));
                if all_stages <= free / 2
                    && let Ok(sets) = plan(images, &open.pairs, enough(beside))
                {
                    return shares(sets, beside, true);
                }
                return shares(sets, most, kept);
            }
            Err(large) => large.images,
        };

        // Of every spilled image in memory: its projection, or its one token.
        let vectors = (largest * 2 * widest * size_of::<f32>()) as u64;
        // Reading ahead can wait where two images hardly fit.
        let free = if left - more_ahead < vectors + 4 * per_image { left } else { free };
        let free = free.saturating_sub(vectors);
        let stored = if largest == images { one_stage } else { all_stages };
        let store_in_memory = stored <= free / 4 && fitting(free - stored) >= 2;
        let in_memory = fitting(if store_in_memory { free - stored } else { free });
        if in_memory < 2 {
            let needed = fixed + vectors + 2 * per_image;
            let precision = encoder.precision();
            let third = encoder.resident_bytes(0) as u64 / 3;
            return Err(ExperimentError::Memory {
                model: (*model).to_owned(),
                precision,
                f32_may_do: precision == Precision::Bf16x6 && needed - third <= *memory_bytes,
                dataset: dataset.dataset.name.clone(),
                needed,
                budget: *memory_bytes,
            });
        }
        let sets = plan_whole(images, &open.pairs, in_memory);
        let kept_of_several = kept && sets.len() > 1;
        shares(sets, in_memory, store_in_memory || kept_of_several)
    }

    /// Says what of it the user should know: that a part is kept from before, that the work is split, and what the disk
    /// will hold.
    pub(super) fn tell(
        &self,
        cell: &Cell<'_>,
        encoder: &Encoder,
        open: &Open,
        progress: &dyn Progress,
    ) {
        let Cell { model, dataset, .. } = cell;
        let kind = &dataset.dataset.name;
        let (all, images) = (self.sets.len(), dataset.dataset.images.len());
        if open.images.len() < images {
            let kept = images - open.images.len();
            progress.note(&format!(
                "{model} on {kind}: {kept} of {images} images are done from before"
            ));
        }
        if all > 1 {
            progress.note(&format!("{model} on {kind}: {all} groups of images"));
        }
        let largest = self.sets.iter().map(|set| set.images.len()).max().unwrap_or(0);
        let folder = spill::folder();
        let folder = folder.display();
        if largest > self.in_memory {
            let bytes = largest as u64 * encoder.bytes_per_image() as u64;
            progress.note(&format!(
                "{model} on {kind}: of {largest} images that are connected by pairs, {} fit the memory budget; their activations go through a temporary file of {} MB in {folder}",
                self.in_memory,
                bytes.div_ceil(1_000_000),
            ));
        }
        if !self.store_in_memory {
            let stages = encoder.stages();
            let numbers = stages.iter().map(|s| encoder.shape(*s)[1]);
            let bytes = match all {
                1 => PairStatisticsStore::bytes(dataset.pairs.len(), 1, numbers.max().unwrap_or(0)),
                _ => PairStatisticsStore::bytes(dataset.pairs.len(), stages.len(), numbers.sum()),
            };
            progress.note(&format!(
                "{model} on {kind}: differences go to a temporary file of {} MB in {folder}",
                bytes.div_ceil(1_000_000),
            ));
        }
    }
}
