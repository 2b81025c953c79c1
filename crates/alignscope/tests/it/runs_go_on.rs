//! A run that stops anywhere goes on to the same bytes, and what is kept is never taken for something else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::golden::folder;
use crate::until::{Until, run};
use alignscope::cache::CacheFolder;
use alignscope::demo::{self, DemoFolders};
use alignscope::results::OutputFolder;
use alignscope::{
    DatasetFormat, DatasetSpec, Distance, Experiment, ExperimentError, MetricKind, ModelSpec,
    Precision, PreparedError, Progress, Remedy, Resampling, Ties, Tokens,
};
use tempfile::TempDir;

/// Images and trials, a cache, and an output folder.
struct Place {
    place: TempDir,
    data: DemoFolders,
}

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let data = demo::draw(&place.path().join("data"), 5).expect("drawn");
        Self { place, data }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn experiment(&self) -> Experiment {
        let dataset = |format, data: &Path| DatasetSpec::new(format, data.to_owned());
        let models = vec![
            ModelSpec::folder(folder("clip/base")),
            ModelSpec::MetricKind(MetricKind::Psnr),
            ModelSpec::folder(folder("families/siglip")),
        ];
        let datasets = vec![
            dataset(DatasetFormat::PAIRS, &self.data.low),
            dataset(DatasetFormat::ODD_ONE_OUT, &self.data.high),
        ];
        Experiment {
            resampling: Resampling { resamples: 20, ..Resampling::default() },
            kept: Some(CacheFolder::new(&self.path("kept"))),
            simulated: true,
            ..Experiment::new(models, datasets, 1 << 32)
        }
    }

    /// A budget with which the rated pairs are encoded in several sets.
    fn little_memory(&self, mut experiment: Experiment) -> Experiment {
        experiment.memory_bytes = 0;
        let pairs = vec![experiment.datasets[0].clone()];
        let models = vec![experiment.models[0].clone()];
        let alone = Experiment { models, datasets: pairs, pixels: false, ..experiment.clone() };
        let alone = Experiment { kept: None, ..alone };
        match run(&alone, &self.path("little"), &Until::the_end()) {
            Err(error) => {
                let needed = error.too_little_memory().expect("no memory is too little").needed;
                Experiment { memory_bytes: needed + 40_000_000, ..experiment }
            }
            Ok(_) => panic!("no memory is too little"),
        }
    }
}

const TABLES: [&str; 8] = [
    "scores.csv",
    "ceilings.csv",
    "findings.csv",
    "comparisons.csv",
    "distances.parquet",
    "scale.parquet",
    "trials.parquet",
    "judgements.parquet",
];

fn tables(out: &Path) -> [Vec<u8>; 8] {
    TABLES.map(|name| fs::read(out.join(name)).expect(name))
}

