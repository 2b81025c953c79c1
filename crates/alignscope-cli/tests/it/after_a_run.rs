//! What is done with finished runs: a board of several, what to cite; and what the machine has.

use crate::place::Place;
use crate::program::has_parts;

/// Exit code, standard output and standard error of words that stand apart by spaces.
fn program(place: &Place, words: &str) -> (i32, String, String) {
    let output = place
        .command()
        .env("HF_HUB_CACHE", place.path("hub"))
        .args(words.split(' '))
        .output()
        .expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

fn does(place: &Place, words: &str) -> String {
    let (code, stdout, stderr) = program(place, words);
    assert_eq!(code, 0, "{words}: {stdout}{stderr}");
    stdout
}

/// Runs of two metrics on the same data.
fn runs() -> Place {
    let place = Place::with_equal_pairs("data");
    for (out, model) in [("one", "psnr"), ("two", "ssim-rgb")] {
        does(
            &place,
            &format!("run --model {model} --dataset pairs --data data --out {out} --quiet"),
        );
    }
    place
}

#[test]
fn a_board_has_the_models_of_all_runs_with_their_ranks() {
    let place = runs();
    let said = does(&place, "gallery one lab=two --out board");
    has_parts(&said, &["one: verified", "lab: verified", "pairs, spearman: 3 trials", "ssim-rgb"]);
    let table = place.read("board/gallery.csv");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|head| *head == name).expect("a column");
    let of = |model: &str| {
        let mut found = rows.iter().filter(|row| row[column("model")] == model);
        let row = found.next().expect("a row").clone();
        assert!(found.next().is_none(), "{model} stands there once");
        row
    };
    assert_eq!(rows.len(), 4, "two metrics and the pixels, once: {table}");
    for (model, run) in [("psnr", "one"), ("ssim-rgb", "lab"), ("pixels", "one")] {
        let row = of(model);
        assert_eq!(row[column("run")], run, "{table}");
        // Three trials leave no difference clear: all share all ranks.
        let ranks = ["rank_low", "rank_high", "models"].map(|name| row[column(name)]);
        assert_eq!(ranks, ["1", "3", "3"], "{table}");
    }
    let page = place.read("board/gallery.html");
    has_parts(&page, &["A gallery of runs", "1–3", "default-src", "run-data", "wang2004ssim"]);
    for file in ["gallery-figure.svg", "gallery-figure.png", "gallery-figure.csv"] {
        assert!(place.path("board").join(file).is_file(), "{file}");
    }
}

#[test]
fn runs_of_others_whose_images_and_weights_are_elsewhere_are_taken() {
    let place = runs();
    std::fs::rename(place.path("data"), place.path("away")).expect("moved");
    let said = does(&place, "gallery one two --out board");
    has_parts(&said, &["files are not here"]);
    let said = does(&place, "gallery one two --out again --data pairs=away");
    assert!(!said.contains("not here"), "{said}");
}

#[test]
fn a_run_that_is_not_as_its_manifest_says_is_refused_or_marked() {
    let place = runs();
    place.edit("two/scores.csv", "0.", "0.1");
    let (code, _, said) = program(&place, "gallery one two --out board");
    assert_eq!(code, 2, "{said}");
    has_parts(&said, &["two is not as its manifest says", "scores.csv", "--altered"]);
    assert!(!place.path("board").exists(), "nothing is left");
    let said = does(&place, "gallery one two --out board --altered");
    has_parts(&said, &["two: ALTERED"]);
    assert!(place.read("board/gallery.html").contains("is not as its manifest says"));
}

#[test]
fn what_cannot_stand_on_one_board_is_refused_and_leaves_nothing() {
    let place = runs();
    let other = "run --model psnr --dataset pairs --data data --limit 2 --out other --quiet";
    does(&place, other);
    for (words, said) in [
        ("gallery one nothing --out board", "holds no finished run"),
        ("gallery a=one a=two --out board", "give one another name, as in `NAME=FOLDER`"),
        ("gallery one other --out board", "trials"),
        ("gallery --out board", "RUN"),
        ("gallery one two", "--out"),
    ] {
        let (code, _, found) = program(&place, words);
        assert_eq!(code, 2, "{words}: {found}");
        assert!(found.contains(said), "{words}: {found}");
        assert!(!place.path("board").exists(), "{words}");
    }
}

#[test]
fn what_to_cite_is_bibtex_with_each_paper_once() {
    let place = runs();
    let said = does(&place, "cite one two");
    has_parts(&said, &["@software{alignscope,", "% ssim-rgb\n@article{wang2004ssim,"]);
    assert_eq!(said.matches("@software{alignscope").count(), 1, "{said}");
    has_parts(&said, &["% the data set pairs: no reference is known; cite where it comes from"]);
    assert!(!said.contains("VERSION"), "{said}");
    let (code, _, message) = program(&place, "cite data");
    assert_eq!(code, 2, "{message}");
    has_parts(&message, &["holds no finished run"]);
}

#[test]
fn the_doctor_says_what_the_machine_has_and_no_secret() {
    let place = Place::new();
    let output = place
        .command()
        .env("HF_TOKEN", "hf_secret")
        .args(["doctor", "--offline"])
        .output()
        .expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{said}");
    has_parts(
        &said,
        &["alignscope", "processor", "instructions", "memory", "cache", "not asked, offline"],
    );
    has_parts(&said, &["torch", "pip install", "HF_TOKEN", "is set", "nothing is wrong"]);
    assert!(!said.contains("hf_secret"), "{said}");
}

#[test]
fn the_doctor_says_what_would_not_work_and_what_to_do() {
    let place = Place::new();
    place.write("file", "no folder");
    let (code, said, _) = program(&place, "doctor --offline --cache file");
    assert_eq!(code, 1, "{said}");
    has_parts(&said, &["PROBLEM  cache", "--cache or ALIGNSCOPE_CACHE"]);
    let output = place
        .command()
        .env("ALIGNSCOPE_INSTRUCTIONS", "sse9")
        .args(["doctor", "--offline"])
        .output()
        .expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    has_parts(&said, &["PROBLEM  instructions", "sse9"]);
    // A port of this machine at which nobody answers.
    let output = place
        .command()
        .env_remove("HF_HUB_OFFLINE")
        .env("HF_ENDPOINT", "http://ada:secret@127.0.0.1:9")
        .arg("doctor")
        .output()
        .expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    has_parts(&said, &["PROBLEM  hub", "not reachable", "HF_HUB_OFFLINE=1"]);
    assert!(!said.contains("secret"), "{said}");
}
