//! One model on one data set, as far as it is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::error::{CacheError, StoreError};
use super::format::{FileKind, Trouble, extension};
use super::lease::{self, Lease};
use super::set::{CachedSet, SetHeader, SetWriter};
use super::stage_file::{StageFile, StageHeader};
use super::store::{EntryFiles, StoredFile};
use super::values::{self, ValuesHeader};
use crate::atomic_write::UNFINISHED;
use crate::dense_pairs::StageSums;
use crate::energy::EnergyAccumulator;
use crate::pair_statistics::PairStatisticsStore;

/// What an entry is, for people; a folder whose name is the hash of what it says is ours.
pub(super) const ABOUT: &str = "entry.json";
/// The kinds of files of numbers, by how their names end.
const KINDS: [&str; 3] = [SetHeader::EXTENSION, StageHeader::EXTENSION, ValuesHeader::EXTENSION];
/// An unfinished file to which nobody has written for so long is of a run that was killed.
const ORPHAN_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a file is written again that somebody removes meanwhile.
const ATTEMPTS: usize = 5;

/// The kept part of an entry. Other runs may be at work with the same: what they keep is taken over
/// ([`take_over`](Self::take_over)).
#[derive(Debug)]
pub struct CacheEntry {
    files: Arc<dyn EntryFiles>,
    /// Its record, [`ABOUT`].
    record: Vec<u8>,
    /// Pairs of the data set.
    pairs: usize,
    /// By the names of their files.
    sets: BTreeMap<String, CachedSet>,
    /// Of a data set whose pairs are reduced all at once: the stages that are kept.
    stages: BTreeMap<usize, StageFile>,
    /// Of an entry that has no statistics: the value of each pair that is kept.
    values: BTreeMap<u32, f64>,
    /// Files that were damaged, with what was wrong; they are removed.
    damaged: Vec<(PathBuf, String)>,
    /// Says that a run is at work with it; `None` where it can only be read.
    lease: Option<Lease>,
}

impl CacheEntry {
    /// Opens what is kept of an entry, and checks every file; damaged ones are removed.
    ///
    /// `pairs` — pairs of the data set
    pub(super) fn open(
        files: Arc<dyn EntryFiles>,
        record: Vec<u8>,
        pairs: usize,
    ) -> Result<Self, CacheError> {
        // First of all, so that nobody removes the record between now and the first file.
        let lease = Lease::take(&files)?;
        files.put_if_absent(ABOUT, &record)?;
        let (sets, stages, values) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let damaged = vec![];
        let mut entry = Self { files, record, pairs, sets, stages, values, damaged, lease };
        let listed = entry.files.list()?;
        if let Some(lease) = &entry.lease {
            lease.remove_stale(&listed);
            remove_orphans(&*entry.files, &listed, lease.taken);
        }
        listed.iter().try_for_each(|file| entry.take(file))?;
        Ok(entry)
    }

    /// Looks anew at what is kept: a file that was there is gone.
    pub(crate) fn reopen(&mut self) -> Result<(), CacheError> {
        self.sets.clear();
        self.stages.clear();
        self.values.clear();
        self.files.put_if_absent(ABOUT, &self.record)?;
        let listed = self.files.list()?;
        listed.iter().try_for_each(|file| self.take(file))
    }

