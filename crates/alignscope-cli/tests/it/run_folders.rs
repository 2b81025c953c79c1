//! What the program does with folders of runs and caches that come from elsewhere, and with names
//! that a terminal would obey.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

#[cfg(unix)]
use crate::place::fifo;
use crate::place::{IMAGES, Place, stepped_png, text};
use crate::program::{Outcome, command, is_refused, outcome};

/// A data set of three images.
fn place() -> Place {
    Place::with_equal_pairs("data")
}

/// The same, with a run of a baseline on it in `run`.
fn with_run() -> Place {
    let place = place();
    let (data, out) = (place.path("data"), place.path("run"));
    let data = ["--dataset", "pairs", "--data", text(&data), "--out", text(&out)];
    let arguments = [&["run", "--model", "psnr", "--no-cache", "--resamples", "100"][..], &data];
    let (code, _, message) = alignscope(&arguments.concat());
    assert_eq!(code, 0, "{message}");
    place
}

/// Changes the manifest of the run.
fn edit(place: &Place, change: impl FnOnce(&mut Value)) {
    let mut manifest = serde_json::from_str(&place.read("run/manifest.json")).expect("JSON");
    change(&mut manifest);
    place.write("run/manifest.json", manifest.to_string());
}

/// Runs a command on the run's folder; holds exit code 2 and the message to what is expected.
fn refuses(place: &Place, command: &str, parts: &[&str]) {
    let (code, _, message) = alignscope(&[command, text(&place.path("run"))]);
    is_refused(code, &message, parts);
}

fn page(place: &Place) -> String {
    place.read("run/report.html")
}

/// Every file and folder below the place.
fn everything(place: &Place) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![place.root().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("listed") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a kind").is_dir() {
                open.push(entry.path());
            }
            found.insert(entry.path());
        }
    }
    found
}

/// Runs the program, which must not wait for a FIFO without end.
fn alignscope(arguments: &[&str]) -> Outcome {
    outcome(command().args(arguments).timeout(Duration::from_secs(60)))
}

#[test]
fn a_figure_of_a_manifest_is_drawn_nowhere_but_in_the_folder_of_the_run() {
    let place = with_run();
    place.write("x.csv", "mine");
    let absolute = text(&place.path("x")).to_owned();
    for (name, words) in [
        ("../x", "is not fit for its files"),
        (absolute.as_str(), "is not fit for its files"),
        ("..", "is not fit for its files"),
        ("a/b", "is not fit for its files"),
        (".x", "is not fit for its files"),
        ("nul", "is not fit for its files"),
        ("scores", "is taken by a file of the run itself"),
        ("Findings", "is taken by a file of the run itself"),
        ("report", "is taken by a file of the run itself"),
        ("energy", "is taken by a file of the run itself"),
    ] {
        edit(&place, |manifest| manifest["figures"][0]["name"] = name.into());
        let scores = fs::read(place.path("run/scores.csv")).expect("read");
        let before = everything(&place);
        refuses(&place, "report", &["manifest.json", name, words]);
        assert_eq!(everything(&place), before, "{name}");
        assert_eq!(fs::read(place.path("x.csv")).expect("read"), b"mine");
        assert_eq!(fs::read(place.path("run/scores.csv")).expect("read"), scores);
    }
    edit(&place, |manifest| {
        let mut figure = manifest["figures"][0].clone();
        figure["name"] = "one".into();
        let mut other = figure.clone();
        other["name"] = "ONE".into();
        manifest["figures"] = json!([figure, other]);
    });
    refuses(&place, "report", &["two figures are called `one` and `ONE`"]);
}

#[test]
fn an_experiment_cannot_call_a_figure_like_a_file_of_the_run() {
    let place = place();
    for (name, words) in [
        ("scores", "taken are `scores`, `distances`, `trials`"),
        ("ceilings", "is taken"),
        ("comparisons", "is taken"),
        ("FINDINGS", "is taken"),
        ("manifest", "is taken"),
        ("run", "is taken"),
        ("published-differences", "is taken"),
        ("com1", "is not fit"),
        ("a b", "is not fit"),
    ] {
        let experiment = format!(
            "[[datasets]]\nname = \"pairs\"\ndata = \"data\"\n[[figures]]\nname = \"{name}\"\n\
             models = [\"psnr\"]\n"
        );
        place.write("e.toml", experiment);
        let (file, out) = (place.path("e.toml"), place.path("out"));
        let (code, _, message) =
            alignscope(&["run", text(&file), "--no-cache", "--out", text(&out)]);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(words) && message.contains("e.toml"), "{message}");
        assert!(!out.exists());
    }
}

