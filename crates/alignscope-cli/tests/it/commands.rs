//! The program's commands as a user gives them.

use std::fs;
use std::path::{Path, PathBuf};

use alignscope::Measure;
use alignscope::image::RgbImage;
use alignscope::results::ScoreRow;

use crate::place::{IMAGES, Place, golden, text};
use crate::program::{alignscope, is_refused};

/// Shape and numbers of a `.npy` file.
fn npy(path: &Path) -> (String, Vec<f32>) {
    let bytes = fs::read(path).expect("read");
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!(end.is_multiple_of(64));
    let header = String::from_utf8(bytes[10..end].to_vec()).expect("text");
    assert!(header.contains("'descr': '<f4'") && header.ends_with('\n'), "{header}");
    let shape = header.split("'shape': ").nth(1).expect("a shape").split(", }").next();
    let values = bytes[end..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (shape.expect("a shape").to_owned(), values)
}

#[test]
fn features_that_activations_wrote_score_as_the_run_of_their_model() {
    let place = Place::with_equal_pairs(".");
    let model = golden("clip/base");
    let [features, run, scored] = ["features", "run", "scored"].map(|name| place.path(name));
    let images = IMAGES.map(|name| place.path(name));
    let data = text(place.root());
    for arguments in [
        vec![
            "run",
            "--model",
            text(&model),
            "--dataset",
            "pairs",
            "--data",
            data,
            "--no-cache",
            "--out",
            text(&run),
        ],
        [
            &["activations", "--model", text(&model), "--out", text(&features), "--images"][..],
            &images.each_ref().map(|path| text(path)),
        ]
        .concat(),
        vec![
            "score",
            "--features",
            text(&features),
            "--name",
            "base",
            "--dataset",
            "pairs",
            "--data",
            data,
            "--out",
            text(&scored),
        ],
    ] {
        let (code, _, message) = alignscope(&arguments);
        assert_eq!(code, 0, "{message}");
    }
    for table in
        ["scores.csv", "findings.csv", "comparisons.csv", "distances.parquet", "scale.parquet"]
    {
        let [of_run, of_features] =
            [&run, &scored].map(|out| fs::read(out.join(table)).expect(table));
        assert!(of_run == of_features, "{table} differs");
    }
    let (code, shown, message) = alignscope(&["verify", text(&scored)]);
    assert_eq!(code, 0, "{shown}{message}");

    // Names that are not those of the data set's images.
    fs::write(features.join("block-01/file_names.txt"), "x.png\ny.png\nz.png\n").expect("written");
    let one = features.join("block-01");
    let other = place.path("other");
    let (code, _, message) = alignscope(&[
        "score",
        "--features",
        text(&one),
        "--dataset",
        "pairs",
        "--data",
        data,
        "--out",
        text(&other),
    ]);
    assert_eq!(code, 2);
    assert!(message.contains("3 of the 3 images of the data set are in no row"), "{message}");
    assert!(!other.exists(), "nothing is left of what could not be done");
}

#[test]
fn activations_of_every_stage_and_choice_of_tokens() {
    let place = Place::with_equal_pairs(".");
    let model = golden("clip/base");
    for (tokens, shape) in [
        ("all", "(3, 17, 16,)"),
        ("class", "(3, 16,)"),
        ("patches", "(3, 16, 16,)"),
        ("mean", "(3, 16,)"),
    ] {
        let out = place.path(tokens);
        let (code, _, message) = alignscope(&[
            "activations",
            "--model",
            text(&model),
            "--images",
            text(place.root()),
            "--tokens",
            tokens,
            "--out",
            text(&out),
        ]);
        assert_eq!(code, 0, "{message}");
        let (found, values) = npy(&out.join("block-02/features.npy"));
        assert_eq!(found, shape);
        let sizes = shape.trim_matches(['(', ')', ',']).split(", ");
        let count: usize = sizes.map(|n| n.parse::<usize>().expect("a size")).product();
        assert_eq!(values.len(), count);
        assert!(values.iter().all(|v| v.is_finite()));
        assert_eq!(npy(&out.join("projection/features.npy")).0, "(3, 6,)");
        let names = fs::read_to_string(out.join("embedding/file_names.txt")).expect("read");
        assert_eq!(names.lines().count(), 3);
        assert!(names.lines().next().expect("a name").ends_with("a.png"), "{names}");
    }
}

#[test]
fn only_the_stages_asked_for_are_written_and_a_stage_that_is_not_there_is_an_error() {
    let place = Place::with_equal_pairs(".");
    let (model, out) = (golden("clip/base"), place.path("out"));
    let run = |stage: &str| {
        alignscope(&[
            "activations",
            "--model",
            text(&model),
            "--images",
            text(&place.path("a.png")),
            "--stage",
            stage,
            "--out",
            text(&out),
        ])
    };
    let (code, _, message) = run("block 3");
    assert_eq!(code, 2);
    assert!(message.contains("no stage `block 3`, its last block is 2"), "{message}");
    assert!(!out.exists());
    assert_eq!(run("block 1").0, 0);
    assert!(out.join("block-01/features.npy").is_file());
    assert!(!out.join("projection").exists());
}

#[test]
fn a_model_without_class_token_cannot_give_it() {
    let place = Place::with_equal_pairs(".");
    let (model, out) = (golden("families/siglip"), place.path("out"));
    let (code, _, message) = alignscope(&[
        "run",
        "--model",
        text(&model),
        "--dataset",
        "pairs",
        "--data",
        text(place.root()),
        "--tokens",
        "class",
        "--out",
        text(&out),
    ]);
    assert_eq!(code, 2);
    assert!(message.contains("SigLIP) has no class token"), "{message}");
}

#[test]
fn every_family_runs_and_its_scores_have_all_stages() {
    let place = Place::with_equal_pairs(".");
    for family in ["siglip", "chinese_clip", "open_clip", "timm_token", "timm_tiny@bare-patches"] {
        let model = format!("{}/{family}", golden("families").display());
        let out = place.path("out");
        let (code, _, message) = alignscope(&[
            "run",
            "--model",
            &model,
            "--dataset",
            "pairs",
            "--data",
            text(place.root()),
            "--no-pixels",
            "--out",
            text(&out),
        ]);
        assert_eq!(code, 0, "{family}: {message}");
        let scores = fs::read_to_string(out.join("scores.csv")).expect("read");
        // Header; 4 stages × 3 distances × 8 measures.
        assert_eq!(scores.lines().count(), 1 + 4 * 3 * 8, "{family}");
        fs::remove_dir_all(&out).expect("removed");
    }
}

#[test]
fn a_file_of_weights_runs_with_the_architecture_of_another_model() {
    let place = Place::with_equal_pairs(".");
    let (file, like) = (golden("files/lightning.ckpt"), golden("families/vit"));
    let run = |model: &str, more: &[&str]| {
        let out = place.path("out");
        let mut arguments = vec!["run", "--model", model, "--dataset", "pairs", "--data"];
        arguments.extend([text(place.root()), "--no-pixels", "--out", text(&out)]);
        arguments.extend(more);
        let (code, _, message) = alignscope(&arguments);
        let scores = fs::read_to_string(out.join("scores.csv")).unwrap_or_default();
        fs::remove_dir_all(&out).ok();
        (code, message, scores)
    };
    let whole = format!("{}@like={}", file.display(), like.display());
    let (code, message, typed) = run(text(&file), &["--like", text(&like)]);
    assert_eq!(code, 0, "{message}");
    assert_eq!(typed.lines().count(), 1 + 4 * 3 * 8, "{typed}");
    assert!(typed.contains("lightning.ckpt"), "{typed}");
    let (code, message, named) = run(&whole, &[]);
    assert_eq!((code, &named), (0, &typed), "{message}");

    let (code, message, _) = run(text(&file), &[]);
    is_refused(code, &message, &["no configuration for", "`FILE@like="]);
    let (code, message, _) = run(&whole, &["--like", text(&like)]);
    is_refused(code, &message, &["--like says what a file of weights is", "leave it out"]);
    let both = format!("{}#teacher@like={}", golden("files/dino.pth").display(), like.display());
    let (code, message, _) = run(&both, &[]);
    is_refused(code, &message, &["embeddings"]);
}

#[test]
fn an_experiment_draws_each_figure_from_one_run_and_again() {
    let place = Place::with_equal_pairs(".");
    let (a, b) = (golden("clip/base"), golden("families/siglip"));
    let toml = format!(
        "[[datasets]]\nname = \"pairs\"\ndata = \".\"\n\n\
         [[figures]]\nname = \"one\"\nmodels = [{a:?}]\ndistances = [\"cosine\"]\n\n\
         [[figures]]\nname = \"two\"\ntitle = \"Both\"\nmodels = [{a:?}, {b:?}]\n\
         distances = [\"cosine\"]\n"
    );
    let file = place.path("e.toml");
    place.write("e.toml", toml);
    let out = place.path("out");
    let (code, _, message) = alignscope(&["run", text(&file), "--out", text(&out)]);
    assert_eq!(code, 0, "{message}");
    let scores = fs::read_to_string(out.join("scores.csv")).expect("read");
    // Pixels; two models, each once, 4 stages × 1 distance; 8 measures.
    assert_eq!(scores.lines().count(), 1 + 8 + 2 * 4 * 8);
    let two = fs::read_to_string(out.join("two.svg")).expect("drawn");
    assert!(two.contains("Both"));
    fs::remove_file(out.join("two.svg")).expect("removed");
    assert_eq!(alignscope(&["report", text(&out), "--quiet"]).0, 0);
    assert_eq!(fs::read_to_string(out.join("two.svg")).expect("drawn again"), two);
}

#[test]
fn the_figure_of_energy_stands_in_every_run_with_an_encoder_and_is_drawn_from_its_table() {
    let place = Place::with_equal_pairs(".");
    let data = text(place.root());
    let of = |out: &Path, model: &str| {
        let arguments = ["run", "--dataset", "pairs", "--data", data, "--distance", "cosine"];
        let (code, _, message) =
            alignscope(&[&arguments[..], &["--model", model, "--out", text(out)]].concat());
        assert_eq!(code, 0, "{message}");
        fs::read_to_string(out.join("report.html")).expect("a page")
    };
    let out = place.path("out");
    let page = of(&out, text(&golden("clip/base")));
    assert!(page.contains("Energy: how much one channel holds"));
    assert!(page.contains("of the energy of activations"), "said in words");
    let numbers = fs::read_to_string(out.join("channel-energy.csv")).expect("numbers");
    // Header; two measures of two energies at 4 stages.
    assert_eq!(numbers.lines().count(), 1 + 2 * 2 * 4, "{numbers}");
    let table = fs::read_to_string(out.join("energy.csv")).expect("the table");
    assert_eq!(table.lines().count(), 1 + 2 * 4, "{table}");
    // Nothing of it among the scores of the other figure.
    let scores = fs::read_to_string(out.join("alignment.csv")).expect("numbers");
    assert!(!scores.contains("activations") && !scores.contains("effective"), "{scores}");
    let svg = fs::read(out.join("channel-energy.svg")).expect("drawn");
    for name in ["channel-energy.svg", "channel-energy.png", "report.html"] {
        fs::remove_file(out.join(name)).expect("removed");
    }
    assert_eq!(alignscope(&["report", text(&out), "--quiet"]).0, 0);
    assert_eq!(fs::read(out.join("channel-energy.svg")).expect("drawn again"), svg);

    let bare = place.path("bare");
    let page = of(&bare, "pixels");
    assert!(
        !page.contains("how much one channel holds") && !bare.join("channel-energy.svg").exists()
    );
}

#[test]
fn the_page_shows_the_trials_with_their_images_or_says_that_they_are_gone() {
    let place = Place::with_equal_pairs(".");
    let out = place.path("out");
    let model = golden("clip/base");
    let (code, _, message) = alignscope(&[
        "run",
        "--model",
        text(&model),
        "--dataset",
        "pairs",
        "--data",
        text(place.root()),
        "--out",
        text(&out),
    ]);
    assert_eq!(code, 0, "{message}");
    let page = || fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(page().contains("data:image/jpeg;base64,"));
    assert!(page().contains("more alike than"), "people's and the model's answers");
    assert!(!page().contains("<div class=\"absent\">image not shown"));
    fs::remove_file(place.path("b.png")).expect("removed");
    assert_eq!(alignscope(&["report", text(&out), "--quiet"]).0, 0);
    assert!(page().contains("one cannot be read") && page().contains("b.png"));
    assert!(page().contains("<div class=\"absent\">image not shown"));
}

#[test]
fn published_scores_are_laid_under_a_run_and_drawn_by_themselves() {
    let place = Place::with_equal_pairs(".");
    let out = place.path("out");
    let (code, _, message) = alignscope(&[
        "run",
        "--model",
        "ssim",
        "--dataset",
        "pairs",
        "--data",
        text(place.root()),
        "--published",
        "--out",
        text(&out),
    ]);
    assert_eq!(code, 0, "{message}");
    // Nothing of the user's own pairs was published.
    let table = fs::read_to_string(out.join("published-differences.csv")).expect("a table");
    assert_eq!(table, "dataset,model,distance,stage,published,found,difference,n,published_n\n");

    let study = place.path("study");
    assert_eq!(alignscope(&["published", "--out", text(&study)]).0, 0);
    let curves = fs::read_to_string(study.join("architecture.csv")).expect("numbers");
    let first = "tid2013,spearman,3000,openai/clip-vit-base-patch32,model,\
                 normalized-euclidean,embedding,2.5,0.816,";
    assert!(curves.contains(first), "{curves}");
    // Header; on each of 3 data sets the pixels, 2 × 14 and 2 × 26 points; the 3 baselines are not
    // among these models.
    assert_eq!(curves.lines().count(), 1 + 3 * (1 + 2 * 14 + 2 * 26));
}

#[test]
fn lists_name_what_there_is() {
    for (what, word) in [
        ("models", "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224"),
        ("datasets", "oddoneout"),
        ("distances", "normalized-euclidean"),
    ] {
        let (code, listed, _) = alignscope(&["list", what]);
        assert_eq!(code, 0);
        assert!(listed.contains(word), "{listed}");
    }
}

/// A run of the small checkpoint and of pixels on 12 choices of as many references, of people who
/// are named; the images are drawn.
fn run_of_choices(place: &Place, out: &str, more: &[&str]) -> PathBuf {
    let mut table = "image_1,image_2,image_3,odd,subject\n".to_owned();
    let mut pixels = 7_u32;
    for i in 0..14 {
        let grey = (0..3 * 16 * 16).map(|_| {
            pixels = pixels.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (pixels >> 24) as u8
        });
        let image = RgbImage::new(16, 16, grey.collect());
        place.write(&format!("{i}.png"), image.to_png());
    }
    for i in 0..12 {
        for person in 0..3 {
            let odd = 1 + (i * 5 + person * i) % 3;
            table += &format!("{i}.png,{}.png,{}.png,{odd},p{person}\n", i + 1, i + 2);
        }
    }
    place.write("oddoneout.csv", table);
    let out = place.path(out);
    let model = golden("clip/base");
    let mut arguments = vec![
        "run",
        "--model",
        text(&model),
        "--dataset",
        "oddoneout",
        "--data",
        text(place.root()),
        "--out",
        text(&out),
        "--quiet",
    ];
    arguments.extend(if more.contains(&"--resamples") { &[][..] } else { &["--resamples", "200"] });
    arguments.extend(more);
    let (code, _, message) = alignscope(&arguments);
    assert_eq!(code, 0, "{message}");
    out
}

#[test]
fn a_run_has_intervals_ceilings_findings_and_comparisons() {
    let place = Place::new();
    let out = run_of_choices(&place, "out", &[]);
    let scores = alignscope::results::read_scores(&out.join("scores.csv")).expect("scores");
    let row = scores
        .iter()
        .find(|r| r.subset == "all" && r.measure == alignscope::Measure::Accuracy)
        .expect("the accuracy");
    assert_eq!((row.n, row.n_clusters), (36, 12));
    assert!(row.ci_low.expect("an interval") < row.value && row.value < row.ci_high.expect("one"));
    let ceilings = alignscope::results::read_ceilings(&out.join("ceilings.csv")).expect("ceilings");
    // Three answers to each triplet are too few for the share of a majority.
    let first = ceilings[0].ceiling;
    assert_eq!((row.ceiling, first), (None, alignscope::ceiling::Ceiling::OneOtherPerson));
    let findings = alignscope::results::read_findings(&out.join("findings.csv")).expect("findings");
    // Eight of each kind of distance, one of the pixels, and one of each energy.
    assert_eq!(findings.len(), 24 + 1 + 2);
    let rows = alignscope::results::read_comparisons(&out.join("comparisons.csv")).expect("rows");
    // By the accuracy, then by bits.
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|r| r.model_b == "pixels" && r.p.is_some()));
    assert!(rows[..3].iter().all(|r| r.measure.is_main() && r.kappa.is_some()));
    assert!(rows[3..].iter().all(|r| r.measure == alignscope::Measure::Bits && r.kappa.is_none()));

    // The same table from the files of the run alone.
    let csv = place.path("again.csv");
    let (code, table, message) = alignscope(&["compare", text(&out), "--csv", text(&csv)]);
    assert_eq!(code, 0, "{message}");
    assert_eq!(
        fs::read(&csv).expect("written"),
        fs::read(out.join("comparisons.csv")).expect("read")
    );
    // Resamples and seed are the run's; 2 · T11(√(11/12) · Φ⁻¹(1/201)).
    assert!(table.contains("200 resamples of seed 0: no p is finer than 0.0"), "{table}");
    let finest = alignscope::resample::finest_p(200, 12);
    assert!(table.contains(&format!("{finest:.5} with 12 clusters")), "{table}");
    assert!(rows.iter().all(|r| r.p >= Some(finest - 1e-12)));
    assert!(table.contains("agreement with people beyond chance"), "{table}");
    assert!(table.contains("Cohen's kappa with what most people answer"), "{table}");

    // Two stages of one model.
    let (code, table, message) = alignscope(&[
        "compare",
        text(&out),
        "--model-a",
        "base",
        "--stage-a",
        "block 1",
        "--stage-b",
        "block 2",
        "--distance-a",
        "cosine",
        "--resamples",
        "200",
    ]);
    assert_eq!(code, 0, "{message}");
    assert!(table.contains("block 1 / cosine") && table.contains("block 2 / cosine"), "{table}");

    // A run with itself differs by nothing.
    let (code, table, message) = alignscope(&[
        "compare",
        text(&out),
        text(&out),
        "--model-a",
        "pixels",
        "--model-b",
        "pixels",
        "--resamples",
        "200",
    ]);
    assert_eq!(code, 0, "{message}");
    assert!(table.contains("+0.0000"), "{table}");
}

