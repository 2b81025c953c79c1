//! A file of kept numbers: what they are, the numbers, and a checksum over both.
//!
//! ```text
//! "alignscope kept1"       16 bytes, the last for the version of this format
//! length of the header     u64, little-endian
//! header                   JSON
//! numbers                  little-endian
//! SHA-256                  32 bytes, over all before
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::error::CacheError;
use super::store::{Contents, Draft, EntryFiles, Reader, StoredFile};

const MAGIC: &[u8; 16] = b"alignscope kept1";
const HASH_BYTES: u64 = 32;
/// Before the header.
const BEGINNING_BYTES: u64 = 24;
/// No header is longer.
const HEADER_LIMIT: u64 = 1 << 20;
/// Bytes that are hashed at a time.
const RUN: usize = 1 << 20;
/// Digits of a file's name.
const NAME_DIGITS: usize = 16;
/// How often a file is opened that looks damaged, or that a network file system shows as it was a
/// moment ago, and how long to wait before each.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(2), Duration::from_millis(50)];

/// A kind of file that an entry has, by its header. All go one way: [`Unfinished::create`], written
/// in any order, [`Unfinished::finish`], and from then on [`CacheFile::open`] in any run.
///
/// To add one: implement this, and add its line to the kinds of `entry.rs`.
pub(super) trait FileKind: Serialize + DeserializeOwned {
    /// How names of such files end.
    const EXTENSION: &'static str;

    /// Bytes of the numbers that go with a header; `None` where there is no such number.
    fn body_bytes(&self) -> Option<u64>;
}

/// The name of a file of a kind, by the numbers of the pairs that it is of.
pub(super) fn name_of<K: FileKind>(pairs: &[u8]) -> String {
    let hash = Sha256::digest(pairs);
    let stem: String = hash[..NAME_DIGITS / 2].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{stem}.{}", K::EXTENSION)
}

/// The kind of a file by its name, if it is named as files of numbers are.
pub(super) fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_digit = |byte: u8| byte.is_ascii_hexdigit();
    (stem.len() == NAME_DIGITS && stem.bytes().all(is_digit)).then_some(extension)
}

/// A file that was checked.
#[derive(Debug)]
pub(super) struct CacheFile {
    contents: Contents,
    /// Where the numbers begin.
    start: u64,
    hash: [u8; HASH_BYTES as usize],
}

/// Why a file is of no use.
pub(super) enum Trouble {
    /// It cannot be read, or is not there any more.
    Cache(CacheError),
    /// It is not what was written.
    Damaged(String),
}

impl From<CacheError> for Trouble {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

impl Trouble {
    /// As an error, where a file is not expected to be damaged.
    pub(super) fn into_error(self, file: &std::path::Path) -> CacheError {
        match self {
            Self::Cache(error) => error,
            Self::Damaged(why) => CacheError::Read {
                path: file.to_owned(),
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, why),
            },
        }
    }
}

impl CacheFile {
    /// Opens a file of an entry and checks all of it.
    pub(super) fn open<K: FileKind>(
        files: &dyn EntryFiles,
        file: &StoredFile,
    ) -> Result<(Self, K), Trouble> {
        Self::check(files.open(file)?)
    }

