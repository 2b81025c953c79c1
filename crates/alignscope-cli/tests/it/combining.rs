//! Several runs put into one.

use crate::place::Place;

/// What the program prints, and how it ends.
fn program(place: &Place, words: &str) -> (i32, String) {
    let output = place.command().args(words.split(' ')).output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("a code"), String::from_utf8(text).expect("UTF-8"))
}

fn does(place: &Place, words: &str) -> String {
    let (code, said) = program(place, words);
    assert_eq!(code, 0, "{words}: {said}");
    said
}

/// Runs of two metrics, and one of both.
fn runs() -> Place {
    let place = Place::with_equal_pairs("data");
    for (out, models) in [
        ("one", "--model psnr"),
        ("two", "--model ssim-rgb"),
        ("whole", "--model psnr --model ssim-rgb"),
    ] {
        does(&place, &format!("run {models} --dataset pairs --data data --out {out} --quiet"));
    }
    place
}

#[test]
fn a_combined_run_has_the_tables_of_one_run_of_all_models() {
    let place = runs();
    let said = does(&place, "combine one two --out both --title Both");
    assert!(said.contains("has the models of 2 runs"), "{said}");
    for table in ["scores.csv", "comparisons.csv", "ceilings.csv", "findings.csv"] {
        let mut rows =
            [place.read(&format!("both/{table}")), place.read(&format!("whole/{table}"))];
        for table in &mut rows {
            let mut lines: Vec<&str> = table.lines().collect();
            lines.sort_unstable();
            *table = lines.join("\n");
        }
        assert_eq!(rows[0], rows[1], "{table}");
    }
    assert!(place.read("both/report.html").contains("Both"));
    does(&place, "verify both");
    does(&place, "report both");
    does(&place, "run both/manifest.json --out again --quiet");
    assert_eq!(place.read("again/scores.csv"), place.read("whole/scores.csv"));
}

#[test]
fn what_cannot_be_one_run_is_refused_and_leaves_nothing() {
    let place = runs();
    does(
        &place,
        "run --model ssim-matlab --dataset pairs --data data --out other --no-pixels --resamples 0 --quiet",
    );
    for (words, said) in [
        ("combine one other --out both", "resamples: 2000, seed 0, now 0, seed 0"),
        ("combine one nothing --out both", "holds no finished run"),
        ("combine one --out both", "RUN"),
        ("combine one two --out one", "holds a finished run already; name another folder"),
    ] {
        let (code, found) = program(&place, words);
        assert_eq!(code, 2, "{found}");
        assert!(found.contains(said), "{words}: {found}");
        assert!(!place.path("both").exists(), "{words}");
    }
    place.edit("two/scores.csv", "0.", "0.1");
    let (code, found) = program(&place, "combine one two --out both");
    assert_eq!(code, 2, "{found}");
    assert!(found.contains("scores.csv is not as this very run left it"), "{found}");
}
