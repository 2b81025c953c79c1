//! How the memory budget of a run is shared out among what a model needs.

mod budget;
mod coverage;
mod expected;
mod holding;
mod remaining;
mod resident;
mod shard;
mod units;

use std::ops::Range;

pub(crate) use budget::{ahead_limit, encoder_bytes, fixed_bytes, more_ahead_bytes, reading_bytes};
pub use coverage::Coverage;
pub use expected::{Expected, PlannedCell};
pub use holding::{Holding, Place};
pub use remaining::Remaining;
pub use resident::{ComponentTooLarge, ResidentSet, plan, plan_whole};
pub use shard::{MAX_SHARDS, Shard, ShardCell, ShardError};
pub use units::WorkCost;
pub(crate) use units::{Divided, Units, dealt_to};

use crate::dense_pairs::{self, StageSums};
use crate::energy::EnergyAccumulator;
use crate::image::PROGRAM_BYTES;
use crate::memory::TooLittleMemory;
use crate::pair_statistics::{PairStatisticsStore, pair_bytes};
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::spill;
use crate::stage::Stage;

/// Bytes of a pair in lists: its images and number as the data set has them, in its set, and in the order of reduction.
const PAIR_BYTES: u64 = 64;

/// Rows of `distances.parquet` that are not written yet, and a batch of them.
const TABLE_BYTES: u64 = 24_000_000;

/// Activations of a resident set take no more than this where components are small enough, however
/// large the budget is: beyond it only memory is lost. Where there are many threads they take as much as gives each
/// of them some groups of images.
const SET_BYTES: u64 = 512_000_000;

/// What a model needs of memory, on one data set.
pub struct Demand {
    /// Bytes that are taken whatever the number of images: weights, working memory, batches.
    pub fixed_bytes: u64,
    /// Its stages, in order of depth.
    pub stages: Vec<StageDemand>,
    /// Bytes that an image takes while its activations are in memory.
    pub image_bytes: u64,
    /// The same of an image that was read back from a file: those of one stage, the widest.
    pub image_of_file_bytes: u64,
    /// Bytes that each image of a set takes in memory though its activations are in a file.
    pub image_beside_file_bytes: u64,
    /// Images whose activations a device holds, which then reduces their pairs; `None` if they come to
    /// main memory.
    pub device_images: Option<usize>,
    /// So many images keep all threads at work.
    pub busy_images: usize,
    /// So many images are asked for together, where there are as many.
    pub batch_images: usize,
    /// Bytes of image files that are read and decoded at a time; `None` where no image is read.
    pub reading_bytes: Option<u64>,
    /// What becomes of activations that the budget does not hold.
    pub beyond: Beyond,
    /// What those two images are beside that have to be in memory at least, for the error.
    pub at_least: String,
    /// What would do beside more memory, told how many bytes are needed and how many allowed.
    pub remedies: Box<dyn Fn(u64, u64) -> Vec<Remedy>>,
}

/// A stage, and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageDemand {
    /// The stage.
    pub stage: Stage,
    /// Channels of a token.
    pub channels: usize,
    /// Bytes of an image's activations.
    pub image_bytes: u64,
}

/// What becomes of activations that the budget does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// They go through a temporary file.
    File,
    /// All images are encoded once more for each group of stages that fits.
    AskAgain,
    /// They are there already, and are read stage by stage, of all images.
    Stagewise,
}

/// What is in memory, and what is not.
#[derive(Debug, Clone)]
pub struct MemoryPlan {
    /// The resident sets, in order.
    pub sets: Vec<ResidentSet>,
    /// Positions of the stages that are asked for together.
    pub stage_groups: Vec<Range<usize>>,
    /// Images whose activations are in memory at a time; those of a larger set go through a file.
    pub images_in_memory: usize,
    /// Bytes for activations: of images in memory, or read back from a file.
    pub activation_bytes: u64,
    /// Whether the statistics of pairs are in memory, or in a file.
    pub store_in_memory: bool,
    /// Bytes of files that are read ahead.
    pub ahead_bytes: usize,
    /// Whether all that the data set asks for is done now, and in one set.
    pub is_one_set: bool,
    /// Images that are done from before, and all.
    done: (usize, usize),
    pairs: usize,
}