#[test]
fn the_page_shows_images_only_if_they_are_those_of_the_run() {
    let place = with_run();
    let images = |page: &str| page.matches("<img src=\"data:image/jpeg").count();
    let shown = images(&page(&place));
    assert!(shown > 0);
    let report = |more: &[&str]| {
        let run = place.path("run");
        let (code, _, message) =
            alignscope(&[&["report", text(&run), "--quiet"][..], more].concat());
        assert_eq!(code, 0, "{message}");
        page(&place)
    };
    assert_eq!(images(&report(&[])), shown);

    // Somebody's pictures, in a folder that the manifest names, under names that it knows.
    let private = place.path("private");
    fs::create_dir(&private).expect("made");
    for (i, name) in IMAGES.iter().enumerate() {
        fs::write(private.join(name), stepped_png(20, 17, i + 10)).expect("written");
    }
    edit(&place, |manifest| manifest["datasets"][0]["images_root"] = text(&private).into());
    let page = report(&[]);
    assert_eq!(images(&page), 0);
    assert!(page.contains("are not those that the run was made from"), "{page}");
    assert!(page.contains("say where the folder of pairs is"));

    // The data set has moved: its images are known by what is in them.
    fs::rename(place.path("data"), place.path("moved")).expect("moved");
    edit(&place, |manifest| {
        manifest["datasets"][0]["images_root"] = manifest["datasets"][0]["data"].clone();
    });
    let page = report(&[]);
    assert_eq!(images(&page), 0);
    assert!(page.contains("one cannot be read"), "{page}");
    let moved = format!("pairs={}", text(&place.path("moved")));
    assert_eq!(images(&report(&["--data", &moved])), shown);
    let other = format!("pairs={}", text(&private));
    assert_eq!(images(&report(&["--data", &other])), 0);

    // A picture that was replaced, by another or by a link to one.
    place.write("moved/b.png", stepped_png(20, 17, 12));
    assert_eq!(images(&report(&["--data", &moved])), 0);
    #[cfg(unix)]
    {
        fs::remove_file(place.path("moved/b.png")).expect("removed");
        std::os::unix::fs::symlink(private.join("b.png"), place.path("moved/b.png"))
            .expect("linked");
        assert_eq!(images(&report(&["--data", &moved])), 0);
        fs::remove_file(place.path("moved/b.png")).expect("removed");
        fifo(&place.path("moved/b.png"));
        assert_eq!(images(&report(&["--data", &moved])), 0);
    }
}

#[test]
fn numbers_and_lists_of_a_manifest_have_bounds() {
    let place = with_run();
    let original = fs::read(place.path("run/manifest.json")).expect("read");
    let long = "x".repeat(5000);
    let many: Vec<Value> = (0..300)
        .map(|i| {
            json!({"name": format!("f{i}"), "title": null,
        "models": [], "distances": [], "panels": []})
        })
        .collect();
    let model = json!({"name": "m", "spec": "m", "of_user": false, "made_with": {}, "defaults_used": [], "files": []});
    type Change = Box<dyn Fn(&mut Value)>;
    let set = |pointer: &'static str, value: Value| -> Change {
        Box::new(move |manifest| *manifest.pointer_mut(pointer).expect(pointer) = value.clone())
    };
    let hash = "/datasets/0/images_sha256";
    for (command, change, parts) in [
        (
            "compare",
            set("/resamples", 1_000_000_000.into()),
            ["`resamples` is 1000000000", "1000000"],
        ),
        ("report", set("/figures", many.into()), ["more than 200 figures", "manifest.json"]),
        ("report", set("/title", long.clone().into()), ["title", "5000 bytes"]),
        ("report", set("/datasets/0/trials", u64::MAX.into()), ["`datasets[0].trials`", "at most"]),
        ("report", set("/datasets/0/name", long.clone().into()), ["`datasets[0].name`", "4096"]),
        ("report", set("/times/wall_s", (-1).into()), ["`times.wall_s` is -1", "0 or more"]),
        ("report", set("/models", vec![model.clone(); 2000].into()), ["a list of 2000", "1000"]),
        (
            "report",
            set("/models/0/name", long.clone().into()),
            ["`models[0].name`", "at most 4096"],
        ),
        ("report", set("/colours", json!({"psnr": "url(x)"})), ["`colours.psnr`", "#rrggbb"]),
        ("verify", set("/results/0/path", "/dev/zero".into()), ["`results[0].path`", "one of"]),
        ("verify", set("/results/0/path", "../x".into()), ["is `../x`", "scores.csv"]),
        ("verify", set("/results/1/path", "scores.csv".into()), ["once more", "each table once"]),
        ("verify", set("/results/0/sha256", "x".into()), ["`results[0].sha256`", "64 hexadecimal"]),
        ("verify", set(hash, "\u{1b}".into()), ["images_sha256", "\\u{1b}"]),
        ("verify", set("/models", vec![model; 2000].into()), ["a list of 2000", "at most 1000"]),
    ] {
        place.write("run/manifest.json", &original);
        edit(&place, change);
        refuses(&place, command, &parts);
    }
}

