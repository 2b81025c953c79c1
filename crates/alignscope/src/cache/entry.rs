//! One model on one data set, as far as it is kept.

use std::collections::BTreeMap;
use std::fs::{DirEntry, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::CacheError;
use super::file::{CacheFile, Trouble, Unfinished, remove_orphan};
use super::stage_file::StageFile;
use crate::atomic_write::UNFINISHED;
use crate::dense_pairs::StageSums;
use crate::energy::EnergyAccumulator;
use crate::pair_statistics::{PairStatistics, PairStatisticsStore, pair_bytes};
use crate::spill::SpillError;

const SET: &str = "set";
const VALUES: &str = "values";
const STAGE: &str = "stage";
/// Digits of a file's name.
const NAME_DIGITS: usize = 16;

/// The kept part of an entry.
#[derive(Debug)]
pub struct CacheEntry {
    folder: PathBuf,
    /// Pairs of the data set.
    pairs: usize,
    sets: Vec<CachedSet>,
    /// Of a data set whose pairs are reduced all at once: the stages that are kept.
    stages: BTreeMap<usize, StageFile>,
    /// Of an entry that has no differences: the value of each pair that is kept.
    values: BTreeMap<u32, f64>,
    /// Files that were damaged, with what was wrong; they are removed.
    damaged: Vec<(PathBuf, String)>,
    /// Keeps the folder from being removed.
    _in_use: Option<File>,
}

/// A file of some pairs' differences and their images' energies at all stages.
#[derive(Debug)]
struct CachedSet {
    path: PathBuf,
    file: CacheFile,
    layout: Layout,
}

/// What stands in the file of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SetHeader {
    /// Number of pairs.
    pairs: usize,
    /// Channels of each stage, in order of depth.
    channels: Vec<usize>,
}

/// What stands in the file of values.
#[derive(Debug, Serialize, Deserialize)]
struct ValuesHeader {
    values: usize,
}

/// Which number stands where in the file of a set: the pairs' numbers, then stage after stage, pair after pair, then the
/// energies stage after stage.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Layout {
    /// The pairs, ascending.
    pairs: Vec<u32>,
    channels: Vec<usize>,
}

impl CachedSet {
    /// Channels of a stage, which the file of another model may not have.
    fn channels(&self, stage: usize) -> Result<usize, CacheError> {
        let found = self.layout.channels.get(stage).copied();
        found.ok_or_else(|| CacheError::Read {
            path: self.path.clone(),
            source: io::Error::other(format!("it has no stage {}; remove it", stage + 1)),
        })
    }
}

