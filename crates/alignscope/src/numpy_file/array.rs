//! The values of an array, row after row.

use std::io::{self, BufReader, Read};

use super::header::NpyHeader;

/// An element that takes more bytes is refused: names of files are far shorter.
const MAX_ELEMENT_BYTES: usize = 1 << 16;

/// A row with more elements is refused.
const MAX_ROW: usize = 1 << 20;

/// An array whose rows are read one after the other.
pub(crate) struct NumpyArray<'a> {
    shape: Vec<usize>,
    element: Element,
    /// Rows that are not read yet.
    left: usize,
    reader: BufReader<Box<dyn Read + 'a>>,
    bytes: Vec<u8>,
}

/// An element of an array.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A whole number.
    Whole(i64),
    /// A number with a fraction, or one that is not finite.
    Fraction(f64),
    /// A text, without what NumPy pads it with.
    Text(String),
}

/// How an element is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Signed(usize),
    Unsigned(usize),
    Float(usize),
    /// So many characters of four bytes.
    Unicode(usize),
    /// So many bytes.
    Bytes(usize),
}

impl<'a> NumpyArray<'a> {
    /// Reads the header of an array, whose bytes `reader` gives.
    ///
    /// # Errors
    /// It is no array, or one of a kind that is not read; the error says what to do.
    pub(crate) fn read(mut reader: Box<dyn Read + 'a>) -> io::Result<Self> {
        let header = NpyHeader::read(&mut reader)
            .map_err(|found| wrong(format!("it is not an array of NumPy: {found}")))?;
        let element = Element::of(&header.descr)?;
        if header.fortran_order && header.shape.len() > 1 {
            return Err(wrong(
                "it is in Fortran's order, expected C's, as `numpy.ascontiguousarray` makes it"
                    .to_owned(),
            ));
        }
        let row = header.shape.iter().skip(1).try_fold(1_usize, |n, size| n.checked_mul(*size));
        if row.is_none_or(|row| row > MAX_ROW) || element.bytes() > MAX_ELEMENT_BYTES {
            let shape = &header.shape;
            return Err(wrong(format!("its rows are too long (shape {shape:?})")));
        }
        let left = header.shape.first().copied().unwrap_or(1);
        let bytes = vec![0; element.bytes()];
        Ok(Self { shape: header.shape, element, left, reader: BufReader::new(reader), bytes })
    }

    /// The sizes of its axes.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements of the next row; `None` behind the last.
    ///
    /// # Errors
    /// It cannot be read, or is shorter or longer than its header says.
    pub(crate) fn next_row(&mut self) -> io::Result<Option<Vec<Cell>>> {
        if self.left == 0 {
            return self.check_end().map(|()| None);
        }
        self.left -= 1;
        let count = self.shape.iter().skip(1).product();
        (0..count).map(|_| self.next_cell()).collect::<io::Result<Vec<Cell>>>().map(Some)
    }

    fn next_cell(&mut self) -> io::Result<Cell> {
        self.reader.read_exact(&mut self.bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                wrong(format!("it ends before its values do (shape {:?})", self.shape))
            }
            _ => error,
        })?;
        self.element.value(&self.bytes)
    }

    fn check_end(&mut self) -> io::Result<()> {
        match self.reader.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(wrong(format!("it has more values than its shape {:?}", self.shape))),
        }
    }
}

impl Element {
    /// The one of a type as NumPy writes it.
    fn of(descr: &str) -> io::Result<Self> {
        let refused = |what: &str| {
            wrong(format!(
                "it holds values of type `{descr}`{what}, expected whole numbers or texts; write \
                 it with `numpy.save(PATH, array.astype(\"int64\"))`, or `.astype(str)`"
            ))
        };
        let kind = descr.get(..2).ok_or_else(|| refused(""))?;
        let size = descr[2..].parse::<usize>().ok();
        let number = |sizes: &[usize]| size.filter(|size| sizes.contains(size));
        let element = match kind {
            "|O" => return Err(refused(" (Python's objects, which are not opened)")),
            "<i" | "|i" => number(&[1, 2, 4, 8]).map(Self::Signed),
            "<u" | "|u" => number(&[1, 2, 4, 8]).map(Self::Unsigned),
            "|b" => number(&[1]).map(Self::Unsigned),
            "<f" => number(&[4, 8]).map(Self::Float),
            "<U" => size.map(Self::Unicode),
            "|S" => size.map(Self::Bytes),
            _ => None,
        };
        element.ok_or_else(|| refused(""))
    }

    fn bytes(self) -> usize {
        match self {
            Self::Signed(n) | Self::Unsigned(n) | Self::Float(n) | Self::Bytes(n) => n,
            Self::Unicode(n) => n.saturating_mul(4),
        }
    }