#[test]
fn no_resamples_are_no_intervals_and_observers_are_other_clusters() {
    let place = Place::new();
    let out = run_of_choices(&place, "none", &["--resamples", "0"]);
    let rows = alignscope::results::read_scores(&out.join("scores.csv")).expect("scores");
    let says = |note: &str| note.starts_with("no resamples");
    let none = |r: &ScoreRow| r.ci_low.is_none() && r.ci_note.as_deref().is_some_and(says);
    assert!(rows.iter().all(none));
    let out = run_of_choices(&place, "people", &["--cluster", "observer"]);
    let rows = alignscope::results::read_scores(&out.join("scores.csv")).expect("scores");
    let whole = rows.iter().find(|r| r.subset == "all").expect("a row");
    assert_eq!((whole.n_clusters, whole.ci_note.as_deref()), (3, Some("fewer than 8 clusters")));
}

#[test]
fn a_manifest_repeats_its_run_and_what_is_typed_takes_the_place_of_what_it_says() {
    let place = Place::with_equal_pairs(".");
    let (first, again, other) = (place.path("first"), place.path("again"), place.path("other"));
    let (model, data) = (golden("clip/base"), text(place.root()).to_owned());
    let typed = ["run", "--model", text(&model), "--dataset", "mine=pairs", "--data", &data];
    let choices = ["--distance", "dot", "--tokens", "mean", "--seed", "5", "--resamples", "100"];
    let out = ["--out", text(&first), "--no-pixels"];
    let (code, _, said) = alignscope(&[&typed[..], &choices, &out].concat());
    assert_eq!(code, 0, "{said}");
    let manifest = first.join("manifest.json");
    let (code, _, said) = alignscope(&["run", text(&manifest), "--out", text(&again)]);
    assert_eq!(code, 0, "{said}");
    let scores = |out: &Path| fs::read_to_string(out.join("scores.csv")).expect("read");
    assert_eq!(scores(&again), scores(&first));
    let cosine = ["run", text(&manifest), "--out", text(&other), "--distance", "cosine"];
    assert_eq!(alignscope(&cosine).0, 0);
    assert!(scores(&other).contains(",cosine,") && !scores(&other).contains(",dot,"));
}