impl SetHeader {
    fn body(&self) -> Option<u64> {
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
    fn has(&self, pair: u32) -> bool {
        self.pairs.binary_search(&pair).is_ok()
    }

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

impl CacheEntry {
    /// Opens what is kept in a folder that exists, and checks every file; damaged ones are removed.
    ///
    /// `pairs` — pairs of the data set
    pub(super) fn open(
        folder: PathBuf,
        pairs: usize,
        in_use: Option<File>,
    ) -> Result<Self, CacheError> {
        let mut entry = Self {
            folder,
            pairs,
            sets: vec![],
            stages: BTreeMap::new(),
            values: BTreeMap::new(),
            damaged: vec![],
            _in_use: in_use,
        };
        let ours = |entry: io::Result<DirEntry>| match entry {
            Ok(entry) => is_ours(&entry).then(|| Ok(entry.path())),
            Err(error) => Some(Err(error)),
        };
        let entries = std::fs::read_dir(&entry.folder)
            .and_then(|entries| entries.filter_map(ours).collect::<io::Result<Vec<_>>>());
        let mut paths = entries.map_err(CacheError::read(&entry.folder))?;
        paths.sort();
        for path in paths {
            if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(UNFINISHED)) {
                remove_orphan(&path);
                continue;
            }
            let found = match path.extension().and_then(|e| e.to_str()) {
                Some(SET) => entry.open_set(&path),
                Some(VALUES) => entry.open_values(&path),
                Some(STAGE) => entry.open_stage(&path),
                _ => continue,
            };
            match found {
                Ok(()) => {}
                // Another run, or its user, may have removed it meanwhile.
                Err(Trouble::Io(source)) if source.kind() == io::ErrorKind::NotFound => {}
                Err(Trouble::Io(source)) => return Err(CacheError::Read { path, source }),
                Err(Trouble::Damaged(why)) => {
                    match std::fs::remove_file(&path) {
                        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                        other => other.map_err(CacheError::write(&path))?,
                    }
                    entry.damaged.push((path, why));
                }
            }
        }
        Ok(entry)
    }

    fn open_set(&mut self, path: &Path) -> Result<(), Trouble> {
        let (file, header) = CacheFile::open(path, SetHeader::body)?;
        let mut bytes = vec![0; header.pairs * size_of::<u32>()];
        file.read(0, &mut bytes)?;
        let pairs = bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        let layout = Layout { pairs, channels: header.channels };
        // A run with another memory budget may have split the pairs otherwise: each is taken once.
        let known = |pair: &u32| self.sets.iter().any(|set| set.layout.has(*pair));
        if self.sets.first().is_some_and(|set| set.layout.channels != layout.channels) {
            return Err(Trouble::Damaged("its stages are not those of other files".to_owned()));
        }
        let ends_within = layout.pairs.last().is_none_or(|pair| (*pair as usize) < self.pairs);
        if !ends_within || !layout.pairs.is_sorted_by(|a, b| a < b) {
            let what = "its pairs are not in order, or not those of the data set";
            return Err(Trouble::Damaged(what.to_owned()));
        }
        if !layout.pairs.iter().any(known) {
            self.sets.push(CachedSet { path: path.to_owned(), file, layout });
        }
        Ok(())
    }

    fn open_stage(&mut self, path: &Path) -> Result<(), Trouble> {
        let file = StageFile::open(path, self.pairs)?;
        self.stages.insert(file.stage(), file);
        Ok(())
    }

    fn open_values(&mut self, path: &Path) -> Result<(), Trouble> {
        let body = |header: &ValuesHeader| header.values.checked_mul(12)?.try_into().ok();
        let (file, header) = CacheFile::open(path, body)?;
        let mut pairs = vec![0; header.values * size_of::<u32>()];
        let mut values = vec![0; header.values * size_of::<f64>()];
        file.read(0, &mut pairs)?;
        file.read(pairs.len() as u64, &mut values)?;
        let pairs = pairs.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b));
        if pairs.clone().any(|pair| pair as usize >= self.pairs) {
            let what = "its pairs are not those of the data set";
            return Err(Trouble::Damaged(what.to_owned()));
        }
        let values = values.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b));
        self.values.extend(pairs.zip(values));
        Ok(())
    }

    /// Files that were damaged and are removed now, with what was wrong.
    pub fn damaged(&self) -> &[(PathBuf, String)] {
        &self.damaged
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// For each of `pairs` pairs, whether its differences are kept.
    pub fn covered(&self, pairs: usize) -> Vec<bool> {
        let mut covered = vec![false; pairs];
        for pair in self.sets.iter().flat_map(|set| &set.layout.pairs) {
            if let Some(covered) = covered.get_mut(*pair as usize) {
                *covered = true;
            }
        }
        covered
    }

    /// Whether the sums of all pairs at a stage are kept, given by its position.
    pub(crate) fn has_stage(&self, stage: usize) -> bool {
        self.stages.contains_key(&stage)
    }

    /// The same of several.
    pub(crate) fn has_stages(&self, mut stages: Range<usize>) -> bool {
        stages.all(|stage| self.has_stage(stage))
    }

    /// The sums of all pairs at a stage, and the energy of its activations.
    ///
    /// # Errors
    /// The file cannot be read.
    ///
    /// # Panics
    /// The stage is not kept.
    pub(crate) fn read_sums(
        &self,
        stage: usize,
    ) -> Result<(StageSums, EnergyAccumulator), CacheError> {
        self.stages[&stage].read()
    }

    /// Keeps the sums of all pairs at a stage.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn keep_sums(
        &mut self,
        stage: usize,
        sums: &StageSums,
        energy: &EnergyAccumulator,
    ) -> Result<(), CacheError> {
        let name = name_of(&(stage as u64).to_le_bytes());
        let path = self.folder.join(format!("{name}.{STAGE}"));
        StageFile::write(&path, stage, sums, energy).map_err(CacheError::write(&path))?;
        self.take_in(&path, Self::open_stage)
    }

    /// Takes a file that was just written.
    fn take_in(
        &mut self,
        path: &Path,
        open: impl FnOnce(&mut Self, &Path) -> Result<(), Trouble>,
    ) -> Result<(), CacheError> {
        open(self, path).map_err(|trouble| {
            let source = match trouble {
                Trouble::Io(source) => source,
                Trouble::Damaged(why) => io::Error::new(io::ErrorKind::InvalidData, why),
            };
            CacheError::Read { path: path.to_owned(), source }
        })
    }

    /// The values of all pairs of an entry that has no differences, such as a baseline's; none where one is not kept.
    pub fn all_values(&self, pairs: usize) -> Option<Vec<f64>> {
        (0..pairs).map(|pair| self.value(u32::try_from(pair).ok()?)).collect()
    }

    /// The value of a pair, where it is kept.
    pub fn value(&self, pair: u32) -> Option<f64> {
        self.values.get(&pair).copied()
    }

    /// Keeps the values of some pairs of an entry that has no differences.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_values(&self, pairs: &[u32], values: &[f64]) -> Result<(), CacheError> {
        assert_eq!(pairs.len(), values.len(), "a value for each pair");
        let numbers: Vec<u8> = pairs.iter().flat_map(|pair| pair.to_le_bytes()).collect();
        let path = self.folder.join(format!("{}.{VALUES}", name_of(&numbers)));
        let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let bytes = [numbers, values].concat();
        let write = || {
            let header = ValuesHeader { values: pairs.len() };
            let file = Unfinished::create(&path, &header, bytes.len() as u64)?;
            file.write(0, &bytes)?;
            file.finish(&path)
        };
        write().map_err(CacheError::write(&path))
    }

    /// Begins to keep the differences of some pairs at stages of so many `channels`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn writer(&self, pairs: &[u32], channels: &[usize]) -> Result<SetWriter, CacheError> {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        let numbers: Vec<u8> = pairs.iter().flat_map(|pair| pair.to_le_bytes()).collect();
        let path = self.folder.join(format!("{}.{SET}", name_of(&numbers)));
        let header = SetHeader { pairs: pairs.len(), channels: channels.to_vec() };
        let body = header.body().expect("what is in memory or on a disk can be counted");
        let create = || {
            let file = Unfinished::create(&path, &header, body)?;
            file.write(0, &numbers)?;
            Ok(file)
        };
        let file = create().map_err(CacheError::write(&path))?;
        let layout = Layout { pairs, channels: channels.to_vec() };
        Ok(SetWriter { path, file, layout, bytes: vec![] })
    }

    /// Puts the differences of all pairs at a stage into a store, as its only stage.
    ///
    /// # Errors
    /// A file cannot be read, or the store's own cannot be written.
    pub fn read_stage(
        &self,
        stage: usize,
        store: &mut PairStatisticsStore,
    ) -> Result<(), StoreError> {
        for set in &self.sets {
            let channels = set.channels(stage)?;
            let block = PairStatisticsStore::block_pairs(channels);
            let mut bytes = vec![0; block.min(set.layout.pairs.len()) * pair_bytes(channels)];
            for (i, pairs) in set.layout.pairs.chunks(block).enumerate() {
                let bytes = &mut bytes[..pairs.len() * pair_bytes(channels)];
                set.file
                    .read(set.layout.offset(stage, i * block), bytes)
                    .map_err(CacheError::read(&set.path))?;
                let mut differences = PairStatistics::zeros(pairs.len(), channels);
                for (pair, bytes) in bytes.chunks_exact(pair_bytes(channels)).enumerate() {
                    differences.set_bytes(pair, bytes);
                }
                store.put(0, pairs, &differences)?;
            }
        }
        Ok(())
    }
}