#[test]
fn resamples_of_a_manifest_are_bounded_together_with_what_is_compared() {
    let place = with_run();
    edit(&place, |manifest| manifest["resamples"] = 1_000_000.into());
    let table = place.read("run/scores.csv");
    let is_main = |line: &&str| line.contains(",pixels,") && line.contains(",spearman,");
    let of_pixels = table.lines().find(is_main).expect("a score of pixels");
    let more = (0..900).flat_map(|i| {
        let of_model = of_pixels.replace(",pixels,", &format!(",m{i},")) + "\n";
        [of_model.replace(",euclidean,", ",cosine,"), of_model]
    });
    place.write("run/scores.csv", table.clone() + &more.collect::<String>());
    let run = place.path("run");
    let compare = ["compare", text(&run), "--model-a", "psnr"];
    let (code, _, message) = alignscope(&compare);
    let parts = ["1000000 resamples", "models by stage and distance", "at most 1000000000"];
    is_refused(code, &message, &parts);
    is_refused(code, &message, &["--resamples"]);
    // What the user says counts, and then it is told that there are no such distances.
    let (code, _, message) = alignscope(&[&compare[..], &["--resamples", "100"]].concat());
    is_refused(code, &message, &["distances.parquet"]);
}

#[test]
fn values_of_the_tables_have_bounds_with_line_and_column() {
    let place = with_run();
    let path = place.path("run/scores.csv");
    let original = fs::read_to_string(&path).expect("read");
    let header: Vec<&str> = original.lines().next().expect("a header").split(',').collect();
    for (column, value, expected) in [
        ("value", "1e18", "expected a number from -100 to 100"),
        ("value", "inf", "expected a number from -100 to 100"),
        ("ci_low", "-1e300", "expected a number from -100 to 100"),
        ("ceiling", "NaN", "expected a number"),
        ("depth_percent", "1e9", "expected a number from 0 to 100"),
        ("depth_percent", "", "expected a number from 0 to 100"),
        ("n", "18446744073709551615", "expected a whole number of at most"),
        ("n", "-1", "column `n` is `-1`"),
        ("model", "", "expected a name of 1 to 4096 bytes"),
        ("stage", "", "expected a name of 1 to 4096 bytes"),
    ] {
        let place_of = header.iter().position(|name| *name == column).expect(column);
        let lines = original.lines().enumerate().map(|(i, line)| {
            let mut fields: Vec<&str> = line.split(',').collect();
            if i == 1 {
                fields[place_of] = value;
            }
            fields.join(",")
        });
        fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("written");
        refuses(&place, "report", &["scores.csv, line 2", &format!("column `{column}`"), expected]);
    }
    // Many models are more than a figure can show.
    let row = original.lines().nth(1).expect("a row").split(',').collect::<Vec<_>>();
    let model = header.iter().position(|name| *name == "model").expect("a column");
    let rows = (0..1500).map(|i| {
        let name = format!("m{i}");
        let mut fields = row.clone();
        fields[model] = &name;
        fields.join(",")
    });
    let table = [header.join(",")].into_iter().chain(rows).collect::<Vec<_>>().join("\n");
    fs::write(&path, table).expect("written");
    refuses(&place, "report", &["scores.csv", "`models` is of 1500", "at most 1000"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_in_a_run_is_told_and_never_waited_for() {
    use std::os::unix::fs::symlink;
    let place = with_run();
    let run = place.path("run");
    let files = ["manifest.json", "scores.csv", "trials.parquet", "distances.parquet"];
    let others = ["findings.csv", "comparisons.csv", "ceilings.csv"];
    for (i, name) in files.iter().chain(&others).enumerate() {
        let (path, kept) = (run.join(name), place.path("kept"));
        fs::rename(&path, &kept).expect("moved");
        let kinds: [(&str, &dyn Fn()); 5] = [
            ("a FIFO", &|| fifo(&path)),
            ("a device", &|| symlink("/dev/zero", &path).expect("linked")),
            ("a folder", &|| fs::create_dir(&path).expect("made")),
            ("", &|| symlink("nowhere", &path).expect("linked")),
            ("", &|| symlink(&path, &path).expect("linked")),
        ];
        for (what, make) in kinds {
            make();
            refuses(&place, "report", &[name, what]);
            if i < files.len() {
                refuses(&place, "compare", &[name, what]);
            }
            let (code, _, message) = alignscope(&["verify", text(&run)]);
            assert_ne!(code, 0, "{message}");
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).expect("removed");
        }
        fs::rename(&kept, &path).expect("moved back");
    }
    for name in ["unfinished.json", "published-differences.csv"] {
        fifo(&run.join(name));
        refuses(&place, "report", &[]);
        fs::remove_file(run.join(name)).expect("removed");
    }
    symlink("nowhere", run.join("unfinished.json")).expect("linked");
    refuses(&place, "report", &["is not done"]);
}

#[cfg(unix)]
#[test]
fn an_experiment_that_is_no_file_is_refused_and_not_waited_for() {
    let place = Place::new();
    let experiment = place.path("experiment.toml");
    for what in ["a FIFO", "a device"] {
        match what {
            "a FIFO" => fifo(&experiment),
            _ => std::os::unix::fs::symlink("/dev/zero", &experiment).expect("linked"),
        }
        let out = place.path("out");
        let (code, _, message) = alignscope(&["run", text(&experiment), "--out", text(&out)]);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains("experiment.toml") && message.contains(what), "{message}");
        fs::remove_file(&experiment).expect("removed");
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_in_a_run() {
    let place = with_run();
    place.write("mine", "mine");
    let run = place.path("run");
    let names = ["report.html", "alignment.svg", "alignment.png", "alignment.csv"];
    for name in names {
        fs::remove_file(run.join(name)).expect("removed");
        std::os::unix::fs::symlink(place.path("mine"), run.join(name)).expect("linked");
    }
    assert_eq!(alignscope(&["report", text(&run)]).0, 0);
    let is_file = |name: &str| fs::symlink_metadata(run.join(name)).expect("there").is_file();
    assert!(names.iter().all(|name| is_file(name)));
    // The lock of a run is written to.
    std::os::unix::fs::symlink(place.path("mine"), run.join("run.lock")).expect("linked");
    let (data, out) = (place.path("data"), text(&run));
    let data = ["--dataset", "pairs", "--data", text(&data), "--no-cache", "--out", out];
    let (code, _, message) = alignscope(&[&["run", "--model", "psnr"][..], &data].concat());
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("run.lock") && message.contains("it is a link"), "{message}");
    assert_eq!(place.read("mine"), "mine");
}

#[test]
fn files_that_a_manifest_names_are_hashed_only_if_they_are_regular() {
    let place = with_run();
    let paths = ["/dev/zero", "/dev/stdin", text(&place.path("nowhere")), "/", "/proc/self/mem"]
        .map(str::to_owned);
    let files = paths.iter().map(|path| json!({"path": path, "sha256": "0".repeat(64)}));
    let files: Vec<Value> = files.collect();
    edit(&place, |manifest| manifest["models"][0]["files"] = files.into());
    let (code, shown, message) = alignscope(&["verify", text(&place.path("run"))]);
    assert_eq!(code, 1, "{message}");
    for path in &paths {
        let line = shown.lines().find(|line| line.contains(&format!(": {path}:"))).expect(path);
        assert!(line.starts_with("NOT THERE") || line.starts_with("DIFFERENT"), "{line}");
    }
    assert!(shown.contains("/dev/zero: it is a device, expected a regular file"), "{shown}");
}

/// A name that clears the screen, sets the window's title, turns the text around, and forges a
/// line.
const HOSTILE: &str = "m\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}\u{9b}1m\r\nthe same   all";

/// Whether a terminal would only show a text.
fn is_shown(text: &str) -> bool {
    let obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
    !text.chars().any(|c| c != '\n' && obeyed(c))
}

#[test]
fn names_reach_the_terminal_as_text() {
    let place = with_run();
    let run = place.path("run");
    // What a run does not have, it names.
    let path = run.join("scores.csv");
    let table = fs::read_to_string(&path).expect("read");
    fs::write(&path, table.replace(",psnr,", &format!(",\"{HOSTILE}\","))).expect("written");
    let message = alignscope(&["compare", text(&run), "--model-a", "nothing"]).2;
    assert!(is_shown(&message) && message.contains("m\\u{1b}[2J"), "{message:?}");
    assert!(!message.lines().any(|line| line.starts_with("the same")), "{message}");
    fs::write(&path, table).expect("written");
    // Checks name the model, the file, and what is in the manifest.
    edit(&place, |manifest| {
        manifest["models"][1]["name"] = HOSTILE.into();
        let path = format!("/nowhere/{HOSTILE}");
        manifest["models"][1]["files"] = json!([{"path": path, "sha256": "0".repeat(64)}]);
    });
    let (_, shown, message) = alignscope(&["verify", text(&run)]);
    assert!(is_shown(&shown) && is_shown(&message), "{shown:?} {message:?}");
    assert!(shown.contains("file of m\\u{1b}[2J"), "{shown}");
    assert!(!shown.lines().any(|line| line == "the same   all"), "{shown}");
    let (_, _, message) = alignscope(&["verify", text(&place.path(HOSTILE))]);
    assert!(is_shown(&message) && message.contains("\\u{1b}"), "{message:?}");
    // What was typed is said again by clap, which leaves escape sequences out.
    let (code, _, message) = alignscope(&["run", "--model", HOSTILE, "--out", "x"]);
    assert_eq!(code, 2);
    assert!(is_shown(&message) && message.contains("\\u{202e}"), "{message:?}");
}

#[cfg(unix)]
#[test]
fn names_of_files_reach_the_terminal_as_text() {
    let place = place();
    let folder = place.path(HOSTILE);
    fs::rename(place.path("data"), &folder).expect("moved");
    let (_, shown, message) = alignscope(&["check", "--dataset", "pairs", "--data", text(&folder)]);
    assert!(is_shown(&shown) && is_shown(&message), "{shown:?} {message:?}");
    assert!(shown.contains("\\u{1b}[2J"), "{shown}");
    let out = folder.join("out");
    let arguments = |model: &'static str| -> Vec<String> {
        ["run", "--model", model, "--dataset", "pairs", "--no-cache", "--data"]
            .into_iter()
            .map(str::to_owned)
            .chain([text(&folder).to_owned(), "--out".to_owned(), text(&out).to_owned()])
            .collect()
    };
    for model in ["psnr", "./nothing/here"] {
        let arguments = arguments(model);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (_, shown, message) = alignscope(&arguments);
        assert!(is_shown(&shown) && is_shown(&message), "{shown:?} {message:?}");
    }
    let (code, _, message) = alignscope(&["report", text(&out)]);
    assert_eq!(code, 0);
    assert!(is_shown(&message) && message.contains("is drawn again"), "{message:?}");
}

#[test]
fn a_cache_is_cleaned_of_what_is_alignscopes_and_of_nothing_else() {
    let place = place();
    let (cache, out, data) = (place.path("cache"), place.path("run"), place.path("data"));
    let cache = text(&cache);
    let run = ["run", "--model", "psnr", "--dataset", "pairs", "--data", text(&data)];
    let more = ["--cache", cache, "--out", text(&out)];
    let (code, _, message) = alignscope(&[&run[..], &more].concat());
    assert_eq!(code, 0, "{message}");
    let thesis = place.path("cache/thesis");
    fs::create_dir(&thesis).expect("made");
    let record = json!({"model": HOSTILE, "dataset": "pairs", "pairs": 3, "identity": {}});
    fs::write(thesis.join("entry.json"), record.to_string()).expect("written");
    fs::write(thesis.join("thesis.tex"), "mine").expect("written");
    let listed = alignscope(&["cache", "--cache", cache, "list"]).1;
    assert_eq!(listed.lines().count(), 3, "two entries and their sum: {listed}");
    let mut entries = fs::read_dir(cache).expect("listed").map(|entry| entry.expect("one").path());
    let entry = entries.find(|path| *path != thesis).expect("an entry");
    fs::write(entry.join("notes\u{1b}.txt"), "mine").expect("written");
    let (code, shown, message) = alignscope(&["cache", "--cache", cache, "clean"]);
    assert_eq!(code, 0, "{message}");
    assert!(shown.contains("2 of 2 entries removed"), "{shown}");
    let left = "left, since it is no file of alignscope's: ";
    assert!(shown.contains(left) && shown.contains("notes\\u{1b}.txt"), "{shown}");
    assert!(is_shown(&shown));
    assert_eq!(fs::read_dir(&entry).expect("listed").count(), 1);
    assert_eq!(fs::read_to_string(thesis.join("thesis.tex")).expect("read"), "mine");
    assert!(thesis.join("entry.json").exists());
}

#[cfg(unix)]
#[test]
fn a_fifo_in_a_cache_is_told_and_never_waited_for() {
    let place = place();
    let (cache, out, data) = (place.path("cache"), place.path("run"), place.path("data"));
    let run = || {
        let run = ["run", "--model", "psnr", "--dataset", "pairs", "--data", text(&data)];
        let more = ["--cache", text(&cache), "--fresh", "--out", text(&out)];
        alignscope(&[&run[..], &more].concat())
    };
    let command = |action: &str| alignscope(&["cache", "--cache", text(&cache), action]);
    assert_eq!(run().0, 0);
    let entries = || fs::read_dir(&cache).expect("listed").map(|entry| entry.expect("one").path());
    let entry = entries().next().expect("an entry");
    let record = fs::read(entry.join("entry.json")).expect("read");
    fs::remove_file(entry.join("entry.json")).expect("removed");
    fifo(&entry.join("entry.json"));
    for action in ["list", "size", "clean"] {
        assert_eq!(command(action).0, 0, "{action}");
    }
    assert!(entry.join("entry.json").exists());
    fs::remove_file(entry.join("entry.json")).expect("removed");
    fs::write(entry.join("entry.json"), record).expect("written");
    fifo(&entry.join("0123456789abcdef.values"));
    let (_, shown, _) = command("clean");
    assert!(shown.contains("0123456789abcdef.values"), "{shown}");
}

#[test]
fn a_table_that_is_not_as_the_run_left_it_is_told_and_none_is_overwritten() {
    let place = with_run();
    let run = place.path("run");
    for name in ["scores.csv", "new.csv"] {
        let csv = run.join(name);
        let (code, _, message) = alignscope(&["compare", text(&run), "--csv", text(&csv)]);
        is_refused(code, &message, &[name, "lies in the folder of a run"]);
    }
    assert!(!run.join("new.csv").exists());
    let (code, _, message) = alignscope(&["report", text(&run)]);
    assert!(code == 0 && !message.contains("as the run left it"), "{message}");

    let scores = place.read("run/scores.csv");
    let last = scores.trim_end().rfind('\n').expect("several lines");
    place.write("run/scores.csv", &scores[..=last]);
    let (code, _, message) = alignscope(&["report", text(&run)]);
    assert!(code == 0 && message.contains("scores.csv is not as the run left it"), "{message}");
    let manifest = place.read("run/manifest.json").replace("\"name\": \"psnr\"", "\"name\": \"x\"");
    place.write("run/manifest.json", manifest);
    let (code, shown, _) = alignscope(&["verify", text(&run)]);
    assert!(code != 0 && shown.contains("model in scores.csv: psnr"), "{shown}");
}