#[test]
fn a_run_and_its_repetition_turn_scores_of_which_lower_is_better() {
    let place = Place::with_equal_pairs(".");
    let (model, data) = (golden("clip/base"), text(place.root()).to_owned());
    let typed = ["run", "--model", text(&model), "--dataset", "pairs", "--data", &data];
    let run = |typed: &[&str], name: &str| {
        let out = place.path(name);
        let more = ["--out", text(&out), "--no-pixels", "--resamples", "0"];
        let (code, _, said) = alignscope(&[typed, &more].concat());
        assert_eq!(code, 0, "{said}");
        let rows = alignscope::results::read_scores(&out.join("scores.csv")).expect("scores");
        let rows = rows.into_iter().filter(|row| row.measure == Measure::Spearman);
        rows.map(|row| row.value).collect::<Vec<f64>>()
    };
    let plain = run(&typed, "plain");
    let turned = run(&[&typed[..], &["--lower-is-better"]].concat(), "turned");
    assert!(!plain.is_empty() && plain.iter().any(|value| *value != 0.0));
    assert_eq!(turned, plain.iter().map(|value| -value).collect::<Vec<f64>>());
    assert_eq!(run(&[&typed[..], &["--lower-is-better=false"]].concat(), "said"), plain);
    let manifest = place.read("turned/manifest.json");
    assert_eq!(manifest.matches("\"lower_is_better\": true").count(), 2, "record and experiment");
    assert!(manifest.contains("scores are turned"));
    let manifest = place.path("turned/manifest.json");
    assert_eq!(run(&["run", text(&manifest)], "again"), turned);
}
