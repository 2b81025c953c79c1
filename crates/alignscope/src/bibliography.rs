//! The papers of what a run used, as BibTeX.
//!
//! The entries are `assets/references.bib`. Each kind of thing says which of them are its own:
//! [`Release::references`], [`Format::references`](crate::dataset::Format::references),
//! [`MetricKind::references`], [`FamilyName`](crate::encoder::FamilyName).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::dataset::{DatasetFormat, Release};
use crate::encoder::family_references;
use crate::metric::MetricKind;
use crate::model_spec::{ModelSpec, short_name};
use crate::results::{
    Bounds, MAX_MODELS, MAX_NAME_BYTES, ResultsError, check_finished, read_record,
};

const REFERENCES: &str = include_str!("../assets/references.bib");

/// Papers of models whose architecture does not tell them, by what their names contain.
const OF_NAMES: [(&str, &str); 3] = [
    ("BiomedCLIP", "zhang2023biomedclip"),
    ("google/siglip2-", "tschannen2025siglip2"),
    ("dreamsim", "fu2023dreamsim"),
];

/// The program itself, and the study that it follows.
const OWN: &str = "alignscope";
const STUDY: &str = "hernandezcamara2024measuring";

/// A paper, and what of the run it is cited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The key of its entry.
    pub key: &'static str,
    /// The entry, as BibTeX.
    pub bibtex: String,
    /// What it is cited for, by its names in the run.
    pub cited_for: Vec<String>,
}

/// What to cite of a run.
///
/// As text it is BibTeX: before each entry stands what it is cited for, as a comment, and at the
/// end what has no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citations {
    /// The papers, each once: alignscope and the study, data sets, models and metrics.
    pub entries: Vec<Citation>,
    /// Data sets and models of whose papers nothing is known.
    pub unknown: Vec<String>,
}

impl fmt::Display for Citations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            writeln!(f, "% {}\n{}\n", entry.cited_for.join(", "), entry.bibtex)?;
        }
        for unknown in &self.unknown {
            writeln!(f, "% {unknown}: no reference is known; cite where it comes from")?;
        }
        Ok(())
    }
}

/// What is needed of a manifest.
#[derive(Deserialize)]
struct Used {
    alignscope_version: String,
    models: Vec<UsedModel>,
    datasets: Vec<UsedDataset>,
}

#[derive(Deserialize)]
struct UsedModel {
    name: String,
    spec: String,
    architecture: Option<UsedArchitecture>,
}

#[derive(Deserialize)]
struct UsedArchitecture {
    family: Option<String>,
}

#[derive(Deserialize)]
struct UsedDataset {
    name: String,
    format: String,
    release: Option<String>,
}

impl Used {
    /// Reads it, each of its values within its bounds.
    fn read(path: &Path) -> Result<Self, ResultsError> {
        let (used, _): (Self, _) = read_record(path)?;
        let bounds = Bounds { path };
        bounds.list("models", &used.models, MAX_MODELS)?;
        for (i, model) in used.models.iter().enumerate() {
            bounds.text(&format!("models[{i}].name"), &model.name, MAX_NAME_BYTES)?;
        }
        bounds.datasets(used.datasets.iter().map(|dataset| dataset.name.as_str()))?;
        bounds.text("alignscope_version", &used.alignscope_version, MAX_NAME_BYTES)?;
        Ok(used)
    }
}

impl UsedModel {
    /// The keys of its papers; `None` for the pixels and PSNR, which have none.
    fn references(&self) -> Option<Vec<&'static str>> {
        let mut keys: Vec<&'static str> = Vec::new();
        match self.spec.parse::<ModelSpec>() {
            Ok(ModelSpec::Pixels | ModelSpec::MetricKind(MetricKind::Psnr)) => return None,
            Ok(ModelSpec::MetricKind(metric)) => keys.extend(metric.references()),
            Ok(ModelSpec::Torch(model)) => keys.extend(model.library.references()),
            _ => {}
        }
        let family = self.architecture.as_ref().and_then(|sizes| sizes.family.as_deref());
        keys.extend(family.into_iter().flat_map(family_references));
        let named = OF_NAMES.iter().filter(|(part, _)| self.spec.contains(part));
        keys.extend(named.map(|(_, key)| key));
        Some(keys)
    }
}

impl UsedDataset {
    fn references(&self) -> Vec<&'static str> {
        if let Some(release) = self.release.as_deref().and_then(|name| name.parse::<Release>().ok())
        {
            return release.references().to_vec();
        }
        let format = self.format.parse::<DatasetFormat>();
        format.map_or_else(|_| vec![], |asked| asked.format().format().references().to_vec())
    }
}

/// Collects entries in the order in which they are first cited.
#[derive(Default)]
struct Collected {
    version: String,
    keys: Vec<&'static str>,
    cited_for: BTreeMap<&'static str, Vec<String>>,
    unknown: Vec<String>,
}

impl Collected {
    fn add(&mut self, keys: impl IntoIterator<Item = &'static str>, cited_for: &str) {
        for key in keys {
            if !self.keys.contains(&key) {
                self.keys.push(key);
            }
            let names = self.cited_for.entry(key).or_default();
            if !names.iter().any(|name| name == cited_for) {
                names.push(cited_for.to_owned());
            }
        }
    }

    fn add_unknown(&mut self, what: String) {
        if !self.unknown.contains(&what) {
            self.unknown.push(what);
        }
    }