/// A data set, as far as a plan depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What results call the model and the data set: `clip on things`.
    pub cell: &'a str,
    /// Images of the data set.
    pub images: usize,
    /// Pairs of the data set.
    pub pairs: usize,
    /// How many kinds of distance are measured.
    pub distances: usize,
    /// Whether all pairs of a stage are reduced at once, by products of matrices: of all images
    /// together, and in memory.
    pub is_dense: bool,
    /// What is yet to be done.
    pub remaining: &'a Remaining,
    /// Whether the statistics of pairs are kept in the cache's files: those of several sets then need no room beside
    /// the images.
    pub is_cached: bool,
    /// Bytes of memory to stay within.
    pub memory_bytes: u64,
}

impl MemoryPlan {
    /// Shares out the budget: images first, then the statistics of pairs.
    ///
    /// # Errors
    /// It does not hold two images.
    pub fn new(demand: &Demand, request: Request<'_>) -> Result<Self, TooLittleMemory> {
        let Request { remaining, is_cached, memory_bytes, .. } = request;
        let images = remaining.images.len();
        let channels = demand.stages.iter().map(|stage| stage.channels);
        let numbers: usize = channels.clone().sum();
        let widest = channels.max().unwrap_or(0);
        let one_stage = match request.is_dense {
            true => 0,
            false => PairStatisticsStore::bytes(request.pairs, 1, widest),
        };
        let all_stages = match is_cached || request.is_dense {
            true => 0,
            false => PairStatisticsStore::bytes(request.pairs, demand.stages.len(), numbers),
        };
        let fixed = demand.all_fixed_bytes(request, numbers);
        let fitting = |bytes: u64| fitting(bytes, demand.image_bytes);
        let left = memory_bytes.saturating_sub(fixed);
        let more_ahead = demand.reading_bytes.map_or(0, |_| more_ahead_bytes(left));
        let free = left - more_ahead;
        let base = Self {
            sets: vec![],
            stage_groups: std::iter::once(0..demand.stages.len()).collect(),
            images_in_memory: 0,
            activation_bytes: free,
            store_in_memory: true,
            ahead_bytes: demand.reading_bytes.map_or(0, |_| ahead_limit(more_ahead)),
            is_one_set: false,
            done: (request.images - images, request.images),
            pairs: request.pairs,
        };
        let made = |sets: Vec<ResidentSet>, images_in_memory, store_in_memory| {
            let is_one_set = sets.len() == 1 && images == request.images;
            let sets = sets.into_iter().map(|set| remaining.in_dataset(set)).collect();
            Ok(Self { sets, images_in_memory, store_in_memory, is_one_set, ..base.clone() })
        };
        let pairs = &remaining.pairs;
        // All images are one set where all pairs are reduced at once.
        let split = |most: usize| match request.is_dense && most < images {
            true => Err(ComponentTooLarge { images }),
            false => plan(images, pairs, most),
        };
        let together =
            |most: usize| plan_whole(images, pairs, if request.is_dense { images } else { most });
        if demand.beyond == Beyond::Stagewise {
            let store_in_memory = one_stage <= free / 2;
            let free = if store_in_memory { free - one_stage } else { free };
            let least = 2 * demand.image_bytes;
            if free < least {
                return Err(TooLittleMemory {
                    what: request.cell.to_owned(),
                    how: format!("even with its features in a file ({})", demand.at_least),
                    needed: fixed + least,
                    budget: memory_bytes,
                    remedies: vec![],
                });
            }
            let mut plan = made(together(images), fitting(free), store_in_memory)?;
            plan.activation_bytes = free;
            return Ok(plan);
        }

        if let Some(held) = demand.device_images {
            // Main memory holds statistics of pairs, and what the device does not hold.
            let sets = together(held);
            let stored = if sets.len() == 1 { one_stage } else { all_stages };
            let store_in_memory = stored <= free / 2;
            let free = if store_in_memory { free - stored } else { free };
            if free < 2 * demand.image_of_file_bytes {
                return Err(TooLittleMemory {
                    what: request.cell.to_owned(),
                    how: format!("even with activations on a device ({})", demand.at_least),
                    needed: fixed + 2 * demand.image_of_file_bytes,
                    budget: memory_bytes,
                    remedies: (demand.remedies)(fixed, memory_bytes),
                });
            }
            return Ok(Self { activation_bytes: free, ..made(sets, held, store_in_memory)? });
        }

        let easy = fitting(SET_BYTES).max(demand.busy_images);
        // Of the images that fit, as many as keep all threads busy; whole components.
        let enough = |most: usize| match split(easy.min(most)) {
            Ok(_) => easy.min(most),
            Err(large) => large.images.min(most),
        };
        let whole = images as u64 * demand.image_bytes;
        if whole <= free {
            // Several sets of that size keep all threads as busy as one large one.
            if whole > SET_BYTES + all_stages
                && all_stages <= free / 2
                && let Ok(sets) = split(easy)
            {
                return made(sets, easy, true);
            }
            return made(together(images), images, whole + one_stage <= free);
        }
        let most = enough(fitting(free));
        let largest = match split(most) {
            Ok(sets) => {
                let beside = fitting(free.saturating_sub(all_stages));
                if all_stages <= free / 2
                    && let Ok(sets) = split(enough(beside))
                {
                    return made(sets, beside, true);
                }
                return made(sets, most, is_cached);
            }
            Err(large) => large.images,
        };

        let beside_file = largest as u64 * demand.image_beside_file_bytes;
        let two = 2 * demand.image_of_file_bytes;
        // All of a component where no file helps.
        let least = match demand.beyond {
            Beyond::AskAgain => largest as u64 * demand.image_of_file_bytes,
            Beyond::File | Beyond::Stagewise => two,
        };
        // Reading ahead can wait where two images hardly fit.
        let free = if left - more_ahead < beside_file + 2 * least { left } else { free };
        let free = free.saturating_sub(beside_file);
        let stored = if largest == images { one_stage } else { all_stages };
        let store_in_memory = stored <= free / 4 && free - stored >= least;
        let free = if store_in_memory { free - stored } else { free };
        if free < least {
            let needed = fixed + beside_file + least;
            return Err(TooLittleMemory {
                what: request.cell.to_owned(),
                how: match demand.beyond {
                    Beyond::AskAgain => {
                        format!(
                            "for {} of {largest} images that are connected by pairs",
                            demand.widest()
                        )
                    }
                    _ => format!("even with activations in a temporary file ({})", demand.at_least),
                },
                needed,
                budget: memory_bytes,
                remedies: (demand.remedies)(needed, memory_bytes),
            });
        }
        let in_memory = fitting(free);
        if demand.beyond == Beyond::AskAgain {
            let sets = together(largest);
            let stage_groups = demand.stage_groups(largest, free);
            let plan = made(sets, largest, store_in_memory)?;
            return Ok(Self { stage_groups, activation_bytes: free, ..plan });
        }
        // Small components go together, so that batches are whole.
        let sets = together(in_memory.max(demand.batch_images));
        let cached_in_several = is_cached && sets.len() > 1;
        let plan = made(sets, in_memory, store_in_memory || cached_in_several)?;
        Ok(Self { activation_bytes: free, ..plan })
    }

