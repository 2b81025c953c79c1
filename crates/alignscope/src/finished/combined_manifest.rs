//! The manifest of a run that was put together of several.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::figures::FigureSpec;
use crate::distance::Distance;
use crate::input_file::ContentHash;
use crate::model_spec::ModelSpec;
use crate::results::{
    Change, FileRecord, ResultsError, RunState, absolute, figures_of_any_run, own_figures,
    read_record,
};

/// Choices that runs must share to be one.
const SHARED_CHOICES: [&str; 7] =
    ["ties", "resamples", "clusters", "scales from", "simulated", "levels", "version"];

/// The manifest of a run.
pub(super) struct RunManifest {
    path: PathBuf,
    sha256: ContentHash,
    state: RunState,
    told: Map<String, Value>,
    asked: Asked,
}

/// What is needed of a manifest in its own types.
#[derive(Deserialize)]
struct Asked {
    distances: Vec<String>,
    precision: Option<String>,
    instructions: Option<String>,
    datasets: Vec<NamedRecord>,
    models: Vec<NamedRecord>,
}

#[derive(Deserialize)]
struct NamedRecord {
    name: String,
    #[serde(default)]
    spec: String,
    #[serde(default)]
    series: Option<String>,
}

impl RunManifest {
    pub(super) fn read(run: &Path) -> Result<Self, ResultsError> {
        let path = run.join("manifest.json");
        let state = RunState::read(&path)?;
        let (told, text): (Map<String, Value>, String) = read_record(&path)?;
        let (asked, _): (Asked, String) = read_record(&path)?;
        let sha256 = ContentHash::of(text.as_bytes());
        Ok(Self { path: run.to_owned(), sha256, state, told, asked })
    }

    /// What of two runs differs that must not if they are to be one.
    pub(super) fn differences(&self, other: &Self) -> Vec<Change> {
        let mut changes = self.state.changes(&other.state);
        let choices = self.state.other_choices(&other.state).into_iter();
        changes.extend(choices.filter(|change| SHARED_CHOICES.contains(&change.what.as_str())));
        let names = |of: &Self| {
            let names: BTreeSet<&str> = of.asked.datasets.iter().map(|d| d.name.as_str()).collect();
            names.into_iter().collect::<Vec<_>>().join(", ")
        };
        let precise = |of: &Self| {
            let Asked { precision, instructions, .. } = &of.asked;
            Some(format!("{} by {}", precision.as_ref()?, instructions.as_ref()?))
        };
        let mut differ = |what: &str, before: String, now: String| {
            if before != now {
                changes.push(Change { what: what.to_owned(), before, now });
            }
        };
        differ("data sets", names(self), names(other));
        if let (Some(before), Some(now)) = (precise(self), precise(other)) {
            differ("precision", before, now);
        }
        changes
    }
}

/// The manifest of a run that was put together.
pub(super) struct CombinedManifest {
    told: Map<String, Value>,
    state: RunState,
}

