//! What is typed, and what is said of it where it cannot be understood.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A folder with a small data set, which is also the home of the user.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::create_dir(place.path("data")).expect("made");
        for (i, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
            let bytes = (0..3 * 17 * (20 + i)).map(|i| (i * 7 % 251) as u8).collect();
            let image = alignscope::image::RgbImage::new(20 + i, 17, bytes);
            fs::write(place.path("data").join(name), image.to_png()).expect("written");
        }
        let table = "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\n";
        fs::write(place.path("data/pairs.csv"), table).expect("written");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::cargo_bin("alignscope").expect("the program");
        command
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .env("ALIGNSCOPE_CACHE", self.path("kept"))
            .env("HF_HUB_OFFLINE", "1")
            .args(arguments.split_whitespace());
        command
    }

    fn alignscope(&self, arguments: &str) -> (i32, String) {
        outcome(&mut self.command(arguments))
    }

    /// Holds exit code 2 and what is said to what is expected.
    fn refuses(&self, arguments: &str, parts: &[&str]) {
        let (code, said) = self.alignscope(arguments);
        assert_eq!(code, 2, "{arguments}: {said}");
        for part in parts {
            assert!(said.contains(part), "{arguments}: `{part}` is not in: {said}");
        }
        assert!(!self.path("out").exists(), "{arguments}");
    }
}

fn outcome(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().expect("an exit code"), said)
}

const RUN: &str = "run --model ssim --dataset pairs --data data --resamples 0";

