//! What the program says of images that are no plain files, too large, or not seen as they are.

use std::fs;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use crate::place::{Place, golden};
use crate::program::{has_parts, merged};

/// Puts an image of the golden ones in the place of one.
fn put(place: &Place, name: &str, image: &str) {
    fs::copy(golden("image").join(image), place.path(name)).expect("copied");
}

/// Runs `pixels` on the pairs: the exit code, and all that was written.
fn run(place: &Place, more: &[&str]) -> (i32, String) {
    let mut command = place.command();
    command.args(["run", "--model", "pixels", "--dataset", "pairs", "--no-cache", "--data"]);
    command.arg(place.root()).arg("--out").arg(place.path("out")).args(more);
    merged(command.timeout(Duration::from_secs(60)))
}

/// Runs `alignscope check`; standard output comes first.
fn check(place: &Place, more: &[&str]) -> (i32, String) {
    let mut command = place.command();
    command.args(["check", "--dataset", "pairs", "--data"]).arg(place.root()).args(more);
    merged(command.timeout(Duration::from_secs(60)))
}

/// Both commands refuse `b.png` with these words.
fn refuses(place: &Place, parts: &[&str]) {
    let (code, message) = run(place, &[]);
    assert_eq!(code, 2, "{message}");
    let (check_code, problems) = check(place, &[]);
    assert_eq!(check_code, 1, "{problems}");
    has_parts(&message, parts);
    has_parts(&problems, parts);
    assert!(message.contains("b.png"), "{message}");
}

/// A chunk of a PNG.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short");
    let crc = !kind.iter().chain(data).fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    });
    [&length.to_be_bytes()[..], kind, data, &crc.to_be_bytes()].concat()
}

/// A black PNG of so many pixels, of one bit or of 8-bit RGB, compressed to a thousandth.
fn black(width: u32, height: u32, rgb: bool) -> Vec<u8> {
    let row = 1 + if rgb { 3 * width as usize } else { (width as usize).div_ceil(8) };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([if rgb { 8 } else { 1 }, if rgb { 2 } else { 0 }, 0, 0, 0]);
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &zeros(row * height as usize)),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// zlib's form of so many zeros: one block of the fixed code, in which a zero is followed by copies
/// of 258 bytes of it.
fn zeros(count: usize) -> Vec<u8> {
    let (mut out, mut buffer, mut filled) = (vec![0x78, 0x01], 0_u64, 0);
    let mut put = |bits: u64, length: u32, out: &mut Vec<u8>| {
        buffer |= bits << filled;
        filled += length;
        while filled >= 8 {
            out.push(buffer as u8);
            buffer >>= 8;
            filled -= 8;
        }
    };
    // The last block, of the fixed code; codes are put from their highest bit on.
    put(0b011, 3, &mut out);
    let zero = u64::from(0b0011_0000_u8.reverse_bits());
    let copies = (count - 1) / 258;
    (0..count - 258 * copies).for_each(|_| put(zero, 8, &mut out));
    // Length 258 is symbol 285, 11000101; distance 1 is symbol 0 of five bits.
    let copy = u64::from(0b1100_0101_u8.reverse_bits());
    (0..copies).for_each(|_| put(copy, 13, &mut out));
    put(0, 7, &mut out);
    put(0, 7, &mut out);
    // Adler-32 of zeros.
    let sum = (count % 65_521) as u32;
    out.extend((sum << 16 | 1).to_be_bytes());
    out
}

#[test]
fn a_pointer_of_git_lfs_is_told_with_what_to_do() {
    let place = Place::with_pairs(".");
    place.write("b.png", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n");
    refuses(&place, &["it is a pointer of Git LFS", "git lfs pull"]);
}

#[test]
fn an_image_of_too_many_pixels() {
    let place = Place::with_pairs(".");
    // Header and checksum are right: it is the number of pixels that is refused.
    let mut header = [100_000_u32.to_be_bytes(); 2].concat();
    header.extend([8, 2, 0, 0, 0]);
    let parts = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &zeros(10)),
        chunk(b"IEND", &[]),
    ];
    place.write("b.png", parts.concat());
    refuses(&place, &["says that it has 100000 × 100000 pixels, expected 1 to 178956970 in all"]);
}