    fn check<K: FileKind>(contents: Contents) -> Result<(Self, K), Trouble> {
        let mut pauses = PAUSES.iter();
        loop {
            match read_whole(&contents) {
                Ok((start, hash, header)) => return Ok((Self { contents, start, hash }, header)),
                // A file that was just renamed may be shown with the length that it had before.
                Err(Trouble::Damaged(_)) if contents.may_lag() && !pauses.as_slice().is_empty() => {
                    if let Some(pause) = pauses.next() {
                        std::thread::sleep(*pause);
                    }
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// Reads some of the numbers' bytes.
    ///
    /// # Errors
    /// It cannot be read, or is gone: what stands in its place was not checked.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> Result<(), CacheError> {
        for pause in PAUSES {
            match self.read_once(offset, bytes) {
                Err(error) if error.is_gone() => std::thread::sleep(pause),
                other => return other,
            }
        }
        self.read_once(offset, bytes)
    }

    fn read_once(&self, offset: u64, bytes: &mut [u8]) -> Result<(), CacheError> {
        let reader = self.contents.reader()?;
        let mut hash = [0; HASH_BYTES as usize];
        let end = reader.len.saturating_sub(HASH_BYTES);
        let is_same = reader.read(end, &mut hash)?.is_some() && hash == self.hash;
        match is_same.then(|| reader.read(self.start + offset, bytes)).transpose()?.flatten() {
            Some(()) => Ok(()),
            None => Err(CacheError::Gone { path: self.contents.path.clone() }),
        }
    }

    /// Where it is, for people.
    pub(super) fn path(&self) -> &std::path::Path {
        &self.contents.path
    }
}

/// Where the numbers of a file begin, its checksum and its header, all of which are checked.
fn read_whole<K: FileKind>(contents: &Contents) -> Result<(u64, [u8; 32], K), Trouble> {
    let damaged = |what: &str| Trouble::Damaged(what.to_owned());
    let reader = contents.reader()?;
    let length = reader.len;
    let short = || Trouble::Damaged(format!("it has {length} bytes"));
    let mut beginning = [0; BEGINNING_BYTES as usize];
    if length < BEGINNING_BYTES + HASH_BYTES {
        return Err(short());
    }
    reader.read(0, &mut beginning)?.ok_or_else(short)?;
    let (magic, header_len) = beginning.split_at(16);
    let header_len = u64::from_le_bytes(header_len.try_into().expect("eight bytes"));
    if magic != MAGIC || header_len > HEADER_LIMIT {
        return Err(damaged("it does not begin as it should"));
    }
    let start = BEGINNING_BYTES + header_len;
    if length < start + HASH_BYTES {
        return Err(short());
    }
    let mut header = vec![0; header_len as usize];
    reader.read(BEGINNING_BYTES, &mut header)?.ok_or_else(short)?;
    let header: K = serde_json::from_slice(&header)
        .map_err(|error| Trouble::Damaged(format!("its header is {error}")))?;
    let expected = header
        .body_bytes()
        .and_then(|body| body.checked_add(start + HASH_BYTES))
        .ok_or_else(|| damaged("its header cannot be"))?;
    if length != expected {
        return Err(Trouble::Damaged(format!("it has {length} bytes, expected {expected}")));
    }
    let mut hash = [0; HASH_BYTES as usize];
    reader.read(length - HASH_BYTES, &mut hash)?.ok_or_else(short)?;
    let found = checksum(length - HASH_BYTES, |offset, run| read_run(&reader, offset, run))?;
    match found == hash {
        true => Ok((start, hash, header)),
        false => Err(damaged("its checksum is wrong")),
    }
}

fn read_run(reader: &Reader<'_>, offset: u64, run: &mut [u8]) -> Result<(), Trouble> {
    let short = || Trouble::Damaged(format!("it ends before {} bytes", reader.len));
    reader.read(offset, run)?.ok_or_else(short)
}

/// A file that is not written to its end.
#[derive(Debug)]
pub(super) struct Unfinished {
    name: String,
    draft: Draft,
    start: u64,
    body: u64,
}

impl Unfinished {
    /// Begins a file of an entry.
    ///
    /// # Panics
    /// The header has no number of bytes.
    pub(super) fn create<K: FileKind>(
        files: &dyn EntryFiles,
        name: String,
        header: &K,
    ) -> Result<Self, CacheError> {
        let body = header.body_bytes().expect("what is in memory or on a disk can be counted");
        let header = serde_json::to_vec(header).expect("a header is plain data");
        let mut beginning = MAGIC.to_vec();
        beginning.extend_from_slice(&(header.len() as u64).to_le_bytes());
        beginning.extend_from_slice(&header);
        let start = beginning.len() as u64;
        let draft = files.begin(&name, start + body + HASH_BYTES)?;
        draft.write(0, &beginning)?;
        Ok(Self { name, draft, start, body })
    }

    /// Writes some of the numbers' bytes.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), CacheError> {
        self.draft.write(self.start + offset, bytes)
    }

    /// Puts the checksum to the end, gives the file its name, and checks what came of it.
    pub(super) fn finish<K: FileKind>(
        self,
        files: &dyn EntryFiles,
    ) -> Result<(CacheFile, K), CacheError> {
        let Self { name, draft, start, body } = self;
        let length = start + body;
        let hash = checksum(length, |offset, run| draft.read(offset, run))?;
        draft.write(length, &hash)?;
        let contents = files.finish(draft, &name)?;
        let path = contents.path.clone();
        CacheFile::check(contents).map_err(|trouble| trouble.into_error(&path))
    }
}

/// SHA-256 of the first bytes of a file.
fn checksum<E>(
    length: u64,
    read: impl Fn(u64, &mut [u8]) -> Result<(), E>,
) -> Result<[u8; HASH_BYTES as usize], E> {
    let mut hash = Sha256::new();
    let mut bytes = vec![0; RUN];
    let mut offset = 0;
    while offset < length {
        let run = &mut bytes[..RUN.min((length - offset) as usize)];
        read(offset, run)?;
        hash.update(&*run);
        offset += run.len() as u64;
    }
    Ok(hash.finalize().into())
}
