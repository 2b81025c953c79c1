//! One `.bin` or `.pth` file: a zip archive (since PyTorch 1.6), or the older plain stream.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::dtype::{Numbers, widen};
use super::pickle::{Pickled, TensorView, Value, read as read_pickle};
use super::state_dictionary::{Chosen, Unclear, choose, is_state_dictionary};
use super::torch_zip::{Entry, MAX_PICKLE_BYTES, TorchZip};
use super::{WeightsError, damaged, stand_in};
use crate::input_file::InputFile;

/// The first number of the older stream.
const MAGIC: &[u8] =
    &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The version of the older stream.
const VERSION: i64 = 1001;

/// A file that `torch.save` wrote.
#[derive(Debug)]
pub(super) struct TorchFile {
    file: InputFile,
    tensors: HashMap<String, Tensor>,
    storages: Vec<Storage>,
    /// What stands beside the tensors and cannot be read, by name: what makes it.
    opaque: BTreeMap<String, String>,
    /// Dictionaries of tensors beside the tensors, which are not looked into.
    nested: Vec<String>,
    /// How the names of the part begin that was asked for, where no dictionary has its name.
    part: Option<String>,
}

/// A tensor of the file, without anything that is shared within a thread.
#[derive(Debug)]
struct Tensor {
    numbers: Numbers,
    /// Which of the storages.
    storage: usize,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
    contiguous: bool,
}

/// A block of numbers in the file.
#[derive(Debug)]
struct Storage {
    start: u64,
    bytes: u64,
    /// The entry of the archive that it is; the older stream has no checksums.
    entry: Option<Entry>,
    /// Whether its bytes were held against their checksum.
    checked: AtomicBool,
}

impl TorchFile {
    /// Reads the pickle of a file whose first bytes are `start`; of several models in it the one
    /// that `part` names.
    pub(super) fn open(
        file: InputFile,
        start: &[u8],
        part: Option<&str>,
    ) -> Result<Self, WeightsError> {
        let (pickled, places) = if start.starts_with(b"PK\x03\x04") {
            read_zip(&file, part)?
        } else if start.starts_with(MAGIC) {
            read_stream(&file, part)?
        } else {
            let found = "it is neither a zip archive nor a stream of torch.save";
            return Err(damaged(&file, stand_in(start).unwrap_or(found)));
        };
        let Chosen { dictionary, rest } = chosen(&file, &pickled, part)?;
        let mut torch_file = Self {
            file,
            tensors: HashMap::new(),
            storages: Vec::new(),
            opaque: BTreeMap::new(),
            nested: Vec::new(),
            part: rest,
        };
        let mut storages: HashMap<Rc<str>, usize> = HashMap::new();
        for (key, value) in pickled.entries(dictionary) {
            let Value::Text(name) = key else { continue };
            // Of a name that stands twice the last counts, as in Python.
            torch_file.tensors.remove(&**name);
            torch_file.opaque.remove(&**name);
            if let Some(unknown) = pickled.opaque(value) {
                let made = format!("`{}` (byte {} of its pickle)", unknown.name, unknown.offset);
                torch_file.opaque.insert(name.to_string(), made);
                continue;
            }
            if is_state_dictionary(&pickled, value) {
                torch_file.nested.push(name.to_string());
            }
            let Value::Tensor(view) = value else { continue };
            let key = &view.storage.key;
            let storage = match storages.get(key) {
                Some(storage) => *storage,
                None => {
                    let storage = places.storage(&torch_file.file, name, view)?;
                    torch_file.storages.push(storage);
                    storages.insert(key.clone(), torch_file.storages.len() - 1);
                    torch_file.storages.len() - 1
                }
            };
            let tensor = Tensor {
                numbers: view.storage.numbers,
                storage,
                offset: view.offset,
                contiguous: view.is_contiguous(),
                shape: view.shape.clone(),
                strides: view.strides.clone(),
            };
            torch_file.tensors.insert(name.to_string(), tensor);
        }
        Ok(torch_file)
    }

