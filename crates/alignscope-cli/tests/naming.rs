//! What models are called in results.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A data set of three images, and checkpoints in folders.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        for (i, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
            fs::write(place.path(name), png(20 + i, 17)).expect("written");
        }
        fs::write(
            place.path("pairs.csv"),
            "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\n",
        )
        .expect("written");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Copies the small checkpoint into a folder, whose path it returns.
    fn checkpoint(&self, name: &str) -> String {
        let folder = self.path(name);
        fs::create_dir_all(&folder).expect("made");
        for entry in fs::read_dir(golden()).expect("the golden checkpoint") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.join(entry.file_name())).expect("copied");
        }
        folder.to_str().expect("Unicode").to_owned()
    }

    fn alignscope(&self, arguments: &[&str]) -> (i32, String) {
        let output = Command::cargo_bin("alignscope")
            .expect("the program")
            .current_dir(self.0.path())
            .env("ALIGNSCOPE_CACHE", self.path("kept"))
            .env("HF_HUB_OFFLINE", "1")
            .args(arguments)
            .output()
            .expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("panicked"), "{said}");
        (output.status.code().expect("an exit code"), said)
    }

    /// Runs models on the pairs into a folder.
    fn run(&self, models: &[&str], out: &str, more: &[&str]) -> (i32, String) {
        let models = models.iter().flat_map(|model| ["--model", model]);
        let plain = ["--dataset", "pairs", "--data", ".", "--no-pixels", "--resamples", "0"];
        let rest = plain.into_iter().chain(["--out", out]).chain(more.iter().copied());
        self.alignscope(&std::iter::once("run").chain(models).chain(rest).collect::<Vec<_>>())
    }

    fn runs(&self, models: &[&str], out: &str, more: &[&str]) {
        let (code, said) = self.run(models, out, more);
        assert_eq!(code, 0, "{said}");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("read")
    }

    /// The models in a run's scores.
    fn models(&self, out: &str) -> BTreeSet<String> {
        let text = self.read(&format!("{out}/scores.csv"));
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
        let column = header.iter().position(|name| *name == "model").expect("a column");
        lines.map(|line| line.split(',').nth(column).expect("a model").to_owned()).collect()
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../alignscope/tests/golden/clip/base")
}