#[test]
fn a_tiff_of_a_kind_that_is_not_read() {
    let place = Place::with_pairs(".");
    put(&place, "b.png", "refused/jpeg.tif");
    refuses(&place, &["b.png is a TIFF with JPEG inside, which is not read; save it as PNG"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let place = Place::with_pairs(".");
    let begun = Instant::now();
    for (make, what) in [
        ("mkfifo b.png", "it is a FIFO, expected a regular file"),
        ("mkdir b.png", "it is a folder, expected a regular file"),
        ("ln -s /dev/zero b.png", "it is a device, expected a regular file"),
    ] {
        let again = format!("rm -rf b.png && {make}");
        let made = Process::new("sh").args(["-c", &again]).current_dir(place.root()).status();
        assert!(made.expect("a shell").success(), "{make}");
        for (code, message) in [run(&place, &[]), check(&place, &[])] {
            // Some are found missing before they are opened.
            assert!(code != 0, "{make}: {message}");
            assert!(message.contains(what) || message.contains("missing"), "{make}: {message}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(50));
}

#[test]
fn an_orientation_that_is_not_applied_is_told_once() {
    let place = Place::with_pairs(".");
    put(&place, "b.png", "files/rotated_by_exif.jpg");
    put(&place, "c.png", "files/rotated_by_exif.webp");
    let words = "2 images have an EXIF orientation that is not applied, as in Pillow";
    let (code, said) = check(&place, &[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let (code, said) = run(&place, &[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let manifest = place.read("out/manifest.json");
    assert!(manifest.contains(words), "{manifest}");

    // Pillow turns a TIFF, and so do we: nothing is to be told.
    put(&place, "b.png", "files/orientation_6.tif");
    put(&place, "c.png", "files/rgb.png");
    let (code, said) = check(&place, &[]);
    assert!(code == 0 && !said.contains("orientation"), "{said}");
}

#[test]
fn grey_that_becomes_white_is_told_once() {
    let place = Place::with_pairs(".");
    put(&place, "b.png", "files/grey16.png");
    put(&place, "c.png", "files/rgb16.png");
    let words = "1 image has 16-bit grey values above 255, all of which become white, as in Pillow";
    let (code, said) = check(&place, &[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let (code, said) = run(&place, &[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let manifest = place.read("out/manifest.json");
    assert!(manifest.contains(words), "{manifest}");
}

#[test]
fn an_image_that_the_budget_does_not_hold_is_refused_before_it_is_decoded() {
    let place = Place::with_pairs(".");
    for (name, rgb) in [("b.png", false), ("c.png", true)] {
        place.write(name, black(13_376, 13_376, rgb));
    }
    let memory = ["--memory", "500MB"];
    let begun = Instant::now();
    for more in [&memory[..], &["--memory", "500MB", "--keep-going"]] {
        let (code, message) = run(&place, more);
        assert_eq!(code, 2, "{message}");
        let parts = [
            "c.png of pairs needs",
            "of memory while it is decoded, the budget is 500 MB",
            "allow more with `--memory",
        ];
        has_parts(&message, &parts);
    }
    let (code, said) = check(&place, &memory);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("2 images need more memory than the budget"), "{said}");
    assert!(said.contains("make them smaller, or allow more with `--memory"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(20), "decoding them takes longer");
}

/// The largest memory that a process had, in bytes.
#[cfg(target_os = "linux")]
fn peak(command: &mut Process) -> u64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut peak = 0;
    while child.try_wait().expect("its state").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(1024 * kilobytes.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

#[cfg(target_os = "linux")]
#[test]
fn images_are_decoded_within_the_budget_whatever_the_number_of_threads() {
    let place = Place::with_pairs(".");
    let mut rows = "reference,distorted,score\n".to_owned();
    for i in 0..8 {
        place.write(&format!("{i}.png"), black(5_000, 4_000 + i, i % 2 == 0));
        rows.push_str(&format!("a.png,{i}.png,{i}\n"));
    }
    place.write("pairs.csv", rows);
    for command in ["run", "check"] {
        let mut process = Process::new(crate::program::PROGRAM);
        process.args([command, "--dataset", "pairs", "--data"]).arg(place.root());
        process.args(["--memory", "300MB", "--threads", "16"]);
        if command == "run" {
            process.args(["--model", "pixels", "--no-cache", "--out"]).arg(place.path("out"));
        }
        let peak = peak(&mut process);
        // Eight at a time would take 480 MB for their pixels alone.
        assert!(peak > 50_000_000 && peak < 300_000_000, "{command}: {peak} bytes");
    }
    assert!(place.path("out/scores.csv").is_file());
}