    pub(super) fn file(&self) -> &InputFile {
        &self.file
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    /// What stands beside the tensors under a name and cannot be read: what makes it.
    pub(super) fn opaque(&self) -> &BTreeMap<String, String> {
        &self.opaque
    }

    /// The names of dictionaries of tensors beside the tensors.
    pub(super) fn nested(&self) -> &[String] {
        &self.nested
    }

    /// How the names of the part begin that was asked for, where no dictionary has its name.
    pub(super) fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|t| t.shape.as_slice())
    }

    /// The tensor `name` in f32. The caller has checked that it is there, and its shape.
    pub(super) fn tensor(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let tensor = &self.tensors[name];
        let len: usize = tensor.shape.iter().product();
        let size = tensor.numbers.bytes();
        // The stretch of the storage that the view touches.
        let span = match (len, tensor.contiguous) {
            (0, _) => 0,
            (_, true) => len,
            (_, false) => {
                let steps = tensor.shape.iter().zip(&tensor.strides);
                1 + steps.map(|(size, stride)| (size - 1) * stride).sum::<usize>()
            }
        };
        let storage = &self.storages[tensor.storage];
        let start = storage.start + (tensor.offset * size) as u64;
        let mut bytes = vec![0; span * size];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|source| WeightsError::Read { path: self.file.path().to_owned(), source })?;
        if let Some(entry) = &storage.entry
            && !storage.checked.load(Ordering::Relaxed)
        {
            let what = format!("`{name}`");
            match bytes.len() as u64 == storage.bytes {
                true => entry.check(&self.file, &what, crc32fast::hash(&bytes))?,
                false => entry.check_bytes(&self.file, &what)?,
            }
            storage.checked.store(true, Ordering::Relaxed);
        }
        let values = widen(tensor.numbers, &bytes).ok_or_else(|| WeightsError::Dtype {
            name: name.to_owned(),
            path: self.file.path().to_owned(),
            found: match tensor.numbers {
                Numbers::Other(_) => "complex or quantized numbers",
                _ => "whole numbers",
            }
            .to_owned(),
        })?;
        Ok(match tensor.contiguous || len == 0 {
            true => values,
            false => gather(&values, &tensor.shape, &tensor.strides),
        })
    }
}

