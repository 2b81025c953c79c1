//! `alignscope import`, and groups of odd-one-out triplets.

use std::fs;

use crate::place::{IMAGES, Place, npy, stepped_png};
use crate::program::{has_parts, is_refused, outcome};

/// Three images, and triplets of them in DreamSim's layout.
fn named() -> Place {
    let place = Place::new();
    for (step, name) in (3..).zip(IMAGES) {
        place.write(&format!("src/things_src_images/{name}"), stepped_png(20, 17, step));
    }
    place.write("src/things_valset.txt", "a b c\nc a b\n");
    place
}

#[test]
fn a_data_set_is_imported_and_what_was_done_is_said() {
    let place = named();
    let import = |out: &str, more: &[&str]| {
        let mut command = place.command();
        command.args(["import", "things"]).arg(place.path("src/things_valset.txt"));
        outcome(command.arg("--out").arg(place.path(out)).args(more))
    };
    let (code, said, message) = import("out", &[]);
    assert_eq!(code, 0, "{message}");
    has_parts(
        &said,
        &[
            "things-like from ",
            "is of no known release (2 answers)",
            "oddoneout.csv: 2 trials, 3 images as links",
            "run it with --dataset things-like=oddoneout --data ",
        ],
    );
    let table = place.read("out/oddoneout.csv");
    let row = "things_src_images/a.png,things_src_images/b.png,things_src_images/c.png,3,0\n";
    assert_eq!(table.lines().next(), Some("image_1,image_2,image_3,odd,trial"));
    assert!(table.contains(row), "{table}");
    // Again in the same place: nothing is overwritten.
    let (code, _, message) = import("out", &["--copy"]);
    is_refused(code, &message, &["is no empty folder; name a new one"]);
    assert_eq!(place.read("out/oddoneout.csv"), table);
    // What is imported can be checked and run.
    for command in ["check", "run"] {
        let mut program = place.command();
        program.args([command, "--dataset", "oddoneout", "--data"]).arg(place.path("out"));
        if command == "run" {
            program.args(["--model", "ssim", "--resamples", "0", "--out"]).arg(place.path("run"));
        }
        let (code, said, message) = outcome(&mut program);
        assert_eq!(code, 0, "{said}{message}");
    }
    let (code, said, message) = import("copies", &["--copy", "--limit", "1"]);
    assert_eq!(code, 0, "{message}");
    has_parts(&said, &["1 trials, 3 images as copies"]);
    let image = place.path("copies/things_src_images/a.png");
    assert!(!image.symlink_metadata().expect("there").is_symlink());
    // Without images.
    fs::remove_dir_all(place.path("src/things_src_images")).expect("removed");
    let (code, _, message) = import("none", &[]);
    is_refused(code, &message, &["images that", "are missing"]);
    assert!(!place.path("none").exists(), "nothing half-written");
    let (code, said, message) = import("none", &["--without-images"]);
    assert_eq!(code, 0, "{message}");
    has_parts(&said, &["3 images which are not there"]);
}

#[cfg(unix)]
#[test]
fn an_imported_folder_is_as_open_as_the_mask_lets_it_be() {
    use std::os::unix::fs::PermissionsExt;
    let place = named();
    let mut shell = std::process::Command::new("sh");
    let script = "umask 027; \"$0\" import things src/things_valset.txt --out 'a folder'";
    shell.current_dir(place.root()).args(["-c", script]).arg(env!("CARGO_BIN_EXE_alignscope"));
    let output = shell.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let folder = place.path("a folder");
    let mode = fs::metadata(folder).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o750);
    assert!(said.contains("--data 'a folder'"), "{said}");
}

#[test]
fn a_level_that_the_format_has_not_is_said() {
    let place = Place::with_equal_pairs("src");
    let mut command = place.command();
    command.args(["import", "pairs"]).arg(place.path("src"));
    let (code, said, message) = outcome(command.arg("--out").arg(place.path("out")));
    assert_eq!(code, 0, "{message}");
    assert!(!said.contains("--level"), "{said}");
    let mut command = place.command();
    command.args(["import", "pairs"]).arg(place.path("src")).args(["--odd", "first", "--out"]);
    let (code, _, message) = outcome(command.arg(place.path("other")));
    is_refused(code, &message, &["where the odd one stands", "leave out `--odd`"]);
    let mut command = place.command();
    command.args(["import", "pairs"]).arg(place.path("src")).args(["--odd", "middle", "--out"]);
    let (code, _, message) = outcome(command.arg(place.path("other")));
    is_refused(code, &message, &["middle", "first", "second", "last"]);
}