    fn value(self, bytes: &[u8]) -> io::Result<Cell> {
        let text = |text: String| Cell::Text(text.trim_end_matches('\0').to_owned());
        Ok(match self {
            Self::Signed(n) => {
                // The sign fills the bytes that are not there.
                let fill = if bytes[n - 1] & 0x80 == 0 { 0 } else { 0xff };
                let mut whole = [fill; 8];
                whole[..n].copy_from_slice(bytes);
                Cell::Whole(i64::from_le_bytes(whole))
            }
            Self::Unsigned(n) => {
                let mut whole = [0; 8];
                whole[..n].copy_from_slice(bytes);
                let whole = u64::from_le_bytes(whole);
                i64::try_from(whole).map_or(Cell::Fraction(whole as f64), Cell::Whole)
            }
            Self::Float(4) => float(f64::from(f32::from_le_bytes(bytes.try_into().expect("four")))),
            Self::Float(_) => float(f64::from_le_bytes(bytes.try_into().expect("eight"))),
            Self::Unicode(_) => {
                let (characters, _) = bytes.as_chunks::<4>();
                let characters = characters.iter().map(|c| char::from_u32(u32::from_le_bytes(*c)));
                let found: Option<String> = characters.collect();
                text(found.ok_or_else(|| wrong("a text in it is not Unicode".to_owned()))?)
            }
            Self::Bytes(_) => {
                let found = String::from_utf8(bytes.to_vec());
                text(found.map_err(|_| wrong("a text in it is not UTF-8".to_owned()))?)
            }
        })
    }
}

/// A whole number where it is one.
fn float(value: f64) -> Cell {
    match value.fract() == 0.0 && value.abs() < 9e15 {
        true => Cell::Whole(value as i64),
        false => Cell::Fraction(value),
    }
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values);
        bytes
    }

    fn rows(bytes: &[u8]) -> io::Result<Vec<Vec<Cell>>> {
        let mut array = NumpyArray::read(Box::new(bytes))?;
        let mut rows = Vec::new();
        while let Some(row) = array.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn numbers_of_each_kind_are_whole_numbers() {
        let whole = |values: [i64; 2]| vec![values.map(Cell::Whole).to_vec()];
        for (descr, values, expected) in [
            ("<i2", [(-2_i16).to_le_bytes(), 3_i16.to_le_bytes()].concat(), [-2, 3]),
            ("|u1", vec![255, 1], [255, 1]),
            ("|i1", vec![255, 1], [-1, 1]),
            ("<u4", [7_u32.to_le_bytes(), 9_u32.to_le_bytes()].concat(), [7, 9]),
            ("<f8", [7_f64.to_le_bytes(), 9_f64.to_le_bytes()].concat(), [7, 9]),
            ("<f4", [7_f32.to_le_bytes(), 9_f32.to_le_bytes()].concat(), [7, 9]),
        ] {
            assert_eq!(rows(&npy(descr, "(1, 2)", &values)).expect(descr), whole(expected));
        }
        let fraction = npy("<f8", "(1, 1)", &0.5_f64.to_le_bytes());
        assert_eq!(rows(&fraction).expect("read"), [[Cell::Fraction(0.5)]]);
    }

    #[test]
    fn texts_lose_what_pads_them() {
        let unicode: Vec<u8> = "é\0b\0".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let text = |text: &str| vec![Cell::Text(text.to_owned())];
        let found = rows(&npy("<U2", "(2, 1)", &unicode)).expect("read");
        assert_eq!(found, [text("é"), text("b")]);
        let found = rows(&npy("|S3", "(2, 1)", b"ab\0xyz")).expect("read");
        assert_eq!(found, [text("ab"), text("xyz")]);
    }

    #[test]
    fn what_cannot_be_rows_is_refused_with_a_reason() {
        for (bytes, expected) in [
            (npy("|O", "(1,)", b"x"), "Python's objects"),
            (npy(">i8", "(1,)", &[0; 8]), "type `>i8`"),
            (npy("<i8", "(2, 3)", &[0; 40]), "it ends before its values do"),
            (npy("<i8", "(1, 3)", &[0; 25]), "more values than its shape [1, 3]"),
            (npy("<i8", "(1, 99999999999)", &[0; 25]), "its rows are too long"),
            (npy("<U999999", "(1, 1)", &[0; 25]), "its rows are too long"),
            (npy("<U1", "(1, 1)", &[0, 0xd8, 0, 0]), "not Unicode"),
            (b"text".to_vec(), "it ends before its header"),
        ] {
            let message = rows(&bytes).expect_err("refused").to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