/// Images that encoders and baselines went through, as the manifest has them.
fn images_worked_on(out: &Path) -> u64 {
    let text = fs::read(out.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let work = manifest["times"]["work"].as_array().expect("a list");
    work.iter().map(|record| record["images"].as_u64().expect("a number")).sum()
}

#[test]
fn a_run_that_is_stopped_after_any_step_goes_on_to_the_same_bytes() {
    let place = Place::new();
    let experiment = place.experiment();
    let undisturbed = Experiment { kept: None, ..experiment.clone() };
    run(&undisturbed, &place.path("undisturbed"), &Until::the_end()).expect("done");
    let expected = tables(&place.path("undisturbed"));
    let all = images_worked_on(&place.path("undisturbed"));

    for (name, experiment) in
        [("little", place.little_memory(experiment.clone())), ("plenty", experiment)]
    {
        let out = place.path(name);
        let kept = Some(CacheFolder::new(&place.path(&format!("kept {name}"))));
        let experiment = Experiment { kept, ..experiment };
        let (mut stops, mut least) = (0, u64::MAX);
        // Each time it comes a little further: what is kept need not be done again.
        for steps in (0..).step_by(211) {
            let until = Until::steps(steps);
            match run(&experiment, &out, &until) {
                Err(ExperimentError::Stopped) => {
                    stops += 1;
                    assert!(!out.join("scores.csv").exists());
                }
                Err(other) => panic!("{name}, {steps} steps: {other}"),
                Ok(_) => {
                    least = least.min(images_worked_on(&out));
                    break;
                }
            }
        }
        assert!(stops > 5, "{name}: stopped {stops} times");
        assert!(least < all, "{name}: {least} images were encoded at the end, of {all} in all");
        assert!(tables(&out) == expected, "{name}: other results");
        assert!(!out.join("unfinished.json").exists() && !out.join("run.lock").exists());
    }
}

/// Lets another run do all of it when the work of a cell begins.
struct Meanwhile<'a> {
    until: Until,
    other: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl Progress for Meanwhile<'_> {
    fn begin(&self, task: &str, steps: u64) {
        let is_work = steps > 0 && task.ends_with(" on pairs: distances");
        let other = self.other.lock().expect("no panic").take_if(|_| is_work);
        if let Some(other) = other {
            other();
        }
        self.until.begin(task, steps);
    }

    fn advance(&self, steps: u64) {
        self.until.advance(steps);
    }

    fn end(&self) {
        self.until.end();
    }

    fn note(&self, message: &str) {
        self.until.note(message);
    }
}

#[test]
fn what_another_run_does_meanwhile_is_taken_over() {
    let place = Place::new();
    let all = place.experiment();
    let expected = |experiment: &Experiment, name: &str| {
        let alone = Experiment { kept: None, ..experiment.clone() };
        run(&alone, &place.path(name), &Until::the_end()).expect("done");
        tables(&place.path(name))
    };
    let little = place.little_memory(all.clone());
    for (name, model, experiment) in
        [("encoder", 0, &all), ("in sets", 0, &little), ("metric", 1, &all)]
    {
        let models = vec![experiment.models[model].clone()];
        let datasets = vec![experiment.datasets[0].clone()];
        let kept = Some(CacheFolder::new(&place.path(&format!("kept {name}"))));
        let pixels = false;
        let experiment = Experiment { models, datasets, kept, pixels, ..experiment.clone() };
        let expected = expected(&experiment, &format!("{name} alone"));
        let [first, second] = ["first", "second"].map(|run| place.path(&format!("{name} {run}")));
        let other = || {
            run(&experiment, &second, &Until::the_end()).expect("done");
        };
        let other: Box<dyn FnOnce() + Send + '_> = Box::new(other);
        let progress = Meanwhile { until: Until::the_end(), other: Mutex::new(Some(other)) };
        let out = OutputFolder::claim_run(&first, false).expect("a folder");
        experiment.run(vec![], &out, &progress).expect("done");
        assert!(progress.other.lock().expect("no panic").is_none(), "{name}: no other run");
        assert!(tables(&first) == expected && tables(&second) == expected, "{name}");
        let features = |out: &Path| {
            let text = fs::read(out.join("manifest.json")).expect("a manifest");
            let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            let work = manifest["times"]["work"].as_array().expect("a list").clone();
            work.iter().map(|record| record["features_computed"].as_u64().unwrap_or(0)).sum::<u64>()
        };
        match name {
            "metric" => assert!(features(&second) > 0 && features(&first) == 0, "{name}"),
            _ => {
                assert_eq!(images_worked_on(&first), 0, "{name}: nothing was left to encode");
                assert!(images_worked_on(&second) > 0, "{name}");
            }
        }
    }
}

#[test]
fn kept_differences_serve_other_distances_ties_and_models_without_encoding() {
    let place = Place::new();
    let first = Experiment { distances: vec![Distance::Cosine], ..place.experiment() };
    run(&first, &place.path("first"), &Until::the_end()).expect("done");
    assert!(images_worked_on(&place.path("first")) > 0);

    let all = place.experiment();
    let half = Experiment { ties: Ties::Half, ..place.experiment() };
    for (name, experiment) in [("all", all), ("half", half)] {
        run(&experiment, &place.path(name), &Until::the_end()).expect("done");
        assert_eq!(images_worked_on(&place.path(name)), 0, "{name}");
        let alone = Experiment { kept: None, ..experiment };
        run(&alone, &place.path(&format!("{name} alone")), &Until::the_end()).expect("done");
        let [found, expected] =
            [name.to_owned(), format!("{name} alone")].map(|n| tables(&place.path(&n)));
        assert!(found == expected, "{name}");
    }
}

