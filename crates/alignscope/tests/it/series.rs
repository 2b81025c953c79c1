//! A model in many states: each is measured as it is alone, a new one goes on, and figures and
//! findings say how scores change over the training.

use std::fs;
use std::path::{Path, PathBuf};

use crate::golden::folder;
use crate::until::{Until, run};
use alignscope::cache::CacheFolder;
use alignscope::demo::{self, DemoFolders};
use alignscope::findings::{Finding, FindingRow};
use alignscope::results::{
    ResultsError, ScoreRow, read_comparisons, read_energy, read_findings, read_scores,
};
use alignscope::{
    Choices, DatasetFormat, DatasetSpec, Distance, Experiment, ExperimentError, ExperimentFile,
    MetricKind, ModelSpec, NamedModel, Resampling, Stage, Summary,
};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

/// Images and trials, a cache, and the epochs of two runs.
struct Place {
    place: TempDir,
    data: DemoFolders,
}

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let data = demo::draw(&place.path().join("data"), 5).expect("drawn");
        let place = Self { place, data };
        for epoch in [0, 2, 10] {
            place.epoch("a", epoch);
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// A state of a run: the golden checkpoint, of which the more is noise the earlier it is.
    fn epoch(&self, run: &str, epoch: usize) -> PathBuf {
        let path = self.path(&format!("runs/{run}/epoch_{epoch}.safetensors"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, noisy(1.0 / (1 + epoch) as f32)).expect("written");
        path
    }

    /// The model of a text, of which `{}` is this place.
    fn model(&self, text: &str) -> NamedModel {
        let place = self.place.path().display().to_string();
        text.replace("{}", &place).parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn series(&self) -> NamedModel {
        let like = folder("clip/base").display().to_string();
        self.model(&format!("series:{{}}/runs/*/epoch_*.safetensors@like={like}"))
    }

    fn experiment(&self, models: Vec<NamedModel>) -> Experiment {
        let dataset = |format, data: &Path| DatasetSpec::new(format, data.to_owned());
        let datasets = vec![
            dataset(DatasetFormat::PAIRS, &self.data.low),
            dataset(DatasetFormat::ODD_ONE_OUT, &self.data.high),
        ];
        Experiment {
            models,
            resampling: Resampling { resamples: 100, ..Resampling::default() },
            kept: Some(CacheFolder::new(&self.path("kept"))),
            simulated: true,
            ..Experiment::new(vec![], datasets, 1 << 32)
        }
    }

    /// The series beside a baseline and an encoder.
    fn beside_others(&self) -> Experiment {
        self.experiment(vec![
            ModelSpec::MetricKind(MetricKind::Psnr).into(),
            self.series(),
            ModelSpec::folder(folder("families/siglip")).into(),
        ])
    }
}

/// The weights of the golden checkpoint with noise of so much of them.
fn noisy(share: f32) -> Vec<u8> {
    let bytes = fs::read(folder("clip/base").join("model.safetensors")).expect("golden");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let changed = tensors.tensors().into_iter().map(|(name, view)| {
        let of_f32 = view.dtype() == Dtype::F32;
        let (values, rest) = view.data().as_chunks::<4>();
        assert!(rest.is_empty() || !of_f32);
        let noise = |i: usize| share * (i as f32 * 12.9898).sin();
        let value = |(i, bytes): (usize, &[u8; 4])| f32::from_le_bytes(*bytes) + 0.3 * noise(i);
        let data = match of_f32 {
            true => values.iter().enumerate().map(value).flat_map(f32::to_le_bytes).collect(),
            false => view.data().to_vec(),
        };
        (name, view.dtype(), view.shape().to_vec(), data)
    });
    let changed: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = changed.collect();
    let views = changed.iter().map(|(name, dtype, shape, data)| {
        (name, TensorView::new(*dtype, shape.clone(), data).expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("serialized")
}

fn done(experiment: &Experiment, out: &Path) -> (Summary, String) {
    let until = Until::the_end();
    let summary = run(experiment, out, &until).unwrap_or_else(|e| panic!("{}", with_causes(&e)));
    (summary, until.notes())
}

/// An error and its causes in a line.
fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}

fn models_of(rows: &[ScoreRow]) -> Vec<&str> {
    let mut models: Vec<&str> = rows.iter().map(|row| row.model.as_str()).collect();
    models.dedup();
    models
}

/// The rows of a model, as text without its name and place in a series.
fn plain(rows: &[ScoreRow], model: &str) -> Vec<String> {
    let of_model = rows.iter().filter(|row| row.model == model);
    let plain = |row: &ScoreRow| ScoreRow {
        model: "m".to_owned(),
        series: None,
        step: None,
        ..row.clone()
    };
    of_model.map(|row| format!("{:?}", plain(row))).collect()
}

#[test]
fn each_state_has_the_scores_of_its_file_alone_and_its_step() {
    let place = Place::new();
    let out = place.path("out");
    let (summary, notes) = done(&place.beside_others(), &out);
    let states = ["a@step=0", "a@step=2", "a@step=10"];
    let expected = [&["pixels", "psnr"], &states[..], &["siglip"]].concat();
    assert_eq!(models_of(&summary.scores), expected);
    assert!(notes.contains("a: 3 states, from step 0 to 10 (series:"), "{notes}");
    assert!(notes.contains("Over its training a peaks at"), "{notes}");

    for (epoch, state) in [0, 2, 10].into_iter().zip(states) {
        let of_state = |row: &&ScoreRow| row.model == state;
        for row in summary.scores.iter().filter(of_state) {
            assert_eq!((row.series.as_deref(), row.step), (Some("a"), Some(epoch)));
        }
        let file = format!("one={{}}/runs/a/epoch_{epoch}.safetensors@like=");
        let one = place.model(&(file + &folder("clip/base").display().to_string()));
        let alone = Experiment { kept: None, ..place.experiment(vec![one]) };
        let (alone, _) = done(&alone, &place.path(&format!("alone {epoch}")));
        let rows = plain(&alone.scores, "one");
        assert!(rows.len() > 20, "{}", rows.len());
        assert_eq!(plain(&summary.scores, state), rows);
    }
    let of_others = |row: &&ScoreRow| !states.contains(&row.model.as_str());
    assert!(summary.scores.iter().filter(of_others).all(|row| row.series.is_none()));
    let energy = read_energy(&out.join("energy.csv")).expect("read");
    assert!(energy.iter().any(|row| row.step == Some(10) && row.series.as_deref() == Some("a")));
}

#[test]
fn comparisons_are_of_the_last_state_and_once_of_it_with_the_first() {
    let place = Place::new();
    let out = place.path("out");
    done(&place.beside_others(), &out);
    let rows = read_comparisons(&out.join("comparisons.csv")).expect("read");
    let of_one = rows.iter().filter(|row| row.dataset == rows[0].dataset);
    let of_one = of_one.filter(|row| row.measure == rows[0].measure);
    let of_one: Vec<_> = of_one.filter(|row| row.distance_a == Distance::Cosine).collect();
    let pairs: Vec<[&str; 2]> =
        of_one.iter().map(|row| [row.model_a.as_str(), row.model_b.as_str()]).collect();
    let last = "a@step=10";
    assert_eq!(
        pairs,
        [
            [last, "siglip"],
            [last, "psnr"],
            [last, "pixels"],
            ["siglip", "psnr"],
            ["siglip", "pixels"],
            [last, "a@step=0"],
        ]
    );
    let within = of_one.last().expect("a row");
    assert_eq!((within.step_a, within.step_b), (Some(10), Some(0)));
    assert_eq!((within.series_a.as_deref(), within.series_b.as_deref()), (Some("a"), Some("a")));
    assert_eq!((of_one[0].step_a, of_one[0].series_b.as_deref()), (Some(10), None));
}

/// The scores of the states of a series at a stage, by step.
fn over_training(rows: &[ScoreRow], of: &FindingRow) -> Vec<(usize, f64)> {
    let shown = |row: &&ScoreRow| {
        row.dataset == of.dataset
            && row.series == of.series
            && Some(row.stage) == of.stage
            && Some(row.distance) == of.distance
            && Some(row.measure) == of.measure
            && row.subset == "all"
    };
    rows.iter().filter(shown).map(|row| (row.step.expect("a step"), row.value)).collect()
}

#[test]
fn findings_over_training_are_what_the_scores_say() {
    let place = Place::new();
    let out = place.path("out");
    let (summary, _) = done(&place.beside_others(), &out);
    let findings = read_findings(&out.join("findings.csv")).expect("read");
    let of = |finding| findings.iter().filter(move |row: &&FindingRow| row.finding == finding);
    let peaks: Vec<_> = of(Finding::TrainingPeak).collect();
    let falls: Vec<_> = of(Finding::TrainingFall).collect();
    assert_eq!(peaks.len(), falls.len());
    // Two data sets, three distances, the last stage of each and mostly another.
    assert!((6..=12).contains(&peaks.len()), "{}", peaks.len());
    for (peak, fall) in peaks.into_iter().zip(falls) {
        let scores = over_training(&summary.scores, peak);
        assert_eq!(scores.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [0, 2, 10]);
        let mut best = scores[0];
        for score in &scores {
            if score.1 > best.1 {
                best = *score;
            }
        }
        assert_eq!((peak.step, peak.value), (Some(best.0), best.1));
        assert_eq!(peak.model, format!("a@step={}", best.0));
        let (low, high) = (peak.step_low.expect("a step"), peak.step_high.expect("a step"));
        assert!(low <= best.0 && best.0 <= high, "{peak:?}");
        assert_eq!(fall.step, Some(10));
        assert!((fall.value - (best.1 - scores[2].1)).abs() < 1e-12, "{fall:?}");
        assert_eq!(fall.ci_low.is_some(), best.0 != 10, "{fall:?}");
    }
    let last = of(Finding::TrainingPeak).any(|row| row.stage == Some(Stage::Projection));
    assert!(last, "the last stage is told");
}

/// The rows of a figure's table, each a field by its column.
fn table(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let fields = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().skip(1).map(fields).collect()
}

#[test]
fn figures_show_all_states_over_training_and_the_last_one_over_depth() {
    let place = Place::new();
    place.epoch("b", 1);
    place.epoch("b", 3);
    let out = place.path("out");
    let (summary, _) = done(&place.beside_others(), &out);
    assert!(models_of(&summary.scores).contains(&"b@step=3"));
    let names = ["training", "training-map", "training-euclidean", "training-map-cosine"];
    for name in names.into_iter().chain(["alignment", "channel-energy"]) {
        for end in ["svg", "png", "csv"] {
            assert!(out.join(format!("{name}.{end}")).exists(), "{name}.{end}");
        }
    }
    for name in ["alignment", "channel-energy"] {
        let rows = table(&out.join(format!("{name}.csv")));
        let has = |model: &str| rows.iter().any(|row| row[3] == model);
        assert!(has("a@step=10") && has("b@step=3") && !has("a@step=2"), "{name}");
        let svg = fs::read_to_string(out.join(format!("{name}.svg"))).expect("a figure");
        assert!(svg.contains("a, step 10 (last state)"), "the legend of {name}");
    }

    let score = |dataset: &str, series: &str, stage: &str, step: usize| {
        let row = summary.scores.iter().find(|row| {
            row.dataset == dataset
                && row.subset == "all"
                && row.series.as_deref() == Some(series)
                && row.stage.to_string() == stage
                && row.step == Some(step)
                && row.distance == Distance::NormalizedEuclidean
                && row.measure.is_main()
        });
        row.expect("a score").value
    };
    let of_encoder = |row: &&ScoreRow| row.model == "a@step=0";
    let mut stages: Vec<Stage> =
        summary.scores.iter().filter(of_encoder).map(|r| r.stage).collect();
    stages.sort();
    stages.dedup();
    let (map, lines) = (table(&out.join("training-map.csv")), table(&out.join("training.csv")));
    assert_eq!(map.len(), 2 * (3 + 2) * stages.len(), "data sets, states, stages");
    let of_stages: Vec<_> = lines.iter().filter(|row| row[4] == "stage").cloned().collect();
    assert_eq!(of_stages.len(), 2 * (3 + 2) * stages.len().min(5));
    for row in map.iter().chain(&of_stages) {
        let value: f64 = row[8].parse().expect("a number");
        let step: usize = row[14].parse().expect("a step");
        assert_eq!(value, score(&row[0], &row[3], &row[6], step), "{row:?}");
    }
    let kinds = ["pixels", "baseline"].map(|kind| lines.iter().filter(|r| r[4] == kind).count());
    assert_eq!(kinds, [4, 4], "in each panel");
    let page = fs::read_to_string(out.join("report.html")).expect("a page");
    assert!(page.contains("training-map.svg") && page.contains("a (3 states)"));
    assert!(page.contains("Over its training b peaks at"));
}

fn tables(out: &Path) -> Vec<Vec<u8>> {
    let names = ["scores.csv", "findings.csv", "comparisons.csv", "training.csv"];
    names.map(|name| fs::read(out.join(name)).expect(name)).to_vec()
}

#[test]
fn a_run_that_stopped_goes_on_with_an_epoch_that_is_new() {
    let place = Place::new();
    let (experiment, out) = (place.beside_others(), place.path("out"));
    let mut stops = 0;
    // Stopped in the middle of the series: something of it is kept.
    for steps in (0..).step_by(400) {
        match run(&experiment, &out, &Until::steps(steps)) {
            Err(ExperimentError::Stopped) => stops += 1,
            Err(other) => panic!("{}", with_causes(&other)),
            Ok(_) => panic!("it is done before it has stopped in the series"),
        }
        let kept = experiment.kept.as_ref().expect("a cache").list().expect("listed");
        if kept.iter().any(|entry| entry.about.name == "a@step=2") {
            break;
        }
    }
    assert!(stops > 1);
    place.epoch("a", 20);
    let (summary, notes) = done(&experiment, &out);
    assert!(notes.contains("going on with the run") && notes.contains("4 states"), "{notes}");
    assert_eq!(summary.scores.last().expect("a row").model, "siglip");
    let fresh = Experiment { kept: None, ..experiment.clone() };
    done(&fresh, &place.path("fresh"));
    assert_eq!(tables(&out), tables(&place.path("fresh")));

    // A run that is done is another one than that with a further state.
    place.epoch("a", 30);
    match run(&experiment, &out, &Until::the_end()) {
        Err(ExperimentError::Results(ResultsError::HoldsRun { choices, .. })) => {
            assert!(choices.contains("models"), "{choices}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_manifest_repeats_the_pattern_and_says_what_it_matches_otherwise() {
    let place = Place::new();
    let out = place.path("out");
    let named = NamedModel { name: Some("mine".to_owned()), ..place.series() };
    let mut experiment = place.experiment(vec![named]);
    experiment.figures = vec![alignscope::FigureSpec {
        name: "some".to_owned(),
        title: None,
        models: vec!["mine".to_owned()],
        distances: vec![Distance::Cosine],
        panels: vec![],
    }];
    experiment.presentation.colours.insert("mine".to_owned(), "#102030".to_owned());
    done(&experiment, &out);
    let svg = fs::read_to_string(out.join("some.svg")).expect("a figure");
    assert!(svg.contains("mine, step 10") && svg.contains("#102030"));

    let manifest = out.join("manifest.json");
    let repeat = || {
        let file = ExperimentFile::read(&manifest, &Default::default(), false).expect("read");
        Experiment { kept: experiment.kept.clone(), ..file.into_experiment(Choices::default(), 1) }
    };
    let (_, notes) = done(&repeat(), &place.path("again"));
    assert!(!notes.contains("does not match"), "{notes}");
    let scores = |name: &str| fs::read(place.path(name).join("scores.csv")).expect("scores");
    assert_eq!(scores("again"), scores("out"));
    let figure = |name: &str| fs::read(place.path(name).join("some.csv")).expect("a figure");
    assert_eq!(figure("again"), figure("out"));

    place.epoch("a", 12);
    fs::remove_file(place.path("runs/a/epoch_0.safetensors")).expect("removed");
    let (summary, notes) = done(&repeat(), &place.path("later"));
    for part in ["new are ", "epoch_12.safetensors", "gone are ", "epoch_0.safetensors"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    let models = models_of(&summary.scores);
    assert_eq!(models, ["pixels", "mine@step=2", "mine@step=10", "mine@step=12"]);
}

#[test]
fn several_runs_under_a_name_are_told_by_their_folders() {
    let place = Place::new();
    for epoch in [1, 3] {
        place.epoch("b", epoch);
    }
    let named = NamedModel { name: Some("mine".to_owned()), ..place.series() };
    let out = place.path("out");
    let (summary, _) = done(&place.experiment(vec![named]), &out);
    let models = models_of(&summary.scores);
    assert_eq!(models.len(), 1 + 3 + 2);
    assert_eq!((models[1], models[4]), ("mine/a@step=0", "mine/b@step=1"));
    assert_eq!(read_scores(&out.join("scores.csv")).expect("read").len(), summary.scores.len());
}

#[test]
fn what_is_no_series_is_told_before_anything_is_encoded() {
    let place = Place::new();
    let said = |models: Vec<NamedModel>| {
        let out = place.path("refused");
        let error = run(&place.experiment(models), &out, &Until::the_end());
        with_causes(&error.expect_err("no run"))
    };
    let like = folder("clip/base").display().to_string();
    let file = place.model(&format!("{{}}/runs/a/epoch_2.safetensors@like={like}"));
    let twice = said(vec![file, place.series()]);
    for part in ["epoch_2.safetensors", "is named twice", "a state of `series:"] {
        assert!(twice.contains(part), "{part}: {twice}");
    }

    fs::write(place.path("runs/a/epoch_7.safetensors"), "no weights").expect("written");
    let damaged = said(vec![place.series()]);
    assert!(damaged.contains("epoch_7.safetensors"), "{damaged}");
    fs::remove_file(place.path("runs/a/epoch_7.safetensors")).expect("removed");

    for step in 0..=1000 {
        fs::create_dir_all(place.path("many")).expect("made");
        fs::write(place.path("many").join(format!("{step}.pt")), "").expect("written");
    }
    let many = said(vec![place.model(&format!("series:{{}}/many/*.pt@like={like}"))]);
    assert!(many.contains("there are 1002 models, expected at most 1000"), "{many}");

    // Folders of two families.
    for (name, golden) in [("checkpoint-1", "clip/base"), ("checkpoint-2", "families/vit")] {
        let to = place.path("out").join(name);
        fs::create_dir_all(&to).expect("made");
        for entry in fs::read_dir(folder(golden)).expect("golden") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
        }
    }
    let other = said(vec![place.model("series:{}/out/checkpoint-*")]);
    for part in ["`out` differ", "checkpoint-1 is CLIP", "checkpoint-2 is ViT", "projection 6"] {
        assert!(other.contains(part), "{part}: {other}");
    }
}
