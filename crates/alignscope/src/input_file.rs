//! A file that a user gives: regular, bounded, and hashed as it is read.
//!
//! A checkpoint, a table or a configuration may change while a run is at work. What is parsed is
//! therefore what was hashed, to the byte: a small file is read once; of a large one, each block is
//! hashed on opening, and each later read is held against those hashes.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::progress::{Progress, Silent};
use crate::spill::read_at;

/// A configuration, a list of names or a manifest of more bytes is refused.
pub(crate) const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Bytes of a block: few, so that a small tensor costs little; whole blocks of SHA-256.
const BLOCK_BYTES: usize = 1 << 18;

/// How Git LFS begins the small text that stands in for a file that was not fetched.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// SHA-256 of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash of all that went into a hasher.
    pub(crate) fn finish(hasher: Sha256) -> Self {
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A file that was read, and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedPath {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of the very bytes that were parsed, as `sha256sum` prints it. Of a folder of answers
    /// that over all of them.
    pub sha256: String,
}

/// Opens a file for reading.
///
/// # Errors
/// It cannot be opened, or is no regular file: reading a FIFO may wait without end, and a device may
/// have no end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let regular = |metadata: std::fs::Metadata| match metadata.is_file() {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "it is {}, expected a regular file",
            kind(metadata.file_type())
        ))),
    };
    // Before it is opened, since opening a FIFO waits for its writer; and after, since the name may
    // have gone to another file.
    regular(std::fs::metadata(path).map_err(|error| match std::fs::read_link(path) {
        Ok(to) if error.kind() == io::ErrorKind::NotFound => {
            let what = format!("it is a link to {}, which is not there", to.display());
            io::Error::new(io::ErrorKind::NotFound, what)
        }
        _ => error,
    })?)?;
    let file = File::open(path)?;
    regular(file.metadata()?)?;
    Ok(file)
}

fn kind(file_type: std::fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if file_type.is_fifo() {
            return "a FIFO";
        }
        if file_type.is_socket() {
            return "a socket";
        }
        if file_type.is_char_device() || file_type.is_block_device() {
            return "a device";
        }
    }
    if file_type.is_dir() { "a folder" } else { "no file" }
}

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, is larger, or is a pointer of Git LFS.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One more than may be, so that a file that grows is seen too.
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    check_pointer(&bytes)?;
    Ok(bytes)
}

fn too_large(limit: u64) -> io::Error {
    let what = format!("it has more than {limit} bytes, which no such file needs");
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

/// The text of a file of at most [`MAX_TEXT_BYTES`], without a byte order mark, and its hash.
///
/// # Errors
/// As for [`read`], or it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<(String, HashedPath)> {
    let bytes = read(path, MAX_TEXT_BYTES)?;
    let sha256 = ContentHash::of(&bytes).to_string();
    check_beginning(&bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("it is no text: {e}")))?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    Ok((text, HashedPath { path: path.to_owned(), sha256 }))
}

/// A small file of JSON cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFileError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not JSON.
    #[error("{path} is not valid JSON")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// What a file of JSON says, and its hash.
///
/// # Errors
/// As for [`read_text`], or it is not JSON.
pub(crate) fn read_json(path: &Path) -> Result<(serde_json::Value, HashedPath), JsonFileError> {
    let (text, file) =
        read_text(path).map_err(|source| JsonFileError::Read { path: path.to_owned(), source })?;
    let json = serde_json::from_str(&text)
        .map_err(|source| JsonFileError::Parse { path: path.to_owned(), source })?;
    Ok((json, file))
}

/// Checks that a file does not begin as something else than text in UTF-8.
///
/// # Errors
/// It is UTF-16, or a file of another kind that is often given for a text.
pub(crate) fn check_beginning(bytes: &[u8]) -> io::Result<()> {
    let what = if bytes.starts_with(b"\xff\xfe")
        || bytes.starts_with(b"\xfe\xff")
        // Letters of two bytes, without the mark of their order.
        || bytes.len() >= 2 && (bytes[0] == 0) != (bytes[1] == 0)
    {
        "it is UTF-16 (as Excel's `Unicode Text`), expected UTF-8; save it as UTF-8 (in Excel as \
         `CSV UTF-8`), or convert it with `iconv -f UTF-16 -t UTF-8`"
    } else if bytes.starts_with(b"PK\x03\x04") {
        "it is a ZIP archive or an Excel workbook, expected text; unpack it, or save the sheet as \
         `CSV UTF-8`"
    } else if bytes.starts_with(b"\x1f\x8b") {
        "it is compressed with gzip, expected text; unpack it with `gunzip`"
    } else if bytes.starts_with(b"\x93NUMPY") {
        "it is an array of NumPy, expected text; write it with `numpy.savetxt(…, fmt=\"%d\")`"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// Refuses the beginning of a pointer of Git LFS.
pub(crate) fn check_pointer(beginning: &[u8]) -> io::Result<()> {
    match beginning.starts_with(LFS_POINTER) {
        false => Ok(()),
        true => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it is a pointer of Git LFS, not the file itself; run `git lfs pull` where it was \
             cloned, or download the file",
        )),
    }
}