#[test]
fn a_memory_budget_without_a_unit_is_refused_wherever_it_is_typed() {
    let place = Place::new();
    let model = "activations --model random:openai/clip-vit-base-patch32 --images data --out out";
    for command in [
        format!("{RUN} --out out"),
        "demo --out out".to_owned(),
        "score --features f --dataset pairs --data data --out out".to_owned(),
        model.to_owned(),
    ] {
        place.refuses(&format!("{command} --memory 8"), &["did you mean `8GB`?"]);
        place.refuses(&format!("{command} --memory 64k"), &["too little", "`8GB`"]);
    }
    let (code, said) = place.alignscope(&format!("{RUN} --out run --memory 2GB"));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_tilde_is_the_home_folder_wherever_a_path_is_typed() {
    let place = Place::new();
    let (code, said) = place.alignscope(
        "run --model ssim --dataset pairs --data ~/data --resamples 0 --out ~/run --cache ~/kept2",
    );
    assert_eq!(code, 0, "{said}");
    assert!(place.path("run/scores.csv").is_file() && place.path("kept2").is_dir());
    let text = "[[datasets]]\nname = \"pairs\"\ndata = \"~/data\"\n\
                [[figures]]\nname = \"f\"\nmodels = [\"ssim\"]\n";
    fs::write(place.path("e.toml"), text).expect("written");
    let (code, said) = place.alignscope("run ~/e.toml --resamples 0 --out ~/toml");
    assert_eq!(code, 0, "{said}");
    let named = "run e.toml --data pairs=~/data --resamples 0 --out named";
    let (code, said) = place.alignscope(named);
    assert_eq!(code, 0, "{said}");
    let verified = place.alignscope("verify ~/run --data pairs=~/data");
    assert_eq!(verified.0, 0, "{}", verified.1);
    let checked = place.alignscope("check --dataset pairs --data ~/data");
    assert_eq!(checked.0, 0, "{}", checked.1);
    let compared = place.alignscope("compare ~/run --csv ~/table.csv");
    assert_eq!(compared.0, 0, "{}", compared.1);
    assert!(place.path("table.csv").is_file());
    assert_eq!(place.alignscope("report ~/run").0, 0);
    let mut command = place.command(&format!("{RUN} --out more"));
    let (code, text) = outcome(command.env("ALIGNSCOPE_CACHE", "~/kept3"));
    assert_eq!(code, 0, "{text}");
    assert!(place.path("kept3").is_dir());
    assert!(!place.path("~").exists(), "no folder is called so");
}

#[test]
fn a_tilde_without_a_home_is_refused() {
    let place = Place::new();
    let mut command = place.command(&format!("{RUN} --out ~/run"));
    let (code, said) = outcome(command.env_remove("HOME").env_remove("USERPROFILE"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`~` stands for the home folder") && said.contains("HOME"), "{said}");
    let mut command = place.command(&format!("{RUN} --out out"));
    let command = command.env_remove("HOME").env("ALIGNSCOPE_CACHE", "~/kept");
    let (code, said) = outcome(command);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`~` does not stand for the home folder here"), "{said}");
    assert!(!place.path("~").exists());
}

#[test]
fn a_word_that_stands_alone_is_told_which_option_it_is_for() {
    let place = Place::new();
    let out = "--out out";
    let folder = ["`data` is not understood", "`--dataset pairs --data data`"];
    place.refuses(&format!("run --model ssim --dataset pairs data {out}"), &folder);
    place.refuses(&format!("run {out} --dataset pairs data --model ssim"), &folder);
    place.refuses(&format!("run --dataset pairs data {out}"), &folder);
    place.refuses("check --dataset pairs data", &["--dataset pairs --data data"]);
    let features = "score --features f --dataset pairs data --out out";
    place.refuses(features, &["--dataset pairs --data data"]);
    place.refuses(
        &format!("run --model ssim --dataset pairs twoafc --data data data {out}"),
        &["`--dataset pairs --dataset twoafc`"],
    );
    place.refuses(
        &format!("run --model ssim --dataset pairs --data data --seed 3 4 {out}"),
        &["`4` is not understood", "it follows `--seed 3`"],
    );
    place.refuses(&format!("run data --resamples 0 {out}"), &["it is a folder", "--data"]);
    let model = format!("run ssim --dataset pairs --data data {out}");
    place.refuses(&model, &["a model stands after `--model`: `--model ssim`"]);
    place.refuses(&format!("run my/paper.toml {out}"), &["cannot read the experiment"]);
    let models = format!("run --model ssim,psnr --dataset pairs --data data {out}");
    place.refuses(&models, &["each model is a word by itself: `--model ssim psnr`"]);
    fs::write(place.path("e.toml"), "").expect("written");
    place.refuses(
        &format!("run --model ssim e.toml --dataset pairs --data data {out}"),
        &["is a file, expected a checkpoint's folder", "alignscope run FILE"],
    );
    place.refuses(
        &format!("run e.toml --model ssim --dataset pairs --data data {out}"),
        &["`e.toml` is not understood", "in the place of --model and --dataset"],
    );
}

#[test]
fn options_may_stand_in_any_order_and_what_is_missing_is_named() {
    let place = Place::new();
    let (code, said) = place.alignscope("run --data data --out run --dataset pairs --model ssim");
    assert_eq!(code, 0, "{said}");
    place.refuses(RUN, &["--out <DIR>", "not provided"]);
    place.refuses("run --model ssim --dataset pairs --out out", &["--data <PATH>", "not provided"]);
    place.refuses("run --dataset pairs --data data --out out", &["--model <", "not provided"]);
    place.refuses(
        "run --model ssim --dataset pairs --data pairs=data --out out",
        &["NAME=PATH is for an experiment", "--dataset pairs --data data"],
    );
    place.refuses("run --model --dataset pairs --data data --out out", &["--model"]);
}

#[test]
fn an_option_of_another_command_says_whose_it_is() {
    let place = Place::new();
    for (arguments, part) in [
        ("score --model ssim", "`--model` is an option of"),
        ("check --ties half --dataset pairs", "not of `check`"),
        ("compare run --keep-going", "`--keep-going` is an option of `run`"),
        ("activations --dataset pairs", "`--dataset` is an option of"),
        ("report run --out x", "`--out` is an option of"),
        ("--model ssim run", "`alignscope run --model …`"),
        ("--dataset=pairs run", "`alignscope run --dataset …`"),
    ] {
        place.refuses(arguments, &[part]);
    }
    place.refuses("run --modle ssim", &["--model"]);
    place.refuses("verfy --model ssim", &["'verify'"]);
    place.refuses("list modles", &["models"]);
}

#[test]
fn a_choice_that_is_misspelt_is_guessed() {
    let place = Place::new();
    for (arguments, meant) in [
        ("check --dataset tid2103 --data data", "`tid2013`"),
        ("check --dataset Nights --data data", "`nights`"),
        ("check --dataset thing --data data", "`things`"),
        (&format!("{RUN} --out out --distance normalised-euclidean"), "`normalized-euclidean`"),
        (&format!("{RUN} --out out --distance eucledian"), "`euclidean`"),
        (&format!("{RUN} --out out --tokens patch"), "`patches`"),
        (&format!("{RUN} --out out --ties mis"), "`miss`"),
        (&format!("{RUN} --out out --precision F32"), "`f32`"),
        (&format!("{RUN} --out out --cluster observers"), "`observer`"),
    ] {
        place.refuses(arguments, &[&format!("did you mean {meant}?")]);
    }
}

#[test]
fn a_remedy_is_one_that_the_command_has() {
    let place = Place::new();
    assert_eq!(place.alignscope(&format!("{RUN} --out run")).0, 0);
    // `run` can discard a run, the others cannot.
    let (_, said) = place.alignscope(&format!("{RUN} --out run --ties half"));
    assert!(said.contains("--fresh"), "{said}");
    let images = "activations --model random:openai/clip-vit-base-patch32 --images data";
    for other in [
        "demo --out run".to_owned(),
        "published --out run".to_owned(),
        format!("{images} --out run"),
    ] {
        let (code, said) = place.alignscope(&other);
        assert_eq!(code, 2, "{other}: {said}");
        assert!(said.contains("holds a finished run already"), "{other}: {said}");
        assert!(!said.contains("fresh"), "{other}: {said}");
    }
    // Trials of images that cannot be read can be left out by `run`, and not by `score`.
    fs::write(place.path("data/b.png"), "not an image").expect("written");
    let (_, said) = place.alignscope(&format!("{RUN} --out out"));
    assert!(said.contains("--keep-going"), "{said}");
    let (_, said) = place.alignscope("check --dataset pairs --data data");
    assert!(said.contains("`--keep-going` of `run`"), "{said}");
    fs::create_dir(place.path("f")).expect("made");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let padded = format!("{header:<117}\n");
    npy.extend((padded.len() as u16).to_le_bytes());
    npy.extend(padded.as_bytes());
    npy.extend([1.0_f32, 2.0, 3.0, 4.0, 5.0, 7.0].iter().flat_map(|v| v.to_le_bytes()));
    fs::write(place.path("f/features.npy"), npy).expect("written");
    fs::write(place.path("f/file_names.txt"), "a.png\nb.png\nc.png\n").expect("written");
    let (code, said) = place.alignscope("score --features f --dataset pairs --data data --out out");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("cannot be read") && !said.contains("--keep-going"), "{said}");
    // The cache needs a place, and a command that only looks into it cannot keep nothing.
    let mut command = place.command("cache list");
    let command = command.env_remove("HOME").env_remove("ALIGNSCOPE_CACHE");
    let (code, said) = outcome(command.env_remove("XDG_CACHE_HOME").env_remove("USERPROFILE"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("name a folder with --cache"), "{said}");
}

#[test]
fn every_option_that_a_message_names_is_one_of_the_program() {
    let place = Place::new();
    let mut known = BTreeSet::new();
    for command in [
        "run",
        "score",
        "activations",
        "demo",
        "report",
        "published",
        "compare",
        "fetch",
        "cache",
        "cache clean",
        "verify",
        "check",
        "list",
    ] {
        let (code, help) = place.alignscope(&format!("{command} --help"));
        assert_eq!(code, 0, "{help}");
        known.extend(options(&help));
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alignscope/src");
    let mut named = BTreeSet::new();
    let mut folders = vec![sources];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let text = fs::read_to_string(&path).expect("read");
                    let code = text.lines().filter(|line| !line.trim().starts_with("//"));
                    named.extend(code.flat_map(options));
                }
            }
        }
    }
    // A property of style sheets.
    named.remove("--dark");
    assert!(named.contains("--memory") && named.contains("--fresh"), "{named:?}");
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// The options that a text names.
fn options(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = ' ';
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once("--") {
        before = head.chars().next_back().unwrap_or(before);
        let end = tail.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let name = &tail[..end.unwrap_or(tail.len())];
        if " `\"(".contains(before) && name.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push(format!("--{name}"));
        }
        before = '-';
        rest = tail;
    }
    found
}

#[test]
fn a_short_run_says_nothing_of_its_steps() {
    let place = Place::new();
    let (code, said) = place.alignscope(&format!("{RUN} --out run"));
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("so far") && !said.contains("done in"), "{said}");
    let (code, said) = place.alignscope(&format!("{RUN} --out quiet --quiet"));
    assert_eq!((code, said.as_str()), (0, ""));
}
