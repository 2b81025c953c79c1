//! A run in shards has the results of one machine, to the byte, also where shards are killed or run
//! at the same time; the scripts for Slurm run it so, and a plan knows all of its parts.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use alignscope::demo::{self, DemoFolders};
use serde_json::Value;

use crate::place::{Place, golden, npy, stepped_png, text};
use crate::program::{PROGRAM, has_parts, is_refused, merged, outcome};

/// A folder with the data sets of the demonstration, and an experiment on them.
struct Demo {
    place: Place,
    data: DemoFolders,
}

impl Demo {
    fn new() -> Self {
        let place = Place::new();
        let data = demo::draw(&place.path("data"), 3).expect("drawn");
        let demo = Self { place, data };
        let toml = format!(
            r#"
models = ["{}", "{}", "psnr"]
distances = ["normalized-euclidean"]
resamples = 100

[[datasets]]
format = "pairs"
data = "{}"

[[datasets]]
format = "twoafc"
data = "{}"
"#,
            text(&golden("clip/base")),
            text(&golden("families/siglip")),
            text(&demo.data.low),
            text(&demo.data.middle),
        );
        demo.place.write("experiment.toml", toml);
        demo
    }

    /// The run of the experiment with the cache `cache`.
    fn command(&self, cache: &str, more: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.place.root()).args(["run", "experiment.toml", "--cache", cache]);
        command.args(["--threads", "2"]).args(more);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// What a run of it says, which must succeed.
    fn done(&self, cache: &str, more: &[&str]) -> String {
        let output = self.command(cache, more).output().expect("run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{more:?}: {said}");
        said
    }

    fn tables(&self, out: &str) -> Vec<Vec<u8>> {
        tables(&self.place.path(out))
    }

    /// What a run's manifest says of the models that were measured for it.
    fn work(&self, out: &str) -> Value {
        let manifest = self.place.read(&format!("{out}/manifest.json"));
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        manifest["times"]["work"].clone()
    }
}

/// All tables of a run.
fn tables(out: &Path) -> Vec<Vec<u8>> {
    let names = [
        "scores.csv",
        "findings.csv",
        "comparisons.csv",
        "ceilings.csv",
        "energy.csv",
        "distances.parquet",
        "scale.parquet",
        "trials.parquet",
    ];
    names.iter().map(|name| fs::read(out.join(name)).expect(name)).collect()
}

#[test]
fn shards_in_any_order_and_at_once_leave_what_one_machine_computes() {
    let demo = Demo::new();
    demo.done("alone", &["--out", "one machine"]);
    assert_ne!(demo.work("one machine"), Value::Array(vec![]));

    let said = demo.done("shared", &["--shard", "3/4"]);
    has_parts(
        &said,
        &["shard 3/4 is in the cache", "once all 4 are, assemble", "--threads 2 --out DIR"],
    );
    let at_once = ["4/4", "1/4"]
        .map(|shard| demo.command("shared", &["--shard", shard]).spawn().expect("run"));
    for child in at_once {
        assert!(child.wait_with_output().expect("ended").status.success());
    }
    demo.done("shared", &["--shard", "2/4"]);
    assert!(!demo.place.path("DIR").exists());
    demo.done("shared", &["--out", "assembled"]);
    assert!(demo.tables("assembled") == demo.tables("one machine"), "other results");
    assert_eq!(demo.work("assembled"), Value::Array(vec![]), "all was in the cache");
}

#[test]
fn each_shard_does_a_part_and_none_does_what_another_does() {
    let demo = Demo::new();
    let said = [1, 2, 3].map(|index| demo.done("shared", &["--shard", &format!("{index}/3")]));
    let numbers = |line: &str, after: &str| -> u64 {
        let before = line.split(after).next().expect("a text");
        before
            .split([' ', ':'])
            .rfind(|word| !word.is_empty())
            .and_then(|n| n.parse().ok())
            .expect("a number")
    };
    let of_model = |said: &String| -> u64 {
        let lines =
            said.lines().filter(|line| line.contains("base on pairs") && line.contains("shard's"));
        lines.map(|line| numbers(line, " pairs at ")).sum()
    };
    let rows = fs::read_to_string(demo.data.low.join("pairs.csv")).expect("read");
    let pairs = rows.lines().count() as u64 - 1;
    assert_eq!(said.iter().map(of_model).sum::<u64>(), pairs, "{said:?}");
    let parts = said.iter().filter(|said| said.contains("are this shard's"));
    assert_eq!(parts.count(), 3, "every shard has something to do");
    // The same shard again computes nothing.
    let again = demo.done("shared", &["--shard", "1/3"]);
    for line in again.lines().filter(|line| line.contains("shard's")) {
        assert!(line.contains(", 0 images were encoded"), "{line}");
    }
}

