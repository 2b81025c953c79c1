//! One safetensors file: its header in memory, its tensors on the disk.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, Metadata};

use super::WeightsError;
use super::numbers::{Numbers, widen};

/// A longer header is refused; the format's own reader has the same limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// A safetensors file. Tensors are read one by one into their final place, so that a checkpoint's
/// text tower is never touched and nothing is held twice.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    path: PathBuf,
    metadata: Metadata,
    /// Where the first tensor's bytes begin.
    data_start: u64,
}

impl SafetensorsFile {
    pub(super) fn open(path: &Path) -> Result<Self, WeightsError> {
        let read_error = |source| WeightsError::Read { path: path.to_owned(), source };
        let damaged = |found: String| WeightsError::Damaged { path: path.to_owned(), found };
        let mut file = File::open(path).map_err(read_error)?;
        let file_bytes = file.metadata().map_err(read_error)?.len();

        let mut length = [0_u8; 8];
        file.read_exact(&mut length)
            .map_err(|_| damaged(format!("it has {file_bytes} bytes, too few for a header")))?;
        let header_bytes = u64::from_le_bytes(length);
        if header_bytes > MAX_HEADER_BYTES || 8 + header_bytes > file_bytes {
            return Err(damaged(format!(
                "its header claims {header_bytes} bytes in a file of {file_bytes}"
            )));
        }
        let mut header = Vec::new();
        file.take(header_bytes).read_to_end(&mut header).map_err(read_error)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|e| damaged(e.to_string()))?;

        let data_start = 8 + header_bytes;
        let expected = data_start + metadata.data_len() as u64;
        if expected != file_bytes {
            return Err(damaged(format!("it has {file_bytes} bytes, its header says {expected}")));
        }
        Ok(Self { path: path.to_owned(), metadata, data_start })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.metadata.info(name).map(|info| info.shape.as_slice())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// The tensor `name` in f32. The caller has checked that it is there, and its shape.
    pub(super) fn tensor(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let info = self.metadata.info(name).expect("the caller looked for the tensor");
        let (start, end) = info.data_offsets;
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(self.data_start + start as u64))?;
            let mut bytes = vec![0; end - start];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        let bytes =
            read().map_err(|source| WeightsError::Read { path: self.path.clone(), source })?;
        numbers(info.dtype).and_then(|n| widen(n, &bytes)).ok_or_else(|| WeightsError::Dtype {
            name: name.to_owned(),
            path: self.path.clone(),
            found: format!("{:?}", info.dtype),
        })
    }
}

/// The kind of numbers of a tensor; `None` for those that weights are not kept in.
fn numbers(dtype: Dtype) -> Option<Numbers> {
    Some(match dtype {
        Dtype::F32 => Numbers::F32,
        Dtype::F16 => Numbers::F16,
        Dtype::BF16 => Numbers::BF16,
        Dtype::F64 => Numbers::F64,
        _ => return None,
    })
}
