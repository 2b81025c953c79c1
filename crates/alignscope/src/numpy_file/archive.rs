//! `.npz` archives: arrays by name, stored or deflated.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::array::NumpyArray;
use super::error::NumpyError;
use crate::input_file::InputFile;

/// The arrays of an archive of `numpy.savez` or `numpy.savez_compressed`.
pub(crate) struct NpzArchive<'a> {
    file: &'a InputFile,
    members: BTreeMap<String, Member>,
}

/// Where the bytes of an array are.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// Its place in the archive's directory.
    place: usize,
    start: u64,
    bytes: u64,
    method: CompressionMethod,
    checksum: u32,
}

impl<'a> NpzArchive<'a> {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// It is no zip archive, or an encrypted one.
    pub(crate) fn open(file: &'a InputFile) -> io::Result<Self> {
        let error = |source: zip::result::ZipError| {
            wrong(format!("it is not an archive of NumPy (copy or save it again): {source}"))
        };
        let mut archive = ZipArchive::new(BufReader::new(file.reader())).map_err(error)?;
        let mut members = BTreeMap::new();
        for i in 0..archive.len() {
            let entry = archive.by_index_raw(i).map_err(error)?;
            let name = entry.name().map_err(error)?.into_owned();
            let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
            if entry.encrypted() {
                return Err(wrong(format!("`{name}` in it is encrypted")));
            }
            let start = entry.data_start();
            let start = start.ok_or_else(|| wrong(format!("`{name}` has no place in it")))?;
            let member = Member {
                place: i,
                start,
                bytes: entry.compressed_size(),
                method: entry.compression(),
                checksum: entry.crc32(),
            };
            if members.insert(name.clone(), member).is_some() {
                return Err(wrong(format!("it has two arrays `{name}`")));
            }
        }
        Ok(Self { file, members })
    }

    /// The names of its arrays, in the order in which they were written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let mut members: Vec<(&str, &Member)> =
            self.members.iter().map(|(name, member)| (name.as_str(), member)).collect();
        members.sort_by_key(|(_, member)| member.place);
        members.into_iter().map(|(name, _)| name)
    }

    /// The array of a name; `None` if there is none of it.
    ///
    /// # Errors
    /// As for [`NumpyArray::read`], or it is compressed by another method than NumPy's.
    pub(crate) fn array(&self, name: &str) -> Option<Result<NumpyArray<'a>, NumpyError>> {
        let member = *self.members.get(name)?;
        let reader = self.reader(name, member).map_err(NumpyError::Read);
        Some(reader.and_then(NumpyArray::read))
    }

    fn reader(&self, name: &str, member: Member) -> io::Result<Box<dyn Read + 'a>> {
        let raw = self.file.reader_at(member.start).take(member.bytes);
        let plain: Box<dyn Read + 'a> = match member.method {
            CompressionMethod::STORE => Box::new(raw),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(raw)),
            other => {
                return Err(wrong(format!(
                    "`{name}` in it is compressed by {other}, expected as `numpy.savez` or \
                     `numpy.savez_compressed` do it"
                )));
            }
        };
        let hasher = crc32fast::Hasher::new();
        Ok(Box::new(Checked { plain, hasher, checksum: member.checksum }))
    }
}

/// Holds what is read to the end against its checksum.
struct Checked<'a> {
    plain: Box<dyn Read + 'a>,
    hasher: crc32fast::Hasher,
    checksum: u32,
}

impl Read for Checked<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read(bytes)?;
        self.hasher.update(&bytes[..read]);
        let is_end = read == 0 && !bytes.is_empty();
        match is_end && self.hasher.clone().finalize() != self.checksum {
            true => Err(wrong("an array in it is damaged (its checksum differs)".to_owned())),
            false => Ok(read),
        }
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::*;

    /// `numpy.savez(f, triplets=[[1, 2, 3]], who=["ab"])` and the same of `savez_compressed`,
    /// by `tests/golden/numpy/generate.py`.
    const ARCHIVES: [&[u8]; 2] = [
        include_bytes!("../../tests/golden/numpy/stored.npz"),
        include_bytes!("../../tests/golden/numpy/deflated.npz"),
    ];

    #[test]
    fn arrays_are_read_by_name_stored_or_deflated_and_held_against_their_checksum() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.npz");
        for archive in ARCHIVES {
            std::fs::write(&path, archive).expect("written");
            let file = InputFile::open(&path).expect("opened");
            let npz = NpzArchive::open(&file).expect("an archive");
            assert_eq!(npz.names().collect::<Vec<_>>(), ["triplets", "who"]);
            assert!(npz.array("other").is_none());
            let mut triplets = npz.array("triplets").expect("there").expect("an array");
            assert_eq!(triplets.shape(), [1, 3]);
            let row = triplets.next_row().expect("read");
            assert_eq!(row, Some([1, 2, 3].map(Cell::Whole).to_vec()));
            assert_eq!(triplets.next_row().expect("the checksum is right"), None);
            let mut who = npz.array("who").expect("there").expect("an array");
            assert_eq!(who.next_row().expect("read"), Some(vec![Cell::Text("ab".into())]));
        }
        // A bit of the last number of the array that lies there as it is.
        let mut damaged = ARCHIVES[0].to_vec();
        let at = damaged.windows(8).position(|w| w == 3_i64.to_le_bytes()).expect("the number 3");
        damaged[at] = 5;
        std::fs::write(&path, damaged).expect("written");
        let file = InputFile::open(&path).expect("opened");
        let mut array = NpzArchive::open(&file).expect("an archive").array("triplets");
        let array = array.as_mut().expect("there").as_mut().expect("an array");
        let error = array.next_row().and_then(|_| array.next_row()).expect_err("damaged");
        assert!(error.to_string().contains("checksum"), "{error}");
    }
}