#[test]
fn other_tokens_precision_pairs_or_images_are_encoded_anew() {
    let place = Place::new();
    let mut first = place.experiment();
    first.models.truncate(1);
    first.datasets.truncate(1);
    run(&first, &place.path("first"), &Until::the_end()).expect("done");
    let images = images_worked_on(&place.path("first"));

    let mut limited = first.clone();
    limited.datasets[0].options.limit = Some(7);
    let others = [
        ("tokens", Experiment { tokens: Tokens::Mean, ..first.clone() }),
        ("precision", Experiment { precision: Precision::Bf16x3, ..first.clone() }),
        ("limit", limited),
    ];
    for (name, other) in others {
        run(&other, &place.path(name), &Until::the_end()).expect("done");
        assert!(images_worked_on(&place.path(name)) > 0, "{name}");
    }
    let (a, b) = (place.data.low.join("ref_00.png"), place.data.low.join("ref_01.png"));
    fs::copy(a, b).expect("copied");
    run(&first, &place.path("image"), &Until::the_end()).expect("done");
    assert_eq!(images_worked_on(&place.path("image")), images);
}

#[test]
fn a_run_does_not_go_on_with_other_inputs_and_says_which() {
    let place = Place::new();
    let mut experiment = place.experiment();
    experiment.models.truncate(1);
    let out = place.path("out");
    let stopped = run(&experiment, &out, &Until::steps(300));
    assert!(matches!(stopped, Err(ExperimentError::Stopped)));

    let image = place.data.low.join("ref_00.png");
    let whole = fs::read(&image).expect("read");
    fs::copy(place.data.low.join("ref_01.png"), &image).expect("copied");
    let message = |experiment: &Experiment| {
        run(experiment, &out, &Until::the_end()).expect_err("changed").to_string()
    };
    let text = message(&experiment);
    assert!(text.contains("images of pairs: "), "{text}");
    fs::write(&image, whole).expect("written");

    let text = message(&Experiment { tokens: Tokens::Mean, ..experiment.clone() });
    assert!(text.contains("tokens: all, now mean"), "{text}");
    let text = message(&Experiment { precision: Precision::Bf16, ..experiment.clone() });
    assert!(text.contains("precision of ") && text.contains("now bf16"), "{text}");

    let until = Until::the_end();
    run(&experiment, &out, &until).expect("nothing has changed");
    assert!(until.notes().contains("going on with the run"), "{}", until.notes());
}

#[test]
fn a_run_that_could_not_be_done_is_none_to_go_on_with() {
    let place = Place::new();
    let mut experiment = place.experiment();
    experiment.models.truncate(1);
    (experiment.pixels, experiment.precision) = (false, Precision::Bf16x6);
    let out = place.path("out");
    let refused = |memory_bytes: u64| {
        let experiment = Experiment { memory_bytes, ..experiment.clone() };
        match run(&experiment, &out, &Until::the_end()) {
            Err(error) => {
                let too_little = error.too_little_memory().expect("it is too little").clone();
                (too_little.needed, too_little.remedies(), error.to_string())
            }
            Ok(_) => panic!("{memory_bytes} bytes are too little"),
        }
    };
    let (needed, remedies, text) = refused(0);
    assert!(text.contains("weights in bf16x6"), "{text}");
    assert_eq!(remedies, [Remedy::MoreMemory { bytes: Some(needed) }]);
    let (_, remedies, _) = refused(needed - 1);
    assert_eq!(remedies, [Remedy::MoreMemory { bytes: Some(needed) }, Remedy::PrecisionF32]);

    let precision = Precision::F32;
    let advised = Experiment { memory_bytes: needed - 1, precision, ..experiment.clone() };
    run(&advised, &out, &Until::the_end()).expect("the advice does");
}

