//! Decoded pixels against Pillow's (`golden/image/generate.py`).

mod golden;

use std::path::Path;

use alignscope::ContentHash;
use alignscope::image::{ImageError, RgbImage};
use golden::{Tensors, folder, shared};

/// How many values differ, and by how much at most.
fn difference(found: &[u8], expected: &[u8]) -> (usize, u8) {
    let differences = found.iter().zip(expected).map(|(f, e)| f.abs_diff(*e));
    differences.fold((0, 0), |(n, worst), d| (n + usize::from(d > 0), worst.max(d)))
}

#[test]
fn every_kind_of_file_has_the_pixels_of_pillow() {
    let folder = folder("image");
    let expected = Tensors::open(&folder.join("expected.safetensors"));
    let names = expected.names();
    assert!(names.len() >= 35, "{} files", names.len());
    let mut failures = vec![];
    for name in names {
        let path = folder.join("files").join(&name);
        let (shape, pixels) = expected.bytes(&name);
        let image = match RgbImage::open(&path) {
            Ok(image) => image,
            Err(error) => {
                failures.push(format!("{name}: {error}"));
                continue;
            }
        };
        assert_eq!([image.height(), image.width(), 3], shape[..], "shape of {name}");
        assert_eq!(RgbImage::dimensions(&path).expect(&name), (image.width(), image.height()));
        let (count, worst) = difference(image.pixels(), &pixels);
        // Lossless files are equal. So are JPEGs: the arithmetic is libjpeg-turbo's in both.
        if count > 0 {
            failures
                .push(format!("{name}: {count} of {} values off, by up to {worst}", pixels.len()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn photographs_have_the_pixels_of_pillow() {
    let Some(data) = shared("data") else { return };
    let list = std::fs::read_to_string(folder("image").join("photographs.csv")).expect("the list");
    let mut checked = 0;
    for line in list.lines().skip(1) {
        let (name, hash) = line.split_once(',').expect("path,sha256");
        let image = RgbImage::open(&data.join(name)).expect(name);
        assert_eq!(ContentHash::of(image.pixels()).to_string(), hash, "{name}");
        checked += 1;
    }
    assert_eq!(checked, 193);
}

#[test]
fn a_truncated_file_of_every_kind_is_an_error() {
    let files = folder("image").join("files");
    for name in [
        "420.jpg",
        "progressive.jpg",
        "rgb.png",
        "rgb.bmp",
        "lossy.webp",
        "lossless.webp",
        "rgb_raw.tif",
    ] {
        let bytes = std::fs::read(files.join(name)).expect(name);
        for keep in [bytes.len() * 9 / 10, bytes.len() / 2, 40, 12] {
            let result = RgbImage::decode(&bytes[..keep], Path::new(name));
            let error = result.err().unwrap_or_else(|| panic!("{name} cut to {keep} was decoded"));
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

#[test]
fn files_that_are_no_images_say_what_they_are() {
    let message = |bytes: &[u8]| {
        RgbImage::decode(bytes, Path::new("x.png")).expect_err("not an image").to_string()
    };
    assert!(message(b"hello there").contains("begins with \"hello there\""));
    assert!(message(b"GIF89a\x01\x00\x01\x00").contains("Gif"));
    assert!(message(&[0, 1, 2, 255]).contains("begins with 00 01 02 ff"));
}

#[test]
fn a_header_that_asks_for_too_many_pixels_is_refused_before_they_are_allocated() {
    let mut png = std::fs::read(folder("image").join("files/rgb.png")).expect("an image");
    // Width and height stand at bytes 16 and 20 of a PNG, then come 5 bytes and a checksum.
    png[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = RgbImage::decode(&png, Path::new("bomb.png")).expect_err("too large");
    assert!(matches!(error, ImageError::Size { width: 100_000, height: 100_000, .. }), "{error}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    })
}
