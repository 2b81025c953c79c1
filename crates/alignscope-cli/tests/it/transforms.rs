//! `alignscope transform`, and `run --transform`.

use std::fs;

use crate::place::{Place, stepped_png};
use crate::program::{has_parts, is_refused, merged};

const IMAGES: usize = 60;

/// Sixty images, some hundred triplets of them and the small checkpoint, in a folder.
fn place() -> Place {
    let place = Place::new();
    let mut rows = "image_1,image_2,image_3,odd\n".to_owned();
    for i in 0..300 {
        let round = i / IMAGES;
        let of = |step: usize| (step * i + step + round * (step - 1)) % IMAGES;
        let [a, b, c] = [of(1), of(7), of(11)];
        if a != b && a != c && b != c {
            rows += &format!("{a}.png,{b}.png,{c}.png,{}\n", 1 + i % 3);
        }
    }
    for i in 0..IMAGES {
        place.write(&format!("data/{i}.png"), stepped_png(20, 20, 3 + i));
    }
    place.write("data/oddoneout.csv", rows);
    place.checkpoint("model");
    place
}

/// Exit code and all that is said.
fn said(place: &Place, words: &str) -> (i32, String) {
    merged(place.command().args(words.split(' ')))
}

const DATA: &str = "--model mine=./model --dataset oddoneout --data data --resamples 100";

#[test]
fn transforms_are_fitted_and_a_run_takes_one() {
    let place = place();
    let kinds = "--kind standardize diagonal --lambda 0.1 0.001";
    let words = format!("transform {DATA} {kinds} --tokens class --out found");
    let (code, text) = said(&place, &words);
    assert_eq!(code, 0, "{text}");
    has_parts(&text, &["folds that hold out", "embedding", "diagonal", "gain"]);
    let table = place.read("found/transforms.csv");
    let stages = table.lines().filter(|line| line.contains(",diagonal,cosine,")).count();
    assert!(stages >= 3, "{table}");
    for name in ["gain.svg", "gain.png", "gain.csv", "manifest.json"] {
        assert!(place.path(&format!("found/{name}")).exists(), "{name}");
    }
    let again = said(&place, &words);
    is_refused(again.0, &again.1, &["found", "--out"]);

    let file = "found/transform-diagonal-block-01.npz@block 1";
    let mut command = place.command();
    command.args(format!("run {DATA} --no-pixels --tokens class --out run --transform").split(' '));
    let (code, text) = merged(command.arg(file));
    assert_eq!(code, 0, "{text}");
    let scores = place.read("run/scores.csv");
    let rows: Vec<&str> = scores.lines().skip(1).collect();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row.contains(",mine (transformed),block 1,"))
    );
    // What the manifest says is the same run.
    let (code, text) = said(&place, "run run/manifest.json --out again");
    assert_eq!(code, 0, "{text}");
    assert_eq!(place.read("again/scores.csv"), scores);
    fs::remove_file(place.path("found/transform-diagonal-block-01.npz")).expect("removed");
    let (code, text) = said(&place, "verify run");
    assert!(code != 0 && text.contains("transform-diagonal-block-01.npz"), "{text}");
}

#[test]
fn what_cannot_be_transformed_says_why_and_what_to_do() {
    let place = place();
    for (words, parts) in [
        (
            format!("transform {DATA} --tokens all --out out"),
            &["tokens of mine are chosen at", "choose `--tokens class` or `mean`"][..],
        ),
        (
            format!("transform {DATA} --stage third --out out"),
            &["mine has no stage `third`", "`embedding`"],
        ),
        (
            format!("transform {DATA} --distance normalized-euclidean --out out"),
            &["normalized-euclidean", "take another distance"],
        ),
        (
            format!("transform {DATA} --held-out 0.9 --out out"),
            &["different questions", "expected 30 or more"],
        ),
        (
            "transform --model ssim --dataset oddoneout --data data --out out".to_owned(),
            &["ssim gives distances and no activations"],
        ),
        (format!("transform {DATA} --kind full --out out"), &["full", "`glocal`"]),
        (
            format!("run {DATA} --tokens class --out out --transform none.npz"),
            &["cannot transform the activations of mine", "none.npz"],
        ),
        (
            "run --model ssim --dataset oddoneout --data data --out out --transform a.npz"
                .to_owned(),
            &["the transform has no use here", "leave out `--transform`"],
        ),
    ] {
        let (code, text) = said(&place, &words);
        is_refused(code, &text, parts);
        assert!(!place.path("out").join("transforms.csv").exists(), "no result is left");
    }
}
