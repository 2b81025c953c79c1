//! One safetensors file: its header in memory, its tensors on the disk.

use std::io::Read;

use safetensors::tensor::{Dtype, Metadata};

use super::dtype::{Numbers, widen};
use super::{WeightsError, stand_in};
use crate::input_file::InputFile;

/// A longer header is refused; the format's own reader has the same limit.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// A safetensors file. Tensors are read one by one into their final place, so that a checkpoint's
/// text tower is never touched and nothing is held twice.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    file: InputFile,
    metadata: Metadata,
    /// Where the first tensor's bytes begin.
    data_start: u64,
}

impl SafetensorsFile {
    /// Reads the header of a file whose first bytes are `start`.
    pub(super) fn open(file: InputFile, start: &[u8]) -> Result<Self, WeightsError> {
        let path = file.path().to_owned();
        let damaged = |found: String| WeightsError::Damaged { path: path.clone(), found };
        let file_bytes = file.bytes();
        let is_torch = start.starts_with(b"PK\x03\x04") || start.starts_with(&[0x80, 2, 0x8a, 10]);
        let torch = is_torch.then_some("it is a file of torch.save; name it `pytorch_model.bin`");
        if let Some(found) = torch.or_else(|| stand_in(start)) {
            return Err(damaged(found.to_owned()));
        }
        let Some(length) = start.first_chunk() else {
            return Err(damaged(format!("it has {file_bytes} bytes, too few for a header")));
        };
        let header_bytes = u64::from_le_bytes(*length);
        if header_bytes > MAX_HEADER_BYTES || header_bytes > file_bytes - 8 {
            return Err(damaged(format!(
                "its header claims {header_bytes} bytes in a file of {file_bytes}"
            )));
        }
        let mut header = Vec::new();
        file.reader()
            .take(8 + header_bytes)
            .read_to_end(&mut header)
            .map_err(|source| WeightsError::Read { path: path.clone(), source })?;
        let header = &header[8..];
        let metadata: Metadata =
            serde_json::from_slice(header).map_err(|e| damaged(e.to_string()))?;

        let data_start = 8 + header_bytes;
        let expected = data_start + metadata.data_len() as u64;
        if expected != file_bytes {
            return Err(damaged(format!("it has {file_bytes} bytes, its header says {expected}")));
        }
        Ok(Self { file, metadata, data_start })
    }

    pub(super) fn file(&self) -> &InputFile {
        &self.file
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
        let mut bytes = vec![0; end - start];
        self.file
            .read_exact_at(&mut bytes, self.data_start + start as u64)
            .map_err(|source| WeightsError::Read { path: self.file.path().to_owned(), source })?;
        numbers(info.dtype).and_then(|n| widen(n, &bytes)).ok_or_else(|| WeightsError::Dtype {
            name: name.to_owned(),
            path: self.file.path().to_owned(),
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
