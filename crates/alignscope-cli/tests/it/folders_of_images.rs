//! What `alignscope activations` takes from a folder, and `check` and `run` from a data set's.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::place::{Place, golden, png};
use crate::program::{command, outcome};

/// A folder of two images, `b.png` in a folder of its own.
fn images() -> Place {
    let place = Place::new();
    for (name, size) in [("a.png", 20), ("sub/b.png", 17)] {
        place.write(name, png(size, size));
    }
    place
}

/// The names of the images whose activations are written, below the folder.
fn activations(folder: &Path) -> Result<Vec<String>, String> {
    let (out, images) = (Place::new(), folder.display().to_string());
    let mut command = command();
    command.arg("activations").arg("--model").arg(golden("clip/base")).arg("--images").arg(&images);
    command.arg("--out").arg(out.path("out")).timeout(Duration::from_secs(100));
    let (code, _, told) = outcome(&mut command);
    if code != 0 {
        assert_eq!(code, 2, "{told}");
        assert!(!out.path("out/embedding/features.npy").exists(), "nothing is written");
        return Err(told);
    }
    let names = out.read("out/embedding/file_names.txt");
    let below = |name: &str| name.strip_prefix(&images).expect("below it")[1..].to_owned();
    Ok(names.lines().map(below).collect())
}

#[test]
fn what_systems_leave_beside_images_has_no_activations() {
    let place = images();
    for name in ["._a.png", "sub/._b.png", ".DS_Store", "Thumbs.db", "__MACOSX/c.png", ".d.png"] {
        place.write(name, b"\x00\x05\x16\x07");
    }
    assert_eq!(activations(place.root()).expect("encoded"), ["a.png", "sub/b.png"]);
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_have_an_end() {
    let place = images();
    for (to, from) in [("..", "sub/up"), (".", "here"), ("..", "sub/again")] {
        std::os::unix::fs::symlink(to, place.path(from)).expect("linked");
    }
    let begun = Instant::now();
    assert_eq!(activations(place.root()).expect("encoded"), ["a.png", "sub/b.png"]);
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
        std::fs::write(place.root().join(name), png(9, 9)).expect("written");
        let told = activations(place.root()).expect_err("refused");
        assert!(told.contains("cannot stand in file_names.txt") && told.contains(shown), "{told}");
    }
}

#[test]
fn images_of_no_trial_are_counted_without_what_systems_leave() {
    let place = images();
    place.write("c.png", png(11, 11));
    place.write("._a.png", b"\x00\x05\x16\x07");
    place.write("pairs.csv", "reference,distorted,score\na.png,sub/b.png,3\n");
    let mut command = command();
    command.args(["check", "--dataset", "pairs", "--data"]).arg(place.root());
    let (_, told, _) = outcome(&mut command);
    assert!(told.contains("1 images below the folder are in no trial"), "{told}");
}