/// The elements of a strided view in the order of its axes.
fn gather(values: &[f32], shape: &[usize], strides: &[usize]) -> Vec<f32> {
    let mut index = vec![0; shape.len()];
    let len = shape.iter().product();
    let mut out = Vec::with_capacity(len);
    while out.len() < len {
        out.push(values[index.iter().zip(strides).map(|(i, s)| i * s).sum::<usize>()]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}

/// Where the numbers of storages lie.
enum Places {
    Zip(TorchZip),
    /// The first byte of each storage, by key.
    Stream(HashMap<String, u64>),
}

impl Places {
    /// The storage of the tensor `name`.
    fn storage(
        &self,
        file: &InputFile,
        name: &str,
        view: &TensorView,
    ) -> Result<Storage, WeightsError> {
        let key = &*view.storage.key;
        let numbers = view.storage.numbers;
        let missing = || damaged(file, format!("the storage `{key}` of `{name}` is missing"));
        let bytes = (view.storage.len as u64).saturating_mul(numbers.bytes() as u64);
        let (start, entry) = match self {
            Self::Stream(starts) => (*starts.get(key).ok_or_else(missing)?, None),
            Self::Zip(zip) => {
                let entry = zip.storage(key).ok_or_else(missing)?;
                entry.check_plain(file, &format!("`{name}`"))?;
                if entry.bytes != bytes {
                    let found = format!(
                        "`{}` in it, the storage of `{name}`, has {} bytes, expected {bytes}",
                        entry.name, entry.bytes
                    );
                    return Err(damaged(file, found));
                }
                (entry.start, Some(entry.clone()))
            }
        };
        Ok(Storage { start, bytes, entry, checked: AtomicBool::new(false) })
    }
}

fn read_zip(file: &InputFile, part: Option<&str>) -> Result<(Pickled, Places), WeightsError> {
    let zip = TorchZip::open(file)?;
    let pickled = read_pickle(&zip.pickle(file)?).map_err(|e| damaged(file, e.to_string()))?;
    chosen(file, &pickled, part)?;
    Ok((pickled, Places::Zip(zip)))
}

/// Magic number, version, machine, the tensors, the keys of the storages, then for each its length
/// and its numbers.
fn read_stream(file: &InputFile, part: Option<&str>) -> Result<(Pickled, Places), WeightsError> {
    // The pickles come first; a file that is all pickle is as short as they are.
    let mut bytes = Vec::new();
    let mut beginning = file.reader().take(MAX_PICKLE_BYTES);
    beginning
        .read_to_end(&mut bytes)
        .map_err(|source| WeightsError::Read { path: file.path().to_owned(), source })?;
    let mut at = 0;
    let mut next = || {
        let pickled = read_pickle(&bytes[at..]).map_err(|e| damaged(file, e.to_string()))?;
        at += pickled.end;
        Ok::<Pickled, WeightsError>(pickled)
    };
    next()?;
    if !matches!(next()?.value, Value::Int(VERSION)) {
        return Err(damaged(file, format!("it is of another version than {VERSION}")));
    }
    let machine = next()?;
    let is_big_endian = |entry: &(Value, Value)| match entry {
        (Value::Text(key), Value::Bool(false)) => &**key == "little_endian",
        _ => false,
    };
    if machine.entries(&machine.value).iter().any(is_big_endian) {
        return Err(damaged(file, "its numbers are big-endian, expected little-endian"));
    }
    let pickled = next()?;
    // Before its storages are looked for, which such a file may not have.
    chosen(file, &pickled, part)?;
    let keys = next()?;
    let mut starts = HashMap::new();
    let mut position = at as u64;
    for key in keys.items(&keys.value) {
        let Value::Text(key) = key else { return Err(damaged(file, "a storage without a name")) };
        let mut length = [0; 8];
        file.read_exact_at(&mut length, position).map_err(|source| match source.kind() {
            std::io::ErrorKind::UnexpectedEof => damaged(file, "it ends before its numbers do"),
            _ => WeightsError::Read { path: file.path().to_owned(), source },
        })?;
        position += 8;
        let Some(said) = pickled.storages.get(key) else {
            return Err(damaged(file, format!("the storage `{key}` belongs to no tensor")));
        };
        let Some((numbers, len)) = said else {
            let found = format!("the storage `{key}` is of a type whose length is not known");
            return Err(damaged(file, found));
        };
        if starts.insert(key.to_string(), position).is_some() {
            return Err(damaged(file, format!("the storage `{key}` stands in it twice")));
        }
        if i64::from_le_bytes(length) != *len as i64 {
            return Err(damaged(file, format!("the storage `{key}` has another length")));
        }
        position = (*len as u64)
            .checked_mul(numbers.bytes() as u64)
            .and_then(|bytes| position.checked_add(bytes))
            .filter(|end| *end <= file.bytes())
            .ok_or_else(|| damaged(file, "it ends before its numbers do"))?;
    }
    Ok((pickled, Places::Stream(starts)))
}

/// The model's dictionary of tensors.
///
/// # Errors
/// There is none, or there are several and `part` does not say which.
fn chosen<'a>(
    file: &InputFile,
    pickled: &'a Pickled,
    part: Option<&str>,
) -> Result<Chosen<'a>, WeightsError> {
    choose(pickled, part).map_err(|unclear| match unclear {
        Unclear::Several(models) => {
            WeightsError::SeveralModels { path: file.path().to_owned(), models }
        }
        Unclear::None(value) => damaged(file, no_tensors(pickled, value)),
    })
}

/// What a file holds that has no tensors by name.
fn no_tensors(pickled: &Pickled, value: &Value) -> String {
    if let Some(unknown) = pickled.opaque(value) {
        let (name, offset) = (&unknown.name, unknown.offset);
        return format!(
            "it holds no dictionary of tensors but what `{name}` at byte {offset} of its pickle \
             makes, which is refused, since a pickle can run any code; save the model's \
             state_dict() with torch.save"
        );
    }
    if let Value::Tensor(_) = value {
        return "it holds one tensor, expected a dictionary of tensors by name".to_owned();
    }
    let keys: Vec<String> = pickled
        .entries(value)
        .iter()
        .take(8)
        .map(|(key, value)| match (key, pickled.opaque(value)) {
            (Value::Text(key), Some(unknown)) => format!("`{key}` (made by `{}`)", unknown.name),
            (Value::Text(key), None) if is_state_dictionary(pickled, value) => {
                format!("`{key}` (a dictionary of tensors)")
            }
            (Value::Text(key), None) => format!("`{key}`"),
            _ => "a key that is no text".to_owned(),
        })
        .collect();
    match keys.is_empty() {
        true => "it holds no dictionary of tensors".to_owned(),
        false => format!(
            "no tensors are in it by name, only {}; name a dictionary of tensors in it, as in \
             `FILE#KEY`, or save it alone with torch.save",
            keys.join(", ")
        ),
    }
}
