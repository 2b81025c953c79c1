//! One `.bin` or `.pth` file: a zip archive (since PyTorch 1.6), or the older plain stream.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::WeightsError;
use super::numbers::{Numbers, widen};
use super::pickle::{Pickled, TensorView, Value, read as read_pickle};

/// A longer pickle is refused: names, shapes and strides of some thousand tensors are far shorter.
const MAX_PICKLE_BYTES: u64 = 64 << 20;

/// The first number of the older stream.
const MAGIC: &[u8] =
    &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// A file that `torch.save` wrote.
#[derive(Debug)]
pub(super) struct TorchFile {
    path: PathBuf,
    tensors: HashMap<String, Tensor>,
}

/// A tensor of the file, without anything that is shared within a thread.
#[derive(Debug)]
struct Tensor {
    numbers: Numbers,
    /// Where its storage begins in the file.
    storage_start: u64,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
    contiguous: bool,
}

impl TorchFile {
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let read_error = |source| WeightsError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(read_error)?;
        let mut start = [0; 16];
        let n = file.read(&mut start).map_err(read_error)?;
        file.rewind().map_err(read_error)?;
        let (views, starts) = if start[..n].starts_with(b"PK\x03\x04") {
            read_zip(file, path)?
        } else if start[..n].starts_with(MAGIC) {
            read_stream(&mut file, path)?
        } else {
            return Err(damaged(path, "it is neither a zip archive nor a stream of torch.save"));
        };
        let tensors = views
            .into_iter()
            .map(|(name, view)| {
                let start = starts.get(&*view.storage.key).copied().ok_or_else(|| {
                    damaged(
                        path,
                        format!("the storage `{}` of `{name}` is missing", view.storage.key),
                    )
                })?;
                let tensor = Tensor {
                    numbers: view.storage.numbers,
                    storage_start: start,
                    offset: view.offset,
                    contiguous: view.is_contiguous(),
                    shape: view.shape.clone(),
                    strides: view.strides.clone(),
                };
                Ok((name.to_string(), tensor))
            })
            .collect::<Result<_, WeightsError>>()?;
        Ok(Self { path: path.to_owned(), tensors })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
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
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let start = tensor.storage_start + (tensor.offset * size) as u64;
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = vec![0; span * size];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes =
            read().map_err(|source| WeightsError::Read { path: self.path.clone(), source })?;
        let values = widen(tensor.numbers, &bytes).ok_or_else(|| WeightsError::Dtype {
            name: name.to_owned(),
            path: self.path.clone(),
            found: "whole numbers".to_owned(),
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

fn damaged(path: &Path, found: impl Into<String>) -> WeightsError {
    WeightsError::DamagedTorch { path: path.to_owned(), found: found.into() }
}

/// Tensors by name, and where each storage begins.
type Contents = (Vec<(Rc<str>, Rc<TensorView>)>, HashMap<String, u64>);

/// `<name>/data.pkl`, and `<name>/data/<key>` for each storage, none of them compressed.
fn read_zip(file: File, path: &Path) -> Result<Contents, WeightsError> {
    let zip_error = |e: zip::result::ZipError| damaged(path, e.to_string());
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(zip_error)?;
    let mut starts = HashMap::new();
    let mut lengths = HashMap::new();
    let mut pickle = None;
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i).map_err(zip_error)?;
        let name = entry.name().map_err(zip_error)?.into_owned();
        if entry.compression() != zip::CompressionMethod::Stored {
            return Err(damaged(path, format!("`{name}` in it is compressed")));
        }
        let start = entry
            .data_start()
            .ok_or_else(|| damaged(path, format!("`{name}` in it has no place")))?;
        if name.ends_with("/data.pkl") || name == "data.pkl" {
            if entry.size() > MAX_PICKLE_BYTES {
                return Err(damaged(path, "its pickle is larger than any checkpoint's"));
            }
            pickle = Some((start, entry.size()));
        } else if let Some((_, key)) = name.rsplit_once("data/") {
            starts.insert(key.to_owned(), start);
            lengths.insert(key.to_owned(), entry.size());
        }
    }
    let (start, size) = pickle.ok_or_else(|| damaged(path, "there is no data.pkl in it"))?;
    let mut file = archive.into_inner();
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.take(size).read_to_end(&mut bytes))
        .map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
    let pickled = read_pickle(&bytes).map_err(|e| damaged(path, e.to_string()))?;
    let views = tensors(&pickled);
    for (name, view) in &views {
        let bytes = (view.storage.len as u64).saturating_mul(view.storage.numbers.bytes() as u64);
        if lengths.get(&*view.storage.key).is_none_or(|found| *found < bytes) {
            return Err(damaged(
                path,
                format!("the storage of `{name}` is shorter than it should be"),
            ));
        }
    }
    Ok((views, starts))
}