#[test]
fn a_finished_run_is_left_alone_and_fresh_does_it_again() {
    let place = Place::new();
    let mut experiment = place.experiment();
    experiment.models.truncate(1);
    let out = place.path("out");
    let first = run(&experiment, &out, &Until::the_end()).expect("done");
    let written =
        || fs::metadata(out.join("manifest.json")).expect("there").modified().expect("a time");
    let (before, results) = (written(), tables(&out));

    let again = run(&experiment, &out, &Until::the_end()).expect("done already");
    assert!(again.was_done && again.scores == first.scores && written() == before);

    let half = Experiment { ties: Ties::Half, ..experiment.clone() };
    let text = run(&half, &out, &Until::the_end()).expect_err("another run").to_string();
    assert!(text.contains("ties: miss, now half"), "{text}");

    let fresh = Experiment { fresh: true, ..experiment };
    let summary = run(&fresh, &out, &Until::the_end()).expect("done");
    assert!(!summary.was_done && images_worked_on(&out) > 0);
    assert!(tables(&out) == results);
}

#[test]
fn a_damaged_file_in_the_cache_is_told_and_computed_again() {
    let place = Place::new();
    let mut experiment = place.experiment();
    experiment.models.truncate(1);
    run(&experiment, &place.path("first"), &Until::the_end()).expect("done");
    let kept = experiment.kept.clone().expect("a cache");
    let mut damaged = 0;
    for entry in kept.list().expect("listed") {
        for file in fs::read_dir(&entry.path).expect("listed") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|e| e == "set" || e == "stage" || e == "values") {
                let bytes = fs::read(&path).expect("read");
                // Cut short, or one bit turned over.
                let bytes = match damaged % 2 {
                    0 => bytes[..bytes.len() / 2].to_vec(),
                    _ => {
                        let mut bytes = bytes;
                        let middle = bytes.len() / 2;
                        bytes[middle] ^= 16;
                        bytes
                    }
                };
                fs::write(&path, bytes).expect("written");
                damaged += 1;
            }
        }
    }
    assert!(damaged >= 4, "{damaged} files");
    let until = Until::the_end();
    run(&experiment, &place.path("second"), &until).expect("done");
    assert_eq!(until.notes().matches("was damaged").count(), damaged, "{}", until.notes());
    let [first, second] = ["first", "second"].map(|name| tables(&place.path(name)));
    assert!(first == second);
}

#[test]
fn images_that_cannot_be_decoded_are_left_out_where_that_is_asked_for() {
    let place = Place::new();
    let mut experiment = place.experiment();
    experiment.models.truncate(2);
    experiment.datasets.truncate(1);
    experiment.keep_going = true;
    run(&experiment, &place.path("whole"), &Until::the_end()).expect("done");

    // The end of the file is missing: its header is fine.
    let image = place.data.low.join("ref_00.png");
    let bytes = fs::read(&image).expect("read");
    fs::write(&image, &bytes[..bytes.len() / 2]).expect("written");
    let stopping = Experiment { keep_going: false, ..experiment.clone() };
    let error = run(&stopping, &place.path("stopping"), &Until::the_end()).expect_err("damaged");
    let ExperimentError::Prepared(PreparedError::Images { count: 1, .. }) = error else {
        panic!("{error}")
    };

    let summary = run(&experiment, &place.path("left"), &Until::the_end()).expect("done");
    assert_eq!(summary.bad_images.len(), 1);
    assert!(summary.bad_images[0].1.image.ends_with("ref_00.png"));
    let trials = |name: &str| {
        let text = fs::read(place.path(name).join("manifest.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let dataset = manifest["datasets"][0].clone();
        let number = |key: &str| dataset[key].as_u64().expect("a number");
        (number("trials"), number("bad_trials"))
    };
    let ((all, none), (left, bad)) = (trials("whole"), trials("left"));
    assert!(none == 0 && bad > 0 && left + bad == all, "{left} + {bad} of {all}");
}
