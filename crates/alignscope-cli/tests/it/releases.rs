//! A data set is named by the release that it is, and held against the published scores of that
//! release alone.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::place::{Place, npy, stepped_png, text};
use crate::program::{Outcome, command, outcome};

/// Mean scores of the distortion types of TID2013, and of its levels.
const TID2013: (&[f64], &[f64]) = (
    &[
        4.7541, 5.3720, 3.7217, 5.3579, 4.8055, 3.9834, 4.0702, 4.1246, 4.4220, 4.3886, 3.7354,
        4.5237, 3.6530, 5.1047, 3.5819, 5.5555, 5.2678, 4.3148, 4.6353, 4.7859, 4.1756, 4.4509,
        4.9191, 3.6880,
    ],
    &[5.5154, 5.2209, 4.5763, 3.9687, 3.0920],
);

/// The same of TID2008.
const TID2008: (&[f64], &[f64]) = (
    &[
        4.9039, 5.5969, 3.7668, 5.5243, 4.9591, 4.2132, 3.8876, 3.9411, 4.1791, 4.0880, 3.1425,
        4.2750, 3.5909, 5.0553, 3.6009, 5.8213, 5.6074,
    ],
    &[5.4847, 4.8478, 4.2461, 3.3398],
);

/// What is done to the scores and names of a list.
type Change = fn(&mut Vec<(f64, String)>);

/// Some small images, which stand under many names in the folder of a data set.
const IMAGES: usize = 7;

/// A place whose folder `data` has some layout.
struct Layout(Place);

/// What a run left.
struct Done {
    /// The data sets in `scores.csv`.
    datasets: Vec<String>,
    /// The rows of `published-differences.csv`.
    differences: Vec<String>,
    stderr: String,
    out: Place,
}

impl Layout {
    fn new() -> Self {
        let place = Place::new();
        for i in 0..IMAGES {
            place.write(&format!(".{i}"), stepped_png(6, 6, (i + 2) * (i + 3)));
        }
        Self(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path("data").join(name)
    }

    /// One of the images, by another name.
    fn image(&self, name: &str, which: usize) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::hard_link(self.0.path(&format!(".{}", which % IMAGES)), path).expect("linked");
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.0.write(&format!("data/{name}"), content);
    }

    /// All images and `mos_with_names.txt` of 25 references; the scores have the means given.
    fn tid((types, levels): (&[f64], &[f64]), change: Change) -> Self {
        let place = Self::new();
        let middle = levels.iter().sum::<f64>() / levels.len() as f64;
        let mut rows = Vec::new();
        for reference in 1..=25 {
            place.image(&format!("reference_images/I{reference:02}.BMP"), 0);
            for (kind, of_kind) in (1..).zip(types) {
                for (level, of_level) in (1..).zip(levels) {
                    let name = format!("i{reference:02}_{kind:02}_{level}.bmp");
                    place.image(&format!("distorted_images/{name}"), rows.len() + 1);
                    rows.push((of_kind + of_level - middle, name));
                }
            }
        }
        change(&mut rows);
        let lines: String = rows.iter().map(|(mos, name)| format!("{mos:.5} {name}\n")).collect();
        place.write("mos_with_names.txt", lines);
        place
    }

    fn kadid() -> Self {
        let place = Self::new();
        let mut table = "dist_img,ref_img,dmos,var\n".to_owned();
        for reference in 1..=81 {
            place.image(&format!("images/I{reference:02}.png"), 0);
            for kind in 1..=25 {
                for level in 1..=5 {
                    let name = format!("I{reference:02}_{kind:02}_{level:02}.png");
                    place.image(&format!("images/{name}"), kind * 5 + level);
                    let score = 5.0 - 0.7 * level as f64;
                    table += &format!("{name},I{reference:02}.png,{score:.2},0.5\n");
                }
            }
        }
        place.write("dmos.csv", table);
        place
    }

    /// NIGHTS's table; the folder of its references is as given.
    fn nights(references: &str) -> Self {
        let place = Self::new();
        let header = "id,left_vote,right_vote,votes,ref_path,left_path,right_path,split\n";
        let mut table = header.to_owned();
        for i in 0..20_019_usize {
            let stem = format!("{:03}/{:03}", i / 1000, i % 1000);
            let paths = [
                format!("{references}/{stem}.png"),
                format!("distort/{stem}_0.png"),
                format!("distort/{stem}_1.png"),
            ];
            for (part, path) in paths.iter().enumerate() {
                place.image(path, i + part);
            }
            let left = i % 3 % 2;
            table += &format!("{i},{left},{},8,{},train\n", 1 - left, paths.join(","));
        }
        place.write("data.csv", table);
        place
    }

