//! What `alignscope activations` takes from a folder, and `check` and `run` from a data set's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use tempfile::TempDir;

/// A folder of two images, `b.png` in a folder of its own.
fn images() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(place.path().join("sub")).expect("made");
    for (name, size) in [("a.png", 20), ("sub/b.png", 17)] {
        fs::write(place.path().join(name), png(size)).expect("written");
    }
    place
}

fn png(size: usize) -> Vec<u8> {
    let pixels = (0..3 * size * size).map(|i| (i * 7 % 251) as u8).collect();
    alignscope::image::RgbImage::new(size, size, pixels).to_png()
}

fn alignscope(arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("alignscope")
        .expect("the program")
        .env("ALIGNSCOPE_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/kept"))
        .args(arguments)
        .timeout(Duration::from_secs(100))
        .output()
        .expect("it starts");
    let told: String = String::from_utf8_lossy(&output.stderr).into();
    assert!(!told.contains("panicked"), "{told}");
    (output.status.code().unwrap_or(-1), told)
}

/// The names of the images whose activations are written, below the folder.
fn activations(folder: &Path) -> Result<Vec<String>, String> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../alignscope/tests/golden/clip/base")
        .display()
        .to_string();
    let out = tempfile::tempdir().expect("a temporary folder");
    let place: PathBuf = out.path().join("out");
    let (images, to) = (folder.display().to_string(), place.display().to_string());
    let (code, told) =
        alignscope(&["activations", "--model", &model, "--images", &images, "--out", &to]);
    if code != 0 {
        assert_eq!(code, 2, "{told}");
        assert!(!place.join("embedding/features.npy").exists(), "nothing is written");
        return Err(told);
    }
    let names = fs::read_to_string(place.join("embedding/file_names.txt")).expect("names");
    let below = |name: &str| name.strip_prefix(&images).expect("below it")[1..].to_owned();
    Ok(names.lines().map(below).collect())
}

#[test]
fn what_systems_leave_beside_images_has_no_activations() {
    let place = images();
    fs::create_dir(place.path().join("__MACOSX")).expect("made");
    for name in ["._a.png", "sub/._b.png", ".DS_Store", "Thumbs.db", "__MACOSX/c.png", ".d.png"] {
        fs::write(place.path().join(name), b"\x00\x05\x16\x07").expect("written");
    }
    assert_eq!(activations(place.path()).expect("encoded"), ["a.png", "sub/b.png"]);
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_have_an_end() {
    let place = images();
    for (to, from) in [("..", "sub/up"), (".", "here"), ("..", "sub/again")] {
        std::os::unix::fs::symlink(to, place.path().join(from)).expect("linked");
    }
    let begun = Instant::now();
    assert_eq!(activations(place.path()).expect("encoded"), ["a.png", "sub/b.png"]);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

// Other systems refuse to make files of some of these names.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_line_of_text_is_refused_before_anything_is_encoded() {
    use std::os::unix::ffi::OsStrExt;
    let bytes: [&[u8]; 3] = [b"sub/two\nlines.png", b"sub/c\rr.png", b"sub/latin\xe9.png"];
    for (bytes, shown) in bytes.into_iter().zip(["two\\nlines", "c\\rr", "latin\u{fffd}"]) {
        let place = images();
        let name = Path::new(std::ffi::OsStr::from_bytes(bytes));
        fs::write(place.path().join(name), png(9)).expect("written");
        let told = activations(place.path()).expect_err("refused");
        assert!(told.contains("cannot stand in file_names.txt") && told.contains(shown), "{told}");
    }
}

#[test]
fn images_of_no_trial_are_counted_without_what_systems_leave() {
    let place = images();
    fs::write(place.path().join("c.png"), png(11)).expect("written");
    fs::write(place.path().join("._a.png"), b"\x00\x05\x16\x07").expect("written");
    let table = "reference,distorted,score\na.png,sub/b.png,3\n";
    fs::write(place.path().join("pairs.csv"), table).expect("written");
    let data = place.path().display().to_string();
    let output = Command::cargo_bin("alignscope")
        .expect("the program")
        .args(["check", "--dataset", "pairs", "--data", &data])
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("1 images below the folder are in no trial"), "{told}");
}
