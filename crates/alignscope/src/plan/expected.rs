//! What a part of a run will take.

use serde::Serialize;

use crate::csv_row::{csv_row, name};

/// What a model on a data set is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Bytes of memory at the most, of the whole program.
    pub memory_bytes: u64,
    /// Bytes that stay in the cache.
    pub cache_bytes: u64,
    /// Bytes of temporary files at the most.
    pub temporary_bytes: u64,
    /// So many images keep all threads at work.
    pub busy_images: usize,
    /// Distances of each pair: kinds at all stages.
    pub columns: usize,
    /// Products of numbers that a pair takes at all stages, where all pairs are reduced at once.
    pub products: Option<u64>,
}

impl Expected {
    /// The same, with memory and disk of another.
    #[must_use]
    pub(crate) fn with(self, other: Self) -> Self {
        let Self { memory_bytes, cache_bytes, temporary_bytes, .. } = other;
        Self { memory_bytes, cache_bytes, temporary_bytes, ..self }
    }
}

csv_row! {
    /// What a model on a data set is planned to take, or a shard's part of it.
    #[derive(Debug, Clone, PartialEq, Serialize)]
    pub struct PlannedCell {
        /// The model's name in results.
        pub model: String as name,
        /// The data set's.
        pub dataset: String as name,
        /// The shard, as `2/8`; empty of a run that is not shared out.
        pub shard: String,
        /// Images whose pairs are not in the cache.
        pub images: usize,
        /// Pairs that are not.
        pub pairs: usize,
        /// Stages at which they are not.
        pub stages: usize,
        /// Memory at the most, of the whole program, in bytes.
        pub memory_bytes: usize,
        /// What is added to the cache, in bytes.
        pub cache_bytes: usize,
        /// Temporary files at the most, in bytes.
        pub temporary_bytes: usize,
        /// Seconds of an image.
        pub image_s: f64,
        /// Seconds of a pair.
        pub pair_s: f64,
        /// Seconds of all, with reading weights.
        pub seconds: f64,
        /// Seconds of scoring, when the run is assembled.
        pub scoring_s: f64,
    }
}
