//! How the memory budget of a run is shared out.

use super::ExperimentError;
use super::piece::Request;
use crate::budget::{ahead_limit, fixed_bytes, more_ahead_bytes};
use crate::difference::DifferenceStore;
use crate::encoder::Tokens;
use crate::energy::EnergyAccumulator;
use crate::progress::Progress;
use crate::resident::{ResidentSet, plan, plan_whole};

/// Bytes of a pair in lists: its images and number as the data set has them, in its set, and in the order of reduction.
const PAIR_BYTES: u64 = 64;

/// Rows of `distances.parquet` that are not written yet, and a batch of them.
const TABLE_BYTES: u64 = 24_000_000;

/// Activations of a resident set take no more than this where components are small enough, however
/// large the budget is: beyond it only memory is lost.
const SET_BYTES: u64 = 512_000_000;

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
    /// Shares out the budget: images first, then differences.
    pub(super) fn of(request: &Request<'_>) -> Result<Self, ExperimentError> {
        let Request { model, encoder, dataset, memory_bytes, .. } = request;
        let images = dataset.dataset.images.len();
        let pairs = dataset.pairs.len();
        let stages = encoder.stages();
        let channels: Vec<usize> = stages.iter().map(|s| encoder.shape(*s)[1]).collect();
        let numbers: usize = channels.iter().sum();
        let widest = channels.iter().copied().max().expect("an encoder has stages");
        let one_stage = DifferenceStore::bytes(pairs, 1, widest);
        let all_stages = DifferenceStore::bytes(pairs, stages.len(), numbers);

        let distances = (pairs * stages.len() * request.distances.len() * size_of::<f64>()) as u64;
        let fixed = fixed_bytes(encoder, dataset.largest_px)
            + 2 * DifferenceStore::BLOCK_BYTES as u64
            + TABLE_BYTES
            + distances
            + (numbers * EnergyAccumulator::CHANNEL_BYTES) as u64
            + pairs as u64 * PAIR_BYTES;
        let per_image = encoder.bytes_per_image() as u64
            + match request.tokens {
                Tokens::Mean => (widest * size_of::<f32>()) as u64,
                _ => 0,
            };
        let fitting = |bytes: u64| usize::try_from(bytes / per_image).unwrap_or(usize::MAX);
        let left = memory_bytes.saturating_sub(fixed);
        let more_ahead = more_ahead_bytes(left);
        let ahead_bytes = ahead_limit(more_ahead);
        let free = left - more_ahead;
        let shares = |sets, in_memory, store_in_memory| {
            Ok(Self { sets, in_memory, store_in_memory, ahead_bytes })
        };

        let whole = images as u64 * per_image;
        if whole <= free {
            // Several sets of that size keep all threads as busy as one large one.
            let easy = fitting(SET_BYTES);
            if whole > SET_BYTES + all_stages
                && all_stages <= free / 2
                && let Ok(sets) = plan(images, &dataset.pairs, easy)
            {
                return shares(sets, easy, true);
            }
            let sets = plan_whole(images, &dataset.pairs, images);
            return shares(sets, images, whole + one_stage <= free);
        }
        let largest = match plan(images, &dataset.pairs, fitting(free)) {
            Ok(sets) => {
                if all_stages <= free / 2
                    && let Ok(sets) = plan(images, &dataset.pairs, fitting(free - all_stages))
                {
                    return shares(sets, fitting(free - all_stages), true);
                }
                return shares(sets, fitting(free), false);
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
            return Err(ExperimentError::Memory {
                model: (*model).to_owned(),
                dataset: dataset.dataset.kind,
                needed: fixed + vectors + 2 * per_image,
                budget: *memory_bytes,
            });
        }
        let sets = plan_whole(images, &dataset.pairs, in_memory);
        shares(sets, in_memory, store_in_memory)
    }

    /// Says what of it the user should know: that the work is split, and what the disk will hold.
    pub(super) fn tell(&self, request: &Request<'_>, progress: &dyn Progress) {
        let Request { model, encoder, dataset, .. } = request;
        let kind = dataset.dataset.kind;
        if self.sets.len() > 1 {
            progress.note(&format!("{model} on {kind}: {} groups of images", self.sets.len()));
        }
        let largest = self.sets.iter().map(|set| set.images.len()).max().unwrap_or(0);
        let folder = std::env::temp_dir();
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
            let bytes = match self.sets.len() {
                1 => DifferenceStore::bytes(dataset.pairs.len(), 1, numbers.max().unwrap_or(0)),
                _ => DifferenceStore::bytes(dataset.pairs.len(), stages.len(), numbers.sum()),
            };
            progress.note(&format!(
                "{model} on {kind}: differences go to a temporary file of {} MB in {folder}",
                bytes.div_ceil(1_000_000),
            ));
        }
    }
}
