//! What the program says of images that are no plain files, too large, or not seen as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use tempfile::TempDir;

/// A folder of rated pairs of `a.png` with `b.png` and with `c.png`.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        for (i, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
            place.write(name, png(20 + i, 17));
        }
        place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\n");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("written");
    }

    /// Puts an image of the golden ones in the place of one.
    fn golden(&self, name: &str, golden: &str) {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../alignscope/tests/golden/image")
            .join(golden);
        fs::copy(golden, self.path(name)).expect("copied");
    }

    /// Runs `pixels` on the pairs: the exit code, and what was written to standard error.
    fn run(&self, more: &[&str]) -> (i32, String) {
        let (data, out) = (self.0.path().to_owned(), self.path("out"));
        let mut command = Command::cargo_bin("alignscope").expect("the program");
        command.args(["run", "--model", "pixels", "--dataset", "pairs", "--no-cache", "--data"]);
        command.arg(data).arg("--out").arg(out).args(more).timeout(Duration::from_secs(60));
        told(command)
    }

    /// Runs `alignscope check`; standard output comes first.
    fn check(&self, more: &[&str]) -> (i32, String) {
        let mut command = Command::cargo_bin("alignscope").expect("the program");
        command.args(["check", "--dataset", "pairs", "--data"]).arg(self.0.path()).args(more);
        command.timeout(Duration::from_secs(60));
        told(command)
    }

    /// Both commands refuse `b.png` with these words.
    fn refuses(&self, parts: &[&str]) {
        let (code, message) = self.run(&[]);
        assert_eq!(code, 2, "{message}");
        let (check_code, problems) = self.check(&[]);
        assert_eq!(check_code, 1, "{problems}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
            assert!(problems.contains(part), "`{part}` is not in: {problems}");
        }
        assert!(message.contains("b.png"), "{message}");
    }
}

fn told(mut command: Command) -> (i32, String) {
    let output = command.output().expect("it starts and ends");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&text).into())
}

fn png(width: usize, height: usize) -> Vec<u8> {
    let pixels = (0..3 * width * height).map(|i| (i * 7 % 251) as u8).collect();
    alignscope::image::RgbImage::new(width, height, pixels).to_png()
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
    let place = Place::new();
    place.write("b.png", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n");
    place.refuses(&["it is a pointer of Git LFS", "git lfs pull"]);
}

#[test]
fn an_image_of_too_many_pixels() {
    let place = Place::new();
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
    place.refuses(&["says that it has 100000 × 100000 pixels, expected 1 to 178956970 in all"]);
}

#[test]
fn a_tiff_of_a_kind_that_is_not_read() {
    let place = Place::new();
    place.golden("b.png", "refused/jpeg.tif");
    place.refuses(&["b.png is a TIFF with JPEG inside, which is not read; save it as PNG"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let place = Place::new();
    let begun = Instant::now();
    for (make, what) in [
        ("mkfifo b.png", "it is a FIFO, expected a regular file"),
        ("mkdir b.png", "it is a folder, expected a regular file"),
        ("ln -s /dev/zero b.png", "it is a device, expected a regular file"),
    ] {
        let again = format!("rm -rf b.png && {make}");
        let made = Process::new("sh").args(["-c", &again]).current_dir(place.0.path()).status();
        assert!(made.expect("a shell").success(), "{make}");
        for (code, message) in [place.run(&[]), place.check(&[])] {
            // Some are found missing before they are opened.
            assert!(code != 0, "{make}: {message}");
            assert!(message.contains(what) || message.contains("missing"), "{make}: {message}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(50));
}

#[test]
fn an_orientation_that_is_not_applied_is_told_once() {
    let place = Place::new();
    place.golden("b.png", "files/rotated_by_exif.jpg");
    place.golden("c.png", "files/rotated_by_exif.webp");
    let words = "2 images have an EXIF orientation that is not applied, as in Pillow";
    let (code, said) = place.check(&[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let (code, said) = place.run(&[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let manifest = fs::read_to_string(place.path("out/manifest.json")).expect("a manifest");
    assert!(manifest.contains(words), "{manifest}");

    // Pillow turns a TIFF, and so do we: nothing is to be told.
    place.golden("b.png", "files/orientation_6.tif");
    place.golden("c.png", "files/rgb.png");
    let (code, said) = place.check(&[]);
    assert!(code == 0 && !said.contains("orientation"), "{said}");
}

#[test]
fn grey_that_becomes_white_is_told_once() {
    let place = Place::new();
    place.golden("b.png", "files/grey16.png");
    place.golden("c.png", "files/rgb16.png");
    let words = "1 image has 16-bit grey values above 255, all of which become white, as in Pillow";
    let (code, said) = place.check(&[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let (code, said) = place.run(&[]);
    assert_eq!((code, said.matches(words).count()), (0, 1), "{said}");
    let manifest = fs::read_to_string(place.path("out/manifest.json")).expect("a manifest");
    assert!(manifest.contains(words), "{manifest}");
}

#[test]
fn an_image_that_the_budget_does_not_hold_is_refused_before_it_is_decoded() {
    let place = Place::new();
    for (name, rgb) in [("b.png", false), ("c.png", true)] {
        place.write(name, black(13_376, 13_376, rgb));
    }
    let memory = ["--memory", "500MB"];
    let begun = Instant::now();
    for more in [&memory[..], &["--memory", "500MB", "--keep-going"]] {
        let (code, message) = place.run(more);
        assert_eq!(code, 2, "{message}");
        for part in [
            "c.png of pairs needs",
            "of memory while it is decoded, the budget is 500 MB",
            "allow more with `--memory",
        ] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    let (code, said) = place.check(&memory);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("2 images need more memory than the budget"), "{said}");
    assert!(said.contains("allow more with --memory"), "{said}");
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
    let place = Place::new();
    let mut rows = "reference,distorted,score\n".to_owned();
    for i in 0..8 {
        place.write(&format!("{i}.png"), black(5_000, 4_000 + i, i % 2 == 0));
        rows.push_str(&format!("a.png,{i}.png,{i}\n"));
    }
    place.write("pairs.csv", rows);
    for command in ["run", "check"] {
        let mut process = Process::new(env!("CARGO_BIN_EXE_alignscope"));
        process.args([command, "--dataset", "pairs", "--data"]).arg(place.0.path());
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
