//! What the numbers of a run depend on.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::models::RunModel;
use crate::cache::{About, Fingerprint, NUMERICS};
use crate::encoder::Precision;
use crate::experiment::Experiment;
use crate::input_file::ContentHash;
use crate::model::{BLOCKS, Cell};
use crate::prepared::PreparedDataset;
use crate::results::{RunState, figures_of_any_run, own_figures};
use crate::weights::hex;

impl RunModel<'_> {
    /// What the model is called in another run: the name that it has here, or the only one, of a model
    /// with the same weights, architecture and way of feeding its blocks.
    pub(super) fn name_in<'a>(&self, other: &'a RunState) -> Option<&'a str> {
        let inputs: BTreeMap<String, String> = self.model.facts().inputs().into_iter().collect();
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
    pub(super) fn fingerprint(&self, cell: &Cell<'_>) -> (Fingerprint, About) {
        let dataset = cell.dataset;
        let (what, compared) = self.model.facts().compared(cell);
        let mut values: BTreeMap<String, Value> = BTreeMap::from([
            ("numerics".into(), NUMERICS.into()),
            ("model".into(), self.model.facts().fingerprint()),
            ("images".into(), images(dataset).into()),
            ("pairs".into(), dataset.pairs.hash().to_string().into()),
            (what.to_owned(), compared.into()),
        ]);
        if dataset.is_dense() && self.model.facts().role().has_tokens() {
            // The scale of channels is in what is kept.
            values.insert("uses".into(), dataset.pairs.hash_with_uses().to_string().into());
            if let Some(scales) = cell.foreign_scales {
                let hash = Sha256::digest(json!(scales).to_string());
                values.insert("scales".into(), hex(&hash).into());
            }
        }
        if self.model.facts().follows_processor() {
            values.insert("processor".into(), processor().into());
        }
        let about = About {
            model: self.place.clone(),
            name: self.name.clone(),
            dataset: dataset.dataset.name.clone(),
            pairs: dataset.pairs.len(),
        };
        (Fingerprint::new(values), about)
    }
}

/// Processor family and instructions, on which last digits of what the user computes depend.
fn processor() -> String {
    format!("{} {}", std::env::consts::ARCH, Precision::F32.instructions())
}

/// Hash over the hashes of the images in the order of the data set.
fn images(dataset: &PreparedDataset) -> String {
    let text: String = dataset.hashes().iter().map(|hash| format!("{hash}\n")).collect();
    hex(&Sha256::digest(text))
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
        if models.iter().any(|model| model.model.facts().follows_processor()) {
            inputs.insert("processor".to_owned(), processor());
        }
        if let Some(tokens) = self.tokens_compared(models) {
            inputs.insert("tokens".to_owned(), tokens);
        }
        let baselines = models.iter().any(|model| model.model.facts().sees_baseline_rule());
        for RunModel { name, model, .. } in models {
            for (what, value) in model.facts().inputs() {
                inputs.insert(format!("{what} of {name}"), value);
            }
        }
        for dataset in datasets {
            let name = &dataset.dataset.name;
            inputs.insert(format!("images of {name}"), images(dataset));
            inputs.insert(format!("trials of {name}"), dataset.dataset.trials_hash().to_string());
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
        let choices = choices.into_iter().map(|(name, value)| (name.to_owned(), value));
        let depths = models.iter().filter_map(|model| {
            let depths = model.depths.as_ref()?;
            Some((format!("depths of {}", model.name), json!(depths).to_string()))
        });
        RunState {
            inputs,
            choices: choices.chain(depths).collect(),
            figure_files: figures
                .into_iter()
                .map(|figure| figure.name)
                .chain(figures_of_any_run())
                .chain(
                    models
                        .iter()
                        .any(|model| model.state.is_some())
                        .then(own_figures)
                        .into_iter()
                        .flatten(),
                )
                .collect(),
            results: vec![],
        }
    }
}