#[test]
fn a_shard_that_is_killed_is_done_again() {
    let demo = Demo::new();
    demo.done("alone", &["--out", "one machine"]);
    let mut killed = 0;
    for (index, moment) in [5, 20, 60, 150, 400].into_iter().enumerate() {
        let cache = format!("kept {index}");
        let mut child = demo.command(&cache, &["--shard", "1/2"]).spawn().expect("run");
        std::thread::sleep(Duration::from_millis(moment));
        // It may have ended before.
        let _ = child.kill();
        killed += usize::from(!child.wait().expect("ended").success());
        demo.done(&cache, &["--shard", "1/2"]);
        demo.done(&cache, &["--shard", "2/2"]);
        let out = format!("out {index}");
        demo.done(&cache, &["--out", &out]);
        assert!(demo.tables(&out) == demo.tables("one machine"), "killed after {moment} ms");
    }
    assert!(killed >= 2, "{killed} of 5 were killed before their end");
}

#[test]
fn a_shard_that_was_never_run_is_computed_when_the_run_is_assembled() {
    let demo = Demo::new();
    demo.done("alone", &["--out", "one machine"]);
    demo.done("shared", &["--shard", "2/3"]);
    demo.done("shared", &["--out", "assembled"]);
    assert!(demo.tables("assembled") == demo.tables("one machine"), "other results");
    assert_ne!(demo.work("assembled"), Value::Array(vec![]));
}

#[test]
fn a_component_of_all_images_is_one_part() {
    let place = Place::with_equal_pairs("data");
    let base = ["run", "--model", "psnr", "--dataset", "pairs", "--data", "data"];
    let mut pairs = 0;
    for shard in ["1/2", "2/2"] {
        let mut command = place.command();
        let (code, said) = merged(command.args(base).args(["--no-pixels", "--shard", shard]));
        assert_eq!(code, 0, "{said}");
        pairs += said.matches("3 pairs at 1 stage are this shard's").count();
    }
    assert_eq!(pairs, 1);
}

#[test]
fn stages_are_dealt_where_nearly_all_pairs_are_asked_for() {
    let (place, images, stages) = (Place::new(), 40, ["one", "three", "two"]);
    let mut rows = "reference,distorted,score\n".to_owned();
    for i in 0..images {
        place.write(&format!("data/{i:02}.png"), stepped_png(20, 17, 3 + i));
        for j in i + 1..images {
            rows.push_str(&format!("{i:02}.png,{j:02}.png,{}\n", (7 * i + 11 * j) % 19));
        }
    }
    place.write("data/pairs.csv", rows);
    let names: Vec<String> = (0..images).map(|i| format!("{i:02}.png")).collect();
    for (k, stage) in stages.into_iter().enumerate() {
        let values: Vec<f32> = (0..images * 5).map(|i| (i as f32 * (k + 2) as f32).sin()).collect();
        let folder = format!("features/{stage}");
        place.write(&format!("{folder}/features.npy"), npy(&[images, 5], "False", &values));
        place.write(&format!("{folder}/file_names.txt"), names.join("\n"));
    }
    let said = |more: &[&str]| {
        let base = ["run", "--model", "mine=features:features", "--no-pixels"];
        let mut command = place.command();
        command.args(base).args(["--dataset", "pairs", "--data", "data", "--resamples", "100"]);
        let (code, said) = merged(command.args(more));
        assert_eq!(code, 0, "{said}");
        said
    };
    said(&["--no-cache", "--out", "alone"]);
    for shard in ["3/3", "1/3", "2/3"] {
        let part = said(&["--shard", shard]);
        assert!(part.contains("mine on pairs: 40 images and 780 pairs at 1 stage are"), "{part}");
        assert!(part.contains("this shard's, 40 images were encoded"), "{part}");
        let again = said(&["--shard", shard]);
        assert!(again.contains("this shard's, 0 images were encoded"), "{again}");
    }
    let together = said(&["--out", "together"]);
    let manifest: Value =
        serde_json::from_str(&place.read("together/manifest.json")).expect("JSON");
    assert_eq!(manifest["times"]["work"], Value::Array(vec![]), "{together}");
    assert!(tables(&place.path("together")) == tables(&place.path("alone")), "other results");
}