impl CombinedManifest {
    /// Of the manifests of runs that can be one.
    ///
    /// # Panics
    /// There is none.
    pub(super) fn new<'a>(
        parts: impl Iterator<Item = &'a RunManifest> + Clone,
        title: Option<&str>,
    ) -> Self {
        let first = parts.clone().next().expect("two runs or more");
        let mut whole = Self { told: first.told.clone(), state: first.state.clone() };
        for part in parts.clone().skip(1) {
            whole.add(part);
        }
        whole.settle(parts.clone(), title);
        let runs = parts.map(|part| {
            json!({
                "run": absolute(&part.path),
                "manifest_sha256": part.sha256.to_string(),
                "host": part.told.get("host"),
            })
        });
        whole.told.insert("combined".to_owned(), runs.collect());
        whole
    }

    /// Adds what another run has.
    fn add(&mut self, part: &RunManifest) {
        for key in ["models", "distances"] {
            join(&mut self.told, &part.told, key);
        }
        for key in ["tokens", "precision", "precision_check", "instructions", "baseline_size"] {
            fill(&mut self.told, &part.told, key);
        }
        if self.told.get("device") != part.told.get("device") {
            self.told.insert("device".to_owned(), Value::Null);
        }
        if is_of_user(&part.told) && !is_of_user(&self.told) {
            copy(&mut self.told, &part.told, "reproducible");
        }
        self.add_datasets(part);
        self.add_times(part);
        if let (Some(Value::Object(to)), Some(Value::Object(from))) =
            (self.told.get_mut("experiment"), part.told.get("experiment"))
        {
            join(to, from, "models");
            join(to, from, "distances");
            for key in ["matched", "colours"] {
                join_map(to, from, key);
            }
            for key in ["tokens", "weights"] {
                fill(to, from, key);
            }
            either(to, from, "pixels");
        }
        join_map(&mut self.told, &part.told, "colours");
        self.state.inputs.extend(part.state.inputs.clone());
        for (what, value) in &part.state.choices {
            self.state.choices.entry(what.clone()).or_insert_with(|| value.clone());
        }
    }

    /// What metrics and pixels compared of a data set is known where a run has one.
    fn add_datasets(&mut self, part: &RunManifest) {
        let Some(Value::Array(datasets)) = self.told.get_mut("datasets") else { return };
        let Some(Value::Array(others)) = part.told.get("datasets") else { return };
        for dataset in datasets.iter_mut().filter_map(Value::as_object_mut) {
            let same = |other: &&Map<String, Value>| other.get("name") == dataset.get("name");
            let Some(other) = others.iter().filter_map(Value::as_object).find(same) else {
                continue;
            };
            fill(dataset, other, "pixels");
            fill(dataset, other, "compared");
        }
    }

    /// Together they took as long as each took.
    fn add_times(&mut self, part: &RunManifest) {
        let Some(Value::Object(times)) = self.told.get_mut("times") else { return };
        let Some(Value::Object(others)) = part.told.get("times") else { return };
        let seconds = |of: &Map<String, Value>| of.get("wall_s").and_then(Value::as_f64);
        let sum = seconds(times).unwrap_or(0.0) + seconds(others).unwrap_or(0.0);
        times.insert("wall_s".to_owned(), json!(sum));
        join(times, others, "work");
    }

    /// What follows from all of them.
    fn settle<'a>(
        &mut self,
        parts: impl Iterator<Item = &'a RunManifest> + Clone,
        title: Option<&str>,
    ) {
        let models = parts.clone().flat_map(|part| &part.asked.models);
        let names: Vec<&str> = once_each(models.clone().map(|model| model.name.as_str()));
        let distances = parts.flat_map(|part| &part.asked.distances);
        let distances: Vec<&str> = once_each(distances.map(String::as_str));
        let kinds: Vec<Distance> = distances.iter().filter_map(|name| name.parse().ok()).collect();
        let curves = once_each(models.clone().filter(has_stages).map(curve_of)).len();
        let figures = FigureSpec::of_all(curves, &kinds);
        let series = models.clone().any(|model| model.series.is_some());
        let of_series = series.then(own_figures).into_iter().flatten();
        let names_of_figures = figures.iter().map(|figure| figure.name.clone());
        self.state.figure_files =
            names_of_figures.chain(figures_of_any_run()).chain(of_series).collect();
        self.state.results = vec![];
        if let Some(title) = title {
            self.told.insert("title".to_owned(), json!(title));
        }
        let title = self.told.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        let colours = self.told.get("colours").map(ToString::to_string).unwrap_or_default();
        for (what, value) in [
            ("models", names.join(", ")),
            ("distances", distances.join(", ")),
            ("figures", json!(figures).to_string()),
            ("title", title.clone()),
            ("colours", colours),
        ] {
            self.state.choices.insert(what.to_owned(), value);
        }
        self.told.insert("figures".to_owned(), json!(figures));
        self.told.insert("command".to_owned(), Value::Null);
        self.told.insert("alignscope_version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        if let Some(Value::Object(experiment)) = self.told.get_mut("experiment") {
            experiment.insert("figures".to_owned(), json!([]));
            if !title.is_empty() {
                experiment.insert("title".to_owned(), json!(title));
            }
        }
    }

    /// What the run is made of.
    pub(super) fn state(&self) -> RunState {
        self.state.clone()
    }

    /// As it is written, with the hashes of the tables.
    pub(super) fn text(mut self, state: &RunState, results: &[FileRecord]) -> String {
        for (key, value) in [
            ("inputs", json!(state.inputs)),
            ("choices", json!(state.choices)),
            ("figure_files", json!(state.figure_files)),
            ("results", json!(results)),
        ] {
            self.told.insert(key.to_owned(), value);
        }
        let mut text = serde_json::to_string_pretty(&self.told).expect("a manifest is plain data");
        text.push('\n');
        text
    }
}

/// Each once, in order of first appearance.
fn once_each<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for word in words {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

/// Whether a model has a curve, and not one line.
fn has_stages(model: &&NamedRecord) -> bool {
    model.spec.parse::<ModelSpec>().map_or(true, |spec| spec.has_stages())
}

/// The curve of a model: of a series it has one.
fn curve_of(model: &NamedRecord) -> &str {
    model.series.as_deref().unwrap_or(&model.name)
}

/// Whether a model of the run is of the user's.
fn is_of_user(told: &Map<String, Value>) -> bool {
    let models = told.get("models").and_then(Value::as_array);
    let of_user = |model: &Value| model.get("of_user") == Some(&Value::Bool(true));
    models.is_some_and(|models| models.iter().any(of_user))
}

/// Adds to a list what another has more.
fn join(to: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    let Some(Value::Array(more)) = from.get(key) else { return };
    let Some(Value::Array(list)) = to.get_mut(key) else { return copy(to, from, key) };
    let same = |a: &Value, b: &Value| match (a.get("name"), b.get("name")) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    };
    for value in more {
        if key == "work" || !list.iter().any(|known| same(known, value)) {
            list.push(value.clone());
        }
    }
}

/// Adds to a mapping what another has more.
fn join_map(to: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    let Some(Value::Object(more)) = from.get(key) else { return };
    let Some(Value::Object(map)) = to.get_mut(key) else { return copy(to, from, key) };
    for (name, value) in more {
        map.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

/// Takes a value where there is none.
fn fill(to: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    if to.get(key).is_none_or(Value::is_null) {
        copy(to, from, key);
    }
}

fn copy(to: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    if let Some(value) = from.get(key) {
        to.insert(key.to_owned(), value.clone());
    }
}

/// True where one of the two is.
fn either(to: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    if from.get(key) == Some(&Value::Bool(true)) {
        to.insert(key.to_owned(), Value::Bool(true));
    }
}
