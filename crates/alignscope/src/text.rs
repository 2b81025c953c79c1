//! Texts that a user gives, line by line, however long they are.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use crate::input_file::{InputFile, InputReader, check_beginning};

/// A line, or a row of a table, of more bytes is refused.
pub(crate) const MAX_LINE_BYTES: usize = 1 << 20;

/// What marks a text as UTF-8 at its beginning.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A reader that stands at the beginning of the text, after a byte order mark.
///
/// # Errors
/// The file cannot be read, or is no text in UTF-8 ([`check_beginning`]).
pub(crate) fn reader(file: &InputFile) -> io::Result<InputReader<'_>> {
    let mut beginning = Vec::new();
    file.reader().take(8).read_to_end(&mut beginning)?;
    check_beginning(&beginning)?;
    let mut reader = file.reader();
    if beginning.starts_with(BYTE_ORDER_MARK) {
        reader.seek(SeekFrom::Start(BYTE_ORDER_MARK.len() as u64))?;
    }
    Ok(reader)
}

/// A reader of a table that refuses to read on without end for one row.
pub(crate) struct Bounded<R> {
    reader: R,
    most: usize,
    /// Read since the row began.
    bytes: usize,
}

impl<R> Bounded<R> {
    /// Rows of at most about `most` bytes.
    pub(crate) fn new(reader: R, most: usize) -> Self {
        Self { reader, most, bytes: 0 }
    }

    /// A row begins.
    pub(crate) fn begin(&mut self) {
        self.bytes = 0;
    }
}

impl<R: Read> Read for Bounded<R> {
    /// # Errors
    /// The reader's own, and [`io::ErrorKind::FileTooLarge`] if the row is too long.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.bytes > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.reader.read(bytes)?;
        self.bytes += read;
        Ok(read)
    }
}

/// The lines of a text, with their numbers from 1; a line ends in LF or CR LF.
pub(crate) struct Lines<'a> {
    reader: BufReader<InputReader<'a>>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    /// Begins to read.
    ///
    /// # Errors
    /// As for [`reader`].
    pub(crate) fn of(file: &'a InputFile) -> io::Result<Self> {
        let reader = BufReader::with_capacity(1 << 16, reader(file)?);
        Ok(Self { reader, line: Vec::new(), number: 0 })
    }

    /// The next line without its end; `None` after the last.
    ///
    /// # Errors
    /// The file cannot be read, or the line is too long, is not UTF-8 or has a CR within it.
    pub(crate) fn next(&mut self) -> io::Result<Option<(u64, &str)>> {
        self.line.clear();
        let limit = MAX_LINE_BYTES as u64 + 2;
        if (&mut self.reader).take(limit).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let wrong = |what: &str| {
            let what = format!("line {} {what}", self.number);
            Err(io::Error::new(io::ErrorKind::InvalidData, what))
        };
        if line.len() > MAX_LINE_BYTES {
            return wrong(&format!("has more than {MAX_LINE_BYTES} bytes"));
        }
        match std::str::from_utf8(line) {
            Err(_) => wrong("is not UTF-8; save the file as UTF-8"),
            Ok(text) if text.contains('\r') => {
                wrong("has a CR within it; save the file with lines that end in LF or CR LF")
            }
            Ok(text) => Ok(Some((self.number, text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<(u64, String)>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("list.txt");
        std::fs::write(&path, bytes).expect("written");
        let file = InputFile::open(&path)?;
        let mut lines = Lines::of(&file)?;
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next()? {
            found.push((number, line.to_owned()));
        }
        Ok(found)
    }

    #[test]
    fn lines_lose_their_ends_and_the_byte_order_mark() {
        let line = |number, text: &str| (number, text.to_owned());
        let expected = [line(1, "a b"), line(2, ""), line(3, " \u{e9}")];
        for bytes in ["\u{feff}a b\r\n\r\n \u{e9}", "a b\n\n \u{e9}\n"] {
            assert_eq!(read(bytes.as_bytes()).expect("read"), expected);
        }
        assert_eq!(read(b"").expect("read"), []);
        // A mark elsewhere than at the beginning is a character.
        assert_eq!(read("\u{feff}\u{feff}a".as_bytes()).expect("read"), [line(1, "\u{feff}a")]);
        let long = "a".repeat(MAX_LINE_BYTES);
        assert_eq!(read(format!("{long}\r\nb").as_bytes()).expect("read").len(), 2);
    }

    #[test]
    fn what_is_no_text_is_told_with_what_to_do() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(bytes).collect()
        };
        for (bytes, part) in [
            (utf16("\u{feff}axe\n", u16::to_le_bytes), "UTF-16"),
            (utf16("\u{feff}axe\n", u16::to_be_bytes), "UTF-16"),
            (utf16("axe\n", u16::to_le_bytes), "UTF-16"),
            (utf16("axe\n", u16::to_be_bytes), "UTF-16"),
            (b"PK\x03\x04\x14\x00".to_vec(), "Excel workbook"),
            (b"\x1f\x8b\x08".to_vec(), "gunzip"),
            (b"\x93NUMPY\x01\x00".to_vec(), "numpy.savetxt"),
            (b"axe\ncaf\xe9\n".to_vec(), "line 2 is not UTF-8"),
            (b"axe\rbee\rcup".to_vec(), "line 1 has a CR within it"),
            (vec![b'a'; MAX_LINE_BYTES + 5], "line 1 has more than 1048576 bytes"),
        ] {
            let error = read(&bytes).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
