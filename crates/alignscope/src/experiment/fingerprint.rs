//! What the numbers of a run depend on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Experiment;
use super::model::{Role, RunModel};
use super::prepared::PreparedDataset;
use crate::cache::{About, Fingerprint, NUMERICS};
use crate::dataset::{Dataset, LabelColumn, OddOneOut, RatedPair, Trials, TwoAlternatives};
use crate::encoder::{Precision, Tokens};
use crate::input_file::ContentHash;
use crate::results::{ENERGY, RunState};
use crate::weights::hex;

/// What the blocks of an encoder are fed, where it is as the study had it.
pub(super) const BLOCKS: &str = "input of the blocks";

impl RunModel<'_> {
    /// What the model is called in another run: the name that it has here, or the only one, of a model
    /// with the same weights, architecture and way of feeding its blocks.
    pub(super) fn name_in<'a>(&self, other: &'a RunState) -> Option<&'a str> {
        let inputs: BTreeMap<String, String> = self.model.inputs().into_iter().collect();
        let is_this = |name: &&str| {
            ["weights", "architecture", BLOCKS]
                .iter()
                .all(|what| inputs.get(*what) == other.inputs.get(&format!("{what} of {name}")))
        };
        let names = other.inputs.keys().filter_map(|key| key.strip_prefix("weights of "));
        let same: Vec<&str> = names.filter(is_this).collect();
        match same.iter().find(|name| **name == self.name) {
            Some(name) => Some(name),
            None => <[&str; 1]>::try_from(same).ok().map(|[name]| name),
        }
    }

    /// All that its numbers on a data set depend on: the name under which they are kept.
    pub(super) fn fingerprint(
        &self,
        dataset: &PreparedDataset,
        tokens: Tokens,
    ) -> (Fingerprint, About) {
        let (what, compared) = self.model.compared(dataset, tokens);
        let mut values: BTreeMap<String, Value> = BTreeMap::from([
            ("numerics".into(), NUMERICS.into()),
            ("processor".into(), processor().into()),
            ("model".into(), self.model.fingerprint()),
            ("images".into(), images(dataset).into()),
            ("pairs".into(), pairs(dataset).into()),
            (what.to_owned(), compared.into()),
        ]);
        if self.model.sums_by_caches() {
            values.insert("processor name".into(), alignscope_kernel::cpu_name().into());
        }
        let about = About {
            model: self.place.clone(),
            name: Some(self.name.clone()),
            dataset: dataset.dataset.name.clone(),
            pairs: dataset.pairs.len(),
        };
        (Fingerprint::new(values), about)
    }
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

/// Hash over the trials, people's answers and the labels that make clusters and subsets: over their
/// numbers, each list after its length.
fn trials(dataset: &PreparedDataset) -> String {
    let Dataset { trials, trial_ids, labels, .. } = &dataset.dataset;
    let mut hash = Numbers(Sha256::new());
    hash.trials(trials);
    hash.list(trial_ids.iter().copied());
    hash.count(labels.len());
    for LabelColumn { name, values, codes } in labels {
        hash.text(name);
        hash.count(values.len());
        values.iter().for_each(|value| hash.text(value));
        hash.list(codes.iter().copied().map(u64::from));
    }
    hex(&hash.0.finalize())
}

/// A hash of numbers and texts, in 8 bytes a number, the lowest first.
struct Numbers(Sha256);

impl Numbers {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(count as u64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn list(&mut self, numbers: impl ExactSizeIterator<Item = u64>) {
        self.count(numbers.len());
        numbers.for_each(|number| self.number(number));
    }

    fn trials(&mut self, trials: &Trials) {
        self.count(trials.comparisons());
        self.count(trials.len());
        match trials {
            Trials::RatedPairs(trials) => {
                for RatedPair { reference, distorted, score, std } in trials {
                    self.list([*reference, *distorted].map(u64::from).into_iter());
                    self.list([Some(*score), *std].map(bits).into_iter());
                }
            }
            Trials::TwoAlternatives(trials) => {
                for trial in trials {
                    let TwoAlternatives { reference, left, right, left_votes, right_votes } = trial;
                    self.list([*reference, *left, *right].map(u64::from).into_iter());
                    self.list([*left_votes, *right_votes].map(f64::to_bits).into_iter());
                }
            }
            Trials::OddOneOut(trials) => {
                for OddOneOut { images, odd } in trials {
                    self.list(images.map(u64::from).into_iter());
                    self.number((*odd).into());
                }
            }
        }
    }
}

/// The bits of a number; of none those of no number that is read.
fn bits(number: Option<f64>) -> u64 {
    number.map_or(u64::MAX, f64::to_bits)
}

impl Experiment {
    /// What the run is made of.
    ///
    /// `scales_from` — SHA-256 of the scales of another run, if they are used
    pub(super) fn state(
        &self,
        models: &[RunModel<'_>],
        datasets: &[PreparedDataset],
        scales_from: Option<ContentHash>,
    ) -> RunState {
        let mut inputs = BTreeMap::new();
        inputs.insert("version of the numerics".to_owned(), NUMERICS.to_string());
        inputs.insert("processor".to_owned(), processor());
        if let Some(tokens) = self.tokens_compared(models) {
            inputs.insert("tokens".to_owned(), tokens);
        }
        let baselines = models.iter().any(|model| model.model.role() == Role::Baseline);
        for RunModel { name, model, .. } in models {
            for (what, value) in model.inputs() {
                inputs.insert(format!("{what} of {name}"), value);
            }
        }
        for dataset in datasets {
            let name = &dataset.dataset.name;
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
            ("data sets", list(datasets.iter().map(|d| d.dataset.name.clone()).collect())),
            ("levels", list(datasets.iter().map(|d| d.dataset.level.to_string()).collect())),
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
        RunState {
            inputs,
            choices: choices.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            figure_files: figures
                .into_iter()
                .map(|figure| figure.name)
                .chain([ENERGY.to_owned()])
                .collect(),
            results: vec![],
        }
    }
}