    fn add_run(&mut self, run: &Path) -> Result<(), ResultsError> {
        let path = run.join("manifest.json");
        let used = Used::read(&path)?;
        if self.version.is_empty() {
            let is_of_versions = |c: &char| c.is_ascii_alphanumeric() || ".-+".contains(*c);
            self.version = used.alignscope_version.chars().filter(is_of_versions).collect();
        }
        self.add([OWN], "the program");
        self.add([STUDY], "the method");
        for dataset in &used.datasets {
            let (keys, name) = (dataset.references(), in_comment(&dataset.name));
            if keys.is_empty() {
                self.add_unknown(format!("the data set {name}"));
            }
            self.add(keys, &name);
            let format = dataset.format.parse::<DatasetFormat>();
            let method =
                format.map_or(&[][..], |asked| asked.format().format().method_references());
            self.add(method.iter().copied(), &format!("scores and ceilings of {name}"));
        }
        for model in &used.models {
            let Some(keys) = model.references() else { continue };
            let name = in_comment(&short_name(&model.name));
            if keys.is_empty() {
                self.add_unknown(format!("the model {name}"));
            }
            self.add(keys, &name);
        }
        Ok(())
    }

    fn citations(mut self) -> Citations {
        let entry = |key: &&'static str| Citation {
            key,
            bibtex: entry(key).replace("VERSION", &self.version),
            cited_for: self.cited_for.remove(*key).unwrap_or_default(),
        };
        Citations { entries: self.keys.iter().map(entry).collect(), unknown: self.unknown }
    }
}

/// What to cite of finished runs: alignscope, the study whose method it follows, and the papers of
/// their data sets, models and metrics, as far as they are known.
///
/// # Errors
/// A folder holds no finished run, or its manifest cannot be read.
pub fn citations(runs: &[PathBuf]) -> Result<Citations, ResultsError> {
    let mut found = Collected::default();
    for run in runs {
        check_finished(run)?;
        found.add_run(run)?;
    }
    Ok(found.citations())
}

/// The same of one run, whose tables are whole but which may not be finished.
pub(crate) fn citations_of_run(run: &Path) -> Result<Citations, ResultsError> {
    let mut found = Collected::default();
    found.add_run(run)?;
    Ok(found.citations())
}

/// A name as it may stand in a comment of BibTeX: what lies outside of entries begins with `@`.
fn in_comment(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || c == '@' { ' ' } else { c }).collect()
}

/// The entry of a key.
fn entry(key: &str) -> &'static str {
    static ENTRIES: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
        let entries = REFERENCES.split("\n\n").map(str::trim).filter(|entry| !entry.is_empty());
        let key = |entry: &'static str| entry.split(['{', ',']).nth(1).unwrap_or_default();
        entries.map(|entry| (key(entry), entry)).collect()
    });
    ENTRIES.get(key).expect("a test holds all keys to the file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::AnyFormat;
    use crate::encoder::all_family_references;
    use crate::model_spec::TorchLibrary;

    #[test]
    fn every_key_has_an_entry_and_every_entry_is_used() {
        let mut used = vec![OWN, STUDY];
        used.extend(OF_NAMES.map(|(_, key)| key));
        used.extend(Release::ALL.iter().flat_map(|release| release.references()));
        used.extend(AnyFormat::ALL.iter().flat_map(|format| format.format().references()));
        used.extend(AnyFormat::ALL.iter().flat_map(|format| format.format().method_references()));
        used.extend(MetricKind::ALL.iter().flat_map(|metric| metric.references()));
        used.extend(TorchLibrary::ALL.iter().flat_map(|library| library.references()));
        used.extend(all_family_references());
        for key in &used {
            assert!(entry(key).starts_with('@'), "{key}");
        }
        for line in REFERENCES.lines().filter(|line| line.starts_with('@')) {
            let key = line.split(['{', ',']).nth(1).expect("a key");
            assert!(used.contains(&key), "nothing cites {key}");
        }
    }

    #[test]
    fn entries_are_whole() {
        for entry in REFERENCES.split("\n\n") {
            let count = |c: char| entry.chars().filter(|found| *found == c).count();
            assert_eq!(count('{'), count('}'), "{entry}");
            assert!(entry.trim_end().ends_with("\n}"), "{entry}");
            for field in ["title", "author", "year"] {
                assert_eq!(entry.matches(&format!("\n  {field} = {{")).count(), 1, "{entry}");
            }
        }
    }

    #[test]
    fn what_a_run_used_is_cited_once_with_its_names_and_the_rest_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = folder.path().join("manifest.json");
        let told = serde_json::json!({
            "alignscope_version": "1.2.3",
            "models": [
                {"name": "pixels", "spec": "pixels", "architecture": null},
                {"name": "a", "spec": "openai/clip-vit-base-patch32", "architecture": {"family": "clip"}},
                {"name": "b", "spec": "random:openai/clip-vit-base-patch32", "architecture": {"family": "clip"}},
                {"name": "ssim", "spec": "ssim", "architecture": null},
                {"name": "psnr", "spec": "psnr", "architecture": null},
                {"name": "mine @article{x", "spec": "features:/x", "architecture": null},
            ],
            "datasets": [
                {"name": "nights", "format": "nights", "release": "nights"},
                {"name": "own", "format": "pairs", "release": null},
            ],
        });
        std::fs::write(&manifest, told.to_string()).expect("written");
        let found = citations_of_run(folder.path()).expect("read");
        let keys: Vec<&str> = found.entries.iter().map(|entry| entry.key).collect();
        assert_eq!(keys, [OWN, STUDY, "fu2023dreamsim", "radford2021clip", "wang2004ssim"]);
        assert_eq!(found.entries[3].cited_for, ["a", "b"]);
        assert!(found.entries[0].bibtex.contains("version = {1.2.3}"));
        assert_eq!(found.unknown, ["the data set own", "the model mine  article{x"]);
        let text = found.to_string();
        assert_eq!(text.matches('@').count(), keys.len(), "{text}");
    }
}
