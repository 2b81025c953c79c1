//! The values of an array: row after row, or all numbers.

use std::io::{self, BufReader, Read};

use super::element::{Cell, Element};
use super::error::NumpyError;
use super::header::NpyHeader;
use super::numbers::Numbers;

/// An element that takes more bytes is refused: names of files are far shorter.
const MAX_ELEMENT_BYTES: usize = 1 << 16;

/// A row with more elements is refused.
const MAX_ROW: usize = 1 << 20;

/// An array whose values are read from the first to the last.
pub(crate) struct NumpyArray<'a> {
    shape: Vec<usize>,
    is_in_columns: bool,
    /// The type of its values, as NumPy writes it.
    descr: String,
    element: Element,
    /// Rows that are not read yet.
    left: usize,
    reader: BufReader<Box<dyn Read + 'a>>,
    bytes: Vec<u8>,
}

impl<'a> NumpyArray<'a> {
    /// Reads the header of an array, whose bytes `reader` gives.
    ///
    /// # Errors
    /// It is no array, or one of a kind that is not read.
    pub(crate) fn read(mut reader: Box<dyn Read + 'a>) -> Result<Self, NumpyError> {
        let NpyHeader { descr, fortran_order, shape, .. } =
            NpyHeader::read(&mut reader).map_err(NumpyError::Header)?;
        let element = Element::of(&descr)?;
        if element.bytes() > MAX_ELEMENT_BYTES {
            return Err(NumpyError::LongRows { shape });
        }
        Ok(Self {
            is_in_columns: fortran_order && shape.len() > 1,
            descr,
            element,
            left: shape.first().copied().unwrap_or(1),
            reader: BufReader::new(reader),
            bytes: vec![0; element.bytes()],
            shape,
        })
    }

    /// The sizes of its axes.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements of the next row; `None` behind the last.
    ///
    /// # Errors
    /// It is in order of columns, its rows are too long, it cannot be read, or it is shorter or
    /// longer than its header says.
    pub(crate) fn next_row(&mut self) -> Result<Option<Vec<Cell>>, NumpyError> {
        if self.is_in_columns {
            return Err(NumpyError::Order);
        }
        let row = count_of(&self.shape[self.shape.len().min(1)..]).filter(|row| *row <= MAX_ROW);
        let row = row.ok_or_else(|| NumpyError::LongRows { shape: self.shape.clone() })?;
        if self.left == 0 {
            return self.check_end().map(|()| None);
        }
        self.left -= 1;
        let cell = |_| {
            self.fill()?;
            self.element.cell(&self.bytes)
        };
        (0..row).map(cell).collect::<Result<Vec<Cell>, NumpyError>>().map(Some)
    }

    /// All numbers, in order of rows whatever the order in the file. Truth values are 0 and 1; whole
    /// numbers beyond 2^53 are rounded.
    ///
    /// `most` — an array of more numbers is refused before they are read
    ///
    /// # Errors
    /// It holds texts or too many numbers, cannot be read, or is shorter or longer than its header
    /// says.
    pub(crate) fn numbers(mut self, most: usize) -> Result<Numbers, NumpyError> {
        if self.element.number(&self.bytes).is_none() {
            return Err(NumpyError::Type { descr: self.descr });
        }
        let Some(count) = count_of(&self.shape).filter(|count| *count <= most) else {
            return Err(NumpyError::TooMany { shape: self.shape, most });
        };
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            self.fill()?;
            values.push(self.element.number(&self.bytes).expect("checked above"));
        }
        self.check_end()?;
        Ok(match self.is_in_columns {
            true => Numbers::of_columns(&self.shape, &values),
            false => Numbers { shape: self.shape, values },
        })
    }

    /// Reads the bytes of the next element.
    fn fill(&mut self) -> Result<(), NumpyError> {
        self.reader.read_exact(&mut self.bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => NumpyError::Short { shape: self.shape.clone() },
            _ => NumpyError::Read(error),
        })
    }

    /// Nothing follows. What is read to its end is held against its checksum, if it has one.
    fn check_end(&mut self) -> Result<(), NumpyError> {
        match self.reader.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(NumpyError::Long { shape: self.shape.clone() }),
        }
    }
}

/// The product of sizes; `None` of more than there can be.
fn count_of(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend(values);
        bytes
    }

    fn rows(bytes: &[u8]) -> Result<Vec<Vec<Cell>>, NumpyError> {
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
            ("<f2", [7_f32, 9.0].map(|v| half::f16::from_f32(v).to_le_bytes()).concat(), [7, 9]),
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

    fn numbers(bytes: &[u8], most: usize) -> Result<Numbers, NumpyError> {
        NumpyArray::read(Box::new(bytes))?.numbers(most)
    }

    #[test]
    fn all_numbers_come_in_order_of_rows() {
        let values: Vec<u8> = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0_f64].map(f64::to_le_bytes).concat();
        let by_columns = npy("<f8", "(2, 3)", &values);
        let at = by_columns.windows(5).position(|of| of == b"False").expect("there");
        let by_columns = [&by_columns[..at], b"True ", &by_columns[at + 5..]].concat();
        let expected = Numbers { shape: vec![2, 3], values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        assert_eq!(numbers(&by_columns, 6).expect("read"), expected);
        let error = rows(&by_columns).expect_err("rows are not in order").to_string();
        assert!(error.contains("Fortran"), "{error}");
        let whole = npy("|i1", "(2,)", &[255, 1]);
        assert_eq!(numbers(&whole, 2).expect("read").values, [-1.0, 1.0]);
        let truth = npy("|b1", "()", &[1]);
        assert_eq!(numbers(&truth, 1).expect("read"), Numbers { shape: vec![], values: vec![1.0] });
    }

    #[test]
    fn too_many_numbers_are_refused_before_they_are_read() {
        for (bytes, expected) in [
            (npy("|b1", "(3, 3)", &[0; 9]), "shape [3, 3], expected 8 numbers at most"),
            (npy("<f8", "(4611686018427387904, 8)", &[]), "8 numbers at most"),
            (npy("<U1", "(1,)", &[0; 4]), "type `<U1`"),
            (npy("<f8", "(2,)", &[0; 12]), "it ends before its values do"),
            (npy("<f8", "(1,)", &[0; 9]), "more values than its shape [1]"),
            (b"PK".to_vec(), "it ends before its header"),
        ] {
            let message = numbers(&bytes, 8).expect_err("refused").to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn changed_bytes_give_an_error_or_as_many_numbers_as_the_shape_says() {
        let originals = [
            npy("<f8", "(2, 2)", &[1; 32]),
            npy("<i2", "(4,)", &[2; 8]),
            npy("<U2", "(3, 1)", &b"a\0\0\0".repeat(6)),
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        let mut read = 0;
        for _ in 0..20_000 {
            let mut bytes = originals[rng.random_range(0..originals.len())].clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..3) {
                    0 => bytes[at] = b"0123456789<|fiubUSO(), "[rng.random_range(0..23)],
                    1 => bytes[at] = rng.random(),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            if let Ok(found) = numbers(&bytes, 1 << 16) {
                assert_eq!(found.shape.iter().product::<usize>(), found.values.len());
                read += 1;
            }
            if let Ok(mut array) = NumpyArray::read(Box::new(&bytes[..])) {
                let mut left = 1 << 16;
                while let (Ok(Some(_)), true) = (array.next_row(), left > 0) {
                    left -= 1;
                }
            }
        }
        assert!((1..20_000).contains(&read), "{read} of 20,000 can be read");
    }
}
