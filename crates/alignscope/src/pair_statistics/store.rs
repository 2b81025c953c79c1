//! Differences of all pairs, kept until the last of them is made.

use std::borrow::Cow;
use std::ops::Range;

use super::{InnerProducts, PairStatistics};
use crate::spill::{SpillError, SpillFile};

/// Differences of every pair of a data set at one or more stages, in memory or in a file.
///
/// They come back as they went in, to the bit, so that results do not depend on the place; and in
/// blocks of pairs, in the order of the data set.
#[derive(Debug)]
pub struct PairStatisticsStore {
    pairs: usize,
    stages: Vec<StageShape>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Blocks of pairs, of each stage.
    Memory(Vec<Vec<PairStatistics>>),
    /// Stage after stage, pair after pair, little-endian.
    File(SpillFile),
}

#[derive(Debug, Clone, Copy)]
struct StageShape {
    channels: usize,
    /// Pairs of a block.
    block: usize,
    /// Where the stage's pairs begin in a file.
    start: u64,
}

/// Bytes of a pair's inner products.
const PRODUCT_BYTES: usize = size_of::<InnerProducts>();

/// Bytes of a pair's differences.
pub(crate) fn pair_bytes(channels: usize) -> usize {
    channels * size_of::<f32>() + PRODUCT_BYTES
}

impl PairStatisticsStore {
    /// Differences of about so many bytes are worked on at a time.
    pub const BLOCK_BYTES: usize = 16 << 20;

    /// Bytes that a store takes: `numbers` is the sum of all stages' channels.
    pub fn bytes(pairs: usize, stages: usize, numbers: usize) -> u64 {
        (pairs * (stages * PRODUCT_BYTES + numbers * size_of::<f32>())) as u64
    }

    /// How many pairs' differences are worked on at a time.
    pub fn block_pairs(channels: usize) -> usize {
        (Self::BLOCK_BYTES / pair_bytes(channels)).max(1)
    }

    /// An empty store for `pairs` pairs at stages of so many `channels`.
    ///
    /// # Errors
    /// No temporary file could be made.
    pub fn new(pairs: usize, channels: &[usize], in_memory: bool) -> Result<Self, SpillError> {
        Self::with_blocks(pairs, channels, in_memory, Self::block_pairs)
    }

    fn with_blocks(
        pairs: usize,
        channels: &[usize],
        in_memory: bool,
        block: impl Fn(usize) -> usize,
    ) -> Result<Self, SpillError> {
        let mut start = 0;
        let stages: Vec<StageShape> = channels
            .iter()
            .map(|&channels| {
                let stage = StageShape { channels, block: block(channels), start };
                start += (pairs * pair_bytes(channels)) as u64;
                stage
            })
            .collect();
        let place = if in_memory {
            let blocks = |stage: &StageShape| {
                let sizes = (0..pairs).step_by(stage.block);
                sizes
                    .map(|first| {
                        PairStatistics::zeros(stage.block.min(pairs - first), stage.channels)
                    })
                    .collect()
            };
            Place::Memory(stages.iter().map(blocks).collect())
        } else {
            Place::File(SpillFile::create("differences", start)?)
        };
        Ok(Self { pairs, stages, place })
    }

    /// Channels of a stage.
    pub fn channels(&self, stage: usize) -> usize {
        self.stages[stage].channels
    }

    /// Keeps the differences of `pairs` at one stage.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(
        &mut self,
        stage: usize,
        pairs: &[u32],
        differences: &PairStatistics,
    ) -> Result<(), SpillError> {
        assert_eq!(pairs.len(), differences.len(), "a difference for each pair");
        let shape = self.stages[stage];
        match &mut self.place {
            Place::Memory(stages) => {
                for (i, pair) in pairs.iter().enumerate() {
                    let (block, place) =
                        (*pair as usize / shape.block, *pair as usize % shape.block);
                    stages[stage][block].copy_from(place, differences, i);
                }
                Ok(())
            }
            Place::File(file) => {
                let mut bytes = Vec::new();
                // Neighbouring pairs go in one piece.
                for run in runs(pairs) {
                    bytes.clear();
                    run.clone().for_each(|i| differences.append_bytes(i, &mut bytes));
                    file.write_bytes(shape.offset(pairs[run.start] as usize), &bytes)?;
                }
                Ok(())
            }
        }
    }

    /// Number of blocks of pairs at a stage.
    pub fn blocks(&self, stage: usize) -> usize {
        self.pairs.div_ceil(self.stages[stage].block)
    }

    /// The differences of a block of pairs at one stage.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn block(&self, stage: usize, block: usize) -> Result<Cow<'_, PairStatistics>, SpillError> {
        let shape = self.stages[stage];
        match &self.place {
            Place::Memory(stages) => Ok(Cow::Borrowed(&stages[stage][block])),
            Place::File(file) => {
                let first = block * shape.block;
                let count = shape.block.min(self.pairs - first);
                let mut differences = PairStatistics::zeros(count, shape.channels);
                let mut bytes = vec![0; count * pair_bytes(shape.channels)];
                file.read_bytes(shape.offset(first), &mut bytes)?;
                for (i, bytes) in bytes.chunks_exact(pair_bytes(shape.channels)).enumerate() {
                    differences.set_bytes(i, bytes);
                }
                Ok(Cow::Owned(differences))
            }
        }
    }
}

impl StageShape {
    fn offset(self, pair: usize) -> u64 {
        self.start + (pair * pair_bytes(self.channels)) as u64
    }
}

/// The stretches of neighbouring numbers in a list, by position.
fn runs(pairs: &[u32]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    pairs.chunk_by(|a, b| a + 1 == *b).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair_statistics::Activations;

    #[test]
    fn differences_come_back_the_same_from_memory_and_from_a_file() {
        let values: Vec<f32> = (0..4 * 2 * 3).map(|i| (i as f32).sin()).collect();
        let activations = Activations::new(&values, 4, 2, 3);
        let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]];
        for in_memory in [true, false] {
            let mut store =
                PairStatisticsStore::with_blocks(5, &[1, 3], in_memory, |_| 2).expect("a store");
            for part in [&[1_u32, 2, 4][..], &[3, 0]] {
                let local: Vec<_> = part.iter().map(|p| pairs[*p as usize]).collect();
                store.put(1, part, &PairStatistics::of(activations, &local)).expect("kept");
            }
            assert_eq!((store.blocks(1), store.channels(1)), (3, 3));
            for (i, part) in pairs.chunks(2).enumerate() {
                let expected = PairStatistics::of(activations, part);
                let found = store.block(1, i).expect("read");
                assert_eq!(*found, expected, "in memory: {in_memory}");
            }
        }
    }
}