    /// What it takes of memory and disk where all goes as it says.
    ///
    /// `demand`, `request` — what it was made of
    pub fn expected(&self, demand: &Demand, request: Request<'_>) -> Expected {
        let channels: Vec<usize> = demand.stages.iter().map(|stage| stage.channels).collect();
        let numbers: usize = channels.iter().sum();
        let images = |set: &ResidentSet| set.images.len();
        let largest = self.sets.iter().map(images).max().unwrap_or(0);
        let held = largest.min(self.images_in_memory) as u64;
        let in_memory = largest <= self.images_in_memory || demand.device_images.is_some();
        let activations = match in_memory {
            true if demand.device_images.is_some() => 0,
            true => held * demand.image_bytes,
            false => {
                let beside = largest as u64 * demand.image_beside_file_bytes;
                beside + held * demand.image_of_file_bytes
            }
        };
        let one_stage = self.sets.len() == 1 || request.is_cached;
        let stored = match one_stage {
            // Its sums are among what is taken whatever the number of images.
            _ if request.is_dense => 0,
            true => {
                let widest = channels.iter().copied().max().unwrap_or(0);
                PairStatisticsStore::bytes(request.pairs, 1, widest)
            }
            false => PairStatisticsStore::bytes(request.pairs, channels.len(), numbers),
        };
        // What several sets left in the cache is read when the last of them is done.
        let beside_each_other = self.is_one_set || !request.is_cached;
        let in_store = if self.store_in_memory { stored } else { 0 };
        let of_pairs = match beside_each_other {
            true => activations + in_store,
            false => activations.max(in_store),
        };
        let fixed = demand.all_fixed_bytes(request, numbers);
        let of_pair: usize = channels.iter().map(|channels| pair_bytes(*channels)).sum();
        let of_set: usize = channels.iter().map(|c| EnergyAccumulator::bytes(*c)).sum();
        let pairs: usize = self.sets.iter().map(|set| set.pairs.len()).sum();
        let kept = match request.is_dense {
            true => {
                let open = |(stage, channels): (usize, &usize)| {
                    let of_channels =
                        channels * size_of::<f64>() + EnergyAccumulator::bytes(*channels);
                    let of_pairs = StageSums::bytes(request.pairs, request.images);
                    let is_open = !request.remaining.has_stage(stage);
                    if is_open { of_pairs + of_channels as u64 } else { 0 }
                };
                channels.iter().enumerate().map(open).sum()
            }
            false => (pairs * (size_of::<u32>() + of_pair) + self.sets.len() * of_set) as u64,
        };
        let in_file = match in_memory {
            true => 0,
            false => largest as u64 * demand.image_bytes,
        };
        Expected {
            memory_bytes: fixed + of_pairs,
            cache_bytes: if request.is_cached { kept } else { 0 },
            temporary_bytes: in_file + if self.store_in_memory { 0 } else { stored },
            ..Expected::default()
        }
    }

