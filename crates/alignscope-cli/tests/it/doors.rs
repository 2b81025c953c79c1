//! What is typed, and what is said of it where it cannot be understood.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;

use crate::place::{Place, npy};
use crate::program::{is_refused, merged};

/// A folder with a small data set, which is also the home of the user.
fn place() -> Place {
    Place::with_pairs("data")
}

/// The program with what is typed after its name, in words.
fn typed(place: &Place, arguments: &str) -> Command {
    let mut command = place.command();
    command.env("HOME", place.root()).args(arguments.split_whitespace());
    command
}

fn alignscope(place: &Place, arguments: &str) -> (i32, String) {
    merged(&mut typed(place, arguments))
}

/// Holds exit code 2 and what is said to what is expected.
fn refuses(place: &Place, arguments: &str, parts: &[&str]) {
    println!("{arguments}");
    let (code, said) = alignscope(place, arguments);
    is_refused(code, &said, parts);
    assert!(!place.path("out").exists(), "{arguments}");
}

const RUN: &str = "run --model ssim --dataset pairs --data data --resamples 0";

#[test]
fn resamples_that_do_not_fit_the_budget_are_refused_and_those_of_the_default_do() {
    let place = place();
    let run = RUN.replace("--resamples 0", "--memory 100MB --out out");
    refuses(
        &place,
        &format!("{run} --resamples 1000000"),
        &["1000000 resamples", "`--resamples`", "`--memory "],
    );
    let (code, said) = alignscope(&place, &run);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn how_features_are_read_has_no_use_without_features() {
    let place = place();
    for option in ["--layout NCHW", "--prefix-tokens 5"] {
        refuses(
            &place,
            &format!("{RUN} --out out {option}"),
            &["no model of this run is features"],
        );
    }
}

#[test]
fn a_memory_budget_without_a_unit_is_refused_wherever_it_is_typed() {
    let place = place();
    let model = "activations --model random:openai/clip-vit-base-patch32 --images data --out out";
    for command in [
        format!("{RUN} --out out"),
        "demo --out out".to_owned(),
        "score --features f --dataset pairs --data data --out out".to_owned(),
        model.to_owned(),
    ] {
        refuses(&place, &format!("{command} --memory 8"), &["did you mean `8GB`?"]);
        refuses(&place, &format!("{command} --memory 1e9"), &["did you mean `1000MB`?"]);
        refuses(&place, &format!("{command} --memory 64k"), &["too little", "`8GB`"]);
    }
    let (code, said) = alignscope(&place, &format!("{RUN} --out run --memory 2GB"));
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_tilde_is_the_home_folder_wherever_a_path_is_typed() {
    let place = place();
    let (code, said) = alignscope(
        &place,
        "run --model ssim --dataset pairs --data ~/data --resamples 0 --out ~/run --cache ~/kept2",
    );
    assert_eq!(code, 0, "{said}");
    assert!(place.path("run/scores.csv").is_file() && place.path("kept2").is_dir());
    let text = "[[datasets]]\nname = \"pairs\"\ndata = \"~/data\"\n\
                [[figures]]\nname = \"f\"\nmodels = [\"ssim\"]\n";
    place.write("e.toml", text);
    let (code, said) = alignscope(&place, "run ~/e.toml --resamples 0 --out ~/toml");
    assert_eq!(code, 0, "{said}");
    let named = "run e.toml --data pairs=~/data --resamples 0 --out named";
    let (code, said) = alignscope(&place, named);
    assert_eq!(code, 0, "{said}");
    let verified = alignscope(&place, "verify ~/run --data pairs=~/data");
    assert_eq!(verified.0, 0, "{}", verified.1);
    let checked = alignscope(&place, "check --dataset pairs --data ~/data");
    assert_eq!(checked.0, 0, "{}", checked.1);
    let compared = alignscope(&place, "compare ~/run --csv ~/table.csv");
    assert_eq!(compared.0, 0, "{}", compared.1);
    assert!(place.path("table.csv").is_file());
    assert_eq!(alignscope(&place, "report ~/run").0, 0);
    let mut command = typed(&place, &format!("{RUN} --out more"));
    let (code, text) = merged(command.env("ALIGNSCOPE_CACHE", "~/kept3"));
    assert_eq!(code, 0, "{text}");
    assert!(place.path("kept3").is_dir());
    assert!(!place.path("~").exists(), "no folder is called so");
}

#[test]
fn a_tilde_without_a_home_is_refused() {
    let place = place();
    let mut command = typed(&place, &format!("{RUN} --out ~/run"));
    let (code, said) = merged(command.env_remove("HOME").env_remove("USERPROFILE"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`~` stands for the home folder") && said.contains("HOME"), "{said}");
    let mut command = typed(&place, &format!("{RUN} --out out"));
    let command = command.env_remove("HOME").env("ALIGNSCOPE_CACHE", "~/kept");
    let (code, said) = merged(command);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("`~` does not stand for the home folder here"), "{said}");
    assert!(!place.path("~").exists());
}

#[test]
fn a_word_that_stands_alone_is_told_which_option_it_is_for() {
    let place = place();
    let out = "--out out";
    let folder = ["`data` is not understood", "`--dataset pairs --data data`"];
    refuses(&place, &format!("run --model ssim --dataset pairs data {out}"), &folder);
    refuses(&place, &format!("run {out} --dataset pairs data --model ssim"), &folder);
    refuses(&place, &format!("run --dataset pairs data {out}"), &folder);
    refuses(&place, "check --dataset pairs data", &["--dataset pairs --data data"]);
    let features = "score --features f --dataset pairs data --out out";
    refuses(&place, features, &["--dataset pairs --data data"]);
    refuses(
        &place,
        &format!("run --model ssim --dataset pairs twoafc --data data data {out}"),
        &["`--dataset pairs --dataset twoafc`"],
    );
    refuses(
        &place,
        &format!("run --model ssim --dataset pairs --data data --seed 3 4 {out}"),
        &["`4` is not understood", "it follows `--seed 3`"],
    );
    refuses(&place, &format!("run data --resamples 0 {out}"), &["it is a folder", "--data"]);
    let model = format!("run ssim --dataset pairs --data data {out}");
    refuses(&place, &model, &["a model stands after `--model`: `--model ssim`"]);
    refuses(&place, &format!("run my/paper.toml {out}"), &["cannot read the experiment"]);
    let models = format!("run --model ssim,psnr --dataset pairs --data data {out}");
    refuses(&place, &models, &["each model is a word by itself: `--model ssim psnr`"]);
    place.write("e.toml", "");
    refuses(
        &place,
        &format!("run --model ssim e.toml --dataset pairs --data data {out}"),
        &["is a file, expected a checkpoint's folder", "alignscope run FILE"],
    );
    refuses(
        &place,
        &format!("run e.tom --model ssim --dataset pairs --data data {out}"),
        &["`e.tom` is not understood", "an experiment, a file that ends in .toml"],
    );
    refuses(&place, &format!("run nope/manifest.json {out}"), &["cannot read the experiment"]);
}

#[test]
fn models_and_data_sets_that_are_typed_take_the_place_of_those_of_a_file() {
    let place = place();
    let run = "run --model psnr --dataset other=pairs --data data --no-pixels --resamples 0";
    let (code, said) = alignscope(&place, &format!("{run} --out first"));
    assert_eq!(code, 0, "{said}");
    let again = "run first/manifest.json --model ssim --dataset pairs --data data --out out";
    let (code, said) = alignscope(&place, again);
    assert_eq!(code, 0, "{said}");
    let scores = fs::read_to_string(place.path("out/scores.csv")).expect("scores");
    let starts = |start: &str| scores.lines().skip(1).all(|line| line.starts_with(start));
    assert!(starts("pairs,") && scores.contains(",ssim,") && !scores.contains("psnr"), "{scores}");
}

#[test]
fn options_may_stand_in_any_order_and_what_is_missing_is_named() {
    let place = place();
    let (code, said) = alignscope(&place, "run --data data --out run --dataset pairs --model ssim");
    assert_eq!(code, 0, "{said}");
    refuses(&place, RUN, &["--out <DIR>", "not provided"]);
    refuses(
        &place,
        "run --model ssim --dataset pairs --out out",
        &["--data <PATH>", "not provided"],
    );
    refuses(&place, "run --dataset pairs --data data --out out", &["--model <", "not provided"]);
    refuses(
        &place,
        "run --model ssim --dataset pairs --data pairs=data --out out",
        &["NAME=PATH is for an experiment", "--dataset pairs --data data"],
    );
    refuses(&place, "run --model --dataset pairs --data data --out out", &["--model"]);
}

#[test]
fn an_option_of_another_command_says_whose_it_is() {
    let place = place();
    for (arguments, part) in [
        ("score --model ssim", "`--model` is an option of"),
        ("check --ties half --dataset pairs", "not of `check`"),
        ("compare run --keep-going", "`--keep-going` is an option of `run`"),
        ("activations --dataset pairs", "`--dataset` is an option of"),
        ("report run --out x", "`--out` is an option of"),
        ("--model ssim run", "`alignscope run --model …`"),
        ("--dataset=pairs run", "`alignscope run --dataset …`"),
    ] {
        refuses(&place, arguments, &[part]);
    }
    refuses(&place, "run --modle ssim", &["--model"]);
    refuses(&place, "verfy --model ssim", &["'verify'"]);
    refuses(&place, "list modles", &["models"]);
}

#[test]
fn a_choice_that_is_misspelt_is_guessed() {
    let place = place();
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
        refuses(&place, arguments, &[&format!("did you mean {meant}?")]);
    }
}

#[test]
fn a_remedy_is_one_that_the_command_has() {
    let place = place();
    assert_eq!(alignscope(&place, &format!("{RUN} --out run")).0, 0);
    // `run` can discard a run, the others cannot.
    let (_, said) = alignscope(&place, &format!("{RUN} --out run --ties half"));
    assert!(said.contains("--fresh"), "{said}");
    let images = "activations --model random:openai/clip-vit-base-patch32 --images data";
    for other in [
        "demo --out run".to_owned(),
        "published --out run".to_owned(),
        format!("{images} --out run"),
    ] {
        let (code, said) = alignscope(&place, &other);
        assert_eq!(code, 2, "{other}: {said}");
        assert!(said.contains("holds a finished run already"), "{other}: {said}");
        assert!(!said.contains("fresh"), "{other}: {said}");
    }
    // Trials of images that cannot be read can be left out by `run`, and not by `score`.
    place.write("data/b.png", "not an image");
    let (_, said) = alignscope(&place, &format!("{RUN} --out out"));
    assert!(said.contains("--keep-going"), "{said}");
    let (_, said) = alignscope(&place, "check --dataset pairs --data data");
    assert!(said.contains("or leave the trials of such images out with `--keep-going`"), "{said}");
    let features = npy(&[3, 2], "False", &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
    place.write("f/features.npy", features);
    place.write("f/file_names.txt", "a.png\nb.png\nc.png\n");
    let (code, said) =
        alignscope(&place, "score --features f --dataset pairs --data data --out out");
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("cannot be read") && !said.contains("--keep-going"), "{said}");
    // The cache needs a place, and a command that only looks into it cannot keep nothing.
    let mut command = typed(&place, "cache list");
    let command = command.env_remove("HOME").env_remove("ALIGNSCOPE_CACHE");
    let (code, said) = merged(command.env_remove("XDG_CACHE_HOME").env_remove("USERPROFILE"));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("in a place that you name with `--cache`"), "{said}");
    assert!(said.contains("or in the environment variable ALIGNSCOPE_CACHE"), "{said}");
}

#[test]
fn what_an_experiment_lacks_or_may_not_have_is_told_in_its_own_words() {
    let place = place();
    let datasets = "[[datasets]]\nname = \"pairs\"\ndata = \"data\"\n";
    for (models, more, options, parts) in [
        (true, "min_votes = 3\n", "", &["leave out", "(in an experiment: `min_votes`)"][..]),
        (true, "", "--odd first", &["`--odd`", "write `odd = \"first\"` there"]),
        (true, "", "--images 01b", &["`--images`", "write `images = \"01b\"` there"]),
        (false, "", "", &["has no models, expected such as `models = ["]),
    ] {
        let models = if models { "models = [\"ssim\"]\n" } else { "" };
        place.write("e.toml", format!("{models}{datasets}{more}"));
        refuses(&place, &format!("run e.toml --out out {options}"), parts);
    }
    place.write("e.toml", "models = [\"ssim\"]\n[[datasets]]\nname = \"mine\"\ndata = \"data\"\n");
    let parts = ["the data set `mine` of the experiment e.toml has no `format`"];
    refuses(&place, "run e.toml --out out", &parts);
    place.write("e.toml", format!("models = [\"m.pt\"]\n{datasets}"));
    let parts = ["e.toml, whose paths begin at its own folder", "names no file"];
    refuses(&place, "run e.toml --out out", &parts);
    refuses(
        &place,
        "compare no.toml --models-only --out out",
        &["cannot read the experiment no.toml"],
    );
    let twice = RUN.replace("--model ssim", "--model ssim ssim");
    refuses(&place, &format!("{twice} --out out"), &["the model `ssim` is named twice"]);
    place.write("empty/notes.txt", "");
    let activations = "activations --model random:openai/clip-vit-base-patch32";
    let parts = ["there is no image below empty, expected PNG"];
    refuses(&place, &format!("{activations} --images empty --out out"), &parts);
}

#[test]
fn every_option_that_a_message_names_is_one_of_the_program() {
    let place = place();
    let mut known = BTreeSet::new();
    for command in [
        "run",
        "score",
        "activations",
        "transform",
        "demo",
        "report",
        "published",
        "combine",
        "gallery",
        "compare",
        "fetch",
        "cache",
        "cache clean",
        "verify",
        "check",
        "list",
        "completions",
        "man",
    ] {
        let (code, help) = alignscope(&place, &format!("{command} --help"));
        assert_eq!(code, 0, "{help}");
        known.extend(options(&help));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = fs::read_to_string(here.join("src/remedy.rs")).expect("read");
    let named: BTreeSet<String> = options(&words).into_iter().collect();
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
    let place = place();
    let (code, said) = alignscope(&place, &format!("{RUN} --out run"));
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("so far") && !said.contains("done in"), "{said}");
    let (code, said) = alignscope(&place, &format!("{RUN} --out quiet --quiet"));
    assert_eq!((code, said.as_str()), (0, ""));
}

#[test]
fn a_torch_model_says_what_to_install() {
    let place = place();
    let checkpoint =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../alignscope/tests/golden/families/vit");
    std::fs::write(
        place.path("e.toml"),
        "models = [\"timm:vit\"]\ndevice = \"cuda\"\n[[datasets]]\nname = \"pairs\"\ndata = \"data\"\n",
    )
    .expect("written");
    let run = RUN.replace("--model ssim", "--model");
    for (words, library) in [
        (run.replace("--model", "--model timm:vit"), "timm"),
        (run.replace("--model", "--model x=open_clip:ViT-B-32/openai"), "open_clip_torch"),
        (run.replace("--model", "--model random:torchvision:resnet50"), "torchvision"),
        (run.replace("--model", &format!("--backend torch --model {checkpoint}")), "transformers"),
        ("run e.toml".to_owned(), "timm"),
    ] {
        refuses(
            &place,
            &format!("{words} --out out"),
            &[
                "a torch model",
                &format!("`pip install alignscope torch {library}`"),
                "same command",
            ],
        );
    }
}

#[test]
fn how_torch_models_run_has_no_use_without_one() {
    let place = place();
    for option in ["--device cuda", "--dtype float16", "--tf32", "--compile", "--batch 8"] {
        refuses(
            &place,
            &format!("{RUN} --out out {option}"),
            &["torch runs no model of this run", "`--backend torch`", "leave out `--device`"],
        );
    }
    refuses(
        &place,
        &format!("{RUN} --out out --device gpu"),
        &["unknown device `gpu`, expected one of `cpu`, `cuda`"],
    );
    refuses(&place, &format!("{RUN} --out out --batch 0"), &["--batch"]);
}

#[test]
fn other_commands_refuse_a_torch_model_by_name() {
    let place = place();
    refuses(
        &place,
        "activations --model timm:vit --images data --out out",
        &["`timm:vit` is a torch model", "`alignscope run --model timm:vit`"],
    );
    refuses(&place, "fetch transformers:a/b", &["fetched by transformers when it is run"]);
}
