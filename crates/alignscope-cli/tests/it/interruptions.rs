//! The program is killed, stopped, starved of disk and started twice: nothing is lost, and nothing
//! is half there.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use alignscope::demo::{self, DemoFolders};

use crate::place::{Place, golden};
use crate::program::{self, PROGRAM, merged};

/// A folder with the data sets of the demonstration.
struct Demo {
    place: Place,
    data: DemoFolders,
}

impl Demo {
    fn new() -> Self {
        let place = Place::new();
        let data = demo::draw(&place.path("data"), 3).expect("drawn");
        Self { place, data }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// A run of every kind of model, which can be stopped while it runs.
    fn command(&self, out: &str, cache: &str, more: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--model").args(["clip/base", "families/siglip"].map(golden));
        command.args(["psnr", "--dataset", "pairs", "--data"]).arg(&self.data.low);
        command.args(["--dataset", "twoafc", "--data"]).arg(&self.data.middle);
        command
            .args(["--distance", "normalized-euclidean", "--resamples", "100", "--quiet", "--out"])
            .arg(self.path(out));
        command.arg("--cache").arg(self.path(cache)).args(more);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// All tables of a run.
fn tables(out: &Path) -> Vec<Vec<u8>> {
    let names = [
        "scores.csv",
        "findings.csv",
        "comparisons.csv",
        "ceilings.csv",
        "distances.parquet",
        "scale.parquet",
        "trials.parquet",
        "judgements.parquet",
    ];
    names.iter().map(|name| fs::read(out.join(name)).expect(name)).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn signal(child: &Child, signal: &str) {
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
}

#[test]
fn killed_at_fifty_moments_it_goes_on_to_the_same_bytes() {
    let demo = Demo::new();
    let clock = Instant::now();
    assert!(demo.command("whole", "kept whole", &[]).status().expect("run").success());
    let whole = clock.elapsed();
    let expected = tables(&demo.path("whole"));

    let (mut killed, mut entries) = (0, std::collections::BTreeSet::new());
    for moment in 0..50 {
        let (out, cache) = (format!("out {moment}"), format!("kept {moment}"));
        // Spread over the whole run, and not in step with anything in it.
        let share = (f64::from(moment) * 0.618_034).fract();
        let mut child = demo.command(&out, &cache, &[]).spawn().expect("run");
        std::thread::sleep(whole.mul_f64(share));
        // It may have ended before.
        let _ = child.kill();
        let ended = child.wait().expect("ended");
        killed += usize::from(!ended.success());
        let kept = fs::read_dir(demo.path(&cache)).map_or(0, Iterator::count);
        entries.insert(kept);
        let output = demo.command(&out, &cache, &[]).output().expect("run");
        assert!(output.status.success(), "moment {moment}: {}", said(&output));
        assert!(tables(&demo.path(&out)) == expected, "moment {moment}: other results");
        let left = fs::read_dir(demo.path(&out)).expect("listed").filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            let name = name.to_string_lossy();
            name.starts_with(".alignscope-") || name == "run.lock" || name == "unfinished.json"
        });
        assert_eq!(left.count(), 0, "moment {moment}: nothing unfinished is left");
        for name in [&out, &cache] {
            fs::remove_dir_all(demo.path(name)).expect("removed");
        }
    }
    // On a busy machine the first run may have been slower than those that were killed.
    assert!(killed >= 10, "{killed} of 50 were killed before their end");
    assert!(entries.len() >= 3, "killed after {entries:?} entries");
}

#[test]
fn stopped_with_ctrl_c_it_says_how_to_go_on() {
    let demo = Demo::new();
    assert!(demo.command("whole", "kept whole", &[]).status().expect("run").success());
    let slow = ["--threads", "1"];
    let child = demo.command("out", "kept", &slow).spawn().expect("run");
    let started = demo.path("out").join("unfinished.json");
    let clock = Instant::now();
    while !started.exists() {
        assert!(clock.elapsed() < Duration::from_secs(60), "it does not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("the same command goes on from there"), "{}", said(&output));
    assert!(!demo.path("out").join("scores.csv").exists());
    assert!(demo.command("out", "kept", &slow).status().expect("run").success());
}

#[test]
fn a_second_run_on_the_same_output_says_so_and_stops() {
    let demo = Demo::new();
    let mut first = demo.command("out", "kept", &[]).spawn().expect("run");
    let lock = demo.path("out").join("run.lock");
    let clock = Instant::now();
    while !fs::metadata(&lock).is_ok_and(|file| file.len() > 0) {
        assert!(clock.elapsed() < Duration::from_secs(60), "it does not start");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&first, "-STOP");
    let second = demo.command("out", "kept", &[]).output().expect("run");
    signal(&first, "-CONT");
    assert_eq!(second.status.code(), Some(2));
    let holder = format!("process {}", first.id());
    assert!(said(&second).contains("another run is writing"), "{}", said(&second));
    assert!(said(&second).contains(&holder), "{}", said(&second));
    assert!(first.wait().expect("ended").success());
}

#[test]
fn where_the_disk_is_full_it_says_so_and_goes_on_once_there_is_room() {
    let demo = Demo::new();
    assert!(demo.command("whole", "kept whole", &[]).status().expect("run").success());
    let expected = tables(&demo.path("whole"));
    // No file may become longer than so many blocks of 512 bytes: a quota of writes.
    for blocks in [0, 1, 8, 40, 100, 200, 400] {
        let (out, cache) = (format!("out {blocks}"), format!("kept {blocks}"));
        let command = demo.command(&out, &cache, &[]);
        let mut words = vec![command.get_program().to_owned()];
        words.extend(command.get_args().map(ToOwned::to_owned));
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let output =
            Command::new("sh").args(["-c", &script, "sh"]).args(words).output().expect("run");
        assert_eq!(output.status.code(), Some(2), "{blocks} blocks: {}", said(&output));
        assert!(said(&output).contains("cannot "), "{blocks} blocks: {}", said(&output));
        // The page comes last: until it is there, the run is not done.
        let there = |name: &str| demo.path(&out).join(name).exists();
        assert!(!there("manifest.json") || there("unfinished.json"), "{blocks} blocks");
        let output = demo.command(&out, &cache, &[]).output().expect("run");
        assert!(output.status.success(), "{blocks} blocks: {}", said(&output));
        assert!(tables(&demo.path(&out)) == expected, "{blocks} blocks: other results");
    }
}

#[test]
fn an_output_that_is_removed_in_mid_run_is_an_error_and_what_is_kept_stays() {
    let demo = Demo::new();
    let slow = ["--threads", "1"];
    let child = demo.command("out", "kept", &slow).spawn().expect("run");
    let clock = Instant::now();
    let kept = || fs::read_dir(demo.path("kept")).map_or(0, Iterator::count);
    while kept() < 3 {
        assert!(clock.elapsed() < Duration::from_secs(60), "nothing is kept");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, "-STOP");
    fs::remove_dir_all(demo.path("out")).expect("removed");
    signal(&child, "-CONT");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("out"), "{}", said(&output));
    assert!(kept() >= 3);
    assert!(demo.command("out", "kept", &slow).status().expect("run").success());
}

#[test]
fn a_reader_that_goes_ends_the_program_quietly() {
    let script = "\"$1\" list models | head -n 1";
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(PROGRAM).output().expect("run");
    assert!(!output.stdout.is_empty());
    assert_eq!(said(&output), "");
}

#[test]
fn eight_runs_at_once_share_a_cache() {
    let demo = Demo::new();
    let runs: Vec<Child> = (0..8)
        .map(|i| demo.command(&format!("out {i}"), "kept", &[]).spawn().expect("run"))
        .collect();
    for run in runs {
        let output = run.wait_with_output().expect("ended");
        assert!(output.status.success(), "{}", said(&output));
    }
    let first = tables(&demo.path("out 0"));
    assert!((1..8).all(|i| tables(&demo.path(&format!("out {i}"))) == first));
}

#[test]
fn what_is_kept_is_listed_and_cleaned_and_a_run_is_verified() {
    let demo = Demo::new();
    assert!(demo.command("out", "kept", &[]).status().expect("run").success());
    let (out, kept) = (demo.path("out"), demo.path("kept"));
    let cache = |words: &[&str]| {
        let mut command = program::command();
        merged(command.arg("cache").args(words).arg("--cache").arg(&kept))
    };
    let (code, text) = cache(&["list"]);
    assert_eq!(code, 0);
    assert!(text.contains("psnr on pairs") && text.contains("pixels on twoafc"), "{text}");
    let (_, text) = cache(&["clean", "--model", "psnr"]);
    assert!(text.contains("2 of 8 entries removed"), "{text}");
    let (_, text) = cache(&["clean", "--older-than", "1"]);
    assert!(text.contains("0 of 6 entries removed"), "{text}");
    let (_, text) = cache(&["size"]);
    assert!(text.starts_with("6 entries, "), "{text}");

    let verify = || merged(program::command().arg("verify").arg(&out).arg("--all"));
    let (code, text) = verify();
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("DIFFERENT") && !text.contains("NOT THERE"), "{text}");

    // A digit of a score, a row of the comparisons, an image, and a table that is gone.
    let scores = fs::read_to_string(out.join("scores.csv")).expect("read");
    let value = scores.lines().nth(1).expect("a row").split(',').nth(7).expect("a value");
    let other = (value.parse::<f64>().expect("a number") + 1e-9).to_string();
    fs::write(out.join("scores.csv"), scores.replacen(value, &other, 1)).expect("written");
    let (code, text) = verify();
    assert_eq!(code, 1);
    assert!(text.contains("DIFFERENT  result: ") && text.contains("scores.csv has"), "{text}");
    fs::write(out.join("scores.csv"), &scores).expect("written");

    let image = demo.data.low.join("ref_00.png");
    let bytes = fs::read(&image).expect("read");
    fs::copy(demo.data.low.join("ref_01.png"), &image).expect("copied");
    let (code, text) = verify();
    assert!(code == 1 && text.contains("images of pairs: SHA-256 over all is"), "{text}");
    fs::write(&image, bytes).expect("written");

    fs::remove_file(out.join("findings.csv")).expect("removed");
    let (code, text) = verify();
    assert!(code == 1 && text.contains("NOT THERE  result: "), "{text}");
    // The same command does not take it for done.
    let again = demo.command("out", "kept", &[]).output().expect("run");
    assert_eq!(again.status.code(), Some(2));
    assert!(
        said(&again).contains("findings.csv is not as this very run left it"),
        "{}",
        said(&again)
    );
}

#[test]
fn a_data_set_is_checked_before_it_is_run() {
    let demo = Demo::new();
    let low = &demo.data.low;
    let check = || {
        let mut command = program::command();
        merged(command.args(["check", "--dataset", "pairs", "--data"]).arg(low))
    };
    let (code, text) = check();
    assert_eq!(code, 0, "{text}");
    let image = low.join("ref_00.png");
    let bytes = fs::read(&image).expect("read");
    fs::write(&image, &bytes[..bytes.len() / 2]).expect("written");
    let (code, text) = check();
    assert!(
        code == 1 && text.contains("1 images cannot be decoded") && text.contains("--keep-going"),
        "{text}"
    );

    let stopping = demo.command("out", "kept", &[]).output().expect("run");
    assert_eq!(stopping.status.code(), Some(2));
    assert!(said(&stopping).contains("--keep-going"), "{}", said(&stopping));
    let going = demo.command("out", "kept", &["--keep-going"]).output().expect("run");
    assert_eq!(going.status.code(), Some(1), "{}", said(&going));
    assert!(said(&going).contains("ref_00.png could not be read"), "{}", said(&going));
    assert!(demo.path("out").join("report.html").exists());
}
