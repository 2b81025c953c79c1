//! Arrays: the elements of which each is made, by its class.

use super::MatValue;
use super::element::{COMPRESSED, Element, MATRIX};

/// Bytes that compressed variables may unpack to, together.
const MAX_UNPACKED: usize = 512 << 20;

/// Numbers that all variables may hold together; characters and places of sparse numbers count too.
const MAX_NUMBERS: usize = 1 << 26;

/// As many numbers take the memory of a value in a cell or a structure, or of a field's name.
const NUMBERS_OF_VALUE: usize = 16;

/// Axes of an array.
const MAX_AXES: usize = 32;

/// Fields of a structure.
const MAX_FIELDS: usize = 4096;

/// Bytes of a name; MATLAB's have 63.
const MAX_NAME: usize = 4096;

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
        let flags = self.element(&mut rest)?.beginning(8).numbers()?;
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
        let sizes = self.element(rest)?;
        let axes = sizes.count()?;
        if axes > MAX_AXES {
            return Err(format!("an array of {axes} axes, at most {MAX_AXES} are read"));
        }
        let sizes = sizes.numbers()?;
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
        let bytes = until_zero(self.element(rest)?.bytes);
        match bytes.len() > MAX_NAME {
            true => Err(format!("a name of {} bytes, at most {MAX_NAME} are read", bytes.len())),
            false => Ok(String::from_utf8_lossy(bytes).into_owned()),
        }
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
        self.count(array.len.saturating_mul(NUMBERS_OF_VALUE))?;
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
        let length = self.element(rest)?.beginning(8).numbers()?;
        let length =
            length.first().copied().filter(|length| (1.0..=MAX_NAME as f64).contains(length));
        let length = length.ok_or("names of fields without a length")? as usize;
        let names = self.element(rest)?.bytes;
        let count = names.len().div_ceil(length);
        if count > MAX_FIELDS {
            return Err(format!("a structure of {count} fields, at most {MAX_FIELDS} are read"));
        }
        let values = array.len.saturating_mul(count);
        check_fit(values, rest)?;
        self.count(values.saturating_add(count).saturating_mul(NUMBERS_OF_VALUE))?;
        let name = |bytes: &[u8]| String::from_utf8_lossy(until_zero(bytes)).into_owned();
        let mut fields: Vec<(String, Vec<MatValue>)> =
            names.chunks(length).map(|bytes| (name(bytes), Vec::new())).collect();
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
        if array.len == 0 {
            return Ok(MatValue::Text(String::new()));
        }
        let element = self.element(rest)?;
        self.count(element.count()?)?;
        let characters = element.characters()?;
        let rows = array.shape[0];
        if rows <= 1 {
            return Ok(MatValue::Text(characters.into_iter().collect()));
        }
        if characters.len() != array.len {
            return Err(format!("{} characters for {:?}", characters.len(), array.shape));
        }
        self.count(rows.saturating_mul(NUMBERS_OF_VALUE))?;
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

    /// Rows of the entries, where each column begins, and the entries. Of rows and entries there may
    /// be more than the columns have; they are passed over, as SciPy does.
    fn sparse(&mut self, array: &Beginning, rest: &mut &[u8]) -> Result<MatValue, String> {
        self.count(array.len)?;
        let [rows, starts, entries] = [(); 3].map(|()| self.counted_numbers(rest));
        let (rows, starts, entries) = (rows?, starts?, entries?);
        let [height, width] = array.shape[..] else {
            return Err(format!("a sparse array of {:?}", array.shape));
        };
        let is_rising = starts.windows(2).all(|ends| ends[0] <= ends[1]);
        if starts.len() != width.saturating_add(1) || starts[0] != 0.0 || !is_rising {
            return Err("a sparse array whose columns do not follow one another".to_owned());
        }
        let wrong = || "a sparse array whose entries are not in it".to_owned();
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

    /// The numbers of the next element, counted before they are read.
    fn counted_numbers(&mut self, rest: &mut &[u8]) -> Result<Vec<f64>, String> {
        let element = self.element(rest)?;
        self.count(element.count()?)?;
        element.numbers()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An element of some type.
    fn element(tag: u32, bytes: &[u8]) -> Vec<u8> {
        let mut whole = [tag.to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
        whole.extend(bytes);
        whole.resize(whole.len().next_multiple_of(8), 0);
        whole
    }

    fn words(tag: u32, words: &[u32]) -> Vec<u8> {
        element(tag, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// What an array of a class, some sizes and the name `a` is, of which elements follow.
    fn read(class: u32, sizes: &[u32], elements: &[Vec<u8>]) -> Result<MatValue, String> {
        let parts = [words(6, &[class, 0]), words(5, sizes), element(1, b"a"), elements.concat()];
        let variable = element(MATRIX, &parts.concat());
        let found = Reader::new(false).variable(&mut &variable[..])?;
        Ok(found.expect("it has a name").1)
    }

    #[track_caller]
    fn is_refused(found: Result<MatValue, String>, words: &str) {
        let message = found.expect_err("refused");
        assert!(message.contains(words), "{message}");
    }

    #[test]
    fn a_structure_has_few_fields_however_few_structures_there_are() {
        let names = |count: usize| element(1, &vec![b'a'; count]);
        let length = words(5, &[1]);
        let found = read(2, &[0, 0], &[length.clone(), names(MAX_FIELDS)]);
        assert_eq!(found.expect("read").kind(), "a struct array of 0 × 0");
        is_refused(read(2, &[0, 0], &[length, names(MAX_FIELDS + 1)]), "4097 fields");
    }

    #[test]
    fn values_in_cells_are_counted_as_what_they_take() {
        let mut reader = Reader::new(false);
        reader.numbers_left = 2 * NUMBERS_OF_VALUE;
        let empty = element(MATRIX, &[]);
        let cells = |count: u32| {
            let parts = [words(6, &[1, 0]), words(5, &[count, 1]), element(1, b"a")];
            element(MATRIX, &[parts.concat(), empty.repeat(count as usize)].concat())
        };
        let message = reader.variable(&mut &cells(3)[..]).expect_err("too many");
        assert!(message.contains("numbers"), "{message}");
        reader.variable(&mut &cells(2)[..]).expect("as many as may be");
        // Characters too: those of a text, and the rows of several.
        let text = element(16, &[b'a'; 12]);
        let parts = [words(6, &[4, 0]), words(5, &[1, 12]), element(1, b"a"), text];
        let text = element(MATRIX, &parts.concat());
        let message = reader.variable(&mut &text[..]).expect_err("nothing is left");
        assert!(message.contains("numbers"), "{message}");
    }

    #[test]
    fn sizes_and_names_have_a_limit() {
        let numbers = element(9, &[0; 8]);
        assert!(read(6, &[1; 32], std::slice::from_ref(&numbers)).is_ok());
        is_refused(read(6, &[1; 33], &[numbers]), "33 axes");
        let parts = [words(6, &[6, 0]), words(5, &[0, 0]), element(1, &[b'a'; 5000])];
        let variable = element(MATRIX, &parts.concat());
        is_refused(
            Reader::new(false).variable(&mut &variable[..]).map(|found| found.expect("named").1),
            "a name of 5000 bytes",
        );
    }

    #[test]
    fn sparse_columns_follow_one_another() {
        let entries = element(9, &[1.5_f64, 2.5].map(f64::to_le_bytes).concat());
        let sparse = |starts: &[u32]| {
            read(5, &[2, 2], &[words(5, &[0, 1]), words(5, starts), entries.clone()])
        };
        let expected = MatValue::Numbers { shape: vec![2, 2], values: vec![1.5, 0.0, 0.0, 2.5] };
        assert_eq!(sparse(&[0, 1, 2]), Ok(expected));
        for starts in [&[0, 2, 0][..], &[1, 1, 2], &[0, 2], &[0, 2, 1]] {
            is_refused(sparse(starts), "do not follow one another");
        }
        is_refused(sparse(&[0, 1, 3]), "not in it");
        // Starts that rise and fall all over would take every column through all entries.
        let falling: Vec<u32> = (0..=2000).map(|column| column % 2 * 1000).collect();
        let many = [element(5, &vec![0; 4000]), words(5, &falling), element(9, &vec![0; 8000])];
        is_refused(read(5, &[1, 2000], &many), "do not follow one another");
    }

    #[test]
    fn characters_of_every_width_are_read() {
        let text = |element: Vec<u8>| read(4, &[1, 2], &[element]);
        let expected = Ok(MatValue::Text("é!".to_owned()));
        let units = |bytes: &[u16]| bytes.iter().flat_map(|u| u.to_le_bytes()).collect::<Vec<_>>();
        assert_eq!(text(element(16, "é!".as_bytes())), expected);
        assert_eq!(text(element(17, &units(&[0xe9, 0x21]))), expected);
        assert_eq!(text(element(4, &units(&[0xe9, 0x21]))), expected);
        assert_eq!(text(words(18, &[0xe9, 0x21])), expected);
        assert_eq!(text(element(2, &[0xe9, 0x21])), expected);
        is_refused(text(element(9, &[0; 16])), "characters of 8 bytes each");
        is_refused(text(element(17, &units(&[0xd800, 0x21]))), "no UTF-16");
    }
}