    /// Runs the pixels with the published scores under them.
    fn run(&self, dataset: &str, more: &[&str]) -> Result<Done, String> {
        run(dataset, &self.path(""), more)
    }
}

fn program(arguments: &[&str], data: &Path) -> Outcome {
    outcome(command().args(arguments).arg("--data").arg(data))
}

fn run(dataset: &str, data: &Path, more: &[&str]) -> Result<Done, String> {
    let out = Place::new();
    let mut arguments =
        vec!["run", "--model", "pixels", "--no-cache", "--resamples", "0", "--published"];
    arguments.extend(["--dataset", dataset, "--out", text(out.root())]);
    arguments.extend(more);
    let (code, _, stderr) = program(&arguments, data);
    if code != 0 {
        return Err(stderr);
    }
    let scores = out.read("scores.csv");
    let mut datasets: Vec<String> = scores
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a field").to_owned())
        .collect();
    datasets.dedup();
    let differences = out.read("published-differences.csv");
    let differences = differences.lines().skip(1).map(str::to_owned).collect();
    Ok(Done { datasets, differences, stderr, out })
}

/// What is run is named `name`, and held against nothing; `said` is told.
fn stands_alone(done: &Done, name: &str, said: &str) {
    assert_eq!(done.datasets, [name]);
    assert_eq!(done.differences, [] as [String; 0]);
    let notes = &done.stderr;
    assert!(notes.contains(&format!("{name} is not held against the published scores")), "{notes}");
    assert!(notes.contains(said), "`{said}` is not in {notes}");
    let page = done.out.read("report.html");
    assert!(page.contains(&format!("{name} is not held against the published scores")));
    let figure = done.out.read("alignment.csv");
    assert!(!figure.contains("published"), "no line of the study lies under it");
}

#[test]
fn tid2013_as_a_whole_is_held_against_its_published_scores() {
    let place = Layout::tid(TID2013, |_| {});
    let done = place.run("tid2013", &[]).expect("run");
    assert_eq!(done.datasets, ["tid2013"]);
    assert_eq!(done.differences.len(), 1, "{:?}", done.differences);
    assert!(done.differences[0].starts_with("tid2013,pixels,euclidean,image,0.687,"));
    assert!(done.differences[0].ends_with(",3000,3000"));

    let part = place.run("tid2013", &["--limit", "100"]).expect("run");
    stands_alone(&part, "tid2013", "a part of it was asked for (at most 100 trials)");

    for (asked, name) in [("kadid10k", "KADID-10k"), ("tid2008", "TID2008")] {
        let Err(error) = place.run(asked, &[]) else { panic!("it is not {name}") };
        assert!(error.contains(&format!("holds tid2013, not {asked}")), "{error}");
        assert!(error.contains("ask for it as tid2013"), "{error}");
    }
}

#[test]
fn what_looks_like_tid2013_is_not_held_against_it() {
    let look_alikes: [(Change, &str); 5] = [
        (|rows| drop(rows.pop()), "it has 2999 pairs, TID2013 has 3000"),
        (|rows| rows.iter_mut().for_each(|row| row.0 *= 100.0 / 9.0), "score of"),
        (|rows| rows.iter_mut().for_each(|row| row.0 /= 9.0), "distortion type 1 have the mean"),
        (|rows| rows.iter_mut().for_each(|row| row.0 = 9.0 - row.0), "have the mean"),
        (|rows| rows[0] = rows[1].clone(), "`i01_01_2` twice"),
    ];
    for (change, why) in look_alikes {
        let place = Layout::tid(TID2013, change);
        let done = place.run("tid2013", &[]).expect("run");
        stands_alone(&done, "tid-like", why);
        // A distortion has a name where it is known which one it is.
        let scores = done.out.read("scores.csv");
        assert!(scores.contains(",type 10,") && !scores.contains("JPEG"), "{why}");
        let (code, said, _) = program(&["check", "--dataset", "tid2013"], &place.path(""));
        assert_eq!(code, 1);
        assert!(said.contains("this is not TID2013, but tid-like"), "{said}");
    }
}