/// Magic number, version, machine, the tensors, the keys of the storages, then for each its length
/// and its numbers.
fn read_stream(file: &mut File, path: &Path) -> Result<Contents, WeightsError> {
    let read_error = |source| WeightsError::Read { path: path.to_owned(), source };
    let file_bytes = file.metadata().map_err(read_error)?.len();
    // The pickles come first; a file that is all pickle is as short as they are.
    let mut bytes = Vec::new();
    file.take(MAX_PICKLE_BYTES).read_to_end(&mut bytes).map_err(read_error)?;
    let mut at = 0;
    let mut next = || {
        let pickled = read_pickle(&bytes[at..]).map_err(|e| damaged(path, e.to_string()))?;
        at += pickled.end;
        Ok::<Pickled, WeightsError>(pickled)
    };
    for _ in 0..3 {
        next()?;
    }
    let pickled = next()?;
    let keys = next()?;
    let views = tensors(&pickled);
    let mut storages: HashMap<Rc<str>, (Numbers, usize)> = HashMap::new();
    for (name, view) in &views {
        let storage = &view.storage;
        let said = (storage.numbers, storage.len);
        if *storages.entry(storage.key.clone()).or_insert(said) != said {
            let found = format!("`{name}` says another length of its storage than a tensor before");
            return Err(damaged(path, found));
        }
    }
    let mut starts = HashMap::new();
    let mut position = at as u64;
    for key in keys.items(&keys.value) {
        let Value::Text(key) = key else { return Err(damaged(path, "a storage without a name")) };
        let mut length = [0; 8];
        file.seek(SeekFrom::Start(position))
            .and_then(|_| file.read_exact(&mut length))
            .map_err(|_| damaged(path, "it ends before its numbers do"))?;
        position += 8;
        starts.insert(key.to_string(), position);
        let Some((numbers, len)) = storages.get(&**key) else {
            return Err(damaged(path, format!("the storage `{key}` belongs to no tensor")));
        };
        if i64::from_le_bytes(length) != *len as i64 {
            return Err(damaged(path, format!("the storage `{key}` has another length")));
        }
        position = (*len as u64)
            .checked_mul(numbers.bytes() as u64)
            .and_then(|bytes| position.checked_add(bytes))
            .filter(|end| *end <= file_bytes)
            .ok_or_else(|| damaged(path, "it ends before its numbers do"))?;
    }
    Ok((views, starts))
}

/// The tensors of a state dictionary, which may lie within another: `{"state_dict": {…}}`.
fn tensors(pickled: &Pickled) -> Vec<(Rc<str>, Rc<TensorView>)> {
    let mut dict = &pickled.value;
    for wrapper in ["state_dict", "model"] {
        let inner = pickled.entries(dict).iter().find_map(|(key, value)| match (key, value) {
            (Value::Text(key), Value::Dict(_)) if &**key == wrapper => Some(value),
            _ => None,
        });
        dict = inner.unwrap_or(dict);
    }
    pickled
        .entries(dict)
        .iter()
        .filter_map(|(key, value)| match (key, value) {
            (Value::Text(name), Value::Tensor(view)) => Some((name.clone(), view.clone())),
            _ => None,
        })
        .collect()
}
