//! Arrays of NumPy: `.npy`, and `.npz` with several.

use std::io::{Cursor, Read};
use std::path::Path;

use flate2::read::DeflateDecoder;
use half::f16;
use zip::{CompressionMethod, ZipArchive};

use super::array::Array;
use super::{DatasetError, HashedPath, order};
use crate::input_file::{self, ContentHash};

/// Bytes of a file, and of what it unpacks to.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a `.npy` file.
pub(super) fn read(path: &Path, sources: &mut Vec<HashedPath>) -> Result<Array, DatasetError> {
    let bytes = read_bytes(path, sources)?;
    array(&bytes).map_err(|found| wrong(path, found))
}

/// Reads a `.npz` file: its arrays by their names, in the order of the names.
pub(super) fn read_all(
    path: &Path,
    sources: &mut Vec<HashedPath>,
) -> Result<Vec<(String, Array)>, DatasetError> {
    let bytes = read_bytes(path, sources)?;
    let broken = |error: &dyn std::fmt::Display| wrong(path, format!("a broken archive ({error})"));
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).map_err(|e| broken(&e))?;
    let mut found = Vec::new();
    let mut left = MAX_BYTES;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|e| broken(&e))?;
        let name = entry.name().map_err(|e| broken(&e))?.into_owned();
        let method = entry.compression();
        let mut inside = Vec::new();
        let read = match method {
            CompressionMethod::Stored => entry.take(left + 1).read_to_end(&mut inside),
            // Deflate, which the archive's crate is built without.
            CompressionMethod::DEFLATE => {
                DeflateDecoder::new(entry).take(left + 1).read_to_end(&mut inside)
            }
            other => return Err(broken(&format!("`{name}` is compressed by {other:?}"))),
        };
        read.map_err(|e| broken(&e))?;
        left = left
            .checked_sub(inside.len() as u64)
            .ok_or_else(|| broken(&format!("it unpacks to more than {MAX_BYTES} bytes")))?;
        let array = array(&inside).map_err(|what| wrong(path, format!("`{name}`: {what}")))?;
        found.push((name.strip_suffix(".npy").unwrap_or(&name).to_owned(), array));
    }
    found.sort_by_key(|(name, _)| order::natural(name));
    // One array is no name of a person.
    if let [(name, _)] = &mut found[..] {
        name.clear();
    }
    Ok(found)
}

fn read_bytes(path: &Path, sources: &mut Vec<HashedPath>) -> Result<Vec<u8>, DatasetError> {
    let bytes = input_file::read(path, MAX_BYTES)
        .map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    let sha256 = ContentHash::of(&bytes).to_string();
    sources.push(HashedPath { path: path.to_owned(), sha256 });
    Ok(bytes)
}

fn wrong(path: &Path, found: String) -> DatasetError {
    DatasetError::Layout {
        path: path.to_owned(),
        found,
        expected: "arrays of numbers as NumPy writes them".to_owned(),
        fix: "write them with numpy.save or numpy.savez".to_owned(),
    }
}

/// The numbers of a `.npy` file: whole numbers, floats and truth values, little-endian.
fn array(bytes: &[u8]) -> Result<Array, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("no array of NumPy")?;
    let short = || "an array that is cut off".to_owned();
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk().ok_or_else(short)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        other => return Err(format!("an array of version {other}")),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header = str::from_utf8(header).map_err(|_| "a header that is no text".to_owned())?;
    let value = |key: &str| -> Result<&str, String> {
        let at = header.find(&format!("'{key}':")).ok_or(format!("a header without `{key}`"))?;
        Ok(header[at + key.len() + 3..].trim_start())
    };
    let descr = value("descr")?;
    let descr = descr.strip_prefix('\'').and_then(|d| d.split('\'').next());
    let descr = descr.ok_or("an array of records, expected numbers")?;
    let is_fortran = value("fortran_order")?.starts_with("True");
    let shape = value("shape")?;
    let shape = shape.strip_prefix('(').and_then(|s| s.split(')').next()).ok_or("no shape")?;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> = sizes
        .map(|size| size.parse().map_err(|_| format!("the size `{size}`")))
        .collect::<Result<_, _>>()?;
    let count = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    let values = numbers(descr, data)?;
    if count != Some(values.len()) {
        return Err(format!("{} numbers for the shape {shape:?}", values.len()));
    }
    Ok(match is_fortran {
        true => Array::of_columns(&shape, &values),
        false => Array { shape, values },
    })
}

fn numbers(descr: &str, data: &[u8]) -> Result<Vec<f64>, String> {
    fn each<const N: usize>(data: &[u8], of: fn([u8; N]) -> f64) -> Result<Vec<f64>, String> {
        let (whole, rest) = data.as_chunks::<N>();
        match rest.is_empty() {
            true => Ok(whole.iter().map(|bytes| of(*bytes)).collect()),
            false => Err(format!("{} bytes for numbers of {N}", data.len())),
        }
    }
    match descr {
        "|b1" | "|u1" => each(data, |[byte]| f64::from(byte)),
        "|i1" => each(data, |[byte]| f64::from(byte as i8)),
        "<i2" => each(data, |bytes| f64::from(i16::from_le_bytes(bytes))),
        "<u2" => each(data, |bytes| f64::from(u16::from_le_bytes(bytes))),
        "<i4" => each(data, |bytes| f64::from(i32::from_le_bytes(bytes))),
        "<u4" => each(data, |bytes| f64::from(u32::from_le_bytes(bytes))),
        "<i8" => each(data, |bytes| i64::from_le_bytes(bytes) as f64),
        "<u8" => each(data, |bytes| u64::from_le_bytes(bytes) as f64),
        "<f2" => each(data, |bytes| f64::from(f16::from_le_bytes(bytes))),
        "<f4" => each(data, |bytes| f64::from(f32::from_le_bytes(bytes))),
        "<f8" => each(data, f64::from_le_bytes),
        other => Err(format!("numbers of type `{other}`, expected little-endian ones")),
    }
}