#[test]
fn tid2008_in_the_layout_of_tid2013_is_not_held_against_it() {
    let place = Layout::tid(TID2008, |_| {});
    let done = place.run("tid2013", &[]).expect("run");
    stands_alone(&done, "tid2008", "asked for as tid2013; in results it is tid2008");
    stands_alone(&place.run("tid2008", &[]).expect("run"), "tid2008", "is TID2008 (1700 pairs)");
}

#[test]
fn kadid_in_the_layout_of_tid2013_is_not_held_against_it() {
    let place = Layout::kadid();
    let done = place.run("tid2013", &[]).expect("run");
    stands_alone(&done, "kadid10k", "is KADID-10k (10125 pairs)");
    let scores = done.out.read("scores.csv");
    assert!(scores.contains(",type 02 lens blur,"));

    // What a part is of is told by the whole table.
    let part = place.run("kadid10k", &["--limit", "20"]).expect("run");
    stands_alone(&part, "kadid10k", "is KADID-10k (10125 pairs)");

    // A run is verified by the names in its results.
    let verify = |data: &str| {
        let data = format!("{data}={}", place.path("").display());
        outcome(command().arg("verify").arg(part.out.root()).args(["--data", &data]))
    };
    assert_eq!(verify("kadid10k").0, 0);
    let (code, _, message) = verify("tid2013");
    assert_eq!(code, 2);
    assert!(message.contains("no data set `tid2013`; it has kadid10k"), "{message}");
}

/// Two tables of rated pairs, in `one` and `two`.
fn two_tables() -> Layout {
    let place = Layout::new();
    for name in ["one", "two"] {
        (0..4).for_each(|i| place.image(&format!("{name}/{i}.png"), i));
        let rows = "0.png,1.png,3\n0.png,2.png,2\n1.png,3.png,1\n";
        place.write(&format!("{name}/pairs.csv"), format!("reference,distorted,score\n{rows}"));
    }
    place
}

/// `alignscope run` of the pixels, with the data sets given as `[NAME=]FORMAT` and folder.
fn run_all(datasets: &[(&str, PathBuf)], more: &[&str]) -> (i32, String, Place) {
    let out = Place::new();
    let mut command = command();
    command.args(["run", "--model", "pixels", "--no-cache", "--resamples", "0", "--published"]);
    for (dataset, data) in datasets {
        command.args(["--dataset", dataset, "--data"]).arg(data);
    }
    let (code, _, message) = outcome(command.args(more).arg("--out").arg(out.root()));
    (code, message, out)
}

#[test]
fn data_sets_of_one_format_stand_in_one_run_and_only_tid2013_is_held_against_the_study() {
    let [tid, kadid, tables] = [Layout::tid(TID2013, |_| {}), Layout::kadid(), two_tables()];
    let datasets = [
        ("tid2013", tid.path("")),
        // It has the format of TID2013, and a name that the study knows.
        ("nights=tid2013", kadid.path("")),
        ("my own=pairs", tables.path("one")),
        ("pairs", tables.path("two")),
    ];
    let (code, message, out) = run_all(&datasets, &["--level", "my own=none"]);
    assert_eq!(code, 0, "{message}");
    let differences = out.read("published-differences.csv");
    let rows: Vec<&str> = differences.lines().skip(1).collect();
    assert_eq!(rows.len(), 1, "{differences}");
    assert!(rows[0].starts_with("tid2013,pixels,euclidean,image,0.687,"), "{differences}");
    for name in ["nights", "my own", "pairs"] {
        let told = format!("{name} is not held against the published scores: the study has no");
        assert!(message.contains(&told), "{message}");
    }
    let scores = out.read("scores.csv");
    for (name, end) in [
        // Behind them stand `series` and `step`.
        ("tid2013", ",low,tid2013,,"),
        ("nights", ",low,kadid10k,,"),
        ("my own", ",none,,,"),
        ("pairs", ",low,,,"),
    ] {
        let row = scores.lines().find(|line| line.starts_with(&format!("{name},all,")));
        assert!(row.is_some_and(|row| row.ends_with(end)), "{name}: {row:?}");
    }
    let manifest: serde_json::Value =
        serde_json::from_str(&out.read("manifest.json")).expect("JSON");
    let told = |i: usize| {
        let of = |key| manifest["datasets"][i][key].as_str().unwrap_or("null").to_owned();
        ["name", "format", "release", "level"].map(of).join(", ")
    };
    assert_eq!(told(1), "nights, tid2013, kadid10k, low");
    assert_eq!(told(2), "my own, pairs, null, none");
    assert!(out.read("report.html").contains("my own"));
    let figure = out.read("alignment.csv");
    let published = figure.lines().filter(|line| line.contains(",published,"));
    assert!(published.into_iter().all(|line| line.starts_with("tid2013,")), "{figure}");
    let verified = outcome(command().arg("verify").arg(out.root()));
    assert_eq!(verified.0, 0, "{verified:?}");
    let mut compare = command();
    compare.arg("compare").arg(out.root()).args(["--dataset", "elsewhere"]);
    let (code, _, message) = outcome(&mut compare);
    assert!(code == 2 && message.contains("no scores on elsewhere"), "{message}");
}

