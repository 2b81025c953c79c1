//! The same bytes by each level of instructions that the processor has, and what is said where it
//! lacks one.

use alignscope::Distance;
use std::fs;
use std::path::Path;

use crate::place::{Place, golden, text};
use crate::program::{has_parts, is_refused, outcome};

const VARIABLE: &str = "ALIGNSCOPE_INSTRUCTIONS";

/// The levels, from the least on.
const LEVELS: [&str; 4] = ["portable", "avx2", "avx512", "amx"];

/// Checkpoints of golden files: layers that are done in different ways, each at least once.
const CHECKPOINTS: [&str; 10] = [
    "clip/base",
    "families/siglip",
    "families/siglip2",
    "families/dinov2",
    "families/dinov3",
    "families/beit",
    "families/aimv2",
    "families/timm_eva02_tiny",
    "families/resnet",
    "families/convnext",
];

/// Metrics that need no weights.
const METRICS: [&str; 3] = ["ssim", "ssim-rgb", "psnr"];

/// The tables whose bytes are held to one another.
const TABLES: [&str; 4] = ["scores.csv", "distances.parquet", "energy.csv", "findings.csv"];

/// A photograph and four distortions of it, and all ten pairs of them.
fn place() -> Place {
    let place = Place::new();
    let names = ["original", "blur", "contrast", "jpeg", "noise"];
    for name in names {
        let image = fs::read(golden(&format!("baseline/even_{name}.jpg"))).expect("golden");
        place.write(&format!("images/{name}.jpg"), image);
    }
    let mut rows = "reference,distorted,score\n".to_owned();
    for (i, a) in names.iter().enumerate() {
        for (j, b) in names.iter().enumerate().skip(i + 1) {
            rows += &format!("{a}.jpg,{b}.jpg,{}\n", (i * 5 + j * 3) % 7);
        }
    }
    place.write("images/pairs.csv", rows);
    place
}

/// Runs all models at a level; its tables, or `None` if the processor lacks it.
fn tables(place: &Place, level: &str) -> Option<Vec<Vec<u8>>> {
    let out = format!("out-{level}");
    let mut command = place.command();
    command.env(VARIABLE, level).args(["run", "--dataset", "pairs", "--precision", "f32"]);
    command.args(["--resamples", "200", "--no-cache"]);
    for distance in Distance::ALL {
        command.args(["--distance", distance.name()]);
    }
    command.arg("--data").arg(place.path("images")).arg("--out").arg(place.path(&out));
    for checkpoint in CHECKPOINTS {
        let (_, name) = checkpoint.split_once('/').expect("a folder and a name");
        command.arg("--model").arg(format!("{name}={}", text(&golden(checkpoint))));
    }
    for metric in METRICS {
        command.args(["--model", metric]);
    }
    // PerceptNet, whose weights are published for use with it.
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/weights");
    if weights.is_dir() {
        command.args(["--model", "perceptnet", "--weights"]).arg(&weights);
    }
    let (code, _, message) = outcome(&mut command);
    if message.contains("but this processor has") {
        is_refused(code, &message, &[VARIABLE, level, "at most"]);
        return None;
    }
    assert_eq!(code, 0, "{level}: {message}");
    let read = |table| fs::read(place.path(&out).join(table)).expect(table);
    Some(TABLES.into_iter().map(read).collect())
}

#[test]
fn each_level_of_instructions_gives_the_same_bytes() {
    let place = place();
    let expected = tables(&place, LEVELS[0]).expect("every processor has the least");
    let rows = String::from_utf8(expected[0].clone()).expect("UTF-8").lines().count();
    assert!(rows > 100, "{rows} rows of scores");
    for level in &LEVELS[1..] {
        let Some(found) = tables(&place, level) else {
            eprintln!("skipped for want of an instruction: {level} is not here");
            continue;
        };
        for (table, (found, expected)) in TABLES.iter().zip(found.iter().zip(&expected)) {
            assert!(found == expected, "{table} by {level} and by {}", LEVELS[0]);
        }
    }
}

#[test]
fn a_level_that_is_none_is_refused_at_the_start() {
    let place = Place::new();
    let (code, _, message) = outcome(place.command().env(VARIABLE, "sse").args(["list", "models"]));
    is_refused(code, &message, &["ALIGNSCOPE_INSTRUCTIONS is `sse`", "`portable`, `avx2`"]);
    // Without a word the best of the processor are used.
    let (code, listed, _) = outcome(place.command().env(VARIABLE, "").args(["list", "models"]));
    assert_eq!(code, 0);
    has_parts(&listed, &["clip-vit-base-patch32"]);
}