/// A file of any size, hashed on opening; what is read later is what was hashed.
#[derive(Debug)]
pub(crate) struct InputFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// The hash of all before each block of [`BLOCK_BYTES`], and of the whole file: one pass gives
    /// both the file's hash and what each block is held against.
    hashes: Vec<Sha256>,
}

impl InputFile {
    /// Opens a file and hashes all of it.
    ///
    /// # Errors
    /// It cannot be read, is no regular file, or is a pointer of Git LFS.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::open_telling(path, &Silent)?.expect("nobody stops it"))
    }

    /// As [`open`](Self::open), of at most `limit` bytes.
    ///
    /// # Errors
    /// As for [`open`](Self::open), or it has more bytes.
    pub(crate) fn open_at_most(path: &Path, limit: u64) -> io::Result<Self> {
        match open(path)?.metadata()?.len() > limit {
            true => Err(too_large(limit)),
            false => Self::open(path),
        }
    }

    /// As [`open`](Self::open), and advances by the bytes of each block; `None` if the user
    /// stopped.
    pub(crate) fn open_telling(path: &Path, progress: &dyn Progress) -> io::Result<Option<Self>> {
        let mut file = open(path)?;
        let mut hashes = vec![Sha256::new()];
        let mut bytes = 0;
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        loop {
            block.clear();
            (&mut file).take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
            if bytes == 0 {
                check_pointer(&block)?;
            }
            if !block.is_empty() {
                let after = hashes[hashes.len() - 1].clone().chain_update(&block);
                hashes.push(after);
                bytes += block.len() as u64;
                progress.advance(block.len() as u64);
            }
            if block.len() < BLOCK_BYTES {
                return Ok(Some(Self { path: path.to_owned(), file, bytes, hashes }));
            }
            if progress.is_stopped() {
                return Ok(None);
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is, and the hash of all of it.
    pub(crate) fn hashed_path(&self) -> HashedPath {
        let sha256 = self.hash_before(self.hashes.len() - 1).to_string();
        HashedPath { path: self.path.clone(), sha256 }
    }

    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// The file cannot be read, ends before, or is no longer what was hashed.
    pub(crate) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > self.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.reader_at(offset).read_exact(bytes)
    }

    /// Reads from the beginning, in blocks.
    pub(crate) fn reader(&self) -> InputReader<'_> {
        self.reader_at(0)
    }

    /// Reads from `position` on, in blocks.
    pub(crate) fn reader_at(&self, position: u64) -> InputReader<'_> {
        InputReader { file: self, position, block: Vec::new(), number: None }
    }

    /// The hash of all before block `number`.
    fn hash_before(&self, number: usize) -> ContentHash {
        ContentHash(self.hashes[number].clone().finalize().into())
    }

    fn block_bytes(&self, number: usize) -> usize {
        let start = (number * BLOCK_BYTES) as u64;
        (self.bytes - start).min(BLOCK_BYTES as u64) as usize
    }

    /// Fills `bytes` with a whole block.
    fn read_block(&self, number: usize, bytes: &mut [u8]) -> io::Result<()> {
        read_at(&self.file, bytes, (number * BLOCK_BYTES) as u64)?;
        let found = self.hashes[number].clone().chain_update(&bytes).finalize();
        match ContentHash(found.into()) == self.hash_before(number + 1) {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it was changed while it was read; run again when it is whole",
            )),
        }
    }
}

/// Reads a file in blocks, each held against its hash.
#[derive(Debug)]
pub(crate) struct InputReader<'a> {
    file: &'a InputFile,
    position: u64,
    /// The block that was read last, and its number.
    block: Vec<u8>,
    number: Option<usize>,
}

