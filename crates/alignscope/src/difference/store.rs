//! Differences of all pairs at all stages, kept until the last resident set is done.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use super::Differences;

/// Differences of every pair of a data set at every stage, in memory or in a file.
///
/// They come back as they went in, to the bit, so that results do not depend on the place.
#[derive(Debug)]
pub struct DifferenceStore {
    pairs: usize,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// The whole columns of each stage.
    Memory(Vec<Differences>),
    /// Stage after stage, pair after pair, little-endian. The file has no name, and is gone when
    /// it is closed.
    File { file: File, stages: Vec<StageInFile> },
}

#[derive(Debug, Clone, Copy)]
struct StageInFile {
    start: u64,
    channels: usize,
}

/// Bytes of a pair's inner products.
const PRODUCT_BYTES: usize = 3 * size_of::<f64>();

impl DifferenceStore {
    /// Bytes that a store takes: `numbers` is the sum of all stages' channels.
    pub fn bytes(pairs: usize, stages: usize, numbers: usize) -> u64 {
        (pairs * (stages * PRODUCT_BYTES + numbers * size_of::<f32>())) as u64
    }

    /// An empty store for `pairs` pairs at stages of so many `channels`.
    ///
    /// # Errors
    /// No temporary file could be made.
    pub fn new(pairs: usize, channels: &[usize], in_memory: bool) -> io::Result<Self> {
        let place = if in_memory {
            Place::Memory(channels.iter().map(|c| Differences::zeros(pairs, *c)).collect())
        } else {
            let mut start = 0;
            let stages = channels
                .iter()
                .map(|&channels| {
                    let stage = StageInFile { start, channels };
                    start += (pairs * stage.pair_bytes()) as u64;
                    stage
                })
                .collect();
            Place::File { file: tempfile::tempfile()?, stages }
        };
        Ok(Self { pairs, place })
    }

    /// Keeps the differences of `pairs` (ascending) at one stage.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(
        &mut self,
        stage: usize,
        pairs: &[u32],
        differences: &Differences,
    ) -> io::Result<()> {
        assert_eq!(pairs.len(), differences.len(), "a difference for each pair");
        match &mut self.place {
            Place::Memory(stages) => {
                for (i, pair) in pairs.iter().enumerate() {
                    stages[stage].copy_from(*pair as usize, differences, i);
                }
                Ok(())
            }
            Place::File { file, stages } => {
                let stage = stages[stage];
                // Neighbouring pairs go in one piece.
                for run in runs(pairs) {
                    let mut bytes = Vec::with_capacity(run.len() * stage.pair_bytes());
                    for i in run.clone() {
                        differences.append_bytes(i, &mut bytes);
                    }
                    file.seek(SeekFrom::Start(stage.offset(pairs[run.start] as usize)))?;
                    file.write_all(&bytes)?;
                }
                Ok(())
            }
        }
    }

    /// The differences of a range of pairs at one stage.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&self, stage: usize, pairs: Range<usize>) -> io::Result<Differences> {
        assert!(pairs.end <= self.pairs, "pairs of the data set");
        match &self.place {
            Place::Memory(stages) => Ok(stages[stage].slice(pairs)),
            Place::File { file, stages } => {
                let stage = stages[stage];
                let mut bytes = vec![0; pairs.len() * stage.pair_bytes()];
                let mut file = file;
                file.seek(SeekFrom::Start(stage.offset(pairs.start)))?;
                file.read_exact(&mut bytes)?;
                let mut differences = Differences::zeros(pairs.len(), stage.channels);
                for (i, bytes) in bytes.chunks_exact(stage.pair_bytes()).enumerate() {
                    differences.set_bytes(i, bytes);
                }
                Ok(differences)
            }
        }
    }
}

impl StageInFile {
    fn pair_bytes(self) -> usize {
        self.channels * size_of::<f32>() + PRODUCT_BYTES
    }

    fn offset(self, pair: usize) -> u64 {
        self.start + (pair * self.pair_bytes()) as u64
    }
}

/// The stretches of neighbouring numbers in an ascending list, by position.
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
    use crate::difference::Activations;

    #[test]
    fn differences_come_back_the_same_from_memory_and_from_a_file() {
        let values: Vec<f32> = (0..4 * 2 * 3).map(|i| (i as f32).sin()).collect();
        let activations = Activations::new(&values, 4, 2, 3);
        let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]];
        let all = Differences::of(activations, &pairs);
        for in_memory in [true, false] {
            let mut store = DifferenceStore::new(5, &[1, 3], in_memory).expect("a store");
            for part in [&[1_u32, 2, 4][..], &[0, 3]] {
                let local: Vec<_> = part.iter().map(|p| pairs[*p as usize]).collect();
                store.put(1, part, &Differences::of(activations, &local)).expect("kept");
            }
            assert_eq!(store.get(1, 0..5).expect("read"), all, "in memory: {in_memory}");
            assert_eq!(store.get(1, 2..4).expect("read"), all.slice(2..4));
        }
    }
}
