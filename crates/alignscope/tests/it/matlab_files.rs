//! `.mat` files of MATLAB 5 to 7, as SciPy writes them.

use alignscope::matlab::{MatError, MatFile, MatValue};

use crate::golden::folder;

fn read(name: &str) -> MatFile {
    MatFile::read(&folder("matlab").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn numbers(shape: &[usize], values: &[f64]) -> MatValue {
    MatValue::Numbers { shape: shape.to_vec(), values: values.to_vec() }
}

/// Each variable of `golden/matlab/generate.py`.
fn check_variables(file: &MatFile) {
    // Rows 0 1 2 and 3 4 5, in order of columns.
    let table = numbers(&[2, 3], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    for dtype in ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"] {
        assert_eq!(file.get(&format!("of_{dtype}")), Some(&table), "{dtype}");
    }
    let Some(MatValue::Numbers { shape, values }) = file.get("negative") else { panic!() };
    assert_eq!(*shape, [1, 3]);
    assert!(values[0] == -1.5 && values[1].is_nan() && values[2] == f64::INFINITY);
    let Some(MatValue::Numbers { shape, values }) = file.get("cube") else { panic!() };
    assert_eq!(*shape, [2, 3, 4]);
    // [1, 2, 3] of NumPy's order is 23, the last; the second in order of columns is [1, 0, 0].
    assert_eq!((values[1], values[23]), (12.0, 23.0));
    assert_eq!(file.get("truth"), Some(&numbers(&[1, 3], &[1.0, 0.0, 1.0])));
    assert_eq!(file.get("text"), Some(&MatValue::Text("dmos, é".to_owned())));
    assert_eq!(file.get("nothing"), Some(&numbers(&[0, 0], &[])));
    let texts = |texts: [&str; 2]| texts.map(|text| MatValue::Text(text.to_owned())).to_vec();
    let rows = MatValue::Cell { shape: vec![2, 1], values: texts(["one", "three"]) };
    assert_eq!(file.get("rows"), Some(&rows));
    assert_eq!(file.get("sparse"), Some(&numbers(&[3, 2], &[0.0, 3.0, 0.0, 2.0, 0.0, 4.0])));
    assert_eq!(file.get("complex"), Some(&MatValue::Other("complex numbers".to_owned())));
    let Some(MatValue::Cell { shape, values }) = file.get("cell") else { panic!() };
    assert_eq!(*shape, [1, 3]);
    assert_eq!(values[0], MatValue::Text("img1.bmp".to_owned()));
    assert_eq!(values[1], numbers(&[1, 2], &[7.0, 8.0]));
    assert_eq!(values[2], MatValue::Cell { shape: vec![0, 0], values: vec![] });
    let records = file.get("RDMs").expect("a struct");
    assert_eq!(records.shape(), Some(vec![1, 2]));
    assert_eq!(records.field("name"), Some(&texts(["first", "second"])[..]));
    let matrices = records.field("RDM").expect("a field");
    assert_eq!(matrices[1], numbers(&[2, 2], &[1.0; 4]));
}

#[test]
fn every_kind_of_variable_is_as_scipy_wrote_it() {
    check_variables(&read("plain.mat"));
    check_variables(&read("compressed.mat"));
    let file = read("plain.mat");
    assert_eq!(file.names().next(), Some("of_i1"));
    assert_eq!(file.get("of_"), None);
    assert_eq!(file.source().sha256.len(), 64);
}

#[test]
fn a_file_of_a_big_endian_machine_is_read() {
    let file = read("big_endian.mat");
    assert_eq!(file.get("big"), Some(&numbers(&[2, 2], &[1.5, 3.0, -2.0, 4.0])));
    assert_eq!(file.get("sml"), Some(&numbers(&[1, 2], &[1.0, -2.0])));
}

#[test]
fn other_files_are_named_with_what_to_do() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let error = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        MatFile::read(&path).expect_err(name)
    };
    let mut newer = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".to_vec();
    newer.resize(600, b' ');
    for bytes in [&newer[..], b"\x89HDF\r\n\x1a\n and more"] {
        let error = error("hdf5.mat", bytes);
        assert!(matches!(error, MatError::Hdf5 { .. }), "{error}");
        assert!(error.to_string().contains("-v7"), "{error}");
    }
    let version_4 = std::fs::read(folder("matlab").join("version4.mat")).expect("read");
    let message = error("old.mat", &version_4).to_string();
    assert!(message.contains("70 bytes"), "{message}");
    let message = error("text.mat", "a,b\n1,2\n".repeat(20).as_bytes()).to_string();
    assert!(message.contains("text.mat") && message.contains("-v7"), "{message}");
    let mut cut = std::fs::read(folder("matlab").join("plain.mat")).expect("read");
    cut.truncate(cut.len() - 20);
    let message = error("cut.mat", &cut).to_string();
    assert!(message.contains("damaged") && message.contains("`cell`"), "{message}");
}

#[test]
fn a_variable_that_unpacks_to_too_much_is_refused() {
    // A gigabyte of zeros in a megabyte.
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    (0..600).for_each(|_| std::io::Write::write_all(&mut packed, &zeros).expect("packed"));
    let packed = packed.finish().expect("packed");
    let mut bytes = std::fs::read(folder("matlab").join("plain.mat")).expect("read");
    bytes.truncate(128);
    bytes.extend(15_u32.to_le_bytes());
    bytes.extend((packed.len() as u32).to_le_bytes());
    bytes.extend(packed);
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("bomb.mat");
    std::fs::write(&path, bytes).expect("written");
    let message = MatFile::read(&path).expect_err("refused").to_string();
    assert!(message.contains("unpacks to more"), "{message}");
}