    /// Takes in what a file keeps; one that is damaged is removed.
    fn take(&mut self, file: &StoredFile) -> Result<(), CacheError> {
        if !is_kept(file) {
            return Ok(());
        }
        let taken =
            match extension(&file.name) {
                Some(SetHeader::EXTENSION) => self.take_set(file),
                Some(StageHeader::EXTENSION) => StageFile::open(&*self.files, file, self.pairs)
                    .map(|found| self.add_stage(found)),
                Some(ValuesHeader::EXTENSION) => values::read(&*self.files, file, self.pairs)
                    .map(|found| self.values.extend(found)),
                _ => Ok(()),
            };
        match taken {
            // Another run, or its user, may have removed it meanwhile.
            Err(Trouble::Cache(error)) if error.is_gone() => Ok(()),
            Err(Trouble::Damaged(why)) => {
                // Another run may have put a whole one in its place meanwhile.
                if self.files.discard(file)? {
                    self.damaged.push((self.files.place().join(&file.name), why));
                }
                Ok(())
            }
            Err(Trouble::Cache(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    fn take_set(&mut self, file: &StoredFile) -> Result<(), Trouble> {
        let set = CachedSet::open(&*self.files, file, self.pairs)?;
        let first = self.sets.values().next();
        if first.is_some_and(|first| first.all_channels() != set.all_channels()) {
            return Err(Trouble::Damaged("its stages are not those of other files".to_owned()));
        }
        self.add_set(file.name.clone(), set);
        Ok(())
    }

    fn add_set(&mut self, name: String, set: CachedSet) {
        // A run with another memory budget may have split the pairs otherwise: each is taken once.
        let known = |pair: &u32| self.sets.values().any(|set| set.has(*pair));
        if !set.pairs().iter().any(known) {
            self.sets.insert(name, set);
        }
    }

    fn add_stage(&mut self, file: StageFile) {
        self.stages.insert(file.stage(), file);
    }

    /// Files that were damaged and are removed now, with what was wrong.
    pub fn damaged(&self) -> &[(PathBuf, String)] {
        &self.damaged
    }

    /// Where it is: a folder, or an address in an object store.
    pub fn folder(&self) -> &Path {
        self.files.place()
    }

    /// For each of `pairs` pairs, whether its statistics are kept.
    pub fn covered(&self, pairs: usize) -> Vec<bool> {
        let mut covered = vec![false; pairs];
        for pair in self.sets.values().flat_map(CachedSet::pairs) {
            if let Some(covered) = covered.get_mut(*pair as usize) {
                *covered = true;
            }
        }
        covered
    }

    /// Looks whether another run has kept the statistics of just these pairs meanwhile, which are
    /// then covered, and says so.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn take_over(&mut self, pairs: &[u32], channels: &[usize]) -> Result<bool, CacheError> {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        let name = CachedSet::name(&pairs);
        if !self.sets.contains_key(&name)
            && let Some(file) = self.files.find(&name)?
        {
            self.take(&file)?;
        }
        Ok(self.sets.get(&name).is_some_and(|set| set.all_channels() == channels))
    }

    /// Looks whether another run has kept the values of just these pairs meanwhile, and says so.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn take_over_values(&mut self, pairs: &[u32]) -> Result<bool, CacheError> {
        if let Some(file) = self.files.find(&values::name(pairs))? {
            self.take(&file)?;
        }
        Ok(pairs.iter().all(|pair| self.values.contains_key(pair)))
    }

    /// Whether the sums of all pairs at a stage are kept, given by its position.
    pub(crate) fn has_stage(&self, stage: usize) -> bool {
        self.stages.contains_key(&stage)
    }

    /// Looks whether another run has kept the sums of all pairs at a stage meanwhile, and says so.
    pub(crate) fn take_over_stage(&mut self, stage: usize) -> Result<bool, CacheError> {
        if !self.has_stage(stage)
            && let Some(file) = self.files.find(&StageFile::name(stage))?
        {
            self.take(&file)?;
        }
        Ok(self.has_stage(stage))
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
        let file = self.keep(|files| StageFile::write(files, stage, sums, energy))?;
        self.add_stage(file);
        Ok(())
    }

    /// Which of `sets` sets to begin with, so that several runs that are at work at once begin with
    /// different ones: the first, unless others are at work.
    pub fn first_set(&self, sets: usize) -> Result<usize, CacheError> {
        let Some(lease) = &self.lease else { return Ok(0) };
        let files = self.files.list()?;
        Ok(match lease.others(&files).next() {
            Some(_) => (lease.number() % sets.max(1) as u64) as usize,
            None => 0,
        })
    }

    /// The values of all pairs of an entry that has no statistics, such as a baseline's; `None` if
    /// one is not kept.
    pub fn all_values(&self, pairs: usize) -> Option<Vec<f64>> {
        (0..pairs).map(|pair| self.value(u32::try_from(pair).ok()?)).collect()
    }

    /// The value of a pair, where it is kept.
    pub fn value(&self, pair: u32) -> Option<f64> {
        self.values.get(&pair).copied()
    }

    /// Keeps the values of some pairs of an entry that has no statistics.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_values(&self, pairs: &[u32], values: &[f64]) -> Result<(), CacheError> {
        self.keep(|files| values::write(files, pairs, values))
    }

    /// Writes a file, and again where somebody removes the entry meanwhile: whoever cleans the
    /// cache may have taken it for nobody's.
    fn keep<T>(
        &self,
        write: impl Fn(&dyn EntryFiles) -> Result<T, CacheError>,
    ) -> Result<T, CacheError> {
        let once = || {
            let kept = write(&*self.files)?;
            self.files.put_if_absent(ABOUT, &self.record)?;
            Ok(kept)
        };
        for _ in 1..ATTEMPTS {
            match once() {
                Err(error) if CacheError::is_gone(&error) => {}
                other => return other,
            }
        }
        once()
    }

    /// Begins to keep the statistics of some pairs at stages of so many `channels`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn writer(&self, pairs: &[u32], channels: &[usize]) -> Result<SetWriter, CacheError> {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        SetWriter::create(&*self.files, pairs, channels)
    }

