//! Models compared with each other.

use crate::place::Place;

/// What the program prints, and how it ends.
fn program(place: &Place, words: &str) -> (i32, String) {
    let output = place.command().args(words.split(' ')).output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a code"), String::from_utf8(text).expect("UTF-8"))
}

/// A finished run of two metrics.
fn run() -> Place {
    let place = Place::with_equal_pairs("data");
    let words = "run --model psnr --model ssim-rgb --dataset pairs --data data --out run --quiet";
    assert_eq!(program(&place, words).0, 0);
    place
}

#[test]
fn models_of_a_run_are_compared_on_all_pairs_of_its_images() {
    let place = run();
    let (code, said) = program(&place, "compare run --models-only --out alike");
    assert_eq!(code, 0, "{said}");
    let table = place.read("alike/similarities.csv");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|c| *c == name).expect(name);
    let value = |measure: &str, a: &str, b: &str| {
        let is_it = |row: &&Vec<&str>| {
            let found = [column("measure"), column("model_a"), column("model_b")].map(|c| row[c]);
            found == [measure, a, b]
        };
        rows[1..].iter().find(is_it).expect("a row")[column("value")].to_owned()
    };
    assert_eq!(value("rsa", "psnr", "psnr"), "1");
    let alike: f64 = value("rsa", "psnr", "ssim-rgb").parse().expect("a number");
    assert!(alike > -1.0 && alike < 1.0, "{alike}");
    // Metrics have no inner products.
    assert_eq!(value("linear-cka", "psnr", "psnr"), "");
    for file in ["similarity.json", "similarity-pairs-rsa-cosine.svg"] {
        assert!(place.path("alike").join(file).is_file(), "{file}");
    }
    let (code, said) = program(&place, "compare run --models-only --out alike");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("alike"), "{said}");
}

#[test]
fn what_models_only_needs_is_told() {
    let place = run();
    for (words, told) in [
        ("compare run --models-only", "--out"),
        ("compare run --images 10", "--models-only"),
        ("compare run --models-only --out alike --images 2", "from 3 on"),
        ("compare run --models-only --out alike --model-a psnr", "cannot be used with"),
        ("compare nothing --models-only --out alike", "nothing"),
        ("compare run --models-only --out alike --dataset other", "expected one of `pairs`"),
    ] {
        let (code, said) = program(&place, words);
        assert_eq!(code, 2, "{words}: {said}");
        assert!(said.contains(told), "{words}: {said}");
        assert!(!place.path("alike").exists(), "{words}");
    }
}
