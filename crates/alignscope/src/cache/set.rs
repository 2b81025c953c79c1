//! A file of some pairs' statistics, and of their images' energies, at all stages.

use std::io;

use serde::{Deserialize, Serialize};

use super::error::{CacheError, StoreError};
use super::format::{CacheFile, FileKind, Trouble, Unfinished, name_of};
use super::store::{EntryFiles, StoredFile};
use crate::energy::EnergyAccumulator;
use crate::pair_statistics::{PairStatistics, PairStatisticsStore, pair_bytes};

/// Some pairs' statistics and their images' energies at all stages.
#[derive(Debug)]
pub(super) struct CachedSet {
    file: CacheFile,
    layout: Layout,
}

/// What stands at the beginning of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SetHeader {
    /// Number of pairs.
    pairs: usize,
    /// Channels of each stage, in order of depth.
    channels: Vec<usize>,
}

/// Which number stands where: the pairs' numbers, then stage after stage, pair after pair, then the
/// energies stage after stage.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    /// The pairs, ascending.
    pairs: Vec<u32>,
    channels: Vec<usize>,
}

impl FileKind for SetHeader {
    const EXTENSION: &'static str = "set";

    fn body_bytes(&self) -> Option<u64> {
        let pair: usize = self.channels.iter().try_fold(size_of::<u32>(), |sum, channels| {
            channels.checked_mul(size_of::<f32>())?;
            sum.checked_add(pair_bytes(*channels))
        })?;
        let energies = self.channels.iter().try_fold(0_usize, |sum, channels| {
            let sums = channels.checked_mul(EnergyAccumulator::CHANNEL_BYTES)?;
            sum.checked_add(sums.checked_add(size_of::<u64>())?)
        })?;
        u64::try_from(self.pairs.checked_mul(pair)?.checked_add(energies)?).ok()
    }
}

impl Layout {
    fn offset(&self, stage: usize, position: usize) -> u64 {
        let before: usize = self.channels[..stage].iter().map(|c| pair_bytes(*c)).sum();
        let numbers = self.pairs.len() * (size_of::<u32>() + before);
        (numbers + position * pair_bytes(self.channels[stage])) as u64
    }

    /// Where the energy of a stage stands.
    fn energy_offset(&self, stage: usize) -> u64 {
        let pair: usize = self.channels.iter().map(|c| pair_bytes(*c)).sum();
        let before: usize =
            self.channels[..stage].iter().map(|c| EnergyAccumulator::bytes(*c)).sum();
        (self.pairs.len() * (size_of::<u32>() + pair) + before) as u64
    }
}

impl CachedSet {
    /// The name of the file of some pairs, in ascending order.
    pub(super) fn name(pairs: &[u32]) -> String {
        name_of::<SetHeader>(&bytes_of(pairs))
    }

    /// Opens and checks a file of an entry of `pairs` pairs.
    pub(super) fn open(
        files: &dyn EntryFiles,
        file: &StoredFile,
        pairs: usize,
    ) -> Result<Self, Trouble> {
        let (file, header) = CacheFile::open(files, file)?;
        Self::of_file(file, header, pairs)
    }

    fn of_file(file: CacheFile, header: SetHeader, pairs: usize) -> Result<Self, Trouble> {
        let mut bytes = vec![0; header.pairs * size_of::<u32>()];
        file.read(0, &mut bytes)?;
        let numbers: Vec<u32> =
            bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        let ends_within = numbers.last().is_none_or(|pair| (*pair as usize) < pairs);
        if !ends_within || !numbers.is_sorted_by(|a, b| a < b) {
            let what = "its pairs are not in order, or not those of the data set";
            return Err(Trouble::Damaged(what.to_owned()));
        }
        Ok(Self { file, layout: Layout { pairs: numbers, channels: header.channels } })
    }

    /// The pairs, ascending.
    pub(super) fn pairs(&self) -> &[u32] {
        &self.layout.pairs
    }

    pub(super) fn has(&self, pair: u32) -> bool {
        self.layout.pairs.binary_search(&pair).is_ok()
    }

    /// Channels of each stage.
    pub(super) fn all_channels(&self) -> &[usize] {
        &self.layout.channels
    }

    /// Channels of a stage, which the file of another model may not have.
    pub(super) fn channels(&self, stage: usize) -> Result<usize, CacheError> {
        let found = self.layout.channels.get(stage).copied();
        found.ok_or_else(|| CacheError::Read {
            path: self.file.path().to_owned(),
            source: io::Error::other(format!("it has no stage {}; remove it", stage + 1)),
        })
    }