#[test]
fn shards_that_cannot_be_are_refused() {
    let place = Place::with_equal_pairs("data");
    let base = ["run", "--model", "psnr", "--dataset", "pairs", "--data", "data"];
    let refused = |more: &[&str], parts: &[&str]| {
        let (code, said) = merged(place.command().args(base).args(more));
        is_refused(code, &said, parts);
    };
    refused(&["--shard", "0/8"], &["there is no shard 0 of 8", "numbered 1 to 8"]);
    refused(&["--shard", "9/8"], &["there is no shard 9 of 8"]);
    refused(&["--shard", "1/0"], &["a run in 0 shards cannot be"]);
    refused(&["--shard", "2"], &["`2` is not understood", "`2/8`: the second of eight"]);
    refused(&["--shard", "1/2", "--no-cache"], &["--shard", "--no-cache"]);
    refused(&["--shard", "1/2", "--fresh"], &["--shard", "--fresh"]);
    refused(&[], &["--out"]);
}

/// Runs a script as Slurm would, as the task `task` of an array.
fn as_job(script: &Path, task: Option<usize>) {
    let mut command = Command::new("bash");
    command.arg(script).stderr(Stdio::piped()).stdout(Stdio::null());
    if let Some(task) = task {
        command.env("SLURM_ARRAY_TASK_ID", task.to_string());
    }
    let output = command.output().expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn scripts_for_slurm_run_the_experiment_in_shards() {
    let demo = Demo::new();
    demo.done("alone", &["--out", "one machine"]);
    let mut command = Command::new(PROGRAM);
    command.current_dir(demo.place.root()).args(["slurm", "experiment.toml", "--shards", "3"]);
    command.args([
        "--out",
        "by jobs",
        "--cache",
        "shared",
        "--partition",
        "long",
        "--time",
        "1:00:00",
    ]);
    command.args(["--mem", "2G", "--cpus", "2", "--at-most", "2", "--sbatch=--constraint=avx512"]);
    command.args(["--gpus", "1", "--", "--seed", "0"]);
    let output = command.output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shards = demo.place.read("by jobs-slurm/shards.sbatch");
    has_parts(
        &shards,
        &[
            "#!/bin/bash\n#SBATCH --job-name=shards-experiment\n",
            "\n#SBATCH --requeue\n",
            "\n#SBATCH --array=1-3%2\n",
            "\n#SBATCH --partition=long\n",
            "\n#SBATCH --time=1:00:00\n",
            "\n#SBATCH --mem=2G\n",
            "\n#SBATCH --cpus-per-task=2\n",
            "\n#SBATCH --gpus=1\n",
            "\n#SBATCH --constraint=avx512\n",
            "--memory 1879MB",
            "--threads 2 --shard \"$SLURM_ARRAY_TASK_ID/3\"",
            "scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"",
        ],
    );
    let assemble = demo.place.read("by jobs-slurm/assemble.sbatch");
    assert!(!assemble.contains("--array") && !assemble.contains("--gpus"), "{assemble}");
    let submit = demo.place.read("by jobs-slurm/submit.sh");
    has_parts(&submit, &["--dependency=\"afterok:$shards\"", "--kill-on-invalid-dep=yes"]);

    let script = demo.place.path("by jobs-slurm/shards.sbatch");
    for task in [2, 3, 1] {
        as_job(&script, Some(task));
    }
    as_job(&demo.place.path("by jobs-slurm/assemble.sbatch"), None);
    assert!(demo.tables("by jobs") == demo.tables("one machine"), "other results");
    assert_eq!(demo.work("by jobs"), Value::Array(vec![]), "all was in the cache");
}

#[test]
fn jobs_that_would_not_run_are_refused_before_they_are_submitted() {
    let demo = Demo::new();
    let refused = |arguments: &[&str], parts: &[&str]| {
        let mut command = demo.place.command();
        let (code, said) = merged(command.args(["slurm", "--out", "out"]).args(arguments));
        is_refused(code, &said, parts);
        assert!(!demo.place.path("out-slurm").exists());
    };
    let experiment = "experiment.toml";
    refused(&[experiment], &["--shards"]);
    refused(&[experiment, "--shards", "0"], &["--shards"]);
    refused(&["none.toml", "--shards", "2"], &["none.toml"]);
    refused(&[experiment, "--shards", "2", "--", "--shard", "1/2"], &["`--shard`", "before `--`"]);
    refused(&[experiment, "--shards", "2", "--", "--no-cache"], &["`--no-cache`"]);
    refused(
        &[experiment, "--shards", "2", "--", "--seeds", "1"],
        &["the jobs would not run", "--seeds"],
    );
    refused(&[experiment, "--shards", "2", "--mem", "2GB"], &["such as `16G`"]);
    // Where there is no Slurm, the scripts are there all the same.
    let mut command = demo.place.command();
    command.env("PATH", "/bin:/usr/bin/none").args(["slurm", "--out", "out", experiment]);
    let (code, said) = merged(command.args(["--shards", "2", "--submit"]));
    if !Path::new("/bin/sbatch").exists() {
        is_refused(code, &said, &["the jobs were not submitted", "sbatch"]);
    }
    assert!(demo.place.path("out-slurm/submit.sh").exists());
}

/// The plan of the experiment as JSON.
fn plan(demo: &Demo, more: &[&str]) -> Value {
    let mut command = demo.place.command();
    command.args(["plan", "experiment.toml", "--form", "json", "--quiet"]).args(more);
    let (code, printed, said) = outcome(&mut command);
    assert_eq!(code, 0, "{said}");
    serde_json::from_str(&printed).expect("JSON")
}

fn sum(cells: &Value, column: &str) -> f64 {
    let cells = cells.as_array().expect("cells").iter();
    cells.map(|cell| cell[column].as_f64().expect("a number")).sum()
}

#[test]
fn a_plan_has_each_cell_and_its_shards_have_all_of_each() {
    let demo = Demo::new();
    let whole = plan(&demo, &[]);
    assert_eq!(whole["cells"].as_array().map(Vec::len), Some(8));
    assert!(!demo.place.path("kept").exists(), "a plan leaves nothing in the cache");
    let shards = plan(&demo, &["--shards", "3"]);
    for column in ["pairs", "images"] {
        assert_eq!(sum(&whole["cells"], column), sum(&shards["cells"], column), "{column}");
    }
    assert_eq!(shards["shards"].as_array().map(Vec::len), Some(3));
    assert!(whole["on_one_machine"]["seconds"].as_f64() > Some(0.0));
    assert!(whole["on_one_machine"]["memory_bytes"].as_u64() > Some(40_000_000));

    // What is in the cache is neither computed nor planned.
    let mut command = demo.place.command();
    let (code, said) = merged(command.args(["run", "experiment.toml", "--shard", "1/3"]));
    assert_eq!(code, 0, "{said}");
    let rest = plan(&demo, &[]);
    let done: f64 = sum(&whole["cells"], "pairs") - sum(&rest["cells"], "pairs");
    let of_first = shards["cells"].as_array().expect("cells").iter();
    let of_first = of_first.filter(|cell| cell["shard"] == "1/3");
    let planned: f64 = of_first.map(|cell| cell["pairs"].as_f64().expect("a number")).sum();
    assert_eq!(done, planned);
    assert!(done > 0.0);
}

#[test]
fn the_cache_grows_by_what_was_planned() {
    let demo = Demo::new();
    let planned = sum(&plan(&demo, &[])["cells"], "cache_bytes");
    demo.done(text(&demo.place.path("kept")), &["--out", "out"]);
    let mut grown = 0;
    for entry in fs::read_dir(demo.place.path("kept")).expect("entries") {
        for file in fs::read_dir(entry.expect("an entry").path()).expect("files") {
            let file = file.expect("a file");
            if file.file_name() != "entry.json" {
                grown += file.metadata().expect("its size").len();
            }
        }
    }
    // Beside the numbers each file has a header and a checksum.
    let headers = grown as f64 - planned;
    assert!((0.0..20_000.0).contains(&headers), "{grown} bytes, planned {planned}");
}

#[test]
fn a_given_speed_takes_the_place_of_a_measurement() {
    let demo = Demo::new();
    let cell = |plan: &Value| plan["cells"].as_array().expect("cells")[2].clone();
    let base = cell(&plan(&demo, &["--speed", "base=0.5"]));
    assert_eq!(base["model"], "base");
    assert_eq!(base["image_s"].as_f64(), Some(2.0));
    let images = base["images"].as_f64().expect("a number");
    assert!(base["seconds"].as_f64() >= Some(2.0 * images), "{base}");
    let faster = cell(&plan(&demo, &["--speed", "base=0.5", "--factor", "4"]));
    assert_eq!(faster["image_s"].as_f64(), Some(0.5));
}

#[test]
fn a_plan_refuses_what_the_run_would() {
    let demo = Demo::new();
    let refused = |arguments: &[&str], parts: &[&str]| {
        let mut command = demo.place.command();
        let (code, said) = merged(command.args(["plan", "experiment.toml"]).args(arguments));
        is_refused(code, &said, parts);
    };
    refused(&["--memory", "1MB"], &["--memory"]);
    refused(&["--speed", "none=3"], &["`none`", "the models that are run are `pixels`"]);
    refused(&["--speed", "base=0"], &["MODEL=IMAGES/S"]);
    refused(&["--shards", "100001"], &["100001 shards cannot be"]);
    refused(&["--data", "pairs=nowhere"], &["nowhere"]);
    fs::write(demo.data.low.join("ref_00.png"), "no image").expect("written");
    refused(&[], &["ref_00.png"]);
}
