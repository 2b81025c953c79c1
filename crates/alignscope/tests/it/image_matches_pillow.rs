//! Decoded pixels against Pillow's (`golden/image/generate.py`).

use std::path::Path;

use crate::golden::{Tensors, folder, shared};
use alignscope::ContentHash;
use alignscope::image::{DecodingBudget, ImageError, MAX_SCANS, RgbImage};

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
    assert!(names.len() >= 140, "{} files", names.len());
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

/// A JPEG without JFIF's marker; with Adobe's of a transform, or none; with other names of
/// components: as `with_markers` of `generate.py` makes it.
fn with_markers(jpeg: &[u8], adobe: Option<u8>, identities: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (vec![0xff, 0xd8], 2);
    if let Some(transform) = adobe {
        out.extend(b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00");
        out.push(transform);
    }
    loop {
        let marker = jpeg[at + 1];
        if marker == 0xd9 {
            out.extend([0xff, 0xd9]);
            return out;
        }
        let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let mut segment = jpeg[at..at + 2 + length].to_vec();
        at += 2 + length;
        if matches!(marker, 0xc0 | 0xc2) {
            for (component, identity) in identities.iter().enumerate() {
                segment[10 + 3 * component] = *identity;
            }
        }
        if marker == 0xda && !identities.is_empty() {
            for i in 0..usize::from(segment[4]) {
                segment[5 + 2 * i] = identities[usize::from(segment[5 + 2 * i]) - 1];
            }
        }
        if !matches!(marker, 0xe0 | 0xee) {
            out.extend(segment);
        }
        while marker == 0xda && (jpeg[at] != 0xff || matches!(jpeg[at + 1], 0 | 0xd0..=0xd7)) {
            out.push(jpeg[at]);
            at += 1;
        }
    }
}

#[test]
fn the_colours_of_a_jpeg_are_those_of_pillow_whatever_its_markers() {
    let folder = folder("image");
    let list = std::fs::read_to_string(folder.join("jpeg_colours.csv")).expect("the list");
    let mut failures = vec![];
    for line in list.lines().skip(1) {
        let [file, adobe, identities, hash] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("four fields: {line}")
        };
        let jpeg = std::fs::read(folder.join("files").join(file)).expect(file);
        let adobe = (!adobe.is_empty()).then(|| adobe.parse().expect("a transform"));
        let byte = |i: usize| u8::from_str_radix(&identities[i..i + 2], 16).expect("a byte");
        let identities: Vec<u8> = (0..identities.len()).step_by(2).map(byte).collect();
        let changed = with_markers(&jpeg, adobe, &identities);
        match RgbImage::decode(&changed, Path::new(file)) {
            Ok(image) if ContentHash::of(image.pixels()).to_string() == hash => {}
            Ok(_) => failures.push(line.to_owned()),
            Err(error) => failures.push(format!("{line}: {error}")),
        }
    }
    assert!(list.lines().count() > 100);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_is_not_read_as_pillow_reads_it_is_refused_in_plain_words() {
    for (name, words) in [
        ("32_bit.tif", "a TIFF of signed numbers of 32 bits"),
        ("five_samples.tif", "a TIFF of RGB, 5 samples a pixel of 8 bits"),
        ("float.tif", "a TIFF of floating-point numbers of 32 bits"),
        ("grey16_from_white.tif", "a TIFF of grey from white, 1 sample a pixel of 16 bits"),
        ("grey_associated.tif", "a TIFF of grey, 2 samples a pixel of 8 bits"),
        ("group3.tif", "a TIFF with CCITT's compression of group 3"),
        ("jpeg.tif", "a TIFF with JPEG inside"),
        ("jpeg_grey.tif", "a TIFF with JPEG inside"),
        ("lab.tif", "a TIFF of L*a*b*, 3 samples a pixel of 8 bits"),
        ("lzma.tif", "a TIFF with LZMA compression"),
        ("reversed_bits.tif", "a TIFF whose bits are in reverse order (fill order 2)"),
        ("signed.tif", "a TIFF of signed numbers of 8 bits"),
        ("tiled_planar16.tif", "a TIFF with tiles whose samples lie apart"),
        ("unspecified_predicted.tif", "a TIFF with predictor 2 for 4 samples of 8 bits"),
        ("ycbcr.tif", "a TIFF of YCbCr, 3 samples a pixel of 8 bits"),
        ("zstd.tif", "a TIFF with Zstandard compression"),
    ] {
        let path = folder("image").join("refused").join(name);
        let expected = format!(
            "{} is {words}, which is not read; save it as PNG in 8-bit RGB",
            path.display()
        );
        assert_eq!(RgbImage::open(&path).expect_err(name).to_string(), expected);
        assert_eq!(RgbImage::dimensions(&path).expect_err(name).to_string(), expected);
    }
}

#[test]
fn a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded() {
    let jpeg = std::fs::read(folder("image").join("files/progressive.jpg")).expect("a JPEG");
    let starts: Vec<usize> =
        (0..jpeg.len() - 1).filter(|at| jpeg[*at..*at + 2] == [0xff, 0xda]).collect();
    let last = &jpeg[starts[starts.len() - 1]..jpeg.len() - 2];
    let scans = |count: usize| {
        let mut more = jpeg[..jpeg.len() - 2].to_vec();
        (starts.len()..count).for_each(|_| more.extend(last));
        more.extend([0xff, 0xd9]);
        RgbImage::decode(&more, Path::new("scans.jpg"))
    };
    scans(MAX_SCANS).expect("as many as may be");
    let error = scans(MAX_SCANS + 1).expect_err("one more");
    assert!(matches!(error, ImageError::Scans { scans, .. } if scans == MAX_SCANS + 1), "{error}");
}

#[test]
fn what_decoding_takes_is_known_before_it_begins() {
    let mut files: Vec<_> = std::fs::read_dir(folder("image").join("files"))
        .expect("listed")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    for path in files {
        let none = DecodingBudget::new(0).open(&path, drop).expect_err("no memory");
        let ImageError::Memory { needed, width, height, .. } = none else { panic!("{none}") };
        let sides = |image: RgbImage| (image.width(), image.height());
        let found = DecodingBudget::new(needed).open(&path, sides).expect("enough memory");
        assert_eq!(found, (width, height), "{}", path.display());
        assert!(DecodingBudget::new(needed - 1).open(&path, sides).is_err());
    }
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
        "tiled_zlib.tif",
        "palette.tif",
        "interlaced.png",
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