    /// Whether the activations of a set are in memory, rather than in a file.
    pub fn is_in_memory(&self, set: &ResidentSet) -> bool {
        set.images.len() <= self.images_in_memory
    }

    /// Where the activations of the largest set are.
    pub fn place(&self) -> Place {
        match self.sets.iter().all(|set| self.is_in_memory(set)) {
            true => Place::Memory,
            false => Place::File,
        }
    }

    /// Says what of it the user should know: that a part is done from before, that the work is split, and what the disk
    /// will hold.
    pub fn tell(&self, cell: &str, demand: &Demand, progress: &dyn Progress) {
        let (done, images) = self.done;
        if done > 0 {
            progress.note(&format!("{cell}: {done} of {images} images are done from before"));
        }
        let all = self.sets.len();
        if all > 1 {
            progress.note(&format!("{cell}: {all} groups of images"));
        }
        if demand.beyond == Beyond::Stagewise {
            return;
        }
        let largest = self.sets.iter().map(|set| set.images.len()).max().unwrap_or(0);
        let folder = spill::folder();
        let folder = folder.display();
        let bytes = largest as u64 * demand.image_bytes;
        if largest > self.images_in_memory && demand.device_images.is_some() {
            progress.note(&format!(
                "{cell}: of {largest} images that are connected by pairs, {} fit the device; others wait \
                 in main memory, and in a temporary file what it does not hold ({} MB in all)",
                self.images_in_memory,
                bytes.div_ceil(1_000_000),
            ));
        } else if largest > self.images_in_memory {
            progress.note(&format!(
                "{cell}: of {largest} images that are connected by pairs, {} fit the memory budget; their activations go through a temporary file of {} MB in {folder}",
                self.images_in_memory,
                bytes.div_ceil(1_000_000),
            ));
        }
        if !self.store_in_memory {
            let channels = demand.stages.iter().map(|stage| stage.channels);
            let bytes = match all {
                1 => PairStatisticsStore::bytes(self.pairs, 1, channels.max().unwrap_or(0)),
                _ => PairStatisticsStore::bytes(self.pairs, demand.stages.len(), channels.sum()),
            };
            progress.note(&format!(
                "{cell}: differences go to a temporary file of {} MB in {folder}",
                bytes.div_ceil(1_000_000),
            ));
        }
    }
}

