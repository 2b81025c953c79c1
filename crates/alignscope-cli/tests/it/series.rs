//! A model in many states, as it is typed.

use std::fs;

use crate::place::{Place, golden, text};
use crate::program::{is_refused, outcome, print_row};

/// A data set of three images, and four epochs of a checkpoint.
fn place() -> Place {
    let place = Place::with_equal_pairs(".");
    let weights = fs::read(golden("clip/base").join("model.safetensors")).expect("golden");
    for epoch in [0_u8, 2, 9, 10] {
        // Another number at the end of the file, which is a weight.
        let mut changed = weights[..weights.len() - 4].to_vec();
        changed.extend((f32::from(epoch) / 100.0).to_le_bytes());
        place.write(&format!("runs/a/epoch_{epoch}.safetensors"), changed);
    }
    place
}

/// Runs models on the pairs: the exit code, and what is said.
fn run(place: &Place, models: &[&str], like: bool) -> (i32, String) {
    let mut command = place.command();
    command.args(["run", "--dataset", "pairs", "--data", ".", "--resamples", "0", "--out", "out"]);
    command.arg("--model").args(models);
    if like {
        command.args(["--like", text(&golden("clip/base"))]);
    }
    let (code, _, message) = outcome(&mut command);
    (code, message)
}

#[test]
fn a_pattern_is_a_series_and_like_holds_for_it() {
    let place = place();
    let (code, said) = run(&place, &["series:runs/*/epoch_*.safetensors", "psnr"], true);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("a: 4 states, from step 0 to 10"), "{said}");
    let scores = place.read("out/scores.csv");
    let models: Vec<&str> = scores.lines().filter_map(|line| line.split(',').nth(2)).collect();
    let place_of = |model: &str| models.iter().position(|found| *found == model).expect("a row");
    assert!(place_of("a@step=2") < place_of("a@step=9"));
    assert!(place_of("a@step=9") < place_of("a@step=10"));
    assert!(scores.lines().next().is_some_and(|header| header.ends_with(",series,step")));
    for figure in ["training.svg", "training-map.png", "training-cosine.csv"] {
        assert!(place.path("out").join(figure).exists(), "{figure}");
    }
    // Figures and page are made again from the files alone.
    let map = place.read("out/training-map.csv");
    fs::remove_file(place.path("out/training-map.csv")).expect("removed");
    let (code, _, said) = outcome(place.command().args(["report", "out"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(place.read("out/training-map.csv"), map);
    let (code, _, said) = outcome(place.command().args(["verify", "out"]));
    assert_eq!(code, 0, "{said}");
    let sides = ["--model-a", "a@step=2", "--model-b", "a@step=9"];
    let (code, _, said) = outcome(place.command().args(["compare", "out"]).args(sides));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_pattern_that_matches_no_series() {
    let place = place();
    place.write("one/epoch_1.pt", "");
    place.write("twice/epoch_1.pt", "");
    place.write("twice/epoch_01.pt", "");
    place.write("last/last.pt", "");
    for (model, parts) in [
        ("series:none/*.pt", &["none/*.pt", "matches nothing"][..]),
        ("series:one/*.pt", &["one/*.pt", "one/epoch_1.pt", "expected two or more"]),
        ("series:twice/*.pt", &["epoch_1.pt", "epoch_01.pt", "step 1"]),
        ("series:last/*.pt", &["last/last.pt", "no whole number"]),
        ("series:one/epoch_1.pt", &["matches one name alone"]),
    ] {
        let (code, said) = run(&place, &[model], false);
        print_row(&place, &said);
        is_refused(code, &said, parts);
        assert!(!place.path("out").exists(), "{model}");
    }
}

#[test]
fn a_series_in_an_experiment_lies_beside_it_and_has_a_colour() {
    let place = place();
    let like = text(&golden("clip/base")).to_owned();
    let experiment = format!(
        "colours = {{ mine = \"#102030\" }}\nresamples = 0\n\
         [[datasets]]\nformat = \"pairs\"\ndata = \".\"\n\
         [[figures]]\nname = \"some\"\ndistances = [\"cosine\"]\n\
         models = [\"mine=series:runs/a/epoch_*.safetensors@like={like}\", \"psnr\"]\n"
    );
    place.write("e.toml", experiment);
    fs::create_dir(place.path("elsewhere")).expect("made");
    let mut command = place.command();
    command.current_dir(place.path("elsewhere")).args(["run", "../e.toml", "--out", "out"]);
    let (code, _, said) = outcome(&mut command);
    assert_eq!(code, 0, "{said}");
    let svg = place.read("elsewhere/out/some.svg");
    assert!(svg.contains("mine, step 10 (last state)") && svg.contains("#102030"), "{svg}");
}
