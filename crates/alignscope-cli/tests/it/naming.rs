//! What models are called in results.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::place::Place;
use crate::program::merged;

/// A data set of three images; tests put checkpoints beside it.
fn place() -> Place {
    Place::with_pairs(".")
}

fn alignscope(place: &Place, arguments: &[&str]) -> (i32, String) {
    merged(place.command().args(arguments))
}

/// Runs models on the pairs into a folder.
fn run(place: &Place, models: &[&str], out: &str, more: &[&str]) -> (i32, String) {
    let models = models.iter().flat_map(|model| ["--model", model]);
    let plain = ["--dataset", "pairs", "--data", ".", "--no-pixels", "--resamples", "0"];
    let rest = plain.into_iter().chain(["--out", out]).chain(more.iter().copied());
    alignscope(place, &std::iter::once("run").chain(models).chain(rest).collect::<Vec<_>>())
}

fn runs(place: &Place, models: &[&str], out: &str, more: &[&str]) {
    let (code, said) = run(place, models, out, more);
    assert_eq!(code, 0, "{said}");
}

/// The models in a run's scores.
fn models_of(place: &Place, out: &str) -> BTreeSet<String> {
    let text = place.read(&format!("{out}/scores.csv"));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let column = header.iter().position(|name| *name == "model").expect("a column");
    lines.map(|line| line.split(',').nth(column).expect("a model").to_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_folder_is_called_by_its_last_part_everywhere() {
    let place = place();
    let folder = place.checkpoint("home/me/ckpt/dinov2-vits14");
    runs(&place, &[&folder], "out", &[]);
    assert_eq!(models_of(&place, "out"), set(&["dinov2-vits14"]));
    for file in ["alignment.svg", "alignment.csv", "findings.csv", "comparisons.csv"] {
        assert!(!place.read(&format!("out/{file}")).contains("ckpt/"), "{file}");
    }
    assert!(place.read("out/alignment.svg").contains("dinov2-vits14"));
    let manifest = place.read("out/manifest.json");
    assert!(manifest.contains("\"name\": \"dinov2-vits14\""), "{manifest}");
    assert!(manifest.contains(&format!("\"spec\": \"{folder}\"")), "{manifest}");
    assert!(manifest.contains(&format!("{folder}/config.json")), "its files stand there too");
    // The page is written again from the files alone.
    let (code, said) = alignscope(&place, &["report", "out"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn folders_with_one_name_are_told_apart_by_the_shortest_ending() {
    let place = place();
    let models = [place.checkpoint("a/model"), place.checkpoint("b/model")];
    runs(&place, &[&models[0], &models[1]], "out", &[]);
    assert_eq!(models_of(&place, "out"), set(&["a/model", "b/model"]));
    runs(&place, &["a/model", "./b/../b/model/"], "relative", &[]);
    assert_eq!(models_of(&place, "relative"), set(&["a/model", "b/model"]));
    let (code, said) = run(&place, &["a/model", &models[0]], "twice", &[]);
    assert_eq!(code, 2);
    assert!(said.contains("is named twice"), "{said}");
}

#[test]
fn another_name_does_not_encode_again_and_gives_the_same_scores() {
    let place = place();
    let folder = place.checkpoint("model");
    runs(&place, &[&folder], "one", &[]);
    assert!(place.read("one/manifest.json").contains("\"work\": [\n"), "it was encoded");
    runs(&place, &[&format!("my model={folder}")], "two", &[]);
    assert!(place.read("two/manifest.json").contains("\"work\": []"), "it came from the cache");
    assert_eq!(models_of(&place, "two"), set(&["my model"]));
    let renamed = place.read("two/scores.csv").replace("my model", "model");
    assert_eq!(renamed, place.read("one/scores.csv"));
    // Its folder holds that run under another name, which is left as it is.
    let (code, said) = run(&place, &[&folder], "two", &[]);
    assert_eq!(code, 2);
    assert!(said.contains("models: my model, now model"), "{said}");
}

#[test]
fn a_run_that_stopped_goes_on_under_another_name() {
    let place = place();
    let folder = place.checkpoint("model");
    runs(&place, &[&folder], "one", &[]);
    // As if it had been stopped before the end: its record of a start is still there.
    let manifest = place.path("one/manifest.json");
    fs::rename(manifest, place.path("one/unfinished.json")).expect("renamed");
    let (code, said) = run(&place, &[&format!("mine={folder}")], "one", &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("going on") && said.contains("models: model, now mine"), "{said}");
    assert_eq!(models_of(&place, "one"), set(&["mine"]));
    let (code, said) = alignscope(&place, &["verify", "one"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn names_in_results_choose_models_in_compare_and_scale_from() {
    let place = place();
    let folder = place.checkpoint("a/model");
    let models = [format!("one={folder}"), "ssim".to_owned()];
    runs(&place, &[&models[0], &models[1]], "one", &[]);
    let (code, said) = alignscope(&place, &["compare", "one", "--model-a", "one"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ssim"), "{said}");
    let (code, said) = alignscope(&place, &["compare", "one", "--model-a", &folder]);
    assert_eq!(code, 2);
    assert!(said.contains("`one`"), "it lists the names: {said}");
    // The same model under another name has the other run's scales.
    runs(&place, &[&format!("two={folder}")], "two", &["--scale-from", "one"]);
    assert_eq!(models_of(&place, "two"), set(&["two"]));
}

#[test]
fn scales_of_another_model_with_the_same_name_are_refused() {
    let place = place();
    let (one, other) = (place.checkpoint("a/model"), place.checkpoint("b/model"));
    let weights = Path::new(&other).join("model.safetensors");
    let mut bytes = fs::read(&weights).expect("read");
    // The last bytes are a number of a tensor.
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&0.25_f32.to_le_bytes());
    fs::write(&weights, bytes).expect("written");
    runs(&place, &[&one], "one", &[]);
    let (code, said) = run(&place, &[&other], "two", &["--scale-from", "one"]);
    assert_eq!(code, 2);
    assert!(said.contains("has a model called `model`, too, but with other weights"), "{said}");
}

#[test]
fn names_that_cannot_be_are_refused_by_what_is_wrong_with_them() {
    let place = place();
    let folder = place.checkpoint("model");
    for (models, expected) in [
        (vec![format!("={folder}")], "the name of a model is empty"),
        (vec![format!("ssim={folder}")], "cannot be called `ssim`"),
        (vec![format!("pixels={folder}")], "cannot be called `pixels`"),
        (vec![format!("a\tb={folder}")], "'\\t'"),
        (vec!["mine=".to_owned()], "the model is missing"),
        (vec!["mine=ssim".to_owned()], "leave out `mine=`"),
        (vec![format!("x={folder}"), "x=a/b".to_owned()], "two models would be called `x`"),
        (vec!["mine=model/config.json".to_owned()], "is a file, expected a checkpoint's folder"),
        (vec!["clip-vit-base-patch32".to_owned()], "`openai/clip-vit-base-patch32`?"),
        (vec!["SSIM".to_owned()], "did you mean `ssim`?"),
    ] {
        let models: Vec<&str> = models.iter().map(String::as_str).collect();
        let (code, said) = run(&place, &models, "out", &[]);
        assert_eq!(code, 2, "{models:?}: {said}");
        assert!(said.contains(expected), "{models:?}: {said}");
        assert!(!place.path("out").exists(), "{models:?}");
    }
    runs(&place, &["ssim=ssim"], "itself", &[]);
}

#[test]
fn a_folder_with_an_equals_sign_is_a_folder_and_may_have_a_name() {
    let place = place();
    place.checkpoint("lr=0.1");
    runs(&place, &["lr=0.1"], "folder", &[]);
    assert_eq!(models_of(&place, "folder"), set(&["lr=0.1"]));
    runs(&place, &["best=lr=0.1"], "named", &[]);
    assert_eq!(models_of(&place, "named"), set(&["best"]));
}

#[test]
fn a_name_has_no_use_where_one_model_is_read() {
    let place = place();
    place.checkpoint("model");
    let arguments = ["activations", "--model", "mine=model", "--images", "a.png", "--out", "o"];
    let (code, said) = alignscope(&place, &arguments);
    assert_eq!(code, 2);
    assert!(said.contains("leave out `mine=`"), "{said}");
    let (code, said) = alignscope(&place, &["fetch", "mine=a/b"]);
    assert_eq!(code, 2);
    assert!(said.contains("a name has no use") || said.contains("leave out `mine=`"), "{said}");
}

/// An experiment on the pairs with these figures.
fn experiment(figures: &str) -> String {
    format!("[[datasets]]\nname = \"pairs\"\ndata = \".\"\n{figures}")
}

#[test]
fn an_experiment_names_models_once_and_figures_use_the_name() {
    let place = place();
    place.checkpoint("a/model");
    place.checkpoint("b/model");
    let figures = "[[figures]]\nname = \"both\"\nmodels = [\"mine=a/model\", \"b/model\"]\n\
                   [[figures]]\nname = \"one\"\nmodels = [\"mine\"]\n";
    let text = format!("colours = {{ mine = \"#102030\" }}\n{}", experiment(figures));
    place.write("e.toml", text);
    let arguments = ["run", "e.toml", "--out", "out", "--no-pixels", "--resamples", "0"];
    let (code, said) = alignscope(&place, &arguments);
    assert_eq!(code, 0, "{said}");
    assert_eq!(models_of(&place, "out"), set(&["mine", "model"]));
    let one = place.read("out/one.csv");
    assert!(one.contains(",mine,") && !one.contains(",model,mode"), "{one}");
    assert!(place.read("out/one.svg").contains("#102030"), "the colour by the name");
    assert!(place.read("out/both.svg").contains("#102030"));
}

#[test]
fn an_experiment_that_names_one_model_twice_is_refused() {
    let place = place();
    place.checkpoint("model");
    for (models, expected) in [
        ("\"one=model\", \"two=./model\"", "`one` and `two`, expected one name"),
        ("\"x=model\", \"x=ssim\"", "leave out `x=`"),
        ("\"x=model\", \"x=a/b\"", "two models would be called `x`"),
    ] {
        let figures = format!("[[figures]]\nname = \"f\"\nmodels = [{models}]\n");
        place.write("e.toml", experiment(&figures));
        let (code, said) = alignscope(&place, &["run", "e.toml", "--out", "out"]);
        assert_eq!(code, 2, "{models}: {said}");
        assert!(said.contains(expected), "{models}: {said}");
    }
}

#[test]
fn the_cache_knows_a_model_by_its_path_and_by_its_name() {
    let place = place();
    let (a, b) = (place.checkpoint("a/model"), place.checkpoint("b/model"));
    let weights = Path::new(&b).join("model.safetensors");
    let mut bytes = fs::read(&weights).expect("read");
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&0.25_f32.to_le_bytes());
    fs::write(&weights, bytes).expect("written");
    runs(&place, &[&a], "one", &[]);
    runs(&place, &[&b], "two", &[]);
    runs(&place, &["ssim"], "three", &[]);
    let (_, said) = alignscope(&place, &["cache", "list"]);
    assert!(said.contains(&format!("model ({a}) on pairs")), "{said}");
    assert!(said.contains(&format!("model ({b}) on pairs")), "{said}");
    let clean = |model: &str| alignscope(&place, &["cache", "clean", "--model", model]);
    let (code, said) = clean("model");
    assert_eq!(code, 2);
    assert!(said.contains(&a) && said.contains(&b), "which of the two: {said}");
    let (code, said) = clean("modle");
    assert_eq!(code, 2);
    assert!(said.contains("nothing is kept of `modle`"), "{said}");
    let (code, said) = alignscope(&place, &["cache", "clean", "--dataset", "pairz"]);
    assert_eq!(code, 2);
    assert!(said.contains("data set `pairz`; there is `pairs`"), "{said}");
    let (code, said) = clean("./a/model");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 of 3 entries removed"), "{said}");
    let (code, said) = clean("model");
    assert_eq!(code, 0, "only one is left of that name: {said}");
    assert!(said.contains("1 of 2 entries removed"), "{said}");
}