    /// Puts the statistics of all pairs at a stage into a store, as its only stage.
    ///
    /// # Errors
    /// A file cannot be read, or the store's own cannot be written.
    pub fn read_stage(
        &self,
        stage: usize,
        store: &mut PairStatisticsStore,
    ) -> Result<(), StoreError> {
        self.sets.values().try_for_each(|set| set.read_stage(stage, store))
    }

    /// The energy of the activations of all images at a stage.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read_energy(&self, stage: usize) -> Result<EnergyAccumulator, StoreError> {
        let first = self.sets.values().next();
        let channels = first.map_or(Ok(0), |set| set.channels(stage))?;
        let mut energy = EnergyAccumulator::new(channels);
        for set in self.sets.values() {
            energy.join(&set.read_energy(stage)?);
        }
        Ok(energy)
    }
}

impl SetWriter {
    /// Gives the file its name, once all stages of all pairs are in it, and takes it into the
    /// entry.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self, entry: &mut CacheEntry) -> Result<(), CacheError> {
        let set = self.keep(&*entry.files, entry.pairs)?;
        // Whoever cleans the cache may have taken it for nobody's.
        entry.files.put_if_absent(ABOUT, &entry.record)?;
        entry.add_set(CachedSet::name(set.pairs()), set);
        Ok(())
    }
}

/// Whether something in an entry is a file that alignscope made there, whole or not; a link is
/// none.
pub(super) fn is_ours(file: &StoredFile) -> bool {
    let is_record = file.is_file && file.name == ABOUT;
    is_record || is_kept(file) || is_unfinished(file) || lease::is_lease(file)
}

/// Whether it is a file of numbers.
fn is_kept(file: &StoredFile) -> bool {
    file.is_file && extension(&file.name).is_some_and(|kind| KINDS.contains(&kind))
}

fn is_unfinished(file: &StoredFile) -> bool {
    file.is_file && file.name.starts_with(UNFINISHED)
}

