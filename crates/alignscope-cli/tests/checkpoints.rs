//! What the program says to files of a checkpoint that are damaged, or are something else.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A folder with a small data set and a checkpoint, until a test breaks something.
fn place() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    for (i, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
        let (width, height) = (20 + i, 17);
        let pixels = (0..3 * width * height).map(|i| (i * 7 % 251) as u8).collect();
        let image = alignscope::image::RgbImage::new(width, height, pixels);
        fs::write(place.path().join(name), image.to_png()).expect("written");
    }
    let pairs = "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\n";
    fs::write(place.path().join("pairs.csv"), pairs).expect("written");
    let model = place.path().join("model");
    fs::create_dir(&model).expect("made");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alignscope/tests/golden/clip/base");
    for entry in fs::read_dir(golden).expect("the golden checkpoint") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), model.join(entry.file_name())).expect("copied");
    }
    place
}

/// The exit code of a run of the checkpoint, and what it says.
fn run(place: &TempDir) -> (i32, String) {
    let path = |name: &str| place.path().join(name);
    let output = Command::cargo_bin("alignscope")
        .expect("the program")
        .env("ALIGNSCOPE_CACHE", path("cache"))
        .args(["run", "--dataset", "pairs", "--resamples", "0", "--model"])
        .arg(path("model"))
        .arg("--data")
        .arg(place.path())
        .arg("--out")
        .arg(path("out"))
        .output()
        .expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit code"), message)
}

fn refuses(place: &TempDir, parts: &[&str]) {
    let (code, message) = run(place);
    let case = std::thread::current().name().unwrap_or_default().replace('_', " ");
    let here = format!("{}/", place.path().display());
    let last = message.lines().last().unwrap_or_default().trim_start_matches("alignscope: ");
    println!("{case} | {} ", last.replace(&here, ""));
    assert_eq!(code, 2, "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

fn model(place: &TempDir, name: &str) -> PathBuf {
    place.path().join("model").join(name)
}

#[test]
fn a_pointer_of_git_lfs_as_weights() {
    let place = place();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 605157884\n";
    fs::write(model(&place, "model.safetensors"), pointer).expect("written");
    refuses(&place, &["model.safetensors", "a pointer of Git LFS", "git lfs pull"]);
}

#[test]
fn a_web_page_as_weights() {
    let place = place();
    fs::write(model(&place, "model.safetensors"), "<!DOCTYPE html><html>").expect("written");
    refuses(&place, &["model.safetensors", "a page of the web"]);
}

#[cfg(unix)]
#[test]
fn a_configuration_without_an_end() {
    let place = place();
    fs::remove_file(model(&place, "config.json")).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", model(&place, "config.json")).expect("linked");
    refuses(&place, &["config.json", "it is a device, expected a regular file"]);
}

#[cfg(unix)]
#[test]
fn weights_that_are_a_fifo() {
    let place = place();
    fs::remove_file(model(&place, "model.safetensors")).expect("removed");
    let path = model(&place, "model.safetensors");
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success());
    refuses(&place, &["model.safetensors", "it is a FIFO, expected a regular file"]);
}

#[test]
fn a_byte_order_mark_in_the_configuration_is_passed_over() {
    let place = place();
    let text = fs::read_to_string(model(&place, "config.json")).expect("read");
    fs::write(model(&place, "config.json"), format!("\u{feff}{text}")).expect("written");
    let (code, message) = run(&place);
    assert_eq!(code, 0, "{message}");
}

#[test]
fn the_manifest_has_the_hashes_of_what_was_read() {
    let place = place();
    let (code, message) = run(&place);
    assert_eq!(code, 0, "{message}");
    let manifest = fs::read_to_string(place.path().join("out/manifest.json")).expect("read");
    for name in ["config.json", "preprocessor_config.json", "model.safetensors"] {
        let bytes = fs::read(model(&place, name)).expect("read");
        let hash = alignscope::ContentHash::of(&bytes).to_string();
        assert!(manifest.contains(&format!("model/{name}")) && manifest.contains(&hash), "{name}");
    }
}