impl CacheEntry {
    /// The energy of the activations of all images at a stage.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read_energy(&self, stage: usize) -> Result<EnergyAccumulator, StoreError> {
        let channels = self.sets.first().map_or(Ok(0), |set| set.channels(stage))?;
        let mut energy = EnergyAccumulator::new(channels);
        let mut bytes = vec![0; EnergyAccumulator::bytes(channels)];
        for set in &self.sets {
            let offset = set.layout.energy_offset(stage);
            set.file.read(offset, &mut bytes).map_err(CacheError::read(&set.path))?;
            energy.join(&EnergyAccumulator::from_bytes(&bytes));
        }
        Ok(energy)
    }
}

/// Whether an entry of an entry's folder is a file of differences that alignscope made there, whole or
/// not; a link is none.
pub(super) fn is_ours(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    let kept = name.rsplit_once('.').is_some_and(|(stem, extension)| {
        let digit = |b: u8| b.is_ascii_hexdigit();
        let named = stem.len() == NAME_DIGITS && stem.bytes().all(digit);
        named && [SET, VALUES, STAGE].contains(&extension)
    });
    (kept || name.starts_with(UNFINISHED)) && entry.file_type().is_ok_and(|kind| kind.is_file())
}

/// The name of a file of some pairs, by their numbers.
fn name_of(pairs: &[u8]) -> String {
    let hash = Sha256::digest(pairs);
    hash[..NAME_DIGITS / 2].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Differences cannot be put where they are to be.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The files that keep them.
    #[error(transparent)]
    Kept(#[from] CacheError),
    /// The temporary file of the present run.
    #[error(transparent)]
    Spill(#[from] SpillError),
}

/// A set's differences on their way to a file.
#[derive(Debug)]
pub struct SetWriter {
    path: PathBuf,
    file: Unfinished,
    layout: Layout,
    bytes: Vec<u8>,
}

impl SetWriter {
    /// Takes the differences of some of the set's pairs at a stage.
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
        let offset = self.layout.energy_offset(stage);
        self.file.write(offset, &energy.to_bytes()).map_err(CacheError::write(&self.path))
    }

    fn flush(&mut self, stage: usize, first: usize) -> Result<(), CacheError> {
        let offset = self.layout.offset(stage, first);
        self.file.write(offset, &self.bytes).map_err(CacheError::write(&self.path))?;
        self.bytes.clear();
        Ok(())
    }

    /// Gives the file its name, once all stages of all pairs are in it, and takes it into the entry.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self, entry: &mut CacheEntry) -> Result<(), CacheError> {
        let Self { path, file, .. } = self;
        file.finish(&path).map_err(CacheError::write(&path))?;
        entry.take_in(&path, CacheEntry::open_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{About, CacheFolder, Fingerprint};
    use crate::distance::Scale;
    use crate::pair_statistics::{Activations, ImageProducts};

    fn entry(folder: &Path) -> CacheEntry {
        let fingerprint = Fingerprint::new(Default::default());
        let about = About { model: "m".into(), name: "m".into(), dataset: "d".into(), pairs: 4 };
        CacheFolder::new(folder).entry(&fingerprint, &about).expect("an entry")
    }

    fn differences(channels: usize, pairs: &[[u32; 2]]) -> PairStatistics {
        let values: Vec<f32> = (0..5 * 2 * channels).map(|i| (i as f32).sin()).collect();
        PairStatistics::of(Activations::new(&values, 5, 2, channels), pairs)
    }

    /// An energy of one image for each pair of a set.
    fn energy(channels: usize, set: &[u32]) -> EnergyAccumulator {
        let mut energy = EnergyAccumulator::new(channels);
        set.iter().for_each(|pair| energy.add(&vec![0.1 + *pair as f32; channels]));
        energy
    }

    const PAIRS: [[u32; 2]; 4] = [[0, 1], [0, 2], [3, 4], [4, 0]];

    /// Keeps pairs 0, 1 and 3 in one set, 2 in another.
    fn keep(entry: &mut CacheEntry) {
        for set in [&[3_u32, 0, 1][..], &[2]] {
            let mut writer = entry.writer(set, &[3, 7]).expect("a file");
            for (stage, channels) in [3, 7].into_iter().enumerate() {
                let pairs: Vec<_> = set.iter().map(|p| PAIRS[*p as usize]).collect();
                writer.put(stage, set, &differences(channels, &pairs)).expect("written");
                writer.put_energy(stage, &energy(channels, set)).expect("written");
            }
            writer.finish(entry).expect("kept");
        }
    }

    fn check(entry: &CacheEntry) {
        assert_eq!(entry.covered(4), [true; 4]);
        for (stage, channels) in [3, 7].into_iter().enumerate() {
            let mut store = PairStatisticsStore::new(4, &[channels], true).expect("a store");
            entry.read_stage(stage, &mut store).expect("read");
            assert_eq!(*store.block(0, 0).expect("a block"), differences(channels, &PAIRS));
            assert_eq!(entry.read_energy(stage).expect("read"), energy(channels, &[0, 1, 2, 3]));
        }
    }

    #[test]
    fn differences_come_back_to_the_bit_from_sets_in_any_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut first = entry(folder.path());
        keep(&mut first);
        check(&first);
        check(&entry(folder.path()));
    }

    #[test]
    fn a_set_that_was_not_finished_is_not_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = entry(folder.path());
        let mut writer = first.writer(&[0, 1], &[3]).expect("a file");
        writer.put(0, &[0, 1], &differences(3, &PAIRS[..2])).expect("written");
        let files = || std::fs::read_dir(&first.folder).expect("listed").count();
        assert_eq!((entry(folder.path()).covered(4), files()), (vec![false; 4], 2));
        // What a killed run leaves is nobody's, once it is old.
        let left = first.folder.join(".alignscope-left");
        std::fs::write(&left, "x").expect("written");
        entry(folder.path());
        assert_eq!(files(), 3);
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
        let file = std::fs::File::options().write(true).open(&left).expect("there");
        file.set_modified(long_ago).expect("aged");
        drop(file);
        entry(folder.path());
        assert_eq!(files(), 2);
        drop(writer);
        assert_eq!(files(), 1);
    }

    #[test]
    fn a_damaged_file_is_removed_and_told_whatever_byte_is_wrong() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut first = entry(folder.path());
        keep(&mut first);
        let path = first.sets[0].path.clone();
        let whole = std::fs::read(&path).expect("read");
        let cut = |n: usize| whole[..n].to_vec();
        let flipped = |i: usize| {
            let mut bytes = whole.clone();
            bytes[i] ^= 1;
            bytes
        };
        let mut damages: Vec<Vec<u8>> = [0, 1, 23, 40, 60, whole.len() - 1].map(cut).to_vec();
        damages.extend((0..whole.len()).step_by(7).map(flipped));
        damages.push([whole.as_slice(), b"x"].concat());
        for bytes in damages {
            std::fs::write(&path, bytes).expect("written");
            let again = entry(folder.path());
            assert_eq!(again.damaged().len(), 1);
            assert!(!path.exists());
            assert_eq!(
                again.covered(4).iter().filter(|c| **c).count(),
                4 - first.sets[0].layout.pairs.len()
            );
        }
    }

    #[test]
    fn sums_of_a_stage_come_back_to_the_bit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let sums = StageSums {
            numbers: 6,
            scale: Scale::new(vec![0.1, 0.0, 7.5]),
            images: vec![ImageProducts { aa: 0.3, a1: -0.1 }; 3],
            squares: vec![0.1, 0.2, 0.3, 1e300],
            scaled: vec![1.1, 0.0, 3e-300, 4.0],
        };
        let of_images = energy(3, &[0, 1, 2]);
        let mut first = entry(folder.path());
        first.keep_sums(1, &sums, &of_images).expect("kept");
        assert_eq!([0, 1].map(|stage| first.has_stage(stage)), [false, true]);
        let again = entry(folder.path());
        assert_eq!(again.read_sums(1).expect("read"), (sums, of_images));
        // Of a data set of other pairs.
        let path = std::fs::read_dir(&again.folder).expect("listed").find_map(|file| {
            let path = file.expect("listed").path();
            path.extension().is_some_and(|e| e == STAGE).then_some(path)
        });
        assert!(StageFile::open(&path.expect("a file"), 5).is_err());
    }

    #[test]
    fn values_come_back_to_the_bit() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let values = [0.1, -0.0, f64::NAN, 1e300];
        entry(folder.path()).keep_values(&[3, 0], &[values[3], values[0]]).expect("kept");
        assert_eq!(entry(folder.path()).all_values(4), None);
        entry(folder.path()).keep_values(&[1, 2], &values[1..3]).expect("kept");
        let found = entry(folder.path());
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found.all_values(4).expect("kept")), bits(&values));
    }
}