#[test]
fn two_data_sets_of_one_name_are_refused_with_what_to_do() {
    let tables = two_tables();
    let [one, two] = ["one", "two"].map(|name| tables.path(name));
    let refused = |first: &str, second: &str, more: &[&str], words: &str| {
        let (code, message, _) = run_all(&[(first, one.clone()), (second, two.clone())], more);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(words), "`{words}` is not in {message}");
    };
    let twice = "two data sets are called `pairs`";
    refused("pairs", "pairs", &[], twice);
    refused("pairs", "pairs", &[], "`--dataset mine=pairs`");
    refused("pairs", "pairs=pairs", &[], twice);
    refused("a=pairs", "a=pairs", &[], "two data sets are called `a`");
    refused("a=pairs", "b=pair", &[], "did you mean `pairs`?");
    refused("=pairs", "b=pairs", &[], "cannot be called ``: it is empty");
    refused("a\u{1b}=pairs", "b=pairs", &[], "which does not show");
    let level = |text| ["--level", text];
    refused("a=pairs", "b=pairs", &level("c=low"), "those that are run are `a`, `b`");
    refused("a=pairs", "b=pairs", &level("a=lo"), "unknown level `lo`");
    refused("a=pairs", "b=pairs", &level("low"), "expected NAME=LEVEL");
}

#[test]
fn an_experiment_names_its_data_sets_and_panels_show_them_by_name() {
    let tables = two_tables();
    let text = |second: &str| {
        format!(
            "[[datasets]]\nname = \"a b\"\nformat = \"pairs\"\nlevel = \"high\"\n\
             data = \"data/one\"\n[[datasets]]\n{second}\ndata = \"nowhere\"\n\
             [[figures]]\nname = \"f\"\nmodels = [\"pixels\"]\npanels = [\"a b\"]\n"
        )
    };
    let run = |second: &str, more: &[&str]| {
        tables.0.write("e.toml", text(second));
        let out = Place::new();
        let mut command = command();
        command.arg("run").arg(tables.0.path("e.toml")).args(more);
        command.args(["--no-cache", "--resamples", "0", "--out"]).arg(out.root());
        let (code, _, message) = outcome(&mut command);
        (code, message, out)
    };
    let data = format!("pairs={}", tables.path("two").display());
    let (code, message, out) = run("name = \"pairs\"", &["--data", &data, "--level", "pairs=low"]);
    assert_eq!(code, 0, "{message}");
    assert!(out.read("scores.csv").contains("a b,all,"));
    let figure = out.read("f.csv");
    let shown = figure.lines().skip(1).all(|line| line.starts_with("a b,"));
    assert!(shown, "{figure}");
    let (code, message, _) = run("", &[]);
    assert!(code == 2 && message.contains("has no `format`"), "{message}");
    let (code, message, _) = run("name = \"x\"\nformat = \"pears\"", &[]);
    assert!(code == 2 && message.contains("unknown data set `pears`"), "{message}");
    let (code, message, _) = run("name = \"pairs\"", &["--data", "c=/"]);
    assert!(code == 2 && message.contains("its data sets are `a b`, `pairs`"), "{message}");
}

