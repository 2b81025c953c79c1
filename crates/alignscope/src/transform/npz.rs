//! Arrays of a `.npz` file, as NumPy writes them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use half::f16;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::error::TransformFileError;
use crate::input_file::{self, ContentHash, HashedPath};

/// A longer file, or a longer array in one, is refused: a matrix of 8,192 channels in f64 has half.
const MAX_BYTES: u64 = 1 << 30;

/// Numbers with axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    /// Sizes of the axes; none of a single number.
    pub(super) shape: Vec<usize>,
    /// In order of rows.
    pub(super) values: Vec<f64>,
}

/// Arrays by their names.
pub(super) type Arrays = BTreeMap<String, Array>;

/// Reads all arrays of a file, compressed or not.
///
/// # Errors
/// The file cannot be read, is no such archive, or an array of it is not of floats.
pub(super) fn read(path: &Path) -> Result<(Arrays, HashedPath), TransformFileError> {
    let bytes = input_file::read(path, MAX_BYTES)
        .map_err(|source| TransformFileError::Read { path: path.to_owned(), source })?;
    let sha256 = ContentHash::of(&bytes).to_string();
    let wrong = |error: &dyn std::fmt::Display| TransformFileError::Archive {
        path: path.to_owned(),
        found: error.to_string(),
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| wrong(&e))?;
    let mut arrays = Arrays::new();
    for position in 0..archive.len() {
        let entry = archive.by_index(position).map_err(|e| wrong(&e))?;
        let name = entry.name().map_err(|e| wrong(&e))?.into_owned();
        let key = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        let mut bytes = Vec::new();
        entry.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
        let array = parse(&bytes).map_err(|found| TransformFileError::Array {
            path: path.to_owned(),
            key: key.clone(),
            found,
        })?;
        if arrays.insert(key, array).is_some() {
            return Err(wrong(&"two arrays in it have the same name"));
        }
    }
    Ok((arrays, HashedPath { path: path.to_owned(), sha256 }))
}

/// The bytes of a file of arrays of f32, without compression: the same arrays give the same bytes.
pub(super) fn document(arrays: &[(&str, Array)]) -> Vec<u8> {
    let in_memory = "an archive of few arrays goes into memory";
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (key, array) in arrays {
        writer.start_file(format!("{key}.npy"), options).expect(in_memory);
        writer.write_all(&npy(array)).expect(in_memory);
    }
    writer.finish().expect(in_memory).into_inner()
}

/// An array as a `.npy` file of f32, version 1.0.
fn npy(array: &Array) -> Vec<u8> {
    let sizes: String = array.shape.iter().map(|size| format!("{size}, ")).collect();
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    // Magic, version, length, header and a line's end come to a multiple of 64 bytes.
    let padded = (10 + header.len() + 1).div_ceil(64) * 64;
    header.push_str(&" ".repeat(padded - 10 - header.len() - 1));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(array.values.iter().flat_map(|value| (*value as f32).to_le_bytes()));
    bytes
}

/// An array from the bytes of a `.npy` file; or what is wrong with it.
fn parse(bytes: &[u8]) -> Result<Array, String> {
    let short = || "it ends before its header does".to_owned();
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("it does not begin as a .npy file")?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(short)?;
    // Version 1 has two bytes for the length of the header, later ones four.
    let (size, rest) = match version[0] {
        1 => rest.split_first_chunk().map(|(size, rest)| (u16::from_le_bytes(*size).into(), rest)),
        _ => rest.split_first_chunk().map(|(size, rest)| (u32::from_le_bytes(*size), rest)),
    }
    .ok_or_else(short)?;
    let (header, numbers) = rest.split_at_checked(size as usize).ok_or_else(short)?;
    let header = std::str::from_utf8(header).map_err(|_| "its header is no text")?;
    let (shape, columns_first) = (shape(header)?, order(header)?);
    let values = numbers_of(value(header, "descr").unwrap_or_default(), numbers)?;
    let expected = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    if expected != Some(values.len()) {
        return Err(format!("it has {} numbers, expected those of {shape:?}", values.len()));
    }
    let values = match (columns_first, &shape[..]) {
        (true, &[rows, cols]) => {
            (0..rows * cols).map(|i| values[i % cols * rows + i / cols]).collect()
        }
        _ => values,
    };
    Ok(Array { shape, values })
}

/// What follows a key of the header, which is a Python dictionary.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn order(header: &str) -> Result<bool, String> {
    match value(header, "fortran_order") {
        Some(order) if order.starts_with("False") => Ok(false),
        Some(order) if order.starts_with("True") => Ok(true),
        _ => Err("its header has no `fortran_order`".to_owned()),
    }
}

fn shape(header: &str) -> Result<Vec<usize>, String> {
    let sizes = value(header, "shape").and_then(|of| of.strip_prefix('(')?.split_once(')'));
    let (sizes, _) = sizes.ok_or("its header has no `shape`")?;
    let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
    sizes.map(|size| size.parse().map_err(|_| format!("`{size}` is no size of an axis"))).collect()
}

/// Numbers of a type of NumPy.
fn numbers_of(descr: &str, bytes: &[u8]) -> Result<Vec<f64>, String> {
    let descr = descr.trim_start_matches('\'').split('\'').next().unwrap_or_default();
    match descr {
        "<f2" => Ok(each(bytes, |b: [u8; 2]| f16::from_le_bytes(b).to_f64())),
        "<f4" => Ok(each(bytes, |b: [u8; 4]| f64::from(f32::from_le_bytes(b)))),
        "<f8" => Ok(each(bytes, f64::from_le_bytes)),
        other => {
            Err(format!("its numbers are of type `{other}`, expected floats (`<f4`, `<f8`, `<f2`)"))
        }
    }
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_back_as_they_were_written() {
        for (shape, count) in [(vec![], 1), (vec![3], 3), (vec![2, 3], 6)] {
            let values = (0..count).map(|i| f64::from(i) - 0.5).collect();
            let array = Array { shape, values };
            let bytes = npy(&array);
            assert_eq!(bytes.len() % 64, 4 * count as usize % 64, "the header is padded");
            assert_eq!(parse(&bytes).expect("read"), array);
        }
    }

    #[test]
    fn columns_first_are_brought_to_rows_first() {
        let array = Array { shape: vec![2, 3], values: vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0] };
        let bytes = npy(&array);
        let at = bytes.windows(5).position(|of| of == b"False").expect("there");
        let bytes = [&bytes[..at], b"True ", &bytes[at + 5..]].concat();
        assert_eq!(parse(&bytes).expect("read").values, [0.0, 4.0, 3.0, 2.0, 1.0, 5.0]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let bytes = npy(&Array { shape: vec![2], values: vec![1.0, 2.0] });
        for (bytes, words) in [
            (&b"PK"[..], "does not begin"),
            (&bytes[..20], "ends before"),
            (&bytes[..bytes.len() - 4], "1 numbers, expected those of [2]"),
        ] {
            let found = parse(bytes).expect_err("refused");
            assert!(found.contains(words), "{found}");
        }
    }
}