#[test]
fn an_odd_one_that_stands_first_is_a_problem_that_check_tells() {
    let place = Place::new();
    let images: Vec<String> = (0..30).map(|image| format!("{image}.png")).collect();
    for (image, name) in images.iter().enumerate() {
        place.write(name, stepped_png(8, 8, image + 1));
    }
    place.write("images.txt", images.join("\n"));
    // 60 triplets: nine people of ten say the first image of the three, in whatever order the others
    // stand.
    let mut rows: Vec<f32> = Vec::new();
    for triplet in 0..60_u32 {
        let [a, b, c] = [triplet % 30, (triplet + 7) % 30, (triplet * 5 + 3 + triplet / 30) % 30];
        if a == b || a == c || b == c {
            continue;
        }
        for person in 0..10_u32 {
            let [odd, x, y] = if person == 9 { [b, a, c] } else { [a, b, c] };
            let others = if (person + triplet) % 2 == 0 { [x, y] } else { [y, x] };
            rows.extend([odd as f32, others[0] as f32, others[1] as f32]);
        }
    }
    place.write("triplets.npy", npy(&[rows.len() / 3, 3], "False", &rows));
    let check = |more: &[&str]| {
        let mut command = place.command();
        command.args(["check", "--dataset", "oddoneout", "--data"]).arg(place.root());
        outcome(command.args(more))
    };
    let (code, said, _) = check(&[]);
    assert_eq!(code, 1, "{said}");
    has_parts(
        &said,
        &[
            "PROBLEM  the answers look as if the odd one stood first, not last",
            "or if it does, say so with `--odd first`",
        ],
    );
    for place in ["first", "last"] {
        let (code, said, _) = check(&["--odd", place]);
        assert_eq!(code, 0, "{said}");
    }
    // A run writes down what was said.
    let mut command = place.command();
    command.args(["run", "--model", "psnr", "--resamples", "0", "--odd", "first"]);
    command.args(["--dataset", "oddoneout", "--data"]).arg(place.root()).arg("--out");
    let (code, _, message) = outcome(command.arg(place.path("run")));
    assert_eq!(code, 0, "{message}");
    let manifest = place.read("run/manifest.json");
    assert_eq!(manifest.matches("\"odd\": \"first\"").count(), 2, "record and experiment");
    assert!(manifest.contains("is read as the first, as was asked for, not as the last"));
}

#[test]
fn each_group_of_triplets_has_its_scores_chance_ceilings_and_clusters() {
    let place = Place::new();
    let images = ["a.png", "b.png", "c.png", "d.png"];
    for (step, name) in (3..).zip(images) {
        place.write(name, stepped_png(20, 17, step));
    }
    // One triplet of each level, answered by twelve people: two thirds of them alike in the first,
    // all of them in the second.
    let mut rows = "image_1,image_2,image_3,odd,subject,group\n".to_owned();
    for person in 0..12 {
        let odd = if person < 8 { 3 } else { 1 };
        rows.push_str(&format!("a.png,b.png,c.png,{odd},p{person},global\n"));
        rows.push_str(&format!("b.png,c.png,d.png,1,p{person},local\n"));
    }
    place.write("oddoneout.csv", rows);
    let features = place.path("features/layer");
    fs::create_dir_all(&features).expect("made");
    // Of the first triplet c is the odd one, of the second b is.
    let values = [0.0, 0.0, 0.1, 0.0, 0.9, 1.0, 1.0, 1.0];
    fs::write(features.join("features.npy"), npy(&[4, 1, 2], "False", &values)).expect("written");
    fs::write(features.join("file_names.txt"), images.join("\n")).expect("written");
    let mut command = place.command();
    command.args(["score", "--dataset", "oddoneout", "--no-pixels", "--distance", "euclidean"]);
    command.arg("--data").arg(place.root()).arg("--features").arg(place.path("features"));
    let (code, _, message) = outcome(command.arg("--out").arg(place.path("out")));
    assert_eq!(code, 0, "{message}");
    let table = place.read("out/scores.csv");
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let value = |subset: &str, column: &str| -> f64 {
        let at = |name: &str| header.iter().position(|found| *found == name).expect(name);
        let row =
            rows.iter().find(|row| row[at("subset")] == subset && row[at("measure")] == "accuracy");
        row.expect(subset)[at(column)].parse().expect(column)
    };
    let all = ["value", "chance", "n", "n_clusters", "ceiling"];
    let (third, share) = (1.0 / 3.0, 8.0 / 12.0);
    for (subset, expected) in [
        ("all", [10.0 / 12.0, third, 24.0, 2.0, 10.0 / 12.0]),
        ("group global", [share, third, 12.0, 1.0, share]),
        ("group local", [1.0, third, 12.0, 1.0, 1.0]),
    ] {
        for (column, expected) in all.iter().zip(expected) {
            let found = value(subset, column);
            assert!((found - expected).abs() < 1e-9, "{subset} {column}: {found}");
        }
    }
}