/// Removes unfinished files that no run writes to any more, by the clock of the store.
fn remove_orphans(files: &dyn EntryFiles, listed: &[StoredFile], now: SystemTime) {
    for file in listed.iter().filter(|file| is_unfinished(file)) {
        if now.duration_since(file.written).is_ok_and(|age| age >= ORPHAN_AGE) {
            // One that cannot be removed does no harm: it is never read.
            let _ = files.remove(&file.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{About, CacheFolder, Fingerprint};
    use crate::distance::Scale;
    use crate::pair_statistics::{Activations, ImageProducts, PairStatistics};

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
        // Its record, the file, and that a run is at work.
        let files = || std::fs::read_dir(first.folder()).expect("listed").count();
        let covered = entry(folder.path()).covered(4);
        assert_eq!((covered, files()), (vec![false; 4], 3));
        // What a killed run leaves is nobody's, once it is old.
        let left = first.folder().join(".alignscope-left");
        std::fs::write(&left, "x").expect("written");
        entry(folder.path());
        assert_eq!(files(), 4);
        let long_ago = SystemTime::now() - ORPHAN_AGE;
        let file = std::fs::File::options().write(true).open(&left).expect("there");
        file.set_modified(long_ago).expect("aged");
        drop(file);
        entry(folder.path());
        assert_eq!(files(), 3);
        drop(writer);
        assert_eq!(files(), 2);
    }

    #[test]
    fn what_another_run_keeps_meanwhile_is_taken_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [mut first, mut second] = [entry(folder.path()), entry(folder.path())];
        assert!(!first.take_over(&[0, 3, 1], &[3, 7]).expect("looked"));
        keep(&mut second);
        assert!(!first.take_over(&[0, 3], &[3, 7]).expect("other pairs"));
        assert!(!first.take_over(&[2], &[7, 3]).expect("other stages"));
        for pairs in [&[0, 3, 1][..], &[2]] {
            assert!(first.take_over(pairs, &[3, 7]).expect("looked"));
        }
        check(&first);

        let metric = tempfile::tempdir().expect("a temporary folder");
        let [mut first, second] = [entry(metric.path()), entry(metric.path())];
        second.keep_values(&[1, 2], &[0.5, 1.5]).expect("kept");
        assert!(!first.take_over_values(&[1]).expect("looked"));
        assert!(first.take_over_values(&[1, 2]).expect("looked"));
        assert_eq!(first.value(2), Some(1.5));
    }

    #[test]
    fn a_file_that_goes_or_changes_while_it_is_counted_on_is_gone_and_not_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut first = entry(folder.path());
        keep(&mut first);
        let read = |entry: &CacheEntry| {
            let mut store = PairStatisticsStore::new(4, &[3], true).expect("a store");
            entry.read_stage(0, &mut store)
        };
        let path = first.sets.values().next().expect("it was kept").path().to_owned();
        let whole = std::fs::read(&path).expect("read");
        let mut other = whole.clone();
        *other.last_mut().expect("a checksum") ^= 1;
        for bytes in [None, Some(other), Some(whole[..whole.len() - 1].to_vec())] {
            match bytes {
                None => std::fs::remove_file(&path).expect("removed"),
                Some(bytes) => std::fs::write(&path, bytes).expect("written"),
            }
            match read(&first) {
                Err(StoreError::Kept(error)) => assert!(error.is_gone(), "{error}"),
                other => panic!("{other:?}"),
            }
            std::fs::write(&path, &whole).expect("written");
            read(&first).expect("it is there again");
        }
        std::fs::remove_dir_all(first.folder()).expect("removed");
        first.reopen().expect("opened anew");
        assert_eq!(first.covered(4), [false; 4]);
        keep(&mut first);
        check(&first);
    }

    #[test]
    fn several_runs_begin_with_different_sets_and_one_alone_with_the_first() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let alone = entry(folder.path());
        assert_eq!(alone.first_set(1 << 40).expect("looked"), 0);
        let other = entry(folder.path());
        let first = [&alone, &other].map(|entry| entry.first_set(1 << 40).expect("looked"));
        assert!(first[0] != first[1], "{first:?}");
        drop(other);
        assert_eq!(alone.first_set(1 << 40).expect("looked"), 0);
    }

    #[test]
    fn a_damaged_file_is_removed_and_told_whatever_byte_is_wrong() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut first = entry(folder.path());
        keep(&mut first);
        let (pairs, path) = {
            let set = first.sets.values().next().expect("it was kept");
            (set.pairs().len(), set.path().to_owned())
        };
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
            assert_eq!(again.covered(4).iter().filter(|c| **c).count(), 4 - pairs);
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
        // Two runs at once: what one keeps the other takes over.
        let (mut first, mut second) = (entry(folder.path()), entry(folder.path()));
        first.keep_sums(1, &sums, &of_images).expect("kept");
        assert_eq!([0, 1].map(|stage| first.has_stage(stage)), [false, true]);
        assert!(!second.has_stage(1));
        assert_eq!([0, 1].map(|s| second.take_over_stage(s).expect("looked")), [false, true]);
        for entry in [first, second, entry(folder.path())] {
            assert_eq!(entry.read_sums(1).expect("read"), (sums.clone(), of_images.clone()));
        }
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
