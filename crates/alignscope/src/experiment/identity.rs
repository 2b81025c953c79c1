//! What the numbers of a run depend on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::prepared::PreparedDataset;
use super::{Experiment, ExperimentError, Model, Source};
use crate::encoder::{Family, Precision, Tokens};
use crate::input_file::ContentHash;
use crate::kept::{About, Identity, NUMERICS};
use crate::results::{ENERGY, RunState};
use crate::weights::hex;

/// What the blocks of an encoder are fed, where it is as the study had it.
const BLOCKS: &str = "input of the blocks";

impl Model {
    /// All that the model's own numbers depend on, but for the images.
    fn identity(&self) -> Value {
        let hashes = || self.files.iter().map(|file| file.sha256.as_str()).collect::<Vec<_>>();
        match &self.source {
            Source::Pixels => json!("pixels"),
            Source::Baseline(model) => {
                json!({ "baseline": model.baseline().to_string(), "files": hashes() })
            }
            Source::External(made_of) => json!({ "external": made_of }),
            Source::Encoder(checkpoint) => json!({
                "weights": self.weights(),
                "architecture": checkpoint.architecture,
                "preprocessing": checkpoint.preprocessing,
                "as-published": checkpoint.is_published(),
                "precision": checkpoint.precision.to_string(),
                "products": checkpoint.precision.instructions(),
            }),
        }
    }

    /// Whether some of its sums are split by the sizes of the processor's caches, so that last digits differ between processors
    /// with the same instructions: products of the crate `gemm`.
    fn sums_by_caches(&self) -> bool {
        match &self.source {
            Source::Pixels | Source::External(_) => false,
            Source::Baseline(_) => true,
            Source::Encoder(checkpoint) => checkpoint.architecture.family == Family::Siglip,
        }
    }

    /// What the model is called in another run: the name that it has here, or the only one, of a model
    /// with the same weights, architecture and way of feeding its blocks.
    pub(super) fn name_in<'a>(&self, other: &'a RunState) -> Option<&'a str> {
        let Source::Encoder(checkpoint) = &self.source else { return None };
        let weights = self.weights().join(" ");
        let architecture = json!(checkpoint.architecture).to_string();
        let of = |what: &str, name: &str| other.inputs.get(&format!("{what} of {name}"));
        let is_this = |name: &&str| {
            let blocks = of(BLOCKS, name).is_some();
            of("weights", name) == Some(&weights)
                && of("architecture", name) == Some(&architecture)
                && blocks == checkpoint.is_published()
        };
        let names = other.inputs.keys().filter_map(|key| key.strip_prefix("weights of "));
        let same: Vec<&str> = names.filter(is_this).collect();
        match same.iter().find(|name| **name == self.name) {
            Some(name) => Some(name),
            None => <[&str; 1]>::try_from(same).ok().map(|[name]| name),
        }
    }

    /// Hashes of the files with weights, or how they are drawn.
    fn weights(&self) -> Vec<String> {
        match &self.source {
            Source::Encoder(checkpoint) if self.files.is_empty() => {
                let seed = checkpoint.seed().expect("a model without files is random");
                vec![format!("random, seed {seed}")]
            }
            Source::Encoder(checkpoint) => {
                checkpoint.weight_files().into_iter().map(|file| file.sha256).collect()
            }
            Source::Pixels | Source::Baseline(_) | Source::External(_) => {
                self.files.iter().map(|file| file.sha256.clone()).collect()
            }
        }
    }
}

/// All that the numbers of a model on a data set depend on: the name under which they are kept.
pub(super) fn piece(model: &Model, dataset: &PreparedDataset, tokens: Tokens) -> (Identity, About) {
    let mut values = BTreeMap::new();
    values.insert("numerics".into(), NUMERICS.into());
    values.insert("processor".into(), processor().into());
    if model.sums_by_caches() {
        values.insert("processor name".into(), alignscope_kernel::cpu_name().into());
    }
    values.insert("model".into(), model.identity());
    values.insert("images".into(), images(dataset).into());
    values.insert("pairs".into(), pairs(dataset).into());
    match &model.source {
        Source::Encoder(_) | Source::External(_) => {
            values.insert("tokens".into(), tokens.to_string().into())
        }
        Source::Baseline(_) => {
            values.insert("compared".into(), dataset.baseline_rule.to_string().into())
        }
        Source::Pixels => values.insert("compared".into(), dataset.pixel_rule.to_string().into()),
    };
    let about = About {
        model: model.place.clone(),
        name: Some(model.name.clone()),
        dataset: dataset.dataset.kind.to_string(),
        pairs: dataset.pairs.len(),
    };
    (Identity::new(values), about)
}

