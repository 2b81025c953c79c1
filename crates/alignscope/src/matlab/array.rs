//! Arrays: the elements of which each is made, by its class.

use super::MatValue;
use super::element::{COMPRESSED, Element, MATRIX};

/// Bytes that compressed variables may unpack to, together.
const MAX_UNPACKED: usize = 512 << 20;

/// Numbers that all variables may hold together.
const MAX_NUMBERS: usize = 1 << 26;

/// Cells in cells, and structures in structures.
const MAX_DEPTH: usize = 64;

/// Flags of an array.
const COMPLEX: u32 = 0x800;

/// Reads one variable after the other.
pub(super) struct Reader {
    is_big_endian: bool,
    /// What may still be unpacked.
    bytes_left: usize,
    /// Numbers that may still come.
    numbers_left: usize,
}

/// What stands at the beginning of every array.
struct Beginning {
    class: u32,
    is_complex: bool,
    shape: Vec<usize>,
    /// Product of the shape.
    len: usize,
    name: String,
}

impl Reader {
    pub(super) fn new(is_big_endian: bool) -> Self {
        Self { is_big_endian, bytes_left: MAX_UNPACKED, numbers_left: MAX_NUMBERS }
    }

    /// Takes the next variable from the front of `rest`: its name and value; `None` of what has no
    /// name, in which MATLAB keeps the insides of its objects.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn variable(
        &mut self,
        rest: &mut &[u8],
    ) -> Result<Option<(String, MatValue)>, String> {
        let element = Element::take(rest, self.is_big_endian)?;
        let (name, value) = match element.tag {
            MATRIX => self.array(element.bytes, 0)?,
            COMPRESSED => {
                let unpacked = element.unpack(self.bytes_left)?;
                self.bytes_left -= unpacked.len();
                let inner = Element::take(&mut &unpacked[..], self.is_big_endian)?;
                match inner.tag {
                    MATRIX => self.array(inner.bytes, 0)?,
                    tag => return Err(format!("a compressed element of type {tag}")),
                }
            }
            tag => return Err(format!("an element of type {tag}, expected a variable")),
        };
        Ok((!name.is_empty()).then_some((name, value)))
    }

    /// The array that some bytes hold.
    fn array(&mut self, bytes: &[u8], depth: usize) -> Result<(String, MatValue), String> {
        if depth > MAX_DEPTH {
            return Err(format!("cells or structures are nested more than {MAX_DEPTH} deep"));
        }
        if bytes.is_empty() {
            return Ok((String::new(), MatValue::Numbers { shape: vec![0, 0], values: vec![] }));
        }
        let mut rest = bytes;
        let flags = self.element(&mut rest)?.numbers()?;
        let flags = flags.first().copied().ok_or("an array without flags")? as u32;
        // A function and an object of a new class have no sizes.
        if let class @ (16 | 17) = flags & 0xff {
            return self.opaque(&mut rest, class);
        }
        let array = self.beginning(flags, &mut rest)?;
        let value = match array.class {
            1 => self.cell(&array, &mut rest, depth)?,
            2 => self.structure(&array, &mut rest, depth)?,
            3 => {
                self.element(&mut rest)?;
                self.structure(&array, &mut rest, depth)?
            }
            4 => self.text(&array, &mut rest)?,
            _ if array.is_complex => MatValue::Other("complex numbers".to_owned()),
            5 => self.sparse(&array, &mut rest)?,
            6..=15 => self.numbers(&array, &mut rest)?,
            class => return Err(format!("an array of the unknown class {class}")),
        };
        Ok((array.name, value))
    }

    fn element<'a>(&self, rest: &mut &'a [u8]) -> Result<Element<'a>, String> {
        Element::take(rest, self.is_big_endian)
    }

    fn beginning(&self, flags: u32, rest: &mut &[u8]) -> Result<Beginning, String> {
        let sizes = self.element(rest)?.numbers()?;
        if sizes.len() < 2 || sizes.iter().any(|size| *size < 0.0 || size.fract() != 0.0) {
            return Err(format!("an array of the sizes {sizes:?}"));
        }
        let shape: Vec<usize> = sizes.iter().map(|size| *size as usize).collect();
        let len = shape.iter().try_fold(1_usize, |len, size| len.checked_mul(*size));
        let len = len.ok_or_else(|| format!("an array of the sizes {shape:?}"))?;
        let name = self.name(rest)?;
        Ok(Beginning { class: flags & 0xff, is_complex: flags & COMPLEX != 0, shape, len, name })
    }

    /// A name, or several that are filled up with zeros.
    fn name(&self, rest: &mut &[u8]) -> Result<String, String> {
        let bytes = self.element(rest)?.bytes;
        Ok(String::from_utf8_lossy(until_zero(bytes)).into_owned())
    }

    fn opaque(&self, rest: &mut &[u8], class: u32) -> Result<(String, MatValue), String> {
        if class == 16 {
            self.element(rest)?;
            return Ok((self.name(rest)?, MatValue::Other("function_handle".to_owned())));
        }
        let name = self.name(rest)?;
        self.element(rest)?;
        Ok((name, MatValue::Other(self.name(rest)?)))
    }

    fn cell(
        &mut self,
        array: &Beginning,
        rest: &mut &[u8],
        depth: usize,
    ) -> Result<MatValue, String> {
        check_fit(array.len, rest)?;
        let values = (0..array.len).map(|_| self.inner(rest, depth));
        Ok(MatValue::Cell { shape: array.shape.clone(), values: values.collect::<Result<_, _>>()? })
    }

    /// A value in a cell or a structure.
    fn inner(&mut self, rest: &mut &[u8], depth: usize) -> Result<MatValue, String> {
        let element = self.element(rest)?;
        match element.tag {
            MATRIX => Ok(self.array(element.bytes, depth + 1)?.1),
            tag => Err(format!("an element of type {tag}, expected an array")),
        }
    }

    fn structure(
        &mut self,
        array: &Beginning,
        rest: &mut &[u8],
        depth: usize,
    ) -> Result<MatValue, String> {
        let length = self.element(rest)?.numbers()?;
        let length = length.first().copied().filter(|length| (1.0..=4096.0).contains(length));
        let length = length.ok_or("names of fields without a length")? as usize;
        let names = self.element(rest)?.bytes;
        let name = |bytes: &[u8]| String::from_utf8_lossy(until_zero(bytes)).into_owned();
        let mut fields: Vec<(String, Vec<MatValue>)> =
            names.chunks(length).map(|bytes| (name(bytes), Vec::new())).collect();
        check_fit(array.len.saturating_mul(fields.len()), rest)?;
        if !fields.is_empty() {
            for _ in 0..array.len {
                for (_, values) in &mut fields {
                    values.push(self.inner(rest, depth)?);
                }
            }
        }
        Ok(MatValue::Struct { shape: array.shape.clone(), fields })
    }

    fn text(&mut self, array: &Beginning, rest: &mut &[u8]) -> Result<MatValue, String> {
        let characters = if array.len == 0 { vec![] } else { self.element(rest)?.characters()? };
        let rows = array.shape[0];
        if rows <= 1 || array.len == 0 {
            return Ok(MatValue::Text(characters.into_iter().collect()));
        }
        if characters.len() != array.len {
            return Err(format!("{} characters for {:?}", characters.len(), array.shape));
        }
        let row = |row: usize| {
            let text: String = characters[row..].iter().step_by(rows).collect();
            MatValue::Text(text.trim_end_matches([' ', '\0']).to_owned())
        };
        Ok(MatValue::Cell { shape: vec![rows, 1], values: (0..rows).map(row).collect() })
    }

    /// Counts numbers against what may come.
    fn count(&mut self, numbers: usize) -> Result<(), String> {
        self.numbers_left = self
            .numbers_left
            .checked_sub(numbers)
            .ok_or_else(|| format!("it holds more than {MAX_NUMBERS} numbers"))?;
        Ok(())
    }

    fn numbers(&mut self, array: &Beginning, rest: &mut &[u8]) -> Result<MatValue, String> {
        let element = self.element(rest)?;
        let found = element.count()?;
        if found != array.len {
            return Err(format!("{found} numbers for an array of {:?}", array.shape));
        }
        self.count(found)?;
        Ok(MatValue::Numbers { shape: array.shape.clone(), values: element.numbers()? })
    }

    /// Rows of the entries, where each column begins, and the entries.
    fn sparse(&mut self, array: &Beginning, rest: &mut &[u8]) -> Result<MatValue, String> {
        self.count(array.len)?;
        let rows = self.element(rest)?.numbers()?;
        let starts = self.element(rest)?.numbers()?;
        let entries = self.element(rest)?.numbers()?;
        let [height, width] = array.shape[..] else {
            return Err(format!("a sparse array of {:?}", array.shape));
        };
        let wrong = || "a sparse array whose entries are not in it".to_owned();
        if starts.len() != width + 1 {
            return Err(wrong());
        }
        let mut values = vec![0.0; array.len];
        for (column, ends) in starts.windows(2).enumerate() {
            for entry in ends[0] as usize..ends[1] as usize {
                let (row, value) = rows.get(entry).zip(entries.get(entry)).ok_or_else(wrong)?;
                if *row < 0.0 || *row >= height as f64 {
                    return Err(wrong());
                }
                values[column * height + *row as usize] = *value;
            }
        }
        Ok(MatValue::Numbers { shape: array.shape.clone(), values })
    }
}

/// Checks that so many arrays may be in the bytes that are left: each has a tag of 8 bytes.
fn check_fit(arrays: usize, rest: &[u8]) -> Result<(), String> {
    match arrays.saturating_mul(8) <= rest.len() {
        true => Ok(()),
        false => Err(format!("{arrays} values in the {} bytes that are left", rest.len())),
    }
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}
