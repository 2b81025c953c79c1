//! What the program says to files of a checkpoint that are damaged, or are something else.

use std::fs;
use std::path::PathBuf;

use crate::place::Place;
#[cfg(unix)]
use crate::place::fifo;
use crate::program::{is_refused, outcome, print_row};

/// A folder with a small data set and a checkpoint, until a test breaks something.
fn place() -> Place {
    let place = Place::with_pairs(".");
    place.checkpoint("model");
    place
}

/// The exit code of a run of the checkpoint, and what it says.
fn run(place: &Place) -> (i32, String) {
    let mut command = place.command();
    command.args(["run", "--dataset", "pairs", "--resamples", "0", "--model"]);
    command.arg(place.path("model")).arg("--data").arg(place.root());
    command.arg("--out").arg(place.path("out"));
    let (code, _, message) = outcome(&mut command);
    (code, message)
}

fn refuses(place: &Place, parts: &[&str]) {
    let (code, message) = run(place);
    print_row(place, &message);
    is_refused(code, &message, parts);
}

fn model(place: &Place, name: &str) -> PathBuf {
    place.path("model").join(name)
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
    fifo(&model(&place, "model.safetensors"));
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
    let manifest = place.read("out/manifest.json");
    for name in ["config.json", "preprocessor_config.json", "model.safetensors"] {
        let bytes = fs::read(model(&place, name)).expect("read");
        let hash = alignscope::ContentHash::of(&bytes).to_string();
        assert!(manifest.contains(&format!("model/{name}")) && manifest.contains(&hash), "{name}");
    }
}