impl Demand {
    /// Bytes that are taken whatever the number of images that are held.
    fn all_fixed_bytes(&self, request: Request<'_>, numbers: usize) -> u64 {
        let stages = self.stages.len();
        let distances = (request.pairs * stages * request.distances * size_of::<f64>()) as u64;
        PROGRAM_BYTES
            + self.fixed_bytes
            + self.reading_bytes.unwrap_or(0)
            + 2 * PairStatisticsStore::BLOCK_BYTES as u64
            + TABLE_BYTES
            + distances
            + (2 * numbers * EnergyAccumulator::CHANNEL_BYTES) as u64
            + request.pairs as u64 * PAIR_BYTES
            + if request.is_dense { self.dense_bytes(request) } else { 0 }
    }

    /// Bytes for the sums of all pairs at a stage, and for the work on them.
    fn dense_bytes(&self, request: Request<'_>) -> u64 {
        let working = |stage: &StageDemand| {
            let channels = stage.channels.max(1);
            let tokens = stage.image_bytes as usize / (channels * size_of::<f32>());
            dense_pairs::working_bytes(request.images, [tokens.max(1), channels])
        };
        let working = self.stages.iter().map(working).max().unwrap_or(0);
        // Their bytes on the way to the cache stand beside them.
        let copies = 1 + u64::from(request.is_cached);
        let of_device = self.device_images.map_or(0, |_| {
            let stages = self.stages.iter();
            let numbers = stages.map(|stage| stage.image_bytes).max().unwrap_or(0);
            // As they come, and as they stand in Python and here.
            3 * dense_pairs::BROUGHT_BYTES.min(request.images as u64 * numbers)
        });
        working + copies * StageSums::bytes(request.pairs, request.images) + of_device
    }

    /// The stage whose activations take most.
    fn widest(&self) -> Stage {
        let widest = self.stages.iter().max_by_key(|stage| stage.image_bytes);
        widest.expect("a model has stages").stage
    }

    /// As many stages together as fit `bytes` for so many images; one at least.
    fn stage_groups(&self, images: usize, bytes: u64) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut held = 0;
        for (position, stage) in self.stages.iter().enumerate() {
            let of_stage = images as u64 * stage.image_bytes;
            match groups.last_mut() {
                Some(group) if held + of_stage <= bytes => {
                    (group.end, held) = (position + 1, held + of_stage);
                }
                _ => {
                    groups.push(position..position + 1);
                    held = of_stage;
                }
            }
        }
        groups
    }
}

/// How many of `each` bytes fit.
fn fitting(bytes: u64, each: u64) -> usize {
    usize::try_from(bytes / each.max(1)).unwrap_or(usize::MAX)
}