impl Read for InputReader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.file.bytes || bytes.is_empty() {
            return Ok(0);
        }
        let number = (self.position / BLOCK_BYTES as u64) as usize;
        let within = (self.position % BLOCK_BYTES as u64) as usize;
        let length = self.file.block_bytes(number);
        let read = match bytes.get_mut(..length) {
            // The whole block is asked for: straight to its place.
            Some(whole) if within == 0 => {
                self.file.read_block(number, whole)?;
                length
            }
            _ => {
                if self.number != Some(number) {
                    self.number = None;
                    self.block.resize(length, 0);
                    self.file.read_block(number, &mut self.block)?;
                    self.number = Some(number);
                }
                (&self.block[within..]).read(bytes)?
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for InputReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.file.bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).expect("written");
        (folder, path)
    }

    fn numbers(count: usize) -> Vec<u8> {
        (0..count).map(|i| (i * 7 + i / 251) as u8).collect()
    }

    #[test]
    fn any_part_reads_as_the_file_has_it() {
        for count in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 5] {
            let bytes = numbers(count);
            let (_folder, path) = written(&bytes);
            let file = InputFile::open(&path).expect("opened");
            assert_eq!(file.bytes(), count as u64);
            assert_eq!(file.hashed_path().sha256, ContentHash::of(&bytes).to_string());
            let mut all = Vec::new();
            file.reader().read_to_end(&mut all).expect("read");
            assert!(all == bytes, "{count} bytes");
            for (start, end) in
                [(0, count), (count / 2, count), (count / 3, count / 2), (count, count)]
            {
                let mut part = vec![0; end - start];
                file.read_exact_at(&mut part, start as u64).expect("read");
                assert!(part == bytes[start..end], "{start} to {end} of {count}");
            }
            let past = file.read_exact_at(&mut [0; 2], count as u64).expect_err("past the end");
            assert_eq!(past.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_file_that_changes_after_it_was_hashed_is_an_error() {
        let mut bytes = numbers(2 * BLOCK_BYTES);
        let (_folder, path) = written(&bytes);
        let file = InputFile::open(&path).expect("opened");
        bytes[BLOCK_BYTES + 3] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        file.read_exact_at(&mut [0; 100], 5).expect("its block is the same");
        let mut whole = vec![0; BLOCK_BYTES];
        for part in [&mut [0; 9][..], &mut whole] {
            let error = file.read_exact_at(part, BLOCK_BYTES as u64).expect_err("changed");
            assert!(error.to_string().contains("changed while it was read"), "{error}");
        }
        // A file of another name in its place is another file.
        std::fs::write(path.with_extension("new"), numbers(3)).expect("written");
        std::fs::rename(path.with_extension("new"), &path).expect("renamed");
        file.read_exact_at(&mut [0; 100], 5).expect("the file that was opened");
    }

    #[test]
    fn a_pointer_of_git_lfs_is_told() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
        let (_folder, path) = written(pointer);
        for error in [read(&path, 1000).expect_err("it"), InputFile::open(&path).expect_err("it")] {
            assert!(error.to_string().contains("git lfs pull"), "{error}");
        }
    }

    #[test]
    fn a_text_loses_its_byte_order_mark_and_keeps_its_hash() {
        let bytes = "\u{feff}{}".as_bytes();
        let (_folder, path) = written(bytes);
        let (text, hashed) = read_text(&path).expect("read");
        assert_eq!((text.as_str(), hashed.sha256), ("{}", ContentHash::of(bytes).to_string()));
        assert!(read(&path, 4).expect_err("too long").to_string().contains("more than 4 bytes"));
        std::fs::write(&path, [0xff, 0xfe]).expect("written");
        assert!(read_text(&path).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("fifo");
        let name = std::ffi::CString::new(fifo.as_os_str().as_encoded_bytes()).expect("no NUL");
        rustix::fs::mkfifoat(rustix::fs::CWD, &name, rustix::fs::Mode::RWXU).expect("made");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("linked");
        for (path, what) in
            [(&fifo, "a FIFO"), (&link, "a device"), (&folder.path().to_owned(), "a folder")]
        {
            let error = read(path, 10).expect_err(what).to_string();
            assert!(error.contains(what) && error.contains("regular file"), "{error}");
            assert_eq!(InputFile::open(path).expect_err(what).to_string(), error);
        }
    }
}