#[test]
fn a_panel_of_an_experiment_is_of_what_was_found() {
    let place = Layout::tid(TID2008, |_| {});
    let experiment = |datasets: &[&str]| {
        let mut text: String = datasets
            .iter()
            .map(|name| format!("[[datasets]]\nname = \"{name}\"\ndata = \"data\"\nlimit = 40\n"))
            .collect();
        text += "[[figures]]\nname = \"one\"\nmodels = [\"pixels\"]\npanels = [\"tid2013\"]\n";
        place.0.write("e.toml", text);
        let out = Place::new();
        let mut command = command();
        command.arg("run").arg(place.0.path("e.toml"));
        command.args(["--no-cache", "--resamples", "0", "--out"]).arg(out.root());
        let (code, _, message) = outcome(&mut command);
        (code, message, out)
    };
    let (code, message, out) = experiment(&["tid2013"]);
    assert_eq!(code, 0, "{message}");
    let figure = out.read("one.csv");
    assert!(figure.contains("\ntid2008,spearman,40,pixels,"), "{figure}");

    let (code, message, _) = experiment(&["tid2013", "tid2008"]);
    assert_eq!(code, 2);
    assert!(
        message.contains("two data sets are called `tid2008`"),
        "the same data set by two names: {message}"
    );
}

#[test]
fn nights_as_a_whole_is_held_against_its_published_scores_and_a_look_alike_is_not() {
    let done = Layout::nights("ref").run("nights", &[]).expect("run");
    assert_eq!(done.datasets, ["nights"]);
    assert!(done.differences[0].ends_with(",20019,20019"), "{:?}", done.differences);

    let mine = Layout::nights("mine");
    stands_alone(&mine.run("nights", &["--limit", "50"]).expect("run"), "nights-like", "`mine/");
}

#[test]
fn bapps_and_what_looks_like_it_are_not_held_against_nights() {
    let place = Layout::new();
    let share = npy(&[1], "False", &[0.8]);
    for i in 0..3 {
        for (part, which) in [("ref", 0), ("p0", 1), ("p1", 2)] {
            place.image(&format!("2afc/val/cnn/{part}/{i:06}.png"), i + which);
        }
        place.write(&format!("2afc/val/cnn/judge/{i:06}.npy"), &share);
    }
    let done = place.run("nights", &[]).expect("run");
    stands_alone(&done, "bapps-like", "it has 3 trials of `cnn`, BAPPS about 4700");
    let Err(error) = place.run("bapps", &[]) else { panic!("three trials are not BAPPS") };
    assert!(error.contains("holds bapps-like, not bapps"), "{error}");
    let Err(error) = place.run("nights", &["--min-votes", "6"]) else { panic!("no votes") };
    let part = "the fewest votes of a trial cannot be chosen for bapps; leave out `--min-votes`";
    assert!(error.contains(part), "{error}");
    let tid = Layout::tid(TID2008, |_| {});
    let Err(error) = tid.run("bapps", &[]) else { panic!("there is no 2afc") };
    assert!(error.contains("holds no bapps") && error.contains("looks like tid2013"), "{error}");
}

#[test]
fn triplets_of_ones_own_in_the_layout_of_things_are_not_held_against_it() {
    let place = Layout::new();
    for (i, concept) in ["axe", "bee", "cup"].into_iter().enumerate() {
        place.image(&format!("object_images/{concept}/{concept}_01b.jpg"), i);
    }
    place.write("unique_id.txt", "axe\nbee\ncup\n");
    place.write("triplet_dataset/testset1.txt", "0 1 2\n2 1 0\n");
    let done = place.run("things", &[]).expect("run");
    stands_alone(&done, "things-like", "its 3 concepts are not the 1854 of THINGS");
}

/// Says that a test was skipped, and why; fails it where `ALIGNSCOPE_NO_SKIP` is set and not empty.
fn skipped(why: &str) {
    // Not by a macro, whose words are not shown of a test that passes.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    let refused = std::env::var_os("ALIGNSCOPE_NO_SKIP").is_some_and(|value| !value.is_empty());
    assert!(!refused, "ALIGNSCOPE_NO_SKIP is set, but a test was skipped: {why}");
}

/// A folder beside the project that only some machines have; without it, the test is [`skipped`].
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.is_dir() {
        skipped(&format!("{} is not there", path.display()));
        return None;
    }
    Some(path)
}

#[test]
fn real_choices_in_the_layout_of_nights_are_not_held_against_it() {
    let Some(materials) = real("materials") else { return };
    let done = run("nights", &materials, &[]).expect("run");
    stands_alone(&done, "nights-like", "it has 24144 trials, NIGHTS has 20019");
}

#[test]
fn the_real_things_without_some_images_is_a_part_of_it() {
    let Some(things) = real("things") else { return };
    let done = run("things", &things, &["--skip-missing"]).expect("run");
    stands_alone(&done, "things", "18,985 trials were scored, 15,640 by the study");
}