/// Processor family and instructions, on which last digits depend.
fn processor() -> String {
    format!("{} {}", std::env::consts::ARCH, Precision::F32.instructions())
}

/// Hash over the hashes of the images in the order of the data set.
fn images(dataset: &PreparedDataset) -> String {
    let text: String = dataset.hashes().iter().map(|hash| format!("{hash}\n")).collect();
    hex(&Sha256::digest(text))
}

/// Hash over the pairs, by position of their images.
fn pairs(dataset: &PreparedDataset) -> String {
    let numbers = dataset.pairs.images.iter().flatten();
    hex(&Sha256::digest(numbers.flat_map(|i| i.to_le_bytes()).collect::<Vec<u8>>()))
}

/// Hash over the trials, people's answers and the labels that make clusters and subsets.
fn trials(dataset: &PreparedDataset) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{:?}", dataset.dataset.trials));
    hash.update(format!("{:?}", dataset.dataset.trial_ids));
    hash.update(format!("{:?}", dataset.dataset.labels));
    hex(&hash.finalize())
}

impl Experiment {
    /// What the run is made of.
    ///
    /// `scales_from` — SHA-256 of the scales of another run, if they are used
    pub(super) fn state(
        &self,
        models: &[Model],
        datasets: &[PreparedDataset],
        scales_from: Option<ContentHash>,
    ) -> Result<RunState, ExperimentError> {
        let mut inputs = BTreeMap::new();
        inputs.insert("version of the numerics".to_owned(), NUMERICS.to_string());
        inputs.insert("processor".to_owned(), processor());
        if let Some(tokens) = self.tokens_compared(models) {
            inputs.insert("tokens".to_owned(), tokens);
        }
        let baselines = models.iter().any(|model| model.source.baseline().is_some());
        for model in models {
            let name = &model.name;
            let mut input = |what: &str, value: String| {
                inputs.insert(format!("{what} of {name}"), value);
            };
            match &model.source {
                Source::Pixels => {}
                Source::External(made_of) => {
                    made_of.iter().for_each(|(what, value)| input(what, value.clone()));
                }
                Source::Baseline(_) => input("weights", model.weights().join(" ")),
                Source::Encoder(checkpoint) => {
                    input("weights", model.weights().join(" "));
                    input("architecture", json!(checkpoint.architecture).to_string());
                    input("preprocessing", json!(checkpoint.preprocessing).to_string());
                    if checkpoint.is_published() {
                        input(BLOCKS, "the bare patch embedding".to_owned());
                    }
                    let precision = checkpoint.precision;
                    input("precision", format!("{precision} ({})", precision.instructions()));
                }
            }
        }
        for dataset in datasets {
            let name = dataset.dataset.kind;
            inputs.insert(format!("images of {name}"), images(dataset));
            inputs.insert(format!("trials of {name}"), trials(dataset));
            if baselines {
                inputs.insert(
                    format!("what baselines compare of {name}"),
                    dataset.baseline_rule.to_string(),
                );
            }
        }

        let list = |names: Vec<String>| names.join(", ");
        let resampling = &self.resampling;
        let scale_from = scales_from.map_or_else(|| "itself".to_owned(), |hash| hash.to_string());
        let figures = self.figures();
        let presentation = &self.presentation;
        let choices = [
            ("models", list(models.iter().map(|m| m.name.clone()).collect())),
            ("data sets", list(datasets.iter().map(|d| d.dataset.kind.to_string()).collect())),
            ("distances", list(self.distances.iter().map(ToString::to_string).collect())),
            ("ties", self.ties.to_string()),
            ("resamples", format!("{}, seed {}", resampling.resamples, resampling.seed)),
            ("clusters", resampling.cluster.to_string()),
            ("scales from", scale_from),
            ("simulated", self.simulated.to_string()),
            ("figures", json!(figures).to_string()),
            ("title", presentation.title.clone().unwrap_or_default()),
            ("colours", json!(presentation.colours).to_string()),
            ("published scores", presentation.published.to_string()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ];
        Ok(RunState {
            inputs,
            choices: choices.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            figure_files: figures
                .into_iter()
                .map(|figure| figure.name)
                .chain([ENERGY.to_owned()])
                .collect(),
            results: vec![],
        })
    }
}