fn png(width: usize, height: usize) -> Vec<u8> {
    let bytes = (0..3 * width * height).map(|i| (i * 7 % 251) as u8).collect();
    alignscope::image::RgbImage::new(width, height, bytes).to_png()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_folder_is_called_by_its_last_part_everywhere() {
    let place = Place::new();
    let folder = place.checkpoint("home/me/ckpt/dinov2-vits14");
    place.runs(&[&folder], "out", &[]);
    assert_eq!(place.models("out"), set(&["dinov2-vits14"]));
    for file in ["alignment.svg", "alignment.csv", "findings.csv", "comparisons.csv"] {
        assert!(!place.read(&format!("out/{file}")).contains("ckpt/"), "{file}");
    }
    assert!(place.read("out/alignment.svg").contains("dinov2-vits14"));
    let manifest = place.read("out/manifest.json");
    assert!(manifest.contains("\"name\": \"dinov2-vits14\""), "{manifest}");
    assert!(manifest.contains(&format!("\"spec\": \"{folder}\"")), "{manifest}");
    assert!(manifest.contains(&format!("{folder}/config.json")), "its files stand there too");
    // The page is written again from the files alone.
    let (code, said) = place.alignscope(&["report", "out"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn folders_with_one_name_are_told_apart_by_the_shortest_ending() {
    let place = Place::new();
    let models = [place.checkpoint("a/model"), place.checkpoint("b/model")];
    place.runs(&[&models[0], &models[1]], "out", &[]);
    assert_eq!(place.models("out"), set(&["a/model", "b/model"]));
    place.runs(&["a/model", "./b/../b/model/"], "relative", &[]);
    assert_eq!(place.models("relative"), set(&["a/model", "b/model"]));
    let (code, said) = place.run(&["a/model", &models[0]], "twice", &[]);
    assert_eq!(code, 2);
    assert!(said.contains("is named twice"), "{said}");
}

#[test]
fn another_name_does_not_encode_again_and_gives_the_same_scores() {
    let place = Place::new();
    let folder = place.checkpoint("model");
    place.runs(&[&folder], "one", &[]);
    assert!(place.read("one/manifest.json").contains("\"work\": [\n"), "it was encoded");
    place.runs(&[&format!("my model={folder}")], "two", &[]);
    assert!(place.read("two/manifest.json").contains("\"work\": []"), "it came from the cache");
    assert_eq!(place.models("two"), set(&["my model"]));
    let renamed = place.read("two/scores.csv").replace("my model", "model");
    assert_eq!(renamed, place.read("one/scores.csv"));
    // Its folder holds that run under another name, which is left as it is.
    let (code, said) = place.run(&[&folder], "two", &[]);
    assert_eq!(code, 2);
    assert!(said.contains("models: my model, now model"), "{said}");
}

#[test]
fn a_run_that_stopped_goes_on_under_another_name() {
    let place = Place::new();
    let folder = place.checkpoint("model");
    place.runs(&[&folder], "one", &[]);
    // As if it had been stopped before the end: its record of a start is still there.
    let manifest = place.path("one/manifest.json");
    fs::rename(manifest, place.path("one/unfinished.json")).expect("renamed");
    let (code, said) = place.run(&[&format!("mine={folder}")], "one", &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("going on") && said.contains("models: model, now mine"), "{said}");
    assert_eq!(place.models("one"), set(&["mine"]));
    let (code, said) = place.alignscope(&["verify", "one"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn names_in_results_choose_models_in_compare_and_scale_from() {
    let place = Place::new();
    let folder = place.checkpoint("a/model");
    let models = [format!("one={folder}"), "ssim".to_owned()];
    place.runs(&[&models[0], &models[1]], "one", &[]);
    let (code, said) = place.alignscope(&["compare", "one", "--model-a", "one"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("ssim"), "{said}");
    let (code, said) = place.alignscope(&["compare", "one", "--model-a", &folder]);
    assert_eq!(code, 2);
    assert!(said.contains("`one`"), "it lists the names: {said}");
    // The same model under another name has the other run's scales.
    place.runs(&[&format!("two={folder}")], "two", &["--scale-from", "one"]);
    assert_eq!(place.models("two"), set(&["two"]));
}

#[test]
fn scales_of_another_model_with_the_same_name_are_refused() {
    let place = Place::new();
    let (one, other) = (place.checkpoint("a/model"), place.checkpoint("b/model"));
    let weights = Path::new(&other).join("model.safetensors");
    let mut bytes = fs::read(&weights).expect("read");
    // The last bytes are a number of a tensor.
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&0.25_f32.to_le_bytes());
    fs::write(&weights, bytes).expect("written");
    place.runs(&[&one], "one", &[]);
    let (code, said) = place.run(&[&other], "two", &["--scale-from", "one"]);
    assert_eq!(code, 2);
    assert!(said.contains("has a model called `model`, too, but with other weights"), "{said}");
}

#[test]
fn names_that_cannot_be_are_refused_by_what_is_wrong_with_them() {
    let place = Place::new();
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
        let (code, said) = place.run(&models, "out", &[]);
        assert_eq!(code, 2, "{models:?}: {said}");
        assert!(said.contains(expected), "{models:?}: {said}");
        assert!(!place.path("out").exists(), "{models:?}");
    }
    place.runs(&["ssim=ssim"], "itself", &[]);
}

#[test]
fn a_folder_with_an_equals_sign_is_a_folder_and_may_have_a_name() {
    let place = Place::new();
    place.checkpoint("lr=0.1");
    place.runs(&["lr=0.1"], "folder", &[]);
    assert_eq!(place.models("folder"), set(&["lr=0.1"]));
    place.runs(&["best=lr=0.1"], "named", &[]);
    assert_eq!(place.models("named"), set(&["best"]));
}

#[test]
fn a_name_has_no_use_where_one_model_is_read() {
    let place = Place::new();
    place.checkpoint("model");
    let arguments = ["activations", "--model", "mine=model", "--images", "a.png", "--out", "o"];
    let (code, said) = place.alignscope(&arguments);
    assert_eq!(code, 2);
    assert!(said.contains("leave out `mine=`"), "{said}");
    let (code, said) = place.alignscope(&["fetch", "mine=a/b"]);
    assert_eq!(code, 2);
    assert!(said.contains("a name has no use") || said.contains("leave out `mine=`"), "{said}");
}

/// An experiment on the pairs with these figures.
fn experiment(figures: &str) -> String {
    format!("[[datasets]]\nname = \"pairs\"\ndata = \".\"\n{figures}")
}

#[test]
fn an_experiment_names_models_once_and_figures_use_the_name() {
    let place = Place::new();
    place.checkpoint("a/model");
    place.checkpoint("b/model");
    let figures = "[[figures]]\nname = \"both\"\nmodels = [\"mine=a/model\", \"b/model\"]\n\
                   [[figures]]\nname = \"one\"\nmodels = [\"mine\"]\n";
    let text = format!("colours = {{ mine = \"#102030\" }}\n{}", experiment(figures));
    fs::write(place.path("e.toml"), text).expect("written");
    let arguments = ["run", "e.toml", "--out", "out", "--no-pixels", "--resamples", "0"];
    let (code, said) = place.alignscope(&arguments);
    assert_eq!(code, 0, "{said}");
    assert_eq!(place.models("out"), set(&["mine", "model"]));
    let one = place.read("out/one.csv");
    assert!(one.contains(",mine,") && !one.contains(",model,mode"), "{one}");
    assert!(place.read("out/one.svg").contains("#102030"), "the colour by the name");
    assert!(place.read("out/both.svg").contains("#102030"));
}

#[test]
fn an_experiment_that_names_one_model_twice_is_refused() {
    let place = Place::new();
    place.checkpoint("model");
    for (models, expected) in [
        ("\"one=model\", \"two=./model\"", "`one` and `two`, expected one name"),
        ("\"x=model\", \"x=ssim\"", "leave out `x=`"),
        ("\"x=model\", \"x=a/b\"", "two models would be called `x`"),
    ] {
        let figures = format!("[[figures]]\nname = \"f\"\nmodels = [{models}]\n");
        fs::write(place.path("e.toml"), experiment(&figures)).expect("written");
        let (code, said) = place.alignscope(&["run", "e.toml", "--out", "out"]);
        assert_eq!(code, 2, "{models}: {said}");
        assert!(said.contains(expected), "{models}: {said}");
    }
}

#[test]
fn the_cache_knows_a_model_by_its_path_and_by_its_name() {
    let place = Place::new();
    let (a, b) = (place.checkpoint("a/model"), place.checkpoint("b/model"));
    let weights = Path::new(&b).join("model.safetensors");
    let mut bytes = fs::read(&weights).expect("read");
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&0.25_f32.to_le_bytes());
    fs::write(&weights, bytes).expect("written");
    place.runs(&[&a], "one", &[]);
    place.runs(&[&b], "two", &[]);
    place.runs(&["ssim"], "three", &[]);
    let (_, said) = place.alignscope(&["cache", "list"]);
    assert!(said.contains(&format!("model ({a}) on pairs")), "{said}");
    assert!(said.contains(&format!("model ({b}) on pairs")), "{said}");
    let clean = |model: &str| place.alignscope(&["cache", "clean", "--model", model]);
    let (code, said) = clean("model");
    assert_eq!(code, 2);
    assert!(said.contains(&a) && said.contains(&b), "which of the two: {said}");
    let (code, said) = clean("modle");
    assert_eq!(code, 2);
    assert!(said.contains("nothing is kept of `modle`"), "{said}");
    let (code, said) = place.alignscope(&["cache", "clean", "--dataset", "pairz"]);
    assert_eq!(code, 2);
    assert!(said.contains("data set `pairz`; there is `pairs`"), "{said}");
    let (code, said) = clean("./a/model");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 of 3 pieces removed"), "{said}");
    let (code, said) = clean("model");
    assert_eq!(code, 0, "only one is left of that name: {said}");
    assert!(said.contains("1 of 2 pieces removed"), "{said}");
}
