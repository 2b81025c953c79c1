//! What a run is made of, so that another can tell whether it is the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    Bounds, FileRecord, MAX_ENTRIES, ResultsError, check_figure_name, own_figures, read_record,
};
use crate::atomic_write;

/// What a run is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunState {
    /// All that its numbers depend on, by what it is: hashes of weights, images and trials, preprocessing, precision, version of the
    /// numerics.
    pub inputs: BTreeMap<String, String>,
    /// What was asked of them: models, distances, the rule for ties, resamples, figures.
    pub choices: BTreeMap<String, String>,
    /// Names of the figures' files, without extension.
    pub figure_files: Vec<String>,
    /// The tables, with their hashes, once they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<FileRecord>,
}

/// Something that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What.
    pub what: String,
    /// As it was.
    pub before: String,
    /// As it is.
    pub now: String,
}

impl RunState {
    /// Inputs that both runs have, and that differ.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        changes(&self.inputs, &now.inputs)
    }

    /// Choices that both runs have, and that differ.
    pub fn other_choices(&self, now: &Self) -> Vec<Change> {
        changes(&self.choices, &now.choices)
    }

    /// Whether both are of the same inputs and choices.
    pub fn is_the_same_as(&self, other: &Self) -> bool {
        (&self.inputs, &self.choices) == (&other.inputs, &other.choices)
    }

    /// The figures' files: names that figures may have, whatever the record says.
    pub(super) fn figures(&self) -> impl Iterator<Item = String> {
        let fit = |name: &&String| {
            check_figure_name(name).is_ok() || own_figures().any(|own| own == **name)
        };
        let with_extensions = |name: &String| ["svg", "png", "csv"].map(|e| format!("{name}.{e}"));
        self.figure_files.iter().filter(fit).flat_map(with_extensions)
    }

    /// Reads the state from the record of an unfinished run, or from a manifest.
    pub(crate) fn read(path: &Path) -> Result<Self, ResultsError> {
        let (state, _): (Self, _) = read_record(path)?;
        let bounds = Bounds { path };
        bounds.list("figure_files", &state.figure_files, MAX_ENTRIES)?;
        bounds.results(&state.results)?;
        Ok(state)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), ResultsError> {
        let mut text = serde_json::to_string_pretty(self).expect("a state is plain data");
        text.push('\n');
        atomic_write::write(path, text.as_bytes())
            .map_err(|source| ResultsError::Write { path: path.to_owned(), source })
    }
}

fn changes(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<Change> {
    let change = |(what, before): (&String, &String)| {
        let now = now.get(what).filter(|now| *now != before)?;
        Some(Change { what: what.clone(), before: before.clone(), now: now.clone() })
    };
    before.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_both_runs_have_can_have_changed() {
        let state = |inputs: &[(&str, &str)]| RunState {
            inputs: inputs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..RunState::default()
        };
        let before =
            state(&[("images of things", "1"), ("weights of a", "2"), ("precision", "f32")]);
        let now = state(&[("images of things", "1"), ("weights of b", "3"), ("precision", "bf16")]);
        let changes = before.changes(&now);
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].what.as_str(), changes[0].now.as_str()), ("precision", "bf16"));
    }
}
