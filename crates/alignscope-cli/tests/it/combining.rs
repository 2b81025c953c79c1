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
        ("combine one two --out one", "one is one of the runs that are read"),
        ("gallery one two --out two", "two is one of the runs that are read"),
        ("compare one --models-only --out one", "one is one of the runs that are read"),
        ("combine one two --out whole", "holds a finished run already; name another folder"),
        ("combine one/manifest.json two --out both", "it is a file; name the folder in which"),
        ("combine one other --out both", "Put them on one board with `alignscope gallery`"),
    ] {
        let (code, found) = program(&place, words);
        assert_eq!(code, 2, "{found}");
        assert!(found.contains(said), "{words}: {found}");
        assert!(!place.path("both").exists(), "{words}");
    }
    place.edit("two/scores.csv", "0.", "0.1");
    let (code, found) = program(&place, "combine one two --out both");
    assert_eq!(code, 2, "{found}");
    let said = "scores.csv is not as this very run left it; look into it with `alignscope verify`, \
                or run it again";
    assert!(found.contains(said) && !found.contains("--fresh"), "{found}");
    std::fs::remove_file(place.path("two/scores.csv")).expect("removed");
    let (code, said) = program(&place, "verify two");
    let parts = ["NOT THERE  result: two/scores.csv", "NOT THERE  scores of all data sets"];
    assert!(code == 1 && parts.iter().all(|part| said.contains(part)), "{said}");
    std::fs::remove_file(place.path("one/distances.parquet")).expect("removed");
    std::fs::rename(place.path("data"), place.path("away")).expect("moved");
    let (code, said) = program(&place, "verify one");
    let parts = ["NOT THERE  scores of 2 of 2 stages", "name its folder with `--data pairs=PATH`"];
    assert!(code == 1 && parts.iter().all(|part| said.contains(part)), "{said}");
    std::fs::write(place.path("one/unfinished.json"), "{}").expect("written");
    let (code, said) = program(&place, "verify one");
    assert!(code == 2 && said.contains("is not done") && said.contains("run it again"), "{said}");
}
