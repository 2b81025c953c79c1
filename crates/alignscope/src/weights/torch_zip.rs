//! The zip archive of `torch.save`: `<root>/data.pkl`, and `<root>/data/<key>` for each storage.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use super::{WeightsError, damaged};
use crate::input_file::InputFile;

/// A longer pickle is refused: names, shapes and strides of some thousand tensors are far shorter.
pub(super) const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// Bytes that are read at a time for their checksum.
const RUN: usize = 1 << 18;

const TWICE: &str = "two entries in it have the same name";

/// An archive whose two lists of entries, in its directory and before the entries, agree.
pub(super) struct TorchZip {
    entries: BTreeMap<String, Entry>,
    /// What stands before `data.pkl` and `data/`.
    root: String,
}

/// A part of an archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) bytes: u64,
    /// CRC-32 of its bytes, as the archive's directory says.
    checksum: u32,
    /// Why its bytes are not simply there.
    hidden: Option<&'static str>,
}

impl TorchZip {
    pub(super) fn open(file: &InputFile) -> Result<Self, WeightsError> {
        let zip_error = |e: zip::result::ZipError| {
            let what = "as a zip archive, which may not be whole (copy or save it again)";
            damaged(file, format!("{what}: {e}"))
        };
        let mut archive = ZipArchive::new(BufReader::new(file.reader())).map_err(zip_error)?;
        if archive.has_duplicate_names() {
            return Err(damaged(file, TWICE));
        }
        let mut entries = BTreeMap::new();
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(zip_error)?;
            let name = entry.name().map_err(zip_error)?.into_owned();
            let hidden = match entry.compression() {
                _ if entry.encrypted() => Some("encrypted"),
                CompressionMethod::Stored => None,
                _ => Some("compressed"),
            };
            let start = entry.data_start();
            let start =
                start.ok_or_else(|| damaged(file, format!("`{name}` has no place in it")))?;
            let (bytes, checksum) = (entry.compressed_size(), entry.crc32());
            let differ = hidden.is_none() && entry.size() != bytes;
            if differ || start.checked_add(bytes).is_none_or(|end| end > file.bytes()) {
                return Err(damaged(file, format!("the sizes of `{name}` in it make no sense")));
            }
            drop(entry);
            if hidden.is_none() {
                let check = ZipReadOptions::new().enforce_header_consistency(true);
                let checked = archive.by_index_with_options(i, check).map(drop);
                checked.map_err(|e| damaged(file, format!("`{name}` in it: {e}")))?;
            }
            let entry = Entry { name: name.clone(), start, bytes, checksum, hidden };
            if entries.insert(name, entry).is_some() {
                return Err(damaged(file, TWICE));
            }
        }
        let mut ends = entries.values().map(|e| (e.start, e.start + e.bytes)).collect::<Vec<_>>();
        ends.sort_unstable();
        if ends.windows(2).any(|pair| pair[0].1 > pair[1].0) {
            return Err(damaged(file, "two entries in it share bytes"));
        }
        let mut roots = entries.keys().filter_map(|name| {
            name.strip_suffix("data.pkl").filter(|root| root.is_empty() || root.ends_with('/'))
        });
        let root = roots.next().map(str::to_owned);
        let root = root.ok_or_else(|| damaged(file, "there is no data.pkl in it"))?;
        if let Some(other) = roots.next() {
            let found = format!("it has two pickles, `{root}data.pkl` and `{other}data.pkl`");
            return Err(damaged(file, found));
        }
        if entries.contains_key(&format!("{root}constants.pkl")) {
            let found = "it is a program (`torch.jit.save`), not a dictionary of tensors; load it \
                         with torch.jit.load and save its state_dict() with torch.save";
            return Err(damaged(file, found));
        }
        let zip = Self { entries, root };
        let order = zip.entries.get(&format!("{}byteorder", zip.root));
        if let Some(order) = order
            && order.read(file, "byteorder", 16)? != b"little"
        {
            return Err(damaged(file, "its numbers are big-endian, expected little-endian"));
        }
        Ok(zip)
    }

    /// The bytes of the pickle.
    pub(super) fn pickle(&self, file: &InputFile) -> Result<Vec<u8>, WeightsError> {
        let entry = &self.entries[&format!("{}data.pkl", self.root)];
        entry.read(file, "the list of tensors", MAX_PICKLE_BYTES)
    }

    /// The numbers of a storage.
    pub(super) fn storage(&self, key: &str) -> Option<&Entry> {
        self.entries.get(&format!("{}data/{key}", self.root))
    }
}

impl Entry {
    /// Checks that its bytes are simply there; `what` needs them.
    pub(super) fn check_plain(&self, file: &InputFile, what: &str) -> Result<(), WeightsError> {
        match self.hidden {
            None => Ok(()),
            Some(how) => Err(damaged(
                file,
                format!(
                    "`{}` in it is {how} ({what} needs it); load it with torch.load and save it \
                     again with torch.save, which does neither",
                    self.name
                ),
            )),
        }
    }

    /// All of its bytes, at most `limit`, held against their checksum.
    fn read(&self, file: &InputFile, what: &str, limit: u64) -> Result<Vec<u8>, WeightsError> {
        self.check_plain(file, what)?;
        if self.bytes > limit {
            let found = format!("`{}` in it is longer than in any checkpoint", self.name);
            return Err(damaged(file, found));
        }
        let mut bytes = vec![0; self.bytes as usize];
        let error = |source| WeightsError::Read { path: file.path().to_owned(), source };
        file.read_exact_at(&mut bytes, self.start).map_err(error)?;
        self.check(file, what, crc32fast::hash(&bytes))?;
        Ok(bytes)
    }

    /// Holds its bytes against their checksum; `what` needs them.
    pub(super) fn check_bytes(&self, file: &InputFile, what: &str) -> Result<(), WeightsError> {
        let error = |source| WeightsError::Read { path: file.path().to_owned(), source };
        let mut run = vec![0; RUN.min(self.bytes as usize)];
        let mut checksum = crc32fast::Hasher::new();
        let mut reader = file.reader_at(self.start).take(self.bytes);
        loop {
            match reader.read(&mut run).map_err(error)? {
                0 => return self.check(file, what, checksum.finalize()),
                n => checksum.update(&run[..n]),
            }
        }
    }

    /// Holds the checksum that was found against the one that the archive has.
    pub(super) fn check(
        &self,
        file: &InputFile,
        what: &str,
        found: u32,
    ) -> Result<(), WeightsError> {
        // `torch.serialization.set_crc32_options(False)` writes 0, for none.
        if found == self.checksum || self.checksum == 0 {
            return Ok(());
        }
        let Self { name, checksum, .. } = self;
        let found = format!(
            "{what} is damaged: the bytes of `{name}` in it have the CRC-32 {found:08x}, expected \
             {checksum:08x}; copy or download the file again"
        );
        Err(damaged(file, found))
    }
}
