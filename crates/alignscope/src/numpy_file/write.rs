//! Arrays of numbers written as NumPy writes them.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::numbers::Numbers;

/// How exactly numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    /// `<f4`
    Single,
    /// `<f8`, as they are
    Double,
}

/// The bytes of a `.npz` file, without compression: the same arrays give the same bytes.
///
/// `arrays` — each under another name
pub(crate) fn npz(arrays: &[(&str, Numbers)], precision: Precision) -> Vec<u8> {
    let in_memory = "an archive of few arrays goes into memory";
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (key, numbers) in arrays {
        writer.start_file(format!("{key}.npy"), options).expect(in_memory);
        writer.write_all(&npy(numbers, precision)).expect(in_memory);
    }
    writer.finish().expect(in_memory).into_inner()
}

/// The bytes of a `.npy` file, version 1.0.
pub(crate) fn npy(numbers: &Numbers, precision: Precision) -> Vec<u8> {
    let Numbers { shape, values } = numbers;
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = sizes.trim_end();
    let descr = match precision {
        Precision::Single => "<f4",
        Precision::Double => "<f8",
    };
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // Magic, version, length, header and a line's end come to a multiple of 64 bytes.
    let padded = (10 + header.len() + 1).div_ceil(64) * 64;
    header.push_str(&" ".repeat(padded - 10 - header.len() - 1));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    match precision {
        Precision::Single => bytes.extend(values.iter().flat_map(|v| (*v as f32).to_le_bytes())),
        Precision::Double => bytes.extend(values.iter().flat_map(|v| v.to_le_bytes())),
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::{NpzArchive, NumpyArray};
    use super::*;
    use crate::input_file::InputFile;

    #[test]
    fn numbers_are_read_back_as_they_were_written() {
        for (shape, count) in [(vec![], 1), (vec![3], 3), (vec![2, 3], 6)] {
            let values = (0..count).map(|i| f64::from(i) - 0.5).collect();
            let numbers = Numbers { shape, values };
            for (precision, size) in [(Precision::Single, 4), (Precision::Double, 8)] {
                let bytes = npy(&numbers, precision);
                assert_eq!(bytes.len() % 64, size * count as usize % 64, "the header is padded");
                let array = NumpyArray::read(Box::new(&bytes[..])).expect("an array");
                assert_eq!(array.numbers(6).expect("numbers"), numbers);
            }
        }
    }

    #[test]
    fn an_archive_keeps_the_names_and_their_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.npz");
        let tenth = Numbers { shape: vec![1], values: vec![0.1] };
        let arrays = [("zoe/ä", tenth.clone()), ("anna", tenth.clone())];
        std::fs::write(&path, npz(&arrays, Precision::Double)).expect("written");
        let file = InputFile::open(&path).expect("opened");
        let archive = NpzArchive::open(&file).expect("an archive");
        assert_eq!(archive.names().collect::<Vec<_>>(), ["zoe/ä", "anna"]);
        let array = archive.array("anna").expect("there").expect("an array");
        assert_eq!(array.numbers(1).expect("numbers"), tenth);
    }
}