    /// Puts the statistics of its pairs at a stage into a store, as its only stage.
    pub(super) fn read_stage(
        &self,
        stage: usize,
        store: &mut PairStatisticsStore,
    ) -> Result<(), StoreError> {
        let channels = self.channels(stage)?;
        let block = PairStatisticsStore::block_pairs(channels);
        let mut bytes = vec![0; block.min(self.layout.pairs.len()) * pair_bytes(channels)];
        for (i, pairs) in self.layout.pairs.chunks(block).enumerate() {
            let bytes = &mut bytes[..pairs.len() * pair_bytes(channels)];
            self.file.read(self.layout.offset(stage, i * block), bytes)?;
            let mut differences = PairStatistics::zeros(pairs.len(), channels);
            for (pair, bytes) in bytes.chunks_exact(pair_bytes(channels)).enumerate() {
                differences.set_bytes(pair, bytes);
            }
            store.put(0, pairs, &differences)?;
        }
        Ok(())
    }

    /// The energy of its images' activations at a stage.
    pub(super) fn read_energy(&self, stage: usize) -> Result<EnergyAccumulator, CacheError> {
        let mut bytes = vec![0; EnergyAccumulator::bytes(self.channels(stage)?)];
        self.file.read(self.layout.energy_offset(stage), &mut bytes)?;
        Ok(EnergyAccumulator::from_bytes(&bytes))
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> &std::path::Path {
        self.file.path()
    }
}

/// The numbers of pairs as they stand in files.
pub(super) fn bytes_of(pairs: &[u32]) -> Vec<u8> {
    pairs.iter().flat_map(|pair| pair.to_le_bytes()).collect()
}

/// A set's statistics on their way to a file.
#[derive(Debug)]
pub struct SetWriter {
    file: Unfinished,
    layout: Layout,
    bytes: Vec<u8>,
}

impl SetWriter {
    /// Begins the file of some pairs, in ascending order.
    pub(super) fn create(
        files: &dyn EntryFiles,
        pairs: Vec<u32>,
        channels: &[usize],
    ) -> Result<Self, CacheError> {
        let header = SetHeader { pairs: pairs.len(), channels: channels.to_vec() };
        let file = Unfinished::create(files, CachedSet::name(&pairs), &header)?;
        file.write(0, &bytes_of(&pairs))?;
        Ok(Self { file, layout: Layout { pairs, channels: channels.to_vec() }, bytes: vec![] })
    }

    /// Takes the statistics of some of the set's pairs at a stage.
    ///
    /// # Errors
    /// The file cannot be written.
    ///
    /// # Panics
    /// A pair is not of the set.
    pub fn put(
        &mut self,
        stage: usize,
        pairs: &[u32],
        differences: &PairStatistics,
    ) -> Result<(), CacheError> {
        let mut run: Option<(usize, usize)> = None;
        self.bytes.clear();
        for (i, pair) in pairs.iter().enumerate() {
            let position = self.layout.pairs.binary_search(pair).expect("a pair of the set");
            // Neighbouring pairs go in one entry.
            run = match run {
                Some((first, count)) if first + count == position => Some((first, count + 1)),
                Some((first, _)) => {
                    self.flush(stage, first)?;
                    Some((position, 1))
                }
                None => Some((position, 1)),
            };
            differences.append_bytes(i, &mut self.bytes);
        }
        match run {
            Some((first, _)) => self.flush(stage, first),
            None => Ok(()),
        }
    }

    /// Takes the energy of the activations of the set's images at a stage.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_energy(
        &mut self,
        stage: usize,
        energy: &EnergyAccumulator,
    ) -> Result<(), CacheError> {
        self.file.write(self.layout.energy_offset(stage), &energy.to_bytes())
    }

    fn flush(&mut self, stage: usize, first: usize) -> Result<(), CacheError> {
        self.file.write(self.layout.offset(stage, first), &self.bytes)?;
        self.bytes.clear();
        Ok(())
    }

    /// Gives the file its name, once all stages of all pairs are in it.
    pub(super) fn keep(
        self,
        files: &dyn EntryFiles,
        pairs: usize,
    ) -> Result<CachedSet, CacheError> {
        let (file, header) = self.file.finish(files)?;
        let path = file.path().to_owned();
        CachedSet::of_file(file, header, pairs).map_err(|trouble| trouble.into_error(&path))
    }
}
